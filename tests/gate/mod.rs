//! `diff` and `compare`: what manifests ask for, what the rules say, what CI servers are told.

mod commands;
mod documented;
pub(crate) mod formats;
mod laws;
mod manifests;

use std::path::Path;

use serde_json::Value;

use crate::common::{Outcome, gpu_finops};

/// `diff` of two places with more arguments.
fn diff(base: &Path, head: &Path, args: &[&str]) -> Outcome {
    let mut command = gpu_finops();
    command.arg("diff").arg("--base").arg(base).arg("--head").arg(head).args(args);
    Outcome::of(&mut command)
}

/// Its JSON, however it ended.
fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.out)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&outcome.out)))
}

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("temporary folder");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    dir
}

/// A Deployment that asks for so many GPUs in each of so many replicas.
fn deployment(name: &str, replicas: u32, gpus: u32, more: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: team-a
spec:
  replicas: {replicas}
  template:
    spec:
      {more}
      containers:
        - name: main
          resources:
            limits:
              nvidia.com/gpu: {gpus}
"
    )
}

const H100: &str = "nodeSelector: {cloud.google.com/gke-accelerator: nvidia-h100-80gb}";
