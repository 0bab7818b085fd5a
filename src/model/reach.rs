//! How the sources of a run were reached, for people who want to know what works: nothing here bears on a
//! figure.
//!
//! Filled by sources and commands, read by `doctor`.

use crate::units::Millis;

/// Whether a source could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// It answered.
    Answered,
    /// It did not.
    Failed {
        /// Why, with its causes; no secret in it.
        reason: String,
        /// What to try.
        hints: Vec<String>,
    },
    /// It was not asked.
    NotAsked {
        /// Why not.
        reason: String,
    },
}

/// The way to a metric server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By the URL that was given.
    Direct,
    /// Through the API server's service proxy, to a server found by this label selector.
    Proxied {
        /// The selector.
        found_by: String,
    },
    /// From a snapshot.
    Recorded,
    /// From exporters that were scraped, now or into a store.
    Scraped,
    /// None was found.
    Nowhere,
}

/// A metric server, as far as it was reached.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricServer {
    /// Whether it could be read.
    pub reach: Reach,
    /// The way to it.
    pub way: Way,
    /// Where it is, for people; never with credentials.
    pub target: Option<String>,
    /// Servers of the cluster that were tried before it, each with what went wrong.
    pub refused: Vec<(String, String)>,
    /// What it says of itself.
    pub info: ServerInfo,
}

/// What a metric server says of itself; what it does not tell is not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerInfo {
    /// Name of the program.
    pub application: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// How long it keeps samples, as it is configured (`15d`, `10GiB`).
    pub retention: Option<String>,
    /// How long an instant query looks back for a sample, as it is configured (`5m`).
    pub lookback: Option<String>,
    /// Its clock.
    pub clock: Option<ClockReading>,
    /// Parts of the API that were asked.
    pub endpoints: Vec<Endpoint>,
}

/// A server's clock, read between two looks at ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// What the server says.
    pub server_ms: Millis,
    /// Ours before it was asked.
    pub before_ms: Millis,
    /// Ours after it had answered.
    pub after_ms: Millis,
}

impl ClockReading {
    /// How far the server's clock is ahead of ours, milliseconds; negative when it is behind. 0 while its
    /// time lies between our two, for then nothing tells them apart.
    #[must_use]
    pub const fn skew_ms(&self) -> Millis {
        if self.server_ms > self.after_ms {
            self.server_ms - self.after_ms
        } else if self.server_ms < self.before_ms {
            self.server_ms - self.before_ms
        } else {
            0
        }
    }
}

/// A part of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its path.
    pub path: &'static str,
    /// What went wrong; `None` when it answers.
    pub problem: Option<String>,
}

/// The cluster's objects, as far as they were reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSource {
    /// Whether they could be read.
    pub reach: Reach,
    /// Where they are from: the API server's URL, a path, a snapshot.
    pub origin: Option<String>,
    /// Version of the API server, where there is one that tells.
    pub version: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_within_the_exchange_is_right() {
        let read = |server_ms| ClockReading { server_ms, before_ms: 1_000, after_ms: 1_200 };
        let skews: Vec<Millis> =
            [700, 1_000, 1_100, 1_200, 1_500].map(|at| read(at).skew_ms()).into();
        assert_eq!(skews, [-300, 0, 0, 0, 300]);
    }
}
