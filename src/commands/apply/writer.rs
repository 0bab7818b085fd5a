//! One write: announced in the journal, sent, and answered there.

use serde_json::Value;

use super::file::JournalFile;
use super::lease::Lease;
use super::objects::Objects;
use crate::cleanup::contract::{Operation, Step};
use crate::cleanup::journal::{Answered, Attempt, Intent, Purpose, Record};
use crate::cleanup::plan::state::state;
use crate::cleanup::run::drift::drift;
use crate::cleanup::run::outcome::{Found, found};
use crate::commands::gather::system_clock;
use crate::error::{Error, Result};
use crate::source::kubernetes::write::{Mode, WriteError};
use crate::ui::chain;

/// Tries to patch an object that others write to, while what matters of it stays the same.
const TRIES: usize = 3;

/// Writes with a journal, while the Lease is held.
#[derive(Debug)]
pub(in crate::commands) struct Writer {
    /// The journal.
    pub(in crate::commands) journal: JournalFile,
    /// The Lease.
    pub(in crate::commands) lease: Lease,
}

/// What became of a write.
#[derive(Debug)]
pub(in crate::commands) enum Sent {
    /// It was done; why no other may follow, where that is so.
    Done(Answered, Option<String>),
    /// It was not done.
    Refused(String),
    /// It is not known whether it was done: the journal leaves it open.
    Unknown(String),
    /// It was not sent, and nothing else may be.
    Stopped(String),
}

/// A write that is to be sent.
#[derive(Debug)]
pub(in crate::commands) struct Write<'a> {
    /// What for.
    pub(in crate::commands) purpose: Purpose,
    /// Id of the change.
    pub(in crate::commands) patch: &'a str,
    /// Number of the step.
    pub(in crate::commands) index: usize,
    /// The step.
    pub(in crate::commands) step: &'a Step,
    /// The object, as it was just read.
    pub(in crate::commands) now: Option<&'a Value>,
}

impl Writer {
    /// Sends a write.
    pub(in crate::commands) async fn write(&mut self, objects: &Objects, write: Write<'_>) -> Sent {
        if !self.lease.is_held() {
            return Sent::Stopped(
                "the Lease could not be renewed: another run may begin".to_owned(),
            );
        }
        let before = write.now.map(state);
        let intent = Intent {
            purpose: write.purpose,
            patch: write.patch.to_owned(),
            index: write.index,
            step: write.step.clone(),
            before: before.clone(),
        };
        let of = match self.add(Record::Intent(Box::new(intent))) {
            Ok(number) => number,
            Err(error) => return Sent::Stopped(chain(&error)),
        };
        let error = match send(objects, write.step, write.now).await {
            Ok(object) => return self.done(answered(of, write.step, Some(&object), false)),
            Err(error) => error,
        };
        if !error.may_be_committed() {
            let why = error.to_string();
            // Without this line the write is open, and looked into by whoever goes on.
            let _ = self.add(Record::Failed { of, why: why.clone() });
            return Sent::Refused(why);
        }
        match objects.get(&write.step.target).await {
            Ok(now) if found(write.step, now.as_ref(), before.as_deref()) == Found::Committed => {
                self.done(answered(of, write.step, now.as_ref(), true))
            }
            Ok(_) => Sent::Unknown(format!("{error}; when looked at, it was not stored")),
            Err(again) => Sent::Unknown(format!("{error}; and it could not be looked at: {again}")),
        }
    }

    fn done(&mut self, answered: Answered) -> Sent {
        let said = self.add(Record::Done(answered.clone()));
        Sent::Done(answered, said.err().map(|error| chain(&error)))
    }

    /// Finds out what became of a write that an earlier run left open. `Ok(None)`: it was not done.
    ///
    /// # Errors
    ///
    /// Why that cannot be told.
    pub(in crate::commands) async fn resolve(
        &mut self,
        objects: &Objects,
        attempt: &Attempt,
    ) -> std::result::Result<Option<Answered>, String> {
        let Intent { step, before, .. } = &attempt.intent;
        let now = objects.get(&step.target).await.map_err(|e| e.to_string())?;
        let entry = match found(step, now.as_ref(), before.as_deref()) {
            Found::Committed => Record::Done(answered(attempt.seq, step, now.as_ref(), true)),
            Found::NotCommitted => {
                Record::Failed { of: attempt.seq, why: "it was never stored".to_owned() }
            }
            Found::Unclear(why) => return Err(why),
        };
        let done = match &entry {
            Record::Done(answered) => Some(answered.clone()),
            _ => None,
        };
        self.add(entry).map_err(|error| chain(&error))?;
        Ok(done)
    }

    /// Adds an entry to the journal.
    ///
    /// # Errors
    ///
    /// See [`JournalFile::add`].
    pub(in crate::commands) fn add(&mut self, record: Record) -> Result<u64> {
        self.journal.add(record, system_clock()?)
    }

    /// Ends the run: the journal says so, and the Lease is given back.
    ///
    /// # Errors
    ///
    /// The journal cannot be written.
    pub(in crate::commands) async fn end(mut self) -> Result<()> {
        let said = self.add(Record::Ended).map(drop);
        self.lease.release().await;
        said.map_err(|e: Error| e.hinted("everything that was done is in it"))
    }
}

/// Sends a step; a patch again when the object was written to, but is what it was in all that matters.
async fn send(
    objects: &Objects,
    step: &Step,
    now: Option<&Value>,
) -> std::result::Result<Value, WriteError> {
    let before = now.map(state);
    let mut now = now.cloned();
    for _ in 1..TRIES {
        match objects.send(step, now.as_ref(), Mode::Real).await {
            Err(WriteError::Conflict(why)) if matches!(step.operation, Operation::Patch { .. }) => {
                let again = objects.get(&step.target).await;
                // Nothing is known to be wrong with it but that it was not done.
                let Ok(again) = again else { return Err(WriteError::Conflict(why)) };
                if let Some(drift) = drift(step, again.as_ref(), before.as_deref(), false) {
                    return Err(WriteError::Conflict(drift));
                }
                now = again;
            }
            answer => return answer,
        }
    }
    objects.send(step, now.as_ref(), Mode::Real).await
}

fn answered(of: u64, step: &Step, object: Option<&Value>, found_out: bool) -> Answered {
    let text = |field: &str| {
        let object = object.filter(|object| object["metadata"].is_object())?;
        object["metadata"][field].as_str().map(str::to_owned)
    };
    if matches!(step.operation, Operation::Delete { .. }) {
        let uid = step.target.uid.clone();
        return Answered { of, uid, resource_version: None, state: None, found_out };
    }
    Answered {
        of,
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        state: object.map(state),
        found_out,
    }
}
