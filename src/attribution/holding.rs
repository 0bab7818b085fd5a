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
    /// Every way.
    pub const ALL: [Self; 10] = [
        Self::Exclusive,
        Self::Mig,
        Self::TimeSlicing,
        Self::Mps,
        Self::MigReplicas,
        Self::Dra,
        Self::DraPartition,
        Self::DraCapacity,
        Self::Vgpu,
        Self::Fraction,
    ];

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

/// Shares closer than this are the same: far above the rounding of their sums, far below any share.
pub const EPSILON: f64 = 1e-9;

/// Whose series speak for what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// The card's.
    Card,
    /// Those of a MIG instance: its position among those of the device's observation.
    Instance(usize),
    /// Those of an instance, and it is not known of which, or none does.
    UnknownInstance,
    /// None can: a virtual machine has the device.
    Nobody,
}

/// A device of a claim's allocation: what the claim was given, as the ledger's rows name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Position of the claim among the facts.
    pub claim: usize,
    /// Position among the devices of its allocation.
    pub device: usize,
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
    /// Whose series speak for it.
    pub speaks: Speaks,
    /// One part that several hold together: whoever of the group is there has an equal share of it.
    pub group: Option<usize>,
    /// The device of a DRA pool that is held: positions of the pool and in it.
    pub part: Option<(usize, usize)>,
    /// The claim's device that this is, where a claim that is known gave it.
    pub grant: Option<Grant>,
    /// How the device is shared; `None` where its slots tell.
    pub mode: Option<Sharing>,
    /// Parts of its kind may add up to more than the device, and are scaled to it then: partitions that
    /// are short of different things, and what schedulers overbook. Other parts are refused.
    pub scales: bool,
}

impl Holding {
    /// A whole device, held in a way that no slot or claim tells of.
    #[must_use]
    pub const fn whole(device: usize, time: Interval, holder: usize) -> Self {
        Self {
            device,
            slot: None,
            time,
            holder,
            share: 1.0,
            known: true,
            speaks: Speaks::Card,
            group: None,
            part: None,
            grant: None,
            mode: None,
            scales: false,
        }
    }
}
