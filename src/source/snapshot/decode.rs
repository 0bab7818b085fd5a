//! A snapshot from its files. Nothing in them is trusted: they may come from anywhere.

use super::error::SnapshotError;
use super::files::Files;
use super::manifest::{MANIFEST, Manifest, MetricEntry, parse_instant};
use super::{Snapshot, samples};
use crate::model::{MetricData, QueryId, Series, SourceState, SourceStatus, Window};
use crate::source::objects::file as object_file;

/// Reads every file and checks that they agree with one another.
pub(super) fn decode(files: &Files<'_>) -> Result<Snapshot, SnapshotError> {
    let manifest = Manifest::parse(&files.manifest()?)?;
    let start_ms = parse_instant("start", &manifest.start)?;
    let end_ms = parse_instant("end", &manifest.end)?;
    let window = Window::new(start_ms, end_ms).ok_or_else(|| {
        let detail =
            format!("its window ends at {}, not after its start {}", manifest.end, manifest.start);
        SnapshotError::damaged(MANIFEST, detail)
    })?;
    let mut sources = manifest.sources;
    let mut metrics: Vec<MetricData> = Vec::with_capacity(manifest.metrics.len());
    for entry in &manifest.metrics {
        let Some(query) = QueryId::from_name(&entry.query) else {
            sources.push(unknown_query(&entry.query));
            continue;
        };
        if metrics.iter().any(|m| m.query == query) {
            let detail = format!("it has the query `{}` twice", query.name());
            return Err(SnapshotError::damaged(MANIFEST, detail));
        }
        let series = series(files, entry)?;
        metrics.push(MetricData { query, series, gaps: entry.gaps.clone() });
    }
    let objects_entry = &manifest.objects;
    let objects_file = &objects_entry.file;
    let objects = object_file::decode(&files.checked(objects_file)?)
        .map_err(|e| SnapshotError::damaged(&objects_file.path, e))?;
    if objects.items.len() != objects_entry.count {
        let detail =
            format!("it has {} objects, expected {}", objects.items.len(), objects_entry.count);
        return Err(SnapshotError::damaged(&objects_file.path, detail));
    }
    Ok(Snapshot {
        window,
        now_ms: parse_instant("now", &manifest.now)?,
        metrics,
        objects,
        sources,
        tool_version: manifest.tool_version,
        server: manifest.server,
        redacted: manifest.redacted,
    })
}

fn series(files: &Files<'_>, entry: &MetricEntry) -> Result<Vec<Series>, SnapshotError> {
    match (&entry.labels_file, &entry.samples_file) {
        (None, None) if entry.series == 0 && entry.samples == 0 => Ok(Vec::new()),
        (Some(labels), Some(values)) => samples::decode(
            (&labels.path, files.checked(labels)?),
            (&values.path, files.checked(values)?),
            entry.series,
            entry.samples,
        ),
        _ => {
            let detail = format!(
                "`{}` has {} series, but not both of its files",
                entry.query.escape_debug(),
                entry.series
            );
            Err(SnapshotError::damaged(MANIFEST, detail))
        }
    }
}

/// A query that another version of the tool asked is told, not silently left out.
fn unknown_query(name: &str) -> SourceStatus {
    SourceStatus {
        name: format!("snapshot/{name}"),
        state: SourceState::Skipped,
        detail: "a query that this version of gpu-finops does not know; its samples are not used"
            .to_owned(),
    }
}
