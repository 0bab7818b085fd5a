//! Marks on objects: set, renewed, and taken away.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fresh::Fresh;
use super::objects::Objects;
use super::preflight::Marked;
use super::rows::{row, step_row};
use super::writer::{Sent, Write, Writer};
use crate::cleanup::contract::{Patch, Target};
use crate::cleanup::journal::Purpose;
use crate::cleanup::plan::contract::Plan;
use crate::cleanup::result::{ChangeRow, Status, StepStatus};
use crate::cleanup::run::mark::{self, mark_id, mark_of};
use crate::kinds;
use crate::model::window::rfc3339;
use crate::ui::Ui;

/// Marks an object; what became of it, and why the run has to stop where it has.
pub(in crate::commands) async fn mark(
    objects: &Objects,
    writer: Option<&mut Writer>,
    patch: &Patch,
    marked: Marked,
    ui: &Ui,
) -> (ChangeRow, Option<String>) {
    let Marked { step, object, mark, due } = marked;
    let detail = format!(
        "marked in {} {}; it can be made from {} on",
        mark.runs,
        if mark.runs == 1 { "run" } else { "runs" },
        rfc3339(due)
    );
    let row = |status, detail| row(patch, status, Some(detail), |_| StepStatus::NotDone);
    let Some(writer) = writer else { return (row(Status::WouldMark, detail), None) };
    let write = Write {
        purpose: Purpose::Mark,
        patch: &patch.id,
        index: 0,
        step: &step,
        now: Some(&object),
    };
    match writer.write(objects, write).await {
        Sent::Done(_, stopped) => {
            let message = format!(
                "gpu-finops found {}: {}. It will be done after {} if it is still so; the annotation {}: \"true\" \
                 keeps it from being done",
                patch.id,
                patch.action,
                rfc3339(due),
                crate::cleanup::run::exempt::IGNORE,
            );
            if let Err(error) = objects.tell(&step.target, "GpuFinopsMarked", &message).await {
                ui.detail(&format!("no event could be made for {}: {error}", patch.subject));
            }
            (row(Status::Marked, detail), stopped)
        }
        Sent::Refused(why) | Sent::Stopped(why) => (row(Status::Refused, why.clone()), Some(why)),
        Sent::Unknown(why) => (row(Status::Unknown, why.clone()), Some(why)),
    }
}

/// Takes away the marks of findings that the plan does not have.
pub(in crate::commands) async fn take_away(
    objects: &Objects,
    mut writer: Option<&mut Writer>,
    plan: &Plan,
    fresh: &Fresh,
) -> (Vec<ChangeRow>, Option<String>) {
    let patches = &plan.changes.patches;
    let found: BTreeSet<String> = patches.iter().map(|patch| mark_id(&patch.id)).collect();
    let listed = fresh.objects.items.iter().map(|item| &item.value);
    let gone = listed.filter(|object| is_markable(object)).filter_map(|object| {
        let mark = mark_of(object).filter(|mark| !found.contains(&mark.id))?;
        Some((object, mark, target_of(object)?))
    });
    let mut rows = Vec::new();
    for (object, mark, target) in gone {
        let step = mark::step(&target, object, None);
        let made = |status, step_status, detail| ChangeRow {
            id: mark.id.clone(),
            subject: format!("{}/{}/{}", target.namespace, target.kind, target.name),
            action: "take the mark away, for its finding is gone".to_owned(),
            status,
            detail,
            monthly_savings: None,
            steps: vec![step_row(&step, step_status)],
        };
        let Some(writer) = writer.as_deref_mut() else {
            rows.push(made(Status::WouldUnmark, StepStatus::NotDone, None));
            continue;
        };
        let write = Write {
            purpose: Purpose::Mark,
            patch: &mark.id,
            index: 0,
            step: &step,
            now: Some(object),
        };
        let (row, stopped) = match writer.write(objects, write).await {
            Sent::Done(_, stopped) => (made(Status::Unmarked, StepStatus::Done, None), stopped),
            Sent::Refused(why) | Sent::Stopped(why) => {
                (made(Status::Refused, StepStatus::NotDone, Some(why.clone())), Some(why))
            }
            Sent::Unknown(why) => {
                (made(Status::Unknown, StepStatus::Unknown, Some(why.clone())), Some(why))
            }
        };
        rows.push(row);
        if stopped.is_some() {
            return (rows, stopped);
        }
    }
    (rows, None)
}

/// Whether a mark on it can be ours: a Deployment hands its annotations down to what it makes.
fn is_markable(object: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let is_controlled = owners.into_iter().any(|owner| owner["controller"] == true);
    let is_workload = kinds::kind_of(object).is_some_and(|kind| kind.kind != "Pod");
    !is_controlled && (is_workload || object["kind"] == "ResourceClaim")
}

fn target_of(object: &Value) -> Option<Target> {
    let text = |field: &str| object["metadata"][field].as_str().map(str::to_owned);
    Some(Target {
        api_version: object["apiVersion"].as_str()?.to_owned(),
        kind: object["kind"].as_str()?.to_owned(),
        namespace: text("namespace").unwrap_or_default(),
        name: text("name")?,
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        origin: None,
    })
}
