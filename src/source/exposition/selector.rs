//! `queries/*.promql` read as data, so that the metric names and label values of a query stand in
//! one place, whether a server evaluates it or a scraped text is looked through.
//!
//! Understood is what the catalogue uses, and a test holds every file against it: one selector, by
//! name or by alternatives of names; matchers with alternatives that are plain or end with `.+`; one comparison with a number;
//! and the maximum per container summed by pod. Matchers that only narrow a query to GPU nodes or
//! their namespaces (`{{nodes}}`, `{{namespaces}}`) are left out: the core passes over the rest.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::{Labels, QueryId};
use crate::source::prometheus::render::body;

static SELECTOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x) (?<name> [a-zA-Z_]\w* )?
        \{ (?<matchers> (?: [^{}"] | "[^"]*" | \{\{\w+\}\} )* ) \}
        \s* (?: (?<operator> == | > ) \s* (?<operand> \d+ ) )?"#,
    )
    .expect("a constant pattern that compiles")
});

static MATCHER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?<label>\w+|\{\{\w+\}\})=~?"(?<values>[^"]*)""#)
        .expect("a constant pattern that compiles")
});

static GROUPING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^sum by \((?<outer>[^)]*)\) \(\s*max by \((?<inner>[^)]*)\) \(")
        .expect("a constant pattern that compiles")
});

/// What a query looks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selector {
    /// Labels, the metric's name among them, and what they must be.
    matchers: Vec<(String, Alternatives)>,
    condition: Option<Condition>,
    pub(super) grouping: Option<Grouping>,
}

/// Texts of which a label must be one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Alternatives {
    plain: BTreeSet<String>,
    /// What stands before a `.+`.
    prefixes: BTreeSet<String>,
}

/// Which values come back.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Condition {
    Equal(f64),
    Above(f64),
}

/// `sum by (outer) (max by (inner) (…))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grouping {
    pub(super) outer: Vec<String>,
    pub(super) inner: Vec<String>,
}

impl Selector {
    /// What `query` looks for, with the pattern that `{{gpu_resources}}` stands for.
    pub(super) fn of(query: QueryId, gpu_resources: &str) -> Self {
        let text = body(query.text()).replace("{{gpu_resources}}", gpu_resources);
        let found = SELECTOR.captures(&text).expect("each query has a selector, as a test shows");
        let name =
            found.name("name").map(|m| ("__name__".to_owned(), Alternatives::of(m.as_str())));
        let matchers = MATCHER
            .captures_iter(&found["matchers"])
            .filter(|m| !matches!(&m["values"], "{{nodes}}" | "{{namespaces}}"))
            .map(|m| (m["label"].to_owned(), Alternatives::of(&m["values"])));
        let operand = found.name("operand").and_then(|m| m.as_str().parse().ok());
        let condition = operand.map(|operand| match &found["operator"] {
            "==" => Condition::Equal(operand),
            _ => Condition::Above(operand),
        });
        let grouping = GROUPING.captures(&text).map(|by| Grouping {
            outer: by["outer"].split(", ").map(str::to_owned).collect(),
            inner: by["inner"].split(", ").map(str::to_owned).collect(),
        });
        Self { matchers: name.into_iter().chain(matchers).collect(), condition, grouping }
    }

    /// The metric names of the query.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.matchers
            .iter()
            .filter(|(label, _)| label == "__name__")
            .flat_map(|(_, names)| names.plain.iter().map(String::as_str))
    }

    /// Whether a series is among those that the query looks at, whatever its values.
    pub(super) fn selects(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|(label, alternatives)| {
            labels.get(label).is_some_and(|value| alternatives.have(value))
        })
    }

    /// Whether the query gives, or aggregates, such a value.
    pub(super) fn keeps(&self, value: f64) -> bool {
        match self.condition {
            None => true,
            #[expect(clippy::float_cmp, reason = "PromQL's == is this")]
            Some(Condition::Equal(wanted)) => value == wanted,
            Some(Condition::Above(limit)) => value > limit,
        }
    }

    /// Whether a sample is among what the query gives, or aggregates.
    pub(super) fn takes(&self, labels: &Labels, value: f64) -> bool {
        self.keeps(value) && self.selects(labels)
    }
}

impl Alternatives {
    fn of(pattern: &str) -> Self {
        let mut found = Self::default();
        for alternative in pattern.split('|') {
            match alternative.strip_suffix(".+") {
                Some(prefix) => found.prefixes.insert(prefix.to_owned()),
                None => found.plain.insert(alternative.to_owned()),
            };
        }
        found
    }

    fn have(&self, text: &str) -> bool {
        let begins = |prefix: &String| text.len() > prefix.len() && text.starts_with(prefix);
        self.plain.contains(text) || self.prefixes.iter().any(begins)
    }
}

#[cfg(test)]
mod tests;
