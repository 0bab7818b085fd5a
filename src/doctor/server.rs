//! The metric server: whether it answers, what it is, how far back it goes, whether its clock is right, and
//! how samples come from it.

use super::check::{FINDING, REACHING, SERVERS, WARNINGS, length, list, seconds};
use super::contract::{Check, Group, State};
use super::stats::Stats;
use crate::model::reach::{MetricServer, Reach, Way};
use crate::model::{Inputs, SourceState};
use crate::units::{MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND, Millis};

/// Clocks that are further apart than this disagree: as in the report's coverage.
const CLOCK_TOLERANCE_MS: i64 = MS_PER_MINUTE;

/// What Prometheus looks back by default.
const USUAL_LOOKBACK_MS: i64 = 5 * MS_PER_MINUTE;

/// Samples that begin later than this part of the window after its start leave history out.
const LATE_START: i64 = 20;

/// Checks of the metric server.
pub(super) fn checks(server: &MetricServer, inputs: &Inputs, devices: &[&Stats]) -> Vec<Check> {
    let mut out = vec![reachable(server)];
    if server.reach == Reach::Answered && !matches!(server.way, Way::Recorded | Way::Scraped) {
        out.extend([version(server), api(server), clock(server)]);
        out.extend([lookback(server), retention(server, inputs)]);
    }
    if server.reach == Reach::Answered {
        out.extend(history(inputs, devices));
        out.push(transport(server, inputs));
    }
    out.extend(server.refused.iter().map(refused));
    out
}

fn reachable(server: &MetricServer) -> Check {
    let make =
        |state, message| Check::new(Group::Server, "server-reachable", state, message, REACHING);
    let check = match (&server.reach, &server.way) {
        (Reach::Answered, Way::Recorded) => {
            make(State::Ok, "its answers are read from the snapshot".to_owned())
        }
        (Reach::Answered, Way::Scraped) => {
            make(State::Ok, "the exporters' own text stands in for it".to_owned())
        }
        (Reach::Answered, _) => make(State::Ok, "it answers".to_owned()),
        // That figures are incomplete without metrics is a warning of the report.
        (Reach::NotAsked { reason }, _) => make(State::Skipped, reason.clone()),
        (Reach::Failed { reason, hints }, _) => {
            let message = format!("{reason}; without it no use and no history is known");
            let check = make(State::Fail, message);
            match hints.is_empty() {
                true => check.advised("give a server that can be reached: `--prometheus URL`"),
                false => check.advised(hints.join("; ")),
            }
        }
    };
    match &server.target {
        Some(target) => check.about(target.clone()),
        None => check,
    }
}

fn version(server: &MetricServer) -> Check {
    let words: Vec<&str> = [&server.info.application, &server.info.version]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let (state, message) = match words.is_empty() {
        true => (State::Skipped, "it does not tell its version".to_owned()),
        false if server.info.application.is_none() => {
            (State::Ok, format!("version {}", words.join(" ")))
        }
        false => (State::Ok, words.join(" ")),
    };
    Check::new(Group::Server, "server-version", state, message, SERVERS)
}

/// Which parts of the API answer. Only the first two are needed.
fn api(server: &MetricServer) -> Check {
    const NEEDED: [&str; 2] = ["/api/v1/query", "/api/v1/query_range"];
    let endpoints = &server.info.endpoints;
    let answered: Vec<&str> =
        endpoints.iter().filter(|e| e.problem.is_none()).map(|e| e.path).collect();
    let failed: Vec<String> = endpoints
        .iter()
        .filter_map(|e| Some(format!("{}: {}", e.path, e.problem.as_ref()?)))
        .collect();
    let lacks = |path: &&&str| !answered.contains(*path);
    let missing: Vec<&str> = NEEDED.iter().filter(lacks).copied().collect();
    let (state, message) = match (missing.is_empty(), failed.is_empty()) {
        (true, true) => (State::Ok, format!("{} answer", list(answered.iter().copied()))),
        (true, false) => (
            State::Ok,
            format!(
                "{} answer; nothing that is needed is missing ({})",
                list(answered.iter().copied()),
                failed.join("; ")
            ),
        ),
        (false, _) => (State::Warn, format!("it does not answer in full: {}", failed.join("; "))),
    };
    let check = Check::new(Group::Server, "server-api", state, message, SERVERS).named(answered);
    match missing.is_empty() {
        true => check,
        false => check.advised(format!("let the proxy before it pass {}", missing.join(" and "))),
    }
}

fn clock(server: &MetricServer) -> Check {
    let make = |state, message| Check::new(Group::Server, "server-clock", state, message, WARNINGS);
    let Some(clock) = server.info.clock else {
        return make(State::Skipped, "it does not tell its time".to_owned());
    };
    let skew = clock.skew_ms();
    let check = if skew.abs() <= CLOCK_TOLERANCE_MS {
        make(State::Ok, "its clock and this one agree to within a minute".to_owned())
    } else {
        let side = if skew > 0 { "ahead of" } else { "behind" };
        make(
            State::Warn,
            format!(
                "its clock is {} {side} this machine's: edges of a window that ends now are off by as much",
                length(skew)
            ),
        )
        .advised("set the clock that is wrong (`timedatectl`, chrony), or end the window in the past: `--end`")
    };
    check.figure("skew_seconds", seconds(skew))
}

/// For how long conditions (not ready, cordoned, ended) are taken to last after their last sample.
fn lookback(server: &MetricServer) -> Check {
    let make =
        |state, message| Check::new(Group::Server, "server-lookback", state, message, SERVERS);
    let text = server.info.lookback.as_deref();
    let Some((text, length_ms)) = text.and_then(|t| Some((t, prometheus_duration(t)?))) else {
        return make(
            State::Skipped,
            "it does not tell how far back it looks for a sample".to_owned(),
        );
    };
    let check = if length_ms > USUAL_LOOKBACK_MS {
        let message = format!(
            "it looks back {text} for a sample: a condition of a node or pod (not ready, cordoned, ended) may seem to last that much longer"
        );
        make(State::Warn, message)
            .fixed_by("set what Prometheus has by default", "--query.lookback-delta=5m")
    } else if length_ms < MS_PER_MINUTE {
        let message = format!(
            "it looks back only {text} for a sample: conditions of nodes and pods are lost between scrapes that are further apart"
        );
        make(State::Warn, message)
            .fixed_by("set what Prometheus has by default", "--query.lookback-delta=5m")
    } else {
        make(State::Ok, format!("it looks back {text} for a sample"))
    };
    check.figure("lookback_seconds", seconds(length_ms))
}

/// Whether the server is told to keep samples for as long as the window reaches back.
fn retention(server: &MetricServer, inputs: &Inputs) -> Check {
    let make =
        |state, message| Check::new(Group::Server, "server-retention", state, message, SERVERS);
    let Some(text) = &server.info.retention else {
        return make(State::Skipped, "it does not tell how long it keeps samples".to_owned());
    };
    let needed = (inputs.now_ms - inputs.window.start()).max(0);
    let Some(kept) = prometheus_duration(text) else {
        return make(State::Ok, format!("it keeps {text}"));
    };
    let check = if kept >= needed {
        make(State::Ok, format!("it keeps {text}; the window reaches {} back", length(needed)))
    } else {
        let days = (needed + MS_PER_DAY - 1) / MS_PER_DAY;
        make(
            State::Warn,
            format!(
                "it keeps {text}, and the window begins {} ago: what is older is gone",
                length(needed)
            ),
        )
        .fixed_by(
            "let Prometheus keep more (chart value `prometheus.prometheusSpec.retention`), or ask for less: `--window`",
            format!("--storage.tsdb.retention.time={days}d"),
        )
    };
    check.figure("retention_seconds", seconds(kept)).figure("needed_seconds", seconds(needed))
}

/// A duration as Prometheus writes it (`15d`, `1w2d`), without what follows it (`15d or 10GiB`).
fn prometheus_duration(text: &str) -> Option<Millis> {
    let word = text.split_whitespace().next()?;
    let (mut total, mut rest): (Millis, &str) = (0, word);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: Millis = rest[..digits].parse().ok()?;
        let tail = &rest[digits..];
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let unit = match &tail[..letters] {
            "ms" => 1,
            "s" => MS_PER_SECOND,
            "m" => MS_PER_MINUTE,
            "h" => MS_PER_HOUR,
            "d" => MS_PER_DAY,
            "w" => 7 * MS_PER_DAY,
            "y" => 365 * MS_PER_DAY,
            _ => return None,
        };
        total = total.checked_add(amount.checked_mul(unit)?)?;
        rest = &tail[letters..];
    }
    Some(total)
}

/// Whether samples of devices reach back to the window's start, and up to its end.
fn history(inputs: &Inputs, devices: &[&Stats]) -> Option<Check> {
    let oldest = devices.iter().filter_map(|s| s.oldest_ms).min()?;
    let window = inputs.window;
    let late = (oldest - window.start()).max(0);
    let make = |state, message| Check::new(Group::Server, "history", state, message, WARNINGS);
    let check = if late > window.length_ms() / LATE_START {
        make(
            State::Warn,
            format!(
                "samples of GPUs begin {} after the window does: what was before is not known, neither busy nor idle",
                length(late)
            ),
        )
        .advised("ask for a window that has samples (`--window`, `--start`), or let the metric server keep more")
    } else {
        make(
            State::Ok,
            format!(
                "samples of GPUs cover the window of {} from its start",
                length(window.length_ms())
            ),
        )
    };
    Some(
        check
            .figure("late_seconds", seconds(late))
            .figure("window_seconds", seconds(window.length_ms())),
    )
}

/// How samples came, and why in that way.
fn transport(server: &MetricServer, inputs: &Inputs) -> Check {
    let line = inputs.sources.iter().find(|source| source.name == "prometheus");
    let how = line.filter(|source| source.state != SourceState::Skipped).map(|s| s.detail.clone());
    let why = match &server.way {
        Way::Direct => "straight to the URL of `--prometheus`".to_owned(),
        Way::Proxied { found_by } => format!(
            "through the API server's service proxy, for no URL is given; found by the label {found_by}"
        ),
        Way::Recorded => "recorded by `snapshot save`, replayed with no network".to_owned(),
        Way::Scraped => "scraped from the exporters, with no metric server".to_owned(),
        Way::Nowhere => "no way was found".to_owned(),
    };
    let message = match how {
        Some(how) => format!("{how}; {why}"),
        None => why,
    };
    let docs = if matches!(server.way, Way::Proxied { .. }) { FINDING } else { SERVERS };
    Check::new(Group::Transport, "transport", State::Ok, message, docs)
}

fn refused((candidate, reason): &(String, String)) -> Check {
    let forbidden = reason.contains("HTTP 403");
    let message = format!("a metric server that was found does not answer: {reason}");
    let check = Check::new(Group::Transport, "server-refused", State::Warn, message, FINDING)
        .about(candidate.clone());
    match forbidden {
        true => check.fixed_by(
            "allow reading through the service proxy, in a Role of the server's namespace",
            super::access::rule("", "services/proxy", &["get"]),
        ),
        false => check.advised("name the right one with `--prometheus URL`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_prometheus() {
        for (text, days) in [
            ("15d", Some(15.0)),
            ("1w2d", Some(9.0)),
            ("1y", Some(365.0)),
            ("36h", Some(1.5)),
            ("15d or 10GiB", Some(15.0)),
            ("10GiB", None),
            ("", None),
            ("15", None),
            ("99999999999999999999d", None),
        ] {
            let expected = days.map(|days: f64| days * 86_400.0);
            assert_eq!(prometheus_duration(text).map(seconds), expected, "{text}");
        }
    }
}
