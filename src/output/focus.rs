//! FOCUS rows as CSV and Parquet.
//!
//! CSV has decimals digit by digit, so that sums are exact; Parquet has them as doubles, which a cent survives.

use csv::Writer;
use polars::prelude::{Column, DataFrame, ParquetCompression, ParquetWriter, PolarsResult};

use super::OutputError;
use super::csv::harmless;
use super::text::visible;
use crate::focus::{Cell, Kind, Table};

/// As CSV, with a header; null is empty.
///
/// # Errors
/// When the encoder fails.
pub fn focus_csv(table: &Table) -> Result<Vec<u8>, OutputError> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|(name, _)| name))?;
    for row in &table.rows {
        writer.write_record(row.iter().map(text))?;
    }
    Ok(writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?)
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => harmless(&visible(text)),
        other => other.written().unwrap_or_default(),
    }
}

/// As a Parquet file.
///
/// # Errors
/// When polars cannot encode it.
pub fn focus_parquet(table: &Table) -> Result<Vec<u8>, OutputError> {
    let mut bytes = Vec::new();
    frame(table)
        .and_then(|mut df| {
            ParquetWriter::new(&mut bytes)
                .with_compression(ParquetCompression::Zstd(None))
                .finish(&mut df)
        })
        .map_err(|source| OutputError::Parquet { table: "focus", source })?;
    Ok(bytes)
}

fn frame(table: &Table) -> PolarsResult<DataFrame> {
    let columns = table.columns.iter().enumerate().map(|(i, (name, kind))| {
        let written = table.rows.iter().map(|row| row[i].written());
        match kind {
            Kind::Text => Column::new((*name).into(), written.collect::<Vec<_>>()),
            Kind::Decimal => {
                let number = |text: Option<String>| text.and_then(|t| t.parse::<f64>().ok());
                Column::new((*name).into(), written.map(number).collect::<Vec<_>>())
            }
        }
    });
    DataFrame::new(table.rows.len(), columns.collect())
}
