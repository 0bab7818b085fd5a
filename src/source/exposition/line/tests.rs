use super::*;

fn sample(line: &str) -> ParsedLine {
    parse(line, TimestampUnit::Milliseconds).unwrap_or_else(|why| panic!("{line}: {why:?}"))
}

fn refusal(line: &str) -> String {
    match parse(line, TimestampUnit::Milliseconds) {
        Err(Refusal::Malformed(why)) => why,
        other => panic!("{line}: {other:?}"),
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// What prometheus-parse makes of a text without our help: metric names, labels, values, instants.
fn alone(text: &str) -> Vec<(String, Labels, String)> {
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let scrape = Scrape::parse_at(lines, DateTime::UNIX_EPOCH).expect("no reader that fails");
    let mut found: Vec<_> = scrape
        .samples
        .iter()
        .map(|s| {
            let at = s.timestamp.timestamp_millis();
            let labels = s.labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            (s.metric.clone(), labels, format!("{:?} at {at}", s.value))
        })
        .collect();
    found.sort();
    found
}

/// Why the wrapper is there: each of these is lost or bent by the crate alone, and whole with it.
/// Should a new version of the crate fail this test, it has become better: see what may go.
#[test]
fn what_the_crate_alone_leaves_out() {
    let one = |name: &str, pairs: &[(&str, &str)], value: &str| {
        vec![(name.to_owned(), labels(pairs), value.to_owned())]
    };
    let nothing = Vec::new();
    for (line, crate_alone, name, want) in [
        ("vllm:num_requests_running 1", nothing.clone(), "vllm:num_requests_running", vec![]),
        (r#"a{route="/x/{id}"} 1"#, nothing.clone(), "a", vec![("route", "/x/{id}")]),
        (r#"a{} 1"#, nothing.clone(), "a", vec![]),
        (r#"a{b="c"}1"#, nothing.clone(), "a", vec![("b", "c")]),
        (r#"{"a.b",c="d"} 1"#, nothing, "a.b", vec![("c", "d")]),
        (
            r#"a{b="x,y",c="d"} 1"#,
            // `b` is cut at the comma.
            one("a", &[("b", "x"), ("c", "d")], "Untyped(1.0) at 0"),
            "a",
            vec![("b", "x,y"), ("c", "d")],
        ),
        (
            r#"a{b="x=y",c="d"} 1"#,
            one("a", &[("c", "d")], "Untyped(1.0) at 0"),
            "a",
            vec![("b", "x=y"), ("c", "d")],
        ),
        (
            r#"a{b="x", c="d"} 1"#,
            one("a", &[("b", "x"), (" c", "d")], "Untyped(1.0) at 0"),
            "a",
            vec![("b", "x"), ("c", "d")],
        ),
        (
            r#"a{b="\"q\"\\\n"} 1"#,
            one("a", &[("b", r#"\"q\"\\\n"#)], "Untyped(1.0) at 0"),
            "a",
            vec![("b", "\"q\"\\\n")],
        ),
    ] {
        assert_eq!(alone(line), crate_alone, "{line}");
        let found = sample(line);
        let mut want = labels(&want);
        want.insert("__name__".to_owned(), name.to_owned());
        assert_eq!((found.labels, found.value), (want, 1.0), "{line}");
    }
    // Seconds with a fraction, an exemplar's value, and nonsense are no problem to it.
    for line in ["a 1 1.5", "a 1 # {t=\"x\"} 7", "a 1 nonsense"] {
        assert_eq!(alone(line), one("a", &[], "Untyped(1.0) at 0"), "{line}");
    }
    // Series of a histogram are folded into one value, in an order that changes from run to run.
    let text = "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\n";
    assert_eq!(alone(text).len(), 1);
    assert_eq!(sample("h_bucket{le=\"+Inf\"} 3").labels["le"], "+Inf");
}

#[test]
fn values_as_exporters_print_them() {
    for (value, want) in [
        ("1", 1.0),
        ("-0.5", -0.5),
        ("+3", 3.0),
        ("1.5e+09", 1.5e9),
        ("1E3", 1000.0),
        ("9223372036854775794", 9_223_372_036_854_775_808.0),
        ("+Inf", f64::INFINITY),
        ("-Inf", f64::NEG_INFINITY),
        ("inf", f64::INFINITY),
    ] {
        assert_eq!(sample(&format!("a {value}")).value, want, "{value}");
    }
    for value in ["NaN", "nan", "NAN"] {
        assert!(sample(&format!("a {value}")).value.is_nan(), "{value}");
    }
}

#[test]
fn timestamps_are_milliseconds_or_seconds() {
    let at = |line, unit| parse(line, unit).map(|s| s.at_ms);
    use TimestampUnit::{Milliseconds, Seconds};
    assert_eq!(at("a 1", Milliseconds), Ok(None));
    assert_eq!(at("a 1 1795132800057", Milliseconds), Ok(Some(1_795_132_800_057)));
    assert_eq!(at("a 1 -3982045", Milliseconds), Ok(Some(-3_982_045)));
    assert_eq!(at("a 1 1795132800.057", Seconds), Ok(Some(1_795_132_800_057)));
    assert_eq!(at("a 1 1795132800", Seconds), Ok(Some(1_795_132_800_000)));
    assert!(refusal("a 1 1795132800.057").contains("# EOF"));
    assert!(refusal("a 1 99999999999999999999").contains("out of range"));
    assert_eq!(refusal("a 1 soon"), "`soon` is no timestamp");
    assert!(refusal("a 1 inf").contains("out of range"));
    assert!(refusal("a 1 999999999999999").contains("out of range"));
    // Milliseconds where seconds belong would be the year 58855.
    assert!(at("a 1 1795132800057", Seconds).is_err());
    assert!(at("a 1 NaN", Seconds).is_err());
}

#[test]
fn exemplars_are_told_from_nonsense() {
    let line = r#"a_bucket{le="1"} 17 # {trace_id="Kx#9}z"} 9.8 1520879607.789"#;
    let found = parse(line, TimestampUnit::Seconds).expect("a bucket with an exemplar");
    assert_eq!((found.value, found.at_ms, found.exemplar), (17.0, None, true));
    let found = parse("a 1 2.5 # {} 3", TimestampUnit::Seconds).expect("a sample with an exemplar");
    assert_eq!((found.at_ms, found.exemplar), (Some(2_500), true));
    assert!(!sample("a 1").exemplar);
    for line in ["a 1 # comment", "a 1 2 3", "a 1 2 #"] {
        assert_eq!(refusal(line), "there is more than a value and a timestamp", "{line}");
    }
}

#[test]
fn what_is_no_sample_says_why() {
    for (line, why) in [
        ("a", "there is no value"),
        ("a{b=\"c\"}", "there is no value"),
        ("a # {} 1", "there is no value"),
        ("a one", "`one` is no number"),
        ("a 1_000", "`1_000` is no number"),
        ("a 0x10", "`0x10` is no number"),
        ("a 1\u{a0}2", "the value is no number"),
        ("a=1", "a blank is missing after the name"),
        ("1a 1", "it does not begin with the name of a metric"),
        ("{b=\"c\"} 1", "it does not begin with the name of a metric"),
        ("{\"\"} 1", "it does not begin with the name of a metric"),
        ("a{b=c} 1", "the value of label `b` is not in quotes"),
        ("a{b} 1", "the label `b` has no value"),
        ("a{b=\"c} 1", "a quote is not closed"),
        ("a{b=\"c\\", "a quote is not closed"),
        ("a{b=\"c\" d=\"e\"} 1", "a `,` or `}` is missing after a label"),
        ("a{b=\"c\"", "a `,` or `}` is missing after a label"),
        ("a{,} 1", "the name of a label is missing"),
        ("a{1=\"c\"} 1", "the name of a label is missing"),
        ("a{\"\"=\"c\"} 1", "the name of a label is empty"),
        ("a{b=\"c\",b=\"d\"} 1", "two labels have one name"),
        ("a{__name__=\"c\"} 1", "`__name__` is the name of a label"),
    ] {
        assert_eq!(refusal(line), why, "{line}");
    }
}

#[test]
fn of_the_grammar_and_not_understood() {
    for line in ["a {count:1,sum:2} 3", "a 1 st@2", "a 1 2 st@1"] {
        let found = parse(line, TimestampUnit::Seconds);
        assert!(matches!(found, Err(Refusal::Unsupported(_))), "{line}: {found:?}");
    }
}

#[test]
fn labels_are_bounded() {
    let with = |n: usize| {
        let labels: String = (0..n).map(|i| format!("l{i}=\"v\",")).collect();
        parse(&format!("a{{{labels}}} 1"), TimestampUnit::Milliseconds)
    };
    assert_eq!(with(MAX_LABELS).map(|s| s.labels.len()), Ok(MAX_LABELS + 1));
    assert_eq!(with(MAX_LABELS + 1), Err(Refusal::TooManyLabels));
}

#[test]
fn forms_that_are_rare_and_right() {
    for line in [
        "a{b=\"c\",} 1",
        "a {b=\"c\"} 1",
        "a\t{ b = \"c\" , }\t1",
        "{\"a\", b=\"c\"} 1",
        "{\"a\",\"b\"=\"c\"} 1",
    ] {
        assert_eq!(sample(line).labels, labels(&[("__name__", "a"), ("b", "c")]), "{line}");
    }
    // An unknown escape stands for itself; an empty value stays as printed.
    let found = sample(r#"a{b="\d",c=""} 1"#);
    assert_eq!(found.labels, labels(&[("__name__", "a"), ("b", "\\d"), ("c", "")]));
}
