//! Every format, and the published schema.

use tempfile::TempDir;

use super::{bill, demo, reconcile};
use crate::common::gpu_finops;

#[test]
fn json_is_as_published() {
    let folder = TempDir::new().expect("temporary folder");
    let report = reconcile(&demo(), &bill(folder.path(), &demo(), &[]), &["-o", "json"]).json();
    let schema = gpu_finops::output::reconcile_schema();
    let text = format!("{schema:#}\n");
    crate::settings_reference::assert_generated("schema/reconcile.schema.json", &text);
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let errors: Vec<String> =
        validator.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn every_other_format_is_written() {
    let folder = TempDir::new().expect("temporary folder");
    let path = bill(folder.path(), &demo(), &[]);
    for format in
        ["table", "wide", "markdown", "github-comment", "gitlab-comment", "github-summary"]
    {
        let text = reconcile(&demo(), &path, &["-o", format]);
        assert!(text.text().contains("The ledger and the bill"), "{format}: {}", text.text());
    }
    for format in ["junit", "sarif", "slack"] {
        assert!(!reconcile(&demo(), &path, &["-o", format]).out.is_empty(), "{format}");
    }
    let csv = reconcile(&demo(), &path, &["-o", "csv"]);
    assert!(csv.text().starts_with("status,cluster,nodes,resource_id,"), "{}", csv.text());
    let tables = folder.path().join("tables");
    let to = ["-o", "parquet", "--output-file", tables.to_str().expect("UTF-8")];
    assert_eq!(reconcile(&demo(), &path, &to).code, 0);
    for name in ["machines", "days", "set_aside"] {
        assert!(tables.join(format!("{name}.parquet")).is_file(), "{name}");
    }
    let help = gpu_finops().args(["reconcile", "--help"]).output().expect("runs");
    assert!(String::from_utf8_lossy(&help.stdout).contains("--max-difference"));
}
