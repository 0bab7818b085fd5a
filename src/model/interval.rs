//! Sets of half-open time intervals: the arithmetic of "who was there when".

use crate::units::Millis;

/// A half-open interval `[start, end)`; empty when `end <= start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// First instant.
    pub start: Millis,
    /// First instant after.
    pub end: Millis,
}

impl Interval {
    /// `[start, end)`.
    #[must_use]
    pub const fn new(start: Millis, end: Millis) -> Self {
        Self { start, end }
    }

    /// Length in milliseconds; 0 when empty.
    #[must_use]
    pub const fn length_ms(self) -> i64 {
        if self.end > self.start { self.end - self.start } else { 0 }
    }

    /// The part that both share, if any.
    #[must_use]
    pub fn overlap(self, other: Self) -> Option<Self> {
        let shared = Self::new(self.start.max(other.start), self.end.min(other.end));
        (shared.start < shared.end).then_some(shared)
    }
}

/// Intervals that are sorted, disjoint, non-empty and not adjacent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntervalSet(Vec<Interval>);

impl IntervalSet {
    /// The union of any intervals.
    #[must_use]
    pub fn union_of(intervals: impl IntoIterator<Item = Interval>) -> Self {
        let mut sorted: Vec<_> = intervals.into_iter().filter(|i| i.start < i.end).collect();
        sorted.sort_unstable();
        let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
        for interval in sorted {
            match merged.last_mut() {
                Some(last) if interval.start <= last.end => last.end = last.end.max(interval.end),
                _ => merged.push(interval),
            }
        }
        Self(merged)
    }

    /// A single interval.
    #[must_use]
    pub fn of(interval: Interval) -> Self {
        Self::union_of([interval])
    }

    /// The intervals in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From the first instant to the last.
    #[must_use]
    pub fn hull(&self) -> Option<Interval> {
        Some(Interval::new(self.0.first()?.start, self.0.last()?.end))
    }

    /// Whether the instant lies in the set.
    #[must_use]
    pub fn contains(&self, at: Millis) -> bool {
        let next = self.0.partition_point(|i| i.start <= at);
        next > 0 && self.0[next - 1].end > at
    }

    /// Total length.
    #[must_use]
    pub fn length_ms(&self) -> i64 {
        self.0.iter().map(|i| i.length_ms()).sum()
    }

    /// What lies in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::union_of(self.0.iter().chain(&other.0).copied())
    }

    /// What lies in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let (mut a, mut b, mut out) = (0, 0, Vec::new());
        while let (Some(x), Some(y)) = (self.0.get(a), other.0.get(b)) {
            out.extend(x.overlap(*y));
            if x.end < y.end { a += 1 } else { b += 1 }
        }
        Self(out)
    }

    /// What lies in this one and not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut out = Vec::new();
        let mut b = 0;
        for interval in &self.0 {
            let mut start = interval.start;
            while other.0.get(b).is_some_and(|o| o.end <= start) {
                b += 1;
            }
            for hole in other.0[b..].iter().take_while(|o| o.start < interval.end) {
                out.push(Interval::new(start, hole.start));
                start = start.max(hole.end);
            }
            out.push(Interval::new(start, interval.end));
        }
        out.retain(|i| i.start < i.end);
        Self(out)
    }
}

/// Most that is there at one time, of parts and the times that they are there for. One that ends makes room
/// for one that begins at that instant. Rounded to millionths, so that what comes and goes leaves no dust.
#[must_use]
pub fn most_at_once(parts: impl IntoIterator<Item = (Interval, f64)>) -> f64 {
    let mut changes: Vec<(Millis, f64)> = parts
        .into_iter()
        .flat_map(|(time, part)| [(time.start, part), (time.end, -part)])
        .collect();
    changes.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
    let (mut level, mut most) = (0.0, 0.0_f64);
    for (_, change) in changes {
        level += change;
        most = most.max(level);
    }
    (most * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(pairs: &[(i64, i64)]) -> IntervalSet {
        IntervalSet::union_of(pairs.iter().map(|&(s, e)| Interval::new(s, e)))
    }

    #[test]
    fn set_arithmetic_by_hand() {
        assert_eq!(set(&[(5, 7), (0, 2), (2, 3), (6, 9)]), set(&[(0, 3), (5, 9)]));
        assert_eq!(set(&[(0, 10)]).minus(&set(&[(2, 3), (5, 20)])), set(&[(0, 2), (3, 5)]));
        assert_eq!(set(&[(0, 4), (6, 9)]).intersect(&set(&[(3, 7)])), set(&[(3, 4), (6, 7)]));
        assert!(set(&[(0, 4)]).contains(0) && !set(&[(0, 4)]).contains(4));
        assert_eq!(set(&[(1, 2), (8, 9)]).hull(), Some(Interval::new(1, 9)));
    }

    proptest! {
        #![proptest_config(crate::mutation::fixed(256))]
        #[test]
        fn parts_add_up(
            a in prop::collection::vec((0i64..100, 0i64..20), 0..12),
            b in prop::collection::vec((0i64..100, 0i64..20), 0..12),
        ) {
            let make = |v: &[(i64, i64)]| IntervalSet::union_of(v.iter().map(|&(s, l)| Interval::new(s, s + l)));
            let (a, b) = (make(&a), make(&b));
            prop_assert_eq!(a.minus(&b).length_ms() + a.intersect(&b).length_ms(), a.length_ms());
            prop_assert_eq!(a.union(&b).length_ms(), a.minus(&b).length_ms() + b.length_ms());
            for at in 0..120 {
                prop_assert_eq!(a.minus(&b).contains(at), a.contains(at) && !b.contains(at));
            }
        }
    }

    #[test]
    fn who_leaves_makes_room_for_who_comes() {
        let parts = |times: &[(i64, i64, f64)]| {
            most_at_once(times.iter().map(|&(s, e, part)| (Interval::new(s, e), part)))
        };
        assert_eq!(parts(&[]), 0.0);
        assert_eq!(parts(&[(0, 10, 1.0), (10, 20, 1.0)]), 1.0);
        // Seven seventh parts are one GPU.
        assert_eq!(parts(&[(0, 10, 1.0 / 7.0); 7]), 1.0);
        assert_eq!(parts(&[(0, 10, 0.1), (5, 20, 0.2), (9, 11, 0.5)]), 0.8);
    }
}
