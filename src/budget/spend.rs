//! What each budget's scope spent, bucket by bucket, and on whose workloads.
//!
//! Time and money are those of the report: the sum over all buckets of a whole fleet is the report's
//! `allocated_cost` (or `capacity_cost`), because both add up the same rows with the same prices.

use std::collections::{BTreeMap, BTreeSet};

use super::define::{Basis, Budget, Unit};
use super::grid::{Grid, Row};
use super::scope::{self, Matches};
use crate::attribution::states::State;
use crate::frame::pairs::Time;
use crate::model::query::QueryKind;
use crate::model::{Inputs, Interval, IntervalSet, Samples};
use crate::report::accounts::Accounts;
use crate::units::{MS_PER_HOUR, Millis, gpu_hours_of};

/// Time of GPUs, in GPU-hours, and its money.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Amounts {
    /// What counts against the budget.
    pub gpu_hours: f64,
    /// Of it, observed.
    pub observed_gpu_hours: f64,
    /// Held and idle.
    pub idle_gpu_hours: f64,
    /// Idle, slack, and held by a claim that nobody uses.
    pub waste_gpu_hours: f64,
    /// Integral of utilization over observed held time.
    pub utilization_gpu_hours: f64,
    /// Of what counts, without a price.
    pub unpriced_gpu_hours: f64,
    /// Money of what counts; what has no price is left out.
    pub cost: f64,
    /// Money of the waste, in the same way.
    pub waste_cost: f64,
}

impl Amounts {
    fn of(time: &Time, basis: Basis, price: Option<f64>) -> Self {
        let hours = |state: State| gpu_hours_of(time.in_state[state as usize]);
        let active = hours(State::Active);
        let idle = hours(State::IdleWarm) + hours(State::IdleEmpty);
        let held = active + idle + hours(State::Unobserved);
        let counted = match basis {
            Basis::Held => held,
            Basis::Capacity => gpu_hours_of(time.total_ms()),
        };
        let slack = active - gpu_hours_of(time.busy_ratio_ms);
        let waste = idle + slack + hours(State::StaleClaim);
        Self {
            gpu_hours: counted,
            observed_gpu_hours: active + idle,
            idle_gpu_hours: idle,
            waste_gpu_hours: waste,
            utilization_gpu_hours: gpu_hours_of(time.utilization_ratio_ms),
            unpriced_gpu_hours: if price.is_none() { counted } else { 0.0 },
            cost: price.map_or(0.0, |price| counted * price),
            waste_cost: price.map_or(0.0, |price| waste * price),
        }
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.gpu_hours += other.gpu_hours;
        self.observed_gpu_hours += other.observed_gpu_hours;
        self.idle_gpu_hours += other.idle_gpu_hours;
        self.waste_gpu_hours += other.waste_gpu_hours;
        self.utilization_gpu_hours += other.utilization_gpu_hours;
        self.unpriced_gpu_hours += other.unpriced_gpu_hours;
        self.cost += other.cost;
        self.waste_cost += other.waste_cost;
    }

    /// What counts, in the budget's unit.
    #[must_use]
    pub const fn spent(&self, unit: Unit) -> f64 {
        match unit {
            Unit::Money => self.cost,
            Unit::GpuHours => self.gpu_hours,
        }
    }

    /// The waste, in the budget's unit.
    #[must_use]
    pub const fn waste(&self, unit: Unit) -> f64 {
        match unit {
            Unit::Money => self.waste_cost,
            Unit::GpuHours => self.waste_gpu_hours,
        }
    }
}

/// A workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkloadKey {
    /// Cluster, if it has a name.
    pub cluster: Option<String>,
    /// `namespace/kind/name`.
    pub subject: String,
    /// Its tenant.
    pub tenant: String,
}

/// What one budget's scope spent.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// By bucket.
    pub buckets: Vec<Amounts>,
    /// By workload and bucket; buckets in which it had nothing are not there.
    pub workloads: BTreeMap<WorkloadKey, BTreeMap<usize, Amounts>>,
    /// Whether anybody or anything matched at all.
    pub is_known: bool,
}

/// What all budgets' scopes spent, and of which time that is known.
pub struct Spend<'a> {
    budgets: &'a [Budget],
    queue_labels: &'a [String],
    /// Where time is cut.
    pub grid: Grid,
    /// By budget.
    pub series: Vec<Series>,
    /// By cluster, the time of which there is data.
    pub known: BTreeMap<Option<String>, IntervalSet>,
}

impl<'a> Spend<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new(budgets: &'a [Budget], queue_labels: &'a [String], grid: Grid) -> Self {
        let empty = Series { buckets: vec![Amounts::default(); grid.len()], ..Series::default() };
        let series = vec![empty; budgets.len()];
        Self { budgets, queue_labels, grid, series, known: BTreeMap::new() }
    }

    /// Says of which time of a cluster there is data; nothing, where it could not be read.
    pub fn know(&mut self, cluster: Option<&str>, time: &IntervalSet) {
        let known = self.known.entry(cluster.map(ToOwned::to_owned)).or_default();
        *known = known.union(time);
    }

    /// Adds the rows of each device of accounts.
    pub fn add(&mut self, accounts: &Accounts, rows: &[Vec<Row>]) {
        let matches = Matches::new(self.budgets, accounts, self.queue_labels);
        let attribution = &accounts.attribution;
        let workloads: Vec<WorkloadKey> = attribution
            .holders
            .iter()
            .map(|held_by| WorkloadKey {
                cluster: held_by.cluster.clone(),
                subject: format!(
                    "{}/{}/{}",
                    held_by.holder.key.namespace, held_by.workload.kind, held_by.workload.name
                ),
                tenant: held_by.tenant.tenant.clone(),
            })
            .collect();
        for (device, rows) in rows.iter().enumerate() {
            let price = accounts.prices[device].as_ref().map(|price| price.per_gpu_hour);
            for row in rows {
                for (b, series) in self.series.iter_mut().enumerate() {
                    if !matches.counts(b, row.holder, device) {
                        continue;
                    }
                    let amounts = Amounts::of(&row.time, self.budgets[b].basis, price);
                    series.is_known = true;
                    series.buckets[row.bucket].add(&amounts);
                    let Some(holder) = row.holder else { continue };
                    let of = series.workloads.entry(workloads[holder].clone()).or_default();
                    of.entry(row.bucket).or_default().add(&amounts);
                }
            }
        }
    }

    /// What a budget's scope spent in a stretch of time that begins and ends at cuts.
    #[must_use]
    pub fn within(&self, budget: usize, time: Interval) -> Amounts {
        let mut sum = Amounts::default();
        let buckets = self.grid.buckets().zip(&self.series[budget].buckets);
        for (_, amounts) in buckets.filter(|(bucket, _)| is_within(*bucket, time)) {
            sum.add(amounts);
        }
        sum
    }

    /// The share of a stretch of time of which there is data, 0..1: the mean over the clusters of the scope.
    #[must_use]
    pub fn known_ratio(&self, budget: usize, time: Interval) -> f64 {
        let patterns = scope::cluster_patterns(&self.budgets[budget]);
        let of = |cluster: &Option<String>| scope::any(patterns, cluster.as_deref().unwrap_or(""));
        let known: Vec<f64> = (self.known.iter())
            .filter(|(cluster, _)| of(cluster))
            .map(|(_, known)| ratio(known.intersect(&IntervalSet::of(time)).length_ms(), time))
            .collect();
        if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / count(known.len()) }
    }

    /// The first cut at or after an instant; the window's end where there is none.
    #[must_use]
    pub fn first_cut_from(&self, at: i64) -> i64 {
        let mut buckets = self.grid.buckets();
        let start = buckets.find(|bucket| bucket.start >= at).map(|bucket| bucket.start);
        start.unwrap_or_else(|| self.grid.bucket(self.grid.len() - 1).end)
    }

    /// The first instant of which there is data of the scope.
    #[must_use]
    pub fn known_from(&self, budget: usize) -> Option<i64> {
        let patterns = scope::cluster_patterns(&self.budgets[budget]);
        let of = |cluster: &Option<String>| scope::any(patterns, cluster.as_deref().unwrap_or(""));
        let known = self.known.iter().filter(|(cluster, _)| of(cluster));
        known.filter_map(|(_, known)| Some(known.hull()?.start)).min()
    }
}

/// Whether a bucket lies in a stretch of time.
pub(super) const fn is_within(bucket: Interval, time: Interval) -> bool {
    bucket.start >= time.start && bucket.end <= time.end
}

/// The time of which inputs have samples: hours in which any series has one, from the first sample to the last (and
/// `max_gap_ms` beyond). Objects say nothing of the past: who is gone is not among them.
#[must_use]
pub fn measured(inputs: &Inputs, max_gap_ms: i64) -> IntervalSet {
    let raw = inputs.metrics.iter().filter(|data| data.query.kind() == QueryKind::Raw);
    let samples = || raw.clone().flat_map(|data| &data.series).map(|series| &series.samples);
    let first = samples().filter_map(Samples::first).min();
    let last = samples().filter_map(Samples::last).max();
    let Some((first, last)) = first.zip(last) else { return IntervalSet::default() };
    let hour = |at: Millis| at.div_euclid(MS_PER_HOUR);
    let mut hours: BTreeSet<i64> = BTreeSet::new();
    for samples in samples() {
        let Some((first, last)) = samples.first().zip(samples.last()) else { continue };
        // Most series say nothing that the first one did not.
        if (hour(first)..=hour(last)).all(|hour| hours.contains(&hour)) {
            continue;
        }
        samples.each_run(|run| {
            if run.step_ms <= MS_PER_HOUR || run.count == 1 {
                hours.extend(hour(run.first)..=hour(run.last()));
            } else {
                hours.extend(run.samples().map(|(at, _)| hour(at)));
            }
        });
    }
    let whole = |hour: i64| Interval::new(hour * MS_PER_HOUR, (hour + 1) * MS_PER_HOUR);
    let known = IntervalSet::union_of(hours.into_iter().map(whole));
    known.intersect(&IntervalSet::of(Interval::new(first, last + max_gap_ms)))
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
fn ratio(ms: i64, of: Interval) -> f64 {
    if of.length_ms() == 0 { 1.0 } else { ms as f64 / of.length_ms() as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "clusters")]
const fn count(clusters: usize) -> f64 {
    clusters as f64
}
