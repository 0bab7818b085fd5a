//! One query read in parts, whichever way a part is fetched: a bounded number at once, halves of what is
//! too much, gaps for what fails for good.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use tokio::sync::OnceCell;

use super::api::Api;
use super::api_error::ApiError;
use super::chunks::Part;
use super::merge::{Merger, merged_gaps};
use super::notes::Notes;
use super::render::with_matcher;
use super::requests;
use super::shards::{SeriesIndex, decode_index};
use crate::model::{MetricData, ReadGap, Series};
use crate::source::ReadPlan;
use crate::source::progress::Progress;

/// How often one part is halved because it took too long: 1/32 of what was thought to be fine.
const MAX_TIMEOUT_HALVINGS: u32 = 5;
/// Parts of one query that may fail in a row before the rest of it is not asked any more.
const MAX_FAILED_PARTS_IN_A_ROW: u32 = 8;

/// What one part brought.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// Its series, each sorted by time, with no sample outside of the part.
    pub(super) series: Vec<Series>,
    /// Samples that came.
    pub(super) samples: u64,
    /// Bytes that came.
    pub(super) bytes: u64,
    /// Why something may be missing.
    pub(super) warnings: Vec<String>,
    /// Remarks that lose nothing.
    pub(super) notes: Vec<String>,
}

/// Fetches one part.
pub(super) trait Fetch: Sync {
    /// Where remarks are kept.
    fn notes(&self) -> &Notes;

    /// The part, after all tries; `None` when there is nothing in it to ask for.
    fn fetch<'a>(
        &'a self,
        job: &'a Job<'a>,
        part: &'a Part,
    ) -> BoxFuture<'a, Option<Result<Brought, ApiError>>>;
}

/// One query being read.
pub(super) struct Job<'a> {
    pub(super) plan: &'a ReadPlan,
    pub(super) api: &'a Api,
    pub(super) progress: &'a dyn Progress,
    index: OnceCell<Option<SeriesIndex>>,
    failed_in_a_row: AtomicU32,
}

#[derive(Default)]
struct Outcome {
    series: Vec<Series>,
    gaps: Vec<ReadGap>,
}

impl<'a> Job<'a> {
    pub(super) fn new(plan: &'a ReadPlan, api: &'a Api, progress: &'a dyn Progress) -> Self {
        Self { plan, api, progress, index: OnceCell::new(), failed_in_a_row: AtomicU32::new(0) }
    }

    /// The selector of a part: the plan's, narrowed to the part's group of series.
    pub(super) fn selector(&self, part: &Part) -> Option<String> {
        match &part.shard {
            Some(shard) => with_matcher(&self.plan.promql, &shard.matcher()),
            None => Some(self.plan.promql.clone()),
        }
    }

    /// The series of the selector, asked for once; `None` when the server does not say, or when the
    /// query is not a plain selector.
    pub(super) async fn index(&self) -> Option<&SeriesIndex> {
        let known = self.index.get_or_init(|| async {
            with_matcher(&self.plan.promql, "")?;
            let window = self.plan.window;
            let request = requests::series(&[&self.plan.promql], window.start(), window.end());
            self.progress.expect(1);
            let reply = self.api.call(&request, decode_index).await;
            self.progress.done(0, reply.as_ref().map_or(0, |reply| reply.bytes));
            reply.ok().map(|reply| reply.answer.data)
        });
        known.await.as_ref()
    }

    /// Reads `parts`, and puts together what they bring.
    pub(super) async fn run(&self, reader: &impl Fetch, parts: Vec<Part>) -> MetricData {
        self.progress.expect(parts.len() as u64);
        let at_once = self.api.options().max_concurrent.max(1);
        let mut done =
            stream::iter(parts).map(|part| self.read(reader, part)).buffer_unordered(at_once);
        let (mut merger, mut gaps) = (Merger::default(), Vec::new());
        while let Some(mut outcome) = done.next().await {
            self.api.keep(&mut outcome.series);
            if self.api.spill().failure().is_some() {
                // The run ends with that; memory is not to fill up before.
                break;
            }
            merger.add(outcome.series);
            gaps.extend(outcome.gaps);
        }
        drop(done);
        MetricData { query: self.plan.query, series: merger.finish(), gaps: merged_gaps(gaps) }
    }

    /// Reads a part, in halves where that is needed. One after the other, first half first, so that
    /// a server in trouble is not given more to do.
    async fn read(&self, reader: &impl Fetch, part: Part) -> Outcome {
        let mut outcome = Outcome::default();
        let mut stack = vec![part];
        while let Some(part) = stack.pop() {
            if self.failed_in_a_row.load(Ordering::Relaxed) >= MAX_FAILED_PARTS_IN_A_ROW {
                outcome.gaps.push(gap(&part, "not asked after the parts before it failed".into()));
                self.progress.done(0, 0);
                continue;
            }
            let Some(fetched) = reader.fetch(self, &part).await else {
                self.progress.done(0, 0);
                continue;
            };
            match fetched {
                Ok(brought) => {
                    self.failed_in_a_row.store(0, Ordering::Relaxed);
                    self.take(reader.notes(), &part, brought, &mut outcome);
                }
                Err(error) => {
                    self.progress.done(0, 0);
                    match self.halved(&part, &error).await {
                        Some((first, second)) => {
                            self.progress.expect(2);
                            stack.extend([second, first]);
                        }
                        None => {
                            self.failed_in_a_row.fetch_add(1, Ordering::Relaxed);
                            outcome.gaps.push(gap(&part, error.to_string()));
                        }
                    }
                }
            }
        }
        outcome
    }

    async fn halved(&self, part: &Part, error: &ApiError) -> Option<(Part, Part)> {
        let slow = error.is_timeout();
        if !error.asks_for_less() || (slow && part.timeouts >= MAX_TIMEOUT_HALVINGS) {
            return None;
        }
        let part = Part { timeouts: part.timeouts + u32::from(slow), ..part.clone() };
        if let Some(halves) = part.halves_in_time() {
            return Some(halves);
        }
        match part.shard {
            Some(_) => part.halves_by_series(None),
            None => part.halves_by_series(self.index().await),
        }
    }

    fn take(&self, notes: &Notes, part: &Part, brought: Brought, outcome: &mut Outcome) {
        self.progress.done(brought.samples, brought.bytes);
        for note in brought.notes {
            notes.add(self.plan.query, note);
        }
        outcome.gaps.extend(brought.warnings.into_iter().map(|warning| gap(part, warning)));
        outcome.series.extend(brought.series);
    }
}

fn gap(part: &Part, reason: String) -> ReadGap {
    ReadGap { start_ms: part.start, end_ms: part.end, reason }
}
