use proptest::prelude::*;

use super::build::{Context, build};
use super::contract::{ReconcileReport, ReconcileRow};
use super::ledger::Piece;
use super::*;
use crate::ci::Outcome;
use crate::gate::Increase;
use crate::model::bill::{BillRow, CostColumn};
use crate::mutation::fixed;
use crate::units::{MS_PER_DAY, MS_PER_HOUR};

/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;
const DAYS: i64 = 2;

/// A ledger of two days: nodes of eight GPUs at this price of a GPU-hour, each there for the first so many hours.
fn ledger(nodes: &[(&str, Option<f64>, i64)]) -> Ledger {
    let mut ledger = Ledger {
        window: Some((START, START + DAYS * MS_PER_DAY)),
        step_ms: MS_PER_HOUR,
        ..Ledger::default()
    };
    for (name, price, hours) in nodes {
        let piece = |hour: i64| {
            let at = START + hour * MS_PER_HOUR;
            let piece = Piece {
                end: at + MS_PER_HOUR,
                hours: 1.0,
                gpu_hours: 8.0,
                cost: price.map_or(0.0, |price| price * 8.0),
                unpriced_gpu_hours: if price.is_none() { 8.0 } else { 0.0 },
            };
            (at, piece)
        };
        ledger.nodes.push(LedgerNode {
            name: (*name).to_owned(),
            provider_id: Some(format!("aws:///us-east-1a/i-{name}")),
            instance_type: Some("p5.48xlarge".to_owned()),
            pieces: (0..*hours).map(piece).collect(),
            ..LedgerNode::default()
        });
    }
    ledger
}

fn usage(id: &str, day: i64, hours: f64, cost: f64) -> BillRow {
    #[expect(clippy::cast_possible_truncation, reason = "small")]
    let pico = (cost * 1e12).round() as i128;
    BillRow {
        start: START + day * MS_PER_DAY,
        end: START + (day + 1) * MS_PER_DAY,
        cost: Some(pico),
        currency: "USD".into(),
        category: "Usage".into(),
        resource_id: Some(id.to_owned()),
        instance_type: Some("p5.48xlarge".into()),
        meter: "BoxUsage:p5.48xlarge".into(),
        quantity: Some(hours),
        unit: Some("Hrs".into()),
        ..BillRow::default()
    }
}

fn try_of(ledger: &Ledger, rows: &[BillRow]) -> Result<ReconcileReport, Unmatched> {
    let mut desk = Desk::new(ledger, "USD");
    desk.begin("b.csv");
    for row in rows {
        desk.take(row).expect("one currency");
    }
    let context = Context {
        tool_version: "0",
        generated_at: "2026-11-03T00:00:00Z",
        cost: CostColumn::Effective,
        complete: true,
    };
    build(&desk, &context)
}

fn of(ledger: &Ledger, rows: &[BillRow]) -> ReconcileReport {
    try_of(ledger, rows).expect("can be compared")
}

fn row<'a>(report: &'a ReconcileReport, name: &str) -> &'a ReconcileRow {
    let is_it = |row: &&ReconcileRow| {
        row.nodes.iter().any(|node| node == name) || row.resource_id.as_deref() == Some(name)
    };
    report.rows.iter().find(is_it).expect("a row")
}

#[test]
fn a_difference_by_hand() {
    // The ledger: 40 h × 8 × 2 = 640. The bill: 48 h for 864 and 1.50 of traffic.
    let ledger = ledger(&[("a", Some(2.0), 40), ("b", Some(2.0), 48), ("c", Some(2.0), 48)]);
    let mut traffic = usage("i-a", 0, 3.0, 1.5);
    traffic.unit = Some("GB".into());
    let rows = [
        usage("i-a", 0, 24.0, 432.0),
        usage("i-a", 1, 24.0, 432.0),
        traffic,
        usage("arn:aws:ec2:us-east-1:1:instance/i-b", 0, 48.0, 768.0),
        usage("i-elsewhere", 0, 24.0, 100.0),
    ];
    let report = of(&ledger, &rows);
    let a = row(&report, "a");
    assert_eq!(a.status, "matched");
    assert_eq!((a.ledger_cost, a.bill_cost, a.difference), (Some(640.0), Some(865.5), Some(225.5)));
    assert_eq!((a.ledger_hours, a.bill_hours, a.gpus), (Some(40.0), Some(48.0), Some(8.0)));
    // 8 h more at 16 an hour; 48 h at 18 in place of 16; traffic.
    assert_eq!((a.time_cost, a.rate_cost, a.other_cost), (Some(128.0), Some(96.0), Some(1.5)));
    // More hours in one day than it has: the sum of both days is what can be.
    assert_eq!(row(&report, "b").difference, Some(0.0));
    assert_eq!(row(&report, "c").status, "only_in_ledger");
    assert_eq!(row(&report, "i-elsewhere").status, "only_on_bill");
    let total = &report.total;
    assert_eq!((total.matched, total.only_on_bill, total.only_in_ledger), (2, 1, 1));
    assert_eq!(total.bill_cost, 865.5 + 768.0 + 100.0);
    assert_eq!(total.ledger_cost, Some(640.0 + 768.0 + 768.0));
    assert_eq!(total.difference, Some(-442.5));
    // 225.5 of what is matched, and 100 and 768 that one side has alone.
    assert_eq!(total.unexplained_cost, Some(1_093.5));
    assert_eq!(report.days.iter().filter(|day| day.machine == "a").count(), 2);
}

#[test]
fn what_is_not_usage_of_gpus_is_set_aside_with_its_sum() {
    let ledger = ledger(&[("a", Some(2.0), 48)]);
    let other = |category: &str, cost: f64| BillRow {
        category: category.into(),
        ..usage("i-a", 0, 1.0, cost)
    };
    let cpu = BillRow { instance_type: Some("m5.large".into()), ..usage("i-cpu", 0, 24.0, 2.5) };
    let unused = BillRow {
        commitment_status: Some("Unused".into()),
        ..usage("arn:aws:savingsplans::1:savingsplan/x", 0, 1.0, 4.0)
    };
    let mut late = usage("i-a", 40, 24.0, 7.0);
    late.category = "Usage".into();
    let rows = [
        usage("i-a", 0, 48.0, 768.0),
        usage("i-a", 1, 0.0, 0.0),
        other("Tax", 10.0),
        other("Credit", -3.0),
        other("Credit", -4.0),
        cpu,
        unused,
        late,
    ];
    let report = of(&ledger, &rows);
    assert_eq!(report.total.difference, Some(0.0));
    let aside: Vec<(&str, u64, f64)> =
        report.set_aside.iter().map(|a| (a.reason.as_str(), a.rows, a.cost)).collect();
    assert_eq!(
        aside,
        [
            ("Credit", 2, -7.0),
            ("Tax", 1, 10.0),
            ("Usage: commitment that nothing used", 1, 4.0),
            ("Usage: not of GPU machines", 1, 2.5),
            ("outside of the compared time", 1, 7.0),
        ]
    );
}

#[test]
fn without_hours_on_the_bill_a_difference_is_not_split() {
    let ledger = ledger(&[("a", Some(2.0), 48)]);
    let bare = BillRow { quantity: None, ..usage("i-a", 0, 0.0, 800.0) };
    let report = of(&ledger, &[bare, usage("i-x", 1, 1.0, 0.0)]);
    let a = row(&report, "a");
    assert_eq!((a.time_cost, a.rate_cost, a.bill_hours), (None, None, None));
    assert_eq!((a.unsplit_cost, a.difference), (Some(32.0), Some(32.0)));
    assert_eq!(report.total.unsplit_cost, Some(32.0));
    assert_eq!(price_book(&report), None);
}

#[test]
fn a_node_without_a_price_is_not_known_and_never_zero() {
    let ledger = ledger(&[("a", None, 48), ("b", Some(2.0), 48)]);
    let rows = [usage("i-a", 0, 48.0, 768.0), usage("i-b", 1, 48.0, 768.0)];
    let mut report = of(&ledger, &rows);
    assert_eq!((row(&report, "a").ledger_cost, row(&report, "a").difference), (None, None));
    assert_eq!((report.total.ledger_cost, report.total.difference), (None, None));
    assert!(!report.complete);
    let said = verdict(&mut report, Some(Increase::Share(0.5)));
    assert_eq!(said.outcome, Outcome::Fail);
    assert!(report.items.iter().any(|item| item.rule == "no-price"));
    assert!(report.items.iter().all(|item| item.rule != "max-difference"));
}

#[test]
fn a_limit_counts_what_either_side_has_alone() {
    let ledger = ledger(&[("a", Some(2.0), 48)]);
    // As much on the bill alone as in the ledger alone: nothing closes.
    let rows = [usage("i-other", 0, 24.0, 384.0), usage("i-other", 1, 24.0, 384.0)];
    let mut report = of(&ledger, &rows);
    assert_eq!(report.total.difference, Some(0.0));
    let said = verdict(&mut report, Some(Increase::Share(0.01)));
    assert!(said.items.iter().any(|item| item.rule == "max-difference"), "{:?}", said.items);
}

#[test]
fn a_bill_of_another_time_is_not_compared() {
    let ledger = ledger(&[("a", Some(2.0), 48)]);
    let reason = try_of(&ledger, &[usage("i-a", 40, 24.0, 7.0)]).expect_err("another month");
    assert!(matches!(reason, Unmatched::OtherTime { .. }), "{reason}");
    assert_eq!(try_of(&ledger, &[]), Err(Unmatched::EmptyBill));
    assert_eq!(try_of(&Ledger::default(), &[]), Err(Unmatched::EmptyLedger));
    let euros = BillRow { currency: "EUR".into(), number: 9, ..usage("i-a", 0, 1.0, 1.0) };
    let mut desk = Desk::new(&ledger, "USD");
    desk.begin("b.csv");
    let error = desk.take(&euros).expect_err("euros").to_string();
    assert_eq!(error, "b.csv, row 9: is in EUR, and the ledger in USD");
}

#[test]
fn a_bill_that_ends_early_is_compared_as_far_as_it_goes() {
    let ledger = ledger(&[("a", Some(2.0), 48)]);
    let mut report = of(&ledger, &[usage("i-a", 0, 24.0, 384.0)]);
    assert_eq!((report.total.difference, report.compared.hours), (Some(0.0), 24.0));
    assert_eq!(report.total.ledger_cost_outside, Some(384.0));
    assert!(!report.complete);
    let _ = verdict(&mut report, None);
    assert!(report.items.iter().any(|item| item.rule == "window-not-billed"));
}

#[test]
fn a_scale_set_that_is_billed_as_one_is_one_machine() {
    let mut ledger = ledger(&[("a", Some(2.0), 48), ("b", Some(2.0), 48)]);
    let set =
        "/subscriptions/s/resourceGroups/r/providers/Microsoft.Compute/virtualMachineScaleSets/gpu";
    for (i, node) in ledger.nodes.iter_mut().enumerate() {
        node.provider_id = Some(format!("azure://{set}/virtualMachines/{i}"));
    }
    let rows = [usage(&set.to_lowercase(), 0, 48.0, 768.0), usage(set, 1, 48.0, 800.0)];
    let report = of(&ledger, &rows);
    assert_eq!(report.rows.len(), 1, "{:?}", report.rows);
    let set = &report.rows[0];
    assert_eq!((set.nodes.len(), set.matched_by.as_deref()), (2, Some("scale-set")));
    assert_eq!((set.ledger_hours, set.bill_hours, set.gpus), (Some(96.0), Some(96.0), Some(8.0)));
    assert_eq!((set.time_cost, set.rate_cost), (Some(0.0), Some(32.0)));
}

#[test]
fn prices_of_a_bill_are_by_node_and_by_kind() {
    let ledger = ledger(&[("a", Some(2.0), 48), ("b", None, 48)]);
    let rows = [usage("i-a", 0, 48.0, 384.0), usage("i-b", 1, 48.0, 768.0)];
    let book = price_book(&of(&ledger, &rows)).expect("prices");
    for line in [
        "currency: USD",
        "  - match: {node: \"a\"}\n    per_gpu_hour: 1\n",
        "  - match: {node: \"b\"}\n    per_gpu_hour: 2\n",
        "  - match: {instance_type: \"p5.48xlarge\"}\n    per_gpu_hour: 1.5\n",
        "    date: 2026-11-03\n",
    ] {
        assert!(book.contains(line), "{line} is not in:\n{book}");
    }
}

fn micro(amount: Option<f64>) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "small")]
    amount.map_or(0, |amount| (amount * 1e6).round() as i64)
}

fn bill_rows() -> impl Strategy<Value = Vec<BillRow>> {
    let unit =
        prop_oneof![Just(Some("Hrs")), Just(Some("GB")), Just(None), Just(Some("vCPU-Hours"))];
    let id = prop_oneof![Just("i-a"), Just("i-b"), Just("i-c"), Just("i-x"), Just("i-y")];
    let category = prop_oneof![4 => Just("Usage"), 1 => Just("Tax"), 1 => Just("Credit")];
    let one = (id, -1..4_i64, 0.0..30.0_f64, -5.0..900.0_f64, unit, category);
    let row = one.prop_map(|(id, day, hours, cost, unit, category)| BillRow {
        unit: unit.map(ToOwned::to_owned),
        category: category.to_owned(),
        ..usage(id, day, hours, cost)
    });
    prop::collection::vec(row, 1..60)
}

proptest! {
    #![proptest_config(fixed(256))]

    #[test]
    fn parts_add_up_and_nothing_is_lost(
        rows in bill_rows(),
        prices in prop::collection::vec(0.01..9.0_f64, 3),
        hours in prop::collection::vec(0..49_i64, 3),
    ) {
        let names = ["a", "b", "c"];
        let nodes: Vec<(&str, Option<f64>, i64)> = (0..3)
            .map(|i| (names[i], Some(prices[i]), hours[i]))
            .collect();
        let ledger = ledger(&nodes);
        let Ok(report) = try_of(&ledger, &rows) else { return Ok(()) };
        for row in &report.rows {
            let parts = [row.time_cost, row.rate_cost, row.other_cost, row.unsplit_cost];
            if row.status == "matched" {
                let sum: i64 = parts.into_iter().map(micro).sum();
                prop_assert_eq!(sum, micro(row.difference), "{:?}", row);
            }
            let sides = micro(row.bill_cost) - micro(row.ledger_cost);
            prop_assert_eq!(sides, micro(row.difference), "{:?}", row);
        }
        let total = &report.total;
        let parts = [
            total.time_cost,
            total.rate_cost,
            Some(total.other_cost),
            total.unsplit_cost,
            Some(total.only_on_bill_cost),
            total.only_in_ledger_cost.map(|cost| -cost),
        ];
        let sum: i64 = parts.into_iter().map(micro).sum();
        prop_assert_eq!(sum, micro(total.difference));
        let of_rows = |part: fn(&ReconcileRow) -> Option<f64>| {
            report.rows.iter().map(part).map(micro).sum::<i64>()
        };
        prop_assert_eq!(of_rows(|row| row.bill_cost), micro(Some(total.bill_cost)));
        prop_assert_eq!(of_rows(|row| row.ledger_cost), micro(total.ledger_cost));
        // Every row of the bill is compared or set aside, and so is its money.
        let aside: u64 = report.set_aside.iter().map(|aside| aside.rows).sum();
        let kept: u64 = report.rows.iter().map(|row| row.bill_rows).sum();
        prop_assert_eq!(aside + kept, rows.len() as u64);
        let all: f64 = rows.iter().filter_map(|row| row.cost).map(|cost| {
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let amount = cost as f64 / 1e12;
            amount
        }).sum();
        let found = total.bill_cost + report.set_aside.iter().map(|aside| aside.cost).sum::<f64>();
        prop_assert!((all - found).abs() < 1e-3, "{all} {found}");
        // Days of a machine add up to it.
        for row in report.rows.iter().filter(|row| row.nodes.len() == 1) {
            let days = || report.days.iter().filter(|day| day.machine == row.nodes[0]);
            let billed: i64 = days().map(|day| micro(Some(day.bill_cost))).sum();
            let held: i64 = days().map(|day| micro(day.ledger_cost)).sum();
            prop_assert_eq!(billed, micro(row.bill_cost));
            prop_assert_eq!(held, micro(row.ledger_cost));
        }
    }
}
