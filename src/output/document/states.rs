//! Where the time of all physical GPUs went: one row for each state, adding up to the capacity.

use super::super::RenderOptions;
use super::super::format::percent;
use super::sums::ratio;
use super::value::{Value, column};
use super::{Block, Grid, GridColumn, GridRow, Tone};
use crate::report::contract::{Ledger, Report};

/// Columns of the longest bar.
const BAR: usize = 20;

/// One line of the section.
struct State {
    name: &'static str,
    hours: Option<f64>,
    cost: Option<f64>,
    meaning: &'static str,
    tone: Tone,
    /// Shown even when there is none of it.
    always: bool,
    /// A sum of the lines above.
    total: bool,
}

pub(super) fn blocks(report: &Report, options: &RenderOptions) -> Vec<Block> {
    let fleet = &report.fleet;
    let states: Vec<State> = states(&fleet.ledger)
        .into_iter()
        .filter(|state| state.always || options.wide || state.hours != Some(0.0))
        .collect();
    let mut blocks = vec![
        Block::Heading("Where the time went, all GPUs".to_owned()),
        Block::Grid(grid(&states, fleet.ledger.capacity_gpu_hours, &report.currency)),
    ];
    if fleet.allocation_rate.is_some() || fleet.busy_of_capacity.is_some() {
        let busy =
            fleet.busy_of_capacity.map_or("it is unknown how much busy".to_owned(), |busy| {
                format!("{} busy", percent(Some(busy)))
            });
        let note =
            format!("Of the capacity, {} was held and {busy}.", percent(fleet.allocation_rate));
        blocks.push(Block::Note(Tone::Muted, note));
    }
    blocks
}

fn grid(states: &[State], capacity: Option<f64>, currency: &str) -> Grid {
    let share = |state: &State| ratio(state.hours?, capacity?);
    let texts = [
        states.iter().map(|s| s.name.to_owned()).collect(),
        column(&states.iter().map(|s| Value::Hours(s.hours)).collect::<Vec<_>>(), currency),
        column(&states.iter().map(|s| Value::Ratio(share(s))).collect::<Vec<_>>(), currency),
        column(&states.iter().map(|s| Value::Money(s.cost)).collect::<Vec<_>>(), currency),
        states.iter().map(|s| s.meaning.to_owned()).collect(),
        states
            .iter()
            .map(|s| if s.total { String::new() } else { bar(share(s)) })
            .collect::<Vec<_>>(),
    ];
    let column = |header, right, rank| GridColumn { header, right, rank, flexible: false };
    Grid {
        columns: vec![
            column("state", false, 0),
            column("GPU-h", true, 0),
            column("share", true, 1),
            column("cost", true, 1),
            column("meaning", false, 2),
            column("", false, 3),
        ],
        rows: states
            .iter()
            .enumerate()
            .map(|(i, state)| GridRow {
                cells: texts.iter().map(|column| column[i].clone()).collect(),
                tone: state.tone,
                ruled: state.total,
            })
            .collect(),
    }
}

/// A bar for a share of 0..1; anything above nothing shows.
fn bar(share: Option<f64>) -> String {
    let share = share.filter(|s| s.is_finite()).unwrap_or(0.0).clamp(0.0, 1.0);
    if share == 0.0 {
        return String::new();
    }
    let filled = (1..=BAR).filter(|&step| share >= fraction(step)).count();
    "█".repeat(filled.max(1))
}

/// The share from which on `step` cells are filled, to the nearest.
#[expect(clippy::cast_precision_loss, reason = "1..=20")]
fn fraction(step: usize) -> f64 {
    (step as f64 - 0.5) / BAR as f64
}

/// A figure that may not be known.
type Known = Option<f64>;

/// A state that is always worth a line.
const fn state(name: &'static str, hours: f64, cost: Known, meaning: &'static str) -> State {
    State { name, hours: Some(hours), cost, meaning, tone: Tone::Plain, always: true, total: false }
}

/// A state that most clusters have nothing of.
const fn rare(name: &'static str, hours: f64, cost: Known, meaning: &'static str) -> State {
    State { always: false, tone: Tone::Warn, ..state(name, hours, cost, meaning) }
}

/// A sum of the lines above it.
const fn total(name: &'static str, hours: Known, cost: Known, meaning: &'static str) -> State {
    State { name, hours, cost, meaning, tone: Tone::Strong, always: true, total: true }
}

impl State {
    const fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// The lines of the section, held time first.
fn states(l: &Ledger) -> Vec<State> {
    vec![
        state("busy", l.busy_gpu_hours, l.busy_cost, "held and used").toned(Tone::Good),
        state("slack", l.slack_gpu_hours, l.slack_cost, "in use, the unused part")
            .toned(Tone::Warn),
        state("idle, warm", l.idle_warm_gpu_hours, l.idle_warm_cost, "unused, memory in use")
            .toned(Tone::Bad),
        state("idle, empty", l.idle_empty_gpu_hours, l.idle_empty_cost, "unused, memory empty")
            .toned(Tone::Bad),
        state("unobserved", l.unobserved_gpu_hours, l.unobserved_cost, "held, no sample to trust")
            .toned(Tone::Muted),
        total("held", Some(l.allocated_gpu_hours), l.allocated_cost, "the five above"),
        rare("stale claim", l.stale_claim_gpu_hours, l.stale_claim_cost, "claimed, no live pod"),
        state("unallocated", l.unallocated_gpu_hours, l.unallocated_cost, "held by nobody"),
        rare("stranded", l.stranded_gpu_hours, l.stranded_cost, "free, nothing fits"),
        rare("unhealthy", l.unhealthy_gpu_hours, l.unhealthy_cost, "node or device broken"),
        total("capacity", l.capacity_gpu_hours, l.capacity_cost, "held and not held"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_proportional_and_never_hide_something() {
        assert_eq!(bar(None), "");
        assert_eq!(bar(Some(0.0)), "");
        assert_eq!(bar(Some(0.001)).chars().count(), 1);
        assert_eq!(bar(Some(0.5)).chars().count(), 10);
        assert_eq!(bar(Some(1.0)).chars().count(), BAR);
        assert_eq!(bar(Some(f64::NAN)), "");
        assert_eq!(bar(Some(7.0)).chars().count(), BAR);
    }
}
