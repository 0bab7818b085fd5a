//! From a scraped text to the series that are kept: only what the catalogue asks for, with the labels that a
//! Prometheus would give them.

use std::collections::BTreeMap;

use crate::model::Labels;
use crate::source::exposition::{Catalogue, Ignored, Sample, decode_metrics};
use crate::source::store::TargetName;
use crate::units::{MS_PER_HOUR, MS_PER_MINUTE, Millis};

/// How far a sample's own instant may lie before that of the scrape; Prometheus' limits.
const OLDEST_MS: i64 = MS_PER_HOUR;
/// How far it may lie after it.
const NEWEST_MS: i64 = 10 * MS_PER_MINUTE;

/// What decides which samples are kept, and how they are labelled.
#[derive(Debug, Clone)]
pub struct Intake {
    catalogue: Catalogue,
    honor_labels: bool,
}

/// What a text brought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Text {
    /// Series in their order, each with its instant and whether that is its own, and its value.
    pub samples: BTreeMap<Labels, (Millis, bool, f64)>,
    /// Lines that should have been samples and are not.
    pub bad_lines: u64,
    /// The first of them, in words.
    pub problem: Option<String>,
}

impl Intake {
    /// With these extended resource names as GPUs. With `honor_labels` an exporter's own `job` and `instance`
    /// stay; without, they become `exported_job` and `exported_instance`.
    #[must_use]
    pub fn new(gpu_resources: &[String], honor_labels: bool) -> Self {
        Self { catalogue: Catalogue::new(gpu_resources), honor_labels }
    }

    /// Reads a text that was scraped at an instant.
    #[must_use]
    pub fn read(&self, text: &[u8], target: &TargetName, at_ms: Millis) -> Text {
        let found = decode_metrics(text, &|name| self.catalogue.knows(name));
        let mut out = Text {
            bad_lines: found.ignored.iter().filter(|(why, _)| is_bad(**why)).map(|(_, n)| n).sum(),
            problem: found.problems.into_iter().next(),
            ..Text::default()
        };
        for Sample { labels, at_ms: own, value } in found.samples {
            if self.catalogue.askers(&labels).next().is_none() {
                continue;
            }
            let at = own.unwrap_or(at_ms);
            if (at_ms - OLDEST_MS..=at_ms + NEWEST_MS).contains(&at) {
                // Of two samples of one series the first stays.
                let labels = self.labelled(labels, target);
                out.samples.entry(labels).or_insert((at, own.is_some(), value));
            } else {
                out.bad_lines += 1;
                out.problem.get_or_insert_with(|| "a sample is of another time".to_owned());
            }
        }
        out
    }

    /// As Prometheus does: empty labels say nothing; what collides with a label of the target gets a prefix.
    fn labelled(&self, mut labels: Labels, target: &TargetName) -> Labels {
        labels.retain(|_, value| !value.is_empty());
        for (name, value) in [("instance", &target.instance), ("job", &target.job)] {
            match labels.get(name) {
                Some(_) if self.honor_labels => continue,
                Some(_) => {
                    let own = labels.remove(name).unwrap_or_default();
                    let mut renamed = format!("exported_{name}");
                    while labels.contains_key(&renamed) {
                        renamed.insert_str(0, "exported_");
                    }
                    labels.insert(renamed, own);
                }
                None => {}
            }
            labels.insert(name.to_owned(), value.clone());
        }
        labels
    }
}

const fn is_bad(why: Ignored) -> bool {
    matches!(
        why,
        Ignored::Malformed
            | Ignored::NotUtf8
            | Ignored::Unsupported
            | Ignored::LongLine
            | Ignored::ManyLabels
            | Ignored::OverLimit
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Millis = 1_795_132_800_000;

    fn read(text: &str, honor_labels: bool) -> Text {
        let target = TargetName { job: "dcgm".to_owned(), instance: "n1:9400".to_owned() };
        Intake::new(&["nvidia.com/gpu".to_owned()], honor_labels).read(text.as_bytes(), &target, AT)
    }

    fn labels(text: &Text) -> Vec<String> {
        let pair = |(name, value): (&String, &String)| format!("{name}={value}");
        let line = |labels: &Labels| labels.iter().map(pair).collect::<Vec<_>>().join(" ");
        text.samples.keys().map(line).collect()
    }

    #[test]
    fn labels_are_those_that_prometheus_would_set() {
        let text = "DCGM_FI_DEV_GPU_UTIL{UUID=\"a\",pod=\"\",job=\"x\",exported_job=\"y\"} 1\n";
        let expected = "UUID=a __name__=DCGM_FI_DEV_GPU_UTIL exported_exported_job=x exported_job=y \
                        instance=n1:9400 job=dcgm";
        assert_eq!(labels(&read(text, false)), [expected]);
        let honored = "UUID=a __name__=DCGM_FI_DEV_GPU_UTIL exported_job=y instance=n1:9400 job=x";
        assert_eq!(labels(&read(text, true)), [honored]);
    }

    #[test]
    fn only_what_is_asked_for_is_kept() {
        let text = "DCGM_FI_DEV_GPU_TEMP{UUID=\"a\"} 40\nDCGM_FI_DEV_XID_ERRORS{UUID=\"a\"} 0\n\
            kube_pod_status_phase{pod=\"p\",phase=\"Running\"} 1\n\
            kube_pod_status_phase{pod=\"p\",phase=\"Failed\"} 0\n\
            kube_node_status_capacity{node=\"n\",resource=\"pods\"} 110\n\
            {\"DCGM_FI_DEV_FB_USED\",UUID=\"a\"} 7\nDCGM_FI_DEV_FB_USED{UUID 7\n";
        let found = read(text, false);
        let names: Vec<&str> = found.samples.keys().map(|l| l["__name__"].as_str()).collect();
        // A condition is evaluated later: its other values are kept, too.
        let expected = ["DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_XID_ERRORS", "kube_pod_status_phase"];
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected);
        assert_eq!(found.bad_lines, 1);
        assert!(found.problem.expect("told").starts_with("line 7: "));
    }

    #[test]
    fn own_instants_are_kept_within_reason() {
        let at = |off: i64| AT + off;
        let text = format!(
            "DCGM_FI_DEV_FB_USED{{UUID=\"a\"}} 1 {}\nDCGM_FI_DEV_FB_USED{{UUID=\"b\"}} 2 {}\n\
             DCGM_FI_DEV_FB_USED{{UUID=\"c\"}} 3 {}\nDCGM_FI_DEV_FB_USED{{UUID=\"a\"}} 4\n",
            at(-500),
            at(-MS_PER_HOUR - 1),
            at(NEWEST_MS + 1)
        );
        let found = read(&text, false);
        // And of two samples of one series the first.
        assert_eq!(found.samples.values().collect::<Vec<_>>(), [&(at(-500), true, 1.0)]);
        assert_eq!(found.bad_lines, 2);
    }
}
