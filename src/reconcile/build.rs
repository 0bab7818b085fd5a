//! From rows that were sorted to the report: sums, and what a difference is made of.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::{
    AsideRow, BillFileRow, DayRow, ReconcileReport, ReconcileRow, SCHEMA_VERSION, TotalRow,
};
use super::desk::{Aside, Desk, Kept, OUTSIDE, Resource, Seen, add_aside};
use super::identity::{By, Unit};
use super::ledger::{Ledger, LedgerNode, Sum};
use super::meter::Measure;
use super::span::{Span, compared, holds};
use crate::calendar::start_of;
use crate::model::bill::{CostColumn, PICO};
use crate::model::window::{rfc3339, utc_day};
use crate::report::contract::WindowRow;
use crate::units::{MS_PER_DAY, Millis, gpu_hours};

/// Millionths of the currency: what amounts are rounded to.
const MICRO: f64 = 1e6;
/// A machine is not billed for more than this part of the compared time: a second too long is a second.
const MOST_HOURS: f64 = 1.01;

/// What the report says besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context<'a> {
    /// Version of the tool.
    pub tool_version: &'a str,
    /// When the ledger's inputs were read, RFC 3339.
    pub generated_at: &'a str,
    /// Cost column of the bill.
    pub cost: CostColumn,
    /// Whether the ledger's data is complete.
    pub complete: bool,
}

/// Why nothing can be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmatched {
    /// No node in the ledger.
    #[error("the ledger has no node with GPUs")]
    EmptyLedger,
    /// No charge for use.
    #[error("the bill has no charge for use")]
    EmptyBill,
    /// Other times.
    #[error(
        "the bill is for {bill_start} to {bill_end}, and of the window {start} to {end} it has no whole charge"
    )]
    OtherTime {
        /// First instant of the bill.
        bill_start: String,
        /// First instant after it.
        bill_end: String,
        /// Start of the window.
        start: String,
        /// End of the window.
        end: String,
    },
}

/// What a machine is made of.
struct Machine<'a> {
    resource: Option<&'a Resource>,
    nodes: Vec<&'a LedgerNode>,
    rows: Vec<&'a Kept>,
}

/// Holds what the desk has against its ledger.
///
/// # Errors
///
/// When there is nothing to compare; see [`Unmatched`].
pub fn build(desk: &Desk<'_>, context: &Context<'_>) -> Result<ReconcileReport, Unmatched> {
    let ledger = desk.ledger;
    let window =
        ledger.window.filter(|_| !ledger.nodes.is_empty()).ok_or(Unmatched::EmptyLedger)?;
    let bill = extent(&desk.seen).ok_or(Unmatched::EmptyBill)?;
    let span =
        compared(window, bill, ledger.step_ms, &desk.kept).ok_or_else(|| Unmatched::OtherTime {
            bill_start: rfc3339(bill.0),
            bill_end: rfc3339(bill.1),
            start: rfc3339(window.0),
            end: rfc3339(window.1),
        })?;
    let machines = machines(desk, span);
    let mut rows: Vec<ReconcileRow> = machines.iter().filter_map(|m| row(m, span)).collect();
    let mut days: Vec<DayRow> = machines.iter().flat_map(|m| days(m, span)).collect();
    let name =
        |row: &ReconcileRow| (row.cluster.clone(), row.nodes.clone(), row.resource_id.clone());
    rows.sort_by_cached_key(|row| (std::cmp::Reverse(weight(row)), name(row)));
    days.sort_by(|a, b| (&a.day, &a.cluster, &a.machine).cmp(&(&b.day, &b.cluster, &b.machine)));
    let total = total(&rows, outside(ledger, span));
    let complete = context.complete
        && span == window
        && total.ledger_cost.is_some()
        && !desk.aside.keys().any(|(reason, _)| reason.ends_with("without a cost"));
    Ok(ReconcileReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool_version: context.tool_version.to_owned(),
        generated_at: context.generated_at.to_owned(),
        currency: desk.currency().to_owned(),
        cost_column: context.cost.column().to_owned(),
        window: window_row(window),
        compared: window_row(span),
        bills: desk.seen.iter().map(file_row).collect(),
        total,
        rows,
        days,
        set_aside: set_aside(desk, span),
        items: Vec::new(),
        complete,
    })
}

fn extent(seen: &[Seen]) -> Option<Span> {
    let extents = seen.iter().filter_map(|seen| seen.extent);
    extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Every node and resource once. Nodes of a scale set that is billed as one are one machine.
fn machines<'a>(desk: &'a Desk<'_>, span: Span) -> Vec<Machine<'a>> {
    let mut rows: BTreeMap<Unit, Vec<&Kept>> = BTreeMap::new();
    for kept in desk.kept.iter().filter(|kept| holds(span, kept)) {
        rows.entry(kept.unit).or_default().push(kept);
    }
    let billed: BTreeSet<Unit> = rows.keys().copied().collect();
    let of_node = |node: usize| match desk.index.group_of[node].map(Unit::Group) {
        Some(group) if billed.contains(&group) => group,
        _ => Unit::Node(node),
    };
    let mut out: BTreeMap<Unit, Machine<'_>> = BTreeMap::new();
    let machine =
        |unit| Machine { resource: desk.resources.get(&unit), nodes: Vec::new(), rows: Vec::new() };
    for (i, node) in desk.ledger.nodes.iter().enumerate() {
        let unit = of_node(i);
        out.entry(unit).or_insert_with(|| machine(unit)).nodes.push(node);
    }
    for (unit, kept) in rows {
        let unit = match unit {
            Unit::Node(node) => of_node(node),
            other => other,
        };
        out.entry(unit).or_insert_with(|| machine(unit)).rows.extend(kept);
    }
    out.into_values().collect()
}

/// A machine's row; `None` for a node that was not there and is not on the bill.
fn row(machine: &Machine<'_>, span: Span) -> Option<ReconcileRow> {
    let ledger = ledger_sum(&machine.nodes, |at, end| at >= span.0 && end <= span.1);
    let is_there = ledger.gpu_hours > 0.0;
    let is_billed = !machine.rows.is_empty();
    let first = machine.nodes.first();
    let gpus = (ledger.hours > 0.0).then(|| ledger.gpu_hours / ledger.hours);
    let ledger_cost = ledger.cost().filter(|_| is_there);
    let resource = machine.resource;
    let base = ReconcileRow {
        cluster: first.and_then(|node| node.cluster.clone()),
        nodes: machine.nodes.iter().map(|node| node.name.clone()).collect(),
        resource_id: resource.and_then(|resource| resource.id.clone()).filter(|_| is_billed),
        matched_by: resource
            .and_then(|r| r.by)
            .filter(|_| is_billed)
            .map(|by| By::name(by).to_owned()),
        instance_type: first
            .and_then(|node| node.instance_type.clone())
            .or_else(|| resource.and_then(|resource| resource.instance_type.clone())),
        capacity_type: first.and_then(|node| node.capacity_type.clone()),
        gpus,
        bill_rows: machine.rows.len() as u64,
        ledger_hours: is_there.then_some(ledger.hours),
        ledger_cost: ledger_cost.map(|cost| units(round_micro(cost))),
        ledger_rate: ledger_cost.map(|cost| cost / ledger.hours),
        ..ReconcileRow::default()
    };
    match (is_there, is_billed) {
        (false, false) => None,
        (true, false) => Some(ReconcileRow {
            status: "only_in_ledger".to_owned(),
            difference: base.ledger_cost.map(|cost| -cost),
            ..base
        }),
        (is_there, true) => {
            let bill = Bill::of(machine, gpus, span);
            let status = if is_there { "matched" } else { "only_on_bill" };
            let base = ReconcileRow { status: status.to_owned(), ..bill.on(base) };
            Some(match is_there {
                true => split(base, &bill, &ledger),
                false => ReconcileRow { difference: base.bill_cost, ..base },
            })
        }
    }
}

/// What a bill has of a machine: millionths, and hours where it says them.
struct Bill {
    machine: i64,
    other: i64,
    hours: Option<f64>,
}

impl Bill {
    fn of(machine: &Machine<'_>, gpus: Option<f64>, span: Span) -> Self {
        let is_other = |row: &&&Kept| row.measure == Measure::Other;
        let all: i128 = machine.rows.iter().map(|row| row.cost).sum();
        let other: i128 = machine.rows.iter().filter(is_other).map(|row| row.cost).sum();
        let other = micro(other);
        Self { machine: micro(all) - other, other, hours: hours(machine, gpus, span) }
    }

    fn on(&self, row: ReconcileRow) -> ReconcileRow {
        ReconcileRow {
            bill_hours: self.hours,
            bill_rate: self.hours.filter(|h| *h > 0.0).map(|hours| units(self.machine) / hours),
            bill_cost: Some(units(self.machine + self.other)),
            ..row
        }
    }
}

/// Hours of the machine on the bill: those of its GPUs where they are charged apart, else of the meter that has most,
/// for meters run side by side. `None` where no row says, or says what cannot be.
fn hours(machine: &Machine<'_>, gpus: Option<f64>, span: Span) -> Option<f64> {
    let mut of_gpus = None;
    let mut by_meter: BTreeMap<usize, f64> = BTreeMap::new();
    for row in &machine.rows {
        match row.measure {
            Measure::Gpu(hours) => *of_gpus.get_or_insert(0.0) += hours,
            Measure::Machine(hours) => *by_meter.entry(row.meter).or_default() += hours,
            Measure::Part | Measure::Other => {}
        }
    }
    let of_machine = by_meter.into_values().reduce(f64::max);
    let hours = match of_gpus {
        Some(of_gpus) => of_gpus / gpus?,
        None => of_machine?,
    };
    let machines = u32::try_from(machine.nodes.len().max(1)).map_or(f64::INFINITY, f64::from);
    let most = gpu_hours(span.1 - span.0) * machines * MOST_HOURS;
    (hours >= 0.0 && hours <= most).then_some(hours)
}

/// The difference and its parts. Time counts at the ledger's price, and what is left of the machine's cost is its price:
/// with another order the same two parts would come out otherwise, their sum would not.
fn split(row: ReconcileRow, bill: &Bill, sum: &Sum) -> ReconcileRow {
    let Some(ledger_cost) = sum.cost() else {
        return ReconcileRow { other_cost: Some(units(bill.other)), ..row };
    };
    let ledger = round_micro(ledger_cost);
    let of_machine = bill.machine - ledger;
    let time = bill.hours.map(|hours| round_micro((hours - sum.hours) * ledger_cost / sum.hours));
    ReconcileRow {
        difference: Some(units(of_machine + bill.other)),
        time_cost: time.map(units),
        rate_cost: time.map(|time| units(of_machine - time)),
        unsplit_cost: Some(units(if time.is_some() { 0 } else { of_machine })),
        other_cost: Some(units(bill.other)),
        ..row
    }
}

fn ledger_sum(nodes: &[&LedgerNode], is_in: impl Fn(Millis, Millis) -> bool) -> Sum {
    let mut sum = Sum::default();
    for (at, piece) in nodes.iter().flat_map(|node| &node.pieces) {
        if is_in(*at, piece.end) {
            sum.add(piece);
        }
    }
    sum
}

/// Cost of the ledger's time that is not compared.
fn outside(ledger: &Ledger, span: Span) -> Option<i64> {
    let nodes: Vec<&LedgerNode> = ledger.nodes.iter().collect();
    ledger_sum(&nodes, |at, end| at < span.0 || end > span.1).cost().map(round_micro)
}

/// A machine by day. Days are rounded as a running sum, so that they add up to the row.
fn days(machine: &Machine<'_>, span: Span) -> Vec<DayRow> {
    let mut ledger: BTreeMap<Millis, Sum> = BTreeMap::new();
    for (at, piece) in machine.nodes.iter().flat_map(|node| &node.pieces) {
        if *at >= span.0 && piece.end <= span.1 {
            ledger.entry(start_of(*at, MS_PER_DAY)).or_default().add(piece);
        }
    }
    let mut bill: BTreeMap<Millis, i128> = BTreeMap::new();
    for row in &machine.rows {
        spread(row, &mut bill);
    }
    let is_matched = !ledger.is_empty() && !bill.is_empty();
    let status = match (is_matched, ledger.is_empty()) {
        (true, _) => "matched",
        (false, true) => "only_on_bill",
        (false, false) => "only_in_ledger",
    };
    let names: Vec<&str> = machine.nodes.iter().map(|node| node.name.as_str()).collect();
    let of_resource =
        machine.resource.and_then(|r| r.id.clone().or_else(|| r.instance_type.clone()));
    let name = match names.is_empty() {
        true => of_resource.unwrap_or_default(),
        false => names.join(" "),
    };
    let mut all: Vec<Millis> = ledger.keys().chain(bill.keys()).copied().collect();
    all.sort_unstable();
    all.dedup();
    let (mut billed, mut held) = (Running::default(), Running::default());
    let mut is_priced = true;
    all.into_iter()
        .map(|day| {
            let cost = ledger.get(&day).map_or(Some(0.0), Sum::cost);
            is_priced &= cost.is_some();
            #[expect(
                clippy::cast_precision_loss,
                reason = "money below 2^53 trillionths is exact to a millionth"
            )]
            let bill_cost = billed.add(bill.get(&day).copied().unwrap_or(0) as f64 / PICO);
            let ledger_cost = held.add(cost.unwrap_or(0.0));
            DayRow {
                day: utc_day(day),
                status: status.to_owned(),
                cluster: machine.nodes.first().and_then(|node| node.cluster.clone()),
                machine: name.clone(),
                ledger_cost: is_priced.then(|| units(ledger_cost)),
                bill_cost: units(bill_cost),
                difference: is_priced.then(|| units(bill_cost - ledger_cost)),
            }
        })
        .collect()
}

/// A sum that is rounded as a whole.
#[derive(Default)]
struct Running {
    exact: f64,
    rounded: i64,
}

impl Running {
    fn add(&mut self, amount: f64) -> i64 {
        self.exact += amount;
        let part = round_micro(self.exact) - self.rounded;
        self.rounded += part;
        part
    }
}

/// A charge by day, evenly over its time.
fn spread(row: &Kept, days: &mut BTreeMap<Millis, i128>) {
    let length = i128::from(row.end - row.start);
    let (mut at, mut left) = (row.start, row.cost);
    loop {
        let day = start_of(at, MS_PER_DAY);
        let until = (day + MS_PER_DAY).min(row.end);
        let part = match until >= row.end {
            true => left,
            false => row.cost * i128::from(until - at) / length,
        };
        *days.entry(day).or_default() += part;
        left -= part;
        at = until;
        if at >= row.end {
            return;
        }
    }
}

fn total(rows: &[ReconcileRow], outside: Option<i64>) -> TotalRow {
    let of = |status: &'static str| rows.iter().filter(move |row| row.status == status);
    let count = |status| u32::try_from(of(status).count()).unwrap_or(u32::MAX);
    let sum = |status, part: fn(&ReconcileRow) -> Option<f64>| {
        of(status).map(part).map(|part| part.map_or(0, round_micro)).sum::<i64>()
    };
    let known = |status, part: fn(&ReconcileRow) -> Option<f64>| {
        of(status).map(part).map(|part| part.map(round_micro)).sum::<Option<i64>>()
    };
    let bill_alone = sum("only_on_bill", |row| row.bill_cost);
    let bill = sum("matched", |row| row.bill_cost) + bill_alone;
    let matched = known("matched", |row| row.ledger_cost);
    let ledger_alone = known("only_in_ledger", |row| row.ledger_cost);
    let ledger = matched.zip(ledger_alone).map(|(a, b)| a + b);
    let difference = ledger.map(|ledger| bill - ledger);
    let of_matched = known("matched", |row| row.difference);
    let part = |part| ledger.map(|_| sum("matched", part)).map(units);
    TotalRow {
        bill_cost: units(bill),
        ledger_cost: ledger.map(units),
        difference: difference.map(units),
        time_cost: part(|row| row.time_cost),
        rate_cost: part(|row| row.rate_cost),
        other_cost: units(sum("matched", |row| row.other_cost)),
        unsplit_cost: part(|row| row.unsplit_cost),
        only_on_bill_cost: units(bill_alone),
        only_in_ledger_cost: ledger_alone.map(units),
        difference_ratio: difference.filter(|_| bill != 0).map(|d| units(d) / units(bill)),
        unexplained_cost: of_matched
            .zip(ledger_alone)
            .map(|(matched, alone)| units(matched.abs() + bill_alone.abs() + alone)),
        matched: count("matched"),
        only_on_bill: count("only_on_bill"),
        only_in_ledger: count("only_in_ledger"),
        ledger_cost_outside: outside.map(units),
    }
}

fn weight(row: &ReconcileRow) -> i64 {
    let amount = row.difference.or(row.bill_cost).unwrap_or(0.0);
    round_micro(amount).abs()
}

fn set_aside(desk: &Desk<'_>, span: Span) -> Vec<AsideRow> {
    let mut aside: Aside = desk.aside.clone();
    for kept in desk.kept.iter().filter(|kept| !holds(span, kept)) {
        add_aside(&mut aside, OUTSIDE, desk.currency(), kept.cost);
    }
    aside
        .into_iter()
        .map(|((reason, currency), (rows, cost))| AsideRow {
            reason,
            rows,
            cost: units(micro(cost)),
            currency,
        })
        .collect()
}

fn file_row(seen: &Seen) -> BillFileRow {
    BillFileRow {
        file: seen.file.clone(),
        rows: seen.rows,
        first: seen.extent.map(|extent| rfc3339(extent.0)),
        last: seen.extent.map(|extent| rfc3339(extent.1)),
    }
}

fn window_row((start, end): Span) -> WindowRow {
    WindowRow { start: rfc3339(start), end: rfc3339(end), hours: gpu_hours(end - start) }
}

/// Trillionths as millionths, to the nearest.
fn micro(pico: i128) -> i64 {
    let half = if pico < 0 { -500_000 } else { 500_000 };
    i64::try_from((pico + half) / 1_000_000).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "amounts below 9e12 of the currency")]
fn round_micro(amount: f64) -> i64 {
    (amount * MICRO).round() as i64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "amounts below 9e9 of the currency are exact to a millionth"
)]
fn units(micro: i64) -> f64 {
    micro as f64 / MICRO
}
