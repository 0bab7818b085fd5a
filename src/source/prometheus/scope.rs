//! Which nodes and namespaces have GPUs, from the answers of the first phase, and under which label
//! names the server carries them.

use std::collections::BTreeSet;

use super::render::{Bindings, LabelScope};
use crate::model::query::QueryScope;
use crate::model::{MetricData, QueryId, Series};

/// Queries whose series name a GPU node.
const NODE_QUERIES: [QueryId; 3] =
    [QueryId::NodeCapacity, QueryId::PodGpuRequests, QueryId::PodInitGpuRequests];
/// Queries of kube-state-metrics whose series name a namespace that asks for GPUs.
const REQUEST_QUERIES: [QueryId; 3] =
    [QueryId::PodGpuRequests, QueryId::PodInitGpuRequests, QueryId::PodResourceClaims];
/// Queries of the devices' exporters whose series name the namespace that holds a GPU.
const DEVICE_QUERIES: [QueryId; 6] = [
    QueryId::GpuUtil,
    QueryId::GrEngineActive,
    QueryId::SmActive,
    QueryId::FbUsed,
    QueryId::AmdGfxActivity,
    QueryId::AmdVramUsed,
];

/// Nodes with GPUs. A scrape that does not honour labels carries them as `exported_node`, and then
/// `node` (if there is one) is the scraper's.
pub(in crate::source) fn gpu_nodes(answers: &[&MetricData]) -> LabelScope {
    let mut scope = Found::default();
    for series in of(answers, &NODE_QUERIES) {
        scope.add_first(series, &["exported_node", "node"]);
    }
    scope.into_scope(["exported_node", "node"])
}

/// Namespaces that hold or ask for GPUs. The label names are those of kube-state-metrics, whose
/// metrics are asked about next; dcgm-exporter, scraped by another job, gives values only.
pub(in crate::source) fn gpu_namespaces(answers: &[&MetricData]) -> LabelScope {
    let mut scope = Found::default();
    for series in of(answers, &REQUEST_QUERIES) {
        scope.add_first(series, &["exported_namespace", "namespace"]);
    }
    let mut devices = Found::default();
    for series in of(answers, &DEVICE_QUERIES) {
        devices.add_first(series, &["exported_namespace", "pod_namespace", "namespace"]);
    }
    scope.values.extend(devices.values);
    scope.into_scope(["exported_namespace", "namespace"])
}

/// Why a query is not asked; `None` for one that is. `answers` are those of the first phase.
pub(in crate::source) fn not_asked(
    query: QueryId,
    nodes: &LabelScope,
    namespaces: &LabelScope,
    answers: &[&MetricData],
) -> Option<&'static str> {
    let failed =
        |queries: &[QueryId]| answers_to(answers, queries).any(|answer| !answer.gaps.is_empty());
    match query.scope() {
        QueryScope::GpuNodes if nodes.values.is_empty() => Some(if failed(&NODE_QUERIES) {
            "not asked: what says which nodes have GPUs could not be read"
        } else {
            "not asked: no node with GPUs was found in kube-state-metrics"
        }),
        QueryScope::GpuNamespaces if namespaces.values.is_empty() => {
            Some(if failed(&REQUEST_QUERIES) || failed(&DEVICE_QUERIES) {
                "not asked: what says which namespaces have GPUs could not be read"
            } else {
                "not asked: no namespace with GPUs was found"
            })
        }
        QueryScope::All | QueryScope::GpuNodes | QueryScope::GpuNamespaces => None,
    }
}

/// Bindings for metrics of a job that is not kube-state-metrics': it may honour labels where that one does not.
pub(super) fn of_any_label(bindings: &Bindings) -> Bindings {
    let mut bindings = bindings.clone();
    bindings.namespaces.labels = ["exported_namespace", "namespace"].map(Into::into).into();
    bindings
}

#[derive(Default)]
struct Found {
    labels: BTreeSet<&'static str>,
    values: BTreeSet<String>,
}

impl Found {
    /// Takes the first of `names` that the series has.
    fn add_first(&mut self, series: &Series, names: &[&'static str]) {
        let found = names.iter().find_map(|name| Some((*name, series.label(name)?)));
        if let Some((name, value)) = found {
            self.labels.insert(name);
            if !self.values.contains(value) {
                self.values.insert(value.to_owned());
            }
        }
    }

    /// With every name in `all` when none was seen: then either may be the right one.
    fn into_scope(self, all: [&'static str; 2]) -> LabelScope {
        let labels = if self.labels.is_empty() { BTreeSet::from(all) } else { self.labels };
        LabelScope { labels: labels.into_iter().map(Into::into).collect(), values: self.values }
    }
}

fn of<'a>(
    answers: &'a [&MetricData],
    queries: &'a [QueryId],
) -> impl Iterator<Item = &'a Series> + 'a {
    answers_to(answers, queries).flat_map(|answer| &answer.series)
}

fn answers_to<'a>(
    answers: &'a [&MetricData],
    queries: &'a [QueryId],
) -> impl Iterator<Item = &'a MetricData> + 'a {
    answers.iter().copied().filter(|answer| queries.contains(&answer.query))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(query: QueryId, series: &[&[(&str, &str)]]) -> MetricData {
        let series = series.iter().map(|labels| Series {
            labels: labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            samples: [(1, 1.0)].into_iter().collect(),
        });
        MetricData { query, series: series.collect(), gaps: Vec::new() }
    }

    fn refs(answers: &[MetricData]) -> Vec<&MetricData> {
        answers.iter().collect()
    }

    fn scope(labels: &[&str], values: &[&str]) -> LabelScope {
        LabelScope {
            labels: labels.iter().map(ToString::to_string).collect(),
            values: values.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn honoured_labels() {
        let answers = [
            answer(QueryId::NodeCapacity, &[&[("node", "a")], &[("node", "b")]]),
            answer(
                QueryId::PodGpuRequests,
                &[&[("node", "c"), ("namespace", "x")], &[("node", ""), ("namespace", "y")]],
            ),
            answer(QueryId::GpuUtil, &[&[("namespace", "z")], &[("UUID", "u")]]),
        ];
        assert_eq!(gpu_nodes(&refs(&answers)), scope(&["node"], &["a", "b", "c"]));
        assert_eq!(gpu_namespaces(&refs(&answers)), scope(&["namespace"], &["x", "y", "z"]));
    }

    #[test]
    fn labels_that_are_not_honoured_are_the_scrapers() {
        let answers = [
            answer(QueryId::NodeCapacity, &[&[("exported_node", "a"), ("node", "ksm-host")]]),
            answer(
                QueryId::PodGpuRequests,
                &[&[("exported_namespace", "x"), ("namespace", "monitoring"), ("node", "b")]],
            ),
            answer(QueryId::FbUsed, &[&[("pod_namespace", "old"), ("namespace", "monitoring")]]),
        ];
        // Both names are in use: both are asked about.
        assert_eq!(gpu_nodes(&refs(&answers)), scope(&["exported_node", "node"], &["a", "b"]));
        assert_eq!(gpu_namespaces(&refs(&answers)), scope(&["exported_namespace"], &["old", "x"]));
    }

    #[test]
    fn without_kube_state_metrics_either_name_may_be_right() {
        let answers = [answer(QueryId::GpuUtil, &[&[("exported_namespace", "x")]])];
        assert_eq!(
            gpu_namespaces(&refs(&answers)),
            scope(&["exported_namespace", "namespace"], &["x"])
        );
        assert!(gpu_nodes(&refs(&answers)).values.is_empty());
    }
}
