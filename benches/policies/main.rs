//! How our way of choosing a MIG instance compares with other ways, on a day of a real fleet.
//!
//! `cargo bench --bench policies`, with `GPU_FINOPS_TEST_DATA` naming the folder that holds the trace (see
//! CONTRIBUTING). Every way chooses a size for each pod from the first 16 hours; the choices are replayed on the rest,
//! which none of them has seen. The table is Markdown.

#![expect(clippy::print_stdout, reason = "its table is what a benchmark is for")]

#[path = "../../tests/common/prometheus.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod prometheus;
mod ways;

use std::path::PathBuf;
use std::process::Command;

use gpu_finops::model::policy::Scope;
use gpu_finops::model::recommending::Recommending;
use gpu_finops::model::{Inputs, Policy, Window};
use gpu_finops::report::accounts::Accounts;
use gpu_finops::sizing::menu::{Size, mig_sizes};
use gpu_finops::sizing::replay::{self, Replay};
use gpu_finops::source::{objects, snapshot};
use gpu_finops::trace::{Span, Trace, Traces, of_device};
use gpu_finops::units::{MS_PER_HOUR, gpu_hours};
use prometheus::Prometheus;
use ways::{WAYS, Way};

const WINDOW: &str = "2026-11-20T00:00:00Z,2026-11-20T22:48:57Z";
/// What the ways may look at.
const TRAINED: i64 = 16 * MS_PER_HOUR;
/// The price of the reference tables, USD per GPU-hour.
const PRICE: f64 = 2.50;
/// Card of the fleet.
const MODEL: &str = "NVIDIA A100-SXM4-80GB";
const CARD_BYTES: f64 = 80.0 * 1_073_741_824.0;

fn main() {
    let Some(data) = std::env::var_os("GPU_FINOPS_TEST_DATA").map(PathBuf::from) else {
        println!("GPU_FINOPS_TEST_DATA is not set: the trace is not part of the project");
        return;
    };
    let inputs = inputs(&data);
    let (_, traces) = Accounts::with(&inputs, &policy(), of_device);
    let traces = Traces::new(traces);
    let window = inputs.window;
    let cut = window.start() + TRAINED;
    let fit = Span::of(Window::new(window.start(), cut).expect("16 hours"));
    let rest = Span { start: fit.end, end: Span::of(window).end };
    let both = |t: &&Trace| t.observed(fit).next().is_some() && t.observed(rest).next().is_some();
    let pods: Vec<&Trace> = traces.all().iter().filter(both).collect();
    let menu = mig_sizes(MODEL, CARD_BYTES);
    println!("{} pods of one {MODEL} each; chosen from 16 h, replayed on the rest.\n", pods.len());
    println!(
        "| way | resized | GPU-hours saved | saved, USD | time over capacity | of active time | pods short of memory | for, pod-hours |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    for way in WAYS {
        println!("{}", row(&way, &pods, (fit, rest), &menu));
    }
}

/// What came of one way.
#[derive(Default)]
struct Sum {
    resized: u32,
    saved_hours: f64,
    replay: Replay,
    short: u32,
}

fn row(way: &Way, pods: &[&Trace], (fit, rest): (Span, Span), menu: &[Size]) -> String {
    let rules = Recommending::default();
    let mut sum = Sum::default();
    for pod in pods {
        let size = (way.choose)(pod, fit, menu, &rules);
        let went = replay::alone(&[pod], rest, size);
        sum.resized += u32::from(!size.is_whole());
        sum.saved_hours += gpu_hours(went.observed_ms) * (1.0 - size.share);
        sum.short += u32::from(went.overflow_minutes > 0);
        sum.replay = sum.replay.and(went);
    }
    #[expect(clippy::cast_precision_loss, reason = "minutes of a day")]
    let short_hours = sum.replay.overflow_minutes as f64 / 60.0;
    format!(
        "| {} | {} | {:.2} | {:.2} | {:.0} s | {:.3} % | {} | {short_hours:.2} |",
        way.name,
        sum.resized,
        sum.saved_hours,
        sum.saved_hours * PRICE,
        gpu_hours(sum.replay.over_ms) * 3_600.0,
        sum.replay.over_share() * 100.0,
        sum.short,
    )
}

fn policy() -> Policy {
    Policy { scope: Scope::default(), ..Policy::default() }
}

/// The trace as a report reads it: from a real Prometheus, through a snapshot.
fn inputs(data: &std::path::Path) -> Inputs {
    let unzipped = Command::new("gzip").arg("-dc").arg(data.join("gentd26/metrics.om.gz")).output();
    let server = Prometheus::with_openmetrics(&unzipped.expect("gzip is installed").stdout);
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let saved = dir.path().join("snapshot");
    let save = Command::new(env!("CARGO_BIN_EXE_gpu-finops"))
        .args(["snapshot", "save", "--quiet", "--no-kubernetes", "--window", WINDOW])
        .args(["--prometheus", &server.url()])
        .arg(&saved)
        .status();
    assert!(save.expect("built beside this").success(), "the snapshot could not be saved");
    let recorded = snapshot::load(&saved).expect("saved above");
    let facts = objects::decode(&recorded.objects, &policy().gpu_resources);
    Inputs {
        window: recorded.window,
        now_ms: recorded.now_ms,
        metrics: recorded.metrics,
        facts,
        sources: recorded.sources,
    }
}
