//! Real files of dcgm-exporter and kube-state-metrics, served over HTTP, with values that change.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::http::{Answer, HttpServer};

/// The node and the pod of the files that get the GPU.
const NODE: &str = "datagen-1-34";
const POD: &str =
    "namespace=\"scraper\",pod=\"e2e-statefulset-0\",uid=\"5820aaa5-2d89-499f-957a-e04d9b5dfab3\"";

/// What is shown now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    /// Utilization, percent.
    pub(super) util: u32,
    /// Whether exporters answer with an error.
    pub(super) down: bool,
    /// Whether the pod holds the GPU.
    pub(super) held: bool,
}

/// The exporters; they end with the value.
pub(super) struct Exporters {
    server: HttpServer,
    scene: Arc<Mutex<Scene>>,
}

impl Exporters {
    pub(super) fn start(data: &Path) -> Self {
        let read =
            |path: &str| fs::read_to_string(data.join("scrapes").join(path)).expect("a file");
        let dcgm = read("dcgm/cncf_kops_l4.prom").replace("i-030791dc5a37cd257", NODE);
        let ksm = read("ksm/nri_1_34/ksm_metrics");
        let scene = Arc::new(Mutex::new(Scene { util: 40, down: false, held: true }));
        let shown = Arc::clone(&scene);
        let server = HttpServer::start(move |request| {
            let scene = *shown.lock().expect("no panic");
            match request.target.as_str() {
                _ if scene.down => Answer::status(500, "out of order"),
                "/dcgm" => text(dcgm_text(&dcgm, scene)),
                "/ksm" => text(ksm_text(&ksm, scene)),
                _ => Answer::status(404, "nothing here"),
            }
        });
        Self { server, scene }
    }

    pub(super) fn show(&self, scene: Scene) {
        *self.scene.lock().expect("no panic") = scene;
    }

    /// As `--target` takes them.
    pub(super) fn targets(&self) -> Vec<String> {
        let url = self.server.url();
        vec![format!("dcgm={url}/dcgm"), format!("ksm={url}/ksm")]
    }

    /// The same for a Prometheus.
    pub(super) fn prometheus_config(&self) -> String {
        let url = self.server.url();
        let address = url.strip_prefix("http://").expect("http");
        let mut config =
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n".to_owned();
        for job in ["dcgm", "ksm"] {
            writeln!(
                config,
                "- {{job_name: {job}, metrics_path: /{job}, static_configs: [{{targets: ['{address}']}}]}}"
            )
            .expect("a String takes all");
        }
        config
    }
}

fn text(body: String) -> Answer {
    Answer::Reply(
        200,
        vec![("content-type", "text/plain; version=0.0.4".into())],
        body.into_bytes(),
    )
}

fn dcgm_text(file: &str, scene: Scene) -> String {
    let with_util = |line: &str| match line.split_once('}') {
        Some((series, _)) if line.starts_with("DCGM_FI_DEV_GPU_UTIL{") => {
            let pod = if scene.held {
                ",namespace=\"scraper\",pod=\"e2e-statefulset-0\",container=\"main\""
            } else {
                ""
            };
            format!("{series}{pod}}} {}\n", scene.util)
        }
        // The other signal would contradict it.
        _ if line.contains("DCGM_FI_PROF_GR_ENGINE_ACTIVE") => String::new(),
        _ => format!("{line}\n"),
    };
    file.lines().map(with_util).collect()
}

fn ksm_text(file: &str, scene: Scene) -> String {
    let gpu = format!("node=\"{NODE}\",resource=\"nvidia_com_gpu\",unit=\"integer\"}} 1");
    let mut text = format!("{}\nkube_node_status_capacity{{{gpu}\n", file.trim_end());
    writeln!(text, "kube_node_status_allocatable{{{gpu}").expect("a String takes all");
    if scene.held {
        writeln!(text, "kube_pod_container_resource_requests{{{POD},container=\"main\",{gpu}")
            .expect("a String takes all");
    }
    text
}

/// Exporters of which each answer has a number of its own in it.
pub(super) struct Counting {
    server: HttpServer,
    served: Arc<Mutex<Vec<u64>>>,
}

impl Counting {
    pub(super) fn start(data: &Path) -> Self {
        let file =
            fs::read_to_string(data.join("scrapes/dcgm/cncf_rafay_t4.prom")).expect("a file");
        let (next, served) = (AtomicU64::new(1), Arc::new(Mutex::new(Vec::new())));
        let log = Arc::clone(&served);
        let server = HttpServer::start(move |_| {
            let number = next.fetch_add(1, Ordering::SeqCst);
            log.lock().expect("no panic").push(number);
            text(format!("{file}\nDCGM_FI_DEV_FB_USED{{UUID=\"GPU-counting\"}} {number}\n"))
        });
        Self { server, served }
    }

    pub(super) fn targets(&self, count: usize) -> Vec<String> {
        (0..count).map(|n| format!("job-{n}={}/metrics", self.server.url())).collect()
    }

    /// Numbers of the answers that were given so far.
    pub(super) fn served(&self) -> Vec<u64> {
        self.served.lock().expect("no panic").clone()
    }
}
