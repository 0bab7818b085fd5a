//! An invented fleet: who had which GPU when, and how busy it was, as a fixed function of its size.
//!
//! Seven samples in ten are exactly 0, as in a real fleet's trace, the others whole percents; memory is constant
//! while a pod is there. A GPU changes hands 8.5 times a week, and every pod is of a Job of its own. Each host
//! is scraped at an offset of its own; one sample in a thousand is missing, and a fifth of the hosts is not
//! scraped for an hour or two.

use crate::chunk::Body;

pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
/// 2026-10-01T00:00:00Z: far enough back that no server takes a month from here for the future.
pub(crate) const START_MS: i64 = 1_790_812_800_000;
const HOUR_MS: i64 = 3_600_000;
const SAMPLES_PER_CHUNK: i64 = 120;
const GPUS_PER_NODE: usize = 8;
const PATTERNS: usize = 256;
/// 8.5 pods a week, in whole chunks.
const POD_MS: i64 = 20 * HOUR_MS;

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) gpus: usize,
    pub(crate) days: i64,
    /// Between two samples; [`POD_MS`] is a multiple of a chunk of them.
    pub(crate) step_ms: i64,
}

/// One pod on one GPU, `[begin, end)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) gpu: usize,
    number: i64,
    begin: i64,
    end: i64,
}

impl Life {
    pub(crate) fn namespace(self) -> String {
        format!("team-{:02}", self.gpu % 40)
    }

    pub(crate) fn pod(self) -> String {
        format!("worker-{}-{}", self.gpu, self.number)
    }
}

impl Size {
    pub(crate) const fn end_ms(self) -> i64 {
        START_MS + self.days * DAY_MS
    }

    pub(crate) const fn nodes(self) -> usize {
        self.gpus.div_ceil(GPUS_PER_NODE)
    }

    /// Samples of utilization and memory, missing ones not reckoned with.
    pub(crate) const fn device_samples(self) -> u64 {
        2 * self.gpus as u64 * (self.days * DAY_MS / self.step_ms) as u64
    }

    pub(crate) const fn chunk_ms(self) -> i64 {
        SAMPLES_PER_CHUNK * self.step_ms
    }

    /// The pods of a GPU.
    fn lives(self, gpu: usize) -> impl Iterator<Item = Life> {
        // Hands over at an hour of its own.
        let shift = (gpu as i64 % 20) * HOUR_MS;
        let last = (self.days * DAY_MS + POD_MS) / POD_MS;
        (0..=last).filter_map(move |number| {
            let begin = (START_MS + number * POD_MS - shift).max(START_MS);
            let end = (START_MS + (number + 1) * POD_MS - shift).min(self.end_ms());
            (begin < end).then_some(Life { gpu, number, begin, end })
        })
    }

    /// All pods.
    pub(crate) fn pods(self) -> impl Iterator<Item = Life> {
        (0..self.gpus).flat_map(move |gpu| self.lives(gpu))
    }

    /// Whether the node's exporter was not there at `at`.
    const fn is_in_gap(self, node: usize, at: i64) -> bool {
        let begin = START_MS + (node as i64 * 37 % (self.days * 24)) * HOUR_MS;
        let length = (1 + node as i64 % 2) * HOUR_MS;
        node % 5 == 1 && begin <= at && at < begin + length
    }
}

/// An instant of whole seconds as text.
pub(crate) fn rfc3339(at_ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at_ms).expect("this century");
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// What the fleet has series of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    Utilization,
    Memory,
    Requests,
    Owner,
    Info,
    Capacity,
}

impl Metric {
    pub(crate) const ALL: [Self; 6] =
        [Self::Utilization, Self::Memory, Self::Requests, Self::Owner, Self::Info, Self::Capacity];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Utilization => "DCGM_FI_DEV_GPU_UTIL",
            Self::Memory => "DCGM_FI_DEV_FB_USED",
            Self::Requests => "kube_pod_container_resource_requests",
            Self::Owner => "kube_pod_owner",
            Self::Info => "kube_pod_info",
            Self::Capacity => "kube_node_status_capacity",
        }
    }

    const fn is_of_devices(self) -> bool {
        matches!(self, Self::Utilization | Self::Memory)
    }
}

/// Chunks to choose from.
pub(crate) struct Patterns {
    utilization: Vec<Body>,
    memory: Vec<Body>,
    one: Body,
    capacity: Body,
}

impl Patterns {
    pub(crate) fn new(step_ms: i64) -> Self {
        let constant = |value, missing| body(step_ms, missing, |_| value);
        let utilization = |n| {
            let values = utilization(n);
            body(step_ms, missing(n), |i| values[i as usize])
        };
        Self {
            utilization: (0..PATTERNS).map(utilization).collect(),
            memory: (0..PATTERNS)
                .map(|n| constant(20_000.0 + 100.0 * n as f64, missing(n)))
                .collect(),
            one: constant(1.0, None),
            capacity: constant(GPUS_PER_NODE as f64, None),
        }
    }

    fn of(&self, metric: Metric, gpu: usize, life: i64, chunk: i64) -> &Body {
        match metric {
            Metric::Utilization => {
                &self.utilization[(gpu * 31 + chunk as usize * 17 + life as usize * 7) % PATTERNS]
            }
            Metric::Memory => &self.memory[(gpu + life as usize) % PATTERNS],
            Metric::Requests | Metric::Owner | Metric::Info => &self.one,
            Metric::Capacity => &self.capacity,
        }
    }
}

fn body(step_ms: i64, missing: Option<i64>, value: impl Fn(i64) -> f64) -> Body {
    let there = (0..SAMPLES_PER_CHUNK).filter(|i| Some(*i) != missing);
    Body::new(there.map(|i| (i * step_ms, value(i))).collect())
}

/// The sample that an eighth of the chunks lacks: about one in a thousand.
fn missing(n: usize) -> Option<i64> {
    (n % 8 == 3).then(|| 1 + n as i64 * 7 % (SAMPLES_PER_CHUNK - 2))
}

/// A chunk: all idle, all busy, or busy for a part of it.
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
    /// Hands every series of `metric` that has a chunk with a sample in `[from, to]` to `take`.
    pub(crate) fn series<'a>(
        self,
        metric: Metric,
        (from, to): (i64, i64),
        patterns: &'a Patterns,
        mut take: impl FnMut(Series<'a>),
    ) {
        if metric == Metric::Capacity {
            for node in 0..self.nodes() {
                let life = Life {
                    gpu: node * GPUS_PER_NODE,
                    number: 0,
                    begin: START_MS,
                    end: self.end_ms(),
                };
                let chunks = self.chunks(metric, life, (from, to), patterns);
                take(Series { labels: labels(metric, life), chunks });
            }
            return;
        }
        for life in self.pods().filter(|life| life.begin <= to && from < life.end + self.step_ms) {
            let chunks = self.chunks(metric, life, (from, to), patterns);
            if !chunks.is_empty() {
                take(Series { labels: labels(metric, life), chunks });
            }
        }
    }

    fn chunks(
        self,
        metric: Metric,
        life: Life,
        (from, to): (i64, i64),
        patterns: &Patterns,
    ) -> Vec<(i64, &Body)> {
        let node = life.gpu / GPUS_PER_NODE;
        let host = if metric.is_of_devices() { node as i64 * 7_919 } else { 11_000 };
        let begin = life.begin + host % self.step_ms;
        let first = ((from - begin) / self.chunk_ms()).max(0);
        (first..)
            .map(|n| (life.begin + n * self.chunk_ms(), begin + n * self.chunk_ms(), n))
            .take_while(|(even, at, _)| *even < life.end && *at <= to)
            .filter(|(even, ..)| !(metric.is_of_devices() && self.is_in_gap(node, *even)))
            .map(|(_, at, n)| (at, patterns.of(metric, life.gpu, life.number, n)))
            .filter(|(at, body)| from <= at + body.length_ms())
            .collect()
    }
}

fn node_name(node: usize) -> String {
    format!("gpu-node-{node:05}")
}

fn labels(metric: Metric, life: Life) -> Vec<(&'static str, String)> {
    let (node, index) = (life.gpu / GPUS_PER_NODE, life.gpu % GPUS_PER_NODE);
    let mut labels = vec![("__name__", metric.name().to_owned())];
    let mut add = |more: &[(&'static str, String)]| labels.extend(more.iter().cloned());
    if metric == Metric::Capacity {
        add(&[("resource", "nvidia_com_gpu".to_owned()), ("unit", "integer".to_owned())]);
    } else {
        add(&[("namespace", life.namespace()), ("pod", life.pod())]);
    }
    if metric.is_of_devices() {
        add(&[
            ("DCGM_FI_DRIVER_VERSION", "550.54.15".to_owned()),
            ("Hostname", node_name(node)),
            ("UUID", format!("GPU-{:08}-0000-4000-8000-000000000000", life.gpu)),
            ("container", "main".to_owned()),
            ("device", format!("nvidia{index}")),
            ("gpu", index.to_string()),
            ("instance", format!("10.1.{}.{}:9400", node / 250, node % 250)),
            ("job", "dcgm-exporter".to_owned()),
            ("modelName", "NVIDIA A100-SXM4-80GB".to_owned()),
            ("pci_bus_id", format!("00000000:{index:02}:00.0")),
        ]);
    } else {
        add(&[("instance", "10.0.0.1:8080".to_owned()), ("job", "kube-state-metrics".to_owned())]);
    }
    let uid =
        ("uid", format!("00000000-0000-4000-8000-{:012}", life.gpu as i64 * 1_000 + life.number));
    match metric {
        Metric::Utilization | Metric::Memory => {}
        Metric::Capacity => add(&[("node", node_name(node))]),
        Metric::Requests => add(&[
            uid,
            ("container", "main".to_owned()),
            ("node", node_name(node)),
            ("resource", "nvidia_com_gpu".to_owned()),
            ("unit", "integer".to_owned()),
        ]),
        Metric::Owner => add(&[
            uid,
            ("owner_is_controller", "true".to_owned()),
            ("owner_kind", "Job".to_owned()),
            ("owner_name", life.pod()),
        ]),
        Metric::Info => add(&[
            uid,
            ("created_by_kind", "Job".to_owned()),
            ("created_by_name", life.pod()),
            ("host_ip", format!("10.1.{}.{}", node / 250, node % 250)),
            ("node", node_name(node)),
            ("pod_ip", format!("10.2.{}.{}", life.gpu / 250, life.gpu % 250)),
        ]),
    }
    labels.sort_unstable_by_key(|(name, _)| *name);
    labels
}
