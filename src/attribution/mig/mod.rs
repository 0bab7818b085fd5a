//! What the ledger must know of MIG: profiles in all their spellings, the share of a card that each
//! stands for, and what still fits beside them.
//!
//! Pure. Not here: which instance is held by whom, and when (`attribution`).

pub mod layout;
pub mod profile;
pub mod table;
