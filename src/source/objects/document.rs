//! The text of one file, taken apart into JSON values: one JSON value or several in a row, or a
//! stream of YAML documents. A broken document is reported with its place; the others are used.

use std::ops::Range;

use serde_json::Value;

use super::one_line;

/// Least that a document may hold in scalars after its aliases are expanded.
const MIN_SCALAR_BYTES: usize = 64 << 20;

/// One document of a file.
#[derive(Debug, PartialEq)]
pub(in crate::source) struct Document {
    /// Counted from 1.
    pub(in crate::source) number: usize,
    /// Where it stands in the text, in bytes.
    pub(in crate::source) span: Range<usize>,
    /// What is in it, or what is wrong with it and where.
    pub(in crate::source) content: Result<Value, String>,
}

/// Every document in `text`.
pub(in crate::source) fn documents(text: &str) -> Vec<Document> {
    if text.trim_start().starts_with(['{', '[']) {
        let json = json_documents(text);
        if json.iter().any(|d| d.content.is_ok()) {
            return json;
        }
        // Flow-style YAML starts like JSON, too.
        let yaml = yaml_documents(text);
        return if yaml.iter().any(|d| d.content.is_ok()) { yaml } else { json };
    }
    yaml_documents(text)
}

/// JSON values one after the other. After a broken one, reading goes on at the next line that
/// starts a value in the first column, as every value printed by kubectl does.
fn json_documents(text: &str) -> Vec<Document> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let start = text.len() - rest.len();
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            None => break,
            Some(Ok(value)) => {
                let span = start..start + stream.byte_offset();
                found.push(Document { number: found.len() + 1, span, content: Ok(value) });
                rest = rest[stream.byte_offset()..].trim_start();
            }
            Some(Err(error)) => {
                let line = text[..text.len() - rest.len()].matches('\n').count() + error.line();
                let message = error.to_string();
                let message = message.rsplit_once(" at line ").map_or(&*message, |(text, _)| text);
                let place = format!("line {line}, column {}: ", error.column());
                let content = Err(place + &one_line(message));
                rest = next_value(rest);
                let span = start..text.len() - rest.len();
                found.push(Document { number: found.len() + 1, span, content });
            }
        }
    }
    found
}

fn next_value(text: &str) -> &str {
    let start = ["\n{", "\n["].iter().filter_map(|mark| text.find(mark)).min();
    start.map_or("", |start| &text[start + 1..])
}

/// YAML documents, split at `---` and `...` in the first column. (YAML allows neither anywhere
/// else, not even in block scalars.) So a syntax error spoils its own document only.
fn yaml_documents(text: &str) -> Vec<Document> {
    let mut found = Vec::new();
    for (first_line, span) in split_yaml(text) {
        let source = &text[span.clone()];
        if is_blank(source) {
            continue;
        }
        let parsed = parse_yaml(source);
        if matches!(parsed, Ok(Value::Null)) {
            continue;
        }
        let content = parsed.map_err(|error| {
            let place = error.location().map_or_else(
                || format!("line {first_line}: "),
                |at| {
                    let line = first_line + usize::try_from(at.line()).unwrap_or(1).max(1) - 1;
                    format!("line {line}, column {}: ", at.column())
                },
            );
            place + &yaml_message(&error)
        });
        found.push(Document { number: found.len() + 1, span, content });
    }
    found
}

/// The parser's message without the place, which it counts from the document's start.
fn yaml_message(error: &serde_saphyr::Error) -> String {
    let message = error.without_snippet().to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let message = message
        .split_once(": ")
        .map_or(message, |(head, tail)| if head.starts_with("line ") { tail } else { message });
    one_line(message)
}

/// Documents with the number of their first line, counted from 1.
fn split_yaml(text: &str) -> Vec<(usize, Range<usize>)> {
    let mut documents = Vec::new();
    let (mut start, mut start_line) = (0, 1);
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let next = offset + line.len();
        if is_marker(line, "---") && !is_directives(&text[start..offset]) {
            documents.push((start_line, start..offset));
            (start, start_line) = (offset, index + 1);
        } else if is_marker(line, "...") {
            documents.push((start_line, start..offset));
            (start, start_line) = (next, index + 2);
        }
        offset = next;
    }
    documents.push((start_line, start..text.len()));
    documents
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether this is the head of the document that the next marker starts.
fn is_directives(head: &str) -> bool {
    is_blank(head) && head.lines().any(|line| line.starts_with('%'))
}

/// Whether there is nothing but blank lines, comments, directives and bare markers.
fn is_blank(document: &str) -> bool {
    document.lines().all(|line| {
        let line = line.trim_end();
        line == "---"
            || line.trim_start().is_empty()
            || line.trim_start().starts_with('#')
            || line.starts_with('%')
    })
}

fn parse_yaml(source: &str) -> Result<Value, serde_saphyr::Error> {
    // kubectl prints no anchors at all, and people few; what aliases may blow up is bounded.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_depth: 64,
            max_aliases: 10_000,
            max_anchors: 10_000,
            max_total_scalar_bytes: source.len().max(MIN_SCALAR_BYTES),
            max_recorded_anchor_bytes: 16 << 20,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 200_000 },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(source, options)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contents(text: &str) -> Vec<Result<Value, String>> {
        documents(text).into_iter().map(|d| d.content).collect()
    }

    #[test]
    fn json_in_every_form() {
        assert_eq!(contents(r#"{"a": 1}"#), [Ok(json!({"a": 1}))]);
        assert_eq!(contents("{\"a\":1}\n{\"b\":2}"), [Ok(json!({"a": 1})), Ok(json!({"b": 2}))]);
        assert_eq!(contents(r#"{"a":1}{"b":2}"#).len(), 2);
        assert_eq!(contents(r#" [{"a": 1}] "#), [Ok(json!([{"a": 1}]))]);
        assert_eq!(contents("{a: 1}"), [Ok(json!({"a": 1}))], "flow-style YAML");
    }

    #[test]
    fn a_broken_json_value_is_placed_and_the_next_is_used() {
        let found = contents("{\"a\": 1}\n{\n  \"b\": oops\n}\n{\"c\": 3}\n");
        assert_eq!(found[0], Ok(json!({"a": 1})));
        let error = found[1].as_ref().expect_err("oops is not JSON");
        assert!(error.starts_with("line 3, column 8: expected value"), "{error}");
        assert_eq!(found[2], Ok(json!({"c": 3})));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn truncated_json_is_one_problem() {
        let found = contents("{\n  \"items\": [\n    {\"a\": 1},\n");
        assert_eq!(found.len(), 1);
        let error = found[0].as_ref().expect_err("truncated");
        assert!(error.contains("EOF"), "{error}");
    }

    #[test]
    fn yaml_documents_are_split_and_numbered() {
        let text =
            "# head\n%YAML 1.2\n---\na: 1\n---\n# nothing\n---\nb: |\n  ---\n  x\n...\n---\nc: 3";
        assert_eq!(
            documents(text).into_iter().map(|d| (d.number, d.content)).collect::<Vec<_>>(),
            [(1, Ok(json!({"a": 1}))), (2, Ok(json!({"b": "---\nx\n"}))), (3, Ok(json!({"c": 3}))),]
        );
    }

    #[test]
    fn a_broken_yaml_document_is_placed_and_the_others_are_used() {
        // The bad indentation is on line 5 of the file.
        let found = contents("a: 1\n---\nb:\n  c: 1\n d: 2\n---\ne: 5\n");
        assert_eq!(found[0], Ok(json!({"a": 1})));
        let error = found[1].as_ref().expect_err("bad indentation");
        assert!(error.starts_with("line 5, column "), "{error}");
        assert!(!error.contains("at line"), "{error}");
        assert_eq!(found[2], Ok(json!({"e": 5})));
    }

    #[test]
    fn alias_bombs_are_bounded() {
        let tenfold = (1..10).map(|i| {
            let refs = vec![format!("*a{}", i - 1); 10].join(",");
            format!("a{i}: &a{i} [{refs}]\n")
        });
        let text = format!("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{}", tenfold.collect::<String>());
        assert!(contents(&text)[0].is_err());
        // One large scalar, many times.
        let refs = vec!["*a"; 1_000].join(",");
        let text = format!("a: &a \"{}\"\nb: [{refs}]\n", "x".repeat(1 << 20));
        assert!(contents(&text)[0].is_err());
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        assert!(contents(&"[".repeat(100_000)).iter().all(Result::is_err));
        assert!(contents(&"- ".repeat(100_000)).iter().all(Result::is_err));
        let text = format!("a: {}", "{a: ".repeat(100_000));
        assert!(contents(&text).iter().all(Result::is_err));
    }
}
