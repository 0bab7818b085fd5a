//! Series as two Parquet tables: their labels, and their samples, both in long form.
//!
//! Values keep their bits: a staleness marker is a NaN that differs from others by its payload only.
//! Instants are kept as the time since the sample before, which is nearly always the same number: written
//! out, they would be most of a snapshot. `cum_sum(elapsed_ms)` over `series` gives them back.

use std::io::Cursor;

use polars::prelude::*;

use super::error::SnapshotError;
use crate::model::Series as MetricSeries;

const SERIES: &str = "series";
const LABEL: &str = "label";
const VALUE: &str = "value";
/// Since the sample before of the same series; since the epoch for the first.
const ELAPSED_MS: &str = "elapsed_ms";

/// Most rows of a table: ten gigabytes in memory, a hundred GPUs' year. Compression hides more than that.
const MAX_ROWS: usize = 500_000_000;

const NULL_ROW: &str = "it has a row with a value missing";

/// The labels of `series` as Parquet.
pub(super) fn encode_labels(file: &str, series: &[MetricSeries]) -> Result<Vec<u8>, SnapshotError> {
    let (mut index, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (i, one) in series.iter().enumerate() {
        let i = series_index(file, i)?;
        for (name, value) in &one.labels {
            index.push(i);
            names.push(name.as_str());
            values.push(value.as_str());
        }
    }
    write(
        file,
        &mut [
            Column::new(SERIES.into(), index),
            Column::new(LABEL.into(), names),
            Column::new(VALUE.into(), values),
        ],
    )
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
    write(
        file,
        &mut [
            Column::new(SERIES.into(), index),
            Column::new(ELAPSED_MS.into(), elapsed),
            Column::new(VALUE.into(), values),
        ],
    )
}

/// The series of a query: `count` of them, with `samples` samples in all.
pub(super) fn decode(
    labels_file: (&str, Vec<u8>),
    samples_file: (&str, Vec<u8>),
    count: usize,
    samples: u64,
) -> Result<Vec<MetricSeries>, SnapshotError> {
    let (labels_name, samples_name) = (labels_file.0, samples_file.0);
    let labels = read(labels_name, labels_file.1)?;
    let values = read(samples_name, samples_file.1)?;
    if values.height() as u64 != samples {
        let detail = format!("it has {} samples, expected {samples}", values.height());
        return Err(SnapshotError::damaged(samples_name, detail));
    }
    // Each series has a label or a sample; a larger count would reserve memory without bound.
    if count > labels.height().saturating_add(values.height()) {
        let detail = format!("it has {} labels, too few for {count} series", labels.height());
        return Err(SnapshotError::damaged(labels_name, detail));
    }
    let mut series = vec![MetricSeries::default(); count];
    fill_labels(labels_name, &labels, &mut series)?;
    fill_samples(samples_name, &values, &mut series)?;
    Ok(series)
}

fn fill_labels(
    file: &str,
    df: &DataFrame,
    series: &mut [MetricSeries],
) -> Result<(), SnapshotError> {
    let index = column(file, df, SERIES, Column::u32)?;
    let names = column(file, df, LABEL, Column::str)?;
    let values = column(file, df, VALUE, Column::str)?;
    for ((i, name), value) in index.iter().zip(names.iter()).zip(values.iter()) {
        let (Some(i), Some(name), Some(value)) = (i, name, value) else {
            return Err(SnapshotError::damaged(file, NULL_ROW));
        };
        let one = series_at(file, series, i)?;
        if one.labels.insert(name.to_owned(), value.to_owned()).is_some() {
            let detail = format!("series {i} has the label `{}` twice", name.escape_debug());
            return Err(SnapshotError::damaged(file, detail));
        }
    }
    Ok(())
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

fn series_at<'a>(
    file: &str,
    series: &'a mut [MetricSeries],
    index: u32,
) -> Result<&'a mut MetricSeries, SnapshotError> {
    let count = series.len();
    usize::try_from(index).ok().and_then(|i| series.get_mut(i)).ok_or_else(|| {
        SnapshotError::damaged(file, format!("it speaks of series {index}, of {count} from 0"))
    })
}

fn series_index(file: &str, index: usize) -> Result<u32, SnapshotError> {
    u32::try_from(index)
        .map_err(|_| SnapshotError::unwritable(file, "more than four thousand million series"))
}

fn write(file: &str, columns: &mut [Column]) -> Result<Vec<u8>, SnapshotError> {
    let unwritable = |e: PolarsError| SnapshotError::unwritable(file, e);
    let mut df = DataFrame::new_infer_height(columns.to_vec()).map_err(unwritable)?;
    let mut content = Vec::new();
    ParquetWriter::new(&mut content)
        .with_compression(ParquetCompression::Zstd(None))
        .with_statistics(StatisticsOptions::empty())
        .finish(&mut df)
        .map_err(unwritable)?;
    Ok(content)
}

/// Reads a table of at most [`MAX_ROWS`] rows.
///
/// The checksum keeps accidents away from here; a file that was forged together with its checksum can make
/// polars panic, which ends here as well.
fn read(file: &str, content: Vec<u8>) -> Result<DataFrame, SnapshotError> {
    let result = std::panic::catch_unwind(|| {
        let mut reader = ParquetReader::new(Cursor::new(content)).set_rechunk(true);
        match reader.num_rows()? {
            rows if rows > MAX_ROWS => Ok(Err(rows)),
            _ => reader.finish().map(Ok),
        }
    });
    match result {
        Ok(Ok(Ok(df))) => Ok(df),
        Ok(Ok(Err(rows))) => {
            let detail = format!("it has {rows} rows, more than the {MAX_ROWS} that are allowed");
            Err(SnapshotError::damaged(file, detail))
        }
        Ok(Err(error)) => Err(SnapshotError::damaged(file, error)),
        Err(_panic) => {
            Err(SnapshotError::damaged(file, "it is not Parquet as gpu-finops writes it"))
        }
    }
}

fn column<'a, T>(
    file: &str,
    df: &'a DataFrame,
    name: &str,
    typed: impl FnOnce(&'a Column) -> PolarsResult<T>,
) -> Result<T, SnapshotError> {
    df.column(name).and_then(typed).map_err(|e| SnapshotError::damaged(file, e))
}
