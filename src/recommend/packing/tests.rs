use super::contract::Packing;
use crate::findings::testing::{Load, World};
use crate::model::objects::OwnerRef;
use crate::model::placement::{Placement, Taint};

const L40S: (&str, f64) = ("NVIDIA L40S", 46_068.0);
const A100: (&str, f64) = ("NVIDIA A100-SXM4-80GB", 81_920.0);
const BUSY: Load = |_| (0.9, 40_000.0);

fn packed(world: &World) -> Packing {
    world.recommend().packing
}

/// Two nodes of four GPUs: two pods with one GPU on one, one with two on the other.
fn two_nodes() -> World {
    World::new(1)
        .node("n1", 4, L40S, &[])
        .node("n2", 4, L40S, &[])
        .pod("n1", "Deployment", "a", &[BUSY])
        .pod("n1", "Deployment", "b", &[BUSY])
        .pod("n2", "Deployment", "c", &[BUSY, BUSY])
}

fn moved(packing: &Packing) -> Vec<(&str, Vec<(&str, &str)>)> {
    packing
        .free
        .iter()
        .map(|n| {
            let moves = n.moves.iter().map(|m| (m.pod.as_str(), m.to.as_str())).collect();
            (n.node.as_str(), moves)
        })
        .collect()
}

#[test]
fn one_node_is_enough_for_both() {
    let packing = packed(&two_nodes());
    assert_eq!(moved(&packing), [("n1", vec![("a-0", "n2"), ("b-1", "n2")])]);
    assert_eq!((packing.nodes_before, packing.nodes_after), (2, 1));
    let month = 4.0 * 1.861 * 730.0;
    assert!(packing.monthly_cost_before.is_some_and(|cost| (cost - 2.0 * month).abs() < 1e-6));
    assert!(packing.monthly_cost_after.is_some_and(|cost| (cost - month).abs() < 1e-6));
    let free = &packing.free[0];
    assert!(free.monthly_cost.is_some_and(|cost| (cost - month).abs() < 1e-6));
    assert_eq!((free.peak_gpus, free.gpus_left), (4.0, 4));
}

#[test]
fn a_node_that_is_full_gives_nothing_and_takes_nothing() {
    let full =
        two_nodes().pod("n2", "Deployment", "d", &[BUSY]).pod("n1", "Deployment", "e", &[BUSY]);
    // 3 + 3 of 8: five fit on no node of four.
    let packing = packed(&full);
    assert_eq!((moved(&packing), packing.nodes_after), (vec![], 2));
    assert_eq!(packing.stays.len(), 2, "{:?}", packing.stays);
}

#[test]
fn pods_that_cannot_be_moved_keep_their_node() {
    let mut bare = two_nodes();
    bare.facts.pods[0].owner = None;
    let packing = packed(&bare);
    // n2 goes instead: its pod has a controller.
    assert_eq!(moved(&packing), [("n2", vec![("c-2", "n1")])]);
    assert!(packing.stays[0].reason.contains("a-0 has no controller"), "{:?}", packing.stays);
    bare.facts.pods[2].owner = Some(OwnerRef { kind: "DaemonSet".into(), name: "x".into() });
    assert_eq!(moved(&packed(&bare)), []);
    let mut tied = two_nodes();
    for pod in &mut tied.facts.pods {
        pod.placement.minds_others = true;
    }
    assert_eq!(moved(&packed(&tied)), []);
    let mut asked = two_nodes();
    for pod in &mut asked.facts.pods {
        pod.annotations.insert("karpenter.sh/do-not-disrupt".into(), "true".into());
    }
    assert!(packed(&asked).stays[0].reason.contains("asks not to be moved"));
}

#[test]
fn labels_taints_and_cordons_are_kept() {
    let pinned = |placement: Placement| {
        let mut world = two_nodes();
        world.facts.pods.iter_mut().for_each(|pod| pod.placement = placement.clone());
        world
    };
    let selector = [("kubernetes.io/hostname".to_owned(), "n1".to_owned())].into();
    assert_eq!(
        moved(&packed(&pinned(Placement { node_selector: selector, ..Placement::default() }))),
        []
    );
    let mut tainted = two_nodes();
    tainted.facts.nodes[1].taints =
        vec![Taint { key: "team".into(), value: "red".into(), effect: "NoSchedule".into() }];
    assert_eq!(
        moved(&packed(&tainted)),
        [("n2", vec![("c-2", "n1")])],
        "from a taint, not onto it"
    );
    tainted.facts.nodes[0].taints = tainted.facts.nodes[1].taints.clone();
    assert_eq!(moved(&packed(&tainted)).len(), 1, "what runs beside a taint bears it");
    let mut cordoned = two_nodes();
    cordoned.facts.nodes[1].unschedulable = true;
    assert_eq!(moved(&packed(&cordoned)), [("n2", vec![("c-2", "n1")])]);
}

#[test]
fn cpu_memory_and_pods_must_be_left() {
    let mut busy = two_nodes();
    for node in &mut busy.facts.nodes {
        node.cpu_millicores = Some(8_000);
    }
    // Two pods of 4 cores fill n1; n2 has room for one more, n1 for none.
    let packing = packed(&busy);
    assert_eq!(moved(&packing), []);
    assert!(
        packing.stays.iter().any(|n| n.reason == "no other node takes pod ns/b-1"),
        "{packing:?}"
    );
    // n1 has no CPU for a third pod, so nobody can use its two free cards.
    let stranded = packing.monthly_stranded_before.expect("priced");
    assert!((stranded - 2.0 * 1.861 * 730.0).abs() < 1e-6, "{stranded}");
    let mut few = two_nodes();
    few.facts.nodes.iter_mut().for_each(|node| node.pods = Some(2));
    assert_eq!(moved(&packed(&few)), []);
}

#[test]
fn cards_of_another_model_are_no_place() {
    let world = World::new(1)
        .node("n1", 4, L40S, &[])
        .node("n2", 4, A100, &[])
        .pod("n1", "Deployment", "a", &[BUSY])
        .pod("n2", "Deployment", "c", &[BUSY]);
    assert_eq!(moved(&packed(&world)), []);
}

#[test]
fn what_is_given_up_leaves_room_and_empty_nodes_come_free() {
    let world = World::new(1)
        .node("n1", 2, L40S, &[])
        .node("n2", 2, L40S, &[])
        .pod("n1", "Deployment", "forgotten", &[|_| (0.0, 500.0), |_| (0.0, 500.0)])
        .pod("n2", "Deployment", "a", &[BUSY]);
    let packing = packed(&world);
    assert_eq!(moved(&packing), [("n1", vec![])]);
    assert_eq!((packing.free[0].peak_gpus, packing.free[0].gpus_left), (1.0, 2));
}

#[test]
fn slices_are_packed_by_layout() {
    // Seven servers of 5 GB and 5 % on seven A100s: each fits 1g.10gb, and seven of these fit on one card.
    let small: Load = |_| (0.05, 5_000.0);
    let mut world = World::new(7);
    for node in 1..=7 {
        world = world.node(&format!("n{node}"), 1, A100, &[]);
    }
    for node in 1..=7 {
        world = world.pod(&format!("n{node}"), "Deployment", &format!("s{node}"), &[small]);
    }
    let report = world.recommend();
    let counted = report.recommendations.iter().filter(|r| r.counted);
    assert!(
        counted.clone().count() == 7 && counted.clone().all(|r| r.finding.rule == "oversized-gpu")
    );
    assert_eq!((report.packing.nodes_after, report.packing.free.len()), (1, 6));
}

#[test]
fn peaks_of_the_window_are_told() {
    // Two pods that ran in the first half would not fit on what is left.
    let mut world = two_nodes();
    for pod in ["x", "y"] {
        let morning: Load =
            |minute| if minute < 720 { (0.9, 40_000.0) } else { (f64::NAN, f64::NAN) };
        world = world.pod("n2", "Job", pod, &[morning]);
        let fact = world.facts.pods.last_mut().expect("just added");
        fact.phase = crate::model::objects::PodPhase::Succeeded;
        fact.finished_ms = Some(crate::findings::testing::MONDAY + 12 * 3_600_000);
    }
    let free = &packed(&world).free[0];
    assert_eq!((free.peak_gpus, free.gpus_left), (6.0, 4));
}
