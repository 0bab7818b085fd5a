//! A PromQL selector as the matchers of a remote-read request.

use bytes::Bytes;
use prost::Message;

use super::super::render::regex_escaped;
use super::super::transport::{ApiRequest, StreamRequest};
use super::message::{LabelMatcher, MatcherType, Query, ReadRequest, STREAMED_XOR_CHUNKS};
use crate::units::Millis;

/// Where servers serve remote read.
const PATH: &str = "/api/v1/read";

/// The request for the samples of `matchers` in `[start, end)`.
pub(super) fn read(matchers: Vec<LabelMatcher>, start: Millis, end: Millis) -> StreamRequest {
    let query = Query {
        start_timestamp_ms: start,
        // Inclusive.
        end_timestamp_ms: end - 1,
        matchers,
    };
    let message =
        ReadRequest { queries: vec![query], accepted_response_types: vec![STREAMED_XOR_CHUNKS] };
    let body = snap::raw::Encoder::new()
        .compress_vec(&message.encode_to_vec())
        .expect("a request is shorter than the 4 GiB that snappy takes");
    StreamRequest {
        request: ApiRequest { path: PATH.to_owned(), params: Vec::new() },
        headers: vec![
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-read-version", "0.1.0"),
        ],
        body: Some(Bytes::from(body)),
    }
}

/// The matchers of `promql`; `None` when it is anything but one plain selector.
///
/// What must be equal is asked for as a regular expression, the metric's name apart. Prometheus takes
/// `label="value"` out of a remote-read request when that is one of its external labels, and `label=""`
/// always; as regular expressions they mean what they mean to its query API.
pub(super) fn matchers(promql: &str) -> Option<Vec<LabelMatcher>> {
    let mut text = Text { rest: promql.trim() };
    let mut matchers = Vec::new();
    let name = text.name();
    if !name.is_empty() {
        matchers.push(matcher(MatcherType::Equal, "__name__", name.to_owned()));
    }
    text.take("{")?;
    while text.take("}").is_none() {
        let label = Some(text.name()).filter(|name| !name.is_empty() && !name.contains(':'))?;
        let kind = text.operator()?;
        matchers.push(matcher(kind, label, text.string()?));
        if text.take(",").is_none() {
            text.take("}")?;
            break;
        }
    }
    (text.rest.is_empty() && !matchers.is_empty()).then_some(matchers)
}

fn matcher(kind: MatcherType, label: &str, value: String) -> LabelMatcher {
    let (kind, value) = match kind {
        MatcherType::Equal if label != "__name__" => (MatcherType::Regex, regex_escaped(&value)),
        _ => (kind, value),
    };
    LabelMatcher { kind: kind.into(), name: label.to_owned(), value }
}

/// What is left of the text.
struct Text<'a> {
    rest: &'a str,
}

impl<'a> Text<'a> {
    fn take(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?.trim_start();
        Some(())
    }

    fn name(&mut self) -> &'a str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return "";
        }
        self.rest = rest;
        name
    }

    fn operator(&mut self) -> Option<MatcherType> {
        let operators = [
            ("=~", MatcherType::Regex),
            ("!~", MatcherType::NotRegex),
            ("!=", MatcherType::NotEqual),
            ("=", MatcherType::Equal),
        ];
        operators.into_iter().find_map(|(token, kind)| self.take(token).map(|()| kind))
    }

    /// A string in either kind of quotes, its escapes resolved; in backticks there are none.
    fn string(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        let mut chars = self.rest[1..].chars();
        let mut value = Vec::new();
        loop {
            match chars.next()? {
                c if c == quote => break,
                '\n' if quote != '`' => return None,
                '\\' if quote != '`' => value.extend(escape(&mut chars)?),
                c => value.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        self.rest = chars.as_str();
        String::from_utf8(value).ok()
    }
}

/// The bytes that an escape stands for, as in Go.
fn escape(chars: &mut std::str::Chars<'_>) -> Option<Vec<u8>> {
    let plain = match chars.next()? {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '\'' => b'\'',
        '"' => b'"',
        'x' => return u8::try_from(digits(chars, 2, 16, 0)?).ok().map(|byte| vec![byte]),
        'u' => return character(digits(chars, 4, 16, 0)?),
        'U' => return character(digits(chars, 8, 16, 0)?),
        c => {
            let octal = digits(chars, 2, 8, c.to_digit(8)?)?;
            return u8::try_from(octal).ok().map(|byte| vec![byte]);
        }
    };
    Some(vec![plain])
}

fn digits(chars: &mut std::str::Chars<'_>, count: u32, radix: u32, first: u32) -> Option<u32> {
    (0..count).try_fold(first, |number, _| {
        number.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?)
    })
}

fn character(number: u32) -> Option<Vec<u8>> {
    char::from_u32(number).map(|c| c.to_string().into_bytes())
}

#[cfg(test)]
mod tests;
