//! One table as CSV: unrounded, header names are the JSON field names, not known is empty.
//!
//! Spreadsheets run cells that start like a formula. Texts of that kind get an apostrophe in
//! front; numbers are numbers, negative ones too.

use csv::Writer;
use serde_json::Value;

use super::flat::{FlatTable, listed};
use super::text::visible;
use super::{GroupBy, OutputError};
use crate::report::contract::Report;

/// The table that `by` names, with a header, lines ended by `\n`.
pub(super) fn render(report: &Report, by: GroupBy) -> Result<Vec<u8>, OutputError> {
    encode(&listed(report, by)?)
}

/// One table, with a header, lines ended by `\n`.
pub(super) fn encode(table: &FlatTable) -> Result<Vec<u8>, OutputError> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|(name, _)| name))?;
    for row in &table.rows {
        writer.write_record(row.iter().map(cell))?;
    }
    Ok(writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(&visible(text)),
        other => other.to_string(),
    }
}

/// Text that no spreadsheet takes for a formula.
pub(super) fn harmless(text: &str) -> String {
    // Some programs trim blanks first, some take full-width signs for the plain ones.
    let starts_formula = text
        .trim_start()
        .starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠', '␉', '␍', '␊']);
    if starts_formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formulas_cannot_run_and_numbers_stay_numbers() {
        for (given, written) in [
            (json!("=cmd()|'/C calc'!A0"), "'=cmd()|'/C calc'!A0"),
            (json!("+1"), "'+1"),
            (json!("-1"), "'-1"),
            (json!("@SUM(A1)"), "'@SUM(A1)"),
            (json!("\t=1"), "'␉=1"),
            (json!("\r=1"), "'␍=1"),
            (json!(" =1"), "' =1"),
            (json!("＝1"), "'＝1"),
            (json!("a=b"), "a=b"),
            (json!("a\nb"), "a␊b"),
            (json!(-1.5), "-1.5"),
            (json!(0.1), "0.1"),
            (json!(7), "7"),
            (json!(true), "true"),
            (json!(null), ""),
        ] {
            assert_eq!(cell(&given), written, "{given}");
        }
    }
}
