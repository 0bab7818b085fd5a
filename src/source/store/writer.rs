//! The one who writes: appends scrapes, compacts the hours that are over, removes what is too old.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::hour;
use super::layout::{self, Hour, OBJECTS, OUTDATED, hour_of, start_of};
use super::lock::Lock;
use super::partition;
use super::record::Record;
use super::scraped::Scraped;
use super::segment::{self, End, SegmentWriter};
use crate::model::Labels;
use crate::source::objects::{RawObject, RawObjects, file as object_file, sanitised};
use crate::units::Millis;

/// A store that may be written.
#[derive(Debug)]
pub struct StoreWriter {
    dir: PathBuf,
    _lock: Lock,
    open: Option<Open>,
    /// Hours up to this one are compacted: nothing more may be logged for them.
    compacted: Option<Hour>,
}

/// The segment that is appended to.
#[derive(Debug)]
struct Open {
    hour: Hour,
    segment: SegmentWriter,
    ids: HashMap<Labels, u32>,
}

/// What was done to a store besides appending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upkeep {
    /// Hours that were compacted.
    pub compacted: usize,
    /// Hours that were removed because of their age.
    pub removed: usize,
    /// What somebody should know: ends that were cut off, files that were damaged.
    pub notes: Vec<String>,
}

impl StoreWriter {
    /// Opens the store in `dir`, making it where there is none, and repairs what a killed process left.
    ///
    /// # Errors
    /// A folder with anything else in it, a store of a later version, one that another process writes,
    /// and what the file system refuses.
    pub fn open(dir: &Path) -> Result<(Self, Upkeep), StoreError> {
        layout::prepare(dir)?;
        let lock = Lock::take(dir)?;
        layout::clear_away(dir)?;
        let mut upkeep = Upkeep::default();
        let compacted = layout::partitions(dir)?;
        for (hour, _, path) in layout::segments(dir)? {
            // The process was killed between compacting and clearing away.
            if compacted.iter().any(|(done, _)| *done == hour) {
                fs::remove_file(&path).map_err(|e| StoreError::io("remove", &path, e))?;
                continue;
            }
            if let Some(End::Torn(good)) = segment::read(&path, &mut |_| Ok(()))? {
                segment::cut(&path, good)?;
                upkeep.notes.push(format!(
                    "the end of {} was not written to its end, and is cut off",
                    path.display()
                ));
            }
        }
        let compacted = compacted.last().map(|(hour, _)| *hour);
        Ok((Self { dir: dir.to_owned(), _lock: lock, open: None, compacted }, upkeep))
    }

    /// Appends a scrape; gives the bytes that it takes. It outlasts this process at once, and a power
    /// failure from the next [`StoreWriter::sync`] on.
    ///
    /// # Errors
    /// What the file system refuses; the scrape is lost, and the next one is written anew elsewhere.
    pub fn append(&mut self, scrape: Scraped<Labels>) -> Result<u64, StoreError> {
        let result = self.try_append(scrape);
        if result.is_err() {
            // Behind a frame that is cut off nothing can be read.
            self.open = None;
        }
        result
    }

    fn try_append(&mut self, scrape: Scraped<Labels>) -> Result<u64, StoreError> {
        let hour = hour_of(scrape.at_ms);
        let hour = self.compacted.map_or(hour, |done| hour.max(done + 1));
        if self.open.as_ref().is_none_or(|open| open.hour < hour) {
            self.sync()?;
            self.open = Some(Open::new(&self.dir, hour)?);
        }
        let open = self.open.as_mut().expect("made above");
        let mut new = Vec::new();
        let samples = scrape
            .samples
            .into_iter()
            .map(|(labels, at, value)| (open.id_of(labels, &mut new), at, value))
            .collect();
        let mut bytes = 0;
        if !new.is_empty() {
            bytes += open.segment.append(&Record::Series(new))?;
        }
        let Scraped { target, at_ms, took_ms, bytes: text, error, .. } = scrape;
        let scrape = Scraped { target, at_ms, took_ms, bytes: text, error, samples };
        Ok(bytes + open.segment.append(&Record::Scrape(scrape))?)
    }

    /// Makes everything that was appended outlast a power failure.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.open.as_ref().map_or(Ok(()), |open| open.segment.sync())
    }

    /// Compacts the hours that are over at `now_ms`, and removes those that ended before `oldest_ms`.
    ///
    /// # Errors
    /// What the file system refuses, and a log that cannot be understood.
    pub fn keep_up(&mut self, now_ms: Millis, oldest_ms: Millis) -> Result<Upkeep, StoreError> {
        let mut upkeep = Upkeep::default();
        let is_open = |hour| self.open.as_ref().is_some_and(|open| open.hour <= hour);
        let mut over: BTreeMap<Hour, Vec<PathBuf>> = BTreeMap::new();
        for (hour, _, path) in layout::segments(&self.dir)? {
            if hour < hour_of(now_ms) && !is_open(hour) {
                over.entry(hour).or_default().push(path);
            }
        }
        for (hour, paths) in over {
            self.compact(hour, &paths, &mut upkeep)?;
        }
        for (hour, folder) in layout::partitions(&self.dir)? {
            if start_of(hour + 1) <= oldest_ms {
                // Out of sight at once: a report finds it whole or not at all.
                let hidden = folder.with_file_name(OUTDATED);
                layout::remove(&hidden)?;
                fs::rename(&folder, &hidden).map_err(|e| StoreError::io("remove", &folder, e))?;
                layout::remove(&hidden)?;
                if let Some(day) = folder.parent() {
                    // Other hours of the day may still be there.
                    drop(fs::remove_dir(day));
                }
                upkeep.removed += 1;
            }
        }
        Ok(upkeep)
    }

    fn compact(
        &mut self,
        hour: Hour,
        paths: &[PathBuf],
        upkeep: &mut Upkeep,
    ) -> Result<(), StoreError> {
        let (data, unfinished) = hour::of_segments(paths)?;
        if !data.scrapes.is_empty() {
            partition::write(&self.dir, hour, &data)?;
            self.compacted = self.compacted.max(Some(hour));
            upkeep.compacted += 1;
        }
        for path in paths {
            let damaged = unfinished.iter().any(|(p, end)| p == path && is_damaged(end));
            if damaged {
                let aside = path.with_extension("damaged");
                upkeep.notes.push(format!(
                    "{} is damaged: what stands before the damage is kept, and the file as {}",
                    path.display(),
                    aside.display()
                ));
                fs::rename(path, &aside).map_err(|e| StoreError::io("rename", path, e))?;
            } else {
                fs::remove_file(path).map_err(|e| StoreError::io("remove", path, e))?;
            }
        }
        Ok(())
    }

    /// Keeps cluster objects, in place of those that were kept before. Secrets are left out.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn put_objects(&self, objects: &RawObjects) -> Result<(), StoreError> {
        let items = objects.items.iter().filter_map(|item| {
            Some(RawObject { origin: item.origin.clone(), value: sanitised(&item.value)? })
        });
        let objects = RawObjects { items: items.collect(), ..objects.clone() };
        let content = object_file::encode(&objects)
            .map_err(|e| StoreError::Content(format!("cannot write `{OBJECTS}`: {e}")))?;
        layout::place(&self.dir, OBJECTS, &content)
    }
}

const fn is_damaged(end: &End) -> bool {
    matches!(end, End::Damaged(_))
}

impl Open {
    fn new(dir: &Path, hour: Hour) -> Result<Self, StoreError> {
        let numbers = layout::segments(dir)?.into_iter().filter(|(h, _, _)| *h == hour);
        let next = numbers.map(|(_, n, _)| n + 1).max().unwrap_or(0);
        let segment = SegmentWriter::create(layout::segment(dir, hour, next))?;
        layout::sync_folder(&dir.join(layout::LOG))?;
        Ok(Self { hour, segment, ids: HashMap::new() })
    }

    fn id_of(&mut self, labels: Labels, new: &mut Vec<Labels>) -> u32 {
        let next = u32::try_from(self.ids.len()).expect("memory ends before four thousand million");
        *self.ids.entry(labels).or_insert_with_key(|labels| {
            new.push(labels.clone());
            next
        })
    }
}
