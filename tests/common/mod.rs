//! What integration tests share: the binary with a clean environment, and real metric servers.

pub(crate) mod cluster;
pub(crate) mod http;
pub(crate) mod metrics;
pub(crate) mod prometheus;
pub(crate) mod rollups;
pub(crate) mod scripts;
pub(crate) mod store;
pub(crate) mod victoria;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// The binary, with no configuration, colour or terminal of the machine's.
pub(crate) fn gpu_finops() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpu-finops"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("COLUMNS", "100");
    command
}

/// The folder of real inputs, when there is one (see CONTRIBUTING).
pub(crate) fn test_data() -> Option<PathBuf> {
    std::env::var_os("GPU_FINOPS_TEST_DATA").map(PathBuf::from)
}

/// Reads a CSV file with a header into rows of (column → value).
pub(crate) fn csv_rows(path: &Path) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("reference table");
    let header = reader.headers().expect("header").clone();
    reader
        .records()
        .map(|record| {
            let record = record.expect("row");
            header.iter().zip(record.iter()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
        })
        .collect()
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Outcome {
    /// Runs to the end. Whatever a test is about, a panic and a control character are wrong.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("runs");
        let err = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(!err.contains("panicked"), "{err}");
        assert!(!err.contains('\u{1b}'), "{err:?}");
        Self { code: output.status.code().unwrap_or(-1), out: output.stdout, err }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("UTF-8")
    }

    /// The JSON of a run that went well.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_slice(&self.out).expect("JSON on standard output")
    }

    /// Checks the exit code and that standard error has each of `parts`.
    #[track_caller]
    pub(crate) fn failed_with(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not in: {}", self.err);
        }
    }
}

/// `report` on one of the clusters of a server, in the invented window, without Kubernetes.
pub(crate) fn report(url: &str, cluster: &str) -> Command {
    let mut command = gpu_finops();
    command
        .args(["report", "--no-kubernetes", "--prometheus", url])
        .args(["--prometheus-matcher", &format!("cluster=\"{cluster}\"")])
        .args(["--start", cluster::START, "--end", cluster::END, "--now", cluster::NOW])
        .args(["--price", "A100=2"]);
    command
}

/// `value` is `expected`, but for the last bits.
#[track_caller]
pub(crate) fn close(row: &Value, field: &str, expected: f64) {
    let value = row[field].as_f64().unwrap_or_else(|| panic!("{field} is a number in {row}"));
    assert!((value - expected).abs() < 1e-9, "{field}: {value} is not {expected}");
}

/// The row of a list whose `field` is `value`.
#[track_caller]
pub(crate) fn row<'a>(rows: &'a Value, field: &str, value: &str) -> &'a Value {
    let rows = rows.as_array().expect("a list");
    rows.iter().find(|r| r[field] == value).unwrap_or_else(|| panic!("{value} in {rows:?}"))
}

/// Codes of the report's warnings.
pub(crate) fn warnings(report: &Value) -> Vec<&str> {
    let warnings = report["coverage"]["warnings"].as_array().expect("a list");
    warnings.iter().map(|w| w["code"].as_str().expect("text")).collect()
}
