//! Permissions as roles, in the API's own types.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::table::{Part, Permission, permissions};

/// Rules of these parts: what is allowed the same of one group stands together.
#[must_use]
pub fn rules(parts: &[Part]) -> Vec<PolicyRule> {
    let mut verbs: BTreeMap<(&str, &str, &str), BTreeSet<&str>> = BTreeMap::new();
    for Permission { group, resource, name, verb, .. } in of(parts) {
        verbs.entry((group, name, resource)).or_default().insert(verb);
    }
    let mut resources: BTreeMap<(&str, &str, BTreeSet<&str>), Vec<&str>> = BTreeMap::new();
    for ((group, name, resource), verbs) in verbs {
        resources.entry((group, name, verbs)).or_default().push(resource);
    }
    let owned = |texts: Vec<&str>| Some(texts.into_iter().map(str::to_owned).collect());
    let rule =
        |((group, name, verbs), resources): ((&str, &str, BTreeSet<&str>), Vec<&str>)| PolicyRule {
            api_groups: Some(vec![group.to_owned()]),
            resources: owned(resources),
            resource_names: (!name.is_empty()).then(|| vec![name.to_owned()]),
            verbs: verbs.into_iter().map(str::to_owned).collect(),
            ..PolicyRule::default()
        };
    resources.into_iter().map(rule).collect()
}

fn of(parts: &[Part]) -> impl Iterator<Item = Permission> {
    permissions().into_iter().filter(|permission| parts.contains(&permission.part))
}

/// A role of the whole cluster.
#[must_use]
pub fn cluster_role(metadata: ObjectMeta, parts: &[Part]) -> ClusterRole {
    ClusterRole { metadata, rules: Some(rules(parts)), ..ClusterRole::default() }
}

/// A role of one namespace.
#[must_use]
pub fn role(metadata: ObjectMeta, parts: &[Part]) -> Role {
    Role { metadata, rules: Some(rules(parts)) }
}

/// One permission as a rule of a role, as YAML.
#[must_use]
pub fn rule_text(permission: &Permission) -> String {
    let Permission { group, resource, verb, name, .. } = permission;
    let names = match name.is_empty() {
        true => String::new(),
        false => format!("\n  resourceNames: [{name}]"),
    };
    format!("- apiGroups: [\"{group}\"]\n  resources: [{resource}]{names}\n  verbs: [{verb}]")
}
