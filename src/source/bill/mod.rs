//! Bills: files of FOCUS rows, read one row at a time, because a month of a large account does not fit into memory.
//!
//! Columns are found by name, whatever their order, case and underscores; those that nobody asks for are not read.

mod columns;
mod table;
#[cfg(test)]
mod tests;
mod values;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use columns::Columns;

use crate::model::bill::{BillRow, CostColumn};

/// Why a bill could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{file} cannot be read: {detail}")]
    Unreadable {
        /// File.
        file: String,
        /// What the system or the decoder says.
        detail: String,
    },
    /// It is no bill in the form of FOCUS.
    #[error("{file}: {detail}")]
    NotFocus {
        /// File.
        file: String,
        /// What is not there.
        detail: String,
    },
    /// A row has a value that cannot be.
    #[error("{file}, row {row}: {column}: {detail}")]
    Value {
        /// File.
        file: String,
        /// Its number, from 1, the header not counted.
        row: u64,
        /// Column.
        column: String,
        /// The value, and what is expected.
        detail: String,
    },
}

/// A bill that is open, with a header that has what is needed.
pub struct BillFile {
    name: String,
    columns: Columns,
    rows: Rows,
}

enum Rows {
    Csv(Box<csv::Reader<Box<dyn Read + Send>>>),
    Table(Vec<csv::StringRecord>),
}

impl BillFile {
    /// Opens a file, or standard input for `-`, and looks at its header.
    ///
    /// # Errors
    ///
    /// A file that cannot be read; one without the columns of FOCUS that are needed, named.
    pub fn open(path: &Path, cost: CostColumn) -> Result<Self, Error> {
        let name = path.display().to_string();
        let unreadable =
            |e: std::io::Error| Error::Unreadable { file: name.clone(), detail: e.to_string() };
        let input: Box<dyn Read + Send> = match path.to_str() {
            Some("-") => Box::new(std::io::stdin()),
            _ => Box::new(File::open(path).map_err(unreadable)?),
        };
        let mut input = BufReader::new(input);
        let mut magic = [0_u8; 4];
        let mut count = 0;
        while count < magic.len() {
            match input.read(&mut magic[count..]).map_err(unreadable)? {
                0 => break,
                n => count += n,
            }
        }
        let whole = std::io::Cursor::new(magic[..count].to_vec()).chain(input);
        Self::of_bytes(name, &magic[..count], Box::new(whole), cost)
    }

    fn of_bytes(
        name: String,
        magic: &[u8],
        input: Box<dyn Read + Send>,
        cost: CostColumn,
    ) -> Result<Self, Error> {
        if magic == b"PAR1" {
            let (header, records) = table::read(&name, input)?;
            let columns = Columns::of(&name, &header, cost)?;
            return Ok(Self { name, columns, rows: Rows::Table(records) });
        }
        if magic.starts_with(&[0x1f, 0x8b]) {
            let detail = "is compressed with gzip; unpack it, or `gunzip -c FILE | … --bill -`";
            return Err(Error::NotFocus { file: name, detail: detail.to_owned() });
        }
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(input);
        let header = reader.headers().map_err(|e| unread(&name, &e))?.clone();
        let columns = Columns::of(&name, &header, cost)?;
        Ok(Self { name, columns, rows: Rows::Csv(Box::new(reader)) })
    }

    /// Its name, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands each row to `take`.
    ///
    /// # Errors
    ///
    /// A row that cannot be read, or has a value that cannot be; what `take` says.
    pub fn rows<E: From<Error>>(
        self,
        mut take: impl FnMut(BillRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { name, columns, rows } = self;
        match rows {
            Rows::Csv(mut reader) => {
                let mut record = csv::StringRecord::new();
                let mut number = 0;
                while reader.read_record(&mut record).map_err(|e| unread(&name, &e))? {
                    number += 1;
                    take(columns.row(&name, number, &record)?)?;
                }
            }
            Rows::Table(records) => {
                for (number, record) in (1..).zip(&records) {
                    take(columns.row(&name, number, record)?)?;
                }
            }
        }
        Ok(())
    }
}

fn unread(name: &str, error: &csv::Error) -> Error {
    Error::Unreadable { file: name.to_owned(), detail: error.to_string() }
}
