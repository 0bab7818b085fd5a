//! Reports on an invented cluster in a real Prometheus, against figures worked by hand.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::cluster::{self, ALWAYS, MODEL, Shape, check_base};
use crate::common::http::{Answer, HttpServer};
use crate::common::metrics::{HOUR, OpenMetrics, T0, labels};
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, close, gpu_finops, report, row, warnings};

fn text() -> Vec<u8> {
    let mut out = OpenMetrics::default();
    let base = Shape::default();
    for shape in [
        base.clone(),
        Shape { name: "replicas", replicas: vec![("a", 0), ("b", 7)], ..base.clone() },
        Shape { name: "exported", exported: true, ..base.clone() },
        Shape { name: "no-pod-labels", pod_labels: false, ..base.clone() },
        Shape { name: "bare", pod_labels: false, kube_state: false, ..base.clone() },
        Shape { name: "labels-only", kube_state: false, ..base.clone() },
        Shape { name: "cadvisor", exported: true, ..base.clone() },
        Shape { name: "no-dcgm", dcgm: false, ..base },
    ] {
        cluster::write(&mut out, &shape);
    }
    lives(&mut out);
    values(&mut out);
    broken(&mut out);
    cadvisor(&mut out);
    out.finish()
}

fn server() -> &'static Prometheus {
    static SERVER: OnceLock<Prometheus> = OnceLock::new();
    SERVER.get_or_init(|| Prometheus::with_openmetrics(&text()))
}

/// CPU and memory of ml/train-0 as the kubelet shows them to two jobs, with the rows of the whole pod and of its pause
/// container: half a core and 1 GiB.
#[expect(clippy::cast_precision_loss, reason = "seconds of hours")]
fn cadvisor(out: &mut OpenMetrics) {
    for job in ["kubelet", "cadvisor"] {
        for (container, part) in [("", 2.0), ("POD", 1.0), ("main", 0.75), ("side", 0.25)] {
            let all = labels(&[
                ("cluster", "cadvisor"),
                ("job", job),
                ("namespace", "ml"),
                ("pod", "train-0"),
                ("container", container),
            ]);
            let cores = |at: i64| (at - ALWAYS.0) as f64 * 0.5 * part;
            out.series("container_cpu_usage_seconds_total", &all, ALWAYS, cores);
            let bytes = |_| 1_073_741_824.0 * part;
            out.series("container_memory_working_set_bytes", &all, ALWAYS, bytes);
        }
    }
}

#[test]
fn requests_are_held_against_what_cadvisor_shows() {
    let of = |transport: &[&str]| {
        let mut command = report(&server().url(), "cadvisor");
        let args: Vec<_> = command.get_args().skip(1).map(ToOwned::to_owned).collect();
        command = gpu_finops();
        command.arg("recommend").args(args).args(transport);
        command.args(["--min-history", "1h", "--min-held", "1", "-o", "json"]);
        Outcome::of(&mut command).json()
    };
    // Facts come by remote read or the query API; this comes by the query API in any case.
    for report in [of(&[]), of(QUERY)] {
        let found = row(&report["recommendations"], "rule", "oversized-requests");
        assert_eq!(found["subject"], "ml/StatefulSet/train");
        let change = &found["change"];
        // 0.5 × 1.15 = 0.575 to the step of 50 and a bucket of 5 %; 1 GiB × 1.15 to the step of 64 MiB.
        assert_eq!(change["cpu_millicores_from"], 4_000);
        assert!(
            (600..=650).contains(&change["cpu_millicores_to"].as_i64().expect("a number")),
            "{change}"
        );
        assert_eq!(change["memory_bytes_from"], 16_i64 << 30);
        assert_eq!(change["memory_bytes_to"], 19 * 64 * 1_048_576);
        assert_eq!(found["monthly_savings"], 0.0);
        assert_eq!(report["coverage"]["complete"], true);
    }
    // A report does not ask.
    let sources = json("cadvisor")["coverage"]["sources"].to_string();
    assert!(!sources.contains("pod_cpu_usage"), "{sources}");
}

/// For tests that look at, or answer, the texts of queries.
const QUERY: &[&str] = &["--transport", "query"];

fn json(cluster: &str) -> Value {
    json_from(&server().url(), cluster, &[])
}

fn json_from(url: &str, cluster: &str, more: &[&str]) -> Value {
    Outcome::of(report(url, cluster).args(["-o", "json"]).args(more)).json()
}

#[test]
fn figures_are_those_worked_by_hand() {
    let report = json("base");
    check_base(&report);
    assert_eq!(report["coverage"]["complete"], true, "{}", report["coverage"]);
    assert_eq!(report["coverage"]["samples_dropped"], serde_json::json!({}));
    assert_eq!(report["coverage"]["unobserved_gpu_hours"], serde_json::json!({"no-sample": 1.0}));
    let node = row(&report["nodes"], "node", "n1");
    assert_eq!(node["instance_type"], "big-2");
    assert_eq!(row(&report["models"], "model", MODEL)["gpus"], 3);
    assert_eq!(row(&report["workloads"], "name", "train")["holding_source"], "kube-state-metrics");
}

#[test]
fn a_server_with_small_limits_gives_the_same_figures() {
    // Four hours of the three series of one field are 1,380 samples.
    let small = Prometheus::start(&text(), &["--query.max-samples=500"]);
    let proxy = HttpServer::in_front_of(small.address(), |_| None);
    let report = json_from(&proxy.url(), "base", QUERY);
    check_base(&report);
    assert!(!warnings(&report).contains(&"query-gap"), "{}", report["coverage"]);
    let asked = |server: &HttpServer| {
        server.seen().iter().filter(|r| r.text().contains("DCGM_FI_DEV_FB_USED")).count()
    };
    let plain = HttpServer::in_front_of(server().address(), |_| None);
    json_from(&plain.url(), "base", QUERY);
    assert!(asked(&proxy) > asked(&plain), "{} and {}", asked(&proxy), asked(&plain));
}

#[test]
fn a_query_that_is_never_answered_is_a_gap_and_no_zero() {
    let proxy = HttpServer::in_front_of(server().address(), |request| {
        let fails = request.text().contains("DCGM_FI_DEV_FB_USED");
        fails.then(|| Answer::status(503, "out of breath"))
    });
    let mut command = report(&proxy.url(), "base");
    let outcome = Outcome::of(command.args(["-o", "json"]).args(QUERY));
    let report = outcome.json();
    assert!(warnings(&report).contains(&"query-gap"), "{}", report["coverage"]);
    assert_eq!(report["coverage"]["complete"], false);
    let gap = row(&report["coverage"]["warnings"], "code", "query-gap");
    let message = gap["message"].as_str().expect("text");
    assert!(message.contains("fb_used") && message.contains("503"), "{message}");
    // Without memory nobody can tell warm from empty; the rest of the figures stands.
    close(&report["fleet"], "idle_warm_gpu_hours", 4.0);
    close(&report["fleet"], "busy_gpu_hours", 3.25);
    close(&report["fleet"], "allocated_gpu_hours", 10.0);
    assert!(row(&report["workloads"], "name", "train")["memory_used_max_bytes"].is_null());
    let strict = Outcome::of(command.arg("--strict"));
    strict.failed_with(4, &["the data is incomplete", "fb_used", "without `--strict`"]);
    assert_eq!(strict.out, outcome.out, "the report is written all the same");
}

#[test]
fn utilization_that_is_never_answered_is_unobserved() {
    let proxy = HttpServer::in_front_of(server().address(), |request| {
        let fails = request.text().contains("DCGM_FI_DEV_GPU_UTIL");
        fails.then(|| Answer::status(503, "out of breath"))
    });
    let report = json_from(&proxy.url(), "base", QUERY);
    close(&report["fleet"], "unobserved_gpu_hours", 10.0);
    close(&report["fleet"], "idle_empty_gpu_hours", 0.0);
    assert!(report["fleet"]["utilization"].is_null());
    assert!(warnings(&report).contains(&"query-gap"));
}

#[test]
fn retry_after_is_honoured() {
    static REFUSED: AtomicUsize = AtomicUsize::new(0);
    let proxy = HttpServer::in_front_of(server().address(), |request| {
        let first = request.text().contains("kube_pod_start_time")
            && REFUSED.fetch_add(1, Ordering::SeqCst) == 0;
        first.then(|| Answer::Reply(429, vec![("retry-after", "2".into())], b"later".to_vec()))
    });
    let start = Instant::now();
    let report = json_from(&proxy.url(), "base", &[]);
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(REFUSED.load(Ordering::SeqCst) >= 2, "asked again");
    check_base(&report);
    assert_eq!(report["coverage"]["complete"], true);
}

#[test]
fn two_replicas_count_once() {
    let report = json("replicas");
    let fleet = &report["fleet"];
    close(fleet, "capacity_gpu_hours", 12.0);
    assert_eq!(fleet["gpus"], 3);
    // The second replica is 7 s late: its last samples speak 7 s longer.
    for (field, expected) in
        [("allocated_gpu_hours", 10.0), ("busy_gpu_hours", 3.25), ("idle_warm_gpu_hours", 2.0)]
    {
        let value = fleet[field].as_f64().expect("a number");
        assert!((value - expected).abs() < 30.0 / 3600.0, "{field}: {value}");
    }
    // 480 + 480 + 360 samples of two fields, twice; free memory is no evidence and not counted.
    let coverage = &report["coverage"];
    assert_eq!(coverage["samples_seen"], 1_320 * 2 * 2);
    let dropped = coverage["samples_dropped"]["duplicate"].as_u64().expect("counted");
    assert!((1_320 * 2 - 20..=1_320 * 2).contains(&dropped), "{dropped}");
    assert_eq!(report["reconciliation"]["balanced"], true);
}

#[test]
fn labels_that_the_scrape_does_not_honour() {
    let report = json("exported");
    check_base(&report);
    assert_eq!(report["coverage"]["complete"], true, "{}", report["coverage"]);
}

#[test]
fn without_pod_labels_requests_say_who_holds() {
    let report = json("no-pod-labels");
    let fleet = &report["fleet"];
    close(fleet, "capacity_gpu_hours", 12.0);
    close(fleet, "allocated_gpu_hours", 10.0);
    close(fleet, "allocated_cost", 20.0);
    // n2 has one GPU: it is nb's. On n1 two pods hold one of two: 01–03 all are held, but whose is which?
    let lab = row(&report["tenants"], "tenant", "lab");
    close(lab, "busy_gpu_hours", 0.25);
    close(lab, "idle_empty_gpu_hours", 2.0);
    close(row(&report["tenants"], "tenant", "alpha"), "unobserved_gpu_hours", 4.0);
    close(row(&report["tenants"], "tenant", "beta"), "unobserved_gpu_hours", 2.0);
    let blind = &report["coverage"]["unobserved_gpu_hours"];
    close(blind, "device-unknown", 6.0);
    close(blind, "no-sample", 1.0);
    assert!(warnings(&report).contains(&"low-coverage"));
}

#[test]
fn without_any_holder_everything_is_unattributed() {
    let report = json("bare");
    assert_eq!(report["tenants"].as_array().expect("a list").len(), 1);
    let nobody = row(&report["tenants"], "tenant", "__unattributed__");
    close(nobody, "allocated_gpu_hours", 12.0);
    close(nobody, "cost", 24.0);
    assert!(warnings(&report).contains(&"no-holders"), "{}", report["coverage"]);
    Outcome::of(crate::common::report(&server().url(), "bare").arg("--strict"))
        .failed_with(4, &["nothing names a holder", "--objects"]);
}

#[test]
fn without_kube_state_metrics_labels_say_who_holds() {
    let report = json("labels-only");
    let fleet = &report["fleet"];
    close(fleet, "capacity_gpu_hours", 12.0);
    close(fleet, "allocated_gpu_hours", 10.0);
    close(fleet, "busy_gpu_hours", 3.25);
    close(row(&report["tenants"], "tenant", "web"), "allocated_gpu_hours", 2.0);
    let chat = row(&report["workloads"], "name", "chat-abc-1");
    assert_eq!(chat["holding_source"], "dcgm-labels");
    assert!(warnings(&report).contains(&"no-pod-history"));
}

#[test]
fn without_dcgm_cost_is_known_and_use_is_not() {
    let outcome = Outcome::of(report(&server().url(), "no-dcgm").args(["-o", "json"]));
    let report = outcome.json();
    let fleet = &report["fleet"];
    assert_eq!(fleet["gpus"], 3);
    close(fleet, "capacity_gpu_hours", 12.0);
    close(fleet, "allocated_gpu_hours", 10.0);
    close(fleet, "allocated_cost", 20.0);
    close(fleet, "unobserved_gpu_hours", 10.0);
    assert!(fleet["utilization"].is_null() && fleet["utilization_max"].is_null());
    assert!(warnings(&report).contains(&"no-dcgm-series"));
    let table = Outcome::of(&mut crate::common::report(&server().url(), "no-dcgm"));
    assert_eq!(table.code, 0);
    assert!(table.text().contains("no DCGM series at all"), "{}", table.text());
}

#[test]
fn no_gpus_at_all_is_said() {
    let table = Outcome::of(&mut report(&server().url(), "elsewhere"));
    assert_eq!(table.code, 0, "{}", table.err);
    assert!(table.text().to_lowercase().contains("no gpu"), "{}", table.text());
    let report = json("elsewhere");
    assert_eq!(report["fleet"]["gpus"], 0);
    assert!(report["fleet"]["utilization"].is_null());
    assert_eq!(report["coverage"]["complete"], false);
    Outcome::of(crate::common::report(&server().url(), "elsewhere").arg("--strict"))
        .failed_with(4, &["no DCGM series at all"]);
}

#[test]
fn a_window_cut_in_two_adds_up_to_the_whole() {
    let whole = json("base");
    for cut in ["2026-11-10T02:00:00Z", "2026-11-10T01:37:11Z", "2026-11-10T02:00:10Z"] {
        let part = |start: &str, end: &str| {
            json_from_window(&server().url(), "base", (start, end), cluster::NOW)
        };
        let (left, right) = (part(cluster::START, cut), part(cut, cluster::END));
        let fleet = whole["fleet"].as_object().expect("an object");
        for field in fleet.keys().filter(|k| k.ends_with("_gpu_hours") || k.ends_with("_cost")) {
            let number = |report: &Value| report["fleet"][field].as_f64().expect("a number");
            let (sum, expected) = (number(&left) + number(&right), number(&whole));
            assert!((sum - expected).abs() < 1e-9, "{field} at {cut}: {sum} is not {expected}");
        }
    }
}

fn json_from_window(url: &str, name: &str, (start, end): (&str, &str), now: &str) -> Value {
    let matcher = format!("cluster=\"{name}\"");
    let mut command = gpu_finops();
    command.args(["report", "--no-kubernetes", "--prometheus", url, "--price", "A100=2"]);
    command.args(["--prometheus-matcher", &matcher, "--start", start, "--end", end, "--now", now]);
    Outcome::of(command.args(["-o", "json"])).json()
}

#[test]
fn samples_of_the_future_mean_that_a_clock_is_wrong() {
    // Now is 03:00, and the server has samples of 03:05.
    let window = (cluster::START, cluster::END);
    let report = json_from_window(&server().url(), "base", window, "2026-11-10T03:00:00Z");
    assert_eq!(report["window"]["end"], "2026-11-10T03:00:00Z");
    let skew = row(&report["coverage"]["warnings"], "code", "clock-skew")["message"].to_string();
    assert!(skew.contains("now is 2026-11-10T03:00:00Z"), "{skew}");
    close(&report["fleet"], "capacity_gpu_hours", 9.0);
}

#[test]
fn policy_changes_what_time_is_called() {
    // The hour without samples is between neighbours two hours apart: the last 0 % holds for it.
    let report = json_from(&server().url(), "base", &["--max-gap", "2h"]);
    close(&report["fleet"], "idle_empty_gpu_hours", 3.0);
    close(&report["fleet"], "unobserved_gpu_hours", 0.0);
    close(&report["fleet"], "allocated_gpu_hours", 10.0);
    // 25 % for an hour is idle below 30 %; 100 MiB is empty.
    let report = json_from(&server().url(), "base", &["--idle-below", "30%"]);
    close(&report["fleet"], "idle_empty_gpu_hours", 3.0);
    close(&report["fleet"], "busy_gpu_hours", 3.0);
    close(&report["fleet"], "utilization_gpu_hours", 3.25);
    // 10 GiB is empty for one who says so.
    let report = json_from(&server().url(), "base", &["--empty-memory", "20000000000"]);
    close(&report["fleet"], "idle_empty_gpu_hours", 4.0);
    // Prices scale, and one that fits nothing leaves cost unknown.
    let report = json_from(&server().url(), "base", &["--price", "*SXM4*=3"]);
    close(&report["fleet"], "capacity_cost", 24.0);
    let report = json_from(&server().url(), "base", &["--currency", "EUR"]);
    assert_eq!(report["currency"], "EUR");
}

#[test]
fn broken_and_full_nodes_are_not_free() {
    let report = json("broken");
    let node = |name: &str| row(&report["nodes"], "node", name);
    // Cordoned from 01:00 to 02:00; not ready from 02:00 to 04:00.
    close(node("cordoned"), "unhealthy_gpu_hours", 1.0);
    close(node("cordoned"), "unallocated_gpu_hours", 3.0);
    close(node("not-ready"), "unhealthy_gpu_hours", 2.0);
    // One of two GPUs missing from allocatable from 03:00 on.
    close(node("missing"), "unhealthy_gpu_hours", 1.0);
    close(node("missing"), "unallocated_gpu_hours", 7.0);
    // A pod that takes all CPU leaves the other GPU to nobody.
    close(node("full"), "allocated_gpu_hours", 4.0);
    close(node("full"), "stranded_gpu_hours", 4.0);
    close(&report["fleet"], "capacity_gpu_hours", 24.0);
    assert_eq!(report["reconciliation"]["balanced"], true);
}

/// Nodes in states that are not free, as kube-state-metrics shows them.
fn broken(out: &mut OpenMetrics) {
    for (name, gpus) in [("cordoned", 1.0), ("not-ready", 1.0), ("missing", 2.0), ("full", 2.0)] {
        let node = [("cluster", "broken"), ("node", name)];
        let with = |more: &[(&str, &str)]| labels(&[&node[..], more].concat());
        let gpu = with(&[("resource", "nvidia_com_gpu")]);
        out.series("kube_node_status_capacity", &gpu, ALWAYS, |_| gpus);
        out.series("kube_node_status_allocatable", &gpu, ALWAYS, |at| {
            if name == "missing" && at >= 3 * HOUR { gpus - 1.0 } else { gpus }
        });
        out.series("kube_node_status_allocatable", &with(&[("resource", "cpu")]), ALWAYS, |_| 8.0);
        let memory = with(&[("resource", "memory")]);
        out.series("kube_node_status_allocatable", &memory, ALWAYS, |_| 1e11);
        out.series("kube_node_spec_unschedulable", &with(&[]), ALWAYS, |at| {
            f64::from(u8::from(name == "cordoned" && at / HOUR == 1 && at > 0))
        });
        let ready = with(&[("condition", "Ready"), ("status", "true")]);
        out.series("kube_node_status_condition", &ready, ALWAYS, |at| {
            f64::from(u8::from(name != "not-ready" || at < 2 * HOUR))
        });
    }
    let pod = [
        ("cluster", "broken"),
        ("namespace", "ns"),
        ("pod", "greedy"),
        ("uid", "g"),
        ("node", "full"),
        ("container", "main"),
    ];
    for (resource, amount) in [("nvidia_com_gpu", 1.0), ("cpu", 8.0), ("memory", 1e9)] {
        let labels = labels(&[&pod[..], &[("resource", resource)]].concat());
        out.series("kube_pod_container_resource_requests", &labels, ALWAYS, |_| amount);
    }
}

/// One pod's `kube-state-metrics` series.
struct Life {
    node: &'static str,
    name: &'static str,
    uid: &'static str,
    gpus: f64,
    time: (i64, i64),
    phase: fn(i64) -> &'static str,
}

/// Pods whose lives are not simple, on nodes without an exporter.
#[expect(clippy::too_many_lines, reason = "a list of lives, one after the other")]
fn lives(out: &mut OpenMetrics) {
    let node = |out: &mut OpenMetrics, name: &str, gpus: f64, time: (i64, i64)| {
        let all = labels(&[
            ("cluster", "lives"),
            ("node", name),
            ("resource", "nvidia_com_gpu"),
            ("label_nvidia_com_gpu_product", "NVIDIA-A100-SXM4-80GB"),
        ]);
        out.series("kube_node_status_capacity", &all[..3], time, |_| gpus);
        out.series("kube_node_status_allocatable", &all[..3], time, |_| gpus);
        out.series("kube_node_labels", &[&all[..2], &all[3..]].concat(), time, |_| 1.0);
    };
    node(out, "n1", 4.0, ALWAYS);
    node(out, "n2", 5.0, ALWAYS);
    // Gone after two hours.
    node(out, "n3", 1.0, (ALWAYS.0, 2 * HOUR));
    for life in [
        Life {
            node: "n1",
            name: "twice",
            uid: "u1",
            gpus: 1.0,
            time: (ALWAYS.0, HOUR),
            phase: |_| "Running",
        },
        Life {
            node: "n1",
            name: "twice",
            uid: "u2",
            gpus: 1.0,
            time: (2 * HOUR, ALWAYS.1),
            phase: |_| "Running",
        },
        Life {
            node: "n1",
            name: "done",
            uid: "u3",
            gpus: 1.0,
            time: ALWAYS,
            phase: |at| if at < HOUR { "Running" } else { "Succeeded" },
        },
        Life {
            node: "n1",
            name: "bound",
            uid: "u4",
            gpus: 1.0,
            time: (3 * HOUR, ALWAYS.1),
            phase: |_| "Pending",
        },
        Life { node: "n2", name: "init", uid: "u5", gpus: 1.0, time: ALWAYS, phase: |_| "Running" },
        Life { node: "n2", name: "side", uid: "u6", gpus: 1.0, time: ALWAYS, phase: |_| "Running" },
        // Waits for a node: no node label at all.
        Life { node: "", name: "waits", uid: "u7", gpus: 1.0, time: ALWAYS, phase: |_| "Pending" },
    ] {
        life.write(out);
    }
    for (pod, uid, container, gpus, policy) in [
        ("init", "u5", "first", 2.0, ""),
        ("init", "u5", "second", 1.0, ""),
        ("side", "u6", "proxy", 1.0, "Always"),
    ] {
        let id = [
            ("cluster", "lives"),
            ("namespace", "ns"),
            ("pod", pod),
            ("uid", uid),
            ("container", container),
        ];
        let request = [&id[..], &[("node", "n2"), ("resource", "nvidia_com_gpu")]].concat();
        let name = "kube_pod_init_container_resource_requests";
        out.series(name, &labels(&request), ALWAYS, |_| gpus);
        let info = [&id[..], &[("restart_policy", policy)]].concat();
        out.series("kube_pod_init_container_info", &labels(&info), ALWAYS, |_| 1.0);
    }
}

impl Life {
    #[expect(clippy::cast_precision_loss, reason = "seconds of 2026 fit")]
    fn write(&self, out: &mut OpenMetrics) {
        let id = [("cluster", "lives"), ("namespace", "ns"), ("pod", self.name), ("uid", self.uid)];
        let request = [
            &id[..],
            &[("node", self.node), ("container", "main"), ("resource", "nvidia_com_gpu")],
        ]
        .concat();
        let name = "kube_pod_container_resource_requests";
        out.series(name, &labels(&request), self.time, |_| self.gpus);
        if !self.node.is_empty() {
            let bound = (T0 + self.time.0) as f64;
            out.series("kube_pod_status_scheduled_time", &labels(&id), self.time, |_| bound);
        }
        for phase in ["Pending", "Running", "Succeeded", "Failed"] {
            let labels = labels(&[&id[..], &[("phase", phase)]].concat());
            out.series("kube_pod_status_phase", &labels, self.time, |at| {
                f64::from(u8::from((self.phase)(at) == phase))
            });
        }
        if self.name == "done" {
            let ended = (T0 + HOUR) as f64;
            out.series("kube_pod_completion_time", &labels(&id), (HOUR, ALWAYS.1), |_| ended);
        }
    }
}

#[test]
fn pods_that_come_go_wait_and_end() {
    let report = json("lives");
    let held = |uid: &str| row(&report["pods"], "uid", uid);
    // One name, two lives; an hour between them in which nobody held the GPU.
    close(held("u1"), "allocated_gpu_hours", 1.0);
    close(held("u2"), "allocated_gpu_hours", 2.0);
    // Succeeded after an hour; its object stays.
    close(held("u3"), "allocated_gpu_hours", 1.0);
    // Bound at 03:00, its containers never started.
    close(held("u4"), "allocated_gpu_hours", 1.0);
    // max(2, 1) of the init containers, then 1: 2 GPUs. Sidecar and main: 1 + 1.
    close(held("u5"), "allocated_gpu_hours", 8.0);
    close(held("u6"), "allocated_gpu_hours", 8.0);
    assert!(!report["pods"].to_string().contains("waits"), "an unbound pod holds nothing");
    // n1 4 × 4, n2 5 × 4, n3 1 × 2.
    close(&report["fleet"], "capacity_gpu_hours", 38.0);
    close(row(&report["nodes"], "node", "n3"), "capacity_cost", 4.0);
    close(&report["fleet"], "allocated_gpu_hours", 21.0);
    assert_eq!(report["reconciliation"]["balanced"], true);
}

/// One GPU, held all the time; an hour of 50 %, then one each of values that say nothing.
fn values(out: &mut OpenMetrics) {
    let gpu = [
        ("cluster", "values"),
        ("UUID", "GPU-v"),
        ("gpu", "0"),
        ("Hostname", "n1"),
        ("modelName", MODEL),
        ("pod", "p"),
        ("namespace", "ns"),
        ("container", "main"),
    ];
    out.series("DCGM_FI_DEV_GPU_UTIL", &labels(&gpu), ALWAYS, |at| match at / HOUR {
        1 => f64::NAN,
        2 if at % 60 == 0 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        // DCGM_INT32_BLANK and DCGM_FP64_BLANK.
        3 if at % 60 == 0 => 2_147_483_632.0,
        3 => 140_737_488_355_328.0,
        _ => 50.0,
    });
}

#[test]
fn values_that_say_nothing_are_neither_idle_nor_busy() {
    let report = json("values");
    let fleet = &report["fleet"];
    close(fleet, "allocated_gpu_hours", 4.0);
    close(fleet, "busy_gpu_hours", 0.5);
    close(fleet, "slack_gpu_hours", 0.5);
    close(fleet, "unobserved_gpu_hours", 3.0);
    close(fleet, "utilization", 0.5);
    close(fleet, "utilization_max", 0.5);
    let dropped = report["coverage"]["samples_dropped"].as_object().expect("a table");
    let total: u64 = dropped.values().filter_map(Value::as_u64).sum();
    assert_eq!(total, 360, "{dropped:?}");
}
