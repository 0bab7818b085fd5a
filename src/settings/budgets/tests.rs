use super::*;
use crate::budget::define::Limit;
use crate::settings::args::Typed;
use crate::settings::config::Config;
use crate::settings::layers::Environment;
use crate::units::MS_PER_HOUR;

/// The budgets of a config file with this text.
fn of(text: &str) -> Result<Vec<Budget>> {
    let config = Config::parse(Path::new("team.yaml"), text)?;
    let layers = Layers::new(Typed::default(), Environment::default(), config);
    Ok(BudgetSettings::resolve(&layers)?.budgets)
}

/// The budgets of a list of one, with these lines.
fn one(lines: &str) -> Result<Vec<Budget>> {
    of(&format!("budgets:\n  - name: b\n    {}\n", lines.trim().replace('\n', "\n    ")))
}

const PLAIN: &str = "scope: {fleet: true}\namount: 10\nperiod: month\n";

#[test]
fn a_budget_needs_little() {
    let budgets = one(PLAIN).expect("valid");
    let budget = &budgets[0];
    assert_eq!((budget.unit, budget.amount, budget.basis), (Unit::Money, 10.0, Basis::Held));
    assert!(matches!(budget.scope, Scope::Fleet));
    assert_eq!(budget.rules.len(), 2);
    assert_eq!((budget.file.as_str(), budget.line), ("team.yaml", Some(2)));
}

#[test]
fn everything_at_once() {
    let text = "
timezone: Europe/Berlin
calendar: {weeks: 4-4-5, first_day: 2026-02-01}
start: 2026-11-15
carry_over: {max: 20%}
owners: [a, b]
scope: {tenants: [x], models: [A100], capacity_types: [spot], selector: 'app=web', queues: [q], clusters: [c]}
gpu_hours: 100
period: quarter
rules:
  - {on: waste, threshold: 30%, action: warn}
  - {on: waste, threshold: 30, action: warn}
  - {on: burn_rate, threshold: 2, action: fail, window: 24h}
exceptions:
  - {extra: 5, expires: 2026-12-01, reason: launch}
  - {mute: true, expires: 2026-11-20, reason: audit}
";
    let budget = one(text).expect("valid").remove(0);
    assert_eq!(budget.unit, Unit::GpuHours);
    assert_eq!(budget.carry_over, Some(Limit::Share(0.2)));
    assert_eq!(budget.rules[0].threshold, Limit::Share(0.3));
    assert_eq!(budget.rules[1].threshold, Limit::Amount(30.0));
    assert_eq!(budget.rules[2].windows, Some((24 * MS_PER_HOUR, 2 * MS_PER_HOUR)));
    // Midnight in Berlin.
    assert_eq!(budget.start, Some(1_794_697_200_000));
    assert_eq!(budget.exceptions[0].expires, 1_796_079_600_000);
    assert!(budget.scope_text.contains("tenants x") && budget.scope_text.contains("app=web"));
}

/// Each mistake with what its message must have: the field, the value.
#[test]
fn a_mistake_names_file_budget_field_and_value() {
    let table = [
        ("scope: {fleet: true}\nperiod: month", "`amount`", "is missing"),
        ("scope: {fleet: true}\namount: -1\nperiod: month", "`amount`", "`-1`"),
        ("scope: {fleet: true}\namount: 0\nperiod: month", "`amount`", "`0`"),
        ("scope: {fleet: true}\namount: 1\ngpu_hours: 2\nperiod: month", "`gpu_hours`", "`2`"),
        ("scope: {fleet: true}\namount: 1\ncurrency: EUR\nperiod: month", "`currency`", "`EUR`"),
        ("scope: {fleet: true}\namount: 1", "`period`", "is missing"),
        ("scope: {fleet: true}\namount: 1\nperiod: year", "`period`", "`year`"),
        ("amount: 1\nperiod: day", "`scope`", "is missing"),
        ("scope: {}\namount: 1\nperiod: day", "`scope`", "is missing"),
        ("scope: {fleet: true, tenants: [a]}\namount: 1\nperiod: day", "`scope`", "beside"),
        ("scope: {tenants: ['(']}\namount: 1\nperiod: day", "`scope.tenants`", "`(`"),
        ("scope: {tenants: []}\namount: 1\nperiod: day", "`scope.tenants`", "empty"),
        (
            "scope: {capacity_types: [cheap]}\namount: 1\nperiod: day",
            "`scope.capacity_types`",
            "`cheap`",
        ),
        ("scope: {selector: 'a b'}\namount: 1\nperiod: day", "`scope.selector`", "`a b`"),
        ("scope: {children: true}\namount: 1\nperiod: day", "`scope.children`", "no budget"),
        ("scope: {tenants: [a]}\nof: capacity\namount: 1\nperiod: day", "`of`", "`capacity`"),
        ("scope: {fleet: true}\nof: all\namount: 1\nperiod: day", "`of`", "`all`"),
    ];
    for (text, field, value) in table {
        refused(one(text), text, field, value);
    }
    for (more, field, value) in [
        ("timezone: Berlin", "`timezone`", "`Berlin`"),
        ("start: soon", "`start`", "`soon`"),
        ("parent: c", "`parent`", "`c`"),
        ("parent: b", "`parent`", "itself"),
        ("carry_over: {max: much}", "`carry_over.max`", "`much`"),
        ("carry_over: {}", "`carry_over.max`", "is missing"),
        ("calendar: {year_start_month: 13}", "`calendar.year_start_month`", "`13`"),
        ("calendar: {weeks: 4-4-4, first_day: 2026-02-01}", "`calendar.weeks`", "`4-4-4`"),
        ("calendar: {weeks: 4-4-5, first_day: x}", "`calendar.first_day`", "`x`"),
        ("calendar: {weeks: 4-4-5, first_day: 2026-01-15}", "`calendar.first_day`", "`2026-01-15`"),
        ("calendar: {weeks: 4-4-5}", "`calendar.first_day`", "is missing"),
        ("calendar: {}", "`calendar.year_start_month`", "is missing"),
        ("rules: []", "`rules`", "empty"),
        ("rules: [{on: cost, threshold: 1, action: warn}]", "`rules[0].on`", "`cost`"),
        ("rules: [{on: actual, threshold: 90, action: warn}]", "`rules[0].threshold`", "`90`"),
        ("rules: [{on: actual, threshold: 0, action: warn}]", "`rules[0].threshold`", "`0`"),
        ("rules: [{on: utilization, threshold: 30, action: warn}]", "`rules[0].threshold`", "`30`"),
        ("rules: [{on: actual, threshold: 1, action: stop}]", "`rules[0].action`", "`stop`"),
        (
            "rules: [{on: actual, threshold: 1, action: warn, window: 3d}]",
            "`rules[0].window`",
            "`3d`",
        ),
        (
            "rules: [{on: burn_rate, threshold: 1, action: warn, window: 90m}]",
            "`rules[0].window`",
            "`90m`",
        ),
        ("exceptions: [{extra: 1, reason: r}]", "`exceptions[0].expires`", "is missing"),
        ("exceptions: [{extra: 1, expires: 2026-12-01}]", "`exceptions[0].reason`", "is missing"),
        ("exceptions: [{expires: 2026-12-01, reason: r}]", "`exceptions[0].extra`", "is missing"),
        (
            "exceptions: [{mute: true, expires: never, reason: r}]",
            "`exceptions[0].expires`",
            "`never`",
        ),
    ] {
        refused(one(&format!("{PLAIN}{more}")), more, field, value);
    }
}

#[track_caller]
fn refused(read: Result<Vec<Budget>>, text: &str, field: &str, value: &str) {
    let error = read.expect_err(text);
    assert_eq!(error.exit_code(), crate::error::exit_code::USAGE);
    let message = error.to_string();
    for part in ["team.yaml", "`b`", field, value] {
        assert!(message.contains(part), "{text}: `{part}` is not in: {message}");
    }
}

#[test]
fn families_are_checked() {
    let budget = |name: &str, more: &str| {
        format!("  - {{name: {name}, scope: {{fleet: true}}, period: month, {more}}}\n")
    };
    let circle = format!(
        "budgets:\n{}{}{}",
        budget("a", "amount: 1, parent: b"),
        budget("b", "amount: 1, parent: c"),
        budget("c", "amount: 1, parent: a")
    );
    assert!(of(&circle).expect_err("a circle").to_string().contains("leads back"));
    let units =
        format!("budgets:\n{}{}", budget("a", "amount: 1"), budget("b", "gpu_hours: 1, parent: a"));
    assert!(of(&units).expect_err("units").to_string().contains("another unit"));
    let twice = format!("budgets:\n{}{}", budget("a", "amount: 1"), budget("a", "amount: 1"));
    assert!(of(&twice).expect_err("twice").to_string().contains("twice"));
}

#[test]
fn files_are_merged_and_a_name_twice_names_both() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = |name: &str, budget: &str| {
        let path = folder.path().join(name);
        let text = format!(
            "budgets:\n  - {{name: {budget}, scope: {{fleet: true}}, amount: 1, period: day}}\n"
        );
        std::fs::write(&path, text).expect("writable");
        path.display().to_string()
    };
    let (a, b, again) = (file("a.yaml", "one"), file("b.yaml", "two"), file("c.yaml", "one"));
    let read = |files: &[&String]| {
        let typed = files.iter().map(|file| ("budgets", (*file).clone())).collect();
        let layers = Layers::new(typed, Environment::default(), Config::default());
        BudgetSettings::resolve(&layers).map(|settings| settings.budgets.len())
    };
    assert_eq!(read(&[&a, &b]).expect("merged"), 2);
    let message = read(&[&a, &b, &again]).expect_err("twice").to_string();
    assert!(
        message.contains(&a) && message.contains(&again) && message.contains("`one`"),
        "{message}"
    );
    let absent = folder.path().join("absent.yaml").display().to_string();
    assert!(read(&[&absent]).expect_err("absent").to_string().contains(&absent));
    std::fs::write(folder.path().join("d.yaml"), "budget: []\n").expect("writable");
    let odd = folder.path().join("d.yaml").display().to_string();
    let message = read(&[&odd]).expect_err("odd").to_string();
    assert!(message.contains(&odd) && message.contains("did you mean `budgets`?"), "{message}");
}
