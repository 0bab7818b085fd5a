//! Which device each holder held.
//!
//! A device's pod label decides. What a pod requests beyond its labels goes to free devices of its
//! node: known when only one choice is possible, otherwise marked unknown, so that nobody is billed
//! for another's utilization.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::Device;
use super::pods::{Holder, HoldingSource};
use crate::model::{Interval, IntervalSet};
use crate::units::Millis;

/// One device held by one holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placement {
    /// Position among the devices.
    pub device: usize,
    /// When.
    pub time: Interval,
    /// Position among the holders.
    pub holder: usize,
    /// Whether it is certain that this is the device.
    pub known: bool,
}

/// All placements, at most one holder on a device at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placements {
    /// By device and start.
    pub all: Vec<Placement>,
    /// Time in which two holders claimed one device, milliseconds by device.
    pub contested_ms: BTreeMap<usize, i64>,
    /// Time requested for which the node had no device left, milliseconds by holder.
    pub homeless_ms: BTreeMap<usize, i64>,
}

/// Puts every holder on its devices.
#[must_use]
pub fn place(holders: &[Holder], devices: &[Device], max_gap_ms: i64) -> Placements {
    let of_observation: BTreeMap<usize, usize> = devices
        .iter()
        .enumerate()
        .filter_map(|(d, device)| Some((device.observation?, d)))
        .collect();
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut claims: Vec<Placement> = Vec::new();
    for (h, holder) in holders.iter().enumerate() {
        let labelled = by_labels(holder, &of_observation);
        let node =
            holder.node.clone().or_else(|| labelled.first().map(|&d| devices[d].node.clone()));
        let missing = (holder.gpus as usize).saturating_sub(labelled.len());
        claims.extend(labelled.into_iter().map(|device| Placement {
            device,
            time: holder.time,
            holder: h,
            known: true,
        }));
        if missing > 0
            && let Some(node) = node
        {
            wanted.push(Wanted { holder: h, node, time: holder.time, missing });
        }
    }
    let mut out = Placements::default();
    eliminate(&wanted, devices, &mut claims, &mut out, max_gap_ms);
    resolve(claims, holders, devices, &mut out);
    // Metrics and labels lag by up to a gap at each handover; only more than that is a contradiction.
    out.contested_ms.retain(|_, ms| *ms > max_gap_ms);
    out
}

/// The devices whose series name the holder, at most as many as it requests, longest named first.
fn by_labels(holder: &Holder, of_observation: &BTreeMap<usize, usize>) -> Vec<usize> {
    let mut named: Vec<_> = holder
        .labelled
        .iter()
        .filter(|(_, ms)| **ms > 0)
        .filter_map(|(o, ms)| Some((std::cmp::Reverse(*ms), *of_observation.get(o)?)))
        .collect();
    named.sort_unstable();
    named.truncate(holder.gpus as usize);
    named.into_iter().map(|(_, device)| device).collect()
}

struct Wanted {
    holder: usize,
    node: String,
    time: Interval,
    missing: usize,
}

/// Gives holders without (enough) labels the devices that are left on their node.
fn eliminate(
    wanted: &[Wanted],
    devices: &[Device],
    claims: &mut Vec<Placement>,
    out: &mut Placements,
    max_gap_ms: i64,
) {
    for (i, want) in wanted.iter().enumerate() {
        let others = wanted.iter().enumerate().any(|(j, w)| {
            i != j
                && w.node == want.node
                && w.time.overlap(want.time).is_some_and(|o| o.length_ms() > max_gap_ms)
        });
        let mut free: Vec<(i64, usize)> = devices
            .iter()
            .enumerate()
            .filter(|(_, d)| d.node == want.node)
            .map(|(d, _)| (taken_ms(d, want.time, claims), d))
            .filter(|(taken, d)| {
                let mine = claims.iter().any(|c| c.device == *d && c.holder == want.holder);
                !mine && *taken <= max_gap_ms.min(want.time.length_ms() / 2)
            })
            .collect();
        free.sort_unstable();
        let known = !others && free.len() == want.missing;
        let given: BTreeSet<usize> = free.iter().take(want.missing).map(|(_, d)| *d).collect();
        let homeless = want.missing - given.len();
        if homeless > 0 {
            *out.homeless_ms.entry(want.holder).or_default() +=
                want.time.length_ms() * i64::try_from(homeless).unwrap_or(i64::MAX);
        }
        claims.extend(given.into_iter().map(|device| Placement {
            device,
            time: want.time,
            holder: want.holder,
            known,
        }));
    }
}

fn taken_ms(device: usize, time: Interval, claims: &[Placement]) -> i64 {
    let overlaps =
        claims.iter().filter(|c| c.device == device).filter_map(|c| c.time.overlap(time));
    IntervalSet::union_of(overlaps).length_ms()
}

/// One holder per device and instant. Where two claim it, better evidence wins, then the later
/// arrival: labels and metrics lag, so the one before has gone.
fn resolve(claims: Vec<Placement>, holders: &[Holder], devices: &[Device], out: &mut Placements) {
    let mut by_device: BTreeMap<usize, Vec<Placement>> = BTreeMap::new();
    for claim in claims {
        by_device.entry(claim.device).or_default().push(claim);
    }
    for (device, claims) in by_device {
        let there = &devices[device].presence;
        let mut edges: Vec<Millis> =
            claims.iter().flat_map(|c| [c.time.start, c.time.end]).collect();
        edges.extend(there.as_slice().iter().flat_map(|i| [i.start, i.end]));
        edges.sort_unstable();
        edges.dedup();
        let rank = |c: &&Placement| {
            let holder = &holders[c.holder];
            let weak = matches!(holder.source, HoldingSource::DcgmLabels | HoldingSource::None);
            (!weak, c.known, c.time.start, std::cmp::Reverse(c.holder))
        };
        let mut contested = 0;
        for edge in edges.windows(2) {
            let time = Interval::new(edge[0], edge[1]);
            if !there.contains(time.start) {
                continue;
            }
            let here: Vec<_> = claims.iter().filter(|c| c.time.overlap(time).is_some()).collect();
            if here.iter().any(|c| c.holder != here[0].holder) {
                contested += time.length_ms();
            }
            let Some(winner) = here.into_iter().max_by_key(rank) else { continue };
            let same = |p: &&mut Placement| {
                p.device == device
                    && p.holder == winner.holder
                    && p.known == winner.known
                    && p.time.end == time.start
            };
            match out.all.last_mut().filter(same) {
                Some(last) => last.time.end = time.end,
                None => out.all.push(Placement { time, ..*winner }),
            }
        }
        if contested > 0 {
            out.contested_ms.insert(device, contested);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inventory::Sharing;
    use super::super::label_view::LabelView;
    use super::*;
    use crate::observe::kube_state::PodKey;

    fn device(id: &str, observation: Option<usize>) -> Device {
        Device {
            id: id.into(),
            node: "n1".into(),
            index: None,
            model: "m".into(),
            presence: IntervalSet::of(Interval::new(0, 1_000)),
            sharing: Sharing::Exclusive,
            observation,
            memory_bytes: None,
        }
    }

    fn holder(name: &str, gpus: u32, time: (i64, i64), labelled: &[(usize, i64)]) -> Holder {
        Holder {
            key: PodKey { namespace: "ns".into(), name: name.into(), uid: None },
            node: Some("n1".into()),
            gpus,
            time: Interval::new(time.0, time.1),
            since: time.0,
            source: HoldingSource::KubeStateMetrics,
            owner: None,
            labels: LabelView::default(),
            annotations: BTreeMap::new(),
            labelled: labelled.iter().copied().collect(),
        }
    }

    fn summary(p: &Placements) -> Vec<(usize, i64, i64, usize, bool)> {
        p.all.iter().map(|p| (p.device, p.time.start, p.time.end, p.holder, p.known)).collect()
    }

    #[test]
    fn a_label_seen_once_holds_the_device_for_the_pods_life() {
        let placed = place(&[holder("a", 1, (0, 900), &[(0, 300)])], &[device("x", Some(0))], 50);
        assert_eq!(summary(&placed), [(0, 0, 900, 0, true)]);
    }

    #[test]
    fn what_is_left_is_known_only_when_there_is_one_choice() {
        let devices = [device("x", Some(0)), device("y", Some(1)), device("z", None)];
        // a is on x by label; b wants two and two are left: no other choice.
        let placed = place(
            &[holder("a", 1, (0, 900), &[(0, 900)]), holder("b", 2, (0, 900), &[])],
            &devices,
            50,
        );
        assert_eq!(
            summary(&placed),
            [(0, 0, 900, 0, true), (1, 0, 900, 1, true), (2, 0, 900, 1, true)]
        );
        // b wants one of two: it holds one, but nobody knows which.
        let placed = place(
            &[holder("a", 1, (0, 900), &[(0, 900)]), holder("b", 1, (0, 900), &[])],
            &devices,
            50,
        );
        assert_eq!(summary(&placed)[1], (1, 0, 900, 1, false));
    }

    #[test]
    fn a_device_never_has_two_holders_at_once() {
        let placed = place(
            &[holder("old", 1, (0, 500), &[(0, 500)]), holder("new", 1, (480, 900), &[(0, 400)])],
            &[device("x", Some(0))],
            50,
        );
        assert_eq!(summary(&placed), [(0, 0, 480, 0, true), (0, 480, 900, 1, true)]);
        assert!(placed.contested_ms.is_empty(), "20 is within the 50 that reporting may lag");
        let placed = place(
            &[holder("old", 1, (0, 500), &[(0, 500)]), holder("new", 1, (400, 900), &[(0, 500)])],
            &[device("x", Some(0))],
            50,
        );
        assert_eq!(placed.contested_ms, BTreeMap::from([(0, 100)]));
    }

    #[test]
    fn a_request_without_a_device_is_told() {
        let placed = place(&[holder("a", 2, (0, 100), &[])], &[device("x", None)], 50);
        assert_eq!(summary(&placed), [(0, 0, 100, 0, false)]);
        assert_eq!(placed.homeless_ms, BTreeMap::from([(0, 100)]));
    }
}
