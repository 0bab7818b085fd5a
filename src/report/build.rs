//! The pipeline: inputs and policy in, report out. Pure and deterministic.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::Accounts;
use super::balance::reconcile;
use super::contract::{Assumption, Report, SCHEMA_VERSION, ScopeRow, ScopeTotals, WindowRow};
use super::coverage::coverage;
use super::figures::{Figures, Key, Source, pod_key};
use super::fold::Summed;
use super::rows::Rows;
use crate::attribution::{Attributed, Attribution};
use crate::cost::price::Price;
use crate::findings;
use crate::findings::evidence::{Evidence, subjects};
use crate::frame::columns as c;
use crate::frame::groups::Part;
use crate::frame::keys::Keys;
use crate::frame::names::Names;
use crate::frame::rows::{DeviceRows, HolderRows};
use crate::model::policy::{LabelRequirement, Scope};
use crate::model::window::rfc3339;
use crate::model::{Inputs, Policy, Window};
use crate::units::{gpu_hours, gpu_hours_of};

/// What the report says about itself, decided outside the core.
#[derive(Debug, Clone, Default)]
pub struct Stamp {
    /// Version of the tool.
    pub tool_version: String,
    /// Settings with their origin.
    pub assumptions: Vec<Assumption>,
    /// Scope, as typed.
    pub scope: ScopeRow,
}

/// Builds the report on inputs.
#[must_use]
pub fn report(inputs: &Inputs, policy: &Policy, stamp: Stamp) -> Report {
    of_accounts(&Accounts::new(inputs, policy), policy, stamp)
}

/// Builds the report on accounts, wherever they come from; of `policy`, the scope and what is recommended count.
#[must_use]
pub fn of_accounts(accounts: &Accounts, policy: &Policy, stamp: Stamp) -> Report {
    with_leases(accounts, policy, stamp).0
}

/// Figures by pod and device, keyed by the pod's key and the device's position.
pub type Leases = BTreeMap<Key, Figures>;

/// The report, and the figures of each pod on each device that its findings rest on.
#[must_use]
pub fn with_leases(accounts: &Accounts, policy: &Policy, stamp: Stamp) -> (Report, Leases) {
    let Accounts { window, attribution, folded, prices, .. } = accounts;
    let in_scope: Vec<bool> =
        attribution.holders.iter().map(|h| is_in_scope(h, &policy.scope)).collect();
    let summed = Summed::new(folded);
    let (holders, devices) = (holder_rows(attribution, &in_scope), device_rows(attribution));
    let names = Names::new(&holders, &devices);
    let per_gpu_hour: Vec<Option<f64>> =
        prices.iter().map(|price| price.as_ref().map(|p| p.per_gpu_hour)).collect();
    let source = Source {
        names: &names,
        keys: &Keys::new(&names, &holders, &devices),
        per_gpu_hour: &per_gpu_hour,
        summed: &summed,
        attribution,
    };
    let rows = Rows { source: &source, in_scope: &in_scope, accounts };
    // Each goes through all pairs and pieces, and none needs another.
    let ((fleet, workloads, namespaces), (pods, gpus)) = rayon::join(
        || (rows.fleet(), rows.workloads(), rows.namespaces()),
        || (rows.pods(), rows.gpus()),
    );
    let (devices_of_pods, reconciliation) = rayon::join(
        || source.by(Part::HeldInScope, &[c::POD, c::DEVICE]),
        || reconcile(&rows, &source),
    );
    let totals = source.ledgers(Part::HeldInScope, &[]).remove(&Vec::new()).unwrap_or_default();
    let coverage = coverage(
        accounts,
        fleet.ledger.observed_ratio,
        unobserved_hours(&summed),
        !in_scope.contains(&true),
    );
    let findings = findings::of_report(&Evidence {
        subjects: subjects(&workloads, &devices_of_pods, attribution, *window),
        attribution,
        prices,
        book: &policy.prices,
        window: *window,
        idle_below: accounts.idle_below,
        rules: policy.recommending,
        history: None,
    });
    let mut assumptions = stamp.assumptions;
    assumptions.extend(price_assumptions(attribution, prices));
    let report = Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: rfc3339(accounts.now_ms),
        tool_version: stamp.tool_version,
        currency: accounts.currency.clone(),
        window: window_row(*window),
        scope: stamp.scope,
        fleet,
        in_scope: ScopeTotals { ledger: totals.ledger },
        clusters: rows.clusters(),
        tenants: rows.tenants(),
        namespaces,
        workloads,
        pods,
        gpus,
        nodes: rows.nodes(),
        models: rows.models(),
        modes: rows.modes(),
        findings,
        coverage,
        reconciliation,
        assumptions,
    };
    (report, devices_of_pods)
}

/// A window as the contracts show it.
#[must_use]
pub fn window_row(window: Window) -> WindowRow {
    WindowRow {
        start: rfc3339(window.start()),
        end: rfc3339(window.end()),
        hours: gpu_hours(window.length_ms()),
    }
}

/// Which price stands for which model, as a convention that the figures depend on.
fn price_assumptions(attribution: &Attribution, prices: &[Option<Price>]) -> Vec<Assumption> {
    let mut used: BTreeSet<(String, String, &str)> = BTreeSet::new();
    for (device, price) in attribution.devices.iter().zip(prices) {
        if let Some(price) = price {
            let origin = if price.built_in { "built-in" } else { "user" };
            used.insert((
                format!("price.{}", device.model),
                format!("{} per GPU-hour, {}", price.per_gpu_hour, price.source),
                origin,
            ));
        }
    }
    used.into_iter()
        .map(|(key, value, origin)| Assumption { key, value, origin: origin.to_owned() })
        .collect()
}

fn is_in_scope(holder: &Attributed, scope: &Scope) -> bool {
    let any = |patterns: &[regex::Regex], text: &str| {
        patterns.is_empty() || patterns.iter().any(|p| p.is_match(text))
    };
    let keys = scope.selector.iter().map(|r| match r {
        LabelRequirement::In(k, _)
        | LabelRequirement::NotIn(k, _)
        | LabelRequirement::Exists(k)
        | LabelRequirement::DoesNotExist(k) => k,
    });
    let labels = holder.holder.labels.by_key(keys);
    any(&scope.tenants, &holder.tenant.tenant)
        && any(&scope.namespaces, &holder.holder.key.namespace)
        && scope.selector.iter().all(|r| r.matches(&labels))
}

fn holder_rows(attribution: &Attribution, in_scope: &[bool]) -> HolderRows {
    let mut rows = HolderRows::default();
    for (holder, shown) in attribution.holders.iter().zip(in_scope) {
        rows.tenant.push(holder.tenant.tenant.clone());
        rows.rule.push(holder.tenant.rule.clone());
        rows.namespace.push(holder.holder.key.namespace.clone());
        rows.workload_kind.push(holder.workload.kind.clone());
        rows.workload.push(holder.workload.name.clone());
        rows.pod.push(pod_key(holder));
        rows.holding_source.push(holder.holder.source.name());
        rows.in_scope.push(*shown);
    }
    rows
}

fn device_rows(attribution: &Attribution) -> DeviceRows {
    let mut rows = DeviceRows::default();
    for device in &attribution.devices {
        rows.cluster.push(device.cluster.clone().unwrap_or_default());
        rows.node.push(device.node.clone());
        rows.model.push(device.model.clone());
        rows.sharing.push(device.sharing.name());
    }
    rows
}

fn unobserved_hours(summed: &Summed) -> BTreeMap<String, f64> {
    summed.blind_ms.iter().map(|(why, ms)| (why.name().to_owned(), gpu_hours_of(*ms))).collect()
}
