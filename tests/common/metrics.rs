//! OpenMetrics text, written series by series.

use std::fmt::Write;

/// 2026-11-10T00:00:00Z.
pub(crate) const T0: i64 = 1_794_268_800;
/// Seconds between two scrapes.
pub(crate) const STEP: i64 = 30;
pub(crate) const HOUR: i64 = 3_600;

/// Text for promtool, with `cluster` on every series: one server holds several clusters, and a
/// matcher picks one.
#[derive(Default)]
pub(crate) struct OpenMetrics {
    text: String,
}

/// Labels of one series.
pub(crate) type Labels = Vec<(String, String)>;

/// Labels from literals.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

impl OpenMetrics {
    /// One sample every [`STEP`] seconds in `[from, to)`, seconds after [`T0`].
    pub(crate) fn series(
        &mut self,
        name: &str,
        labels: &[(String, String)],
        (from, to): (i64, i64),
        value: impl Fn(i64) -> f64,
    ) {
        let labels: Vec<String> =
            labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escaped(v))).collect();
        let labels = labels.join(",");
        for at in (from..to).step_by(usize::try_from(STEP).expect("positive")) {
            writeln!(self.text, "{name}{{{labels}}} {} {}", number(value(at)), T0 + at)
                .expect("a string takes all");
        }
    }

    /// The whole text.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.text.push_str("# EOF\n");
        self.text.into_bytes()
    }
}

fn number(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        v => v.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
