//! Many partitions as the accounts of all their clusters and time.
//!
//! What is the same in two partitions is found by identity: a GPU by cluster, UUID, node and price, a holder
//! by cluster and everything that rows can be grouped by. A GPU that changed its node or its price, or a pod
//! that changed its tenant, is two from then on, so that what it cost until then stays where it was.

use std::collections::{BTreeMap, HashMap};

use super::runs::{Run, beside};
use super::told::Told;
use super::{Partition, RollupError};
use crate::attribution::holder::HoldingSource;
use crate::attribution::inventory::Device;
use crate::attribution::resolve::Piece;
use crate::attribution::{Attributed, Attribution, Tenure};
use crate::cost::price::Price;
use crate::model::{Interval, Window};
use crate::report::accounts::{Accounts, NodeKind, Place};
use crate::report::contract::Assumption;
use crate::report::fold::{Cell, Folded};
use crate::units::Millis;

/// Partitions so far. Add those of a cluster in order of time.
#[derive(Debug)]
pub struct Merge {
    window: Window,
    money: Option<(String, f64)>,
    devices: Vec<(Device, Option<Price>)>,
    device_of: HashMap<DeviceId, usize>,
    holders: Vec<Attributed>,
    holder_of: HashMap<HolderId, usize>,
    cells: Vec<HashMap<Cell, i64>>,
    pieces: Vec<Piece>,
    runs: BTreeMap<(usize, usize), Run>,
    nodes: BTreeMap<Place, NodeKind>,
    told: Told,
}

/// All partitions.
#[derive(Debug)]
pub struct Merged {
    /// Their accounts.
    pub accounts: Accounts,
    /// Settings that they depend on, each that differs more than once.
    pub assumptions: Vec<Assumption>,
}

type DeviceId = (Option<String>, String, String, Option<u64>);
type HolderId = (Option<String>, &'static str, [String; 6], Option<String>, &'static str);

fn device_id(device: &Device, price: Option<&Price>) -> DeviceId {
    let price = price.map(|p| p.per_gpu_hour.to_bits());
    (device.cluster.clone(), device.id.clone(), device.node.clone(), price)
}

fn holder_id(holder: &Attributed) -> HolderId {
    let key = &holder.holder.key;
    let names = [
        &key.namespace,
        &key.name,
        &holder.tenant.tenant,
        &holder.tenant.rule,
        &holder.workload.kind,
        &holder.workload.name,
    ];
    (
        holder.cluster.clone(),
        holder.holder.kind.name(),
        names.map(ToOwned::to_owned),
        key.uid.clone(),
        holder.holder.source.name(),
    )
}

impl Merge {
    /// Nothing yet, of a window.
    #[must_use]
    pub fn new(window: Window) -> Self {
        Self {
            window,
            money: None,
            devices: Vec::new(),
            device_of: HashMap::new(),
            holders: Vec::new(),
            holder_of: HashMap::new(),
            cells: Vec::new(),
            pieces: Vec::new(),
            runs: BTreeMap::new(),
            nodes: BTreeMap::new(),
            told: Told::default(),
        }
    }

    /// Says that a part of the window is not there, and why.
    pub fn missing(&mut self, cluster: &str, window: Window, reason: String) {
        self.told.missing(cluster, window, reason);
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Adds a partition.
    ///
    /// # Errors
    /// Money of another currency than that of the partitions before.
    pub fn add(&mut self, partition: Partition) -> Result<(), RollupError> {
        let Partition { cluster, accounts, assumptions, .. } = partition;
        let Accounts { window, attribution, folded, prices, nodes, seen, .. } = accounts;
        if let Some((currency, _)) = self.money.as_ref().filter(|m| m.0 != accounts.currency) {
            return Err(RollupError::Currencies(currency.clone(), accounts.currency));
        }
        self.money = Some((accounts.currency, accounts.idle_below));
        let devices: Vec<usize> = (attribution.devices.into_iter().zip(prices))
            .map(|(device, price)| self.device(device, price))
            .collect();
        let holders: Vec<usize> =
            attribution.holders.into_iter().map(|holder| self.holder(holder)).collect();
        for (d, folded) in folded.iter().enumerate() {
            let into = &mut self.cells[devices[d]];
            for ((holder, a, b, c, d, e, f), length) in folded.cells() {
                let cell = (holder.map(|h| holders[h]), a, b, c, d, e, f);
                *into.entry(cell).or_default() += length;
            }
        }
        self.pieces.extend(attribution.pieces.into_iter().map(|piece| Piece {
            device: devices[piece.device],
            holder: holders[piece.holder],
            ..piece
        }));
        let mut tenures: BTreeMap<(usize, usize), Tenure> = BTreeMap::new();
        for tenure in attribution.tenures {
            let key = (holders[tenure.holder], devices[tenure.device]);
            tenures
                .entry(key)
                .and_modify(|known| *known = beside(*known, tenure))
                .or_insert(tenure);
        }
        for (key, tenure) in tenures {
            self.runs.entry(key).or_default().add(&tenure, window);
        }
        self.nodes.extend(nodes);
        self.told.add(&cluster, window, seen, assumptions);
        Ok(())
    }

    /// Position of a device; what is known of it later counts.
    fn device(&mut self, device: Device, price: Option<Price>) -> usize {
        let id = device_id(&device, price.as_ref());
        if let Some(&known) = self.device_of.get(&id) {
            let (before, of) = &mut self.devices[known];
            let presence = before.presence.union(&device.presence);
            let sharing = before.sharing.max(device.sharing);
            let index = device.index.clone().or(before.index.take());
            *before = Device { presence, sharing, index, ..device };
            *of = price;
            return known;
        }
        self.devices.push((device, price));
        self.cells.push(HashMap::new());
        self.device_of.insert(id, self.devices.len() - 1);
        self.devices.len() - 1
    }

    /// Position of a holder; what is known of it later counts.
    fn holder(&mut self, mut new: Attributed) -> usize {
        if new.holder.source == HoldingSource::None {
            // Whoever nobody knows is there all the time.
            new.holder.time = Interval::new(self.window.start(), self.window.end());
        }
        let id = holder_id(&new);
        if let Some(&known) = self.holder_of.get(&id) {
            let before = &mut self.holders[known];
            let time = &before.holder.time;
            new.holder.time = Interval::new(
                time.start.min(new.holder.time.start),
                time.end.max(new.holder.time.end),
            );
            new.holder.node = new.holder.node.or(before.holder.node.take());
            new.workload.owned |= before.workload.owned;
            *before = new;
            return known;
        }
        self.holders.push(new);
        self.holder_of.insert(id, self.holders.len() - 1);
        self.holders.len() - 1
    }

    /// The accounts of everything that was added, in an order that does not depend on that of the partitions.
    #[must_use]
    pub fn finish(self, now_ms: Millis) -> Merged {
        let window = self.window;
        let device_order = order(&self.devices, |(device, price)| {
            (of_host(device), device_id(device, price.as_ref()))
        });
        let holder_order = order(&self.holders, holder_id);
        let (device_at, holder_at) = (positions(&device_order), positions(&holder_order));
        let mut cells: Vec<Option<HashMap<Cell, i64>>> = self.cells.into_iter().map(Some).collect();
        let folded = device_order.iter().map(|&old| {
            let cells = cells[old].take().unwrap_or_default();
            Folded::of_cells(cells.into_iter().map(|((holder, a, b, c, d, e, f), length)| {
                ((holder.map(|h| holder_at[h]), a, b, c, d, e, f), length)
            }))
        });
        let folded = folded.collect();
        let mut pieces: Vec<Piece> = self
            .pieces
            .into_iter()
            .map(|p| Piece { device: device_at[p.device], holder: holder_at[p.holder], ..p })
            .collect();
        pieces.sort_by_key(|p| (p.device, p.time.start));
        let mut tenures: Vec<Tenure> = self
            .runs
            .iter()
            .map(|((h, d), run)| run.tenure(holder_at[*h], device_at[*d], window))
            .collect();
        tenures.sort_by_key(|t| (t.holder, t.device));
        let (devices, prices) = in_order(self.devices, &device_order).into_iter().unzip();
        let (seen, assumptions) = self.told.finish(window);
        let (currency, idle_below) = self.money.unwrap_or_default();
        let accounts = Accounts {
            window,
            now_ms,
            attribution: Attribution {
                devices,
                holders: in_order(self.holders, &holder_order),
                pieces,
                tenures,
                ..Attribution::default()
            },
            folded,
            prices,
            currency,
            idle_below,
            nodes: self.nodes,
            seen,
        };
        Merged { accounts, assumptions }
    }
}

/// Cluster, node; those that exporters show by index and id, then those without a name by number.
fn of_host(device: &Device) -> impl Ord + use<> {
    let nameless = device
        .id
        .strip_prefix(device.node.as_str())
        .and_then(|rest| rest.strip_prefix("/gpu-"))
        .and_then(|number| number.parse::<u32>().ok());
    let index = device.index.as_ref().and_then(|i| i.parse::<u32>().ok());
    (device.cluster.clone(), device.node.clone(), nameless, index)
}

/// Old positions in their new order.
fn order<T, K: Ord>(rows: &[T], key: impl Fn(&T) -> K) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_cached_key(|&i| key(&rows[i]));
    order
}

/// New positions by old ones.
fn positions(order: &[usize]) -> Vec<usize> {
    let mut at = vec![0; order.len()];
    for (new, &old) in order.iter().enumerate() {
        at[old] = new;
    }
    at
}

fn in_order<T>(rows: Vec<T>, order: &[usize]) -> Vec<T> {
    let mut rows: Vec<Option<T>> = rows.into_iter().map(Some).collect();
    order.iter().filter_map(|&old| rows[old].take()).collect()
}
