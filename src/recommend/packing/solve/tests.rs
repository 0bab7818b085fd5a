use proptest::prelude::*;

use super::*;

const MODEL: &str = "NVIDIA A100-SXM4-80GB";
/// Cards of a node.
const CARDS: usize = 4;

fn profile(text: &str) -> Profile {
    crate::attribution::mig::profile::read(text).expect("a profile").profile
}

fn card(sharing: Sharing, price: Option<f64>) -> Card {
    Card { model: MODEL.into(), sharing, per_gpu_hour: price, is_broken: false, taken: Vec::new() }
}

fn machine(name: &str, sharing: Sharing, is_target: bool) -> Machine<'static> {
    Machine {
        name: name.into(),
        capacity_type: None,
        fact: None,
        cards: vec![card(sharing, Some(2.0)); CARDS],
        room: Room { cpu: Some(16), memory: Some(16), pods: Some(6) },
        is_target,
    }
}

fn item(machine: usize, needs: Vec<(usize, Need)>, sharing: Sharing, size: i64) -> Item<'static> {
    Item {
        namespace: "ns".into(),
        pod: format!("p{machine}"),
        workload: "Deployment/p".into(),
        machine,
        from: None,
        model: MODEL.into(),
        sharing,
        needs,
        requests: Some((size, size)),
        placement: None,
        stuck: None,
    }
}

/// Puts items on their machines; those that do not fit there are left out, as the cluster would not have them.
fn scene(
    machines: &[(Sharing, bool)],
    pods: &[(usize, usize, i64, bool)],
) -> (Vec<Machine<'static>>, Vec<Item<'static>>) {
    let mut out: Vec<Machine<'_>> = machines
        .iter()
        .enumerate()
        .map(|(n, (sharing, is_target))| machine(&format!("n{n}"), *sharing, *is_target))
        .collect();
    let mut items = Vec::new();
    for &(m, size, requests, is_stuck) in pods {
        let m = m % out.len();
        let sharing = out[m].cards[0].sharing;
        let needs: Vec<Need> = match sharing {
            Sharing::Mig => {
                let (name, share) =
                    [("1g.10gb", 1.0 / 7.0), ("2g.20gb", 2.0 / 7.0), ("3g.40gb", 0.5)][size % 3];
                vec![Need::Slice(profile(name), share)]
            }
            Sharing::TimeSlicing => vec![Need::Part(0.25)],
            _ => vec![Need::Whole; 1 + size % 3],
        };
        let mut new = item(m, needs.into_iter().map(|need| (0, need)).collect(), sharing, requests);
        new.stuck = is_stuck.then(|| "stuck".to_owned());
        let Some(cards) = with(&out[m], &new) else { continue };
        out[m].cards = cards;
        out[m].room = out[m].room.less((requests, requests), 1);
        items.push(new);
    }
    (out, items)
}

fn scenes() -> impl Strategy<Value = (Vec<Machine<'static>>, Vec<Item<'static>>)> {
    let sharing = prop_oneof![
        3 => Just(Sharing::Exclusive),
        2 => Just(Sharing::Mig),
        1 => Just(Sharing::TimeSlicing),
    ];
    let machines = prop::collection::vec((sharing, prop::bool::weighted(0.9)), 1..7);
    let pod = (0usize..7, 0usize..3, 1i64..6, prop::bool::weighted(0.1));
    (machines, prop::collection::vec(pod, 0..20)).prop_map(|(m, p)| scene(&m, &p))
}

fn held(machines: &[Machine<'_>]) -> f64 {
    let cards = machines.iter().flat_map(|machine| &machine.cards);
    cards.flat_map(|card| &card.taken).map(Need::share).sum()
}

proptest! {
    #![proptest_config(crate::mutation::fixed(256))]

    /// Whatever is packed: nothing is lost, nothing is over-full, and only what may be moved is, to where it may be.
    #[test]
    fn packing_keeps_what_is_held((before, items) in scenes()) {
        let mut machines = before.clone();
        let (drained, reasons) = consolidate(&mut machines, &items);
        prop_assert!((held(&before) - held(&machines)).abs() < 1e-9);
        let mut again = before.clone();
        prop_assert_eq!(&consolidate(&mut again, &items).0, &drained, "same inputs, same result");
        let gone: Vec<usize> = drained.iter().map(|d| d.machine).collect();
        for d in &drained {
            prop_assert!(machines[d.machine].cards.iter().all(|card| card.taken.is_empty()));
            prop_assert!(!reasons.contains_key(&d.machine));
            let there = items.iter().filter(|item| item.machine == d.machine).count();
            prop_assert_eq!(d.moves.len(), there, "every pod of it moves");
            for (i, to) in &d.moves {
                prop_assert!(items[*i].stuck.is_none() && before[*to].is_target);
                prop_assert!(!gone.contains(to), "nothing moves onto a node that goes");
            }
        }
        for machine in &machines {
            for card in &machine.cards {
                // Instances by slices: 3g.40gb beside two of 2g.20gb are 15/14 by shares, and fit.
                let is_cut = card.taken.iter().any(|need| matches!(need, Need::Slice(..)));
                let sum = card.taken.iter().map(Need::share).sum::<f64>();
                prop_assert!(is_cut || sum <= 1.0 + 1e-9);
                if card.taken.contains(&Need::Whole) {
                    prop_assert_eq!(card.taken.len(), 1);
                }
                if let Some(profiles) = card.profiles() {
                    let (last, rest) = profiles.split_last().map_or((None, &[][..]), |(l, r)| (Some(l), r));
                    prop_assert!(last.is_none_or(|last| layout::fits(MODEL, rest, last)));
                }
            }
            let room = machine.room;
            prop_assert!(room.cpu >= Some(0) && room.memory >= Some(0) && room.pods >= Some(0));
        }
        let shapes = [(1, 1)];
        let cost = |machines: &[Machine<'_>], counts: &dyn Fn(usize) -> bool| -> f64 {
            let counted = machines.iter().enumerate().filter(|(m, _)| counts(*m));
            counted.filter_map(|(_, machine)| machine.monthly_cost()).sum()
        };
        prop_assert!(cost(&machines, &|m| !gone.contains(&m)) <= cost(&before, &|_| true));
        prop_assert!(machines.iter().all(|m| stranded(m, &shapes).is_some_and(|money| money >= 0.0)));
    }
}

#[test]
fn what_is_left_of_a_cut_card_is_stranded_where_nothing_fits() {
    let mut one = machine("n1", Sharing::Mig, true);
    let month = 2.0 * HOURS_PER_MONTH;
    // Twice 3g.40gb leaves a seventh of the compute, and no memory: by money, nothing is left.
    one.cards[0].taken = vec![Need::Slice(profile("3g.40gb"), 0.5); 2];
    // Three 2g.20gb leave a seventh and a quarter of the memory: 1g.10gb fits.
    one.cards[1].taken = vec![Need::Slice(profile("2g.20gb"), 2.0 / 7.0); 3];
    // 4g.40gb and 3g.40gb leave nothing that fits; 4/7 + 1/2 is more than the card.
    one.cards[2].taken = vec![Need::Slice(profile("4g.40gb"), 4.0 / 7.0)];
    assert_eq!(stranded(&one, &[]), Some(0.0));
    one.room.cpu = Some(0);
    let all = stranded(&one, &[(1, 1)]).expect("priced");
    let free = (1.0 - 6.0 / 7.0) + (1.0 - 4.0 / 7.0) + 1.0;
    assert!((all - free * month).abs() < 1e-6, "{all}");
    one.cards[3].per_gpu_hour = None;
    assert_eq!(stranded(&one, &[(1, 1)]), None, "money that is not known is not 0");
}

#[test]
fn the_fullest_card_and_node_are_filled_first() {
    let mut machines = vec![
        machine("n1", Sharing::Mig, true),
        machine("n2", Sharing::Mig, true),
        machine("n3", Sharing::Mig, true),
    ];
    let slice = |card| vec![(card, Need::Slice(profile("1g.10gb"), 1.0 / 7.0))];
    let items = [
        item(0, slice(0), Sharing::Mig, 1),
        item(1, slice(0), Sharing::Mig, 1),
        item(1, slice(1), Sharing::Mig, 1),
        item(2, slice(2), Sharing::Mig, 1),
        item(2, slice(2), Sharing::Mig, 1),
        item(2, slice(3), Sharing::Mig, 1),
    ];
    for item in &items {
        let (card, need) = &item.needs[0];
        machines[item.machine].cards[*card].taken.push(need.clone());
    }
    let (drained, reasons) = consolidate(&mut machines, &items);
    // n1 has most unused money and goes first, to n3; then n2. n3 has taken what moved, and stays without a reason.
    let of: Vec<_> = drained.iter().map(|d| (d.machine, d.moves.clone())).collect();
    assert_eq!(of, [(0, vec![(0, 2)]), (1, vec![(1, 2), (2, 2)])]);
    assert!(reasons.is_empty());
    let counts: Vec<usize> = machines[2].cards.iter().map(|card| card.taken.len()).collect();
    assert_eq!(counts, [0, 0, 5, 1], "the card that is fullest is filled");
}
