//! `budget`: what is spent day by day is the report, and every case has its exit code.

mod balance;
mod commands;
mod outputs;
mod real_day;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Outcome, gpu_finops};
use crate::settings_reference::in_repository;

/// A file of budgets, and the folder that it is in.
struct Budgets {
    folder: TempDir,
}

impl Budgets {
    fn new(text: &str) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        std::fs::write(folder.path().join("budgets.yaml"), text).expect("writable");
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("budgets.yaml")
    }

    /// `budget ACTION` with them.
    fn run(&self, action: &[&str], more: &[&str]) -> Outcome {
        let mut command = gpu_finops();
        command.arg("budget").args(action).arg("--budgets").arg(self.path()).args(more);
        Outcome::of(&mut command)
    }

    /// `budget ACTION` on the demo's week.
    fn on_demo(&self, action: &[&str], more: &[&str]) -> Outcome {
        let demo = demo();
        self.run(action, &[&["--snapshot", &demo], more].concat())
    }
}

fn demo() -> String {
    in_repository("fixtures/demo").to_str().expect("UTF-8").to_owned()
}

/// The JSON of a check, whatever its exit code.
fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.out).unwrap_or_else(|e| panic!("{e}: {}", outcome.err))
}

/// The row of a budget.
#[track_caller]
fn budget<'a>(report: &'a Value, name: &str) -> &'a Value {
    crate::common::row(&report["budgets"], "name", name)
}

fn number(row: &Value, pointer: &str) -> f64 {
    row.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer} in {row:#}"))
}

#[track_caller]
fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-6 * expected.abs().max(1.0), "{value} is not {expected}");
}

fn schema(path: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(path);
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("published")).expect("JSON");
    jsonschema::validator_for(&schema).expect("a valid schema")
}
