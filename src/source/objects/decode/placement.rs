//! Where pods may run, and what keeps them away from nodes.

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorRequirement, NodeSelectorTerm, NodeSpec, PodSpec,
};

use crate::model::placement::{NodeOperator, NodeRequirement, Placement, Taint, Toleration};

/// Of a pod.
pub(super) fn of_pod(spec: &PodSpec) -> Placement {
    let affinity = spec.affinity.as_ref();
    let required = affinity.and_then(|a| {
        a.node_affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_ref()
    });
    let spread = spec.topology_spread_constraints.iter().flatten();
    let toleration = |t: &k8s_openapi::api::core::v1::Toleration| {
        let is_any = t.operator.as_deref() == Some("Exists");
        Toleration {
            key: t.key.clone().unwrap_or_default(),
            value: (!is_any).then(|| t.value.clone().unwrap_or_default()),
            effect: t.effect.clone().unwrap_or_default(),
        }
    };
    Placement {
        node_selector: spec.node_selector.clone().unwrap_or_default(),
        affinity: required.map(|r| r.node_selector_terms.iter().map(term).collect()),
        tolerations: spec.tolerations.iter().flatten().map(toleration).collect(),
        minds_others: affinity.is_some_and(minds_pods)
            || spread.into_iter().any(|s| s.when_unsatisfiable != "ScheduleAnyway"),
    }
}

fn minds_pods(affinity: &Affinity) -> bool {
    let to = affinity
        .pod_affinity
        .as_ref()
        .and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    let away = affinity
        .pod_anti_affinity
        .as_ref()
        .and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    to.into_iter().chain(away).any(|terms| !terms.is_empty())
}

fn term(term: &NodeSelectorTerm) -> Vec<NodeRequirement> {
    let of = |requirements: &Option<Vec<NodeSelectorRequirement>>, is_field: bool| {
        let all = requirements.iter().flatten();
        all.map(|r| requirement(r, is_field)).collect::<Vec<_>>()
    };
    [of(&term.match_expressions, false), of(&term.match_fields, true)].concat()
}

fn requirement(requirement: &NodeSelectorRequirement, is_field: bool) -> NodeRequirement {
    NodeRequirement {
        key: requirement.key.clone(),
        is_field,
        operator: match requirement.operator.as_str() {
            "In" => NodeOperator::In,
            "NotIn" => NodeOperator::NotIn,
            "Exists" => NodeOperator::Exists,
            "DoesNotExist" => NodeOperator::DoesNotExist,
            "Gt" => NodeOperator::Gt,
            "Lt" => NodeOperator::Lt,
            _ => NodeOperator::Unknown,
        },
        values: requirement.values.clone().unwrap_or_default(),
    }
}

/// Of a node.
pub(super) fn taints(spec: &NodeSpec) -> Vec<Taint> {
    let taint = |t: &k8s_openapi::api::core::v1::Taint| Taint {
        key: t.key.clone(),
        value: t.value.clone().unwrap_or_default(),
        effect: t.effect.clone(),
    };
    let mut taints: Vec<Taint> = spec.taints.iter().flatten().map(taint).collect();
    taints.sort();
    taints
}
