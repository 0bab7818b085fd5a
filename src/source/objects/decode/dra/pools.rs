//! Slices → pools: the newest generation of each, with what its slices hold together.

use std::collections::{BTreeMap, btree_map::Entry};

use super::super::one_line;
use super::slice::Slice;
use crate::model::dra::{DraDevice, PoolFact};
use crate::model::objects::ObjectProblem;

/// The pools that `slices` make, by driver and name; devices and counter sets in order of their names.
///
/// Only the highest generation of a pool counts: while a driver republishes it, slices of the
/// generation before linger and would give every device twice.
pub(super) fn pools(slices: Vec<Slice>, problems: &mut Vec<ObjectProblem>) -> Vec<PoolFact> {
    let mut by_pool: BTreeMap<(String, String), Vec<Slice>> = BTreeMap::new();
    for slice in slices {
        by_pool.entry((slice.driver.clone(), slice.pool.clone())).or_default().push(slice);
    }
    let pool = |((driver, name), slices)| pool(driver, name, slices, problems);
    by_pool.into_iter().map(pool).collect()
}

fn pool(
    driver: String,
    name: String,
    mut slices: Vec<Slice>,
    problems: &mut Vec<ObjectProblem>,
) -> PoolFact {
    let generation = slices.iter().map(|slice| slice.generation).max().unwrap_or_default();
    slices.retain(|slice| slice.generation == generation);
    slices.sort_by(|a, b| a.name.cmp(&b.name));
    let subject = one_line(&format!("pool {name} of {driver}"));
    let mut complain =
        |detail: String| problems.push(ObjectProblem { subject: subject.clone(), detail });

    let stated = slices.iter().map(|slice| slice.slices_of_pool).max().unwrap_or_default();
    if slices.iter().any(|slice| slice.slices_of_pool != stated) {
        complain(format!(
            "its slices of generation {generation} differ in resourceSliceCount; {stated} is used"
        ));
    }
    let seen = i64::try_from(slices.len()).unwrap_or(i64::MAX);
    let slice_nodes: Vec<Option<String>> = slices.iter().map(|slice| slice.node.clone()).collect();
    let mut devices: BTreeMap<String, DraDevice> = BTreeMap::new();
    let mut counter_sets: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for slice in slices {
        for device in slice.devices {
            match devices.entry(device.name.clone()) {
                Entry::Vacant(free) => drop(free.insert(device)),
                Entry::Occupied(taken) => complain(twice("device", taken.key(), &slice.name)),
            }
        }
        for (set, counters) in slice.counter_sets {
            match counter_sets.entry(set) {
                Entry::Vacant(free) => drop(free.insert(counters)),
                Entry::Occupied(taken) => complain(twice("counter set", taken.key(), &slice.name)),
            }
        }
    }
    let devices: Vec<DraDevice> = devices.into_values().collect();
    let node = if devices.is_empty() {
        common(slice_nodes.iter())
    } else {
        common(devices.iter().map(|device| &device.node))
    };
    PoolFact { driver, name, generation, slices: (stated, seen), node, devices, counter_sets }
}

fn twice(what: &str, name: &str, slice: &str) -> String {
    format!(
        "{what} {} is there again in ResourceSlice {}; the first is used",
        one_line(name),
        one_line(slice)
    )
}

/// The node that all have.
fn common<'a>(mut nodes: impl Iterator<Item = &'a Option<String>>) -> Option<String> {
    let first = nodes.next()?;
    if nodes.all(|node| node == first) { first.clone() } else { None }
}
