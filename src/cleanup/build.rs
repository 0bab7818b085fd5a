//! From recommendations and claims to patches: which object is changed, where, and what is said when none can be.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::change::{self, Made};
use super::contract::{
    ClusterIdentity, Elsewhere, Patch, PatchSet, Place, Reported, SCHEMA_VERSION, Step, Still,
};
use super::edits::gpus::Names;
use super::objects::{Object, Objects, Top, text};
use super::place::{self, synced};
use super::{stale, virtual_cluster};
use crate::claims::contract::ClaimsReport;
use crate::model::Policy;
use crate::model::dra::ClaimReference;
use crate::model::window::rfc3339;
use crate::recommend::contract::{Change, RecommendReport, Recommendation};
use crate::units::Millis;

/// What patches are made from.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// What to change. Only what is counted is: the others are alternatives.
    pub recommended: &'a RecommendReport,
    /// What keeps each resource claim.
    pub claims: &'a ClaimsReport,
    /// Workloads whose templates name claims.
    pub references: &'a [ClaimReference],
    /// Objects as they were read.
    pub objects: &'a Objects<'a>,
    /// Which resources are GPUs, and which tenants are looked at.
    pub policy: &'a Policy,
    /// Whether claims that are left over are looked at.
    pub leftovers: bool,
    /// Whether these have to be recommended, too: claims that hold nothing save no money.
    pub only_recommended: bool,
    /// The time.
    pub now_ms: Millis,
    /// The cluster that the objects are of; `None` for files.
    pub cluster: Option<&'a ClusterIdentity>,
}

/// What is changed, what has to be changed elsewhere, and what is left to people.
#[must_use]
pub fn patches(material: &Material<'_>) -> PatchSet {
    let recommended = material.recommended;
    let mut set = PatchSet {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: recommended.generated_at.clone(),
        tool_version: recommended.tool_version.clone(),
        currency: recommended.currency.clone(),
        cluster: material.cluster.cloned(),
        patches: Vec::new(),
        elsewhere: Vec::new(),
        reported: Vec::new(),
    };
    let context = Context::new(material);
    let to_change = recommended.recommendations.iter().filter(|r| r.counted);
    for found in to_change.filter(|r| r.change != Change::DeleteClaim) {
        context.add(found, &mut set);
    }
    for outcome in stale::outcomes(material) {
        match outcome {
            stale::Outcome::Delete(patch) => set.patches.push(*patch),
            stale::Outcome::Elsewhere(elsewhere) => set.elsewhere.push(*elsewhere),
            stale::Outcome::Reported(reported) => set.reported.push(reported),
        }
    }
    set.patches.sort_by_cached_key(order);
    set.elsewhere.sort_by_cached_key(|elsewhere| order(&elsewhere.patch));
    set.reported.sort_by(|a, b| (&a.subject, &a.id).cmp(&(&b.subject, &b.id)));
    set
}

/// Most money first; what has no price last. Money is not negative, so its bits are in the order of its values, but for the
/// -0 that the sum of nothing is.
fn order(patch: &Patch) -> (Reverse<Option<u64>>, String) {
    let money = patch.monthly_savings.map(|money| (money.max(0.0) + 0.0).to_bits());
    (Reverse(money), patch.id.clone())
}

/// What a change is made with.
pub(super) struct Context<'a> {
    pub(super) objects: &'a Objects<'a>,
    pub(super) names: Names,
    /// RFC 3339.
    pub(super) now: String,
}

impl<'a> Context<'a> {
    fn new(material: &Material<'a>) -> Self {
        let classes = material.objects.of("resource.k8s.io", "DeviceClass");
        let extended = classes.filter_map(|class| {
            let name = class.value.pointer("/spec/extendedResourceName")?.as_str()?;
            Some(name.to_owned())
        });
        let whole = material.policy.gpu_resources.iter().cloned().chain(extended).collect();
        Self { objects: material.objects, names: Names { whole }, now: rfc3339(material.now_ms) }
    }

    /// Adds what comes of a recommendation.
    fn add(&self, found: &Recommendation, set: &mut PatchSet) {
        let reported = |why: String, check: Option<String>| Reported {
            id: found.finding.id.clone(),
            subject: found.finding.subject.clone(),
            why,
            check,
        };
        if let Some(elsewhere) = virtual_cluster::elsewhere(found, self) {
            set.elsewhere.push(elsewhere);
            return;
        }
        let pods: Vec<(&str, &str)> =
            found.rests_on.iter().map(|l| (l.namespace.as_str(), l.pod.as_str())).collect();
        let top = self.objects.top(parts(&found.finding.subject), pods);
        let (object, owner) = match top {
            Top::Here(object) => (object, None),
            Top::Owned(object, by) => (object, Some(by)),
            Top::Missing => {
                let why = "it is not among the objects that were read".to_owned();
                set.reported.push(reported(why, Some(found.finding.action.clone())));
                return;
            }
        };
        let (steps, action, notes, at) = match change::make(&found.change, object, self) {
            Made::Steps { steps, action, notes, at } => (steps, action, notes, at),
            Made::No { why, check } => {
                set.reported.push(reported(why, check));
                return;
            }
        };
        let patch = patch(found, steps, action, &notes, object);
        let operator = owner.map(|by| {
            let note = format!("in what {by} makes {} from", object.title());
            (Place::Operator, note)
        });
        match operator.or_else(|| place::elsewhere(object)).or(at) {
            Some((place, note)) => set.elsewhere.push(Elsewhere { place, note, patch }),
            None => set.patches.push(patch),
        }
    }
}

/// Namespace, kind and name of a subject.
pub(super) fn parts(subject: &str) -> (&str, &str, &str) {
    let mut parts = subject.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

/// The patch of a recommendation.
pub(super) fn patch(
    found: &Recommendation,
    steps: Vec<Step>,
    action: String,
    notes: &[String],
    object: Object<'_>,
) -> Patch {
    let finding = &found.finding;
    let mut note = found.risk_note.clone();
    if let Some(release) = place::helm_release(object.value) {
        note = format!("{note}; the next upgrade of the Helm release {release} sets it back");
    }
    for more in notes {
        note = format!("{note}; {more}");
    }
    let mut evidence = finding.evidence.clone();
    evidence.insert("confidence".to_owned(), finding.confidence.into());
    Patch {
        id: finding.id.clone(),
        rule: finding.rule.clone(),
        subject: finding.subject.clone(),
        tenant: found.tenant.clone(),
        action,
        evidence,
        risk: found.risk,
        risk_note: note,
        monthly_savings: finding.monthly_savings,
        monthly_gpu_hours: found.monthly_gpu_hours,
        gpus: gpus(found),
        still: Still::Found,
        steps,
    }
}

/// GPUs that are given up at once, as far as whole ones are: pods that share a card give up a part each.
fn gpus(found: &Recommendation) -> Option<f64> {
    let gpus: BTreeSet<&str> = found.rests_on.iter().map(|lease| lease.gpu.as_str()).collect();
    let count = f64::from(u32::try_from(gpus.len()).ok()?);
    match &found.change {
        Change::Release | Change::FewerGpus { .. } | Change::Schedule { .. } => Some(count),
        Change::FewerReplicas { from, to } if *from > 0 => {
            Some(count * f64::from(from.saturating_sub(*to)) / f64::from(*from))
        }
        Change::Slice { share, from, .. } if from == "whole" => Some(count * (1.0 - share)),
        _ => None,
    }
}

/// Whether an object is a pod, whose spec nobody may change.
pub(super) fn is_pod(object: Object<'_>) -> bool {
    object.kind() == "Pod" && text(object.value, "apiVersion") == "v1"
}

/// Pods of a recommendation that are marked as of a virtual cluster.
pub(super) fn synced_pod<'a>(found: &Recommendation, objects: &Objects<'a>) -> Option<Object<'a>> {
    let pods = found.rests_on.iter();
    let mut pods = pods.filter_map(|lease| objects.find(&lease.namespace, "Pod", &lease.pod));
    pods.find(|pod| synced(*pod).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cleanup::turns::tests::patch;

    #[test]
    fn most_money_comes_first_and_what_has_no_price_last() {
        let of = |money: Option<f64>| Patch {
            monthly_savings: money,
            ..patch(&format!("{money:?}"), vec![])
        };
        let mut patches: Vec<Patch> =
            [None, Some(-0.0), Some(0.5), Some(100.0), Some(0.0)].map(of).into();
        patches.sort_by_cached_key(order);
        let ids: Vec<&str> = patches.iter().map(|patch| patch.id.as_str()).collect();
        assert_eq!(ids, ["Some(100.0)", "Some(0.5)", "Some(-0.0)", "Some(0.0)", "None"]);
    }
}
