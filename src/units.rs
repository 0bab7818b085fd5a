//! Units and their conversions: each factor has one name and lives here.
//!
//! Not here: how a number is printed (`output::format`).

/// Milliseconds since the Unix epoch, UTC. All instants inside the tool are of this kind.
pub type Millis = i64;

/// Milliseconds in a second.
pub const MS_PER_SECOND: i64 = 1_000;
/// Milliseconds in a minute.
pub const MS_PER_MINUTE: i64 = 60 * MS_PER_SECOND;
/// Milliseconds in an hour.
pub const MS_PER_HOUR: i64 = 60 * MS_PER_MINUTE;
/// Milliseconds in a day of 24 hours (UTC has no other).
pub const MS_PER_DAY: i64 = 24 * MS_PER_HOUR;
/// Hours in a billing month: 365 days × 24 h / 12, the convention of the cloud price lists.
pub const HOURS_PER_MONTH: f64 = 730.0;
/// Bytes in one MB.
pub const BYTES_PER_MB: f64 = 1_000_000.0;
/// Bytes in a mebibyte: what DCGM's framebuffer fields and GFD's `nvidia.com/gpu.memory` label count in.
pub const BYTES_PER_MIB: f64 = 1_048_576.0;
/// Bytes in a gibibyte: what profiles of MIG and sizes in text for people count in, whether they say `gb` or GiB.
pub const BYTES_PER_GIB: f64 = 1_073_741_824.0;

/// A length of GPU time in milliseconds as GPU-hours.
///
/// Exact in the tool's range: an `f64` holds every whole millisecond of 285,000 GPU-years.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms, see above")]
pub const fn gpu_hours(ms: i64) -> f64 {
    ms as f64 / MS_PER_HOUR as f64
}

/// GPU-milliseconds, parts of GPUs included, as GPU-hours.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "3.6 million is exact")]
pub const fn gpu_hours_of(ms: f64) -> f64 {
    ms / MS_PER_HOUR as f64
}

/// Seconds since the epoch (as Prometheus prints them) as whole milliseconds, rounded to the nearest.
///
/// Returns `None` for a value that is not finite or out of range.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "range checked on the line above")]
pub fn millis_from_seconds(seconds: f64) -> Option<Millis> {
    let ms = seconds * 1_000.0;
    (ms.is_finite() && ms.abs() < 9.0e15).then(|| ms.round() as Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_by_hand() {
        assert_eq!(gpu_hours(5_400_000), 1.5);
        assert_eq!(millis_from_seconds(1_795_132_800.057), Some(1_795_132_800_057));
        assert_eq!(millis_from_seconds(f64::NAN), None);
        assert_eq!(millis_from_seconds(1e300), None);
    }
}
