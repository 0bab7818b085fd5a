//! Series that say the same thing twice: two replicas of a metric server, two scrapes of one exporter.
//!
//! The ledger counts them once. Reading them twice costs time, and dashboards that sum are wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{METRICS, count, list, shell_word};
use super::contract::{Check, Group, State};
use crate::model::{Inputs, Labels, Series};
use crate::observe::field::Field;
use crate::units::Millis;

/// Labels that Prometheus, its operator and multi-tenant servers put on: they say who scraped, not what.
const OF_THE_SCRAPE: [&str; 12] = [
    "instance",
    "job",
    "endpoint",
    "service",
    "container",
    "pod",
    "namespace",
    "node",
    "prometheus",
    "prometheus_replica",
    "replica",
    "__replica__",
];

/// The check; nothing where there are no device series.
pub(super) fn check(inputs: &Inputs) -> Option<Check> {
    let mut groups: BTreeMap<(Field, Labels), Vec<&Series>> = BTreeMap::new();
    for field in Field::ALL {
        for series in inputs.metric(field.query()).map_or(&[][..], |m| &m.series) {
            groups.entry((field, meaning(series))).or_default().push(series);
        }
    }
    if groups.is_empty() {
        return None;
    }
    let mut differing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut doubled = 0;
    for copies in groups.values().filter(|series| series.len() > 1) {
        let at_once = overlapping(copies);
        if at_once.len() > 1 {
            doubled += at_once.len() - 1;
            for (name, values) in differences(&at_once) {
                differing.entry(name).or_default().extend(values);
            }
        }
    }
    let make =
        |state, message| Check::new(Group::Labels, "duplicate-series", state, message, METRICS);
    if doubled == 0 {
        let message = "no device series is there twice".to_owned();
        return Some(make(State::Ok, message).figure("duplicate_series", 0.0));
    }
    let by = list(differing.keys().copied());
    let message = format!(
        "{doubled} device series are there twice, apart by {by}: each GPU counts once, but is read twice"
    );
    let check = make(State::Warn, message)
        .figure("duplicate_series", count(doubled))
        .named(differing.keys().copied());
    // A replica's label is the best to choose by.
    let replica = differing.iter().find(|(name, _)| name.contains("replica"));
    Some(match replica.and_then(|(name, values)| Some((name, values.first()?))) {
        Some((name, value)) => check.fixed_by(
            "read one replica, or give a server that merges them (Thanos, Mimir)",
            format!("--prometheus-matcher {}", shell_word(&format!("{name}={value:?}"))),
        ),
        None => check.advised(
            "take out the scrape that is too much: two ServiceMonitors, or a ServiceMonitor and a scrape annotation, for one exporter",
        ),
    })
}

/// The labels that say what a series is of. Where labels of the exporter were renamed, the plain ones are of
/// the scrape; else they name who holds the device.
fn meaning(series: &Series) -> Labels {
    let renamed = series.labels.keys().any(|name| name.starts_with("exported_"));
    let is_of_scrape = |name: &str| {
        let is_holder = matches!(name, "container" | "pod" | "namespace");
        OF_THE_SCRAPE.contains(&name) && (renamed || !is_holder)
    };
    let own = series.labels.iter().filter(|(name, _)| !is_of_scrape(name));
    own.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Those of some series that are there together with another of them for most of their time.
fn overlapping<'a>(series: &[&'a Series]) -> Vec<&'a Series> {
    let span =
        |s: &Series| -> Option<(Millis, Millis)> { Some((s.samples.first()?, s.samples.last()?)) };
    // An exporter that is replaced overlaps with its successor for minutes.
    let meets = |a: &Series, b: &Series| match (span(a), span(b)) {
        (Some(a), Some(b)) => {
            let together = a.1.min(b.1) - a.0.max(b.0);
            let shorter = (a.1 - a.0).min(b.1 - b.0);
            together > 0 && 2 * together > shorter
        }
        _ => false,
    };
    let pairs = series.iter().enumerate();
    pairs
        .filter(|(i, a)| series.iter().enumerate().any(|(j, b)| *i != j && meets(a, b)))
        .map(|(_, a)| *a)
        .collect()
}

/// Labels in which series differ, each with its values.
fn differences<'a>(series: &[&'a Series]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut out: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in series.iter().flat_map(|s| &s.labels) {
        out.entry(name).or_default().insert(value);
    }
    out.retain(|name, values| {
        let everywhere = series.iter().all(|s| s.labels.contains_key(name));
        values.len() > 1 || !everywhere
    });
    out
}
