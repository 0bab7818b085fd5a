//! Objects of Dynamic Resource Allocation → facts.
//!
//! One reader for `resource.k8s.io/v1`, `v1beta2` and `v1beta1`: it goes by the fields that are
//! there. Who holds which device for how long is `attribution`; nothing is judged here.

mod claim;
mod class;
mod fields;
mod node;
mod pools;
mod references;
mod request;
mod slice;
mod taint;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use self::fields::Complain;
use self::slice::Slice;
use self::taint::TaintRule;
use super::metadata::Metadata;
use crate::model::dra::{ClaimFact, DraFacts};
use crate::model::objects::{ObjectProblem, OwnerRef};

/// Group of the objects that are read here.
pub(super) const GROUP: &str = "resource.k8s.io";
/// Group of the pod groups that claims can be reserved for.
pub(super) const POD_GROUPS: &str = "scheduling.k8s.io";

/// Versions whose objects had another shape altogether (Kubernetes 1.26 to 1.30).
const CLASSIC_VERSIONS: &[&str] = &["resource.k8s.io/v1alpha1", "resource.k8s.io/v1alpha2"];
/// Most problems that one object is given: a slice may have a thousand devices with the same flaw.
const MAX_PROBLEMS: usize = 10;

/// What was decoded so far; pools are known only when all slices are.
#[derive(Default)]
pub(super) struct Gathered {
    facts: DraFacts,
    slices: Vec<Slice>,
    rules: Vec<TaintRule>,
}

impl Gathered {
    /// Adds one object of [`GROUP`]. `complain` hears of what is left out of it.
    ///
    /// # Errors
    /// When the object as a whole cannot be used.
    pub(super) fn add(
        &mut self,
        kind: &str,
        metadata: Metadata,
        namespace: String,
        value: &Value,
        complain: Complain<'_>,
    ) -> Result<(), String> {
        let version = value["apiVersion"].as_str().unwrap_or_default();
        if CLASSIC_VERSIONS.contains(&version) {
            return Err(format!(
                "{version} is not understood (v1, v1beta2 and v1beta1 are); left out"
            ));
        }
        let mut said = 0_usize;
        let mut bounded = |detail: String| {
            said += 1;
            if said <= MAX_PROBLEMS {
                complain(detail);
            }
        };
        let added = self.add_kind(kind, metadata, namespace, value, &mut bounded);
        if said > MAX_PROBLEMS {
            complain(format!("has {} more problems like these", said - MAX_PROBLEMS));
        }
        added
    }

    fn add_kind(
        &mut self,
        kind: &str,
        metadata: Metadata,
        namespace: String,
        value: &Value,
        complain: Complain<'_>,
    ) -> Result<(), String> {
        let facts = &mut self.facts;
        match kind {
            "ResourceClaim" => {
                facts.claims.push(claim::claim(metadata, namespace, value, complain)?);
            }
            "ResourceClaimTemplate" => {
                facts.templates.push(template::template(metadata, namespace, value, complain)?);
            }
            "DeviceClass" => facts.classes.push(class::class(metadata, value)?),
            "ResourceSlice" => self.slices.push(slice::slice(metadata.name, value, complain)?),
            "DeviceTaintRule" => self.rules.extend(taint::rule(value)?),
            _ => {}
        }
        Ok(())
    }

    /// Adds the claims that a workload's pod templates name.
    pub(super) fn add_references(&mut self, namespace: &str, by: &OwnerRef, value: &Value) {
        self.facts.references.extend(references::references(namespace, by, value));
    }

    /// Adds the claims of a pod group: those that it names, and those that were made for it.
    pub(super) fn add_pod_group(&mut self, namespace: &str, name: &str, value: &Value) {
        let lists = ["/spec/resourceClaims", "/status/resourceClaimStatuses"];
        let lists = lists.iter().filter_map(|path| value.pointer(path)?.as_array());
        let claims: BTreeSet<&str> = lists.flat_map(|l| references::claim_names(l)).collect();
        if !claims.is_empty() {
            let key = (namespace.to_owned(), name.to_owned());
            let group = self.facts.pod_group_claims.entry(key).or_default();
            group.extend(claims.into_iter().map(str::to_owned));
            group.sort();
            group.dedup();
        }
    }

    /// Everything, in its order.
    pub(super) fn into_facts(self, problems: &mut Vec<ObjectProblem>) -> DraFacts {
        let Self { mut facts, slices, rules } = self;
        facts.pools = pools::pools(slices, problems);
        taint::apply(&rules, &mut facts.pools);
        let key =
            |c: &ClaimFact| (c.namespace.clone(), c.name.clone(), c.created_ms, c.uid.clone());
        facts.claims.sort_by_cached_key(key);
        facts.classes.sort_by(|a, b| (&a.name, a.created_ms).cmp(&(&b.name, b.created_ms)));
        facts.templates.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        facts.references.sort();
        facts.references.dedup();
        facts
    }
}
