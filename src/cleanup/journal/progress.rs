//! How far a journal got: which writes were done, which are open, and what is left to take back.

use std::collections::BTreeSet;

use super::record::{Answered, Intent, Purpose, Record, RunHeader};
use super::{Entry, Journal};
use crate::cleanup::plan::contract::Plan;

/// A write, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Number of its intent.
    pub seq: u64,
    /// What was about to be done.
    pub intent: Intent,
    /// What became of it; `None` where that is open.
    pub result: Option<Outcome>,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was done.
    Done(Answered),
    /// It was not.
    Failed,
}

/// How far a journal got.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Writes, in order.
    pub attempts: Vec<Attempt>,
    /// Runs, in order.
    pub runs: Vec<RunHeader>,
}

impl Progress {
    /// What the entries of a journal add up to.
    #[must_use]
    pub fn of(journal: &Journal) -> Self {
        let mut progress = Self::default();
        journal.entries.iter().for_each(|entry| progress.take(entry));
        progress
    }

    /// Adds an entry.
    pub fn take(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Run(header) => self.runs.push((**header).clone()),
            Record::Intent(intent) => {
                let (seq, intent) = (entry.seq, (**intent).clone());
                self.attempts.push(Attempt { seq, intent, result: None });
            }
            Record::Done(answered) => {
                self.answer(answered.of, Outcome::Done(answered.clone()));
            }
            Record::Failed { of, .. } => self.answer(*of, Outcome::Failed),
            Record::Refused { .. } | Record::Ended => {}
        }
    }

    /// Notes what was found out about a write; `None`: it was not done.
    pub fn answered(&mut self, of: u64, answered: Option<Answered>) {
        self.answer(of, answered.map_or(Outcome::Failed, Outcome::Done));
    }

    fn answer(&mut self, of: u64, outcome: Outcome) {
        if let Some(attempt) = self.attempts.iter_mut().rev().find(|a| a.seq == of) {
            attempt.result = Some(outcome);
        }
    }

    /// The plan that it is about.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.runs.iter().find_map(|run| run.plan.as_ref())
    }

    /// Writes of which it is not known whether they were done.
    #[must_use]
    pub fn open(&self) -> Vec<&Attempt> {
        self.attempts.iter().filter(|attempt| attempt.result.is_none()).collect()
    }

    /// Steps that are done, by change and number.
    #[must_use]
    pub fn done_steps(&self) -> BTreeSet<(String, usize)> {
        let undone = self.undone();
        let of_changes = self.attempts.iter().filter(|a| a.intent.purpose == Purpose::Apply);
        let done = of_changes.filter(|a| a.done().is_some() && !undone.contains(&a.seq));
        done.map(|a| (a.intent.patch.clone(), a.intent.index)).collect()
    }

    /// Writes that are there to be taken back, the newest first.
    #[must_use]
    pub fn to_undo(&self) -> Vec<&Attempt> {
        let undone = self.undone();
        let forward = |a: &&Attempt| !matches!(a.intent.purpose, Purpose::Undo(_));
        let attempts = self.attempts.iter().rev().filter(forward);
        attempts.filter(|a| a.done().is_some() && !undone.contains(&a.seq)).collect()
    }

    /// Whether anything of it was taken back.
    #[must_use]
    pub fn was_rolled_back(&self) -> bool {
        self.runs.iter().any(|run| run.rollback)
    }

    /// Numbers of the writes that were taken back.
    fn undone(&self) -> BTreeSet<u64> {
        let taken_back = |attempt: &Attempt| match attempt.intent.purpose {
            Purpose::Undo(of) if attempt.done().is_some() => Some(of),
            _ => None,
        };
        self.attempts.iter().filter_map(taken_back).collect()
    }
}

impl Attempt {
    /// How it was done; `None` where it was not, or that is open.
    #[must_use]
    pub const fn done(&self) -> Option<&Answered> {
        match &self.result {
            Some(Outcome::Done(answered)) => Some(answered),
            _ => None,
        }
    }
}
