//! Budgets for people: how many are kept, a line for each, then each with its rules, forecast and drivers.

use super::super::RenderOptions;
use super::super::format::{UNKNOWN, count, decimal, hours_alone, money_alone, percent, plural};
use super::explain::{grid, worked};
use super::{Block, Fact, GridColumn, Item, Tone, len, shown};
use crate::budget::contract::{
    BacktestRow, BudgetList, BudgetReport, BudgetRow, DriverRow, ExceptionRow, ForecastRow, State,
};
use crate::budget::verdict::counted;

/// Warnings that are spelled out; `doctor` has all of them.
const WARNINGS: usize = 3;

/// The document.
pub(in super::super) fn build(
    report: &BudgetReport,
    explained: bool,
    options: &RenderOptions,
) -> Vec<Block> {
    let title = format!("Budgets as of {}", report.as_of);
    let mut blocks = vec![Block::Title(title), verdict(report)];
    let visible = &report.budgets[..shown(report.budgets.len(), options.top)];
    blocks.push(Block::Heading("Budgets, worst first".to_owned()));
    blocks.push(Block::Grid(table(visible)));
    let hidden = report.budgets.len() - visible.len();
    if hidden > 0 {
        blocks.push(Block::Note(Tone::Muted, format!("… {} more", count(len(hidden)))));
    }
    let is_told = |b: &&BudgetRow| explained || !matches!(b.state, State::Ok | State::NotStarted);
    for budget in visible.iter().filter(is_told) {
        blocks.push(Block::Heading(budget.name.clone()));
        blocks.extend(details(budget, &report.currency));
        if explained {
            blocks.extend(budget.arithmetic.iter().flat_map(|step| worked(step, &report.currency)));
        }
    }
    let warnings = report.coverage.warnings.iter().take(WARNINGS);
    blocks.extend(warnings.map(|w| Block::Note(Tone::Warn, w.message.clone())));
    blocks
}

fn verdict(report: &BudgetReport) -> Block {
    Block::Verdict(tone(report.state), counted(report))
}

const fn tone(state: State) -> Tone {
    match state {
        State::Fail | State::Error => Tone::Bad,
        State::Warn | State::Unclear => Tone::Warn,
        State::Ok => Tone::Good,
        State::Muted | State::NotStarted => Tone::Muted,
    }
}

/// An amount of a budget with its unit.
fn amount(value: Option<f64>, unit: &str) -> String {
    match (unit, value) {
        ("GPU-h", Some(hours)) => format!("{} GPU-h", hours_alone(hours)),
        ("GPU-h", None) => UNKNOWN.to_owned(),
        (currency, value) => money_alone(value, currency),
    }
}

fn table(rows: &[BudgetRow]) -> super::Grid {
    let texts = |read: &dyn Fn(&BudgetRow) -> String| rows.iter().map(read).collect::<Vec<_>>();
    let text = |header, rank| GridColumn { header, right: false, rank, flexible: true };
    let fixed = |header, rank| GridColumn { header, right: false, rank, flexible: false };
    let number = |header, rank| GridColumn { header, right: true, rank, flexible: false };
    let factor = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), |v| decimal(v, 2));
    let spent = |b: &BudgetRow| match b.spent.to_date {
        Some(_) => amount(b.spent.to_date, &b.unit),
        None => format!("≥ {}", amount(Some(b.spent.at_least), &b.unit)),
    };
    let total = |b: &BudgetRow| amount(b.forecast.as_ref().map(|f| f.total), &b.unit);
    let day = |b: &BudgetRow| b.runs_out_day.clone().unwrap_or_else(|| "-".to_owned());
    let mut grid = grid(&[
        (fixed("state", 0), texts(&|b| b.state.name().to_owned())),
        (text("budget", 0), texts(&|b| b.name.clone())),
        (number("amount", 0), texts(&|b| amount(Some(b.amount.effective), &b.unit))),
        (number("spent", 0), texts(&spent)),
        (number("used", 1), texts(&|b| percent(b.spent.ratio))),
        (number("gone", 1), texts(&|b| percent(Some(b.period.gone_ratio)))),
        (number("forecast", 0), texts(&total)),
        (fixed("runs out", 2), texts(&day)),
        (number("burn long", 3), texts(&|b| factor(b.burn.long))),
        (number("short", 3), texts(&|b| factor(b.burn.short))),
        (fixed("period", 4), texts(&|b| b.period.label.clone())),
        (text("scope", 10), texts(&|b| b.scope.clone())),
        (text("owners", 10), texts(&|b| b.owners.join(", "))),
    ]);
    for (row, budget) in grid.rows.iter_mut().zip(rows) {
        row.tone = tone(budget.state);
    }
    grid
}

fn details(b: &BudgetRow, currency: &str) -> Vec<Block> {
    let owners = match b.owners.is_empty() {
        true => String::new(),
        false => format!(", owners {}", b.owners.join(", ")),
    };
    let item = Item {
        tone: tone(b.state),
        head: b.state.name().to_uppercase(),
        body: format!("{}.", b.summary),
        foot: format!("{}, {}{owners}", b.scope, b.file),
    };
    let mut blocks = vec![Block::Item(item), Block::Facts(facts(b))];
    if !b.drivers.is_empty() {
        blocks.push(Block::Grid(drivers(&b.drivers, &b.unit)));
    }
    let saves = |money| format!("saves {} a month", money_alone(money, currency));
    blocks.extend(b.to_do.iter().map(|t| {
        let text =
            format!("{}: {} ({}; {})", t.subject, t.action, saves(t.monthly_savings), t.finding);
        Block::Note(Tone::Plain, text)
    }));
    blocks.extend(b.notes.iter().map(|note| Block::Note(Tone::Warn, sentence(note))));
    blocks
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

fn facts(b: &BudgetRow) -> Vec<Fact> {
    let plain = |label, text| Fact { label, text, tone: Tone::Plain };
    let mut facts: Vec<Fact> = b
        .rules
        .iter()
        .map(|rule| Fact {
            label: "rule",
            text: format!("{} ({}): {}: {}", rule.on, rule.action, rule.state.name(), rule.message),
            tone: tone(rule.state),
        })
        .collect();
    if let Some(forecast) = &b.forecast {
        facts.push(plain("forecast", forecast_text(forecast, &b.unit)));
    }
    let factor = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), |v| decimal(v, 2));
    facts.push(plain(
        "burn rate",
        format!(
            "{} over {} hours, {} over {}; 1 uses the amount up exactly at the end",
            factor(b.burn.long),
            hours_alone(b.burn.long_hours),
            factor(b.burn.short),
            hours_alone(b.burn.short_hours)
        ),
    ));
    if b.amount.carried_over > 0.0 || b.amount.extra > 0.0 {
        let parts = format!(
            "{} of the period, {} carried over, {} by exceptions",
            amount(Some(b.amount.prorated), &b.unit),
            amount(Some(b.amount.carried_over), &b.unit),
            amount(Some(b.amount.extra), &b.unit)
        );
        facts.push(plain("amount", parts));
    }
    facts.extend(
        b.exceptions
            .iter()
            .filter(|e| e.is_active)
            .map(|e| plain("exception", exception(e, &b.unit))),
    );
    facts
}

fn exception(e: &ExceptionRow, unit: &str) -> String {
    let what = match (e.mute, e.extra > 0.0) {
        (true, true) => format!("no rule fires, and {} more", amount(Some(e.extra), unit)),
        (true, false) => "no rule fires".to_owned(),
        (false, _) => format!("{} more", amount(Some(e.extra), unit)),
    };
    format!("{what} until {}: {}", e.expires, e.reason)
}

fn forecast_text(f: &ForecastRow, unit: &str) -> String {
    let interval = match (f.low, f.high) {
        (Some(low), Some(high)) => {
            format!(
                "{} to {} in four of five cases",
                amount(Some(low), unit),
                amount(Some(high), unit)
            )
        }
        _ => "no interval, for there are fewer than 3 whole days of history".to_owned(),
    };
    let days = plural(u64::from(f.history_days), "whole day", "whole days");
    format!(
        "{} ({interval}); {} on {days}; {}",
        amount(Some(f.total), unit),
        f.method,
        backtest(f.backtest.as_ref())
    )
}

fn backtest(tested: Option<&BacktestRow>) -> String {
    match tested {
        Some(t) => format!(
            "back-tested: {} were off by {} on the whole",
            plural(u64::from(t.forecasts), "forecast", "forecasts"),
            percent(Some(t.error_ratio))
        ),
        None => "not back-tested: too little history".to_owned(),
    }
}

fn drivers(rows: &[DriverRow], unit: &str) -> super::Grid {
    let texts = |read: &dyn Fn(&DriverRow) -> String| rows.iter().map(read).collect::<Vec<_>>();
    let text = |header, rank| GridColumn { header, right: false, rank, flexible: true };
    let number = |header, rank| GridColumn { header, right: true, rank, flexible: false };
    grid(&[
        (text("driven by", 0), texts(&|d| d.subject.clone())),
        (text("tenant", 3), texts(&|d| d.tenant.clone())),
        (number("spent", 0), texts(&|d| amount(Some(d.spent), unit))),
        (number("of it", 1), texts(&|d| percent(d.share))),
        (number("a day", 0), texts(&|d| amount(Some(d.per_day), unit))),
        (number("before", 2), texts(&|d| amount(d.per_day_before, unit))),
        (number("change", 1), texts(&|d| amount(d.change_per_day, unit))),
    ])
}

/// The budgets as they are defined.
pub(in super::super) fn build_list(list: &BudgetList) -> Vec<Block> {
    let rows = &list.budgets;
    let all = plural(len(rows.len()), "budget", "budgets");
    let text = |header, rank| GridColumn { header, right: false, rank, flexible: true };
    let fixed = |header, rank| GridColumn { header, right: false, rank, flexible: false };
    let number = |header, rank| GridColumn { header, right: true, rank, flexible: false };
    let texts = |read: &dyn Fn(&crate::budget::contract::ListedBudget) -> String| {
        rows.iter().map(read).collect::<Vec<_>>()
    };
    let mut blocks = vec![
        Block::Title("Budgets".to_owned()),
        Block::Verdict(Tone::Plain, format!("{all}.")),
        Block::Grid(grid(&[
            (text("budget", 0), texts(&|b| b.name.clone())),
            (text("part of", 3), texts(&|b| b.parent.clone().unwrap_or_default())),
            (text("scope", 0), texts(&|b| b.scope.clone())),
            (number("amount", 0), texts(&|b| amount(Some(b.amount), &b.unit))),
            (fixed("period", 0), texts(&|b| b.period.label.clone())),
            (text("rules", 1), texts(&|b| b.rules.join(", "))),
            (text("owners", 4), texts(&|b| b.owners.join(", "))),
            (text("file", 5), texts(&|b| b.file.clone())),
        ])),
    ];
    blocks.extend(list.notes.iter().map(|note| Block::Note(Tone::Warn, sentence(note))));
    blocks
}
