//! What to change: one rule per file, one ordered list.
//!
//! Rules are pure: evidence in, proposals out. What a rule says of itself stands at the top of its file under fixed
//! headings, from which the documentation for users and `explain` are made. A report has no minutes to replay; what
//! rules say there rests on its figures alone.

mod claimed_too_much;
mod could_share;
mod dear_gpu;
pub mod evidence;
mod idle_hours;
mod left_idle;
mod mostly_idle;
mod never_used;
mod on_demand_batch;
mod oversized_gpu;
mod oversized_requests;
pub mod proposal;
pub mod select;
mod sizes;
mod spare_replicas;
mod stale_claim;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod unused_gpus;

use std::collections::BTreeSet;

use evidence::{Evidence, Subject};
use proposal::{Proposal, Verdict, not_judged};

use crate::report::contract::Finding;

/// Name of the rule that claims are left over by.
pub const STALE_CLAIM: &str = stale_claim::NAME;

/// A rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Name: the problem, not the remedy.
    pub name: &'static str,
    /// Its file; the comment at the top is its documentation.
    source: &'static str,
    find: fn(&Evidence<'_>, &Subject<'_>) -> Option<Verdict>,
}

/// What a rule's file says of it under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Heading.
    pub heading: &'static str,
    /// Text, in one line.
    pub text: String,
}

/// Headings that the file of every rule has, in this order.
pub const HEADINGS: [&str; 5] =
    ["What it finds", "Why it matters", "How it is judged", "What it changes", "Limits"];

impl Rule {
    /// What its file says of it.
    #[must_use]
    pub fn sections(&self) -> Vec<Section> {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        let mut out: Vec<Section> = Vec::new();
        for line in lines.map(str::trim) {
            match (line.strip_prefix("# "), out.last_mut()) {
                (Some(heading), _) => out.push(Section { heading, text: String::new() }),
                (None, Some(section)) if !section.text.is_empty() => {
                    section.text.push(' ');
                    section.text.push_str(line);
                }
                (None, Some(section)) => section.text.push_str(line),
                (None, None) => {}
            }
        }
        out
    }
}

/// Every rule, in the order in which they are tried.
pub const RULES: [Rule; 13] = [
    Rule { name: never_used::NAME, source: include_str!("never_used.rs"), find: never_used::find },
    Rule { name: left_idle::NAME, source: include_str!("left_idle.rs"), find: left_idle::find },
    Rule {
        name: stale_claim::NAME,
        source: include_str!("stale_claim.rs"),
        find: stale_claim::find,
    },
    Rule {
        name: unused_gpus::NAME,
        source: include_str!("unused_gpus.rs"),
        find: unused_gpus::find,
    },
    Rule {
        name: spare_replicas::NAME,
        source: include_str!("spare_replicas.rs"),
        find: spare_replicas::find,
    },
    Rule { name: idle_hours::NAME, source: include_str!("idle_hours.rs"), find: idle_hours::find },
    Rule {
        name: oversized_gpu::NAME,
        source: include_str!("oversized_gpu.rs"),
        find: oversized_gpu::find,
    },
    Rule {
        name: could_share::NAME,
        source: include_str!("could_share.rs"),
        find: could_share::find,
    },
    Rule {
        name: claimed_too_much::NAME,
        source: include_str!("claimed_too_much.rs"),
        find: claimed_too_much::find,
    },
    Rule { name: dear_gpu::NAME, source: include_str!("dear_gpu.rs"), find: dear_gpu::find },
    Rule {
        name: on_demand_batch::NAME,
        source: include_str!("on_demand_batch.rs"),
        find: on_demand_batch::find,
    },
    Rule {
        name: oversized_requests::NAME,
        source: include_str!("oversized_requests.rs"),
        find: oversized_requests::find,
    },
    Rule {
        name: mostly_idle::NAME,
        source: include_str!("mostly_idle.rs"),
        find: mostly_idle::find,
    },
];

/// What all rules say of all workloads.
#[must_use]
pub fn verdicts(evidence: &Evidence<'_>) -> Vec<Verdict> {
    let of_subject = |subject: &Subject<'_>| -> Vec<Verdict> {
        if let Some(reason) = evidence.unjudged(subject) {
            return vec![not_judged(subject, None, reason)];
        }
        // A claim that nobody uses needs nothing, so its size is no question.
        let counts = |rule: &&Rule| !subject.is_stale_claim || rule.name == stale_claim::NAME;
        let found: Vec<Verdict> =
            RULES.iter().filter(counts).filter_map(|rule| (rule.find)(evidence, subject)).collect();
        if found.is_empty() && !subject.is_alive() {
            let reason = "it had ended before the end of the window".to_owned();
            return vec![not_judged(subject, None, reason)];
        }
        found
    };
    evidence.subjects.iter().flat_map(of_subject).collect()
}

/// What a report says: proposals that rest on its figures, no GPU of a pod in two of them, most money first.
#[must_use]
pub fn of_report(evidence: &Evidence<'_>) -> Vec<Finding> {
    let changes: Vec<Proposal> = verdicts(evidence)
        .into_iter()
        .filter_map(|verdict| match verdict {
            Verdict::Change(proposal) => Some(*proposal),
            Verdict::NotJudged(_) => None,
        })
        .collect();
    // That something is idle is said where nothing better is.
    let better: BTreeSet<&(String, usize)> = changes
        .iter()
        .filter(|p| p.finding.rule != mostly_idle::NAME)
        .flat_map(|p| &p.leases)
        .collect();
    let is_said = |p: &&Proposal| {
        p.finding.rule != mostly_idle::NAME || p.leases.iter().all(|l| !better.contains(l))
    };
    let said: Vec<&Proposal> = changes.iter().filter(is_said).collect();
    let (counted, _) = select::select(&said);
    let mut out: Vec<Finding> =
        said.iter().zip(counted).filter(|(_, c)| *c).map(|(p, _)| p.finding.clone()).collect();
    out.sort_by(most_money);
    out
}

/// Most money first; what has no price comes last.
#[must_use]
pub fn most_money(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    let money = |f: &Finding| f.monthly_savings.unwrap_or(-1.0);
    money(b).total_cmp(&money(a)).then_with(|| a.id.cmp(&b.id))
}
