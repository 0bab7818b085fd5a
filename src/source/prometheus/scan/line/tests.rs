use proptest::prelude::*;

use super::super::super::victoriametrics::parse;
use super::*;
use crate::mutation::{damaged, fixed};

fn bits(series: &Series) -> (&Labels, Vec<(Millis, u64)>) {
    (&series.labels, series.samples().map(|(at, value)| (at, value.to_bits())).collect())
}

/// Scans `body`, which gives the same as parsing, or nothing. Whether it was scanned.
fn agree(body: &[u8]) -> bool {
    let Some(scanned) = line(body) else { return false };
    // What is scanned and no JSON: as newer versions write it.
    let text = String::from_utf8_lossy(body);
    let json = ["[", ","].iter().fold(text.into_owned(), |text, before| {
        text.replace(&format!("{before}+Inf"), &format!("{before}\"Infinity\""))
            .replace(&format!("{before}-Inf"), &format!("{before}\"-Infinity\""))
            .replace(&format!("{before}NaN"), &format!("{before}null"))
    });
    let body = if parse::line(body).is_ok() { body } else { json.as_bytes() };
    let parsed = parse::line(body);
    let parsed = parsed.unwrap_or_else(|error| panic!("{error}: {json:?}"));
    assert!(bits(&scanned) == bits(&parsed), "{json:?}");
    true
}

const LINES: &[&str] = &[
    r#"{"metric":{"__name__":"m","UUID":"GPU-1"},"values":[0,0.5,null,100],"timestamps":[1795132800057,1795132830057,1795132860250,1795132890250]}"#,
    r#"{"metric":{"a":"x\u003cy\"\\"},"values":[-7,+Inf,-Inf,0.0000001],"timestamps":[3,2,1,0]}"#,
    r#"{"metric":{},"values":[10000000000000000000000,0.12345678901234567],"timestamps":[1,1]}"#,
];

#[test]
fn what_the_server_writes_is_scanned() {
    for line in LINES {
        assert!(agree(line.as_bytes()), "{line}");
    }
    let series = line(LINES[0].as_bytes()).unwrap();
    assert_eq!(series.samples.len(), 4);
    assert_eq!(series.samples.values()[2].to_bits(), STALE_NAN_BITS);
    assert_eq!(series.labels["UUID"], "GPU-1");
    let series = line(LINES[1].as_bytes()).unwrap();
    assert_eq!(series.labels["a"], "x<y\"\\");
    assert_eq!(series.samples.values(), [1e-7, f64::NEG_INFINITY, f64::INFINITY, -7.0]);
    // Of two samples at one instant the first stays.
    assert_eq!(line(LINES[2].as_bytes()).unwrap().samples.values(), [1e22]);
    let nothing = line(br#"{"metric":{"a":"b"},"values":[],"timestamps":[]}"#).unwrap();
    assert_eq!((nothing.labels.len(), nothing.samples.len()), (1, 0));
    let old = line(br#"{"metric":{},"values":[NaN],"timestamps":[1]}"#).unwrap();
    assert_eq!(old.samples.values()[0].to_bits(), STALE_NAN_BITS);
}

#[test]
fn anything_else_is_not() {
    for line in [
        "",
        r#"{"metric":{},"values":[1],"timestamps":[1]"#,
        r#"{"metric":{},"values":[1],"timestamps":[1]}}"#,
        r#"{"metric":{},"values":[1], "timestamps":[1]}"#,
        r#"{"metric":{},"values":[1,2],"timestamps":[1]}"#,
        r#"{"metric":{},"values":[01],"timestamps":[1]}"#,
        r#"{"metric":{},"values":[-01],"timestamps":[1]}"#,
        r#"{"metric":{},"values":[1.],"timestamps":[1]}"#,
        r#"{"metric":{},"values":[.5],"timestamps":[1]}"#,
        r#"{"metric":{},"values":[1e3],"timestamps":[1]}"#,
        r#"{"metric":{},"values":["Infinity"],"timestamps":[1]}"#,
        r#"{"metric":{},"values":[1,],"timestamps":[1,2]}"#,
        r#"{"metric":{},"values":[1],"timestamps":[1.5]}"#,
        r#"{"metric":{},"values":[1],"timestamps":[-1]}"#,
        r#"{"metric":{},"values":[1],"timestamps":[01]}"#,
        r#"{"metric":{},"values":[1],"timestamps":[1234567890123456]}"#,
        r#"{"metric":{"a":1},"values":[1],"timestamps":[1]}"#,
        r#"{"values":[1],"timestamps":[1],"metric":{}}"#,
    ] {
        assert_eq!(super::line(line.as_bytes()), None, "{line}");
    }
}

const PIECES: &[&str] = &[
    "0",
    "9",
    ".",
    "-",
    "+",
    "e5",
    "\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\\",
    "é",
    "\n",
    " ",
    "null",
    "00000000",
    "123456789",
    "NaN",
    "+Inf",
    "-Inf",
    "Infinity",
    "\"a\":\"b\",",
    "\\u0041",
];

proptest! {
    #![proptest_config(fixed(4_000))]

    #[test]
    fn a_damaged_line_is_read_as_the_parser_reads_it_or_left_to_it(body in damaged(LINES, PIECES)) {
        agree(&body);
    }

    #[test]
    fn every_number_is_the_one_that_the_parser_reads(
        samples in prop::collection::vec(
            (0..1_000_000_000_000_000_i64, prop_oneof![
                (-1_000..1_000_i32).prop_map(|v| v.to_string()),
                Just("null".to_owned()),
                (-1e25..1e25_f64).prop_map(|v| v.to_string()),
                (-1.0..1.0_f64).prop_map(|v| v.to_string()),
                (any::<i32>(), 1..9_u32).prop_map(|(v, n)| format!("{v}.{}", 10_u64.pow(n))),
                "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,18})?",
            ]),
            0..20,
        ),
    ) {
        let (instants, values): (Vec<i64>, Vec<String>) = samples.into_iter().unzip();
        let body = format!(
            r#"{{"metric":{{"a":"1"}},"values":[{}],"timestamps":{instants:?}}}"#,
            values.join(","),
        );
        prop_assert!(agree(body.replace(", ", ",").as_bytes()), "{}", body);
    }
}
