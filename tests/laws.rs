//! Laws that every ledger keeps, on small random clusters: it balances; a window cut in two adds up;
//! the order of rows does not matter; doubling the price doubles the cost.

use std::collections::BTreeMap;

use gpu_finops::model::policy::{PriceBook, PriceOrigin, PriceRule};
use gpu_finops::model::{ClusterFacts, Inputs, MetricData, Policy, QueryId, Series, Window};
use gpu_finops::report::build::{Stamp, report};
use gpu_finops::report::contract::{Ledger, Report};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::common::rollups;

/// Scrape interval, and the unit of everything random.
const STEP: i64 = 30_000;
/// Steps in the window.
const STEPS: i64 = 60;
/// Some instant on the grid.
const ORIGIN: i64 = 1_795_132_800_000;

/// A pod: device (node × 2 + index), first and last step, whether DCGM names it.
#[derive(Debug, Clone)]
struct Pod {
    device: usize,
    from: i64,
    steps: i64,
    labelled: bool,
}

#[derive(Debug, Clone)]
struct Cluster {
    pods: Vec<Pod>,
    /// Percent by device and step; 255 is a missing sample, 254 a blank one.
    samples: Vec<Vec<u8>>,
}

fn cluster() -> impl Strategy<Value = Cluster> {
    let pod = (0usize..4, 0i64..STEPS, 1i64..40, prop::bool::weighted(0.8));
    let pods = prop::collection::vec(pod, 0..6).prop_map(|pods| {
        pods.into_iter()
            .map(|(device, from, steps, labelled)| Pod { device, from, steps, labelled })
            .collect()
    });
    let value = prop_oneof![4 => Just(0u8), 4 => 0u8..=100, 1 => Just(255u8), 1 => Just(254u8)];
    let device = prop::collection::vec(value, usize::try_from(STEPS + 20).expect("small"));
    (pods, prop::collection::vec(device, 4)).prop_map(|(pods, samples)| Cluster { pods, samples })
}

/// A cluster whose metrics do not contradict each other: pods follow one another on a device, DCGM
/// names them, and samples are missing only in outages. What contradicts itself has no sum to add up to.
fn orderly() -> impl Strategy<Value = Cluster> {
    let lives = prop::collection::vec((0i64..10, 8i64..30), 0..4);
    let outage = prop::option::weighted(0.4, (0usize..70, 6usize..14));
    (cluster(), prop::collection::vec((lives, outage), 4)).prop_map(|(cluster, devices)| {
        let mut pods = Vec::new();
        let mut samples = cluster.samples;
        for (device, (lives, outage)) in devices.into_iter().enumerate() {
            let mut from = 0;
            for (idle, steps) in lives {
                from += idle;
                pods.push(Pod { device, from, steps, labelled: true });
                from += steps;
            }
            let missing = outage.map_or(0..0, |(start, length)| start..start + length);
            for (step, sample) in samples[device].iter_mut().enumerate() {
                *sample = if missing.contains(&step) { 255 } else { (*sample).min(254) };
            }
        }
        Cluster { pods, samples }
    })
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn series(pairs: &[(&str, &str)], samples: Vec<(i64, f64)>) -> Series {
    Series { labels: labels(pairs).into(), samples: samples.into_iter().collect() }
}

impl Cluster {
    fn holder(&self, device: usize, step: i64) -> Option<usize> {
        let here = |p: &Pod| p.device == device && p.from <= step && step < p.from + p.steps;
        self.pods.iter().rposition(here)
    }

    /// Steps are shifted by ten, so that samples lie before the window too.
    fn at(step: i64) -> i64 {
        ORIGIN + (step - 10) * STEP
    }

    fn utilization(&self) -> Vec<Series> {
        let mut out = Vec::new();
        for (device, samples) in self.samples.iter().enumerate() {
            let mut by_holder: BTreeMap<Option<usize>, Vec<(i64, f64)>> = BTreeMap::new();
            for (step, value) in (0..).zip(samples) {
                let holder = self.holder(device, step).filter(|&p| self.pods[p].labelled);
                let value = match value {
                    255 => continue,
                    254 => 2_147_483_632.0,
                    percent => f64::from(*percent),
                };
                by_holder.entry(holder).or_default().push((Self::at(step), value));
            }
            let (id, node) = (format!("GPU-{device}"), format!("n{}", device / 2));
            for (holder, samples) in by_holder {
                let pod = holder.map(|p| format!("pod-{p}")).unwrap_or_default();
                let namespace = if holder.is_some() { "ns" } else { "" };
                let common = [("UUID", id.as_str()), ("Hostname", &node), ("modelName", "X1")];
                let mut pairs = common.to_vec();
                pairs.extend([("pod", pod.as_str()), ("namespace", namespace)]);
                out.push(series(&pairs, samples));
            }
        }
        out
    }

    fn requests(&self) -> Vec<Series> {
        let one = |(n, pod): (usize, &Pod)| {
            let (name, uid, node) =
                (format!("pod-{n}"), format!("uid-{n}"), format!("n{}", pod.device / 2));
            let times = (pod.from..pod.from + pod.steps).map(|s| (Self::at(s), 1.0)).collect();
            let pairs = [
                ("namespace", "ns"),
                ("pod", name.as_str()),
                ("uid", &uid),
                ("node", &node),
                ("container", "main"),
                ("resource", "nvidia_com_gpu"),
            ];
            series(&pairs, times)
        };
        self.pods.iter().enumerate().map(one).collect()
    }

    fn capacity(&self) -> Vec<Series> {
        let one = |node: &str| {
            let times = (0..STEPS + 20).map(|s| (Self::at(s), 2.0)).collect();
            series(&[("node", node), ("resource", "nvidia_com_gpu")], times)
        };
        vec![one("n0"), one("n1")]
    }

    /// What a server would be asked for: the window with two gaps before it and one after.
    fn inputs(&self, window: Window, gap_ms: i64) -> Inputs {
        let read = window.widened(2 * gap_ms, gap_ms);
        let within = |s: Series| {
            let inside = |(t, _): &(i64, f64)| read.start() <= *t && *t < read.end();
            Series { samples: s.samples().filter(inside).collect(), ..s }
        };
        let data = |query, all: Vec<Series>| MetricData {
            query,
            series: all.into_iter().map(within).filter(|s| !s.samples.is_empty()).collect(),
            gaps: Vec::new(),
        };
        Inputs {
            window,
            now_ms: window.end() + 10 * gap_ms,
            metrics: vec![
                data(QueryId::GpuUtil, self.utilization()),
                data(QueryId::PodGpuRequests, self.requests()),
                data(QueryId::NodeCapacity, self.capacity()),
            ],
            facts: ClusterFacts::default(),
            sources: Vec::new(),
        }
    }
}

fn window(from: i64, to: i64) -> Window {
    Window::new(ORIGIN + from * STEP, ORIGIN + to * STEP).expect("not reversed")
}

fn policy(price: f64) -> Policy {
    let rule = PriceRule {
        model: None,
        instance_type: None,
        capacity_type: None,
        region: None,
        node: None,
        node_labels: BTreeMap::new(),
        per_gpu_hour: price,
        source: "law".into(),
        date: None,
        origin: PriceOrigin::Flag,
    };
    Policy {
        max_gap_ms: 4 * STEP,
        prices: PriceBook { currency: "USD".into(), rules: vec![rule] },
        ..Policy::default()
    }
}

fn run(inputs: &Inputs, price: f64) -> Report {
    report(inputs, &policy(price), Stamp::default())
}

fn of(cluster: &Cluster, from: i64, to: i64) -> Report {
    run(&cluster.inputs(window(from, to), 4 * STEP), 2.0)
}

fn times(l: &Ledger) -> [f64; 9] {
    [
        l.capacity_gpu_hours.unwrap_or(f64::NAN),
        l.allocated_gpu_hours,
        l.busy_gpu_hours,
        l.slack_gpu_hours,
        l.idle_warm_gpu_hours,
        l.idle_empty_gpu_hours,
        l.unobserved_gpu_hours,
        l.unallocated_gpu_hours,
        l.utilization_gpu_hours,
    ]
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        failure_persistence: None,
        // The same cases on every run: a change that breaks a law is found by the change, not by luck.
        rng_seed: RngSeed::Fixed(20_261_120),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_ledger_balances(cluster in cluster()) {
        let report = of(&cluster, 0, STEPS);
        prop_assert!(report.reconciliation.balanced, "{:?}", report.reconciliation);
        let l = &report.fleet.ledger;
        let [capacity, allocated, busy, slack, warm, empty, unobserved, free, _] = times(l);
        // Four devices, all there for the whole window.
        prop_assert!(near(capacity, 4.0 * 60.0 * 30.0 / 3_600.0));
        prop_assert!(near(allocated, busy + slack + warm + empty + unobserved));
        prop_assert!(near(capacity, allocated + free + l.stranded_gpu_hours + l.unhealthy_gpu_hours));
        let held: f64 = report.tenants.iter().map(|t| t.ledger.allocated_gpu_hours).sum();
        prop_assert!(near(held, allocated));
        let paid: f64 = report.pods.iter().filter_map(|p| p.cost).sum();
        prop_assert!(near(paid, 2.0 * allocated));
        for gpu in &report.gpus {
            prop_assert!(gpu.ledger.allocated_gpu_hours <= gpu.ledger.capacity_gpu_hours.unwrap_or(0.0) + 1e-12);
        }
    }

    #[test]
    fn a_window_cut_in_two_adds_up(cluster in orderly(), cut in 1i64..STEPS) {
        let whole = of(&cluster, 0, STEPS);
        let (first, second) = (of(&cluster, 0, cut), of(&cluster, cut, STEPS));
        let parts = times(&first.fleet.ledger).into_iter().zip(times(&second.fleet.ledger));
        for (whole, (a, b)) in times(&whole.fleet.ledger).into_iter().zip(parts) {
            prop_assert!(near(whole, a + b), "{whole} is not {a} + {b}, cut at {cut}");
        }
    }

    /// Rolled up in three parts, read from files: every figure as of the whole, percentiles, peaks and the longest
    /// idle stretch among them.
    #[test]
    fn parts_rolled_up_are_the_whole(cluster in orderly(), a in 1i64..STEPS, b in 1i64..STEPS) {
        let policy = policy(2.0);
        let inputs = |from, to| cluster.inputs(window(from, to), policy.max_gap_ms);
        let mut edges = vec![0, a, b, STEPS];
        edges.sort_unstable();
        edges.dedup();
        let parts = edges.windows(2).map(|e| rollups::part(&inputs(e[0], e[1]), &policy)).collect();
        let whole = inputs(0, STEPS);
        let report = rollups::from_parts(parts, whole.window, whole.now_ms, &policy);
        prop_assert!(report.reconciliation.balanced, "{:?}", report.reconciliation);
        let mut wrong = rollups::differences(&rollups::straight(&whole, &policy), &report);
        // A sample at a cut speaks for both parts.
        wrong.retain(|line| !line.starts_with("/coverage/samples_"));
        prop_assert!(wrong.is_empty(), "cut at {edges:?}: {wrong:#?}");
    }

    #[test]
    fn the_order_of_series_does_not_matter(cluster in cluster(), seed in any::<u64>()) {
        let inputs = cluster.inputs(window(0, STEPS), 4 * STEP);
        let mut shuffled = inputs.clone();
        for data in &mut shuffled.metrics {
            let length = data.series.len().max(1);
            data.series.rotate_left(usize::try_from(seed % length as u64).expect("small"));
            if seed % 2 == 0 {
                data.series.reverse();
            }
        }
        shuffled.metrics.reverse();
        prop_assert_eq!(run(&inputs, 2.0), run(&shuffled, 2.0));
    }

    #[test]
    fn the_price_scales_the_cost(cluster in cluster(), price in 1u32..1_000) {
        let inputs = cluster.inputs(window(0, STEPS), 4 * STEP);
        let (one, two) = (run(&inputs, f64::from(price)), run(&inputs, 2.0 * f64::from(price)));
        let cost = |r: &Report| r.fleet.ledger.allocated_cost.unwrap_or(0.0);
        prop_assert!((cost(&two) - 2.0 * cost(&one)).abs() <= 1e-9 * cost(&two).max(1.0));
        prop_assert_eq!(times(&one.fleet.ledger), times(&two.fleet.ledger));
    }
}
