//! What part of its card a device of a DRA pool is.
//!
//! By the counters that it takes, or by its MIG profile. Who holds it is `claims`.

use std::collections::BTreeMap;

use super::mig::{profile, table};
use crate::model::dra::{AllocatedDevice, DraDevice, PoolFact};

/// Shares a little above 1 are rounding of the driver's; beyond this they are wrong.
const OVERSHOOT: f64 = 1e-6;

/// How much of its card a device is: all of it, or what it takes of the card's counters.
///
/// A static MIG slice has no counters: its size is that of its profile, on a card that the table has.
#[must_use]
pub fn part_of_card(pool: &PoolFact, device: &DraDevice) -> Option<f64> {
    let kind = device.attributes.get("type").map(String::as_str);
    if matches!(kind, Some("gpu" | "vfio")) {
        return Some(1.0);
    }
    if device.consumes.is_empty() {
        return if kind == Some("mig") { part_by_profile(device) } else { Some(1.0) };
    }
    let mut largest: Option<f64> = None;
    for (set, taken) in &device.consumes {
        let part = counters_part(taken, pool.counter_sets.get(set)?)?;
        largest = Some(largest.map_or(part, |known| known.max(part)));
    }
    plausible(largest?)
}

/// The part of its card that a MIG profile is; trap 11: the same profile is another part of another model.
fn part_by_profile(device: &DraDevice) -> Option<f64> {
    let text = device.attributes.get("profile")?;
    let profile = profile::read(text).ok()?.profile;
    let share = table::share(device.attributes.get("productName")?, &profile, None)?;
    (share.basis == table::Basis::Table).then_some(share.ratio)
}

/// What a device takes of one counter set, as the largest part of any kind of counter. Numbered counters
/// (`memory-slice-0`, `memory-slice-1`, …) are one kind: each alone is taken whole by whoever has it.
/// Compute and memory are what a card is divided by; media engines would make a `+me` slice a whole card
/// (trap 12), so they count only where a driver has no other counters.
fn counters_part(taken: &BTreeMap<String, f64>, all: &BTreeMap<String, f64>) -> Option<f64> {
    let (taken, all) = (by_kind(taken), by_kind(all));
    let parts = |only_main: bool| {
        let kinds = taken.iter().filter(move |(kind, _)| !only_main || is_main(kind));
        let part = |(kind, amount): (&&str, &f64)| Some(amount / all.get(kind)?);
        kinds.map(part).collect::<Option<Vec<f64>>>()
    };
    let main = parts(true)?;
    let parts = if main.is_empty() { parts(false)? } else { main };
    parts.into_iter().filter(|part| part.is_finite()).reduce(f64::max)
}

fn is_main(kind: &str) -> bool {
    matches!(kind, "multiprocessors" | "memory" | "memory-slice")
}

/// Counters added up by kind: their name without a number at the end.
fn by_kind(counters: &BTreeMap<String, f64>) -> BTreeMap<&str, f64> {
    let mut sums = BTreeMap::new();
    for (name, amount) in counters {
        let kind = match name.rsplit_once('-') {
            Some((kind, number)) if number.bytes().all(|b| b.is_ascii_digit()) => kind,
            _ => name,
        };
        *sums.entry(kind).or_insert(0.0) += amount;
    }
    sums
}

/// How much of a device that may be allocated several times an allocation takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Consumed {
    /// The device is given whole.
    Whole,
    /// This part of it.
    Part(f64),
    /// It may be used, and nothing of it is reserved (`--consumable-shares=unlimited`), or nothing is known.
    Nothing,
}

/// What an allocation takes of its device: shares, else memory.
#[must_use]
pub fn consumed(given: &AllocatedDevice, device: &DraDevice) -> Consumed {
    if !device.multi_allocation && given.share_id.is_none() && given.consumed.is_empty() {
        return Consumed::Whole;
    }
    let part = ["shares", "memory"].iter().find_map(|name| {
        let consumed = amount(&given.consumed, name).filter(|amount| *amount > 0.0)?;
        plausible(consumed / amount(&device.capacity, name)?)
    });
    part.map_or(Consumed::Nothing, Consumed::Part)
}

/// An amount by name, with or without the driver's domain before it.
fn amount(amounts: &BTreeMap<String, f64>, name: &str) -> Option<f64> {
    let matches = |key: &str| key.rsplit('/').next() == Some(name);
    amounts
        .get(name)
        .or_else(|| amounts.iter().find(|(key, _)| matches(key)).map(|(_, v)| v))
        .copied()
}

/// A share that can be: above 0, up to 1.
#[must_use]
pub fn plausible(share: f64) -> Option<f64> {
    (share > 0.0 && share <= 1.0 + OVERSHOOT).then_some(share.min(1.0))
}
