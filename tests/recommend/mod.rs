//! `recommend`: each rule where it fires, where it must not, and where there is too little to say anything.

mod commands;
mod fleet;
mod laws;
mod rules;

use gpu_finops::findings::evidence::{History, claims};
use gpu_finops::model::{Inputs, Policy};
use gpu_finops::observe::pod_use::PodUses;
use gpu_finops::recommend::contract::{RecommendReport, Recommendation};
use gpu_finops::recommend::{Filters, Material, recommend};
use gpu_finops::report::accounts::Accounts;
use gpu_finops::report::build::Stamp;
use gpu_finops::trace::{Traces, of_device};

/// What is recommended of inputs.
fn recommended(inputs: &Inputs, policy: &Policy) -> RecommendReport {
    filtered(inputs, policy, &Filters::default())
}

fn filtered(inputs: &Inputs, policy: &Policy, filters: &Filters) -> RecommendReport {
    let (accounts, traces) = Accounts::with(inputs, policy, of_device);
    let traces = Traces::new(traces);
    let timezone = chrono_tz::Tz::UTC;
    let claims = claims(inputs, 600_000);
    let (facts, uses) = (&inputs.facts, PodUses::new(inputs));
    let history = History { traces: &traces, facts, claims: &claims, uses: &uses, timezone };
    recommend(Material { accounts: &accounts, history, policy }, filters, Stamp::default())
}

/// The recommendation of a rule, refused or not.
fn of_rule<'a>(report: &'a RecommendReport, rule: &str) -> Option<&'a Recommendation> {
    report.recommendations.iter().chain(&report.refused).find(|r| r.finding.rule == rule)
}

/// Why nothing is said.
fn reasons(report: &RecommendReport) -> Vec<&str> {
    report.not_judged.iter().map(|row| row.reason.as_str()).collect()
}
