//! What a partition says of itself, besides tables: `partition.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::columns::HEADER;
use super::{Partition, RollupError};
use crate::model::Window;
use crate::report::contract::{Assumption, SourceRow, Warning};
use crate::report::coverage::Seen;

/// Version of the schema. A column or field that changes its meaning or goes away raises it.
pub const FORMAT_VERSION: u64 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) format_version: u64,
    pub(super) tool_version: String,
    pub(super) cluster: String,
    pub(super) window: Window,
    pub(super) currency: String,
    pub(super) idle_below: f64,
    pub(super) without_metrics: bool,
    pub(super) samples_seen: u64,
    pub(super) samples_dropped: BTreeMap<String, u64>,
    pub(super) warnings: Vec<Remark>,
    pub(super) sources: Vec<SourceRow>,
    pub(super) assumptions: Vec<Assumption>,
}

/// A warning with what the contract leaves out.
#[derive(Serialize, Deserialize)]
pub(super) struct Remark {
    code: String,
    message: String,
    incomplete: bool,
}

/// Read before the rest: a later version may have other fields.
#[derive(Deserialize)]
struct Version {
    format_version: u64,
}

impl Header {
    pub(super) fn of(partition: &Partition) -> Self {
        let accounts = &partition.accounts;
        let seen = accounts.seen.clone();
        let remark =
            |w: Warning| Remark { code: w.code, message: w.message, incomplete: w.incomplete };
        Self {
            format_version: FORMAT_VERSION,
            tool_version: partition.tool_version.clone(),
            cluster: partition.cluster.clone(),
            window: accounts.window,
            currency: accounts.currency.clone(),
            idle_below: accounts.idle_below,
            without_metrics: seen.without_metrics,
            samples_seen: seen.samples_seen,
            samples_dropped: seen.samples_dropped,
            warnings: seen.warnings.into_iter().map(remark).collect(),
            sources: seen.sources,
            assumptions: partition.assumptions.clone(),
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, RollupError> {
        let mut text = serde_json::to_vec_pretty(self).map_err(damaged)?;
        text.push(b'\n');
        Ok(text)
    }

    pub(super) fn from_json(text: &[u8]) -> Result<Self, RollupError> {
        let Version { format_version } = serde_json::from_slice(text).map_err(damaged)?;
        if format_version > FORMAT_VERSION {
            let (found, supported) = (format_version, FORMAT_VERSION);
            return Err(RollupError::FutureVersion { found, supported });
        }
        let header: Self = serde_json::from_slice(text).map_err(damaged)?;
        match Window::new(header.window.start(), header.window.end()) {
            Some(_) => Ok(header),
            None => Err(damaged("its window ends before it starts")),
        }
    }

    pub(super) fn seen(&mut self) -> Seen {
        let warning =
            |r: Remark| Warning { code: r.code, message: r.message, incomplete: r.incomplete };
        Seen {
            samples_seen: self.samples_seen,
            samples_dropped: std::mem::take(&mut self.samples_dropped),
            warnings: std::mem::take(&mut self.warnings).into_iter().map(warning).collect(),
            without_metrics: self.without_metrics,
            sources: std::mem::take(&mut self.sources),
        }
    }
}

fn damaged(detail: impl std::fmt::Display) -> RollupError {
    RollupError::Damaged(format!("`{HEADER}` cannot be read: {detail}"))
}
