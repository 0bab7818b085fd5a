//! Who names a claim or a template that is about to be taken back: what a run made may be used by others since.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::objects::Objects;
use crate::cleanup::contract::{Patch, Target};
use crate::cleanup::objects::{meta, text};
use crate::commands::workloads;
use crate::error::{Error, Result};
use crate::kinds;
use crate::model::SourceState;
use crate::source::kubernetes;
use crate::source::objects::RawObjects;
use crate::ui::Ui;
use crate::units::Millis;

/// How long a listing may be relied upon.
const LASTS: Duration = Duration::from_secs(30);
/// Owners of unknown kinds: what they make is listed.
const OWNERS: &str = "kubernetes/owners";

/// Workloads as they were listed.
#[derive(Debug)]
pub(in crate::commands) struct Users {
    taken: Instant,
    objects: RawObjects,
}

impl Users {
    /// Lists them.
    ///
    /// # Errors
    ///
    /// Workloads that cannot be listed in full.
    pub(in crate::commands) async fn list(
        objects: &Objects,
        now_ms: Millis,
        ui: &Ui,
    ) -> Result<Self> {
        let taken = Instant::now();
        let listed = kubernetes::list(&objects.cluster, now_ms, ui.progress().as_ref()).await;
        let cannot = || Error::failed("cannot find out who names it");
        let mut listed = listed.map_err(|e| cannot().caused_by(e))?;
        workloads::add(&objects.cluster, &mut listed, ui).await;
        let is_lacking = |state| matches!(state, SourceState::Failed | SourceState::Partial);
        let mut sources = listed.sources.iter();
        match sources.find(|source| source.name != OWNERS && is_lacking(source.state)) {
            Some(source) => Err(cannot().caused_by(format!("{}: {}", source.name, source.detail))),
            None => Ok(Self { taken, objects: listed }),
        }
    }

    /// Whether it is too old to be relied upon.
    #[must_use]
    pub(in crate::commands) fn is_old(&self) -> bool {
        self.taken.elapsed() > LASTS
    }

    /// A workload that names `target`, as `Kind namespace/name`; not one that `own` changes, for that is taken back before.
    #[must_use]
    pub(in crate::commands) fn of(&self, target: &Target, own: Option<&Patch>) -> Option<String> {
        let is_own = |value: &Value| {
            let steps = own.map_or(&[][..], |patch| &patch.steps);
            steps.iter().map(|step| &step.target).any(|target| {
                (target.kind.as_str(), target.namespace.as_str(), target.name.as_str())
                    == (text(value, "kind"), meta(value, "namespace"), meta(value, "name"))
            })
        };
        let values = self.objects.items.iter().map(|item| &item.value);
        let mut users = values.filter(|v| names(v, target) && !is_controlled(v) && !is_own(v));
        let titled =
            |v: &Value| format!("{} {}/{}", text(v, "kind"), meta(v, "namespace"), meta(v, "name"));
        users.next().map(titled)
    }
}

/// Revisions of a workload keep what it named before.
fn is_controlled(value: &Value) -> bool {
    let owners = value["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    owners.into_iter().any(|owner| owner["controller"] == true)
}

fn names(value: &Value, target: &Target) -> bool {
    let field = match target.kind.as_str() {
        "ResourceClaimTemplate" => "resourceClaimTemplateName",
        _ => "resourceClaimName",
    };
    let templates = kinds::templates(value);
    let entries = templates.iter().filter_map(|t| t.spec.get("resourceClaims")?.as_array());
    meta(value, "namespace") == target.namespace
        && entries.flatten().any(|entry| text(entry, field) == target.name)
}
