use super::super::testing::{Load, MONDAY, World};
use super::*;
use crate::units::MS_PER_HOUR;

const A100: (&str, f64) = ("NVIDIA A100-SXM4-40GB", 40_960.0);
/// GCP's a2-highgpu-1g: 3.673 on demand, 1.928 on spot.
const INSTANCE: (&str, &str) = ("node.kubernetes.io/instance-type", "a2-highgpu-1g");
const HALF: Load = |_| (0.5, 9_000.0);

fn world(labels: &[(&str, &str)], kind: &str, hours: i64) -> World {
    let since = MONDAY + 2 * 24 * MS_PER_HOUR - hours * MS_PER_HOUR;
    World::new(2).node("n1", 1, A100, labels).pod_since("n1", kind, "train", &[HALF], since)
}

const ON_DEMAND: [(&str, &str); 2] = [INSTANCE, ("karpenter.sh/capacity-type", "on-demand")];

#[test]
fn a_job_at_the_on_demand_price() {
    let found = &world(&ON_DEMAND, "Job", 20).by(NAME)[0];
    let Change::Spot { from_per_hour, to_per_hour } = found.change else {
        panic!("{:?}", found.change)
    };
    assert_eq!((from_per_hour, to_per_hour), (3.673, 1.928));
    // 20 of 48 hours at a difference of 1.745; half of it was slack, which is 1.8365: none is cut off.
    let month = 20.0 * 730.0 / 48.0 * 1.745;
    let savings = found.finding.monthly_savings.expect("priced");
    assert!((savings - month).abs() < month * 0.01, "{savings}");
    let full = found.finding.evidence["price_difference_per_month"].as_f64().expect("priced");
    assert!((full - month).abs() < month * 0.01, "{full}");
}

#[test]
fn what_is_not_started_again_or_is_paid_otherwise_is_left_alone() {
    let spot = [INSTANCE, ("karpenter.sh/capacity-type", "spot")];
    let reserved = [INSTANCE, ("karpenter.sh/capacity-type", "reserved")];
    // No spot price for this one.
    let unpriced = [
        ("node.kubernetes.io/instance-type", "p4d.24xlarge"),
        ("karpenter.sh/capacity-type", "on-demand"),
    ];
    for (labels, kind) in
        [(&ON_DEMAND, "Deployment"), (&spot, "Job"), (&reserved, "Job"), (&unpriced, "Job")]
    {
        let world = world(labels, kind, 20);
        assert_eq!((world.by(NAME), world.unjudged(NAME)), (vec![], vec![]), "{labels:?} {kind}");
    }
}

#[test]
fn long_runs_and_unknown_capacity_are_not_judged() {
    let long = world(&ON_DEMAND, "PyTorchJob", 30);
    assert_eq!(long.by(NAME), []);
    assert!(long.unjudged(NAME)[0].reason.contains("ran for 30 hours"));
    let unlabelled = world(&[INSTANCE], "Job", 20);
    assert_eq!(unlabelled.by(NAME), []);
    assert!(unlabelled.unjudged(NAME)[0].reason.contains("no label of theirs"));
}
