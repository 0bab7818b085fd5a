//! Row (b): everything that a report asks for fetched and folded by the library, and no report made of it.

use std::sync::Arc;

use gpu_finops::model::{ClusterFacts, Inputs, Policy, Window};
use gpu_finops::observe::devices::observe;
use gpu_finops::source::progress::Silent;
use gpu_finops::source::prometheus::options::{ConnectionOptions, ReadOptions, SampleTransport};
use gpu_finops::source::prometheus::{self, DirectTransport};

/// Fetches what a report on `window` fetches, folds what is of devices, and says what it saw.
pub(crate) fn fold(url: &str, window: Window) -> Result<String, Box<dyn std::error::Error>> {
    prometheus::install_crypto_provider();
    let policy = Policy::default();
    let transport = Arc::new(DirectTransport::new(url, &ConnectionOptions::default())?);
    let options = ReadOptions { transport: SampleTransport::RemoteRead, ..ReadOptions::default() };
    let (resources, gap) = (&policy.gpu_resources, policy.max_gap_ms);
    let collecting = prometheus::collect(transport, &options, resources, gap, window, &Silent);
    let metrics = tokio::runtime::Runtime::new()?.block_on(collecting)?.metrics;
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
