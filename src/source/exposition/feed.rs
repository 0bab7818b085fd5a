//! Samples of scraped texts as answers to the queries of the catalogue.

use std::collections::BTreeMap;

use super::catalogue::Catalogue;
use super::decode::Sample;
use crate::model::{Labels, MetricData, Series};
use crate::units::Millis;

/// Samples by series and instant.
type Answer = BTreeMap<Labels, BTreeMap<Millis, f64>>;

/// Answers made of samples, and what became of the samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Feed {
    /// One answer for each query of the catalogue, in its order; empty where nothing matched.
    pub metrics: Vec<MetricData>,
    /// Samples that are in an answer.
    pub used: u64,
    /// Samples of series that had one of the same instant already; the first stays.
    pub duplicates: u64,
    /// Samples that no query asks for, by metric.
    pub unused: BTreeMap<String, u64>,
}

/// What a metric server with just these samples would answer. A sample without a timestamp of its
/// own is of the instant `scraped_at_ms`.
///
/// Samples come back as they were scraped: nothing is evaluated at steps, and nothing is left out
/// because its node has no GPU. Empty labels are dropped, as in PromQL they say nothing.
#[must_use]
pub fn feed<'a>(
    samples: impl IntoIterator<Item = &'a Sample>,
    scraped_at_ms: Millis,
    gpu_resources: &[String],
) -> Feed {
    let catalogue = Catalogue::new(gpu_resources);
    let mut out = Feed::default();
    let mut found: Vec<Answer> = vec![Answer::default(); catalogue.queries().len()];
    for sample in samples {
        let name = sample.labels.get("__name__").map_or("", String::as_str);
        let at_ms = sample.at_ms.unwrap_or(scraped_at_ms);
        let mut outcome = Outcome::Unused;
        for index in catalogue.takers(&sample.labels, sample.value) {
            let fresh = add(&mut found[index], &sample.labels, at_ms, sample.value);
            outcome = outcome.max(if fresh { Outcome::Used } else { Outcome::Duplicate });
        }
        match outcome {
            Outcome::Used => out.used += 1,
            Outcome::Duplicate => out.duplicates += 1,
            Outcome::Unused => *out.unused.entry(name.to_owned()).or_default() += 1,
        }
    }
    out.metrics = catalogue
        .queries()
        .zip(found)
        .map(|(query, answer)| MetricData {
            query,
            series: catalogue.answer(query, series(answer)),
            gaps: Vec::new(),
        })
        .collect();
    out
}

fn series(answer: Answer) -> Vec<Series> {
    answer
        .into_iter()
        .map(|(labels, samples)| Series { labels, samples: samples.into_iter().collect() })
        .collect()
}

/// What became of a sample, the best of all queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Unused,
    Duplicate,
    Used,
}

/// Adds a sample; `false` when its series has one of that instant.
fn add(answer: &mut Answer, labels: &Labels, at_ms: Millis, value: f64) -> bool {
    let mut labels = labels.clone();
    labels.retain(|_, value| !value.is_empty());
    let samples = answer.entry(labels).or_default();
    let fresh = !samples.contains_key(&at_ms);
    if fresh {
        samples.insert(at_ms, value);
    }
    fresh
}

#[cfg(test)]
mod tests;
