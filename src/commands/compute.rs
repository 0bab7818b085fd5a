//! From what was gathered to a report: where a command hands over to the pure core.

use super::gather::Gathered;
use super::watch;
use crate::error::{Error, Result};
use crate::model::Inputs;
use crate::model::samples::SpillError;
use crate::report::accounts::Accounts;
use crate::report::build::{self, Stamp};
use crate::report::contract::{Assumption, Report};
use crate::settings::Settings;
use crate::settings::show::Shown;

/// The accounts of what was gathered.
///
/// # Errors
///
/// Samples that could not be read back.
pub fn accounts(gathered: Gathered, settings: &Settings) -> Result<Accounts> {
    watch::accounts(gathered, settings, None, None)
}

/// The report on accounts that depend on these assumptions.
#[must_use]
pub fn report_on(accounts: &Accounts, assumptions: Vec<Assumption>, settings: &Settings) -> Report {
    build::of_accounts(accounts, &settings.policy, stamp(assumptions, settings))
}

/// What a report says about itself.
#[must_use]
pub fn stamp(assumptions: Vec<Assumption>, settings: &Settings) -> Stamp {
    Stamp {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        assumptions,
        scope: settings.scope.clone(),
    }
}

/// Whether all samples could be read, which is known when all of them were.
///
/// # Errors
///
/// A file with samples that did not fit into memory, and that cannot be read back.
pub fn readable(inputs: &Inputs) -> Result<()> {
    inputs.failure().map_or(Ok(()), |failure| {
        Err(Error::failed("figures could not be computed")
            .caused_by(failure)
            .hinted(SpillError::HINT))
    })
}

/// The settings that the figures depend on, as the report states them.
#[must_use]
pub fn assumptions(settings: &Settings) -> Vec<Assumption> {
    settings.assumptions.iter().map(assumption).collect()
}

/// A setting as a report states it.
#[must_use]
pub fn assumption(shown: &Shown) -> Assumption {
    Assumption {
        key: shown.key.clone(),
        value: shown.value.clone(),
        origin: shown.origin.word().to_owned(),
    }
}
