//! Reports by way of roll-ups, and what may differ from those by the straight way.

use std::collections::BTreeMap;

use gpu_finops::model::{Inputs, Policy, Window};
use gpu_finops::report::accounts::Accounts;
use gpu_finops::report::build::{Stamp, of_accounts};
use gpu_finops::report::contract::Report;
use gpu_finops::rollup::{Merge, Partition, decode, encode};
use serde_json::Value;

/// The report on a cluster by the name `c`, straight from its inputs.
pub(crate) fn straight(inputs: &Inputs, policy: &Policy) -> Report {
    let accounts = Accounts::new(inputs, policy).of_cluster("c");
    of_accounts(&accounts, policy, Stamp::default())
}

/// The files of a part of it.
pub(crate) fn part(inputs: &Inputs, policy: &Policy) -> BTreeMap<String, Vec<u8>> {
    let partition = Partition {
        cluster: "c".into(),
        accounts: Accounts::new(inputs, policy).of_cluster("c"),
        assumptions: Vec::new(),
        tool_version: String::new(),
    };
    let files = encode(&partition).expect("no bug");
    assert!(encode(&partition).expect("no bug") == files, "the same rows, other bytes");
    files.into_iter().collect()
}

/// The report on parts that were rolled up one by one.
pub(crate) fn from_parts(
    parts: Vec<BTreeMap<String, Vec<u8>>>,
    window: Window,
    now_ms: i64,
    policy: &Policy,
) -> Report {
    let mut merge = Merge::new(window);
    for part in parts {
        merge.add(decode(part).expect("as written")).expect("one currency");
    }
    let accounts = merge.finish(now_ms).accounts;
    of_accounts(&accounts, policy, Stamp::default())
}

/// Where two reports differ by more than the last digits, but for what tells of sources. Rows are found by what
/// they are about: of two that waste the same, either may come first.
pub(crate) fn differences(a: &Report, b: &Report) -> Vec<String> {
    let flat = |report: &Report| {
        let mut report = serde_json::to_value(report).expect("JSON");
        report["coverage"]["sources"] = Value::Null;
        report["coverage"]["warnings"] = Value::Null;
        report["coverage"]["complete"] = Value::Null;
        let mut out = BTreeMap::new();
        flatten(String::new(), &report, &mut out);
        out
    };
    let (a, b) = (flat(a), flat(b));
    let paths: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let same = |x: Option<&Value>, y: Option<&Value>| match (x, y) {
        (Some(Value::Number(x)), Some(Value::Number(y))) => {
            let (x, y) = (x.as_f64().unwrap_or(f64::NAN), y.as_f64().unwrap_or(f64::NAN));
            (x - y).abs() <= 1e-9 * x.abs().max(1.0)
        }
        (x, y) => x == y,
    };
    paths
        .into_iter()
        .filter(|path| !same(a.get(*path), b.get(*path)))
        .map(|path| format!("{path}: {:?}, then {:?}", a.get(path), b.get(path)))
        .collect()
}

fn flatten(path: String, value: &Value, out: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, v)| flatten(format!("{path}/{name}"), v, out));
        }
        Value::Array(rows) => {
            for (n, row) in rows.iter().enumerate() {
                flatten(format!("{path}/{}", name_of(row).unwrap_or(n.to_string())), row, out);
            }
        }
        value => {
            out.insert(path, value.clone());
        }
    }
}

/// What a row is about.
fn name_of(row: &Value) -> Option<String> {
    const NAMES: [&str; 14] = [
        "cluster",
        "tenant",
        "rule",
        "namespace",
        "kind",
        "name",
        "pod",
        "uid",
        "uuid",
        "node",
        "model",
        "mode",
        "id",
        "from",
    ];
    let fields = row.as_object()?;
    let text = |name: &&str| fields.get(*name).map(Value::to_string);
    let names: Vec<String> = NAMES.iter().filter_map(text).collect();
    (!names.is_empty()).then(|| names.join(" "))
}
