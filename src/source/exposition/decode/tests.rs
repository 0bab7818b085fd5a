use super::*;

fn counts(found: &Exposition) -> Vec<(&'static str, u64)> {
    found.ignored.iter().map(|(why, n)| (why.name(), *n)).collect()
}

#[test]
fn every_line_is_a_sample_or_counted() {
    let text =
        "# HELP a Words.\n# TYPE a gauge\n\na{b=\"c\"} 1\r\n# just words\nbroken{ 2\na 3 oops\n";
    let found = decode(text.as_bytes());
    assert_eq!(found.samples.len(), 1);
    assert_eq!(counts(&found), [("blank", 1), ("comment", 1), ("metadata", 2), ("malformed", 2)]);
    assert_eq!(
        found.problems,
        [
            "line 6: the name of a label is missing: broken{ 2",
            "line 7: `oops` is no timestamp: a 3 oops",
        ]
    );
}

#[test]
fn openmetrics_is_known_by_its_end() {
    let lines = "# TYPE a counter\n# UNIT a seconds\na_total 1 1795132800.5 # {id=\"x\"} 1\na_created 1795132000\n";
    let found = decode(format!("{lines}# EOF\n").as_bytes());
    assert_eq!(found.samples.len(), 2);
    assert_eq!(found.samples[0].at_ms, Some(1_795_132_800_500));
    assert_eq!(found.samples[1].labels["__name__"], "a_created");
    assert_eq!(counts(&found), [("metadata", 2), ("end-marker", 1), ("exemplar", 1)]);
    // Cut off before its end: the fraction is no millisecond, and is not taken for one.
    let cut = decode(lines.as_bytes());
    assert_eq!(counts(&cut), [("metadata", 2), ("malformed", 1)]);
}

#[test]
fn histograms_and_summaries_stay_series() {
    let text = "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n\
                # TYPE s summary\ns{quantile=\"0.9\"} 7\ns_sum 7\ns_count 1\n";
    let found = decode(text.as_bytes());
    let names: Vec<_> = found.samples.iter().map(|s| s.labels["__name__"].as_str()).collect();
    assert_eq!(names, ["h_bucket", "h_bucket", "h_sum", "h_count", "s", "s_sum", "s_count"]);
    assert_eq!(found.samples[1].labels["le"], "+Inf");
    assert_eq!(found.samples[4].labels["quantile"], "0.9");
}

#[test]
fn sizes_are_bounded() {
    let long = format!("a{{b=\"{}\"}} 1\na 2\n", "x".repeat(MAX_LINE_BYTES));
    let found = decode(long.as_bytes());
    assert_eq!((found.samples.len(), counts(&found)), (1, vec![("long-line", 1)]));
    assert!(found.problems[0].starts_with("line 1: longer than 1048576 bytes: a{b=\"xxx"));
    assert!(found.problems[0].len() < 300, "{}", found.problems[0]);

    let many = decode_within(b"a 1\nb 2\nc 3\nd 4\n\n", 2, &|_| true);
    assert_eq!(many.samples.len(), 2);
    assert_eq!(counts(&many), [("blank", 1), ("over-limit", 2)]);
    assert_eq!(many.problems, ["line 3: after the first 2 samples: c 3"]);

    let bad = decode("oops\n".repeat(1_000).as_bytes());
    assert_eq!((bad.problems.len(), counts(&bad)), (MAX_PROBLEMS, vec![("malformed", 1_000)]));
}

#[test]
fn bytes_that_are_no_text_cost_their_line() {
    let found = decode(b"a{b=\"\xff\"} 1\nb 2\n");
    assert_eq!((found.samples.len(), counts(&found)), (1, vec![("not-utf8", 1)]));
    assert_eq!(found.problems, ["line 1: not UTF-8: a{b=\"\u{fffd}\"} 1"]);
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(decode(b""), Exposition::default());
    assert_eq!(counts(&decode(b"\n")), [("blank", 1)]);
    assert_eq!(decode(b"a 1").samples, decode(b"a 1\n").samples);
}

#[test]
fn problems_hold_no_control_characters() {
    let found = decode("a{b=\"\u{1b}[31m\"} x\n".as_bytes());
    assert_eq!(found.problems, ["line 1: `x` is no number: a{b=\" [31m\"} x"]);
}
