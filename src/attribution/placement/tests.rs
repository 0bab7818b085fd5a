use super::super::testing::{card, instance, pod};
use super::*;

/// Places pods on the slots of node `n1`; every device has an observation of its own.
fn placed(slots: &[Slot], pods: &[Holder]) -> Placed {
    let devices = slots.iter().map(|s| s.device + 1).max().unwrap_or(0);
    let node_of_device = vec!["n1".to_owned(); devices];
    let of_observation = (0..devices).map(|d| (d, d)).collect();
    let nodes = BTreeMap::new();
    let places = Places {
        slots,
        node_of_device: &node_of_device,
        of_observation: &of_observation,
        nodes: &nodes,
        beside: &[],
        max_gap_ms: 50,
    };
    place(pods, &BTreeSet::new(), &places)
}

/// Slot, holder, share in thousandths, known.
fn summary(placed: &Placed) -> Vec<(Option<usize>, usize, i64, bool)> {
    #[expect(clippy::cast_possible_truncation, reason = "at most a thousand")]
    let share = |h: &Holding| (h.share * 1_000.0).round() as i64;
    let mut rows: Vec<_> =
        placed.holdings.iter().map(|h| (h.slot, h.holder, share(h), h.known)).collect();
    rows.sort_unstable();
    rows
}

const GPU: &str = "nvidia.com/gpu";

#[test]
fn a_label_seen_once_holds_the_device_for_the_pods_life() {
    let pods = [pod("a", &[(GPU, 1)], (0, 900), &[((0, None), 300)])];
    let placed = placed(&[card(0, 1), card(1, 1)], &pods);
    assert_eq!(summary(&placed), [(Some(0), 0, 1_000, true)]);
    assert_eq!(placed.holdings[0].time, Interval::new(0, 900));
}

#[test]
fn what_is_left_is_known_only_when_there_is_one_choice() {
    let slots = [card(0, 1), card(1, 1), card(2, 1)];
    let first = pod("a", &[(GPU, 1)], (0, 900), &[((0, None), 900)]);
    // b wants two and two are left: no other choice.
    let two = placed(&slots, &[first.clone(), pod("b", &[(GPU, 2)], (0, 900), &[])]);
    assert_eq!(
        summary(&two),
        [(Some(0), 0, 1_000, true), (Some(1), 1, 1_000, true), (Some(2), 1, 1_000, true)]
    );
    // b wants one of two: it holds one, but nobody knows which.
    let one = placed(&slots, &[first, pod("b", &[(GPU, 1)], (0, 900), &[])]);
    assert_eq!(summary(&one), [(Some(0), 0, 1_000, true), (Some(1), 1, 1_000, false)]);
}

#[test]
fn two_without_labels_do_not_know_which_they_have() {
    let pods = ["a", "b"].map(|name| pod(name, &[(GPU, 1)], (0, 900), &[]));
    let placed = placed(&[card(0, 1), card(1, 1)], &pods);
    assert_eq!(summary(&placed), [(Some(0), 0, 1_000, false), (Some(1), 1, 1_000, false)]);
}

#[test]
fn a_request_without_a_device_is_told() {
    let placed = placed(&[card(0, 1)], &[pod("a", &[(GPU, 2)], (0, 100), &[])]);
    // There is one card only, so that it is this one is certain.
    assert_eq!(summary(&placed), [(Some(0), 0, 1_000, true)]);
    assert_eq!(placed.homeless_ms, BTreeMap::from([(0, 100)]));
}

/// Trap 2: the exporter names one pod of those that share a card; the others are on it all the same.
#[test]
fn replicas_of_one_card_are_known_without_labels() {
    let pods = [
        pod("a", &[(GPU, 1)], (0, 900), &[((0, None), 900)]),
        pod("b", &[(GPU, 2)], (0, 900), &[]),
        pod("c", &[(GPU, 2)], (0, 900), &[]),
    ];
    let placed = placed(&[card(0, 4)], &pods);
    assert_eq!(
        summary(&placed),
        [(Some(0), 0, 250, true), (Some(0), 1, 500, true), (Some(0), 2, 250, true)]
    );
    assert_eq!(placed.homeless_ms, BTreeMap::from([(2, 900)]), "five of four");
}

#[test]
fn a_pod_gets_what_it_asks_for() {
    let slots = [instance(0, 0, "1g.10gb", 1.0 / 7.0), instance(0, 1, "3g.40gb", 0.5), card(1, 1)];
    let pods = [
        pod("small", &[("nvidia_com_mig_1g_10gb", 1)], (0, 900), &[]),
        pod("large", &[("nvidia.com/mig-3g.40gb", 1)], (0, 900), &[]),
        pod("whole", &[(GPU, 1)], (0, 900), &[]),
    ];
    let placed = placed(&slots, &pods);
    assert_eq!(
        summary(&placed),
        [(Some(0), 0, 143, true), (Some(1), 1, 500, true), (Some(2), 2, 1_000, true)]
    );
}

#[test]
fn a_pod_that_only_a_label_tells_of_holds_a_unit() {
    let mut labelled = pod("a", &[], (0, 400), &[((0, None), 400)]);
    labelled.node = None;
    assert_eq!(summary(&placed(&[card(0, 4)], &[labelled])), [(Some(0), 0, 250, true)]);
}

/// Pods that follow each other on a replica take one of the card's units, not one each.
#[test]
fn who_follows_another_takes_no_more_than_it() {
    let pods = [
        pod("a", &[(GPU, 1)], (0, 400), &[((0, None), 400)]),
        pod("b", &[(GPU, 1)], (400, 900), &[((0, None), 500)]),
        pod("c", &[(GPU, 1)], (0, 900), &[]),
    ];
    let placed = placed(&[card(0, 2)], &pods);
    assert_eq!(
        summary(&placed),
        [(Some(0), 0, 500, true), (Some(0), 1, 500, true), (Some(0), 2, 500, true)]
    );
    assert_eq!(placed.homeless_ms, BTreeMap::new());
}
