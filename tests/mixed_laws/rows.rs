//! Rows of an attribution as sums that can be compared.

use std::collections::BTreeMap;

use gpu_finops::attribution::holding::Speaks;
use gpu_finops::attribution::resolve::Piece;
use gpu_finops::attribution::states::{Segment, State};
use gpu_finops::attribution::{Attribution, attribute};
use gpu_finops::model::{Inputs, Interval, Policy};
use gpu_finops::observe::devices::DeviceObservation;
use gpu_finops::observe::field::Field;
use gpu_finops::report::contract::Report;
use serde_json::Value;

use super::cluster::Cluster;

const HOUR: f64 = 3_600_000.0;

/// Who had what, with every row of the ledger.
#[derive(Debug)]
pub(super) struct Rows {
    attribution: Attribution,
    pub(super) segments: Vec<Segment>,
}

impl Rows {
    pub(super) fn of(inputs: &Inputs, policy: &Policy) -> Self {
        let (attribution, segments) = attribute(inputs, policy, |time| time.segments);
        Self { attribution, segments: segments.concat() }
    }
}

impl std::ops::Deref for Rows {
    type Target = Attribution;

    fn deref(&self) -> &Attribution {
        &self.attribution
    }
}

/// GPU-hours by who (a pod or claim, its workload, its tenant, a device, a node) and state.
pub(super) type Hours = BTreeMap<String, f64>;

#[expect(clippy::cast_precision_loss, reason = "an hour of milliseconds")]
fn length(time: Interval) -> f64 {
    time.length_ms() as f64 / HOUR
}

/// All rows, added up. Pods are called by their numbers, whatever they are named.
pub(super) fn hours(rows: &Rows, cluster: &Cluster) -> Hours {
    let number: BTreeMap<(String, String), usize> =
        cluster.pods.iter().map(|p| ((p.namespace.clone(), cluster.name_of(p)), p.id)).collect();
    let mut out = Hours::new();
    for s in &rows.segments {
        let gpu_hours = s.share * length(s.time);
        let device = &rows.devices[s.device];
        let mut whose = vec![format!("gpu {}", device.id), format!("node {}", device.node)];
        if let Some(holder) = s.holder.map(|h| &rows.holders[h]) {
            let key = &holder.holder.key;
            let called = |name: &str| {
                let id = number.get(&(key.namespace.clone(), name.to_owned()));
                id.map_or_else(|| name.to_owned(), |id| format!("#{id}"))
            };
            let workload = &holder.workload;
            whose.push(format!("pod {}/{}", key.namespace, called(&key.name)));
            whose.push(format!("workload {} {}", workload.kind, called(&workload.name)));
            whose.push(format!("tenant {}", holder.tenant.tenant));
        }
        for who in whose {
            let mut add =
                |what: &str, value| *out.entry(format!("{who}: {what}")).or_default() += value;
            let used = s.utilization.unwrap_or(0.0);
            if s.state == State::Active {
                add("busy", gpu_hours * used);
            }
            add(s.state.name(), gpu_hours);
            add("used", gpu_hours * used);
            add("estimated", if s.estimated { gpu_hours } else { 0.0 });
        }
    }
    out
}

/// Where two sums differ.
pub(super) fn differences(a: &Hours, b: &Hours, allowed: f64) -> Vec<String> {
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let of = |hours: &Hours, key: &String| hours.get(key).copied().unwrap_or(0.0);
    keys.into_iter()
        .map(|key| (key, of(a, key), of(b, key)))
        .filter(|(_, x, y)| (x - y).abs() > allowed)
        .map(|(key, x, y)| format!("{key}: {x:.6}, then {y:.6}"))
        .collect()
}

/// All rows of a device in a stretch of time in which none of them begins or ends.
pub(super) struct Instant<'a> {
    pub(super) time: Interval,
    pub(super) pieces: Vec<&'a Piece>,
    pub(super) segments: Vec<&'a Segment>,
}

pub(super) fn instants(rows: &Rows, device: usize) -> Vec<Instant<'_>> {
    let pieces: Vec<&Piece> = rows.pieces.iter().filter(|p| p.device == device).collect();
    let segments: Vec<&Segment> = rows.segments.iter().filter(|s| s.device == device).collect();
    let times = pieces.iter().map(|p| p.time).chain(segments.iter().map(|s| s.time));
    let presence = rows.devices[device].presence.as_slice().iter().copied();
    let mut edges: Vec<i64> = times.chain(presence).flat_map(|t| [t.start, t.end]).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
        .windows(2)
        .map(|edge| {
            let time = Interval::new(edge[0], edge[1]);
            Instant {
                time,
                pieces: pieces.iter().copied().filter(|p| p.time.overlap(time).is_some()).collect(),
                segments: segments
                    .iter()
                    .copied()
                    .filter(|s| s.time.overlap(time).is_some())
                    .collect(),
            }
        })
        .collect()
}

/// What a device's series say was used of what is held of it, as a part of the card, and what its holders
/// are said to have used. `None` where it is not known of all of them, or pods have values of their own.
pub(super) fn used(instant: &Instant<'_>, seen: &DeviceObservation) -> Option<(f64, f64)> {
    let held: Vec<&&Segment> = instant.segments.iter().filter(|s| s.holder.is_some()).collect();
    if held.is_empty() || seen.readings().any(|(_, r)| !r.processes.is_empty()) {
        return None;
    }
    let got: Option<f64> = held.iter().map(|s| Some(s.share * s.utilization?)).sum();
    let mut by_series: BTreeMap<Option<usize>, (f64, f64)> = BTreeMap::new();
    for piece in &instant.pieces {
        let speaks = match piece.speaks {
            Speaks::Card => None,
            Speaks::Instance(i) => Some(i),
            Speaks::UnknownInstance | Speaks::Nobody => return None,
        };
        let part = by_series.entry(speaks).or_default();
        *part = (part.0 + piece.share, piece.series_share);
    }
    let mut expected = 0.0;
    for (speaks, (share, of_card)) in by_series {
        let reading = speaks.map_or(&seen.card, |i| &seen.instances[i].reading);
        let value = Field::UTILIZATION.iter().find_map(|field| {
            let holds = reading.signals.get(field)?;
            holds.iter().find(|h| h.time.overlap(instant.time).is_some())?.value
        })?;
        expected += share.min(value * of_card);
    }
    Some((expected, got?))
}

/// Where two reports differ, by path.
pub(super) struct Differences(Vec<(String, Value, Value)>);

impl Differences {
    pub(super) fn of(a: &Report, b: &Report) -> Self {
        let value = |report| serde_json::to_value(report).expect("JSON");
        let mut out = Self(Vec::new());
        out.compare(String::new(), &value(a), &value(b));
        out
    }

    fn compare(&mut self, path: String, a: &Value, b: &Value) {
        match (a, b) {
            (Value::Object(x), Value::Object(y)) if x.keys().eq(y.keys()) => {
                for (key, value) in x {
                    self.compare(format!("{path}/{key}"), value, &y[key]);
                }
            }
            (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
                for (n, (x, y)) in x.iter().zip(y).enumerate() {
                    self.compare(format!("{path}/{n}"), x, y);
                }
            }
            _ if a == b => {}
            _ => self.0.push((path, a.clone(), b.clone())),
        }
    }

    /// Those that are not as they may be.
    pub(super) fn but(self, is_fine: impl Fn(&str, f64, f64) -> bool) -> Vec<String> {
        let number = |v: &Value| v.as_f64().unwrap_or(f64::NAN);
        self.0
            .into_iter()
            .filter(|(path, a, b)| !is_fine(path, number(a), number(b)))
            .map(|(path, a, b)| format!("{path}: {a}, then {b}"))
            .collect()
    }
}
