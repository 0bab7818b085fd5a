//! What workloads held and used of late, by what a manifest is known by.

use std::collections::BTreeMap;

use super::ask::Key;
use super::contract::HistoryRow;
use crate::report::contract::Report;

/// Workloads of a report, with the most GPUs that each had in use at one time.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// By namespace, kind and name.
    rows: BTreeMap<(String, String, String), HistoryRow>,
}

/// Most GPUs in use at one time, by namespace, kind and name.
pub type Peaks = BTreeMap<(String, String, String), f64>;

/// What the workloads of a report held and used.
#[must_use]
pub fn held(report: &Report, peaks: &Peaks) -> Held {
    let hours = report.window.hours;
    let row = |row: &crate::report::contract::WorkloadRow| {
        let key = (row.namespace.clone(), row.kind.clone(), row.name.clone());
        let history = HistoryRow {
            window_hours: hours,
            gpus_held: if hours > 0.0 { row.ledger.allocated_gpu_hours / hours } else { 0.0 },
            gpus_peak: peaks.get(&key).copied(),
            utilization: row.ledger.utilization,
        };
        (key, history)
    };
    Held { rows: report.workloads.iter().map(row).collect() }
}

impl Held {
    /// That of a workload. A manifest without a namespace is any one of its kind and name, if there is but one.
    pub(super) fn of(&self, key: &Key) -> Option<&HistoryRow> {
        if !key.namespace.is_empty() {
            let key = (key.namespace.clone(), key.kind.clone(), key.name.clone());
            return self.rows.get(&key);
        }
        let mut like =
            self.rows.iter().filter(|((_, kind, name), _)| *kind == key.kind && *name == key.name);
        let first = like.next();
        first.filter(|_| like.next().is_none()).map(|(_, row)| row)
    }
}
