//! What a crash costs: nothing but what was being written.

use std::collections::BTreeSet;
use std::time::Duration;

use gpu_finops::model::{QueryId, Series, Window};
use gpu_finops::source::store::{self, StoreQuery, Stored};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;

use super::exporters::Counting;
use super::process::Collector;
use crate::common::test_data;

#[test]
fn killed_twenty_times_it_loses_open_intervals_alone() {
    let Some(data) = test_data() else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let folder = TempDir::new().expect("temporary folder");
    let dir = folder.path().join("store");
    let exporters = Counting::start(&data);
    let mut random = StdRng::seed_from_u64(20_261_123);
    let (mut kept, mut told) = (BTreeSet::new(), 0);
    let from = now_ms();
    for _ in 0..20 {
        let collector = Collector::start(&dir, &exporters.targets(8));
        std::thread::sleep(Duration::from_millis(random.random_range(300..900)));
        let counted = collector.scraped();
        let err = collector.kill();
        assert!(!err.contains("error"), "{err}");
        let found = numbers(&dir, from);
        // What it told to be scraped is there, and so is everything from before.
        assert!(found.len() >= kept.len() + counted, "{} of {counted}", found.len() - kept.len());
        assert!(found.is_superset(&kept));
        (kept, told) = (found, told + counted);
    }
    assert!(told > 40, "{told} scrapes");
    // It opens once more, and goes on.
    let collector = Collector::start(&dir, &exporters.targets(1));
    collector.wait_for("gpu_finops_scrapes_total", 1.0);
    assert_eq!(collector.signal("TERM").0, Some(0));
    let found = numbers(&dir, from);
    assert!(found.is_superset(&kept));
    let last = exporters.served().last().copied().expect("served");
    assert!(found.contains(&last), "what was scraped before SIGTERM is there");
    // Nothing was made up either.
    let served: BTreeSet<u64> = exporters.served().into_iter().collect();
    assert!(found.is_subset(&served));
}

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// The numbers of the answers that are in the store.
fn numbers(dir: &std::path::Path, from: i64) -> BTreeSet<u64> {
    let window = Window::new(from, now_ms() + 60_000).expect("a window");
    let gpu_resources = ["nvidia.com/gpu".to_owned()];
    let query = StoreQuery {
        window,
        now_ms: window.end(),
        max_gap_ms: 300_000,
        gpu_resources: &gpu_resources,
    };
    let Stored { metrics, sources } = store::read(dir, &query).expect("the store can be read");
    assert!(!sources.iter().any(|s| s.name == "store/log"), "{sources:?}");
    let answer = metrics.iter().find(|m| m.query == QueryId::FbUsed).expect("asked");
    let counting = answer.series.iter().filter(|s| s.label("UUID") == Some("GPU-counting"));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small whole numbers"
    )]
    counting.flat_map(Series::samples).map(|(_, value)| value as u64).collect()
}
