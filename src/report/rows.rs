//! The rows of the contract, one function per kind.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::accounts::{Accounts, Place};
use super::contract::{
    ClusterRow, FleetRow, GpuHolder, GpuRow, Ledger, ModeRow, ModelRow, NamespaceRow, NodeRow,
    PodRow, TenantRow, WorkloadRow,
};
use super::figures::{Figures, Key, Source, holder_value, pod_key};
use crate::attribution::holder::HolderKind;
use crate::attribution::holding::EPSILON;
use crate::attribution::inventory::Device;
use crate::attribution::resolve::pieces_of;
use crate::attribution::{Attributed, Tenure};
use crate::frame::columns as c;
use crate::frame::groups::Part;
use crate::model::Interval;
use crate::model::window::rfc3339;
use crate::units::{HOURS_PER_MONTH, gpu_hours};

/// Hardware and money of one or more devices, from their presence alone: the side of the balance
/// that knows nothing of states.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Capacity {
    /// Devices.
    pub gpus: u32,
    /// Presence, milliseconds.
    pub ms: i64,
    /// Money; what has no price is left out.
    pub cost: f64,
    /// Whether any device has a price.
    pub priced: bool,
}

/// Figures and capacity together.
pub struct Rows<'a> {
    /// Where figures come from.
    pub source: &'a Source<'a>,
    /// Whether each holder is in scope.
    pub in_scope: &'a [bool],
    /// What they are made from.
    pub accounts: &'a Accounts,
}

impl Rows<'_> {
    /// All devices.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacities(|_| ()).remove(&()).unwrap_or_default()
    }

    /// Devices by what `key` says of their positions.
    pub fn capacities<K: Ord>(&self, key: impl Fn(usize) -> K) -> BTreeMap<K, Capacity> {
        let mut out: BTreeMap<K, Capacity> = BTreeMap::new();
        let mut gpus = BTreeSet::new();
        for (d, device) in self.source.attribution.devices.iter().enumerate() {
            let ms = device.presence.length_ms();
            // A GPU that was moved to another node is two devices there, and one GPU here.
            let is_new = gpus.insert((key(d), &device.cluster, &device.id));
            let sum = out.entry(key(d)).or_default();
            sum.gpus += u32::from(is_new);
            sum.ms += ms;
            if let Some(price) = &self.accounts.prices[d] {
                sum.cost += gpu_hours(ms) * price.per_gpu_hour;
                sum.priced = true;
            }
        }
        out
    }

    /// The whole cluster.
    #[must_use]
    pub fn fleet(&self) -> FleetRow {
        let figures = self.source.by(Part::All, &[]).remove(&Vec::new()).unwrap_or_default();
        let capacity = self.capacity();
        let ledger = with_capacity(figures.ledger, capacity);
        let devices = &self.source.attribution.devices;
        let gpus: BTreeSet<_> = devices.iter().map(|d| (&d.cluster, &d.id, &d.model)).collect();
        let mut models: BTreeMap<String, u32> = BTreeMap::new();
        for (_, _, model) in gpus {
            *models.entry(model.clone()).or_default() += 1;
        }
        let of_capacity = |hours: f64| (capacity.ms > 0).then(|| hours / gpu_hours(capacity.ms));
        // Held and never seen: nothing tells how much of it was busy.
        let is_busy_known = ledger.allocated_gpu_hours <= 0.0 || ledger.observed_gpu_hours > 0.0;
        let window_hours = gpu_hours(self.accounts.window.length_ms());
        FleetRow {
            gpus: capacity.gpus,
            nodes: self.nodes_of(&|_| true),
            physical_gpus_by_model: models,
            allocation_rate: of_capacity(ledger.allocated_gpu_hours),
            busy_of_capacity: of_capacity(ledger.busy_gpu_hours).filter(|_| is_busy_known),
            waste_cost_per_month: ledger
                .waste_cost
                .map(|waste| waste / window_hours * HOURS_PER_MONTH),
            usage: figures.usage,
            ledger,
        }
    }

    /// Nodes with devices that `test` selects; pools that are attached to none do not count.
    fn nodes_of(&self, test: &dyn Fn(&Device) -> bool) -> u32 {
        let devices = self.source.attribution.devices.iter().filter(|d| test(d));
        let places: BTreeSet<Place> =
            devices.map(|d| (d.cluster.clone(), d.node.clone())).collect();
        let is_node = |place: &&Place| !self.accounts.nodes.get(place).is_some_and(|n| n.is_pool);
        u32::try_from(places.iter().filter(is_node).count()).unwrap_or(u32::MAX)
    }

    /// By cluster, by name; none where the report is of one that has no name.
    #[must_use]
    pub fn clusters(&self) -> Vec<ClusterRow> {
        let devices = &self.source.attribution.devices;
        let capacities = self.capacities(|d| devices[d].cluster.as_ref());
        let rows = self.source.by(Part::All, &[c::CLUSTER]).into_iter().filter_map(|(key, f)| {
            let cluster = named(&key[0])?;
            let capacity = capacities.get(&Some(&cluster)).copied().unwrap_or_default();
            Some(ClusterRow {
                gpus: capacity.gpus,
                nodes: self.nodes_of(&|d| d.cluster.as_ref() == Some(&cluster)),
                ledger: with_capacity(f.ledger, capacity),
                usage: f.usage,
                cluster,
            })
        });
        rows.collect()
    }

    /// By tenant.
    #[must_use]
    pub fn tenants(&self) -> Vec<TenantRow> {
        let rules = self.source.labels(Part::HeldInScope, &[c::TENANT], c::RULE);
        let namespaces = self.values(&[c::TENANT], c::NAMESPACE);
        let mut rows: Vec<_> = self
            .source
            .by(Part::HeldInScope, &[c::TENANT])
            .into_iter()
            .map(|(key, figures)| TenantRow {
                tenant: key[0].clone(),
                rule: rules.get(&key).map(|r| r.join(" + ")).unwrap_or_default(),
                namespaces: namespaces.get(&key).cloned().unwrap_or_default(),
                cost: figures.ledger.allocated_cost,
                ledger: figures.ledger,
                usage: figures.usage,
            })
            .collect();
        rows.sort_by(|a, b| most_waste(&a.ledger, &b.ledger).then_with(|| a.tenant.cmp(&b.tenant)));
        rows
    }

    /// By namespace.
    #[must_use]
    pub fn namespaces(&self) -> Vec<NamespaceRow> {
        let tenants = self.values(&[c::CLUSTER, c::NAMESPACE], c::TENANT);
        let mut rows: Vec<_> = self
            .source
            .by(Part::HeldInScope, &[c::CLUSTER, c::NAMESPACE])
            .into_iter()
            .map(|(key, figures)| NamespaceRow {
                cluster: named(&key[0]),
                namespace: key[1].clone(),
                tenants: tenants.get(&key).cloned().unwrap_or_default(),
                cost: figures.ledger.allocated_cost,
                ledger: figures.ledger,
                usage: figures.usage,
            })
            .collect();
        rows.sort_by(|a, b| {
            most_waste(&a.ledger, &b.ledger)
                .then_with(|| (&a.namespace, &a.cluster).cmp(&(&b.namespace, &b.cluster)))
        });
        rows
    }

    /// Sorted distinct values of `other` among holders in scope, by values of `columns`.
    fn values(&self, columns: &[&str], other: &str) -> BTreeMap<Key, Vec<String>> {
        let mut distinct: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
        let holders = self.source.attribution.holders.iter().zip(self.in_scope);
        for (holder, _) in holders.filter(|(_, shown)| **shown) {
            let value = holder_value(holder, other);
            let key = columns.iter().map(|column| holder_value(holder, column)).collect();
            let values = distinct.entry(key).or_default();
            if !value.is_empty() {
                values.insert(value);
            }
        }
        distinct.into_iter().map(|(key, values)| (key, values.into_iter().collect())).collect()
    }

    /// By workload.
    #[must_use]
    pub fn workloads(&self) -> Vec<WorkloadRow> {
        let keys = [c::CLUSTER, c::TENANT, c::RULE, c::NAMESPACE, c::WORKLOAD_KIND, c::WORKLOAD];
        let mut pods: HashMap<Vec<String>, HashSet<String>> = HashMap::new();
        let all = &self.source.attribution.holders;
        for holder in all.iter().filter(|h| h.holder.kind == HolderKind::Pod) {
            let key = keys.iter().map(|k| holder_value(holder, k)).collect();
            pods.entry(key).or_default().insert(pod_key(holder));
        }
        let rows: Vec<_> = self
            .source
            .by(Part::HeldInScope, &keys)
            .into_iter()
            .map(|(key, figures)| WorkloadRow {
                cluster: named(&key[0]),
                tenant: key[1].clone(),
                rule: key[2].clone(),
                namespace: key[3].clone(),
                kind: key[4].clone(),
                name: key[5].clone(),
                pods: pods.get(&key).map_or(0, |p| u32::try_from(p.len()).unwrap_or(u32::MAX)),
                cost: figures.ledger.allocated_cost,
                ledger: figures.ledger,
                usage: figures.usage,
            })
            .collect();
        sorted(rows, |a, b| {
            most_waste(&a.ledger, &b.ledger).then_with(|| {
                fn name(w: &WorkloadRow) -> [&String; 4] {
                    [&w.namespace, &w.kind, &w.name, &w.tenant]
                }
                (name(a), &a.cluster).cmp(&(name(b), &b.cluster))
            })
        })
    }

    /// By pod.
    #[must_use]
    pub fn pods(&self) -> Vec<PodRow> {
        let mut holders: HashMap<String, Vec<usize>> = HashMap::new();
        let all = self.source.attribution.holders.iter().enumerate();
        for (h, holder) in all.filter(|(_, a)| a.holder.kind == HolderKind::Pod) {
            holders.entry(pod_key(holder)).or_default().push(h);
        }
        let rows: Vec<_> = self
            .source
            .by(Part::HeldInScope, &[c::POD])
            .into_iter()
            .filter_map(|(key, figures)| Some(self.pod(holders.get(&key[0])?, figures)))
            .collect();
        sorted(rows, |a, b| {
            most_waste(&a.ledger, &b.ledger)
                .then_with(|| (&a.namespace, &a.pod, &a.uid).cmp(&(&b.namespace, &b.pod, &b.uid)))
                .then_with(|| a.cluster.cmp(&b.cluster))
        })
    }

    fn pod(&self, holders: &[usize], figures: Figures) -> PodRow {
        let attribution = self.source.attribution;
        let Attributed { cluster, holder, workload, tenant } = &attribution.holders[holders[0]];
        let times = holders.iter().map(|&h| attribution.holders[h].holder.time);
        let devices: BTreeSet<usize> = holders
            .iter()
            .flat_map(|&h| tenures_of(&attribution.tenures, h))
            .map(|t| t.device)
            .collect();
        let on = devices.first().map(|&d| attribution.devices[d].node.clone());
        let window = self.accounts.window;
        PodRow {
            cluster: cluster.clone(),
            tenant: tenant.tenant.clone(),
            namespace: holder.key.namespace.clone(),
            pod: holder.key.name.clone(),
            uid: holder.key.uid.clone(),
            workload_kind: workload.kind.clone(),
            workload: workload.name.clone(),
            node: holder.node.clone().or(on).unwrap_or_default(),
            gpu_uuids: devices.iter().map(|&d| attribution.devices[d].id.clone()).collect(),
            held_from: rfc3339(times.clone().map(|t| t.start).min().unwrap_or(window.start())),
            held_until: rfc3339(times.map(|t| t.end).max().unwrap_or(window.end())),
            cost: figures.ledger.allocated_cost,
            ledger: figures.ledger,
            usage: figures.usage,
        }
    }

    /// By GPU, in order of node and index.
    #[must_use]
    pub fn gpus(&self) -> Vec<GpuRow> {
        let mut figures = self.source.by(Part::All, &[c::DEVICE]);
        let capacities = self.capacities(|d| d);
        let rows = self.source.attribution.devices.iter().enumerate().map(|(d, device)| {
            let figures = figures.remove(&vec![d.to_string()]).unwrap_or_default();
            let price = self.accounts.prices[d].as_ref();
            GpuRow {
                cluster: device.cluster.clone(),
                uuid: device.id.clone(),
                node: device.node.clone(),
                index: device.index.clone(),
                model: device.model.clone(),
                sharing: device.sharing.name().to_owned(),
                holders: self.holders_of(d),
                ledger: with_capacity(figures.ledger, capacities[&d]),
                usage: figures.usage,
                price_per_hour: price.map(|p| p.per_gpu_hour),
                price_source: price.map(|p| p.source.clone()),
            }
        });
        rows.collect()
    }

    /// Who held which part of a device: pieces that only differ in time are one where they meet.
    fn holders_of(&self, d: usize) -> Vec<GpuHolder> {
        let attribution = self.source.attribution;
        let mut out: Vec<(usize, f64, Interval)> = Vec::new();
        for piece in pieces_of(&attribution.pieces, d) {
            let meets = out.iter_mut().rev().find(|(holder, share, time)| {
                *holder == piece.holder
                    && (share - piece.share).abs() < EPSILON
                    && time.end == piece.time.start
            });
            match meets {
                Some((_, _, time)) => time.end = piece.time.end,
                None => out.push((piece.holder, piece.share, piece.time)),
            }
        }
        let row = |(h, share, time): (usize, f64, Interval)| {
            let Attributed { holder, tenant, .. } = &attribution.holders[h];
            GpuHolder {
                namespace: holder.key.namespace.clone(),
                name: holder.key.name.clone(),
                tenant: tenant.tenant.clone(),
                share,
                from: rfc3339(time.start),
                until: rfc3339(time.end),
            }
        };
        out.into_iter().map(row).collect()
    }

    /// By way of sharing, by name.
    #[must_use]
    pub fn modes(&self) -> Vec<ModeRow> {
        let devices = &self.source.attribution.devices;
        let capacities = self.capacities(|d| devices[d].sharing.name().to_owned());
        let rows = self.source.by(Part::All, &[c::SHARING]).into_iter().map(|(key, figures)| {
            let capacity = capacities.get(&key[0]).copied().unwrap_or_default();
            let ledger = with_capacity(figures.ledger, capacity);
            ModeRow { gpus: capacity.gpus, mode: key[0].clone(), ledger, usage: figures.usage }
        });
        rows.collect()
    }

    /// By node, by name.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeRow> {
        let attribution = self.source.attribution;
        let capacities = self.capacities(|d| place_of(&attribution.devices[d]));
        let rows = self.source.by(Part::All, &[c::CLUSTER, c::NODE]);
        let rows = rows.into_iter().map(|(key, figures)| {
            let capacity = capacities.get(&key).copied().unwrap_or_default();
            let place = (named(&key[0]), key[1].clone());
            let kind = self.accounts.nodes.get(&place).cloned().unwrap_or_default();
            let ledger = with_capacity(figures.ledger, capacity);
            NodeRow {
                gpus: capacity.gpus,
                is_pool: kind.is_pool,
                instance_type: kind.instance_type,
                capacity_type: kind.capacity_type,
                cluster: place.0,
                node: place.1,
                ledger,
                usage: figures.usage,
            }
        });
        rows.collect()
    }

    /// By model, by name.
    #[must_use]
    pub fn models(&self) -> Vec<ModelRow> {
        let devices = &self.source.attribution.devices;
        let capacities = self.capacities(|d| devices[d].model.clone());
        let rows = self.source.by(Part::All, &[c::MODEL]).into_iter().map(|(key, figures)| {
            let capacity = capacities.get(&key[0]).copied().unwrap_or_default();
            let ledger = with_capacity(figures.ledger, capacity);
            ModelRow { gpus: capacity.gpus, model: key[0].clone(), ledger, usage: figures.usage }
        });
        rows.collect()
    }
}

fn with_capacity(mut ledger: Ledger, capacity: Capacity) -> Ledger {
    ledger.capacity_gpu_hours = Some(gpu_hours(capacity.ms));
    ledger.capacity_cost = capacity.priced.then_some(capacity.cost);
    ledger
}

/// A cluster's name; the one without a name has an empty key.
fn named(cluster: &str) -> Option<String> {
    (!cluster.is_empty()).then(|| cluster.to_owned())
}

/// Where a device stands, as a key of cluster and node.
pub(super) fn place_of(device: &Device) -> Key {
    vec![device.cluster.clone().unwrap_or_default(), device.node.clone()]
}

/// The tenures of one holder, of tenures in order of holder.
fn tenures_of(tenures: &[Tenure], holder: usize) -> &[Tenure] {
    let first = tenures.partition_point(|t| t.holder < holder);
    let count = tenures[first..].partition_point(|t| t.holder == holder);
    &tenures[first..first + count]
}

/// Rows in order, stable. They are large: what is moved about while they are sorted is their numbers.
fn sorted<T>(rows: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| compare(&rows[a], &rows[b]));
    let mut rows: Vec<Option<T>> = rows.into_iter().map(Some).collect();
    order.into_iter().filter_map(|place| rows[place].take()).collect()
}

/// Most wasted money first; where money is unknown, most wasted time.
fn most_waste(a: &Ledger, b: &Ledger) -> std::cmp::Ordering {
    let money = |l: &Ledger| l.waste_cost.unwrap_or(-1.0);
    money(b).total_cmp(&money(a)).then_with(|| b.waste_gpu_hours().total_cmp(&a.waste_gpu_hours()))
}
