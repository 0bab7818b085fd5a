//! The sums of the ledger by any key: time by state, integrals of utilization, money.

use polars::prelude::{DataFrame, Expr, IntoLazy, LazyFrame, SortMultipleOptions, col, lit};

use super::columns as c;
use super::columns::sum;
use super::tables::{Facts, FrameError, active_utilization, in_table};
use crate::attribution::states::State;

/// States whose time and money are summed one by one; active time is split further.
pub const STATES: [State; 7] = [
    State::IdleWarm,
    State::IdleEmpty,
    State::Unobserved,
    State::StaleClaim,
    State::Unallocated,
    State::Stranded,
    State::Unhealthy,
];

/// Column of a state's time.
#[must_use]
pub fn ms_column(state: State) -> String {
    format!("{}{}", state.name(), sum::MS_SUFFIX)
}

/// Column of a state's money.
#[must_use]
pub fn cost_column(state: State) -> String {
    format!("{}{}", state.name(), sum::COST_SUFFIX)
}

/// Which part of the ledger is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything, unheld time included.
    All,
    /// What somebody in scope holds.
    HeldInScope,
}

impl Part {
    /// The rows that belong to it.
    pub fn rows(self, lf: LazyFrame) -> LazyFrame {
        match self {
            Self::All => lf,
            Self::HeldInScope => lf.filter(col(c::IN_SCOPE).eq(lit(true))),
        }
    }
}

/// The sums of each group, ordered by key. An empty list of keys gives one row for the whole.
///
/// # Errors
/// When polars refuses: a bug.
pub fn by(totals: &Totals, part: Part, keys: &[&str]) -> Result<DataFrame, FrameError> {
    let lf = part.rows(totals.lazy()).with_column(lit(0i32).alias(c::FLEET));
    let lf = grouped(lf, keys, sum_columns().iter().map(|name| ordered_sum(name)).collect());
    in_table("sums", lf.collect())
}

/// A running sum's last value: floats added in the order of rows. Polars may split a plain sum over
/// threads, and then its last digit changes from run to run.
fn ordered_sum(name: &str) -> Expr {
    col(name).cum_sum(false).last()
}

/// The sums of each holder on each device: every other group is made of these, so that the rows of the
/// ledger are gone through once.
#[derive(Clone)]
pub struct Totals(DataFrame);

impl Totals {
    /// Sums the ledger by holder and device.
    ///
    /// # Errors
    /// When polars refuses: a bug.
    pub fn new(facts: &Facts) -> Result<Self, FrameError> {
        let first = |column: &&str| col(*column).first();
        let mut aggregations: Vec<Expr> = GROUPABLE.iter().map(first).collect();
        aggregations.extend(sums());
        let totals = grouped(facts.lazy(), &[c::DEVICE, c::HOLDER], aggregations);
        Ok(Self(in_table("totals", totals.collect())?))
    }

    fn lazy(&self) -> LazyFrame {
        self.0.clone().lazy()
    }
}

/// What a holder on a device has one value of.
const GROUPABLE: [&str; 11] = [
    c::TENANT,
    c::RULE,
    c::NAMESPACE,
    c::WORKLOAD_KIND,
    c::WORKLOAD,
    c::POD,
    c::HOLDING_SOURCE,
    c::IN_SCOPE,
    c::NODE,
    c::MODEL,
    c::SHARING,
];

/// Columns that [`sums`] makes.
fn sum_columns() -> Vec<String> {
    let fixed = [
        sum::TOTAL_MS,
        sum::ACTIVE_MS,
        sum::BUSY_RATIO_MS,
        sum::UTILIZATION_RATIO_MS,
        sum::ESTIMATED_MS,
        sum::UNPRICED_MS,
        sum::TOTAL_COST,
        sum::ACTIVE_COST,
        sum::BUSY_COST,
    ];
    let of_state = |state| [ms_column(state), cost_column(state)];
    fixed.iter().map(ToString::to_string).chain(STATES.into_iter().flat_map(of_state)).collect()
}

/// Groups by `keys` (or into one), with the groups in order of their keys.
pub(super) fn grouped(lf: LazyFrame, keys: &[&str], aggregations: Vec<Expr>) -> LazyFrame {
    let keys: Vec<Expr> =
        if keys.is_empty() { vec![col(c::FLEET)] } else { keys.iter().map(|k| col(*k)).collect() };
    lf.group_by_stable(keys.clone())
        .agg(aggregations)
        .sort_by_exprs(keys, SortMultipleOptions::default())
}

fn sums() -> Vec<Expr> {
    let mut out = vec![
        col(c::GPU_MS).sum().alias(sum::TOTAL_MS),
        time_in(State::Active).alias(sum::ACTIVE_MS),
        busy_ratio_ms().alias(sum::BUSY_RATIO_MS),
        utilization_ratio_ms().alias(sum::UTILIZATION_RATIO_MS),
        col(c::GPU_MS).filter(col(c::ESTIMATED)).sum().alias(sum::ESTIMATED_MS),
        col(c::GPU_MS).filter(col(c::PRICE).is_null()).sum().alias(sum::UNPRICED_MS),
        col(sum::TOTAL_COST).sum(),
        money_in(State::Active).alias(sum::ACTIVE_COST),
        (col(sum::TOTAL_COST) * active_utilization()).sum().alias(sum::BUSY_COST),
    ];
    for state in STATES {
        out.push(time_in(state).alias(ms_column(state)));
        out.push(money_in(state).alias(cost_column(state)));
    }
    out
}

/// Time in a state, milliseconds.
fn time_in(state: State) -> Expr {
    col(c::GPU_MS).filter(col(c::STATE).eq(lit(state.name()))).sum()
}

/// Money of the time in a state; what has no price is left out (`unpriced_ms` says how much).
fn money_in(state: State) -> Expr {
    col(sum::TOTAL_COST).filter(col(c::STATE).eq(lit(state.name()))).sum()
}

fn gpu_ms() -> Expr {
    col(c::GPU_MS)
}

/// ∫ utilization over active time: busy.
fn busy_ratio_ms() -> Expr {
    (gpu_ms() * active_utilization()).sum()
}

/// ∫ utilization over all observed time, idle time included.
fn utilization_ratio_ms() -> Expr {
    (gpu_ms() * col(c::UTILIZATION)).sum()
}

/// Unobserved time by reason, milliseconds, ordered by reason.
///
/// # Errors
/// When polars refuses: a bug.
pub fn unobserved(facts: &Facts) -> Result<DataFrame, FrameError> {
    let lf = facts.lazy().filter(col(c::BLIND).is_not_null());
    in_table("unobserved", grouped(lf, &[c::BLIND], vec![ordered_sum(c::GPU_MS)]).collect())
}

/// Time by group and some label, most time first within a group (ties by label).
///
/// # Errors
/// When polars refuses: a bug.
pub fn by_label(
    facts: &Facts,
    part: Part,
    keys: &[&str],
    label: &str,
) -> Result<DataFrame, FrameError> {
    let lf = part
        .rows(facts.lazy())
        .filter(col(label).is_not_null())
        .with_column(lit(0i32).alias(c::FLEET));
    let keys: Vec<&str> = if keys.is_empty() { vec![c::FLEET] } else { keys.to_vec() };
    let mut with_label = keys.clone();
    with_label.push(label);
    let df = in_table("labels", grouped(lf, &with_label, vec![ordered_sum(c::GPU_MS)]).collect())?;
    let mut order: Vec<Expr> = keys.iter().map(|k| col(*k)).collect();
    order.extend([col(c::GPU_MS), col(label)]);
    let mut descending = vec![false; keys.len()];
    descending.extend([true, false]);
    let options = SortMultipleOptions::default().with_order_descending_multi(descending);
    in_table("labels", df.lazy().sort_by_exprs(order, options).collect())
}

#[cfg(test)]
mod tests {
    use super::super::names::Names;
    use super::super::tables::{DeviceRows, HolderRows, SegmentRows};
    use super::*;

    /// Twenty thousand sevenths and tenths of GPUs: enough rows for polars to split them over threads.
    fn many() -> Facts {
        let (mut segments, mut holders, mut devices) =
            (SegmentRows::default(), HolderRows::default(), DeviceRows::default());
        for name in ["a", "b", "c"] {
            holders.tenant.push(name.into());
            holders.rule.push("namespace".into());
            holders.namespace.push(name.into());
            holders.workload_kind.push("Pod".into());
            holders.workload.push(name.into());
            holders.pod.push(name.into());
            holders.holding_source.push("objects");
            holders.in_scope.push(true);
            devices.node.push(name.into());
            devices.model.push("X1".into());
            devices.sharing.push("mig");
            devices.price.push(Some(2.1));
        }
        for n in 0..20_000_u32 {
            segments.device.push(n % 3);
            segments.holder.push((n % 7 != 0).then_some(n % 2));
            segments.length_ms.push(i64::from(n % 997) * 7 + 1);
            segments.share.push(if n % 5 == 0 { 1.0 / 7.0 } else { 0.1 });
            segments.estimated.push(n % 3 == 0);
            let blind = n % 11 == 0;
            segments.state.push(if blind { "unobserved" } else { "active" });
            segments.utilization.push((!blind).then(|| f64::from(n % 101) / 101.0));
            segments.signal.push((!blind).then_some(if n % 4 == 0 {
                "gpu_util"
            } else {
                "sm_active"
            }));
            segments.blind.push(blind.then_some("no-sample"));
        }
        let names = Names::new(&segments, &holders, &devices);
        Facts::new(&names, segments, &holders, &devices).expect("frames")
    }

    #[test]
    fn sums_are_the_same_to_the_last_bit_on_every_run() {
        let facts = many();
        let all = || {
            let totals = Totals::new(&facts).expect("totals");
            let by_node = by(&totals, Part::All, &[c::NODE]).expect("sums");
            let signals = by_label(&facts, Part::All, &[c::TENANT], c::SIGNAL).expect("labels");
            let unobserved = unobserved(&facts).expect("reasons");
            [totals.0, by_node, signals, unobserved]
        };
        let first = all();
        for _ in 0..20 {
            for (n, (a, b)) in first.iter().zip(&all()).enumerate() {
                assert!(a.equals_missing(b), "table {n}: {a:?} is not {b:?}");
            }
        }
    }
}
