//! The time that both sides have: the ledger's window, as far as the bill goes, without charges that are cut by its edges.

use super::desk::Kept;
use crate::units::{MS_PER_DAY, Millis};

/// A stretch of time, half-open.
pub(super) type Span = (Millis, Millis);

/// The compared time; `None` where there is none. Its edges are those of the window, or whole multiples of `step`.
///
/// A bill goes by whole UTC days: a day that has a charge is one that the bill has. Where a charge lies on an edge of the
/// window, the edge moves behind it: half of a day's charge is not what half of the day cost.
pub(super) fn compared(window: Span, bill: Span, step: Millis, rows: &[Kept]) -> Option<Span> {
    let step = step.max(1);
    let floor = |at: Millis, to: Millis| at.div_euclid(to) * to;
    let ceil = |at: Millis, to: Millis| -(-at).div_euclid(to) * to;
    let mut start = window.0.max(floor(bill.0, MS_PER_DAY));
    let mut end = window.1.min(ceil(bill.1, MS_PER_DAY));
    loop {
        let first = rows.iter().filter(|row| row.start < start && row.end > start);
        let last = rows.iter().filter(|row| row.start < end && row.end > end);
        let moved = (
            first.map(|row| ceil(row.end, step)).max().unwrap_or(start),
            last.map(|row| floor(row.start, step)).min().unwrap_or(end),
        );
        if moved.0 >= moved.1 {
            return None;
        }
        if moved == (start, end) {
            return Some(moved);
        }
        (start, end) = moved;
    }
}

/// Whether a charge lies within.
pub(super) const fn holds(span: Span, row: &Kept) -> bool {
    row.start >= span.0 && row.end <= span.1 && row.start < span.1
}

#[cfg(test)]
mod tests {
    use super::super::identity::Unit;
    use super::super::meter::Measure;
    use super::*;
    use crate::units::MS_PER_HOUR;

    fn row(start: Millis, end: Millis) -> Kept {
        let (unit, measure) = (Unit::Node(0), Measure::Other);
        Kept {
            unit,
            start: start * MS_PER_HOUR,
            end: end * MS_PER_HOUR,
            cost: 0,
            measure,
            meter: 0,
        }
    }

    fn of(window: Span, bill: Span, rows: &[Kept]) -> Option<Span> {
        let hours = |(start, end): Span| (start * MS_PER_HOUR, end * MS_PER_HOUR);
        compared(hours(window), hours(bill), MS_PER_HOUR, rows)
            .map(|(start, end)| (start / MS_PER_HOUR, end / MS_PER_HOUR))
    }

    #[test]
    fn edges_of_charges_decide() {
        // Whole days on both sides.
        assert_eq!(of((0, 48), (0, 48), &[row(0, 24), row(24, 48)]), Some((0, 48)));
        // A window from noon to noon of a bill by day: the day between.
        let days = [row(0, 24), row(24, 48), row(48, 72)];
        assert_eq!(of((12, 60), (0, 72), &days), Some((24, 48)));
        // The same of a bill by hour.
        assert_eq!(of((12, 60), (0, 72), &[row(12, 13), row(59, 60)]), Some((12, 60)));
        // A bill that ends before the window, at some hour of its last day.
        assert_eq!(of((0, 72), (3, 30), &[row(3, 4), row(29, 30)]), Some((0, 48)));
        // A bill of another week, and a bill by month of a window within it.
        assert_eq!(of((0, 72), (96, 120), &[]), None);
        assert_eq!(of((24, 48), (0, 720), &[row(0, 720)]), None);
    }
}
