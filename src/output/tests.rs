//! Every format on the sample report, and the laws that hold for any report.

use std::path::Path;

use polars::prelude::{DataType, ParquetReader, PlSmallStr, SerReader};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::document::sum;
use super::sample::{empty_report, report};
use super::text::width;
use super::*;
use crate::report::contract::{Ledger, Report, ScopeRow, TenantRow, Usage, WorkloadRow};

fn text(report: &Report, format: Format, options: &RenderOptions) -> String {
    String::from_utf8(render(report, format, options).expect("encodes")).expect("UTF-8")
}

fn options(by: GroupBy, width: usize) -> RenderOptions {
    RenderOptions { by, width, ..RenderOptions::default() }
}

#[test]
fn tables_at_two_widths() {
    for by in GroupBy::ALL {
        for width in [80, 140] {
            let table = text(&report(), Format::Table, &options(*by, width));
            insta::assert_snapshot!(format!("table_{by}_{width}"), table);
        }
    }
}

#[test]
fn every_grouping_in_the_other_text_formats() {
    for by in GroupBy::ALL {
        let options = options(*by, 80);
        for format in [Format::Wide, Format::Csv, Format::Markdown] {
            insta::assert_snapshot!(format!("{format}_{by}"), text(&report(), format, &options));
        }
    }
}

#[test]
fn json_and_colour() {
    let plain = options(GroupBy::Tenant, 80);
    insta::assert_snapshot!("json", text(&report(), Format::Json, &plain));
    let color = RenderOptions { color: true, ..plain };
    let colored = text(&report(), Format::Table, &color);
    insta::assert_snapshot!("table_color", colored.replace('\u{1b}', "<ESC>"));
    for by in GroupBy::ALL {
        for width in [80, 140] {
            let plain = options(*by, width);
            let color = RenderOptions { color: true, ..plain };
            assert_eq!(
                without_colors(&text(&report(), Format::Table, &color)),
                text(&report(), Format::Table, &plain),
                "colour adds nothing but colour"
            );
        }
    }
}

fn without_colors(text: &str) -> String {
    let codes = regex::Regex::new("\u{1b}\\[[0-9]+m").expect("valid");
    codes.replace_all(text, "").into_owned()
}

#[test]
fn nothing_to_report() {
    let table = text(&empty_report(), Format::Table, &options(GroupBy::Tenant, 80));
    insta::assert_snapshot!("table_empty", table);
    let csv = text(&empty_report(), Format::Csv, &options(GroupBy::Gpu, 80));
    assert_eq!(csv.lines().count(), 1, "the header alone");
    let full = text(&report(), Format::Csv, &options(GroupBy::Gpu, 80));
    assert_eq!(csv.lines().next(), full.lines().next());
}

#[test]
fn a_cut_list_still_adds_up() {
    let options = RenderOptions { top: 1, ..options(GroupBy::Tenant, 80) };
    insta::assert_snapshot!("table_top_1", text(&report(), Format::Table, &options));
}

#[test]
fn every_grouping_has_the_same_total() {
    for by in GroupBy::ALL {
        for top in [0, 1] {
            let options = RenderOptions { top, ..options(*by, 140) };
            let table = text(&report(), Format::Table, &options);
            let total = table.lines().find(|line| line.starts_with("total of")).expect("a total");
            // Held hours and waste, as in the fleet: 114 GPU-h; 60 GPU-h × 2.50.
            assert!(total.contains("114.0") && total.contains("$150.00"), "{total}");
        }
    }
}

#[test]
fn a_scoped_report_says_what_is_of_the_whole_cluster() {
    let mut report = report();
    report.scope = ScopeRow {
        tenants: vec!["vision".to_owned()],
        namespaces: Vec::new(),
        selector: Some("app=x".to_owned()),
    };
    for format in [Format::Table, Format::Markdown] {
        let shown = text(&report, format, &options(GroupBy::Tenant, 200));
        assert!(shown.contains("Rows are limited to tenant vision, labels app=x."), "{shown}");
        assert!(shown.contains("whole cluster"), "{shown}");
    }
}

#[test]
fn an_unbalanced_ledger_is_loud() {
    let mut report = report();
    report.reconciliation.balanced = false;
    report.reconciliation.checks[0].balanced = false;
    report.reconciliation.checks[0].right = 143.0;
    let shown = text(&report, Format::Table, &options(GroupBy::Tenant, 200));
    assert!(shown.contains("does NOT balance"), "{shown}");
    assert!(shown.contains("fleet hours: 144.0000 ≠ 143.0000"), "{shown}");
}

#[test]
fn not_finite_is_unknown_everywhere() {
    let mut report = report();
    report.fleet.ledger.utilization = Some(f64::NAN);
    report.tenants[0].ledger.utilization = Some(f64::INFINITY);
    report.tenants[0].ledger.waste_cost = Some(f64::NAN);
    for format in [Format::Table, Format::Wide, Format::Json, Format::Csv, Format::Markdown] {
        let shown = text(&report, format, &options(GroupBy::Tenant, 200));
        for word in ["NaN", "nan%", "inf%", "Infinity", "$inf"] {
            assert!(!shown.contains(word), "{format}: {word} in {shown}");
        }
    }
}

#[test]
fn no_control_character_reaches_a_reader() {
    for by in GroupBy::ALL {
        for format in [Format::Table, Format::Wide, Format::Csv, Format::Markdown] {
            let shown = text(&report(), format, &options(*by, 80));
            let bad: Vec<char> = shown
                .chars()
                .filter(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}')
                .collect();
            assert!(bad.is_empty(), "{format} by {by}: {bad:?}");
        }
    }
    let markdown = text(&report(), Format::Markdown, &options(GroupBy::Namespace, 80));
    assert!(!markdown.contains("<script>"));
}

#[test]
fn csv_reads_back_to_the_same_numbers() {
    let csv = text(&report(), Format::Csv, &options(GroupBy::Tenant, 80));
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let headers = reader.headers().expect("a header").clone();
    let rows: Vec<_> = reader.records().map(|row| row.expect("well formed")).collect();
    let json = serde_json::to_value(report()).expect("serializes");
    assert_eq!(rows.len(), 4);
    for (row, tenant) in rows.iter().zip(json["tenants"].as_array().expect("a list")) {
        assert_eq!(headers.len(), tenant.as_object().expect("an object").len());
        for (name, cell) in headers.iter().zip(row) {
            match &tenant[name] {
                Value::Null => assert_eq!(cell, "", "{name}"),
                Value::Number(number) => assert_eq!(
                    cell.parse::<f64>().expect(name),
                    number.as_f64().expect("a number"),
                    "{name}"
                ),
                _ => {}
            }
        }
    }
    let hostile = &rows[2][headers.iter().position(|h| h == "tenant").expect("a tenant")];
    assert_eq!(hostile, "'=cmd()|'/C calc'!A0");
}

#[test]
fn json_is_the_contract() {
    let shown = text(&report(), Format::Json, &RenderOptions::default());
    assert!(shown.ends_with("}\n"));
    assert_eq!(serde_json::from_str::<Report>(&shown).expect("reads back"), report());
    assert!(!shown.contains("-0.0"));
}

#[test]
fn the_published_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.schema.json");
    let generated = format!("{:#}\n", report_schema());
    if std::env::var_os("GPU_FINOPS_UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &generated).expect("writable");
    }
    let published = std::fs::read_to_string(&path).expect("published");
    assert!(
        published == generated,
        "{} is out of date: run this test with GPU_FINOPS_UPDATE_SCHEMA=1",
        path.display()
    );
}

#[test]
fn the_schema_takes_reports_and_nothing_else() {
    let validator = jsonschema::validator_for(&report_schema()).expect("a valid schema");
    for report in [report(), empty_report()] {
        let json: Value =
            serde_json::from_str(&text(&report, Format::Json, &RenderOptions::default()))
                .expect("JSON");
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let json = serde_json::to_value(report()).expect("serializes");
    let mut objects = 0;
    for pointer in objects_of(&json, "") {
        if pointer.ends_with("/evidence")
            || pointer.ends_with("/samples_dropped")
            || pointer.ends_with("/unobserved_gpu_hours")
            || pointer.ends_with("/physical_gpus_by_model")
        {
            continue;
        }
        let mut changed = json.clone();
        changed.pointer_mut(&pointer).expect("there")["surprise"] = json!("x");
        assert!(!validator.is_valid(&changed), "an unknown field in `{pointer}` was accepted");
        objects += 1;
    }
    assert!(objects > 30, "{objects}");
    for (pointer, value) in [
        ("/fleet/busy_gpu_hours", json!(null)),
        ("/tenants/0/tenant", json!(1)),
        ("/findings/0/severity", json!("severe")),
    ] {
        let mut changed = json.clone();
        *changed.pointer_mut(pointer).expect("there") = value;
        assert!(!validator.is_valid(&changed), "{pointer}");
    }
    let mut changed = json;
    changed["fleet"].as_object_mut().expect("an object").remove("utilization");
    assert!(!validator.is_valid(&changed), "a missing field was accepted");
}

/// JSON pointers of every object in `value`.
fn objects_of(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let inner =
                fields.iter().flat_map(|(key, value)| objects_of(value, &format!("{at}/{key}")));
            [at.to_owned()].into_iter().chain(inner).collect()
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(i, value)| objects_of(value, &format!("{at}/{i}")))
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn parquet_reads_back_typed() {
    let dir = tempfile::tempdir().expect("a folder");
    let paths = write_parquet(&report(), &dir.path().join("new")).expect("writable");
    let stems: Vec<String> = paths
        .iter()
        .map(|path| path.file_stem().expect("named").to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        stems,
        [
            "report",
            "fleet",
            "in_scope",
            "clusters",
            "tenants",
            "namespaces",
            "workloads",
            "pods",
            "gpus",
            "nodes",
            "models",
            "modes",
            "findings",
            "warnings",
            "sources",
            "samples_dropped",
            "unobserved",
            "balance_checks",
            "assumptions"
        ]
    );
    let file = std::fs::File::open(&paths[4]).expect("written");
    let tenants = ParquetReader::new(file).finish().expect("Parquet");
    assert_eq!(tenants.height(), 4);
    assert_eq!(tenants.column("gpus_peak").expect("there").dtype(), &DataType::Float64);
    let cost = tenants.column("cost").expect("there").f64().expect("numbers");
    // 48 h, 24 h and 12 h at 2.50; the last tenant's GPUs have no price.
    assert_eq!(cost.iter().collect::<Vec<_>>(), [Some(120.0), Some(60.0), Some(30.0), None]);
    let names = tenants.column("tenant").expect("there").str().expect("texts");
    assert_eq!(names.get(2), Some("=cmd()|'/C calc'!A0"), "data files carry names as they are");
    let json = serde_json::to_value(report()).expect("serializes");
    let fields: Vec<&str> =
        json["tenants"][0].as_object().expect("an object").keys().map(String::as_str).collect();
    let columns: Vec<&str> =
        tenants.get_column_names().into_iter().map(PlSmallStr::as_str).collect();
    assert_eq!(columns, fields);
}

#[test]
fn empty_tables_keep_their_types() {
    let tables = parquet_tables(&empty_report()).expect("encodes");
    let (_, bytes) = tables.iter().find(|(name, _)| *name == "pods").expect("there");
    let pods = ParquetReader::new(std::io::Cursor::new(bytes)).finish().expect("Parquet");
    assert_eq!(pods.height(), 0);
    assert_eq!(pods.column("cost").expect("there").dtype(), &DataType::Float64);
    assert_eq!(pods.column("gpu_uuids").expect("there").dtype(), &DataType::String);
    let one = render(&report(), Format::Parquet, &options(GroupBy::Node, 80)).expect("encodes");
    let nodes = ParquetReader::new(std::io::Cursor::new(one)).finish().expect("Parquet");
    assert_eq!(nodes.height(), 2);
}

#[test]
fn a_pool_among_the_nodes_says_so() {
    let mut report = report();
    report.nodes[0].is_pool = true;
    let table = text(&report, Format::Markdown, &options(GroupBy::Node, 200));
    assert_eq!(table.matches("(pool)").count(), 1, "{table}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let error = write_parquet(&report(), &file.path().join("x")).expect_err("a file is in the way");
    assert!(error.to_string().contains(&file.path().join("x").display().to_string()), "{error}");
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9-]{0,80}",
        "\\PC{0,40}",
        ".{0,40}",
        "[東京\u{200b}\u{202e}\u{fe0f}👩‍👩‍👧é\u{301}\n|]{0,40}"
    ]
}

fn any_hours() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..1e-3, 0.0..1e3, 0.0..1e13]
}

fn any_ledger() -> impl Strategy<Value = Ledger> {
    (any_hours(), any_hours(), any_hours(), prop::option::of(any_hours())).prop_map(
        |(busy, slack, warm, price)| Ledger {
            allocated_gpu_hours: busy + slack + warm,
            busy_gpu_hours: busy,
            slack_gpu_hours: slack,
            idle_warm_gpu_hours: warm,
            observed_gpu_hours: busy + slack + warm,
            utilization_gpu_hours: busy,
            allocated_cost: price,
            waste_cost: price,
            ..Ledger::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_line_is_wider_than_asked(
        names in prop::collection::vec((any_name(), any_name(), any_ledger()), 0..6),
        wide in 40_usize..200,
        top in 0_usize..4,
    ) {
        let mut report = report();
        report.currency = "X".repeat(top + 1);
        report.tenants = names.iter().map(|(tenant, rule, ledger)| TenantRow {
            tenant: tenant.clone(), rule: rule.clone(), ledger: ledger.clone(), ..TenantRow::default()
        }).collect();
        report.workloads = names.iter().map(|(namespace, name, ledger)| WorkloadRow {
            namespace: namespace.clone(), name: name.clone(), kind: name.clone(),
            ledger: ledger.clone(), usage: Usage::default(), ..WorkloadRow::default()
        }).collect();
        for by in GroupBy::ALL {
            let options = RenderOptions { top, ..options(*by, wide) };
            for line in text(&report, Format::Table, &options).lines() {
                prop_assert!(width(line) <= wide, "{} > {wide}: {line:?}", width(line));
            }
        }
    }

    #[test]
    fn totals_are_sums_and_cutting_changes_nothing(
        ledgers in prop::collection::vec(any_ledger(), 1..8),
        cut in 0_usize..8,
    ) {
        let total = sum(&ledgers);
        let (top, rest) = ledgers.split_at(cut.min(ledgers.len()));
        let both = sum([&sum(top), &sum(rest)]);
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1.0);
        prop_assert!(close(total.allocated_gpu_hours, both.allocated_gpu_hours));
        prop_assert!(close(total.allocated_gpu_hours, ledgers.iter().map(|l| l.allocated_gpu_hours).sum()));
        prop_assert!(close(total.waste_cost.unwrap_or(0.0), ledgers.iter().filter_map(|l| l.waste_cost).sum()));
        prop_assert_eq!(total.waste_cost.is_none(), ledgers.iter().all(|l| l.waste_cost.is_none()));
        prop_assert!(close(both.waste_cost.unwrap_or(0.0), total.waste_cost.unwrap_or(0.0)));
    }
}
