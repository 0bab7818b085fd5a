//! Parquet tables in memory: what snapshots, the store and roll-ups have in common.
//!
//! Written compressed, read within bounds and never with a panic. Which columns a table of samples has is
//! the business of those who keep them; labels are the same everywhere.

use std::io::Cursor;

use polars::prelude::*;

use crate::model::Labels;

pub(crate) const SERIES: &str = "series";
const LABEL: &str = "label";
const VALUE: &str = "value";

/// Most rows of a table: ten gigabytes in memory, a hundred GPUs' year. Compression hides more than that.
const MAX_ROWS: usize = 500_000_000;

/// What is wrong with a row that has a null.
pub(crate) const NULL_ROW: &str = "it has a row with a value missing";

/// Why a table could not be read or written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TableError {
    /// What was read is not such a table.
    #[error("`{file}` cannot be read: {detail}")]
    Damaged { file: String, detail: String },
    /// What was to be written cannot be.
    #[error("cannot write `{file}`: {detail}")]
    Unwritable { file: String, detail: String },
}

impl TableError {
    pub(crate) fn damaged(file: &str, detail: impl std::fmt::Display) -> Self {
        Self::Damaged { file: file.to_owned(), detail: detail.to_string() }
    }

    pub(crate) fn unwritable(file: &str, detail: impl std::fmt::Display) -> Self {
        Self::Unwritable { file: file.to_owned(), detail: detail.to_string() }
    }
}

/// The labels of series as columns: series, label, value, in long form.
pub(crate) fn label_columns<'a>(
    file: &str,
    series: impl IntoIterator<Item = &'a Labels>,
) -> Result<Vec<Column>, TableError> {
    let (mut index, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (i, labels) in series.into_iter().enumerate() {
        let i = series_index(file, i)?;
        for (name, value) in labels {
            index.push(i);
            names.push(name.as_str());
            values.push(value.as_str());
        }
    }
    Ok(vec![
        Column::new(SERIES.into(), index),
        Column::new(LABEL.into(), names),
        Column::new(VALUE.into(), values),
    ])
}

/// Puts the labels of a table that [`label_columns`] made into `series`.
pub(crate) fn fill_labels(
    file: &str,
    df: &DataFrame,
    series: &mut [Labels],
) -> Result<(), TableError> {
    let index = column(file, df, SERIES, Column::u32)?;
    let names = column(file, df, LABEL, Column::str)?;
    let values = column(file, df, VALUE, Column::str)?;
    for ((i, name), value) in index.iter().zip(names.iter()).zip(values.iter()) {
        let (Some(i), Some(name), Some(value)) = (i, name, value) else {
            return Err(TableError::damaged(file, NULL_ROW));
        };
        let labels = series_at(file, series, i)?;
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            let detail = format!("series {i} has the label `{}` twice", name.escape_debug());
            return Err(TableError::damaged(file, detail));
        }
    }
    Ok(())
}

/// What stands for series `index` in a list of them.
pub(crate) fn series_at<'a, T>(
    file: &str,
    series: &'a mut [T],
    index: u32,
) -> Result<&'a mut T, TableError> {
    let count = series.len();
    usize::try_from(index).ok().and_then(|i| series.get_mut(i)).ok_or_else(|| {
        TableError::damaged(file, format!("it speaks of series {index}, of {count} from 0"))
    })
}

/// A series' number as it is written.
pub(crate) fn series_index(file: &str, index: usize) -> Result<u32, TableError> {
    u32::try_from(index)
        .map_err(|_| TableError::unwritable(file, "more than four thousand million series"))
}

/// A table as compressed Parquet.
pub(crate) fn write(file: &str, columns: &[Column]) -> Result<Vec<u8>, TableError> {
    let unwritable = |e: PolarsError| TableError::unwritable(file, e);
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
/// A file that was damaged or forged can make polars panic, which ends here as well.
pub(crate) fn read(file: &str, content: Vec<u8>) -> Result<DataFrame, TableError> {
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
            Err(TableError::damaged(file, detail))
        }
        Ok(Err(error)) => Err(TableError::damaged(file, error)),
        Err(_panic) => Err(TableError::damaged(file, "it is not Parquet as gpu-finops writes it")),
    }
}

/// A column by name and type.
pub(crate) fn column<'a, T>(
    file: &str,
    df: &'a DataFrame,
    name: &str,
    typed: impl FnOnce(&'a Column) -> PolarsResult<T>,
) -> Result<T, TableError> {
    df.column(name).and_then(typed).map_err(|e| TableError::damaged(file, e))
}
