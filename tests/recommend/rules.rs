//! Each rule on a fleet of its own.

use gpu_finops::model::objects::{PodFact, PodRequests};
use gpu_finops::model::{MetricData, QueryId, Series};
use gpu_finops::recommend::contract::{Change, RecommendReport};

use super::fleet::*;
use super::{of_rule, reasons, recommended};

const DEPLOYMENT: (&str, &str) = ("Deployment", "web");
const GIB: f64 = 1_024.0;

fn of(hours: i64, pods: Vec<Pod>) -> RecommendReport {
    recommended(&Fleet::new(hours, pods).inputs(), &policy())
}

fn close(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a - b).abs() < 1e-6 * b.abs().max(1.0))
}

#[test]
fn what_nobody_ever_used_is_released() {
    let report = of(48, vec![Pod::new(("StatefulSet", "nb"), 0, vec![steady(0.0, 300.0)])]);
    let found = of_rule(&report, "never-used").expect("found");
    assert_eq!(found.change, Change::Release);
    // All of its time is waste: 730 hours a month at 2.00.
    assert!(close(found.finding.monthly_savings, 1_460.0), "{:?}", found.finding.monthly_savings);
    assert!(found.counted);
    assert_eq!(found.realised_by.as_deref(), Some("node node-0 comes free"));
}

#[test]
fn one_sample_of_use_is_use() {
    let once = course(|minute| (if minute == 100 { 1.0 } else { 0.0 }, 300.0));
    let report = of(24, vec![Pod::new(("StatefulSet", "nb"), 0, vec![once])]);
    assert!(of_rule(&report, "never-used").is_none());
    // Idle ever since: that is said.
    let left = of_rule(&report, "left-idle").expect("found");
    let hours = left.finding.evidence["trailing_idle_hours"].as_f64().expect("a number");
    assert!((hours - (24.0 - 101.0 / 60.0)).abs() < 1e-6, "{hours}");
}

#[test]
fn little_is_nothing() {
    let short = of(6, vec![Pod::new(("StatefulSet", "nb"), 0, vec![steady(0.0, 300.0)])]);
    assert!(short.recommendations.is_empty());
    assert_eq!(reasons(&short), ["held for 6.0 GPU-hours, less than 12.0"]);
    // Half of the time nobody looked.
    let blind: Box<dyn Fn(i64) -> Option<(f64, f64)>> =
        Box::new(|minute| (minute % 60 < 20).then_some((0.0, 300.0)));
    let blind = of(48, vec![Pod::new(("StatefulSet", "nb"), 0, vec![blind])]);
    assert!(blind.recommendations.is_empty(), "{:?}", blind.recommendations);
    assert!(reasons(&blind)[0].starts_with("observed for 3"), "{:?}", reasons(&blind));
}

/// An exporter that stopped three hours ago says nothing of what runs now.
#[test]
fn what_nobody_sees_any_more_is_kept() {
    let until = |utilization: f64| -> Box<dyn Fn(i64) -> Option<(f64, f64)>> {
        Box::new(move |minute| (minute < 45 * 60).then_some((utilization, 300.0)))
    };
    let unseen = of(48, vec![Pod::new(("StatefulSet", "nb"), 0, vec![until(0.0)])]);
    assert!(unseen.recommendations.is_empty(), "{:?}", unseen.recommendations);
    assert!(reasons(&unseen)[0].contains("no samples at the end"), "{:?}", reasons(&unseen));
    let beside = vec![steady(70.0, 30.0 * GIB), until(0.0)];
    let beside = of(48, vec![Pod::new(DEPLOYMENT, 0, beside)]);
    assert!(of_rule(&beside, "unused-gpus").is_none(), "{:?}", beside.recommendations);
    let seen = vec![steady(70.0, 30.0 * GIB), steady(0.0, 300.0)];
    let seen = of(48, vec![Pod::new(DEPLOYMENT, 0, seen)]);
    assert!(of_rule(&seen, "unused-gpus").is_some());
}

#[test]
fn what_has_ended_is_not_released() {
    let gone = Pod::new(("StatefulSet", "nb"), 0, vec![steady(0.0, 300.0)]).during(0, 30 * HOUR);
    let report = of(48, vec![gone]);
    assert!(report.recommendations.is_empty());
    assert_eq!(reasons(&report), ["it had ended before the end of the window"]);
}

#[test]
fn what_is_used_every_few_hours_is_not_left() {
    let often = course(|minute| (if minute % 600 < 10 { 60.0 } else { 0.0 }, 9_000.0));
    let report = of(48, vec![Pod::new(("StatefulSet", "nb"), 0, vec![often])]);
    assert!(of_rule(&report, "left-idle").is_none());
    assert!(of_rule(&report, "never-used").is_none());
}

#[test]
fn gpus_beside_the_one_that_works_are_given_back() {
    let gpus = || vec![steady(70.0, 30.0 * GIB), steady(0.0, 500.0), steady(0.0, 500.0)];
    let report = of(24, vec![Pod::new(DEPLOYMENT, 0, gpus())]);
    let found = of_rule(&report, "unused-gpus").expect("found");
    assert_eq!(found.change, Change::FewerGpus { from: 3, to: 1 });
    assert!(close(found.finding.monthly_savings, 2.0 * 1_460.0));
    assert_eq!(found.rests_on.len(), 2);
}

#[test]
fn the_pod_that_uses_most_counts_and_what_was_not_seen_may_have_been_used() {
    let one = || vec![steady(70.0, 30.0 * GIB), steady(0.0, 500.0)];
    let both = || vec![steady(70.0, 30.0 * GIB), steady(20.0, 30.0 * GIB)];
    let report = of(24, vec![Pod::new(DEPLOYMENT, 0, one()), Pod::new(DEPLOYMENT, 1, both())]);
    assert!(of_rule(&report, "unused-gpus").is_none(), "they come from one template");
    let unseen: Box<dyn Fn(i64) -> Option<(f64, f64)>> =
        Box::new(|minute| (minute < 200).then_some((0.0, 500.0)));
    let gpus = vec![steady(70.0, 30.0 * GIB), steady(70.0, 30.0 * GIB), unseen];
    let report = of(24, vec![Pod::new(DEPLOYMENT, 0, gpus)]);
    assert!(of_rule(&report, "unused-gpus").is_none());
}

#[test]
fn a_small_model_gets_a_small_instance() {
    let report = of(48, vec![Pod::new(DEPLOYMENT, 0, vec![steady(5.0, 6.0 * GIB)])]);
    let found = of_rule(&report, "oversized-gpu").expect("found");
    let Change::Slice { to, share, .. } = &found.change else { panic!("{:?}", found.change) };
    assert_eq!((to.as_str(), *share), ("1g.10gb", 1.0 / 7.0));
    assert!(close(found.finding.monthly_savings, 1_460.0 * 6.0 / 7.0));
    let proof = found.proof.as_ref().expect("replayed");
    assert_eq!((proof.over_capacity_ratio, proof.memory_overflow_minutes), (0.0, Some(0)));
    assert!(found.refusal.is_none() && found.counted);
}

#[test]
fn a_peak_that_came_later_refuses_the_instance() {
    let late = course(|minute| (5.0, if minute < 40 * HOUR { 8.0 * GIB } else { 9.6 * GIB }));
    let report = of(48, vec![Pod::new(DEPLOYMENT, 0, vec![late])]);
    assert!(report.recommendations.is_empty(), "{:?}", report.recommendations);
    let refused = report.refused.first().expect("shown as refused");
    let why = refused.refusal.as_deref().expect("a reason");
    assert!(why.contains("out of memory: for 480 minutes"), "{why}");
}

#[test]
fn a_server_that_reserves_memory_is_not_judged_by_it() {
    let report = of(48, vec![Pod::new(DEPLOYMENT, 0, vec![steady(5.0, 72.0 * GIB)])]);
    assert!(of_rule(&report, "oversized-gpu").is_none());
    let all = reasons(&report);
    assert!(all.iter().any(|r| r.contains("as servers do that reserve it: how much")), "{all:?}");
}

#[test]
fn what_a_server_that_reserves_memory_had_in_use_of_its_cache_is_said() {
    let cache = |pod: &str, peak: f64| {
        let at = |n: i64| (ORIGIN + n * 5 * MINUTE, if n == 300 { peak } else { 0.05 });
        series(&[("namespace", "ns"), ("pod", pod)], (0..48 * 12).map(at).collect())
    };
    let is_said = |caches: Vec<Series>| {
        let pod = |n| Pod::new(DEPLOYMENT, n, vec![steady(5.0, 72.0 * GIB)]);
        let mut fleet = Fleet::new(48, vec![pod(0), pod(1)]);
        let data = MetricData { query: QueryId::KvCacheUsage, series: caches, gaps: Vec::new() };
        fleet.more.push(data);
        let all = reasons(&recommended(&fleet.inputs(), &policy())).join("\n");
        all.contains("had at most 37 % of its key-value cache in use")
    };
    assert!(is_said(vec![cache("web-0", 0.37), cache("web-1", 0.12)]));
    // Of one of its pods nothing is known.
    assert!(!is_said(vec![cache("web-0", 0.37)]));
}

#[test]
fn gpus_that_work_together_are_not_cut() {
    let gpus = vec![steady(5.0, 6.0 * GIB), steady(5.0, 6.0 * GIB)];
    let report = of(48, vec![Pod::new(DEPLOYMENT, 0, gpus)]);
    assert!(of_rule(&report, "oversized-gpu").is_none());
    assert!(reasons(&report).iter().any(|r| r.contains("several GPUs together")));
}

#[test]
fn a_stuck_profiling_signal_is_no_idleness() {
    let mut fleet = Fleet::new(48, vec![Pod::new(DEPLOYMENT, 0, vec![steady(90.0, 6.0 * GIB)])]);
    let pairs = [
        ("UUID", "GPU-web-0-0"),
        ("gpu", "0"),
        ("Hostname", "node-0"),
        ("modelName", A100),
        ("namespace", "ns"),
        ("pod", "web-0"),
    ];
    let samples = (0..48 * HOUR + 2).map(|minute| (ORIGIN + minute * MINUTE, 0.0)).collect();
    let stuck = series(&pairs, samples);
    fleet.more.push(MetricData {
        query: QueryId::GrEngineActive,
        series: vec![stuck],
        gaps: Vec::new(),
    });
    let report = recommended(&fleet.inputs(), &policy());
    assert!(report.recommendations.is_empty(), "{:?}", report.recommendations);
    assert!(reasons(&report)[0].starts_with("observed for 0 %"), "{:?}", reasons(&report));
}

#[test]
fn sentinels_are_no_load_and_no_memory() {
    let sentinel =
        course(
            |minute| {
                if minute % 7 == 3 { (2_147_483_632.0, 2_147_483_632.0) } else { (5.0, 6.0 * GIB) }
            },
        );
    let report = of(48, vec![Pod::new(DEPLOYMENT, 0, vec![sentinel])]);
    let found = of_rule(&report, "oversized-gpu").expect("found all the same");
    let peak = found.finding.evidence["memory_peak_bytes"].as_f64().expect("a number");
    assert!((peak - 6.0 * 1_073_741_824.0).abs() < 1.0, "{peak}");
}

#[test]
fn a_warm_pool_waits_by_design() {
    let pod = Pod::new(("SandboxWarmPool", "pool"), 0, vec![steady(0.0, 300.0)]);
    let report = of(48, vec![pod]);
    assert!(report.recommendations.is_empty());
    assert_eq!(reasons(&report), ["a warm pool waits idle by design"]);
}

#[test]
fn replicas_that_together_have_little_to_do_are_too_many() {
    // Each busy for an hour at its own time: one GPU's work at any time.
    let pods = (0..6_usize).map(|n| {
        let turn = i64::try_from(n).expect("small");
        let of = move |minute: i64| {
            let is_mine = minute / HOUR % 6 == turn;
            (if is_mine { 70.0 } else { 0.0 }, 60.0 * GIB)
        };
        Pod::new(DEPLOYMENT, n, vec![course(of)])
    });
    let report = of(48, pods.collect());
    let found = of_rule(&report, "spare-replicas").expect("found");
    assert_eq!(found.change, Change::FewerReplicas { from: 6, to: 2 });
    assert!(close(found.finding.monthly_savings, 6.0 * 1_460.0 * 4.0 / 6.0));
    assert_eq!(found.proof.as_ref().map(|p| p.over_capacity_ratio), Some(0.0));
}

#[test]
fn a_busy_evening_refuses_fewer_replicas() {
    let pods = (0..6_usize).map(|n| {
        let of = |minute: i64| (if minute >= 44 * HOUR { 80.0 } else { 10.0 }, 60.0 * GIB);
        Pod::new(DEPLOYMENT, n, vec![course(of)])
    });
    let report = of(48, pods.collect());
    // What is known of the evening asks for all six; what was known before would have failed.
    assert!(of_rule(&report, "spare-replicas").is_none_or(|r| r.refusal.is_some()));
    assert!(report.recommendations.is_empty(), "{:?}", report.recommendations);
}

#[test]
fn jobs_have_no_replicas_to_spare() {
    let pods = (0..6).map(|n| Pod::new(("Job", "train"), n, vec![steady(2.0, 60.0 * GIB)]));
    let report = of(48, pods.collect());
    assert!(of_rule(&report, "spare-replicas").is_none());
}

#[test]
fn two_that_fit_on_a_card_could_share_it() {
    let pods = (0..2).map(|n| Pod::new(DEPLOYMENT, n, vec![steady(30.0, 30.0 * GIB)]));
    let report = of(48, pods.collect());
    let found = of_rule(&report, "could-share").expect("found");
    assert_eq!(found.change, Change::Share { pods_per_gpu: 2 });
    let slices = of_rule(&report, "oversized-gpu").expect("an instance would do as well");
    // They are alternatives, and one of them counts.
    assert!(found.excludes.contains(&slices.finding.id));
    assert_eq!(report.totals.counted, 1);
}

#[test]
fn two_that_are_busy_at_once_do_not_share() {
    let pods = (0..2).map(|n| Pod::new(DEPLOYMENT, n, vec![steady(60.0, 30.0 * GIB)]));
    let report = of(48, pods.collect());
    assert!(of_rule(&report, "could-share").is_none());
}

#[test]
fn a_pod_that_waits_makes_capacity_worth_money() {
    let idle = |n| Pod::new(("StatefulSet", "nb"), n, vec![steady(0.0, 300.0)]).on("node-0");
    let busy = Pod::new(("Job", "train"), 7, vec![steady(95.0, 60.0 * GIB)]).on("node-0");
    let mut fleet = Fleet::new(48, vec![idle(0), busy]);
    let gpus = [("nvidia.com/gpu".to_owned(), 1)].into();
    fleet.waiting.push(PodFact {
        namespace: "ns".into(),
        name: "next".into(),
        requests: PodRequests { gpus, ..PodRequests::default() },
        ..PodFact::default()
    });
    let report = recommended(&fleet.inputs(), &policy());
    let found = of_rule(&report, "never-used").expect("found");
    assert_eq!(found.realised_by.as_deref(), Some("pod ns/next waits for 1 GPU"));
    assert_eq!(report.totals.monthly_savings_realisable, report.totals.monthly_savings);
    // Without it the node stays, and with it the money.
    let idle = Pod::new(("StatefulSet", "nb"), 0, vec![steady(0.0, 300.0)]).on("node-0");
    let busy = Pod::new(("Job", "train"), 7, vec![steady(95.0, 60.0 * GIB)]).on("node-0");
    let report = of(48, vec![idle, busy]);
    assert_eq!(of_rule(&report, "never-used").and_then(|r| r.realised_by.clone()), None);
    assert_eq!(report.totals.monthly_savings_realisable, Some(0.0));
}

/// A pod on a 3g.40gb instance whose engine is so busy, of an A100 that is cut into such.
fn on_an_instance(active: f64) -> RecommendReport {
    let mut fleet = Fleet::new(48, Vec::new());
    let minutes = || (0..48 * HOUR + 2).map(|minute| ORIGIN + minute * MINUTE);
    let of = |value: f64| minutes().map(|at| (at, value)).collect::<Vec<_>>();
    let mut put = |query, pairs: &[(&str, &str)], value: f64| {
        let series = vec![series(pairs, of(value))];
        fleet.more.push(MetricData { query, series, gaps: Vec::new() });
    };
    let instance = [
        ("UUID", "GPU-m"),
        ("gpu", "0"),
        ("GPU_I_ID", "1"),
        ("GPU_I_PROFILE", "3g.40gb"),
        ("Hostname", "node-m"),
        ("modelName", A100),
        ("namespace", "ns"),
        ("pod", "cut-0"),
    ];
    put(QueryId::GrEngineActive, &instance, active);
    put(QueryId::FbUsed, &instance, 6.0 * GIB);
    put(QueryId::FbFree, &instance, 34.0 * GIB);
    let pod = [
        ("namespace", "ns"),
        ("pod", "cut-0"),
        ("uid", "uid-cut-0"),
        ("node", "node-m"),
        ("container", "main"),
        ("resource", "nvidia_com_mig_3g_40gb"),
    ];
    put(QueryId::PodGpuRequests, &pod, 1.0);
    put(QueryId::NodeCapacity, &[("node", "node-m"), ("resource", "nvidia_com_mig_3g_40gb")], 2.0);
    recommended(&fleet.inputs(), &policy())
}

#[test]
fn an_instance_that_shows_a_third_may_be_saturated() {
    let idle = on_an_instance(0.05);
    let found = of_rule(&idle, "oversized-gpu");
    let found = found.unwrap_or_else(|| panic!("{:?} {:?}", reasons(&idle), idle.recommendations));
    let Change::Slice { from, to, .. } = &found.change else { panic!("{:?}", found.change) };
    assert_eq!((from.as_str(), to.as_str()), ("3g.40gb", "1g.10gb"));
    let capped = on_an_instance(0.33);
    assert!(of_rule(&capped, "oversized-gpu").is_none());
    let all = reasons(&capped);
    assert!(all.iter().any(|r| r.contains("may be saturated")), "{all:?}");
}

#[test]
fn two_that_met_in_the_evening_are_refused_a_card() {
    // Each by turns until the evening; then both, for half an hour that the percentile does not see.
    let turn = |n: i64| {
        course(move |minute| {
            let both = (44 * HOUR..44 * HOUR + 30).contains(&minute);
            let is_mine = minute / HOUR % 2 == n;
            (if both || is_mine { 70.0 } else { 0.0 }, 30.0 * GIB)
        })
    };
    let pods = vec![Pod::new(DEPLOYMENT, 0, vec![turn(0)]), Pod::new(DEPLOYMENT, 1, vec![turn(1)])];
    let mut policy = policy();
    policy.recommending.compute_percentile = 0.95;
    let report = recommended(&Fleet::new(48, pods).inputs(), &policy);
    let found = of_rule(&report, "could-share").expect("considered");
    let why = found.refusal.as_deref().expect("refused");
    assert!(why.contains("over capacity for 3."), "{why}");
}

const BYTES_PER_GIB: f64 = 1_073_741_824.0;

/// A pod that asks for 16 CPU and 64 GiB of a node with 20 CPU, beside a GPU that nobody holds: what is left is too
/// little for another like it. `uses` gives cores and GiB by step of five minutes.
fn beside_a_free_gpu(node_cpu: f64, uses: impl Fn(i64) -> Option<(f64, f64)>) -> Fleet {
    let pod = Pod::new(DEPLOYMENT, 0, vec![steady(70.0, 60.0 * GIB)]).on("node-0");
    let mut fleet = Fleet::new(48, vec![pod]);
    let step = 5 * MINUTE;
    let steps = || -2..48 * 12 + 3_i64;
    let always = |value: f64| steps().map(|n| (ORIGIN + n * step, value)).collect::<Vec<_>>();
    let mut put = |query, series| fleet.more.push(MetricData { query, series, gaps: Vec::new() });
    let free = [("UUID", "GPU-free"), ("gpu", "7"), ("Hostname", "node-0"), ("modelName", A100)];
    let minutes = (0..48 * HOUR + 2).map(|minute| (ORIGIN + minute * MINUTE, 0.0)).collect();
    put(QueryId::GpuUtil, vec![series(&free, minutes)]);
    let node =
        |resource, value| series(&[("node", "node-0"), ("resource", resource)], always(value));
    let supply = vec![node("cpu", node_cpu), node("memory", 512.0 * BYTES_PER_GIB)];
    put(QueryId::NodeAllocatable, supply);
    let own = [("namespace", "ns"), ("pod", "web-0"), ("uid", "uid-web-0"), ("node", "node-0")];
    let asks =
        |resource, value| series(&[&own[..], &[("resource", resource)]].concat(), always(value));
    put(
        QueryId::PodCpuMemoryRequests,
        vec![asks("cpu", 16.0), asks("memory", 64.0 * BYTES_PER_GIB)],
    );
    let used = |read: fn((f64, f64)) -> f64| {
        let at = |n: i64| Some((ORIGIN + n * step, read(uses(n)?)));
        series(&own[..2], steps().filter_map(at).collect())
    };
    put(QueryId::PodCpuUsage, vec![used(|(cores, _)| cores)]);
    put(QueryId::PodMemoryUsage, vec![used(|(_, gib)| gib * BYTES_PER_GIB)]);
    fleet
}

fn requests_of(fleet: Fleet) -> RecommendReport {
    recommended(&fleet.inputs(), &policy())
}

#[test]
fn requests_that_strand_a_gpu_are_cut_and_the_gpu_is_named() {
    let report = requests_of(beside_a_free_gpu(20.0, |_| Some((2.0, 10.0))));
    let found = of_rule(&report, "oversized-requests").expect("found");
    let Change::Requests {
        cpu_millicores_from,
        cpu_millicores_to,
        memory_bytes_from,
        memory_bytes_to,
    } = found.change
    else {
        panic!("{:?}", found.change)
    };
    assert_eq!((cpu_millicores_from, memory_bytes_from), (Some(16_000), Some(64 << 30)));
    // 2 × 1.15, to the step of 50 and a bucket of 5 %; 10 × 1.15 GiB.
    assert!(
        cpu_millicores_to.is_some_and(|to| (2_300..=2_450).contains(&to)),
        "{cpu_millicores_to:?}"
    );
    assert_eq!(memory_bytes_to, Some(184 * 64 * 1_048_576));
    assert_eq!(found.finding.evidence["usable_gpus"], serde_json::json!(["GPU-free"]));
    assert!(found.finding.action.contains("a GPU that was stranded"), "{}", found.finding.action);
    // The free GPU for 730 hours at 2.00.
    let saved = found.finding.monthly_savings.expect("priced");
    assert!((saved - 1_460.0).abs() < 5.0, "{saved}");
    let proof = found.proof.as_ref().expect("replayed");
    assert_eq!((proof.memory_overflow_minutes, found.refusal.as_deref()), (Some(0), None));
    // It is nobody's time, so no part of the waste.
    let totals = &report.totals;
    assert!(found.counted && found.excludes.is_empty());
    assert!(totals.monthly_savings <= totals.monthly_waste, "{totals:?}");
    assert!(close(totals.monthly_stranded_cost_freed, saved), "{totals:?}");
    assert!((totals.monthly_stranded_gpu_hours_freed - saved / PRICE).abs() < 1e-6, "{totals:?}");
}

#[test]
fn requests_that_strand_nothing_save_nothing() {
    let report = requests_of(beside_a_free_gpu(64.0, |_| Some((2.0, 10.0))));
    let found = of_rule(&report, "oversized-requests").expect("far off all the same");
    assert_eq!(found.finding.monthly_savings, Some(0.0));
    assert_eq!(found.finding.evidence["usable_gpus"], serde_json::json!([]));
    assert!(found.counted);
}

#[test]
fn requests_that_are_nearly_used_stay() {
    let report = requests_of(beside_a_free_gpu(20.0, |_| Some((9.0, 40.0))));
    assert!(of_rule(&report, "oversized-requests").is_none());
    assert!(
        reasons(&report).iter().all(|reason| !reason.contains("CPU")),
        "{:?}",
        reasons(&report)
    );
}

#[test]
fn a_peak_of_memory_that_came_later_refuses_the_requests() {
    let uses = |n| Some((2.0, if n > 500 { 20.0 } else { 10.0 }));
    let report = requests_of(beside_a_free_gpu(20.0, uses));
    assert!(report.recommendations.iter().all(|r| r.finding.rule != "oversized-requests"));
    let refused = of_rule(&report, "oversized-requests").expect("shown as refused");
    let why = refused.refusal.as_deref().expect("a reason");
    assert!(why.contains("out of memory"), "{why}");
    assert!(report.totals.monthly_stranded_gpu_hours_freed.abs() < 1e-9);
}

#[test]
fn requests_of_which_little_is_known_are_not_judged_and_without_metrics_nothing_is_said() {
    let some = beside_a_free_gpu(20.0, |n| (n < 100).then_some((2.0, 10.0)));
    let report = requests_of(some);
    assert!(of_rule(&report, "oversized-requests").is_none());
    let all = reasons(&report);
    assert!(
        all.iter().any(|r| r.starts_with("its CPU and memory use are known for 17 %")),
        "{all:?}"
    );
    let mut none = beside_a_free_gpu(20.0, |_| Some((2.0, 10.0)));
    none.more.retain(|data| !data.query.is_optional());
    let report = requests_of(none);
    assert!(of_rule(&report, "oversized-requests").is_none());
    assert!(reasons(&report).iter().all(|r| !r.contains("CPU")), "{:?}", reasons(&report));
}
