//! The warnings of the report's coverage as checks, each where it belongs and with what to change.
//!
//! They decide whether a report would be complete; nothing else does but a source that cannot be read.

use super::check::{METRICS, PRICES, SHARING, WARNINGS, shell_word};
use super::contract::{Check, Fix, Group, State};
use super::csv_lines::{DCGM_DRA, DCGM_MONITOR, DCGM_PODS};
use crate::report::contract::Warning;

/// Warnings that other checks make in more detail, by source and by query.
const ELSEWHERE: [&str; 2] = ["source-failed", "query-gap"];

/// Checks of all warnings.
pub(super) fn checks<'a>(warnings: impl Iterator<Item = &'a Warning>) -> Vec<Check> {
    warnings.filter(|w| !ELSEWHERE.contains(&w.code.as_str())).map(check).collect()
}

fn check(warning: &Warning) -> Check {
    let state = if warning.incomplete { State::Fail } else { State::Warn };
    let (group, docs) = home(&warning.code);
    Check {
        fix: fix(warning),
        ..Check::new(group, warning.code.clone(), state, warning.message.clone(), docs)
    }
}

fn home(code: &str) -> (Group, &'static str) {
    match code {
        "no-metrics" | "clock-skew" => (Group::Server, WARNINGS),
        "bad-object" | "unconfirmed-pods" => (Group::Access, WARNINGS),
        "no-dcgm-series" | "silent-devices" | "samples-clamped" | "room-unknown"
        | "no-pod-history" | "low-coverage" => (Group::Metrics, METRICS),
        "no-holders" | "no-claim-history" | "claims-unjoined" | "claims-unknown"
        | "busy-unallocated" | "contested-devices" => (Group::Labels, METRICS),
        "unlisted-devices" | "incomplete-pools" | "request-without-device" | "bad-annotation" => {
            (Group::Sharing, SHARING)
        }
        "no-price" | "virtual-gpus" => (Group::Prices, PRICES),
        _ => (Group::Figures, WARNINGS),
    }
}

fn fix(warning: &Warning) -> Option<Fix> {
    let (action, text) = match warning.code.as_str() {
        "no-metrics" => ("name a metric server", Some("--prometheus http://HOST:9090".to_owned())),
        "no-dcgm-series" => (
            "let the metric server scrape dcgm-exporter (chart value `serviceMonitor.enabled=true`); with the Prometheus operator",
            Some(DCGM_MONITOR.to_owned()),
        ),
        "silent-devices" => (
            "look at the exporter's pod on those nodes, and at the GPUs",
            Some("kubectl get pods -A -o wide -l app=nvidia-dcgm-exporter".to_owned()),
        ),
        "no-pod-history" => (
            "let the metric server scrape kube-state-metrics, and no relabelling drop",
            Some("kube_pod_container_resource_requests".to_owned()),
        ),
        "room-unknown" => (
            "let kube-state-metrics show what nodes have, and no relabelling drop",
            Some("kube_node_status_allocatable".to_owned()),
        ),
        "no-holders" => (
            "let kube-state-metrics or the cluster be read; or let dcgm-exporter label its series with pods",
            Some(DCGM_PODS.to_owned()),
        ),
        "no-claim-history" => (
            "run kube-state-metrics 2.20 or later, and keep the metric",
            Some("kube_pod_resourceclaim_info".to_owned()),
        ),
        "claims-unjoined" | "claims-unknown" => (
            "let dcgm-exporter name resource claims: set in its environment",
            Some(DCGM_DRA.to_owned()),
        ),
        "busy-unallocated" => (
            "look for work outside Kubernetes; name GPU resources that go by another name",
            Some("--gpu-resource NAME".to_owned()),
        ),
        "low-coverage" => (
            "look at the holes of the metrics above; where the scrape interval is longer than 5 minutes, let samples hold for longer",
            Some("--max-gap 15m".to_owned()),
        ),
        "unlisted-devices" | "incomplete-pools" => (
            "look at the DRA driver of those nodes, and list its slices",
            Some("kubectl get resourceslices".to_owned()),
        ),
        "no-price" | "virtual-gpus" => (
            "give a price",
            Some(format!("--price {}", shell_word(&format!("{}=PRICE", model(&warning.message)?)))),
        ),
        "clock-skew" => ("set the clock that is wrong", None),
        _ => return None,
    };
    Some(Fix { action: action.to_owned(), text })
}

/// The model that a warning about prices names: `no price for 2 × MODEL: …`.
fn model(message: &str) -> Option<&str> {
    let named = message.split_once(" × ")?.1;
    let end = named.find([':', ';', ',']).unwrap_or(named.len());
    Some(&named[..end])
}
