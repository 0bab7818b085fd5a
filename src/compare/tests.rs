use crate::report::contract::{Ledger, Report, TenantRow, WorkloadRow};

use super::{Saved, compare};

/// A report of so many hours with one workload of this cost and these GPU-hours.
fn report(hours: f64, gpu_hours: f64, cost: Option<f64>) -> Report {
    let ledger =
        Ledger { allocated_gpu_hours: gpu_hours, allocated_cost: cost, ..Ledger::default() };
    let mut report = crate::output::sample_report();
    report.window.hours = hours;
    report.in_scope.ledger = ledger.clone();
    report.tenants =
        vec![TenantRow { tenant: "a".into(), ledger: ledger.clone(), ..TenantRow::default() }];
    let workload = WorkloadRow {
        tenant: "a".into(),
        namespace: "a".into(),
        kind: "Deployment".into(),
        name: "w".into(),
        ledger,
        cost,
        ..WorkloadRow::default()
    };
    report.workloads = vec![workload];
    report
}

fn pair<'a>(before: &'a Report, after: &'a Report) -> (Saved<'a>, Saved<'a>) {
    (Saved { source: "a", report: before }, Saved { source: "b", report: after })
}

#[test]
fn a_difference_is_hours_at_the_old_price_and_the_price_of_the_new_hours() {
    let (before, after) = (report(24.0, 10.0, Some(20.0)), report(24.0, 15.0, Some(45.0)));
    let (before, after) = pair(&before, &after);
    let found = compare(before, after, "0").expect("alike");
    assert_eq!(found.total.cost_change, Some(25.0));
    // 5 h × 2 = 10, and (3 − 2) × 15 h = 15.
    let driver = &found.drivers[0];
    assert!(
        driver.contains("+10.00 USD") && driver.contains("2.00 to 3.00: +15.00 USD"),
        "{driver}"
    );
}

#[test]
fn windows_of_other_lengths_are_compared_by_the_month() {
    let (before, after) = (report(24.0, 10.0, Some(20.0)), report(48.0, 20.0, Some(40.0)));
    let (before, after) = pair(&before, &after);
    let found = compare(before, after, "0").expect("alike");
    assert!(!found.equally_long);
    assert!(found.total.cost_per_month_change.is_some_and(|change| change.abs() < 1e-9));
    assert_eq!(found.total.cost_change, Some(20.0));
}

#[test]
fn what_has_no_price_has_no_difference() {
    let (before, after) = (report(24.0, 10.0, None), report(24.0, 10.0, Some(1.0)));
    let (before, after) = pair(&before, &after);
    let found = compare(before, after, "0").expect("alike");
    assert_eq!(found.total.cost_change, None);
    let mut euros = after.report.clone();
    euros.currency = "EUR".into();
    let refused = compare(before, Saved { source: "b", report: &euros }, "0");
    assert_eq!(refused.expect_err("two currencies").to_string(), "a is in USD, b in EUR");
}
