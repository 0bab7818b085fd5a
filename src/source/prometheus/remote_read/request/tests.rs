use super::*;
use crate::model::QueryId;
use crate::model::query::QueryKind;
use crate::source::prometheus::render::{Bindings, render};

fn shown(promql: &str) -> Option<Vec<String>> {
    let sign = |kind| match MatcherType::try_from(kind).unwrap() {
        MatcherType::Equal => "=",
        MatcherType::NotEqual => "!=",
        MatcherType::Regex => "=~",
        MatcherType::NotRegex => "!~",
    };
    let found = matchers(promql)?;
    Some(found.iter().map(|m| format!("{}{}{}", m.name, sign(m.kind), m.value)).collect())
}

#[test]
fn selectors_become_matchers() {
    let cases: [(&str, &[&str]); 5] = [
        (r#"{__name__=~"A|B"}"#, &["__name__=~A|B"]),
        (r#"{__name__="A",cluster="eu.1"}"#, &["__name__=A", r"cluster=~eu\.1"]),
        (
            r#" up { a = "1" , b!='2',c=~`x\d`,d!~"y.*" ,} "#,
            &["__name__=up", "a=~1", "b!=2", r"c=~x\d", "d!~y.*"],
        ),
        (r#"m{a="",b=~"\\.\"\x41\u00e4\n"}"#, &["__name__=m", "a=~", "b=~\\.\"Aä\n"]),
        (r#"a:b{c='\'\101'}"#, &["__name__=a:b", "c=~'A"]),
    ];
    for (promql, expected) in cases {
        assert_eq!(shown(promql).unwrap(), expected, "{promql}");
    }
}

#[test]
fn anything_else_is_left_to_the_query_api() {
    for promql in [
        "",
        "{}",
        "up",
        "up > 0",
        r#"up{a="1"} == 1"#,
        r#"sum(up{a="1"})"#,
        r#"up{a="1"}[5m]"#,
        r#"up{a="1" b="2"}"#,
        r#"up{a=1}"#,
        r#"up{a="1}"#,
        r#"up{a="\q"}"#,
        r#"up{a="\xff"}"#,
        r#"up{"a"="1"}"#,
        "up{a=\"\n\"}",
        r#"1up{a="1"}"#,
        r#"up{a=="1"}"#,
    ] {
        assert_eq!(shown(promql), None, "{promql}");
    }
}

#[test]
fn every_raw_query_of_the_catalogue_is_understood() {
    let user = ["cluster=\"prod\"".to_owned(), "region!~'eu.*'".to_owned()];
    let mut bindings = Bindings::new(&user, &["nvidia.com/gpu".to_owned()]).unwrap();
    bindings.nodes.labels = vec!["node".into()];
    bindings.nodes.values = ["n.1\"".to_owned()].into();
    let mut count = 0;
    for query in QueryId::ALL {
        if !matches!(query.kind(), QueryKind::Raw | QueryKind::Tail) {
            continue;
        }
        for text in render(*query, &bindings).unwrap() {
            let found = shown(&text).unwrap_or_else(|| panic!("{text}"));
            assert!(found.contains(&"cluster=~prod".to_owned()), "{found:?}");
            assert!(found.contains(&"region!~eu.*".to_owned()), "{found:?}");
            if text.contains("node=~") {
                assert!(found.contains(&r#"node=~n\.1""#.to_owned()), "{found:?}");
            }
            count += 1;
        }
    }
    assert_eq!(count, 13);
}

#[test]
fn a_request_is_a_compressed_message_whose_end_is_inclusive() {
    let request = read(matchers(r#"up{a="1"}"#).unwrap(), 1_000, 2_000);
    assert_eq!(request.request.path, "/api/v1/read");
    let body = snap::raw::Decoder::new().decompress_vec(&request.body.unwrap()).unwrap();
    let message = ReadRequest::decode(&body[..]).unwrap();
    assert_eq!(message.accepted_response_types, [STREAMED_XOR_CHUNKS]);
    let [query] = &message.queries[..] else { panic!("one query") };
    assert_eq!((query.start_timestamp_ms, query.end_timestamp_ms), (1_000, 1_999));
    assert_eq!(query.matchers.len(), 2);
    // The wire form by hand: field 1 (the query), field 2 packed with the one type.
    assert_eq!((body[0], &body[body.len() - 3..]), (0x0a, &[0x12, 0x01, 0x01][..]));
}
