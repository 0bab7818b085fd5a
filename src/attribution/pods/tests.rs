use super::*;
use crate::model::objects::{PodPhase, PodRequests};

/// A pod of a file, on node `n1` since `from`.
fn object(name: &str, resource: &str, from: i64) -> PodFact {
    let one = BTreeMap::from([(resource.to_owned(), 1)]);
    let requests = match is_passthrough(resource) {
        true => PodRequests { other_gpu_requests: one, ..PodRequests::default() },
        false => PodRequests { gpus: one, ..PodRequests::default() },
    };
    PodFact {
        namespace: "ns".into(),
        name: name.into(),
        uid: Some(format!("uid-{from}")),
        node: Some("n1".into()),
        phase: PodPhase::Running,
        scheduled_ms: Some(from),
        requests,
        ..PodFact::default()
    }
}

fn found(pods: Vec<PodFact>, pods_up: IntervalSet) -> (Vec<String>, Vec<String>) {
    let facts = ClusterFacts { pods, ..ClusterFacts::default() };
    let kube = KubeState { pods_up, ..KubeState::default() };
    let window = Window::new(0, 3_600_000).expect("not reversed");
    let holders = holders(window, &kube, &facts, &[], &Policy::default(), false);
    let names = |keys: Vec<&PodKey>| keys.into_iter().map(|k| k.name.clone()).collect();
    (
        names(holders.pods.iter().map(|p| &p.key).collect()),
        names(holders.unconfirmed.iter().collect()),
    )
}

/// kube-state-metrics is asked for GPUs and parts of them: what it does not list of these is not there, and of
/// cards for virtual machines it tells nothing.
#[test]
fn a_pod_of_a_file_needs_a_second_witness_where_there_can_be_one() {
    let pods = vec![object("whole", "nvidia.com/gpu", 0), object("machine", "nvidia.com/pgpu", 0)];
    let up = IntervalSet::of(Interval::new(0, 3_600_000));
    assert_eq!(found(pods, up), (vec!["machine".into()], vec!["whole".into()]));
}

/// Pods are placed in this order: a name gives nobody a device before another.
#[test]
fn who_came_first_is_first() {
    let pods = vec![object("a", "nvidia.com/gpu", 900), object("b", "nvidia.com/gpu", 100)];
    let names = found(pods, IntervalSet::default()).0;
    assert_eq!(names, ["b", "a"]);
}
