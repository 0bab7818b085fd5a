//! What budgets are judged on: spend, from whatever the settings lead to, and the report on the same time.

use std::path::Path;

use super::super::gather::{self, Gathered, system_clock};
use super::super::{compute, merging};
use crate::budget::define::Budget;
use crate::budget::evaluate;
use crate::budget::grid::{self, Grid};
use crate::budget::spend::{Spend, measured};
use crate::error::{Error, Result};
use crate::model::policy::Scope;
use crate::model::window::rfc3339;
use crate::model::{Inputs, Interval, IntervalSet, Window};
use crate::report::accounts::Accounts;
use crate::report::contract::{Report, ScopeRow};
use crate::rollup::{Merge, Merged, Partition};
use crate::settings::Settings;
use crate::settings::budgets::BudgetSettings;
use crate::settings::clusters::ClusterSpec;
use crate::settings::source::SourceChoice;
use crate::settings::window::{Instant, WindowRequest};
use crate::source::rollups;
use crate::ui::Ui;
use crate::units::{MS_PER_DAY, MS_PER_SECOND, Millis};

/// What was read.
pub(super) struct Material<'a> {
    /// What each budget's scope spent.
    pub spend: Spend<'a>,
    /// The report on all of it.
    pub report: Report,
    /// As of when.
    pub as_of: Millis,
    /// What it was made from, where that is one cluster with its samples.
    pub inputs: Option<Inputs>,
}

/// Budgets, and what decides their scopes.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub budgets: &'a [Budget],
    pub queue_labels: &'a [String],
    pub settings: &'a BudgetSettings,
}

impl<'a> Asked<'a> {
    /// The first instant to be read.
    fn from(&self, as_of: Millis) -> Result<Millis> {
        evaluate::needed_from(self.budgets, as_of, self.settings.history_ms)
            .ok_or_else(|| no_date(as_of))
    }

    fn spend(&self, window: Window, as_of: Millis) -> Result<Spend<'a>> {
        let cuts = evaluate::cuts(self.budgets, window, as_of).ok_or_else(|| no_date(as_of))?;
        Ok(Spend::new(self.budgets, self.queue_labels, Grid::new(window, cuts)))
    }

    fn now(&self) -> Result<Millis> {
        self.settings.settings.now_ms.map_or_else(system_clock, Ok)
    }

    /// As of when: what was asked for, or now.
    fn as_of(&self, now_ms: Millis) -> Result<Millis> {
        match self.settings.at_ms {
            Some(at) if at > now_ms => Err(Error::usage(format!(
                "`--at` is {}, and now is {}: nothing is known of the future",
                rfc3339(at),
                rfc3339(now_ms)
            ))),
            Some(at) => Ok(at),
            None => Ok(now_ms - now_ms.rem_euclid(MS_PER_SECOND)),
        }
    }
}

fn no_date(as_of: Millis) -> Error {
    Error::usage(format!("there is no calendar as of {}", rfc3339(as_of)))
}

/// Reads what the budgets need.
///
/// # Errors
///
/// A source that failed, a time of which there is nothing.
pub(super) async fn read<'a>(asked: Asked<'a>, ui: &Ui) -> Result<Material<'a>> {
    let mut settings = asked.settings.settings.clone();
    // Scopes are those of the budgets.
    settings.policy.scope = Scope::default();
    settings.scope = ScopeRow::default();
    match &settings.source {
        SourceChoice::Snapshot(_) => of_snapshot(asked, settings, ui).await,
        SourceChoice::Store(store) => {
            let dir = store.dir.clone();
            let format = rollups::format_of(&dir)
                .map_err(|e| Error::failed("cannot read the store").caused_by(e))?;
            match format.as_deref() {
                Some(rollups::FORMAT) => of_rollups(asked, &dir, &settings, ui),
                _ => live(asked, settings, ui).await,
            }
        }
        SourceChoice::Live(live) if live.scrape.is_some() => Err(Error::usage(
            "one scrape says nothing of what was spent in a period",
        )
        .hinted("leave `--scrape` out: name a metric server, a store, roll-ups or a snapshot")),
        SourceChoice::Live(live) if live.no_metrics => {
            Err(Error::usage("without metrics nothing is known of what was spent before now")
                .hinted("leave `--no-metrics` out"))
        }
        SourceChoice::Live(_) => self::live(asked, settings, ui).await,
    }
}

async fn of_snapshot<'a>(
    asked: Asked<'a>,
    mut settings: Settings,
    ui: &Ui,
) -> Result<Material<'a>> {
    settings.window_is_given = false;
    let recorded = gather::gather(&settings, ui).await?;
    let (start, end) = (recorded.window.start(), recorded.window.end());
    let as_of = asked.settings.at_ms.unwrap_or(end);
    let window = Window::new(start, as_of).filter(|_| as_of <= end).ok_or_else(|| {
        Error::failed(format!(
            "budgets cannot be judged as of {}: the snapshot is of {} to {}",
            rfc3339(as_of),
            rfc3339(start),
            rfc3339(end)
        ))
    })?;
    let mut spend = asked.spend(window, as_of)?;
    let name = only_name(&settings.clusters);
    let (accounts, inputs) = added(&mut spend, Gathered { window, ..recorded }, &settings, name)?;
    let report = compute::report_on(&accounts, compute::assumptions(&settings), &settings);
    Ok(Material { spend, report, as_of, inputs: Some(inputs) })
}

/// The name of the one cluster, where it has one.
fn only_name(clusters: &[ClusterSpec]) -> Option<&str> {
    clusters.first().map(|cluster| cluster.name.as_str())
}

/// Adds what was gathered, and gives its accounts and what they were made from.
fn added(
    spend: &mut Spend<'_>,
    gathered: Gathered,
    settings: &Settings,
    name: Option<&str>,
) -> Result<(Accounts, Inputs)> {
    let inputs = gathered.into_inputs(&settings.policy);
    let grid = &spend.grid;
    let (accounts, rows) =
        Accounts::with(&inputs, &settings.policy, |time| grid::of_device(grid, time));
    compute::readable(&inputs)?;
    let accounts = match name {
        Some(name) => accounts.of_cluster(name),
        None => accounts,
    };
    spend.know(name, &measured(&inputs, settings.policy.max_gap_ms));
    spend.add(&accounts, &rows);
    Ok((accounts, inputs))
}

async fn live<'a>(asked: Asked<'a>, mut settings: Settings, ui: &Ui) -> Result<Material<'a>> {
    let now_ms = asked.now()?;
    let as_of = asked.as_of(now_ms)?;
    let from = asked.from(as_of)?;
    settings.now_ms = Some(now_ms);
    settings.window = WindowRequest::Between(Instant::At(from), Some(Instant::At(as_of)));
    settings.window_is_given = true;
    let window = settings.window_at(now_ms)?.window;
    let mut spend = asked.spend(window, as_of)?;
    if settings.clusters.iter().all(|cluster| cluster.place.is_none()) {
        if settings.clusters.len() > 1 {
            return Err(Error::usage("of several clusters each needs a place")
                .hinted("say where: `--cluster NAME=CONTEXT`, `NAME=URL` or `NAME=CONTEXT,URL`"));
        }
        let gathered = gather::gather(&settings, ui).await?;
        let name = only_name(&settings.clusters);
        let (accounts, inputs) = added(&mut spend, gathered, &settings, name)?;
        let report = compute::report_on(&accounts, compute::assumptions(&settings), &settings);
        return Ok(Material { spend, report, as_of, inputs: Some(inputs) });
    }
    let mut merge = Merge::new(window);
    let mut last = None;
    for cluster in &settings.clusters {
        let one = Settings { source: cluster.source(&settings.source), ..settings.clone() };
        // What cannot be read is not known, and lowers what is known of everything.
        spend.know(Some(&cluster.name), &IntervalSet::default());
        match gather::gather(&one, ui).await {
            Ok(gathered) => {
                let (accounts, _) = added(&mut spend, gathered, &one, Some(&cluster.name))?;
                let partition = Partition {
                    cluster: cluster.name.clone(),
                    accounts,
                    assumptions: compute::assumptions(&one),
                    tool_version: env!("CARGO_PKG_VERSION").to_owned(),
                };
                merge.add(partition).map_err(|e| merging::mixed(&e))?;
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
            let report = compute::report_on(&accounts, assumptions, &settings);
            Ok(Material { spend, report, as_of, inputs: None })
        }
    }
}

/// Roll-ups are of whole UTC days: everything is judged as of the last midnight.
fn of_rollups<'a>(
    asked: Asked<'a>,
    dir: &Path,
    settings: &Settings,
    ui: &Ui,
) -> Result<Material<'a>> {
    let failed = |e: rollups::Error| Error::failed("cannot read roll-ups").caused_by(e);
    rollups::check(dir).map_err(failed)?;
    let now_ms = asked.now()?;
    let midnight = |at: Millis| at - at.rem_euclid(MS_PER_DAY);
    let as_of = midnight(asked.as_of(now_ms)?);
    let from = asked.from(as_of)?;
    let required = evaluate::required_from(asked.budgets, as_of).unwrap_or(from);
    let window = Window::new(midnight(from), as_of).ok_or_else(|| no_date(as_of))?;
    let mut spend = asked.spend(window, as_of)?;
    let named: Vec<String> = settings.clusters.iter().map(|c| c.name.clone()).collect();
    let clusters = match named.is_empty() {
        true => rollups::clusters(dir).map_err(failed)?,
        false => named,
    };
    ui.progress().phase(&format!("reading {}", dir.display()));
    let mut merge = Merge::new(window);
    for cluster in &clusters {
        spend.know(Some(cluster), &IntervalSet::default());
        for day in merging::days(window) {
            match merging::of_day(dir, cluster, day) {
                Ok(partition) => {
                    let rows = grid::of_accounts(&spend.grid, &partition.accounts);
                    let time = Interval::new(day.start(), day.end());
                    spend.know(Some(cluster), &IntervalSet::of(time));
                    spend.add(&partition.accounts, &rows);
                    merge.add(partition).map_err(|e| merging::mixed(&e))?;
                }
                // Older days are history: welcome, and not needed.
                Err(reason) if day.end() > required => merge.missing(cluster, day, reason),
                Err(_) => {}
            }
        }
    }
    if merge.is_empty() {
        return Err(merging::nothing(dir, &clusters, window));
    }
    let Merged { accounts, assumptions } = merge.finish(now_ms);
    merging::say_what_has_no_effect(settings, &assumptions, ui);
    same_currency(&accounts, settings)?;
    let report = compute::report_on(&accounts, assumptions, settings);
    Ok(Material { spend, report, as_of, inputs: None })
}

/// Amounts are in the currency of the settings: money of roll-ups in another one cannot be held against them.
fn same_currency(accounts: &Accounts, settings: &Settings) -> Result<()> {
    let wanted = &settings.policy.prices.currency;
    if &accounts.currency == wanted {
        return Ok(());
    }
    Err(Error::failed(format!(
        "the roll-ups are in {}, and the budgets in {wanted}",
        accounts.currency
    ))
    .hinted(format!("set `--currency {}`, or roll up again", accounts.currency)))
}
