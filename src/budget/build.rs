//! The report on budgets, and the list of them.

use super::contract::{BudgetList, BudgetReport, ListedBudget, SCHEMA_VERSION, State};
use super::define::{Budget, Limit, On, Rule, Unit};
use super::evaluate::{Question, evaluate, exceptions, overcommitted, period_at};
use super::judge::{Data, Strictness, exit_of};
use super::spend::Spend;
use crate::model::window::rfc3339;
use crate::output::format::{decimal, percent};
use crate::report::contract::Report;
use crate::units::Millis;

/// The report on budgets, beside the report on everything that was read for them.
#[must_use]
pub fn report(
    spend: &Spend<'_>,
    question: &Question<'_>,
    asked: Strictness,
    read: Report,
) -> BudgetReport {
    let budgets = evaluate(spend, question);
    let states: Vec<State> = budgets.iter().map(|row| row.state).collect();
    let data =
        Data { is_balanced: read.reconciliation.balanced, is_complete: read.coverage.complete };
    BudgetReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: read.generated_at,
        tool_version: read.tool_version,
        currency: question.currency.to_owned(),
        as_of: rfc3339(question.as_of),
        window: read.window,
        state: states.iter().copied().max().unwrap_or(State::Error),
        exit_code: exit_of(&states, data, asked),
        budgets,
        coverage: read.coverage,
        reconciliation: read.reconciliation,
        assumptions: read.assumptions,
    }
}

/// The budgets as they are defined.
#[must_use]
pub fn list(budgets: &[Budget], currency: &str, now: Millis) -> BudgetList {
    let over = |(position, budget): (usize, &Budget)| {
        let over = overcommitted(budgets, position)?;
        let what = decimal(over, 2);
        Some(format!("the budgets below {} allow {what} more together than it does", budget.name))
    };
    BudgetList {
        schema_version: SCHEMA_VERSION.to_owned(),
        currency: currency.to_owned(),
        budgets: budgets.iter().filter_map(|b| listed(b, budgets, currency, now)).collect(),
        notes: budgets.iter().enumerate().filter_map(over).collect(),
    }
}

fn listed(
    budget: &Budget,
    budgets: &[Budget],
    currency: &str,
    now: Millis,
) -> Option<ListedBudget> {
    Some(ListedBudget {
        name: budget.name.clone(),
        parent: budget.parent.map(|parent| budgets[parent].name.clone()),
        scope: budget.scope_text.clone(),
        basis: budget.basis.name().to_owned(),
        amount: budget.amount,
        unit: match budget.unit {
            Unit::Money => currency.to_owned(),
            Unit::GpuHours => "GPU-h".to_owned(),
        },
        period: period_at(budget, now)?,
        rules: budget.rules.iter().map(rule).collect(),
        owners: budget.owners.clone(),
        exceptions: exceptions(budget, now),
        file: budget.file.clone(),
        line: budget.line,
    })
}

/// `forecast >= 100.0% fail`.
fn rule(rule: &Rule) -> String {
    let relation = if rule.on == On::Utilization { "<" } else { ">=" };
    let threshold = match (rule.on, rule.threshold) {
        (On::BurnRate, Limit::Amount(factor)) => format!("{} times", decimal(factor, 2)),
        (_, Limit::Amount(amount)) => decimal(amount, 2),
        (_, Limit::Share(share)) => percent(Some(share)),
    };
    format!("{} {relation} {threshold} {}", rule.on.name(), rule.action.name())
}
