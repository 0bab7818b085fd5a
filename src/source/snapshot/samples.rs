//! Series as two Parquet tables: their labels, and their samples, both in long form.
//!
//! Values keep their bits: a staleness marker is a NaN that differs from others by its payload only.
//! Instants are kept as the time since the sample before, which is nearly always the same number: written
//! out, they would be most of a snapshot. `cum_sum(elapsed_ms)` over `series` gives them back.

use polars::prelude::*;

use super::error::SnapshotError;
use crate::model::samples::Builder;
use crate::model::{Labels, Samples, Series as MetricSeries};
use crate::source::tables::{self, NULL_ROW, SERIES, column, series_at, series_index};
use crate::units::Millis;

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
    let count = series.iter().map(|s| s.samples.len()).sum();
    let mut index = Vec::with_capacity(count);
    let mut elapsed = Vec::with_capacity(count);
    let mut values = Vec::with_capacity(count);
    for (i, one) in series.iter().enumerate() {
        index.resize(index.len() + one.samples.len(), series_index(file, i)?);
        let mut before: Millis = 0;
        for (instant, value) in one.samples() {
            let step = instant.checked_sub(before).ok_or_else(|| {
                SnapshotError::unwritable(file, format!("series {i} has a sample at {instant} ms"))
            })?;
            elapsed.push(step);
            values.push(value);
            before = instant;
        }
    }
    if let Some(failure) = series.iter().find_map(|one| one.samples.failure()) {
        return Err(SnapshotError::unwritable(file, failure.to_string()));
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
    let samples = read_samples(samples_name, &values, count)?;
    let series = names.into_iter().zip(samples);
    Ok(series.map(|(labels, samples)| MetricSeries { labels, samples }).collect())
}

/// The samples of each of `count` series.
fn read_samples(file: &str, df: &DataFrame, count: usize) -> Result<Vec<Samples>, SnapshotError> {
    let mut series: Vec<(Option<Millis>, Builder)> = Vec::new();
    series.resize_with(count, Default::default);
    let index = column(file, df, SERIES, Column::u32)?;
    let steps = column(file, df, ELAPSED_MS, Column::i64)?;
    let values = column(file, df, VALUE, Column::f64)?;
    for ((i, step), value) in index.iter().zip(steps.iter()).zip(values.iter()) {
        let (Some(i), Some(step), Some(value)) = (i, step, value) else {
            return Err(SnapshotError::damaged(file, NULL_ROW));
        };
        let (last, samples) = series_at(file, &mut series, i)?;
        match last.unwrap_or(0).checked_add(step) {
            Some(instant) if last.is_none_or(|last| last < instant) => {
                samples.push(instant, value);
                *last = Some(instant);
            }
            _ => {
                let detail = format!("series {i} does not go forward in time: a step of {step} ms");
                return Err(SnapshotError::damaged(file, detail));
            }
        }
    }
    Ok(series.into_iter().map(|(_, mut samples)| samples.finish()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by something else: back in time, or twice at one instant.
    #[test]
    fn steps_that_are_not_forward_are_refused() {
        let labels = Labels::from([("n".to_owned(), "v".to_owned())]);
        let labels = tables::label_columns("labels", [&labels]).unwrap();
        let labels = tables::write("labels", &labels).unwrap();
        for steps in [[5_i64, -1, 2], [5, 0, 1], [i64::MAX, 1, 1]] {
            let columns = [
                Column::new(SERIES.into(), vec![0_u32; 3]),
                Column::new(ELAPSED_MS.into(), steps.to_vec()),
                Column::new(VALUE.into(), vec![1.0; 3]),
            ];
            let content = tables::write("samples", &columns).unwrap();
            let found = decode(("labels", labels.clone()), ("samples", content), 1, 3);
            let message = found.unwrap_err().to_string();
            assert!(message.contains("does not go forward in time"), "{message}");
        }
    }
}
