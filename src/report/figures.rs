//! Collected sums as figures of the contract: one ledger and one usage for each group.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult};

use super::contract::{Ledger, Usage};
use crate::attribution::holder::HolderKind;
use crate::attribution::resolve::Piece;
use crate::attribution::states::State;
use crate::attribution::{Attributed, Attribution};
use crate::frame::columns::{self as c, sum};
use crate::frame::names::Names;
use crate::frame::sums::{self, Part, Totals, cost_column, ms_column};
use crate::frame::tables::{Facts, FrameError, Tenures, in_table};
use crate::frame::usage;
use crate::model::Interval;
use crate::model::interval::most_at_once;
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
    /// Texts of the tables.
    pub names: &'a Names,
    /// Segments.
    pub facts: &'a Facts,
    /// Their sums by holder and device.
    pub totals: &'a Totals,
    /// Tenures.
    pub tenures: &'a Tenures,
    /// The rows behind both.
    pub attribution: &'a Attribution,
    /// Whether each holder is in scope.
    pub in_scope: &'a [bool],
}

impl Source<'_> {
    /// Figures of every group that `keys` make; one group with the empty key for no keys.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn by(&self, part: Part, keys: &[&str]) -> Result<BTreeMap<Key, Figures>, FrameError> {
        let df = sums::by(self.totals, part, keys)?;
        let mut out = in_table("sums", self.read(&df, keys, &ledger))?;
        let percentiles = usage::percentiles(self.facts, part, keys)?;
        for (key, p) in in_table("percentiles", self.read(&percentiles, keys, &percentile_row))? {
            let usage = &mut out.entry(key).or_default().usage;
            [
                usage.utilization_p50,
                usage.utilization_p95,
                usage.utilization_p99,
                usage.utilization_max,
            ] = p;
        }
        let peaks = usage::peaks(self.tenures, part, keys)?;
        for (key, (memory, idle_ms)) in in_table("peaks", self.read(&peaks, keys, &peak_row))? {
            let usage = &mut out.entry(key).or_default().usage;
            usage.memory_used_max_bytes = memory;
            usage.longest_idle_seconds = seconds(idle_ms);
        }
        for (key, names) in self.labels(part, keys, c::SIGNAL)? {
            out.entry(key).or_default().usage.signal = Some(names.join(" + "));
        }
        for (key, names) in self.labels(part, keys, c::HOLDING_SOURCE)? {
            out.entry(key).or_default().usage.holding_source = Some(names.join(" + "));
        }
        for (key, peak) in self.gpus_peak(part, keys) {
            out.entry(key).or_default().usage.gpus_peak = peak;
        }
        Ok(out)
    }

    /// The values of a label in each group, most time first.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn labels(
        &self,
        part: Part,
        keys: &[&str],
        label: &str,
    ) -> Result<BTreeMap<Key, Vec<String>>, FrameError> {
        let df = sums::by_label(self.facts, part, keys, label)?;
        let names = in_table("labels", self.texts(&df, label))?;
        let keys = in_table("labels", self.keys_of(&df, keys))?;
        let mut out: BTreeMap<Key, Vec<String>> = BTreeMap::new();
        for (key, name) in keys.into_iter().zip(names) {
            out.entry(key).or_default().push(name);
        }
        Ok(out)
    }

    /// Most GPUs that a group held at one time, parts of GPUs as parts.
    fn gpus_peak(&self, part: Part, keys: &[&str]) -> BTreeMap<Key, f64> {
        let mut parts: BTreeMap<Key, Vec<(Interval, f64)>> = BTreeMap::new();
        for piece in &self.attribution.pieces {
            let holder = &self.attribution.holders[piece.holder].holder;
            // What a stale claim has is held by nobody.
            let is_held = holder.kind != HolderKind::StaleClaim;
            if is_held && (part == Part::All || self.in_scope[piece.holder]) {
                let group = parts.entry(self.key_of(piece, keys)).or_default();
                group.push((piece.time, piece.share));
            }
        }
        parts.into_iter().map(|(key, parts)| (key, most_at_once(parts))).collect()
    }

    fn read<T>(
        &self,
        df: &DataFrame,
        keys: &[&str],
        row: ReadRow<'_, T>,
    ) -> PolarsResult<BTreeMap<Key, T>> {
        let keys = self.keys_of(df, keys)?;
        keys.into_iter().enumerate().map(|(i, key)| Ok((key, row(df, i)?))).collect()
    }

    fn keys_of(&self, df: &DataFrame, keys: &[&str]) -> PolarsResult<Vec<Key>> {
        let columns = keys.iter().map(|k| self.texts(df, k)).collect::<PolarsResult<Vec<_>>>()?;
        let row = |i: usize| columns.iter().map(|column| column[i].clone()).collect();
        Ok((0..df.height()).map(row).collect())
    }

    /// A column as texts; of devices, which have none, their row numbers.
    fn texts(&self, df: &DataFrame, column: &str) -> PolarsResult<Vec<String>> {
        let codes = df.column(column)?.u32()?;
        let text = |code: u32| match column {
            c::DEVICE => code.to_string(),
            _ => self.names.text(code).to_owned(),
        };
        Ok(codes.iter().map(|code| code.map(text).unwrap_or_default()).collect())
    }

    fn key_of(&self, piece: &Piece, keys: &[&str]) -> Key {
        let holder = &self.attribution.holders[piece.holder];
        let device = &self.attribution.devices[piece.device];
        keys.iter()
            .map(|key| match *key {
                c::NODE => device.node.clone(),
                c::MODEL => device.model.clone(),
                c::SHARING => device.sharing.name().to_owned(),
                c::DEVICE => piece.device.to_string(),
                other => holder_value(holder, other),
            })
            .collect()
    }
}

/// A holder's value in a key column.
#[must_use]
pub fn holder_value(holder: &Attributed, column: &str) -> String {
    match column {
        c::TENANT => holder.tenant.tenant.clone(),
        c::RULE => holder.tenant.rule.clone(),
        c::NAMESPACE => holder.holder.key.namespace.clone(),
        c::WORKLOAD_KIND => holder.workload.kind.clone(),
        c::WORKLOAD => holder.workload.name.clone(),
        _ => pod_key(holder),
    }
}

/// One value per pod and life.
#[must_use]
pub fn pod_key(holder: &Attributed) -> String {
    let key = &holder.holder.key;
    format!("{}/{}/{}", key.namespace, key.name, key.uid.as_deref().unwrap_or_default())
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / MS_PER_SECOND as f64
}

type ReadRow<'a, T> = &'a dyn Fn(&DataFrame, usize) -> PolarsResult<T>;

fn int(df: &DataFrame, column: &str, row: usize) -> PolarsResult<i64> {
    Ok(df.column(column)?.i64()?.get(row).unwrap_or(0))
}

fn float(df: &DataFrame, column: &str, row: usize) -> PolarsResult<Option<f64>> {
    Ok(df.column(column)?.f64()?.get(row))
}

fn percentile_row(df: &DataFrame, row: usize) -> PolarsResult<[Option<f64>; 4]> {
    Ok([
        float(df, sum::P50, row)?,
        float(df, sum::P95, row)?,
        float(df, sum::P99, row)?,
        float(df, sum::MAX, row)?,
    ])
}

fn peak_row(df: &DataFrame, row: usize) -> PolarsResult<(Option<f64>, i64)> {
    Ok((float(df, c::MEMORY_PEAK, row)?, int(df, c::LONGEST_IDLE_MS, row)?))
}

/// One row of sums as a ledger. What is not held has no place in `allocated`; money is null where
/// none of the time has a price.
fn ledger(df: &DataFrame, row: usize) -> PolarsResult<Figures> {
    let gpu_ms = |column: &str| Ok(float(df, column, row)?.unwrap_or(0.0)) as PolarsResult<f64>;
    let total_ms = gpu_ms(sum::TOTAL_MS)?;
    let unpriced_ms = gpu_ms(sum::UNPRICED_MS)?;
    let priced = total_ms <= 0.0 || unpriced_ms < total_ms;
    let ms = |state| gpu_ms(&ms_column(state));
    let money =
        |column: &str| Ok(float(df, column, row)?.filter(|_| priced)) as PolarsResult<Option<f64>>;
    let cost = |state| money(&cost_column(state));
    let active_ms = gpu_ms(sum::ACTIVE_MS)?;
    let busy = gpu_hours_of(gpu_ms(sum::BUSY_RATIO_MS)?);
    let used = gpu_hours_of(gpu_ms(sum::UTILIZATION_RATIO_MS)?);
    let (warm, empty, blind) =
        (ms(State::IdleWarm)?, ms(State::IdleEmpty)?, ms(State::Unobserved)?);
    let observed_ms = active_ms + warm + empty;
    let held_ms = observed_ms + blind;
    let (busy_cost, active_cost) = (money(sum::BUSY_COST)?, money(sum::ACTIVE_COST)?);
    let (warm_cost, empty_cost, blind_cost) =
        (cost(State::IdleWarm)?, cost(State::IdleEmpty)?, cost(State::Unobserved)?);
    let stale_cost = cost(State::StaleClaim)?;
    let slack_cost = difference(active_cost, busy_cost);
    // Held and never seen: nothing tells whether it was wasted.
    let is_waste_known = held_ms <= 0.0 || observed_ms > 0.0 || ms(State::StaleClaim)? > 0.0;
    let waste_cost = total([warm_cost, empty_cost, slack_cost, stale_cost]);
    let estimated_hours = gpu_hours_of(gpu_ms(sum::ESTIMATED_MS)?);
    let observed_hours = gpu_hours_of(observed_ms);
    let ledger = Ledger {
        capacity_gpu_hours: None,
        allocated_gpu_hours: gpu_hours_of(held_ms),
        busy_gpu_hours: busy,
        slack_gpu_hours: gpu_hours_of(active_ms) - busy,
        idle_warm_gpu_hours: gpu_hours_of(warm),
        idle_empty_gpu_hours: gpu_hours_of(empty),
        unobserved_gpu_hours: gpu_hours_of(blind),
        stale_claim_gpu_hours: gpu_hours_of(ms(State::StaleClaim)?),
        unallocated_gpu_hours: gpu_hours_of(ms(State::Unallocated)?),
        stranded_gpu_hours: gpu_hours_of(ms(State::Stranded)?),
        unhealthy_gpu_hours: gpu_hours_of(ms(State::Unhealthy)?),
        observed_gpu_hours: observed_hours,
        utilization_gpu_hours: used,
        utilization: (observed_ms > 0.0).then(|| used / observed_hours),
        observed_ratio: (held_ms > 0.0).then(|| observed_hours / gpu_hours_of(held_ms)),
        estimated_gpu_hours: estimated_hours,
        estimated_ratio: (held_ms > 0.0).then(|| estimated_hours / gpu_hours_of(held_ms)),
        unpriced_gpu_hours: gpu_hours_of(unpriced_ms),
        capacity_cost: None,
        allocated_cost: total([active_cost, warm_cost, empty_cost, blind_cost]),
        busy_cost,
        slack_cost,
        idle_warm_cost: warm_cost,
        idle_empty_cost: empty_cost,
        unobserved_cost: blind_cost,
        stale_claim_cost: stale_cost,
        unallocated_cost: cost(State::Unallocated)?,
        stranded_cost: cost(State::Stranded)?,
        unhealthy_cost: cost(State::Unhealthy)?,
        waste_cost: waste_cost.filter(|_| is_waste_known),
    };
    let total_cost = float(df, sum::TOTAL_COST, row)?.unwrap_or(0.0);
    Ok(Figures { ledger, usage: Usage::default(), total_ms, total_cost })
}

fn difference(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? - b?)
}

fn total<const N: usize>(parts: [Option<f64>; N]) -> Option<f64> {
    parts.into_iter().sum()
}
