//! From cluster facts to the report on claims.

use std::collections::{BTreeMap, BTreeSet};

use super::class::Class;
use super::classify::{Classified, IdleClaims, Surroundings, age_seconds};
use super::contract::{
    ClaimCoverage, ClaimRow, ClaimScope, ClaimsReport, ClassTotal, OwnerRow, ProblemRow,
    SCHEMA_VERSION,
};
use super::devices::{Devices, PricedDevice, cost_per_day, share_total};
use crate::attribution::label_view::LabelView;
use crate::attribution::owners::Owners;
use crate::attribution::tenants::{self, NamespaceView, Subject};
use crate::model::dra::{ClaimFact, is_gpu_driver};
use crate::model::objects::PodFact;
use crate::model::policy::TenantRule;
use crate::model::window::rfc3339;
use crate::model::{ClusterFacts, Policy, SourceState, SourceStatus};
use crate::observe::kube_state::KubeState;
use crate::report::coverage::source_row;
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
    /// Claims that a report on use calls idle; empty without one.
    pub idle: &'a IdleClaims,
    /// Version of the tool.
    pub tool_version: &'a str,
}

/// The report on all claims that are asked about.
#[must_use]
pub fn report(
    facts: &ClusterFacts,
    sources: &[SourceStatus],
    question: &Question<'_>,
) -> ClaimsReport {
    let policy = question.policy;
    let around =
        Surroundings::new(facts, sources, question.idle, question.now_ms, question.min_age_ms);
    let devices = Devices::new(facts, &policy.prices);
    let tenants = Tenants::new(facts, &policy.tenant_rules);
    let mut listed: Vec<Listed> = Vec::new();
    for claim in facts.dra.claims.iter().filter(|claim| is_in_scope(claim, policy)) {
        let classified = around.classify(claim);
        if question.classes.is_empty() || question.classes.contains(&classified.class) {
            let devices = devices.of(claim);
            let tenant = tenants.of(claim, &around.live_pods(claim));
            listed.push(Listed::new(claim, classified, devices, tenant, question.now_ms));
        }
    }
    listed.sort_by(|a, b| order(&a.row).cmp(&order(&b.row)));
    let coverage = coverage(facts, sources, &around, &listed);
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
struct Listed {
    row: ClaimRow,
    devices: Vec<PricedDevice>,
}

impl Listed {
    fn new(
        claim: &ClaimFact,
        classified: Classified,
        devices: Vec<PricedDevice>,
        tenant: Option<String>,
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
            owner: claim.owner.as_ref().map(owner),
        };
        Self { row, devices }
    }
}

/// Leftovers first: those whose cost is known, the dearest first; those whose cost is not; those that
/// cost nothing. Then everything else. Ties by namespace and name.
fn order(row: &ClaimRow) -> impl Ord + use<'_> {
    let (group, cost) = match (row.class.is_leftover(), row.cost_per_day) {
        (true, Some(cost)) if cost > 0.0 => (0, cost),
        (true, None) => (1, 0.0),
        (true, Some(_)) => (2, 0.0),
        (false, _) => (3, 0.0),
    };
    // Costs are not negative, so their bits are in the order of their values.
    (group, std::cmp::Reverse(cost.to_bits()), &row.namespace, &row.name, &row.uid)
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

fn coverage(
    facts: &ClusterFacts,
    sources: &[SourceStatus],
    around: &Surroundings<'_>,
    listed: &[Listed],
) -> ClaimCoverage {
    let mut missing = about_sight(facts, around);
    missing.extend(about_pools(facts));
    missing.extend(listed.iter().flat_map(about_devices));
    let failed = |s: &SourceStatus| matches!(s.state, SourceState::Failed | SourceState::Partial);
    let complete = missing.is_empty()
        && !facts.problems.iter().any(|problem| counts(&problem.subject))
        && !sources.iter().any(failed);
    let read = facts
        .problems
        .iter()
        .map(|p| ProblemRow { subject: p.subject.clone(), detail: p.detail.clone() });
    let mut problems: Vec<ProblemRow> = read.chain(missing).collect();
    problems.sort();
    problems.dedup();
    ClaimCoverage { sources: sources.iter().map(source_row).collect(), problems, complete }
}

/// Whether something that could not be used may be a claim, or decide about one. A problem names its
/// file, and after that the object or the document.
fn counts(subject: &str) -> bool {
    const DECISIVE: &[&str] = &["ResourceClaim ", "ResourceSlice ", "Pod ", "document "];
    subject.split(": ").skip(1).any(|part| DECISIVE.iter().any(|kind| part.starts_with(kind)))
}

fn problem(subject: impl Into<String>, detail: impl Into<String>) -> ProblemRow {
    ProblemRow { subject: subject.into(), detail: detail.into() }
}

fn about_sight(facts: &ClusterFacts, around: &Surroundings<'_>) -> Vec<ProblemRow> {
    let mut missing = Vec::new();
    if !facts.dra.claims.is_empty() && !around.pods_are_known() {
        missing.push(problem(
            "pods",
            "were not listed in full: a pod that is not seen is not taken for gone, and no leftover is settled",
        ));
    }
    if !facts.dra.claims.is_empty() && !around.workloads_are_known() {
        missing.push(problem(
            "workloads",
            "were not listed in full: a claim that is not named may be named by one that is not seen",
        ));
    }
    missing
}

fn about_pools(facts: &ClusterFacts) -> impl Iterator<Item = ProblemRow> {
    let incomplete =
        |pool: &&crate::model::dra::PoolFact| is_gpu_driver(&pool.driver) && !pool.is_complete();
    facts.dra.pools.iter().filter(incomplete).map(|pool| {
        let (wanted, seen) = pool.slices;
        problem(
            format!("pool {}/{}", pool.driver, pool.name),
            format!(
                "{seen} of {wanted} slices of generation {} were seen: its devices are not all known",
                pool.generation
            ),
        )
    })
}

/// What a claim's share or cost lacks.
fn about_devices(listed: &Listed) -> Vec<ProblemRow> {
    let claim = format!("ResourceClaim {}/{}", listed.row.namespace, listed.row.name);
    let gpus = listed.devices.iter().filter(|device| device.is_gpu);
    gpus.filter_map(|device| {
        let row = &device.row;
        let name = format!("{}/{}/{}", row.driver, row.pool, row.device);
        let detail = match (row.share, &row.model, device.price_per_hour) {
            (Some(0.0), _, _) | (Some(_), _, Some(_)) => return None,
            (None, _, _) => format!("what part of a GPU {name} is, is not known"),
            (Some(_), None, None) => format!("no slice and no node label tell the model of {name}"),
            (Some(_), Some(model), None) => {
                format!("no price for the model {model} of {name}: give one with --price")
            }
        };
        Some(problem(claim.clone(), detail))
    })
    .collect()
}
