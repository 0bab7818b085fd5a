//! Progress of the sources: a bar on a terminal, lines with `--verbose`, or nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::Ui;
use crate::source::progress::Progress;

/// Draws at most so often.
const TICK: Duration = Duration::from_millis(120);

/// What came in so far.
#[derive(Debug)]
struct Tally {
    since: Instant,
    samples: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    fn new() -> Self {
        Self { since: Instant::now(), samples: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// Adds, and says all of it in words.
    fn add(&self, samples: u64, bytes: u64) -> String {
        let samples = self.samples.fetch_add(samples, Ordering::Relaxed) + samples;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let rate = per_second(samples, self.since.elapsed());
        format!("{} samples, {}/s, {}", HumanCount(samples), HumanCount(rate), HumanBytes(bytes))
    }
}

fn per_second(samples: u64, elapsed: Duration) -> u64 {
    let ms = elapsed.as_millis().max(1);
    u64::try_from(u128::from(samples) * 1_000 / ms).unwrap_or(u64::MAX)
}

/// A bar on standard error.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    tally: Tally,
}

impl Bar {
    /// An empty bar.
    #[must_use]
    pub fn new() -> Self {
        let bar = ProgressBar::new(0);
        let template = "{spinner} {prefix} [{bar:24}] {pos}/{len} requests {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(TICK);
        Self { bar, tally: Tally::new() }
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress for Bar {
    fn expect(&self, count: u64) {
        self.bar.inc_length(count);
    }

    fn done(&self, samples: u64, bytes: u64) {
        self.bar.inc(1);
        self.bar.set_message(self.tally.add(samples, bytes));
    }

    fn phase(&self, name: &str) {
        self.bar.set_prefix(super::harmless(name));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A line per phase, for those who want to know more without a terminal.
#[derive(Debug)]
pub struct Lines {
    ui: Ui,
    tally: Tally,
    requests: AtomicU64,
}

impl Lines {
    /// Speaks through `ui`, which decides whether it is heard.
    #[must_use]
    pub fn new(ui: Ui) -> Self {
        Self { ui, tally: Tally::new(), requests: AtomicU64::new(0) }
    }
}

impl Progress for Lines {
    fn expect(&self, _count: u64) {}

    fn done(&self, samples: u64, bytes: u64) {
        self.tally.add(samples, bytes);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn phase(&self, name: &str) {
        self.ui.detail(name);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let requests = self.requests.load(Ordering::Relaxed);
        if requests > 0 {
            self.ui.detail(&format!("read {requests} requests: {}", self.tally.add(0, 0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_adds_up() {
        let tally = Tally::new();
        tally.add(1_000, 2_048);
        assert!(tally.add(500, 0).starts_with("1,500 samples, "));
        assert_eq!(per_second(500, Duration::from_millis(250)), 2_000);
        assert_eq!(per_second(0, Duration::ZERO), 0);
        assert_eq!(per_second(u64::MAX, Duration::from_millis(1)), u64::MAX);
    }
}
