//! ResourceSlices: one slice by itself. What several of them make is `pools`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::one_line;
use super::fields::{self, Complain, scalar, with_own_names, within};
use super::node::pinned_node;
use super::taint::taint;
use crate::model::dra::{DeviceTaint, DraDevice};

/// Fields of an attribute's value, of which it has one.
const SINGLE: &[&str] = &["string", "int", "bool", "version"];
/// The same for attributes that are lists.
const LISTS: &[&str] = &["strings", "ints", "bools", "versions"];

/// A part of a pool.
#[derive(Debug)]
pub(super) struct Slice {
    /// The object's name.
    pub(super) name: String,
    pub(super) driver: String,
    pub(super) pool: String,
    pub(super) generation: i64,
    /// Slices that the pool has in this generation, this one included.
    pub(super) slices_of_pool: i64,
    /// Node of the slice as a whole.
    pub(super) node: Option<String>,
    pub(super) devices: Vec<DraDevice>,
    /// In order of the list; names may repeat.
    pub(super) counter_sets: Vec<(String, BTreeMap<String, f64>)>,
}

/// One slice. Devices and counter sets that cannot be used are complained about and left out.
///
/// # Errors
/// When it cannot be told which pool it is of, or its lists are none.
pub(super) fn slice(name: String, value: &Value, complain: Complain<'_>) -> Result<Slice, String> {
    let left_out = |error: String| format!("{error}; the slice is left out");
    let spec = fields::object(value, "spec").map_err(left_out)?;
    let mut slice = identity(name, spec).map_err(|error| left_out(within("spec")(error)))?;
    let at = |error| left_out(within("spec")(error));
    let per_device = fields::flag(spec, "perDeviceNodeSelection").map_err(at)?;
    slice.node = pinned_node(spec).map_err(at)?;
    for (index, device) in fields::list(spec, "devices").map_err(at)?.iter().enumerate() {
        let place = format!("spec.devices[{index}]");
        let node = slice.node.as_ref().filter(|_| !per_device);
        match self::device(device, &place, &slice.driver, node, complain) {
            Ok(device) => slice.devices.push(device),
            Err(error) => complain(format!("{place}.{error}; the device is left out")),
        }
    }
    for (index, set) in fields::list(spec, "sharedCounters").map_err(at)?.iter().enumerate() {
        let place = format!("spec.sharedCounters[{index}]");
        let mut here = |detail: String| complain(format!("{place}.{detail}"));
        match fields::required(set, "name") {
            Ok(name) => {
                let counters = fields::amounts(set, "counters", &mut here);
                slice.counter_sets.push((name.to_owned(), counters));
            }
            Err(error) => here(format!("{error}; the counter set is left out")),
        }
    }
    Ok(slice)
}

fn identity(name: String, spec: &Value) -> Result<Slice, String> {
    let pool = fields::object(spec, "pool")?;
    let slices_of_pool = fields::whole(pool, "resourceSliceCount", 1)
        .and_then(|count| count.ok_or_else(|| "resourceSliceCount is missing".to_owned()));
    Ok(Slice {
        name,
        driver: fields::required(spec, "driver")?.to_owned(),
        pool: fields::required(pool, "name").map_err(within("pool"))?.to_owned(),
        generation: fields::whole(pool, "generation", 0).map_err(within("pool"))?.unwrap_or(0),
        slices_of_pool: slices_of_pool.map_err(within("pool"))?,
        node: None,
        devices: Vec::new(),
        counter_sets: Vec::new(),
    })
}

/// One device; `node` is that of its slice. `v1beta1` has all but the name below `basic`.
fn device(
    device: &Value,
    place: &str,
    driver: &str,
    node: Option<&String>,
    complain: Complain<'_>,
) -> Result<DraDevice, String> {
    let name = fields::required(device, "name")?.to_owned();
    let body = match fields::object(device, "basic")? {
        Value::Null => device,
        basic => basic,
    };
    let own_node = pinned_node(body)?;
    let multi_allocation = fields::flag(body, "allowMultipleAllocations")?;
    let shown = one_line(&name);
    let mut here = |detail: String| complain(format!("{place} ({shown}).{detail}"));
    let capacity = fields::amounts(body, "capacity", &mut here);
    Ok(DraDevice {
        name,
        node: own_node.or_else(|| node.cloned()),
        attributes: with_own_names(driver, attributes(body, &mut here)),
        capacity: with_own_names(driver, capacity),
        consumes: consumed(body, &mut here),
        taints: taints(body, &mut here),
        multi_allocation,
    })
}

fn attributes(body: &Value, complain: Complain<'_>) -> BTreeMap<String, String> {
    let entries = match fields::entries(body, "attributes") {
        Ok(entries) => entries,
        Err(error) => {
            complain(format!("{error}; left out"));
            return BTreeMap::new();
        }
    };
    let mut attributes = BTreeMap::new();
    for (name, value) in entries {
        match attribute(value) {
            Some(text) => {
                attributes.insert(name.clone(), text);
            }
            None => complain(format!(
                "attributes: {}: {} is of no known type; left out",
                one_line(name),
                one_line(&value.to_string())
            )),
        }
    }
    attributes
}

fn attribute(value: &Value) -> Option<String> {
    let single = SINGLE.iter().find_map(|field| scalar(value.get(field)?));
    single.or_else(|| {
        let items = LISTS.iter().find_map(|field| value.get(field)?.as_array())?;
        let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
        Some(texts?.join(","))
    })
}

/// Counters taken, by counter set. A set that is named twice adds up.
fn consumed(body: &Value, complain: Complain<'_>) -> BTreeMap<String, BTreeMap<String, f64>> {
    let list = fields::list(body, "consumesCounters").unwrap_or_else(|error| {
        complain(format!("{error}; left out"));
        &[]
    });
    let mut consumed: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for (index, taken) in list.iter().enumerate() {
        let mut here = |detail: String| complain(format!("consumesCounters[{index}].{detail}"));
        match fields::required(taken, "counterSet") {
            Ok(set) => {
                let counters = consumed.entry(set.to_owned()).or_default();
                for (name, amount) in fields::amounts(taken, "counters", &mut here) {
                    *counters.entry(name).or_default() += amount;
                }
            }
            Err(error) => here(format!("{error}; left out")),
        }
    }
    consumed
}

fn taints(body: &Value, complain: Complain<'_>) -> Vec<DeviceTaint> {
    let list = fields::list(body, "taints").unwrap_or_else(|error| {
        complain(format!("{error}; left out"));
        &[]
    });
    let mut taints = Vec::new();
    for (index, value) in list.iter().enumerate() {
        match taint(value) {
            Ok(taint) => taints.push(taint),
            Err(error) => complain(format!("taints[{index}].{error}; left out")),
        }
    }
    taints
}
