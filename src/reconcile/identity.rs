//! Whether a resource of a bill is a node: spellings of the same machine on both sides.
//!
//! A Node says `spec.providerID`; a bill has the bare id, an ARN, or a path or URL. Where neither side says enough, the
//! node's name has to do, as long as there is one node of that name.

use std::collections::HashMap;

/// What a bill's resource stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Unit {
    /// A node, by its position.
    Node(usize),
    /// A scale set, by its position.
    Group(usize),
    /// A machine that is no node, by its position.
    Foreign(usize),
}

/// How a resource was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    ProviderId,
    ScaleSet,
    Name,
}

impl By {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ProviderId => "provider-id",
            Self::ScaleSet => "scale-set",
            Self::Name => "name",
        }
    }
}

/// Nodes by their spellings; what two nodes share stands for neither.
#[derive(Debug, Default)]
pub(super) struct Index {
    ids: HashMap<String, Option<usize>>,
    names: HashMap<(Option<String>, String), Option<usize>>,
    groups: HashMap<String, usize>,
    /// Scale set of each node.
    pub(super) group_of: Vec<Option<usize>>,
}

impl Index {
    /// Adds the next node.
    pub(super) fn add(&mut self, cluster: Option<&str>, name: &str, provider_id: Option<&str>) {
        let node = self.group_of.len();
        let mut group = None;
        if let Some(provider_id) = provider_id {
            for key in spellings(provider_id) {
                claim(&mut self.ids, key, node);
            }
            group = scale_set(provider_id).map(|set| {
                let next = self.groups.len();
                *self.groups.entry(set).or_insert(next)
            });
        }
        let name = name.to_ascii_lowercase();
        claim(&mut self.names, (cluster.map(str::to_ascii_lowercase), name.clone()), node);
        if cluster.is_some() {
            claim(&mut self.names, (None, name), node);
        }
        self.group_of.push(group);
    }

    /// What a resource with this id and these names is, if it is one of the nodes. `account` may be a cluster's name.
    pub(super) fn find(
        &self,
        resource_id: Option<&str>,
        names: &[String],
        account: Option<&str>,
    ) -> Option<(Unit, By)> {
        let keys = resource_id.map(spellings).unwrap_or_default();
        let by_id = || keys.iter().find_map(|key| self.ids.get(key).copied().flatten());
        let by_group = || keys.iter().find_map(|key| self.groups.get(key).copied());
        let last = keys.last().cloned();
        let account = account.map(str::to_ascii_lowercase);
        let by_name = |cluster: &Option<String>| {
            let named = names.iter().map(|name| name.to_ascii_lowercase()).chain(last.clone());
            named
                .filter_map(|name| self.names.get(&(cluster.clone(), name)).copied().flatten())
                .next()
        };
        by_id()
            .map(|node| (Unit::Node(node), By::ProviderId))
            .or_else(|| by_group().map(|group| (Unit::Group(group), By::ScaleSet)))
            .or_else(|| account.is_some().then(|| by_name(&account)).flatten().map(named))
            .or_else(|| by_name(&None).map(named))
    }
}

const fn named(node: usize) -> (Unit, By) {
    (Unit::Node(node), By::Name)
}

/// What two claim stands for neither.
fn claim<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Option<usize>>, key: K, node: usize) {
    map.entry(key)
        .and_modify(|holder| *holder = holder.filter(|held| *held == node))
        .or_insert(Some(node));
}

/// The spellings of a machine's id, the most exact first and the bare name last; small letters.
pub(super) fn spellings(id: &str) -> Vec<String> {
    let lower = id.trim().to_ascii_lowercase();
    let path = lower
        .split_once("://")
        .map_or(lower.as_str(), |(_, rest)| rest)
        .trim_matches('/')
        .to_owned();
    let mut keys = vec![path.clone()];
    // GCP: `project/zone/name` in providerID, `…/projects/P/zones/Z/instances/NAME` on the bill.
    let parts: Vec<&str> = path.split('/').collect();
    let after = |key: &str| {
        let at = parts.iter().position(|part| *part == key)?;
        parts.get(at + 1).copied()
    };
    if let (Some(project), Some(zone), Some(name)) =
        (after("projects"), after("zones"), after("instances"))
    {
        keys.push(format!("{project}/{zone}/{name}"));
    }
    // Azure: from `subscriptions/` on, whatever host is in front.
    if let Some(at) = path.find("subscriptions/") {
        keys.push(path[at..].to_owned());
    }
    // The bare id: behind the last slash, or of an ARN without one behind the last colon.
    let last = path.rsplit('/').next().unwrap_or_default();
    let last = last.rsplit(':').next().unwrap_or_default();
    keys.push(last.to_owned());
    keys.retain(|key| !key.is_empty());
    // A number counts within something: the third of a scale set is in every scale set.
    keys.retain(|key| key.len() > 5 || !key.bytes().all(|b| b.is_ascii_digit()));
    keys.dedup();
    keys
}

/// Path of the scale set that an Azure machine is of.
fn scale_set(provider_id: &str) -> Option<String> {
    let keys = spellings(provider_id);
    let path = keys.iter().find(|key| key.starts_with("subscriptions/"))?;
    let (set, _) = path.split_once("/virtualmachines/")?;
    set.contains("/virtualmachinescalesets/").then(|| set.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_the_clouds_meet() {
        let vm = "azure:///subscriptions/S-1/resourceGroups/mc_rg/providers/Microsoft.Compute/virtualMachines/gpu-0";
        let set = "azure:///subscriptions/s-1/resourceGroups/mc_rg/providers/Microsoft.Compute/virtualMachineScaleSets/aks-gpu/virtualMachines/3";
        for (provider_id, resource, by) in [
            ("aws:///us-east-1a/i-0abc123", "i-0abc123", By::ProviderId),
            (
                "aws:///us-east-1a/i-0abc123",
                "arn:aws:ec2:us-east-1:123456789012:instance/i-0abc123",
                By::ProviderId,
            ),
            ("gce://acme/us-central1-a/gke-gpu-1", "acme/us-central1-a/gke-gpu-1", By::ProviderId),
            (
                "gce://acme/us-central1-a/gke-gpu-1",
                "//compute.googleapis.com/projects/acme/zones/us-central1-a/instances/gke-gpu-1",
                By::ProviderId,
            ),
            (
                "gce://acme/us-central1-a/gke-gpu-1",
                "https://www.googleapis.com/compute/v1/projects/acme/zones/us-central1-a/instances/gke-gpu-1",
                By::ProviderId,
            ),
            (
                vm,
                "/subscriptions/s-1/resourcegroups/MC_RG/providers/microsoft.compute/virtualmachines/GPU-0",
                By::ProviderId,
            ),
            (
                set,
                "/subscriptions/s-1/resourcegroups/mc_rg/providers/microsoft.compute/virtualmachinescalesets/aks-gpu",
                By::ScaleSet,
            ),
            ("oci://x", "node-1", By::Name),
        ] {
            let mut index = Index::default();
            index.add(None, "node-1", Some(provider_id));
            let found = index.find(Some(resource), &[], None);
            assert_eq!(found.map(|(_, by)| by), Some(by), "{provider_id} {resource}");
        }
    }

    #[test]
    fn what_stands_for_two_stands_for_neither() {
        let mut index = Index::default();
        index.add(Some("east"), "gpu-0", None);
        index.add(Some("west"), "gpu-0", None);
        let find = |account| index.find(Some("GPU-0"), &[], account).map(|(unit, _)| unit);
        assert_eq!(find(None), None);
        assert_eq!(find(Some("123456789012")), None);
        assert_eq!(find(Some("west")), Some(Unit::Node(1)));
        assert_eq!(index.find(Some("i-0"), &["gpu-1".into()], None), None);
    }

    #[test]
    fn the_number_in_a_scale_set_is_no_machine() {
        let mut index = Index::default();
        let id = |set: &str| {
            format!(
                "azure:///subscriptions/s/resourceGroups/r/providers/Microsoft.Compute/virtualMachineScaleSets/{set}/virtualMachines/3"
            )
        };
        index.add(None, "a3", Some(&id("a")));
        assert_eq!(index.find(Some("3"), &[], None), None);
        assert_eq!(index.find(Some(&id("b")), &[], None), None);
    }
}
