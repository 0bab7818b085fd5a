//! Workloads that hold GPUs and do nothing with them, most idle time first.

use std::fmt::Write as _;

use super::blocks::table;
use crate::output::document::{Grid, GridColumn, GridRow, Tone};
use crate::output::format::{duration, hours, money_alone, percent};
use crate::report::contract::{Report, WorkloadRow};

const COLUMNS: [(&str, bool); 7] = [
    ("workload", false),
    ("tenant", false),
    ("idle GPU-h", true),
    ("of held", true),
    ("longest idle", true),
    ("utilization", true),
    ("idle cost", true),
];

/// The section; none where nothing was idle.
pub(super) fn section(out: &mut String, report: &Report, top: usize) {
    let mut idle: Vec<&WorkloadRow> =
        report.workloads.iter().filter(|w| w.ledger.idle_gpu_hours() > 0.0).collect();
    idle.sort_by(|a, b| b.ledger.idle_gpu_hours().total_cmp(&a.ledger.idle_gpu_hours()));
    if idle.is_empty() {
        return;
    }
    let shown = if top == 0 { idle.len() } else { top };
    out.push_str("<h2>Idle</h2>\n");
    let column = |(header, right)| GridColumn { header, right, rank: 0, flexible: false };
    let rows = idle.iter().take(shown).map(|w| row(w, &report.currency)).collect();
    let grid = Grid { columns: COLUMNS.into_iter().map(column).collect(), rows };
    table(out, "Workloads that held GPUs below the idle threshold, most idle time first", &grid);
    let hidden = idle.len().saturating_sub(shown);
    if hidden > 0 {
        let _ = writeln!(out, "<p class=\"muted\">… {hidden} more</p>");
    }
}

fn row(workload: &WorkloadRow, currency: &str) -> GridRow {
    let ledger = &workload.ledger;
    let idle = ledger.idle_gpu_hours();
    let share = (ledger.allocated_gpu_hours > 0.0).then(|| idle / ledger.allocated_gpu_hours);
    let cost = ledger.idle_warm_cost.zip(ledger.idle_empty_cost).map(|(warm, empty)| warm + empty);
    let cluster = workload.cluster.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    let cells = vec![
        format!("{cluster}{}/{}/{}", workload.namespace, workload.kind, workload.name),
        workload.tenant.clone(),
        hours(Some(idle), 1),
        percent(share),
        duration(Some(workload.usage.longest_idle_seconds)),
        percent(ledger.utilization),
        money_alone(cost, currency),
    ];
    GridRow { cells, tone: Tone::Plain, ruled: false }
}
