//! When somebody was there to be scraped, and when nobody was.

use std::collections::{BTreeMap, BTreeSet};

use super::hour::ScrapeRow;
use super::scraped::TargetName;
use crate::model::window::rfc3339;
use crate::model::{ReadGap, Window};
use crate::units::Millis;

/// Scrapes by target, in order of time: when, and why it failed.
#[derive(Debug, Default)]
pub(super) struct Attendance(BTreeMap<TargetName, BTreeMap<Millis, Option<String>>>);

impl Attendance {
    pub(super) fn add(&mut self, scrape: ScrapeRow) {
        self.0.entry(scrape.target).or_default().insert(scrape.at_ms, scrape.error);
    }

    /// Targets, scrapes within `window`, and how many of them failed.
    pub(super) fn counts(&self, window: Window) -> (usize, usize, usize) {
        let inside = |of: &BTreeMap<Millis, Option<String>>| {
            let range = of.range(window.start()..window.end());
            range.fold((0, 0), |(all, bad), (_, error)| {
                (all + 1, bad + usize::from(error.is_some()))
            })
        };
        let each: Vec<(usize, usize)> =
            self.0.values().map(inside).filter(|(all, _)| *all > 0).collect();
        (each.len(), each.iter().map(|e| e.0).sum(), each.iter().map(|e| e.1).sum())
    }

    /// Stretches of `window` longer than `max_gap_ms` in which none of `targets` was scraped with success. Series
    /// of targets that are not known by name may be anybody's.
    pub(super) fn gaps(
        &self,
        targets: &BTreeSet<TargetName>,
        window: Window,
        max_gap_ms: i64,
    ) -> Vec<ReadGap> {
        let all_known = targets.iter().all(|target| self.0.contains_key(target));
        let successes: BTreeSet<Millis> = self
            .0
            .iter()
            .filter(|(target, _)| !all_known || targets.contains(*target))
            .flat_map(|(_, scrapes)| scrapes.iter().filter(|(_, e)| e.is_none()).map(|(at, _)| *at))
            .filter(|at| window.start() - max_gap_ms <= *at && *at < window.end())
            .collect();
        let mut gaps = Vec::new();
        let mut since = window.start();
        for at in successes.into_iter().chain([window.end()]) {
            if at - since > max_gap_ms {
                let reason = "no scrape of its exporters succeeded".to_owned();
                gaps.push(ReadGap { start_ms: since, end_ms: at, reason });
            }
            since = at.max(window.start());
        }
        gaps
    }

    /// Targets of which all scrapes failed for longer than `max_gap_ms`, in words.
    pub(super) fn outages(&self, window: Window, max_gap_ms: i64) -> Vec<String> {
        let outage = |(target, scrapes): (&TargetName, &BTreeMap<Millis, Option<String>>)| {
            let mut failing: Option<(Millis, &String)> = None;
            let mut longest: Option<(i64, Millis, &String)> = None;
            for (at, error) in scrapes.range(window.start()..window.end()) {
                failing = error.as_ref().map(|e| failing.unwrap_or((*at, e)));
                if let Some((since, reason)) = failing
                    && longest.is_none_or(|(length, _, _)| at - since > length)
                {
                    longest = Some((at - since, since, reason));
                }
            }
            longest.filter(|(length, _, _)| *length > max_gap_ms).map(|(length, since, reason)| {
                let (from, to) = (rfc3339(since), rfc3339(since + length));
                format!("{target} was not scraped from {from} to {to}: {reason}")
            })
        };
        self.0.iter().filter_map(outage).collect()
    }
}
