use std::collections::BTreeSet;

use super::judge::{Answer, report};
use super::roles::{cluster_role, rules};
use super::*;

/// What rules allow, one by one: part of the pairs of group, resource, verb and name.
fn unfolded(parts: &[Part]) -> BTreeSet<(String, String, String, String)> {
    let mut out = BTreeSet::new();
    for rule in rules(parts) {
        let names = rule.resource_names.unwrap_or_else(|| vec![String::new()]);
        for group in rule.api_groups.unwrap_or_default() {
            for resource in rule.resources.clone().unwrap_or_default() {
                for verb in &rule.verbs {
                    for name in &names {
                        out.insert((group.clone(), resource.clone(), verb.clone(), name.clone()));
                    }
                }
            }
        }
    }
    out
}

#[test]
fn roles_allow_what_the_table_says_and_nothing_else() {
    for part in Part::ALL {
        let of_table: BTreeSet<_> = permissions()
            .into_iter()
            .filter(|p| p.part == part)
            .map(|p| (p.group.into(), p.resource.into(), p.verb.into(), p.name.into()))
            .collect();
        assert_eq!(unfolded(&[part]), of_table, "{part:?}");
    }
    let all = permissions();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "each once");
    assert!(all.iter().all(|p| !p.why.is_empty()));
}

#[test]
fn reading_is_reading_and_nothing_is_for_everything() {
    for p in permissions() {
        let reads = matches!(p.verb, "get" | "list");
        assert!(reads || matches!(p.part, Part::Write | Part::Lease), "{p:?}");
        assert!(!p.verb.contains('*') && !p.group.contains('*') && !p.resource.contains('*'));
        assert!(!matches!(p.resource, "secrets" | "configmaps" | "serviceaccounts"), "{p:?}");
        // No pod is ever changed, and no workload is deleted or made.
        assert!(p.part != Part::Write || p.resource != "pods", "{p:?}");
        if matches!(p.verb, "delete" | "create") {
            let own = ["resourceclaims", "resourceclaimtemplates", "events", "leases"];
            assert!(own.contains(&p.resource), "{p:?}");
        }
    }
}

#[test]
fn a_permission_for_one_object_is_for_no_other() {
    assert!(allows(Part::Lease, "update", "coordination.k8s.io", "leases", LEASE));
    assert!(!allows(Part::Lease, "update", "coordination.k8s.io", "leases", "kube-scheduler"));
    assert!(!allows(Part::Lease, "delete", "coordination.k8s.io", "leases", LEASE));
    assert!(allows(Part::Write, "patch", "apps", "deployments", "web"));
    assert!(!allows(Part::Read, "patch", "apps", "deployments", "web"));
    assert!(!allows(Part::Write, "patch", "", "pods", "web-1"));
    assert!(allows(Part::Discovery, "get", "", "services/proxy", "prometheus"));
}

/// Every verb that is taken away is named, alone, with the rule that brings it back.
#[test]
fn what_is_denied_is_named_and_nothing_else() {
    let all = permissions();
    for denied in &all {
        let answer = |p: &Permission| Answer { allowed: p != denied, reason: None };
        let answers = all.iter().map(|p| (*p, answer(p))).collect();
        let report = report("https://here", "ns", "1.0.0", answers);
        assert!(!report.allowed && report.denied == 1, "{denied:?}");
        let first = &report.permissions[0];
        assert_eq!((first.verb.as_str(), first.resource.as_str()), (denied.verb, denied.resource));
        let rule = first.rule.as_deref().expect("the rule to add");
        let read: Vec<k8s_openapi::api::rbac::v1::PolicyRule> =
            serde_saphyr::from_str(rule).expect("YAML of the API");
        assert_eq!(read[0].verbs, [denied.verb]);
        assert_eq!(read[0].resources.as_deref(), Some(&[denied.resource.to_owned()][..]));
        assert!(report.permissions[1..].iter().all(|row| row.allowed && row.rule.is_none()));
    }
}

#[test]
fn a_role_is_yaml_that_reads_back() {
    let metadata = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta::default();
    let role = cluster_role(metadata, &[Part::Read, Part::Write]);
    let text = serde_saphyr::to_string(&role).expect("YAML");
    let back: k8s_openapi::api::rbac::v1::ClusterRole =
        serde_saphyr::from_str(&text).expect("reads");
    assert_eq!(back, role);
}
