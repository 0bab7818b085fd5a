//! Collects samples into the answers of queries, as a metric server orders them.

use std::collections::BTreeMap;

use gpu_finops::model::{Labels, MetricData, QueryId, Series};

use super::story::{END, MARGIN, Millis, SCRAPE, START};

/// Label names and values.
pub(super) type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Instants and values.
type Samples = (Vec<Millis>, Vec<f64>);

/// Samples by query and labels.
#[derive(Default)]
pub(super) struct Recorder {
    series: BTreeMap<QueryId, BTreeMap<Labels, Samples>>,
}

impl Recorder {
    /// Adds samples of one series. Labels without a value are none, as in Prometheus.
    pub(super) fn add(
        &mut self,
        query: QueryId,
        labels: Pairs<'_>,
        samples: impl Iterator<Item = (Millis, f64)>,
    ) {
        let labels = labels.iter().filter(|(_, value)| !value.is_empty());
        let labels =
            labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut samples = samples.peekable();
        if samples.peek().is_none() {
            return;
        }
        let (instants, values) = self.series.entry(query).or_default().entry(labels).or_default();
        for (t, value) in samples {
            assert!(instants.last().is_none_or(|last| *last < t), "{query:?} goes back in time");
            instants.push(t);
            values.push(value);
        }
    }

    /// An answer for every query of the catalogue.
    pub(super) fn metrics(mut self) -> Vec<MetricData> {
        let mut metric = |query: &QueryId| {
            let series = self.series.remove(query).unwrap_or_default();
            let series = series.into_iter().map(|(labels, (instants, values))| Series {
                labels,
                samples: instants.into_iter().zip(values).collect(),
            });
            MetricData { query: *query, series: series.collect(), gaps: vec![] }
        };
        QueryId::ALL.iter().map(&mut metric).collect()
    }
}

/// Instants of a grid, of the window and its margins.
pub(super) fn grid(step: i64) -> impl Iterator<Item = Millis> + Clone {
    let first = START - MARGIN;
    let first = first + (-first).rem_euclid(step);
    (0..).map(move |i| first + i * step).take_while(|t| *t < END + MARGIN)
}

/// Instants of scrapes.
pub(super) fn scrapes() -> impl Iterator<Item = Millis> + Clone {
    grid(SCRAPE)
}

/// The scrape whose values an evaluation at `t` sees.
pub(super) fn last_scrape(t: Millis) -> Millis {
    t - t.rem_euclid(SCRAPE)
}

/// The days that facts are read by: each with its end, which is when they are evaluated.
pub(super) fn days() -> impl Iterator<Item = (Millis, Millis)> + Clone {
    const DAY: i64 = super::story::DAY;
    let (from, until) = (START - MARGIN, END + MARGIN);
    (from.div_euclid(DAY)..=(until - 1).div_euclid(DAY))
        .map(move |day| ((day * DAY).max(from), ((day + 1) * DAY).min(until)))
}
