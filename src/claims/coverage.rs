//! What the listing rests on, and what it lacks.

use std::collections::BTreeSet;

use super::build::{Listed, Question};
use super::classify::Surroundings;
use super::contract::{ClaimCoverage, ProblemRow, UseCoverage};
use super::words::{duration, seconds};
use crate::model::dra::is_gpu_driver;
use crate::model::{ClusterFacts, SourceState, SourceStatus};
use crate::report::build::window_row;
use crate::report::coverage::source_row;

pub(super) fn coverage(
    facts: &ClusterFacts,
    sources: &[SourceStatus],
    around: &Surroundings<'_>,
    listed: &[Listed],
    question: &Question<'_>,
) -> ClaimCoverage {
    let mut missing = about_sight(facts, around);
    missing.extend(about_pools(facts));
    missing.extend(about_use(question));
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
    let sources = sources.iter().map(source_row).collect();
    ClaimCoverage { sources, problems, complete, usage: use_coverage(question) }
}

/// Metrics without any device are a mistake in where they are read from, not idle GPUs.
fn about_use(question: &Question<'_>) -> Option<ProblemRow> {
    question.measured.filter(|measured| measured.is_blind).map(|_| {
        problem(
            "metrics",
            "have no DCGM series at all: whether any claim is idle is not known. Is dcgm-exporter scraped \
             by this server?",
        )
    })
}

fn use_coverage(question: &Question<'_>) -> UseCoverage {
    let idle_after = duration(question.idle_after_ms);
    let detail = match question.measured {
        None => {
            "use is not judged: no metrics are read; name a server with `--prometheus URL` to find \
                 claims that are idle but reserved"
                .to_owned()
        }
        Some(measured) if measured.window.length_ms() < question.idle_after_ms => format!(
            "the window of {} is shorter than the {idle_after} of `--idle-after`: no claim is called idle",
            duration(measured.window.length_ms())
        ),
        Some(_) => format!(
            "a claim that is reserved is idle when each of its GPUs was observed and idle for all of the \
             time that it was held, and that for {idle_after} at least"
        ),
    };
    UseCoverage {
        judged: question.measured.is_some(),
        window: question.measured.map(|m| window_row(m.window)),
        idle_after_seconds: seconds(question.idle_after_ms),
        detail,
    }
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
    let namespaces: BTreeSet<&str> =
        facts.dra.claims.iter().map(|claim| claim.namespace.as_str()).collect();
    missing.extend(namespaces.into_iter().filter_map(|namespace| {
        let owner = around.unread_in(namespace)?;
        let detail = format!(
            "makes pods and could not be read: a claim in {namespace} that is not named may be named there"
        );
        Some(problem(format!("{namespace}: {owner}"), detail))
    }));
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
