use proptest::prelude::*;

use super::super::shards::decode_index;
use super::*;

const H: i64 = MS_PER_HOUR;

fn window(start: Millis, end: Millis) -> Window {
    Window::new(start, end).unwrap()
}

fn index(series: usize) -> SeriesIndex {
    let sets: Vec<String> = (0..series).map(|i| format!(r#"{{"UUID":"{i}"}}"#)).collect();
    let body = format!(r#"{{"status":"success","data":[{}]}}"#, sets.join(","));
    decode_index(body.as_bytes()).unwrap().data
}

fn spans(parts: &[Part]) -> Vec<(Millis, Millis)> {
    parts.iter().map(|part| (part.start, part.end)).collect()
}

#[test]
fn few_series_are_read_by_utc_days() {
    // 10 series × 240 samples an hour × 24 h = 57,600 samples.
    let parts = raw(window(-H, 25 * H), Some(&index(10)), 57_600);
    assert_eq!(spans(&parts), [(-H, 0), (0, 24 * H), (24 * H, 25 * H)]);
    // One sample less, and half a day is what fits.
    let parts = raw(window(-H, 25 * H), Some(&index(10)), 57_599);
    assert_eq!(spans(&parts), [(-H, 0), (0, 12 * H), (12 * H, 24 * H), (24 * H, 25 * H)]);
}

#[test]
fn many_series_are_read_by_hours_and_groups() {
    // 10 series × 240 = 2,400 samples an hour, at most 1,000 at a time: three groups or more.
    let parts = raw(window(H / 2, 2 * H), Some(&index(10)), 1_000);
    assert_eq!(parts.len() % 2, 0);
    assert_eq!((parts[0].start, parts[0].end), (H / 2, H));
    let groups: Vec<String> =
        parts[..parts.len() / 2].iter().map(|p| p.shard.as_ref().unwrap().matcher()).collect();
    assert_eq!(groups, [r#"UUID=~"0|1|2|3""#, r#"UUID=~"4|5|6|7""#, r#"UUID=~"8|9""#]);
}

#[test]
fn without_an_index_hours() {
    assert_eq!(spans(&raw(window(0, 2 * H), None, 1)), [(0, H), (H, 2 * H)]);
}

#[test]
fn the_tail_is_a_quarter_of_an_hour_at_most() {
    assert_eq!(spans(&tail(window(0, H))), [(45 * MS_PER_MINUTE, H)]);
    assert_eq!(spans(&tail(window(0, 60_000))), [(0, 60_000)]);
}

#[test]
fn a_grid_is_bounded_in_points_and_samples() {
    let minute = MS_PER_MINUTE;
    // A day of minutes is 1,440 points: fits 100 series into 144,000 samples.
    assert_eq!(grid(window(0, 48 * H), minute, 100, 144_000).len(), 2);
    assert_eq!(grid(window(0, 48 * H), minute, 101, 144_000).len(), 4);
    // 1 s steps: 10,000 points are 2.8 h, so two hours.
    assert_eq!(spans(&grid(window(0, 4 * H), 1_000, 1, u64::MAX))[0], (0, 2 * H));
    // However many series there are, never below five minutes.
    assert_eq!(spans(&grid(window(0, H), minute, u64::MAX, 1))[0], (0, 5 * minute));
}

#[test]
fn grid_points_meet_without_overlap() {
    assert_eq!(grid_points(0, 120_000, 60_000), Some((0, 60_000)));
    assert_eq!(grid_points(120_000, 120_001, 60_000), Some((120_000, 120_000)));
    assert_eq!(grid_points(1, 60_000, 60_000), None);
    assert_eq!(grid_points(-60_000, 1, 60_000), Some((-60_000, 0)));
}

#[test]
fn halving_stops_at_five_minutes_and_goes_on_by_series() {
    let part = Part::new(0, 10 * MS_PER_MINUTE, None);
    let (first, second) = part.halves_in_time().unwrap();
    assert_eq!(spans(&[first.clone(), second]), [(0, 300_000), (300_000, 600_000)]);
    assert_eq!(first.halves_in_time(), None);
    assert_eq!(first.halves_by_series(None), None);
    let (one, other) = first.halves_by_series(Some(&index(2))).unwrap();
    assert_eq!(one.shard.as_ref().unwrap().matcher(), r#"UUID=~"0""#);
    assert_eq!(one.halves_by_series(Some(&index(2))), None);
    assert_eq!((other.start, other.end), (0, 300_000));
}

proptest! {
    #![proptest_config(crate::mutation::fixed(256))]
    /// Parts cover the window exactly, in order, and every one is within a bound.
    #[test]
    fn parts_tile_the_window(start in -100_000_000_i64..2_000_000_000_000, length in 1_i64..300_000_000, series in 0_usize..40, max in 1_u64..1_000_000) {
        let window = window(start, start + length);
        let index = index(series);
        for parts in [raw(window, Some(&index), max), raw(window, None, max), days(window), grid(window, 60_000, series as u64, max)] {
            let mut at = start;
            for (from, to) in spans(&parts) {
                if from != at {
                    // The next group of the same hour.
                    prop_assert!(from < to && to == at);
                }
                prop_assert!(to - from <= MS_PER_DAY);
                at = to;
            }
            prop_assert_eq!(at, window.end());
        }
    }
}
