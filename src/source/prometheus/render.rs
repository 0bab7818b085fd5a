//! Filling the placeholders of `queries/*.promql`.
//!
//! `{{matchers}}` stands right after a matcher and becomes nothing or `,a="b",…`; `{{gpu_resources}}`,
//! `{{nodes}}` and `{{namespaces}}` become regex alternations of escaped values; `{{node_label}}` and
//! `{{namespace_label}}` become the names under which the server carries node and namespace
//! (`exported_node` where a scrape does not honour labels). Nothing here sends a query.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::QueryId;

/// Longest alternation in one selector, bytes. Longer ones become several selectors, so that a
/// request fits into a URL where a server (or the Kubernetes service proxy) takes no POST.
pub const MAX_ALTERNATION_BYTES: usize = 6 * 1024;

static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{([a-z_]+)\}\}").expect("a constant pattern that compiles"));

static MATCHER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"^\s*[A-Za-z_][A-Za-z0-9_]*\s*(=|!=|=~|!~)\s*("([^"\\\n]|\\.)*"|'([^'\\\n]|\\.)*')\s*$"#,
    )
    .expect("a constant pattern that compiles")
});

/// Why a query could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A file in `queries/` uses a name that nothing fills.
    #[error("queries/{query}.promql: unknown placeholder {{{{{name}}}}}")]
    UnknownPlaceholder {
        /// Name of the query.
        query: &'static str,
        /// The placeholder.
        name: String,
    },
    /// A selector would match the whole cluster, or nothing, because the list it needs is empty.
    #[error("queries/{query}.promql: no value for {{{{{name}}}}}")]
    NoValues {
        /// Name of the query.
        query: &'static str,
        /// The placeholder.
        name: &'static str,
    },
    /// An extra matcher is not PromQL.
    #[error("`{0}` is not a label matcher; write it like cluster=\"prod\" or region=~\"eu-.*\"")]
    BadMatcher(String),
}

/// Where a label lives on the server, and which of its values to ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelScope {
    /// Label names; one selector is made for each.
    pub labels: Vec<String>,
    /// Values, unescaped.
    pub values: BTreeSet<String>,
}

/// Replicas and MIG instances, as kube-state-metrics prints them (`model::objects::is_part_of_card`).
const PARTS: &str = "nvidia_com_gpu_shared|nvidia_com_mig_.+";

/// What the placeholders stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    matchers: String,
    gpu_resources: String,
    /// `{{node_label}}` and `{{nodes}}`.
    pub nodes: LabelScope,
    /// `{{namespace_label}}` and `{{namespaces}}`.
    pub namespaces: LabelScope,
}

impl Bindings {
    /// Bindings for queries that need no scope.
    ///
    /// # Errors
    /// When one of `matchers` is not a PromQL label matcher.
    pub fn new(matchers: &[String], gpu_resources: &[String]) -> Result<Self, RenderError> {
        let mut joined = String::new();
        for matcher in matchers {
            if !MATCHER.is_match(matcher) {
                return Err(RenderError::BadMatcher(matcher.clone()));
            }
            joined.push(',');
            joined.push_str(matcher.trim());
        }
        let names: Vec<String> = gpu_resources.iter().map(|name| sanitised(name)).collect();
        let whole = alternation(names.iter().map(String::as_str));
        Ok(Self {
            matchers: joined,
            gpu_resources: if whole.is_empty() { whole } else { format!("{whole}|{PARTS}") },
            ..Self::default()
        })
    }

    /// What `{{gpu_resources}}` becomes.
    pub(in crate::source) fn gpu_resources(&self) -> &str {
        &self.gpu_resources
    }
}

/// The PromQL texts of a query: one, or several where an alternation is long or a label has two names.
///
/// # Errors
/// When the query's file uses a placeholder that is unknown or has no values.
pub fn render(query: QueryId, bindings: &Bindings) -> Result<Vec<String>, RenderError> {
    let text = body(query.text());
    let nodes = variants(&text, "node", &bindings.nodes);
    let namespaces = variants(&text, "namespace", &bindings.namespaces);
    let mut texts = Vec::with_capacity(nodes.len() * namespaces.len());
    for (node_label, nodes) in &nodes {
        for (namespace_label, namespaces) in &namespaces {
            texts.push(substitute(query, &text, |name| match name {
                "matchers" => Some(Value::MayBeEmpty(&bindings.matchers)),
                "gpu_resources" => Some(Value::Needed("gpu_resources", &bindings.gpu_resources)),
                "node_label" => Some(Value::Needed("node_label", node_label)),
                "nodes" => Some(Value::Needed("nodes", nodes)),
                "namespace_label" => Some(Value::Needed("namespace_label", namespace_label)),
                "namespaces" => Some(Value::Needed("namespaces", namespaces)),
                _ => None,
            })?);
        }
    }
    Ok(texts)
}

/// A selector with one more matcher; `None` when `promql` is not a plain selector in braces.
#[must_use]
pub fn with_matcher(promql: &str, matcher: &str) -> Option<String> {
    let head = promql.strip_suffix('}')?;
    let comma = if head.ends_with('{') { "" } else { "," };
    Some(format!("{head}{comma}{matcher}}}"))
}

/// The one selector of an expression, name and braces, without what is done with its series.
#[must_use]
pub fn selector_in(promql: &str) -> Option<&str> {
    let open = promql.find('{')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let start = promql[..open].trim_end_matches(is_name).len();
    let (mut quote, mut is_escaped) = (None, false);
    for (place, c) in promql[open..].char_indices() {
        match (quote, c) {
            _ if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '}') => return Some(&promql[start..=open + place]),
            _ => {}
        }
    }
    None
}

/// A regex alternation that matches exactly `values`, ready to stand between double quotes.
pub fn alternation<'a>(values: impl Iterator<Item = &'a str>) -> String {
    values.map(|value| quoted(&regex_escaped(value))).collect::<Vec<_>>().join("|")
}

/// Bytes that `value` takes in an alternation.
#[must_use]
pub fn alternation_bytes(value: &str) -> usize {
    quoted(&regex_escaped(value)).len() + 1
}

/// Text with the characters that mean something in an RE2 pattern escaped.
pub(super) fn regex_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Text as it must stand between the double quotes of a PromQL string.
fn quoted(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str(r"\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str(r"\n"),
            '\r' => escaped.push_str(r"\r"),
            '\t' => escaped.push_str(r"\t"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                escaped.extend(format!("\\x{:02x}", u32::from(c)).chars());
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text as a PromQL string, quotes included.
pub(super) fn quoted_string(text: &str) -> String {
    format!("\"{}\"", quoted(text))
}

/// A resource name as kube-state-metrics prints it: `nvidia.com/gpu` becomes `nvidia_com_gpu`.
fn sanitised(resource: &str) -> String {
    resource.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The query without its header.
pub(in crate::source) fn body(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n").trim().into()
}

/// Label name × alternation, each of which makes one text; a single empty one when not in use.
fn variants(text: &str, kind: &str, scope: &LabelScope) -> Vec<(String, String)> {
    let used = text.contains(&format!("{{{{{kind}s}}}}"));
    if !used || scope.labels.is_empty() || scope.values.is_empty() {
        return vec![(String::new(), String::new())];
    }
    let parts = alternation_parts(&scope.values);
    let pair = |label: &String, part: &String| (label.clone(), part.clone());
    scope.labels.iter().flat_map(|label| parts.iter().map(move |part| pair(label, part))).collect()
}

/// Alternations of at most [`MAX_ALTERNATION_BYTES`] each (a longer single value stands alone).
fn alternation_parts(values: &BTreeSet<String>) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for value in values {
        let escaped = alternation(std::iter::once(value.as_str()));
        match parts.last_mut() {
            Some(last) if last.len() + 1 + escaped.len() <= MAX_ALTERNATION_BYTES => {
                last.push('|');
                last.push_str(&escaped);
            }
            _ => parts.push(escaped),
        }
    }
    parts
}

enum Value<'a> {
    MayBeEmpty(&'a str),
    Needed(&'static str, &'a str),
}

fn substitute<'a>(
    query: QueryId,
    text: &str,
    value_of: impl Fn(&str) -> Option<Value<'a>>,
) -> Result<String, RenderError> {
    let mut rendered = String::with_capacity(text.len() + 64);
    let mut rest = 0;
    for found in PLACEHOLDER.captures_iter(text) {
        let (whole, name) = (found.get(0).expect("group 0 always matches"), &found[1]);
        rendered.push_str(&text[rest..whole.start()]);
        rest = whole.end();
        match value_of(name) {
            None => {
                return Err(RenderError::UnknownPlaceholder {
                    query: query.name(),
                    name: name.to_owned(),
                });
            }
            Some(Value::Needed(name, "")) => {
                return Err(RenderError::NoValues { query: query.name(), name });
            }
            Some(Value::Needed(_, value) | Value::MayBeEmpty(value)) => rendered.push_str(value),
        }
    }
    rendered.push_str(&text[rest..]);
    Ok(rendered)
}

#[cfg(test)]
mod tests;
