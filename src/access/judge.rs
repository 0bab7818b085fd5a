//! Answers of an API server as a report.

use super::contract::{AccessReport, AccessRow, SCHEMA_VERSION};
use super::roles::rule_text;
use super::table::Permission;

/// What an API server says of one permission.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, where it tells.
    pub reason: Option<String>,
}

/// The report on what was answered at `server`, for a program in `namespace`.
#[must_use]
pub fn report(
    server: &str,
    namespace: &str,
    tool_version: &str,
    answers: Vec<(Permission, Answer)>,
) -> AccessReport {
    let mut permissions: Vec<AccessRow> = answers
        .into_iter()
        .map(|(permission, answer)| row(permission, answer, namespace))
        .collect();
    permissions.sort_by_key(|row| row.allowed);
    let denied = permissions.iter().filter(|row| !row.allowed).count();
    AccessReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool_version: tool_version.to_owned(),
        server: server.to_owned(),
        namespace: namespace.to_owned(),
        allowed: denied == 0,
        denied: u32::try_from(denied).unwrap_or(u32::MAX),
        permissions,
    }
}

fn row(permission: Permission, answer: Answer, namespace: &str) -> AccessRow {
    let Permission { part, group, resource, verb, name, why } = permission;
    AccessRow {
        allowed: answer.allowed,
        part,
        group: group.to_owned(),
        resource: resource.to_owned(),
        verb: verb.to_owned(),
        name: (!name.is_empty()).then(|| name.to_owned()),
        namespace: part.is_of_one_namespace().then(|| namespace.to_owned()),
        why: why.to_owned(),
        reason: answer.reason,
        rule: (!answer.allowed).then(|| rule_text(&permission)),
    }
}

impl AccessRow {
    /// `patch deployments.apps`, as RBAC's own messages say it.
    #[must_use]
    pub fn words(&self) -> String {
        let (resource, sub) = self.resource.split_once('/').unwrap_or((&self.resource, ""));
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        let sub = if sub.is_empty() { String::new() } else { format!("/{sub}") };
        format!("{} {resource}{group}{sub}", self.verb)
    }
}
