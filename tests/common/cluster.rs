//! A small invented cluster as dcgm-exporter and kube-state-metrics show it.
//!
//! Two nodes, three GPUs, 2026-11-10 from 00:00 to 04:00, 2.00 USD per GPU-hour:
//!
//! | GPU | node | holder | what it does |
//! |---|---|---|---|
//! | GPU-a | n1 | ml/train-0 (`StatefulSet` train, tenant alpha) | 00–02 at 50 %, 02–04 at 100 % |
//! | GPU-b | n1 | 01–03: web/chat-abc-1 (Deployment chat, tenant beta) | 0 %, 10 GiB of memory |
//! | GPU-c | n2 | lab/nb (a bare Pod, tenant lab) | 00–02: 0 %, 100 MiB; 02–03: no samples; 03–04 at 25 % |
//!
//! ```text
//!        capacity allocated busy            slack           warm empty unobserved unallocated
//! GPU-a  4        4         2×0.5 + 2×1 = 3 2×0.5 = 1
//! GPU-b  4        2                                         2                     2
//! GPU-c  4        4         0.25            0.75                 2     1
//! all    12       10        3.25            1.75            2    2     1          2
//! ```
//!
//! ∫utilization = 3.25 over 9 observed hours: 0.3611. Waste = 2 + 2 + 1.75 = 5.75 h = 11.50 USD.

use serde_json::Value;

use super::metrics::{HOUR, Labels, OpenMetrics, STEP, T0, labels};
use super::{close, row};

pub(crate) const START: &str = "2026-11-10T00:00:00Z";
pub(crate) const END: &str = "2026-11-10T04:00:00Z";
/// A while after the window.
pub(crate) const NOW: &str = "2026-11-10T06:00:00Z";
pub(crate) const MODEL: &str = "NVIDIA A100-SXM4-80GB";
/// Scrapes reach beyond the window on both sides, as they do in life.
pub(crate) const ALWAYS: (i64, i64) = (-10 * 60, 4 * HOUR + 10 * 60);

/// How the two exporters are deployed.
#[derive(Clone)]
pub(crate) struct Shape {
    /// Value of `cluster` on every series.
    pub name: &'static str,
    /// dcgm-exporter is scraped.
    pub dcgm: bool,
    /// It labels series with pods.
    pub pod_labels: bool,
    /// kube-state-metrics is scraped.
    pub kube_state: bool,
    /// `honorLabels: false`: labels of the exporters are `exported_*`.
    pub exported: bool,
    /// More labels on every series, and how much later it is scraped.
    pub replicas: Vec<(&'static str, i64)>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            name: "base",
            dcgm: true,
            pod_labels: true,
            kube_state: true,
            exported: false,
            replicas: vec![("", 0)],
        }
    }
}

struct Pod {
    namespace: &'static str,
    name: &'static str,
    node: &'static str,
    gpu: &'static str,
    owner: Option<(&'static str, &'static str)>,
    time: (i64, i64),
}

const PODS: [Pod; 3] = [
    Pod {
        namespace: "ml",
        name: "train-0",
        node: "n1",
        gpu: "GPU-a",
        owner: Some(("StatefulSet", "train")),
        time: ALWAYS,
    },
    Pod {
        namespace: "web",
        name: "chat-abc-1",
        node: "n1",
        gpu: "GPU-b",
        owner: Some(("ReplicaSet", "chat-abc")),
        time: (HOUR, 3 * HOUR),
    },
    Pod { namespace: "lab", name: "nb", node: "n2", gpu: "GPU-c", owner: None, time: ALWAYS },
];

/// Writes the cluster.
pub(crate) fn write(out: &mut OpenMetrics, shape: &Shape) {
    for (replica, late) in &shape.replicas {
        let mut writer = Writer { out, shape, replica, late: *late };
        if shape.dcgm {
            writer.dcgm();
        }
        if shape.kube_state {
            writer.kube_state();
        }
    }
}

struct Writer<'a> {
    out: &'a mut OpenMetrics,
    shape: &'a Shape,
    replica: &'a str,
    late: i64,
}

impl Writer<'_> {
    fn series(
        &mut self,
        name: &str,
        mut labels: Labels,
        (from, to): (i64, i64),
        value: impl Fn(i64) -> f64,
    ) {
        labels.push(("cluster".into(), self.shape.name.into()));
        if !self.replica.is_empty() {
            labels.push(("replica".into(), self.replica.into()));
        }
        let late = self.late;
        self.out.series(name, &labels, (from + late, to + late), |at| value(at - late));
    }

    /// The exporter's own labels `pairs`, and those of its target where they are not honoured.
    fn scraped(&self, target: &str, pairs: &[(&str, &str)]) -> Labels {
        if !self.shape.exported {
            return labels(pairs);
        }
        let clash = ["pod", "namespace", "container", "node"];
        let renamed = pairs.iter().map(|(k, v)| match clash.contains(k) {
            true => (format!("exported_{k}"), (*v).to_owned()),
            false => ((*k).to_owned(), (*v).to_owned()),
        });
        let of_target = [
            ("pod", target),
            ("namespace", "gpu-operator"),
            ("container", "exporter"),
            ("node", "infra-1"),
        ];
        renamed.chain(labels(&of_target)).collect()
    }

    fn dcgm(&mut self) {
        for (gpu, node, index) in [("GPU-a", "n1", "0"), ("GPU-b", "n1", "1"), ("GPU-c", "n2", "0")]
        {
            for (time, holder) in holders_of(gpu, self.shape.pod_labels) {
                let mut pairs =
                    vec![("gpu", index), ("UUID", gpu), ("Hostname", node), ("modelName", MODEL)];
                if let Some(pod) = holder {
                    pairs.extend([
                        ("pod", pod.name),
                        ("namespace", pod.namespace),
                        ("container", "main"),
                    ]);
                }
                let pairs = self.scraped("nvidia-dcgm-exporter-x1", &pairs);
                for time in scrapes(gpu, time) {
                    self.series("DCGM_FI_DEV_GPU_UTIL", pairs.clone(), time, |at| util(gpu, at));
                    self.series("DCGM_FI_DEV_FB_USED", pairs.clone(), time, |_| memory(gpu));
                    self.series("DCGM_FI_DEV_FB_FREE", pairs.clone(), time, |_| {
                        80_000.0 - memory(gpu)
                    });
                }
            }
        }
    }

    fn kube(&mut self, name: &str, pairs: &[(&str, &str)], time: (i64, i64), value: f64) {
        let labels = self.scraped("kube-state-metrics-0", pairs);
        self.series(name, labels, time, |_| value);
    }

    fn kube_state(&mut self) {
        for (node, gpus) in [("n1", 2.0), ("n2", 1.0)] {
            let resource = |r: &'static str| [("node", node), ("resource", r), ("unit", "any")];
            self.kube("kube_node_status_capacity", &resource("nvidia_com_gpu"), ALWAYS, gpus);
            for (name, amount) in
                [("nvidia_com_gpu", gpus), ("cpu", 32.0), ("memory", 137_438_953_472.0)]
            {
                self.kube("kube_node_status_allocatable", &resource(name), ALWAYS, amount);
            }
            self.kube(
                "kube_node_labels",
                &[
                    ("node", node),
                    ("label_nvidia_com_gpu_product", "NVIDIA-A100-SXM4-80GB"),
                    ("label_node_kubernetes_io_instance_type", "big-2"),
                ],
                ALWAYS,
                1.0,
            );
        }
        for (namespace, tenant) in [("ml", "alpha"), ("web", "beta")] {
            let pairs = [("namespace", namespace), ("label_tenant", tenant)];
            self.kube("kube_namespace_labels", &pairs, ALWAYS, 1.0);
        }
        for pod in &PODS {
            self.pod(pod);
        }
        let pairs = [
            ("namespace", "web"),
            ("replicaset", "chat-abc"),
            ("owner_kind", "Deployment"),
            ("owner_name", "chat"),
            ("owner_is_controller", "true"),
        ];
        self.kube("kube_replicaset_owner", &pairs, ALWAYS, 1.0);
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of 2026 fit")]
    fn pod(&mut self, pod: &Pod) {
        let uid = format!("uid-{}", pod.name);
        let id = [("namespace", pod.namespace), ("pod", pod.name), ("uid", uid.as_str())];
        let with = |more: &[(&'static str, &'static str)]| [&id[..], more].concat();
        for (resource, amount) in
            [("nvidia_com_gpu", 1.0), ("cpu", 4.0), ("memory", 17_179_869_184.0)]
        {
            let pairs = with(&[("node", pod.node), ("container", "main"), ("resource", resource)]);
            self.kube("kube_pod_container_resource_requests", &pairs, pod.time, amount);
        }
        let pairs = with(&[("node", pod.node), ("host_ip", "10.9.8.7"), ("pod_ip", "10.1.2.3")]);
        self.kube("kube_pod_info", &pairs, pod.time, 1.0);
        let bound = (T0 + pod.time.0) as f64;
        self.kube("kube_pod_status_scheduled_time", &id, pod.time, bound);
        self.kube("kube_pod_start_time", &id, pod.time, bound);
        if let Some((kind, name)) = pod.owner {
            let pairs = with(&[
                ("owner_kind", kind),
                ("owner_name", name),
                ("owner_is_controller", "true"),
            ]);
            self.kube("kube_pod_owner", &pairs, pod.time, 1.0);
        }
        let label = if pod.name == "nb" { "notebook" } else { "work" };
        self.kube("kube_pod_labels", &with(&[("label_app", label)]), pod.time, 1.0);
        for phase in ["Pending", "Running", "Succeeded", "Failed", "Unknown"] {
            let value = f64::from(u8::from(phase == "Running"));
            self.kube("kube_pod_status_phase", &with(&[("phase", phase)]), pod.time, value);
        }
    }
}

/// Stretches of a GPU's time with the pod that its series name.
fn holders_of(gpu: &str, pod_labels: bool) -> Vec<((i64, i64), Option<&'static Pod>)> {
    let pod = PODS.iter().find(|p| p.gpu == gpu).filter(|_| pod_labels);
    let Some(pod) = pod else { return vec![(ALWAYS, None)] };
    let (from, to) = pod.time;
    let all = [((ALWAYS.0, from), None), (pod.time, Some(pod)), ((to, ALWAYS.1), None)];
    all.into_iter().filter(|((from, to), _)| from < to).collect()
}

/// The times at which the exporter answers: GPU-c is silent in the third hour.
fn scrapes(gpu: &str, (from, to): (i64, i64)) -> Vec<(i64, i64)> {
    if gpu == "GPU-c" { vec![(from, 2 * HOUR), (3 * HOUR, to)] } else { vec![(from, to)] }
}

fn util(gpu: &str, at: i64) -> f64 {
    match (gpu, at / HOUR) {
        ("GPU-a", ..=1) => 50.0,
        ("GPU-a", _) => 100.0,
        ("GPU-c", 3..) => 25.0,
        _ => 0.0,
    }
}

/// MiB.
fn memory(gpu: &str) -> f64 {
    match gpu {
        "GPU-a" => 40_960.0,
        "GPU-b" => 10_240.0,
        _ => 100.0,
    }
}

/// Checks a report on the cluster against the table above.
#[track_caller]
pub(crate) fn check_base(report: &Value) {
    let fleet = &report["fleet"];
    assert_eq!((&fleet["gpus"], &fleet["nodes"]), (&3.into(), &2.into()));
    for (field, expected) in [
        ("capacity_gpu_hours", 12.0),
        ("allocated_gpu_hours", 10.0),
        ("busy_gpu_hours", 3.25),
        ("slack_gpu_hours", 1.75),
        ("idle_warm_gpu_hours", 2.0),
        ("idle_empty_gpu_hours", 2.0),
        ("unobserved_gpu_hours", 1.0),
        ("unallocated_gpu_hours", 2.0),
        ("stranded_gpu_hours", 0.0),
        ("unhealthy_gpu_hours", 0.0),
        ("observed_gpu_hours", 9.0),
        ("utilization_gpu_hours", 3.25),
        ("utilization", 3.25 / 9.0),
        ("observed_ratio", 0.9),
        ("allocation_rate", 10.0 / 12.0),
        ("capacity_cost", 24.0),
        ("allocated_cost", 20.0),
        ("waste_cost", 11.5),
        // 4 h make 11.50; a month has 730.
        ("waste_cost_per_month", 11.5 / 4.0 * 730.0),
        // 0 for 4 h, 25 for 1 h, 50 for 2 h, 100 for 2 h: half of 9 h is reached in the 25s.
        ("utilization_p50", 0.25),
        ("utilization_max", 1.0),
        ("longest_idle_seconds", 7_200.0),
    ] {
        close(fleet, field, expected);
    }
    assert_eq!(report["reconciliation"]["balanced"], true);
    let tenants = &report["tenants"];
    for (tenant, rule, hours, busy, cost) in [
        ("alpha", "namespace-label:tenant", 4.0, 3.0, 8.0),
        ("beta", "namespace-label:tenant", 2.0, 0.0, 4.0),
        ("lab", "namespace", 4.0, 0.25, 8.0),
    ] {
        let tenant = row(tenants, "tenant", tenant);
        assert_eq!(tenant["rule"], rule);
        close(tenant, "allocated_gpu_hours", hours);
        close(tenant, "busy_gpu_hours", busy);
        close(tenant, "cost", cost);
    }
    let workload = |name| row(&report["workloads"], "name", name);
    assert_eq!(workload("train")["kind"], "StatefulSet");
    assert_eq!(workload("chat")["kind"], "Deployment");
    assert_eq!(workload("nb")["kind"], "Pod");
    assert_eq!(report["coverage"]["pods_without_owner"], 1);
    close(workload("train"), "memory_used_max_bytes", 40.0 * 1024.0 * 1024.0 * 1024.0);
    let pod = row(&report["pods"], "pod", "chat-abc-1");
    assert_eq!(pod["held_from"], "2026-11-10T01:00:00Z");
    assert_eq!(pod["held_until"], "2026-11-10T03:00:00Z");
    assert_eq!(pod["gpu_uuids"], serde_json::json!(["GPU-b"]));
}

const _: () = assert!(HOUR % STEP == 0, "hours end with a scrape");
