//! What the ledger must know of MIG: profiles in all their spellings, the share of a card that each
//! stands for, and what still fits beside them.
//!
//! Pure. Not here: which instance is held by whom, and when (`attribution`).

pub mod layout;
pub mod profile;
pub mod table;

/// The share of a card of `model` that a profile is, by any spelling of the profile; `None` where the text
/// is none, or nothing is known of it. `memory_bytes`: framebuffer of the card.
#[must_use]
pub fn share(model: &str, profile: &str, memory_bytes: Option<f64>) -> Option<f64> {
    let profile = profile::read(profile).ok()?.profile;
    table::share(model, &profile, memory_bytes).map(|share| share.ratio)
}
