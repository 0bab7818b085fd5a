//! A real fleet's day: a monthly budget for each tenant, of which one is breached by forecast.

use std::fmt::Write;

use super::{Budgets, budget, json, near, number};
use crate::gentd26;

#[test]
fn one_tenant_breaches_its_month_by_forecast() {
    let Some(report) = gentd26::reported() else { return };
    let tenants = report["tenants"].as_array().expect("a list");
    let most = tenants[0]["tenant"].as_str().expect("a name");
    let mut text = String::from("budgets:\n");
    for tenant in tenants {
        let name = tenant["tenant"].as_str().expect("a name");
        // The day is 22.8 of the 264 hours from the 20th on: eleven times and a half as much by the end. A month has
        // 720 hours, so that these are 5 and 22 times as much for what is left of it.
        let spent = tenant["allocated_cost"].as_f64().expect("priced");
        let amount = if name == most { 13.6 * spent } else { 60.0 * spent };
        let pattern = regex::escape(name);
        write!(
            text,
            "  - name: '{name}'\n    scope: {{tenants: ['{pattern}']}}\n    amount: {amount}\n    period: month\n    \
             start: 2026-11-20\n    owners: [finops]\n    rules: [{{on: forecast, threshold: 100%, action: fail}}]\n"
        )
        .expect("a string");
    }
    let budgets = Budgets::new(&text);
    let source = gentd26::source().expect("at hand");
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    let flags = ["--history", "1d", "--at", gentd26::END, "-o", "json"];
    let outcome = budgets.run(&["check"], &[&source[..], &flags].concat());
    assert_eq!(outcome.code, 3, "{}", outcome.err);
    assert!(outcome.err.contains(&format!("over budget: {most}")), "{}", outcome.err);
    let checked = json(&outcome);
    for tenant in tenants {
        let name = tenant["tenant"].as_str().expect("a name");
        let row = budget(&checked, name);
        near(number(row, "/spent/at_least"), tenant["allocated_cost"].as_f64().expect("priced"));
        assert_eq!(row["state"], if name == most { "fail" } else { "ok" }, "{row:#}");
    }
    let row = budget(&checked, most);
    let (forecast, amount) = (number(row, "/forecast/total"), number(row, "/amount/effective"));
    assert!(forecast > amount, "{row:#}");
    let line = row["summary"].as_str().expect("a line");
    let wanted = [
        most,
        "forecast $",
        " over; runs out on 2026-11-",
        "driven by ",
        "what to do: ",
        "ask finops",
    ];
    for part in wanted {
        assert!(line.contains(part), "`{part}` is not in: {line}");
    }
    assert!(!line.contains('\n') && !line.contains("no finding"), "{line}");
    let flags = ["--history", "1d", "--at", gentd26::END, "-o", "github-comment"];
    let comment = budgets.run(&["check"], &[&source[..], &flags].concat());
    assert_eq!(comment.code, 3, "{}", comment.err);
    let listed =
        comment.text().lines().find(|l| l.contains(&format!("** {most}: "))).map(str::to_owned);
    let listed = listed.unwrap_or_else(|| panic!("{}", comment.text()));
    for part in [" over; runs out on 2026-11-", "what to do: ", " a month); ask finops"] {
        assert!(listed.contains(part), "`{part}` is not in: {listed}");
    }
}
