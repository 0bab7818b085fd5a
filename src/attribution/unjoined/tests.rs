use super::*;
use crate::attribution::testing::device;

/// Two devices of a pool on `n1`.
fn devices() -> Vec<Device> {
    (0..2).map(|n| Device { pooled: Some(n), ..device(&format!("GPU-{n}")) }).collect()
}

fn free(device: usize, start: i64, end: i64) -> Free {
    Free { device, time: Interval::new(start, end), usable: 1.0, stranded: 0.0 }
}

fn pod(start: i64, end: i64) -> Unjoined {
    Unjoined { holder: 0, node: Some("n1".into()), time: Interval::new(start, end), claims: 1 }
}

fn used(device: usize, start: i64, end: i64) -> Holding {
    Holding::whole(device, Interval::new(start, end), 0)
}

fn of(unjoined: &[Unjoined], free: &[Free], used: &[Holding]) -> Vec<(usize, i64, i64)> {
    let holdings = taken(unjoined, &devices(), free, used);
    assert!(holdings.iter().all(|h| !h.known && h.share == 1.0));
    holdings.iter().map(|h| (h.device, h.time.start, h.time.end)).collect()
}

#[test]
fn the_device_that_was_in_use_is_the_likely_one() {
    let all_free = [free(0, 0, 100), free(1, 0, 100)];
    assert_eq!(of(&[pod(10, 50)], &all_free, &[]), [(0, 10, 50)]);
    // What was in use is the unknown holder's already; the rest of the pod's time is not free.
    assert_eq!(of(&[pod(10, 50)], &all_free, &[used(1, 20, 30)]), [(1, 10, 20), (1, 30, 50)]);
    // Use at another time says nothing.
    assert_eq!(of(&[pod(10, 50)], &all_free, &[used(1, 60, 70)]), [(0, 10, 50)]);
}

#[test]
fn never_more_than_there_are_claims_and_never_what_is_held() {
    let partly = [free(0, 30, 100), free(1, 0, 100)];
    assert_eq!(of(&[pod(10, 50)], &partly, &[]), [(1, 10, 50)]);
    assert_eq!(of(&[pod(10, 50), pod(40, 60)], &partly, &[]), [(1, 10, 50), (0, 40, 60)]);
    let three = Unjoined { claims: 3, ..pod(40, 60) };
    assert_eq!(of(&[three], &partly, &[]), [(0, 40, 60), (1, 40, 60)]);
}

#[test]
fn only_devices_of_pools_on_the_pods_node() {
    let away = Unjoined { node: Some("n2".into()), ..pod(10, 50) };
    assert_eq!(of(&[away], &[free(0, 0, 100)], &[]), []);
    let somewhere = Unjoined { node: None, ..pod(10, 50) };
    assert_eq!(of(std::slice::from_ref(&somewhere), &[free(0, 0, 100)], &[]), [(0, 10, 50)]);
    let plugin = [device("GPU-0")];
    assert_eq!(taken(&[somewhere], &plugin, &[free(0, 0, 100)], &[]), []);
    let half = Free { usable: 0.5, ..free(0, 0, 100) };
    assert_eq!(of(&[pod(10, 50)], &[half], &[]), []);
}
