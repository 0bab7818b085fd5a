//! A metric server that knows a few series and enough PromQL for the selectors of the reader.

use std::fmt::Write;

use super::{Reply, Seen};
use crate::units::Millis;

/// One series: `UUID`, other labels, samples.
#[derive(Debug, Clone)]
pub(in super::super) struct FakeSeries {
    pub(in super::super) uuid: &'static str,
    pub(in super::super) samples: Vec<(Millis, &'static str)>,
}

/// The server.
#[derive(Debug, Clone)]
pub(in super::super) struct Fake {
    pub(in super::super) series: Vec<FakeSeries>,
    /// Prometheus 2 includes the first instant of a range, Prometheus 3 does not.
    pub(in super::super) left_closed: bool,
    /// More than this in one answer is refused.
    pub(in super::super) max_samples: usize,
}

impl Fake {
    /// `uuids.len()` series with a sample each `step` in `[start, end)`.
    pub(in super::super) fn regular(
        uuids: &[&'static str],
        start: Millis,
        end: Millis,
        step: usize,
    ) -> Self {
        let samples: Vec<_> = (start..end).step_by(step).map(|at| (at, "1")).collect();
        let series = uuids.iter().map(|uuid| FakeSeries { uuid, samples: samples.clone() });
        Self { series: series.collect(), left_closed: true, max_samples: usize::MAX }
    }

    pub(in super::super) fn answer(&self, seen: &Seen) -> Reply {
        match seen.path.as_str() {
            "/api/v1/series" => {
                let sets: Vec<String> =
                    self.series.iter().map(|s| format!(r#"{{"UUID":"{}"}}"#, s.uuid)).collect();
                Reply::json(format!(r#"{{"status":"success","data":[{}]}}"#, sets.join(",")))
            }
            "/api/v1/query" => self.instant(&seen.params["query"], &seen.params["time"]),
            path => Reply::error(404, "not_found", path),
        }
    }

    fn instant(&self, query: &str, time: &str) -> Reply {
        let (selector, range) = query.rsplit_once('[').unwrap();
        let range: Millis = range.split_once("ms]").unwrap().0.parse().unwrap();
        let at = millis(time);
        let from = if self.left_closed { at - range } else { at - range + 1 };
        let (mut series, mut count) = (Vec::new(), 0);
        for one in &self.series {
            if !wanted(selector, one.uuid) {
                continue;
            }
            let mut values = String::new();
            for (t, v) in one.samples.iter().filter(|(t, _)| (from..=at).contains(t)) {
                let comma = if values.is_empty() { "" } else { "," };
                write!(values, r#"{comma}[{}.{:03},"{v}"]"#, t / 1_000, t % 1_000).unwrap();
                count += 1;
            }
            if !values.is_empty() {
                series
                    .push(format!(r#"{{"metric":{{"UUID":"{}"}},"values":[{values}]}}"#, one.uuid));
            }
        }
        if count > self.max_samples {
            return Reply::error(
                422,
                "execution",
                "query processing would load too many samples into memory in query execution",
            );
        }
        Reply::matrix(&series.join(","))
    }
}

/// Decimal seconds as milliseconds.
pub(in super::super) fn millis(seconds: &str) -> Millis {
    let (whole, rest) = seconds.split_once('.').unwrap_or((seconds, "000"));
    whole.parse::<Millis>().unwrap() * 1_000 + rest.parse::<Millis>().unwrap()
}

fn wanted(selector: &str, uuid: &str) -> bool {
    match selector.split_once("UUID=~\"") {
        None => true,
        Some((_, list)) => list.split('"').next().unwrap().split('|').any(|value| value == uuid),
    }
}
