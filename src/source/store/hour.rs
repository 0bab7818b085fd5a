//! An hour of the store in memory: series with their samples, and the scrapes that brought them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::record::Record;
use super::scraped::{Scraped, TargetName};
use super::segment::{self, End};
use crate::model::Labels;
use crate::units::Millis;

/// A series and its samples, in order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct StoredSeries {
    pub(super) labels: Labels,
    pub(super) samples: Vec<(Millis, f64)>,
}

/// How a scrape fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScrapeRow {
    pub(super) target: TargetName,
    pub(super) at_ms: Millis,
    pub(super) took_ms: u64,
    pub(super) bytes: u64,
    /// Samples that were kept of it, markers included.
    pub(super) samples: u64,
    pub(super) error: Option<String>,
}

/// What is known of an hour.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct HourData {
    index: HashMap<Labels, usize>,
    pub(super) series: Vec<StoredSeries>,
    pub(super) scrapes: Vec<ScrapeRow>,
}

impl HourData {
    /// Adds what a segment holds.
    pub(super) fn add_segment(&mut self, path: &Path) -> Result<Option<End>, StoreError> {
        let mut places: Vec<usize> = Vec::new();
        segment::read(path, &mut |record| {
            match record {
                Record::Series(series) => {
                    places.extend(series.into_iter().map(|labels| self.place_of(labels)));
                }
                Record::Scrape(scrape) => self.add(&places, scrape, path)?,
            }
            Ok(())
        })
    }

    fn place_of(&mut self, labels: Labels) -> usize {
        let next = self.series.len();
        let place = *self.index.entry(labels.clone()).or_insert(next);
        if place == next {
            self.series.push(StoredSeries { labels, samples: Vec::new() });
        }
        place
    }

    fn add(
        &mut self,
        places: &[usize],
        scrape: Scraped<u32>,
        path: &Path,
    ) -> Result<(), StoreError> {
        for (id, at, value) in &scrape.samples {
            let place = places.get(*id as usize).ok_or_else(|| {
                StoreError::damaged(path, format!("it speaks of series {id} of {}", places.len()))
            })?;
            let samples = &mut self.series[*place].samples;
            // Clocks that were set back give instants twice; the first stays.
            if samples.last().is_none_or(|(last, _)| last < at) {
                samples.push((*at, *value));
            }
        }
        self.scrapes.push(ScrapeRow {
            target: scrape.target,
            at_ms: scrape.at_ms,
            took_ms: scrape.took_ms,
            bytes: scrape.bytes,
            samples: scrape.samples.len() as u64,
            error: scrape.error,
        });
        Ok(())
    }

    /// The same in an order that does not depend on who was scraped first.
    pub(super) fn sorted(mut self) -> Self {
        self.series.retain(|s| !s.samples.is_empty());
        self.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        self.index.clear();
        self.scrapes.sort_by(|a, b| (a.at_ms, &a.target).cmp(&(b.at_ms, &b.target)));
        self
    }
}

/// Segments of one hour as one, and those that could not be read to their end.
pub(super) fn of_segments(
    paths: &[PathBuf],
) -> Result<(HourData, Vec<(PathBuf, End)>), StoreError> {
    let mut hour = HourData::default();
    let mut unfinished = Vec::new();
    for path in paths {
        match hour.add_segment(path)? {
            Some(end) if end != End::Whole => unfinished.push((path.clone(), end)),
            _ => {}
        }
    }
    Ok((hour.sorted(), unfinished))
}
