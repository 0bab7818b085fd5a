//! Checks with hostile names in every place, in every format.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::super::{MIN_WIDTH, doctor_schema};
use super::*;
use crate::doctor::contract::{CheckTotals, Fix, Group, SCHEMA_VERSION, State};
use crate::report::contract::WindowRow;

/// Markup, a formula, an escape sequence and a line break in one name.
const HOSTILE: &str = "=cmd|'/C calc'!A0\u{1b}[31m<b>|[x](http://evil)\n\u{202e}```";

fn check(id: &str, state: State, fix: Option<Fix>) -> Check {
    Check {
        id: id.into(),
        group: Group::Metrics,
        state,
        subject: Some(HOSTILE.into()),
        message: format!("found {HOSTILE}"),
        figures: BTreeMap::from([("series".to_owned(), -0.0)]),
        names: vec![HOSTILE.into()],
        fix,
        docs: "docs/sources.md#metrics".into(),
    }
}

fn report() -> DoctorReport {
    let fix =
        |text: Option<&str>| Some(Fix { action: "add it".into(), text: text.map(Into::into) });
    DoctorReport {
        schema_version: SCHEMA_VERSION.into(),
        generated_at: "2026-11-20T12:00:00Z".into(),
        tool_version: "0".into(),
        window: WindowRow {
            start: "2026-11-19T12:00:00Z".into(),
            end: "2026-11-20T12:00:00Z".into(),
            hours: 24.0,
        },
        readable: true,
        complete: false,
        totals: CheckTotals { fail: 1, warn: 1, ok: 1, skipped: 1 },
        checks: vec![
            check("one", State::Fail, fix(Some("- a: 1\n  b: [\"2\"]"))),
            check("two", State::Warn, fix(None)),
            check("three", State::Ok, None),
            check("four", State::Skipped, None),
        ],
    }
}

fn text(report: &DoctorReport, format: Format, width: usize) -> String {
    let options = RenderOptions { width, top: 0, ..RenderOptions::default() };
    let bytes = render_doctor(report, format, &options).expect("renders");
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn what_fails_comes_first_with_its_fix_beneath() {
    let table = text(&report(), Format::Table, 80);
    assert!(
        table.contains("A report would be incomplete: 1 check fails, 1 could be better"),
        "{table}"
    );
    assert!(table.contains("  To do: add it:\n    - a: 1\n      b: [\"2\"]\n"), "{table}");
    let place = |part: &str| table.find(part).unwrap_or_else(|| panic!("{part} in {table}"));
    assert!(place("metrics: one") < place("metrics: two"));
    assert!(place("metrics: two") < place("three (") && place("three (") < place("four ("));
    for width in [MIN_WIDTH, 80, 160] {
        let table = text(&report(), Format::Table, width);
        for line in table.lines() {
            assert!(super::super::text::width(line) <= width, "{width}: {line}");
        }
    }
    let whole = DoctorReport { complete: true, ..report() };
    assert!(text(&whole, Format::Table, 80).contains("A report would be complete: no check fails"));
    let nothing = DoctorReport { readable: false, ..report() };
    assert!(text(&nothing, Format::Table, 80).contains("Nothing could be read: 1 check fails."));
}

#[test]
fn hostile_names_do_nothing_in_any_format() {
    for format in [Format::Table, Format::Wide, Format::Markdown, Format::Csv, Format::Json] {
        let shown = text(&report(), format, 120);
        let control = shown.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "{format}: {shown}");
    }
    let markdown = text(&report(), Format::Markdown, 80);
    assert!(!markdown.contains("<b>") && !markdown.contains("http://"), "{markdown}");
    // A fence that the text cannot end.
    let mut fenced = report();
    fenced.checks[0].fix = Some(Fix { action: "x".into(), text: Some("a\n```\n<b>".into()) });
    let markdown = text(&fenced, Format::Markdown, 80);
    assert!(markdown.contains("  ````text\n  a\n  ```\n  <b>\n  ````\n"), "{markdown}");
    let csv = text(&report(), Format::Csv, 80);
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<::csv::StringRecord> = reader.records().map(|r| r.expect("a row")).collect();
    assert_eq!(rows.len(), 4);
    assert!(rows[0][3].starts_with("'=cmd"), "{:?}", rows[0]);
}

#[test]
fn the_published_schema_of_doctor_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/doctor.schema.json");
    let generated = format!("{:#}\n", doctor_schema());
    if std::env::var_os("GPU_FINOPS_UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &generated).expect("writable");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == generated,
        "{} is out of date: run this test with GPU_FINOPS_UPDATE_SCHEMA=1",
        path.display()
    );
}

#[test]
fn json_is_the_contract_and_the_schema_takes_nothing_else() {
    let shown = text(&report(), Format::Json, 80);
    assert!(!shown.contains("-0.0"));
    assert_eq!(serde_json::from_str::<DoctorReport>(&shown).expect("reads back"), report());
    let validator = jsonschema::validator_for(&doctor_schema()).expect("a valid schema");
    let json: Value = serde_json::from_str(&shown).expect("JSON");
    assert!(validator.is_valid(&json));
    for place in ["", "/window", "/totals", "/checks/0", "/checks/0/fix"] {
        let mut changed = json.clone();
        changed.pointer_mut(place).expect("there")["surprise"] = json!(1);
        assert!(!validator.is_valid(&changed), "an unknown field in `{place}` was accepted");
    }
    for (place, value) in [
        ("/checks/0/state", json!("broken")),
        ("/checks/0/group", json!("other")),
        ("/checks/0/figures/series", json!("1")),
    ] {
        let mut changed = json.clone();
        *changed.pointer_mut(place).expect("there") = value;
        assert!(!validator.is_valid(&changed), "{place}");
    }
    let mut changed = json;
    changed["checks"][0].as_object_mut().expect("an object").remove("fix");
    assert!(!validator.is_valid(&changed), "a missing field was accepted");
}
