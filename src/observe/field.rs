//! Values of device fields of DCGM and of AMD's device-metrics-exporter, checked against the field's legal range and brought to our units.
//!
//! Decided by the field, never by the value: a 1 is 1 % as `GPU_UTIL` and 100 % as `SM_ACTIVE`.
//! A value outside the range is dropped and counted, not clamped; only a small overshoot of a ratio
//! is clamped (MIG instances read up to 1.3, NVIDIA/DCGM issue 152), and counted too.

use crate::model::QueryId;
use crate::model::series::is_stale_marker;
use crate::units::{BYTES_PER_MB, BYTES_PER_MIB};

/// Smallest of DCGM's "blank" values: int32 blanks start here, the int64 and fp64 ones lie far
/// above (`dcgm_structs.h`, `DCGM_INT32_BLANK`). Compared with `>=`, for int64 blanks lose
/// precision as `f64`.
const SMALLEST_SENTINEL: f64 = 2_147_483_632.0;

/// No GPU has more framebuffer than this (2 TiB), in MiB.
const MAX_FRAMEBUFFER_MIB: f64 = 2_097_152.0;

/// The same in MB. That the exporter's MB are of 10^6 bytes: it says 68,702 of an MI250's 65,520 MiB.
const MAX_VRAM_MB: f64 = MAX_FRAMEBUFFER_MIB * BYTES_PER_MIB / BYTES_PER_MB;

/// A ratio up to this is an overshoot of 1 and clamped; above, it is garbage and dropped.
const MAX_RATIO_OVERSHOOT: f64 = 1.5;

/// A device field that the ledger uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `DCGM_FI_PROF_SM_ACTIVE`, ratio.
    SmActive,
    /// `DCGM_FI_PROF_GR_ENGINE_ACTIVE`, ratio.
    GrEngineActive,
    /// `DCGM_FI_DEV_GPU_UTIL`, percent.
    GpuUtil,
    /// `DCGM_FI_DEV_FB_USED`, MiB.
    FbUsed,
    /// `DCGM_FI_DEV_FB_FREE`, MiB.
    FbFree,
    /// `gpu_gfx_activity` of AMD, percent.
    GfxActivity,
    /// `gpu_used_vram` of AMD, MB.
    VramUsed,
    /// `gpu_total_vram` of AMD, MB.
    VramTotal,
}

impl Field {
    /// Every field, utilization signals first and in order of preference.
    pub const ALL: [Self; 8] = [
        Self::SmActive,
        Self::GrEngineActive,
        Self::GpuUtil,
        Self::GfxActivity,
        Self::FbUsed,
        Self::FbFree,
        Self::VramUsed,
        Self::VramTotal,
    ];

    /// Utilization signals in order of preference (design, section 2).
    pub const UTILIZATION: [Self; 4] =
        [Self::SmActive, Self::GrEngineActive, Self::GpuUtil, Self::GfxActivity];

    /// The query that reads the field.
    #[must_use]
    pub const fn query(self) -> QueryId {
        match self {
            Self::SmActive => QueryId::SmActive,
            Self::GrEngineActive => QueryId::GrEngineActive,
            Self::GpuUtil => QueryId::GpuUtil,
            Self::FbUsed => QueryId::FbUsed,
            Self::FbFree => QueryId::FbFree,
            Self::GfxActivity => QueryId::AmdGfxActivity,
            Self::VramUsed => QueryId::AmdVramUsed,
            Self::VramTotal => QueryId::AmdVramTotal,
        }
    }

    /// The field as which its decoded values are kept: memory in use is one thing, whoever's exporter says it.
    #[must_use]
    pub const fn kept_as(self) -> Self {
        match self {
            Self::VramUsed => Self::FbUsed,
            other => other,
        }
    }

    /// Whether AMD's exporter prints it.
    #[must_use]
    pub const fn is_of_amd(self) -> bool {
        matches!(self, Self::GfxActivity | Self::VramUsed | Self::VramTotal)
    }

    /// Whether it only tells the size of the memory, which is no evidence of use.
    #[must_use]
    pub const fn is_size(self) -> bool {
        matches!(self, Self::FbFree | Self::VramTotal)
    }

    /// Whether the exporter may give a value for each pod on a shared card besides the card's own:
    /// dcgm-exporter from 4.8.2 on, for these two fields only (facts, section 4.4).
    #[must_use]
    pub const fn has_process_values(self) -> bool {
        matches!(self, Self::GpuUtil | Self::FbUsed)
    }

    /// A served value in our units: utilization 0..1, memory bytes.
    #[must_use]
    pub fn decode(self, raw: f64) -> Decoded {
        if is_stale_marker(raw) {
            return Decoded::Stale;
        }
        if raw.is_nan() {
            return Decoded::Dropped(DropReason::NotANumber);
        }
        if raw.is_infinite() {
            return Decoded::Dropped(DropReason::Infinite);
        }
        if raw >= SMALLEST_SENTINEL {
            return Decoded::Dropped(DropReason::Sentinel);
        }
        match self {
            Self::GpuUtil | Self::GfxActivity => in_range(raw, 100.0, 0.01),
            Self::FbUsed | Self::FbFree => in_range(raw, MAX_FRAMEBUFFER_MIB, BYTES_PER_MIB),
            Self::VramUsed | Self::VramTotal => in_range(raw, MAX_VRAM_MB, BYTES_PER_MB),
            Self::SmActive | Self::GrEngineActive if raw > 1.0 && raw <= MAX_RATIO_OVERSHOOT => {
                Decoded::Clamped(1.0)
            }
            Self::SmActive | Self::GrEngineActive => in_range(raw, 1.0, 1.0),
        }
    }
}

fn in_range(raw: f64, max: f64, factor: f64) -> Decoded {
    if (0.0..=max).contains(&raw) {
        Decoded::Value(raw * factor)
    } else {
        Decoded::Dropped(DropReason::OutOfRange)
    }
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decoded {
    /// Good, in our units.
    Value(f64),
    /// Overshot a ratio's 1; taken as 1 and counted.
    Clamped(f64),
    /// Not to be trusted. The time that it stands for is unobserved.
    Dropped(DropReason),
    /// Not a sample: the series ended here.
    Stale,
}

/// Why a sample was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// A "blank" value of DCGM.
    Sentinel,
    /// Outside the field's legal range.
    OutOfRange,
    /// NaN.
    NotANumber,
    /// ±Inf.
    Infinite,
    /// It is of a partition of an AMD GPU, and says nothing of the card.
    Partition,
    /// Another series of the same device and field has this instant already.
    Duplicate,
}

impl DropReason {
    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sentinel => "sentinel",
            Self::OutOfRange => "out-of-range",
            Self::NotANumber => "nan",
            Self::Infinite => "infinite",
            Self::Partition => "partition",
            Self::Duplicate => "duplicate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::series::STALE_NAN_BITS;

    #[test]
    fn decides_by_field_not_by_value() {
        assert_eq!(Field::GpuUtil.decode(1.0), Decoded::Value(0.01));
        assert_eq!(Field::SmActive.decode(1.0), Decoded::Value(1.0));
        assert_eq!(Field::FbUsed.decode(1.0), Decoded::Value(1_048_576.0));
        assert_eq!(Field::GpuUtil.decode(100.0), Decoded::Value(1.0));
        assert_eq!(Field::GfxActivity.decode(1.0), Decoded::Value(0.01));
        assert_eq!(Field::VramUsed.decode(1.0), Decoded::Value(1_000_000.0));
    }

    #[test]
    fn garbage_is_dropped_with_its_reason() {
        use DropReason::{Infinite, NotANumber, OutOfRange, Sentinel};
        for (field, raw, reason) in [
            (Field::GpuUtil, 2_147_483_632.0, Sentinel),
            (Field::FbUsed, 9_223_372_036_854_775_794.0, Sentinel),
            (Field::SmActive, 140_737_488_355_328.0, Sentinel),
            (Field::GpuUtil, 808_334_905.0, OutOfRange),
            (Field::GpuUtil, 100.5, OutOfRange),
            (Field::GpuUtil, -1.0, OutOfRange),
            (Field::SmActive, 1.51, OutOfRange),
            (Field::FbUsed, 3e6, OutOfRange),
            (Field::GfxActivity, 65_535.0, OutOfRange),
            (Field::VramTotal, 4_294_967_295.0, Sentinel),
            (Field::GpuUtil, f64::NAN, NotANumber),
            (Field::GpuUtil, f64::INFINITY, Infinite),
            (Field::GpuUtil, f64::NEG_INFINITY, Infinite),
        ] {
            assert_eq!(field.decode(raw), Decoded::Dropped(reason), "{field:?} {raw}");
        }
    }

    #[test]
    fn small_overshoot_of_a_ratio_is_clamped() {
        assert_eq!(Field::SmActive.decode(1.294), Decoded::Clamped(1.0));
    }

    #[test]
    fn stale_marker_is_no_sample() {
        assert_eq!(Field::GpuUtil.decode(f64::from_bits(STALE_NAN_BITS)), Decoded::Stale);
    }
}
