//! Tells the pods that hold devices from the exporter itself.
//!
//! Where a scrape honours labels, a series without a pod of its own (an idle card) has that of the scrape
//! target: the exporter. Nobody may pay for that. Which labels name a pod at all is `labels`.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::labels::{CONTAINER, PodLabel, first, hostname, instance_host, kube, named};
use crate::model::{Inputs, QueryId, Series};

/// Namespace and name.
type Pod = (String, String);

/// A pod that requests no GPU.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Bystander {
    /// A DaemonSet runs it, as it does exporters.
    of_daemon_set: bool,
    /// Its address.
    ip: Option<String>,
}

/// Pods that are known and request no GPU: a kubelet gives them none, so a series that names one of them
/// means something else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bystanders(BTreeMap<Pod, Bystander>);

impl Bystanders {
    /// Reads objects and kube-state-metrics. A pod with a request under any name that looks like a GPU's, or
    /// with a claim, is none.
    #[must_use]
    pub fn new(inputs: &Inputs) -> Self {
        let mut out: BTreeMap<Pod, Bystander> = BTreeMap::new();
        let series = |query| inputs.metric(query).map_or(&[][..], |m| &m.series);
        let pod = |s: &Series| Some((kube(s, "namespace")?.to_owned(), kube(s, "pod")?.to_owned()));
        for info in series(QueryId::PodInfo) {
            let Some(pod) = pod(info) else { continue };
            let known = out.entry(pod).or_default();
            known.of_daemon_set |= info.label("created_by_kind") == Some("DaemonSet");
            known.ip = info.label("pod_ip").map(ToOwned::to_owned).or(known.ip.take());
        }
        for fact in &inputs.facts.pods {
            let known = out.entry((fact.namespace.clone(), fact.name.clone())).or_default();
            known.of_daemon_set |= fact.owner.as_ref().is_some_and(|o| o.kind == "DaemonSet");
        }
        for query in [QueryId::PodGpuRequests, QueryId::PodInitGpuRequests] {
            series(query).iter().filter_map(pod).for_each(|pod| drop(out.remove(&pod)));
        }
        for fact in &inputs.facts.pods {
            let requests = &fact.requests;
            if !(requests.gpus.is_empty()
                && requests.other_gpu_requests.is_empty()
                && fact.claims.is_empty()
                && fact.pod_group.is_none())
            {
                out.remove(&(fact.namespace.clone(), fact.name.clone()));
            }
        }
        Self(out)
    }

    /// Whether a series of devices names the pod that was scraped for it: one of a DaemonSet, or the one
    /// whose address was asked.
    fn is_scraped(&self, series: &Series, namespace: &str, name: &str) -> bool {
        let pod = self.0.get(&(namespace.to_owned(), name.to_owned()));
        pod.filter(|_| series.label("dra_claim_name").is_none()).is_some_and(|pod| {
            pod.of_daemon_set || pod.ip.is_some() && pod.ip.as_deref() == instance_host(series)
        })
    }
}

/// Who the exporter is.
#[derive(Debug, Clone, Default)]
pub struct ExporterIdentity {
    /// (namespace, container) of the scrape target, learnt from series that carry both kinds of label.
    targets: BTreeSet<(String, String)>,
    bystanders: Bystanders,
}

impl ExporterIdentity {
    /// Learns from all device series who the exporter is, and from what is known of the pods that they name.
    #[must_use]
    pub fn learn<'a>(series: impl IntoIterator<Item = &'a Series>, bystanders: Bystanders) -> Self {
        let is_exporters = |s: &&Series| {
            s.labels.keys().any(|k| k.starts_with("exported_"))
                || named(s).is_some_and(|(namespace, pod)| bystanders.is_scraped(s, namespace, pod))
        };
        let targets = series
            .into_iter()
            .filter(is_exporters)
            .filter_map(|s| {
                Some((s.label("namespace")?.to_owned(), s.label("container")?.to_owned()))
            })
            .collect();
        Self { targets, bystanders }
    }

    /// The holder that a device's series names: `None` for no label, an empty one, or the exporter.
    #[must_use]
    pub fn holder(&self, series: &Series) -> Option<PodLabel> {
        let (namespace, name) = named(series)?;
        (!self.is_exporter(series, namespace, name)).then(|| PodLabel {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: series.label("pod_uid").map(ToOwned::to_owned),
        })
    }

    fn is_exporter(&self, series: &Series, namespace: &str, pod: &str) -> bool {
        let is_old =
            series.label("exported_pod").is_none() && series.label("pod_name") == Some(pod);
        let names = if is_old { &["container_name"][..] } else { CONTAINER };
        let container = first(series, names).unwrap_or_default();
        let plain = series.label("exported_pod").is_none();
        looks_like_exporter(container)
            || looks_like_exporter(pod)
            || plain && self.targets.contains(&(namespace.to_owned(), container.to_owned()))
            || plain && hostname(series) == Some(pod)
            || plain && self.bystanders.is_scraped(series, namespace, pod)
    }
}

/// By name of its pod or container; `metrics-exporter-container` is AMD's.
fn looks_like_exporter(name: &str) -> bool {
    name.contains("dcgm-exporter")
        || name.contains("dcgm_exporter")
        || name.contains("device-metrics-exporter")
        || name == "metrics-exporter-container"
}
