//! Which node each observed device is on: exporters name it in many ways, and some name only themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ClusterFacts;
use crate::observe::devices::{DeviceObservation, Whereabouts};
use crate::observe::kube_state::KubeState;
use crate::observe::reading::LabelledTime;

/// The node of each observed device: what its series say, checked against the nodes that exist.
#[must_use]
pub fn node_names(
    observations: &[DeviceObservation],
    kube: &KubeState,
    facts: &ClusterFacts,
) -> Vec<String> {
    let known = KnownNodes::new(kube, facts);
    observations.iter().map(|o| known.node_of(o)).collect()
}

struct KnownNodes<'a> {
    node_of_holder: BTreeMap<(&'a str, &'a str), &'a str>,
    names: BTreeSet<&'a str>,
    by_address: BTreeMap<&'a str, &'a str>,
    node_of_pod: BTreeMap<(&'a str, &'a str), &'a str>,
}

impl<'a> KnownNodes<'a> {
    fn new(kube: &'a KubeState, facts: &'a ClusterFacts) -> Self {
        let names = kube
            .nodes
            .keys()
            .map(String::as_str)
            .chain(facts.nodes.iter().map(|n| n.name.as_str()))
            .collect();
        let addresses = facts
            .nodes
            .iter()
            .flat_map(|n| n.addresses.iter().map(|a| (a.as_str(), n.name.as_str())));
        let by_address = kube
            .node_of_ip
            .iter()
            .map(|(ip, node)| (ip.as_str(), node.as_str()))
            .chain(addresses)
            .collect();
        let from_metrics = kube
            .node_of_pod
            .iter()
            .map(|((ns, pod), node)| ((ns.as_str(), pod.as_str()), node.as_str()));
        let from_objects = facts
            .pods
            .iter()
            .filter_map(|p| Some(((p.namespace.as_str(), p.name.as_str()), p.node.as_deref()?)));
        let of_holders = kube.pods.iter().rev().filter_map(|(key, pod)| {
            Some(((key.namespace.as_str(), key.name.as_str()), pod.node.as_deref()?))
        });
        Self {
            node_of_holder: of_holders.collect(),
            names,
            by_address,
            node_of_pod: from_metrics.chain(from_objects).collect(),
        }
    }

    fn node_of(&self, device: &DeviceObservation) -> String {
        let Whereabouts { node, hostname, target_pod, instance_host } = &device.whereabouts;
        let exists = |name: &&str| self.names.contains(*name);
        let of_pod = |(ns, pod): &(String, String)| {
            self.node_of_pod.get(&(ns.as_str(), pod.as_str())).copied()
        };
        let of_holder = || {
            let labelled = device.readings().flat_map(|(_, r)| &r.labelled);
            labelled.into_iter().find_map(|l: &LabelledTime| {
                let key = (l.pod.namespace.as_str(), l.pod.name.as_str());
                let requested = self.node_of_holder.get(&key);
                requested.or_else(|| self.node_of_pod.get(&key)).copied()
            })
        };
        let address = |a: &String| self.by_address.get(a.as_str()).copied();
        node.as_deref()
            .filter(exists)
            .or_else(|| hostname.as_deref().filter(exists))
            .or_else(|| target_pod.as_ref().and_then(of_pod))
            .or_else(|| instance_host.as_ref().and_then(address))
            .or_else(of_holder)
            .or(node.as_deref())
            .or(hostname.as_deref())
            .or(instance_host.as_deref())
            .unwrap_or("unknown")
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::kube_state::KubeNode;

    #[test]
    fn the_node_is_found_by_whatever_names_it() {
        let whereabouts = Whereabouts {
            hostname: Some("exporter-7x".into()),
            instance_host: Some("10.0.0.7".into()),
            ..Whereabouts::default()
        };
        let by_address = DeviceObservation { whereabouts, ..DeviceObservation::default() };
        let mut kube = KubeState::default();
        kube.nodes.insert("n7".into(), KubeNode::default());
        kube.node_of_ip.insert("10.0.0.7".into(), "n7".into());
        let names = node_names(std::slice::from_ref(&by_address), &kube, &ClusterFacts::default());
        assert_eq!(names, ["n7"]);
        // With nothing known, the exporter's own word stands.
        assert_eq!(
            node_names(&[by_address], &KubeState::default(), &ClusterFacts::default()),
            ["exporter-7x"]
        );
    }
}
