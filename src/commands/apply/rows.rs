//! What became of each change, as it is printed.

use crate::cleanup::contract::{ClusterIdentity, Operation, Patch, Step};
use crate::cleanup::plan::contract::Plan;
use crate::cleanup::result::{
    ChangeRow, RunCommand, RunReport, SCHEMA_VERSION, Status, StepRow, StepStatus,
};
use crate::model::window::rfc3339;
use crate::units::Millis;

/// A result in the making.
#[derive(Debug)]
pub(in crate::commands) struct Rows {
    report: RunReport,
    /// Where the journal is.
    pub(in crate::commands) journal: Option<String>,
}

impl Rows {
    /// Nothing is done yet.
    #[must_use]
    pub(in crate::commands) fn new(
        command: RunCommand,
        plan: &Plan,
        cluster: ClusterIdentity,
        now_ms: Millis,
    ) -> Self {
        let report = RunReport {
            schema_version: SCHEMA_VERSION.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: rfc3339(now_ms),
            command,
            cluster,
            plan_hash: plan.hash.clone(),
            currency: plan.changes.currency.clone(),
            dry_run: true,
            journal: None,
            stopped: None,
            changes: Vec::new(),
            monthly_savings: None,
        };
        Self { report, journal: None }
    }

    /// Adds what became of a change.
    pub(in crate::commands) fn add(&mut self, row: ChangeRow) {
        self.report.changes.push(row);
    }

    /// The result, with what kept the run from going on.
    #[must_use]
    pub(in crate::commands) fn finished(self, stopped: Option<String>) -> RunReport {
        let done = |row: &&ChangeRow| matches!(row.status, Status::Applied | Status::WouldApply);
        let monthly_savings = self
            .report
            .changes
            .iter()
            .filter(done)
            .map(|row| row.monthly_savings)
            .sum::<Option<f64>>();
        let dry_run = self.journal.is_none();
        RunReport { dry_run, journal: self.journal, stopped, monthly_savings, ..self.report }
    }
}

/// A row of a change; `done` of its first steps are done.
#[must_use]
pub(in crate::commands) fn row(
    patch: &Patch,
    status: Status,
    detail: Option<String>,
    steps: impl Fn(usize) -> StepStatus,
) -> ChangeRow {
    ChangeRow {
        id: patch.id.clone(),
        subject: patch.subject.clone(),
        action: patch.action.clone(),
        status,
        detail,
        monthly_savings: patch.monthly_savings,
        steps: patch.steps.iter().enumerate().map(|(i, step)| step_row(step, steps(i))).collect(),
    }
}

/// A row of a step.
#[must_use]
pub(in crate::commands) fn step_row(step: &Step, status: StepStatus) -> StepRow {
    let operation = match step.operation {
        Operation::Create { .. } => "create",
        Operation::Patch { .. } => "patch",
        Operation::Delete { .. } => "delete",
    };
    StepRow { target: step.target.clone(), operation: operation.to_owned(), status }
}
