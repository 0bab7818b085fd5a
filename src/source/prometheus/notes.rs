//! Remarks about the answers to a query that lose nothing: infos of the server, things left out on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::model::QueryId;

/// Most remarks kept for one query; a server may send one per series.
const MAX_NOTES: usize = 10;

/// Remarks by query, in a stable order whatever the order of the answers.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<BTreeMap<QueryId, BTreeSet<String>>>);

impl Notes {
    /// Adds a remark, once.
    pub(super) fn add(&self, query: QueryId, note: String) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_query = notes.entry(query).or_default();
        of_query.insert(note);
        while of_query.len() > MAX_NOTES {
            // The last in order goes, so that what stays does not depend on which came first.
            of_query.pop_last();
        }
    }

    /// The remarks about a query.
    pub(super) fn of(&self, query: QueryId) -> Vec<String> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.get(&query).map(|notes| notes.iter().cloned().collect()).unwrap_or_default()
    }
}
