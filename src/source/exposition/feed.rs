//! Samples of scraped texts as answers to the queries of the catalogue.

use std::collections::BTreeMap;

use super::decode::Sample;
use super::selector::{Grouping, Selector};
use crate::model::{Labels, MetricData, QueryId, Series};
use crate::source::prometheus::render::Bindings;
use crate::units::Millis;

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
    let gpus = gpu_pattern(gpu_resources);
    let queries: Vec<(QueryId, Selector)> =
        QueryId::ALL.iter().map(|id| (*id, Selector::of(*id, &gpus))).collect();
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (_, selector)) in queries.iter().enumerate() {
        for name in selector.names() {
            by_name.entry(name).or_default().push(index);
        }
    }
    let mut out = Feed::default();
    let mut found: Vec<Answer> = vec![Answer::default(); queries.len()];
    for sample in samples {
        let name = sample.labels.get("__name__").map_or("", String::as_str);
        let at_ms = sample.at_ms.unwrap_or(scraped_at_ms);
        let takers = by_name.get(name).into_iter().flatten();
        let mut outcome = Outcome::Unused;
        for &index in takers.filter(|&&i| queries[i].1.takes(&sample.labels, sample.value)) {
            let fresh = add(&mut found[index], &sample.labels, at_ms, sample.value);
            outcome = outcome.max(if fresh { Outcome::Used } else { Outcome::Duplicate });
        }
        match outcome {
            Outcome::Used => out.used += 1,
            Outcome::Duplicate => out.duplicates += 1,
            Outcome::Unused => *out.unused.entry(name.to_owned()).or_default() += 1,
        }
    }
    out.metrics = queries
        .into_iter()
        .zip(found)
        .map(|((query, selector), answer)| MetricData {
            query,
            series: series(match &selector.grouping {
                Some(grouping) => grouped(&answer, grouping),
                None => answer,
            }),
            gaps: Vec::new(),
        })
        .collect();
    out
}

/// What a server would be asked for.
fn gpu_pattern(gpu_resources: &[String]) -> String {
    let bindings = Bindings::new(&[], gpu_resources).expect("there is no matcher to be bad");
    bindings.gpu_resources().to_owned()
}

/// What became of a sample, the best of all queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Unused,
    Duplicate,
    Used,
}

type Answer = BTreeMap<Labels, BTreeMap<Millis, f64>>;

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

/// The largest value of each inner group, summed by outer group, instant by instant.
fn grouped(answer: &Answer, grouping: &Grouping) -> Answer {
    let mut largest: BTreeMap<(Labels, Millis), BTreeMap<Labels, f64>> = BTreeMap::new();
    for (labels, samples) in answer {
        let (outer, inner) = (only(labels, &grouping.outer), only(labels, &grouping.inner));
        for (&at_ms, &value) in samples {
            let group = largest.entry((outer.clone(), at_ms)).or_default();
            let known = group.entry(inner.clone()).or_insert(value);
            *known = known.max(value);
        }
    }
    let mut sums = Answer::new();
    for ((labels, at_ms), group) in largest {
        sums.entry(labels).or_default().insert(at_ms, group.values().sum());
    }
    sums
}

fn only(labels: &Labels, names: &[String]) -> Labels {
    labels
        .iter()
        .filter(|(name, _)| names.contains(name))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

fn series(answer: Answer) -> Vec<Series> {
    answer
        .into_iter()
        .map(|(labels, samples)| {
            let (timestamps_ms, values) = samples.into_iter().unzip();
            Series { labels, timestamps_ms, values }
        })
        .collect()
}

#[cfg(test)]
mod tests;
