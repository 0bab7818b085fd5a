//! Everything that is found out about a change before the first write: nothing here is stored by the server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fresh::Fresh;
use super::objects::Objects;
use crate::cleanup::contract::{Operation, Patch, Step, Still, Target};
use crate::cleanup::plan::allowed;
use crate::cleanup::run::drift::{drift, reserved_by};
use crate::cleanup::run::mark::{self, Decision, Mark};
use crate::settings::cleanup::CleanupOptions;
use crate::source::kubernetes::write::{Mode, WriteError};
use crate::units::Millis;

/// What is to be done about a change.
#[derive(Debug)]
pub(in crate::commands) enum Verdict {
    /// It is made.
    Act,
    /// It is marked.
    Mark(Box<Marked>),
    /// It is left alone, and why.
    Refused(String),
    /// The server would not take it: nothing is written at all.
    Blocked(String),
}

/// A mark that is to be written.
#[derive(Debug)]
pub(in crate::commands) struct Marked {
    /// The step that writes it.
    pub(in crate::commands) step: Step,
    /// The object, as it was just read.
    pub(in crate::commands) object: Value,
    /// The mark.
    pub(in crate::commands) mark: Mark,
    /// When the change can be made.
    pub(in crate::commands) due: Millis,
}

/// By what an object is known, whatever its version.
pub(in crate::commands) type Key = (String, String, String, String);

/// Key of a target.
#[must_use]
pub(in crate::commands) fn key(target: &Target) -> Key {
    let Target { api_version, kind, namespace, name, .. } = target;
    (api_version.clone(), kind.clone(), namespace.clone(), name.clone())
}

/// What changes are judged against.
#[derive(Debug)]
pub(in crate::commands) struct Preflight<'a> {
    /// The cluster.
    pub(in crate::commands) objects: &'a Objects,
    /// A fresh look at it.
    pub(in crate::commands) fresh: &'a Fresh,
    /// Findings that are found again, and what they ask for.
    pub(in crate::commands) found: Option<&'a BTreeMap<String, String>>,
    /// States of objects: those of the plan, and after own writes since.
    pub(in crate::commands) states: &'a BTreeMap<Key, String>,
    /// Steps that are done already.
    pub(in crate::commands) done: &'a BTreeSet<(String, usize)>,
    /// What is left alone, and how much patience there is.
    pub(in crate::commands) options: &'a CleanupOptions,
    /// Now.
    pub(in crate::commands) now_ms: Millis,
}

impl Preflight<'_> {
    /// Judges a change, and has the server try it.
    pub(in crate::commands) async fn judge(&self, patch: &Patch) -> Verdict {
        if let Some(why) = allowed::refusal(patch) {
            return Verdict::Refused(why);
        }
        let is_done = |(index, _)| self.done.contains(&(patch.id.clone(), index));
        if patch.steps.iter().enumerate().all(is_done) {
            // By an earlier run.
            return Verdict::Act;
        }
        let has_begun = self.done.contains(&(patch.id.clone(), 0));
        if !has_begun && let Some(why) = self.no_longer(patch) {
            return Verdict::Refused(why);
        }
        let mut read: BTreeMap<Key, Option<Value>> = BTreeMap::new();
        for (index, step) in patch.steps.iter().enumerate() {
            let key = key(&step.target);
            if self.done.contains(&(patch.id.clone(), index)) || read.contains_key(&key) {
                continue;
            }
            let now = match self.fresh.claim(step) {
                Some(listed) => Some(listed.clone()),
                None => match self.objects.get(&step.target).await {
                    Ok(now) => now,
                    Err(error) => return Verdict::Blocked(cannot_read(step, &error)),
                },
            };
            if let Some(why) = self.keeps(index, step, now.as_ref()).await {
                return Verdict::Refused(why);
            }
            read.insert(key, now);
        }
        if !has_begun && let Some(target) = mark::marked_target(patch) {
            let object = read.get(&key(target)).and_then(Option::as_ref);
            let patience = &self.options.patience;
            if let Decision::Mark(mark, due) = mark::decide(patch, object, patience, self.now_ms)
                && let Some(object) = object
            {
                let step = mark::step(target, object, Some(&mark));
                return match self.try_step(&step, Some(object)).await {
                    Some(verdict) => verdict,
                    None => {
                        let object = object.clone();
                        Verdict::Mark(Box::new(Marked { step, object, mark, due }))
                    }
                };
            }
        }
        self.try_all(patch, &read).await
    }

    /// Why a change has lost its reason.
    fn no_longer(&self, patch: &Patch) -> Option<String> {
        match patch.still {
            Still::StaleClaim => self.fresh.refuses(patch),
            Still::Found => {
                let Some(now) = self.found.and_then(|found| found.get(&patch.id)) else {
                    return Some("it is not found any more by fresh metrics".to_owned());
                };
                // The same finding may ask for less than it did: an action names its amounts.
                (*now != patch.action).then(|| {
                    format!("fresh metrics ask for another change: {now} Make another plan")
                })
            }
        }
    }

    /// Why an object is not touched: it is not what it was, or somebody said so.
    pub(in crate::commands) async fn keeps(
        &self,
        index: usize,
        step: &Step,
        now: Option<&Value>,
    ) -> Option<String> {
        let before = self.states.get(&key(&step.target)).map(String::as_str);
        // What a change first points elsewhere is written to until it is let go.
        let is_delete = matches!(step.operation, Operation::Delete { .. });
        if let Some(why) = drift(step, now, before, is_delete && index == 0) {
            return Some(why);
        }
        let namespace = &step.target.namespace;
        let exemptions = &self.options.exemptions;
        let Some(object) = now else { return exemptions.of_namespace(namespace) };
        if is_delete && index == 0 && !reserved_by(object).is_empty() {
            return Some(format!("it is reserved by {}", reserved_by(object).join(", ")));
        }
        match self.objects.neighbours(namespace, self.fresh).await {
            Ok(found) => exemptions.of_object(step, object, found.around(), self.now_ms),
            Err(error) => Some(format!("what stands around it cannot be read: {error}")),
        }
    }

    async fn try_all(&self, patch: &Patch, read: &BTreeMap<Key, Option<Value>>) -> Verdict {
        let mut tried: BTreeSet<Key> = BTreeSet::new();
        for (index, step) in patch.steps.iter().enumerate() {
            let key = key(&step.target);
            let is_done = self.done.contains(&(patch.id.clone(), index));
            // A second step on one object can only be tried once the first is done.
            if is_done || !tried.insert(key.clone()) {
                continue;
            }
            let now = read.get(&key).and_then(Option::as_ref);
            if let Some(verdict) = self.try_step(step, now).await {
                return verdict;
            }
        }
        Verdict::Act
    }

    /// Has the server try a step; what is wrong with it.
    async fn try_step(&self, step: &Step, now: Option<&Value>) -> Option<Verdict> {
        let target = &step.target;
        let named = format!("{} {}/{}", target.kind, target.namespace, target.name);
        match self.objects.send(step, now, Mode::DryRun).await {
            Ok(_) => None,
            Err(error @ (WriteError::Conflict(_) | WriteError::NotFound(_))) => {
                Some(Verdict::Refused(format!("{named} changes just now: {error}")))
            }
            Err(error) => {
                Some(Verdict::Blocked(format!("the server would not take it: {named}: {error}")))
            }
        }
    }
}

fn cannot_read(step: &Step, error: &WriteError) -> String {
    let target = &step.target;
    format!("{} {}/{} cannot be read: {error}", target.kind, target.namespace, target.name)
}
