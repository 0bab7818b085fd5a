//! Reports on more than one set of inputs: roll-ups of a folder, or several live clusters.
//!
//! A part that is not there, or cannot be read, is a line of coverage; without any part there is no report.

use std::path::Path;

use super::compute;
use super::gather::{self, system_clock};
use super::watch::{self, Watch};
use crate::error::{Error, Result};
use crate::model::Window;
use crate::model::window::{rfc3339, utc_day};
use crate::report::contract::{Assumption, Report};
use crate::rollup::columns::{HEADER, TABLES, file};
use crate::rollup::{Merge, Merged, Partition, RollupError, decode};
use crate::settings::Settings;
use crate::settings::layers::Origin;
use crate::source::rollups;
use crate::ui::Ui;
use crate::units::{MS_PER_DAY, Millis};

/// The report on roll-ups.
///
/// # Errors
///
/// A window within a day; a folder without any part of it; several currencies.
pub(super) fn of_rollups(
    dir: &Path,
    settings: &Settings,
    ui: &Ui,
    mut watch: Option<Watch<'_>>,
) -> Result<Report> {
    let failed = |e: rollups::Error| Error::failed("cannot read roll-ups").caused_by(e);
    rollups::check(dir).map_err(failed)?;
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let window = settings.whole_days(settings.window, now_ms)?;
    let named: Vec<String> = settings.clusters.iter().map(|c| c.name.clone()).collect();
    let clusters = match named.is_empty() {
        true => rollups::clusters(dir).map_err(failed)?,
        false => named,
    };
    ui.progress().phase(&format!("reading {}", dir.display()));
    let mut merge = Merge::new(window);
    for cluster in &clusters {
        for day in days(window) {
            match of_day(dir, cluster, day) {
                Ok(partition) => {
                    if let Some(watch) = &mut watch {
                        watch.day(&partition.accounts);
                    }
                    merge.add(partition).map_err(|e| mixed(&e))?;
                }
                Err(reason) => merge.missing(cluster, day, reason),
            }
        }
    }
    if merge.is_empty() {
        return Err(nothing(dir, &clusters, window));
    }
    let Merged { accounts, assumptions } = merge.finish(now_ms);
    say_what_has_no_effect(settings, &assumptions, ui);
    Ok(compute::report_on(&accounts, assumptions, settings))
}

/// The report on several live clusters, one after another.
///
/// # Errors
///
/// Wrong settings, or no cluster that could be read.
pub(super) async fn of_clusters(
    settings: &Settings,
    ui: &Ui,
    mut watch: Option<Watch<'_>>,
) -> Result<Report> {
    // All are asked about the same instants.
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let window = settings.window_at(now_ms)?.window;
    let mut merge = Merge::new(window);
    let mut last = None;
    for cluster in &settings.clusters {
        let one = Settings {
            source: cluster.source(&settings.source),
            now_ms: Some(now_ms),
            ..settings.clone()
        };
        match gather::gather(&one, ui).await {
            Ok(gathered) => {
                let name = Some(cluster.name.as_str());
                let partition = Partition {
                    cluster: cluster.name.clone(),
                    accounts: watch::accounts(gathered, &one, name, watch.as_mut())?,
                    assumptions: compute::assumptions(&one),
                    tool_version: env!("CARGO_PKG_VERSION").to_owned(),
                };
                merge.add(partition).map_err(|e| mixed(&e))?;
            }
            Err(error) => {
                merge.missing(&cluster.name, window, error.to_string());
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if merge.is_empty() => Err(error),
        _ => {
            let Merged { accounts, assumptions } = merge.finish(now_ms);
            Ok(compute::report_on(&accounts, assumptions, settings))
        }
    }
}

pub(super) fn days(window: Window) -> impl Iterator<Item = Window> {
    let count = window.length_ms() / MS_PER_DAY;
    let start = move |n: Millis| window.start() + n * MS_PER_DAY;
    (0..count).filter_map(move |n| Window::new(start(n), start(n + 1)))
}

/// A partition, or why there is none.
pub(super) fn of_day(
    dir: &Path,
    cluster: &str,
    day: Window,
) -> std::result::Result<Partition, String> {
    let files: Vec<String> = std::iter::once(HEADER.to_owned()).chain(TABLES.map(file)).collect();
    let found = rollups::read(dir, (cluster, &utc_day(day.start())), &files);
    let found = found.map_err(|e| match std::error::Error::source(&e) {
        Some(cause) => format!("{e}: {cause}"),
        None => e.to_string(),
    })?;
    let files = found.ok_or("there is no roll-up: `gpu-finops roll-up` makes one")?;
    let partition =
        decode(files).map_err(|e| format!("its roll-up cannot be used ({e}): roll it up again"))?;
    if partition.cluster != cluster || partition.accounts.window != day {
        return Err("its roll-up is of another cluster or day: roll it up again".to_owned());
    }
    Ok(partition)
}

pub(super) fn mixed(error: &RollupError) -> Error {
    Error::failed(error.to_string())
        .hinted("report on clusters of one currency at a time, with `--cluster`, or roll up again")
}

pub(super) fn nothing(dir: &Path, clusters: &[String], window: Window) -> Error {
    let holds = match clusters.first().map(|c| (c, rollups::days(dir, c).unwrap_or_default())) {
        Some((cluster, days)) => match (days.first(), days.last()) {
            (Some(first), Some(last)) => format!("of {cluster} it has {first} to {last}"),
            _ => format!("of {cluster} it has nothing"),
        },
        None => "it is empty".to_owned(),
    };
    Error::failed(format!(
        "`{}` has no roll-up from {} to {} that can be used; {holds}",
        dir.display(),
        rfc3339(window.start()),
        rfc3339(window.end())
    ))
    .hinted("`gpu-finops roll-up --store` makes them; `--window` says which days are read")
}

/// Roll-ups were made with settings of their own: another word on the command line changes nothing any more.
pub(super) fn say_what_has_no_effect(settings: &Settings, made_with: &[Assumption], ui: &Ui) {
    for asked in settings.assumptions.iter().filter(|a| a.origin == Origin::Flag) {
        let is_same = |a: &Assumption| a.key == asked.key && a.value == asked.value;
        if asked.key != "report.timezone" && !made_with.iter().any(is_same) {
            ui.warn(&format!(
                "`{}` was decided when the days were rolled up; the flag has no effect on them",
                asked.key
            ));
        }
    }
}
