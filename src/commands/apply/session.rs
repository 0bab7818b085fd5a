//! One run of a plan: everything is judged, the server tries it, and then it is written, one change after the other.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use serde_json::Value;

use super::fresh::{Fresh, found_again};
use super::marks;
use super::objects::Objects;
use super::preflight::{Key, Preflight, Verdict, key};
use super::rows::{Rows, row};
use super::writer::{Sent, Write, Writer};
use crate::cleanup::contract::{Operation, Patch, Step};
use crate::cleanup::journal::{Progress, Purpose, Record};
use crate::cleanup::plan::contract::Plan;
use crate::cleanup::plan::limits::breaches;
use crate::cleanup::result::{RunReport, Status, StepStatus};
use crate::cleanup::run::drift::reserved_by;
use crate::cleanup::run::outcome::CREATED_BY;
use crate::error::Result;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::units::Millis;

/// Changes that are judged at once.
const AT_ONCE: usize = 8;

/// A plan and the cluster that it is applied to.
#[derive(Debug)]
pub(in crate::commands) struct Session<'a> {
    /// The cluster.
    pub(in crate::commands) objects: &'a Objects,
    /// The plan.
    pub(in crate::commands) plan: &'a Plan,
    /// Settings.
    pub(in crate::commands) settings: &'a Settings,
    /// Streams.
    pub(in crate::commands) ui: &'a Ui,
    /// Now.
    pub(in crate::commands) now_ms: Millis,
}

/// How far a run is.
struct State {
    fresh: Fresh,
    states: BTreeMap<Key, String>,
    done: BTreeSet<(String, usize)>,
    stopped: Option<String>,
}

/// How a step ended.
enum Ended {
    Done,
    Postponed(String),
    Refused(String),
    Unknown(String),
}

impl Session<'_> {
    /// Runs: with a writer for real, without one to see what would be done.
    ///
    /// # Errors
    ///
    /// A cluster or metric server that cannot be read, before anything was written.
    pub(in crate::commands) async fn run(
        &self,
        mut writer: Option<Writer>,
        mut progress: Progress,
        mut rows: Rows,
    ) -> Result<RunReport> {
        let stopped = match &mut writer {
            Some(writer) => self.resolve(writer, &mut progress).await,
            None => None,
        };
        let judged = match stopped {
            None => self.judged(&progress).await,
            Some(why) => Err(why),
        };
        let stopped = match judged {
            Ok((state, verdicts)) => self.carry_out(&mut writer, state, verdicts, &mut rows).await,
            Err(why) => {
                let not_started = |patch: &Patch| {
                    let done = progress.done_steps();
                    row(patch, Status::NotStarted, None, |i| step_status(&done, patch, i))
                };
                self.plan.changes.patches.iter().for_each(|patch| rows.add(not_started(patch)));
                Some(why)
            }
        };
        if let Some(writer) = writer
            && let Err(error) = writer.end().await
        {
            self.ui.warn(&crate::ui::chain(&error));
        }
        Ok(rows.finished(stopped))
    }

    /// What became of the writes that an earlier run left open.
    async fn resolve(&self, writer: &mut Writer, progress: &mut Progress) -> Option<String> {
        let open: Vec<_> = progress.open().into_iter().cloned().collect();
        for attempt in open {
            match writer.resolve(self.objects, &attempt).await {
                Ok(answered) => progress.answered(attempt.seq, answered),
                Err(why) => {
                    return Some(format!("it cannot be told what an earlier run did: {why}"));
                }
            }
        }
        None
    }

    /// Judges every change; `Err` says why nothing may be written at all.
    async fn judged(
        &self,
        progress: &Progress,
    ) -> std::result::Result<(State, Vec<Verdict>), String> {
        let patches = &self.plan.changes.patches;
        let mut ids = BTreeSet::new();
        if let Some(twice) = patches.iter().find(|patch| !ids.insert(patch.id.as_str())) {
            return Err(format!("two changes of the plan have the id {}", twice.id));
        }
        let text = |error: crate::error::Error| crate::ui::chain(&error);
        let fresh = Fresh::take(&self.objects.cluster, self.settings, self.ui).await;
        let fresh = fresh.map_err(text)?;
        let found = found_again(patches, self.settings, self.ui).await.map_err(text)?;
        let states = self.plan.states.iter().map(|s| (key(&s.target), s.state.clone())).collect();
        let (states, done) = (after(states, progress), progress.done_steps());
        let preflight = Preflight {
            objects: self.objects,
            fresh: &fresh,
            found: found.as_ref(),
            states: &states,
            done: &done,
            options: &self.settings.cleanup,
            now_ms: self.now_ms,
        };
        self.ui.progress().phase("trying changes");
        // Boxed, for the compiler cannot see that a stream of borrowing futures may cross threads.
        let judging: Vec<BoxFuture<'_, Verdict>> =
            patches.iter().map(|patch| preflight.judge(patch).boxed()).collect();
        let verdicts: Vec<Verdict> =
            futures::stream::iter(judging).buffered(AT_ONCE).collect().await;
        Ok((State { fresh, states, done, stopped: None }, verdicts))
    }

    /// Why the changes that would be made are too much.
    fn too_much(&self, verdicts: &[Verdict]) -> Option<String> {
        let acting = self.plan.changes.patches.iter().zip(verdicts);
        let acting: Vec<&Patch> =
            acting.filter(|(_, v)| matches!(v, Verdict::Act)).map(|(patch, _)| patch).collect();
        let of = |limits| breaches(&acting, &self.plan.fleet, limits);
        let (ours, plans) = (of(&self.settings.cleanup.limits), of(&self.plan.limits));
        let planned = plans.into_iter().map(|breach| format!("{breach}, as the plan says"));
        let all: Vec<String> = match ours.is_empty() {
            true => planned.collect(),
            false => ours,
        };
        (!all.is_empty()).then(|| format!("{}; nothing was written", all.join("; ")))
    }

    async fn carry_out(
        &self,
        writer: &mut Option<Writer>,
        mut state: State,
        verdicts: Vec<Verdict>,
        rows: &mut Rows,
    ) -> Option<String> {
        let blocked = verdicts.iter().find_map(|verdict| match verdict {
            Verdict::Blocked(why) => Some(format!("{why}; nothing was written")),
            _ => None,
        });
        state.stopped = blocked.or_else(|| self.too_much(&verdicts));
        for (patch, verdict) in self.plan.changes.patches.iter().zip(verdicts) {
            let new = match verdict {
                Verdict::Refused(why) | Verdict::Blocked(why) => {
                    if let Some(writer) = writer {
                        let (patch, why) = (patch.id.clone(), why.clone());
                        // For the record only.
                        let _ = writer.add(Record::Refused { patch, why });
                    }
                    let done = &state.done;
                    row(patch, Status::Refused, Some(why), |i| step_status(done, patch, i))
                }
                _ if state.stopped.is_some() => {
                    let done = &state.done;
                    row(patch, Status::NotStarted, None, |i| step_status(done, patch, i))
                }
                Verdict::Act => self.make(writer.as_mut(), patch, &mut state).await,
                Verdict::Mark(marked) => {
                    let (row, stopped) =
                        marks::mark(self.objects, writer.as_mut(), patch, *marked, self.ui).await;
                    state.stopped = stopped;
                    row
                }
            };
            rows.add(new);
        }
        if state.stopped.is_none() && self.plan.whole {
            let (unmarked, stopped) =
                marks::take_away(self.objects, writer.as_mut(), self.plan, &state.fresh).await;
            unmarked.into_iter().for_each(|row| rows.add(row));
            state.stopped = stopped;
        }
        state.stopped
    }

    /// Makes a change, step by step.
    async fn make(
        &self,
        writer: Option<&mut Writer>,
        patch: &Patch,
        state: &mut State,
    ) -> crate::cleanup::result::ChangeRow {
        let Some(writer) = writer else {
            return row(patch, Status::WouldApply, None, |_| StepStatus::NotDone);
        };
        let (mut status, mut detail, mut unknown) = (Status::Applied, None, None);
        for (index, step) in patch.steps.iter().enumerate() {
            if state.done.contains(&(patch.id.clone(), index)) {
                continue;
            }
            let begun = state.done.contains(&(patch.id.clone(), 0));
            match self.make_step(writer, patch, index, step, state).await {
                Ended::Done => {
                    state.done.insert((patch.id.clone(), index));
                    if state.stopped.is_none() {
                        continue;
                    }
                    if index + 1 < patch.steps.len() {
                        status = Status::Failed;
                    }
                }
                Ended::Postponed(why) => {
                    status = Status::Postponed;
                    detail = Some(why);
                }
                Ended::Refused(why) => {
                    status = if begun { Status::Failed } else { Status::Refused };
                    state.stopped.get_or_insert_with(|| why.clone());
                    detail = Some(why);
                }
                Ended::Unknown(why) => {
                    status = Status::Unknown;
                    unknown = Some(index);
                    state.stopped.get_or_insert_with(|| why.clone());
                    detail = Some(why);
                }
            }
            break;
        }
        row(patch, status, detail, |i| match unknown {
            Some(index) if index == i => StepStatus::Unknown,
            _ => step_status(&state.done, patch, i),
        })
    }

    async fn make_step(
        &self,
        writer: &mut Writer,
        patch: &Patch,
        index: usize,
        step: &Step,
        state: &mut State,
    ) -> Ended {
        let now = match self.objects.get(&step.target).await {
            Ok(now) => now,
            Err(error) => return Ended::Refused(format!("it cannot be read: {error}")),
        };
        if let Some(ended) = self.keeps(index, step, now.as_ref(), state).await {
            return ended;
        }
        let step = signed(step, &writer.lease.holder());
        let write = Write {
            purpose: Purpose::Apply,
            patch: &patch.id,
            index,
            step: &step,
            now: now.as_ref(),
        };
        match writer.write(self.objects, write).await {
            Sent::Done(answered, stopped) => {
                if let Some(after) = answered.state {
                    state.states.insert(key(&step.target), after);
                }
                state.stopped = stopped;
                Ended::Done
            }
            Sent::Refused(why) | Sent::Stopped(why) => Ended::Refused(why),
            Sent::Unknown(why) => Ended::Unknown(why),
        }
    }

    /// A last look at an object: what may have changed since it was judged.
    async fn keeps(
        &self,
        index: usize,
        step: &Step,
        now: Option<&Value>,
        state: &mut State,
    ) -> Option<Ended> {
        let target = &step.target;
        let is_claim =
            target.kind == "ResourceClaim" && matches!(step.operation, Operation::Delete { .. });
        if is_claim && (index > 0 || state.fresh.is_old()) {
            // What the steps before it changed is not in an earlier listing.
            match Fresh::take(&self.objects.cluster, self.settings, self.ui).await {
                Ok(fresh) => state.fresh = fresh,
                Err(error) => return Some(Ended::Refused(crate::ui::chain(&error))),
            }
        }
        let preflight = Preflight {
            objects: self.objects,
            fresh: &state.fresh,
            found: None,
            states: &state.states,
            done: &state.done,
            options: &self.settings.cleanup,
            now_ms: self.now_ms,
        };
        if let Some(why) = preflight.keeps(index, step, now).await {
            return Some(Ended::Refused(why));
        }
        if !is_claim {
            return None;
        }
        let users = now.map(reserved_by).unwrap_or_default();
        let uid = target.uid.as_deref().unwrap_or_default();
        let why = match users.is_empty() {
            false => Some(format!("it is reserved by {}", users.join(", "))),
            true => state.fresh.keeps(&target.namespace, &target.name, uid),
        }?;
        let why = format!("ResourceClaim {}/{}: {why}", target.namespace, target.name);
        // Pods let go of a claim one by one once their workload names another.
        Some(if index > 0 { Ended::Postponed(why) } else { Ended::Refused(why) })
    }
}

/// States of objects after what an earlier run did to them.
fn after(mut states: BTreeMap<Key, String>, progress: &Progress) -> BTreeMap<Key, String> {
    for attempt in &progress.attempts {
        if let Some(state) = attempt.done().and_then(|done| done.state.clone()) {
            states.insert(key(&attempt.intent.step.target), state);
        }
    }
    states
}

fn step_status(done: &BTreeSet<(String, usize)>, patch: &Patch, index: usize) -> StepStatus {
    match done.contains(&(patch.id.clone(), index)) {
        true => StepStatus::Done,
        false => StepStatus::NotDone,
    }
}

/// A step whose object says who made it.
fn signed(step: &Step, run: &str) -> Step {
    let mut step = step.clone();
    if let Operation::Create { object } = &mut step.operation
        && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        let annotations = metadata.entry("annotations").or_insert_with(|| serde_json::json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(CREATED_BY.to_owned(), Value::from(run));
        }
    }
    step
}
