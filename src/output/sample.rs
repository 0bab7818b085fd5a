//! A small, complete report for tests: 6 GPUs on 2 nodes for 24 hours, every state, hostile names.
//!
//! A100s cost 2.50 an hour; the T4s of the second node have no price. By hand:
//! capacity 6 × 24 = 144 GPU-h, of which 96 priced = 240.00.

use std::collections::BTreeMap;

use serde_json::json;

use crate::report::contract::*;

/// Hours by state: busy, slack, warm, empty, unobserved.
type Held = [f64; 5];

const PRICE: f64 = 2.5;

/// A ledger of held time; costs are unknown without a price.
fn held(states: Held, price: Option<f64>) -> Ledger {
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
fn owned(states: Held, free: f64, broken: f64, price: Option<f64>) -> Ledger {
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

fn usage(p95: f64, max: f64, memory_gib: f64, longest_idle_hours: f64, peak: u32) -> Usage {
    Usage {
        utilization_p50: Some(p95 / 2.0),
        utilization_p95: Some(p95),
        utilization_p99: Some(max),
        utilization_max: Some(max),
        memory_used_max_bytes: Some(memory_gib * 1_073_741_824.0),
        longest_idle_seconds: longest_idle_hours * 3_600.0,
        gpus_peak: peak,
        signal: Some("gpu_util".to_owned()),
        holding_source: Some("kube-state-metrics".to_owned()),
    }
}

/// Nothing observed at all.
fn unknown_usage(peak: u32) -> Usage {
    Usage { gpus_peak: peak, ..Usage::default() }
}

const TRAIN: Held = [20.0, 22.0, 4.0, 0.0, 2.0];
const NOTEBOOK: Held = [0.0, 0.0, 23.5, 0.0, 0.5];
const HOSTILE: Held = [1.5, 0.5, 0.0, 10.0, 0.0];
const DARK: Held = [0.0, 0.0, 0.0, 0.0, 30.0];

/// Name, namespace, workload kind, workload, price, usage, states of each tenant's one workload.
fn holders()
-> Vec<(&'static str, &'static str, &'static str, &'static str, Option<f64>, Usage, Held)> {
    vec![
        (
            "__unattributed__",
            "training",
            "Job",
            "resnet-ablation-with-a-very-long-name-that-nobody-reads-7f9c2",
            Some(PRICE),
            usage(0.93, 0.99, 38.7, 1.25, 2),
            TRAIN,
        ),
        (
            "vision",
            "ml-vision",
            "StatefulSet",
            "jupyter-anna",
            Some(PRICE),
            usage(0.002, 0.004, 12.4, 23.4, 1),
            NOTEBOOK,
        ),
        (
            "=cmd()|'/C calc'!A0",
            "<script>alert(1)</script>",
            "Deployment",
            "a|b \"q\" \u{1b}[31mred\u{202e}",
            Some(PRICE),
            usage(0.61, 0.88, 6.0, 9.5, 1),
            HOSTILE,
        ),
        ("東京チーム", "dark", "Pod", "no-samples", None, unknown_usage(2), DARK),
    ]
}

fn fleet() -> FleetRow {
    // 20 + 1.5 busy, 22 + 0.5 slack, 4 + 23.5 warm, 10 empty, 2 + 0.5 + 30 unobserved.
    let mut ledger = owned([21.5, 22.5, 27.5, 10.0, 32.5], 26.0, 4.0, Some(PRICE));
    ledger.unpriced_gpu_hours = 48.0;
    // Of the 144 GPU-h of capacity, 48 have no price: 30 held without a sample, 18 free.
    ledger.capacity_cost = Some(96.0 * PRICE);
    ledger.allocated_cost = Some(84.0 * PRICE);
    ledger.unobserved_cost = Some(2.5 * PRICE);
    ledger.unallocated_cost = Some(8.0 * PRICE);
    FleetRow {
        ledger,
        usage: usage(0.9, 0.99, 38.7, 23.4, 5),
        gpus: 6,
        nodes: 2,
        physical_gpus_by_model: BTreeMap::from([
            ("NVIDIA A100-SXM4-40GB".to_owned(), 4),
            ("Tesla T4".to_owned(), 2),
        ]),
        allocation_rate: Some(114.0 / 144.0),
        busy_of_capacity: Some(21.5 / 144.0),
        // 60 GPU-h × 2.50 in 24 h.
        waste_cost_per_month: Some(60.0 * PRICE / 24.0 * 730.0),
    }
}

fn gpus() -> Vec<GpuRow> {
    let a100 = |index: &str, states: Held, free: f64, broken: f64| GpuRow {
        uuid: format!("GPU-6f0e1a2b-0000-4000-8000-00000000000{index}"),
        node: "gpu-node-1".to_owned(),
        index: Some(index.to_owned()),
        model: "NVIDIA A100-SXM4-40GB".to_owned(),
        sharing: "exclusive".to_owned(),
        ledger: owned(states, free, broken, Some(PRICE)),
        usage: usage(0.9, 0.99, 38.7, 9.5, 1),
        price_per_hour: Some(PRICE),
        price_source: Some("flag --price".to_owned()),
    };
    let t4 = |index: usize, states: Held, free: f64| GpuRow {
        uuid: format!("@node|2/gpu-{index}"),
        node: "@node|2".to_owned(),
        model: "Tesla T4".to_owned(),
        sharing: "exclusive".to_owned(),
        ledger: owned(states, free, 0.0, None),
        usage: unknown_usage(1),
        ..GpuRow::default()
    };
    vec![
        t4(0, [0.0, 0.0, 0.0, 0.0, 24.0], 0.0),
        t4(1, [0.0, 0.0, 0.0, 0.0, 6.0], 18.0),
        a100("0", [10.0, 11.0, 2.0, 0.0, 1.0], 0.0, 0.0),
        a100("1", [10.0, 11.0, 2.0, 0.0, 1.0], 0.0, 0.0),
        a100("2", NOTEBOOK, 0.0, 0.0),
        a100("3", HOSTILE, 8.0, 4.0),
    ]
}

fn findings() -> Vec<Finding> {
    vec![
        Finding {
            id: "idle-notebook:ml-vision/StatefulSet/jupyter-anna".to_owned(),
            rule: "idle-notebook".to_owned(),
            subject: "ml-vision/StatefulSet/jupyter-anna".to_owned(),
            severity: Severity::High,
            confidence: 0.979,
            basis: Basis::Measured,
            evidence: BTreeMap::from([
                ("idle_gpu_hours".to_owned(), json!(23.5)),
                ("utilization_max".to_owned(), json!(0.004)),
                ("samples".to_owned(), json!(2820)),
            ]),
            monthly_savings: Some(1787.0),
            savings_kind: SavingsKind::Capacity,
            action:
                "Stop the notebook when nobody uses it: nothing ran on its GPU in 23.5 of 24 hours."
                    .to_owned(),
        },
        Finding {
            id: "no-samples:dark/Pod/no-samples".to_owned(),
            rule: "no-samples".to_owned(),
            subject: "dark/Pod/no-samples".to_owned(),
            severity: Severity::Low,
            confidence: 0.0,
            basis: Basis::Assumed,
            evidence: BTreeMap::from([("signal".to_owned(), json!(null))]),
            monthly_savings: None,
            savings_kind: SavingsKind::Realisable,
            action: "Run dcgm-exporter on @node|2: <b>no</b> sample came from it.".to_owned(),
        },
    ]
}

fn coverage() -> Coverage {
    Coverage {
        samples_seen: 1_234_567,
        samples_dropped: BTreeMap::from([("out-of-range".to_owned(), 4), ("sentinel".to_owned(), 1_200)]),
        observed_ratio: Some(81.5 / 114.0),
        unobserved_gpu_hours: BTreeMap::from([
            ("device-unknown".to_owned(), 30.0),
            ("no-sample".to_owned(), 2.5),
        ]),
        gpus_without_price: vec!["@node|2/gpu-0".to_owned(), "@node|2/gpu-1".to_owned()],
        pods_without_owner: 1,
        warnings: vec![Warning {
            code: "query-gap".to_owned(),
            message: "fb_used could not be read from 03:00 to 04:00: warm and empty idle time of that hour \
                      cannot be told apart. Try a smaller window."
                .to_owned(),
        }],
        complete: false,
        sources: vec![
            SourceRow { name: "prometheus".to_owned(), status: "ok".to_owned(), detail: "v3.5.0".to_owned() },
            SourceRow { name: "prometheus/fb_used".to_owned(), status: "partial".to_owned(), detail: "1 of 24 chunks failed: 503 Service Unavailable".to_owned() },
            SourceRow { name: "kubernetes/pods".to_owned(), status: "ok".to_owned(), detail: "4 pods".to_owned() },
            SourceRow { name: "kubernetes/resourceclaims".to_owned(), status: "skipped".to_owned(), detail: "not served".to_owned() },
        ],
    }
}

/// The report.
pub(crate) fn report() -> Report {
    let text = ToString::to_string;
    let owned_sum = |ledgers: &[Ledger]| super::document::sum(ledgers);
    let gpus = gpus();
    let of = |node: &str| -> Vec<Ledger> {
        gpus.iter().filter(|gpu| gpu.node == node).map(|gpu| gpu.ledger.clone()).collect()
    };
    let (a100, t4) = (owned_sum(&of("gpu-node-1")), owned_sum(&of("@node|2")));
    let holders = holders();
    let ledgers: Vec<Ledger> = holders.iter().map(|h| held(h.6, h.4)).collect();
    Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: "2026-11-21T08:00:00Z".to_owned(),
        tool_version: "0.1.0".to_owned(),
        currency: "USD".to_owned(),
        window: WindowRow {
            start: "2026-11-20T00:00:00Z".to_owned(),
            end: "2026-11-21T00:00:00Z".to_owned(),
            hours: 24.0,
        },
        scope: ScopeRow::default(),
        fleet: fleet(),
        in_scope: ScopeTotals { ledger: owned_sum(&ledgers) },
        tenants: holders
            .iter()
            .zip(&ledgers)
            .map(|(h, ledger)| TenantRow {
                tenant: text(h.0),
                rule: "namespace-label:tenant".to_owned(),
                namespaces: vec![text(h.1)],
                ledger: ledger.clone(),
                usage: h.5.clone(),
                cost: ledger.allocated_cost,
            })
            .collect(),
        namespaces: holders
            .iter()
            .zip(&ledgers)
            .map(|(h, ledger)| NamespaceRow {
                namespace: text(h.1),
                tenants: vec![text(h.0)],
                ledger: ledger.clone(),
                usage: h.5.clone(),
                cost: ledger.allocated_cost,
            })
            .collect(),
        workloads: holders
            .iter()
            .zip(&ledgers)
            .map(|(h, ledger)| WorkloadRow {
                tenant: text(h.0),
                rule: "namespace-label:tenant".to_owned(),
                namespace: text(h.1),
                kind: text(h.2),
                name: text(h.3),
                pods: 1,
                ledger: ledger.clone(),
                usage: h.5.clone(),
                cost: ledger.allocated_cost,
            })
            .collect(),
        pods: holders
            .iter()
            .zip(&ledgers)
            .map(|(h, ledger)| PodRow {
                tenant: text(h.0),
                namespace: text(h.1),
                pod: format!("{}-0", h.3),
                uid: None,
                workload_kind: text(h.2),
                workload: text(h.3),
                node: if h.4.is_some() { "gpu-node-1" } else { "@node|2" }.to_owned(),
                gpu_uuids: vec!["GPU-a".to_owned(), "GPU-b".to_owned()],
                held_from: "2026-11-20T00:00:00Z".to_owned(),
                held_until: "2026-11-21T00:00:00Z".to_owned(),
                ledger: ledger.clone(),
                usage: h.5.clone(),
                cost: ledger.allocated_cost,
            })
            .collect(),
        nodes: vec![
            NodeRow {
                node: "@node|2".to_owned(),
                gpus: 2,
                instance_type: None,
                capacity_type: None,
                ledger: t4.clone(),
                usage: unknown_usage(2),
            },
            NodeRow {
                node: "gpu-node-1".to_owned(),
                gpus: 4,
                instance_type: Some("p4d.24xlarge".to_owned()),
                capacity_type: Some("on-demand".to_owned()),
                ledger: a100.clone(),
                usage: usage(0.9, 0.99, 38.7, 23.4, 4),
            },
        ],
        models: vec![
            ModelRow {
                model: "NVIDIA A100-SXM4-40GB".to_owned(),
                gpus: 4,
                ledger: a100,
                usage: usage(0.9, 0.99, 38.7, 23.4, 4),
            },
            ModelRow { model: "Tesla T4".to_owned(), gpus: 2, ledger: t4, usage: unknown_usage(2) },
        ],
        gpus,
        findings: findings(),
        coverage: coverage(),
        reconciliation: Reconciliation {
            capacity_gpu_hours: 144.0,
            accounted_gpu_hours: 144.0,
            residue_gpu_hours: 0.0,
            residue_cost: -0.0,
            checks: vec![BalanceCheck {
                name: "fleet hours".to_owned(),
                left: 144.0,
                right: 144.0,
                balanced: true,
            }],
            balanced: true,
        },
        assumptions: vec![
            Assumption {
                key: "idle_below".to_owned(),
                value: "0.01".to_owned(),
                origin: "default".to_owned(),
            },
            Assumption {
                key: "max_gap".to_owned(),
                value: "5m".to_owned(),
                origin: "flag".to_owned(),
            },
        ],
    }
}

/// A report about nothing: no GPU, no price, no sample.
pub(crate) fn empty_report() -> Report {
    Report {
        fleet: FleetRow {
            ledger: Ledger { capacity_gpu_hours: Some(0.0), ..Ledger::default() },
            ..FleetRow::default()
        },
        in_scope: ScopeTotals::default(),
        tenants: Vec::new(),
        namespaces: Vec::new(),
        workloads: Vec::new(),
        pods: Vec::new(),
        gpus: Vec::new(),
        nodes: Vec::new(),
        models: Vec::new(),
        findings: Vec::new(),
        coverage: Coverage { complete: true, ..Coverage::default() },
        assumptions: Vec::new(),
        ..report()
    }
}
