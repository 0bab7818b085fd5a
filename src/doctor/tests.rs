//! Checks of invented series.

use super::check::shell_word;
use super::contract::State;
use super::{duplicates, labels, metrics, signs, stats};
use crate::model::objects::{ObjectLabels, PodFact};
use crate::model::{ClusterFacts, Inputs, MetricData, Policy, QueryId, Series, Window};
use crate::units::MS_PER_MINUTE;

/// A sample every minute from `from` to before `to`, minutes.
fn series(labels: &[(&str, &str)], stretches: &[(i64, i64)]) -> Series {
    let samples = stretches
        .iter()
        .flat_map(|(from, to)| (*from..*to).map(|minute| (minute * MS_PER_MINUTE, 1.0)))
        .collect();
    Series {
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        samples,
    }
}

fn inputs(answers: Vec<(QueryId, Vec<Series>)>) -> Inputs {
    let window = Window::new(0, 100 * MS_PER_MINUTE).expect("not reversed");
    let data = |(query, series)| MetricData { query, series, gaps: Vec::new() };
    Inputs {
        window,
        now_ms: window.end(),
        metrics: answers.into_iter().map(data).collect(),
        facts: ClusterFacts::default(),
        sources: Vec::new(),
    }
}

#[test]
fn holes_are_those_of_a_device_not_of_a_series() {
    let with = |pod| [("UUID", "GPU-a"), ("Hostname", "n1"), ("pod", pod), ("namespace", "ml")];
    let found = |series| {
        let inputs = inputs(vec![(QueryId::GpuUtil, series)]);
        stats::of(&inputs.metrics[0], &inputs, 5 * MS_PER_MINUTE)
    };
    // Two pods one after the other: each series has a hole where the other is.
    let whole =
        found(vec![series(&with("a"), &[(0, 30), (60, 100)]), series(&with("b"), &[(30, 60)])]);
    assert_eq!((whole.holes, whole.interval_ms), (0, Some(MS_PER_MINUTE)));
    assert_eq!((whole.series, whole.samples), (2, 100));
    // From the last sample before to the first after; four minutes are none.
    let torn = found(vec![series(&with("a"), &[(0, 30), (34, 60), (80, 100)])]);
    assert_eq!((torn.holes, torn.holes_on), (1, ["n1".to_owned()].into()));
    assert_eq!(torn.holes_ms, 21 * MS_PER_MINUTE - 1);
    assert_eq!(torn.newest_ms, Some(99 * MS_PER_MINUTE));
    // A device that comes late has no hole before.
    assert_eq!(found(vec![series(&with("a"), &[(50, 100)])]).holes, 0);
}

#[test]
fn only_scrapes_that_stay_together_are_duplicates() {
    let with = |instance, pod| [("UUID", "GPU-a"), ("instance", instance), ("pod", pod)];
    let state = |series| {
        let check = duplicates::check(&inputs(vec![(QueryId::GpuUtil, series)]));
        check.map(|c| (c.state, c.names))
    };
    let twice =
        vec![series(&with("1:9400", "a"), &[(0, 100)]), series(&with("2:9400", "a"), &[(10, 100)])];
    assert_eq!(state(twice), Some((State::Warn, vec!["instance".to_owned()])));
    let replaced =
        vec![series(&with("1:9400", "a"), &[(0, 50)]), series(&with("2:9400", "a"), &[(45, 100)])];
    assert_eq!(state(replaced), Some((State::Ok, vec![])));
    // One value under two pods' names is how shared cards are shown.
    let shared =
        vec![series(&with("1:9400", "a"), &[(0, 100)]), series(&with("1:9400", "b"), &[(0, 100)])];
    assert_eq!(state(shared), Some((State::Ok, vec![])));
    assert_eq!(state(vec![]), None);
}

#[test]
fn labels_that_objects_have_and_kube_state_metrics_does_not_show() {
    let check = |shown: &[(&str, &str)], facts: ClusterFacts| {
        let mut inputs = inputs(vec![
            (QueryId::PodGpuRequests, vec![series(&[("pod", "a")], &[(0, 100)])]),
            (QueryId::PodLabels, vec![series(shown, &[(0, 1)])]),
        ]);
        inputs.facts = facts;
        let policy = Policy::default();
        let signs = signs::read(&inputs);
        let answers = metrics::Answers::of(&inputs, &policy, &signs);
        let checks = labels::checks(&inputs, &policy, &signs, &answers);
        let found = checks.into_iter().find(|c| c.id == "label-allow-list-pods").expect("made");
        (found.state, found.fix.and_then(|fix| fix.text).unwrap_or_default())
    };
    let pods = |labels: &[(&str, &str)]| {
        let labels: ObjectLabels =
            labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        ClusterFacts {
            pods: vec![PodFact { labels, ..PodFact::default() }],
            ..ClusterFacts::default()
        }
    };
    let line = "--metric-labels-allowlist=pods=[kueue.x-k8s.io/queue-name,team]";
    let both = pods(&[("team", "x"), ("kueue.x-k8s.io/queue-name", "q"), ("app", "web")]);
    assert_eq!(check(&[("label_team", "x")], both), (State::Warn, line.to_owned()));
    let all = pods(&[("team", "x")]);
    assert_eq!(check(&[("label_team", "x")], all), (State::Ok, String::new()));
    // No object has one: nothing is missed.
    assert_eq!(check(&[], pods(&[("app", "web")])), (State::Ok, String::new()));
    // No objects at all, and no label shown: all that rules go by may be missing.
    let (state, text) = check(&[], ClusterFacts::default());
    assert_eq!(state, State::Warn);
    assert!(text.contains("gpu-finops.dev/tenant,tenant,team]"), "{text}");
}

#[test]
fn what_is_to_be_copied_runs_nothing_else() {
    assert_eq!(shell_word("A100"), "'A100'");
    assert_eq!(shell_word("a'; rm -rf ~ '\n"), r"'a'\''; rm -rf ~ '\''?'");
}
