//! What integration tests share: the binary with a clean environment, and a real Prometheus.

pub mod prometheus;

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The binary, with no configuration, colour or terminal of the machine's.
pub fn gpu_finops() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpu-finops"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("COLUMNS", "100");
    command
}

/// The folder of real inputs, when there is one (see CONTRIBUTING).
pub fn test_data() -> Option<PathBuf> {
    std::env::var_os("GPU_FINOPS_TEST_DATA").map(PathBuf::from)
}

/// Reads a CSV file with a header into rows of (column → value).
pub fn csv_rows(path: &Path) -> Vec<std::collections::BTreeMap<String, String>> {
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
