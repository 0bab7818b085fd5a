//! The report as OpenMetrics: gauges for the node exporter's textfile collector or a push gateway.
//!
//! Base units (seconds, ratios), no timestamps: the text is also plain Prometheus text. Series are bounded: of each
//! list the first `top` rows, and what is left as one row by the name of [`OTHER`], so that sums stay the report's.

mod families;
mod names;
mod text;

use std::fmt::Write as _;

use super::RenderOptions;
use crate::report::contract::Report;
use text::{Family, write};

/// Stands for the rows that have no series of their own.
const OTHER: &str = "__other__";

/// The whole exposition, ended by `# EOF`.
pub(super) fn render(report: &Report, options: &RenderOptions) -> String {
    let mut out = String::new();
    for family in families::all(report, options.top) {
        write(&mut out, &family);
    }
    let _ = writeln!(out, "# EOF");
    out
}

/// Names of all families, for whoever checks that dashboards and rules use what there is.
#[must_use]
pub fn metric_names(report: &Report) -> Vec<String> {
    families::all(report, 0).iter().map(Family::name).collect()
}
