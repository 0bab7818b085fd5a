//! Series as two Parquet tables: their labels, and their samples, both in long form.
//!
//! Values keep their bits: a staleness marker is a NaN that differs from others by its payload only.
//! Instants are kept as the time since the sample before, which is nearly always the same number: written
//! out, they would be most of a snapshot. `cum_sum(elapsed_ms)` over `series` gives them back.

use polars::prelude::*;

use super::error::SnapshotError;
use crate::model::{Labels, Series as MetricSeries};
use crate::source::tables::{self, NULL_ROW, SERIES, column, series_at, series_index};

const VALUE: &str = "value";
/// Since the sample before of the same series; since the epoch for the first.
const ELAPSED_MS: &str = "elapsed_ms";

/// The labels of `series` as Parquet.
pub(super) fn encode_labels(file: &str, series: &[MetricSeries]) -> Result<Vec<u8>, SnapshotError> {
    let columns = tables::label_columns(file, series.iter().map(|one| &one.labels))?;
    Ok(tables::write(file, &columns)?)
}

/// The samples of `series` as Parquet.
pub(super) fn encode_samples(
    file: &str,
    series: &[MetricSeries],
) -> Result<Vec<u8>, SnapshotError> {
    let count = series.iter().map(|s| s.timestamps_ms.len()).sum();
    let mut index = Vec::with_capacity(count);
    let mut elapsed = Vec::with_capacity(count);
    let mut values = Vec::with_capacity(count);
    for (i, one) in series.iter().enumerate() {
        if one.timestamps_ms.len() != one.values.len() {
            return Err(SnapshotError::unwritable(file, format!("series {i} has lost a value")));
        }
        index.resize(index.len() + one.values.len(), series_index(file, i)?);
        let mut before = 0;
        for &instant in &one.timestamps_ms {
            let step = instant.checked_sub(before).ok_or_else(|| {
                SnapshotError::unwritable(file, format!("series {i} has a sample at {instant} ms"))
            })?;
            elapsed.push(step);
            before = instant;
        }
        values.extend_from_slice(&one.values);
    }
    let columns = [
        Column::new(SERIES.into(), index),
        Column::new(ELAPSED_MS.into(), elapsed),
        Column::new(VALUE.into(), values),
    ];
    Ok(tables::write(file, &columns)?)
}

/// The series of a query: `count` of them, with `samples` samples in all.
pub(super) fn decode(
    labels_file: (&str, Vec<u8>),
    samples_file: (&str, Vec<u8>),
    count: usize,
    samples: u64,
) -> Result<Vec<MetricSeries>, SnapshotError> {
    let (labels_name, samples_name) = (labels_file.0, samples_file.0);
    let labels = tables::read(labels_name, labels_file.1)?;
    let values = tables::read(samples_name, samples_file.1)?;
    if values.height() as u64 != samples {
        let detail = format!("it has {} samples, expected {samples}", values.height());
        return Err(SnapshotError::damaged(samples_name, detail));
    }
    // Each series has a label or a sample; a larger count would reserve memory without bound.
    if count > labels.height().saturating_add(values.height()) {
        let detail = format!("it has {} labels, too few for {count} series", labels.height());
        return Err(SnapshotError::damaged(labels_name, detail));
    }
    let mut names = vec![Labels::default(); count];
    tables::fill_labels(labels_name, &labels, &mut names)?;
    let mut series: Vec<MetricSeries> = names
        .into_iter()
        .map(|labels| MetricSeries { labels, ..MetricSeries::default() })
        .collect();
    fill_samples(samples_name, &values, &mut series)?;
    Ok(series)
}

fn fill_samples(
    file: &str,
    df: &DataFrame,
    series: &mut [MetricSeries],
) -> Result<(), SnapshotError> {
    let index = column(file, df, SERIES, Column::u32)?;
    let steps = column(file, df, ELAPSED_MS, Column::i64)?;
    let values = column(file, df, VALUE, Column::f64)?;
    for ((i, step), value) in index.iter().zip(steps.iter()).zip(values.iter()) {
        let (Some(i), Some(step), Some(value)) = (i, step, value) else {
            return Err(SnapshotError::damaged(file, NULL_ROW));
        };
        let one = series_at(file, series, i)?;
        let before = one.timestamps_ms.last().copied();
        let instant = before.unwrap_or(0).checked_add(step);
        match instant {
            Some(instant) if before.is_none_or(|before| before < instant) => {
                one.timestamps_ms.push(instant);
                one.values.push(value);
            }
            _ => {
                let detail = format!("series {i} does not go forward in time: a step of {step} ms");
                return Err(SnapshotError::damaged(file, detail));
            }
        }
    }
    Ok(())
}
