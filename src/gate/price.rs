//! What a workload's requests are in cards and money.

use std::collections::BTreeSet;

use super::Assumed;
use super::ask::{Part, Piece, Pool, Workload};
use super::contract::Figures;
use super::models::{memory_bytes, of_labels, spelled};
use crate::attribution::mig;
use crate::cost::price::{Price, PricedThing, instance_type, price_of};
use crate::model::policy::PriceBook;

/// What requests are measured with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure<'a> {
    pub(super) assumed: &'a Assumed,
    pub(super) book: &'a PriceBook,
}

/// Sums over pools, and what they rest on.
#[derive(Debug, Default)]
struct Tally {
    /// Cards with the fewest pods, as written, with the most.
    gpus: [f64; 3],
    /// Money of an hour; `None` from the first piece without a price on.
    per_hour: Option<[f64; 3]>,
    asks: Vec<String>,
    models: BTreeSet<String>,
    prices: BTreeSet<String>,
    basis: Vec<String>,
}

/// Figures of a workload.
pub(super) fn figures(workload: &Workload<'_>, measure: Measure<'_>) -> Figures {
    let mut tally = Tally { per_hour: Some([0.0; 3]), ..Tally::default() };
    for pool in workload.pools.iter().filter(|pool| !pool.pieces.is_empty()) {
        tally.add(pool, measure);
    }
    let hours = workload.hours.per_month;
    let money = |index: usize| Some(tally.per_hour?[index] * hours?);
    let mut basis = vec![workload.hours.basis.clone()];
    basis.extend(tally.basis.iter().cloned());
    Figures {
        gpus_low: tally.gpus[0],
        gpus: tally.gpus[1],
        gpus_high: tally.gpus[2],
        hours_per_month: hours,
        gpu_hours_per_month: hours.map(|hours| hours * tally.gpus[1]),
        cost_per_month_low: money(0),
        cost_per_month: money(1),
        cost_per_month_high: money(2),
        asks: tally.asks,
        models: tally.models.into_iter().collect(),
        prices: tally.prices.into_iter().collect(),
        basis,
    }
}

impl Tally {
    fn add(&mut self, pool: &Pool, measure: Measure<'_>) {
        let pods = [pool.pods.low, pool.pods.now, pool.pods.high].map(f64::from);
        let resolved: Vec<Resolved> =
            pool.pieces.iter().map(|piece| Resolved::of(piece, pool, measure, self)).collect();
        // Instances of one card are never more than that card.
        let of_one_card = |resolved: &&Resolved| resolved.is_of_one_card;
        let sum: f64 = resolved.iter().filter(of_one_card).map(|r| r.cards).sum();
        for one in &resolved {
            let cards = if one.is_of_one_card && sum > 1.0 { one.cards / sum } else { one.cards };
            let price = price_of(
                measure.book,
                PricedThing {
                    model: one.model.as_deref().unwrap_or_default(),
                    node: &pool.node,
                    node_name: None,
                },
            );
            for (total, pods) in self.gpus.iter_mut().zip(pods) {
                *total += pods * cards;
            }
            self.per_hour = self.per_hour.zip(price.as_ref()).map(|(mut sum, price)| {
                sum.iter_mut()
                    .zip(pods)
                    .for_each(|(s, pods)| *s += pods * cards * price.per_gpu_hour);
                sum
            });
            self.models.extend(one.model.clone());
            self.prices.extend(price.map(|price| told(&price, &measure.book.currency)));
        }
        let asked: Vec<String> = pool.pieces.iter().map(asked).collect();
        let pods = match (pool.pods.low, pool.pods.high) {
            (low, high) if low == high => format!("{high}"),
            (low, high) => format!("{low} to {high}"),
        };
        self.asks.push(format!("{} × {}: {}", pods, pool.role, asked.join(" + ")));
    }

    fn note(&mut self, text: String) {
        if !self.basis.contains(&text) {
            self.basis.push(text);
        }
    }
}

fn told(price: &Price, currency: &str) -> String {
    format!("{} {currency} per GPU-hour: {}", price.per_gpu_hour, price.source)
}

fn asked(piece: &Piece) -> String {
    let part = match &piece.part {
        Part::Mig(profile) if !piece.name.contains(profile.as_str()) => format!(" ({profile})"),
        Part::Share(share) => format!(" ({share} of a card)"),
        Part::Memory { bytes, .. } => {
            format!(" ({:.1} GiB of a card)", bytes / 1_073_741_824.0)
        }
        _ => String::new(),
    };
    format!("{} × {}{part}", piece.devices, piece.name)
}

/// A piece with its model and size.
struct Resolved {
    cards: f64,
    model: Option<String>,
    is_of_one_card: bool,
}

impl Resolved {
    fn of(piece: &Piece, pool: &Pool, measure: Measure<'_>, tally: &mut Tally) -> Self {
        let model = model(piece, pool, measure.assumed, tally);
        let share = share(piece, model.as_deref(), measure.assumed, tally);
        let cards = piece.devices * share;
        Self { cards, model, is_of_one_card: piece.is_of_one_card }
    }
}

/// The model of a piece: what it says itself, what its node must be, what is assumed.
fn model(piece: &Piece, pool: &Pool, assumed: &Assumed, tally: &mut Tally) -> Option<String> {
    if let Some(model) = piece.model.clone().or_else(|| of_labels(&pool.node)) {
        return Some(model);
    }
    if instance_type(&pool.node).is_some() && assumed.default_model.is_none() {
        return None;
    }
    let default = assumed.default_model.as_deref().map(|model| spelled(model, None));
    let fits = |model: &String| piece.among.is_empty() || piece.among.contains(model);
    match default.filter(fits) {
        Some(model) => {
            tally.note(format!("model {model} assumed (--default-model)"));
            Some(model)
        }
        None if !piece.among.is_empty() => {
            tally.note(format!("the selectors of {} leave {}", piece.name, piece.among.join(", ")));
            None
        }
        None => {
            tally.note("nothing tells the GPU model".to_owned());
            None
        }
    }
}

/// The part of a card that one device of a piece is, 0..1.
fn share(piece: &Piece, model: Option<&str>, assumed: &Assumed, tally: &mut Tally) -> f64 {
    let memory = model.and_then(memory_bytes);
    let whole = |tally: &mut Tally, why: &str| {
        tally.note(format!("{} counted as a whole card at most: {why}", piece.name));
        1.0
    };
    match &piece.part {
        Part::Whole => 1.0,
        Part::Share(share) => *share,
        Part::Mig(profile) => match mig::share(model.unwrap_or_default(), profile, memory) {
            Some(share) => {
                if model.is_none() {
                    tally.note(format!(
                        "{profile} counted by its slices of 7: the model is not known"
                    ));
                }
                share
            }
            None => whole(tally, &format!("`{profile}` is not a profile that is known")),
        },
        Part::Memory { bytes, floor } => match memory {
            Some(card) if card > 0.0 => (bytes / card).max(*floor).min(1.0),
            _ => whole(tally, "it asks for memory, and the size of the card is not known"),
        },
        Part::Shared => match assumed.shared_replicas {
            Some(pods) => {
                tally.note(format!(
                    "{} shared by {pods} pods assumed (--shared-replicas)",
                    piece.name
                ));
                1.0 / f64::from(pods)
            }
            None => whole(tally, "nothing tells how many pods share it (--shared-replicas)"),
        },
        Part::AtMost => whole(tally, "its profile is not known"),
    }
}
