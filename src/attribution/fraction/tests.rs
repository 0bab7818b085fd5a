use super::*;
use crate::attribution::holder::HoldingSource;
use crate::attribution::label_view::LabelView;
use crate::model::IntervalSet;
use crate::observe::kube_state::PodKey;

const HOUR: Interval = Interval { start: 0, end: 3_600_000 };

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn pod(
    namespace: &str,
    name: &str,
    labels: &[(&str, &str)],
    annotations: &[(&str, &str)],
) -> Holder {
    Holder {
        kind: HolderKind::Pod,
        key: PodKey { namespace: namespace.into(), name: name.into(), uid: None },
        node: Some("n".into()),
        wants: BTreeMap::new(),
        claims: Vec::new(),
        time: HOUR,
        since: 0,
        source: HoldingSource::Objects,
        owner: None,
        labels: LabelView { object: map(labels), ..LabelView::default() },
        annotations: map(annotations),
        labelled: BTreeMap::new(),
    }
}

fn device(id: &str, index: &str, observation: Option<usize>) -> Device {
    Device {
        cluster: None,
        id: id.into(),
        node: "n".into(),
        index: Some(index.into()),
        model: "NVIDIA A100".into(),
        presence: IntervalSet::of(HOUR),
        sharing: Sharing::Exclusive,
        observation,
        pooled: None,
        memory_bytes: Some(81_920.0 * BYTES_PER_MIB),
        passthrough: false,
    }
}

fn on_card(holder: usize, device: usize) -> Holding {
    Holding::whole(device, HOUR, holder)
}

/// Holder, device, share, known.
fn held(placed: &Placed) -> Vec<(usize, usize, f64, bool)> {
    placed.holdings.iter().map(|h| (h.holder, h.device, h.share, h.known)).collect()
}

#[test]
fn a_reservation_pod_names_its_card_by_uuid_or_index() {
    let devices = [device("GPU-a", "0", Some(7)), device("GPU-b", "1", Some(8))];
    for (named, observation) in [("GPU-b", Some(8)), ("0", Some(7)), ("GPU-z", None)] {
        let group = [("runai-gpu-group", "g")];
        let mut pods = [pod("runai-reservation", "r", &group, &[(RESERVED, named)])];
        Fractions::new(&pods).point(&mut pods, &devices);
        let spots: Vec<_> = pods[0].labelled.keys().copied().collect();
        assert_eq!(spots, observation.map(|o| (o, None)).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn the_card_of_a_reservation_goes_to_the_pods_of_its_group() {
    let group = [("runai-gpu-group", "g")];
    let pods = [
        pod("kai-resource-reservation", "r", &group, &[]),
        pod("a", "half", &group, &[("gpu-fraction", "0.5")]),
        pod("b", "quarter", &group, &[("gpu-memory", "20480")]),
    ];
    let devices = [device("GPU-a", "0", None), device("GPU-b", "1", None)];
    let mut placed = Placed { holdings: vec![on_card(0, 1)], ..Placed::default() };
    let fractions = Fractions::new(&pods);
    assert_eq!(fractions.settled(), BTreeSet::from([1, 2]));
    fractions.share(&pods, &devices, &mut placed);
    assert_eq!(held(&placed), [(1, 1, 0.5, true), (2, 1, 0.25, true)]);
}

#[test]
fn a_reservation_of_which_no_pod_is_known_keeps_its_card() {
    let pods = [
        pod("kai-resource-reservation", "r", &[("runai-gpu-group", "g")], &[]),
        pod("a", "torn", &[("runai-gpu-group", "g")], &[("gpu-fraction", "NaN")]),
    ];
    let mut placed = Placed { holdings: vec![on_card(0, 0)], ..Placed::default() };
    let fractions = Fractions::new(&pods);
    fractions.share(&pods, &[device("GPU-a", "0", None)], &mut placed);
    assert_eq!(held(&placed), [(0, 0, 1.0, true)]);
    assert!(
        fractions.problems[0].contains("a/torn: gpu-fraction: \"NaN\""),
        "{:?}",
        fractions.problems
    );
}

#[test]
fn a_pod_on_several_cards_has_its_fraction_of_each() {
    let two = [("runai-gpu-group/g", "g"), ("runai-gpu-group/h", "h")];
    let pods = [
        pod("kai-resource-reservation", "r", &[("runai-gpu-group", "g")], &[]),
        pod("kai-resource-reservation", "s", &[("runai-gpu-group", "h")], &[]),
        pod("a", "two", &two, &[("gpu-fraction", "0.5"), ("gpu-fraction-num-devices", "2")]),
    ];
    let devices = [device("GPU-a", "0", None), device("GPU-b", "1", None)];
    let mut placed = Placed { holdings: vec![on_card(0, 0), on_card(1, 1)], ..Placed::default() };
    Fractions::new(&pods).share(&pods, &devices, &mut placed);
    assert_eq!(held(&placed), [(2, 0, 0.5, true), (2, 1, 0.5, true)]);
}

#[test]
fn without_a_reservation_a_group_is_on_some_card_with_room() {
    let group = [("runai-gpu-group", "g")];
    let pods = [
        pod("a", "whole", &[], &[]),
        pod("a", "half", &group, &[("gpu-fraction", "0.5")]),
        pod("a", "other-half", &group, &[("gpu-fraction", "0.5")]),
    ];
    let devices = [device("GPU-a", "0", None), device("GPU-b", "1", None)];
    let mut placed = Placed { holdings: vec![on_card(0, 0)], ..Placed::default() };
    Fractions::new(&pods).share(&pods, &devices, &mut placed);
    assert_eq!(held(&placed), [(0, 0, 1.0, true), (1, 1, 0.5, false), (2, 1, 0.5, false)]);
    // No card has room: it is said, not squeezed in.
    let mut full = Placed { holdings: vec![on_card(0, 0)], ..Placed::default() };
    Fractions::new(&pods).share(&pods, &devices[..1], &mut full);
    assert_eq!(held(&full), [(0, 0, 1.0, true)]);
    assert_eq!(full.homeless_ms, BTreeMap::from([(1, 1_800_000), (2, 1_800_000)]));
}
