//! `gpu-finops plan`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};

use super::apply::{Fresh, Key, Objects, ends_now, key, live_cluster};
use super::gather::system_clock;
use super::{deliver, patch, resolve, verdict};
use crate::cleanup::command::word;
use crate::cleanup::contract::Operation;
use crate::cleanup::contract::{Patch, PatchSet, Reported, Step, Still};
use crate::cleanup::plan::allowed;
use crate::cleanup::plan::contract::{Plan, SCHEMA_VERSION, TargetState};
use crate::cleanup::plan::limits::breaches;
use crate::cleanup::plan::state::state;
use crate::cleanup::run::outcome::applies;
use crate::cleanup::turns::Turns;
use crate::error::{Error, Result};
use crate::model::window::rfc3339;
use crate::output::format::{money_alone, plural};
use crate::settings::args::PlanFlags;
use crate::settings::layers::Environment;
use crate::settings::{Settings, View};
use crate::ui::Ui;
use crate::units::Millis;

/// Objects that are read at once.
const AT_ONCE: usize = 8;
/// Rows of a kind of which a word is said.
const SAID: usize = 20;

const EXAMPLES: &str = "\
Examples:
  gpu-finops plan -o plan.json
      What would be changed in the cluster of the current context, with the state of every object.
  gpu-finops plan -n 'team-.*' --min-age 6h -o plan.json
  gpu-finops plan --max-percent 5% --protect 'kube-.*' --protect 'prod-.*' -o plan.json
  gpu-finops apply plan.json
      Tries it; `--yes` does it.

Exit codes:
  0 the plan is written · 1 the tool or a source failed · 2 wrong usage or configuration · 130 interrupted";

/// Plan changes that free what is wasted, for `apply`. Nothing is changed.
///
/// A plan is JSON: each change with its evidence, its steps, what undoes them, and the state of every object that it was
/// made from. It is for one cluster, and for a while (`--plan-lifetime`). What opted out is not in it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// File for the plan [default: standard output]
    #[arg(short = 'o', long, value_name = "FILE")]
    pub plan_file: Option<PathBuf>,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: PlanFlags,
}

/// Makes a plan and writes it.
///
/// # Errors
///
/// Wrong settings; a file that cannot be written, before anything is read; a source that failed.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let view = View { output_file: args.plan_file, ..settings.view.clone() };
    let target = deliver::Target::check(&view)?;
    let file = view.output_file.clone();
    let plan = make(&settings, ui).await?;
    let mut text = serde_json::to_string_pretty(&plan)
        .map_err(|e| Error::failed("the plan cannot be encoded").caused_by(e))?;
    text.push('\n');
    say(&plan, ui);
    target.write(deliver::Rendered::Document(text.into_bytes()), ui)?;
    if let Some(file) = file.filter(|_| !plan.changes.patches.is_empty()) {
        ui.note(&format!("to try it: gpu-finops apply {}", word(&file.display().to_string())));
    }
    Ok(())
}

/// What is in a plan, for whoever looks at a log.
fn say(plan: &Plan, ui: &Ui) {
    let PatchSet { patches, elsewhere, reported, currency, .. } = &plan.changes;
    ui.note(&format!(
        "{} planned until {}, {} to be made elsewhere, {} left alone",
        plural(len(patches), "change", "changes"),
        plan.expires_at,
        elsewhere.len(),
        reported.len()
    ));
    let money = |patch: &Patch| match patch.monthly_savings {
        Some(money) if money > 0.0 => {
            format!("; saves {} a month", money_alone(Some(money), currency))
        }
        Some(_) => String::new(),
        None => "; what it saves is not known".to_owned(),
    };
    say_each(ui, patches, |p| {
        format!("{}: {} ({} risk{})", p.subject, p.action, p.risk.name(), money(p))
    });
    say_each(ui, elsewhere, |e| {
        format!("elsewhere: {}: {} Change it {}", e.patch.subject, e.patch.action, e.note)
    });
    say_each(ui, reported, |r| {
        let check = r.check.as_ref().map_or_else(String::new, |check| format!("; {check}"));
        format!("left alone: {}: {}{check}", r.subject, r.why)
    });
    let all: Vec<&Patch> = patches.iter().collect();
    for breach in breaches(&all, &plan.fleet, &plan.limits) {
        ui.warn(&format!("{breach}: `apply` would not make any of them at once"));
    }
}

fn say_each<T>(ui: &Ui, rows: &[T], words: impl Fn(&T) -> String) {
    rows.iter().take(SAID).for_each(|row| ui.note(&format!("  {}", words(row))));
    if rows.len() > SAID {
        ui.note(&format!("  and {} more", rows.len() - SAID));
    }
}

fn len<T>(rows: &[T]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

/// A sealed plan of the cluster of the settings.
///
/// # Errors
///
/// A source that failed.
pub(super) async fn make(settings: &Settings, ui: &Ui) -> Result<Plan> {
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let objects = Objects::new(live_cluster(settings).await?);
    let cluster = objects.identity().await?;
    let patch::Read { set: mut changes, recommended, .. } = patch::read(settings, ui).await?;
    let (sums, coverage) = (&recommended.reconciliation, &recommended.coverage);
    verdict::judge(sums, coverage, &recommended.currency, settings.strict)?;
    verdict::announce_all(coverage, ui);
    ends_now(&recommended, settings)?;
    let fresh = Fresh::take(&objects.cluster, settings, ui).await?;
    ui.progress().phase("reading what is to be changed");
    let states = sift(&mut changes, &objects, &fresh, settings, now_ms).await;
    changes.cluster = Some(cluster.clone());
    let expires_ms = now_ms.saturating_add(settings.cleanup.plan_lifetime_ms);
    let plan = Plan {
        schema_version: SCHEMA_VERSION.to_owned(),
        hash: String::new(),
        created_at: rfc3339(now_ms),
        expires_at: rfc3339(expires_ms),
        cluster,
        fleet: fresh.fleet,
        limits: settings.cleanup.limits,
        whole: is_whole(settings),
        states: states.into_values().collect(),
        changes,
    };
    Ok(plan.sealed())
}

/// Whether nothing was filtered, so that a finding that is not there is gone.
fn is_whole(settings: &Settings) -> bool {
    let filters = &settings.recommend;
    settings.policy.scope.is_all()
        && settings.claims.classes.is_empty()
        && filters.rules.is_empty()
        && filters.min_savings.is_none()
        && filters.min_confidence <= 0.0
}

/// Reads every object that is to be changed; takes out the changes that are not to be made, and says why.
async fn sift(
    changes: &mut PatchSet,
    objects: &Objects,
    fresh: &Fresh,
    settings: &Settings,
    now_ms: Millis,
) -> BTreeMap<Key, TargetState> {
    let patches = std::mem::take(&mut changes.patches);
    // Boxed, for the compiler cannot see that a stream of borrowing futures may cross threads.
    let judging: Vec<BoxFuture<'_, _>> = patches
        .iter()
        .map(|patch| judge(patch, objects, fresh, settings, now_ms).boxed())
        .collect();
    let judged: Vec<_> = futures::stream::iter(judging).buffered(AT_ONCE).collect().await;
    let (mut states, mut turns) = (BTreeMap::new(), Turns::default());
    for (patch, judged) in patches.into_iter().zip(judged) {
        match judged.and_then(|read| turns.take(&patch).map(|()| read).map_err(|r| *r)) {
            Ok(read) => {
                states.extend(read.into_iter().map(|state| (key(&state.target), state)));
                changes.patches.push(patch);
            }
            Err(reported) => changes.reported.push(reported),
        }
    }
    states
}

async fn judge(
    patch: &Patch,
    objects: &Objects,
    fresh: &Fresh,
    settings: &Settings,
    now_ms: Millis,
) -> std::result::Result<Vec<TargetState>, Reported> {
    let why = match kept(patch, objects, fresh, settings, now_ms).await {
        Ok(states) => return Ok(states),
        Err(why) => why,
    };
    let by_hand = allowed::refusal(patch).map(|_| {
        format!("it is for you to make: gpu-finops patch --rule {} -o kubectl", patch.rule)
    });
    Err(Reported { id: patch.id.clone(), subject: patch.subject.clone(), why, check: by_hand })
}

/// States of the objects of a change that may be made; why it may not.
async fn kept(
    patch: &Patch,
    objects: &Objects,
    fresh: &Fresh,
    settings: &Settings,
    now_ms: Millis,
) -> std::result::Result<Vec<TargetState>, String> {
    let refusal = allowed::refusal(patch);
    let stale = || fresh.refuses(patch).filter(|_| patch.still == Still::StaleClaim);
    if let Some(why) = refusal.or_else(stale) {
        return Err(why);
    }
    let mut states = Vec::new();
    for step in &patch.steps {
        let namespace = &step.target.namespace;
        let exemptions = &settings.cleanup.exemptions;
        if let Some(why) = exemptions.of_namespace(namespace) {
            return Err(why);
        }
        let now = match fresh.claim(step) {
            Some(listed) => Some(listed.clone()),
            None => objects.get(&step.target).await.map_err(|e| e.to_string())?,
        };
        let Some(now) = now else {
            match step.operation {
                Operation::Create { .. } => continue,
                _ => return Err("it went away just now".to_owned()),
            }
        };
        if !is_as_listed(step, &now) {
            return Err("it changed just now".to_owned());
        }
        let around = objects.neighbours(namespace, fresh).await.map_err(|e| e.to_string())?;
        if let Some(why) = exemptions.of_object(step, &now, around.around(), now_ms) {
            return Err(why);
        }
        states.push(TargetState { target: step.target.clone(), state: state(&now) });
    }
    Ok(states)
}

/// Whether an object is the one that the change was made from. Controllers write to a workload all the time; then it has
/// to be enough that the change fits.
fn is_as_listed(step: &Step, now: &serde_json::Value) -> bool {
    let text = |field: &str| now["metadata"][field].as_str();
    let same_uid = step.target.uid.as_deref() == text("uid");
    let same_version = step.target.resource_version.as_deref() == text("resourceVersion");
    match &step.operation {
        Operation::Create { .. } => false,
        Operation::Delete { .. } => same_uid && same_version,
        Operation::Patch { forward, .. } => same_uid && (same_version || applies(forward, now)),
    }
}
