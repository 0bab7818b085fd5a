//! What the ledger has of each node, cut at the calendar.

use std::collections::{BTreeMap, HashMap};

use crate::calendar::Slice;
use crate::report::accounts::Accounts;
use crate::units::{Millis, gpu_hours_of};

/// A node in a piece of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Piece {
    /// First instant after it; it starts at its key.
    pub end: Millis,
    /// Time of the node: the longest of its GPUs, hours.
    pub hours: f64,
    /// GPU-hours.
    pub gpu_hours: f64,
    /// Money, unrounded; what has no price is left out.
    pub cost: f64,
    /// GPU-hours without a price.
    pub unpriced_gpu_hours: f64,
}

/// A node with GPUs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LedgerNode {
    /// Cluster, where it has a name.
    pub cluster: Option<String>,
    /// Name.
    pub name: String,
    /// `spec.providerID`, where an object said so.
    pub provider_id: Option<String>,
    /// The cloud's name for the machine.
    pub instance_type: Option<String>,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: Option<String>,
    /// Its time, by where each piece begins.
    pub pieces: BTreeMap<Millis, Piece>,
}

/// The nodes of a window.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// First instant and first instant after, once something was added.
    pub window: Option<(Millis, Millis)>,
    /// Length of the longest piece, milliseconds.
    pub step_ms: Millis,
    /// Nodes, in the order in which they came.
    pub nodes: Vec<LedgerNode>,
    pub(super) at: HashMap<(Option<String>, String), usize>,
}

impl Ledger {
    /// Adds accounts, of a cluster or of a day, whose slices are `step_ms` long.
    pub fn add(&mut self, accounts: &Accounts, slices: &[Vec<Slice>], step_ms: Millis) {
        let (start, end) = (accounts.window.start(), accounts.window.end());
        let window = self.window.unwrap_or((start, end));
        self.window = Some((window.0.min(start), window.1.max(end)));
        self.step_ms = self.step_ms.max(step_ms);
        let devices = accounts.attribution.devices.iter().zip(&accounts.prices).zip(slices);
        for ((device, price), slices) in devices {
            let node = self.node(accounts, device.cluster.as_deref(), &device.node);
            let mut time: BTreeMap<Millis, f64> = BTreeMap::new();
            for slice in slices {
                *time.entry(slice.start).or_default() += gpu_hours_of(slice.gpu_ms);
            }
            for (at, hours) in time.into_iter().filter(|(_, hours)| *hours > 0.0) {
                let piece = node.pieces.entry(at.max(start)).or_default();
                piece.end = (at + step_ms).min(end);
                piece.hours = piece.hours.max(hours);
                piece.gpu_hours += hours;
                match price {
                    Some(price) => piece.cost += price.per_gpu_hour * hours,
                    None => piece.unpriced_gpu_hours += hours,
                }
            }
        }
    }

    fn node(&mut self, accounts: &Accounts, cluster: Option<&str>, name: &str) -> &mut LedgerNode {
        let key = (cluster.map(ToOwned::to_owned), name.to_owned());
        let next = self.nodes.len();
        let at = *self.at.entry(key.clone()).or_insert(next);
        if at == next {
            let kind = accounts.nodes.get(&key);
            self.nodes.push(LedgerNode {
                provider_id: kind.and_then(|kind| kind.provider_id.clone()),
                instance_type: kind.and_then(|kind| kind.instance_type.clone()),
                capacity_type: kind.and_then(|kind| kind.capacity_type.clone()),
                cluster: key.0,
                name: key.1,
                pieces: BTreeMap::new(),
            });
        }
        &mut self.nodes[at]
    }
}

/// Sums of pieces.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sum {
    pub(super) hours: f64,
    pub(super) gpu_hours: f64,
    cost: f64,
    unpriced: f64,
}

impl Sum {
    pub(super) fn add(&mut self, piece: &Piece) {
        self.hours += piece.hours;
        self.gpu_hours += piece.gpu_hours;
        self.cost += piece.cost;
        self.unpriced += piece.unpriced_gpu_hours;
    }

    /// Money; `None` where a part has no price.
    pub(super) fn cost(&self) -> Option<f64> {
        (self.unpriced <= 0.0).then_some(self.cost)
    }
}
