//! The devices of a claim: where each one is, what part of a physical GPU it is, what that costs.
//!
//! A share is 1 for a card; for a partition of one the part of its compute or memory, whichever is
//! larger; for a device that is allocated several times the part of it that was consumed. What a claim
//! is shared by does not matter: however many pods use it, it is one claim and costs once.

use std::collections::BTreeMap;

use super::contract::DeviceRow;
use crate::attribution::counters::{Consumed, consumed, part_of_card, plausible};
use crate::attribution::label_view::LabelView;
use crate::cost::price::{PricedThing, price_of};
use crate::model::dra::{
    AllocatedDevice, ClaimFact, DeviceKey, DraDevice, PoolFact, is_gpu_driver,
};
use crate::model::policy::PriceBook;
use crate::model::{ClusterFacts, Labels};

/// Node label of GPU feature discovery, for drivers that do not tell the model.
const PRODUCT_LABEL: &str = "nvidia.com/gpu.product";
/// Hours of the day that a cost is for.
const HOURS_PER_DAY: f64 = 24.0;

/// A device with its price.
#[derive(Debug, Clone, PartialEq)]
pub struct PricedDevice {
    /// The device.
    pub row: DeviceRow,
    /// Whether it is a GPU, or a part of one: others have no share and no cost here.
    pub is_gpu: bool,
    /// Currency for one hour of the physical GPU.
    pub price_per_hour: Option<f64>,
}

/// Pools, nodes and prices, by what devices are looked up by.
pub struct Devices<'a> {
    pools: BTreeMap<(&'a str, &'a str), &'a PoolFact>,
    nodes: BTreeMap<&'a str, LabelView>,
    prices: &'a PriceBook,
}

impl<'a> Devices<'a> {
    /// The devices of a cluster.
    #[must_use]
    pub fn new(facts: &'a ClusterFacts, prices: &'a PriceBook) -> Self {
        let labels = |labels: &BTreeMap<String, String>| LabelView {
            object: labels.clone(),
            ..LabelView::default()
        };
        let pools = facts.dra.pools.iter();
        Self {
            pools: pools.map(|pool| ((pool.driver.as_str(), pool.name.as_str()), pool)).collect(),
            nodes: facts.nodes.iter().map(|n| (n.name.as_str(), labels(&n.labels))).collect(),
            prices,
        }
    }

    /// The devices that a claim was given, in order.
    #[must_use]
    pub fn of(&self, claim: &ClaimFact) -> Vec<PricedDevice> {
        let given = claim.allocation.iter().flat_map(|allocation| &allocation.devices);
        given.map(|device| self.priced(device)).collect()
    }

    fn priced(&self, given: &AllocatedDevice) -> PricedDevice {
        let listed = self.listed(&given.key);
        let node = listed.and_then(|(pool, device)| device.node.as_ref().or(pool.node.as_ref()));
        let labels = node.and_then(|node| self.nodes.get(node.as_str()));
        let attribute = |name: &str| listed.and_then(|(_, d)| d.attributes.get(name)).cloned();
        let model = attribute("productName")
            .or_else(|| attribute("model"))
            .or_else(|| labels?.get(PRODUCT_LABEL).map(str::to_owned));
        let is_gpu = is_gpu_driver(&given.key.driver);
        let row = DeviceRow {
            driver: given.key.driver.clone(),
            pool: given.key.pool.clone(),
            device: given.key.device.clone(),
            node: node.cloned(),
            uuid: attribute("uuid"),
            profile: attribute("profile"),
            share: if is_gpu { share(given, listed) } else { None },
            request: given.request.clone(),
            admin_access: given.admin_access,
            model,
        };
        let price_per_hour = row.model.as_deref().filter(|_| is_gpu).and_then(|model| {
            let labels = labels.unwrap_or(const { &NO_LABELS });
            let node_name = node.map(String::as_str);
            price_of(self.prices, PricedThing { model, node: labels, node_name })
                .map(|price| price.per_gpu_hour)
        });
        PricedDevice { row, is_gpu, price_per_hour }
    }

    fn listed(&self, key: &DeviceKey) -> Option<(&'a PoolFact, &'a DraDevice)> {
        let pool = *self.pools.get(&(key.driver.as_str(), key.pool.as_str()))?;
        let device = pool.devices.iter().find(|device| device.name == key.device)?;
        Some((pool, device))
    }
}

/// Labels of a node that is not known.
static NO_LABELS: LabelView = LabelView { object: BTreeMap::new(), metric: Labels::new() };

/// Physical GPUs that the devices hold; `None` when the share of one is not known.
#[must_use]
pub fn share_total(devices: &[PricedDevice]) -> Option<f64> {
    devices.iter().filter(|device| device.is_gpu).map(|device| device.row.share).sum()
}

/// What the GPUs among the devices cost a day; `None` when a share or a price is not known. A share of
/// 0 costs 0 at any price.
#[must_use]
pub fn cost_per_day(devices: &[PricedDevice]) -> Option<f64> {
    let cost = |device: &PricedDevice| match device.row.share? {
        0.0 => Some(0.0),
        share => Some(share * device.price_per_hour? * HOURS_PER_DAY),
    };
    devices.iter().filter(|device| device.is_gpu).map(cost).sum()
}

/// Part of a physical GPU; `None` when the facts do not say.
fn share(given: &AllocatedDevice, listed: Option<(&PoolFact, &DraDevice)>) -> Option<f64> {
    if given.admin_access {
        return Some(0.0);
    }
    let (pool, device) = listed?;
    let part = part_of_card(pool, device)?;
    match consumed(given, device) {
        Consumed::Whole => Some(part),
        Consumed::Part(share) => plausible(part * share),
        // Who has how much of it depends on who else is there: a report says.
        Consumed::Nothing => None,
    }
}
