//! How commands that judge something write their verdict, and end.

use super::deliver::{Rendered, Target};
use crate::ci::{Item, Severity, Verdict};
use crate::error::{Error, Result};
use crate::output::Format;
use crate::settings::Settings;
use crate::ui::Ui;

/// Writes a verdict. A comment that would tell nobody anything is left empty.
///
/// # Errors
///
/// As [`Target::write`].
pub(super) fn write(
    target: &Target,
    rendered: Rendered,
    verdict: &Verdict,
    settings: &Settings,
    ui: &Ui,
) -> Result<()> {
    let is_comment = matches!(
        settings.view.format,
        Format::GithubComment | Format::GitlabComment | Format::Slack
    );
    if is_comment && verdict.is_silent(settings.ci.comment_threshold) {
        ui.note("nothing to say: the change weighs less than --comment-threshold");
        return target.write(Rendered::Document(Vec::new()), ui);
    }
    target.write(rendered, ui)
}

/// Whether no rule is broken.
///
/// # Errors
///
/// [`crate::error::ErrorKind::Violated`] with the first of the broken rules; not with `--warn-only`.
pub(super) fn judge(items: &[Item], settings: &Settings, ui: &Ui) -> Result<()> {
    let broken: Vec<&Item> = items.iter().filter(|item| item.severity == Severity::Error).collect();
    let Some(first) = broken.first() else { return Ok(()) };
    let more = match broken.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message = format!("{}: {}{more}", first.rule, first.message);
    if settings.ci.warn_only {
        ui.warn(&message);
        return Ok(());
    }
    Err(Error::violated(message).hinted(first.advice.clone()))
}

/// Whether everything could be read, told and priced.
///
/// # Errors
///
/// [`crate::error::ErrorKind::Incomplete`] under `--strict`; else it is a warning.
pub(super) fn complete(is_complete: bool, settings: &Settings, ui: &Ui) -> Result<()> {
    if is_complete {
        return Ok(());
    }
    let message = "not everything could be read, told or priced: see the warnings";
    if settings.strict {
        return Err(Error::incomplete(message));
    }
    ui.warn(message);
    Ok(())
}
