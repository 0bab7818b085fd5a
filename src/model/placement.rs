//! Where a pod may run: node selector, required node affinity, taints and tolerations, by the rules of the scheduler.
//!
//! Decoding is `source::objects`. What ties a pod to other pods (required pod affinity, hard topology spread) is
//! known to be there, not judged.

use super::objects::{NodeFact, ObjectLabels};

/// What a pod says of where it may run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// Labels that a node must have.
    pub node_selector: ObjectLabels,
    /// Required node affinity: one of these terms must hold, each with all of its requirements.
    pub affinity: Option<Vec<Vec<NodeRequirement>>>,
    /// Taints that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// Where it may run depends on where other pods do.
    pub minds_others: bool,
}

/// One requirement of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRequirement {
    /// Label; or the node's name, where the requirement is of a field.
    pub key: String,
    /// The key is a field of the node, not a label.
    pub is_field: bool,
    /// How it is compared.
    pub operator: NodeOperator,
    /// With what.
    pub values: Vec<String>,
}

/// How a requirement compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeOperator {
    /// One of the values.
    In,
    /// None of them, or no such label.
    NotIn,
    /// There is such a label.
    Exists,
    /// There is none.
    DoesNotExist,
    /// A whole number above the value.
    Gt,
    /// A whole number below it.
    Lt,
    /// One that this version does not know: it never holds.
    Unknown,
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// What a pod tolerates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toleration {
    /// Key; every one when empty.
    pub key: String,
    /// Value; `None` for any.
    pub value: Option<String>,
    /// Effect; every one when empty.
    pub effect: String,
}

impl Placement {
    /// Whether the scheduler may put the pod on that node, as far as its labels and taints go. It tolerates what taints
    /// the node that it is on, whatever it says: the API server adds tolerations, and old records lack them.
    #[must_use]
    pub fn allows(&self, node: &NodeFact, from: Option<&NodeFact>) -> bool {
        let has = |(key, value): (&String, &String)| node.labels.get(key) == Some(value);
        let term = |term: &Vec<NodeRequirement>| {
            !term.is_empty() && term.iter().all(|requirement| requirement.holds(node))
        };
        let is_borne = |taint: &Taint| from.is_some_and(|from| from.taints.contains(taint));
        let is_kept_away = |taint: &&Taint| taint.effect != "PreferNoSchedule" && !is_borne(taint);
        self.node_selector.iter().all(has)
            && self.affinity.as_ref().is_none_or(|terms| terms.iter().any(term))
            && node.taints.iter().filter(is_kept_away).all(|taint| self.tolerates(taint))
    }

    fn tolerates(&self, taint: &Taint) -> bool {
        self.tolerations.iter().any(|t| {
            (t.key.is_empty() || t.key == taint.key)
                && (t.effect.is_empty() || t.effect == taint.effect)
                && t.value.as_ref().is_none_or(|value| *value == taint.value)
        })
    }
}

impl NodeRequirement {
    fn holds(&self, node: &NodeFact) -> bool {
        let value = match self.is_field {
            true => (self.key == "metadata.name").then_some(&node.name),
            false => node.labels.get(&self.key),
        };
        let number = |text: &String| text.parse::<i64>().ok();
        let compared = |is_met: fn(i64, i64) -> bool| {
            let pair = value.and_then(number).zip(self.values.first().and_then(number));
            pair.is_some_and(|(have, wanted)| is_met(have, wanted))
        };
        match self.operator {
            NodeOperator::In => value.is_some_and(|v| self.values.contains(v)),
            NodeOperator::NotIn => value.is_none_or(|v| !self.values.contains(v)),
            NodeOperator::Exists => value.is_some(),
            NodeOperator::DoesNotExist => value.is_none(),
            NodeOperator::Gt => compared(|have, wanted| have > wanted),
            NodeOperator::Lt => compared(|have, wanted| have < wanted),
            NodeOperator::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(labels: &[(&str, &str)], taints: &[(&str, &str, &str)]) -> NodeFact {
        NodeFact {
            name: "n1".into(),
            labels: labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            taints: taints
                .iter()
                .map(|(key, value, effect)| Taint {
                    key: (*key).into(),
                    value: (*value).into(),
                    effect: (*effect).into(),
                })
                .collect(),
            ..NodeFact::default()
        }
    }

    fn requires(key: &str, operator: NodeOperator, values: &[&str]) -> NodeRequirement {
        let values = values.iter().map(ToString::to_string).collect();
        NodeRequirement { key: key.into(), is_field: key == "metadata.name", operator, values }
    }

    #[test]
    fn selectors_and_terms() {
        use NodeOperator::{DoesNotExist, Exists, Gt, In, Lt, NotIn, Unknown};
        let node = node(&[("zone", "a"), ("slots", "8")], &[]);
        let terms = |terms: Vec<Vec<NodeRequirement>>| {
            Placement { affinity: Some(terms), ..Placement::default() }.allows(&node, None)
        };
        let one = |key: &str, operator, values: &[&str]| {
            terms(vec![vec![requires(key, operator, values)]])
        };
        assert!(one("zone", In, &["b", "a"]) && !one("zone", In, &["b"]));
        assert!(one("zone", NotIn, &["b"]) && !one("zone", NotIn, &["a"]));
        assert!(one("rack", NotIn, &["a"]), "no label is none of the values");
        assert!(one("zone", Exists, &[]) && !one("zone", DoesNotExist, &[]));
        assert!(one("slots", Gt, &["7"]) && !one("slots", Gt, &["8"]));
        assert!(one("slots", Lt, &["9"]) && !one("zone", Lt, &["9"]));
        assert!(one("metadata.name", In, &["n1"]) && !one("zone", Unknown, &["a"]));
        let (no, yes) = (requires("zone", In, &["b"]), requires("zone", In, &["a"]));
        assert!(terms(vec![vec![no.clone()], vec![yes.clone()]]), "terms are alternatives");
        assert!(!terms(vec![vec![no, yes]]), "requirements of a term are not");
        assert!(!terms(vec![]) && !terms(vec![vec![]]), "what is empty matches nothing");
        let selector = |key: &str, value: &str| Placement {
            node_selector: [(key.to_owned(), value.to_owned())].into(),
            ..Placement::default()
        };
        assert!(
            selector("zone", "a").allows(&node, None) && !selector("zone", "b").allows(&node, None)
        );
    }

    #[test]
    fn taints_and_tolerations() {
        let tainted = node(&[], &[("team", "red", "NoSchedule"), ("old", "", "PreferNoSchedule")]);
        let with = |key: &str, value: Option<&str>, effect: &str| {
            let value = value.map(ToOwned::to_owned);
            let toleration = Toleration { key: key.into(), value, effect: effect.into() };
            Placement { tolerations: vec![toleration], ..Placement::default() }
                .allows(&tainted, None)
        };
        assert!(!Placement::default().allows(&tainted, None));
        assert!(
            with("team", Some("red"), "NoSchedule") && with("team", None, "") && with("", None, "")
        );
        assert!(!with("team", Some("blue"), "") && !with("team", None, "NoExecute"));
        assert!(!with("old", None, ""));
        assert!(
            Placement::default().allows(&tainted, Some(&tainted)),
            "it runs beside such a taint"
        );
    }
}
