//! A workload that runs at some hours only, by an object of KEDA.
//!
//! KEDA's cron scaler is told when something is needed; a recommendation says when nothing is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::objects::{Object, text};
use crate::kinds::{self, Sleep};
use crate::recommend::contract::OffHours;

/// Hours of a week.
const WEEK: usize = 168;
/// Kinds that serve `scale`.
const SCALABLE: &[&str] =
    &["Deployment", "StatefulSet", "ReplicaSet", "LeaderWorkerSet", "SandboxWarmPool"];

/// A `ScaledObject` that runs a workload at all hours but these.
///
/// # Errors
///
/// Why that cannot be.
pub(super) fn scaled_object(
    object: Object<'_>,
    timezone: &str,
    off: &[OffHours],
) -> Result<Value, String> {
    let kind = object.kind();
    let is_scalable = kinds::kind_of(object.value)
        .is_some_and(|k| SCALABLE.contains(&k.kind) && matches!(k.sleep, Sleep::Replicas(_)));
    if !is_scalable {
        return Err(format!("a {kind} cannot be scaled by a schedule"));
    }
    let replicas = object.value.pointer("/spec/replicas").map_or(Some(1), Value::as_u64);
    let replicas = replicas.filter(|n| *n > 0).ok_or("it has no replicas")?;
    let triggers: Vec<Value> = needed(off)?
        .into_iter()
        .map(|(start, end)| {
            json!({ "type": "cron", "metadata": {
                "timezone": timezone, "start": start, "end": end,
                "desiredReplicas": replicas.to_string(),
            } })
        })
        .collect();
    Ok(json!({
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": { "name": format!("{}-hours", object.name()), "namespace": object.namespace() },
        "spec": {
            "scaleTargetRef": {
                "apiVersion": text(object.value, "apiVersion"), "kind": kind, "name": object.name(),
            },
            "minReplicaCount": 0,
            "maxReplicaCount": replicas,
            // Without it the number of replicas stays as it is when the schedule is taken away.
            "advanced": { "restoreToOriginalReplicaCount": true },
            "triggers": triggers,
        },
    }))
}

/// When something is needed, as pairs of cron expressions: from, to.
fn needed(off: &[OffHours]) -> Result<Vec<(String, String)>, String> {
    let mut on = [true; WEEK];
    for hours in off {
        let days: &[usize] = match hours.days.as_str() {
            "weekdays" => &[1, 2, 3, 4, 5],
            "weekends" => &[0, 6],
            other => return Err(format!("`{other}` are no days")),
        };
        for day in days {
            for hour in hours.from_hour.min(24)..hours.to_hour.min(24) {
                on[day * 24 + usize::try_from(hour).unwrap_or(0)] = false;
            }
        }
    }
    if on.iter().all(|on| *on) || !on.contains(&true) {
        return Err("it is needed always, or never".to_owned());
    }
    // Starts on the same hour, with the same length, are one trigger.
    let mut by_hours: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for start in (0..WEEK).filter(|&at| on[at] && !on[(at + WEEK - 1) % WEEK]) {
        let length = (1..=WEEK).find(|n| !on[(start + n) % WEEK]).unwrap_or(WEEK);
        by_hours.entry((start % 24, length)).or_default().push(start / 24);
    }
    let cron = |hour: usize, days: &[usize]| {
        let mut days: Vec<usize> = days.to_vec();
        days.sort_unstable();
        let days: Vec<String> = days.iter().map(ToString::to_string).collect();
        format!("0 {hour} * * {}", days.join(","))
    };
    let pair = |((hour, length), days): ((usize, usize), Vec<usize>)| {
        let end = hour + length;
        let ends: Vec<usize> = days.iter().map(|day| (day + end / 24) % 7).collect();
        (cron(hour, &days), cron(end % 24, &ends))
    };
    Ok(by_hours.into_iter().map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_all_that_is_not_off() {
        let off =
            |days: &str, from_hour, to_hour| OffHours { days: days.into(), from_hour, to_hour };
        let nights =
            needed(&[off("weekdays", 0, 8), off("weekdays", 20, 24), off("weekends", 0, 24)]);
        let expected = [("0 8 * * 1,2,3,4,5".to_owned(), "0 20 * * 1,2,3,4,5".to_owned())];
        assert_eq!(nights.expect("some"), expected);
        // Off from 6 to 22 on weekdays: on over the nights, and from Friday night to Monday morning.
        let days = needed(&[off("weekdays", 6, 22)]).expect("some");
        assert_eq!(
            days,
            [
                ("0 22 * * 1,2,3,4".to_owned(), "0 6 * * 2,3,4,5".to_owned()),
                ("0 22 * * 5".to_owned(), "0 6 * * 1".to_owned()),
            ]
        );
        assert!(needed(&[]).is_err());
        assert!(needed(&[off("weekdays", 0, 24), off("weekends", 0, 24)]).is_err());
        assert!(needed(&[off("mondays", 0, 24)]).is_err());
    }
}
