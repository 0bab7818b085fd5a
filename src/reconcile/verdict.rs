//! A reconciliation as a verdict for CI servers and people.

use super::contract::{ReconcileReport, ReconcileRow, TotalRow};
use crate::ci::{Column, Item, Outcome, Rule, Severity, Table, Verdict};
use crate::gate::Increase;
use crate::output::format::decimal;
use crate::units::HOURS_PER_MONTH;

const MAX_DIFFERENCE: Rule =
    Rule::fixed("max-difference", "The ledger and the bill differ by no more than is allowed.");
const ON_BILL: Rule =
    Rule::fixed("only-on-bill", "Every GPU machine on the bill is a node of the ledger.");
const IN_LEDGER: Rule = Rule::fixed("only-in-ledger", "Every node of the ledger is on the bill.");
const COVERED: Rule =
    Rule::fixed("window-not-billed", "The bill covers all of the ledger's window.");
const PRICED: Rule = Rule::fixed("no-price", "Every node of the ledger has a price.");

/// Names that an item spells out.
const NAMED: usize = 5;

const COLUMNS: &[Column] = &[
    Column { header: "machine", is_number: false },
    Column { header: "status", is_number: false },
    Column { header: "bill", is_number: true },
    Column { header: "ledger", is_number: true },
    Column { header: "difference", is_number: true },
    Column { header: "time", is_number: true },
    Column { header: "rate", is_number: true },
    Column { header: "other", is_number: true },
    Column { header: "hours billed", is_number: true },
    Column { header: "in ledger", is_number: true },
    Column { header: "price/h billed", is_number: true },
    Column { header: "in ledger", is_number: true },
];

/// What the reconciliation says, with the limit applied; the report gets the items of it.
#[must_use]
pub fn verdict(report: &mut ReconcileReport, limit: Option<Increase>) -> Verdict {
    let found = [
        limit.and_then(|limit| difference(report, limit)),
        unpriced(report),
        alone(
            report,
            "only_on_bill",
            &ON_BILL,
            "Take in all clusters (`--cluster`); a machine that is in none of them is paid for and used by nobody.",
        ),
        alone(
            report,
            "only_in_ledger",
            &IN_LEDGER,
            "Is the bill of all accounts? If it is, hold ResourceId against the Node's spec.providerID: docs/reconcile.md says what is matched.",
        ),
        uncovered(report),
    ];
    report.items.extend(found.into_iter().flatten());
    report.items.sort_by_key(|item| std::cmp::Reverse(item.severity));
    let is_unknown = limit.is_some() && report.total.unexplained_cost.is_none();
    let outcome = match is_unknown || report.total.matched == 0 {
        true => Outcome::Fail,
        false => Outcome::of(&report.items),
    };
    let hours = report.compared.hours;
    Verdict {
        check: "gpu-finops reconcile",
        title: "The ledger and the bill".to_owned(),
        headline: headline(report),
        outcome,
        items: report.items.clone(),
        rules: limit
            .map(|_| MAX_DIFFERENCE)
            .into_iter()
            .chain([ON_BILL, IN_LEDGER, COVERED, PRICED])
            .collect(),
        table: Table {
            columns: COLUMNS.to_vec(),
            rows: report.rows.iter().map(cells).collect(),
            total: Some(sums(&report.total)),
        },
        notes: notes(report),
        weight: report.total.unexplained_cost.map(|cost| cost / hours * HOURS_PER_MONTH),
    }
}

fn headline(report: &ReconcileReport) -> String {
    let (total, currency) = (&report.total, &report.currency);
    let bill = decimal(total.bill_cost, 2);
    let (Some(ledger), Some(difference)) = (total.ledger_cost, total.difference) else {
        return format!(
            "The bill has {bill} {currency} for GPU machines; the ledger has nodes without a price."
        );
    };
    let share = total.difference_ratio.map(|ratio| format!(" ({}%)", signed(ratio * 100.0, 2)));
    let sentence = format!(
        "The bill has {bill} {currency} for GPU machines, the ledger {}: {}{}",
        decimal(ledger, 2),
        signed(difference, 2),
        share.unwrap_or_default()
    );
    let parts: Vec<String> = [
        ("for other hours", total.time_cost),
        ("for another price", total.rate_cost),
        ("for other charges", Some(total.other_cost)),
        ("not to be split", total.unsplit_cost),
        ("on the bill alone", Some(total.only_on_bill_cost)),
        ("in the ledger alone", total.only_in_ledger_cost.map(|cost| -cost)),
    ]
    .into_iter()
    .filter_map(|(name, amount)| Some((name, amount.filter(|amount| amount.abs() >= 0.005)?)))
    .map(|(name, amount)| format!("{} {name}", signed(amount, 2)))
    .collect();
    match parts.is_empty() {
        true => format!("{sentence}."),
        false => format!("{sentence}; {}.", parts.join(", ")),
    }
}

fn item(severity: Severity, rule: &Rule, message: String, advice: &str) -> Item {
    Item {
        severity,
        rule: rule.name.to_string(),
        subject: String::new(),
        message,
        advice: advice.to_owned(),
        file: None,
        line: None,
    }
}

fn difference(report: &ReconcileReport, limit: Increase) -> Option<Item> {
    let found = report.total.unexplained_cost?;
    let allowed = match limit {
        Increase::Amount(amount) => amount,
        Increase::Share(share) => share * report.total.bill_cost.abs(),
    };
    let currency = &report.currency;
    let largest = report.rows.first().map(|row| {
        let amount = row.difference.or(row.bill_cost).unwrap_or(0.0);
        format!("Most of it: {} ({}). See the machines.", machine(row), signed(amount, 2))
    });
    (found > allowed + 0.005).then(|| {
        item(
            Severity::Error,
            &MAX_DIFFERENCE,
            format!(
                "The ledger and the bill differ by {} {currency}, what is on one side alone counted in full; no more than {} is \
                 allowed.",
                decimal(found, 2),
                decimal(allowed, 2)
            ),
            largest.as_deref().unwrap_or("See the machines."),
        )
    })
}

fn unpriced(report: &ReconcileReport) -> Option<Item> {
    let is_unpriced =
        |row: &&ReconcileRow| row.status != "only_on_bill" && row.ledger_cost.is_none();
    let nodes: Vec<String> = report.rows.iter().filter(is_unpriced).map(machine).collect();
    (!nodes.is_empty()).then(|| {
        item(
            Severity::Warning,
            &PRICED,
            format!("Without a price in the ledger: {}.", listed(&nodes)),
            "Make prices of the bill with `--write-prices FILE`, and give them with `--price-book FILE`.",
        )
    })
}

fn alone(report: &ReconcileReport, status: &str, rule: &Rule, advice: &str) -> Option<Item> {
    let rows: Vec<&ReconcileRow> = report.rows.iter().filter(|row| row.status == status).collect();
    let (side, amount) = match status {
        "only_on_bill" => ("On the bill alone", Some(report.total.only_on_bill_cost)),
        _ => ("In the ledger alone", report.total.only_in_ledger_cost),
    };
    let names: Vec<String> = rows.iter().map(|row| machine(row)).collect();
    let amount = amount.map_or_else(|| "?".to_owned(), |amount| decimal(amount, 2));
    (!rows.is_empty()).then(|| {
        let message = format!(
            "{side}: {amount} {} of {}: {}.",
            report.currency,
            machines(rows.len()),
            listed(&names)
        );
        item(Severity::Warning, rule, message, advice)
    })
}

fn uncovered(report: &ReconcileReport) -> Option<Item> {
    let (window, compared) = (&report.window, &report.compared);
    let outside = report.total.ledger_cost_outside;
    (window != compared).then(|| {
        let cost = outside.map_or_else(|| "?".to_owned(), |cost| decimal(cost, 2));
        item(
            Severity::Warning,
            &COVERED,
            format!(
                "Compared is {} to {}, {:.1} of the {:.1} hours of the window; the ledger has {cost} {} in the rest.",
                compared.start, compared.end, compared.hours, window.hours, report.currency
            ),
            "Choose a window of whole days that the bill has, such as `--window lastmonth`.",
        )
    })
}

fn machines(count: usize) -> String {
    counted(count as u64, "machine")
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn listed(names: &[String]) -> String {
    let first = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// What a row is of, for people.
fn machine(row: &ReconcileRow) -> String {
    let cluster = row.cluster.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
    let kind = row.instance_type.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    match row.nodes.as_slice() {
        [] => format!("{}{kind}", row.resource_id.as_deref().unwrap_or("?")),
        [node] => format!("{cluster}{node}"),
        [first, rest @ ..] => format!("{cluster}{first} and {} of its scale set", rest.len()),
    }
}

fn cells(row: &ReconcileRow) -> Vec<String> {
    let is_alone = row.status != "matched";
    let number = |value: Option<f64>, digits| match value {
        Some(value) => decimal(value, digits),
        None if is_alone => "-".to_owned(),
        None => "?".to_owned(),
    };
    let change = |value: Option<f64>| match value {
        Some(value) => signed(value, 2),
        None if is_alone => "-".to_owned(),
        None => "?".to_owned(),
    };
    vec![
        machine(row),
        row.status.replace('_', " "),
        number(row.bill_cost, 2),
        number(row.ledger_cost, 2),
        change(row.difference),
        change(row.time_cost),
        change(row.rate_cost),
        change(row.other_cost),
        number(row.bill_hours, 1),
        number(row.ledger_hours, 1),
        number(row.bill_rate, 4),
        number(row.ledger_rate, 4),
    ]
}

fn sums(total: &TotalRow) -> Vec<String> {
    let number =
        |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| decimal(value, 2));
    let change =
        |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| signed(value, 2));
    let mut cells = vec![
        "all".to_owned(),
        format!("{} matched", total.matched),
        decimal(total.bill_cost, 2),
        number(total.ledger_cost),
        change(total.difference),
        change(total.time_cost),
        change(total.rate_cost),
        signed(total.other_cost, 2),
    ];
    cells.resize(COLUMNS.len(), String::new());
    cells
}

fn notes(report: &ReconcileReport) -> Vec<String> {
    let compared = &report.compared;
    let mut notes = vec![format!(
        "Compared: {} to {} ({:.1} h), {} of the bill, {} matched.",
        compared.start,
        compared.end,
        compared.hours,
        report.cost_column,
        counted(u64::from(report.total.matched), "machine")
    )];
    notes.extend(report.bills.iter().map(|bill| {
        let time = bill.first.as_ref().zip(bill.last.as_ref());
        let time = time.map(|(first, last)| format!(", {first} to {last}")).unwrap_or_default();
        format!("Bill: {}, {}{time}.", bill.file, counted(bill.rows, "row"))
    }));
    notes.extend(report.set_aside.iter().map(|aside| {
        format!(
            "Set aside: {}: {} {}, {}.",
            aside.reason,
            decimal(aside.cost, 2),
            aside.currency,
            counted(aside.rows, "row")
        )
    }));
    notes
}

/// With its sign; what rounds to nothing is nothing, for the sides of a bill differ by parts of cents anywhere.
fn signed(value: f64, digits: i32) -> String {
    let places = usize::try_from(digits).unwrap_or(0);
    match value.abs() < 0.5 * 10_f64.powi(-digits) {
        true => decimal(0.0, places),
        false if value > 0.0 => format!("+{}", decimal(value, places)),
        false => decimal(value, places),
    }
}
