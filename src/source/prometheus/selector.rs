//! `queries/*.promql` read as data, so that the metric names and label values of a query stand in
//! one place, whether a server evaluates it, a scraped text is looked through, or raw samples are.
//!
//! Understood is what the catalogue uses, and a test holds every file against it: one selector, by
//! name or by alternatives of names; matchers with alternatives that are plain or end with `.+`; one comparison with a number;
//! and the maximum per container summed by pod. Matchers that only narrow a query to GPU nodes or
//! their namespaces (`{{nodes}}`, `{{namespaces}}`) are left out: the core passes over the rest.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::Regex;

use super::render::body;
use crate::model::{Labels, QueryId, Samples, Series};
use crate::units::Millis;

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
pub(in crate::source) struct Selector {
    /// Labels, the metric's name among them, and what they must be.
    matchers: Vec<(String, Alternatives)>,
    /// What it makes of the series that it looks at.
    pub(in crate::source) evaluation: Evaluation,
}

/// What a query makes of its series at an instant.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::source) struct Evaluation {
    condition: Option<Condition>,
    grouping: Option<Grouping>,
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
struct Grouping {
    outer: Vec<String>,
    inner: Vec<String>,
}

impl Selector {
    /// What `query` looks for, with the pattern that `{{gpu_resources}}` stands for.
    pub(in crate::source) fn of(query: QueryId, gpu_resources: &str) -> Self {
        let text = body(query.text()).replace("{{gpu_resources}}", gpu_resources);
        let found = SELECTOR.captures(&text).expect("each query has a selector, as a test shows");
        let name =
            found.name("name").map(|m| ("__name__".to_owned(), Alternatives::of(m.as_str())));
        let matchers = MATCHER
            .captures_iter(&found["matchers"])
            .filter(|m| !matches!(&m["values"], "{{nodes}}" | "{{namespaces}}"))
            .map(|m| (m["label"].to_owned(), Alternatives::of(&m["values"])));
        Self {
            matchers: name.into_iter().chain(matchers).collect(),
            evaluation: Evaluation::of(query),
        }
    }

    /// The metric names of the query.
    pub(in crate::source) fn names(&self) -> impl Iterator<Item = &str> {
        self.matchers
            .iter()
            .filter(|(label, _)| label == "__name__")
            .flat_map(|(_, names)| names.plain.iter().map(String::as_str))
    }

    /// Whether a series is among those that the query looks at, whatever its values.
    pub(in crate::source) fn selects(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|(label, alternatives)| {
            labels.get(label).is_some_and(|value| alternatives.have(value))
        })
    }

    /// Whether a sample is among what the query gives, or aggregates.
    pub(in crate::source) fn takes(&self, labels: &Labels, value: f64) -> bool {
        self.evaluation.keeps(value) && self.selects(labels)
    }
}

impl Evaluation {
    /// Of `query`.
    pub(in crate::source) fn of(query: QueryId) -> Self {
        let text = body(query.text());
        let found = SELECTOR.captures(&text).expect("each query has a selector, as a test shows");
        let operand = found.name("operand").and_then(|m| m.as_str().parse().ok());
        let condition = operand.map(|operand| match &found["operator"] {
            "==" => Condition::Equal(operand),
            _ => Condition::Above(operand),
        });
        let names = |list: &str| list.split(", ").map(str::to_owned).collect();
        let grouping = GROUPING
            .captures(&text)
            .map(|by| Grouping { outer: names(&by["outer"]), inner: names(&by["inner"]) });
        Self { condition, grouping }
    }

    /// Whether the query gives, or aggregates, such a value.
    pub(in crate::source) fn keeps(&self, value: f64) -> bool {
        match self.condition {
            None => true,
            #[expect(clippy::float_cmp, reason = "PromQL's == is this")]
            Some(Condition::Equal(wanted)) => value == wanted,
            Some(Condition::Above(limit)) => value > limit,
        }
    }

    /// Whether one series of the answer is made of several.
    pub(in crate::source) const fn aggregates(&self) -> bool {
        self.grouping.is_some()
    }

    /// The query's answer, of series whose samples are of the same instants: aggregated where it aggregates,
    /// sorted by labels.
    pub(in crate::source) fn answer(&self, mut series: Vec<Series>) -> Vec<Series> {
        if let Some(grouping) = &self.grouping {
            return grouping.sums(series);
        }
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series
    }
}

impl Grouping {
    /// The largest value of each inner group, summed by outer group, instant by instant.
    fn sums(&self, series: Vec<Series>) -> Vec<Series> {
        let mut groups: HashMap<Labels, BTreeMap<Labels, Vec<Samples>>> = HashMap::new();
        for Series { labels, samples } in series {
            let only = |names: &[String]| labels.only(|name, _| names.iter().any(|n| n == name));
            let group = groups.entry(only(&self.outer)).or_default();
            group.entry(only(&self.inner)).or_default().push(samples);
        }
        let summed = |(labels, group): (_, BTreeMap<Labels, Vec<Samples>>)| Series {
            labels,
            samples: sum(group.into_values().map(largest)),
        };
        let mut sums: Vec<Series> = groups.into_iter().map(summed).collect();
        sums.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        sums
    }
}

fn largest(replicas: Vec<Samples>) -> Samples {
    together(replicas.into_iter(), f64::max)
}

fn sum(parts: impl Iterator<Item = Samples>) -> Samples {
    together(parts, |a, b| a + b)
}

/// One value for each instant at which any of `all` has one.
fn together(mut all: impl Iterator<Item = Samples>, add: fn(f64, f64) -> f64) -> Samples {
    let Some(first) = all.next() else { return Samples::default() };
    let Some(second) = all.next() else { return first };
    let mut values: BTreeMap<Millis, f64> = first.iter().collect();
    for (at, value) in [second].into_iter().chain(all).flat_map(|s| s.iter().collect::<Vec<_>>()) {
        values.entry(at).and_modify(|known| *known = add(*known, value)).or_insert(value);
    }
    values.into_iter().collect()
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
