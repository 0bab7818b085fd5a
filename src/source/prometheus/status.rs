//! A line of coverage for each query.

use crate::model::window::rfc3339;
use crate::model::{MetricData, QueryId, SourceState, SourceStatus, Window};

/// How an answer fared. `notes` lose nothing; gaps do.
pub(in crate::source) fn of_answer(
    answer: &MetricData,
    window: Window,
    notes: &[String],
) -> SourceStatus {
    let series = answer.series.len();
    let samples: usize = answer.series.iter().map(|series| series.samples.len()).sum();
    let counts =
        format!("{series} series, {samples} {}", if samples == 1 { "sample" } else { "samples" });
    let everything = |start, end| start <= window.start() && end >= window.end();
    let (state, mut detail) = match answer.gaps.as_slice() {
        [] if series == 0 => (SourceState::Empty, "no series".to_owned()),
        [] => (SourceState::Ok, counts),
        [gap] if series == 0 && everything(gap.start_ms, gap.end_ms) => {
            (SourceState::Failed, gap.reason.clone())
        }
        [gap, rest @ ..] => {
            let more =
                if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
            let gap = format!(
                "{counts}; not in full from {} to {}: {}{more}",
                rfc3339(gap.start_ms),
                rfc3339(gap.end_ms),
                gap.reason
            );
            (SourceState::Partial, gap)
        }
    };
    for note in notes {
        detail.push_str("; ");
        detail.push_str(note);
    }
    SourceStatus { name: name(answer.query), state, detail }
}

/// A query that was not asked.
pub(in crate::source) fn skipped(query: QueryId, reason: &str) -> SourceStatus {
    SourceStatus { name: name(query), state: SourceState::Skipped, detail: reason.to_owned() }
}

/// A query that could not even be written.
pub(super) fn failed(query: QueryId, reason: String) -> SourceStatus {
    SourceStatus { name: name(query), state: SourceState::Failed, detail: reason }
}

fn name(query: QueryId) -> String {
    format!("prometheus/{}", query.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ReadGap, Series};

    fn status(series: usize, gaps: &[(i64, i64)], notes: &[&str]) -> (SourceState, String) {
        let one = Series {
            samples: [(1_000, 0.0), (2_000, 1.0)].into_iter().collect(),
            ..Series::default()
        };
        let answer = MetricData {
            query: QueryId::GpuUtil,
            series: vec![one; series],
            gaps: gaps
                .iter()
                .map(|(start_ms, end_ms)| ReadGap {
                    start_ms: *start_ms,
                    end_ms: *end_ms,
                    reason: "boom".into(),
                })
                .collect(),
        };
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        let status = of_answer(&answer, Window::new(0, 60_000).unwrap(), &notes);
        assert_eq!(status.name, "prometheus/gpu_util");
        (status.state, status.detail)
    }

    #[test]
    fn every_state_has_its_words() {
        let ok = |text: &str| (SourceState::Ok, text.to_owned());
        assert_eq!(status(2, &[], &[]), ok("2 series, 4 samples"));
        assert_eq!(status(1, &[], &["remark"]), ok("1 series, 2 samples; remark"));
        assert_eq!(status(0, &[], &[]), (SourceState::Empty, "no series".into()));
        assert_eq!(status(0, &[(-5, 60_000)], &[]), (SourceState::Failed, "boom".into()));
        assert_eq!(
            status(1, &[(0, 1_000), (5_000, 6_000)], &[]),
            (
                SourceState::Partial,
                "1 series, 2 samples; not in full from 1970-01-01T00:00:00Z to \
                 1970-01-01T00:00:01Z: boom (and 1 more)"
                    .into()
            )
        );
        assert_eq!(status(0, &[(0, 1_000)], &[]).0, SourceState::Partial);
    }
}
