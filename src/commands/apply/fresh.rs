//! A fresh look at the cluster: which claims are stale now, which findings are found again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::claims::Class;
use crate::claims::classify::{Surroundings, Use};
use crate::claims::usage::Usages;
use crate::cleanup::contract::{Operation, Patch, Step, Still};
use crate::cleanup::plan::contract::Fleet;
use crate::commands::gather::system_clock;
use crate::commands::{patch, verdict, workloads};
use crate::error::{Error, Result};
use crate::findings::RULES;
use crate::model::ClusterFacts;
use crate::recommend::contract::RecommendReport;
use crate::settings::Settings;
use crate::source::kubernetes::{self, Cluster};
use crate::source::objects::{self, RawObjects};
use crate::ui::Ui;
use crate::units::MS_PER_HOUR;

/// How long a listing may be relied upon for what is deleted.
const LASTS: Duration = Duration::from_secs(30);
/// Longest time from the end of the window to now.
const FRESH_MS: i64 = MS_PER_HOUR;
/// Attribute of a device: what it is.
const TYPE: &str = "type";

/// Claims as they are now.
#[derive(Debug)]
pub(in crate::commands) struct Fresh {
    taken: Instant,
    /// Claims that may be deleted, by namespace, name and UID.
    stale: BTreeSet<(String, String, String)>,
    /// Why others may not.
    why_not: BTreeMap<(String, String), String>,
    /// Claims by namespace and name: where they stand in `objects`.
    claims: BTreeMap<(String, String), usize>,
    /// All objects.
    pub(in crate::commands) objects: RawObjects,
    /// What percentages are of.
    pub(in crate::commands) fleet: Fleet,
}

impl Fresh {
    /// Lists the cluster and classifies its claims.
    ///
    /// # Errors
    ///
    /// A cluster that cannot be listed.
    pub(in crate::commands) async fn take(
        cluster: &Cluster,
        settings: &Settings,
        ui: &Ui,
    ) -> Result<Self> {
        let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
        let taken = Instant::now();
        let progress = ui.progress();
        let mut objects = kubernetes::list(cluster, now_ms, progress.as_ref())
            .await
            .map_err(|e| Error::failed("cannot list the cluster's objects").caused_by(e))?;
        workloads::add(cluster, &mut objects, ui).await;
        let facts = objects::decode(&objects, &settings.policy.gpu_resources);
        let none = Usages::new();
        let usage = Use { of_claims: &none, idle_after_ms: i64::MAX };
        let min_age_ms = settings.claims.min_age_ms;
        let around = Surroundings::new(&facts, &objects.sources, usage, now_ms, min_age_ms);
        let named: BTreeSet<(&str, &str)> =
            facts.dra.references.iter().map(|r| (r.namespace.as_str(), r.claim.as_str())).collect();
        let (mut stale, mut why_not) = (BTreeSet::new(), BTreeMap::new());
        for claim in &facts.dra.claims {
            let classified = around.classify(claim);
            let is_leftover =
                matches!(classified.class, Class::OrphanAllocated | Class::UnusedUnallocated);
            let key = (claim.namespace.clone(), claim.name.clone());
            let doubt = match claim.uid {
                _ if !is_leftover || !classified.settled => {
                    Some(format!("it is {}: {}", classified.class, classified.why))
                }
                _ if named.contains(&(key.0.as_str(), key.1.as_str())) => {
                    Some("a workload names it, if only one that is suspended".to_owned())
                }
                _ if claim.owner.is_some() => {
                    Some("it has an owner, who looks after it".to_owned())
                }
                _ if around.doubt_about_workloads(&key.0).is_some() => {
                    around.doubt_about_workloads(&key.0).map(str::to_owned)
                }
                None => Some("it has no UID".to_owned()),
                Some(_) => None,
            };
            match (doubt, &claim.uid) {
                (None, Some(uid)) => {
                    stale.insert((key.0, key.1, uid.clone()));
                }
                (doubt, _) => {
                    why_not.insert(key, doubt.unwrap_or_default());
                }
            }
        }
        let claims = objects.items.iter().enumerate().filter_map(|(at, item)| {
            let text = |field: &str| item.value["metadata"][field].as_str().map(str::to_owned);
            let is_claim = item.value["kind"] == "ResourceClaim";
            is_claim.then(|| Some(((text("namespace")?, text("name")?), at)))?
        });
        let claims = claims.collect();
        let fleet = fleet(&facts, &objects, &settings.policy.gpu_resources);
        Ok(Self { taken, stale, why_not, claims, objects, fleet })
    }

    /// A claim that is deleted, as it was listed: what it is like when it is deleted is a precondition.
    pub(in crate::commands) fn claim(&self, step: &Step) -> Option<&Value> {
        let target = &step.target;
        let is_claim = target.kind == "ResourceClaim";
        if !is_claim || !matches!(step.operation, Operation::Delete { .. }) {
            return None;
        }
        let at = self.claims.get(&(target.namespace.clone(), target.name.clone()))?;
        self.objects.items.get(*at).map(|item| &item.value)
    }

    /// Whether it is too old for what is deleted.
    #[must_use]
    pub(in crate::commands) fn is_old(&self) -> bool {
        self.taken.elapsed() > LASTS
    }

    /// Why a claim may not be deleted; `None` where it may.
    #[must_use]
    pub(in crate::commands) fn keeps(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Option<String> {
        let key = (namespace.to_owned(), name.to_owned(), uid.to_owned());
        if self.stale.contains(&key) {
            return None;
        }
        let why = self.why_not.get(&(key.0, key.1)).cloned();
        Some(why.unwrap_or_else(|| "it is not there any more, or another one is".to_owned()))
    }

    /// Why a change that rests on a stale claim may not be made.
    #[must_use]
    pub(in crate::commands) fn refuses(&self, patch: &Patch) -> Option<String> {
        let deleted = patch.steps.iter().filter(|step| {
            step.target.kind == "ResourceClaim"
                && matches!(step.operation, Operation::Delete { .. })
        });
        let mut deleted = deleted.peekable();
        if deleted.peek().is_none() {
            return Some("it rests on a stale claim, and deletes none".to_owned());
        }
        deleted.find_map(|step| {
            let target = &step.target;
            let uid = target.uid.as_deref().unwrap_or_default();
            let why = self.keeps(&target.namespace, &target.name, uid)?;
            Some(format!("ResourceClaim {}/{} is not stale: {why}", target.namespace, target.name))
        })
    }
}

/// Findings that are found again by fresh metrics, with what they would change now; `None` where no change rests on any.
///
/// Looked for by the rules of the changes alone: what a plan left out by its filters is no alternative to what is in it.
///
/// # Errors
///
/// A source that failed.
pub(in crate::commands) async fn found_again(
    patches: &[Patch],
    settings: &Settings,
    ui: &Ui,
) -> Result<Option<BTreeMap<String, String>>> {
    let rest_on_metrics = || patches.iter().filter(|patch| patch.still == Still::Found);
    if rest_on_metrics().next().is_none() {
        return Ok(None);
    }
    let mut settings = settings.clone();
    let rules = &mut settings.recommend.rules;
    if rules.is_empty() {
        let planned: BTreeSet<&str> = rest_on_metrics().map(|patch| patch.rule.as_str()).collect();
        let names = RULES.iter().map(|rule| rule.name);
        rules.extend(names.filter(|name| planned.contains(name)));
    }
    let patch::Read { set: again, recommended, .. } = patch::read(&settings, ui).await?;
    ends_now(&recommended, &settings)?;
    let sums = &recommended.reconciliation;
    verdict::judge(sums, &recommended.coverage, &recommended.currency, settings.strict)?;
    Ok(Some(again.patches.into_iter().map(|patch| (patch.id, patch.action)).collect()))
}

/// Refuses metrics of a window that ended a while ago: they say nothing of what runs now.
///
/// # Errors
///
/// A usage error that names the end of the window.
pub(in crate::commands) fn ends_now(
    recommended: &RecommendReport,
    settings: &Settings,
) -> Result<()> {
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let end = &recommended.window.end;
    let end_ms = chrono::DateTime::parse_from_rfc3339(end).map(|at| at.timestamp_millis());
    if end_ms.is_ok_and(|end_ms| now_ms.saturating_sub(end_ms) <= FRESH_MS) {
        return Ok(());
    }
    Err(Error::usage(format!("the window ends at {end}, and says nothing of what runs now"))
        .hinted("what is changed has to be judged up to now: `--window 7d`, without `--start` and `--end`"))
}

fn fleet(facts: &ClusterFacts, objects: &RawObjects, resources: &[String]) -> Fleet {
    let of_plugin: u32 = facts
        .nodes
        .iter()
        .flat_map(|node| &node.gpu_capacity)
        .filter(|(name, _)| resources.contains(name))
        .map(|(_, count)| count)
        .sum();
    let devices = facts.dra.pools.iter().flat_map(|pool| &pool.devices);
    // A partition is a part of a card that is listed, too.
    let cards = devices.filter(|d| d.attributes.get(TYPE).is_none_or(|t| t == "gpu")).count();
    let cards = u32::try_from(cards).unwrap_or(u32::MAX);
    let gpus = of_plugin.max(cards);
    let counted = |kind: &str| kind != "Pod" && kind != "ReplicaSet";
    let changeable = objects.items.iter().filter(|item| {
        let kind = item.value["kind"].as_str().unwrap_or_default();
        kind == "ResourceClaim" || counted(kind) && crate::kinds::kind_of(&item.value).is_some()
    });
    Fleet {
        gpus: (gpus > 0).then(|| f64::from(gpus)),
        objects: u64::try_from(changeable.count()).unwrap_or(u64::MAX),
    }
}
