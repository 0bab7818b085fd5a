//! What goes wrong outside: each case says what it is about and what to do, with the right exit code.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::cluster::{ALWAYS, NOW};
use crate::common::http::{Answer, HttpServer};
use crate::common::metrics::{OpenMetrics, labels};
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, close, gpu_finops, report, row, warnings};

/// A server that knows of nothing.
fn empty() -> HttpServer {
    HttpServer::start(|request| {
        let path = request.target.split('?').next().unwrap_or_default();
        Answer::json(match path {
            "/api/v1/query_range" => {
                r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#
            }
            "/api/v1/series" => r#"{"status":"success","data":[]}"#,
            "/api/v1/status/buildinfo" => r#"{"status":"success","data":{"version":"3.5.0"}}"#,
            _ => r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
        })
    })
}

fn always(answer: fn() -> Answer) -> HttpServer {
    HttpServer::start(move |_| answer())
}

fn against(server: &HttpServer) -> Outcome {
    Outcome::of(&mut report(&server.url(), "any"))
}

#[test]
fn a_server_that_is_not_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a free port")
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let outcome = Outcome::of(&mut report(&url, "any"));
    outcome.failed_with(
        1,
        &["cannot read metrics from", &port.to_string(), "refused", "--prometheus"],
    );
    assert_eq!(outcome.text(), "");
}

#[test]
fn a_server_that_is_slow() {
    let server = always(|| Answer::Silence);
    let start = Instant::now();
    let outcome = Outcome::of(report(&server.url(), "any").args(["--prometheus-timeout", "1s"]));
    outcome.failed_with(1, &["no answer within 1 s", "--prometheus-timeout"]);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[test]
fn an_answer_that_drips_or_breaks_off() {
    let server = always(|| Answer::Drip);
    let start = Instant::now();
    let outcome = Outcome::of(report(&server.url(), "any").args(["--prometheus-timeout", "1s"]));
    outcome.failed_with(1, &["no answer within 1 s", "--prometheus-timeout"]);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    let server = always(|| Answer::Broken);
    against(&server).failed_with(1, &["cannot read metrics from", "lost the connection"]);
}

#[test]
fn a_server_that_answers_nothing_but_the_first_question() {
    let server = HttpServer::start(|request| {
        match request.target.ends_with("/query?query=1") || request.target.contains("buildinfo") {
            true => Answer::json(
                r#"{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}"#,
            ),
            false => Answer::status(500, "disk on fire"),
        }
    });
    let start = Instant::now();
    let outcome = against(&server);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    outcome.failed_with(1, &["500", "disk on fire"]);
    assert_eq!(outcome.text(), "", "no report of zeros");
}

#[test]
fn a_redirect_elsewhere_takes_no_credentials_along() {
    let folder = TempDir::new().expect("temporary folder");
    let token = folder.path().join("token");
    fs::write(&token, "tok3n-in-file").expect("written");
    let elsewhere = empty();
    let target = elsewhere.url().replace("127.0.0.1", "localhost");
    let server = HttpServer::start(move |request| {
        let location = format!("{target}{}", request.target);
        Answer::Reply(302, vec![("location", location)], vec![])
    });
    let mut command = report(&server.url(), "any");
    let outcome = Outcome::of(command.arg("--prometheus-bearer-token-file").arg(&token));
    outcome.failed_with(1, &["localhost"]);
    let sent = format!("{:?}", elsewhere.seen());
    assert!(!sent.contains("tok3n"), "{sent}");
}

#[test]
fn a_run_that_fails_leaves_the_old_output() {
    let server = always(|| Answer::status(500, "no"));
    let folder = TempDir::new().expect("temporary folder");
    let file = folder.path().join("report.json");
    fs::write(&file, "old").expect("written");
    let mut command = report(&server.url(), "any");
    Outcome::of(command.args(["-o", "json", "--output-file"]).arg(&file)).failed_with(1, &["500"]);
    assert_eq!(fs::read_to_string(&file).expect("there"), "old");
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
}

#[test]
fn answers_that_are_refusals() {
    for (answer, parts) in [
        (
            (|| Answer::status(401, "who are you")) as fn() -> Answer,
            &["401", "credentials", "--prometheus-bearer-token-file"][..],
        ),
        (|| Answer::status(403, "not you"), &["403", "--prometheus-bearer-token-file"]),
        (|| Answer::status(404, "no"), &["404", "path prefix"]),
        (
            || {
                let body = r#"{"status":"error","errorType":"execution","error":"too deep"}"#;
                Answer::Reply(422, vec![], body.into())
            },
            &["422", "too deep"],
        ),
        (
            || Answer::Reply(200, vec![("content-type", "text/html".into())], "<html>".into()),
            &["web page", "login page"],
        ),
        (
            || Answer::json(r#"{"status":"success","data":{"resultType":"vec"#),
            &["truncated at byte 45"],
        ),
        (|| Answer::json("[1, 2]"), &["not one of the Prometheus API", "scheme"]),
        (|| Answer::json(""), &["cannot read metrics from http://127.0.0.1"]),
    ] {
        let server = always(answer);
        let outcome = against(&server);
        outcome.failed_with(1, parts);
        assert!(outcome.err.starts_with("error: cannot read metrics"), "{}", outcome.err);
        assert!(outcome.err.contains("127.0.0.1"), "{}", outcome.err);
        assert_eq!(outcome.text(), "");
    }
}

#[test]
fn a_warning_in_a_success_is_passed_on() {
    let server = HttpServer::start(|request| {
        let matrix = request.target.contains("query_range");
        let kind = if matrix { "matrix" } else { "vector" };
        Answer::json(format!(
            r#"{{"status":"success","warnings":["store s7 is away"],"data":{{"resultType":"{kind}","result":[]}}}}"#
        ))
    });
    let outcome = Outcome::of(report(&server.url(), "any").args(["-o", "json"]));
    let report = outcome.json();
    let sources = report["coverage"]["sources"].to_string();
    assert!(sources.contains("store s7 is away"), "{sources}");
}

#[test]
fn windows_that_cannot_be() {
    let server = empty();
    let run = |args: &[&str]| {
        Outcome::of(
            gpu_finops()
                .args(["report", "--no-kubernetes", "--prometheus", &server.url()])
                .args(["--now", NOW])
                .args(args),
        )
    };
    run(&["--start", "2026-12-01", "--end", "2026-12-02"])
        .failed_with(2, &["2026-12-01", "is in the future", "now is 2026-11-10T06:00:00Z"]);
    run(&["--start", "2026-11-05", "--end", "2026-11-01"])
        .failed_with(2, &["is reversed", "2026-11-05", "2026-11-01"]);
    run(&["--start", "2026-11-05", "--end", "2026-11-05"]).failed_with(2, &["2026-11-05"]);
    run(&["--window", "9999d"])
        .failed_with(2, &["9999 days long; at most 400 can be reported", "--window 7d"]);
    // A report on a window that reaches into the future ends now, and says so.
    let outcome = run(&["--start", "2026-11-10", "--end", "2026-11-11", "-o", "json"]);
    assert_eq!(outcome.json()["window"]["end"], NOW);
    assert!(outcome.err.contains("2026-11-10T06:00:00Z"), "{}", outcome.err);
    assert!(server.seen().iter().all(|r| !r.target.contains("2026-12")));
}

#[test]
fn days_on_which_clocks_change_have_23_and_25_hours() {
    let server = empty();
    for (now, zone, start, hours) in [
        ("2026-10-26T12:00:00Z", "Europe/Berlin", "2026-10-24T22:00:00Z", 25.0),
        ("2026-03-30T12:00:00Z", "Europe/Berlin", "2026-03-28T23:00:00Z", 23.0),
        ("2026-03-30T12:00:00Z", "UTC", "2026-03-29T00:00:00Z", 24.0),
    ] {
        let outcome = Outcome::of(
            gpu_finops().args(["report", "--no-kubernetes", "--prometheus", &server.url()]).args([
                "--window",
                "yesterday",
                "--timezone",
                zone,
                "--now",
                now,
                "-o",
                "json",
            ]),
        );
        let window = &outcome.json()["window"];
        assert_eq!((&window["start"], &window["hours"]), (&start.into(), &hours.into()));
    }
    Outcome::of(gpu_finops().args(["report", "--timezone", "Europe/Berlni"]))
        .failed_with(2, &["--timezone", "Europe/Berlni"]);
}

#[test]
fn settings_that_make_no_sense() {
    let folder = TempDir::new().expect("temporary folder");
    let config = folder.path().join("config.yaml");
    fs::write(&config, "prometheus:\n  ulr: http://x\n").expect("written");
    Outcome::of(gpu_finops().args(["report", "--config"]).arg(&config))
        .failed_with(2, &["config.yaml", "line 2", "unknown key `ulr`", "did you mean `url`?"]);
    for price in ["A100=0", "A100=-2.50", "A100=cheap", "A100=NaN", "A100=inf", "A100", "=2", ""] {
        let outcome = Outcome::of(gpu_finops().args(["report", &format!("--price={price}")]));
        outcome.failed_with(2, &["--price"]);
        let value = price.rsplit('=').next().unwrap_or_default();
        assert!(outcome.err.contains(value), "{price}: {}", outcome.err);
    }
    Outcome::of(gpu_finops().args(["report", "--prometheus", "localhost:9090:x"]))
        .failed_with(2, &["--prometheus", "localhost:9090:x"]);
}

/// `report` with objects and a server that knows nothing.
fn with_objects(server: &HttpServer, path: &Path) -> Command {
    let mut command = gpu_finops();
    command.args(["report", "--prometheus", &server.url(), "--objects"]).arg(path).args([
        "--start",
        "2026-11-10",
        "--end",
        "2026-11-10T04:00:00Z",
        "--now",
        NOW,
    ]);
    command
}

fn node(name: &str, gpus: u32) -> Value {
    let resources = json!({"nvidia.com/gpu": gpus.to_string(), "cpu": "64", "memory": "256Gi"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"},
        },
        "status": {
            "capacity": resources, "allocatable": resources,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

fn pod(name: &str, gpus: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "ns", "uid": name},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": gpus}}}],
        },
        "status": {"phase": "Running", "startTime": "2026-11-09T00:00:00Z"},
    })
}

#[test]
fn object_paths_that_give_nothing() {
    let server = empty();
    let folder = TempDir::new().expect("temporary folder");
    let at = |name: &str| folder.path().join(name);
    let run = |path: &Path| Outcome::of(&mut with_objects(&server, path));
    run(&at("nowhere")).failed_with(2, &["--objects", "nowhere", "no such file or folder"]);
    fs::create_dir(at("void")).expect("made");
    run(&at("void")).failed_with(2, &["--objects", "void", "no .json, .yaml or .yml file"]);
    fs::write(at("empty.json"), "").expect("written");
    run(&at("empty.json")).failed_with(2, &["empty.json", "empty"]);
    let binary: Vec<u8> =
        (0..4_096_u32).map(|i| u8::try_from(i * 7919 % 256).expect("below 256")).collect();
    fs::write(at("binary.yaml"), binary).expect("written");
    run(&at("binary.yaml")).failed_with(2, &["binary.yaml", "UTF-8"]);
    let big = fs::File::create(at("big.json")).expect("made");
    big.set_len(1 << 30).expect("sparse");
    let start = Instant::now();
    run(&at("big.json")).failed_with(2, &["big.json", "bytes"]);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // In a folder with something better, each of them is a line of coverage.
    fs::write(at("good.json"), node("n1", 2).to_string()).expect("written");
    let report = Outcome::of(with_objects(&server, folder.path()).args(["-o", "json"])).json();
    assert_eq!(report["fleet"]["gpus"], 2);
    let all = report["coverage"]["warnings"].to_string();
    for name in ["empty.json", "binary.yaml", "big.json"] {
        assert!(all.contains(name), "{name}: {all}");
    }
}

#[test]
fn a_broken_document_is_named_and_the_others_are_used() {
    let server = empty();
    let folder = TempDir::new().expect("temporary folder");
    let text = format!(
        "{}\n---\nkind: Pod\n  metadata: [oops\n---\n{}\n",
        node("n1", 2),
        pod("p", &json!(1))
    );
    fs::write(folder.path().join("all.yaml"), text).expect("written");
    let report = Outcome::of(with_objects(&server, folder.path()).args(["-o", "json"])).json();
    assert_eq!(report["fleet"]["gpus"], 2);
    close(&report["fleet"], "allocated_gpu_hours", 4.0);
    let problem = row(&report["coverage"]["warnings"], "code", "bad-object")["message"].to_string();
    assert!(problem.contains("all.yaml") && problem.contains("document 2"), "{problem}");
}

#[test]
fn quantities_that_are_no_number_of_gpus() {
    let server = empty();
    let folder = TempDir::new().expect("temporary folder");
    let quantities = [
        ("text", json!("1")),
        ("number", json!(1)),
        ("half", json!(1.5)),
        ("minus", json!(-1)),
        ("word", json!("abc")),
    ];
    let mut items = vec![node("n1", 8)];
    items.extend(quantities.iter().map(|(name, gpus)| pod(name, gpus)));
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    fs::write(folder.path().join("all.json"), list.to_string()).expect("written");
    let report = Outcome::of(with_objects(&server, folder.path()).args(["-o", "json"])).json();
    for name in ["text", "number"] {
        close(row(&report["pods"], "pod", name), "allocated_gpu_hours", 4.0);
    }
    close(&report["fleet"], "allocated_gpu_hours", 8.0);
    let all = report["coverage"]["warnings"].to_string();
    for (name, value) in [("ns/half", "1.5"), ("ns/minus", "-1"), ("ns/word", "abc")] {
        assert!(all.contains(name) && all.contains(value), "{name}: {all}");
    }
    assert!(!all.contains("ns/text") && !all.contains("ns/number"), "{all}");
}

#[test]
fn an_output_that_cannot_be_written_fails_before_the_work() {
    let server = always(|| Answer::Silence);
    let start = Instant::now();
    for path in ["/proc/nope/report.json", "/nowhere/report.json"] {
        let outcome =
            Outcome::of(report(&server.url(), "any").args(["-o", "json", "--output-file", path]));
        outcome.failed_with(2, &["--output-file", path, "cannot be written"]);
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(server.seen().is_empty(), "nothing was asked");
}

/// Label values that mean something to terminals, Markdown, HTML, CSV and spreadsheets.
const HOSTILE: [&str; 5] = [
    "red\u{1b}[31m\u{7}\u{9b}2J",
    "a|b\nc",
    "<script>alert(1)</script>",
    "say \"hi\", ok",
    "=cmd()",
];

#[test]
fn label_values_do_no_harm_in_any_format() {
    let mut metrics = OpenMetrics::default();
    for (i, name) in HOSTILE.iter().enumerate() {
        let (uuid, node) = (format!("GPU-{i}"), format!("{name}-node"));
        let series = labels(&[
            ("cluster", "hostile"),
            ("UUID", uuid.as_str()),
            ("gpu", "0"),
            ("Hostname", node.as_str()),
            ("modelName", name),
            ("pod", name),
            ("namespace", name),
            ("container", "main"),
        ]);
        metrics.series("DCGM_FI_DEV_GPU_UTIL", &series, ALWAYS, |_| 50.0);
    }
    let server = Prometheus::with_openmetrics(&metrics.finish());
    for by in ["tenant", "workload", "pod", "gpu", "node", "model"] {
        let run = |format: &str| {
            let outcome =
                Outcome::of(report(&server.url(), "hostile").args(["-o", format, "--by", by]));
            assert_eq!(outcome.code, 0, "{}", outcome.err);
            let text = outcome.text().to_owned();
            let control = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(control), "{format} by {by}: {text:?}");
            text
        };
        for format in ["table", "wide"] {
            assert!(run(format).contains("<script>"), "a terminal takes it for text");
        }
        let markdown = run("markdown");
        assert!(!markdown.contains("<script>") && !markdown.contains("a|b"), "{markdown}");
        let csv = run("csv");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let cells: Vec<String> = reader
            .records()
            .flat_map(|r| {
                r.expect("as many cells as columns").iter().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        assert!(cells.iter().any(|c| c.starts_with("say \"hi\", ok")), "{csv}");
        assert!(cells.iter().all(|c| !c.starts_with(['=', '@', '+'])), "{csv}");
        let report: Value = serde_json::from_str(&run("json")).expect("JSON");
        // JSON is data: the values come out as they are.
        for name in HOSTILE {
            row(&report["tenants"], "tenant", name);
        }
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let binary = env!("CARGO_BIN_EXE_gpu-finops");
    for format in ["json", "table", "csv"] {
        let script = format!("'{binary}' demo -o {format} | head -c 1");
        let output = Process::new("bash")
            .args(["-o", "pipefail", "-c", &script])
            .output()
            .expect("bash is there");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
        assert_eq!(output.status.code(), Some(0), "{format}");
    }
}

#[test]
fn an_interrupt_ends_at_once_and_leaves_nothing() {
    let server = always(|| Answer::Silence);
    let folder = TempDir::new().expect("temporary folder");
    let temporary = TempDir::new().expect("temporary folder");
    let snapshot = folder.path().join("snapshot");
    let file = folder.path().join("report.json");
    let save = ["snapshot", "save", snapshot.to_str().expect("UTF-8")];
    let report = ["report", "-o", "json", "--output-file", file.to_str().expect("UTF-8")];
    for command in [&save[..], &report[..]] {
        let asked = server.seen().len();
        let child = Process::new(env!("CARGO_BIN_EXE_gpu-finops"))
            .args(command)
            .args(["--no-kubernetes", "--prometheus", &server.url()])
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        while server.seen().len() == asked {
            std::thread::sleep(Duration::from_millis(10));
        }
        let start = Instant::now();
        let signal = Process::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(signal.expect("kill is there").success());
        let output = child.wait_with_output().expect("ends");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert_eq!(output.status.code(), Some(130), "{command:?}");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(err.contains("interrupted") && !err.contains("panicked"), "{err}");
        assert_eq!(output.stdout, b"");
    }
    for folder in [&folder, &temporary] {
        let left: Vec<_> = fs::read_dir(folder.path()).expect("readable").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn secrets_are_never_printed() {
    const SECRETS: [&str; 4] =
        ["tok3n-in-file", "h3ader-value", "passw0rd", "dXNlcjpwYXNzdzByZA=="];
    let folder = TempDir::new().expect("temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        let mut file = fs::File::create(&path).expect("made");
        file.write_all(text.as_bytes()).expect("written");
        path
    };
    let token = write("token", "tok3n-in-file\n");
    let password = write("password", "passw0rd\n");
    // Servers that repeat what they were told, as debugging proxies do.
    for status in [200, 401, 403, 407, 422, 500] {
        let server = HttpServer::start(move |request| {
            let echo = format!("{:?}", request.headers);
            let body = json!({"status": "error", "errorType": "execution", "error": echo});
            Answer::Reply(status, vec![], body.to_string().into_bytes())
        });
        let mut by_token = report(&server.url(), "any");
        by_token.arg("--prometheus-bearer-token-file").arg(&token);
        let mut by_header = report(&server.url(), "any");
        by_header.args(["--prometheus-header", "X-Key: h3ader-value"]);
        let mut by_password = report(&server.url(), "any");
        by_password
            .args(["--prometheus-basic-user", "user", "--prometheus-basic-password-file"])
            .arg(&password);
        for command in [&mut by_token, &mut by_header, &mut by_password] {
            let outcome = Outcome::of(command.arg("-v"));
            assert_eq!(outcome.code, 1, "{}", outcome.err);
            for secret in SECRETS {
                assert!(!outcome.err.contains(secret), "{status}: {secret} is in {}", outcome.err);
                assert!(!outcome.text().contains(secret));
            }
        }
        let sent = format!("{:?}", server.seen());
        for secret in ["tok3n-in-file", "h3ader-value", "dXNlcjpwYXNzdzByZA=="] {
            assert!(sent.contains(secret), "{secret} was sent");
        }
    }
    // A report that works out.
    let server = empty();
    let mut command = report(&server.url(), "any");
    command.args(["--prometheus-header", "X-Key: h3ader-value", "-v", "-o", "json"]);
    let outcome = Outcome::of(&mut command);
    let report = outcome.json();
    assert!(warnings(&report).contains(&"no-dcgm-series"));
    assert!(!outcome.text().contains("h3ader") && !outcome.err.contains("h3ader"));
    // Credentials in the URL are secrets too.
    let url = server.url().replace("http://", "http://user:passw0rd@");
    let outcome = Outcome::of(crate::common::report(&url, "any").args(["-v", "-o", "json"]));
    for secret in SECRETS {
        assert!(
            !outcome.err.contains(secret) && !outcome.text().contains(secret),
            "{}",
            outcome.err
        );
    }
}
