//! Spend of budgets beside the report on the same inputs.

use std::collections::BTreeMap;

use gpu_finops::budget::calendar::{Calendar, FiscalYear, PeriodKind};
use gpu_finops::budget::define::{Basis, Budget};
use gpu_finops::budget::grid::{Grid, of_accounts, of_device};
use gpu_finops::budget::propose::everything;
use gpu_finops::budget::spend::{Amounts, Spend};
use gpu_finops::model::{Inputs, Policy, Window};
use gpu_finops::report::accounts::Accounts;
use gpu_finops::report::contract::Report;
use gpu_finops::rollup::decode;

use crate::common::rollups;

/// Sums of all buckets: what is held, what is there, and by tenant.
pub(super) struct Spent {
    held: Amounts,
    capacity: Amounts,
    tenants: BTreeMap<String, f64>,
}

fn budgets() -> [Budget; 2] {
    let year = FiscalYear::Months { first: 1 };
    let calendar = Calendar { kind: PeriodKind::Day, year, zone: chrono_tz::Tz::UTC };
    let held = everything(calendar);
    [held.clone(), Budget { basis: Basis::Capacity, ..held }]
}

fn grid(window: Window, step_ms: i64) -> Grid {
    let count = window.length_ms() / step_ms;
    Grid::new(window, (0..=count).map(|n| window.start() + n * step_ms))
}

/// From the rows of the ledger, cut where buckets begin.
pub(super) fn by_segments(inputs: &Inputs, policy: &Policy, step_ms: i64) -> Spent {
    let budgets = budgets();
    let mut spend = Spend::new(&budgets, &[], grid(inputs.window, step_ms));
    let grid = &spend.grid;
    let (accounts, rows) = Accounts::with(inputs, policy, |time| of_device(grid, time));
    spend.add(&accounts, &rows);
    spent(&spend)
}

/// From a roll-up's files.
pub(super) fn by_holds(inputs: &Inputs, policy: &Policy, step_ms: i64) -> Spent {
    let budgets = budgets();
    let accounts = decode(rollups::part(inputs, policy)).expect("as written").accounts;
    let mut spend = Spend::new(&budgets, &[], grid(inputs.window, step_ms));
    let rows = of_accounts(&spend.grid, &accounts);
    spend.add(&accounts, &rows);
    spent(&spend)
}

fn spent(spend: &Spend<'_>) -> Spent {
    let sum = |budget: usize| {
        let mut sum = Amounts::default();
        spend.series[budget].buckets.iter().for_each(|amounts| sum.add(amounts));
        sum
    };
    let mut tenants = BTreeMap::new();
    for (key, buckets) in &spend.series[0].workloads {
        *tenants.entry(key.tenant.clone()).or_default() +=
            buckets.values().map(|amounts| amounts.cost).sum::<f64>();
    }
    Spent { held: sum(0), capacity: sum(1), tenants }
}

/// Name, ours, the report's.
pub(super) fn compared(ours: &Spent, report: &Report) -> Vec<(String, f64, f64)> {
    let fleet = &report.fleet.ledger;
    let idle = fleet.idle_warm_gpu_hours + fleet.idle_empty_gpu_hours;
    let mut out = vec![
        ("held hours".to_owned(), ours.held.gpu_hours, fleet.allocated_gpu_hours),
        ("held".to_owned(), ours.held.cost, fleet.allocated_cost.unwrap_or(0.0)),
        ("capacity".to_owned(), ours.capacity.cost, fleet.capacity_cost.unwrap_or(0.0)),
        ("idle hours".to_owned(), ours.held.idle_gpu_hours, idle),
        ("observed hours".to_owned(), ours.held.observed_gpu_hours, fleet.observed_gpu_hours),
        ("used hours".to_owned(), ours.held.utilization_gpu_hours, fleet.utilization_gpu_hours),
    ];
    out.extend(report.tenants.iter().map(|row| {
        let cost = row.cost.unwrap_or(0.0);
        (row.tenant.clone(), ours.tenants.get(&row.tenant).copied().unwrap_or(0.0), cost)
    }));
    out
}
