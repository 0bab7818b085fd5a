//! The words for a claim's holders and users: short lists of names.

use super::contract::{HolderRow, HolderState};
use super::usage::Usage;
use crate::model::dra::ClaimReference;
use crate::model::objects::PodFact;
use crate::model::window::rfc3339;
use crate::output::format;
use crate::units::{MS_PER_SECOND, gpu_hours};

/// Names that a sentence spells out before it counts the rest.
const NAMES: usize = 3;

/// `a`, `a and b`, `a, b, c and 4 more`.
pub(super) fn list(names: &[String]) -> String {
    let (first, rest) = names.split_at(names.len().min(NAMES));
    match (first, rest.len()) {
        ([all @ .., last], 0) if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        (first, 0) => first.concat(),
        (first, more) => format!("{} and {more} more", first.join(", ")),
    }
}

/// Holders with their state: `Pod train-0, which is gone`.
pub(super) fn holders(rows: &[&HolderRow]) -> String {
    let named = |row: &&HolderRow| format!("{} {}{}", row.kind, row.name, state(row));
    list(&rows.iter().map(named).collect::<Vec<_>>())
}

fn state(row: &HolderRow) -> &'static str {
    match row.state {
        HolderState::Running => "",
        HolderState::Pending => " (not started yet)",
        HolderState::Ended => " (has ended)",
        HolderState::Gone => " (is gone)",
        HolderState::Replaced => " (another one of this name is there now)",
        HolderState::Unknown if row.kind == "Pod" => " (not known whether it is there)",
        HolderState::Unknown => " (taken for alive)",
    }
}

/// Pods by name.
pub(super) fn pods(pods: &[&PodFact]) -> String {
    list(&pods.iter().map(|pod| format!("Pod {}", pod.name)).collect::<Vec<_>>())
}

/// Workloads whose templates name a claim.
pub(super) fn references(references: &[&ClaimReference]) -> String {
    let named = |reference: &&ClaimReference| {
        let dormant = if reference.dormant { " (suspended or scaled to zero)" } else { "" };
        format!("{} {}{dormant}", reference.by.kind, reference.by.name)
    };
    list(&references.iter().map(named).collect::<Vec<_>>())
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
pub(super) const fn seconds(ms: i64) -> f64 {
    ms as f64 / MS_PER_SECOND as f64
}

/// A length of time for people, in two units.
pub(super) fn duration(ms: i64) -> String {
    format::duration(Some(seconds(ms)))
}

/// Since when, for how long and by what a claim is idle.
pub(super) fn idle(usage: &Usage) -> String {
    let since = usage.idle_since.map(rfc3339).unwrap_or_default();
    format!(
        "idle since {since}, for {} h on each of its GPUs, by {}; {} of {} held GPU-hours are observed",
        format::hours_alone(gpu_hours(usage.idle_ms)),
        usage.signals.join(" and "),
        format::hours_alone(usage.observed_gpu_hours),
        format::hours_alone(usage.held_gpu_hours),
    )
}

/// `names` or `name`, as the subject of one or several needs it.
pub(super) const fn verb(subjects: usize, one: &'static str, many: &'static str) -> &'static str {
    if subjects == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn long_lists_end_in_a_count() {
        let names = |n: usize| (1..=n).map(|i| format!("n{i}")).collect::<Vec<_>>();
        for (count, text) in [
            (0, ""),
            (1, "n1"),
            (2, "n1 and n2"),
            (3, "n1, n2 and n3"),
            (4, "n1, n2, n3 and 1 more"),
            (256, "n1, n2, n3 and 253 more"),
        ] {
            assert_eq!(list(&names(count)), text);
        }
    }
}
