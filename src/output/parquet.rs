//! The tables of the report as typed Parquet files, one for each table.
//!
//! Columns are named as in the JSON, units included; lists are joined by `;`, maps are JSON
//! text; what is not known is null. Texts are as the cluster gave them: a data file shows nothing.

use std::fs;
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, ParquetWriter, PolarsResult};
use serde_json::Value;

use super::OutputError;
use super::flat::{FlatTable, Kind, all};
use crate::report::contract::Report;

/// Every table as a file's stem and a Parquet file's bytes.
///
/// # Errors
/// When polars cannot encode a table.
pub fn parquet_tables(report: &Report) -> Result<Vec<(&'static str, Vec<u8>)>, OutputError> {
    all(report)?.iter().map(|table| Ok((table.name, encode(table)?))).collect()
}

/// Writes `<table>.parquet` for every table into `dir`, which is made if need be; returns the
/// paths. Files of the same names are replaced; others are left alone.
///
/// # Errors
/// When a table cannot be encoded, or the folder or a file cannot be written.
pub fn write_parquet(report: &Report, dir: &Path) -> Result<Vec<PathBuf>, OutputError> {
    let tables = parquet_tables(report)?;
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| OutputError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    tables
        .into_iter()
        .map(|(name, bytes)| {
            let path = dir.join(format!("{name}.parquet"));
            fs::write(&path, bytes).map_err(failed(&path))?;
            Ok(path)
        })
        .collect()
}

/// One table as a Parquet file.
pub(super) fn encode(table: &FlatTable) -> Result<Vec<u8>, OutputError> {
    let mut bytes = Vec::new();
    frame(table)
        .and_then(|mut df| ParquetWriter::new(&mut bytes).finish(&mut df))
        .map_err(|source| OutputError::Parquet { table: table.name, source })?;
    Ok(bytes)
}

fn frame(table: &FlatTable) -> PolarsResult<DataFrame> {
    let columns = table.columns.iter().enumerate().map(|(i, (name, kind))| {
        let values = table.rows.iter().map(|row| &row[i]);
        let name = name.as_str().into();
        match kind {
            Kind::Number => Column::new(name, values.map(Value::as_f64).collect::<Vec<_>>()),
            Kind::Count => Column::new(name, values.map(Value::as_u64).collect::<Vec<_>>()),
            Kind::Flag => Column::new(name, values.map(Value::as_bool).collect::<Vec<_>>()),
            Kind::Text => Column::new(name, values.map(Value::as_str).collect::<Vec<_>>()),
        }
    });
    DataFrame::new(table.rows.len(), columns.collect())
}
