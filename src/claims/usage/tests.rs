use super::*;
use crate::attribution::holding::Grant;
use crate::model::dra::{AllocatedDevice, ClaimAllocation, DeviceKey};
use crate::observe::field::Field;
use crate::units::MS_PER_HOUR;

const END: Millis = 10 * MS_PER_HOUR;

/// A claim with GPUs `gpu-0`, `gpu-1`, …, and a device of another driver behind them.
fn claim(gpus: usize) -> ClaimFact {
    let given = |driver: &str, device: String| AllocatedDevice {
        request: "gpu".into(),
        key: DeviceKey { driver: driver.into(), pool: "n".into(), device },
        admin_access: false,
        share_id: None,
        consumed: BTreeMap::new(),
    };
    let mut devices: Vec<_> =
        (0..gpus).map(|n| given("gpu.nvidia.com", format!("gpu-{n}"))).collect();
    devices.push(given("compute-domain.nvidia.com", "channel-0".into()));
    let allocation = Some(ClaimAllocation { at_ms: None, devices });
    ClaimFact { namespace: "ns".into(), name: "c".into(), allocation, ..ClaimFact::default() }
}

/// A row of the claim's device: from hour, to hour.
fn row(device: usize, from: i64, to: i64, state: State) -> Segment {
    let is_seen = !matches!(state, State::Unobserved | State::StaleClaim);
    Segment {
        device,
        holder: Some(0),
        time: Interval::new(from * MS_PER_HOUR, to * MS_PER_HOUR),
        share: 1.0,
        state,
        utilization: is_seen.then_some(0.0),
        signal: is_seen.then_some(Field::GpuUtil),
        blind: None,
        estimated: false,
        grant: Some(Grant { claim: 0, device }),
    }
}

fn of(gpus: usize, rows: &[Segment]) -> Option<Usage> {
    let window = Window::new(0, END).expect("not empty");
    let mut all = usages(&[claim(gpus)], rows, window);
    all.remove(&("ns".to_owned(), "c".to_owned()))
}

#[test]
fn idle_on_every_gpu_for_all_of_the_held_time() {
    let rows = [
        row(0, 2, 6, State::IdleWarm),
        row(0, 6, 10, State::IdleEmpty),
        row(1, 4, 10, State::IdleEmpty),
    ];
    let usage = of(2, &rows).expect("held");
    assert_eq!((usage.held_gpu_hours, usage.idle_gpu_hours), (14.0, 14.0));
    assert!(usage.always_idle);
    assert_eq!((usage.idle_since, usage.idle_ms), (Some(4 * MS_PER_HOUR), 6 * MS_PER_HOUR));
    assert_eq!(usage.signals, ["gpu_util"]);
}

#[test]
fn one_gpu_in_use_or_unobserved_is_not_an_idle_claim() {
    for (state, observed) in [(State::Active, 14.0), (State::Unobserved, 13.0)] {
        // In the middle: idle since then, and not always.
        let rows =
            [row(0, 2, 5, State::IdleWarm), row(0, 5, 6, state), row(0, 6, 10, State::IdleWarm)];
        let mut rows = rows.to_vec();
        rows.push(row(1, 4, 10, State::IdleEmpty));
        let usage = of(2, &rows).expect("held");
        assert!(!usage.always_idle);
        assert_eq!(usage.observed_gpu_hours, observed);
        assert_eq!((usage.idle_since, usage.idle_ms), (Some(6 * MS_PER_HOUR), 4 * MS_PER_HOUR));
        // At the end: not idle at all.
        let rows =
            [row(0, 2, 9, State::IdleWarm), row(0, 9, 10, state), row(1, 4, 10, State::IdleWarm)];
        let usage = of(2, &rows).expect("held");
        assert_eq!((usage.always_idle, usage.idle_since, usage.idle_ms), (false, None, 0));
    }
}

#[test]
fn a_gpu_without_a_row_is_not_idle() {
    let rows = [row(0, 0, 10, State::IdleEmpty)];
    assert!(of(1, &rows).expect("held").always_idle);
    let usage = of(2, &rows).expect("held");
    assert_eq!((usage.always_idle, usage.idle_since), (false, None));
    // One that was given up before the window's end, neither.
    let usage = of(1, &[row(0, 0, 9, State::IdleEmpty)]).expect("held");
    assert_eq!((usage.always_idle, usage.idle_since), (false, None));
    assert_eq!(of(1, &[]), None);
}

#[test]
fn stale_time_is_neither_held_nor_idle() {
    let rows = [
        row(0, 0, 2, State::IdleEmpty),
        row(0, 2, 7, State::StaleClaim),
        row(0, 7, 10, State::IdleEmpty),
    ];
    let usage = of(1, &rows).expect("held");
    assert_eq!(usage.held_gpu_hours, 5.0);
    assert!(usage.always_idle);
    assert_eq!((usage.idle_since, usage.idle_ms), (Some(0), 5 * MS_PER_HOUR));
    assert_eq!(of(1, &[row(0, 0, 10, State::StaleClaim)]), None);
}

/// Trap 4: two pods of one claim have half of its GPU each, at the same time.
#[test]
fn pods_that_share_a_claim_are_idle_once() {
    let half =
        |holder| Segment { holder: Some(holder), share: 0.5, ..row(0, 0, 10, State::IdleWarm) };
    let usage = of(1, &[half(0), half(1)]).expect("held");
    assert_eq!((usage.held_gpu_hours, usage.idle_ms), (10.0, 10 * MS_PER_HOUR));
}
