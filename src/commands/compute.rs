//! From what was gathered to a report: where a command hands over to the pure core.

use super::gather::Gathered;
use crate::error::{Error, Result};
use crate::report::build::{self, Stamp};
use crate::report::contract::{Assumption, Report};
use crate::settings::Settings;

/// The report on what was gathered.
///
/// # Errors
///
/// A table that does not hold together: a bug, never bad input.
pub fn report(gathered: Gathered, settings: &Settings) -> Result<Report> {
    let stamp = Stamp {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        assumptions: assumptions(settings),
        scope: settings.scope.clone(),
    };
    build::report(&gathered.into_inputs(&settings.policy), &settings.policy, stamp).map_err(|e| {
        Error::failed("the report could not be computed; this is a bug")
            .caused_by(e)
            .hinted("please report it with `gpu-finops snapshot save DIR --redact`")
    })
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
