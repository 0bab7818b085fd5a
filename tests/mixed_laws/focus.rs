//! FOCUS rows of random ledgers: their cents are the ledger's, their ratios one, their hours the time there was.

use gpu_finops::calendar::of_device;
use gpu_finops::focus::{Billing, Cell, Table, Version, charges, table};
use gpu_finops::model::{Inputs, Policy};
use gpu_finops::report::accounts::Accounts;
use gpu_finops::report::build::{Stamp, of_accounts};
use proptest::prelude::*;

use super::cluster::cluster;
use super::{cases, law, policy};

const DAY: i64 = 86_400_000;

fn units(table: &Table, row: &[Cell], column: &str) -> Option<i128> {
    let at = table.columns.iter().position(|(name, _)| *name == column).expect("a column");
    match &row[at] {
        Cell::Decimal { units, .. } => Some(*units),
        _ => None,
    }
}

/// The digits of `AllocatedRatio`, as whole trillionths.
fn ratio(table: &Table, row: &[Cell]) -> i128 {
    let is_details = |(name, _): &(&str, _)| *name == "AllocatedMethodDetails";
    let at = table.columns.iter().position(is_details).expect("a column");
    let text = row[at].written().expect("not null");
    let (_, rest) = text.split_once("\"AllocatedRatio\":").expect("a ratio");
    let (digits, _) = rest.split_once(',').expect("an end");
    digits.replace('.', "").parse().expect("digits")
}

#[expect(clippy::cast_precision_loss, reason = "small sums")]
fn check(inputs: &Inputs, policy: &Policy, step_ms: i64) -> Result<usize, TestCaseError> {
    let (accounts, slices) = Accounts::with(inputs, policy, |time| of_device(time, step_ms));
    let report = of_accounts(&accounts, policy, Stamp::default());
    let found = charges(&accounts, &slices);
    let billing = Billing { version: Version::V1_3, account: "law".into(), provider: "law".into() };
    let table = table(&found, "USD", &billing);
    let mut rows = table.rows.iter();
    let mut all_cents = 0;
    for charge in &found {
        let parts: Vec<&Vec<Cell>> = rows.by_ref().take(charge.parts.len()).collect();
        let sum = |column| parts.iter().filter_map(|r| units(&table, r, column)).sum::<i128>();
        prop_assert_eq!(parts.iter().map(|r| ratio(&table, r)).sum::<i128>(), 1_000_000_000_000);
        let hours = charge.gpu_ms() / 3_600_000.0;
        prop_assert!((sum("PricingQuantity") as f64 * 1e-9 - hours).abs() <= 1e-9, "{}", hours);
        let cents = sum("BilledCost");
        prop_assert_eq!(cents, sum("EffectiveCost"));
        let cost = charge.cost().expect("priced");
        prop_assert!((cents as f64 - cost * 100.0).abs() < 1.01, "{} cents of {}", cents, cost);
        all_cents += cents;
    }
    prop_assert!(rows.next().is_none());
    let ledger = report.fleet.ledger.capacity_cost.unwrap_or(0.0);
    prop_assert!(
        (all_cents as f64 - ledger * 100.0).abs() <= 0.5 + 1e-6,
        "{} cents in rows, {} in the ledger",
        all_cents,
        ledger
    );
    Ok(found.len())
}

#[test]
fn focus_rows_are_the_ledger_to_the_cent() {
    // Days as they are exported, and pieces so short that there are many charges with odd cents.
    let steps = prop_oneof![Just(DAY), Just(60_000), Just(3 * 60_000)];
    let most = std::cell::Cell::new(0);
    law(cases(24), &(cluster(), 1u32..20_000, steps), |(cluster, price, step)| {
        let found = check(&cluster.inputs(), &policy(f64::from(price) / 1_000.0), step)?;
        most.set(most.get().max(found));
        Ok(())
    });
    assert!(most.get() > 50, "only {} charges at most", most.get());
}
