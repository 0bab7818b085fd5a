//! Label plumbing: whether series tell which device, node and pod they are of, and whether
//! kube-state-metrics shows the labels that tenants and prices go by.

use std::collections::BTreeSet;

use super::catalogue::Exporter;
use super::check::{METRICS, count, list};
use super::contract::{Check, Group, State};
use super::csv_lines::{DCGM_DRA, DCGM_PODS};
use super::metrics::Answers;
use super::signs::{Signs, shown_keys};
use crate::model::policy::TenantRule;
use crate::model::{Inputs, Policy, QueryId};
use crate::observe::labels::kube_label_name;

/// Labels of nodes that prices, models and sharing go by.
const NODE_KEYS: [&str; 9] = [
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "karpenter.sh/capacity-type",
    "nvidia.com/gpu.product",
    "nvidia.com/gpu.count",
    "nvidia.com/gpu.memory",
    "nvidia.com/gpu.replicas",
    "nvidia.com/gpu.sharing-strategy",
    "nvidia.com/mig.strategy",
];

/// The one of them that every node with NVIDIA's feature discovery has.
const PRODUCT: &str = "nvidia.com/gpu.product";

fn make(id: &str, state: State, message: impl Into<String>) -> Check {
    Check::new(Group::Labels, id, state, message, METRICS)
}

/// Checks of labels.
pub(super) fn checks(
    inputs: &Inputs,
    policy: &Policy,
    signs: &Signs,
    answers: &Answers,
) -> Vec<Check> {
    let mut out = Vec::new();
    if signs.series > 0 {
        out.extend([pods(signs), identity(signs), nodes(signs)]);
        out.extend(claims(inputs, signs));
    }
    if answers.has_any_of(Exporter::KubeState) {
        out.extend(allow_lists(inputs, policy));
    }
    out
}

/// Which pod has which device.
fn pods(signs: &Signs) -> Check {
    let check = if signs.held > 0 && signs.exported > 0 {
        make(
            "pod-labels",
            State::Ok,
            format!(
                "{} of {} device series name the pod that holds the GPU; {} have `exported_*` labels, for their scrape does not \
                 honour labels (`honorLabels: false`) and `pod` is the exporter: understood here, a trap for dashboards",
                signs.held, signs.series, signs.exported
            ),
        )
    } else if signs.held > 0 {
        let message = format!(
            "{} of {} device series name the pod that holds the GPU",
            signs.held, signs.series
        );
        make("pod-labels", State::Ok, message)
    } else if signs.labelled > 0 && signs.exported == 0 {
        make(
            "pod-labels",
            State::Warn,
            "the only pod that device series name is the exporter's own: no pod holds a GPU, the exporter does not label them, \
             or the scrape overwrites its labels and drops `exported_pod`",
        )
        .fixed_by(
            "honour the exporter's labels in the ServiceMonitor's endpoint (and let the exporter label pods: DCGM_EXPORTER_KUBERNETES=true)",
            "honorLabels: true",
        )
    } else {
        make(
            "pod-labels",
            State::Warn,
            "no device series names a pod: which GPU of a node a pod has is known only where there is one choice",
        )
        .fixed_by("let dcgm-exporter ask the kubelet: set in its environment", DCGM_PODS)
    };
    check
        .figure("device_series", count(signs.series))
        .figure("device_series_with_pod", count(signs.held))
        .figure("device_series_with_exported_labels", count(signs.exported))
        .figure("exporter_pods", count(signs.exporters.len()))
        .named(signs.exporters.iter().cloned())
}

/// Which device it is.
fn identity(signs: &Signs) -> Check {
    let check = if signs.anonymous == 0 {
        let devices = signs.devices.len();
        make(
            "device-identity",
            State::Ok,
            format!("every series has a UUID or serial number; {devices} GPUs"),
        )
    } else {
        make(
            "device-identity",
            State::Warn,
            format!(
                "{} of {} series have no UUID: GPUs are told apart by host and index, which a replaced GPU shares with the old one",
                signs.anonymous, signs.series
            ),
        )
        .fixed_by("take the rule out of metricRelabelings that drops the label", "UUID")
    };
    check
        .figure("devices", count(signs.devices.len()))
        .figure("series_without_uuid", count(signs.anonymous))
}

/// On which node it is.
fn nodes(signs: &Signs) -> Check {
    let check = if signs.located == signs.series {
        make(
            "device-node",
            State::Ok,
            "every series names its host (`Hostname`, `hostname` or `node`)",
        )
    } else {
        make(
            "device-node",
            State::Warn,
            format!(
                "{} of {} series name no host: their node is taken from the address of the scrape, and `kube_pod_info`",
                signs.series - signs.located,
                signs.series
            ),
        )
        .fixed_by(
            "let the scrape add the node (ServiceMonitor endpoint)",
            "relabelings:\n  - sourceLabels: [__meta_kubernetes_pod_node_name]\n    targetLabel: node",
        )
    };
    check.figure("series_without_host", count(signs.series - signs.located))
}

/// Which claim has it, where there are claims of GPUs.
fn claims(inputs: &Inputs, signs: &Signs) -> Option<Check> {
    let labelled = signs.devices.values().filter(|d| d.names_claims).count();
    if labelled == 0 && !inputs.facts.dra.has_gpus() {
        return None;
    }
    let check = if labelled > 0 {
        make(
            "claim-labels",
            State::Ok,
            format!("series of {labelled} GPUs name resource claims (`dra_*`)"),
        )
    } else {
        make(
            "claim-labels",
            State::Warn,
            "GPUs are handed out by resource claims, and no series names one: which device a claim had is not known once it is gone",
        )
        .fixed_by("let dcgm-exporter name resource claims: set in its environment", DCGM_DRA)
    };
    Some(check.figure("devices_with_claim_labels", count(labelled)))
}

/// Labels that kube-state-metrics is allowed to show.
fn allow_lists(inputs: &Inputs, policy: &Policy) -> Vec<Check> {
    let keys = |read: fn(&TenantRule) -> &[String]| -> Vec<&str> {
        let mut all: Vec<&str> =
            policy.tenant_rules.iter().flat_map(read).map(String::as_str).collect();
        all.dedup();
        all
    };
    let of_pods = keys(|rule| match rule {
        TenantRule::QueueLabel(keys) | TenantRule::PodLabel(keys) => keys,
        _ => &[],
    });
    let of_namespaces = keys(|rule| match rule {
        TenantRule::NamespaceLabel(keys) => keys,
        _ => &[],
    });
    let facts = &inputs.facts;
    let on_pods = facts.pods.iter().flat_map(|p| p.labels.keys()).map(String::as_str).collect();
    let on_namespaces: BTreeSet<&str> =
        facts.namespaces.iter().flat_map(|n| n.labels.keys()).map(String::as_str).collect();
    let on_nodes: BTreeSet<&str> =
        facts.nodes.iter().flat_map(|n| n.labels.keys()).map(String::as_str).collect();
    let lists = [
        AllowList {
            what: "pods",
            query: QueryId::PodLabels,
            wanted: of_pods,
            carried: (!facts.pods.is_empty()).then_some(on_pods),
            lost: "tenants of pods that are gone cannot be told by label",
        },
        AllowList {
            what: "namespaces",
            query: QueryId::NamespaceLabels,
            wanted: of_namespaces,
            carried: (!facts.namespaces.is_empty()).then_some(on_namespaces),
            lost: "tenants of namespaces that are gone cannot be told by label",
        },
        AllowList {
            what: "nodes",
            query: QueryId::NodeLabels,
            wanted: NODE_KEYS.to_vec(),
            carried: (!facts.nodes.is_empty()).then_some(on_nodes),
            lost: "price, model and sharing of nodes that are gone are not known from labels",
        },
    ];
    lists.iter().map(|list| list.check(inputs)).collect()
}

/// Labels of one kind of object.
struct AllowList<'a> {
    what: &'static str,
    query: QueryId,
    /// Keys that something goes by.
    wanted: Vec<&'a str>,
    /// Keys that objects have; `None` where no object is known.
    carried: Option<BTreeSet<&'a str>>,
    lost: &'static str,
}

impl AllowList<'_> {
    fn check(&self, inputs: &Inputs) -> Check {
        let id = format!("label-allow-list-{}", self.what);
        let shown = shown_keys(inputs, self.query);
        let is_shown = |key: &&&str| shown.contains(kube_label_name(key).as_str());
        let seen: Vec<&str> = self.wanted.iter().filter(is_shown).copied().collect();
        let missing: Vec<&str> = match &self.carried {
            // What objects have and kube-state-metrics does not show, it may not show.
            Some(carried) => self
                .wanted
                .iter()
                .filter(|key| carried.contains(**key) && !is_shown(key))
                .copied()
                .collect(),
            None if seen.is_empty() => self.wanted.clone(),
            // A node without this one is no node of NVIDIA's feature discovery.
            None if self.query == QueryId::NodeLabels && !seen.contains(&PRODUCT) => vec![PRODUCT],
            None => Vec::new(),
        };
        let check = if missing.is_empty() {
            let message = match seen.is_empty() {
                true => format!(
                    "no label of {} is in use that kube-state-metrics should show",
                    self.what
                ),
                false => format!(
                    "kube-state-metrics shows labels of {}: {}",
                    self.what,
                    list(seen.iter().copied())
                ),
            };
            make(&id, State::Ok, message)
        } else {
            let all: Vec<&str> = self
                .wanted
                .iter()
                .filter(|k| is_shown(k) || missing.contains(*k))
                .copied()
                .collect();
            make(
                &id,
                State::Warn,
                format!(
                    "kube-state-metrics shows no label of {} named {}: {}",
                    self.what,
                    list(missing.iter().copied()),
                    self.lost
                ),
            )
            .fixed_by(
                "allow them in the arguments of kube-state-metrics (chart value `metricLabelsAllowlist`), beside what is there",
                format!("--metric-labels-allowlist={}=[{}]", self.what, all.join(",")),
            )
        };
        check.named(missing)
    }
}
