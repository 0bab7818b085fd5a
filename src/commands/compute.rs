//! From what was gathered to a report: where a command hands over to the pure core.

use super::gather::Gathered;
use crate::error::{Error, Result};
use crate::report::contract::{Assumption, Report};
use crate::settings::Settings;

/// The report on what was gathered.
///
/// # Errors
///
/// Objects that cannot be decoded at all.
pub fn report(gathered: &Gathered, settings: &Settings) -> Result<Report> {
    let _inputs = gathered.inputs(&settings.policy)?;
    let _assumptions = assumptions(settings);
    Err(Error::failed("computing a report is not part of this build"))
}

/// The settings that the figures depend on, as the report states them.
#[must_use]
pub fn assumptions(settings: &Settings) -> Vec<Assumption> {
    let row = |shown: &crate::settings::show::Shown| Assumption {
        key: shown.key.clone(),
        value: shown.value.clone(),
        origin: shown.origin.word().to_owned(),
    };
    settings.assumptions.iter().map(row).collect()
}
