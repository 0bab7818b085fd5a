//! A small, complete report for tests: 6 GPUs on 2 nodes for 24 hours, every state, hostile names.
//!
//! A100s cost 2.50 an hour; the T4s of the second node have no price. By hand:
//! capacity 6 × 24 = 144 GPU-h, of which 96 priced = 240.00.

mod ledgers;

use std::collections::BTreeMap;

use serde_json::json;

use self::ledgers::{HOSTILE, Held, Holder, NOTEBOOK, PRICE, holders, owned, unknown_usage, usage};
use super::document::sum;
use crate::report::contract::*;

const START: &str = "2026-11-20T00:00:00Z";
const END: &str = "2026-11-21T00:00:00Z";
const A100_NODE: &str = "gpu-node-1";
const T4_NODE: &str = "@node|2";

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
        cluster: None,
        uuid: format!("GPU-6f0e1a2b-0000-4000-8000-00000000000{index}"),
        node: A100_NODE.to_owned(),
        index: Some(index.to_owned()),
        model: "NVIDIA A100-SXM4-40GB".to_owned(),
        sharing: "exclusive".to_owned(),
        holders: vec![GpuHolder {
            namespace: "ml".to_owned(),
            name: "train-0".to_owned(),
            tenant: "research".to_owned(),
            share: 1.0,
            from: "2026-11-20T00:00:00Z".to_owned(),
            until: "2026-11-21T00:00:00Z".to_owned(),
        }],
        ledger: owned(states, free, broken, Some(PRICE)),
        usage: usage(0.9, 0.99, 38.7, 9.5, 1),
        price_per_hour: Some(PRICE),
        price_source: Some("flag --price".to_owned()),
    };
    let t4 = |index: usize, states: Held, free: f64| GpuRow {
        uuid: format!("@node|2/gpu-{index}"),
        node: T4_NODE.to_owned(),
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
            cluster: None,
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
            cluster: None,
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
            incomplete: false,
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

fn tenant(holder: &Holder) -> TenantRow {
    TenantRow {
        tenant: holder.tenant.to_owned(),
        rule: "namespace-label:tenant".to_owned(),
        namespaces: vec![holder.namespace.to_owned()],
        ledger: holder.ledger.clone(),
        usage: holder.usage.clone(),
        cost: holder.ledger.allocated_cost,
    }
}

fn namespace(holder: &Holder) -> NamespaceRow {
    NamespaceRow {
        cluster: None,
        namespace: holder.namespace.to_owned(),
        tenants: vec![holder.tenant.to_owned()],
        ledger: holder.ledger.clone(),
        usage: holder.usage.clone(),
        cost: holder.ledger.allocated_cost,
    }
}

fn workload(holder: &Holder) -> WorkloadRow {
    WorkloadRow {
        cluster: None,
        tenant: holder.tenant.to_owned(),
        rule: "namespace-label:tenant".to_owned(),
        namespace: holder.namespace.to_owned(),
        kind: holder.kind.to_owned(),
        name: holder.workload.to_owned(),
        pods: 1,
        ledger: holder.ledger.clone(),
        usage: holder.usage.clone(),
        cost: holder.ledger.allocated_cost,
    }
}

fn pod(holder: &Holder) -> PodRow {
    PodRow {
        cluster: None,
        tenant: holder.tenant.to_owned(),
        namespace: holder.namespace.to_owned(),
        pod: format!("{}-0", holder.workload),
        uid: None,
        workload_kind: holder.kind.to_owned(),
        workload: holder.workload.to_owned(),
        node: if holder.priced { A100_NODE } else { T4_NODE }.to_owned(),
        gpu_uuids: vec!["GPU-a".to_owned(), "GPU-b".to_owned()],
        held_from: START.to_owned(),
        held_until: END.to_owned(),
        ledger: holder.ledger.clone(),
        usage: holder.usage.clone(),
        cost: holder.ledger.allocated_cost,
    }
}

/// Sum over the GPUs of a node.
fn node_ledger(node: &str) -> Ledger {
    let gpus = gpus();
    sum(gpus.iter().filter(|gpu| gpu.node == node).map(|gpu| &gpu.ledger))
}

fn nodes() -> Vec<NodeRow> {
    vec![
        NodeRow {
            cluster: None,
            node: T4_NODE.to_owned(),
            is_pool: false,
            gpus: 2,
            instance_type: None,
            capacity_type: None,
            ledger: node_ledger(T4_NODE),
            usage: unknown_usage(2),
        },
        NodeRow {
            cluster: None,
            node: A100_NODE.to_owned(),
            is_pool: false,
            gpus: 4,
            instance_type: Some("p4d.24xlarge".to_owned()),
            capacity_type: Some("on-demand".to_owned()),
            ledger: node_ledger(A100_NODE),
            usage: usage(0.9, 0.99, 38.7, 23.4, 4),
        },
    ]
}

/// All of the fleet.
fn clusters() -> Vec<ClusterRow> {
    let fleet = fleet();
    vec![ClusterRow {
        cluster: "prod".to_owned(),
        gpus: fleet.gpus,
        nodes: fleet.nodes,
        ledger: fleet.ledger,
        usage: fleet.usage,
    }]
}

/// Each node has one model.
fn models() -> Vec<ModelRow> {
    let model = |model: &str, node: &str, gpus, usage| ModelRow {
        model: model.to_owned(),
        gpus,
        ledger: node_ledger(node),
        usage,
    };
    vec![
        model("NVIDIA A100-SXM4-40GB", A100_NODE, 4, usage(0.9, 0.99, 38.7, 23.4, 4)),
        model("Tesla T4", T4_NODE, 2, unknown_usage(2)),
    ]
}

fn modes() -> Vec<ModeRow> {
    let row = |(mode, row): (&str, ModelRow)| ModeRow {
        mode: mode.to_owned(),
        gpus: row.gpus,
        ledger: row.ledger,
        usage: row.usage,
    };
    ["exclusive", "time-slicing"].into_iter().zip(models()).map(row).collect()
}

fn reconciliation() -> Reconciliation {
    Reconciliation {
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
    }
}

fn assumptions() -> Vec<Assumption> {
    [("idle_below", "0.01", "default"), ("max_gap", "5m", "flag")]
        .map(|(key, value, origin)| Assumption {
            key: key.to_owned(),
            value: value.to_owned(),
            origin: origin.to_owned(),
        })
        .to_vec()
}

/// The report.
pub(crate) fn report() -> Report {
    let holders = holders();
    Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: "2026-11-21T08:00:00Z".to_owned(),
        tool_version: "0.1.0".to_owned(),
        currency: "USD".to_owned(),
        window: WindowRow { start: START.to_owned(), end: END.to_owned(), hours: 24.0 },
        scope: ScopeRow::default(),
        fleet: fleet(),
        in_scope: ScopeTotals { ledger: sum(holders.iter().map(|holder| &holder.ledger)) },
        clusters: clusters(),
        tenants: holders.iter().map(tenant).collect(),
        namespaces: holders.iter().map(namespace).collect(),
        workloads: holders.iter().map(workload).collect(),
        pods: holders.iter().map(pod).collect(),
        gpus: gpus(),
        nodes: nodes(),
        models: models(),
        modes: modes(),
        findings: findings(),
        coverage: coverage(),
        reconciliation: reconciliation(),
        assumptions: assumptions(),
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
        clusters: Vec::new(),
        tenants: Vec::new(),
        namespaces: Vec::new(),
        workloads: Vec::new(),
        pods: Vec::new(),
        gpus: Vec::new(),
        nodes: Vec::new(),
        models: Vec::new(),
        modes: Vec::new(),
        findings: Vec::new(),
        coverage: Coverage { complete: true, ..Coverage::default() },
        assumptions: Vec::new(),
        ..report()
    }
}
