//! The workloads that waste most, with the evidence for it.

use super::fields::longest_idle;
use super::value::{Value, column};
use super::{Block, Grid, GridColumn, GridRow, Tone};
use crate::report::contract::{Report, WorkloadRow};

/// How many are worth a look at a time.
const SHOWN: usize = 5;

/// Header, rank and reader of a figure.
type Evidence = (&'static str, u8, fn(&WorkloadRow) -> Value);

const EVIDENCE: &[Evidence] = &[
    ("held GPU-h", 4, |w| Value::Hours(Some(w.ledger.allocated_gpu_hours))),
    ("idle GPU-h", 0, |w| Value::Hours(Some(w.ledger.idle_gpu_hours()))),
    ("longest idle", 2, |w| longest_idle(&w.usage)),
    ("util", 4, |w| Value::Ratio(w.ledger.utilization)),
    ("obs.", 1, |w| Value::Ratio(w.ledger.observed_ratio)),
    ("p95", 1, |w| Value::Ratio(w.usage.utilization_p95)),
    ("max", 1, |w| Value::Ratio(w.usage.utilization_max)),
    ("peak memory", 3, |w| Value::Bytes(w.usage.memory_used_max_bytes)),
    ("peak GPUs", 4, |w| Value::Gpus(w.usage.gpus_peak)),
    ("waste", 0, |w| Value::Money(w.ledger.waste_cost)),
];

pub(super) fn blocks(report: &Report) -> Vec<Block> {
    let worst: Vec<&WorkloadRow> = report
        .workloads
        .iter()
        .filter(|row| row.ledger.waste_gpu_hours() > 0.0)
        .take(SHOWN)
        .collect();
    if worst.is_empty() {
        return Vec::new();
    }
    vec![
        Block::Heading("Workloads that waste most".to_owned()),
        Block::Grid(grid(&worst, &report.currency)),
        Block::Note(
            Tone::Muted,
            "p95, max = utilization while held and observed; obs. = observed share of the held \
             time; peak memory = of one GPU."
                .to_owned(),
        ),
    ]
}

fn grid(worst: &[&WorkloadRow], currency: &str) -> Grid {
    let text = |header, rank| GridColumn { header, right: false, rank, flexible: true };
    let names = |name: fn(&WorkloadRow) -> String| worst.iter().map(|row| name(row)).collect();
    let mut columns: Vec<(GridColumn, Vec<String>)> = vec![
        (text("workload", 0), names(|w| format!("{}/{}", w.namespace, w.name))),
        (text("kind", 4), names(|w| w.kind.clone())),
        (text("tenant", 5), names(|w| w.tenant.clone())),
    ];
    for (header, rank, read) in EVIDENCE {
        let values: Vec<Value> = worst.iter().map(|row| read(row)).collect();
        let grid_column = GridColumn { header, right: true, rank: *rank, flexible: false };
        columns.push((grid_column, column(&values, currency)));
    }
    Grid {
        columns: columns.iter().map(|(column, _)| column.clone()).collect(),
        rows: (0..worst.len())
            .map(|i| GridRow {
                cells: columns.iter().map(|(_, texts)| texts[i].clone()).collect(),
                tone: Tone::Plain,
                ruled: false,
            })
            .collect(),
    }
}
