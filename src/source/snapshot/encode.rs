//! A snapshot as files, in a fixed order, whichever way they are kept.

use std::borrow::Cow;

use serde_json::Value;

use super::error::SnapshotError;
use super::files::sha256_hex;
use super::manifest::{self, FORMAT, FORMAT_VERSION, FileEntry, MANIFEST, Manifest};
use super::manifest::{MetricEntry, ObjectsEntry};
use super::redact::{self, Pseudonyms};
use super::{Snapshot, samples};
use crate::model::{MetricData, SourceStatus};
use crate::source::objects::{RawObject, RawObjects, file as object_file};

/// Takes a file of the snapshot: path and content.
type Put<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<(), SnapshotError>;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) samples: u64,
    pub(super) objects: usize,
    pub(super) objects_dropped: usize,
}

/// Hands every file of the snapshot to `put`, the manifest last.
pub(super) fn encode(
    snapshot: &Snapshot,
    sanitise: &dyn Fn(&Value) -> Option<Value>,
    pseudonyms: Option<&Pseudonyms>,
    put: Put<'_>,
) -> Result<Counts, SnapshotError> {
    let mut writer = Writer { put, counts: Counts::default() };
    if let Some(names) = pseudonyms {
        redact::prepare(names, &snapshot.objects, &snapshot.metrics);
    }
    let metrics = snapshot
        .metrics
        .iter()
        .map(|metric| match pseudonyms {
            Some(names) => writer.metric(&redact::metric(names, metric)),
            None => writer.metric(metric),
        })
        .collect::<Result<_, _>>()?;
    let objects = writer.objects(sanitised(&snapshot.objects, sanitise), pseudonyms)?;
    writer.counts.objects_dropped = snapshot.objects.items.len() - objects.count;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        tool_version: snapshot.tool_version.clone(),
        redacted: snapshot.redacted || pseudonyms.is_some(),
        server: redact::free_text(pseudonyms, snapshot.server.as_deref()),
        start: manifest::instant(snapshot.window.start())?,
        end: manifest::instant(snapshot.window.end())?,
        now: manifest::instant(snapshot.now_ms)?,
        sources: sources(pseudonyms, &snapshot.sources),
        metrics,
        objects,
    };
    let mut content =
        serde_json::to_vec_pretty(&manifest).map_err(|e| SnapshotError::unwritable(MANIFEST, e))?;
    content.push(b'\n');
    writer.file(MANIFEST.to_owned(), &content)?;
    Ok(writer.counts)
}

struct Writer<'a> {
    put: Put<'a>,
    counts: Counts,
}

impl Writer<'_> {
    fn file(&mut self, path: String, content: &[u8]) -> Result<FileEntry, SnapshotError> {
        (self.put)(&path, content)?;
        let bytes = content.len() as u64;
        self.counts.files += 1;
        self.counts.bytes += bytes;
        Ok(FileEntry { path, bytes, sha256: sha256_hex(content) })
    }

    fn metric(&mut self, metric: &MetricData) -> Result<MetricEntry, SnapshotError> {
        let query = metric.query.name();
        let samples = metric.series.iter().map(|s| s.samples.len() as u64).sum();
        let (mut labels_file, mut samples_file) = (None, None);
        if !metric.series.is_empty() {
            let path = format!("labels/{query}.parquet");
            let content = samples::encode_labels(&path, &metric.series)?;
            labels_file = Some(self.file(path, &content)?);
            let path = format!("samples/{query}.parquet");
            let content = samples::encode_samples(&path, &metric.series)?;
            samples_file = Some(self.file(path, &content)?);
        }
        self.counts.samples += samples;
        Ok(MetricEntry {
            query: query.to_owned(),
            series: metric.series.len(),
            samples,
            labels_file,
            samples_file,
            gaps: metric.gaps.clone(),
        })
    }

    fn objects(
        &mut self,
        objects: RawObjects,
        pseudonyms: Option<&Pseudonyms>,
    ) -> Result<ObjectsEntry, SnapshotError> {
        let path = "objects/objects.json".to_owned();
        let objects = match pseudonyms {
            Some(names) => redact::objects(names, &objects),
            None => objects,
        };
        let content =
            object_file::encode(&objects).map_err(|e| SnapshotError::unwritable(&path, e))?;
        self.counts.objects = objects.items.len();
        Ok(ObjectsEntry { file: self.file(path, &content)?, count: objects.items.len() })
    }
}

fn sanitised(objects: &RawObjects, sanitise: &dyn Fn(&Value) -> Option<Value>) -> RawObjects {
    let items = objects.items.iter().filter_map(|item| {
        Some(RawObject { origin: item.origin.clone(), value: sanitise(&item.value)? })
    });
    RawObjects {
        items: items.collect(),
        problems: objects.problems.clone(),
        sources: objects.sources.clone(),
        listed_at_ms: objects.listed_at_ms,
    }
}

fn sources(pseudonyms: Option<&Pseudonyms>, sources: &[SourceStatus]) -> Vec<SourceStatus> {
    pseudonyms
        .map_or(Cow::Borrowed(sources), |names| redact::sources(names, sources).into())
        .into_owned()
}
