//! Who and what drove a budget since the period before.

use std::collections::BTreeMap;

use super::contract::DriverRow;
use super::define::Unit;
use super::grid::Grid;
use super::spend::{Amounts, Series, is_within};
use crate::model::Interval;
use crate::units::MS_PER_DAY;

/// Drivers that are told.
const TOLD: usize = 5;

/// The workloads whose spend per day changed most, or that spend most where nothing is known of before.
#[must_use]
pub fn drivers(
    series: &Series,
    grid: &Grid,
    unit: Unit,
    now: Interval,
    before: Option<Interval>,
) -> Vec<DriverRow> {
    let sum = |buckets: &BTreeMap<usize, Amounts>, time: Interval| -> f64 {
        let inside = buckets.iter().filter(|(number, _)| is_within(grid.bucket(**number), time));
        inside.map(|(_, amounts)| amounts.spent(unit)).sum()
    };
    let total: f64 = series.workloads.values().map(|buckets| sum(buckets, now)).sum();
    let mut rows: Vec<DriverRow> = series
        .workloads
        .iter()
        .map(|(key, buckets)| {
            let spent = sum(buckets, now);
            let per_day = spent / days(now);
            let per_day_before = before.map(|before| sum(buckets, before) / days(before));
            DriverRow {
                cluster: key.cluster.clone(),
                subject: key.subject.clone(),
                tenant: key.tenant.clone(),
                spent,
                share: (total > 0.0).then(|| spent / total),
                per_day,
                per_day_before,
                change_per_day: per_day_before.map(|before| per_day - before),
            }
        })
        .filter(|row| row.spent > 0.0 || row.per_day_before.is_some_and(|before| before > 0.0))
        .collect();
    rows.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then_with(|| a.subject.cmp(&b.subject)));
    rows.truncate(TOLD);
    rows
}

fn weight(row: &DriverRow) -> f64 {
    row.change_per_day.unwrap_or(row.per_day)
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
fn days(time: Interval) -> f64 {
    (time.length_ms().max(1)) as f64 / MS_PER_DAY as f64
}
