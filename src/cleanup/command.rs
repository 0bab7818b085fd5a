//! Commands for people, as text that a shell takes as it is meant.

use super::contract::Target;
use crate::kinds;

/// A word of a command line: names of objects come from the cluster, and may be anything.
#[must_use]
pub fn word(text: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':' | '=' | '@');
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let harmless: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    format!("'{}'", harmless.replace('\'', r"'\''"))
}

/// Plural of a kind, as in a path of the API.
#[must_use]
pub fn plural(group: &str, kind: &str) -> String {
    match kinds::find(group, kind) {
        Some(kind) => kind.plural.to_owned(),
        None => format!("{}s", kind.to_ascii_lowercase()),
    }
}

/// `deployments.apps`, as kubectl tells resources apart.
#[must_use]
pub fn resource(target: &Target) -> String {
    let group = target.api_version.split_once('/').map_or("", |(group, _)| group);
    let plural = plural(group, &target.kind);
    if group.is_empty() { plural } else { format!("{plural}.{group}") }
}

/// `kubectl patch deployments.apps web -n team-a`.
#[must_use]
pub fn kubectl(verb: &str, target: &Target) -> String {
    let namespace = match target.namespace.as_str() {
        "" => String::new(),
        namespace => format!(" -n {}", word(namespace)),
    };
    format!("kubectl {verb} {} {}{namespace}", word(&resource(target)), word(&target.name))
}
