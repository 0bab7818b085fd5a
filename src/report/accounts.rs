//! What a report is made from: who held what, in which state, at which price, and what is known of the data.
//!
//! The value between the ledger and its figures. It is made from inputs here and from roll-ups in `rollup`;
//! everything behind it is one code path. No figure of the contract yet, and no scope.

use std::collections::BTreeMap;

use super::coverage::Seen;
use super::fold::Folded;
use crate::attribution::judge::DeviceTime;
use crate::attribution::label_view::LabelView;
use crate::attribution::{Attribution, attribute};
use crate::cost::price::{Price, PricedThing, capacity_type, instance_type, price_of};
use crate::model::policy::PriceBook;
use crate::model::{Inputs, Policy, Window};
use crate::units::Millis;

/// What stands among the nodes: cluster, if it has a name, and node.
pub type Place = (Option<String>, String);

/// What rows of nodes say besides figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeKind {
    /// It is no node: a pool whose devices are attached to none.
    pub is_pool: bool,
    /// The cloud's name for the machine.
    pub instance_type: Option<String>,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: Option<String>,
    /// The provider's name for the machine, where an object says it.
    pub provider_id: Option<String>,
}

/// The ledger before it is summed.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// What it is about.
    pub window: Window,
    /// When the inputs were read.
    pub now_ms: Millis,
    /// Devices, holders, who had which part of which device; of the nodes, nothing is asked any more.
    pub attribution: Attribution,
    /// Time by state and value, of each device.
    pub folded: Vec<Folded>,
    /// Price of each device.
    pub prices: Vec<Option<Price>>,
    /// Currency of the prices.
    pub currency: String,
    /// Utilization below which a device was taken for idle.
    pub idle_below: f64,
    /// Nodes.
    pub nodes: BTreeMap<Place, NodeKind>,
    /// What is known of the data.
    pub seen: Seen,
}

impl Accounts {
    /// Attributes every GPU-second of the inputs and prices the devices.
    #[must_use]
    pub fn new(inputs: &Inputs, policy: &Policy) -> Self {
        Self::with(inputs, policy, |_| ()).0
    }

    /// The same, and what `also` makes of the time of each device on the way.
    pub fn with<T: Send>(
        inputs: &Inputs,
        policy: &Policy,
        also: impl Fn(&DeviceTime<'_>) -> T + Sync,
    ) -> (Self, Vec<T>) {
        let (attribution, made) =
            attribute(inputs, policy, |time| (Folded::new(&time.segments), also(&time)));
        let (folded, made) = made.into_iter().unzip();
        let kind = |labels: &LabelView, is_pool, provider_id: &Option<String>| NodeKind {
            is_pool,
            provider_id: provider_id.clone(),
            instance_type: instance_type(labels).map(ToOwned::to_owned),
            capacity_type: capacity_type(labels).map(ToOwned::to_owned),
        };
        let nodes = attribution.nodes.values();
        let accounts = Self {
            window: inputs.window,
            now_ms: inputs.now_ms,
            prices: prices(&attribution, &policy.prices),
            currency: policy.prices.currency.clone(),
            idle_below: policy.idle_below,
            nodes: nodes
                .map(|node| {
                    ((None, node.name.clone()), kind(&node.labels, node.is_pool, &node.provider_id))
                })
                .collect(),
            seen: Seen::of(inputs, &attribution.oddities),
            attribution,
            folded,
        };
        (accounts, made)
    }

    /// The same as accounts of a cluster by that name.
    #[must_use]
    pub fn of_cluster(mut self, name: &str) -> Self {
        let cluster = Some(name.to_owned());
        self.attribution.devices.iter_mut().for_each(|d| d.cluster.clone_from(&cluster));
        self.attribution.holders.iter_mut().for_each(|h| h.cluster.clone_from(&cluster));
        self.nodes = std::mem::take(&mut self.nodes)
            .into_iter()
            .map(|((_, node), kind)| ((cluster.clone(), node), kind))
            .collect();
        self
    }
}

fn prices(attribution: &Attribution, book: &PriceBook) -> Vec<Option<Price>> {
    let none = LabelView::default();
    attribution
        .devices
        .iter()
        .map(|device| {
            let node = attribution.nodes.get(&device.node).map_or(&none, |n| &n.labels);
            let node_name = Some(device.node.as_str());
            price_of(book, PricedThing { model: &device.model, node, node_name })
        })
        .collect()
}
