//! How long to wait between tries.

use std::time::Duration;

/// Exponential back-off with jitter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    /// Wait before the second try.
    pub(super) first: Duration,
    /// Longest wait of our own choice.
    pub(super) longest: Duration,
    /// Longest wait that a server may ask for; a longer wish is cut to this.
    pub(super) longest_asked: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(10),
            longest_asked: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// The wait after try number `tries` (1 for the first). `random` in `[0, 1)` spreads clients over the
    /// upper half of the step, so that they do not come back together.
    pub(super) fn delay(&self, tries: u32, retry_after: Option<Duration>, random: f64) -> Duration {
        if let Some(asked) = retry_after {
            return asked.min(self.longest_asked);
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
        doubled.min(self.longest).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_limit_and_obeys_the_server_up_to_another() {
        let backoff = Backoff::default();
        let ms = |tries, random| backoff.delay(tries, None, random).as_millis();
        // 500 ms, 1 s, 2 s, …, 10 s; half of it at random 0.
        assert_eq!([ms(1, 0.0), ms(2, 0.0), ms(3, 0.0)], [250, 500, 1_000]);
        assert_eq!(
            [ms(1, 1.0), ms(3, 1.0), ms(9, 1.0), ms(999, 1.0)],
            [500, 2_000, 10_000, 10_000]
        );
        let asked = |s| backoff.delay(1, Some(Duration::from_secs(s)), 0.3).as_secs();
        assert_eq!([asked(0), asked(7), asked(3600)], [0, 7, 60]);
    }
}
