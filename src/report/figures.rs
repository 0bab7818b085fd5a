//! Collected sums as figures of the contract: one ledger and one usage for each group.

use std::collections::BTreeMap;

use super::contract::{Ledger, Usage};
use super::fold::{Summed, row_number};
use crate::attribution::holder::HolderKind;
use crate::attribution::resolve::Piece;
use crate::attribution::states::State;
use crate::attribution::{Attributed, Attribution};
use crate::frame::columns as c;
use crate::frame::groups::{Groups, Part};
use crate::frame::keys::Keys;
use crate::frame::names::Names;
use crate::frame::pairs::{Pair, Pairs};
use crate::frame::sums::{self, Sums};
use crate::model::Interval;
use crate::model::interval::most_at_once;
use crate::observe::field::Field;
use crate::units::{MS_PER_SECOND, gpu_hours_of};

/// Values of the key columns of a group.
pub type Key = Vec<String>;

/// Time, money and usage of one group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Time and money.
    pub ledger: Ledger,
    /// Spread of utilization.
    pub usage: Usage,
    /// All time of the group, GPU-milliseconds.
    pub total_ms: f64,
    /// Money of all time of the group; what has no price is left out.
    pub total_cost: f64,
}

/// Everything that figures are taken from.
pub struct Source<'a> {
    /// Texts of the keys.
    pub names: &'a Names,
    /// What can be grouped by.
    pub keys: &'a Keys,
    /// Time by holder and device.
    pub summed: &'a Summed,
    /// Price of a physical GPU-hour, by device.
    pub per_gpu_hour: &'a [Option<f64>],
    /// The rows behind both.
    pub attribution: &'a Attribution,
}

impl Source<'_> {
    /// Figures of every group that `columns` make; one group with the empty key for no columns.
    pub fn by(&self, part: Part, columns: &[&str]) -> BTreeMap<Key, Figures> {
        let groups = self.groups(part, columns);
        let mut out: Vec<Figures> = self.sums(&groups).iter().map(figures).collect();
        for (figures, percentiles) in out.iter_mut().zip(self.summed.spread.percentiles(&groups)) {
            let usage = &mut figures.usage;
            usage.utilization_p50 = percentiles.map(|p| p.p50);
            usage.utilization_p95 = percentiles.map(|p| p.p95);
            usage.utilization_p99 = percentiles.map(|p| p.p99);
            usage.utilization_max = percentiles.map(|p| p.max);
        }
        self.peaks(&groups, &mut out);
        let name = |field: Field| field.query().name();
        for (figures, signals) in
            out.iter_mut().zip(groups.labels(self.summed.signals.iter().copied()))
        {
            figures.usage.signal = joined(signals.into_iter().map(name));
        }
        let sources = self.labels_of(&groups, c::HOLDING_SOURCE);
        for (figures, sources) in out.iter_mut().zip(sources) {
            figures.usage.holding_source = joined(sources.into_iter());
        }
        for (figures, peak) in out.iter_mut().zip(self.gpus_peak(&groups)) {
            figures.usage.gpus_peak = peak;
        }
        // In order of the keys' numbers, which is that of their texts but for devices: then nothing is left to sort.
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_unstable_by_key(|&group| groups.key(group));
        let key = |group: usize| self.text(groups.key(group), columns);
        order.into_iter().map(|group| (key(group), std::mem::take(&mut out[group]))).collect()
    }

    /// Time and money alone of every group that `columns` make.
    pub fn ledgers(&self, part: Part, columns: &[&str]) -> BTreeMap<Key, Figures> {
        let groups = self.groups(part, columns);
        let sums = self.sums(&groups);
        self.texts(&groups, columns).zip(sums.iter().map(figures)).collect()
    }

    /// The values of a holder's column in each group, most time first.
    #[must_use]
    pub fn labels(&self, part: Part, columns: &[&str], label: &str) -> BTreeMap<Key, Vec<String>> {
        let groups = self.groups(part, columns);
        let labels = self.labels_of(&groups, label).into_iter();
        let owned = |texts: Vec<&str>| texts.into_iter().map(ToOwned::to_owned).collect();
        self.texts(&groups, columns).zip(labels.map(owned)).collect()
    }

    fn groups<'a>(&'a self, part: Part, columns: &[&'a str]) -> Groups<'a> {
        Groups::new(self.keys, &self.summed.pairs.pairs, part, columns)
    }

    fn sums(&self, groups: &Groups<'_>) -> Vec<Sums> {
        sums::by(&self.summed.pairs, self.per_gpu_hour, groups)
    }

    fn labels_of(&self, groups: &Groups<'_>, label: &str) -> Vec<Vec<&str>> {
        let Pairs { pairs, times } = &self.summed.pairs;
        let label = self.keys.reader(&[label]);
        let held = pairs.iter().zip(times).enumerate().filter(|(_, (p, _))| p.holder.is_some());
        let times = held.map(|(i, (pair, time))| (i, label(*pair)[0], time.total_ms()));
        let texts = |codes: Vec<u32>| codes.into_iter().map(|code| self.names.text(code)).collect();
        groups.labels(times).into_iter().map(texts).collect()
    }

    /// Keys of groups as texts; of devices, which have none, their row numbers.
    fn texts<'a>(
        &'a self,
        groups: &'a Groups<'_>,
        columns: &'a [&str],
    ) -> impl Iterator<Item = Key> + 'a {
        (0..groups.len()).map(|group| self.text(groups.key(group), columns))
    }

    fn text(&self, key: &[u32], columns: &[&str]) -> Key {
        let text = |(column, &code): (&&str, &u32)| match *column {
            c::DEVICE => code.to_string(),
            _ => self.names.text(code).to_owned(),
        };
        columns.iter().zip(key).map(text).collect()
    }

    /// Largest framebuffer use and longest idle stretch of each group.
    fn peaks(&self, groups: &Groups<'_>, out: &mut [Figures]) {
        let tenures = &self.attribution.tenures;
        let pairs = tenures.iter().map(|t| pair(t.device, t.holder));
        for (tenure, group) in tenures.iter().zip(groups.of(pairs)) {
            let Some(figures) = group.and_then(|group| out.get_mut(group)) else { continue };
            let usage = &mut figures.usage;
            usage.memory_used_max_bytes =
                usage.memory_used_max_bytes.into_iter().chain(tenure.memory_peak).reduce(f64::max);
            usage.longest_idle_seconds =
                usage.longest_idle_seconds.max(seconds(tenure.longest_idle_ms));
        }
    }

    /// Most GPUs that each group held at one time, parts of GPUs as parts.
    fn gpus_peak(&self, groups: &Groups<'_>) -> Vec<f64> {
        let mut parts: Vec<Vec<(Interval, f64)>> = vec![Vec::new(); groups.len()];
        // What a stale claim has is held by nobody.
        let is_held = |piece: &&Piece| {
            self.attribution.holders[piece.holder].holder.kind != HolderKind::StaleClaim
        };
        let held = || self.attribution.pieces.iter().filter(is_held);
        for (piece, group) in held().zip(groups.of(held().map(|p| pair(p.device, p.holder)))) {
            if let Some(group) = group {
                parts[group].push((piece.time, piece.share));
            }
        }
        parts.into_iter().map(most_at_once).collect()
    }
}

fn pair(device: usize, holder: usize) -> Pair {
    Pair { device: row_number(device), holder: Some(row_number(holder)) }
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let texts: Vec<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(" + "))
}

/// A holder's value in a key column.
#[must_use]
pub fn holder_value(holder: &Attributed, column: &str) -> String {
    match column {
        c::CLUSTER => holder.cluster.clone().unwrap_or_default(),
        c::TENANT => holder.tenant.tenant.clone(),
        c::RULE => holder.tenant.rule.clone(),
        c::NAMESPACE => holder.holder.key.namespace.clone(),
        c::WORKLOAD_KIND => holder.workload.kind.clone(),
        c::WORKLOAD => holder.workload.name.clone(),
        _ => pod_key(holder),
    }
}

/// One value per cluster, pod and life.
#[must_use]
pub fn pod_key(holder: &Attributed) -> String {
    let key = &holder.holder.key;
    let uid = key.uid.as_deref().unwrap_or_default();
    match &holder.cluster {
        None => format!("{}/{}/{uid}", key.namespace, key.name),
        Some(cluster) => format!("{cluster}/{}/{}/{uid}", key.namespace, key.name),
    }
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / MS_PER_SECOND as f64
}

/// One row of sums as a ledger. What is not held has no place in `allocated`; money is null where
/// none of the time has a price.
fn figures(sums: &Sums) -> Figures {
    let total_ms = sums.time.total_ms();
    let is_priced = total_ms <= 0.0 || sums.is_priced;
    let money = |amount: f64| is_priced.then_some(amount);
    let ms = |state| sums.ms(state);
    let cost = |state| money(sums.cost(state));
    let active_ms = ms(State::Active);
    let busy = gpu_hours_of(sums.time.busy_ratio_ms);
    let used = gpu_hours_of(sums.time.utilization_ratio_ms);
    let (warm, empty, blind) = (ms(State::IdleWarm), ms(State::IdleEmpty), ms(State::Unobserved));
    let observed_ms = active_ms + warm + empty;
    let held_ms = observed_ms + blind;
    let (busy_cost, active_cost) = (money(sums.busy_cost), cost(State::Active));
    let (warm_cost, empty_cost, blind_cost) =
        (cost(State::IdleWarm), cost(State::IdleEmpty), cost(State::Unobserved));
    let stale_cost = cost(State::StaleClaim);
    let slack_cost = difference(active_cost, busy_cost);
    // Held and never seen: nothing tells whether it was wasted.
    let is_waste_known = held_ms <= 0.0 || observed_ms > 0.0 || ms(State::StaleClaim) > 0.0;
    let waste_cost = total([warm_cost, empty_cost, slack_cost, stale_cost]);
    let estimated_hours = gpu_hours_of(sums.time.estimated_ms);
    let observed_hours = gpu_hours_of(observed_ms);
    let ledger = Ledger {
        capacity_gpu_hours: None,
        allocated_gpu_hours: gpu_hours_of(held_ms),
        busy_gpu_hours: busy,
        slack_gpu_hours: gpu_hours_of(active_ms) - busy,
        idle_warm_gpu_hours: gpu_hours_of(warm),
        idle_empty_gpu_hours: gpu_hours_of(empty),
        unobserved_gpu_hours: gpu_hours_of(blind),
        stale_claim_gpu_hours: gpu_hours_of(ms(State::StaleClaim)),
        unallocated_gpu_hours: gpu_hours_of(ms(State::Unallocated)),
        stranded_gpu_hours: gpu_hours_of(ms(State::Stranded)),
        unhealthy_gpu_hours: gpu_hours_of(ms(State::Unhealthy)),
        observed_gpu_hours: observed_hours,
        utilization_gpu_hours: used,
        utilization: (observed_ms > 0.0).then(|| used / observed_hours),
        observed_ratio: (held_ms > 0.0).then(|| observed_hours / gpu_hours_of(held_ms)),
        estimated_gpu_hours: estimated_hours,
        estimated_ratio: (held_ms > 0.0).then(|| estimated_hours / gpu_hours_of(held_ms)),
        unpriced_gpu_hours: gpu_hours_of(sums.unpriced_ms),
        capacity_cost: None,
        allocated_cost: total([active_cost, warm_cost, empty_cost, blind_cost]),
        busy_cost,
        slack_cost,
        idle_warm_cost: warm_cost,
        idle_empty_cost: empty_cost,
        unobserved_cost: blind_cost,
        stale_claim_cost: stale_cost,
        unallocated_cost: cost(State::Unallocated),
        stranded_cost: cost(State::Stranded),
        unhealthy_cost: cost(State::Unhealthy),
        waste_cost: waste_cost.filter(|_| is_waste_known),
    };
    Figures { ledger, usage: Usage::default(), total_ms, total_cost: sums.total_cost }
}

fn difference(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? - b?)
}

fn total<const N: usize>(parts: [Option<f64>; N]) -> Option<f64> {
    parts.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_price_has_no_money_however_its_time_was_rounded() {
        let mut sums = Sums::default();
        sums.time.add(State::Active, Some(0.5), false, 3.6e6);
        // Parts added in another order than the whole: a hair less.
        sums.unpriced_ms = 3.6e6 - 1e-9;
        assert_eq!(figures(&sums).ledger.allocated_cost, None);
        sums.is_priced = true;
        assert_eq!(figures(&sums).ledger.allocated_cost, Some(0.0));
        assert_eq!(figures(&Sums::default()).ledger.allocated_cost, Some(0.0));
    }
}
