use super::super::menu::mig_sizes;
use super::super::testing::{HOUR, steady, trace};
use super::*;

const GIB: f64 = 1_073_741_824.0;
const MIB_PER_GIB: f32 = 1_024.0;

fn menu() -> Vec<Size> {
    mig_sizes("NVIDIA A100-SXM4-80GB", 80.0 * GIB)
}

fn day(hours: i64) -> Span {
    Span { start: 0, end: hours * HOUR }
}

#[test]
fn a_short_past_is_cut_once_and_a_long_one_every_day() {
    let one = folds(day(20), 0.7);
    assert_eq!(
        one,
        [Fold { fit: Span { start: 0, end: 840 }, rest: Span { start: 840, end: 1_200 } }]
    );
    let many = folds(day(10 * 24), 0.7);
    assert_eq!(many.len(), 6);
    assert_eq!(many[0].fit.end, 5_040);
    for (before, after) in many.iter().zip(&many[1..]) {
        assert_eq!(
            before.rest.end, after.fit.end,
            "each minute after the first cut is replayed once"
        );
    }
    assert_eq!(many.last().map(|fold| fold.rest.end), Some(10 * 24 * 60));
}

#[test]
fn something_small_and_even_gets_the_smallest_size() {
    let trace = steady(24 * HOUR, 0.05, 6.0 * MIB_PER_GIB);
    let rules = Recommending::default();
    let found = settle(&[&trace], day(24), &menu(), &rules).expect("a size");
    assert_eq!((found.size.name.as_str(), found.refusal), ("1g.10gb", None));
    assert_eq!(found.proof.folds, 1);
    assert!((found.proof.regret()).abs() < 1e-12, "an oracle would choose the same");
}

#[test]
fn a_peak_after_the_cut_refuses() {
    // 8 GiB until the cut, 9.6 after it: fits the margin of nothing smaller than 20 GB when seen, and the size
    // chosen before the cut has 9.5.
    let late = |minute: i64| if minute < 20 * HOUR { 8.0 } else { 9.6 };
    let trace = trace(24 * HOUR, |minute| (0.05, late(minute) * MIB_PER_GIB));
    let rules = Recommending { memory_margin: 0.1, ..Recommending::default() };
    let found = settle(&[&trace], day(24), &menu(), &rules).expect("a size");
    assert_eq!(found.size.name, "1g.20gb");
    let minutes = match found.refusal {
        Some(Refusal::MemoryOverflow { minutes, .. }) => minutes,
        other => panic!("{other:?}"),
    };
    assert_eq!(minutes, 4 * HOUR);
    assert!(found.proof.regret() < 0.0, "an oracle would have needed more");
}

#[test]
fn a_busier_time_after_the_cut_refuses() {
    let late = |minute: i64| if minute < 20 * HOUR { 0.1 } else { 0.5 };
    let trace = trace(24 * HOUR, |minute| (late(minute), 6.0 * MIB_PER_GIB));
    let rules = Recommending { compute_percentile: 0.5, ..Recommending::default() };
    let found = settle(&[&trace], day(24), &menu(), &rules).expect("a size");
    assert!(matches!(found.refusal, Some(Refusal::OverCapacity { share, .. }) if share > 0.5));
    let lax = Recommending { max_over_share: 0.9, ..rules };
    assert_eq!(settle(&[&trace], day(24), &menu(), &lax).expect("a size").refusal, None);
}

#[test]
fn nothing_is_proposed_where_only_the_card_will_do() {
    let rules = Recommending::default();
    assert_eq!(settle(&[&steady(1_440, 0.05, 60.0 * MIB_PER_GIB)], day(24), &menu(), &rules), None);
    assert_eq!(settle(&[&steady(1_440, 0.9, MIB_PER_GIB)], day(24), &menu(), &rules), None);
    assert_eq!(settle(&[&steady(1_440, 0.1, f32::NAN)], day(24), &menu(), &rules), None);
}

#[test]
fn what_was_not_there_after_the_cut_proves_nothing() {
    let trace = steady(6 * HOUR, 0.05, 6.0 * MIB_PER_GIB);
    let found = settle(&[&trace], day(24), &menu(), &Recommending::default()).expect("a size");
    assert_eq!(found.refusal, Some(Refusal::NothingToReplay));
}
