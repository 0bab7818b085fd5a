use super::super::pooled::Cards;
use super::super::testing::{card, device, holding, instance, pod};
use super::*;

fn holders(count: usize) -> Vec<Holder> {
    (0..count).map(|n| pod(&format!("p{n}"), &[], (0, 1_000), &[])).collect()
}

fn resolved(slots: &[Slot], holders: &[Holder], holdings: &[Holding]) -> Account {
    let devices = [device("x")];
    let books = Books { devices: &devices, slots, holders, cards: &Cards::default(), pools: &[] };
    let account = resolve(holdings, &books);
    assert_whole(&account);
    account
}

/// At every instant parts held and free are the device, no more and no less.
fn assert_whole(account: &Account) {
    let times = || {
        let held = account.pieces.iter().map(|p| (p.time, p.share));
        held.chain(account.free.iter().map(|f| (f.time, f.usable + f.stranded)))
    };
    for at in times().map(|(time, _)| time.start) {
        let sum: f64 = times().filter(|(t, _)| t.start <= at && at < t.end).map(|(_, s)| s).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum} at {at}");
    }
}

/// Holder, start, end, share, by start and holder.
fn pieces(account: &Account) -> Vec<(usize, i64, i64, f64)> {
    let row = |p: &Piece| (p.holder, p.time.start, p.time.end, p.share);
    let mut rows: Vec<_> = account.pieces.iter().map(row).collect();
    rows.sort_by_key(|(holder, start, ..)| (*start, *holder));
    rows
}

#[test]
fn a_device_is_never_more_than_one() {
    let all: Vec<_> = (0..3).map(|h| holding(h, Some(0), (0, 1_000), 1.0)).collect();
    let account = resolved(&[card(0, 1)], &holders(3), &all);
    assert_eq!(pieces(&account), [(0, 0, 1_000, 1.0)]);
    assert_eq!(account.contested_ms, BTreeMap::from([(0, 1_000)]));
}

#[test]
fn at_a_handover_the_later_arrival_wins() {
    let holdings = [holding(0, Some(0), (0, 500), 1.0), holding(1, Some(0), (480, 900), 1.0)];
    let account = resolved(&[card(0, 1)], &holders(2), &holdings);
    assert_eq!(pieces(&account), [(0, 0, 480, 1.0), (1, 480, 900, 1.0)]);
    assert_eq!(account.contested_ms, BTreeMap::from([(0, 20)]));
    let free: Vec<_> = account.free.iter().map(|f| (f.time.start, f.usable)).collect();
    assert_eq!(free, [(900, 1.0)]);
}

#[test]
fn what_is_known_wins_over_what_is_guessed() {
    let guessed = Holding { known: false, ..holding(1, Some(0), (400, 900), 1.0) };
    let account =
        resolved(&[card(0, 1)], &holders(2), &[holding(0, Some(0), (0, 500), 1.0), guessed]);
    assert_eq!(pieces(&account), [(0, 0, 500, 1.0), (1, 500, 900, 1.0)]);
}

#[test]
fn replicas_side_by_side_are_no_contradiction() {
    let holdings = [holding(0, Some(0), (0, 1_000), 0.25), holding(1, Some(0), (200, 600), 0.5)];
    let account = resolved(&[card(0, 4)], &holders(2), &holdings);
    assert_eq!(
        pieces(&account),
        [(0, 0, 200, 0.25), (0, 200, 600, 0.25), (1, 200, 600, 0.5), (0, 600, 1_000, 0.25)]
    );
    assert!(account.contested_ms.is_empty());
    assert!(account.pieces.iter().any(|p| p.is_shared && p.held_beside == 0.75));
    let since: Vec<_> = account.pieces.iter().filter(|p| p.holder == 0).map(|p| p.since).collect();
    assert_eq!(since, [0, 0, 0], "a neighbour's coming and going is no break");
}

/// Trap 4: what a claim's pods hold together is split between those who are there.
#[test]
fn a_group_is_split_between_those_who_are_there() {
    let member = |h, time| Holding { group: Some(1), ..holding(h, None, time, 1.0) };
    let account = resolved(&[], &holders(2), &[member(0, (0, 1_000)), member(1, (400, 600))]);
    assert_eq!(
        pieces(&account),
        [(0, 0, 400, 1.0), (0, 400, 600, 0.5), (1, 400, 600, 0.5), (0, 600, 1_000, 1.0)]
    );
}

/// Trap 31: between two pods a claim holds its device by itself.
#[test]
fn a_claim_holds_only_while_no_pod_does() {
    let mut holders = holders(2);
    holders[1].kind = HolderKind::StaleClaim;
    let member = |h, time| Holding { group: Some(1), ..holding(h, None, time, 1.0) };
    let account = resolved(&[], &holders, &[member(0, (200, 600)), member(1, (0, 1_000))]);
    assert_eq!(pieces(&account), [(1, 0, 200, 1.0), (0, 200, 600, 1.0), (1, 600, 1_000, 1.0)]);
    assert!(account.contested_ms.is_empty());
}

/// 3g.40gb is half of the memory, 4g.40gb four of seven compute slices: 15/14 of the card.
#[test]
fn instances_that_add_up_to_more_than_the_card_are_scaled() {
    let slots = [instance(0, 0, "3g.40gb", 0.5), instance(0, 1, "4g.40gb", 4.0 / 7.0)];
    let holdings =
        [holding(0, Some(0), (0, 1_000), 0.5), holding(1, Some(1), (0, 1_000), 4.0 / 7.0)];
    let account = resolved(&slots, &holders(2), &holdings);
    let shares: Vec<f64> = account.pieces.iter().map(|p| p.share).collect();
    assert!((shares[0] - 7.0 / 15.0).abs() < 1e-12 && (shares[1] - 8.0 / 15.0).abs() < 1e-12);
    // With one of them free, that part is free and no more.
    let account = resolved(&slots, &holders(1), &holdings[..1]);
    assert!((account.free[0].usable - 8.0 / 15.0).abs() < 1e-12);
}

/// Trap 32: two claims on one device for a moment are one bill.
#[test]
fn two_claims_on_one_device_are_billed_once() {
    let of = |h, group, time| Holding { group: Some(group), ..holding(h, None, time, 1.0) };
    let account = resolved(&[], &holders(2), &[of(0, 1, (0, 502)), of(1, 2, (500, 1_000))]);
    assert_eq!(pieces(&account), [(0, 0, 500, 1.0), (1, 500, 1_000, 1.0)]);
    assert_eq!(account.contested_ms, BTreeMap::from([(0, 2)]));
}
