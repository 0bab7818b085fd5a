//! Row (b): samples fetched and folded by the library, and no report made of them.

use std::sync::Arc;

use futures::future::join_all;
use gpu_finops::model::query::{QueryKind, QueryScope};
use gpu_finops::model::{ClusterFacts, Inputs, Policy, QueryId, Window};
use gpu_finops::observe::devices::observe;
use gpu_finops::source::progress::Silent;
use gpu_finops::source::prometheus::options::{ConnectionOptions, ReadOptions};
use gpu_finops::source::prometheus::render::{Bindings, render};
use gpu_finops::source::prometheus::{self, Api, DirectTransport, remote_read};
use gpu_finops::source::{ReadPlan, SampleReader};

/// Fetches what a report on `window` fetches by remote read, folds what is of devices, and says what it saw.
pub(crate) fn fold(url: &str, window: Window) -> Result<String, Box<dyn std::error::Error>> {
    prometheus::install_crypto_provider();
    let policy = Policy::default();
    let transport = Arc::new(DirectTransport::new(url, &ConnectionOptions::default())?);
    let api = Arc::new(Api::new(transport, ReadOptions::default()));
    let bindings = Bindings::new(&[], &policy.gpu_resources)?;
    let read = window.widened(2 * policy.max_gap_ms, policy.max_gap_ms);
    let mut plans = Vec::new();
    for query in QueryId::ALL.iter().copied().filter(|query| is_raw(*query)) {
        let texts = render(query, &bindings)?;
        plans.extend(texts.into_iter().map(|promql| ReadPlan { query, promql, window: read }));
    }
    let metrics = tokio::runtime::Runtime::new()?.block_on(async {
        let reader = remote_read::probe(&api, 1, read).await?;
        let read = join_all(plans.iter().map(|plan| reader.read(plan, &Silent))).await;
        Ok::<_, prometheus::ApiError>(read)
    })?;
    if let Some(gap) = metrics.iter().flat_map(|metric| &metric.gaps).next() {
        return Err(format!("a part of it did not come: {}", gap.reason).into());
    }
    let inputs = Inputs {
        window,
        now_ms: window.end(),
        metrics,
        facts: ClusterFacts::default(),
        sources: Vec::new(),
    };
    let seen = observe(&inputs, policy.max_gap_ms, policy.default_step_ms);
    Ok(format!("{} devices, {} samples", seen.devices.len(), seen.samples_seen))
}

/// Queries that come by remote read and are asked of the whole cluster: all but node sizes.
fn is_raw(query: QueryId) -> bool {
    matches!(query.kind(), QueryKind::Raw | QueryKind::Tail) && query.scope() == QueryScope::All
}
