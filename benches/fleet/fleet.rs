//! An invented fleet: who had which GPU when, and how busy it was, as a fixed function of its size.
//!
//! Seven samples in ten are exactly 0, as in a real fleet's trace; memory is constant while a pod is there; a
//! GPU changes hands 8.5 times a week.

use crate::chunk::Body;

pub(crate) const STEP_MS: i64 = 30_000;
pub(crate) const DAY_MS: i64 = 86_400_000;
/// 2026-11-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_793_491_200_000;
pub(crate) const SAMPLES_PER_CHUNK: i64 = 120;
const GPUS_PER_NODE: usize = 8;
const PATTERNS: usize = 256;
/// 8.5 pods a week, in whole chunks of an hour.
const POD_MS: i64 = 20 * 3_600_000;

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) gpus: usize,
    pub(crate) days: i64,
}

impl Size {
    pub(crate) const fn end_ms(self) -> i64 {
        START_MS + self.days * DAY_MS
    }

    pub(crate) const fn nodes(self) -> usize {
        self.gpus.div_ceil(GPUS_PER_NODE)
    }
}

/// An instant of whole seconds as text.
pub(crate) fn rfc3339(at_ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at_ms).expect("this century");
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    Utilization,
    Memory,
    Requests,
    Capacity,
}

/// Chunks to choose from.
pub(crate) struct Patterns {
    utilization: Vec<Body>,
    memory: Vec<Body>,
    request: Body,
    capacity: Body,
}

impl Patterns {
    pub(crate) fn new() -> Self {
        let constant = |value| Body::new(&[value; SAMPLES_PER_CHUNK as usize], STEP_MS);
        Self {
            utilization: (0..PATTERNS).map(|n| Body::new(&utilization(n), STEP_MS)).collect(),
            memory: (0..PATTERNS).map(|n| constant(20_000.0 + 100.0 * n as f64)).collect(),
            request: constant(1.0),
            capacity: constant(GPUS_PER_NODE as f64),
        }
    }
}

/// An hour: all idle, all busy, or busy for a part of it.
fn utilization(n: usize) -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n as u64 + 1);
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let busy_from = match n % 10 {
        0..=5 => SAMPLES_PER_CHUNK as u64,
        6 | 7 => random(SAMPLES_PER_CHUNK as u64),
        _ => 0,
    };
    let mut level = 40 + random(55);
    (0..SAMPLES_PER_CHUNK as u64)
        .map(|i| {
            if random(4) > 0 {
                level = (level + random(7)).saturating_sub(3).clamp(5, 100);
            }
            if i >= busy_from { level as f64 } else { 0.0 }
        })
        .collect()
}

/// One series: labels in order of their names, and its chunks with their first instants.
pub(crate) struct Series<'a> {
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) chunks: Vec<(i64, &'a Body)>,
}

impl Size {
    /// Hands every series of `metric` with a sample in `[from, to]` to `take`.
    pub(crate) fn series<'a>(
        self,
        metric: Metric,
        (from, to): (i64, i64),
        patterns: &'a Patterns,
        mut take: impl FnMut(Series<'a>),
    ) {
        if metric == Metric::Capacity {
            for node in 0..self.nodes() {
                let labels = vec![
                    ("__name__", "kube_node_status_capacity".to_owned()),
                    ("instance", "10.0.0.1:8080".to_owned()),
                    ("job", "kube-state-metrics".to_owned()),
                    ("node", node_name(node)),
                    ("resource", "nvidia_com_gpu".to_owned()),
                    ("unit", "integer".to_owned()),
                ];
                let chunks = hours(START_MS, self.end_ms(), (from, to), |_| &patterns.capacity);
                take(Series { labels, chunks });
            }
            return;
        }
        for gpu in 0..self.gpus {
            // Hands over at an hour of its own.
            let shift = (gpu as i64 % 20) * 3_600_000;
            let lives = (self.days * DAY_MS + POD_MS) / POD_MS;
            for life in 0..=lives {
                let begin = (START_MS + life * POD_MS - shift).max(START_MS);
                let end = (START_MS + (life + 1) * POD_MS - shift).min(self.end_ms());
                if begin >= end || end <= from || begin > to {
                    continue;
                }
                let chunks = hours(begin, end, (from, to), |hour| match metric {
                    Metric::Utilization => {
                        let pick = (gpu * 31 + hour as usize * 17 + life as usize * 7) % PATTERNS;
                        &patterns.utilization[pick]
                    }
                    Metric::Memory => &patterns.memory[(gpu + life as usize) % PATTERNS],
                    Metric::Requests | Metric::Capacity => &patterns.request,
                });
                if !chunks.is_empty() {
                    take(Series { labels: labels(metric, gpu, life), chunks });
                }
            }
        }
    }
}

fn hours<'a>(
    begin: i64,
    end: i64,
    (from, to): (i64, i64),
    body: impl Fn(i64) -> &'a Body,
) -> Vec<(i64, &'a Body)> {
    let length = SAMPLES_PER_CHUNK * STEP_MS;
    let first = ((from - begin) / length).max(0);
    (first..)
        .map(|hour| (begin + hour * length, hour))
        .take_while(|(at, _)| *at < end && *at <= to)
        .map(|(at, hour)| (at, body(hour)))
        .collect()
}

fn node_name(node: usize) -> String {
    format!("gpu-node-{node:05}")
}

fn labels(metric: Metric, gpu: usize, life: i64) -> Vec<(&'static str, String)> {
    let (node, index) = (gpu / GPUS_PER_NODE, gpu % GPUS_PER_NODE);
    let team = format!("team-{:02}", gpu % 40);
    let pod = format!("worker-{gpu}-{life}");
    if metric == Metric::Requests {
        return vec![
            ("__name__", "kube_pod_container_resource_requests".to_owned()),
            ("container", "main".to_owned()),
            ("instance", "10.0.0.1:8080".to_owned()),
            ("job", "kube-state-metrics".to_owned()),
            ("namespace", team),
            ("node", node_name(node)),
            ("pod", pod),
            ("resource", "nvidia_com_gpu".to_owned()),
            ("uid", format!("00000000-0000-4000-8000-{:012}", gpu as i64 * 1_000 + life)),
            ("unit", "integer".to_owned()),
        ];
    }
    let name = match metric {
        Metric::Memory => "DCGM_FI_DEV_FB_USED",
        _ => "DCGM_FI_DEV_GPU_UTIL",
    };
    vec![
        ("DCGM_FI_DRIVER_VERSION", "550.54.15".to_owned()),
        ("Hostname", node_name(node)),
        ("UUID", format!("GPU-{gpu:08}-0000-4000-8000-000000000000")),
        ("__name__", name.to_owned()),
        ("container", "main".to_owned()),
        ("device", format!("nvidia{index}")),
        ("gpu", index.to_string()),
        ("instance", format!("10.1.{}.{}:9400", node / 250, node % 250)),
        ("job", "dcgm-exporter".to_owned()),
        ("modelName", "NVIDIA A100-SXM4-80GB".to_owned()),
        ("namespace", team),
        ("pci_bus_id", format!("00000000:{index:02}:00.0")),
        ("pod", pod),
    ]
}
