//! What a run did, and what it did not, for people.

use super::super::RenderOptions;
use super::super::format::{count, money_alone, plural};
use super::value::{Value, column};
use super::{Block, Grid, GridColumn, GridRow, Item, Tone, len, shown};
use crate::cleanup::result::{ChangeRow, RunCommand, RunReport, Status, StepRow, StepStatus};

/// The document for a run.
pub(in super::super) fn build(report: &RunReport, options: &RenderOptions) -> Vec<Block> {
    let mut blocks = vec![Block::Title(title(report)), verdict(report)];
    if let Some(why) = &report.stopped {
        blocks.push(Block::Note(Tone::Bad, format!("Stopped: {why}.")));
    }
    if !report.changes.is_empty() {
        blocks.push(Block::Heading("Changes, in order".to_owned()));
        blocks.push(Block::Grid(grid(report, options)));
        blocks.extend(report.changes.iter().filter(|row| needs_words(row)).map(item));
    }
    if let Some(journal) = &report.journal {
        blocks.push(Block::Note(Tone::Muted, format!("Journal: {journal}.")));
    }
    if report.dry_run {
        let text = "This was a dry run: nothing was changed. `--yes` changes the cluster.";
        blocks.push(Block::Note(Tone::Muted, text.to_owned()));
    }
    blocks
}

fn title(report: &RunReport) -> String {
    let what = match report.command {
        RunCommand::Apply => "GPU cleanup",
        RunCommand::Resume => "GPU cleanup, gone on with",
        RunCommand::Rollback => "GPU cleanup, rolled back",
    };
    format!("{what}, {}, {}", report.cluster.server, report.started_at)
}

/// `3 applied, 1 marked, 1 refused; $1,234 a month.`
fn verdict(report: &RunReport) -> Block {
    const ALL: &[Status] = &[
        Status::Applied,
        Status::WouldApply,
        Status::Undone,
        Status::WouldUndo,
        Status::Marked,
        Status::WouldMark,
        Status::Unmarked,
        Status::WouldUnmark,
        Status::Postponed,
        Status::Refused,
        Status::Failed,
        Status::Unknown,
        Status::NotStarted,
    ];
    let counted = |status: &Status| match report.count(*status) {
        0 => None,
        number => Some(format!("{} {}", count(len(number)), status.name().replace('-', " "))),
    };
    let parts: Vec<String> = ALL.iter().filter_map(counted).collect();
    if parts.is_empty() {
        return Block::Verdict(Tone::Good, "There is nothing to change.".to_owned());
    }
    let saved = match report.monthly_savings {
        Some(money) if money > 0.0 => {
            format!("; {} a month", money_alone(Some(money), &report.currency))
        }
        _ => String::new(),
    };
    let short = !report.short().is_empty() || report.stopped.is_some();
    let tone = if short { Tone::Bad } else { Tone::Good };
    let all = plural(len(report.changes.len()), "change", "changes");
    Block::Verdict(tone, format!("{all}: {}{saved}.", parts.join(", ")))
}

fn grid(report: &RunReport, options: &RenderOptions) -> Grid {
    let visible = shown(report.changes.len(), options.top);
    let rows = &report.changes[..visible];
    let texts = |read: fn(&ChangeRow) -> Value| {
        column(&rows.iter().map(read).collect::<Vec<_>>(), &report.currency)
    };
    let text = |header, rank, flexible| GridColumn { header, right: false, rank, flexible };
    let mut columns: Vec<(GridColumn, Vec<String>)> = vec![
        (text("status", 0, false), texts(|row| Value::Text(row.status.name().replace('-', " ")))),
        (
            GridColumn { header: "saves/month", right: true, rank: 1, flexible: false },
            texts(|row| Value::Money(row.monthly_savings)),
        ),
        (text("what", 0, true), texts(|row| Value::Text(row.action.clone()))),
        (text("finding", 2, true), texts(|row| Value::Text(row.id.clone()))),
    ];
    // What is taken back saves nothing.
    if report.command == RunCommand::Rollback {
        columns.remove(1);
    }
    let cells = (0..rows.len()).map(|i| GridRow {
        cells: columns.iter().map(|(_, cells)| cells[i].clone()).collect(),
        tone: tone(rows[i].status),
        ruled: false,
    });
    let rows = cells.collect();
    Grid { columns: columns.into_iter().map(|(column, _)| column).collect(), rows }
}

const fn tone(status: Status) -> Tone {
    match status {
        Status::Failed | Status::Unknown | Status::Refused => Tone::Bad,
        Status::Postponed | Status::NotStarted => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// What is short of its aim, or has something to say.
const fn needs_words(row: &ChangeRow) -> bool {
    row.detail.is_some() || matches!(row.status, Status::Failed | Status::Unknown)
}

fn item(row: &ChangeRow) -> Block {
    let steps: Vec<String> = row.steps.iter().map(step_in_words).collect();
    Block::Item(Item {
        tone: tone(row.status),
        head: format!("{}: {}", row.subject, row.status.name().replace('-', " ")),
        body: row.detail.clone().unwrap_or_default(),
        foot: steps.join("; "),
    })
}

/// `delete ResourceClaim team-a/old: done`.
pub(in super::super) fn step_in_words(step: &StepRow) -> String {
    let target = &step.target;
    let status = match step.status {
        StepStatus::Done => "done",
        StepStatus::NotDone => "not done",
        StepStatus::Unknown => "not known",
    };
    format!("{} {} {}/{}: {status}", step.operation, target.kind, target.namespace, target.name)
}
