//! The queries of the catalogue, ready to be held against series that no server evaluates.
//!
//! What is done with a series that a query looks at (kept as it is, evaluated at steps) is the caller's.

use std::collections::BTreeMap;

use crate::model::{Labels, QueryId, Series};
use crate::source::prometheus::render::Bindings;
use crate::source::prometheus::selector::Selector;

/// Every query of the catalogue as data.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    queries: Vec<(QueryId, Selector)>,
    by_name: BTreeMap<String, Vec<usize>>,
}

impl Catalogue {
    /// With these extended resource names (`nvidia.com/gpu`) as GPUs.
    #[must_use]
    pub fn new(gpu_resources: &[String]) -> Self {
        let gpus = gpu_pattern(gpu_resources);
        let queries: Vec<(QueryId, Selector)> =
            QueryId::ALL.iter().map(|id| (*id, Selector::of(*id, &gpus))).collect();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, (_, selector)) in queries.iter().enumerate() {
            for name in selector.names() {
                by_name.entry(name.to_owned()).or_default().push(index);
            }
        }
        Self { queries, by_name }
    }

    /// The queries, in the order of the catalogue.
    #[must_use]
    pub fn queries(&self) -> impl ExactSizeIterator<Item = QueryId> + '_ {
        self.queries.iter().map(|(query, _)| *query)
    }

    /// Whether any query looks at a metric of this name.
    #[must_use]
    pub fn knows(&self, metric: &str) -> bool {
        self.by_name.contains_key(metric)
    }

    /// The queries that look at a series, whatever its values.
    pub fn askers<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = QueryId> + 'a {
        self.of_name(labels)
            .map(|index| &self.queries[index])
            .filter(|(_, selector)| selector.selects(labels))
            .map(|(query, _)| *query)
    }

    /// Whether a query gives, or aggregates, such a value of a series that it looks at.
    #[must_use]
    pub fn keeps(&self, query: QueryId, value: f64) -> bool {
        self.selector(query).is_some_and(|selector| selector.evaluation.keeps(value))
    }

    /// Places in the order of the catalogue of the queries that take a sample.
    pub(super) fn takers<'a>(
        &'a self,
        labels: &'a Labels,
        value: f64,
    ) -> impl Iterator<Item = usize> + 'a {
        self.of_name(labels).filter(move |index| self.queries[*index].1.takes(labels, value))
    }

    /// Series that a query takes as its answer: aggregated where the query aggregates, sorted by labels.
    pub(in crate::source) fn answer(&self, query: QueryId, series: Vec<Series>) -> Vec<Series> {
        self.selector(query).map(|s| s.evaluation.answer(series)).unwrap_or_default()
    }

    fn selector(&self, query: QueryId) -> Option<&Selector> {
        self.queries.iter().find(|(id, _)| *id == query).map(|(_, selector)| selector)
    }

    fn of_name<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = usize> + 'a {
        let name = labels.get("__name__").map_or("", String::as_str);
        self.by_name.get(name).into_iter().flatten().copied()
    }
}

/// What a server would be asked for.
fn gpu_pattern(gpu_resources: &[String]) -> String {
    let bindings = Bindings::new(&[], gpu_resources).expect("there is no matcher to be bad");
    bindings.gpu_resources().to_owned()
}
