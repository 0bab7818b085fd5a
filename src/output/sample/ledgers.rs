//! Ledgers, usage and holders of the sample report.

use crate::report::contract::{Ledger, Usage};

/// Hours by state: busy, slack, warm, empty, unobserved.
pub(super) type Held = [f64; 5];

pub(super) const PRICE: f64 = 2.5;

/// A ledger of held time; costs are unknown without a price.
pub(super) fn held(states: Held, price: Option<f64>) -> Ledger {
    let [busy, slack, warm, empty, unobserved] = states;
    let allocated: f64 = states.iter().sum();
    let observed = allocated - unobserved;
    let cost = |hours: f64| price.map(|price| hours * price);
    Ledger {
        capacity_gpu_hours: None,
        allocated_gpu_hours: allocated,
        busy_gpu_hours: busy,
        slack_gpu_hours: slack,
        idle_warm_gpu_hours: warm,
        idle_empty_gpu_hours: empty,
        unobserved_gpu_hours: unobserved,
        observed_gpu_hours: observed,
        utilization_gpu_hours: busy,
        utilization: (observed > 0.0).then(|| busy / observed),
        observed_ratio: (allocated > 0.0).then(|| observed / allocated),
        unpriced_gpu_hours: if price.is_some() { 0.0 } else { allocated },
        allocated_cost: cost(allocated),
        busy_cost: cost(busy),
        slack_cost: cost(slack),
        idle_warm_cost: cost(warm),
        idle_empty_cost: cost(empty),
        unobserved_cost: cost(unobserved),
        waste_cost: cost(slack + warm + empty),
        ..Ledger::default()
    }
}

/// The same on hardware with `free` hours unallocated and `broken` unhealthy.
pub(super) fn owned(states: Held, free: f64, broken: f64, price: Option<f64>) -> Ledger {
    let ledger = held(states, price);
    let capacity = ledger.allocated_gpu_hours + free + broken;
    let cost = |hours: f64| price.map(|price| hours * price);
    Ledger {
        capacity_gpu_hours: Some(capacity),
        unallocated_gpu_hours: free,
        unhealthy_gpu_hours: broken,
        unpriced_gpu_hours: if price.is_some() { 0.0 } else { capacity },
        capacity_cost: cost(capacity),
        unallocated_cost: cost(free),
        unhealthy_cost: cost(broken),
        ..ledger
    }
}

pub(super) fn usage(
    p95: f64,
    max: f64,
    memory_gib: f64,
    longest_idle_hours: f64,
    peak: u32,
) -> Usage {
    Usage {
        utilization_p50: Some(p95 / 2.0),
        utilization_p95: Some(p95),
        utilization_p99: Some(max),
        utilization_max: Some(max),
        memory_used_max_bytes: Some(memory_gib * 1_073_741_824.0),
        longest_idle_seconds: longest_idle_hours * 3_600.0,
        gpus_peak: f64::from(peak),
        signal: Some("gpu_util".to_owned()),
        holding_source: Some("kube-state-metrics".to_owned()),
    }
}

/// Nothing observed at all.
pub(super) fn unknown_usage(peak: u32) -> Usage {
    Usage { gpus_peak: f64::from(peak), ..Usage::default() }
}

pub(super) const TRAIN: Held = [20.0, 22.0, 4.0, 0.0, 2.0];
pub(super) const NOTEBOOK: Held = [0.0, 0.0, 23.5, 0.0, 0.5];
pub(super) const HOSTILE: Held = [1.5, 0.5, 0.0, 10.0, 0.0];
pub(super) const DARK: Held = [0.0, 0.0, 0.0, 0.0, 30.0];

/// A tenant with its one namespace and its one workload.
pub(super) struct Holder {
    pub(super) tenant: &'static str,
    pub(super) namespace: &'static str,
    pub(super) kind: &'static str,
    pub(super) workload: &'static str,
    pub(super) priced: bool,
    pub(super) usage: Usage,
    pub(super) ledger: Ledger,
}

/// Most waste first, as a report lists them.
pub(super) fn holders() -> Vec<Holder> {
    let a100 = |states| held(states, Some(PRICE));
    vec![
        Holder {
            tenant: "__unattributed__",
            namespace: "training",
            kind: "Job",
            workload: "resnet-ablation-with-a-very-long-name-that-nobody-reads-7f9c2",
            priced: true,
            usage: usage(0.93, 0.99, 38.7, 1.25, 2),
            ledger: a100(TRAIN),
        },
        Holder {
            tenant: "vision",
            namespace: "ml-vision",
            kind: "StatefulSet",
            workload: "jupyter-anna",
            priced: true,
            usage: usage(0.002, 0.004, 12.4, 23.4, 1),
            ledger: a100(NOTEBOOK),
        },
        Holder {
            tenant: "=cmd()|'/C calc'!A0",
            namespace: "<script>alert(1)</script>",
            kind: "Deployment",
            workload: "a|b \"q\" \u{1b}[31mred\u{202e}",
            priced: true,
            usage: usage(0.61, 0.88, 6.0, 9.5, 1),
            ledger: a100(HOSTILE),
        },
        Holder {
            tenant: "東京チーム",
            namespace: "dark",
            kind: "Pod",
            workload: "no-samples",
            priced: false,
            usage: unknown_usage(2),
            ledger: held(DARK, None),
        },
    ]
}
