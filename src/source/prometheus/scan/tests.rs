use proptest::prelude::*;

use super::super::decode;
use super::*;
use crate::model::Labels;
use crate::mutation::{damaged, fixed};

fn whole(series: &str) -> String {
    format!("{}{series}]}}}}", str::from_utf8(START).unwrap())
}

/// What the full parser makes of it, if it is a matrix with nothing beside it.
fn parsed(body: &[u8]) -> Option<Vec<Series>> {
    decode::parsed_series(body).ok().map(|answer| answer.data.series)
}

fn bits(series: &[Series]) -> Vec<(&Labels, Vec<(Millis, u64)>)> {
    let one = |s: &Series| s.samples().map(|(at, value)| (at, value.to_bits())).collect();
    series.iter().map(|s| (&s.labels, one(s))).collect()
}

/// Scans `body`, which gives the same as parsing, or nothing. Whether it was scanned.
fn agree(body: &[u8]) -> bool {
    let Some(scanned) = matrix(body) else { return false };
    let parsed = parsed(body).unwrap_or_else(|| panic!("{:?}", String::from_utf8_lossy(body)));
    assert!(bits(&scanned) == bits(&parsed), "{:?}", String::from_utf8_lossy(body));
    true
}

#[test]
fn what_prometheus_writes_is_scanned() {
    for series in [
        "",
        r#"{"metric":{},"values":[[1795132800,"5"]]}"#,
        r#"{"metric":{"__name__":"m","a":"ä|{}[]"},"values":[[1795132800.057,"12.5"],[1795132830.1,"-0"],[1795132860.25,"100"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[0,"0.1"],[0.001,"123456789012345"],[9999999999.999,"0.000001"]]},{"metric":{"a":"2"},"values":[[3,"3"],[1,"1"],[3,"4"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[1,"NaN"],[2,"+Inf"],[3,"-Inf"],[4,"1e-7"],[5,"2147483632"],[6,"140737488355328.25"],[7,"0.12345678901234567"]]}"#,
        r#"{"metric":{"a":"1"},"values":[]}"#,
    ] {
        assert!(agree(whole(series).as_bytes()), "{series}");
        assert!(agree(format!("{}\n", whole(series)).as_bytes()), "{series}");
    }
}

#[test]
fn anything_else_is_not() {
    let good = r#"{"metric":{"a":"1"},"values":[[1,"2"]]}"#;
    let mut bodies = vec![
        whole(good).replace("]}}", r#"]},"warnings":["w"]}"#),
        whole(good).replace("]}}", r#"]},"infos":["i"]}"#),
        whole(good).replace("matrix", "vector"),
        whole(good).replace(r#""data""#, r#""isPartial":false,"data""#),
        whole(good).replace(",\"", ", \""),
        format!("{}x", whole(good)),
        whole(good)[..40].to_owned(),
        r#"{"status":"error","errorType":"x","error":"y"}"#.to_owned(),
    ];
    for series in [
        r#"{"metric":{"a":"\""},"values":[[1,"2"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[1,"2"]],"histograms":[]}"#,
        r#"{"metric":{"a":"1"},"values":[[1,2]]}"#,
        r#"{"metric":{"a":"1"},"values":[[01,"2"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[-1,"2"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[1e3,"2"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[1.,"2"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[1.0005,"2"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[12345678901,"2"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[1,""]]}"#,
        r#"{"metric":{"a":"1"},"values":[[1,"-"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[1,"2"],]}"#,
        r#"{"metric":{"a":"1",},"values":[[1,"2"]]}"#,
        r#"{"metric":{"a":"1"},"values":[[1,"2"]]},"#,
    ] {
        bodies.push(whole(series));
    }
    for body in bodies {
        assert_eq!(matrix(body.as_bytes()), None, "{body}");
    }
}

const ANSWERS: &[&str] = &[
    r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"m","UUID":"GPU-1"},"values":[[1795132800.057,"0.5"],[1795132830.057,"NaN"],[1795132860.25,"100"]]},{"metric":{},"values":[[1,"-2147483632.75"]]}]}}"#,
];

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
    "[1,\"1\"],",
    "00000000",
    "123456789",
    "NaN",
    "Inf",
    "infinity",
    " ",
];

proptest! {
    #![proptest_config(fixed(3_000))]

    #[test]
    fn a_damaged_answer_is_read_as_the_full_parser_reads_it_or_left_to_it(
        body in damaged(ANSWERS, PIECES),
    ) {
        agree(&body);
    }

    #[test]
    fn every_number_is_the_one_that_the_full_parser_reads(
        samples in prop::collection::vec(
            (0..10_000_000_000_000_i64, prop_oneof![
                (-1_000..1_000_i32).prop_map(|v| v.to_string()),
                any::<f64>().prop_map(|v| v.to_string()),
                any::<f64>().prop_map(|v| format!("{v:e}")),
                (any::<i32>(), 0..9_u32).prop_map(|(v, n)| format!("{v}.{}", 10_u64.pow(n))),
                "-?[0-9]{1,18}(\\.[0-9]{1,18})?",
            ]),
            1..20,
        ),
        decimals in 0..4_usize,
    ) {
        let unit = 10_i64.pow(u32::try_from(3 - decimals).unwrap());
        let values: Vec<String> = samples
            .iter()
            .map(|(at, value)| {
                let at = at / unit * unit;
                let part = &format!(".{:03}", at % 1_000)[..if decimals == 0 { 0 } else { decimals + 1 }];
                format!("[{}{part},\"{value}\"]", at / 1_000)
            })
            .collect();
        let body = whole(&format!(r#"{{"metric":{{"a":"1"}},"values":[{}]}}"#, values.join(",")));
        prop_assert!(agree(body.as_bytes()), "{}", body);
    }
}
