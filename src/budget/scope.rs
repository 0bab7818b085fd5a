//! Which time a budget is about: its conditions, and those of the budgets above it, on a holder and a device.

use super::define::{Basis, Budget, Conditions, Scope};
use crate::attribution::Attributed;
use crate::attribution::inventory::Device;
use crate::attribution::label_view::LabelView;
use crate::model::policy::{LabelRequirement, TenantRule};
use crate::report::accounts::Accounts;
use regex::Regex;

/// Volcano's queue is an annotation.
const ANNOTATED_QUEUE: &str = "scheduling.volcano.sh/queue-name";
/// How the rule of a tenant begins that a queue named.
const BY_QUEUE: &str = "queue-label:";

/// Which budgets' conditions hold, worked out once for each holder and each device.
pub struct Matches<'a> {
    budgets: &'a [Budget],
    /// By budget and holder.
    holders: Vec<Vec<bool>>,
    /// By budget and device.
    devices: Vec<Vec<bool>>,
    /// Whether a budget is about all holders, so that time of nobody can count.
    of_nobody: Vec<bool>,
}

impl<'a> Matches<'a> {
    /// Holds the budgets' conditions against who and what the accounts know. `queue_labels` name queues.
    #[must_use]
    pub fn new(budgets: &'a [Budget], accounts: &Accounts, queue_labels: &[String]) -> Self {
        let attribution = &accounts.attribution;
        let none = Conditions::default();
        let own = |budget: &'a Budget| match &budget.scope {
            Scope::Where(conditions) => Some(conditions.as_ref()),
            Scope::Fleet | Scope::Children => None,
        };
        let holders = |budget: &'a Budget| {
            let conditions = own(budget).unwrap_or(&none);
            let holds = |h: &Attributed| fits_holder(conditions, h, queue_labels);
            attribution.holders.iter().map(holds).collect()
        };
        let devices = |budget: &'a Budget| {
            let conditions = own(budget).unwrap_or(&none);
            attribution.devices.iter().map(|d| fits_device(conditions, d, accounts)).collect()
        };
        Self {
            budgets,
            holders: budgets.iter().map(holders).collect(),
            devices: budgets.iter().map(devices).collect(),
            of_nobody: budgets
                .iter()
                .map(|b| !own(b).is_some_and(Conditions::is_about_holders))
                .collect(),
        }
    }

    /// Whether time of this holder on this device counts for a budget: its own scope, and those above it.
    #[must_use]
    pub fn counts(&self, budget: usize, holder: Option<usize>, device: usize) -> bool {
        if holder.is_none() && self.budgets[budget].basis == Basis::Held {
            return false;
        }
        let mut at = Some(budget);
        while let Some(position) = at {
            // What a budget of its children is about, each child knows by itself.
            let is_given =
                position != budget && matches!(self.budgets[position].scope, Scope::Children);
            if !is_given && !self.own(position, holder, device) {
                return false;
            }
            at = self.budgets[position].parent;
        }
        true
    }

    /// Whether a budget's own scope has it.
    fn own(&self, budget: usize, holder: Option<usize>, device: usize) -> bool {
        match self.budgets[budget].scope {
            Scope::Children => (0..self.budgets.len())
                .filter(|child| self.budgets[*child].parent == Some(budget))
                .any(|child| self.own(child, holder, device)),
            Scope::Fleet | Scope::Where(_) => {
                let of_holder = match holder {
                    Some(holder) => self.holders[budget][holder],
                    None => self.of_nobody[budget],
                };
                of_holder && self.devices[budget][device]
            }
        }
    }
}

/// The clusters that a budget asks for; none where it takes all.
#[must_use]
pub fn cluster_patterns(budget: &Budget) -> &[Regex] {
    match &budget.scope {
        Scope::Where(conditions) => &conditions.clusters,
        Scope::Fleet | Scope::Children => &[],
    }
}

/// The labels that name queues, of tenant rules; the built-in ones where there is no such rule.
#[must_use]
pub fn queue_labels(rules: &[TenantRule]) -> Vec<String> {
    let of = |rules: &[TenantRule]| {
        rules.iter().find_map(|rule| match rule {
            TenantRule::QueueLabel(labels) => Some(labels.clone()),
            _ => None,
        })
    };
    of(rules).or_else(|| of(&TenantRule::defaults())).unwrap_or_default()
}

/// Whether one of the patterns fits; none asks for nothing.
pub(super) fn any(patterns: &[Regex], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.is_match(text))
}

fn fits_holder(conditions: &Conditions, holder: &Attributed, queue_labels: &[String]) -> bool {
    let (key, workload) = (&holder.holder.key, &holder.workload);
    let path = || format!("{}/{}/{}", key.namespace, workload.kind, workload.name);
    any(&conditions.tenants, &holder.tenant.tenant)
        && any(&conditions.namespaces, &key.namespace)
        && (any(&conditions.workloads, &workload.name) || any(&conditions.workloads, &path()))
        && (conditions.queues.is_empty()
            || queue_of(holder, queue_labels).is_some_and(|queue| any(&conditions.queues, queue)))
        && has_labels(&conditions.selector, &holder.holder.labels)
}

fn has_labels(selector: &[LabelRequirement], labels: &LabelView) -> bool {
    let keys = selector.iter().map(|r| match r {
        LabelRequirement::In(k, _)
        | LabelRequirement::NotIn(k, _)
        | LabelRequirement::Exists(k)
        | LabelRequirement::DoesNotExist(k) => k,
    });
    let labels = labels.by_key(keys);
    selector.iter().all(|requirement| requirement.matches(&labels))
}

/// The queue of a holder: by a label, by Volcano's annotation, or by the queue that named its tenant.
fn queue_of<'a>(holder: &'a Attributed, queue_labels: &[String]) -> Option<&'a str> {
    let by_label = queue_labels.iter().find_map(|key| holder.holder.labels.get(key));
    let annotated = || holder.holder.annotations.get(ANNOTATED_QUEUE).map(String::as_str);
    let by_tenant =
        || holder.tenant.rule.starts_with(BY_QUEUE).then_some(holder.tenant.tenant.as_str());
    by_label.or_else(annotated).or_else(by_tenant)
}

fn fits_device(conditions: &Conditions, device: &Device, accounts: &Accounts) -> bool {
    let capacity_type = || {
        let place = (device.cluster.clone(), device.node.clone());
        accounts.nodes.get(&place).and_then(|node| node.capacity_type.clone())
    };
    let is_of_type = |wanted: &[String]| {
        wanted.is_empty() || capacity_type().is_some_and(|found| wanted.contains(&found))
    };
    any(&conditions.clusters, device.cluster.as_deref().unwrap_or_default())
        && any(&conditions.models, &device.model)
        && is_of_type(&conditions.capacity_types)
}
