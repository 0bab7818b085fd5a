//! The check that the ledger balances, made on every run.
//!
//! One side is what hardware was there (devices' presence), the other what the rows say (states),
//! summed by different keys: a join that loses a row, or a state that is counted twice, shows here.

use super::contract::{BalanceCheck, Reconciliation};
use super::figures::{Figures, Source};
use super::rows::{Rows, place_of};
use crate::frame::columns as c;
use crate::frame::groups::Part;
use crate::units::{MS_PER_SECOND, gpu_hours};

/// Largest difference in time that is not an imbalance: one GPU-second.
const TOLERANCE_HOURS: f64 = gpu_hours(MS_PER_SECOND);
/// Largest difference in money, as a share of the larger side: rounding of `f64` sums is far below.
const TOLERANCE_MONEY: f64 = 1e-6;

/// Compares every pair of sums that must agree.
#[must_use]
pub fn reconcile(rows: &Rows<'_>, source: &Source<'_>) -> Reconciliation {
    let whole = source.ledgers(Part::All, &[]).remove(&Vec::new()).unwrap_or_default();
    let capacity = rows.capacity();
    let mut out = Checks::default();
    out.hours("fleet: capacity = sum of states", gpu_hours(capacity.ms), states(&whole));
    out.money("fleet: capacity cost = cost of states", capacity.cost, whole.total_cost);
    let devices = &source.attribution.devices;
    let by_gpu = source.ledgers(Part::All, &[c::DEVICE]);
    for (d, device) in devices.iter().enumerate() {
        let figures = by_gpu.get(&vec![d.to_string()]).cloned().unwrap_or_default();
        out.hours(
            &format!("gpu {}", device.id),
            gpu_hours(device.presence.length_ms()),
            states(&figures),
        );
    }
    let by_place = rows.capacities(|d| place_of(&devices[d]));
    for (key, figures) in source.ledgers(Part::All, &[c::CLUSTER, c::NODE]) {
        let capacity = by_place.get(&key).copied().unwrap_or_default();
        let name = match key[0].as_str() {
            "" => format!("node {}", key[1]),
            cluster => format!("node {cluster}/{}", key[1]),
        };
        out.hours(&name, gpu_hours(capacity.ms), states(&figures));
        out.money(&format!("{name} cost"), capacity.cost, figures.total_cost);
    }
    let allocated = (whole.ledger.allocated_gpu_hours, whole.ledger.allocated_cost.unwrap_or(0.0));
    for (name, key) in
        [("tenants", c::TENANT), ("namespaces", c::NAMESPACE), ("pods", c::POD), ("nodes", c::NODE)]
    {
        let groups = source.ledgers(Part::All, &[key]);
        let hours: f64 = groups.values().map(|g| g.ledger.allocated_gpu_hours).sum();
        let cost: f64 = groups.values().filter_map(|g| g.ledger.allocated_cost).sum();
        out.hours(&format!("allocated: fleet = {name}"), allocated.0, hours);
        out.money(&format!("allocated cost: fleet = {name}"), allocated.1, cost);
    }
    out.finish(gpu_hours(capacity.ms), states(&whole))
}

/// All states of a group added up, hours.
fn states(figures: &Figures) -> f64 {
    let l = &figures.ledger;
    l.busy_gpu_hours
        + l.slack_gpu_hours
        + l.idle_warm_gpu_hours
        + l.idle_empty_gpu_hours
        + l.unobserved_gpu_hours
        + l.stale_claim_gpu_hours
        + l.unallocated_gpu_hours
        + l.stranded_gpu_hours
        + l.unhealthy_gpu_hours
}

#[derive(Default)]
struct Checks {
    shown: Vec<BalanceCheck>,
    worst_hours: f64,
    worst_money: f64,
    failed: bool,
}

impl Checks {
    fn hours(&mut self, name: &str, left: f64, right: f64) {
        let residue = (left - right).abs();
        self.worst_hours = self.worst_hours.max(residue);
        self.add(name, left, right, residue <= TOLERANCE_HOURS);
    }

    fn money(&mut self, name: &str, left: f64, right: f64) {
        let residue = (left - right).abs();
        self.worst_money = self.worst_money.max(residue);
        self.add(
            name,
            left,
            right,
            residue <= TOLERANCE_MONEY * left.abs().max(right.abs()).max(1.0),
        );
    }

    /// Every failure is shown; of what agrees, the fleet's checks are, and the many per GPU are not.
    fn add(&mut self, name: &str, left: f64, right: f64, balanced: bool) {
        self.failed |= !balanced;
        if !balanced || !name.starts_with("gpu ") {
            self.shown.push(BalanceCheck { name: name.to_owned(), left, right, balanced });
        }
    }

    fn finish(self, capacity: f64, accounted: f64) -> Reconciliation {
        Reconciliation {
            capacity_gpu_hours: capacity,
            accounted_gpu_hours: accounted,
            residue_gpu_hours: self.worst_hours,
            residue_cost: self.worst_money,
            checks: self.shown,
            balanced: !self.failed,
        }
    }
}
