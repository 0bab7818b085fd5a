//! A histogram whose weights fade with age, in buckets that grow with the value.
//!
//! The idea is that of the Kubernetes vertical pod autoscaler's recommender (`util/decaying_histogram.go`,
//! kubernetes/autoscaler): a sample's weight is multiplied by `2^((t − t₀) / half-life)`, so that none has to be
//! touched again, and bucket *n* + 1 is wider than bucket *n* by a fixed ratio, so that the error of a
//! percentile is a fixed share of it.

use crate::units::Millis;

/// Weights above this are brought down again, long before a float could overflow.
const LARGEST_EXPONENT: f64 = 100.0;

/// Where buckets begin and end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buckets {
    /// End of the first bucket, which begins at 0.
    pub first: f64,
    /// By how much each bucket is wider than the one before: 1.05 for 5 %.
    pub ratio: f64,
    /// What is above goes into the last bucket.
    pub largest: f64,
}

impl Buckets {
    /// Number of the bucket of a value.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 or more, small")]
    fn of(&self, value: f64) -> usize {
        if value < self.first {
            return 0;
        }
        // Widths are first × ratio^n, so ends are first × (ratio^(n+1) − 1) / (ratio − 1).
        let scaled = value.min(self.largest) * (self.ratio - 1.0) / self.first + 1.0;
        (scaled.ln() / self.ratio.ln()) as usize
    }

    /// End of a bucket.
    fn end(&self, bucket: usize) -> f64 {
        let widths = self.ratio.powi(i32::try_from(bucket + 1).unwrap_or(i32::MAX)) - 1.0;
        self.first * widths / (self.ratio - 1.0)
    }
}

/// Weighted values, older ones with less weight.
#[derive(Debug, Clone)]
pub struct Histogram {
    buckets: Buckets,
    half_life_ms: f64,
    reference: Millis,
    weights: Vec<f64>,
    largest: f64,
}

impl Histogram {
    /// An empty one. `half_life_ms` is the age at which a value counts half.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "years are far below 2^53 ms")]
    pub fn new(buckets: Buckets, half_life_ms: i64) -> Self {
        let half_life_ms = half_life_ms.max(1) as f64;
        Self { buckets, half_life_ms, reference: 0, weights: Vec::new(), largest: 0.0 }
    }

    /// Adds a value of that instant, with a weight of its own: the time for which it held.
    pub fn add(&mut self, value: f64, weight: f64, at: Millis) {
        if self.weights.is_empty() {
            self.reference = at;
        }
        if self.exponent(at) > LARGEST_EXPONENT {
            let factor = (-self.exponent(at)).exp2();
            self.weights.iter_mut().for_each(|w| *w *= factor);
            self.reference = at;
        }
        let bucket = self.buckets.of(value);
        if bucket >= self.weights.len() {
            self.weights.resize(bucket + 1, 0.0);
        }
        self.weights[bucket] += weight * self.exponent(at).exp2();
        self.largest = self.largest.max(value);
    }

    #[expect(clippy::cast_precision_loss, reason = "years are far below 2^53 ms")]
    fn exponent(&self, at: Millis) -> f64 {
        (at - self.reference) as f64 / self.half_life_ms
    }

    /// The value below or at which the share `percentile` (0..1) of the weight lies: the end of its bucket, and
    /// never more than the largest value. `None` without values.
    #[must_use]
    pub fn percentile(&self, percentile: f64) -> Option<f64> {
        let total: f64 = self.weights.iter().sum();
        if total <= 0.0 {
            return None;
        }
        let mut sum = 0.0;
        let bucket = self.weights.iter().position(|weight| {
            sum += weight;
            *weight > 0.0 && sum >= percentile * total
        });
        // Rounding may leave the sum a hair below the whole.
        let bucket = bucket.unwrap_or(self.weights.len() - 1);
        Some(self.buckets.end(bucket).min(self.largest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKETS: Buckets = Buckets { first: 0.01, ratio: 1.05, largest: 1.0 };
    const DAY: i64 = 86_400_000;

    #[test]
    fn a_percentile_is_at_most_a_bucket_too_large_and_never_too_small() {
        let mut histogram = Histogram::new(BUCKETS, DAY);
        for percent in 0..=100 {
            histogram.add(f64::from(percent) / 100.0, 1.0, 0);
        }
        for (percentile, exact) in [(0.5, 0.50), (0.9, 0.90), (0.99, 0.99)] {
            let found = histogram.percentile(percentile).expect("not empty");
            assert!((exact..=exact * 1.06 + 0.01).contains(&found), "{percentile}: {found}");
        }
        assert_eq!(histogram.percentile(1.0), Some(1.0));
        assert_eq!(Histogram::new(BUCKETS, DAY).percentile(0.5), None);
    }

    #[test]
    fn what_is_a_half_life_old_counts_half() {
        let mut histogram = Histogram::new(BUCKETS, DAY);
        histogram.add(0.9, 2.0, 0);
        histogram.add(0.1, 1.0, DAY);
        // 2 × ½ of the old against 1 of the new: the half is reached with the new one.
        assert!(histogram.percentile(0.5).is_some_and(|p| p < 0.2));
        assert!(histogram.percentile(0.51).is_some_and(|p| p > 0.8));
    }

    #[test]
    fn years_do_not_overflow() {
        let mut histogram = Histogram::new(BUCKETS, DAY);
        for day in 0..4_000 {
            histogram.add(if day < 3_999 { 0.2 } else { 0.7 }, 1.0, day * DAY);
        }
        assert!(histogram.percentile(0.5).is_some_and(|p| !(0.25..=0.6).contains(&p)));
        assert_eq!(histogram.percentile(1.0), Some(0.7));
    }
}
