//! From a workload to its tenant: rules in order, the first that matches wins and is named.

use std::collections::BTreeMap;

use regex::Regex;

use super::label_view::LabelView;
use crate::model::policy::TenantRule;

/// Tenant of what nobody owns. It keeps its own row and is never spread.
pub const UNATTRIBUTED: &str = "__unattributed__";

const VCLUSTER: &str = "vcluster.loft.sh/managed-by";

/// What a rule can look at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Namespace of the pod.
    pub namespace: &'a str,
    /// Name of its workload.
    pub workload: &'a str,
    /// Labels of the pod.
    pub pod: &'a LabelView,
    /// Labels of the namespace.
    pub namespace_labels: Option<&'a LabelView>,
}

/// A tenant and the rule that named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Tenant.
    pub tenant: String,
    /// Rule, with the label key where it looks at one.
    pub rule: String,
}

/// The tenant of `subject`; [`UNATTRIBUTED`] when no rule matches.
#[must_use]
pub fn tenant(rules: &[TenantRule], subject: Subject<'_>) -> Named {
    rules
        .iter()
        .find_map(|rule| apply(rule, subject))
        .unwrap_or_else(|| Named { tenant: UNATTRIBUTED.into(), rule: "none".into() })
}

fn apply(rule: &TenantRule, subject: Subject<'_>) -> Option<Named> {
    let by_label = |name: &str, keys: &[String], labels: &LabelView| {
        let (key, value) = keys.iter().find_map(|k| Some((k, labels.get(k)?)))?;
        Some(Named { tenant: value.to_owned(), rule: format!("{name}:{key}") })
    };
    match rule {
        TenantRule::Explicit(entries) => {
            let fits = |regex: &Regex, text: &str| regex.is_match(text);
            let entry = entries.iter().find(|e| {
                fits(&e.namespace, subject.namespace)
                    && e.workload.as_ref().is_none_or(|w| fits(w, subject.workload))
            })?;
            Some(Named { tenant: entry.tenant.clone(), rule: "explicit".into() })
        }
        TenantRule::Vcluster => {
            let control_plane = subject.pod.get(VCLUSTER)?;
            Some(Named {
                tenant: format!("{}/{control_plane}", subject.namespace),
                rule: "vcluster".into(),
            })
        }
        TenantRule::QueueLabel(keys) => by_label("queue-label", keys, subject.pod),
        TenantRule::PodLabel(keys) => by_label("pod-label", keys, subject.pod),
        TenantRule::NamespaceLabel(keys) => {
            by_label("namespace-label", keys, subject.namespace_labels?)
        }
        TenantRule::Namespace => (!subject.namespace.is_empty())
            .then(|| Named { tenant: subject.namespace.to_owned(), rule: "namespace".into() }),
    }
}

/// Labels of every namespace, from objects and from metrics.
#[must_use]
pub fn namespace_labels(
    kube: &BTreeMap<String, crate::model::Labels>,
    facts: &[crate::model::objects::NamespaceFact],
) -> BTreeMap<String, LabelView> {
    let mut out: BTreeMap<String, LabelView> = BTreeMap::new();
    for (name, labels) in kube {
        out.entry(name.clone()).or_default().metric.clone_from(labels);
    }
    for namespace in facts {
        out.entry(namespace.name.clone()).or_default().object.clone_from(&namespace.labels);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::policy::ExplicitTenant;

    fn labels(pairs: &[(&str, &str)]) -> LabelView {
        LabelView {
            object: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..LabelView::default()
        }
    }

    fn named(pod: &LabelView, namespace: Option<&LabelView>) -> (String, String) {
        let subject =
            Subject { namespace: "ml-train", workload: "bert", pod, namespace_labels: namespace };
        let n = tenant(&TenantRule::defaults(), subject);
        (n.tenant, n.rule)
    }

    #[test]
    fn default_rules_in_order() {
        let of_namespace = labels(&[("team", "vision")]);
        let vcluster = labels(&[("vcluster.loft.sh/managed-by", "agent-7"), ("team", "x")]);
        assert_eq!(named(&vcluster, None), ("ml-train/agent-7".into(), "vcluster".into()));
        let queued = labels(&[("kueue.x-k8s.io/queue-name", "q1"), ("team", "x")]);
        assert_eq!(named(&queued, None).1, "queue-label:kueue.x-k8s.io/queue-name");
        assert_eq!(
            named(&labels(&[("team", "x")]), Some(&of_namespace)),
            ("x".into(), "pod-label:team".into())
        );
        assert_eq!(
            named(&labels(&[]), Some(&of_namespace)),
            ("vision".into(), "namespace-label:team".into())
        );
        assert_eq!(named(&labels(&[]), None), ("ml-train".into(), "namespace".into()));
    }

    #[test]
    fn metric_spelling_of_a_label_counts_too() {
        let pod = LabelView {
            metric: [("label_team".into(), "x".into())].into(),
            ..LabelView::default()
        };
        assert_eq!(named(&pod, None).0, "x");
    }

    #[test]
    fn explicit_map_goes_by_namespace_and_workload() {
        let rules = [TenantRule::Explicit(vec![ExplicitTenant {
            tenant: "nlp".into(),
            namespace: Regex::new("^(?:ml-.*)$").expect("valid"),
            workload: Some(Regex::new("^(?:bert)$").expect("valid")),
        }])];
        let pod = LabelView::default();
        let subject =
            Subject { namespace: "ml-train", workload: "bert", pod: &pod, namespace_labels: None };
        assert_eq!(tenant(&rules, subject).tenant, "nlp");
        assert_eq!(tenant(&rules, Subject { workload: "gpt", ..subject }).tenant, UNATTRIBUTED);
    }
}
