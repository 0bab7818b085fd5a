use super::*;
use crate::model::Interval;
use crate::units::MS_PER_HOUR;

fn segment(start: i64, end: i64, holder: Option<usize>, utilization: Option<f64>) -> Segment {
    Segment {
        device: 0,
        holder,
        time: Interval::new(start, end),
        share: 0.5,
        state: match (holder, utilization) {
            (None, _) => State::Unallocated,
            (Some(_), None) => State::Unobserved,
            (Some(_), Some(_)) => State::Active,
        },
        utilization,
        signal: None,
        blind: None,
        estimated: false,
        grant: None,
    }
}

fn slice(start: i64, holder: Option<usize>, state: State, gpu_ms: f64, used: f64) -> Slice {
    Slice { start, holder, state, gpu_ms, utilization_ms: used }
}

#[test]
fn a_stretch_is_cut_where_hours_begin_and_what_is_alike_is_one() {
    let hour = MS_PER_HOUR;
    let segments = [
        segment(hour - 10, hour + 30, Some(2), Some(0.5)),
        segment(hour + 30, hour + 40, Some(2), Some(1.0)),
        segment(hour + 40, hour + 50, Some(2), None),
        segment(hour + 50, 2 * hour, None, None),
    ];
    let rest = 0.5 * 3_599_950.0;
    assert_eq!(
        of_segments(&segments, hour),
        [
            slice(0, Some(2), State::Active, 5.0, 2.5),
            slice(hour, None, State::Unallocated, rest, 0.0),
            slice(hour, Some(2), State::Active, 20.0, 12.5),
            slice(hour, Some(2), State::Unobserved, 5.0, 0.0),
        ]
    );
}

#[test]
fn cuts_lose_no_time_whatever_their_length() {
    let segments = [segment(-7, 12_345_678, Some(0), Some(0.3))];
    let whole: f64 = 0.5 * 12_345_685.0;
    for step in [1_000, 60_000, MS_PER_HOUR, 24 * MS_PER_HOUR] {
        let slices = of_segments(&segments, step);
        let total: f64 = slices.iter().map(|s| s.gpu_ms).sum();
        assert!((total - whole).abs() < 1e-6, "{step}");
        assert!(slices.iter().all(|s| s.start % step == 0), "{step}");
    }
    // Before the epoch, too.
    assert_eq!(start_of(-7, 1_000), -1_000);
}

#[test]
fn without_instants_all_time_is_of_the_day() {
    let segments = [segment(0, 100, Some(1), Some(0.5)), segment(100, 200, Some(1), Some(0.1))];
    let folded = Folded::new(&segments);
    assert_eq!(of_folded(&folded, 77), [slice(77, Some(1), State::Active, 100.0, 30.0)]);
    assert_eq!(of_folded(&folded, 77)[0].observed_ms(), 100.0);
}
