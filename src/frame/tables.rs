//! The tables: one type each around a private frame, built in one place, joined in one place.

use polars::prelude::{
    ChunkAgg, Column, DataFrame, DataType, IntoLazy, JoinArgs, JoinType, JoinValidation, LazyFrame,
    PolarsError, PolarsResult, col, lit, when,
};

use super::columns as c;
use super::names::Names;
use crate::attribution::states::State;
use crate::units::MS_PER_HOUR;

/// Time of one device in one state (see `attribution::states::Segment`), as columns. Stretches that
/// differ in their instants only are one row: no figure asks when.
#[derive(Debug, Clone, Default)]
pub struct SegmentRows {
    /// Device.
    pub device: Vec<u32>,
    /// Holder.
    pub holder: Vec<Option<u32>>,
    /// Length of all stretches, milliseconds.
    pub length_ms: Vec<i64>,
    /// Part of the device.
    pub share: Vec<f64>,
    /// Whether the utilization is an estimate.
    pub estimated: Vec<bool>,
    /// State.
    pub state: Vec<&'static str>,
    /// Utilization.
    pub utilization: Vec<Option<f64>>,
    /// Signal.
    pub signal: Vec<Option<&'static str>>,
    /// Why unobserved.
    pub blind: Vec<Option<&'static str>>,
}

/// Holders with everything a row can be grouped by.
#[derive(Debug, Clone, Default)]
pub struct HolderRows {
    /// Tenant.
    pub tenant: Vec<String>,
    /// Rule.
    pub rule: Vec<String>,
    /// Namespace.
    pub namespace: Vec<String>,
    /// Workload kind.
    pub workload_kind: Vec<String>,
    /// Workload.
    pub workload: Vec<String>,
    /// Pod key.
    pub pod: Vec<String>,
    /// Holding source.
    pub holding_source: Vec<&'static str>,
    /// In scope.
    pub in_scope: Vec<bool>,
}

/// Devices with their price.
#[derive(Debug, Clone, Default)]
pub struct DeviceRows {
    /// Node.
    pub node: Vec<String>,
    /// Model.
    pub model: Vec<String>,
    /// How it is shared.
    pub sharing: Vec<&'static str>,
    /// Price.
    pub price: Vec<Option<f64>>,
}

/// One row per tenure.
#[derive(Debug, Clone, Default)]
pub struct TenureRows {
    /// Holder.
    pub holder: Vec<u32>,
    /// Device.
    pub device: Vec<u32>,
    /// Largest framebuffer use, bytes.
    pub memory_peak: Vec<Option<f64>>,
    /// Longest idle stretch, milliseconds.
    pub longest_idle_ms: Vec<i64>,
}

/// Segments with holder, device, length and price: what every sum is taken over.
#[derive(Clone)]
pub struct Facts(DataFrame);

/// Tenures with holder and device.
#[derive(Clone)]
pub struct Tenures(DataFrame);

/// A frame whose columns are not what its table says.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Polars refused.
    #[error("internal error in table `{table}`: {source}")]
    Polars {
        /// Which table.
        table: &'static str,
        /// What polars says.
        source: PolarsError,
    },
    /// A lookup changed the number of rows or the time.
    #[error(
        "internal error in table `{table}`: a lookup join changed {what} from {before} to {after}"
    )]
    Lookup {
        /// Which table.
        table: &'static str,
        /// What changed.
        what: &'static str,
        /// Before.
        before: i64,
        /// After.
        after: i64,
    },
}

/// Names a table in polars' errors.
pub(crate) fn in_table<T>(table: &'static str, result: PolarsResult<T>) -> Result<T, FrameError> {
    result.map_err(|source| FrameError::Polars { table, source })
}

impl Facts {
    /// Joins segments with their holders (many to one; free time has none) and devices (many to one;
    /// each has one).
    ///
    /// # Errors
    /// When a key is not unique, or a lookup loses or multiplies time: a bug, never bad input.
    pub fn new(
        names: &Names,
        segments: SegmentRows,
        holders: &HolderRows,
        devices: &DeviceRows,
    ) -> Result<Self, FrameError> {
        let table = "facts";
        let segments = in_table(table, segment_frame(names, segments))?;
        let before = (
            i64::try_from(segments.height()).unwrap_or(i64::MAX),
            in_table(table, total_ms(&segments))?,
        );
        let joined = in_table(table, holder_frame(names, holders)).and_then(|holders| {
            let devices = in_table(table, device_frame(names, devices))?;
            let lf = lookup(segments.lazy(), holders.lazy(), c::HOLDER);
            let lf = lookup(lf, devices.lazy(), c::DEVICE);
            in_table(table, lf.with_column(gpu_ms()).with_column(is_priced_cost()).collect())
        })?;
        let after = (
            i64::try_from(joined.height()).unwrap_or(i64::MAX),
            in_table(table, total_ms(&joined))?,
        );
        for (what, before, after) in
            [("rows", before.0, after.0), ("milliseconds", before.1, after.1)]
        {
            if before != after {
                return Err(FrameError::Lookup { table, what, before, after });
            }
        }
        Ok(Self(joined))
    }

    /// Everything.
    pub fn lazy(&self) -> LazyFrame {
        self.0.clone().lazy()
    }
}

impl Tenures {
    /// Joins tenures with their holders and devices (many to one each).
    ///
    /// # Errors
    /// When a key is not unique: a bug, never bad input.
    pub fn new(
        names: &Names,
        tenures: TenureRows,
        holders: &HolderRows,
        devices: &DeviceRows,
    ) -> Result<Self, FrameError> {
        let table = "tenures";
        let frame = in_table(
            table,
            frame(vec![
                Column::new(c::HOLDER.into(), tenures.holder),
                Column::new(c::DEVICE.into(), tenures.device),
                Column::new(c::MEMORY_PEAK.into(), tenures.memory_peak),
                Column::new(c::LONGEST_IDLE_MS.into(), tenures.longest_idle_ms),
            ]),
        )?;
        let holders = in_table(table, holder_frame(names, holders))?;
        let devices = in_table(table, device_frame(names, devices))?;
        let lf = lookup(lookup(frame.lazy(), holders.lazy(), c::HOLDER), devices.lazy(), c::DEVICE);
        Ok(Self(in_table(table, lf.collect())?))
    }

    /// Everything.
    pub fn lazy(&self) -> LazyFrame {
        self.0.clone().lazy()
    }
}

/// A left join with a table that has each key once.
fn lookup(left: LazyFrame, right: LazyFrame, key: &str) -> LazyFrame {
    let args = JoinArgs { validation: JoinValidation::ManyToOne, ..JoinArgs::new(JoinType::Left) };
    left.join(right, [col(key)], [col(key)], args)
}

fn total_ms(df: &DataFrame) -> PolarsResult<i64> {
    Ok(df.column(c::HELD_MS)?.i64()?.sum().unwrap_or(0))
}

/// Length of a segment × the part of the device that it is about.
fn gpu_ms() -> polars::prelude::Expr {
    (col(c::HELD_MS).cast(DataType::Float64) * col(c::SHARE)).alias(c::GPU_MS)
}

/// GPU time of a segment × price of an hour; null without a price.
fn is_priced_cost() -> polars::prelude::Expr {
    (col(c::GPU_MS) / lit(ms_per_hour()) * col(c::PRICE)).alias(c::sum::TOTAL_COST)
}

#[expect(clippy::cast_precision_loss, reason = "3.6 million is exact")]
const fn ms_per_hour() -> f64 {
    MS_PER_HOUR as f64
}

/// Utilization where the device is active, 0 elsewhere (null stays out of every sum).
pub fn active_utilization() -> polars::prelude::Expr {
    when(col(c::STATE).eq(lit(State::Active.name()))).then(col(c::UTILIZATION)).otherwise(lit(0.0))
}

fn frame(columns: Vec<Column>) -> PolarsResult<DataFrame> {
    let height = columns.first().map_or(0, Column::len);
    DataFrame::new(height, columns)
}

fn segment_frame(names: &Names, rows: SegmentRows) -> PolarsResult<DataFrame> {
    let signals: Vec<Option<u32>> =
        rows.signal.iter().map(|signal| signal.map(|text| names.code(text))).collect();
    frame(vec![
        Column::new(c::DEVICE.into(), rows.device),
        Column::new(c::HOLDER.into(), rows.holder),
        Column::new(c::HELD_MS.into(), rows.length_ms),
        Column::new(c::SHARE.into(), rows.share),
        Column::new(c::ESTIMATED.into(), rows.estimated),
        Column::new(c::STATE.into(), rows.state),
        Column::new(c::UTILIZATION.into(), rows.utilization),
        Column::new(c::SIGNAL.into(), signals),
        Column::new(c::BLIND.into(), rows.blind),
    ])
}

fn row_numbers(length: usize) -> Vec<u32> {
    (0..u32::try_from(length).unwrap_or(u32::MAX)).collect()
}

fn holder_frame(names: &Names, rows: &HolderRows) -> PolarsResult<DataFrame> {
    let texts = |column: &[String]| names.codes(column.iter().map(String::as_str));
    frame(vec![
        Column::new(c::HOLDER.into(), row_numbers(rows.tenant.len())),
        Column::new(c::TENANT.into(), texts(&rows.tenant)),
        Column::new(c::RULE.into(), texts(&rows.rule)),
        Column::new(c::NAMESPACE.into(), texts(&rows.namespace)),
        Column::new(c::WORKLOAD_KIND.into(), texts(&rows.workload_kind)),
        Column::new(c::WORKLOAD.into(), texts(&rows.workload)),
        Column::new(c::POD.into(), texts(&rows.pod)),
        Column::new(c::HOLDING_SOURCE.into(), names.codes(rows.holding_source.iter().copied())),
        Column::new(c::IN_SCOPE.into(), rows.in_scope.as_slice()),
    ])
}

fn device_frame(names: &Names, rows: &DeviceRows) -> PolarsResult<DataFrame> {
    let texts = |column: &[String]| names.codes(column.iter().map(String::as_str));
    frame(vec![
        Column::new(c::DEVICE.into(), row_numbers(rows.node.len())),
        Column::new(c::NODE.into(), texts(&rows.node)),
        Column::new(c::MODEL.into(), texts(&rows.model)),
        Column::new(c::SHARING.into(), names.codes(rows.sharing.iter().copied())),
        Column::new(c::PRICE.into(), rows.price.as_slice()),
    ])
}
