//! What each holder needed of each device, minute by minute: what a proposal is replayed against.
//!
//! Made while the ledger is, from the same rows, so that what is idle there is idle here. No proposal and no
//! money: `sizing` judges, `findings` say.

mod build;
#[cfg(test)]
mod tests;

use crate::model::Window;
use crate::units::{MS_PER_MINUTE, Millis};

pub use build::of_device;

/// One minute of one holder on one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Minute {
    /// Mean utilization of the whole card, 0..1, over the observed part of the minute; NaN where nothing was
    /// observed. Of a part of a card, its own utilization times its share.
    pub load: f32,
    /// Largest utilization of the whole card in it, in the same way.
    pub peak: f32,
    /// Largest framebuffer use, MiB; NaN where it is not known, or not known whose it was.
    pub memory_mib: f32,
    /// Observed part of the minute, milliseconds.
    pub observed_ms: u16,
    /// Part of it in which the device was not idle, milliseconds.
    pub active_ms: u16,
}

impl Minute {
    /// A minute of which nothing is known.
    pub const UNKNOWN: Self =
        Self { load: f32::NAN, peak: f32::NAN, memory_mib: f32::NAN, observed_ms: 0, active_ms: 0 };

    /// Mean utilization of the whole card, where anything was observed.
    #[must_use]
    pub fn load(&self) -> Option<f64> {
        (self.observed_ms > 0).then(|| f64::from(self.load))
    }

    /// Largest utilization of the whole card, where anything was observed.
    #[must_use]
    pub fn peak(&self) -> Option<f64> {
        (self.observed_ms > 0).then(|| f64::from(self.peak))
    }

    /// Framebuffer use, MiB, where known.
    #[must_use]
    pub fn memory_mib(&self) -> Option<f64> {
        (!self.memory_mib.is_nan()).then(|| f64::from(self.memory_mib))
    }

    /// Whether the device did anything for the holder.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.active_ms > 0
    }
}

/// The minutes of one holder on one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Position among the holders.
    pub holder: usize,
    /// Position among the devices.
    pub device: usize,
    /// Largest part of the device that it had.
    pub share: f64,
    /// First of the minutes, counted from the epoch.
    pub first: i64,
    /// Minutes from then on without a break; those in which it held nothing are unknown.
    pub minutes: Vec<Minute>,
}

impl Trace {
    /// The minute of that number.
    #[must_use]
    pub fn at(&self, minute: i64) -> Minute {
        let index = usize::try_from(minute - self.first).ok();
        index.and_then(|i| self.minutes.get(i)).copied().unwrap_or(Minute::UNKNOWN)
    }

    /// First minute after the last one.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.first + i64::try_from(self.minutes.len()).unwrap_or(i64::MAX)
    }

    /// Minutes with their numbers that lie in `span`.
    pub fn within(&self, span: Span) -> impl Iterator<Item = (i64, &Minute)> {
        let index = |minute: i64| {
            usize::try_from((minute - self.first).max(0)).unwrap_or(0).min(self.minutes.len())
        };
        let (from, to) = (index(span.start), index(span.end).max(index(span.start)));
        (self.first + i64::try_from(from).unwrap_or(0)..).zip(&self.minutes[from..to])
    }

    /// Minutes with anything observed in `span`.
    pub fn observed(&self, span: Span) -> impl Iterator<Item = (i64, &Minute)> {
        self.within(span).filter(|(_, minute)| minute.observed_ms > 0)
    }
}

/// Several traces as one: loads and framebuffers of each minute add up; what is not known of one adds nothing.
/// `None` of none.
#[must_use]
pub fn sum(traces: &[&Trace]) -> Option<Trace> {
    let first = traces.iter().map(|trace| trace.first).min()?;
    let end = traces.iter().map(|trace| trace.end()).max()?;
    let minute = |number: i64| {
        let mut out = Minute::UNKNOWN;
        for minute in traces.iter().map(|trace| trace.at(number)) {
            out.load = plus(out.load, minute.load);
            // They need not have been at one instant: the most that it can have been.
            out.peak = plus(out.peak, minute.peak);
            out.memory_mib = plus(out.memory_mib, minute.memory_mib);
            out.observed_ms = out.observed_ms.max(minute.observed_ms);
            out.active_ms = out.active_ms.max(minute.active_ms);
        }
        out
    };
    let (holder, device) = (traces[0].holder, traces[0].device);
    let share = traces.iter().map(|trace| trace.share).sum();
    Some(Trace { holder, device, share, first, minutes: (first..end).map(minute).collect() })
}

/// A sum in which NaN is not known, and adds nothing to what is.
const fn plus(a: f32, b: f32) -> f32 {
    match (a.is_nan(), b.is_nan()) {
        (true, _) => b,
        (_, true) => a,
        _ => a + b,
    }
}

/// Half-open stretch of minutes, counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First minute.
    pub start: i64,
    /// First minute after.
    pub end: i64,
}

impl Span {
    /// The minutes that a window touches.
    #[must_use]
    pub fn of(window: Window) -> Self {
        let end = window.end() + MS_PER_MINUTE - 1;
        Self { start: minute_of(window.start()), end: minute_of(end) }
    }

    /// Length in minutes.
    #[must_use]
    pub const fn minutes(self) -> i64 {
        self.end - self.start
    }

    /// Its part from the share `from` to the share `to` (0..1) of its length.
    #[must_use]
    pub fn part(self, from: f64, to: f64) -> Self {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "minutes")]
        let at = |share: f64| self.start + (self.minutes() as f64 * share).round() as i64;
        Self { start: at(from), end: at(to) }
    }
}

/// The minute of an instant, counted from the epoch.
#[must_use]
pub const fn minute_of(at: Millis) -> i64 {
    at.div_euclid(MS_PER_MINUTE)
}

/// Traces of all devices, by holder and device.
#[derive(Debug, Clone, Default)]
pub struct Traces(Vec<Trace>);

impl Traces {
    /// Puts those of single devices together.
    #[must_use]
    pub fn new(of_devices: Vec<Vec<Trace>>) -> Self {
        let mut traces: Vec<Trace> = of_devices.into_iter().flatten().collect();
        traces.sort_by_key(|trace| (trace.holder, trace.device));
        Self(traces)
    }

    /// Those of one holder.
    #[must_use]
    pub fn of_holder(&self, holder: usize) -> &[Trace] {
        let first = self.0.partition_point(|trace| trace.holder < holder);
        let count = self.0[first..].partition_point(|trace| trace.holder == holder);
        &self.0[first..first + count]
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Trace] {
        &self.0
    }

    /// Whether nobody held anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
