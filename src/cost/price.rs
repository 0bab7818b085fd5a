//! The price of a physical GPU-hour for one device: the first rule of the book that applies.
//!
//! Cost = hours × this price (whole GPUs; a share would be a factor). Money is `f64` in the report's
//! currency, never rounded before output; time is whole milliseconds, so sums of either agree to
//! far below a millionth of the total. A device that no rule covers has no price: `None`, never 0.

use super::book::model_name;
use crate::attribution::label_view::LabelView;
use crate::model::policy::{PriceBook, PriceOrigin, PriceRule};

/// What a rule can look at.
#[derive(Debug, Clone, Copy)]
pub struct PricedThing<'a> {
    /// GPU model, as reported.
    pub model: &'a str,
    /// Labels of the node.
    pub node: &'a LabelView,
    /// Name of the node, where it is known which one.
    pub node_name: Option<&'a str>,
}

/// A price with its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// Currency per GPU-hour.
    pub per_gpu_hour: f64,
    /// Who says so, and when.
    pub source: String,
    /// Whether it is a built-in list price.
    pub built_in: bool,
}

/// The first rule that applies.
#[must_use]
pub fn price_of(book: &PriceBook, thing: PricedThing<'_>) -> Option<Price> {
    let model = model_name(thing.model);
    let rule = book.rules.iter().find(|rule| applies(rule, &model, thing))?;
    let source = match &rule.date {
        Some(date) => format!("{} ({date})", rule.source),
        None => rule.source.clone(),
    };
    Some(Price {
        per_gpu_hour: rule.per_gpu_hour,
        source,
        built_in: rule.origin == PriceOrigin::BuiltIn,
    })
}

fn applies(rule: &PriceRule, model: &str, thing: PricedThing<'_>) -> bool {
    let node = thing.node;
    rule.model.as_ref().is_none_or(|m| m.is_match(model))
        && rule.instance_type.as_deref().is_none_or(|t| instance_type(node) == Some(t))
        && rule.capacity_type.as_deref().is_none_or(|t| capacity_type(node) == Some(t))
        && rule
            .region
            .as_deref()
            .is_none_or(|r| node.get("topology.kubernetes.io/region") == Some(r))
        && rule.node.as_deref().is_none_or(|name| thing.node_name == Some(name))
        && rule.node_labels.iter().all(|(k, v)| node.get(k) == Some(v))
}

/// The cloud's name for the machine.
#[must_use]
pub fn instance_type(node: &LabelView) -> Option<&str> {
    node.get("node.kubernetes.io/instance-type")
        .or_else(|| node.get("beta.kubernetes.io/instance-type"))
}

/// `on-demand`, `spot` or `reserved`, in whichever way the provider labels it.
#[must_use]
pub fn capacity_type(node: &LabelView) -> Option<&'static str> {
    let spelled = node
        .get("karpenter.sh/capacity-type")
        .or_else(|| node.get("eks.amazonaws.com/capacityType"))
        .or_else(|| node.get("kubernetes.azure.com/scalesetpriority"))
        .or_else(|| node.get("cloud.google.com/gke-provisioning"));
    match spelled.map(str::to_ascii_lowercase).as_deref() {
        Some("spot" | "preemptible") => Some("spot"),
        Some("on-demand" | "on_demand" | "regular" | "standard") => Some("on-demand"),
        Some("reserved") => Some("reserved"),
        _ if node.get("cloud.google.com/gke-spot") == Some("true") => Some("spot"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use regex::Regex;

    use super::*;

    fn rule(
        model: Option<&str>,
        instance: Option<&str>,
        capacity: Option<&str>,
        price: f64,
    ) -> PriceRule {
        PriceRule {
            model: model.map(|m| Regex::new(&format!("(?i)^(?:{m})$")).expect("valid")),
            instance_type: instance.map(Into::into),
            capacity_type: capacity.map(Into::into),
            region: None,
            node: None,
            node_labels: BTreeMap::new(),
            per_gpu_hour: price,
            source: format!("test {price}"),
            date: None,
            origin: PriceOrigin::Config,
        }
    }

    fn node(pairs: &[(&str, &str)]) -> LabelView {
        LabelView {
            object: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..LabelView::default()
        }
    }

    #[test]
    fn the_first_rule_whose_conditions_all_hold() {
        let book = PriceBook {
            currency: "USD".into(),
            rules: vec![
                rule(Some(".*H100.*"), None, Some("spot"), 2.0),
                rule(None, Some("p5.48xlarge"), None, 6.88),
                rule(Some(".*H100.*"), None, None, 7.0),
            ],
        };
        let price = |model, labels: &[(&str, &str)]| {
            price_of(&book, PricedThing { model, node: &node(labels), node_name: Some("n1") })
                .map(|p| p.per_gpu_hour)
        };
        assert_eq!(
            price("NVIDIA H100 80GB HBM3", &[("karpenter.sh/capacity-type", "spot")]),
            Some(2.0)
        );
        assert_eq!(
            price("NVIDIA H100 80GB HBM3", &[("node.kubernetes.io/instance-type", "p5.48xlarge")]),
            Some(6.88)
        );
        assert_eq!(price("NVIDIA H100 80GB HBM3", &[]), Some(7.0));
        assert_eq!(price("NVIDIA L4", &[]), None, "no price is not a price of 0");
    }

    #[test]
    fn capacity_types_of_the_providers() {
        for (key, value, expected) in [
            ("karpenter.sh/capacity-type", "reserved", Some("reserved")),
            ("eks.amazonaws.com/capacityType", "ON_DEMAND", Some("on-demand")),
            ("eks.amazonaws.com/capacityType", "SPOT", Some("spot")),
            ("kubernetes.azure.com/scalesetpriority", "spot", Some("spot")),
            ("cloud.google.com/gke-spot", "true", Some("spot")),
            ("x", "y", None),
        ] {
            assert_eq!(capacity_type(&node(&[(key, value)])), expected, "{key}={value}");
        }
    }
}
