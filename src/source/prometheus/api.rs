//! One request to a metric server, patiently: a bounded number in flight, retries, errors in words.
//!
//! How much to ask for at a time is [`super::reader`]'s.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::api_error::{ApiError, Verdict, is_web_page};
use super::backoff::Backoff;
use super::cache::Cache;
use super::decode::{Answer, DecodeError};
use super::options::ReadOptions;
use super::transport::{ApiRequest, ApiResponse, StreamRequest, StreamResponse, Transport};
use crate::model::Series;
use crate::model::labels::LabelPool;
use crate::model::samples::Spill;

/// Tries of a request whose failures are expensive (time-outs).
const MAX_EXPENSIVE_TRIES: u32 = 2;

/// A successful answer, and how many bytes it took.
#[derive(Debug)]
pub(super) struct Reply<T> {
    pub(super) answer: Answer<T>,
    pub(super) bytes: u64,
}

/// A metric server with everything needed to ask it well. Shared by all queries of a run, so that
/// the bound on requests in flight is one bound.
pub struct Api {
    transport: Arc<dyn Transport>,
    options: ReadOptions,
    backoff: Backoff,
    slots: Semaphore,
    outage: Mutex<Outage>,
    spill: Arc<Spill>,
    labels: Mutex<LabelPool>,
    cache: Option<Cache>,
}

/// How the server fared: its successes, and failures since the last one that speak of the server
/// rather than of one request.
#[derive(Default)]
struct Outage {
    successes: u64,
    failures: u32,
    last: String,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("target", &self.transport.target()).finish_non_exhaustive()
    }
}

impl Api {
    /// A server behind `transport`.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, options: ReadOptions) -> Self {
        let slots = Semaphore::new(options.max_concurrent.clamp(1, Semaphore::MAX_PERMITS));
        let spill = Arc::new(Spill::new(options.memory_bytes, &options.spill_dir));
        let (backoff, outage) = (Backoff::default(), Mutex::default());
        let labels = Mutex::default();
        let cache = options.cache.as_ref().map(|cache| Cache::new(cache, transport.target()));
        Self { transport, options, backoff, slots, outage, spill, labels, cache }
    }

    /// The same with other waits, for tests that cannot sit out the real ones.
    #[cfg(test)]
    pub(super) const fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Where samples go that do not fit into memory.
    pub(super) const fn spill(&self) -> &Arc<Spill> {
        &self.spill
    }

    /// What was answered about closed time, where that is kept.
    pub(super) const fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// Brings series into the form in which they are kept until the end of the run.
    pub(super) fn keep(&self, series: &mut [Series]) {
        self.spill.keep(series.iter_mut().map(|series| &mut series.samples));
        let mut pool = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        for one in series {
            one.labels = pool.shared(std::mem::take(&mut one.labels));
        }
    }

    /// Where it is, for people.
    #[must_use]
    pub fn target(&self) -> &str {
        self.transport.target()
    }

    /// Whether anything but a `GET` may be sent without being asked for.
    pub(super) fn allows_post(&self) -> bool {
        self.transport.allows_post()
    }

    /// Requests that were answered so far.
    pub(super) fn answered(&self) -> u64 {
        self.outage().successes
    }

    /// How much and how patiently is asked.
    pub(super) const fn options(&self) -> &ReadOptions {
        &self.options
    }

    /// Sends `request`, again where that may help, and decodes the answer.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        request: &ApiRequest,
        decode: fn(&[u8]) -> Result<Answer<T>, DecodeError>,
    ) -> Result<Reply<T>, ApiError> {
        self.call_up_to(self.options.max_attempts, request, decode).await
    }

    /// The same with at most `max_tries` tries.
    pub(super) async fn call_up_to<T: Send + 'static>(
        &self,
        max_tries: u32,
        request: &ApiRequest,
        decode: fn(&[u8]) -> Result<Answer<T>, DecodeError>,
    ) -> Result<Reply<T>, ApiError> {
        self.patiently(max_tries, || self.once(request, decode)).await
    }

    /// Sends `request`, again where that may help, and gives each answer's head to `take`.
    pub(super) async fn stream<T, F>(
        &self,
        max_tries: u32,
        request: &StreamRequest,
        take: impl Fn(StreamResponse) -> F + Sync,
    ) -> Result<T, ApiError>
    where
        T: Send,
        F: Future<Output = Result<T, ApiError>> + Send,
    {
        let limit = self.options.timeout;
        self.patiently(max_tries, || async {
            let response = tokio::time::timeout(limit, self.transport.stream(request))
                .await
                .map_err(|_elapsed| ApiError::Timeout(limit))??;
            take(response).await
        })
        .await
    }

    /// Tries `once`, again where that may help.
    async fn patiently<T, F>(
        &self,
        max_tries: u32,
        once: impl Fn() -> F + Sync,
    ) -> Result<T, ApiError>
    where
        T: Send,
        F: Future<Output = Result<T, ApiError>> + Send,
    {
        // Held while waiting between tries too: a server that is asked to breathe must not be asked
        // by the next query instead.
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        if let Some(error) = self.given_up() {
            return Err(error);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match once().await {
                Ok(answer) => {
                    self.succeeded();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let allowed = match error.verdict() {
                Verdict::Final => 1,
                Verdict::OnceMore => MAX_EXPENSIVE_TRIES.min(max_tries),
                Verdict::Again => max_tries,
            };
            if tries >= allowed {
                self.failed(&error);
                return Err(error);
            }
            let wait = self.backoff.delay(tries, error.retry_after(), rand::random());
            tokio::time::sleep(wait).await;
        }
    }

    async fn once<T: Send + 'static>(
        &self,
        request: &ApiRequest,
        decode: fn(&[u8]) -> Result<Answer<T>, DecodeError>,
    ) -> Result<Reply<T>, ApiError> {
        let limit = self.options.timeout;
        let response = tokio::time::timeout(limit, self.transport.send(request))
            .await
            .map_err(|_elapsed| ApiError::Timeout(limit))??;
        if let Some(error) = ApiError::of_status(&response) {
            return Err(error);
        }
        if is_web_page(&response) {
            return Err(ApiError::WebPage);
        }
        let ApiResponse { body, .. } = response;
        let bytes = body.len() as u64;
        // Tens of megabytes of JSON take tenths of a second: not on the thread that serves sockets.
        let decoded = tokio::task::spawn_blocking(move || decode(&body))
            .await
            .map_err(|error| ApiError::Local(format!("decoding an answer failed: {error}")))?;
        let answer = decoded.map_err(ApiError::of_decode)?;
        Ok(Reply { answer, bytes })
    }

    /// Failures without a success between them after which the server is left alone. Above the
    /// number that may be in flight at once, so that one bad moment does not end a run.
    fn patience(&self) -> u32 {
        let in_flight = u32::try_from(self.options.max_concurrent).unwrap_or(u32::MAX);
        in_flight.saturating_mul(2).saturating_add(16)
    }

    fn given_up(&self) -> Option<ApiError> {
        let outage = self.outage();
        (outage.failures >= self.patience())
            .then(|| ApiError::GivenUp { failures: outage.failures, last: outage.last.clone() })
    }

    fn succeeded(&self) {
        let mut outage = self.outage();
        outage.successes += 1;
        outage.failures = 0;
    }

    fn failed(&self, error: &ApiError) {
        if error.is_outage() {
            let mut outage = self.outage();
            outage.failures = outage.failures.saturating_add(1);
            outage.last = error.to_string();
        }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        // A panic elsewhere cannot leave plain fields half-written in a way that matters.
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
