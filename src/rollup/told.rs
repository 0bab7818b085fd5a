//! What many partitions tell of their data, told once: the same warning of several days is one warning.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Window;
use crate::model::window::utc_day;
use crate::report::contract::{Assumption, SourceRow, Warning};
use crate::report::coverage::Seen;
use crate::units::Millis;

/// How a source can have fared, worst first.
const STATUSES: [&str; 6] = ["failed", "partial", "gridded", "empty", "skipped", "ok"];

/// Everything told so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    samples_seen: u64,
    samples_dropped: BTreeMap<String, u64>,
    /// By cluster and warning, the times that it is about.
    warnings: BTreeMap<(String, Warning), BTreeSet<Time>>,
    /// By cluster and name.
    sources: BTreeMap<(String, String), Source>,
    /// By cluster, what there is and what is not.
    present: BTreeMap<String, BTreeSet<Time>>,
    missing: BTreeMap<String, BTreeMap<Time, String>>,
    assumptions: Vec<Assumption>,
    measured: bool,
}

/// Beginning and end.
type Time = (Millis, Millis);

#[derive(Debug)]
struct Source {
    row: SourceRow,
    times: usize,
}

fn time(window: Window) -> Time {
    (window.start(), window.end())
}

impl Told {
    pub(super) fn add(&mut self, cluster: &str, window: Window, seen: Seen, by: Vec<Assumption>) {
        self.present.entry(cluster.to_owned()).or_default().insert(time(window));
        self.samples_seen += seen.samples_seen;
        for (reason, n) in seen.samples_dropped {
            *self.samples_dropped.entry(reason).or_default() += n;
        }
        for warning in seen.warnings {
            self.warnings.entry((cluster.to_owned(), warning)).or_default().insert(time(window));
        }
        for row in seen.sources {
            self.source(cluster, &row);
        }
        self.measured |= !seen.without_metrics;
        let new: Vec<Assumption> =
            by.into_iter().filter(|a| !self.assumptions.contains(a)).collect();
        self.assumptions.extend(new);
    }

    /// A source fared as badly as on its worst day.
    fn source(&mut self, cluster: &str, row: &SourceRow) {
        let rank = |row: &SourceRow| STATUSES.iter().position(|s| *s == row.status);
        let key = (cluster.to_owned(), row.name.clone());
        let known =
            self.sources.entry(key).or_insert_with(|| Source { row: row.clone(), times: 0 });
        if rank(row) < rank(&known.row) {
            known.row = row.clone();
            known.times = 0;
        }
        known.times += usize::from(row.status == known.row.status);
    }

    pub(super) fn missing(&mut self, cluster: &str, window: Window, reason: String) {
        self.missing.entry(cluster.to_owned()).or_default().insert(time(window), reason);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// Everything, with the settings that it depends on.
    pub(super) fn finish(self, whole: Window) -> (Seen, Vec<Assumption>) {
        let mut warnings: Vec<Warning> = Vec::new();
        for ((cluster, warning), times) in &self.warnings {
            let place = place(cluster, times, whole);
            let message = format!("{} ({place})", warning.message);
            warnings.push(Warning { message, ..warning.clone() });
        }
        for (cluster, missing) in &self.missing {
            warnings.extend(about_missing(cluster, missing, whole));
        }
        warnings.extend(about_settings(&self.assumptions));
        let clusters: BTreeSet<&String> = self.present.keys().chain(self.missing.keys()).collect();
        let mut sources: Vec<SourceRow> =
            clusters.into_iter().map(|cluster| self.of_cluster(cluster)).collect();
        sources.extend(self.sources.iter().map(|((cluster, name), source)| SourceRow {
            name: format!("{cluster}/{name}"),
            status: source.row.status.clone(),
            detail: match source.times {
                0 | 1 => source.row.detail.clone(),
                n => format!("{} (the first of {n} days)", source.row.detail),
            },
        }));
        let seen = Seen {
            samples_seen: self.samples_seen,
            samples_dropped: self.samples_dropped,
            warnings,
            without_metrics: !self.measured,
            sources,
        };
        (seen, self.assumptions)
    }

    /// The line about a cluster itself.
    fn of_cluster(&self, cluster: &str) -> SourceRow {
        let present = self.present.get(cluster).map_or(0, BTreeSet::len);
        let missing = self.missing.get(cluster).map_or(0, BTreeMap::len);
        let status = match (present, missing) {
            (_, 0) => "ok",
            (0, _) => "failed",
            _ => "partial",
        };
        SourceRow {
            name: format!("cluster/{cluster}"),
            status: status.to_owned(),
            detail: format!("{present} of {} days", present + missing),
        }
    }
}

/// Where and when; the time is left out where it is all of the window.
fn place(cluster: &str, times: &BTreeSet<Time>, whole: Window) -> String {
    match (times.first(), times.len()) {
        (Some(first), 1) if *first == time(whole) => cluster.to_owned(),
        (Some(first), 1) => format!("{cluster}, {}", utc_day(first.0)),
        (Some(first), n) => format!("{cluster}, {} and {} more", utc_day(first.0), n - 1),
        (None, _) => cluster.to_owned(),
    }
}

/// One warning for each reason.
fn about_missing(cluster: &str, missing: &BTreeMap<Time, String>, whole: Window) -> Vec<Warning> {
    let mut by_reason: BTreeMap<&str, BTreeSet<Time>> = BTreeMap::new();
    for (time, reason) in missing {
        by_reason.entry(reason).or_default().insert(*time);
    }
    let warning = |(reason, times): (&str, BTreeSet<Time>)| Warning {
        code: "missing-part".to_owned(),
        message: format!(
            "cluster {}: {reason}; that time is in no figure, and what is given per month is too low by it",
            place(cluster, &times, whole)
        ),
        incomplete: true,
    };
    by_reason.into_iter().map(warning).collect()
}

fn about_settings(assumptions: &[Assumption]) -> Option<Warning> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for assumption in assumptions {
        values.entry(&assumption.key).or_default().insert(&assumption.value);
    }
    let mixed: Vec<&str> =
        values.into_iter().filter(|(_, values)| values.len() > 1).map(|(key, _)| key).collect();
    (!mixed.is_empty()).then(|| Warning {
        code: "mixed-settings".to_owned(),
        message: format!(
            "days or clusters were worked out with different settings: {}; roll them up again for figures that compare",
            mixed.join(", ")
        ),
        incomplete: false,
    })
}
