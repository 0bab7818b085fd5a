//! The story: three nodes, twenty-four GPUs, and everybody who used them for a week.
//!
//! Everything happens on an even minute, when everything is scraped, so that figures can be worked by
//! hand. Loads are constant or square waves.

use sha2::{Digest, Sha256};

use super::hardware::{Exporter, Node, exporters, nodes, uuid};

/// Milliseconds since the epoch.
pub(super) type Millis = i64;

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Monday, 2026-11-09T00:00:00Z.
pub(super) const START: Millis = 1_794_182_400_000;
/// Monday, 2026-11-16T00:00:00Z.
pub(super) const END: Millis = START + 7 * DAY;
/// When it was recorded.
pub(super) const NOW: Millis = END + 5 * MINUTE;
/// Samples before and after the window that a reader takes along.
pub(super) const MARGIN: i64 = 5 * MINUTE;
/// Between two scrapes.
pub(super) const SCRAPE: i64 = 2 * MINUTE;
pub(super) const SERVER: &str = "http://prometheus.monitoring.svc:9090";

/// An instant of November 2026.
pub(super) const fn at(day: i64, hour: i64, minute: i64) -> Millis {
    START + (day - 9) * DAY + hour * HOUR + minute * MINUTE
}

/// What a device shows.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Load {
    pub gpu_util_percent: f64,
    pub engine_ratio: f64,
    pub used_mib: f64,
}

/// A load by instant and index of the device.
pub(super) type LoadAt = fn(Millis, usize) -> Load;

/// A pod.
pub(super) struct Pod {
    pub namespace: &'static str,
    pub name: String,
    pub container: &'static str,
    pub node: usize,
    /// Indices of its devices.
    pub gpus: Vec<usize>,
    pub init_gpus: u32,
    pub millicores: i64,
    pub memory_mib: i64,
    pub labels: Vec<(&'static str, &'static str)>,
    pub annotations: Vec<(&'static str, &'static str)>,
    pub owner: (&'static str, String),
    pub bound: Millis,
    /// When its first container started: images are pulled between.
    pub running: Millis,
    /// When it succeeded.
    pub ended: Option<Millis>,
    /// When its object went away.
    pub deleted: Option<Millis>,
    pub load: LoadAt,
}

impl Pod {
    pub(super) fn uid(&self) -> String {
        uuid(&format!("pod {}/{} {}", self.namespace, self.name, self.bound))
    }

    pub(super) fn exists(&self, t: Millis) -> bool {
        self.bound <= t && self.deleted.is_none_or(|end| t < end)
    }

    pub(super) fn has_ended(&self, t: Millis) -> bool {
        self.ended.is_some_and(|end| end <= t)
    }

    /// Whether the pod shows in the labels of device `gpu` of `node`.
    pub(super) fn is_seen_on(&self, node: usize, gpu: usize, t: Millis) -> bool {
        self.node == node
            && self.gpus.contains(&gpu)
            && self.exists(t)
            && self.running <= t
            && !self.has_ended(t)
    }

    /// Address of the pod.
    pub(super) fn ip(&self) -> String {
        let digest = Sha256::digest(self.uid());
        format!("10.244.{}.{}", self.node + 1, digest[0].clamp(2, 250))
    }
}

/// Everybody.
pub(super) struct Story {
    pub nodes: Vec<Node>,
    pub pods: Vec<Pod>,
    pub exporters: Vec<Exporter>,
}

/// Before the window, and after its end.
pub(super) const BEFORE: Millis = at(2, 9, 0);
pub(super) const AFTER: Millis = NOW + DAY;

impl Story {
    pub(super) fn new() -> Self {
        let exporters = exporters();
        let mut pods = tenants();
        pods.extend((6..=15).map(nightly));
        pods.extend(exporters.iter().map(exporter_pod));
        Self { nodes: nodes(), pods, exporters }
    }
}

/// A pod of nobody in particular, to be filled in.
fn pod(namespace: &'static str, name: &str, node: usize, gpus: &[usize], load: LoadAt) -> Pod {
    Pod {
        namespace,
        name: name.to_owned(),
        container: "server",
        node,
        gpus: gpus.to_vec(),
        init_gpus: 0,
        millicores: 8_000,
        memory_mib: 64 * 1_024,
        labels: vec![],
        annotations: vec![],
        owner: ("ReplicaSet", name.rsplit_once('-').map_or(name, |(owner, _)| owner).to_owned()),
        bound: BEFORE,
        running: BEFORE + 2 * MINUTE,
        ended: None,
        deleted: None,
        load,
    }
}

fn tenants() -> Vec<Pod> {
    let chat = |name, gpus: &[usize]| Pod {
        millicores: 24_000,
        memory_mib: 256 * 1_024,
        labels: vec![("app", "chat-llm")],
        ..pod("chat-prod", name, 0, gpus, chat_load)
    };
    let translate = |name, gpu| Pod {
        millicores: 12_000,
        labels: vec![("app", "translate")],
        ..pod("media", name, 2, &[gpu], night_load)
    };
    let sandbox = |bound, deleted, load| Pod {
        container: "workspace",
        millicores: 4_000,
        memory_mib: 16 * 1_024,
        labels: vec![("agents.x-k8s.io/sandbox-name-hash", "5f0c2a9e")],
        owner: ("Sandbox", "coder-7f".to_owned()),
        bound,
        running: bound,
        deleted,
        ..pod("agent-sandboxes", "coder-7f", 2, &[4], load)
    };
    vec![
        chat("chat-llm-7c9d8b6f5d-4kx2m", &[0, 1]),
        chat("chat-llm-7c9d8b6f5d-q8wzn", &[2, 3]),
        Pod {
            labels: vec![("app", "rerank")],
            ..pod("chat-prod", "rerank-5f6b7d9c84-tt7lp", 0, &[4], |_, _| steady(0.0, 41_200.0))
        },
        Pod {
            container: "notebook",
            millicores: 4_000,
            memory_mib: 32 * 1_024,
            labels: vec![("app", "jupyter")],
            owner: ("StatefulSet", "nb-ana".to_owned()),
            ..pod("research", "nb-ana-0", 0, &[5], |_, _| steady(0.0, 450.0))
        },
        training(),
        image_pull(),
        translate("translate-7b8c9d5f64-h2k9d", 0),
        translate("translate-7b8c9d5f64-m6v4s", 1),
        Pod {
            labels: vec![("app", "asr"), ("team", "speech")],
            ..pod("shared-ml", "asr-6c5d4b7f89-w9s2d", 2, &[2], |_, _| steady(30.0, 18_200.0))
        },
        agent(),
        sandbox(at(10, 8, 0), Some(at(10, 20, 0)), |_, _| steady(20.0, 9_100.0)),
        sandbox(at(15, 12, 0), None, |_, _| steady(0.0, 600.0)),
        rollup(),
    ]
}

/// Eight GPUs asked for, four used; done by Thursday noon.
fn training() -> Pod {
    Pod {
        container: "trainer",
        millicores: 96_000,
        memory_mib: 1_024 * 1_024,
        labels: vec![("app", "llm-finetune")],
        owner: ("Job", "llm-finetune".to_owned()),
        bound: at(8, 18, 0),
        running: at(8, 18, 0),
        ended: Some(at(12, 12, 0)),
        ..pod("research", "llm-finetune-zv6d9", 1, &[0, 1, 2, 3, 4, 5, 6, 7], training_load)
    }
}

/// Twelve minutes pass between the GPU being taken and the first sample that names the pod.
fn image_pull() -> Pod {
    Pod {
        init_gpus: 1,
        millicores: 16_000,
        memory_mib: 128 * 1_024,
        labels: vec![("app", "vlm")],
        bound: at(14, 9, 0),
        running: at(14, 9, 12),
        ..pod("vision", "vlm-68d5c7bb9f-n5r8c", 1, &[0], |_, _| Load {
            gpu_util_percent: 62.0,
            engine_ratio: 0.5,
            used_mib: 61_000.0,
        })
    }
}

/// A pod that a virtual cluster synced to the host.
fn agent() -> Pod {
    Pod {
        container: "planner",
        millicores: 4_000,
        memory_mib: 16 * 1_024,
        labels: vec![
            ("app", "planner"),
            ("vcluster.loft.sh/managed-by", "agents"),
            ("vcluster.loft.sh/namespace", "default"),
        ],
        annotations: vec![
            ("vcluster.loft.sh/name", "planner-0"),
            ("vcluster.loft.sh/namespace", "default"),
            ("vcluster.loft.sh/object-kind", "Pod"),
            ("vcluster.loft.sh/object-name", "planner-0"),
            ("vcluster.loft.sh/object-namespace", "default"),
            ("vcluster.loft.sh/owner-set-kind", "StatefulSet"),
        ],
        owner: ("Service", "agents".to_owned()),
        ..pod("vc-agents", "planner-0-x-default-x-agents", 2, &[3], |_, _| steady(10.0, 20_400.0))
    }
}

/// Takes nearly all CPU of node C for a day, and no GPU: what is free there is stranded.
fn rollup() -> Pod {
    Pod {
        container: "spark",
        millicores: 153_000,
        memory_mib: 600 * 1_024,
        owner: ("Job", "daily-rollup".to_owned()),
        bound: at(14, 0, 0),
        running: at(14, 0, 0),
        deleted: Some(at(15, 0, 0)),
        ..pod("analytics", "daily-rollup-x7c5v", 2, &[], |_, _| steady(0.0, 0.0))
    }
}

/// The run of one night, from two to five; its object is kept for three more days.
fn nightly(day: i64) -> Pod {
    let bound = at(day, 2, 0);
    let job = format!("embed-nightly-{}", bound / MINUTE);
    let suffix = &uuid(&job)[..5];
    Pod {
        container: "embed",
        labels: vec![("app", "embed")],
        owner: ("Job", job.clone()),
        bound,
        running: bound,
        ended: Some(at(day, 5, 0)),
        deleted: Some(at(day + 3, 5, 0)),
        ..pod("data-pipelines", &format!("{job}-{suffix}"), 0, &[6], |_, _| Load {
            gpu_util_percent: 98.0,
            engine_ratio: 0.95,
            used_mib: 52_000.0,
        })
    }
}

fn exporter_pod(exporter: &Exporter) -> Pod {
    let deleted = (exporter.until <= END).then_some(exporter.until);
    Pod {
        container: "nvidia-dcgm-exporter",
        millicores: 100,
        memory_mib: 128,
        owner: ("DaemonSet", "nvidia-dcgm-exporter".to_owned()),
        bound: exporter.from,
        running: exporter.from,
        deleted,
        ..pod("gpu-operator", exporter.pod, exporter.node, &[], |_, _| steady(0.0, 0.0))
    }
}

/// Both signals at one value, percent.
fn steady(percent: f64, used_mib: f64) -> Load {
    Load { gpu_util_percent: percent, engine_ratio: percent / 100.0, used_mib }
}

fn hour_of_day(t: Millis) -> i64 {
    t.rem_euclid(DAY) / HOUR
}

fn chat_load(t: Millis, _: usize) -> Load {
    let (gpu_util_percent, engine_ratio) =
        if (8..20).contains(&hour_of_day(t)) { (97.0, 0.8) } else { (71.0, 0.4) };
    Load { gpu_util_percent, engine_ratio, used_mib: 74_200.0 }
}

fn night_load(t: Millis, _: usize) -> Load {
    let night = !(6..22).contains(&hour_of_day(t));
    steady(if night { 70.0 } else { 0.0 }, 30_100.0)
}

fn training_load(_: Millis, gpu: usize) -> Load {
    if gpu < 4 {
        Load { gpu_util_percent: 96.0, engine_ratio: 0.9, used_mib: 68_000.0 }
    } else {
        steady(0.0, 6_100.0)
    }
}
