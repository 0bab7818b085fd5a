//! Pseudonyms in the labels of series.

use super::pseudonym::Pseudonyms;
use super::{LEFT_OUT, clear};
use crate::model::{Labels, MetricData, ReadGap, Series};

/// The answer to a query with pseudonyms for names; series are in order of their new labels.
pub(in crate::source::snapshot) fn metric(names: &Pseudonyms, metric: &MetricData) -> MetricData {
    let mut series: Vec<Series> = metric
        .series
        .iter()
        .map(|series| Series { labels: labels(names, &series.labels), ..series.clone() })
        .collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    let gaps = metric.gaps.iter().map(|gap| ReadGap { reason: LEFT_OUT.to_owned(), ..*gap });
    MetricData { query: metric.query, series, gaps: gaps.collect() }
}

fn labels(names: &Pseudonyms, labels: &Labels) -> Labels {
    let redacted = |(name, value): (&String, &String)| {
        let value =
            if clear::keeps_series_label(name, value) { value.clone() } else { names.parts(value) };
        (names.label_key(name), value)
    };
    labels.iter().map(redacted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snapshot::redact::Salt;

    fn redacted(pairs: &[(&str, &str)]) -> Labels {
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        labels(&Pseudonyms::new(Salt::fixed([1; 32])), &pairs.collect())
    }

    #[test]
    fn hardware_stays_and_names_go() {
        let labels = redacted(&[
            ("__name__", "DCGM_FI_DEV_GPU_UTIL"),
            ("modelName", "NVIDIA H100 80GB HBM3"),
            ("Hostname", "node-7"),
            ("node", "node-7"),
            ("job", "dcgm-exporter"),
            ("exported_job", "acme-scrape"),
            ("err_msg", "text about acme"),
        ]);
        assert_eq!(labels["__name__"], "DCGM_FI_DEV_GPU_UTIL");
        assert_eq!(labels["modelName"], "NVIDIA H100 80GB HBM3");
        assert_eq!(labels["job"], "dcgm-exporter");
        assert_eq!(labels["Hostname"], labels["node"]);
        for name in ["Hostname", "exported_job", "err_msg"] {
            assert!(labels[name].starts_with("x-"), "{name}={}", labels[name]);
        }
    }

    #[test]
    fn a_job_that_nobody_knows_goes() {
        assert!(redacted(&[("job", "acme-dcgm")])["job"].starts_with("x-"));
    }
}
