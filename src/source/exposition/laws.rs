//! Laws of the decoder over random series and damaged texts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::{Exposition, Ignored, MAX_LABELS, Sample, decode, feed};
use crate::model::QueryId;
use crate::mutation::{damaged, fixed};

const TEXTS: &[&str] = &[
    "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).\n# TYPE DCGM_FI_DEV_GPU_UTIL gauge\n\
     DCGM_FI_DEV_GPU_UTIL{gpu=\"0\",UUID=\"GPU-1\",Hostname=\"n1\",pod=\"a\",namespace=\"b\"} 42\n\
     DCGM_FI_DEV_FB_USED{gpu=\"0\",UUID=\"GPU-1\",Hostname=\"n1\",pod=\"a\",namespace=\"b\"} 1024 1795132800000\n",
    "# TYPE vllm:e2e_seconds histogram\nvllm:e2e_seconds_bucket{le=\"0.5\",route=\"/v1/{model}\"} 1.0 \
     # {trace_id=\"x\"} 0.4 1795132800.1\nvllm:e2e_seconds_bucket{le=\"+Inf\"} 2.0 1795132800.5\n\
     vllm:e2e_seconds_sum 3.5e+00\nvllm:e2e_seconds_created 1795132000\n# EOF\n",
    "kube_pod_container_resource_requests{namespace=\"a\",pod=\"p\",uid=\"u\",container=\"c\",node=\"n\",\
     resource=\"cpu\",unit=\"core\"} 0.5\r\n\n{\"my.metric\",\"my.label\"=\"a\\\\b\\\"c\\n\"} NaN\nplain -Inf\n",
];

const PIECES: &[&str] = &[
    "{",
    "}",
    "\"",
    "\\",
    "=",
    ",",
    "#",
    " ",
    "\n",
    "\r\n",
    "\t",
    ":",
    "NaN",
    "+Inf",
    "1e999",
    "-",
    "# EOF\n",
    " # {a=\"b\"} 1",
    "a=\"b\",",
    "_7d_",
    "st@1",
    "é",
    "\u{a0}",
    "\u{2028}",
    "\0",
    "0",
    "x",
];

/// Any text: controls, quotes, line feeds, every plane.
fn text() -> impl Strategy<Value = String> {
    let awkward =
        prop::sample::select(&['"', '\\', '\n', '\r', '}', '{', ',', '=', '#', '_', ' '][..]);
    let character = prop_oneof![3 => prop::char::range('a', 'z'), 2 => awkward, 1 => any::<char>()];
    prop::collection::vec(character, 0..12).prop_map(|chars| chars.into_iter().collect())
}

fn sample() -> impl Strategy<Value = Sample> {
    let name = prop_oneof![
        4 => "[a-zA-Z_:][a-zA-Z0-9_:]{0,12}",
        1 => text().prop_filter("a metric has a name", |name| !name.is_empty()),
    ];
    let label = prop_oneof![
        4 => "[a-zA-Z_][a-zA-Z0-9_]{0,8}",
        1 => text().prop_filter("a label has a name", |name| !name.is_empty()),
    ]
    .prop_filter("the metric's own", |name| name != "__name__");
    let labels = prop::collection::btree_map(label, text(), 0..6);
    let at_ms = prop::option::of(-253_402_300_799_999i64..=253_402_300_799_999);
    (name, labels, at_ms, any::<f64>()).prop_map(|(name, mut labels, at_ms, value)| {
        labels.insert("__name__".to_owned(), name);
        Sample { labels: labels.into(), at_ms, value }
    })
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

fn plain(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// One line, as an exporter that may print UTF-8 names would write it.
fn encoded(sample: &Sample, seconds: bool) -> String {
    let name = &sample.labels["__name__"];
    let outside = plain(&name.replace(':', "_"));
    let mut parts = Vec::new();
    if !outside {
        parts.push(quoted(name));
    }
    for (label, value) in sample.labels.iter().filter(|(label, _)| *label != "__name__") {
        let label = if plain(label) { label.clone() } else { quoted(label) };
        parts.push(format!("{label}={}", quoted(value)));
    }
    let mut line = if outside { name.clone() } else { String::new() };
    if !parts.is_empty() {
        write!(line, "{{{}}}", parts.join(",")).unwrap();
    }
    match sample.value {
        v if v.is_nan() => line.push_str(" NaN"),
        v if v == f64::INFINITY => line.push_str(" +Inf"),
        v => write!(line, " {v}").unwrap(),
    }
    match sample.at_ms {
        Some(ms) if seconds => {
            let sign = if ms < 0 { "-" } else { "" };
            write!(line, " {sign}{}.{:03}", ms.abs() / 1_000, ms.abs() % 1_000).unwrap();
        }
        Some(ms) => write!(line, " {ms}").unwrap(),
        None => {}
    }
    line + "\n"
}

fn same(a: &Sample, b: &Sample) -> bool {
    a.labels == b.labels
        && a.at_ms == b.at_ms
        && (a.value.to_bits() == b.value.to_bits() || a.value.is_nan() && b.value.is_nan())
}

fn ignored_lines(found: &Exposition) -> u64 {
    found.ignored.iter().filter(|(why, _)| **why != Ignored::Exemplar).map(|(_, n)| n).sum()
}

proptest! {
    #![proptest_config(fixed(3_000))]

    /// Whatever is in names and label values, all of it comes back: nothing is lost to the crate.
    #[test]
    fn what_is_encoded_is_decoded(
        samples in prop::collection::vec(sample(), 0..6),
        openmetrics in any::<bool>(),
    ) {
        let mut text: String = samples.iter().map(|s| encoded(s, openmetrics)).collect();
        if openmetrics {
            text.push_str("# EOF\n");
        }
        let found = decode(text.as_bytes());
        prop_assert_eq!(&found.problems, &Vec::<String>::new(), "{}", text);
        prop_assert_eq!(ignored_lines(&found), u64::from(openmetrics));
        prop_assert_eq!(found.samples.len(), samples.len(), "{}", text);
        for (found, wanted) in found.samples.iter().zip(&samples) {
            prop_assert!(same(found, wanted), "{:?} is not {:?}", found, wanted);
        }
    }

    /// No text makes it panic, and each line is a sample or is counted.
    #[test]
    fn no_line_is_lost_without_a_word(bytes in damaged(TEXTS, PIECES)) {
        let found = decode(&bytes);
        let line_feeds = bytes.iter().filter(|b| **b == b'\n').count();
        let lines = line_feeds + usize::from(!bytes.is_empty() && !bytes.ends_with(b"\n"));
        prop_assert_eq!(found.samples.len() as u64 + ignored_lines(&found), lines as u64);
        for problem in &found.problems {
            prop_assert!(problem.starts_with("line ") && problem.len() < 1_000, "{}", problem);
            prop_assert!(!problem.contains(char::is_control), "{:?}", problem);
        }
        for sample in &found.samples {
            prop_assert!(sample.labels.len() <= MAX_LABELS + 1);
            prop_assert!(sample.labels.get("__name__").is_some_and(|name| !name.is_empty()));
        }
        let feed = feed(&found.samples, 1_795_132_800_000, &["nvidia.com/gpu".to_owned()]);
        let unused: u64 = feed.unused.values().sum();
        prop_assert_eq!(feed.used + feed.duplicates + unused, found.samples.len() as u64);
        let asked: BTreeMap<QueryId, usize> = feed.metrics.iter().map(|m| (m.query, m.series.len())).collect();
        prop_assert_eq!(asked.len(), QueryId::ALL.len());
        for series in feed.metrics.iter().flat_map(|m| &m.series) {
            prop_assert!(series.samples.instants().is_sorted_by(|a, b| a < b));
        }
    }
}
