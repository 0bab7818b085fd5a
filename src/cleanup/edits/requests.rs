//! What the pods of a workload ask for of CPU and memory.
//!
//! The change is of a pod; each container that asks keeps its part of the sum. A limit is left where it is, unless it
//! would be below its request.

use serde_json::Value;

use super::{Edited, put};
use crate::kinds;
use crate::model::quantity;

/// Part by which what a template asks for may differ from what its pods asked for: rounding.
const TOLERANCE: f64 = 0.01;
const MI: f64 = 1_048_576.0;

/// Requests of a pod now and then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Requests {
    /// Thousandths of a CPU.
    pub cpu_millicores: (f64, f64),
    /// Bytes.
    pub memory_bytes: (f64, f64),
}

/// A workload whose pods ask for this.
///
/// # Errors
///
/// Why that cannot be.
pub fn asking(object: &Value, requests: &Requests) -> Edited {
    let mut after = object.clone();
    let templates = kinds::templates(object);
    let mut is_done = false;
    for template in &templates {
        let of_init = |at: &String| at.contains("/initContainers/");
        let containers: Vec<&String> =
            template.containers_at.iter().filter(|at| !of_init(at)).collect();
        for (resource, (from, to), scale, written) in [
            ("cpu", requests.cpu_millicores, 1_000.0, cpu as fn(f64) -> String),
            ("memory", requests.memory_bytes, 1.0, memory),
        ] {
            if (from - to).abs() < f64::EPSILON {
                continue;
            }
            let read = |at: &&String, map: &str| {
                let value = object.pointer(&format!("{at}/resources/{map}/{resource}"))?;
                amount(value).map(|n| n * scale)
            };
            let asked: f64 = containers.iter().filter_map(|at| read(at, "requests")).sum();
            if asked <= 0.0 || (asked - from).abs() > TOLERANCE * from {
                continue;
            }
            for at in &containers {
                let Some(now) = read(at, "requests") else { continue };
                let new = written(now / asked * to);
                let is_put = put(
                    &mut after,
                    &format!("{at}/resources/requests/{resource}"),
                    new.clone().into(),
                );
                debug_assert!(is_put, "it was there");
                if read(at, "limits").is_some_and(|limit| limit < now / asked * to) {
                    let limit = format!("{at}/resources/limits/{resource}");
                    let is_put = put(&mut after, &limit, new.into());
                    debug_assert!(is_put, "it was there");
                }
            }
            is_done = true;
        }
    }
    match is_done {
        true => Ok(after),
        false => Err("none of its pod templates asks for what its pods asked for".to_owned()),
    }
}

fn amount(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => quantity::amount(text).ok(),
        _ => None,
    }
}

/// Thousandths of a CPU, rounded up, as a server would write them.
#[must_use]
pub fn cpu(millicores: f64) -> String {
    let millicores = millicores.ceil().max(1.0);
    match millicores % 1_000.0 == 0.0 {
        true => format!("{:.0}", millicores / 1_000.0),
        false => format!("{millicores:.0}m"),
    }
}

/// Bytes, rounded up to a mebibyte, as a server would write them.
#[must_use]
pub fn memory(bytes: f64) -> String {
    let mut size = (bytes / MI).ceil().max(1.0);
    let mut units = ["Mi", "Gi", "Ti", "Pi"].iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while size % 1_024.0 == 0.0 {
        let Some(larger) = units.next() else { break };
        (size, unit) = (size / 1_024.0, larger);
    }
    format!("{size:.0}{unit}")
}
