//! The figures that every grouping has: header, rank, and where each is read from.
//!
//! Ranks decide what is shown: 0 always, then 1, 2, … as far as the width goes.

use super::value::Value;
use crate::report::contract::{Ledger, Usage};

/// Which groupings have a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// All.
    Any,
    /// Those that hold GPUs: tenants, namespaces, workloads, pods.
    Holders,
    /// Those that own GPUs: GPUs, nodes, models.
    Hardware,
}

/// Where a field is read from.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// Adds up: total rows have it.
    Ledger(fn(&Ledger) -> Value),
    /// Does not add up: total rows leave it blank.
    Usage(fn(&Usage) -> Value),
    /// Share of the waste of all rows; the second ledger is their sum.
    Share(fn(&Ledger, &Ledger) -> Value),
}

/// A column that every row of its groupings has.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) header: &'static str,
    pub(super) rank: u8,
    pub(super) of: Of,
    pub(super) read: Read,
    /// Text rather than a number.
    pub(super) text: bool,
}

const fn ledger(header: &'static str, rank: u8, of: Of, read: fn(&Ledger) -> Value) -> Field {
    Field { header, rank, of, read: Read::Ledger(read), text: false }
}

const fn usage(header: &'static str, rank: u8, read: fn(&Usage) -> Value) -> Field {
    Field { header, rank, of: Of::Any, read: Read::Usage(read), text: false }
}

const fn source(header: &'static str, read: fn(&Usage) -> Value) -> Field {
    Field { header, rank: 10, of: Of::Any, read: Read::Usage(read), text: true }
}

fn waste_share(row: &Ledger, all: &Ledger) -> Value {
    let share = |row: f64, all: f64| if all == 0.0 { 0.0 } else { row / all };
    Value::Ratio(row.waste_cost.zip(all.waste_cost).map(|(row, all)| share(row, all)))
}

/// Where nothing was observed, nothing is known about idle stretches either.
pub(super) fn longest_idle(usage: &Usage) -> Value {
    Value::Duration(usage.utilization_max.map(|_| usage.longest_idle_seconds))
}

/// Every field, in the order in which they stand.
pub(super) const FIELDS: &[Field] = &[
    ledger("capacity GPU-h", 1, Of::Hardware, |l| Value::Hours(l.capacity_gpu_hours)),
    ledger("held GPU-h", 1, Of::Any, |l| Value::Hours(Some(l.allocated_gpu_hours))),
    usage("peak GPUs", 5, |u| Value::Gpus(u.gpus_peak)),
    ledger("util", 0, Of::Any, |l| Value::Ratio(l.utilization)),
    ledger("obs.", 2, Of::Any, |l| Value::Ratio(l.observed_ratio)),
    usage("p50", 9, |u| Value::Ratio(u.utilization_p50)),
    usage("p95", 5, |u| Value::Ratio(u.utilization_p95)),
    usage("p99", 9, |u| Value::Ratio(u.utilization_p99)),
    usage("max", 5, |u| Value::Ratio(u.utilization_max)),
    ledger("busy GPU-h", 9, Of::Any, |l| Value::Hours(Some(l.busy_gpu_hours))),
    ledger("slack GPU-h", 5, Of::Any, |l| Value::Hours(Some(l.slack_gpu_hours))),
    ledger("idle GPU-h", 2, Of::Any, |l| Value::Hours(Some(l.idle_gpu_hours()))),
    ledger("warm GPU-h", 9, Of::Any, |l| Value::Hours(Some(l.idle_warm_gpu_hours))),
    ledger("empty GPU-h", 9, Of::Any, |l| Value::Hours(Some(l.idle_empty_gpu_hours))),
    ledger("stale GPU-h", 10, Of::Any, |l| Value::Hours(Some(l.stale_claim_gpu_hours))),
    usage("longest idle", 6, longest_idle),
    usage("peak memory", 8, |u| Value::Bytes(u.memory_used_max_bytes)),
    ledger("unobserved GPU-h", 10, Of::Any, |l| Value::Hours(Some(l.unobserved_gpu_hours))),
    ledger("free GPU-h", 3, Of::Hardware, |l| Value::Hours(Some(l.unallocated_gpu_hours))),
    ledger("stranded GPU-h", 9, Of::Hardware, |l| Value::Hours(Some(l.stranded_gpu_hours))),
    ledger("unhealthy GPU-h", 8, Of::Hardware, |l| Value::Hours(Some(l.unhealthy_gpu_hours))),
    ledger("estimated", 10, Of::Any, |l| Value::Ratio(l.estimated_ratio)),
    ledger("unpriced GPU-h", 10, Of::Any, |l| Value::Hours(Some(l.unpriced_gpu_hours))),
    ledger("cost", 1, Of::Holders, |l| Value::Money(l.allocated_cost)),
    ledger("cost", 1, Of::Hardware, |l| Value::Money(l.capacity_cost)),
    ledger("held cost", 9, Of::Hardware, |l| Value::Money(l.allocated_cost)),
    ledger("waste", 0, Of::Any, |l| Value::Money(l.waste_cost)),
    Field { header: "of waste", rank: 4, of: Of::Any, read: Read::Share(waste_share), text: false },
    source("signal", |u| Value::name(u.signal.as_deref())),
    source("holding source", |u| Value::name(u.holding_source.as_deref())),
];
