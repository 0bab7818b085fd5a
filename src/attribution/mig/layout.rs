//! Several MIG instances on one card: what still fits, what they are worth together, and how a node's
//! instances may lie on its cards.
//!
//! Slices are counted, not placed: positions of instances are not in metrics. On every layout that the
//! driver allows, a count that fits has a place, though perhaps not beside instances that lie badly now.
//! Media engines are not counted either, beyond the table's number of instances by profile. Compute
//! instances (`1c.3g.40gb`) count by the GPU instances that they need.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::profile::Profile;
use super::table::{self, Gpu};
use crate::attribution::holding::EPSILON;

/// Most cards of a node that are packed.
const MAX_CARDS: usize = 64;
/// Most instances of a card: no card has more compute slices.
const MAX_INSTANCES: usize = 8;
/// Placements that the search for a layout tries before it gives up; first fit needs fewer.
const MAX_STEPS: u32 = 50_000;

/// Whether one more instance fits on a card beside those that it has, by the slices left and the number
/// of instances of the profile.
///
/// On a card that the table does not have, by shares.
#[must_use]
pub fn fits(model: &str, present: &[Profile], candidate: &Profile) -> bool {
    Geometry::of(model).fits(present, candidate)
}

/// Whether any instance at all fits beside those that a card has: what is left of the card is
/// `unallocated`, else `stranded`.
///
/// On a card that the table does not have, whatever is left counts as usable.
#[must_use]
pub fn any_fits(model: &str, present: &[Profile]) -> bool {
    let card = Geometry::of(model);
    // A GPU instance that is not cut up to its end takes another compute instance.
    let mut cut = present.iter().filter_map(Profile::smallest_part);
    if cut.any(|part| card.fits(present, &part)) {
        return true;
    }
    match card.gpu.filter(|_| card.slices(present).is_some()) {
        Some(gpu) => {
            let mut offered = gpu.rows.iter().flat_map(table::Row::offered);
            offered.any(|(profile, _)| card.fits(present, profile))
        }
        None => card.share_sum(present) < 1.0 - EPSILON,
    }
}

/// The shares of all instances of one card, in their order; none where one of them is not known.
///
/// Each instance has the larger of its fractions of compute and memory. Where an instance short of compute
/// sits beside one short of memory, these add up to more than the card: `3g.40gb` (4 of 8 memory slices)
/// and `4g.40gb` (4 of 7 compute slices) are 0.5 + 4/7 = 15/14. See [`scaled`].
#[must_use]
pub fn scaled_shares(
    model: &str,
    profiles: &[Profile],
    memory_bytes: Option<f64>,
) -> Option<Vec<f64>> {
    let share = |profile| table::share(model, profile, memory_bytes).map(|share| share.ratio);
    let shares: Vec<f64> = profiles.iter().map(share).collect::<Option<_>>()?;
    Some(scaled(&shares))
}

/// Shares of one card such that the card is never more than one GPU: where their sum exceeds 1, all are
/// divided by it, so that each instance's weight against its neighbours is kept; else they are left alone,
/// and the rest of the card is nobody's.
#[must_use]
pub fn scaled(shares: &[f64]) -> Vec<f64> {
    let sum: f64 = shares.iter().sum();
    if sum > 1.0 { shares.iter().map(|share| share / sum).collect() } else { shares.to_vec() }
}

/// A layout of a node's instances on its cards, where only their numbers are known: 7 x `1g.10gb` and
/// 2 x `3g.40gb` on two cards are `[[3g.40gb, 3g.40gb], [1g.10gb, …]]`.
///
/// First the same on every card, where the numbers allow it, for that is how nodes are configured. Else
/// the largest instances first, each on the first card that takes it; where that ends in nothing, other
/// cards are tried in order, up to a bound. Same numbers, same layout. Each card's instances are sorted,
/// largest first.
///
/// `None` when they do not fit, no layout was found within the bound, or there are more than 64 cards.
#[must_use]
pub fn pack(
    model: &str,
    counts: &BTreeMap<Profile, u32>,
    cards: usize,
) -> Option<Vec<Vec<Profile>>> {
    if cards > MAX_CARDS {
        return None;
    }
    let total = counts.values().try_fold(0_usize, |sum, n| {
        sum.checked_add(usize::try_from(*n).ok()?).filter(|sum| *sum <= cards * MAX_INSTANCES)
    })?;
    if total == 0 {
        return Some(vec![Vec::new(); cards]);
    }
    let card = Geometry::of(model);
    alike(&card, counts, cards).or_else(|| Search::new(&card, &card.sorted(counts), cards).layout())
}

/// The physical cards behind `count` equal instances, as a node with the `single` strategy counts them.
///
/// `None` when nothing is known of the profile on the model.
#[must_use]
pub fn cards_of(model: &str, profile: &Profile, count: u32) -> Option<u32> {
    let card = Geometry::of(model);
    let per_instance = profile.compute().map_or(1, |c| profile.slices() / c);
    let instances = match card.gpu.and_then(|gpu| gpu.slices(profile)) {
        Some(slices) => slices.max,
        None => card.by_shares(profile)?,
    };
    Some(count.div_ceil((instances * per_instance).max(1)))
}

/// A model's slices, looked up once.
struct Geometry<'a> {
    model: &'a str,
    gpu: Option<&'static Gpu>,
}

impl<'a> Geometry<'a> {
    fn of(model: &'a str) -> Self {
        Self { model, gpu: table::gpu(model) }
    }

    fn fits(&self, present: &[Profile], candidate: &Profile) -> bool {
        let mut all = present.to_vec();
        all.push(candidate.clone());
        self.holds(&all)
    }

    /// Whether one card can have all of these at once.
    fn holds(&self, profiles: &[Profile]) -> bool {
        match (self.gpu, self.slices(profiles)) {
            (Some(gpu), Some((compute, memory, within_max))) => {
                compute <= gpu.compute && memory <= gpu.memory && within_max
            }
            _ => self.share_sum(profiles) <= 1.0 + EPSILON,
        }
    }

    /// Compute slices, memory slices, and whether no profile has too many instances; `None` where the
    /// table does not have one of the profiles.
    fn slices(&self, profiles: &[Profile]) -> Option<(u32, u32, bool)> {
        let gpu = self.gpu?;
        let mut taken = (0_u32, 0_u32, true);
        for (profile, count) in gpu_instances(profiles) {
            let slices = gpu.slices(&profile)?;
            taken.0 = slices.compute.saturating_mul(count).saturating_add(taken.0);
            taken.1 = slices.memory.saturating_mul(count).saturating_add(taken.1);
            taken.2 &= count <= slices.max;
        }
        Some(taken)
    }

    /// Shares without scaling; what is not known counts as nothing.
    fn share_sum(&self, profiles: &[Profile]) -> f64 {
        let instances = gpu_instances(profiles).into_iter();
        instances.map(|(profile, count)| self.share(&profile) * f64::from(count)).sum()
    }

    fn share(&self, profile: &Profile) -> f64 {
        table::share(self.model, profile, None).map_or(0.0, |share| share.ratio)
    }

    /// GPU instances of a card that the table does not have: as many as their shares allow.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share is at least 1/8 of 1/8 of a card"
    )]
    fn by_shares(&self, profile: &Profile) -> Option<u32> {
        let share = table::share(self.model, &profile.gpu_instance(), None)?;
        Some((1.0 / share.ratio + EPSILON).floor() as u32)
    }

    /// Instances one by one, largest share first, equal ones together.
    fn sorted(&self, counts: &BTreeMap<Profile, u32>) -> Vec<Profile> {
        let mut kinds: Vec<(&Profile, u32)> = counts.iter().map(|(p, n)| (p, *n)).collect();
        kinds.sort_by(|(a, _), (b, _)| {
            self.share(b).total_cmp(&self.share(a)).then_with(|| Reverse(a).cmp(&Reverse(b)))
        });
        kinds.into_iter().flat_map(|(p, n)| (0..n).map(|_| p.clone())).collect()
    }
}

/// The GPU instances that these need, with their number: each of its own, but for compute instances, which
/// share GPU instances of their profile, largest first into the first with room.
fn gpu_instances(profiles: &[Profile]) -> BTreeMap<Profile, u32> {
    let mut instances: BTreeMap<Profile, u32> = BTreeMap::new();
    let mut parts: BTreeMap<Profile, Vec<u32>> = BTreeMap::new();
    for profile in profiles {
        match profile.compute() {
            None => *instances.entry(profile.clone()).or_default() += 1,
            Some(compute) => parts.entry(profile.gpu_instance()).or_default().push(compute),
        }
    }
    for (instance, mut computes) in parts {
        computes.sort_unstable_by_key(|c| Reverse(*c));
        let mut room: Vec<u32> = Vec::new();
        for compute in computes {
            match room.iter_mut().find(|left| **left >= compute) {
                Some(left) => *left -= compute,
                None => {
                    room.push(instance.slices() - compute);
                    *instances.entry(instance.clone()).or_default() += 1;
                }
            }
        }
    }
    instances
}

/// The same instances on each card.
fn alike(
    card: &Geometry<'_>,
    counts: &BTreeMap<Profile, u32>,
    cards: usize,
) -> Option<Vec<Vec<Profile>>> {
    let cards_u32 = u32::try_from(cards).ok()?;
    if counts.values().any(|n| n % cards_u32 != 0) {
        return None;
    }
    let each = counts.iter().map(|(p, n)| (p.clone(), n / cards_u32)).collect();
    let each = card.sorted(&each);
    card.holds(&each).then(|| vec![each; cards])
}

/// First fit, and then the other ways in order.
struct Search<'a> {
    card: &'a Geometry<'a>,
    items: &'a [Profile],
    cards: Vec<Vec<Profile>>,
    steps: u32,
}

impl<'a> Search<'a> {
    fn new(card: &'a Geometry<'a>, items: &'a [Profile], cards: usize) -> Self {
        Self { card, items, cards: vec![Vec::new(); cards], steps: 0 }
    }

    fn layout(mut self) -> Option<Vec<Vec<Profile>>> {
        self.placed(0, 0).then_some(self.cards)
    }

    /// Places the items from `at` on. Equal items go to cards in order, so that each way is tried once:
    /// `from` is the first card for this one.
    fn placed(&mut self, at: usize, from: usize) -> bool {
        let items = self.items;
        let Some(item) = items.get(at) else { return true };
        let next_is_equal = items.get(at + 1) == Some(item);
        for c in from..self.cards.len() {
            if self.cards[from..c].contains(&self.cards[c]) {
                continue; // the same as a card that did not do
            }
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return false;
            }
            self.cards[c].push(item.clone());
            let done = self.card.holds(&self.cards[c])
                && self.placed(at + 1, if next_is_equal { c } else { 0 });
            if done {
                return true;
            }
            self.cards[c].pop();
        }
        false
    }
}

#[cfg(test)]
mod tests;
