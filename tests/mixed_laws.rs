//! Laws that every ledger keeps, on small random clusters that mix all ways of sharing a GPU.
//!
//! `laws` has them for whole cards. Here each node shares its cards in another way; objects and metrics are
//! made as Kubernetes and the exporters print them, so that what is checked is the whole way from there to
//! the rows. What is asked of rows alone is asked of `attribute`, which takes a tenth of the time of a report.

mod budgets;
mod claims;
mod cluster;
mod dice;
mod divided;
mod focus;
mod metrics;
mod objects;
mod plugin;
mod rows;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use gpu_finops::model::policy::{PriceBook, PriceOrigin, PriceRule};
use gpu_finops::model::{Inputs, Policy};
use gpu_finops::observe::devices;
use gpu_finops::report::build::{Stamp, report};
use gpu_finops::report::contract::{Ledger, Report};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};

use crate::common::rollups;
use cluster::{Cluster, STEPS, at, cluster, orderly};
use dice::Dice;
use metrics::{GAP, window};
use rows::{Differences, Hours, Rows, hours, instants, used};

/// So many cases, the same ones on every run.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        rng_seed: RngSeed::Fixed(20_261_123),
        ..ProptestConfig::default()
    }
}

/// Checks a law on many clusters.
#[track_caller]
fn law<T: std::fmt::Debug>(
    config: ProptestConfig,
    of: &impl Strategy<Value = T>,
    check: impl Fn(T) -> Result<(), TestCaseError>,
) {
    if let Err(failed) = TestRunner::new(config).run(of, check) {
        panic!("{failed:#}");
    }
}

fn policy(price: f64) -> Policy {
    let rule = PriceRule {
        model: None,
        instance_type: None,
        capacity_type: None,
        region: None,
        node: None,
        node_labels: BTreeMap::new(),
        per_gpu_hour: price,
        source: "law".into(),
        date: None,
        origin: PriceOrigin::Flag,
    };
    Policy {
        max_gap_ms: GAP,
        prices: PriceBook { currency: "USD".into(), rules: vec![rule] },
        ..Policy::default()
    }
}

fn rows_of(inputs: &Inputs) -> Rows {
    Rows::of(inputs, &policy(2.0))
}

fn report_of(inputs: &Inputs, price: f64) -> Report {
    report(inputs, &policy(price), Stamp::default())
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// The same inputs in another order.
fn shuffled(cluster: &Cluster, seed: u64) -> Inputs {
    let mut dice = Dice::new(seed);
    let mut inputs = cluster.inputs();
    inputs.facts = cluster.facts(Some(&mut dice));
    let mut metrics = std::mem::take(&mut inputs.metrics);
    for data in &mut metrics {
        data.series = dice.shuffled(std::mem::take(&mut data.series));
    }
    inputs.metrics = dice.shuffled(metrics);
    inputs
}

/// Scraped by a second server, too: some milliseconds later, from an exporter that was restarted since.
fn scraped_twice(inputs: &Inputs, late: i64) -> Inputs {
    let mut out = inputs.clone();
    for data in &mut out.metrics {
        let mut more = data.series.clone();
        for series in &mut more {
            series.labels.insert("prometheus_replica".into(), "b".into());
            series.labels.insert("instance".into(), "10.9.9.9:9400".into());
            // With `honorLabels: false`, or on a series that names nobody, `pod` is the exporter itself.
            let is_target = series.label("container").is_some_and(|c| c != "main");
            if is_target && let Some(pod) = series.label("pod") {
                let again = format!("{pod}-again");
                series.labels.insert("pod".into(), again);
            }
            series.samples = series.samples().map(|(t, value)| (t + late, value)).collect();
        }
        data.series.append(&mut more);
    }
    out
}

/// At every instant the parts of a device that are held, and the part that nobody holds, are the device.
#[test]
fn shares_of_a_device_are_the_device() {
    let modes: RefCell<BTreeSet<&str>> = RefCell::default();
    let shared = Cell::new(0);
    law(cases(80), &cluster(), |cluster| {
        let rows = rows_of(&cluster.inputs());
        for (d, device) in rows.devices.iter().enumerate() {
            modes.borrow_mut().insert(device.sharing.name());
            for instant in instants(&rows, d) {
                let held: f64 = instant.pieces.iter().map(|p| p.share).sum();
                let all: f64 = instant.segments.iter().map(|s| s.share).sum();
                let expected = f64::from(u8::from(device.presence.contains(instant.time.start)));
                prop_assert!(held <= expected + 1e-9, "{}: {held} held", device.id);
                prop_assert!(near(all, expected), "{} at {:?}: {all}", device.id, instant.time);
                prop_assert!(instant.segments.iter().all(|s| s.share > 0.0));
                shared.set(shared.get() + u32::from(instant.pieces.len() > 1));
            }
        }
        Ok(())
    });
    // The laws here are as good as the clusters that they are checked on.
    let all = [
        "dra",
        "dra-capacity",
        "dra-partition",
        "exclusive",
        "fraction",
        "mig",
        "mig+replicas",
        "mps",
        "time-slicing",
        "vgpu",
    ];
    assert_eq!(modes.into_inner().into_iter().collect::<Vec<_>>(), all);
    assert!(shared.get() > 1_000, "{shared:?}");
}

fn states(l: &Ledger) -> f64 {
    l.allocated_gpu_hours + l.stale_claim_gpu_hours + unheld(l)
}

fn unheld(l: &Ledger) -> f64 {
    l.unallocated_gpu_hours + l.stranded_gpu_hours + l.unhealthy_gpu_hours
}

fn cost(parts: &[Option<f64>]) -> f64 {
    parts.iter().flatten().sum()
}

/// Capacity is the sum of the nine states; tenants and what nobody holds are the fleet; money goes with time.
#[test]
fn every_ledger_balances() {
    law(cases(24), &cluster(), |cluster| {
        let report = report_of(&cluster.inputs(), 2.0);
        prop_assert!(report.reconciliation.balanced, "{:#?}", report.reconciliation);
        let fleet = &report.fleet.ledger;
        let hardware = (report.gpus.iter().map(|g| &g.ledger))
            .chain(report.nodes.iter().map(|n| &n.ledger))
            .chain(report.models.iter().map(|m| &m.ledger))
            .chain(report.modes.iter().map(|m| &m.ledger))
            .chain([fleet]);
        for l in hardware {
            let capacity = l.capacity_gpu_hours.unwrap_or(f64::NAN);
            prop_assert!(near(capacity, states(l)), "{l:#?}");
            prop_assert!(near(2.0 * capacity, l.capacity_cost.unwrap_or(f64::NAN)));
        }
        let of_nobody = cost(&[fleet.unallocated_cost, fleet.stranded_cost, fleet.unhealthy_cost]);
        let all = report.tenants.iter().map(|t| &t.ledger);
        for l in all.clone() {
            let held = l.busy_gpu_hours + l.slack_gpu_hours + l.idle_warm_gpu_hours;
            let held = held + l.idle_empty_gpu_hours + l.unobserved_gpu_hours;
            prop_assert!(near(held, l.allocated_gpu_hours));
            prop_assert!(near(0.0, unheld(l)), "nobody is no tenant");
            let money = cost(&[l.allocated_cost, l.stale_claim_cost]);
            prop_assert!(near(money, 2.0 * (l.allocated_gpu_hours + l.stale_claim_gpu_hours)));
        }
        let held: f64 = all.clone().map(|l| l.allocated_gpu_hours + l.stale_claim_gpu_hours).sum();
        let paid: f64 = all.map(|l| cost(&[l.allocated_cost, l.stale_claim_cost])).sum();
        prop_assert!(near(held + unheld(fleet), states(fleet)));
        prop_assert!((paid + of_nobody - fleet.capacity_cost.unwrap_or(f64::NAN)).abs() < 1e-6);
        Ok(())
    });
}

/// Doubling the price doubles every cost and changes no time.
#[test]
fn the_price_scales_the_cost() {
    law(cases(8), &(cluster(), 1u32..1_000), |(cluster, price)| {
        let inputs = cluster.inputs();
        let price = f64::from(price);
        let (one, two) = (report_of(&inputs, price), report_of(&inputs, 2.0 * price));
        let differences = Differences::of(&one, &two);
        let wrong = differences.but(|path, a, b| {
            let is_money = ["cost", "savings", "price_per_hour", "reconciliation"];
            let is_money = is_money.iter().any(|name| path.contains(name));
            let is_twice = (b - 2.0 * a).abs() <= 1e-9 * b.abs().max(1.0);
            path.starts_with("/assumptions/") || is_money && is_twice
        });
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
        prop_assert!(near(
            2.0 * one.fleet.ledger.capacity_cost.unwrap_or(0.0),
            two.fleet.ledger.capacity_cost.unwrap_or(0.0)
        ));
        Ok(())
    });
}

/// The order of series, queries and objects means nothing, to the last byte.
#[test]
fn the_order_of_inputs_does_not_matter() {
    law(cases(10), &(cluster(), any::<u64>()), |(cluster, seed)| {
        let a = report_of(&cluster.inputs(), 2.0);
        let b = report_of(&shuffled(&cluster, seed), 2.0);
        let wrong = Differences::of(&a, &b).but(|_, _, _| false);
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
        let json = |report| serde_json::to_string(report).expect("JSON");
        prop_assert_eq!(json(&a), json(&b));
        Ok(())
    });
    law(cases(80), &(cluster(), any::<u64>()), |(cluster, seed)| {
        let (a, b) = (rows_of(&cluster.inputs()), rows_of(&shuffled(&cluster, seed)));
        let wrong = rows::differences(&hours(&a, &cluster), &hours(&b, &cluster), 1e-9);
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
        prop_assert!(format!("{a:?}") == format!("{b:?}"), "rows that the sums do not show");
        Ok(())
    });
}

/// Names of pods mean nothing: with other ones, everybody has what they had.
#[test]
fn the_names_of_pods_do_not_matter() {
    law(cases(80), &(cluster(), 2usize..9_000), |(cluster, factor)| {
        let other = cluster.renamed(factor);
        let (a, b) = (rows_of(&cluster.inputs()), rows_of(&other.inputs()));
        let wrong = rows::differences(&hours(&a, &cluster), &hours(&b, &other), 1e-9);
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
        Ok(())
    });
}

/// A window cut in two adds up, by tenant and state, and by device.
#[test]
fn a_window_cut_in_two_adds_up() {
    law(cases(60), &(orderly(), 10..STEPS * 30 - 10), |(cluster, second)| {
        let cut = at(0) + second * 1_000;
        let of = |from, to| rows_of(&cluster.inputs_of(window(from, to)));
        let parts = [of(at(0), cut), of(cut, at(STEPS))];
        let mut sum = Hours::new();
        for (key, more) in parts.iter().flat_map(|part| hours(part, &cluster)) {
            *sum.entry(key).or_default() += more;
        }
        let mut wrong = rows::differences(&hours(&of(at(0), at(STEPS)), &cluster), &sum, 1e-9);
        // A card without a name is any of its node's; one that MIG is on for and of which nothing is cut has no
        // series, and so no name, until something is.
        let ids = |part: &Rows| part.devices.iter().map(|d| d.id.clone()).collect::<Vec<_>>();
        let other = ids(&parts[0]) != ids(&parts[1]);
        wrong.retain(|line| !line.starts_with("gpu ") || !other && !line.contains("/gpu-"));
        prop_assert!(wrong.is_empty(), "cut at {second} s: {wrong:#?}");
        Ok(())
    });
}

/// Rolled up in two parts, read from files: every sum as of the whole, percentiles, peaks and the longest idle
/// stretch among them.
#[test]
fn parts_rolled_up_are_the_whole() {
    let compared = Cell::new(0);
    law(cases(60), &(orderly(), 10..STEPS * 30 - 10), |(cluster, second)| {
        let policy = policy(2.0);
        let cut = at(0) + second * 1_000;
        let of = |from, to| cluster.inputs_of(window(from, to));
        let parts = [of(at(0), cut), of(cut, at(STEPS))];
        let whole = of(at(0), at(STEPS));
        // A card that no series shows has any number of its node's, and two names if one shows it in the other part.
        let ids = |inputs| rows_of(inputs).devices.iter().map(|d| d.id.clone()).collect::<Vec<_>>();
        let of_whole = ids(&whole);
        let is_nameless = of_whole.iter().any(|id| id.contains("/gpu-"));
        if is_nameless || parts.iter().any(|part| ids(part) != of_whole) {
            return Ok(());
        }
        compared.set(compared.get() + 1);
        let parts = parts.iter().map(|inputs| rollups::part(inputs, &policy)).collect();
        let report = rollups::from_parts(parts, whole.window, whole.now_ms, &policy);
        prop_assert!(report.reconciliation.balanced, "{:?}", report.reconciliation);
        let wrong = rollups::differences(&rollups::straight(&whole, &policy), &report);
        prop_assert!(wrong.is_empty(), "cut at {second} s: {wrong:#?}");
        Ok(())
    });
    assert!(compared.get() > 20, "{compared:?}");
}

/// What budgets add up, bucket by bucket and cut at odd instants, is what the report adds up at once: live, and from
/// roll-ups that know of no instants but those of holds.
#[test]
fn what_budgets_add_up_is_the_report() {
    law(cases(60), &(cluster(), 1..7_000_i64), |(cluster, step)| {
        let (inputs, policy) = (cluster.inputs(), policy(2.0));
        let report = report_of(&inputs, 2.0);
        let straight = budgets::by_segments(&inputs, &policy, step * 1_000);
        let rolled_up = budgets::by_holds(&inputs, &policy, step * 1_000);
        for (what, spent) in [("by segments", straight), ("by holds", rolled_up)] {
            for (name, ours, theirs) in budgets::compared(&spent, &report) {
                let is_near = (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0);
                prop_assert!(is_near, "{what}, {name}: {ours} is not {theirs}");
            }
        }
        Ok(())
    });
}

/// A second scrape of every exporter changes nothing but the count of duplicates.
#[test]
fn a_second_scrape_changes_nothing() {
    law(cases(6), &cluster(), |cluster| {
        let inputs = cluster.inputs();
        let (once, twice) = (report_of(&inputs, 2.0), report_of(&scraped_twice(&inputs, 0), 2.0));
        let wrong =
            Differences::of(&once, &twice).but(|path, _, _| path.starts_with("/coverage/samples_"));
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
        Ok(())
    });
    law(cases(60), &cluster(), |cluster| {
        let inputs = cluster.inputs();
        let (once, twice) = (rows_of(&inputs), rows_of(&scraped_twice(&inputs, 0)));
        let wrong = rows::differences(&hours(&once, &cluster), &hours(&twice, &cluster), 1e-9);
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
        Ok(())
    });
}

/// One seconds after the other: at its edges a series lasts for those seconds longer, and nothing else.
#[test]
fn a_later_scrape_changes_nothing_but_edges() {
    const LATE: i64 = 7_000;
    law(cases(60), &orderly(), |cluster| {
        let inputs = cluster.inputs();
        let (once, twice) = (rows_of(&inputs), rows_of(&scraped_twice(&inputs, LATE)));
        // Each pod comes and goes, and the exporter may fall silent and come back while it is there.
        let edges = 4 * cluster.pods.len() + 2 * cluster.things.len();
        let edges = f64::from(u32::try_from(edges).expect("small"));
        let allowed = edges * 7.0 / 3_600.0;
        let wrong = rows::differences(&hours(&once, &cluster), &hours(&twice, &cluster), allowed);
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
        Ok(())
    });
}

/// What holders of one device are said to have used is what the device was used, and no more.
#[test]
fn estimates_of_one_device_cancel() {
    let estimated = Cell::new(0);
    law(cases(80), &cluster(), |cluster| {
        let inputs = cluster.inputs();
        let rows = rows_of(&inputs);
        let policy = policy(2.0);
        let seen = devices::observe(&inputs, policy.max_gap_ms, policy.default_step_ms);
        for (d, device) in rows.devices.iter().enumerate() {
            let Some(observation) = device.observation.map(|o| &seen.devices[o]) else { continue };
            for instant in instants(&rows, d) {
                let Some((expected, got)) = used(&instant, observation) else { continue };
                prop_assert!(
                    near(expected, got),
                    "{} at {:?}: {got} of {expected}: {:#?}",
                    device.id,
                    instant.time,
                    instant.pieces
                );
                estimated.set(estimated.get() + u32::from(instant.pieces.len() > 1));
            }
        }
        Ok(())
    });
    assert!(estimated.get() > 300, "{estimated:?}");
}
