//! One scrape as a source: what it shows stands for a whole window.

use crate::model::window::rfc3339;
use crate::model::{Labels, MetricData, SourceState, SourceStatus, Window};
use crate::source::prometheus::answer::LOOKBACK_MS;
use crate::source::store::{Replies, Scraped};
use crate::units::Millis;

/// Answers from scrapes of about one instant, and a line of coverage for each target and query.
#[derive(Debug, Clone, PartialEq)]
pub struct Instant {
    /// One answer per query that was asked, in the order of the catalogue.
    pub metrics: Vec<MetricData>,
    /// `scrape`, then a line for each target that failed, then one line per query.
    pub sources: Vec<SourceStatus>,
}

/// What these scrapes say of `window`: each sample again and again, as far apart as neighbours may be
/// (`max_gap_ms`), so that it holds throughout.
#[must_use]
pub fn standing_for(
    scrapes: &[Scraped<Labels>],
    window: Window,
    max_gap_ms: i64,
    gpu_resources: &[String],
) -> Instant {
    let mut replies = Replies::new(gpu_resources, window);
    let mut samples = Vec::new();
    for (labels, _, value) in scrapes.iter().flat_map(|scrape| &scrape.samples) {
        samples.push((replies.place_of(labels.clone()), *value));
    }
    replies.assign();
    for (place, value) in samples {
        for at in instants(window, max_gap_ms.min(LOOKBACK_MS)) {
            replies.push(place, at, value);
        }
    }
    let (metrics, of_queries) = replies.finish("scrape", |_| Vec::new());
    let failed = scrapes.iter().filter_map(|scrape| {
        Some(SourceStatus {
            name: format!("scrape/{}", scrape.target),
            state: SourceState::Failed,
            detail: scrape.error.clone()?,
        })
    });
    let mut sources = vec![summary(scrapes, window)];
    sources.extend(failed);
    sources.extend(of_queries);
    Instant { metrics, sources }
}

fn instants(window: Window, step_ms: i64) -> impl Iterator<Item = Millis> {
    // One before the window: what is evaluated at steps has a sample to look back to.
    let first = window.start() - step_ms;
    (0..).map(move |n| first + n * step_ms).take_while(move |at| *at < window.end())
}

fn summary(scrapes: &[Scraped<Labels>], window: Window) -> SourceStatus {
    let answered = scrapes.iter().filter(|scrape| scrape.error.is_none());
    let at = answered.clone().map(|scrape| scrape.at_ms).max().unwrap_or(window.end());
    let detail = format!(
        "one instant, {}: what {} of {} targets showed then stands for the whole window, and utilization is that of \
         the instant",
        rfc3339(at),
        answered.count(),
        scrapes.len()
    );
    SourceStatus { name: "scrape".to_owned(), state: SourceState::Partial, detail }
}
