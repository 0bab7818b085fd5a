use chrono::DateTime;
use chrono_tz::Tz;
use regex::Regex;

use super::super::calendar::{Calendar, FiscalYear, PeriodKind};
use super::super::define::{Action, Basis, Conditions, Exception, Limit, On, Rule, Scope};
use super::super::grid::Grid;
use super::super::spend::WorkloadKey;
use super::*;
use crate::model::IntervalSet;
use crate::report::contract::{Basis as FindingBasis, SavingsKind, Severity};

fn at(text: &str) -> Millis {
    DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis()
}

fn rule(on: On, threshold: f64, action: Action) -> Rule {
    let threshold = match on {
        On::BurnRate => Limit::Amount(threshold),
        _ => Limit::Share(threshold),
    };
    Rule { on, threshold, action, windows: None }
}

/// A month of November 2026 in Berlin that allows 720: one an hour.
fn budget() -> Budget {
    Budget {
        name: "b".into(),
        parent: None,
        scope: Scope::Fleet,
        scope_text: "the whole fleet".into(),
        basis: Basis::Held,
        unit: Unit::Money,
        amount: 720.0,
        calendar: Calendar {
            kind: PeriodKind::Month,
            year: FiscalYear::Months { first: 1 },
            zone: Tz::Europe__Berlin,
        },
        rules: vec![rule(On::Forecast, 1.0, Action::Warn), rule(On::Actual, 1.0, Action::Fail)],
        start: None,
        carry_over: None,
        owners: vec!["ml-leads".into()],
        exceptions: Vec::new(),
        may_be_empty: false,
        file: "b.yaml".into(),
        line: Some(2),
    }
}

/// From midnight in Berlin of the first of October to the 16th of November.
const FROM: &str = "2026-09-30T22:00:00Z";
const AS_OF: &str = "2026-11-15T23:00:00Z";

/// How one workload spent: so much an hour, half of it wasted; a GPU-hour costs 1.
struct Story {
    per_hour: fn(Millis) -> f64,
    known_from: Millis,
    observed: f64,
    unpriced: bool,
}

impl Story {
    fn of(per_hour: fn(Millis) -> f64) -> Self {
        Self { per_hour, known_from: at(FROM), observed: 1.0, unpriced: false }
    }

    fn rows(&self, budgets: &[Budget], as_of: &str) -> Vec<BudgetRow> {
        let as_of = at(as_of);
        let window = Window::new(at(FROM), as_of).expect("not empty");
        let grid = Grid::new(window, cuts(budgets, window, as_of).expect("dates"));
        let mut spend = Spend::new(budgets, &[], grid);
        spend.know(None, &IntervalSet::of(Interval::new(self.known_from, as_of)));
        let buckets: Vec<Interval> = spend.grid.buckets().collect();
        let key =
            WorkloadKey { cluster: None, subject: "ns/Deployment/w".into(), tenant: "t".into() };
        for series in &mut spend.series {
            series.is_known = true;
            for (number, bucket) in buckets.iter().enumerate() {
                let since = bucket.start.max(self.known_from);
                let hours = gpu_hours((bucket.end - since).max(0)) * (self.per_hour)(bucket.start);
                let cost = if self.unpriced { 0.0 } else { hours };
                let amounts = Amounts {
                    gpu_hours: hours,
                    observed_gpu_hours: hours * self.observed,
                    idle_gpu_hours: hours * self.observed * 0.25,
                    waste_gpu_hours: hours * 0.5,
                    utilization_gpu_hours: hours * self.observed * 0.4,
                    unpriced_gpu_hours: hours - cost,
                    cost,
                    waste_cost: cost * 0.5,
                };
                series.buckets[number].add(&amounts);
                let of = series.workloads.entry(key.clone()).or_default();
                of.entry(number).or_default().add(&amounts);
            }
        }
        let findings = [finding()];
        let question =
            Question { budgets, as_of, currency: "USD", min_known: 0.9, findings: &findings };
        evaluate(&spend, &question)
    }

    fn row(&self, budget: &Budget, as_of: &str) -> BudgetRow {
        self.rows(std::slice::from_ref(budget), as_of).remove(0)
    }
}

fn finding() -> Finding {
    Finding {
        id: "never-used:ns/Deployment/w".into(),
        rule: "never-used".into(),
        cluster: None,
        subject: "ns/Deployment/w".into(),
        severity: Severity::High,
        confidence: 1.0,
        basis: FindingBasis::Measured,
        evidence: std::collections::BTreeMap::new(),
        monthly_savings: Some(360.0),
        savings_kind: SavingsKind::Capacity,
        action: "Release its GPU.".into(),
    }
}

#[track_caller]
fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
}

#[test]
fn an_even_spend_ends_at_the_amount() {
    let row = Story::of(|_| 1.0).row(&budget(), AS_OF);
    assert_eq!((row.period.start.as_str(), row.period.hours), ("2026-10-31T23:00:00Z", 720.0));
    close(row.spent.to_date.expect("known"), 360.0);
    close(row.period.gone_ratio, 0.5);
    close(row.burn.long.expect("known"), 1.0);
    close(row.burn.short.expect("known"), 1.0);
    let forecast = row.forecast.as_ref().expect("known");
    close(forecast.total, 720.0);
    // October's 25-hour day is one whole day of the history.
    assert_eq!((forecast.method.as_str(), forecast.history_days), ("weekly-run-rate", 46));
    close(forecast.low.expect("known"), 720.0);
    assert!(forecast.backtest.as_ref().is_some_and(|b| b.error_ratio < 1e-9));
    assert_eq!(row.state, State::Warn, "the forecast reaches the amount");
    assert_eq!(row.drivers[0].change_per_day.map(|c| c.abs() < 1e-6), Some(true));
}

#[test]
fn twice_the_rate_runs_out_in_the_middle_and_one_line_says_all() {
    let mut budget = budget();
    budget.rules = vec![rule(On::Forecast, 1.0, Action::Fail)];
    // Since November it is two an hour.
    let story = Story::of(|t| if t < 1_793_487_600_000 { 1.0 } else { 2.0 });
    let row = story.row(&budget, "2026-11-10T23:00:00Z");
    assert_eq!(row.state, State::Fail);
    close(row.spent.at_least, 480.0);
    close(row.forecast.as_ref().expect("known").total, 1_440.0);
    // 720 are spent 360 hours after the first.
    assert_eq!(row.runs_out.as_deref(), Some("2026-11-15T23:00:00Z"));
    close(row.drivers[0].per_day, 48.0);
    close(row.drivers[0].change_per_day.expect("known"), 24.0);
    close(row.burn.long.expect("known"), 2.0);
    let said = &row.summary;
    for part in [
        "b: $480.00 of $720.00",
        "forecast $1,440.00 (200.0%), $720.00 over",
        "runs out on 2026-11-16",
        "driven by ns/Deployment/w ($24.00 more a day",
        "Release its GPU (saves $360.00 a month)",
        "ask ml-leads",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    // And once it is over, when that was.
    let row = story.row(&budget, "2026-11-20T23:00:00Z");
    assert_eq!(row.runs_out.as_deref(), Some("2026-11-15T23:00:00Z"));
    assert!(row.summary.contains("ran out on"), "{}", row.summary);
}

#[test]
fn what_is_not_known_is_not_nothing() {
    let mut thin = Story::of(|_| 1.0);
    thin.known_from = at("2026-11-08T23:00:00Z");
    let row = thin.row(&budget(), AS_OF);
    assert_eq!(row.state, State::Unclear, "{}", row.summary);
    assert_eq!(row.spent.to_date, None);
    close(row.spent.at_least, 168.0);
    close(row.known.time_ratio, 7.0 / 15.0);
    assert!(row.notes.iter().any(|n| n.contains("46.7%")), "{:?}", row.notes);
    // What is known is too much already.
    let small = Budget { amount: 160.0, ..budget() };
    assert_eq!(thin.row(&small, AS_OF).state, State::Fail);
    // By forecast, too: 168 known and 360 to come of 500.
    let by_forecast =
        Budget { amount: 500.0, rules: vec![rule(On::Forecast, 1.0, Action::Fail)], ..budget() };
    assert_eq!(thin.row(&by_forecast, AS_OF).state, State::Fail);
    // Nothing at all.
    thin.known_from = at(AS_OF);
    let row = thin.row(&budget(), AS_OF);
    assert_eq!(row.state, State::Error);
    assert!(row.summary.contains("no data of its period"), "{}", row.summary);
}

#[test]
fn use_needs_observation_and_bounds_are_certain() {
    let with =
        |on, threshold| Budget { rules: vec![rule(on, threshold, Action::Fail)], ..budget() };
    let seen = Story::of(|_| 1.0);
    // A quarter idle, utilization 40 %, half wasted.
    for (on, threshold, state) in [
        (On::IdlePercent, 0.25, State::Fail),
        (On::IdlePercent, 0.26, State::Ok),
        (On::Utilization, 0.41, State::Fail),
        (On::Utilization, 0.4, State::Ok),
        (On::Waste, 0.5, State::Fail),
        (On::Waste, 0.51, State::Ok),
        (On::BurnRate, 1.0, State::Fail),
        (On::BurnRate, 1.1, State::Ok),
    ] {
        assert_eq!(seen.row(&with(on, threshold), AS_OF).state, state, "{on:?} {threshold}");
    }
    // Half observed: 12.5 % of all are idle for certain, utilization is at most 0.2 + 0.5.
    let half = Story { observed: 0.5, ..seen };
    for (on, threshold, state) in [
        (On::IdlePercent, 0.125, State::Fail),
        (On::IdlePercent, 0.2, State::Unclear),
        (On::Utilization, 0.71, State::Fail),
        (On::Utilization, 0.5, State::Unclear),
        (On::Actual, 0.9, State::Ok),
    ] {
        assert_eq!(half.row(&with(on, threshold), AS_OF).state, state, "{on:?} {threshold}");
    }
    let nothing = Story::of(|_| 0.0);
    assert_eq!(nothing.row(&with(On::Utilization, 0.4), AS_OF).state, State::Ok);
}

#[test]
fn without_a_price_money_is_not_judged_and_gpu_hours_are() {
    let free = Story { unpriced: true, ..Story::of(|_| 1.0) };
    let row = free.row(&budget(), AS_OF);
    assert_eq!((row.state, row.spent.to_date), (State::Error, None));
    assert!(row.summary.contains("without a price"), "{}", row.summary);
    let hours = Budget { unit: Unit::GpuHours, ..budget() };
    let row = free.row(&hours, AS_OF);
    assert_eq!((row.state, row.unit.as_str()), (State::Warn, "GPU-h"));
    close(row.spent.to_date.expect("known"), 360.0);
}

#[test]
fn a_start_within_a_period_counts_to_the_second() {
    let start = at("2026-11-07T11:00:30Z");
    let row = Story::of(|_| 1.0).row(&Budget { start: Some(start), ..budget() }, AS_OF);
    let hours = gpu_hours(at("2026-11-30T23:00:00Z") - start);
    close(row.amount.effective, hours);
    close(row.spent.at_least, gpu_hours(at(AS_OF) - start));
    close(row.forecast.expect("known").total, hours);
    // Not begun yet.
    let later = Budget { start: Some(at("2026-11-20T00:00:00Z")), ..budget() };
    let row = Story::of(|_| 1.0).row(&later, AS_OF);
    assert_eq!(row.state, State::NotStarted);
    close(row.spent.at_least, 0.0);
    // As of its end a period is whole.
    let row = Story::of(|_| 1.0).row(&budget(), "2026-10-31T23:00:00Z");
    assert_eq!(row.period.label, "2026-10");
    close(row.period.gone_ratio, 1.0);
    close(row.spent.at_least, 745.0);
    assert_eq!(row.state, State::Fail);
}

#[test]
fn what_is_left_is_carried_over_up_to_a_cap() {
    let of = |cap, amount| {
        let budget = Budget { carry_over: Some(cap), amount, ..budget() };
        Story::of(|_| 1.0).row(&budget, AS_OF).amount.carried_over
    };
    // October has 745 hours: 255 are left of 1,000.
    close(of(Limit::Share(1.0), 1_000.0), 255.0);
    close(of(Limit::Share(0.2), 1_000.0), 200.0);
    close(of(Limit::Amount(50.0), 1_000.0), 50.0);
    close(of(Limit::Share(1.0), 700.0), 0.0);
    // Of a period that is not known nothing is left.
    let budget = Budget { carry_over: Some(Limit::Share(1.0)), amount: 1_000.0, ..budget() };
    let late = Story { known_from: at("2026-10-20T00:00:00Z"), ..Story::of(|_| 1.0) };
    let row = late.row(&budget, AS_OF);
    close(row.amount.carried_over, 0.0);
    assert!(row.notes.iter().any(|n| n.contains("nothing is carried over")), "{:?}", row.notes);
}

#[test]
fn exceptions_end_with_their_day() {
    let exception = |extra, mute| Exception {
        extra,
        mute,
        expires: at("2026-11-10T23:00:00Z"),
        expires_text: "2026-11-11".into(),
        reason: "launch".into(),
    };
    let with = |e: Exception| Budget {
        amount: 72.0,
        rules: vec![rule(On::Actual, 1.0, Action::Fail)],
        exceptions: vec![e],
        ..budget()
    };
    let story = Story::of(|_| 1.0);
    let state = |e: Exception, as_of: &str| story.row(&with(e), as_of).state;
    let (before, after) = ("2026-11-10T22:59:59Z", "2026-11-10T23:00:00Z");
    assert_eq!(state(exception(1_000.0, false), before), State::Ok);
    assert_eq!(state(exception(1_000.0, false), after), State::Fail);
    assert_eq!(state(exception(0.0, true), before), State::Muted);
    assert_eq!(state(exception(0.0, true), after), State::Fail);
    let row = story.row(&with(exception(0.0, true)), after);
    assert!(!row.exceptions[0].is_active);
    assert!(
        row.notes.iter().any(|n| n.contains("expired on 2026-11-11 (launch)")),
        "{:?}",
        row.notes
    );
}

#[test]
fn a_scope_that_nobody_has_is_a_mistake_unless_said_otherwise() {
    let tenants = vec![Regex::new("^nobody$").expect("valid")];
    let conditions = Conditions { tenants, ..Conditions::default() };
    let scope = Scope::Where(Box::new(conditions));
    let named = Budget { scope, scope_text: "tenants nobody".into(), ..budget() };
    let as_of = at(AS_OF);
    let state = |budget: &Budget| {
        let budgets = std::slice::from_ref(budget);
        let window = Window::new(at(FROM), as_of).expect("not empty");
        let grid = Grid::new(window, cuts(budgets, window, as_of).expect("dates"));
        let mut spend = Spend::new(budgets, &[], grid);
        spend.know(None, &IntervalSet::of(Interval::new(at(FROM), as_of)));
        let question = Question { budgets, as_of, currency: "USD", min_known: 0.9, findings: &[] };
        evaluate(&spend, &question).remove(0)
    };
    let row = state(&named);
    assert_eq!(row.state, State::Error);
    assert!(row.summary.contains("tenants nobody") && row.summary.contains("may_be_empty"));
    assert_eq!(state(&Budget { may_be_empty: true, ..named }).state, State::Ok);
}

#[test]
fn budgets_below_that_allow_more_are_told_of() {
    let child =
        |name: &str, amount| Budget { name: name.into(), parent: Some(0), amount, ..budget() };
    let budgets = [budget(), child("x", 500.0), child("y", 300.0)];
    let rows = Story::of(|_| 0.5).rows(&budgets, AS_OF);
    let parent = rows.iter().find(|r| r.name == "b").expect("there");
    assert_eq!(parent.children, ["x", "y"]);
    assert!(parent.notes.iter().any(|n| n.contains("80.00 more")), "{:?}", parent.notes);
    let child = rows.iter().find(|r| r.name == "x").expect("there");
    assert_eq!(child.parent.as_deref(), Some("b"));
}
