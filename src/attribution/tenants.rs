//! From a workload to its tenant: rules in order, the first that matches wins and is named.

use std::collections::BTreeMap;

use regex::Regex;

use super::agents::WARM_POOL;
use super::label_view::LabelView;
use crate::model::policy::TenantRule;

/// Tenant of what nobody owns. It keeps its own row and is never spread.
pub const UNATTRIBUTED: &str = "__unattributed__";

const VCLUSTER: &str = "vcluster.loft.sh/managed-by";
/// Volcano's queue of a pod or a namespace is an annotation, not a label.
const ANNOTATED_QUEUE: &str = "scheduling.volcano.sh/queue-name";
/// Run:ai writes a project's queue on its namespace.
const NAMESPACE_QUEUE: &str = "runai/queue";

/// What a rule can look at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Namespace of the pod.
    pub namespace: &'a str,
    /// Kind of its workload.
    pub kind: &'a str,
    /// Name of its workload.
    pub workload: &'a str,
    /// Labels of the pod.
    pub pod: &'a LabelView,
    /// Annotations of the pod.
    pub annotations: &'a BTreeMap<String, String>,
    /// What is known of the namespace.
    pub of_namespace: Option<&'a NamespaceView>,
}

/// Labels and annotations of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceView {
    /// Labels, from objects and metrics.
    pub labels: LabelView,
    /// Annotations, from objects.
    pub annotations: BTreeMap<String, String>,
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
    // What waits in a warm pool works for nobody yet: the labels of its template are not a tenant's.
    let pod = Some(subject.pod).filter(|_| subject.kind != WARM_POOL);
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
        TenantRule::QueueLabel(keys) => by_queue(keys, pod, subject),
        TenantRule::PodLabel(keys) => by_key("pod-label", keys, |key| pod?.get(key)),
        TenantRule::NamespaceLabel(keys) => {
            by_key("namespace-label", keys, |key| subject.of_namespace?.labels.get(key))
        }
        TenantRule::Namespace => (!subject.namespace.is_empty())
            .then(|| Named { tenant: subject.namespace.to_owned(), rule: "namespace".into() }),
    }
}

fn by_key<'a>(
    rule: &str,
    keys: &[String],
    value: impl Fn(&str) -> Option<&'a str>,
) -> Option<Named> {
    let (key, value) = keys.iter().find_map(|key| Some((key, value(key)?)))?;
    Some(Named { tenant: value.to_owned(), rule: format!("{rule}:{key}") })
}

/// The pod's word before its namespace's, labels before annotations.
fn by_queue(keys: &[String], pod: Option<&LabelView>, subject: Subject<'_>) -> Option<Named> {
    const RULE: &str = "queue-label";
    let annotations = pod.map(|_| subject.annotations);
    let namespace = subject.of_namespace;
    by_key(RULE, keys, |key| pod?.get(key))
        .or_else(|| by_key(RULE, keys, |key| queue(annotations?, key)))
        .or_else(|| by_key(RULE, keys, |key| of_namespace(namespace?, key)))
}

fn queue<'a>(annotations: &'a BTreeMap<String, String>, key: &str) -> Option<&'a str> {
    let value = annotations.get(key).filter(|_| key == ANNOTATED_QUEUE)?;
    Some(value.as_str()).filter(|value| !value.is_empty())
}

fn of_namespace<'a>(namespace: &'a NamespaceView, key: &str) -> Option<&'a str> {
    match key {
        NAMESPACE_QUEUE => namespace.labels.get(key),
        _ => queue(&namespace.annotations, key),
    }
}

/// Labels and annotations of every namespace, from objects and from metrics.
#[must_use]
pub fn namespaces(
    kube: &BTreeMap<String, crate::model::Labels>,
    facts: &[crate::model::objects::NamespaceFact],
) -> BTreeMap<String, NamespaceView> {
    let mut out: BTreeMap<String, NamespaceView> = BTreeMap::new();
    for (name, labels) in kube {
        out.entry(name.clone()).or_default().labels.metric.clone_from(labels);
    }
    for namespace in facts {
        let view = out.entry(namespace.name.clone()).or_default();
        view.labels.object.clone_from(&namespace.labels);
        view.annotations.clone_from(&namespace.annotations);
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

    const NO_ANNOTATIONS: &BTreeMap<String, String> = &BTreeMap::new();

    fn subject(pod: &LabelView) -> Subject<'_> {
        Subject {
            namespace: "ml-train",
            kind: "Deployment",
            workload: "bert",
            pod,
            annotations: NO_ANNOTATIONS,
            of_namespace: None,
        }
    }

    fn by_default(subject: Subject<'_>) -> (String, String) {
        let n = tenant(&TenantRule::defaults(), subject);
        (n.tenant, n.rule)
    }

    fn named(pod: &LabelView, namespace: Option<&LabelView>) -> (String, String) {
        let view = namespace
            .map(|labels| NamespaceView { labels: labels.clone(), ..NamespaceView::default() });
        by_default(Subject { of_namespace: view.as_ref(), ..subject(pod) })
    }

    #[test]
    fn queues_of_pods_come_before_queues_of_namespaces() {
        let annotated =
            |queue: &str| BTreeMap::from([(ANNOTATED_QUEUE.to_owned(), queue.to_owned())]);
        let (on_pod, bare) = (annotated("q-pod"), labels(&[("team", "x")]));
        let volcano = NamespaceView { annotations: annotated("q-ns"), ..NamespaceView::default() };
        let of_namespace = Subject { of_namespace: Some(&volcano), ..subject(&bare) };
        let rule = format!("queue-label:{ANNOTATED_QUEUE}");
        assert_eq!(by_default(of_namespace), ("q-ns".into(), rule.clone()));
        let of_pod = Subject { annotations: &on_pod, ..of_namespace };
        assert_eq!(by_default(of_pod), ("q-pod".into(), rule));
        let kai = labels(&[("kai.scheduler/queue", "k")]);
        assert_eq!(by_default(Subject { pod: &kai, ..of_pod }).0, "k");
        // Run:ai's project is a label of the namespace; other queue labels on one mean nothing.
        let project = labels(&[("runai/queue", "p"), ("kai.scheduler/queue", "k")]);
        assert_eq!(named(&bare, Some(&project)), ("p".into(), "queue-label:runai/queue".into()));
        assert_eq!(named(&bare, Some(&kai)).1, "pod-label:team");
    }

    #[test]
    fn a_warm_pool_is_its_namespaces() {
        let template = labels(&[("team", "x"), ("kai.scheduler/queue", "k")]);
        let pool = Subject { kind: WARM_POOL, ..subject(&template) };
        assert_eq!(by_default(pool), ("ml-train".into(), "namespace".into()));
        let view =
            NamespaceView { labels: labels(&[("team", "infra")]), ..NamespaceView::default() };
        let pool = Subject { of_namespace: Some(&view), ..pool };
        assert_eq!(by_default(pool), ("infra".into(), "namespace-label:team".into()));
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
        assert_eq!(tenant(&rules, subject(&pod)).tenant, "nlp");
        let other = Subject { workload: "gpt", ..subject(&pod) };
        assert_eq!(tenant(&rules, other).tenant, UNATTRIBUTED);
    }
}
