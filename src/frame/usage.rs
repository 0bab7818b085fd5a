//! How utilization was spread over time: time-weighted percentiles, peaks, longest idle stretches.

use polars::prelude::{DataFrame, Expr, SortMultipleOptions, col, lit};

use super::columns as c;
use super::columns::sum;
use super::sums::{Part, grouped};
use super::tables::{Facts, FrameError, Tenures, in_table};

/// Time-weighted percentiles and the maximum of utilization by group, ordered by key.
///
/// A percentile is the smallest utilization whose cumulative observed held time reaches the quantile
/// (design, section 2); no interpolation. Groups without observed time are absent.
///
/// # Errors
/// When polars refuses: a bug.
pub fn percentiles(facts: &Facts, part: Part, keys: &[&str]) -> Result<DataFrame, FrameError> {
    let observed = part
        .rows(facts.lazy())
        .filter(col(c::UTILIZATION).is_not_null().and(col(c::HOLDER).is_not_null()))
        .with_column(lit(0i32).alias(c::FLEET))
        .sort([c::UTILIZATION], SortMultipleOptions::default());
    let aggregations = vec![
        percentile(50).alias(sum::P50),
        percentile(95).alias(sum::P95),
        percentile(99).alias(sum::P99),
        col(c::UTILIZATION).max().alias(sum::MAX),
    ];
    in_table("percentiles", grouped(observed, keys, aggregations).collect())
}

/// Within a group in ascending order of utilization: 100 × cumulative ≥ percent × total. Exact for whole
/// GPUs, whose milliseconds are whole numbers; parts of GPUs are compared with room for rounding.
fn percentile(percent: u32) -> Expr {
    let total = col(c::GPU_MS).sum() * lit(f64::from(percent)) * lit(1.0 - ROUNDING);
    let reached = (col(c::GPU_MS).cum_sum(false) * lit(100.0)).gt_eq(total);
    col(c::UTILIZATION).filter(reached).first()
}

/// Far above the rounding of a sum of `f64`, far below a millisecond of any window.
const ROUNDING: f64 = 1e-13;

/// Largest framebuffer use and longest idle stretch by group, ordered by key.
///
/// # Errors
/// When polars refuses: a bug.
pub fn peaks(tenures: &Tenures, part: Part, keys: &[&str]) -> Result<DataFrame, FrameError> {
    let lf = part.rows(tenures.lazy()).with_column(lit(0i32).alias(c::FLEET));
    let aggregations = vec![col(c::MEMORY_PEAK).max(), col(c::LONGEST_IDLE_MS).max()];
    in_table("peaks", grouped(lf, keys, aggregations).collect())
}
