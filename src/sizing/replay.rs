//! The past against a size: how often, how far and for how long it would have been too small.

use super::menu::Size;
use crate::trace::{self, Span, Trace};
use crate::units::BYTES_PER_MIB;

/// Loads this close to the limit are within it.
const TOLERANCE: f64 = 1e-6;

/// What would have happened.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Replay {
    /// Time that was replayed, milliseconds of observed minutes.
    pub observed_ms: i64,
    /// Part of it that was active.
    pub active_ms: i64,
    /// Part of the active time with more load than the size has compute.
    pub over_ms: i64,
    /// Largest load as a multiple of the size's compute.
    pub worst_overload: f64,
    /// Longest run of minutes over it.
    pub longest_over_minutes: i64,
    /// Minutes with more framebuffer in use than the size has.
    pub overflow_minutes: i64,
    /// By how much, at most, bytes.
    pub worst_overflow_bytes: f64,
    /// Minutes of which framebuffer use is known.
    pub memory_minutes: i64,
}

impl Replay {
    /// Part of active time over the size's compute, 0..1; 0 of something that was never active.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "years are far below 2^53 ms")]
    pub fn over_share(&self) -> f64 {
        if self.active_ms > 0 { self.over_ms as f64 / self.active_ms as f64 } else { 0.0 }
    }

    /// Both one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            observed_ms: self.observed_ms + other.observed_ms,
            active_ms: self.active_ms + other.active_ms,
            over_ms: self.over_ms + other.over_ms,
            worst_overload: self.worst_overload.max(other.worst_overload),
            longest_over_minutes: self.longest_over_minutes.max(other.longest_over_minutes),
            overflow_minutes: self.overflow_minutes + other.overflow_minutes,
            worst_overflow_bytes: self.worst_overflow_bytes.max(other.worst_overflow_bytes),
            memory_minutes: self.memory_minutes + other.memory_minutes,
        }
    }
}

/// Replays each of `traces` on a size of its own.
#[must_use]
pub fn alone(traces: &[&Trace], span: Span, size: &Size) -> Replay {
    traces.iter().map(|trace| one(trace, span, size)).fold(Replay::default(), Replay::and)
}

/// Replays `traces` on one size that they share, minute by minute: loads and framebuffers add up. A minute counts
/// where any of them was observed; what is not known of the others adds nothing.
#[must_use]
pub fn together(traces: &[&Trace], span: Span, size: &Size) -> Replay {
    trace::sum(traces).map_or_else(Replay::default, |sum| one(&sum, span, size))
}

fn one(trace: &Trace, span: Span, size: &Size) -> Replay {
    let mut out = Replay::default();
    let mut run = 0;
    for (_, minute) in trace.within(span) {
        let load = minute.load().unwrap_or(0.0);
        let active_ms = i64::from(minute.active_ms);
        out.observed_ms += i64::from(minute.observed_ms);
        out.active_ms += active_ms;
        let peak = minute.peak().unwrap_or(load);
        out.worst_overload = out.worst_overload.max(peak / size.compute);
        let is_over = load > size.compute + TOLERANCE;
        run = if is_over { run + 1 } else { 0 };
        out.over_ms += if is_over { active_ms } else { 0 };
        out.longest_over_minutes = out.longest_over_minutes.max(run);
        if let Some(bytes) = minute.memory_mib().map(|mib| mib * BYTES_PER_MIB) {
            out.memory_minutes += 1;
            if bytes > size.memory_bytes {
                out.overflow_minutes += 1;
                out.worst_overflow_bytes = out.worst_overflow_bytes.max(bytes - size.memory_bytes);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{steady, trace};
    use super::*;

    const ALL: Span = Span { start: 0, end: i64::MAX };

    fn size(compute: f64, mib: f64) -> Size {
        Size { name: "x".into(), compute, memory_bytes: mib * BYTES_PER_MIB, share: compute }
    }

    #[test]
    fn time_over_the_limit_by_hand() {
        // 10 minutes idle, 4 at 30 %, 6 at 60 %, of which one follows a gap.
        let load = |minute: i64| match minute {
            0..=9 => 0.0,
            10..=13 => 0.3,
            14 | 16.. => 0.6,
            _ => f32::NAN,
        };
        let trace = trace(21, |minute| (load(minute), 100.0));
        let replay = alone(&[&trace], ALL, &size(0.4, 200.0));
        assert_eq!((replay.observed_ms, replay.active_ms), (20 * 60_000, 10 * 60_000));
        assert_eq!((replay.over_ms, replay.longest_over_minutes), (6 * 60_000, 5));
        assert!((replay.over_share() - 0.6).abs() < 1e-12);
        assert!((replay.worst_overload - 1.5).abs() < 1e-6);
        assert_eq!(replay.overflow_minutes, 0);
    }

    #[test]
    fn one_minute_too_full_is_seen() {
        let trace = trace(100, |minute| (0.1, if minute == 50 { 300.0 } else { 100.0 }));
        let replay = alone(&[&trace], ALL, &size(0.4, 200.0));
        assert_eq!((replay.overflow_minutes, replay.memory_minutes), (1, 100));
        assert!((replay.worst_overflow_bytes / BYTES_PER_MIB - 100.0).abs() < 1e-6);
        assert_eq!(
            alone(&[&trace], Span { start: 0, end: 50 }, &size(0.4, 200.0)).overflow_minutes,
            0
        );
    }

    #[test]
    fn neighbours_add_up_minute_by_minute() {
        let day = trace(100, |minute| (if minute < 50 { 0.7 } else { 0.0 }, 100.0));
        let night = trace(100, |minute| (if minute < 50 { 0.0 } else { 0.7 }, 100.0));
        let apart = together(&[&day, &night], ALL, &size(1.0, 250.0));
        assert_eq!((apart.over_ms, apart.overflow_minutes), (0, 0));
        let at_once = together(&[&day, &day], ALL, &size(1.0, 150.0));
        assert_eq!((at_once.over_ms, at_once.overflow_minutes), (50 * 60_000, 100));
    }

    #[test]
    fn nothing_observed_is_nothing_proven() {
        let replay = alone(&[&steady(10, f32::NAN, f32::NAN)], ALL, &size(0.5, 10.0));
        assert_eq!((replay.observed_ms, replay.memory_minutes, replay.over_share()), (0, 0, 0.0));
    }
}
