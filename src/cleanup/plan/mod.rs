//! Plans: a patch set that is sealed, with the state of every object that it was made from.
//!
//! Pure. The seal finds damage and careless edits; it is no signature, for whoever writes a plan can seal it. What may
//! never be done, however well a plan is sealed, is [`allowed`].

pub mod allowed;
pub mod contract;
pub mod limits;
pub mod state;
#[cfg(test)]
mod tests;

use serde_json::Value;

use self::contract::{Plan, SCHEMA_VERSION};
use self::state::{canonical, sha256};
use crate::model::window::rfc3339;
use crate::units::Millis;

/// How far ahead of this clock a plan may have been made: clocks of two machines differ.
pub const CLOCK_SKEW_MS: Millis = 5 * 60 * 1_000;

/// Why a plan cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is no plan, or of another version.
    #[error("it is not a plan that this version reads: {0}")]
    Unreadable(String),
    /// It is not what `plan` wrote.
    #[error("it was changed since it was made (its hash is {found}, and it says {said})")]
    Tampered {
        /// Hash of what is there.
        found: String,
        /// Hash that it states.
        said: String,
    },
    /// It is too old.
    #[error("it expired at {0}: what it was made from may not be so any more")]
    Expired(String),
    /// It was made in the future.
    #[error("it was made at {made}, and by this clock it is {now}: one of the clocks is wrong")]
    FromTheFuture {
        /// When it was made.
        made: String,
        /// This clock.
        now: String,
    },
}

impl Plan {
    /// The plan with its hash.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.hash = serde_json::to_value(&self).map_or_else(|_| String::new(), |v| hash_of(&v));
        self
    }

    /// Reads a plan and checks its hash.
    ///
    /// # Errors
    /// [`PlanError::Unreadable`], [`PlanError::Tampered`].
    pub fn read(text: &str) -> Result<Self, PlanError> {
        let unreadable = |error: serde_json::Error| PlanError::Unreadable(error.to_string());
        let value: Value = serde_json::from_str(text).map_err(unreadable)?;
        let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let (version, said) = (field("schema_version"), field("hash").to_owned());
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(version) != major(SCHEMA_VERSION) {
            return Err(PlanError::Unreadable(format!(
                "it is of version {version:?}, and this is {SCHEMA_VERSION}"
            )));
        }
        let found = hash_of(&value);
        if found != said {
            return Err(PlanError::Tampered { found, said });
        }
        serde_json::from_value(value).map_err(unreadable)
    }

    /// Whether it may be used now.
    ///
    /// # Errors
    /// [`PlanError::Expired`], [`PlanError::FromTheFuture`]; [`PlanError::Unreadable`] where it does not say when.
    pub fn is_current(&self, now_ms: Millis) -> Result<(), PlanError> {
        let (made, ends) = (instant(&self.created_at)?, instant(&self.expires_at)?);
        if made > now_ms.saturating_add(CLOCK_SKEW_MS) {
            let (made, now) = (self.created_at.clone(), rfc3339(now_ms));
            return Err(PlanError::FromTheFuture { made, now });
        }
        if ends <= now_ms {
            return Err(PlanError::Expired(self.expires_at.clone()));
        }
        Ok(())
    }
}

fn instant(text: &str) -> Result<Millis, PlanError> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp_millis())
        .map_err(|_| PlanError::Unreadable(format!("{text:?} is not a time (RFC 3339)")))
}

/// Hash of a plan without the hash in it.
fn hash_of(plan: &Value) -> String {
    let mut plan = plan.clone();
    if let Some(fields) = plan.as_object_mut() {
        fields.shift_remove("hash");
    }
    sha256(&canonical(&plan))
}
