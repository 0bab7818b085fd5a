//! Parquet: every column as text, so that rows of it are read as those of CSV are.

use std::io::Read;

use csv::StringRecord;
use polars::prelude::{AnyValue, DataFrame, PlSmallStr};

use super::Error;
use crate::source::tables;

/// Largest file that is read: it is in memory as a whole.
const MAX_BYTES: u64 = 2 << 30;

/// Header and rows.
///
/// # Errors
///
/// A file that cannot be read or is too large.
pub(super) fn read(
    name: &str,
    input: Box<dyn Read + Send>,
) -> Result<(StringRecord, Vec<StringRecord>), Error> {
    let unreadable = |detail: String| Error::Unreadable { file: name.to_owned(), detail };
    let mut bytes = Vec::new();
    input.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| unreadable(e.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable(format!("is larger than {} GiB; use CSV", MAX_BYTES >> 30)));
    }
    let table = tables::read(name, bytes)
        .map_err(|e| unreadable(format!("{e}; with columns of other types, use CSV")))?;
    Ok((table.get_column_names().into_iter().map(PlSmallStr::as_str).collect(), records(&table)))
}

fn records(table: &DataFrame) -> Vec<StringRecord> {
    let columns = table.columns();
    let cell = |row: usize, column: usize| match columns[column].get(row) {
        Ok(AnyValue::Null) | Err(_) => String::new(),
        Ok(AnyValue::String(text)) => text.to_owned(),
        // For people, polars cuts digits off.
        Ok(AnyValue::Float64(number)) => number.to_string(),
        Ok(AnyValue::Float32(number)) => number.to_string(),
        Ok(other) => other.to_string(),
    };
    let record = |row| (0..columns.len()).map(|column| cell(row, column)).collect();
    (0..table.height()).map(record).collect()
}
