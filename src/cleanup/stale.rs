//! Resource claims that are left over: what is deleted, and what somebody has to look at.
//!
//! Only a claim that nothing owns, names or reserves, and that has been so for long enough, is deleted. A claim that hangs
//! is never forced: no finalizer is touched.

use std::collections::BTreeMap;

use serde_json::Value;

use super::build::Material;
use super::contract::{Elsewhere, Operation, Patch, Place, Reported, Step, Still};
use super::objects::{Object, meta};
use super::place::{self, synced};
use super::plan::state::for_creation;
use crate::claims::Class;
use crate::claims::contract::ClaimRow;
use crate::recommend::contract::{Recommendation, Risk};
use crate::units::HOURS_PER_MONTH;

/// What comes of a claim.
pub(super) enum Outcome {
    /// It is deleted.
    Delete(Box<Patch>),
    /// It has to be deleted elsewhere.
    Elsewhere(Box<Elsewhere>),
    /// Somebody has to look.
    Reported(Reported),
}

/// What comes of every claim that is listed; nothing of what is in use, waited for, or only looks.
pub(super) fn outcomes(material: &Material<'_>) -> Vec<Outcome> {
    if !material.leftovers {
        return Vec::new();
    }
    let found: BTreeMap<&str, &Recommendation> = material
        .recommended
        .recommendations
        .iter()
        .map(|r| (r.finding.subject.as_str(), r))
        .collect();
    let rows = material.claims.claims.iter().filter(|row| row.class.is_leftover());
    let rows = rows.filter(|row| is_of_tenants(row, material));
    let rows = rows.map(|row| (row, found.get(subject(row).as_str()).copied()));
    let rows = rows.filter(|(_, found)| found.is_some() || !material.only_recommended);
    rows.map(|(row, found)| outcome(row, found, material)).collect()
}

fn is_of_tenants(row: &ClaimRow, material: &Material<'_>) -> bool {
    let tenants = &material.policy.scope.tenants;
    let is_of = |tenant: &String| tenants.iter().any(|pattern| pattern.is_match(tenant));
    tenants.is_empty() || row.tenant.as_ref().is_some_and(is_of)
}

/// `namespace/ResourceClaim/name`.
fn subject(row: &ClaimRow) -> String {
    format!("{}/ResourceClaim/{}", row.namespace, row.name)
}

fn outcome(row: &ClaimRow, found: Option<&Recommendation>, material: &Material<'_>) -> Outcome {
    let reported = |why: String, check: Option<String>| {
        Outcome::Reported(Reported { id: id(row, found), subject: subject(row), why, check })
    };
    if !row.settled || !matches!(row.class, Class::OrphanAllocated | Class::UnusedUnallocated) {
        return reported(row.why.clone(), Some(row.action.clone()));
    }
    if let Some(by) = wanted_by(row, material) {
        return reported(format!("{}; {by}", row.why), None);
    }
    let object = material.objects.find(&row.namespace, "ResourceClaim", &row.name);
    let Some(object) = object.filter(|o| row.uid.as_deref().unwrap_or("") == meta(o.value, "uid"))
    else {
        return reported("it was not read as it stands in the cluster".to_owned(), None);
    };
    let patch = patch(row, found, object);
    if let Some(synced) = synced(object) {
        return Outcome::Elsewhere(Box::new(Elsewhere {
            place: Place::Vcluster,
            note: synced.note("ResourceClaim", &synced.name),
            patch: there(patch, &synced),
        }));
    }
    match place::elsewhere(object) {
        Some((place, note)) => Outcome::Elsewhere(Box::new(Elsewhere { place, note, patch })),
        None => Outcome::Delete(Box::new(patch)),
    }
}

/// Who looks after a claim, or may want it again.
fn wanted_by(row: &ClaimRow, material: &Material<'_>) -> Option<String> {
    if let Some(owner) = &row.owner {
        return Some(format!("it is left to its owner, {} {}", owner.kind, owner.name));
    }
    if let Some(deleted_at) = &row.deleted_at {
        return Some(format!("its deletion has been under way since {deleted_at}"));
    }
    let mut references = material.references.iter();
    let by = references.find(|r| r.namespace == row.namespace && r.claim == row.name)?;
    let by = &by.by;
    Some(format!("it is left to {} {}, which names it and may use it again", by.kind, by.name))
}

fn id(row: &ClaimRow, found: Option<&Recommendation>) -> String {
    found.map_or_else(
        || format!("{}:{}/{}", row.class, row.namespace, row.name),
        |found| found.finding.id.clone(),
    )
}

fn patch(row: &ClaimRow, found: Option<&Recommendation>, object: Object<'_>) -> Patch {
    let holds = row.class == Class::OrphanAllocated;
    let per_month = |per_day: f64| per_day / 24.0 * HOURS_PER_MONTH;
    let monthly_savings = match found {
        Some(found) => found.finding.monthly_savings,
        None if holds => row.cost_per_day.map(per_month),
        None => Some(0.0),
    };
    let share = if holds { row.share_total } else { Some(0.0) };
    let mut evidence = found.map(|found| found.finding.evidence.clone()).unwrap_or_default();
    evidence.insert("class".to_owned(), row.class.name().into());
    evidence.insert("why".to_owned(), row.why.clone().into());
    evidence.insert("age_seconds".to_owned(), row.age_seconds.map_or(Value::Null, Value::from));
    let devices: Vec<String> =
        row.devices.iter().map(|d| format!("{}/{}/{}", d.driver, d.pool, d.device)).collect();
    evidence.insert("devices".to_owned(), devices.into());
    Patch {
        id: id(row, found),
        rule: found.map_or_else(|| "stale-claim".to_owned(), |found| found.finding.rule.clone()),
        subject: subject(row),
        tenant: found
            .map_or_else(|| row.tenant.clone().unwrap_or_default(), |found| found.tenant.clone()),
        action: format!("Delete the claim: {}.", row.why),
        evidence,
        risk: Risk::Low,
        risk_note: "no pod uses it, and nothing names it".to_owned(),
        monthly_savings,
        monthly_gpu_hours: found.map_or_else(
            || share.unwrap_or(0.0) * HOURS_PER_MONTH,
            |found| found.monthly_gpu_hours,
        ),
        gpus: share,
        still: Still::StaleClaim,
        steps: vec![Step {
            target: object.target(),
            operation: Operation::Delete { object: for_creation(object.value) },
        }],
    }
}

/// The same for the claim's virtual cluster, where it has another name and another UID.
fn there(mut patch: Patch, synced: &place::Synced) -> Patch {
    for step in &mut patch.steps {
        step.target.namespace.clone_from(&synced.namespace);
        step.target.name.clone_from(&synced.name);
        (step.target.uid, step.target.resource_version) = (None, None);
        if let Operation::Delete { object } = &mut step.operation {
            let metadata =
                serde_json::json!({ "name": synced.name, "namespace": synced.namespace });
            object["metadata"] = metadata;
        }
    }
    patch
}
