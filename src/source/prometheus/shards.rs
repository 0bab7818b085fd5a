//! Splitting the series of a selector into groups by the values of one label.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::decode::{self, Answer, DecodeError};
use super::render::{MAX_ALTERNATION_BYTES, alternation, alternation_bytes};

/// Labels to split by, the finest that everything of a kind has first.
const SHARD_LABELS: [&str; 7] =
    ["UUID", "uuid", "exported_pod", "pod", "exported_node", "node", "instance"];

/// How many series a selector has, and how they spread over the values of a label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SeriesIndex {
    /// Number of series in the time asked about.
    pub(super) series: u64,
    /// Label to split by; `None` when there is none with two values.
    label: Option<&'static str>,
    /// Its values with the number of their series, in order; an absent label is the empty value.
    values: Vec<(Arc<str>, u64)>,
}

/// A group of series: those whose label has one of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shard {
    label: &'static str,
    values: Vec<Arc<str>>,
}

impl Shard {
    /// The group as a label matcher.
    pub(super) fn matcher(&self) -> String {
        format!("{}=~\"{}\"", self.label, alternation(self.values.iter().map(AsRef::as_ref)))
    }

    /// Two halves, if there are two values to tell apart.
    pub(super) fn halves(&self) -> Option<(Self, Self)> {
        let (first, second) = self.values.split_at(self.values.len() / 2);
        let half = |values: &[Arc<str>]| Self { label: self.label, values: values.to_vec() };
        (!first.is_empty()).then(|| (half(first), half(second)))
    }
}

impl SeriesIndex {
    /// All series in two groups, if a label tells them apart.
    pub(super) fn halves(&self) -> Option<(Shard, Shard)> {
        let values = self.values.iter().map(|(value, _)| Arc::clone(value)).collect();
        Shard { label: self.label?, values }.halves()
    }

    /// At least `wanted` groups of about as many series each, fewer only when there are not enough
    /// values; no group's matcher is longer than a URL bears. Empty when nothing can be split.
    pub(super) fn shards(&self, wanted: u64) -> Vec<Shard> {
        let Some(label) = self.label else { return Vec::new() };
        let share = self.series.div_ceil(wanted.max(1)).max(1);
        let mut shards: Vec<Shard> = Vec::new();
        let (mut series, mut bytes) = (0, 0);
        for (value, count) in &self.values {
            let length = alternation_bytes(value);
            let full = series + count > share || bytes + length > MAX_ALTERNATION_BYTES;
            match shards.last_mut() {
                Some(shard) if !full => shard.values.push(Arc::clone(value)),
                _ => {
                    shards.push(Shard { label, values: vec![Arc::clone(value)] });
                    (series, bytes) = (0, 0);
                }
            }
            series += count;
            bytes += length;
        }
        shards
    }
}

/// Reads the answer of `/api/v1/series`. A warning says that it is cut short, and a list that is cut
/// short would lose series without a word: then it counts as no list.
pub(super) fn decode_index(body: &[u8]) -> Result<Answer<SeriesIndex>, DecodeError> {
    let answer = decode::envelope::<Vec<LabelSet>>(body)?;
    if let Some(warning) = answer.warnings.first() {
        return Err(DecodeError::Malformed(format!("the list of series is cut short: {warning}")));
    }
    let data = index(&answer.data);
    Ok(Answer { data, warnings: answer.warnings, infos: answer.infos })
}

fn index(sets: &[LabelSet]) -> SeriesIndex {
    let mut index = SeriesIndex { series: sets.len() as u64, ..SeriesIndex::default() };
    for label in SHARD_LABELS {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for set in sets {
            *counts.entry(set.get(label)).or_default() += 1;
        }
        if counts.len() > 1 {
            index.label = Some(label);
            index.values = counts.into_iter().map(|(v, n)| (Arc::from(v), n)).collect();
            return index;
        }
    }
    index
}

/// The labels of a series that matter here; the others are not even kept.
#[derive(Deserialize)]
struct LabelSet {
    #[serde(rename = "UUID")]
    upper_uuid: Option<Box<str>>,
    uuid: Option<Box<str>>,
    exported_pod: Option<Box<str>>,
    pod: Option<Box<str>>,
    exported_node: Option<Box<str>>,
    node: Option<Box<str>>,
    instance: Option<Box<str>>,
}

impl LabelSet {
    fn get(&self, label: &str) -> &str {
        let value = match label {
            "UUID" => &self.upper_uuid,
            "uuid" => &self.uuid,
            "exported_pod" => &self.exported_pod,
            "pod" => &self.pod,
            "exported_node" => &self.exported_node,
            "node" => &self.node,
            _ => &self.instance,
        };
        value.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexed(data: &str) -> SeriesIndex {
        decode_index(format!(r#"{{"status":"success","data":[{data}]}}"#).as_bytes()).unwrap().data
    }

    fn matchers(shards: &[Shard]) -> Vec<String> {
        shards.iter().map(Shard::matcher).collect()
    }

    #[test]
    fn groups_have_about_as_many_series_each() {
        let index = indexed(
            r#"{"__name__":"m","UUID":"a","pod":"x"},{"UUID":"a","pod":"y"},{"UUID":"b"},{"UUID":"c"},{"pod":"z"}"#,
        );
        assert_eq!(index.series, 5);
        // Values in order: "" 1, a 2, b 1, c 1; a share of ⌈5/2⌉ = 3 series: {"", a}, {b, c}.
        let shards = index.shards(2);
        assert_eq!(matchers(&shards), [r#"UUID=~"|a""#, r#"UUID=~"b|c""#]);
        assert_eq!(matchers(&index.shards(99)).len(), 4);
        let (first, second) = shards[0].halves().unwrap();
        assert_eq!(
            (first.matcher(), second.matcher()),
            (r#"UUID=~"""#.into(), r#"UUID=~"a""#.into())
        );
        assert_eq!(first.halves(), None);
    }

    #[test]
    fn falls_to_the_next_label_that_tells_series_apart() {
        let index = indexed(r#"{"uid":"1","pod":"p","node":"a"},{"pod":"p","node":"b.c"}"#);
        assert_eq!(matchers(&index.shards(2)), [r#"node=~"a""#, r#"node=~"b\\.c""#]);
        assert_eq!(indexed(r#"{"node":"a"},{"node":"a","x":"y"}"#).shards(2), []);
        assert_eq!(indexed("").shards(2), []);
    }

    #[test]
    fn no_matcher_is_longer_than_a_url_bears() {
        let sets: Vec<String> =
            (0..1_000).map(|i| format!(r#"{{"UUID":"GPU-{i:036}"}}"#)).collect();
        let shards = indexed(&sets.join(",")).shards(1);
        // 41 bytes with the separator each: 149 in 6,144 bytes, so seven groups.
        assert_eq!(shards.len(), 7);
        assert!(matchers(&shards).iter().all(|m| m.len() <= MAX_ALTERNATION_BYTES + 16));
        assert_eq!(shards.iter().map(|s| s.values.len()).sum::<usize>(), 1_000);
    }

    #[test]
    fn a_list_that_is_cut_short_is_no_list() {
        let body =
            br#"{"status":"success","data":[],"warnings":["results truncated due to limit"]}"#;
        assert!(matches!(decode_index(body), Err(DecodeError::Malformed(_))));
    }
}
