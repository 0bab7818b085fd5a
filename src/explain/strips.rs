//! Utilization over time, few enough cells to be seen at a glance.

use super::contract::Strip;
use crate::trace::{Span, Trace};

/// Cells of a strip.
const CELLS: u32 = 72;

/// Mean utilization of what traces held, in equal parts of a span: load by share, weighted by observed time.
pub(super) fn strip(name: &str, traces: &[&Trace], span: Span) -> Strip {
    let cell = |n: u32| {
        let (from, to) = (f64::from(n) / f64::from(CELLS), f64::from(n + 1) / f64::from(CELLS));
        let part = span.part(from, to);
        let (mut load, mut held) = (0.0, 0.0);
        for trace in traces {
            for (_, minute) in trace.observed(part) {
                let weight = f64::from(minute.observed_ms);
                load += f64::from(minute.load) * weight;
                held += trace.share * weight;
            }
        }
        (held > 0.0).then(|| (load / held).min(1.0))
    };
    Strip { name: name.to_owned(), cells: (0..CELLS).map(cell).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::testing::trace;

    #[test]
    fn a_strip_shows_when_it_was_busy_and_when_nobody_looked() {
        let load = |minute: i64| match minute {
            0..=719 => 0.0,
            720..=1_079 => 0.5,
            _ => f32::NAN,
        };
        let trace = trace(1_440, |minute| (load(minute), 0.0));
        let strip = strip("x", &[&trace], Span { start: 0, end: 1_440 });
        assert_eq!(
            (strip.cells[0], strip.cells[40], strip.cells[70]),
            (Some(0.0), Some(0.5), None)
        );
        assert_eq!(strip.cells.len(), 72);
    }
}
