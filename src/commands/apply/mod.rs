//! `gpu-finops apply`.

mod file;
mod fresh;
mod lease;
mod marks;
mod objects;
mod preflight;
mod rows;
mod session;
mod users;
mod writer;

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

pub(super) use self::file::JournalFile;
pub(super) use self::fresh::{Fresh, ends_now};
pub(super) use self::lease::{Lease, acquire};
pub(super) use self::objects::Objects;
pub(super) use self::preflight::{Key, key};
pub(super) use self::rows::{Rows, step_row};
use self::session::Session;
pub(super) use self::users::Users;
pub(super) use self::writer::{Sent, Write, Writer};
use super::gather::{system_clock, to_cluster};
use super::{deliver, render, resolve};
use crate::cleanup::contract::ClusterIdentity;
use crate::cleanup::journal::{Progress, Record, RunHeader};
use crate::cleanup::plan::contract::Plan;
use crate::cleanup::result::{ChangeRow, RunCommand, RunReport, Status, StepStatus};
use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::settings::args::ApplyFlags;
use crate::settings::layers::Environment;
use crate::settings::source::{LiveSource, ObjectsFrom, SourceChoice};
use crate::source::kubernetes::Cluster;
use crate::ui::Ui;

/// Largest plan that is read.
const MAX_PLAN_BYTES: u64 = 256 << 20;

const EXAMPLES: &str = "\
Examples:
  gpu-finops apply plan.json
      What it would do, tried by the server and not stored: a dry run.
  gpu-finops apply plan.json --yes
      Does it. The journal is plan.json.journal.
  gpu-finops apply plan.json --yes --max-changes 5 --journal /var/lib/gpu-finops/monday.journal
  gpu-finops apply --resume plan.json.journal --yes
      Goes on where a run was killed.
  gpu-finops rollback plan.json.journal --yes
      Takes back what was done.

Exit codes:
  0 all is done, or marked · 1 the tool or a source failed · 2 wrong usage or configuration
  5 something was refused, or done in part only; or nothing was written, for there was neither `--yes` nor a terminal
  130 interrupted: the journal says how far it got";

/// Apply a plan: a dry run, unless `--yes` is given.
///
/// Each object is read again and refused if it is not what it was, if it opted out, or if it is in use again. The server
/// tries all changes before the first is made. Each write is announced in a journal before, and answered in it after.
/// The run stops at the first surprise.
///
/// What is of medium or high risk is marked first, and changed in a later run if it is found again (`--grace`, `--runs`).
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The plan, as `plan` wrote it
    #[arg(value_name = "PLAN", required_unless_present = "resume", conflicts_with = "resume")]
    pub plan: Option<PathBuf>,
    /// How it is done.
    #[command(flatten)]
    pub doing: Doing,
    /// Go on with the plan of this journal, where a run stopped
    #[arg(long, value_name = "JOURNAL", conflicts_with = "journal")]
    pub resume: Option<PathBuf>,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: ApplyFlags,
}

/// Whether changes are made, and where that is written down.
#[derive(Debug, Clone, clap::Args)]
pub struct Doing {
    /// Write to the cluster; without it everything is only tried
    #[arg(long)]
    pub yes: bool,
    /// File for the journal; it must not be there yet [default: the name of the plan with .journal; for `cleanup` a name with the time]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
}

/// Reads a plan, tries it, applies it.
///
/// # Errors
///
/// A plan or journal that cannot be used; whatever keeps the run from beginning. What was refused or done in part only
/// is an error after the result is written.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let target = deliver::Target::check_answer(&settings.view)?;
    let work = match (&args.plan, &args.resume) {
        (_, Some(journal)) => Work::resumed(journal)?,
        (Some(plan), None) => {
            let journal = args.doing.journal.clone().unwrap_or_else(|| beside(plan));
            Work::new(read_plan(plan)?, journal)
        }
        (None, None) => return Err(Error::usage("no plan is given")),
    };
    let report = apply(work, args.doing.yes, &settings, ui).await?;
    target.write(render::run(&report, &settings.view, ui)?, ui)?;
    verdict(&report)
}

fn beside(plan: &Path) -> PathBuf {
    let mut name = plan.as_os_str().to_owned();
    name.push(".journal");
    name.into()
}

fn read_plan(path: &Path) -> Result<Plan> {
    let named = |what: &str| format!("the plan {} {what}", path.display());
    let at = fs::metadata(path).map_err(|e| Error::usage(named("cannot be read")).caused_by(e))?;
    if at.len() > MAX_PLAN_BYTES {
        return Err(Error::usage(named("is too large to be one")));
    }
    let text = fs::read_to_string(path);
    let text = text.map_err(|e| Error::usage(named("cannot be read")).caused_by(e))?;
    Plan::read(&text).map_err(|e| {
        Error::refused(named("is not used"))
            .caused_by(e)
            .hinted("nothing was changed; make another with `gpu-finops plan`")
    })
}

/// What is to be applied, and what of it is done.
#[derive(Debug)]
pub(super) struct Work {
    plan: Plan,
    progress: Progress,
    journal: JournalPlace,
}

#[derive(Debug)]
enum JournalPlace {
    New(PathBuf),
    Open(JournalFile),
}

impl Work {
    /// A plan of which nothing is done.
    pub(super) fn new(plan: Plan, journal: PathBuf) -> Self {
        Self { plan, progress: Progress::default(), journal: JournalPlace::New(journal) }
    }

    fn resumed(path: &Path) -> Result<Self> {
        let (file, journal) = JournalFile::open(path)?;
        let progress = Progress::of(&journal);
        let named = |what: &str| format!("the journal {} {what}", path.display());
        if progress.was_rolled_back() {
            return Err(Error::refused(named("was rolled back"))
                .hinted("go on with that by `gpu-finops rollback`, or make a new plan"));
        }
        let plan = progress.plan().cloned();
        let plan = plan.ok_or_else(|| Error::usage(named("has no plan in it")))?;
        Ok(Self { plan, progress, journal: JournalPlace::Open(file) })
    }
}

/// Applies a plan, or tries it.
///
/// # Errors
///
/// Whatever keeps the run from beginning: nothing was written then.
pub(super) async fn apply(
    work: Work,
    yes: bool,
    settings: &Settings,
    ui: &Ui,
) -> Result<RunReport> {
    let Work { plan, progress, journal } = work;
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    plan.is_current(now_ms).map_err(|e| {
        Error::refused("the plan is not used")
            .caused_by(e)
            .hinted("make another: `gpu-finops plan`")
    })?;
    let objects = Objects::new(live_cluster(settings).await?);
    let cluster = objects.identity().await?;
    same_cluster(&plan.cluster, &cluster)?;
    let command = match journal {
        JournalPlace::New(_) => RunCommand::Apply,
        JournalPlace::Open(_) => RunCommand::Resume,
    };
    let mut rows = Rows::new(command, &plan, cluster, now_ms);
    let writer = match yes {
        true => Some(begin(&objects, journal, &plan, settings).await?),
        false => None,
    };
    rows.journal = writer.as_ref().map(|writer| writer.journal.path().display().to_string());
    let session = Session { objects: &objects, plan: &plan, settings, ui, now_ms };
    session.run(writer, progress, rows).await
}

/// Takes the Lease, then opens the journal: a run that may not begin leaves nothing behind.
async fn begin(
    objects: &Objects,
    journal: JournalPlace,
    plan: &Plan,
    settings: &Settings,
) -> Result<Writer> {
    let run = run_id();
    let lease = take_lease(&objects.cluster, &run, settings).await?;
    let is_new = matches!(journal, JournalPlace::New(_));
    let opened = match journal {
        JournalPlace::New(path) => JournalFile::create(&path),
        JournalPlace::Open(file) => Ok(file),
    };
    let header = RunHeader {
        run,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        plan_hash: plan.hash.clone(),
        rollback: false,
        plan: is_new.then(|| plan.clone()),
    };
    started(opened, lease, header).await
}

/// A writer whose journal begins with a run; the Lease is given back where it cannot be written.
pub(super) async fn started(
    journal: Result<JournalFile>,
    lease: Lease,
    header: RunHeader,
) -> Result<Writer> {
    let journal = match journal {
        Ok(journal) => journal,
        Err(error) => {
            lease.release().await;
            return Err(error);
        }
    };
    let mut writer = Writer { journal, lease };
    match writer.add(Record::Run(Box::new(header))) {
        Ok(_) => Ok(writer),
        Err(error) => {
            writer.lease.release().await;
            Err(error.hinted("nothing was changed"))
        }
    }
}

/// The Lease of a run.
///
/// # Errors
///
/// A refusal that says who has it.
pub(super) async fn take_lease(cluster: &Cluster, run: &str, settings: &Settings) -> Result<Lease> {
    let options = &settings.cleanup;
    let millis = u64::try_from(options.lease_duration_ms).unwrap_or(60_000);
    let duration = std::time::Duration::from_millis(millis);
    acquire(cluster, &options.lease_namespaces, run, duration).await
}

/// Who runs: host, process, and a random number.
pub(super) fn run_id() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let host: String = host.trim().chars().filter(plain).take(63).collect();
    let host = if host.is_empty() { "host".to_owned() } else { host };
    format!("{host}_{}_{:016x}", std::process::id(), rand::random::<u64>())
}

/// The cluster that the settings name; never files or a snapshot in its place.
///
/// # Errors
///
/// A usage error; no connection.
pub(super) async fn live_cluster(settings: &Settings) -> Result<Cluster> {
    let live: Option<&LiveSource> = match &settings.source {
        SourceChoice::Live(live) => Some(live),
        SourceChoice::Store(store) => Some(&store.live),
        SourceChoice::Snapshot(_) => None,
    };
    let live = live.filter(|live| live.objects == ObjectsFrom::Cluster).ok_or_else(|| {
        Error::usage("only a live cluster can be changed, and the objects are not those of one")
            .hinted("leave out `--objects`, `--no-kubernetes` and `--snapshot`, and their variables and keys")
    })?;
    to_cluster(&live.cluster).await
}

/// Refuses another cluster than the plan's.
///
/// # Errors
///
/// A refusal that names both.
pub(super) fn same_cluster(planned: &ClusterIdentity, here: &ClusterIdentity) -> Result<()> {
    if planned.uid == here.uid {
        return Ok(());
    }
    Err(Error::refused(format!(
        "the plan is for the cluster {} ({}), and this is {} ({})",
        planned.uid, planned.server, here.uid, here.server
    ))
    .hinted("choose the cluster with `--context`; nothing was changed"))
}

/// What the run comes to.
///
/// # Errors
///
/// A refusal where not everything was done, or nothing was to be written and nobody watches.
pub(super) fn verdict(report: &RunReport) -> Result<()> {
    let short = report.short().len();
    if short > 0 || report.stopped.is_some() {
        let all = report.changes.len();
        let stopped = report.stopped.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let what = if report.dry_run { "would not be made" } else { "were not made" };
        let error = Error::refused(format!("{short} of {all} changes {what}{stopped}"));
        let touched = |row: &ChangeRow| {
            matches!(row.status, Status::Marked | Status::Unmarked)
                || row.steps.iter().any(|step| step.status != StepStatus::NotDone)
        };
        let is_forward = report.command != RunCommand::Rollback;
        if is_forward && !report.changes.iter().any(touched) {
            return Err(error.hinted("nothing was changed; look into it, and make another plan"));
        }
        return Err(match (&report.journal, report.command) {
            (Some(journal), RunCommand::Rollback) => error.hinted(format!(
                "look into what is left, and run it again: gpu-finops rollback {journal} --yes"
            )),
            (Some(journal), _) => error.hinted(format!(
                "go on with `gpu-finops apply --resume {journal} --yes`, or take back what was done \
                 with `gpu-finops rollback {journal} --yes`"
            )),
            (None, _) => error,
        });
    }
    let watched = std::io::stdin().is_terminal();
    match report.dry_run && !watched && !report.changes.is_empty() {
        true => Err(Error::refused("nothing was changed: this was a dry run")
            .hinted("to change the cluster, give `--yes`")),
        false => Ok(()),
    }
}
