//! Putting the answers to parts of a query together: one series per label set, one sample per instant.

use crate::model::{Labels, MetricData, QueryId, ReadGap, Samples, Series};
use crate::units::Millis;

/// Collects series of parts in any order. Servers sort the series of an answer, so what is here are a few sorted
/// runs one after the other, which a stable sort only has to merge.
#[derive(Debug, Default)]
pub(super) struct Merger {
    series: Vec<Series>,
}

impl Merger {
    /// Adds the series of one part.
    pub(super) fn add(&mut self, series: Vec<Series>) {
        self.series.extend(series.into_iter().filter(|series| !series.samples.is_empty()));
    }

    /// Everything, sorted by labels and time.
    pub(super) fn finish(mut self) -> Vec<Series> {
        self.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        let mut out: Vec<Series> = Vec::new();
        let mut rest = self.series.into_iter().peekable();
        while let Some(Series { labels, samples }) = rest.next() {
            let mut parts = vec![samples];
            while let Some(next) = rest.next_if(|next| next.labels == labels) {
                parts.push(next.samples);
            }
            out.push(joined(labels, parts));
        }
        out
    }
}

fn joined(labels: Labels, mut parts: Vec<Samples>) -> Series {
    parts.sort_by_key(Samples::first);
    if let Some(samples) = Samples::joined(&parts) {
        return Series { labels, samples };
    }
    let mut samples: Vec<(Millis, f64)> = parts.iter().flatten().collect();
    // By value too, so that which of two samples at one instant stays does not depend on which
    // answer came first.
    samples.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    Series { labels, samples: samples.into_iter().collect() }
}

/// Gaps in order; touching ones for one reason become one.
pub(super) fn merged_gaps(mut gaps: Vec<ReadGap>) -> Vec<ReadGap> {
    gaps.sort_by(|a, b| (&a.reason, a.start_ms, a.end_ms).cmp(&(&b.reason, b.start_ms, b.end_ms)));
    let mut merged: Vec<ReadGap> = Vec::new();
    for gap in gaps {
        match merged.last_mut() {
            Some(last) if last.reason == gap.reason && gap.start_ms <= last.end_ms => {
                last.end_ms = last.end_ms.max(gap.end_ms);
            }
            _ => merged.push(gap),
        }
    }
    merged
        .sort_by(|a, b| (a.start_ms, a.end_ms, &a.reason).cmp(&(b.start_ms, b.end_ms, &b.reason)));
    merged
}

/// The answers to several texts of one query as one.
pub(super) fn merged(query: QueryId, mut answers: Vec<MetricData>) -> MetricData {
    if answers.len() == 1 {
        return answers.remove(0);
    }
    let mut merger = Merger::default();
    let mut gaps = Vec::new();
    for answer in answers {
        merger.add(answer.series);
        gaps.extend(answer.gaps);
    }
    MetricData { query, series: merger.finish(), gaps: merged_gaps(gaps) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, samples: &[(Millis, f64)]) -> Series {
        Series {
            labels: Labels::from([("n".into(), name.into())]),
            samples: samples.iter().copied().collect(),
        }
    }

    #[test]
    fn parts_in_any_order_make_one_series_per_label_set() {
        let first = vec![series("b", &[(1, 1.0), (2, 2.0)]), series("a", &[(1, 9.0)])];
        let second = vec![series("b", &[(3, 3.0)])];
        let expected = vec![series("a", &[(1, 9.0)]), series("b", &[(1, 1.0), (2, 2.0), (3, 3.0)])];
        for order in [[&first, &second], [&second, &first]] {
            let mut merger = Merger::default();
            order.into_iter().for_each(|part| merger.add(part.clone()));
            assert_eq!(merger.finish(), expected);
        }
    }

    #[test]
    fn overlaps_are_taken_once_whichever_came_first() {
        let parts = [series("a", &[(1, 1.0), (3, 3.0)]), series("a", &[(2, 2.0), (3, 4.0)])];
        for order in [[0, 1], [1, 0]] {
            let mut merger = Merger::default();
            order.into_iter().for_each(|i| merger.add(vec![parts[i].clone()]));
            assert_eq!(merger.finish(), [series("a", &[(1, 1.0), (2, 2.0), (3, 3.0)])]);
        }
    }

    #[test]
    fn touching_gaps_for_one_reason_become_one() {
        let gap =
            |start_ms, end_ms, reason: &str| ReadGap { start_ms, end_ms, reason: reason.into() };
        let gaps = vec![gap(10, 20, "x"), gap(0, 10, "x"), gap(5, 15, "y"), gap(30, 40, "x")];
        assert_eq!(merged_gaps(gaps), [gap(0, 20, "x"), gap(5, 15, "y"), gap(30, 40, "x")]);
    }
}
