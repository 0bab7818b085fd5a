//! A team on one node, as a metric server shows it and as the API server has it.
//!
//! | Deployment | GPUs | what they do in the last 24 hours |
//! |---|---|---|
//! | forgotten | 1 | nothing |
//! | napping | 1 | 50 % for eight hours, and nothing since; asks for as much as chunky |
//! | wide | 4 | two at 90 %, two nothing |
//! | chunky | 1 | 90 %; half a core and 1 GiB of the 8 cores and 32 GiB that it asks for |
//! | llm-serve | 2, by a claim template | one at 90 %, one nothing |

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::apiserver::objects::{namespace, node, template};
use crate::common::metrics::{HOUR, Labels, OpenMetrics, T0, labels};

/// 2026-11-20T12:00:00Z, the clock of the tests, in seconds after [`T0`].
const NOW: i64 = 907_200;
/// Samples from before the window to a while after it.
const ALWAYS: (i64, i64) = (NOW - 24 * HOUR - 600, NOW + 600);
/// Age of the objects, and of the pods in the metrics.
const SINCE: i64 = NOW - 36 * HOUR;

pub(super) struct Workload {
    pub name: &'static str,
    pub gpus: &'static [&'static str],
    cores: f64,
    memory_gib: f64,
}

pub(super) const WORKLOADS: [Workload; 5] = [
    Workload { name: "forgotten", gpus: &["GPU-1"], cores: 1.0, memory_gib: 2.0 },
    Workload { name: "napping", gpus: &["GPU-2"], cores: 8.0, memory_gib: 32.0 },
    Workload {
        name: "wide",
        gpus: &["GPU-3", "GPU-4", "GPU-5", "GPU-6"],
        cores: 1.0,
        memory_gib: 2.0,
    },
    Workload { name: "chunky", gpus: &["GPU-7"], cores: 8.0, memory_gib: 32.0 },
    Workload { name: "llm-serve", gpus: &["GPU-8", "GPU-9"], cores: 1.0, memory_gib: 2.0 },
];

impl Workload {
    pub(super) fn pod(&self) -> String {
        format!("{}-a-1", self.name)
    }

    fn is_claimed(&self) -> bool {
        self.name == "llm-serve"
    }
}

fn utilization(gpu: &str, at: i64, busy: &[&str]) -> f64 {
    let is_late = at >= NOW - 300;
    match gpu {
        _ if is_late && busy.contains(&gpu) => 80.0,
        "GPU-2" if at < NOW - 16 * HOUR => 50.0,
        "GPU-3" | "GPU-4" | "GPU-7" | "GPU-8" => 90.0,
        _ => 0.0,
    }
}

/// What the exporters show; GPUs of `busy` are at work from five minutes before now on.
pub(super) fn metrics(busy: &[&str]) -> Vec<u8> {
    let mut out = OpenMetrics::default();
    for (index, (workload, gpu)) in
        WORKLOADS.iter().flat_map(|w| w.gpus.iter().map(move |gpu| (w, *gpu))).enumerate()
    {
        let (index, pod) = (index.to_string(), workload.pod());
        let of = labels(&[
            ("gpu", &index),
            ("UUID", gpu),
            ("Hostname", "n1"),
            ("modelName", "NVIDIA A100-SXM4-80GB"),
            ("namespace", "team"),
            ("pod", &pod),
            ("container", "main"),
        ]);
        out.series("DCGM_FI_DEV_GPU_UTIL", &of, ALWAYS, |at| utilization(gpu, at, busy));
        let used = if utilization(gpu, NOW - 24 * HOUR, &[]) > 0.0 { 70_000.0 } else { 200.0 };
        out.series("DCGM_FI_DEV_FB_USED", &of, ALWAYS, |_| used);
        out.series("DCGM_FI_DEV_FB_FREE", &of, ALWAYS, |_| 81_000.0 - used);
    }
    node_metrics(&mut out);
    WORKLOADS.iter().for_each(|workload| pod_metrics(&mut out, workload));
    out.finish()
}

fn one(out: &mut OpenMetrics, name: &str, pairs: &[(&str, &str)], value: f64) {
    out.series(name, &labels(pairs), ALWAYS, |_| value);
}

fn node_metrics(out: &mut OpenMetrics) {
    let amounts = [("nvidia_com_gpu", 9.0), ("cpu", 64.0), ("memory", 549_755_813_888.0)];
    for (resource, amount) in amounts {
        let of = [("node", "n1"), ("resource", resource), ("unit", "any")];
        one(out, "kube_node_status_capacity", &of, amount);
        one(out, "kube_node_status_allocatable", &of, amount);
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of 2026 fit")]
fn pod_metrics(out: &mut OpenMetrics, workload: &Workload) {
    let pod = workload.pod();
    let uid = format!("uid-{pod}");
    let id: Vec<(&str, &str)> = vec![("namespace", "team"), ("pod", &pod), ("uid", &uid)];
    let with =
        |more: &[(&'static str, &'static str)]| -> Labels { labels(&[&id[..], more].concat()) };
    let mut of =
        |name: &str, labels: Labels, value: f64| out.series(name, &labels, ALWAYS, |_| value);
    let gpus = if workload.is_claimed() { 0.0 } else { workload.gpus.len() as f64 };
    for (resource, amount) in [
        ("nvidia_com_gpu", gpus),
        ("cpu", workload.cores),
        ("memory", workload.memory_gib * 1_073_741_824.0),
    ] {
        if amount > 0.0 {
            let labels = with(&[("node", "n1"), ("container", "main"), ("resource", resource)]);
            of("kube_pod_container_resource_requests", labels, amount);
        }
    }
    of("kube_pod_info", with(&[("node", "n1")]), 1.0);
    let bound = (T0 + SINCE) as f64;
    of("kube_pod_status_scheduled_time", with(&[]), bound);
    of("kube_pod_start_time", with(&[]), bound);
    of("kube_pod_status_phase", with(&[("phase", "Running")]), 1.0);
    let container = with(&[("container", "main")]);
    let (cores, bytes) = if matches!(workload.name, "chunky" | "napping") {
        (0.5, 1_073_741_824.0)
    } else {
        (workload.cores * 0.9, workload.memory_gib * 0.9 * 1_073_741_824.0)
    };
    let seconds = |at: i64| (at - ALWAYS.0) as f64 * cores;
    out.series("container_cpu_usage_seconds_total", &container, ALWAYS, seconds);
    out.series("container_memory_working_set_bytes", &container, ALWAYS, |_| bytes);
}

fn made() -> Value {
    json!("2026-11-19T00:00:00Z")
}

fn owner(api_version: &str, kind: &str, name: &str) -> Value {
    json!([{"apiVersion": api_version, "kind": kind, "name": name, "uid": format!("uid-{kind}-{name}"), "controller": true}])
}

fn pod_spec(workload: &Workload) -> Value {
    let mut requests =
        json!({"cpu": workload.cores.to_string(), "memory": format!("{}Gi", workload.memory_gib)});
    let mut spec = json!({"containers": [{"name": "main", "image": "serve:1"}]});
    if workload.is_claimed() {
        spec["resourceClaims"] = json!([{"name": "gpus", "resourceClaimTemplateName": "llm-gpus"}]);
        spec["containers"][0]["resources"] =
            json!({"requests": requests, "claims": [{"name": "gpus"}]});
        return spec;
    }
    let gpus = workload.gpus.len().to_string();
    requests["nvidia.com/gpu"] = json!(gpus);
    spec["containers"][0]["resources"] =
        json!({"limits": {"nvidia.com/gpu": gpus}, "requests": requests});
    spec
}

/// The Deployment, its ReplicaSet, its pod, and the claim of that.
fn objects(workload: &Workload) -> Vec<Value> {
    let (name, pod) = (workload.name, workload.pod());
    let set = format!("{name}-a");
    let spec = pod_spec(workload);
    let template = json!({"metadata": {"labels": {"app": name}}, "spec": spec});
    let selector = json!({"matchLabels": {"app": name}});
    let body = json!({"replicas": 1, "selector": selector, "template": template});
    let mut running = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "namespace": "team", "name": pod, "uid": format!("uid-{pod}"), "labels": {"app": name},
            "creationTimestamp": made(), "ownerReferences": owner("apps/v1", "ReplicaSet", &set),
        },
        "spec": spec,
        "status": {
            "phase": "Running", "startTime": made(),
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": made()}],
        },
    });
    running["spec"]["nodeName"] = json!("n1");
    let mut out = vec![
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "team", "name": name, "uid": format!("uid-Deployment-{name}"), "labels": {"app": name}},
            "spec": body,
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "namespace": "team", "name": set, "uid": format!("uid-ReplicaSet-{set}"), "labels": {"app": name},
                "ownerReferences": owner("apps/v1", "Deployment", name),
            },
            "spec": body,
        }),
    ];
    if workload.is_claimed() {
        running["status"]["resourceClaimStatuses"] =
            json!([{"name": "gpus", "resourceClaimName": "llm-claim"}]);
        out.push(llm_claim(&pod));
    }
    out.push(running);
    out
}

fn llm_claim(pod: &str) -> Value {
    let result = |gpu: &str| json!({"request": "gpu", "driver": "gpu.nvidia.com", "pool": "n1", "device": gpu.to_ascii_lowercase()});
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {
            "namespace": "team", "name": "llm-claim", "ownerReferences": owner("v1", "Pod", pod),
            "annotations": {"resource.kubernetes.io/pod-claim-name": "gpus"},
            "finalizers": ["resource.kubernetes.io/delete-protection"],
        },
        "spec": {"devices": {"requests": [
            {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 2}},
        ]}},
        "status": {
            "allocation": {"devices": {"results": [result("GPU-8"), result("GPU-9")]}},
            "reservedFor": [{"resource": "pods", "name": pod, "uid": format!("uid-{pod}")}],
        },
    })
}

fn slice() -> Value {
    let device = |gpu: &str| {
        json!({"name": gpu.to_ascii_lowercase(), "attributes": {
            "uuid": {"string": gpu}, "type": {"string": "gpu"}, "productName": {"string": "NVIDIA A100-SXM4-80GB"},
        }})
    };
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "n1-gpus"},
        "spec": {
            "driver": "gpu.nvidia.com", "nodeName": "n1",
            "pool": {"name": "n1", "generation": 1, "resourceSliceCount": 1},
            "devices": [device("GPU-8"), device("GPU-9")],
        },
    })
}

/// The API server with all of them, and a metric server behind a service.
pub(super) fn cluster() -> ApiServer {
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"namespace": "monitoring", "name": "prometheus-operated", "labels": {"operated-prometheus": "true"}},
        "spec": {"ports": [{"name": "web", "port": 9090}]},
    });
    let all = [
        namespace("team", &json!({})),
        namespace("monitoring", &json!({})),
        namespace("gpu-finops", &json!({})),
        node("n1", 9),
        template("team", "llm-gpus", 2),
        slice(),
        service,
    ];
    ApiServer::with(all.into_iter().chain(WORKLOADS.iter().flat_map(objects)))
}
