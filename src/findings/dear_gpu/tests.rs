use super::super::testing::{Load, World};
use super::*;

const H100: (&str, f64) = ("NVIDIA H100 80GB HBM3", 81_559.0);
const L40S: (&str, f64) = ("NVIDIA L40S", 46_068.0);
const A100: (&str, f64) = ("NVIDIA A100-SXM4-80GB", 81_920.0);
/// A tenth of the card, and 12 to 20 GiB, so that nothing is reserved.
const SMALL: Load = |minute| {
    (if minute % 7 == 0 { 0.02 } else { 0.1 }, if minute % 50 < 20 { 20_480.0 } else { 12_288.0 })
};

/// One pod on an H100, in a cluster that has another model as well.
fn beside(other: (&str, f64), load: Load) -> World {
    World::new(4).node("n1", 1, H100, &[]).node("n2", 1, other, &[]).pod(
        "n1",
        "Deployment",
        "small",
        &[load],
    )
}

#[test]
fn the_cheaper_model_of_the_cluster() {
    let found = &beside(L40S, SMALL).by(NAME)[0];
    let Change::Model { from, to, from_per_hour, to_per_hour } = &found.change else {
        panic!("{:?}", found.change)
    };
    assert_eq!((from.as_str(), to.as_str()), (H100.0, L40S.0));
    assert!((from_per_hour - 6.88).abs() < 1e-9 && (to_per_hour - 1.861).abs() < 1e-9);
    assert_eq!(found.finding.basis, Basis::Assumed);
    // 864 of 3,350 GB/s is worse than 362 of 989 TFLOPS.
    let ratio = found.finding.evidence["throughput_ratio"].as_f64().expect("a number");
    assert!((ratio - 864.0 / 3_350.0).abs() < 1e-9);
    // 730 hours at 6.88 − 1.861; 91 % of it is waste, so none is cut off.
    let savings = found.finding.monthly_savings.expect("priced");
    assert!((savings - 730.0 * (6.88 - 1.861)).abs() < 2.0, "{savings}");
    assert_eq!(found.monthly_gpu_hours, 0.0);
}

#[test]
fn models_of_the_book_where_the_cluster_has_one_only() {
    let world = World::new(4).node("n1", 1, H100, &[]).pod("n1", "Deployment", "small", &[SMALL]);
    let found = &world.by(NAME)[0];
    // An L4 has 9 % of the bandwidth, and is too slow; an A10G has no FP8.
    let Change::Model { to, .. } = &found.change else { panic!("{:?}", found.change) };
    assert_eq!(to, L40S.0);
}

#[test]
fn a_model_that_lacks_something_is_no_choice() {
    let compute: Load = |minute| (0.4, if minute % 50 < 20 { 20_480.0 } else { 12_288.0 });
    let memory: Load = |minute| (0.1, if minute % 50 < 20 { 60_000.0 } else { 12_288.0 });
    for (other, load, why) in [
        (L40S, compute, "26 % of the throughput is less than 40 %"),
        (L40S, memory, "it has 45 GiB"),
        (A100, SMALL, "it has no FP8"),
    ] {
        let world = beside(other, load);
        assert_eq!((world.by(NAME), world.refused(NAME)), (vec![], vec![]), "{why}");
    }
    let cheap = World::new(4).node("n1", 1, L40S, &[]).node("n2", 1, H100, &[]).pod(
        "n1",
        "Deployment",
        "small",
        &[SMALL],
    );
    assert_eq!(cheap.by(NAME), [], "the other model is dearer");
}

#[test]
fn a_peak_after_the_cut_refuses() {
    // 20 GiB for three days and 43 after that: more than the L40S has with the margin of the first days.
    let load: Load = |minute| {
        let late = minute >= 3 * 1_440 + 720;
        (
            0.1,
            if late {
                47_000.0
            } else if minute % 50 < 20 {
                20_480.0
            } else {
                19_000.0
            },
        )
    };
    let world = beside(L40S, load);
    let all = world.recommend();
    let of = |rows: &[crate::recommend::contract::Recommendation]| {
        rows.iter().filter(|r| r.finding.rule == NAME).count()
    };
    assert_eq!((of(&all.recommendations), of(&all.refused)), (0, 0), "it needs the H100 by now");
}

#[test]
fn reserved_memory_and_unknown_use_are_not_judged() {
    let vllm: Load = |_| (0.1, 73_000.0);
    let rows = beside(L40S, vllm).unjudged(NAME);
    assert!(
        rows.iter().any(|r| r.rule.as_deref() == Some(NAME) && r.reason.contains("reserve it"))
    );
    let blind: Load = |_| (0.1, f64::NAN);
    let rows = beside(L40S, blind).unjudged(NAME);
    assert!(rows.iter().all(|r| r.rule.as_deref() != Some(NAME) || r.reason.contains("not known")));
}

#[test]
fn what_does_nothing_is_released() {
    let idle: Load = |_| (0.0, 9_000.0);
    assert_eq!(beside(L40S, idle).by(NAME), []);
}
