//! Which days are rolled up, from where, and whither.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::Settings;
use super::clusters::ClusterSpec;
use super::layers::Layers;
use super::parse::{self, Read, quoted};
use super::source::rollup_source;
use super::window::WindowRequest;
use crate::error::{Error, Result};
use crate::model::Window;
use crate::model::window::{rfc3339, utc_day};
use crate::units::{MS_PER_DAY, Millis};

/// Settings of `roll-up`.
#[derive(Debug, Clone)]
pub struct RollUpSettings {
    /// Everything that a report takes as well.
    pub settings: Settings,
    /// The folder to write.
    pub store: PathBuf,
    /// First instants of the days that were named.
    pub days: Vec<Millis>,
    /// The one part to be rolled up, if only one.
    pub index: Option<usize>,
    /// The manifest to print instead, if any.
    pub job: Option<JobOptions>,
}

/// What a manifest needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOptions {
    /// Image with the program as its entry point.
    pub image: String,
    /// Claim of the volume for the store.
    pub volume: String,
    /// Account that may read.
    pub account: String,
}

impl RollUpSettings {
    /// Resolves the settings.
    ///
    /// # Errors
    ///
    /// A usage error that names the flag, variable or key, shows the value and says what is expected.
    pub fn resolve(layers: &Layers) -> Result<Self> {
        let settings = Settings::with_source(layers, rollup_source(layers)?)?;
        let store = layers.one("store", parse::path)?.ok_or_else(|| {
            Error::usage("there is nowhere to keep roll-ups")
                .hinted("name a folder: `--store DIR`; it is made when it does not exist")
        })?;
        if settings.clusters.is_empty() {
            return Err(Error::usage("roll-ups need a name of their cluster")
                .hinted("give one: `--cluster NAME`"));
        }
        if settings.clusters.len() > 1 && settings.clusters.iter().any(|c| c.place.is_none()) {
            return Err(Error::usage("of several clusters each needs a place")
                .hinted("say where: `--cluster NAME=CONTEXT`, `NAME=URL` or `NAME=CONTEXT,URL`"));
        }
        let mut days = layers.many("day", day)?;
        days.sort_unstable();
        days.dedup();
        let index = layers.one("day-index", |t| parse::count(t, 0, 1_000_000))?;
        let job = match layers.switch("emit-job")? {
            true => Some(job_options(layers)?),
            false => None,
        };
        Ok(Self { settings, store, days, index, job })
    }

    /// The days at this instant: those that were named, else those of the window, else yesterday.
    ///
    /// # Errors
    ///
    /// A usage error: a window within a day, a day that is not over.
    pub fn days_at(&self, now_ms: Millis) -> Result<Vec<Window>> {
        let settings = &self.settings;
        let starts = match (self.days.is_empty(), settings.window_is_given) {
            (false, _) => self.days.clone(),
            (true, is_given) => {
                let request = match is_given {
                    true => settings.window,
                    false => WindowRequest::Trailing(MS_PER_DAY),
                };
                let whole = settings.whole_days(request, now_ms)?;
                let days = whole.length_ms() / MS_PER_DAY;
                (0..days).map(|n| whole.start() + n * MS_PER_DAY).collect()
            }
        };
        let days: Vec<Window> =
            starts.iter().filter_map(|start| Window::new(*start, start + MS_PER_DAY)).collect();
        // A sample may speak for the end of a day until then.
        let settled = |day: &&Window| day.end() + settings.policy.max_gap_ms > now_ms;
        if let Some(day) = days.iter().find(settled) {
            return Err(Error::usage(format!(
                "the day {} is not over, or too fresh: now is {}, and samples up to {} after it count",
                utc_day(day.start()),
                rfc3339(now_ms),
                rfc3339(day.end() + settings.policy.max_gap_ms),
            )));
        }
        Ok(days)
    }

    /// Every cluster with every day, or the one that was asked for by number.
    ///
    /// # Errors
    ///
    /// As [`Self::days_at`]; a number beyond the last.
    pub fn parts(&self, now_ms: Millis) -> Result<Vec<(ClusterSpec, Window)>> {
        let days = self.days_at(now_ms)?;
        let of_cluster = |cluster: &ClusterSpec| {
            days.iter().map(|day| (cluster.clone(), *day)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.settings.clusters.iter().flat_map(of_cluster).collect();
        match self.index {
            None => Ok(all),
            Some(index) if index < all.len() => Ok(vec![all.swap_remove(index)]),
            Some(index) => Err(Error::usage(format!(
                "`--day-index {index}` is beyond the last: there are {} parts, from 0",
                all.len()
            ))),
        }
    }
}

fn job_options(layers: &Layers) -> Result<JobOptions> {
    let text = |id| layers.one(id, parse::plain).map(Option::unwrap_or_default);
    let image = layers.one("job-image", parse::plain)?.ok_or_else(|| {
        Error::usage("`--emit-job` needs an image").hinted("name it: `--job-image IMAGE`")
    })?;
    Ok(JobOptions { image, volume: text("job-volume")?, account: text("job-account")? })
}

fn day(text: &str) -> Read<Millis> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map_err(|_| format!("{} is not a day; use YYYY-MM-DD", quoted(text)))?;
    Ok(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis())
}
