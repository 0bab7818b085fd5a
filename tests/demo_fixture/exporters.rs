//! What dcgm-exporter showed.

use gpu_finops::model::QueryId;

use super::hardware::{BROKEN, Exporter, GPUS, Node, gpu_uuid};
use super::recorder::{Recorder, grid, last_scrape, scrapes};
use super::story::{END, Load, MARGIN, MINUTE, Millis, Pod, Story, at};

/// What DCGM gives for a blank 32-bit and a blank 64-bit value.
const BLANK_32: f64 = 2_147_483_632.0;
const BLANK_64: f64 = 9_223_372_036_854_775_794.0;
/// Query, node, device, first and last instant, and value of the samples that are no measurements.
const BLANKS: &[(QueryId, usize, usize, [Millis; 2], f64)] = &[
    (QueryId::FbUsed, 0, 2, [at(12, 15, 26); 2], BLANK_64),
    (QueryId::GpuUtil, 2, 2, [at(13, 7, 0), at(13, 7, 28)], BLANK_32),
];

pub(super) fn record(story: &Story, recorder: &mut Recorder) {
    for exporter in &story.exporters {
        for gpu in 0..GPUS {
            device(story, exporter, gpu, recorder);
        }
    }
}

fn device(story: &Story, exporter: &Exporter, gpu: usize, recorder: &mut Recorder) {
    let node = &story.nodes[exporter.node];
    let shown: Vec<Millis> =
        scrapes().filter(|t| exporter.from <= *t && *t < exporter.until).collect();
    for (pod, times) in stretches(story, exporter.node, gpu, &shown) {
        let load = |t: Millis| pod.map_or_else(|| nobody(node), |pod| (pod.load)(t, gpu));
        let mut add = |query, name, value: &dyn Fn(Millis) -> f64, times: &[Millis]| {
            let samples = times
                .iter()
                .map(|t| (*t, blank(query, exporter.node, gpu, *t).unwrap_or_else(|| value(*t))));
            with_labels(node, exporter, gpu, pod, name, &[], |labels| {
                recorder.add(query, labels, samples);
            });
        };
        add(QueryId::GpuUtil, "DCGM_FI_DEV_GPU_UTIL", &|t| load(t).gpu_util_percent, &times);
        add(QueryId::FbUsed, "DCGM_FI_DEV_FB_USED", &|t| load(t).used_mib, &times);
        if node.profiling {
            let engine = |t| load(t).engine_ratio;
            add(QueryId::GrEngineActive, "DCGM_FI_PROF_GR_ENGINE_ACTIVE", &engine, &times);
        }
        let tail_start = END + MARGIN - 15 * MINUTE;
        let tail: Vec<Millis> = times.iter().copied().filter(|t| *t >= tail_start).collect();
        add(QueryId::FbFree, "DCGM_FI_DEV_FB_FREE", &|t| node.memory_mib - load(t).used_mib, &tail);
    }
    if (exporter.node, gpu) == BROKEN {
        let error = [("err_code", "95"), ("err_msg", "Uncontained ECC error")];
        let seen = grid(MINUTE).filter(|t| shown.contains(&last_scrape(*t))).map(|t| (t, 95.0));
        with_labels(node, exporter, gpu, None, "DCGM_FI_DEV_XID_ERRORS", &error, |labels| {
            recorder.add(QueryId::XidErrors, labels, seen);
        });
    }
}

/// The instants of `shown`, by the pod that the device was labelled with.
fn stretches<'a>(
    story: &'a Story,
    node: usize,
    gpu: usize,
    shown: &[Millis],
) -> Vec<(Option<&'a Pod>, Vec<Millis>)> {
    let mut stretches: Vec<(Option<&Pod>, Vec<Millis>)> = vec![];
    for &t in shown {
        let pod = story.pods.iter().find(|pod| pod.is_seen_on(node, gpu, t));
        match stretches.last_mut() {
            Some((last, times)) if last.map(Pod::uid) == pod.map(Pod::uid) => times.push(t),
            _ => stretches.push((pod, vec![t])),
        }
    }
    stretches
}

fn nobody(node: &Node) -> Load {
    Load { gpu_util_percent: 0.0, engine_ratio: 0.0, used_mib: node.empty_mib }
}

fn blank(query: QueryId, node: usize, gpu: usize, t: Millis) -> Option<f64> {
    let here = |b: &&(QueryId, usize, usize, [Millis; 2], f64)| {
        (b.0, b.1, b.2) == (query, node, gpu) && (b.3[0]..=b.3[1]).contains(&t)
    };
    BLANKS.iter().find(here).map(|b| b.4)
}

fn with_labels(
    node: &Node,
    exporter: &Exporter,
    gpu: usize,
    pod: Option<&Pod>,
    name: &str,
    more: &[(&str, &str)],
    use_labels: impl FnOnce(&[(&str, &str)]),
) {
    let (index, uuid, device) = (gpu.to_string(), gpu_uuid(node, gpu), format!("nvidia{gpu}"));
    let pci = format!("00000000:{:02X}:00.0", 0x53 + 0x10 * gpu);
    let instance = format!("{}:9400", exporter.ip);
    let (pod_name, namespace, container) =
        pod.map_or(("", "", ""), |pod| (pod.name.as_str(), pod.namespace, pod.container));
    let mut labels = vec![
        ("__name__", name),
        ("DCGM_FI_DRIVER_VERSION", "580.105.08"),
        ("Hostname", node.name),
        ("UUID", &uuid),
        ("device", &device),
        ("gpu", &index),
        ("instance", &instance),
        ("job", "nvidia-dcgm-exporter"),
        ("modelName", node.model),
        ("pci_bus_id", &pci),
    ];
    if node.honors_labels {
        labels.extend([("pod", pod_name), ("namespace", namespace), ("container", container)]);
    } else {
        labels.extend([
            ("pod", exporter.pod),
            ("namespace", "gpu-operator"),
            ("container", "nvidia-dcgm-exporter"),
            ("endpoint", "gpu-metrics"),
            ("service", "nvidia-dcgm-exporter"),
            ("exported_pod", pod_name),
            ("exported_namespace", namespace),
            ("exported_container", container),
        ]);
    }
    labels.extend(more);
    use_labels(&labels);
}
