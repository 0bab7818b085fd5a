//! `unused-gpus`: a pod that used some of its GPUs and never others.
//!
//! Why it matters: the pod asks for more GPUs than its program uses. Judged by device, never from an
//! average over devices. Savings: the cost of the unused devices.

use std::collections::BTreeMap;

use super::{Evidence, MIN_HELD_GPU_HOURS, MIN_OBSERVED, basis};
use crate::attribution::agents::WARM_POOL;
use crate::attribution::holding::EPSILON;
use crate::report::contract::{Basis, Finding, SavingsKind, Severity};
use crate::report::figures::{Figures, pod_key};

const RULE: &str = "unused-gpus";

pub(crate) fn find(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut pods: BTreeMap<&str, Vec<(usize, &Figures)>> = BTreeMap::new();
    for (key, figures) in evidence.devices_of_pods {
        if let Ok(device) = key[1].parse() {
            pods.entry(&key[0]).or_default().push((device, figures));
        }
    }
    pods.into_iter().filter_map(|(pod, devices)| of_pod(evidence, pod, &devices)).collect()
}

fn of_pod(evidence: &Evidence<'_>, pod: &str, devices: &[(usize, &Figures)]) -> Option<Finding> {
    let judged = |f: &Figures| f.ledger.observed_ratio.is_some_and(|r| r >= MIN_OBSERVED);
    let used = |f: &Figures| f.usage.utilization_max.is_some_and(|m| m >= evidence.idle_below);
    let unused: Vec<_> = devices.iter().filter(|(_, f)| judged(f) && !used(f)).collect();
    let hours: f64 = unused.iter().map(|(_, f)| f.ledger.allocated_gpu_hours).sum();
    let worked = devices.iter().filter(|(_, f)| used(f)).count();
    if unused.is_empty() || worked == 0 || hours < MIN_HELD_GPU_HOURS {
        return None;
    }
    let attribution = evidence.attribution;
    let position = attribution.holders.iter().position(|h| pod_key(h) == pod)?;
    let holder = &attribution.holders[position];
    if holder.workload.kind == WARM_POOL {
        return None;
    }
    let mut pieces =
        attribution.pieces.iter().filter(|p| pod_key(&attribution.holders[p.holder]) == pod);
    let is_whole = pieces.all(|p| p.share >= 1.0 - EPSILON);
    let ids: Vec<_> =
        unused.iter().map(|(d, _)| evidence.attribution.devices[*d].id.clone()).collect();
    let cost: f64 = unused.iter().filter_map(|(_, f)| f.ledger.allocated_cost).sum();
    let priced = unused.iter().all(|(d, _)| evidence.prices[*d].is_some());
    let observed: f64 = unused.iter().map(|(_, f)| f.ledger.observed_gpu_hours).sum();
    let key = &holder.holder.key;
    let subject = format!("{}/Pod/{}", key.namespace, key.name);
    Some(Finding {
        id: super::id(RULE, holder.cluster.as_deref(), &subject),
        rule: RULE.to_owned(),
        cluster: holder.cluster.clone(),
        severity: Severity::High,
        confidence: observed / hours,
        basis: devices.iter().map(|(_, f)| basis(&f.ledger)).max().unwrap_or(Basis::Measured),
        evidence: BTreeMap::from([
            ("gpus_held".to_owned(), devices.len().into()),
            ("gpus_used".to_owned(), worked.into()),
            ("gpus_unused".to_owned(), ids.into()),
            ("unused_gpu_hours".to_owned(), hours.into()),
            (
                "workload".to_owned(),
                format!("{}/{}", holder.workload.kind, holder.workload.name).into(),
            ),
        ]),
        monthly_savings: priced.then(|| evidence.per_month(cost)),
        savings_kind: SavingsKind::Capacity,
        action: format!(
            "{} {worked} {} instead of {}: the other {} never used while {} worked.",
            if holder.holder.claims.is_empty() { "Request" } else { "Claim" },
            match (is_whole, worked) {
                (true, 1) => "GPU",
                (true, _) => "GPUs",
                (false, 1) => "part of a GPU",
                (false, _) => "parts of GPUs",
            },
            devices.len(),
            if unused.len() == 1 { "was".to_owned() } else { format!("{} were", unused.len()) },
            if worked == 1 { "this" } else { "these" },
        ),
        subject,
    })
}
