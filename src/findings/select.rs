//! Which of several proposals count: a set of which no two concern the same GPU of the same pod, worth as much as
//! can be.
//!
//! Proposals that share a GPU of a pod are alternatives (design, section 4: savings are claimed once per
//! device-hour). They fall into groups that have nothing to do with each other, most of them small; within each the
//! best set is found by trying all, beyond so many by taking the most valuable first.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::proposal::Proposal;
use crate::recommend::contract::Risk;

/// Most proposals of one group for which all sets are tried.
const EXACT: usize = 16;

/// For each proposal whether it counts, and the positions of those that it excludes.
#[must_use]
pub fn select(proposals: &[&Proposal]) -> (Vec<bool>, Vec<Vec<usize>>) {
    let conflicts = conflicts(proposals);
    let mut counted = vec![false; proposals.len()];
    let mut seen = vec![false; proposals.len()];
    for start in 0..proposals.len() {
        if seen[start] {
            continue;
        }
        let group = reach(start, &conflicts, &mut seen);
        // Without an alternative it counts, whatever it is worth.
        if group.len() == 1 {
            counted[start] = true;
            continue;
        }
        let values: Vec<Value> = group.iter().map(|&p| value(proposals[p])).collect();
        for member in best(&group, &values, &conflicts) {
            counted[member] = true;
        }
    }
    (counted, conflicts)
}

/// Money first; of what has no price, time; of what saves the same, the less risky.
fn value(proposal: &Proposal) -> Value {
    let risk = match proposal.risk {
        Risk::Low => 0.0,
        Risk::Medium => -1.0,
        Risk::High => -2.0,
    };
    [proposal.finding.monthly_savings.unwrap_or(0.0), proposal.monthly_gpu_hours, risk]
}

/// What is compared from the first to the last.
type Value = [f64; 3];

/// Differences below this are those of sums taken in another order.
const SAME: f64 = 1e-9;

fn compare(a: &Value, b: &Value) -> Ordering {
    let one = |(a, b): (&f64, &f64)| {
        if (a - b).abs() <= SAME * a.abs().max(b.abs()) { Ordering::Equal } else { a.total_cmp(b) }
    };
    a.iter().zip(b).map(one).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// What leaves the GPUs of pods as they are goes with everything, but for what makes the same GPU usable.
fn conflicts(proposals: &[&Proposal]) -> Vec<Vec<usize>> {
    let mut of_lease: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
    for (p, proposal) in proposals.iter().enumerate() {
        let is_of_gpus = proposal.change.is_of_gpus();
        let held = proposal.leases.iter().filter(|_| is_of_gpus);
        let held = held.map(|(pod, device)| (pod.as_str(), *device));
        for lease in held.chain(proposal.unstranded.iter().map(|device| ("", *device))) {
            of_lease.entry(lease).or_default().push(p);
        }
    }
    let mut out: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); proposals.len()];
    for sharing in of_lease.values() {
        for &p in sharing {
            out[p].extend(sharing.iter().copied().filter(|other| *other != p));
        }
    }
    out.into_iter().map(|set| set.into_iter().collect()).collect()
}

/// Everything that hangs together with `start`, in order.
fn reach(start: usize, conflicts: &[Vec<usize>], seen: &mut [bool]) -> Vec<usize> {
    let mut group = Vec::new();
    let mut open = vec![start];
    while let Some(p) = open.pop() {
        if !std::mem::replace(&mut seen[p], true) {
            group.push(p);
            open.extend(&conflicts[p]);
        }
    }
    group.sort_unstable();
    group
}

fn best(group: &[usize], values: &[Value], conflicts: &[Vec<usize>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..group.len()).collect();
    order.sort_by(|a, b| compare(&values[*b], &values[*a]).then(a.cmp(b)));
    let mut chosen = Vec::new();
    if group.len() > EXACT {
        for &i in &order {
            if chosen.iter().all(|c: &usize| !conflicts[group[i]].contains(c)) {
                chosen.push(group[i]);
            }
        }
        return chosen;
    }
    let mut best_value: Option<Value> = None;
    for set in 0_u32..1 << group.len() {
        let members: Vec<usize> = order.iter().copied().filter(|i| set >> i & 1 == 1).collect();
        let clash = |i: &usize| members.iter().any(|j| conflicts[group[*i]].contains(&group[*j]));
        let sum = members
            .iter()
            .fold([0.0; 3], |sum: Value, i| std::array::from_fn(|n| sum[n] + values[*i][n]));
        if best_value.is_none_or(|best| compare(&sum, &best).is_gt()) && !members.iter().any(clash)
        {
            best_value = Some(sum);
            chosen = members.iter().map(|i| group[*i]).collect();
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Conflicts of proposals that have these leases.
    fn chosen(proposals: &[(&[usize], f64)]) -> Vec<usize> {
        let sets: Vec<BTreeSet<usize>> =
            proposals.iter().map(|(leases, _)| leases.iter().copied().collect()).collect();
        let conflicts: Vec<Vec<usize>> = (0..sets.len())
            .map(|p| {
                (0..sets.len()).filter(|&q| q != p && !sets[p].is_disjoint(&sets[q])).collect()
            })
            .collect();
        let group: Vec<usize> = (0..proposals.len()).collect();
        let values: Vec<Value> = proposals.iter().map(|(_, v)| [*v, 0.0, 0.0]).collect();
        let mut chosen = best(&group, &values, &conflicts);
        chosen.sort_unstable();
        chosen
    }

    #[test]
    fn two_small_ones_beat_the_large_one_between_them() {
        // 1 shares a lease with 0 and with 2: 6 + 6 is more than 10.
        assert_eq!(chosen(&[(&[1], 6.0), (&[1, 2], 10.0), (&[2], 6.0)]), [0, 2]);
        assert_eq!(chosen(&[(&[1], 4.0), (&[1, 2], 10.0), (&[2], 4.0)]), [1]);
        assert_eq!(chosen(&[(&[1], 4.0)]), [0]);
    }

    #[test]
    fn many_alternatives_are_taken_from_the_top() {
        let leases: Vec<Vec<usize>> = (0..30).map(|i| vec![i / 2, 100]).collect();
        let proposals: Vec<(&[usize], f64)> =
            leases.iter().zip(0_u32..).map(|(l, i)| (l.as_slice(), f64::from(i))).collect();
        assert_eq!(chosen(&proposals), [29]);
    }
}
