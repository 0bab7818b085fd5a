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

/// Within a group in ascending order of utilization. In whole numbers: 100 × cumulative ≥ percent × total.
fn percentile(percent: i64) -> Expr {
    let reached =
        (col(c::HELD_MS).cum_sum(false) * lit(100i64)).gt_eq(col(c::HELD_MS).sum() * lit(percent));
    col(c::UTILIZATION).filter(reached).first()
}

/// Largest framebuffer use and longest idle stretch by group, ordered by key.
///
/// # Errors
/// When polars refuses: a bug.
pub fn peaks(tenures: &Tenures, part: Part, keys: &[&str]) -> Result<DataFrame, FrameError> {
    let lf = part.rows(tenures.lazy()).with_column(lit(0i32).alias(c::FLEET));
    let aggregations = vec![col(c::MEMORY_PEAK).max(), col(c::LONGEST_IDLE_MS).max()];
    in_table("peaks", grouped(lf, keys, aggregations).collect())
}
