//! What holds of every change: it is the sum of its rows, the way back is its opposite, and nothing costs nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use gpu_finops::cost::book::built_in;
use gpu_finops::gate::contract::DiffReport;
use gpu_finops::gate::{Assumed, Rules, Sides, diff};
use gpu_finops::model::manifests::{Manifest, Manifests};
use gpu_finops::model::policy::PriceBook;
use gpu_finops::report::build::Stamp;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::json;

/// Workloads by name: replicas, GPUs of each, whether on an H100 (else an L4).
type Fleet = BTreeMap<u8, (u32, u32, bool)>;

fn manifests(fleet: &Fleet) -> Manifests {
    let of = |(name, (replicas, gpus, is_h100)): (&u8, &(u32, u32, bool))| {
        let model = if *is_h100 { "nvidia-h100-80gb" } else { "nvidia-l4" };
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": format!("w{name}") },
            "spec": { "replicas": replicas, "template": { "spec": {
                "nodeSelector": { "cloud.google.com/gke-accelerator": model },
                "containers": [{ "resources": { "limits": { "nvidia.com/gpu": gpus } } }],
            } } },
        });
        let text = Arc::from(object.to_string());
        Manifest { file: "a.json".to_owned(), line: 1, text, at: String::new(), object }
    };
    Manifests { items: fleet.iter().map(of).collect(), ..Manifests::default() }
}

fn change(base: &Fleet, head: &Fleet) -> DiffReport {
    let assumed = Assumed {
        gpu_resources: vec!["nvidia.com/gpu".to_owned()],
        default_model: None,
        job_ms: 3_600_000,
        shared_replicas: None,
    };
    let book = PriceBook { currency: "USD".to_owned(), rules: built_in() };
    let (base, head) = (manifests(base), manifests(head));
    let sides = Sides { base: &base, head: &head, held: None };
    diff(sides, &assumed, &Rules::default(), &book, Stamp::default())
}

/// Money of a month by hand.
fn month(fleet: &Fleet) -> f64 {
    let of = |(replicas, gpus, is_h100): &(u32, u32, bool)| {
        f64::from(replicas * gpus) * if *is_h100 { 6.88 } else { 0.8048 } * 730.0
    };
    fleet.values().map(of).sum()
}

fn fleets() -> impl Strategy<Value = Fleet> {
    prop::collection::btree_map(0_u8..8, (0_u32..5, 1_u32..9, any::<bool>()), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_124),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_change_is_its_rows_and_has_a_way_back(base in fleets(), head in fleets()) {
        let (there, back) = (change(&base, &head), change(&head, &base));
        let money = |report: &DiffReport| report.totals.cost_per_month_change.expect("priced");
        let expected = month(&head) - month(&base);
        prop_assert!((money(&there) - expected).abs() < 1e-6, "{}, {expected}", money(&there));
        prop_assert!((money(&there) + money(&back)).abs() < 1e-6);
        prop_assert!((there.totals.gpus_change + back.totals.gpus_change).abs() < 1e-9);
        let rows: f64 = there.workloads.iter().filter_map(|row| row.cost_per_month_change).sum();
        prop_assert!((rows - expected).abs() < 1e-6);
        let same = change(&head, &head);
        prop_assert!(money(&same).abs() < 1e-12 && same.items.is_empty());
    }
}
