//! From cluster facts to the report on claims.

use std::collections::{BTreeMap, BTreeSet};

use super::class::Class;
use super::classify::{Classified, Surroundings, Use, age_seconds};
use super::contract::{
    ClaimRow, ClaimScope, ClaimsReport, ClassTotal, OwnerRow, SCHEMA_VERSION, UsageRow,
};
use super::coverage::coverage;
use super::devices::{Devices, PricedDevice, cost_per_day, share_total};
use super::usage::{Usage, Usages};
use super::words::seconds;
use crate::attribution::label_view::LabelView;
use crate::attribution::owners::Owners;
use crate::attribution::tenants::{self, NamespaceView, Subject};
use crate::model::dra::ClaimFact;
use crate::model::objects::PodFact;
use crate::model::policy::TenantRule;
use crate::model::window::rfc3339;
use crate::model::{ClusterFacts, Policy, SourceStatus, Window};
use crate::observe::kube_state::KubeState;
use crate::units::Millis;

/// What is asked about the claims of a cluster.
pub struct Question<'a> {
    /// Instant at which the cluster was read.
    pub now_ms: Millis,
    /// Tenant rules, prices, namespaces.
    pub policy: &'a Policy,
    /// The namespaces of the policy, as typed.
    pub namespaces: &'a [String],
    /// Classes to list; all when empty.
    pub classes: &'a [Class],
    /// Age below which a leftover is not settled, milliseconds.
    pub min_age_ms: i64,
    /// How claims were used; `None` when no metrics were read.
    pub measured: Option<Measured<'a>>,
    /// Idle time from which on a claim that is reserved counts as idle, milliseconds.
    pub idle_after_ms: i64,
    /// Version of the tool.
    pub tool_version: &'a str,
}

/// How claims were used, as the ledger of a window says.
#[derive(Clone, Copy)]
pub struct Measured<'a> {
    /// The window.
    pub window: Window,
    /// By claim.
    pub usages: &'a Usages,
    /// No exporter showed any device.
    pub is_blind: bool,
}

/// The report on all claims that are asked about.
#[must_use]
pub fn report(
    facts: &ClusterFacts,
    sources: &[SourceStatus],
    question: &Question<'_>,
) -> ClaimsReport {
    let policy = question.policy;
    let of_claims = question.measured.map_or(const { &Usages::new() }, |m| m.usages);
    let usage = Use { of_claims, idle_after_ms: question.idle_after_ms };
    let around = Surroundings::new(facts, sources, usage, question.now_ms, question.min_age_ms);
    let devices = Devices::new(facts, &policy.prices);
    let tenants = Tenants::new(facts, &policy.tenant_rules);
    let mut listed: Vec<Listed> = Vec::new();
    for claim in facts.dra.claims.iter().filter(|claim| is_in_scope(claim, policy)) {
        let classified = around.classify(claim);
        if question.classes.is_empty() || question.classes.contains(&classified.class) {
            let devices = devices.of(claim);
            let tenant = tenants.of(claim, &around.live_pods(claim));
            let usage = usage.of(claim);
            listed.push(Listed::new(claim, classified, devices, tenant, usage, question.now_ms));
        }
    }
    listed.sort_by(|a, b| order(&a.row).cmp(&order(&b.row)));
    let coverage = coverage(facts, sources, &around, &listed, question);
    let claims: Vec<ClaimRow> = listed.into_iter().map(|listed| listed.row).collect();
    ClaimsReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: rfc3339(question.now_ms),
        tool_version: question.tool_version.to_owned(),
        currency: policy.prices.currency.clone(),
        scope: ClaimScope {
            namespaces: question.namespaces.to_vec(),
            classes: question.classes.to_vec(),
        },
        totals: totals(&claims),
        claims,
        coverage,
    }
}

fn is_in_scope(claim: &ClaimFact, policy: &Policy) -> bool {
    let namespaces = &policy.scope.namespaces;
    namespaces.is_empty() || namespaces.iter().any(|pattern| pattern.is_match(&claim.namespace))
}

/// A row, and the devices that it was made from.
pub(super) struct Listed {
    pub(super) row: ClaimRow,
    pub(super) devices: Vec<PricedDevice>,
}

impl Listed {
    fn new(
        claim: &ClaimFact,
        classified: Classified,
        devices: Vec<PricedDevice>,
        tenant: Option<String>,
        usage: Option<&Usage>,
        now_ms: Millis,
    ) -> Self {
        let Classified { class, settled, why, action, holders } = classified;
        let allocated_ms = claim.allocation.as_ref().and_then(|allocation| allocation.at_ms);
        let owner = |owner: &crate::model::dra::ClaimOwner| OwnerRow {
            kind: owner.this.kind.clone(),
            name: owner.this.name.clone(),
            uid: owner.uid.clone(),
        };
        let row = ClaimRow {
            namespace: claim.namespace.clone(),
            name: claim.name.clone(),
            uid: claim.uid.clone(),
            class,
            settled,
            why,
            action,
            tenant,
            devices: devices.iter().map(|device| device.row.clone()).collect(),
            share_total: share_total(&devices),
            holders,
            created_at: claim.created_ms.map(rfc3339),
            allocated_at: allocated_ms.map(rfc3339),
            deleted_at: claim.deletion_ms.map(rfc3339),
            age_seconds: age_seconds(claim, now_ms),
            cost_per_day: cost_per_day(&devices),
            usage: usage.map(usage_row),
            owner: claim.owner.as_ref().map(owner),
        };
        Self { row, devices }
    }
}

/// Leftovers first: those whose cost is known, the dearest first; those whose cost is not; those that
/// cost nothing. Then what is idle, likewise, and then everything else. Ties by namespace and name.
fn order(row: &ClaimRow) -> impl Ord + use<'_> {
    let kind = match row.class {
        class if class.is_leftover() => 0,
        Class::IdleButReserved => 1,
        _ => 2,
    };
    let (group, cost) = match row.cost_per_day {
        _ if kind == 2 => (0, 0.0),
        Some(cost) if cost > 0.0 => (0, cost),
        None => (1, 0.0),
        Some(_) => (2, 0.0),
    };
    // Costs are not negative, so their bits are in the order of their values.
    (kind, group, std::cmp::Reverse(cost.to_bits()), &row.namespace, &row.name, &row.uid)
}

/// One row for each class that is listed.
fn totals(claims: &[ClaimRow]) -> Vec<ClassTotal> {
    let total = |class: &Class| {
        let of_class: Vec<&ClaimRow> = claims.iter().filter(|row| row.class == *class).collect();
        let count = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        let having = |test: fn(&ClaimRow) -> bool| of_class.iter().filter(|row| test(row)).count();
        let costs: Option<Vec<f64>> = match having(|row| row.cost_per_day.is_some()) {
            0 => None,
            _ => Some(of_class.iter().filter_map(|row| row.cost_per_day).collect()),
        };
        (!of_class.is_empty()).then(|| ClassTotal {
            class: *class,
            count: count(of_class.len()),
            settled: count(having(|row| row.settled)),
            gpus: of_class.iter().filter_map(|row| row.share_total).sum(),
            without_share: count(having(|row| row.share_total.is_none())),
            cost_per_day: costs.map(|costs| costs.iter().sum()),
            without_cost: count(having(|row| row.cost_per_day.is_none())),
        })
    };
    Class::ALL.iter().filter_map(total).collect()
}

/// Whose a claim is.
struct Tenants<'a> {
    rules: &'a [TenantRule],
    owners: Owners,
    namespaces: BTreeMap<String, NamespaceView>,
}

impl<'a> Tenants<'a> {
    fn new(facts: &ClusterFacts, rules: &'a [TenantRule]) -> Self {
        Self {
            rules,
            owners: Owners::new(&KubeState::default(), facts),
            namespaces: tenants::namespaces(&BTreeMap::new(), &facts.namespaces),
        }
    }

    /// The tenant of the live pods that have it, when they agree. Otherwise the claim speaks for itself,
    /// with its own labels in place of a pod's.
    fn of(&self, claim: &ClaimFact, pods: &[&PodFact]) -> Option<String> {
        let of_pods: BTreeSet<String> = pods.iter().map(|pod| self.of_pod(pod)).collect();
        let tenant = match of_pods.len() {
            1 => of_pods.into_iter().next()?,
            _ => {
                let owner = claim.owner.as_ref().map(|owner| owner.this.name.as_str());
                let name = owner.unwrap_or(&claim.name);
                let kind = "ResourceClaim";
                self.named(&claim.namespace, (kind, name), &claim.labels, &BTreeMap::new())
            }
        };
        (tenant != tenants::UNATTRIBUTED).then_some(tenant)
    }

    fn of_pod(&self, pod: &PodFact) -> String {
        let labels = LabelView { object: pod.labels.clone(), ..LabelView::default() };
        let (namespace, annotations) = (&pod.namespace, &pod.annotations);
        let owner = pod.owner.as_ref();
        let workload = self.owners.workload(namespace, &pod.name, owner, &labels, annotations);
        self.named(namespace, (&workload.kind, &workload.name), &pod.labels, annotations)
    }

    fn named(
        &self,
        namespace: &str,
        (kind, workload): (&str, &str),
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
    ) -> String {
        let pod = LabelView { object: labels.clone(), ..LabelView::default() };
        let of_namespace = self.namespaces.get(namespace);
        let subject = Subject { namespace, kind, workload, pod: &pod, annotations, of_namespace };
        tenants::tenant(self.rules, subject).tenant
    }
}

fn usage_row(usage: &Usage) -> UsageRow {
    UsageRow {
        held_gpu_hours: usage.held_gpu_hours,
        observed_gpu_hours: usage.observed_gpu_hours,
        idle_gpu_hours: usage.idle_gpu_hours,
        idle_since: usage.idle_since.map(rfc3339),
        idle_seconds: seconds(usage.idle_ms),
        signals: usage.signals.iter().map(|&signal| signal.to_owned()).collect(),
    }
}
