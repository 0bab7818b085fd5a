//! # What it finds
//! Servers with more replicas than their load needs, all of them added up.
//! # Why it matters
//! Replicas are set for the busiest hour that somebody feared, and each of them holds its GPUs around the clock.
//! # How it is judged
//! The loads of all replicas are added up minute by minute. As many replicas are proposed as carry the
//! `recommend.compute_percentile` of the sum's active time at `recommend.target_load`, two at least; the number is
//! fitted on the first `recommend.fit_share` of the window and replayed on the rest. More than `recommend.max_over` of
//! the active time over what they can do refuses it.
//! # What it changes
//! `spec.replicas` of the workload, or the bounds of its autoscaler.
//! # Limits
//! Only workloads whose replicas are alike and stand for each other: Deployments, ReplicaSets and StatefulSets. Requests
//! that must not wait, and replicas that are kept for failover, are not seen. Memory is not judged: a server that takes
//! more of the load may cache more.

use super::evidence::{Evidence, Lease, Subject};
use super::proposal::{Draft, Freed, Verdict};
use super::sizes::{Memory, proof_row};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};
use crate::sizing::demand::demand;
use crate::sizing::fit::{Proof, Refusal, folds};
use crate::sizing::menu::Size;
use crate::sizing::replay;
use crate::trace::{self, Span, Trace};

pub(super) const NAME: &str = "spare-replicas";

/// Fewest replicas that are proposed: one may fail, or be replaced.
const LEAST: usize = 2;

/// Kinds whose pods stand for each other.
const SERVERS: [&str; 3] = ["Deployment", "ReplicaSet", "StatefulSet"];

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    evidence.history?;
    let leases: Vec<&Lease<'_>> = subject.there().collect();
    let pods: std::collections::BTreeSet<&str> = leases.iter().map(|lease| lease.pod).collect();
    if !SERVERS.contains(&subject.row.kind.as_str()) || pods.len() <= LEAST {
        return None;
    }
    let cards: f64 = leases.iter().map(|lease| lease.share).sum();
    let all: Vec<&Lease<'_>> = subject.leases.iter().collect();
    let sum = trace::sum(&evidence.traces(&all))?;
    let per_replica = cards / count(pods.len());
    let plan = Plan { sum: &sum, per_replica, evidence, from: pods.len() };
    let span = Span::of(evidence.window);
    let to = folds(span, evidence.rules.fit_share)
        .iter()
        .map(|fold| plan.replicas(fold.fit))
        .chain([plan.replicas(span)])
        .max()?;
    (to < pods.len()).then(|| plan.proposal(subject, leases, to))
}

/// What a number of replicas is chosen from.
struct Plan<'a, 'b> {
    sum: &'b Trace,
    /// Cards of one replica.
    per_replica: f64,
    evidence: &'b Evidence<'a>,
    from: usize,
}

impl<'a> Plan<'a, '_> {
    /// Replicas that carry the load of a span.
    fn replicas(&self, span: Span) -> usize {
        let rules = &self.evidence.rules;
        let need = demand(&[self.sum], span, rules).compute;
        let wanted = (need / (self.per_replica * rules.target_load)).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 or more")]
        let replicas = wanted as usize;
        replicas.clamp(LEAST, self.from)
    }

    fn size(&self, replicas: usize) -> Size {
        let compute = count(replicas) * self.per_replica;
        let name = format!("{replicas} replicas");
        Size {
            name,
            compute,
            memory_bytes: f64::INFINITY,
            share: count(replicas) / count(self.from),
        }
    }

    fn prove(&self) -> Proof {
        let rules = &self.evidence.rules;
        let mut proof =
            Proof { folds: 0, replay: replay::Replay::default(), share: 0.0, oracle_share: 0.0 };
        for fold in folds(Span::of(self.evidence.window), rules.fit_share) {
            let chosen = self.size(self.replicas(fold.fit));
            let keeps = |n: &usize| {
                over(&replay::alone(&[self.sum], fold.rest, &self.size(*n)), rules.max_over_share)
                    .is_none()
            };
            let oracle = (LEAST..=self.from).find(keeps).unwrap_or(self.from);
            proof.folds += 1;
            proof.replay = proof.replay.and(replay::alone(&[self.sum], fold.rest, &chosen));
            proof.share += chosen.share;
            proof.oracle_share += self.size(oracle).share;
        }
        let folds = count(proof.folds.max(1));
        Proof { share: proof.share / folds, oracle_share: proof.oracle_share / folds, ..proof }
    }

    fn proposal(&self, subject: &Subject<'a>, leases: Vec<&Lease<'a>>, to: usize) -> Verdict {
        let (evidence, from) = (self.evidence, self.from);
        let proof = self.prove();
        let refusal = over(&proof.replay, evidence.rules.max_over_share);
        let need = demand(&[self.sum], Span::of(evidence.window), &evidence.rules);
        let price = evidence.prices[leases[0].device].as_ref().map(|price| price.per_gpu_hour);
        let freed_part = 1.0 - count(to) / count(from);
        let draft = Draft {
            rule: NAME,
            subject: subject.name(),
            severity: Severity::Medium,
            evidence: [
                ("replicas".to_owned(), from.into()),
                ("gpus_per_replica".to_owned(), self.per_replica.into()),
                ("summed_load".to_owned(), need.compute.into()),
                ("summed_load_max".to_owned(), need.load_max.into()),
            ]
            .into(),
            action: format!(
                "Run {to} replicas instead of {from}: together they used {:.1} GPUs at most in all but {:.0} % of their active time.",
                need.compute,
                (1.0 - evidence.rules.compute_percentile) * 100.0
            ),
            proof: Some(proof_row(&proof, leases.len(), price, Memory::NotJudged)),
            freed: &|lease| Freed::part(lease.figures, freed_part),
            leases,
            gives_up: false,
            change: Change::FewerReplicas { from: number(from), to: number(to) },
            risk: (
                Risk::Medium,
                "requests that come at once wait for each other; less is left when a replica fails",
            ),
            neighbours: "the replicas that stay do more each",
            refusal: refusal.map(|refusal| refusal.words()),
            basis: Basis::Estimate,
        };
        draft.done(subject, evidence)
    }
}

fn over(went: &replay::Replay, bound: f64) -> Option<Refusal> {
    let share = went.over_share();
    if went.observed_ms == 0 {
        return Some(Refusal::NothingToReplay);
    }
    (share > 0.0 && share >= bound).then_some(Refusal::OverCapacity { share, bound })
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts of pods")]
const fn count(of: usize) -> f64 {
    of as f64
}
