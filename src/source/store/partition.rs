//! A compacted hour: three Parquet tables in a folder that is there whole or not at all.
//!
//! The columns are in `docs/store.md`; others read these files, too.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use polars::prelude::{Column, DataFrame};

use super::error::StoreError;
use super::hour::{HourData, ScrapeRow};
use super::layout::{BESIDE, Hour, partition, remove, start_of, sync_folder, write_synced};
use super::scraped::TargetName;
use crate::model::Labels;
use crate::source::tables::{self, NULL_ROW, SERIES, TableError, column, series_at, series_index};
use crate::units::Millis;

const SERIES_FILE: &str = "series.parquet";
const SAMPLES_FILE: &str = "samples.parquet";
const SCRAPES_FILE: &str = "scrapes.parquet";

/// Since the sample before of the same series; since the beginning of the hour for the first.
const DT_MS: &str = "dt_ms";
const VALUE: &str = "value";
const JOB: &str = "job";
const INSTANCE: &str = "instance";
const AT_MS: &str = "at_ms";
const TOOK_MS: &str = "took_ms";
const BYTES: &str = "bytes";
const SAMPLES: &str = "samples";
const ERROR: &str = "error";

/// Writes an hour, in place of one that is there.
pub(super) fn write(dir: &Path, hour: Hour, data: &HourData) -> Result<u64, StoreError> {
    let folder = partition(dir, hour);
    let day = folder.parent().unwrap_or(dir);
    let beside = day.join(BESIDE);
    remove(&beside)?;
    fs::create_dir_all(&beside).map_err(|e| StoreError::io("create", &beside, e))?;
    let mut bytes = 0;
    for (name, content) in [
        (SERIES_FILE, series_table(data)?),
        (SAMPLES_FILE, samples_table(hour, data)?),
        (SCRAPES_FILE, scrapes_table(data)?),
    ] {
        bytes += content.len() as u64;
        write_synced(&beside.join(name), &content)?;
    }
    sync_folder(&beside)?;
    remove(&folder)?;
    fs::rename(&beside, &folder).map_err(|e| StoreError::io("create", &folder, e))?;
    sync_folder(day)?;
    Ok(bytes)
}

fn series_table(data: &HourData) -> Result<Vec<u8>, TableError> {
    let labels = data.series.iter().map(|s| &s.labels);
    tables::write(SERIES_FILE, &tables::label_columns(SERIES_FILE, labels)?)
}

fn samples_table(hour: Hour, data: &HourData) -> Result<Vec<u8>, TableError> {
    let (mut index, mut steps, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (i, series) in data.series.iter().enumerate() {
        let i = series_index(SAMPLES_FILE, i)?;
        let mut before = start_of(hour);
        for (at, value) in &series.samples {
            let step = i32::try_from(at - before).map_err(|_| {
                let detail = format!("a sample at {at} ms is not of its hour");
                TableError::unwritable(SAMPLES_FILE, detail)
            })?;
            index.push(i);
            steps.push(step);
            values.push(*value);
            before = *at;
        }
    }
    tables::write(
        SAMPLES_FILE,
        &[
            Column::new(SERIES.into(), index),
            Column::new(DT_MS.into(), steps),
            Column::new(VALUE.into(), values),
        ],
    )
}

fn scrapes_table(data: &HourData) -> Result<Vec<u8>, TableError> {
    fn of<T>(data: &HourData, value: impl Fn(&ScrapeRow) -> T) -> Vec<T> {
        data.scrapes.iter().map(value).collect()
    }
    tables::write(
        SCRAPES_FILE,
        &[
            Column::new(JOB.into(), of(data, |s| s.target.job.clone())),
            Column::new(INSTANCE.into(), of(data, |s| s.target.instance.clone())),
            Column::new(AT_MS.into(), of(data, |s| s.at_ms)),
            Column::new(TOOK_MS.into(), of(data, |s| s.took_ms)),
            Column::new(BYTES.into(), of(data, |s| s.bytes)),
            Column::new(SAMPLES.into(), of(data, |s| s.samples)),
            Column::new(ERROR.into(), of(data, |s| s.error.clone())),
        ],
    )
}

/// Reads a table of an hour; `None` when the hour is not there any more.
fn table(folder: &Path, name: &str) -> Result<Option<DataFrame>, StoreError> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(content) => {
            let df = tables::read(name, content);
            df.map(Some).map_err(|e| StoreError::damaged(&path, e))
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("read", &path, e)),
    }
}

/// The labels of an hour's series.
pub(super) fn read_labels(folder: &Path) -> Result<Vec<Labels>, StoreError> {
    let Some(df) = table(folder, SERIES_FILE)? else { return Ok(Vec::new()) };
    let read = || -> Result<Vec<Labels>, TableError> {
        let index = column(SERIES_FILE, &df, SERIES, Column::u32)?;
        // Each series has its name at the least.
        let count = index.iter().flatten().max().map_or(0, |last| last as usize + 1);
        if count > df.height() {
            return Err(TableError::damaged(SERIES_FILE, "it has series without labels"));
        }
        let mut labels = vec![Labels::new(); count];
        tables::fill_labels(SERIES_FILE, &df, &mut labels)?;
        Ok(labels)
    };
    read().map_err(|e| StoreError::damaged(folder, e))
}

/// Hands out the samples of an hour: number of the series, instant, value; those of a series in order.
pub(super) fn read_samples(
    folder: &Path,
    hour: Hour,
    series: usize,
    take: &mut dyn FnMut(usize, Millis, f64),
) -> Result<(), StoreError> {
    let Some(df) = table(folder, SAMPLES_FILE)? else { return Ok(()) };
    let mut read = || -> Result<(), TableError> {
        let index = column(SAMPLES_FILE, &df, SERIES, Column::u32)?;
        let steps = column(SAMPLES_FILE, &df, DT_MS, Column::i32)?;
        let values = column(SAMPLES_FILE, &df, VALUE, Column::f64)?;
        let mut instants = vec![start_of(hour); series];
        for ((i, step), value) in index.iter().zip(steps.iter()).zip(values.iter()) {
            let (Some(i), Some(step), Some(value)) = (i, step, value) else {
                return Err(TableError::damaged(SAMPLES_FILE, NULL_ROW));
            };
            let at = series_at(SAMPLES_FILE, &mut instants, i)?;
            *at += i64::from(step);
            take(i as usize, *at, value);
        }
        Ok(())
    };
    read().map_err(|e| StoreError::damaged(folder, e))
}

/// The scrapes of an hour.
pub(super) fn read_scrapes(folder: &Path) -> Result<Vec<ScrapeRow>, StoreError> {
    let Some(df) = table(folder, SCRAPES_FILE)? else { return Ok(Vec::new()) };
    let read = || -> Result<Vec<ScrapeRow>, TableError> {
        let text = |name| column(SCRAPES_FILE, &df, name, Column::str);
        let number = |name| column(SCRAPES_FILE, &df, name, Column::u64);
        let (jobs, instances, errors) = (text(JOB)?, text(INSTANCE)?, text(ERROR)?);
        let at = column(SCRAPES_FILE, &df, AT_MS, Column::i64)?;
        let (took, bytes, samples) = (number(TOOK_MS)?, number(BYTES)?, number(SAMPLES)?);
        let row = |i: usize| {
            Some(ScrapeRow {
                target: TargetName {
                    job: jobs.get(i)?.to_owned(),
                    instance: instances.get(i)?.to_owned(),
                },
                at_ms: at.get(i)?,
                took_ms: took.get(i)?,
                bytes: bytes.get(i)?,
                samples: samples.get(i)?,
                error: errors.get(i).map(str::to_owned),
            })
        };
        (0..df.height())
            .map(|i| row(i).ok_or_else(|| TableError::damaged(SCRAPES_FILE, NULL_ROW)))
            .collect()
    };
    read().map_err(|e| StoreError::damaged(folder, e))
}
