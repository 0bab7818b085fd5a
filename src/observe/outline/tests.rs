use proptest::prelude::*;

use super::super::hold::{merged, presence};
use super::*;
use crate::model::series::STALE_NAN_BITS;
use crate::model::{IntervalSet, Samples};
use crate::mutation::fixed;

const COUNTED: Interval = Interval::new(100, 600);

/// Steps in tens, with outages and now and then one that is off; markers, bad and clamped values among them.
fn samples() -> impl Strategy<Value = Samples> {
    let step = prop_oneof![8 => Just(10_i64), 2 => 1..25_i64, 1 => 40..140_i64];
    let value = prop::sample::select(vec![
        0.0,
        0.0,
        0.5,
        1.2,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::from_bits(STALE_NAN_BITS),
    ]);
    (0..200_i64, prop::collection::vec((step, value, 1..6_usize), 0..40)).prop_map(
        |(start, all)| {
            let mut at = start;
            let each = all.into_iter().flat_map(|(step, value, count)| vec![(step, value); count]);
            each.map(|(step, value)| {
                at += step;
                (at, value)
            })
            .collect()
        },
    )
}

fn series(samples: Samples) -> Series {
    Series { samples, ..Series::default() }
}

proptest! {
    #![proptest_config(fixed(1_000))]

    #[test]
    fn it_is_that_of_all_the_series_says(samples in samples(), max_gap in 5..60_i64, step in 1..80_i64) {
        let series = series(samples);
        let outline = Outline::of(Field::SmActive, &series, COUNTED, max_gap);
        let line = timeline(Field::SmActive, &series);
        prop_assert_eq!(outline.spacing, line.median_spacing());
        prop_assert_eq!(outline.step(7, max_gap), line.step(7, max_gap));
        let there = IntervalSet::union_of(outline.presence(step));
        prop_assert_eq!(there, presence(&line, step, max_gap));
    }

    #[test]
    fn samples_are_counted_by_what_became_of_them(samples in samples()) {
        let mut expected = Tally::default();
        for (at, value) in samples.iter().filter(|(at, _)| (100..600).contains(at)) {
            match Field::SmActive.decode(value) {
                Decoded::Stale => continue,
                Decoded::Dropped(reason) => *expected.dropped.entry(reason).or_default() += 1,
                Decoded::Clamped(_) => expected.clamped += 1,
                Decoded::Value(_) => assert!((0..1_000_000).contains(&at)),
            }
            expected.seen += 1;
        }
        let series = series(samples);
        let mut tally = Tally::default();
        tally.add(&Outline::of(Field::SmActive, &series, COUNTED, 50));
        prop_assert_eq!(tally, expected);
        // The size of a memory is no evidence.
        let mut none = Tally::default();
        none.add(&Outline::of(Field::FbFree, &series, COUNTED, 50));
        prop_assert_eq!(none, Tally::default());
    }

    #[test]
    fn what_does_not_overlap_has_no_duplicates(a in samples(), b in samples(), later in 0..900_i64, max_gap in 5..60_i64) {
        let b: Samples = b.iter().map(|(at, value)| (at + later, value)).collect();
        let both = [series(a), series(b)];
        let outlines = both.each_ref().map(|s| Outline::of(Field::SmActive, s, COUNTED, max_gap));
        let stepped = outlines.each_ref().map(|outline| (outline, outline.step(10, max_gap)));
        if !may_overlap(stepped.into_iter()) {
            let lines = both.each_ref().map(|s| timeline(Field::SmActive, s));
            let stepped = [(&lines[0], stepped[0].1), (&lines[1], stepped[1].1)];
            prop_assert_eq!(merged(&stepped, max_gap, Interval::new(0, 10_000)).1, 0);
            let instants: Vec<_> = lines[0].sample_times().collect();
            prop_assert!(!lines[1].sample_times().any(|at| instants.contains(&at)));
        }
    }
}

#[test]
fn many_distances_have_a_median_too() {
    let mut spacings = Spacings::default();
    assert_eq!(Spacings::default().median(), None);
    for spacing in (0..40).chain(0..40).chain([20]) {
        spacings.add(spacing, 1);
    }
    assert_eq!(spacings.median(), Some(20));
}

#[test]
fn a_series_that_comes_back_may_overlap_one_that_was_there_between() {
    let stale = f64::from_bits(STALE_NAN_BITS);
    let back = [(0, 0.5), (10, 0.5), (15, stale), (20, 0.5), (30, 0.5)].into_iter().collect();
    let between = [(16, 0.5)].into_iter().collect();
    let both = [series(back), series(between)];
    let outlines = both.each_ref().map(|s| Outline::of(Field::SmActive, s, COUNTED, 50));
    assert!(may_overlap(outlines.iter().map(|outline| (outline, 10))));
}
