//! An invented cluster as a metric server would give it, from a fixed rule: what benches work on in memory.

use gpu_finops::model::{ClusterFacts, Inputs, MetricData, QueryId, Series, Window};

const STEP_MS: i64 = 30_000;
const START_MS: i64 = 1_795_132_800_000;
const GPUS_PER_NODE: usize = 8;
/// A GPU changes hands this often.
const STEPS_PER_POD: i64 = 720;

fn series(labels: &[(&str, &str)], samples: impl Iterator<Item = (i64, f64)>) -> Series {
    let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Series { labels: labels.collect(), samples: samples.collect() }
}

/// Percent: idle half of the time, otherwise anything, as a fixed function of GPU and step.
fn percent(gpu: usize, step: i64) -> f64 {
    let mixed = (step * 7_919 + i64::try_from(gpu).unwrap_or(0) * 104_729).rem_euclid(997);
    if (step / 40) % 2 == 0 { 0.0 } else { f64::from(i32::try_from(mixed % 101).unwrap_or(0)) }
}

/// `gpus` GPUs over `hours`, each held by one pod after another.
pub(crate) fn cluster(gpus: usize, hours: i64) -> (Inputs, u64) {
    let steps = hours * 120;
    let at = |step: i64| START_MS + step * STEP_MS;
    let (mut utilization, mut memory, mut requests, mut capacity) =
        (vec![], vec![], vec![], vec![]);
    for gpu in 0..gpus {
        let (uuid, node) = (format!("GPU-{gpu:06}"), format!("node-{}", gpu / GPUS_PER_NODE));
        for (turn, from) in (0..steps).step_by(720).enumerate() {
            let life = from..steps.min(from + STEPS_PER_POD);
            let (pod, uid) = (format!("worker-{gpu}-{turn}"), format!("uid-{gpu}-{turn}"));
            let device = [
                ("UUID", uuid.as_str()),
                ("Hostname", &node),
                ("modelName", "NVIDIA A100-SXM4-80GB"),
                ("namespace", "team"),
                ("pod", &pod),
            ];
            utilization.push(series(&device, life.clone().map(|s| (at(s), percent(gpu, s)))));
            memory.push(series(&device, life.clone().map(|s| (at(s), 30_000.0))));
            let request = [
                ("namespace", "team"),
                ("pod", pod.as_str()),
                ("uid", &uid),
                ("node", &node),
                ("container", "main"),
                ("resource", "nvidia_com_gpu"),
            ];
            requests.push(series(&request, life.map(|s| (at(s), 1.0))));
        }
        if gpu % GPUS_PER_NODE == 0 {
            let labels = [("node", node.as_str()), ("resource", "nvidia_com_gpu")];
            capacity.push(series(&labels, (0..steps).map(|s| (at(s), 8.0))));
        }
    }
    let data = |query, series| MetricData { query, series, gaps: Vec::new() };
    let inputs = Inputs {
        window: Window::new(START_MS, at(steps)).expect("not reversed"),
        now_ms: at(steps),
        metrics: vec![
            data(QueryId::GpuUtil, utilization),
            data(QueryId::FbUsed, memory),
            data(QueryId::PodGpuRequests, requests),
            data(QueryId::NodeCapacity, capacity),
        ],
        facts: ClusterFacts::default(),
        sources: Vec::new(),
    };
    let samples =
        inputs.metrics.iter().flat_map(|m| &m.series).map(|s| s.samples.len() as u64).sum();
    (inputs, samples)
}
