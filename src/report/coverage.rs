//! What the figures rest on, and what is missing: in words that a reader can act on.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::Accounts;
use super::contract::{Coverage, SourceRow, Warning};
use super::figures::pod_key;
use crate::attribution::Attribution;
use crate::attribution::holder::HolderKind;
use crate::attribution::oddities::Oddities;
use crate::cost::price::Price;
use crate::model::window::rfc3339;
use crate::model::{Inputs, QueryId, SourceState};
use crate::units::{MS_PER_MINUTE, gpu_hours};

/// Below this share of observed held time, figures on use are incomplete.
const ENOUGH_OBSERVED: f64 = 0.9;

/// Samples that lie further in the future than this mean that clocks disagree.
const CLOCK_TOLERANCE_MS: i64 = MS_PER_MINUTE;

/// Warnings that say in detail what `no-metrics` says at once.
const NEEDS_METRICS: &[&str] = &["no-claim-history", "no-dcgm-series", "no-pod-history"];

/// How many names a sentence lists before it says how many more there are.
const NAMES_IN_A_SENTENCE: usize = 5;

/// A warning, and whether figures are missing something because of it.
struct Remark {
    code: &'static str,
    message: String,
    incomplete: bool,
}

/// What only those who read the sources can tell of the data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// Device samples read, the dropped ones included.
    pub samples_seen: u64,
    /// Device samples not used, by reason.
    pub samples_dropped: BTreeMap<String, u64>,
    /// What went wrong or is missing.
    pub warnings: Vec<Warning>,
    /// No metrics were read: held time is unobserved by intent.
    pub without_metrics: bool,
    /// Each source and how it fared.
    pub sources: Vec<SourceRow>,
}

impl Seen {
    /// What inputs tell, and what was odd about them.
    #[must_use]
    pub fn of(inputs: &Inputs, odd: &Oddities) -> Self {
        let mut remarks = about_sources(inputs);
        let without_metrics = inputs.metrics.is_empty();
        if without_metrics {
            remarks.push(Remark {
                code: "no-metrics",
                message: "no metrics are read: what is listed now stands for the whole window, and held time is \
                          unobserved, neither idle nor busy"
                    .into(),
                incomplete: true,
            });
        }
        remarks.extend(about_devices(odd));
        remarks.extend(about_claims(odd));
        remarks.extend(about_holders(odd));
        // Without metrics these follow of themselves.
        remarks.retain(|r| !(without_metrics && NEEDS_METRICS.contains(&r.code)));
        let dropped = odd.samples_dropped.iter();
        Self {
            samples_seen: odd.samples_seen,
            samples_dropped: dropped.map(|(reason, n)| ((*reason).to_owned(), *n)).collect(),
            warnings: remarks.into_iter().map(Remark::warning).collect(),
            without_metrics,
            sources: inputs.sources.iter().map(source_row).collect(),
        }
    }
}

impl Remark {
    fn warning(self) -> Warning {
        Warning { code: self.code.to_owned(), message: self.message, incomplete: self.incomplete }
    }
}

/// Builds the coverage section.
#[must_use]
pub fn coverage(
    accounts: &Accounts,
    observed_ratio: Option<f64>,
    unobserved_gpu_hours: BTreeMap<String, f64>,
    nobody_in_scope: bool,
) -> Coverage {
    let Accounts { attribution, prices, seen, .. } = accounts;
    let unpriced: Vec<String> = attribution
        .devices
        .iter()
        .zip(prices)
        .filter(|(_, price)| price.is_none())
        .map(|(device, _)| device.id.clone())
        .collect();
    let mut remarks = Vec::new();
    remarks.extend(about_prices(attribution, prices));
    remarks.extend(about_virtual_gpus(attribution));
    if nobody_in_scope && !attribution.holders.is_empty() {
        remarks.push(Remark {
            code: "empty-scope",
            message: "nobody who held a GPU is in scope: check --tenant, --namespace and --selector for a typo".into(),
            incomplete: true,
        });
    }
    if let Some(ratio) = observed_ratio.filter(|r| *r < ENOUGH_OBSERVED && !seen.without_metrics) {
        remarks.push(Remark {
            code: "low-coverage",
            message: format!(
                "only {:.1} % of the held time has a trustworthy sample; the rest is unobserved, neither idle nor busy",
                ratio * 100.0
            ),
            incomplete: true,
        });
    }
    let mut warnings = seen.warnings.clone();
    warnings.extend(remarks.into_iter().map(Remark::warning));
    warnings.sort();
    let holders: BTreeSet<usize> = attribution.pieces.iter().map(|p| p.holder).collect();
    let ownerless = attribution.holders.iter().enumerate().filter(|(h, held_by)| {
        held_by.holder.kind == HolderKind::Pod && !held_by.workload.owned && holders.contains(h)
    });
    let ownerless: BTreeSet<String> = ownerless.map(|(_, held_by)| pod_key(held_by)).collect();
    Coverage {
        samples_seen: seen.samples_seen,
        samples_dropped: seen.samples_dropped.clone(),
        observed_ratio,
        unobserved_gpu_hours,
        gpus_without_price: unpriced,
        pods_without_owner: u32::try_from(ownerless.len()).unwrap_or(u32::MAX),
        complete: !warnings.iter().any(|w| w.incomplete),
        warnings,
        sources: seen.sources.clone(),
    }
}

/// A line of coverage about a source.
pub(crate) fn source_row(source: &crate::model::SourceStatus) -> SourceRow {
    let status = match source.state {
        SourceState::Ok => "ok",
        SourceState::Gridded => "gridded",
        SourceState::Empty => "empty",
        SourceState::Partial => "partial",
        SourceState::Failed => "failed",
        SourceState::Skipped => "skipped",
    };
    SourceRow {
        name: source.name.clone(),
        status: status.to_owned(),
        detail: source.detail.clone(),
    }
}

/// Kinds that hold no GPU, and queries that only recommendations look at: without them hours and money are the same.
pub(crate) fn is_optional(source: &str) -> bool {
    let query = source.rsplit('/').next().and_then(QueryId::from_name);
    query.is_some_and(QueryId::is_optional)
        || ["deviceclasses", "devicetaintrules", "podgroups", "resourceclaimtemplates", "sandbox"]
            .iter()
            .any(|kind| source.contains(kind))
}

fn about_sources(inputs: &Inputs) -> Vec<Remark> {
    let mut out = Vec::new();
    for source in &inputs.sources {
        if matches!(source.state, SourceState::Failed | SourceState::Partial) {
            out.push(Remark {
                code: "source-failed",
                message: format!("{}: {}", source.name, source.detail),
                incomplete: !is_optional(&source.name),
            });
        }
        if source.state == SourceState::Gridded {
            out.push(Remark {
                code: "gridded",
                message: format!("{}: {}", source.name, source.detail),
                incomplete: false,
            });
        }
    }
    for data in &inputs.metrics {
        for gap in &data.gaps {
            out.push(Remark {
                code: "query-gap",
                message: format!(
                    "query {} has no answer from {} to {}: {}; that time is unobserved",
                    data.query.name(),
                    rfc3339(gap.start_ms),
                    rfc3339(gap.end_ms),
                    gap.reason
                ),
                incomplete: !data.query.is_optional(),
            });
        }
    }
    for problem in &inputs.facts.problems {
        out.push(Remark {
            code: "bad-object",
            message: format!("{}: {}", problem.subject, problem.detail),
            incomplete: false,
        });
    }
    let newest =
        inputs.metrics.iter().flat_map(|m| &m.series).filter_map(|s| s.samples.last()).max();
    if let Some(newest) = newest.filter(|t| *t > inputs.now_ms + CLOCK_TOLERANCE_MS) {
        out.push(Remark {
            code: "clock-skew",
            message: format!(
                "the newest sample is of {}, but now is {}: a clock is wrong, and edges of the window are off by as much",
                rfc3339(newest),
                rfc3339(inputs.now_ms)
            ),
            incomplete: false,
        });
    }
    out
}

fn about_devices(odd: &Oddities) -> Vec<Remark> {
    let mut out = Vec::new();
    let mut say = |code, incomplete, message| out.push(Remark { code, message, incomplete });
    if odd.no_device_series {
        say(
            "no-dcgm-series",
            true,
            "no DCGM series at all, and none of AMD: utilization is unknown, every held GPU is unobserved. \
             Is dcgm-exporter scraped by this Prometheus, and does --prometheus-matcher fit?"
                .into(),
        );
    } else if !odd.silent_devices.is_empty() {
        let names = list(&odd.silent_devices);
        say(
            "silent-devices",
            true,
            format!(
                "GPUs in a node's capacity that no exporter shows: {names}; unobserved when held"
            ),
        );
    }
    if odd.samples_clamped > 0 {
        say(
            "samples-clamped",
            false,
            format!("{} samples of a ratio overshot 1 and were taken as 1", odd.samples_clamped),
        );
    }
    if !odd.nodes_without_room.is_empty() {
        let names = list(&odd.nodes_without_room);
        say(
            "room-unknown",
            false,
            format!(
                "CPU and memory of these nodes are unknown, so nothing on them is called stranded: {names}"
            ),
        );
    }
    if odd.busy_unheld_ms > 0 {
        say(
            "busy-unallocated",
            false,
            format!(
                "{:.1} GPU-hours that no pod holds were used all the same: work outside Kubernetes, or a holder that no source names",
                gpu_hours(odd.busy_unheld_ms)
            ),
        );
    }
    out
}

fn about_claims(odd: &Oddities) -> Vec<Remark> {
    let mut out = Vec::new();
    let mut say = |code, incomplete, message| out.push(Remark { code, message, incomplete });
    if !odd.unlisted.is_empty() {
        say(
            "unlisted-devices",
            true,
            format!(
                "claims hold devices that no pool lists (any more); they are not billed: {}",
                list(&odd.unlisted)
            ),
        );
    }
    if !odd.incomplete_pools.is_empty() {
        say(
            "incomplete-pools",
            true,
            format!(
                "slices of these pools are missing, and devices with them: {}",
                list(&odd.incomplete_pools)
            ),
        );
    }
    if odd.no_claim_history {
        say(
            "no-claim-history",
            !odd.claims_are_labelled,
            "no history of resource claims: kube-state-metrics before 2.20 does not tell which pod used which; \
             GPU-hours of claims that are gone are __unattributed__, or known from DCGM's labels alone"
                .into(),
        );
    }
    if !odd.unjoined.is_empty() {
        let names: Vec<_> =
            odd.unjoined.iter().map(|k| format!("{}/{}", k.namespace, k.name)).collect();
        say(
            "claims-unjoined",
            true,
            format!(
                "pods that are gone used resource claims of which no device is known: {}; a GPU that was free \
                 then is taken for theirs, __unattributed__ and unobserved. Let dcgm-exporter print dra_* labels \
                 (KUBERNETES_ENABLE_DRA)",
                list(&names)
            ),
        );
    }
    if odd.unclaimed_use_ms > 0 {
        say(
            "claims-unknown",
            true,
            format!(
                "{:.1} GPU-hours on devices of resource claims were in use while no claim of that time is known; \
                 they are __unattributed__. Let dcgm-exporter print dra_* labels (KUBERNETES_ENABLE_DRA)",
                gpu_hours(odd.unclaimed_use_ms)
            ),
        );
    }
    out
}

fn about_holders(odd: &Oddities) -> Vec<Remark> {
    let mut out = Vec::new();
    let mut say = |code, incomplete, message| out.push(Remark { code, message, incomplete });
    if odd.no_holders {
        say("no-holders", true, "nothing names a holder: no pods from kube-state-metrics, no pod objects, no pod labels on \
             DCGM series. All GPU time is __unattributed__. Give a cluster or --objects, or let the exporter label pods".into());
    } else if odd.no_pod_history {
        say("no-pod-history", true, "kube-state-metrics shows no pod that requests GPUs: who held what rests on objects and \
             DCGM's pod labels, and pods that are gone may be missing".into());
    }
    for problem in &odd.bad_annotations {
        say("bad-annotation", true, problem.clone());
    }
    let contested: i64 = odd.contested.iter().map(|(_, ms)| ms).sum();
    if contested > 0 {
        let names: Vec<_> = odd.contested.iter().map(|(id, _)| id.clone()).collect();
        let names = list(&names);
        say(
            "contested-devices",
            false,
            format!(
                "two pods claimed one GPU for {:.2} GPU-hours in all (billed once, to the later): {names}",
                gpu_hours(contested)
            ),
        );
    }
    for (key, ms) in &odd.homeless {
        say(
            "request-without-device",
            true,
            format!(
                "pod {}/{} requested {:.2} GPU-hours more than its node has GPUs for; they are not billed",
                key.namespace,
                key.name,
                gpu_hours(*ms)
            ),
        );
    }
    if !odd.unconfirmed.is_empty() {
        let names: Vec<_> =
            odd.unconfirmed.iter().map(|k| format!("{}/{}", k.namespace, k.name)).collect();
        let names = list(&names);
        say(
            "unconfirmed-pods",
            false,
            format!(
                "pods in the objects given that neither metrics nor devices know in this window are not billed: {names}"
            ),
        );
    }
    out
}

fn about_prices(attribution: &Attribution, prices: &[Option<Price>]) -> Vec<Remark> {
    let mut models: BTreeMap<&str, u32> = BTreeMap::new();
    for (device, _) in attribution.devices.iter().zip(prices).filter(|(_, p)| p.is_none()) {
        *models.entry(&device.model).or_default() += 1;
    }
    models
        .into_iter()
        .map(|(model, count)| Remark {
            code: "no-price",
            message: format!("no price for {count} × {model}: its cost is unknown, not 0. Give --price '{model}=USD' or a price rule"),
            incomplete: true,
        })
        .collect()
}

/// Inside a virtual machine a card looks whole, and what the machine has may be a part of one.
fn about_virtual_gpus(attribution: &Attribution) -> Option<Remark> {
    let mut models: BTreeMap<&str, u32> = BTreeMap::new();
    for device in attribution.devices.iter().filter(|d| d.is_virtual()) {
        *models.entry(&device.model).or_default() += 1;
    }
    let names: Vec<String> = models.iter().map(|(model, n)| format!("{n} × {model}")).collect();
    (!names.is_empty()).then(|| Remark {
        code: "virtual-gpus",
        message: format!(
            "virtual GPUs of a hypervisor: {}; each counts as one GPU, and its price is per virtual GPU, not per card",
            list(&names)
        ),
        incomplete: false,
    })
}

fn list(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_IN_A_SENTENCE).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMES_IN_A_SENTENCE) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_recommendations_look_at_is_no_loss_to_a_report() {
        for query in QueryId::OPTIONAL {
            assert!(is_optional(&format!("prometheus/{}", query.name())));
        }
        assert!(
            QueryId::ALL.iter().all(|query| !is_optional(&format!("prometheus/{}", query.name())))
        );
    }

    #[test]
    fn long_lists_are_cut_with_their_length() {
        let names: Vec<String> = (0..7).map(|n| n.to_string()).collect();
        assert_eq!(list(&names[..5]), "0, 1, 2, 3, 4");
        assert_eq!(list(&names), "0, 1, 2, 3, 4 and 2 more");
    }
}
