//! Labels of remote read to those of the query API.
//!
//! Remote read adds the server's external labels (`cluster`, `prometheus_replica`) to every series; the
//! query API does not. Which they are is in the server's configuration, where that may be read; else
//! the labels that name a replica are under suspicion. What the query API shows on a series of its own
//! is the series' own label, and stays.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use super::super::api::Api;
use super::super::api_error::ApiError;
use super::super::decode::{self, Answer, DecodeError};
use super::super::render::{regex_escaped, with_matcher};
use super::super::requests;
use crate::model::labels::Label;
use crate::model::{Labels, Window};

/// Labels that tell replicas and servers apart, as the usual packages name them.
const REPLICA_LABELS: [&str; 4] = ["prometheus", "prometheus_replica", "__replica__", "replica"];

/// Labels that the server may have added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Suspects {
    /// Its external labels.
    Known(BTreeMap<String, String>),
    /// It does not tell: those that name a replica, whatever their values.
    Replicas,
}

impl Suspects {
    /// Asks the server.
    pub(super) async fn of(api: &Api) -> Self {
        let config = api.call_up_to(1, &requests::config(), external_labels).await;
        config.map_or(Self::Replicas, |reply| Self::Known(reply.answer.data))
    }

    /// As text.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Known(labels) => format!("without {labels:?}"),
            Self::Replicas => "without replicas".to_owned(),
        }
    }

    fn has(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Known(labels) => labels.get(name).is_some_and(|known| known == value),
            Self::Replicas => REPLICA_LABELS.contains(&name),
        }
    }

    /// Selectors that together match the series of `selector` with a label of their own that is among
    /// the suspects.
    fn own(&self, selector: &str) -> Vec<String> {
        let matchers: Vec<String> = match self {
            Self::Known(labels) => {
                labels.iter().map(|(name, value)| format!("{name}=~{}", quoted(value))).collect()
            }
            Self::Replicas => REPLICA_LABELS.iter().map(|name| format!("{name}!=\"\"")).collect(),
        };
        matchers.iter().filter_map(|matcher| with_matcher(selector, matcher)).collect()
    }
}

fn quoted(value: &str) -> String {
    super::super::render::quoted_string(&regex_escaped(value))
}

/// Takes the labels off that the server has added to the series of one query.
#[derive(Debug, Clone)]
pub(super) struct Normaliser {
    suspects: Arc<Suspects>,
    /// Label sets without suspects, with a suspect that is the series' own.
    own: Arc<HashSet<(Labels, String, String)>>,
}

impl Normaliser {
    /// For series of which none has a suspect of its own.
    pub(super) fn new(suspects: Suspects) -> Self {
        Self { suspects: Arc::new(suspects), own: Arc::default() }
    }

    /// The same for the series of `selector`, after asking the query API which suspects are their own.
    ///
    /// # Errors
    /// Why the server does not say.
    pub(super) async fn of(
        &self,
        api: &Api,
        selector: &str,
        window: Window,
    ) -> Result<Self, ApiError> {
        let selectors = self.suspects.own(selector);
        if selectors.is_empty() {
            return Ok(self.clone());
        }
        let selectors: Vec<&str> = selectors.iter().map(String::as_str).collect();
        let request = requests::series(&selectors, window.start(), window.end());
        let reply = api.call(&request, decode::envelope::<Vec<Labels>>).await?;
        Ok(self.with_own(reply.answer.data))
    }

    fn with_own(&self, sets: Vec<Labels>) -> Self {
        let mut own = HashSet::new();
        for set in sets {
            let (suspects, rest) = self.parted(set);
            own.extend(suspects.into_iter().map(|(name, value)| (rest.clone(), name, value)));
        }
        Self { suspects: Arc::clone(&self.suspects), own: Arc::new(own) }
    }

    /// Whether the server may have added a label.
    pub(super) fn suspects(&self, name: &str, value: &str) -> bool {
        self.suspects.has(name, value)
    }

    /// `rest`, which has no suspect, with those of `suspects` that are the series' own.
    pub(super) fn with_own_of<'a>(
        &self,
        mut rest: Labels,
        suspects: impl Iterator<Item = &'a Arc<Label>>,
    ) -> Labels {
        if self.own.is_empty() {
            return rest;
        }
        let bare = rest.clone();
        rest.extend(suspects.map(Arc::clone).filter(|label| {
            let own = (bare.clone(), label.name().to_owned(), label.value().to_owned());
            self.own.contains(&own)
        }));
        rest
    }

    fn parted(&self, labels: Labels) -> (Labels, Labels) {
        labels.into_iter().partition(|(name, value)| self.suspects.has(name, value))
    }
}

/// Reads `global.external_labels` from `/api/v1/status/config`.
fn external_labels(body: &[u8]) -> Result<Answer<BTreeMap<String, String>>, DecodeError> {
    #[derive(Deserialize)]
    struct Config {
        yaml: String,
    }
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        global: Option<Global>,
    }
    #[derive(Deserialize)]
    struct Global {
        #[serde(default)]
        external_labels: Option<BTreeMap<String, String>>,
    }
    let Answer { data, warnings, infos } = decode::envelope::<Config>(body)?;
    let file: File = serde_saphyr::from_str(&data.yaml)
        .map_err(|_| DecodeError::Malformed("a configuration that is not understood".into()))?;
    let labels = file.global.and_then(|global| global.external_labels).unwrap_or_default();
    Ok(Answer { data: labels, warnings, infos })
}

#[cfg(test)]
mod tests;
