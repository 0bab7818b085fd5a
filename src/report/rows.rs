//! The rows of the contract, one function per kind.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::{
    FleetRow, GpuHolder, GpuRow, Ledger, ModeRow, ModelRow, NamespaceRow, NodeRow, PodRow,
    TenantRow, WorkloadRow,
};
use super::figures::{Figures, Source, holder_value, pod_key};
use crate::attribution::Attributed;
use crate::attribution::holder::HolderKind;
use crate::attribution::holding::EPSILON;
use crate::attribution::resolve::pieces_of;
use crate::cost::price::{Price, capacity_type, instance_type};
use crate::frame::columns as c;
use crate::frame::sums::Part;
use crate::frame::tables::FrameError;
use crate::model::window::rfc3339;
use crate::model::{Interval, Window};
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
    /// Price of each device.
    pub prices: &'a [Option<Price>],
    /// The window.
    pub window: Window,
}

impl Rows<'_> {
    /// Capacity of the devices that `test` selects.
    #[must_use]
    pub fn capacity(&self, test: &dyn Fn(usize) -> bool) -> Capacity {
        let mut out = Capacity::default();
        for (d, device) in
            self.source.attribution.devices.iter().enumerate().filter(|(d, _)| test(*d))
        {
            let ms = device.presence.length_ms();
            out.gpus += 1;
            out.ms += ms;
            if let Some(price) = &self.prices[d] {
                out.cost += gpu_hours(ms) * price.per_gpu_hour;
                out.priced = true;
            }
        }
        out
    }

    fn with_capacity(
        &self,
        mut ledger: Ledger,
        test: &dyn Fn(usize) -> bool,
    ) -> (Ledger, Capacity) {
        let capacity = self.capacity(test);
        ledger.capacity_gpu_hours = Some(gpu_hours(capacity.ms));
        ledger.capacity_cost = capacity.priced.then_some(capacity.cost);
        (ledger, capacity)
    }

    /// The whole cluster.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn fleet(&self) -> Result<FleetRow, FrameError> {
        let figures = self.source.by(Part::All, &[])?.remove(&Vec::new()).unwrap_or_default();
        let (ledger, capacity) = self.with_capacity(figures.ledger, &|_| true);
        let mut models: BTreeMap<String, u32> = BTreeMap::new();
        for device in &self.source.attribution.devices {
            *models.entry(device.model.clone()).or_default() += 1;
        }
        let nodes: BTreeSet<_> = self.source.attribution.devices.iter().map(|d| &d.node).collect();
        let nodes = nodes.into_iter().filter(|name| !self.is_pool(name)).count();
        let of_capacity = |hours: f64| (capacity.ms > 0).then(|| hours / gpu_hours(capacity.ms));
        // Held and never seen: nothing tells how much of it was busy.
        let is_busy_known = ledger.allocated_gpu_hours <= 0.0 || ledger.observed_gpu_hours > 0.0;
        let window_hours = gpu_hours(self.window.length_ms());
        Ok(FleetRow {
            gpus: capacity.gpus,
            nodes: u32::try_from(nodes).unwrap_or(u32::MAX),
            physical_gpus_by_model: models,
            allocation_rate: of_capacity(ledger.allocated_gpu_hours),
            busy_of_capacity: of_capacity(ledger.busy_gpu_hours).filter(|_| is_busy_known),
            waste_cost_per_month: ledger
                .waste_cost
                .map(|waste| waste / window_hours * HOURS_PER_MONTH),
            usage: figures.usage,
            ledger,
        })
    }

    /// Whether what stands among the nodes is a pool that is attached to none.
    fn is_pool(&self, name: &str) -> bool {
        self.source.attribution.nodes.get(name).is_some_and(|node| node.is_pool)
    }

    /// By tenant.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn tenants(&self) -> Result<Vec<TenantRow>, FrameError> {
        let rules = self.source.labels(Part::HeldInScope, &[c::TENANT], c::RULE)?;
        let mut rows: Vec<_> = self
            .source
            .by(Part::HeldInScope, &[c::TENANT])?
            .into_iter()
            .map(|(key, figures)| TenantRow {
                tenant: key[0].clone(),
                rule: rules.get(&key).map(|r| r.join(" + ")).unwrap_or_default(),
                namespaces: self.values(c::TENANT, &key[0], c::NAMESPACE),
                cost: figures.ledger.allocated_cost,
                ledger: figures.ledger,
                usage: figures.usage,
            })
            .collect();
        rows.sort_by(|a, b| most_waste(&a.ledger, &b.ledger).then_with(|| a.tenant.cmp(&b.tenant)));
        Ok(rows)
    }

    /// By namespace.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn namespaces(&self) -> Result<Vec<NamespaceRow>, FrameError> {
        let mut rows: Vec<_> = self
            .source
            .by(Part::HeldInScope, &[c::NAMESPACE])?
            .into_iter()
            .map(|(key, figures)| NamespaceRow {
                namespace: key[0].clone(),
                tenants: self.values(c::NAMESPACE, &key[0], c::TENANT),
                cost: figures.ledger.allocated_cost,
                ledger: figures.ledger,
                usage: figures.usage,
            })
            .collect();
        rows.sort_by(|a, b| {
            most_waste(&a.ledger, &b.ledger).then_with(|| a.namespace.cmp(&b.namespace))
        });
        Ok(rows)
    }

    /// Sorted distinct values of `other` among holders whose `column` has `value`.
    fn values(&self, column: &str, value: &str, other: &str) -> Vec<String> {
        let holders = self.source.attribution.holders.iter();
        let in_group = holders
            .zip(self.source.in_scope)
            .filter(|(h, shown)| **shown && holder_value(h, column) == value);
        let distinct: BTreeSet<_> =
            in_group.map(|(h, _)| holder_value(h, other)).filter(|v| !v.is_empty()).collect();
        distinct.into_iter().collect()
    }

    /// By workload.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn workloads(&self) -> Result<Vec<WorkloadRow>, FrameError> {
        let keys = [c::TENANT, c::RULE, c::NAMESPACE, c::WORKLOAD_KIND, c::WORKLOAD];
        let mut pods: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
        let all = &self.source.attribution.holders;
        for holder in all.iter().filter(|h| h.holder.kind == HolderKind::Pod) {
            let key = keys.iter().map(|k| holder_value(holder, k)).collect();
            pods.entry(key).or_default().insert(pod_key(holder));
        }
        let mut rows: Vec<_> = self
            .source
            .by(Part::HeldInScope, &keys)?
            .into_iter()
            .map(|(key, figures)| WorkloadRow {
                tenant: key[0].clone(),
                rule: key[1].clone(),
                namespace: key[2].clone(),
                kind: key[3].clone(),
                name: key[4].clone(),
                pods: pods.get(&key).map_or(0, |p| u32::try_from(p.len()).unwrap_or(u32::MAX)),
                cost: figures.ledger.allocated_cost,
                ledger: figures.ledger,
                usage: figures.usage,
            })
            .collect();
        rows.sort_by(|a, b| {
            most_waste(&a.ledger, &b.ledger).then_with(|| {
                (&a.namespace, &a.kind, &a.name, &a.tenant).cmp(&(
                    &b.namespace,
                    &b.kind,
                    &b.name,
                    &b.tenant,
                ))
            })
        });
        Ok(rows)
    }

    /// By pod.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn pods(&self) -> Result<Vec<PodRow>, FrameError> {
        let mut holders: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let all = self.source.attribution.holders.iter().enumerate();
        for (h, holder) in all.filter(|(_, a)| a.holder.kind == HolderKind::Pod) {
            holders.entry(pod_key(holder)).or_default().push(h);
        }
        let mut rows: Vec<_> = self
            .source
            .by(Part::HeldInScope, &[c::POD])?
            .into_iter()
            .filter_map(|(key, figures)| Some(self.pod(holders.get(&key[0])?, figures)))
            .collect();
        rows.sort_by(|a, b| {
            most_waste(&a.ledger, &b.ledger)
                .then_with(|| (&a.namespace, &a.pod, &a.uid).cmp(&(&b.namespace, &b.pod, &b.uid)))
        });
        Ok(rows)
    }

    fn pod(&self, holders: &[usize], figures: Figures) -> PodRow {
        let attribution = self.source.attribution;
        let Attributed { holder, workload, tenant } = &attribution.holders[holders[0]];
        let times = holders.iter().map(|&h| attribution.holders[h].holder.time);
        let devices: BTreeSet<usize> = attribution
            .tenures
            .iter()
            .filter(|t| holders.contains(&t.holder))
            .map(|t| t.device)
            .collect();
        let on = devices.first().map(|&d| attribution.devices[d].node.clone());
        PodRow {
            tenant: tenant.tenant.clone(),
            namespace: holder.key.namespace.clone(),
            pod: holder.key.name.clone(),
            uid: holder.key.uid.clone(),
            workload_kind: workload.kind.clone(),
            workload: workload.name.clone(),
            node: holder.node.clone().or(on).unwrap_or_default(),
            gpu_uuids: devices.iter().map(|&d| attribution.devices[d].id.clone()).collect(),
            held_from: rfc3339(times.clone().map(|t| t.start).min().unwrap_or(self.window.start())),
            held_until: rfc3339(times.map(|t| t.end).max().unwrap_or(self.window.end())),
            cost: figures.ledger.allocated_cost,
            ledger: figures.ledger,
            usage: figures.usage,
        }
    }

    /// By GPU, in order of node and index.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn gpus(&self) -> Result<Vec<GpuRow>, FrameError> {
        let mut figures = self.source.by(Part::All, &[c::DEVICE])?;
        let rows = self.source.attribution.devices.iter().enumerate().map(|(d, device)| {
            let figures = figures.remove(&vec![d.to_string()]).unwrap_or_default();
            let price = self.prices[d].as_ref();
            GpuRow {
                uuid: device.id.clone(),
                node: device.node.clone(),
                index: device.index.clone(),
                model: device.model.clone(),
                sharing: device.sharing.name().to_owned(),
                holders: self.holders_of(d),
                ledger: self.with_capacity(figures.ledger, &|other| other == d).0,
                usage: figures.usage,
                price_per_hour: price.map(|p| p.per_gpu_hour),
                price_source: price.map(|p| p.source.clone()),
            }
        });
        Ok(rows.collect())
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
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn modes(&self) -> Result<Vec<ModeRow>, FrameError> {
        let devices = &self.source.attribution.devices;
        let rows = self.source.by(Part::All, &[c::SHARING])?.into_iter().map(|(key, figures)| {
            let (ledger, capacity) =
                self.with_capacity(figures.ledger, &|d| devices[d].sharing.name() == key[0]);
            ModeRow { gpus: capacity.gpus, mode: key[0].clone(), ledger, usage: figures.usage }
        });
        Ok(rows.collect())
    }

    /// By node, by name.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn nodes(&self) -> Result<Vec<NodeRow>, FrameError> {
        let attribution = self.source.attribution;
        let rows = self.source.by(Part::All, &[c::NODE])?.into_iter().map(|(key, figures)| {
            let labels = attribution.nodes.get(&key[0]).map(|n| &n.labels);
            let (ledger, capacity) =
                self.with_capacity(figures.ledger, &|d| attribution.devices[d].node == key[0]);
            NodeRow {
                gpus: capacity.gpus,
                is_pool: self.is_pool(&key[0]),
                instance_type: labels.and_then(instance_type).map(ToOwned::to_owned),
                capacity_type: labels.and_then(capacity_type).map(ToOwned::to_owned),
                node: key[0].clone(),
                ledger,
                usage: figures.usage,
            }
        });
        Ok(rows.collect())
    }

    /// By model, by name.
    ///
    /// # Errors
    /// When a frame is not what it should be: a bug.
    pub fn models(&self) -> Result<Vec<ModelRow>, FrameError> {
        let devices = &self.source.attribution.devices;
        let rows = self.source.by(Part::All, &[c::MODEL])?.into_iter().map(|(key, figures)| {
            let (ledger, capacity) =
                self.with_capacity(figures.ledger, &|d| devices[d].model == key[0]);
            ModelRow { gpus: capacity.gpus, model: key[0].clone(), ledger, usage: figures.usage }
        });
        Ok(rows.collect())
    }
}

/// Most wasted money first; where money is unknown, most wasted time.
fn most_waste(a: &Ledger, b: &Ledger) -> std::cmp::Ordering {
    let money = |l: &Ledger| l.waste_cost.unwrap_or(-1.0);
    money(b).total_cmp(&money(a)).then_with(|| b.waste_gpu_hours().total_cmp(&a.waste_gpu_hours()))
}
