//! Which way samples come: raw ones by remote read where the server offers it, everything else through the
//! query API. Decided once a run.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::api::Api;
use super::api_error::ApiError;
use super::options::SampleTransport;
use super::reader::RangeReader;
use super::remote_read::{self, RemoteReader};
use crate::model::{MetricData, QueryId, Window};
use crate::source::progress::Progress;
use crate::source::{ReadPlan, SampleReader};

/// The readers of one server.
#[derive(Debug)]
pub(super) struct Ways {
    query: RangeReader,
    remote: Option<RemoteReader>,
    /// Why raw samples do not come by remote read, when they should.
    refused: Option<String>,
}

/// Why remote read is not even asked for where only `GET` is allowed.
const NEEDS_POST: &str = "remote read is a POST, for which the API server wants the verb create on \
                          services/proxy; --transport remote-read sends it";

impl Ways {
    /// The ways to the server behind `api`.
    ///
    /// # Errors
    /// Why there is no remote read, when nothing else is wanted.
    pub(super) async fn find(api: &Arc<Api>, tries: u32, window: Window) -> Result<Self, ApiError> {
        let wanted = api.options().transport;
        let query = RangeReader::over(Arc::clone(api));
        let (remote, refused) = match wanted {
            SampleTransport::Query => (None, None),
            SampleTransport::Auto if !api.allows_post() => (None, Some(NEEDS_POST.to_owned())),
            SampleTransport::Auto => match remote_read::probe(api, tries, window).await {
                Ok(remote) => (Some(remote), None),
                Err(error) => (None, Some(format!("remote read is not offered ({error})"))),
            },
            SampleTransport::RemoteRead => {
                (Some(remote_read::probe(api, tries, window).await?), None)
            }
        };
        Ok(Self { query, remote, refused })
    }

    /// The choice, for the report: `through remote read`.
    pub(super) fn described(&self) -> String {
        let query = self.query.name();
        match (&self.remote, &self.refused) {
            (Some(remote), _) => format!("through {}", remote.name()),
            (None, None) => format!("through the {query}"),
            (None, Some(reason)) => format!("through the {query}: {reason}"),
        }
    }

    /// Remarks about the answers to `query` so far that lose nothing of what was asked for.
    pub(super) fn notes(&self, query: QueryId) -> Vec<String> {
        let mut notes = self.query.notes(query);
        notes.extend(self.remote.iter().flat_map(|remote| remote.notes(query)));
        notes
    }

    /// Everything that `plan` asks for.
    pub(super) fn read<'a>(
        &'a self,
        plan: &'a ReadPlan,
        progress: &'a dyn Progress,
    ) -> BoxFuture<'a, MetricData> {
        match &self.remote {
            Some(remote) if RemoteReader::takes(plan) => remote.read(plan, progress),
            _ => self.query.read(plan, progress),
        }
    }
}
