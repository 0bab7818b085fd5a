//! `gpu-finops rollback`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::apply::{
    JournalFile, Objects, Rows, Sent, Users, Write, Writer, live_cluster, run_id, same_cluster,
    started, step_row, take_lease, verdict,
};
use super::gather::system_clock;
use super::{deliver, render, resolve_unpriced};
use crate::cleanup::contract::{Operation, Patch, Step};
use crate::cleanup::journal::{Answered, Attempt, Progress, Purpose, RunHeader};
use crate::cleanup::plan::contract::Plan;
use crate::cleanup::result::{ChangeRow, RunCommand, RunReport, Status, StepRow, StepStatus};
use crate::cleanup::run::undo::{Undo, undo};
use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::settings::args::RollbackFlags;
use crate::settings::layers::Environment;
use crate::source::kubernetes::write::Mode;
use crate::ui::Ui;
use crate::units::Millis;

const EXAMPLES: &str = "\
Examples:
  gpu-finops rollback plan.json.journal
      What it would take back: a dry run.
  gpu-finops rollback plan.json.journal --yes
      Takes it back, the newest first, and writes that into the same journal.

Exit codes:
  0 all is as it was · 1 the tool or the cluster failed · 2 wrong usage or configuration
  5 something was left as it is; or nothing was written, for there was neither `--yes` nor a terminal · 130 interrupted";

/// Take back what a run did, newest first: a dry run, unless `--yes` is given.
///
/// What was deleted is created again (with another UID, and without the devices that it had), what was patched is
/// patched back, and what was created is deleted. An object that somebody changed since in what the run had written, or
/// that is in use, is left as it is and reported. It can be run again: what is as it was already is left alone.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The journal of the run
    #[arg(value_name = "JOURNAL")]
    pub journal: PathBuf,
    /// Write to the cluster; without it everything is only tried
    #[arg(long)]
    pub yes: bool,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: RollbackFlags,
}

/// Reads a journal, takes back what it says was done.
///
/// # Errors
///
/// A journal that cannot be used; another cluster; what could not be taken back, after the result is written.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve_unpriced(args.flags.0, environment, ui)?;
    let target = deliver::Target::check_answer(&settings.view)?;
    let (file, journal) = JournalFile::open(&args.journal)?;
    let progress = Progress::of(&journal);
    let plan = progress.plan().cloned().ok_or_else(|| {
        Error::usage(format!("the journal {} has no plan in it", args.journal.display()))
    })?;
    let report = rollback(file, progress, &plan, args.yes, &settings, ui).await?;
    target.write(render::run(&report, &settings.view, ui)?, ui)?;
    verdict(&report)
}

async fn rollback(
    file: JournalFile,
    mut progress: Progress,
    plan: &Plan,
    yes: bool,
    settings: &Settings,
    ui: &Ui,
) -> Result<RunReport> {
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let objects = Objects::new(live_cluster(settings).await?);
    let cluster = objects.identity().await?;
    same_cluster(&plan.cluster, &cluster)?;
    let mut rows = Rows::new(RunCommand::Rollback, plan, cluster, now_ms);
    let mut writer = match yes {
        true => Some(begin(&objects, file, plan, settings).await?),
        false => None,
    };
    rows.journal = writer.as_ref().map(|writer| writer.journal.path().display().to_string());
    let mut back = Back::new(&plan.changes.patches, now_ms, ui);
    if let Some(writer) = &mut writer {
        for attempt in progress.open().into_iter().cloned().collect::<Vec<Attempt>>() {
            match writer.resolve(&objects, &attempt).await {
                Ok(answered) => progress.answered(attempt.seq, answered),
                Err(why) => back.note(&attempt, StepStatus::Unknown, Status::Unknown, Some(why)),
            }
        }
    } else {
        for attempt in progress.open() {
            let why = "it is looked into once it is rolled back for real".to_owned();
            back.note(attempt, StepStatus::Unknown, Status::WouldUndo, Some(why));
        }
    }
    for attempt in progress.to_undo() {
        back.take(&objects, writer.as_mut(), attempt).await;
    }
    if let Some(writer) = writer
        && let Err(error) = writer.end().await
    {
        ui.warn(&crate::ui::chain(&error));
    }
    let Back { rows: taken, order, stopped, .. } = back;
    let mut taken = taken;
    order.iter().filter_map(|id| taken.remove(id)).for_each(|row| rows.add(row));
    Ok(rows.finished(stopped))
}

async fn begin(
    objects: &Objects,
    file: JournalFile,
    plan: &Plan,
    settings: &Settings,
) -> Result<Writer> {
    let run = run_id();
    let lease = take_lease(&objects.cluster, &run, settings).await?;
    let header = RunHeader {
        run,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        plan_hash: plan.hash.clone(),
        rollback: true,
        plan: None,
    };
    started(Ok(file), lease, header).await
}

/// What was taken back so far, by change.
struct Back<'a> {
    patches: BTreeMap<&'a str, &'a Patch>,
    rows: BTreeMap<String, ChangeRow>,
    order: Vec<String>,
    stopped: Option<String>,
    users: Option<Users>,
    now_ms: Millis,
    ui: &'a Ui,
}

impl<'a> Back<'a> {
    fn new(patches: &'a [Patch], now_ms: Millis, ui: &'a Ui) -> Self {
        let patches = patches.iter().map(|patch| (patch.id.as_str(), patch)).collect();
        Self {
            patches,
            rows: BTreeMap::new(),
            order: Vec::new(),
            stopped: None,
            users: None,
            now_ms,
            ui,
        }
    }

    /// Why what a run made cannot go: somebody else was pointed at it since.
    async fn kept(&mut self, objects: &Objects, id: &str, step: &Step) -> Option<String> {
        if !matches!(step.operation, Operation::Delete { .. }) {
            return None;
        }
        let users = match self.users.take().filter(|users| !users.is_old()) {
            Some(users) => users,
            None => match Users::list(objects, self.now_ms, self.ui).await {
                Ok(users) => users,
                Err(error) => return Some(crate::ui::chain(&error)),
            },
        };
        let who = users.of(&step.target, self.patches.get(id).copied());
        self.users = Some(users);
        who.map(|who| format!("{who} names it; point that at another one first"))
    }

    /// Takes back one write, unless a newer one of the same change could not be.
    async fn take(&mut self, objects: &Objects, writer: Option<&mut Writer>, attempt: &Attempt) {
        let id = &attempt.intent.patch;
        let Some(done) = attempt.done() else { return };
        let is_stuck = self.rows.get(id).is_some_and(|row| row.status.is_short());
        if is_stuck || self.stopped.is_some() {
            return self.note(attempt, StepStatus::NotDone, Status::NotStarted, None);
        }
        let (status, step, detail) = self.try_one(objects, writer, attempt, done).await;
        self.note(attempt, step, status, detail);
    }

    async fn try_one(
        &mut self,
        objects: &Objects,
        writer: Option<&mut Writer>,
        attempt: &Attempt,
        done: &Answered,
    ) -> (Status, StepStatus, Option<String>) {
        let refused = |why: String| (Status::Refused, StepStatus::NotDone, Some(why));
        let now = match objects.get(&attempt.intent.step.target).await {
            Ok(now) => now,
            Err(error) => return refused(format!("it cannot be read: {error}")),
        };
        let step: Step = match undo(&attempt.intent.step, done, now.as_ref()) {
            Undo::Already => return (Status::Undone, StepStatus::Done, None),
            Undo::Refused(why) => return refused(why),
            Undo::Do(step) => *step,
        };
        if let Some(why) = self.kept(objects, &attempt.intent.patch, &step).await {
            return refused(why);
        }
        if let Err(error) = objects.send(&step, now.as_ref(), Mode::DryRun).await {
            return refused(format!("the server would not take it: {error}"));
        }
        let Some(writer) = writer else { return (Status::WouldUndo, StepStatus::NotDone, None) };
        let (patch, index) = (attempt.intent.patch.as_str(), attempt.intent.index);
        let purpose = Purpose::Undo(attempt.seq);
        let write = Write { purpose, patch, index, step: &step, now: now.as_ref() };
        match writer.write(objects, write).await {
            Sent::Done(_, stopped) => {
                self.stopped = stopped;
                (Status::Undone, StepStatus::Done, None)
            }
            Sent::Refused(why) => refused(why),
            Sent::Stopped(why) => {
                self.stopped = Some(why.clone());
                refused(why)
            }
            Sent::Unknown(why) => {
                self.stopped = Some(why.clone());
                (Status::Unknown, StepStatus::Unknown, Some(why))
            }
        }
    }

    /// Adds what became of a write to the row of its change; what is short of the aim stands.
    fn note(
        &mut self,
        attempt: &Attempt,
        step: StepStatus,
        status: Status,
        detail: Option<String>,
    ) {
        let id = &attempt.intent.patch;
        let row = self.rows.entry(id.clone()).or_insert_with(|| {
            self.order.push(id.clone());
            let patch = self.patches.get(id.as_str());
            let target = &attempt.intent.step.target;
            let itself = || format!("{}/{}/{}", target.namespace, target.kind, target.name);
            ChangeRow {
                id: id.clone(),
                subject: patch.map_or_else(itself, |patch| patch.subject.clone()),
                action: match (patch, attempt.intent.purpose) {
                    (Some(patch), Purpose::Apply | Purpose::Undo(_)) => {
                        format!("take back: {}", patch.action)
                    }
                    _ => "take back the mark".to_owned(),
                },
                status,
                detail: None,
                monthly_savings: None,
                steps: Vec::new(),
            }
        });
        row.steps.push(StepRow { ..step_row(&attempt.intent.step, step) });
        if !row.status.is_short() {
            row.status = status;
        }
        row.detail = row.detail.take().or(detail);
    }
}
