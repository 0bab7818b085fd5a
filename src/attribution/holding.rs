//! Who held which part of which device, when, and how that is known: the one thing that every way of
//! sharing produces and that everything after it reads.
//!
//! How shares come about is `slots` (device plugin) and `modes` (claims, annotations); that they never
//! add up to more than a device is `resolve`. No state, signal or price here.

use crate::model::Interval;

/// How a device is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Sharing {
    /// One holder at a time.
    #[default]
    Exclusive,
    /// Cut into MIG instances.
    Mig,
    /// Replicas that take turns.
    TimeSlicing,
    /// Replicas that run side by side.
    Mps,
    /// MIG instances with replicas.
    MigReplicas,
    /// Whole devices by resource claims.
    Dra,
    /// Partitions of a device by resource claims.
    DraPartition,
    /// Capacity of a device by resource claims.
    DraCapacity,
    /// Memory and cores by HAMi or Volcano.
    Vgpu,
    /// Fractions by KAI or Run:ai.
    Fraction,
}

impl Sharing {
    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Mig => "mig",
            Self::TimeSlicing => "time-slicing",
            Self::Mps => "mps",
            Self::MigReplicas => "mig+replicas",
            Self::Dra => "dra",
            Self::DraPartition => "dra-partition",
            Self::DraCapacity => "dra-capacity",
            Self::Vgpu => "vgpu",
            Self::Fraction => "fraction",
        }
    }
}

/// One part of a device held by one holder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holding {
    /// Position among the devices.
    pub device: usize,
    /// Position among the slots; `None` where the part is not a slot of the device plugin.
    pub slot: Option<usize>,
    /// When.
    pub time: Interval,
    /// Position among the holders.
    pub holder: usize,
    /// Part of the physical device, above 0 and at most 1.
    pub share: f64,
    /// Whether it is certain that this is the device (and the slot).
    pub known: bool,
    /// Position among the MIG instances of the device's observation, where that is known.
    pub instance: Option<usize>,
    /// One part that several hold together: whoever of the group is there has an equal share of it.
    pub group: Option<usize>,
    /// The device of a DRA pool that is held: positions of the pool and in it.
    pub part: Option<(usize, usize)>,
    /// How the device is shared, where an annotation tells of the holding. Its parts are shares of what a
    /// scheduler offers: where they add up to more than the device, all are scaled.
    pub annotated: Option<Sharing>,
}
