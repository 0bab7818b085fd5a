//! Before and after: each workload priced on both sides, summed, and judged by the rules.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Key, Workload, workloads};
use super::contract::{
    Change, DiffReport, Figures, SCHEMA_VERSION, SideRow, Sum, Totals, WorkloadDiff,
};
use super::history::Held;
use super::place::line_of;
use super::price::{Measure, figures};
use super::rules::{Judged, Touched};
use super::{Assumed, Rules, rules};
use crate::model::manifests::Manifests;
use crate::model::policy::PriceBook;
use crate::report::build::Stamp;

/// Both sides of a change, and what is known beside them.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// Before.
    pub base: &'a Manifests,
    /// After.
    pub head: &'a Manifests,
    /// What workloads held of late, where metrics were read.
    pub held: Option<&'a Held>,
}

/// The change between two sets of manifests, priced and judged.
#[must_use]
pub fn diff(
    sides: Sides<'_>,
    assumed: &Assumed,
    rules: &Rules,
    book: &PriceBook,
    stamp: Stamp,
) -> DiffReport {
    let measure = Measure { assumed, book };
    let (base, head) = (workloads(sides.base, assumed), workloads(sides.head, assumed));
    let keys: BTreeSet<&Key> = base.keys().chain(head.keys()).collect();
    let mut touched: Vec<Touched<'_>> =
        keys.into_iter().map(|key| pair(key, &base, &head, sides.held, measure)).collect();
    touched.sort_by(|a, b| by_weight(&a.row, &b.row));
    let rows: Vec<&WorkloadDiff> = touched.iter().map(|touched| &touched.row).collect();
    let totals = totals(&rows);
    let Judged { items, not_evaluated, is_complete } =
        rules::judge(&touched, &totals, sides, rules, &book.currency);
    DiffReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool_version: stamp.tool_version,
        currency: book.currency.clone(),
        base: side(sides.base, base.len()),
        head: side(sides.head, head.len()),
        totals,
        items,
        rules: rules::applied(rules).into_iter().map(|rule| rule.name.to_string()).collect(),
        not_evaluated,
        complete: is_complete,
        assumptions: stamp.assumptions,
        workloads: touched.into_iter().map(|touched| touched.row).collect(),
    }
}

fn side(set: &Manifests, workloads: usize) -> SideRow {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    SideRow {
        source: set.source.clone(),
        objects: count(set.items.len()),
        unreadable: count(set.problems.len()),
        workloads: count(workloads),
    }
}

fn pair<'a>(
    key: &Key,
    base: &'a BTreeMap<Key, Workload<'a>>,
    head: &'a BTreeMap<Key, Workload<'a>>,
    held: Option<&Held>,
    measure: Measure<'_>,
) -> Touched<'a> {
    let (before, after) = (base.get(key), head.get(key));
    let change = match (before, after) {
        (Some(_), None) => Change::Removed,
        (None, _) => Change::Added,
        (Some(before), Some(after)) if is_same(before, after) => Change::Same,
        _ => Change::Changed,
    };
    let of = |workload: &Workload<'_>| figures(workload, measure);
    let (old, new) = (before.map(of), after.map(of));
    let shown = after.or(before);
    let gpus = |figures: &Option<Figures>| figures.as_ref().map_or(0.0, |f| f.gpus_high);
    let cost = |figures: &Option<Figures>| match figures {
        Some(figures) => figures.cost_per_month_high,
        None => Some(0.0),
    };
    let row = WorkloadDiff {
        namespace: key.namespace.clone(),
        kind: key.kind.clone(),
        name: key.name.clone(),
        change,
        file: shown.map(|workload| workload.manifest.file.clone()).unwrap_or_default(),
        line: shown.map_or(1, |workload| line_of(workload.manifest, workload.first_request())),
        gpus_change: gpus(&new) - gpus(&old),
        cost_per_month_change: cost(&new).zip(cost(&old)).map(|(new, old)| new - old),
        history: held.and_then(|held| held.of(key)).cloned(),
        before: old,
        after: new,
    };
    Touched { row, before, after }
}

/// Whether nothing that bears on the request differs: the manifest, how many pods there may be, what claims say.
fn is_same(before: &Workload<'_>, after: &Workload<'_>) -> bool {
    let pools = |workload: &Workload<'_>| -> Vec<_> {
        let pools = workload.pools.iter();
        pools.map(|pool| (pool.pods, pool.pieces.clone())).collect()
    };
    before.manifest.object == after.manifest.object && pools(before) == pools(after)
}

/// The largest difference of money first, then of GPUs, then by name.
fn by_weight(a: &WorkloadDiff, b: &WorkloadDiff) -> Ordering {
    let money = |row: &WorkloadDiff| row.cost_per_month_change.map_or(0.0, f64::abs);
    let is_same = |row: &WorkloadDiff| row.change == Change::Same;
    is_same(a)
        .cmp(&is_same(b))
        .then_with(|| money(b).total_cmp(&money(a)))
        .then_with(|| b.gpus_change.abs().total_cmp(&a.gpus_change.abs()))
        .then_with(|| (&a.namespace, &a.kind, &a.name).cmp(&(&b.namespace, &b.kind, &b.name)))
}

fn totals(rows: &[&WorkloadDiff]) -> Totals {
    let before = sum(rows.iter().filter_map(|row| row.before.as_ref()));
    let after = sum(rows.iter().filter_map(|row| row.after.as_ref()));
    let changing = rows.iter().filter(|row| row.change != Change::Same);
    let change: Option<f64> = changing.map(|row| row.cost_per_month_change).sum();
    let was = before.cost_per_month_high.filter(|was| *was > 0.0 && before.unpriced_workloads == 0);
    Totals {
        gpus_change: after.gpus_high - before.gpus_high,
        cost_per_month_change: change,
        cost_ratio: change.zip(was).map(|(change, was)| change / was),
        before,
        after,
    }
}

fn sum<'a>(all: impl Iterator<Item = &'a Figures>) -> Sum {
    let mut sum =
        Sum { cost_per_month: Some(0.0), cost_per_month_high: Some(0.0), ..Sum::default() };
    let mut priced = 0_u32;
    for figures in all {
        sum.gpus += figures.gpus;
        sum.gpus_high += figures.gpus_high;
        sum.gpu_hours_per_month += figures.gpu_hours_per_month.unwrap_or(0.0);
        match (figures.cost_per_month, figures.cost_per_month_high) {
            (Some(cost), Some(high)) => {
                priced += 1;
                sum.cost_per_month = sum.cost_per_month.map(|sum| sum + cost);
                sum.cost_per_month_high = sum.cost_per_month_high.map(|sum| sum + high);
            }
            _ => sum.unpriced_workloads += 1,
        }
    }
    if priced == 0 && sum.unpriced_workloads > 0 {
        sum.cost_per_month = None;
        sum.cost_per_month_high = None;
    }
    sum
}
