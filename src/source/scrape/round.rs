//! Scraping: one target, or all of them at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;

use super::intake::{Intake, Text};
use super::staleness::Timing;
use super::target::Target;
use crate::units::Millis;

/// What a scrape brought, and when.
#[derive(Debug)]
pub struct Answer {
    /// Instant, time and size.
    pub timing: Timing,
    /// The text, understood; or why there is none.
    pub text: Result<Text, String>,
}

/// Scrapes a target; its samples are of the instant `at_ms`.
pub async fn one(target: &Target, intake: &Arc<Intake>, at_ms: Millis, limit: Duration) -> Answer {
    let began = Instant::now();
    let fetched = target.fetch(limit).await;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let bytes = fetched.as_ref().map_or(0, |text| text.len() as u64);
    let text = match fetched {
        Ok(text) => {
            let (intake, name) = (Arc::clone(intake), target.name.clone());
            let read = tokio::task::spawn_blocking(move || intake.read(&text, &name, at_ms));
            read.await.map_err(|e| format!("the text could not be read: {e}"))
        }
        Err(reason) => Err(reason),
    };
    Answer { timing: Timing { at_ms, took_ms, bytes }, text }
}

/// Scrapes every target once, `at_once` at a time, in their order.
pub async fn all(
    targets: &[Target],
    intake: &Arc<Intake>,
    limit: Duration,
    at_once: usize,
    clock: fn() -> Millis,
) -> Vec<Answer> {
    let scrapes = targets.iter().map(|target| {
        let (target, intake) = (target.clone(), Arc::clone(intake));
        async move { one(&target, &intake, clock(), limit).await }
    });
    let scrapes: Vec<_> = scrapes.collect();
    futures::stream::iter(scrapes).buffered(at_once).collect().await
}
