use super::*;

fn matrix(series: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#)
}

#[test]
fn a_matrix_with_every_kind_of_value() {
    let body = matrix(
        r#"{"metric":{"__name__":"m","a":"x\"y\n"},"values":[[1795132800.057,"0.5"],[1795132830,"NaN"],
           [1795132860.25,"+Inf"],[1795132890,"-Inf"],[1795132920,"1e3"],[1795132950.9996,2]]}"#,
    );
    let data = series(body.as_bytes()).unwrap().data;
    assert_eq!(data.samples(), 6);
    let series = &data.series[0];
    assert_eq!(series.labels["a"], "x\"y\n");
    assert_eq!(
        series.samples.instants(),
        [
            1_795_132_800_057,
            1_795_132_830_000,
            1_795_132_860_250,
            1_795_132_890_000,
            1_795_132_920_000,
            1_795_132_951_000
        ]
    );
    assert_eq!(series.samples.values()[0], 0.5);
    assert!(series.samples.values()[1].is_nan());
    assert_eq!(series.samples.values()[2..], [f64::INFINITY, f64::NEG_INFINITY, 1000.0, 2.0]);
}

#[test]
fn a_vector_is_series_of_one_sample() {
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"node":"n"},"value":[10,"8"]},{"metric":{},"value":[10.5,"1"]}]}}"#;
    let data = series(body.as_bytes()).unwrap().data;
    assert_eq!(data.series.len(), 2);
    assert_eq!(
        (data.series[0].samples.instants()[0], data.series[0].samples.values()[0]),
        (10_000, 8.0)
    );
    assert_eq!(data.series[1].samples.instants(), [10_500]);
}

#[test]
fn disorder_and_duplicates_are_put_right() {
    let body = matrix(r#"{"metric":{},"values":[[3,"3"],[1,"1"],[2,"2"],[1,"9"],[3,"8"]]}"#);
    let series = series(body.as_bytes()).unwrap().data.series.remove(0);
    // At 1 and 3 the first served stays.
    assert_eq!(series.samples.instants(), [1_000, 2_000, 3_000]);
    assert_eq!(series.samples.values(), [1.0, 2.0, 3.0]);
}

#[test]
fn histograms_are_counted_and_left_out() {
    let body = matrix(
        r#"{"metric":{"a":"b"},"histograms":[[1,{"count":"2","buckets":[[0,"1","2","3"]]}],[2,{}]]},
           {"metric":{"a":"c"},"values":[[1,"1"]]}"#,
    );
    let data = series(body.as_bytes()).unwrap().data;
    assert_eq!((data.histograms_ignored, data.series.len()), (2, 1));
}

#[test]
fn empty_answers_are_answers() {
    for body in [
        matrix(""),
        r#"{"status":"success","data":{"resultType":"vector","result":null}}"#.into(),
        r#"{"status":"success","isPartial":false,"data":{"resultType":"matrix","result":[]},"warnings":null}"#.into(),
    ] {
        assert_eq!(series(body.as_bytes()).unwrap().data, SeriesData::default(), "{body}");
    }
}

#[test]
fn warnings_and_infos_come_along() {
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[]},
        "warnings":["store-3: no answer"],"infos":["not a counter"]}"#;
    let answer = series(body.as_bytes()).unwrap();
    assert_eq!(answer.warnings, ["store-3: no answer"]);
    assert_eq!(answer.infos, ["not a counter"]);
}

#[test]
fn truncation_is_told_from_nonsense_wherever_it_cuts() {
    let body = matrix(r#"{"metric":{"a":"b"},"values":[[1.5,"1"],[2,"2"]]}"#);
    for at in 1..body.len() {
        let error = series(&body.as_bytes()[..at]).unwrap_err();
        assert_eq!(error, DecodeError::Truncated { at }, "{}", &body[..at]);
    }
    assert_eq!(series(b"").unwrap_err(), DecodeError::Truncated { at: 0 });
}

#[test]
fn what_is_not_the_api_is_refused() {
    let web = b"\n <!doctype html><html>login</html>";
    assert_eq!(series(web).unwrap_err(), DecodeError::WebPage);
    for bad in [
        "hello",
        "[]",
        "{}",
        r#"{"status":"success"}"#,
        r#"{"status":"fine","data":{"resultType":"matrix","result":[]}}"#,
        r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#,
        &matrix(r#"{"metric":{},"values":[[1,"abc"]]}"#),
        &matrix(r#"{"metric":{},"values":[[1]]}"#),
        &matrix(r#"{"metric":{},"values":[[1,"1",2]]}"#),
        &matrix(r#"{"metric":{},"values":[["x","1"]]}"#),
        &matrix(r#"{"metric":{},"values":[[1e300,"1"]]}"#),
        &matrix(r#"{"metric":{"a":1},"values":[]}"#),
        &matrix(&"[".repeat(5_000)),
    ] {
        let error = series(bad.as_bytes()).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed(_)), "{bad}: {error:?}");
    }
}

#[test]
fn an_error_in_the_apis_words() {
    let body = br#"{"status":"error","errorType":"execution","error":"too many samples"}"#;
    assert_eq!(api_error(body), Some(("execution".into(), "too many samples".into())));
    assert_eq!(
        series(body).unwrap_err(),
        DecodeError::Api { error_type: "execution".into(), message: "too many samples".into() }
    );
    assert_eq!(api_error(b"oops"), None);
}

/// Real servers' answers, each with what is in it. They are not part of the project.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn recorded_answers_are_understood() {
    let Some(data) = std::env::var_os("GPU_FINOPS_TEST_DATA") else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let mut found = Vec::new();
    let folder = std::path::Path::new(&data).join("scrapes/promapi");
    for entry in std::fs::read_dir(folder).expect("a folder of test data") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let answer = series(&std::fs::read(&path).expect("a file")).expect(&name);
        let what: Vec<_> = answer
            .data
            .series
            .iter()
            .map(|s| {
                format!(
                    "{} {:?} at {:?}",
                    s.labels["__name__"],
                    s.samples.values(),
                    s.samples.instants()
                )
            })
            .collect();
        found.push(format!("{name}: {}\n", what.join("; ")));
    }
    found.sort();
    insta::assert_snapshot!("promapi", found.concat());
}
