//! CPU and memory that pods use, as the kubelet's cAdvisor tells, and how full the caches of model servers are. What is
//! said of it is `findings`.

use std::collections::BTreeMap;

use super::labels::kube;
use crate::model::{Inputs, QueryId, Series, Window};
use crate::units::Millis;

/// A value at an instant.
pub type Sample = (Millis, f64);

/// CPU, memory and cache use of pods, by namespace and name. Nothing where its source is not scraped, or was not asked.
#[derive(Debug, Clone, Default)]
pub struct PodUses<'a> {
    window: Option<Window>,
    by_pod: BTreeMap<(&'a str, &'a str), Of<'a>>,
}

#[derive(Debug, Clone, Default)]
struct Of<'a> {
    cpu: Vec<&'a Series>,
    memory: Vec<&'a Series>,
    cache: Vec<&'a Series>,
}

impl<'a> PodUses<'a> {
    /// What inputs tell.
    #[must_use]
    pub fn new(inputs: &'a Inputs) -> Self {
        let mut by_pod: BTreeMap<(&str, &str), Of<'a>> = BTreeMap::new();
        for query in QueryId::OPTIONAL {
            for series in inputs.metric(*query).iter().flat_map(|data| &data.series) {
                let (Some(namespace), Some(pod)) = (kube(series, "namespace"), kube(series, "pod"))
                else {
                    continue;
                };
                let of = by_pod.entry((namespace, pod)).or_default();
                match query {
                    QueryId::PodCpuUsage => of.cpu.push(series),
                    QueryId::KvCacheUsage => of.cache.push(series),
                    _ => of.memory.push(series),
                }
            }
        }
        Self { window: Some(inputs.window), by_pod }
    }

    /// Whether CPU and memory use are not known of any pod.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_pod.values().all(|of| of.cpu.is_empty() && of.memory.is_empty())
    }

    /// Part of its key-value cache that a model server had in use, 0..1, in order of time; each the largest of the five
    /// minutes before.
    #[must_use]
    pub fn cache_ratio(&self, namespace: &str, pod: &str) -> Vec<Sample> {
        self.samples(namespace, pod, |of| &of.cache)
    }

    /// Cores that a pod used, in order of time; each the mean of the five minutes before.
    #[must_use]
    pub fn cores(&self, namespace: &str, pod: &str) -> Vec<Sample> {
        self.samples(namespace, pod, |of| &of.cpu)
    }

    /// Working set of a pod in bytes, in order of time.
    #[must_use]
    pub fn memory_bytes(&self, namespace: &str, pod: &str) -> Vec<Sample> {
        self.samples(namespace, pod, |of| &of.memory)
    }

    /// Samples within the window; of several series of a pod the largest value of an instant.
    fn samples(
        &self,
        namespace: &str,
        pod: &str,
        read: for<'b> fn(&'b Of<'a>) -> &'b [&'a Series],
    ) -> Vec<Sample> {
        let (Some(of), Some(window)) = (self.by_pod.get(&(namespace, pod)), self.window) else {
            return Vec::new();
        };
        let mut out: BTreeMap<Millis, f64> = BTreeMap::new();
        for (at, value) in read(of).iter().flat_map(|series| series.samples()) {
            let is_within = window.start() <= at && at < window.end();
            if is_within && value.is_finite() && value >= 0.0 {
                out.entry(at).and_modify(|known| *known = known.max(value)).or_insert(value);
            }
        }
        out.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterFacts, MetricData};

    fn series(labels: &[(&str, &str)], samples: &[Sample]) -> Series {
        Series {
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            samples: samples.iter().copied().collect(),
        }
    }

    #[test]
    fn samples_of_the_window_that_are_numbers_and_the_largest_of_several() {
        let own = [("namespace", "ns"), ("pod", "a")];
        let passed_on = [("exported_namespace", "ns"), ("exported_pod", "a"), ("namespace", "mon")];
        let data = MetricData {
            query: QueryId::PodCpuUsage,
            series: vec![
                series(&own, &[(-1, 9.0), (0, 1.0), (5, f64::NAN), (10, 2.0), (100, 9.0)]),
                series(&passed_on, &[(10, 3.0), (20, -1.0)]),
            ],
            gaps: Vec::new(),
        };
        let inputs = Inputs {
            window: Window::new(0, 100).expect("not reversed"),
            now_ms: 100,
            metrics: vec![data],
            facts: ClusterFacts::default(),
            sources: Vec::new(),
        };
        let uses = PodUses::new(&inputs);
        assert!(!uses.is_empty());
        assert_eq!(uses.cores("ns", "a"), [(0, 1.0), (10, 3.0)]);
        assert!(uses.memory_bytes("ns", "a").is_empty() && uses.cores("mon", "a").is_empty());
    }
}
