//! Explanations as bytes: for people, and as JSON.

use super::{
    Format, OutputError, RenderOptions, csv, document, flat, json, markdown, parquet, table,
};
use crate::explain::contract::Explanation;

/// An explanation in one format. CSV and Parquet hold its arithmetic, one row for each step.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_explanation(
    explanation: &Explanation,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    let blocks = |options: &RenderOptions| document::build_explanation(explanation, options);
    let in_table = |options: &RenderOptions| table::layout(&blocks(options), options).into_bytes();
    let steps = || flat::flat("arithmetic", &explanation.arithmetic);
    match format {
        Format::Table => Ok(in_table(options)),
        Format::Wide => Ok(in_table(&RenderOptions { wide: true, top: 0, ..*options })),
        Format::Json => json::render(explanation),
        Format::Csv => csv::encode(&steps()?),
        Format::Markdown => {
            // A ticket is as wide as it is, whatever the terminal.
            let options = RenderOptions { width: usize::MAX, ..*options };
            Ok(markdown::layout(&blocks(&options), &options).into_bytes())
        }
        Format::Parquet => parquet::encode(&steps()?),
        other => Err(OutputError::Unsuited(other)),
    }
}
