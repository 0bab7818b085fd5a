//! Who can be scraped, once: files, servers, pods behind the API server; and what is said when nobody answers.

use std::fs;
use std::time::Duration;

use polars::prelude::{ParquetReader, SerReader};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::exporters::Exporters;
use super::process::Collector;
use crate::cluster::{kubeconfig, status};
use crate::common::http::{Answer, HttpServer};
use crate::common::{Outcome, gpu_finops, row, test_data, warnings};

const UTIL: &str = "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\",UUID=\"GPU-1\",Hostname=\"n1\",modelName=\"NVIDIA L4\",\
    namespace=\"ml\",pod=\"train\",container=\"main\",job=\"slurm\"} 75\n\
    DCGM_FI_DEV_FB_USED{gpu=\"0\",UUID=\"GPU-1\",Hostname=\"n1\",modelName=\"NVIDIA L4\",\
    namespace=\"ml\",pod=\"train\",container=\"main\",job=\"slurm\"} 9000\n";

fn collect(dir: &std::path::Path, more: &[&str]) -> Outcome {
    let mut command = gpu_finops();
    command.args(["collect", "--once", "--store"]).arg(dir).args(more);
    Outcome::of(&mut command)
}

fn report(more: &[&str]) -> Outcome {
    let mut command = gpu_finops();
    command.args(["report", "-o", "json", "--price", "L4=1"]).args(more);
    Outcome::of(&mut command)
}

/// Windows begin and end on whole seconds.
fn wait_for_the_next_second() {
    std::thread::sleep(Duration::from_millis(1_100));
}

#[test]
fn once_from_a_file_and_a_report_of_it() {
    let folder = TempDir::new().expect("temporary folder");
    let (dir, file) = (folder.path().join("store"), folder.path().join("a.prom"));
    fs::write(&file, format!("{UTIL}DCGM_FI_DEV_GPU_UTIL{{UUID 1\n")).expect("written");
    let target = format!("dcgm=file:{}", file.display());
    let store = dir.to_str().expect("UTF-8");
    let outcome = collect(&dir, &["--no-kubernetes", "--target", &target]);
    assert_eq!((outcome.code, outcome.text()), (0, ""), "{}", outcome.err);
    assert!(outcome.err.contains("lines that are left out: 1; line 3: "), "{}", outcome.err);
    wait_for_the_next_second();
    let outcome = report(&["--store", store, "--window", "10m"]);
    let report = outcome.json();
    assert_eq!(report["gpus"][0]["uuid"], "GPU-1");
    let sources = &report["coverage"]["sources"];
    let detail = row(sources, "name", "store")["detail"].as_str().expect("text");
    assert!(detail.ends_with("; targets: 1, scrapes: 1, failed: 0"), "{detail}");
    assert_eq!(row(sources, "name", "store/objects")["status"], "skipped");
    assert!(warnings(&report).contains(&"query-gap"), "one scrape is no ten minutes");
    // A window of another time.
    let mut command = gpu_finops();
    command.args(["report", "--store", store, "--window", "2026-01-01,2026-01-02"]);
    Outcome::of(&mut command).failed_with(
        1,
        &["has no scrape that succeeded from 2026-01-01T00:00:00Z", "its hours are of"],
    );
    let mut command = gpu_finops();
    command.args(["report", "--store"]).arg(folder.path().join("nowhere"));
    Outcome::of(&mut command)
        .failed_with(1, &["neither roll-ups nor scrapes: give the folder that"]);
    // It can be saved for others.
    let saved = folder.path().join("snapshot");
    let mut command = gpu_finops();
    command.args(["snapshot", "save"]).arg(&saved).args(["--store", store, "--window", "10m"]);
    assert_eq!(Outcome::of(&mut command).code, 0);
}

#[test]
fn one_scrape_stands_for_the_last_hour() {
    let Some(data) = test_data() else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let exporters = Exporters::start(&data);
    let mut args = vec!["--scrape".to_owned(), "--no-kubernetes".to_owned()];
    args.extend(exporters.targets().into_iter().flat_map(|t| ["--target".to_owned(), t]));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let of_instant = report(&args).json();
    let fleet = &of_instant["fleet"];
    for (field, hours) in
        [("capacity", 1.0), ("allocated", 1.0), ("busy", 0.4), ("slack", 0.6), ("unobserved", 0.0)]
    {
        let found = fleet[format!("{field}_gpu_hours")].as_f64().expect("a number");
        assert!((found - hours).abs() < 1e-6, "{field}: {found}");
    }
    let messages = of_instant["coverage"]["warnings"].to_string();
    assert!(
        messages.contains("one instant") && messages.contains("stands for the whole window"),
        "{messages}"
    );
    assert_eq!(of_instant["coverage"]["complete"], false);
    // It is billed over what is asked for.
    let day = report(&[&args[..], &["--window", "1d"]].concat()).json();
    assert!((day["fleet"]["busy_gpu_hours"].as_f64().expect("a number") - 9.6).abs() < 1e-6);
}

/// A pod as the API server lists it.
fn pod(name: &str, labels: &Value, port: u16) -> Value {
    json!({
        "metadata": {"namespace": "gpu", "name": name, "labels": labels, "uid": name},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": [{"name": "metrics", "containerPort": port}]}]},
        "status": {"phase": "Running", "podIP": "10.0.0.7"},
    })
}

#[test]
fn exporters_are_found_and_reached_through_the_api_server() {
    let server = HttpServer::start(|request| {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let list = |items: Vec<Value>| {
            Answer::json(json!({"kind": "List", "metadata": {}, "items": items}).to_string())
        };
        let dcgm = || pod("dcgm-x", &json!({"app": "nvidia-dcgm-exporter"}), 9400);
        match path {
            // With a selector or without: not every server heeds one.
            "/api/v1/pods" => list(vec![dcgm(), pod("web", &json!({"app": "web"}), 80)]),
            "/api/v1/namespaces/gpu/pods/dcgm-x:9400/proxy/metrics" if query.is_empty() => {
                Answer::Reply(200, vec![], UTIL.into())
            }
            "/api/v1/nodes" | "/api/v1/namespaces" => list(vec![]),
            _ => status(404, "NotFound", "the server could not find the requested resource"),
        }
    });
    let config = kubeconfig(&server.url());
    let kubeconfig = config.path.to_str().expect("UTF-8");
    let folder = TempDir::new().expect("temporary folder");
    let dir = folder.path().join("store");
    let outcome = collect(&dir, &["--kubeconfig", kubeconfig]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(server.seen().iter().all(|r| r.method == "GET"));
    let asked: Vec<String> = server.seen().iter().map(|r| r.target.clone()).collect();
    assert!(
        asked
            .iter()
            .any(|t| t.contains("labelSelector=app.kubernetes.io%2Fname+in+%28dcgm-exporter")),
        "{asked:?}"
    );
    wait_for_the_next_second();
    let report = report(&["--store", dir.to_str().expect("UTF-8"), "--window", "10m"]).json();
    let sources = &report["coverage"]["sources"];
    assert_eq!(row(sources, "name", "kubernetes/pods")["detail"], "2 objects");
    assert!(
        row(sources, "name", "store/objects")["detail"]
            .as_str()
            .expect("text")
            .starts_with("2 objects, as listed at 20")
    );
    assert_eq!(report["gpus"][0]["node"], "n1");
    // The labels of the target are those that Prometheus would set; the exporter's own job steps back.
    let saved = folder.path().join("snapshot");
    let mut command = gpu_finops();
    command.args(["snapshot", "save"]).arg(&saved).args(["--window", "10m", "--store"]).arg(&dir);
    assert_eq!(Outcome::of(&mut command).code, 0);
    let labels = fs::File::open(saved.join("labels/gpu_util.parquet")).expect("saved");
    let labels = ParquetReader::new(labels).finish().expect("Parquet");
    let column = |name: &str| {
        let texts = labels.column(name).and_then(|c| c.str().cloned()).expect("text");
        texts.iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    let pairs: Vec<(String, String)> = column("label").into_iter().zip(column("value")).collect();
    for (label, value) in
        [("job", "dcgm-exporter"), ("exported_job", "slurm"), ("instance", "10.0.0.7:9400")]
    {
        assert!(pairs.contains(&(label.to_owned(), value.to_owned())), "{label}: {pairs:?}");
    }
}

#[test]
fn nobody_who_answers_is_an_error_that_says_who() {
    let folder = TempDir::new().expect("temporary folder");
    let dir = folder.path().join("store");
    let none = ["--no-kubernetes", "--target", "http://127.0.0.1:9/metrics"];
    collect(&dir, &none).failed_with(
        1,
        &["no exporter could be scraped; 127.0.0.1:9 (gpu-finops): cannot connect"],
    );
    report(&[&none[..], &["--scrape"]].concat()).failed_with(1, &["no exporter could be scraped"]);
    // Wrong usage, before anything is asked.
    for (args, part) in [
        (
            &["--no-kubernetes"][..],
            "nobody to scrape: `--no-kubernetes` forbids asking the cluster",
        ),
        (&["--target", "n1:9400"], "`--target`: `n1:9400` is not an HTTP server"),
        (&["--target", "http://a", "--target", "http://a/"], "twice"),
        (&["--interval", "10m"], "`--interval`: `10m` is longer than 5 minutes"),
        (&["--interval", "5s", "--scrape-timeout", "6s"], "is longer than `--interval`, 5s"),
        (&["--retain", "5m"], "`5m` is shorter than an hour"),
        (&["--listen", "9409"], "use 0.0.0.0:9409"),
    ] {
        collect(&dir, args).failed_with(2, &[part]);
    }
    Outcome::of(gpu_finops().args(["collect", "--target", "http://a", "--no-kubernetes"]))
        .failed_with(2, &["`--store DIR`"]);
    report(&["--store", "x", "--prometheus", "http://y"]).failed_with(2, &["exclude each other"]);
    report(&["--store", "x", "--context", "y"]).failed_with(2, &["exclude each other"]);
    report(&["--store", "x", "--scrape"]).failed_with(2, &["exclude each other"]);
}

#[test]
fn a_collector_that_reaches_nobody_says_so_and_ends_when_told() {
    let folder = TempDir::new().expect("temporary folder");
    let dir = folder.path().join("store");
    let collector = Collector::start(&dir, &["http://127.0.0.1:9/metrics".to_owned()]);
    collector.wait_for("gpu_finops_scrape_failures_total", 1.0);
    let (code, err) = collector.signal("INT");
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("warning: 127.0.0.1:9 (gpu-finops): cannot connect"), "{err}");
}
