//! A listing with hostile names in every place, in every format.

use std::path::Path;

use serde_json::{Value, json};

use super::super::{MIN_WIDTH, claims_schema};
use super::*;
use crate::claims::Class;
use crate::claims::contract::*;
use crate::report::contract::SourceRow;

/// Markup, a formula, an escape sequence and a line break in one name.
const HOSTILE: &str = "=cmd|'/C calc'!A0\u{1b}[31m<b>|[x](http://evil)\n\u{202e}";

fn claim(name: &str, class: Class, share: Option<f64>, cost: Option<f64>) -> ClaimRow {
    ClaimRow {
        namespace: "ml".into(),
        name: name.into(),
        uid: Some("6f0e1a2b-0000-4000-8000-000000000001".into()),
        class,
        settled: true,
        why: "reserved by Pod a".into(),
        action: "none: it is in use".into(),
        tenant: Some("vision".into()),
        devices: vec![DeviceRow {
            driver: "gpu.nvidia.com".into(),
            pool: "node-1".into(),
            device: "gpu-0".into(),
            node: Some("node-1".into()),
            model: Some("NVIDIA H100 80GB HBM3".into()),
            uuid: Some("GPU-6f0e1a2b".into()),
            profile: None,
            share,
            request: "gpu".into(),
            admin_access: false,
        }],
        share_total: share,
        holders: vec![HolderRow {
            kind: "Pod".into(),
            namespace: "ml".into(),
            name: "a".into(),
            uid: "uid-a".into(),
            state: HolderState::Gone,
        }],
        created_at: Some("2026-11-20T00:00:00Z".into()),
        allocated_at: None,
        deleted_at: None,
        age_seconds: Some(43_200.0),
        cost_per_day: cost,
        usage: None,
        owner: Some(OwnerRow { kind: "Pod".into(), name: "a".into(), uid: "uid-a".into() }),
    }
}

fn report() -> ClaimsReport {
    let total = |class, gpus, cost_per_day, without| ClassTotal {
        class,
        count: 1,
        settled: 1,
        gpus,
        without_share: without,
        cost_per_day,
        without_cost: without,
    };
    let hostile = ClaimRow {
        namespace: HOSTILE.into(),
        why: format!("reserved by Pod {HOSTILE}"),
        tenant: Some(HOSTILE.into()),
        ..claim(HOSTILE, Class::GhostReserved, Some(-0.0), Some(0.0))
    };
    let mut unknown = claim("slice", Class::OrphanAllocated, None, None);
    unknown.settled = false;
    ClaimsReport {
        schema_version: SCHEMA_VERSION.into(),
        generated_at: "2026-11-20T12:00:00Z".into(),
        tool_version: "0".into(),
        currency: "USD".into(),
        scope: ClaimScope::default(),
        claims: vec![
            claim("eval", Class::ZombieDeleting, Some(1.0), Some(48.0)),
            unknown,
            hostile,
            claim("train", Class::Active, Some(1.0 / 7.0), Some(48.0 / 7.0)),
        ],
        totals: vec![
            total(Class::OrphanAllocated, 0.0, None, 1),
            total(Class::GhostReserved, 0.0, Some(0.0), 0),
            total(Class::ZombieDeleting, 1.0, Some(48.0), 0),
            total(Class::Active, 1.0 / 7.0, Some(48.0 / 7.0), 0),
        ],
        coverage: ClaimCoverage {
            sources: vec![SourceRow {
                name: "kubernetes/nodes".into(),
                status: "failed".into(),
                detail: "not allowed".into(),
            }],
            problems: vec![ProblemRow { subject: HOSTILE.into(), detail: "no price".into() }],
            complete: false,
            usage: UseCoverage { detail: "use is not judged".into(), ..UseCoverage::default() },
        },
    }
}

fn text(report: &ClaimsReport, format: Format, width: usize) -> String {
    let options = RenderOptions { width, top: 0, ..RenderOptions::default() };
    let bytes = render_claims(report, format, &options).expect("renders");
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn the_table_fits_and_says_what_it_leaves_out() {
    for width in [MIN_WIDTH, 80, 100, 160] {
        let table = text(&report(), Format::Table, width);
        for line in table.lines() {
            assert!(super::super::text::width(line) <= width, "{width}: {line}");
        }
    }
    let table = text(&report(), Format::Table, 80);
    let verdict = "4 claims; 3 stale hold 1.0 GPU, $48.00 a day (1 of them not settled).";
    assert!(table.contains(verdict), "{table}");
    assert!(table.contains("Sums leave out the cost of 1 claim and the GPUs of 1 (? below)"));
    let row = table.lines().find(|line| line.starts_with("ml/slice")).expect("listed");
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells, ["ml/slice", "orphan-allocated", "!", "?", "?", "12h"]);
    let row = table.lines().find(|line| line.starts_with("ml/train")).expect("listed");
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells, ["ml/train", "active", "0.143", "$6.86", "12h"]);
    assert!(table.contains("kubernetes/nodes: not allowed"), "{table}");
    let wide = text(&report(), Format::Wide, 80);
    assert!(wide.contains("GPU-6f0e1a2b") && wide.contains("NVIDIA H100 80GB HBM3"), "{wide}");
}

#[test]
fn idle_claims_are_counted_and_explained() {
    let table = text(&report(), Format::Table, 80);
    assert!(table.contains("Use is not judged."), "{table}");
    let mut idle = claim("notebook", Class::IdleButReserved, Some(1.0), Some(72.0));
    idle.usage = Some(UsageRow {
        held_gpu_hours: 30.0,
        observed_gpu_hours: 30.0,
        idle_gpu_hours: 30.0,
        idle_since: Some("2026-11-19T06:00:00Z".into()),
        idle_seconds: 108_000.0,
        signals: vec!["gpu_util".into(), "sm_active".into()],
    });
    let usage = UseCoverage { judged: true, ..UseCoverage::default() };
    let coverage = ClaimCoverage { usage, ..ClaimCoverage::default() };
    let report = ClaimsReport { claims: vec![idle], coverage, ..report() };
    let table = text(&report, Format::Table, 80);
    let verdict = "1 claim; none is stale and holds a device; 1 idle but reserved holds 1.0 GPU, $72.00 \
                   a day.";
    let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(verdict), "{table}");
    assert!(table.contains("IDLE BUT RESERVED: WHY, AND WHAT TO DO"), "{table}");
    assert!(!table.contains("not judged"), "{table}");
    assert!(text(&report, Format::Wide, 80).contains("2026-11-19T06:00:00Z"));
    let csv = text(&report, Format::Csv, 80);
    assert!(
        csv.contains(",30.0,30.0,30.0,2026-11-19T06:00:00Z,108000.0,gpu_util;sm_active,"),
        "{csv}"
    );
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
    let csv = text(&report(), Format::Csv, 80);
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<::csv::StringRecord> = reader.records().map(|r| r.expect("a row")).collect();
    assert_eq!(rows.len(), 4);
    assert!(rows[2][0].starts_with("'=cmd") && rows[2][1].starts_with("'=cmd"), "{:?}", rows[2]);
}

#[test]
fn csv_has_one_row_for_each_claim_and_leaves_empty_what_is_not_known() {
    let csv = text(&report(), Format::Csv, 80);
    let header = "namespace,name,uid,class,settled,tenant,share_total,cost_per_day,age_seconds,\
                  created_at,allocated_at,deleted_at,held_gpu_hours,observed_gpu_hours,\
                  idle_gpu_hours,idle_since,idle_seconds,signals,nodes,models,devices,holders,owner,why,action";
    assert_eq!(csv.lines().next(), Some(header));
    let row = "ml,slice,6f0e1a2b-0000-4000-8000-000000000001,orphan-allocated,false,vision,,,43200.0,\
               2026-11-20T00:00:00Z,,,,,,,,,node-1,NVIDIA H100 80GB HBM3,gpu.nvidia.com/node-1/gpu-0,\
               Pod a (gone),Pod a,reserved by Pod a,none: it is in use";
    assert_eq!(csv.lines().nth(2), Some(row));
}

#[test]
fn none_and_none_seen_are_two_things() {
    let empty = |sources: Vec<SourceRow>, classes: Vec<Class>| ClaimsReport {
        claims: vec![],
        totals: vec![],
        scope: ClaimScope { namespaces: vec![], classes },
        coverage: ClaimCoverage { sources, complete: true, ..ClaimCoverage::default() },
        ..report()
    };
    let line = |name: &str, status: &str| SourceRow {
        name: name.into(),
        status: status.into(),
        detail: "for a reason".into(),
    };
    for (report, verdict) in [
        (empty(vec![], vec![]), "There is no resource claim."),
        (empty(vec![], vec![Class::Admin]), "No resource claim is in scope."),
        (empty(vec![line("kubernetes/resourceclaims", "empty")], vec![]), "There is no resource"),
        (
            empty(vec![line("kubernetes/resourceclaims", "failed")], vec![]),
            "No resource claim was read: kubernetes/resourceclaims: for a reason",
        ),
        (
            empty(vec![line("kubernetes/resource.k8s.io", "skipped")], vec![]),
            "No resource claim was read: kubernetes/resource.k8s.io: for a reason",
        ),
    ] {
        let table = text(&report, Format::Table, 80);
        assert!(table.contains(verdict), "{table}");
    }
}

#[test]
fn the_published_schema_of_claims_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/claims.schema.json");
    let generated = format!("{:#}\n", claims_schema());
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
    assert_eq!(serde_json::from_str::<ClaimsReport>(&shown).expect("reads back"), report());
    let validator = jsonschema::validator_for(&claims_schema()).expect("a valid schema");
    let json: Value = serde_json::from_str(&shown).expect("JSON");
    assert!(validator.is_valid(&json));
    let places = [
        "",
        "/scope",
        "/claims/0",
        "/claims/0/devices/0",
        "/claims/0/holders/0",
        "/claims/0/owner",
        "/totals/0",
        "/coverage",
        "/coverage/sources/0",
        "/coverage/problems/0",
    ];
    for place in places {
        let mut changed = json.clone();
        changed.pointer_mut(place).expect("there")["surprise"] = json!(1);
        assert!(!validator.is_valid(&changed), "an unknown field in `{place}` was accepted");
    }
    for (place, value) in [
        ("/claims/0/class", json!("lost")),
        ("/claims/0/settled", json!(null)),
        ("/totals/0/gpus", json!("1")),
    ] {
        let mut changed = json.clone();
        *changed.pointer_mut(place).expect("there") = value;
        assert!(!validator.is_valid(&changed), "{place}");
    }
    let mut changed = json;
    changed["claims"][0].as_object_mut().expect("an object").remove("cost_per_day");
    assert!(!validator.is_valid(&changed), "a missing field was accepted");
}
