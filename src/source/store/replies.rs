//! The answers to all queries of the catalogue, from raw samples.
//!
//! As with a metric server, most facts are wanted of nodes and namespaces with GPUs only: all series are
//! named first, then it is decided what each is for, then come the samples.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::scraped::TargetName;
use crate::model::query::{QueryKind, QueryScope};
use crate::model::{Labels, MetricData, QueryId, ReadGap, Series, SourceStatus, Window};
use crate::source::exposition::Catalogue;
use crate::source::prometheus::answer::Tap;
use crate::source::prometheus::render::LabelScope;
use crate::source::prometheus::{scope, status};
use crate::units::Millis;

/// Answers that are being made.
#[derive(Debug)]
pub(in crate::source) struct Replies {
    catalogue: Catalogue,
    window: Window,
    index: HashMap<Labels, usize>,
    series: Vec<(Labels, Vec<(QueryId, Tap)>)>,
    not_asked: BTreeMap<QueryId, &'static str>,
}

impl Replies {
    /// Answers over `window`, margins included.
    pub(in crate::source) fn new(gpu_resources: &[String], window: Window) -> Self {
        Self {
            catalogue: Catalogue::new(gpu_resources),
            window,
            index: HashMap::new(),
            series: Vec::new(),
            not_asked: BTreeMap::new(),
        }
    }

    /// The number of a series.
    pub(in crate::source) fn place_of(&mut self, labels: Labels) -> usize {
        let next = self.series.len();
        let place = *self.index.entry(labels.clone()).or_insert(next);
        if place == next {
            self.series.push((labels, Vec::new()));
        }
        place
    }

    /// Decides what each series is for; all of them must have been named.
    pub(in crate::source) fn assign(&mut self) {
        self.index.clear();
        let known = self.known();
        let known: Vec<&MetricData> = known.iter().collect();
        let (nodes, namespaces) = (scope::gpu_nodes(&known), scope::gpu_namespaces(&known));
        for query in QueryId::ALL {
            if let Some(missing) = scope::not_asked(*query, &nodes, &namespaces, &known) {
                self.not_asked.insert(*query, missing);
            }
        }
        for (labels, taps) in &mut self.series {
            let wanted = self.catalogue.askers(labels).filter(|query| match query.scope() {
                QueryScope::All => true,
                QueryScope::GpuNodes => is_within(labels, &nodes),
                QueryScope::GpuNamespaces => is_within(labels, &namespaces),
            });
            taps.extend(wanted.map(|query| (query, Tap::new(query.kind(), self.window))));
        }
    }

    /// The series of the queries that come first, without samples.
    fn known(&self) -> Vec<MetricData> {
        let mut found: BTreeMap<QueryId, Vec<Series>> = BTreeMap::new();
        for (labels, _) in &self.series {
            let first = self.catalogue.askers(labels).filter(|q| q.scope() == QueryScope::All);
            for query in first {
                let series = Series { labels: labels.clone(), ..Series::default() };
                found.entry(query).or_default().push(series);
            }
        }
        let data = |(query, series)| MetricData { query, series, gaps: Vec::new() };
        found.into_iter().map(data).collect()
    }

    /// A sample of a series; those of one series come in order of time.
    pub(in crate::source) fn push(&mut self, place: usize, at: Millis, value: f64) {
        let catalogue = &self.catalogue;
        for (query, tap) in &mut self.series[place].1 {
            tap.push(at, value, |value| catalogue.keeps(*query, value));
        }
    }

    /// The answers, and a line of coverage for each query. `gaps` tells when nobody of those who have a query's
    /// series was there; `from` is the name of the source.
    pub(in crate::source) fn finish(
        self,
        from: &str,
        gaps: impl Fn(&BTreeSet<TargetName>) -> Vec<ReadGap>,
    ) -> (Vec<MetricData>, Vec<SourceStatus>) {
        let mut found: BTreeMap<QueryId, Vec<Series>> = BTreeMap::new();
        let mut targets: BTreeMap<QueryId, BTreeSet<TargetName>> = BTreeMap::new();
        let Self { catalogue, window, series, not_asked, .. } = self;
        for (labels, taps) in series {
            for (query, tap) in taps {
                let samples = tap.finish(|value| catalogue.keeps(query, value));
                targets.entry(query).or_default().insert(target_of(&labels));
                if !samples.is_empty() {
                    let series = Series { labels: labels.clone(), samples };
                    found.entry(query).or_default().push(series);
                }
            }
        }
        let (mut metrics, mut sources) = (Vec::new(), Vec::new());
        for query in catalogue.queries() {
            let name = format!("{from}/{}", query.name());
            if let Some(reason) = not_asked.get(&query) {
                sources.push(SourceStatus { name, ..status::skipped(query, reason) });
                continue;
            }
            let series = catalogue.answer(query, found.remove(&query).unwrap_or_default());
            let gaps = match query.kind() {
                // What hardly changes is known from before and after.
                QueryKind::Info | QueryKind::Tail => Vec::new(),
                QueryKind::Raw | QueryKind::Grid { .. } => {
                    targets.get(&query).map(&gaps).unwrap_or_default()
                }
            };
            let answer = MetricData { query, series, gaps };
            sources.push(SourceStatus { name, ..status::of_answer(&answer, window, &[]) });
            metrics.push(answer);
        }
        (metrics, sources)
    }
}

fn is_within(labels: &Labels, scope: &LabelScope) -> bool {
    scope.labels.iter().any(|l| labels.get(l).is_some_and(|value| scope.values.contains(value)))
}

fn target_of(labels: &Labels) -> TargetName {
    let text = |name| labels.get(name).cloned().unwrap_or_default();
    TargetName { job: text("job"), instance: text("instance") }
}
