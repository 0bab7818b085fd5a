//! Scraped text of exporters (Prometheus text format, OpenMetrics) to samples, and samples to
//! answers of our queries, as if a metric server had been asked.
//!
//! ```text
//! line ──► one line in a form that prometheus-parse keeps whole, or why it cannot be used
//!   └────► escape
//! decode ──► samples, and what was left out, by reason
//! catalogue ──► which query (prometheus::selector) looks at which series
//!   └────► feed ──► MetricData
//! ```
//!
//! Values are kept as printed (`NaN`, `+Inf`, sentinels): what they mean is decided in the core. How
//! the text was fetched is not known here. Histograms and summaries stay the series that they are
//! printed as: `_bucket`, `_sum` and `_count`, with `le` and `quantile` among the labels.

mod catalogue;
mod decode;
mod escape;
mod feed;
#[cfg(test)]
mod laws;
mod line;

pub use catalogue::Catalogue;
pub use decode::{
    Exposition, Ignored, MAX_LINE_BYTES, MAX_SAMPLES, Sample, decode, decode_metrics,
};
pub use feed::{Feed, feed};
pub use line::MAX_LABELS;
