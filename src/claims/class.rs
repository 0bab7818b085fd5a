//! The classes of a claim's life.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Below this likeness (Jaro-Winkler) no class is suggested for a name that is none.
const LIKE_ENOUGH: f64 = 0.6;

/// What a claim is there for now. Leftovers come first: what a cleanup would look at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Allocated, reserved by nobody, and no live pod names it. Holds its devices.
    OrphanAllocated,
    /// Every reservation is of a pod that is gone, was replaced or has ended. Holds its devices.
    GhostReserved,
    /// Being deleted, while still allocated and reserved. Holds its devices.
    ZombieDeleting,
    /// Its owner does not exist any more, and nobody has it reserved.
    OwnerGone,
    /// Not allocated, and named by nothing. Holds nothing.
    UnusedUnallocated,
    /// Reserved by something alive, on devices that do nothing. Holds its devices.
    IdleButReserved,
    /// Reserved by something alive, or about to be. Holds its devices.
    Active,
    /// Not allocated, and something will want it. Holds nothing.
    Pending,
    /// Looks at devices without holding them.
    Admin,
}

impl Class {
    /// Every class, leftovers first.
    pub const ALL: &'static [Self] = &[
        Self::OrphanAllocated,
        Self::GhostReserved,
        Self::ZombieDeleting,
        Self::OwnerGone,
        Self::UnusedUnallocated,
        Self::IdleButReserved,
        Self::Active,
        Self::Pending,
        Self::Admin,
    ];

    /// The name, as in the JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrphanAllocated => "orphan-allocated",
            Self::GhostReserved => "ghost-reserved",
            Self::ZombieDeleting => "zombie-deleting",
            Self::OwnerGone => "owner-gone",
            Self::UnusedUnallocated => "unused-unallocated",
            Self::IdleButReserved => "idle-but-reserved",
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Admin => "admin",
        }
    }

    /// Whether nothing alive wants the claim.
    #[must_use]
    pub const fn is_leftover(self) -> bool {
        matches!(
            self,
            Self::OrphanAllocated
                | Self::GhostReserved
                | Self::ZombieDeleting
                | Self::OwnerGone
                | Self::UnusedUnallocated
        )
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClass {
    /// The class that it is most like.
    pub nearest: Option<Class>,
}

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a class of claims; ")?;
        if let Some(nearest) = self.nearest {
            write!(f, "did you mean `{nearest}`? ")?;
        }
        let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
        write!(f, "There are {}", names.join(", "))
    }
}

impl std::error::Error for UnknownClass {}

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        let likeness = |class: &Self| strsim::jaro_winkler(text, class.name());
        Self::ALL.iter().copied().find(|class| class.name() == text).ok_or_else(|| {
            let nearest = Self::ALL.iter().copied().map(|class| (likeness(&class), class));
            let nearest = nearest.filter(|(likeness, _)| *likeness > LIKE_ENOUGH);
            let nearest = nearest.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, class)| class);
            UnknownClass { nearest }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_those_of_the_json() {
        for class in Class::ALL {
            assert_eq!(class.name().parse(), Ok(*class));
            assert_eq!(serde_json::to_value(class).expect("text"), class.name());
        }
    }

    #[test]
    fn a_name_that_is_none_gets_the_nearest() {
        for (given, nearest) in [
            ("orphan", Some(Class::OrphanAllocated)),
            ("zombie", Some(Class::ZombieDeleting)),
            ("idle", Some(Class::IdleButReserved)),
            ("Active", Some(Class::Active)),
            ("unsued-unallocated", Some(Class::UnusedUnallocated)),
            ("xyz", None),
            ("", None),
        ] {
            assert_eq!(given.parse::<Class>(), Err(UnknownClass { nearest }), "{given}");
        }
        let error = "ghost".parse::<Class>().expect_err("no such class").to_string();
        assert!(
            error.starts_with(
                "is not a class of claims; did you mean `ghost-reserved`? There are orphan-"
            ),
            "{error}"
        );
    }
}
