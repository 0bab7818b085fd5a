use super::super::testing::{ALWAYS, card, device, instance, profile};
use super::*;
use crate::model::Interval;
use crate::observe::devices::{InstanceObservation, Whereabouts};
use crate::observe::reading::Reading;

fn node(plugin: Plugin) -> BTreeMap<String, Node> {
    BTreeMap::from([("n1".into(), Node { name: "n1".into(), plugin, ..Node::default() })])
}

fn set(start: i64, end: i64) -> IntervalSet {
    IntervalSet::of(Interval::new(start, end))
}

/// A card whose instances have a number, a profile and a time; the card itself says nothing.
fn observed(instances: &[(&str, &str, (i64, i64))]) -> DeviceObservation {
    let instances: Vec<_> = instances
        .iter()
        .map(|&(id, profile, (start, end))| InstanceObservation {
            id: id.into(),
            profile: Some(profile.into()),
            reading: Reading { presence: set(start, end), ..Reading::default() },
        })
        .collect();
    let presence = instances.iter().map(|i| &i.reading.presence);
    DeviceObservation {
        id: "GPU-a".into(),
        index: Some("0".into()),
        model: None,
        whereabouts: Whereabouts::default(),
        card: Reading::default(),
        presence: presence.fold(IntervalSet::default(), |all, p| all.union(p)),
        instances,
        replicas: false,
    }
}

fn seen(id: &str, observation: usize) -> Device {
    Device { observation: Some(observation), ..device(id) }
}

type Row = (Option<usize>, i64, u32, Vec<(i64, i64)>);

/// Instance, share in thousandths, units, presence.
fn summary(slots: &[Slot]) -> Vec<Row> {
    #[expect(clippy::cast_possible_truncation, reason = "at most a thousand")]
    let share = |s: &Slot| (s.share * 1_000.0).round() as i64;
    let times = |s: &Slot| s.presence.as_slice().iter().map(|i| (i.start, i.end)).collect();
    slots.iter().map(|s| (s.instance, share(s), s.units, times(s))).collect()
}

/// Trap 26: the same number with another profile is another slot, each for its own time.
#[test]
fn a_card_is_cut_anew() {
    let seen_card = observed(&[("3", "2g.20gb", (0, 300)), ("3", "3g.40gb", (400, 1_000))]);
    let slots = slots(&[seen("GPU-a", 0)], &node(Plugin::default()), &[seen_card]);
    assert_eq!(
        summary(&slots),
        [
            (Some(0), 286, 1, vec![(0, 300)]),
            (Some(1), 500, 1, vec![(400, 1_000)]),
            // In between it is one card.
            (None, 1_000, 1, vec![(300, 400)]),
        ]
    );
}

/// Trap 15: where the whole card fell silent the instance is still there.
#[test]
fn an_outage_of_the_exporter_takes_no_instance_away() {
    let mut with_hole = observed(&[("1", "3g.40gb", (0, 1_000))]);
    let hole = set(0, 200).union(&set(500, 1_000));
    with_hole.instances[0].reading.presence = hole.clone();
    with_hole.presence = hole;
    let slots = slots(&[seen("GPU-a", 0)], &node(Plugin::default()), &[with_hole]);
    assert_eq!(summary(&slots), [(Some(0), 500, 1, vec![(0, 1_000)])]);
}

/// Nor does one that began before the window or lasts beyond it.
#[test]
fn an_exporter_that_does_not_come_back_takes_no_instance_away() {
    let cut = observed(&[("1", "3g.40gb", (200, 700)), ("7", "1g.10gb", (200, 400))]);
    let slots = slots(&[seen("GPU-a", 0)], &node(Plugin::default()), &[cut]);
    // The small one was gone while the card was still shown.
    assert_eq!(
        summary(&slots),
        [(Some(0), 500, 1, vec![(0, 1_000)]), (Some(1), 143, 1, vec![(0, 400)])]
    );
}

#[test]
fn cards_that_no_exporter_shows_are_cut_as_the_node_says() {
    let counts = [(profile("1g.10gb"), 7), (profile("3g.40gb"), 2)];
    let plugin = Plugin { mixed: counts.into(), ..Plugin::default() };
    let devices = ["a", "b", "c"].map(device);
    let slots = slots(&devices, &node(plugin), &[]);
    let count = |d: usize| slots.iter().filter(|s| s.device == d).count();
    let mut counts = [count(0), count(1), count(2)];
    counts.sort_unstable();
    // One whole card, one in two halves, one in seven.
    assert_eq!(counts, [1, 2, 7]);
}

/// Trap 10: with the `single` strategy every card is cut as far as the profile goes.
#[test]
fn the_single_strategy_cuts_every_card() {
    let plugin = Plugin { single: Some(profile("2g.20gb")), replicas: 1, ..Plugin::default() };
    let slots = slots(&[device("a"), device("b")], &node(plugin.clone()), &[]);
    assert_eq!(slots.len(), 6, "three on each of two cards");
    let of_node = node(plugin);
    assert_eq!(
        served_by("nvidia.com/gpu", of_node.get("n1")),
        Serves::Instance(profile("2g.20gb"))
    );
}

#[test]
fn what_a_unit_is() {
    assert_eq!(served_by("nvidia.com/gpu", None), Serves::Card);
    assert_eq!(served_by("nvidia_com_gpu_shared", None), Serves::Card);
    let with_media = Serves::Instance(profile("1g.10gb+me"));
    assert_eq!(served_by("nvidia.com/mig-1g.10gb.me", None), with_media);
    assert_eq!(served_by("nvidia_com_mig_1g_10gb_me", None), with_media);
    assert_eq!(card(0, 4).unit_share(), 0.25);
    assert_eq!(card(0, 0).unit_share(), 1.0);
}

#[test]
fn the_way_of_sharing_is_named_by_the_slots() {
    let mps = Plugin { mps: true, ..Plugin::default() };
    let mut replicated = instance(0, 0, "3g.40gb", 0.5);
    assert_eq!(sharing(&[card(0, 1)], None), Sharing::Exclusive);
    assert_eq!(sharing(&[card(0, 4)], None), Sharing::TimeSlicing);
    assert_eq!(sharing(&[card(0, 4)], Some(&mps)), Sharing::Mps);
    assert_eq!(sharing(&[replicated.clone()], None), Sharing::Mig);
    replicated.units = 2;
    assert_eq!(sharing(&[replicated.clone(), card(0, 1)], None), Sharing::MigReplicas);
    assert_eq!(replicated.presence, IntervalSet::of(ALWAYS));
}
