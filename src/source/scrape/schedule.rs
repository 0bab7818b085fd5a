//! When a target is scraped: every interval, at an offset of its own, so that not all come at once.

use std::hash::Hasher as _;

use crate::source::store::TargetName;
use crate::units::Millis;

/// A scrape that begins late or early by no more than this part of the interval is of the planned instant: samples at
/// equal distances take next to no room.
const TOLERANCE: i64 = 100;

/// The instants of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    interval_ms: i64,
    offset_ms: i64,
}

impl Schedule {
    /// The offset of a target is the same in every process.
    #[must_use]
    pub fn of(target: &TargetName, interval_ms: i64) -> Self {
        let mut hash = Fnv::default();
        hash.write(target.job.as_bytes());
        hash.write(&[0]);
        hash.write(target.instance.as_bytes());
        let offset = hash.finish() % interval_ms.max(1).unsigned_abs();
        Self { interval_ms: interval_ms.max(1), offset_ms: offset.cast_signed() }
    }

    /// The first instant after `now`.
    #[must_use]
    pub const fn next(self, now_ms: Millis) -> Millis {
        let whole = (now_ms - self.offset_ms).div_euclid(self.interval_ms);
        (whole + 1) * self.interval_ms + self.offset_ms
    }

    /// The instant that a scrape is of that was planned for one and began at another.
    #[must_use]
    pub const fn aligned(self, planned_ms: Millis, began_ms: Millis) -> Millis {
        let off = (began_ms - planned_ms).abs();
        if off <= self.interval_ms / TOLERANCE { planned_ms } else { began_ms }
    }
}

/// FNV-1a: the standard library's hash may be another in its next version.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(instance: &str) -> TargetName {
        TargetName { job: "dcgm".to_owned(), instance: instance.to_owned() }
    }

    #[test]
    fn instants_are_an_interval_apart_and_targets_are_spread() {
        let mut offsets = std::collections::BTreeSet::new();
        for n in 0..100 {
            let schedule = Schedule::of(&target(&format!("10.0.0.{n}:9400")), 30_000);
            let first = schedule.next(1_795_132_800_000);
            assert!((1..=30_000).contains(&(first - 1_795_132_800_000)));
            assert_eq!(schedule.next(first), first + 30_000);
            assert_eq!(schedule.next(first - 1), first);
            offsets.insert(first % 30_000 / 3_000);
        }
        assert_eq!(offsets.len(), 10, "every tenth of the interval has somebody");
    }

    #[test]
    fn a_little_late_is_on_time() {
        let schedule = Schedule::of(&target("a"), 30_000);
        assert_eq!(schedule.aligned(1_000, 1_300), 1_000);
        assert_eq!(schedule.aligned(1_000, 1_301), 1_301);
        // A clock that was set back.
        assert_eq!(schedule.aligned(1_000, 600), 600);
    }
}
