//! All checks, in order.

use super::contract::{Check, CheckTotals, DoctorReport, SCHEMA_VERSION, State};
use super::metrics::Answers;
use super::{access, duplicates, figures, labels, metrics, prices, server, sharing, signs};
use crate::model::reach::{MetricServer, ObjectSource, Reach};
use crate::model::window::rfc3339;
use crate::model::{Inputs, Policy};
use crate::report::build::window_row;
use crate::report::contract::Report;

/// The warning that says again what a server that cannot be reached says.
const NO_METRICS: &str = "no-metrics";

/// What is judged.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// What the sources gave.
    pub inputs: &'a Inputs,
    /// How the metric server was reached.
    pub server: &'a MetricServer,
    /// How objects were reached.
    pub objects: &'a ObjectSource,
    /// The report on the same inputs, of everything in them.
    pub report: &'a Report,
    /// Thresholds and tenant rules.
    pub policy: &'a Policy,
    /// Version of the tool.
    pub tool_version: &'a str,
}

/// Makes all checks.
#[must_use]
pub fn report(evidence: &Evidence<'_>) -> DoctorReport {
    let Evidence { inputs, server, objects, report, policy, .. } = *evidence;
    let signs = signs::read(inputs);
    let answers = Answers::of(inputs, policy, &signs);
    let readable = server.reach == Reach::Answered || objects.reach == Reach::Answered;
    let is_unreached = matches!(server.reach, Reach::Failed { .. });
    let mut checks = server::checks(server, inputs, &answers.of_devices());
    checks.extend(access::checks(objects, inputs));
    if readable {
        let told =
            report.coverage.warnings.iter().filter(|w| !(is_unreached && w.code == NO_METRICS));
        checks.extend(figures::checks(told));
        checks.extend(metrics::checks(inputs, policy, &answers));
        checks.extend(labels::checks(inputs, policy, &signs, &answers));
        checks.extend(duplicates::check(inputs));
        checks.extend(sharing::checks(inputs, report, &signs));
        checks.extend(prices::checks(report));
    }
    in_order(&mut checks);
    DoctorReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: rfc3339(inputs.now_ms),
        tool_version: evidence.tool_version.to_owned(),
        window: window_row(inputs.window),
        readable,
        complete: !checks.iter().any(|check| check.state == State::Fail),
        totals: totals(&checks),
        checks,
    }
}

/// By group, what failed first; beyond that as they were made.
fn in_order(checks: &mut [Check]) {
    checks.sort_by_key(|check| (check.group, check.state));
}

fn totals(checks: &[Check]) -> CheckTotals {
    let mut totals = CheckTotals::default();
    for check in checks {
        *match check.state {
            State::Fail => &mut totals.fail,
            State::Warn => &mut totals.warn,
            State::Ok => &mut totals.ok,
            State::Skipped => &mut totals.skipped,
        } += 1;
    }
    totals
}
