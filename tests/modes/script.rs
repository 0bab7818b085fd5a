//! Series of a fixture, written as stretches of minutes: `[from, to, value]`, one sample a minute.

use std::collections::BTreeMap;

use gpu_finops::model::{MetricData, QueryId, Samples, Series, Window};
use serde::Deserialize;

/// The window's start, 2026-11-20 10:00 UTC: minute 0.
const START: i64 = 1_795_168_800_000;
const MINUTE: i64 = 60_000;

/// What a metric server answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// Length of the window.
    minutes: i64,
    #[serde(default)]
    series: Vec<Group>,
}

/// Series that share labels.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    /// Of every series.
    labels: BTreeMap<String, String>,
    /// More labels, one set for each copy of the series.
    #[serde(default)]
    copies: Vec<BTreeMap<String, String>>,
    /// Stretches by query (`gpu_util`): from minute, to minute (not included), value.
    values: BTreeMap<String, Vec<(i64, i64, f64)>>,
}

impl Script {
    pub(super) fn window(&self) -> Window {
        Window::new(START, START + self.minutes * MINUTE).expect("not empty")
    }

    pub(super) fn metrics(&self) -> Vec<MetricData> {
        let mut by_query: BTreeMap<QueryId, Vec<Series>> = BTreeMap::new();
        for group in &self.series {
            for (query, stretches) in &group.values {
                let id = QueryId::from_name(query)
                    .unwrap_or_else(|| panic!("{query} is a query of the catalogue"));
                by_query.entry(id).or_default().extend(group.series(stretches));
            }
        }
        let data = |(query, series)| MetricData { query, series, gaps: Vec::new() };
        by_query.into_iter().map(data).collect()
    }
}

impl Group {
    fn series(&self, stretches: &[(i64, i64, f64)]) -> Vec<Series> {
        let samples: Samples = stretches
            .iter()
            .flat_map(|&(from, to, value)| (from..to).map(move |m| (START + m * MINUTE, value)))
            .collect();
        let own = [BTreeMap::new()];
        let copies = if self.copies.is_empty() { &own[..] } else { &self.copies };
        copies
            .iter()
            .map(|more| {
                let labels = self.labels.iter().chain(more);
                let labels = labels.map(|(k, v)| (k.clone(), v.clone())).collect();
                Series { labels, samples: samples.clone() }
            })
            .collect()
    }
}
