//! Verdicts as what CI servers and chats take: comments, annotations, JUnit, SARIF, Slack messages.
//!
//! Each is a pure function of the [`Verdict`]; names and messages in it are untrusted and made harmless in the way of
//! each format.

mod annotations;
mod comment;
mod junit;
mod sarif;
mod slack;

use super::{Format, OutputError, RenderOptions, document, markdown, table};
use crate::ci::Verdict;

/// A verdict in a format of people or of CI servers. JSON, CSV, Parquet, metrics and pages are of the report behind it.
///
/// # Errors
/// When an encoder fails, or the format is not of verdicts; see [`OutputError`].
pub fn render_verdict(
    verdict: &Verdict,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    let in_table = |options: &RenderOptions| {
        table::layout(&document::build_verdict(verdict, options), options).into_bytes()
    };
    match format {
        Format::Table => Ok(in_table(options)),
        Format::Wide => Ok(in_table(&RenderOptions { wide: true, top: 0, ..*options })),
        Format::Markdown => {
            // A ticket is as wide as it is, whatever the terminal.
            let options = RenderOptions { width: usize::MAX, ..*options };
            let blocks = document::build_verdict(verdict, &options);
            Ok(markdown::layout(&blocks, &options).into_bytes())
        }
        Format::GithubComment => Ok(comment::github(verdict, options).into_bytes()),
        Format::GitlabComment => Ok(comment::gitlab(verdict, options).into_bytes()),
        Format::GithubSummary => Ok(comment::summary(verdict, options).into_bytes()),
        Format::GithubAnnotations => Ok(annotations::github(verdict).into_bytes()),
        Format::Junit => junit::render(verdict),
        Format::Sarif => sarif::render(verdict),
        Format::Slack => slack::render(verdict),
        other => Err(OutputError::Unsuited(other)),
    }
}
