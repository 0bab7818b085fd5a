//! Looking at accounts over time while a report is made of them.
//!
//! Accounts of several clusters and days become one on the way to a report, without instants; whoever needs
//! time as well looks at each before.

use chrono_tz::Tz;

use super::compute::readable;
use super::gather::Gathered;
use crate::calendar::{Slice, of_device, of_folded};
use crate::error::Result;
use crate::report::accounts::Accounts;
use crate::settings::Settings;
use crate::units::{MS_PER_DAY, MS_PER_HOUR, Millis};

/// What is made of accounts, of the slices of each of their devices, and of the length of a slice.
pub(super) type Look<'a> = dyn FnMut(&Accounts, &[Vec<Slice>], Millis) + Send + 'a;

/// Who looks, and how finely time is cut. Roll-ups have no instants: theirs are cut by day.
pub(super) struct Watch<'a> {
    /// Length of a piece of the calendar, milliseconds.
    pub(super) step_ms: Millis,
    /// Called with each cluster, and of roll-ups with each day.
    pub(super) look: &'a mut Look<'a>,
}

/// Length of the pieces that hours of a zone are put together from: some zones are a quarter of an hour off UTC's.
pub(super) fn hourly(zone: Tz) -> Millis {
    if zone == Tz::UTC { MS_PER_HOUR } else { MS_PER_HOUR / 4 }
}

/// The accounts of what was gathered, of a cluster by that name where there is one.
///
/// # Errors
///
/// Samples that could not be read back.
pub(super) fn accounts(
    gathered: Gathered,
    settings: &Settings,
    cluster: Option<&str>,
    watch: Option<&mut Watch<'_>>,
) -> Result<Accounts> {
    let inputs = gathered.into_inputs(&settings.policy);
    let named = |accounts: Accounts| match cluster {
        Some(name) => accounts.of_cluster(name),
        None => accounts,
    };
    let accounts = match watch {
        None => named(Accounts::new(&inputs, &settings.policy)),
        Some(watch) => {
            let step_ms = watch.step_ms;
            let (accounts, slices) =
                Accounts::with(&inputs, &settings.policy, |time| of_device(time, step_ms));
            let accounts = named(accounts);
            (watch.look)(&accounts, &slices, step_ms);
            accounts
        }
    };
    readable(&inputs)?;
    Ok(accounts)
}

impl Watch<'_> {
    /// Looks at the accounts of a day that was rolled up.
    pub(super) fn day(&mut self, accounts: &Accounts) {
        let start = accounts.window.start();
        let slices: Vec<Vec<Slice>> =
            accounts.folded.iter().map(|folded| of_folded(folded, start)).collect();
        (self.look)(accounts, &slices, MS_PER_DAY);
    }
}
