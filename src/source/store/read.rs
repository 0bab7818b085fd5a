//! A window of the store as a metric server would answer about it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::gaps::Attendance;
use super::hour::{self, HourData};
use super::layout::{self, Hour, OBJECTS, hour_of, start_of};
use super::partition;
use super::replies::Replies;
use super::segment::End;
use crate::model::window::rfc3339;
use crate::model::{MetricData, SourceState, SourceStatus, Window};
use crate::source::objects::{RawObjects, file as object_file};
use crate::source::prometheus::answer::LOOKBACK_MS;
use crate::units::{MS_PER_HOUR, Millis};

/// What is asked of a store.
#[derive(Debug, Clone)]
pub struct StoreQuery<'a> {
    /// The window of the report.
    pub window: Window,
    /// The instant of the report.
    pub now_ms: Millis,
    /// Longest distance of neighbouring samples.
    pub max_gap_ms: i64,
    /// Extended resource names of GPUs.
    pub gpu_resources: &'a [String],
}

/// What a store told.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// One answer per query that was asked, in the order of the catalogue.
    pub metrics: Vec<MetricData>,
    /// `store`, `store/targets`, then one line per query.
    pub sources: Vec<SourceStatus>,
}

/// Where an hour is.
enum Part {
    Folder(PathBuf),
    Log(HourData),
}

/// Reads what a report on a window needs: samples of the window widened by two `max_gap_ms` before and one
/// after, as from a metric server.
///
/// # Errors
/// A folder that is no store, a file that cannot be read, and a store without a scrape of that time.
pub fn read(dir: &Path, query: &StoreQuery<'_>) -> Result<Stored, StoreError> {
    layout::check(dir)?;
    let widened = query.window.widened(2 * query.max_gap_ms, query.max_gap_ms);
    let (parts, mut problems) = parts(dir, widened)?;
    let mut replies = Replies::new(query.gpu_resources, widened);
    let mut attendance = Attendance::default();
    let mut places: Vec<Vec<usize>> = Vec::with_capacity(parts.len());
    for part in parts.values() {
        let (labels, scrapes) = match part {
            Part::Folder(folder) => {
                (partition::read_labels(folder)?, partition::read_scrapes(folder)?)
            }
            Part::Log(data) => {
                (data.series.iter().map(|s| s.labels.clone()).collect(), data.scrapes.clone())
            }
        };
        places.push(labels.into_iter().map(|labels| replies.place_of(labels)).collect());
        scrapes.into_iter().for_each(|scrape| attendance.add(scrape));
    }
    replies.assign();
    for ((hour, part), places) in parts.iter().zip(&places) {
        give_samples(*hour, part, places, &mut replies)?;
    }
    let now = query.now_ms.max(query.window.start() + 1);
    let past =
        Window::new(query.window.start(), query.window.end().min(now)).unwrap_or(query.window);
    let (targets, scrapes, failed) = attendance.counts(widened);
    if scrapes == failed {
        return Err(nothing_there(dir, query.window)?);
    }
    let (metrics, of_queries) =
        replies.finish("store", |targets| attendance.gaps(targets, past, query.max_gap_ms));
    let detail =
        format!("{}; targets: {targets}, scrapes: {scrapes}, failed: {failed}", dir.display());
    let mut sources = vec![line("store", SourceState::Ok, detail)];
    sources.push(about_targets(&attendance.outages(past, query.max_gap_ms)));
    problems.dedup();
    sources.extend(problems.into_iter().map(|p| line("store/log", SourceState::Partial, p)));
    sources.extend(of_queries);
    Ok(Stored { metrics, sources })
}

fn line(name: &str, state: SourceState, detail: String) -> SourceStatus {
    SourceStatus { name: name.to_owned(), state, detail }
}

fn about_targets(outages: &[String]) -> SourceStatus {
    match outages {
        [] => line("store/targets", SourceState::Ok, "no target was away for long".to_owned()),
        [only] => line("store/targets", SourceState::Partial, only.clone()),
        [first, rest @ ..] => {
            let detail = format!("{first} (and {} more targets)", rest.len());
            line("store/targets", SourceState::Partial, detail)
        }
    }
}

/// The hours that may have samples of a window, and what is wrong with the log.
///
/// The log is read first: an hour that is compacted meanwhile is found among the folders then.
fn parts(dir: &Path, window: Window) -> Result<(BTreeMap<Hour, Part>, Vec<String>), StoreError> {
    // An exporter's own instants may lie somewhat off the scrape's, whose hour it is.
    let from = hour_of(window.start() - LOOKBACK_MS - MS_PER_HOUR);
    let to = hour_of(window.end() + MS_PER_HOUR);
    let mut logged: BTreeMap<Hour, Vec<PathBuf>> = BTreeMap::new();
    for (hour, _, path) in layout::segments(dir)? {
        if (from..=to).contains(&hour) {
            logged.entry(hour).or_default().push(path);
        }
    }
    let mut problems = Vec::new();
    let mut parts = BTreeMap::new();
    for (hour, paths) in logged {
        let (data, unfinished) = hour::of_segments(&paths)?;
        parts.insert(hour, Part::Log(data));
        for (path, end) in unfinished {
            // An end that is torn is a scrape that was being written.
            if let End::Damaged(good) = end {
                let path = path.display();
                problems
                    .push(format!("{path} is damaged: what stands after byte {good} is left out"));
            }
        }
    }
    for (hour, folder) in layout::partitions(dir)? {
        if (from..=to).contains(&hour) {
            parts.insert(hour, Part::Folder(folder));
        }
    }
    Ok((parts, problems))
}

fn give_samples(
    hour: Hour,
    part: &Part,
    places: &[usize],
    replies: &mut Replies,
) -> Result<(), StoreError> {
    match part {
        Part::Folder(folder) => {
            partition::read_samples(folder, hour, places.len(), &mut |series, at, value| {
                replies.push(places[series], at, value);
            })
        }
        Part::Log(data) => {
            for (series, place) in data.series.iter().zip(places) {
                for (at, value) in &series.samples {
                    replies.push(*place, *at, *value);
                }
            }
            Ok(())
        }
    }
}

fn nothing_there(dir: &Path, window: Window) -> Result<StoreError, StoreError> {
    let logged = layout::segments(dir)?.into_iter().map(|(hour, _, _)| hour);
    let hours: Vec<Hour> =
        layout::partitions(dir)?.into_iter().map(|(hour, _)| hour).chain(logged).collect();
    let holds = match (hours.iter().min(), hours.iter().max()) {
        (Some(first), Some(last)) => {
            let (first, last) = (rfc3339(start_of(*first)), rfc3339(start_of(last + 1)));
            format!("its hours are of {first} to {last}")
        }
        _ => "it is empty: `gpu-finops collect --store` fills it".to_owned(),
    };
    let (start, end) = (rfc3339(window.start()), rfc3339(window.end()));
    Ok(StoreError::NothingThere { dir: dir.to_owned(), start, end, holds })
}

/// The cluster objects of a store, as they were listed last; `None` when none were.
///
/// # Errors
/// A folder that is no store, a file that cannot be read.
pub fn objects(dir: &Path) -> Result<Option<RawObjects>, StoreError> {
    layout::check(dir)?;
    let path = dir.join(OBJECTS);
    match fs::read(&path) {
        Ok(content) => {
            object_file::decode(&content).map(Some).map_err(|e| StoreError::damaged(&path, e))
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("read", &path, e)),
    }
}
