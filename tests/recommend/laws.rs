//! Laws that recommendations keep, on random fleets.

use std::collections::{BTreeMap, BTreeSet};

use gpu_finops::recommend::Filters;
use gpu_finops::recommend::contract::RecommendReport;
use gpu_finops::report::build::{Stamp, report};
use gpu_finops::report::contract::Report;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::fleet::*;
use super::{filtered, recommended};

const KINDS: [(&str, &str); 5] = [
    ("Deployment", "web"),
    ("StatefulSet", "nb"),
    ("Job", "train"),
    ("CronJob", "nightly"),
    ("SandboxWarmPool", "pool"),
];

/// What a random pod does: kind, GPUs with how busy they are and how much memory they use, first and last hour.
#[derive(Debug, Clone)]
struct Plan {
    kind: usize,
    gpus: Vec<(u8, u16)>,
    hours: (i64, i64),
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let gpu = (0_u8..6, 1_u16..75);
    let plan = (0_usize..KINDS.len(), prop::collection::vec(gpu, 1..4), 0_i64..20, 1_i64..40);
    let plan = plan.prop_map(|(kind, gpus, from, length)| {
        // Half of them stay to the end.
        let until = if length > 20 { 1_000 } else { from + length };
        Plan { kind, gpus, hours: (from, until) }
    });
    prop::collection::vec(plan, 1..7)
}

/// Courses of their own for each kind of use.
fn use_of((how, gib): (u8, u16), salt: i64) -> Box<dyn Fn(i64) -> Option<(f64, f64)>> {
    let mib = f64::from(gib) * 1_024.0;
    Box::new(move |minute| match how {
        0 => Some((0.0, mib)),
        1 => Some((if (minute / HOUR + salt) % 5 == 0 { 80.0 } else { 0.0 }, mib)),
        2 => Some((f64::from(u8::try_from((minute * 7 + salt) % 90).unwrap_or(0)), mib)),
        3 => Some((3.0, mib)),
        4 => (minute % 11 != 0).then_some((97.0, mib)),
        _ => (minute < 6 * HOUR).then_some((10.0, mib)),
    })
}

fn fleet(plans: &[Plan]) -> Fleet {
    let pod = |(n, plan): (usize, &Plan)| {
        let salt = i64::try_from(n).expect("few");
        let gpus = plan.gpus.iter().map(|gpu| use_of(*gpu, salt)).collect();
        Pod::new(KINDS[plan.kind], n, gpus).during(plan.hours.0 * HOUR, plan.hours.1 * HOUR)
    };
    Fleet::new(24, plans.iter().enumerate().map(pod).collect())
}

fn both(plans: &[Plan]) -> (Report, RecommendReport) {
    let inputs = fleet(plans).inputs();
    (report(&inputs, &policy(), Stamp::default()), recommended(&inputs, &policy()))
}

/// GPUs of pods with the hours that the report says they were held.
fn held(report: &Report) -> BTreeMap<(String, String), f64> {
    let mut out: BTreeMap<(String, String), f64> = BTreeMap::new();
    let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339");
    for gpu in &report.gpus {
        for holder in &gpu.holders {
            let length = at(&holder.until) - at(&holder.from);
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of a day")]
            let hours = length.num_milliseconds() as f64 / 3_600_000.0 * holder.share;
            *out.entry((holder.name.clone(), gpu.uuid.clone())).or_default() += hours;
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        max_shrink_iters: 50,
        rng_seed: RngSeed::Fixed(20_261_123),
        ..ProptestConfig::default()
    })]

    #[test]
    fn savings_are_part_of_the_waste(plans in plans()) {
        let (report, recommended) = both(&plans);
        let totals = &recommended.totals;
        let waste = report.in_scope.ledger.waste_gpu_hours() / report.window.hours * 730.0;
        prop_assert!((totals.monthly_waste_gpu_hours - waste).abs() < 1e-6);
        prop_assert!(totals.monthly_gpu_hours <= waste + 1e-6, "{} of {waste}", totals.monthly_gpu_hours);
        if let (Some(saved), Some(waste)) = (totals.monthly_savings, totals.monthly_waste) {
            prop_assert!(saved <= waste + 1e-6, "{saved} of {waste}");
        }
        for r in recommended.recommendations.iter().chain(&recommended.refused) {
            prop_assert!(r.monthly_gpu_hours >= 0.0);
            prop_assert!((0.0..=1.0).contains(&r.finding.confidence), "{}", r.finding.confidence);
        }
    }

    #[test]
    fn savings_are_all_of_the_waste_only_when_all_of_it_is_given_up(plans in plans()) {
        let (report, recommended) = both(&plans);
        let waste = report.in_scope.ledger.waste_gpu_hours();
        let saved = recommended.totals.monthly_gpu_hours * report.window.hours / 730.0;
        let counted = recommended.recommendations.iter().filter(|r| r.counted);
        let given_up: BTreeSet<(String, String)> = counted
            .flat_map(|r| &r.rests_on)
            .map(|lease| (lease.pod.clone(), lease.gpu.clone()))
            .collect();
        let with_waste = report.pods.iter().filter(|pod| pod.ledger.waste_gpu_hours() > 1e-9);
        if waste > 1e-6 && (saved - waste).abs() < 1e-9 {
            for pod in with_waste {
                let is_given = given_up.iter().any(|(name, _)| *name == pod.pod);
                prop_assert!(is_given, "{} wastes and is kept", pod.pod);
            }
        }
    }

    #[test]
    fn what_counts_does_not_overlap_and_what_does_not_is_an_alternative(plans in plans()) {
        let (_, recommended) = both(&plans);
        let mut seen = BTreeSet::new();
        let ids: BTreeSet<&str> = recommended.recommendations.iter().map(|r| r.finding.id.as_str()).collect();
        prop_assert_eq!(ids.len(), recommended.recommendations.len(), "ids are unique");
        for r in recommended.recommendations.iter().filter(|r| r.counted) {
            for lease in &r.rests_on {
                prop_assert!(seen.insert(lease.clone()), "{lease:?} counts twice");
            }
        }
        for r in recommended.recommendations.iter().filter(|r| !r.counted) {
            let excluded = recommended.recommendations.iter().filter(|o| r.excludes.contains(&o.finding.id));
            prop_assert!(excluded.clone().any(|o| o.counted), "{} for nothing", r.finding.id);
        }
    }

    #[test]
    fn each_selects_the_rows_that_it_rests_on(plans in plans()) {
        let (report, recommended) = both(&plans);
        let held = held(&report);
        for r in recommended.recommendations.iter().chain(&recommended.refused) {
            let of = |lease: &gpu_finops::recommend::contract::LeaseRow| {
                held.get(&(lease.pod.clone(), lease.gpu.clone())).copied()
            };
            let selected: Option<f64> = r.rests_on.iter().map(of).sum();
            let said = r.finding.evidence["allocated_gpu_hours"].as_f64();
            let agree = selected.zip(said).is_some_and(|(a, b)| (a - b).abs() < 1e-6);
            prop_assert!(agree, "{}: {selected:?}, said {said:?}", r.finding.id);
        }
    }

    #[test]
    fn a_filter_takes_away_and_adds_nothing(plans in plans()) {
        let inputs = fleet(&plans).inputs();
        let all = recommended(&inputs, &policy());
        let ids = |report: &RecommendReport| -> BTreeSet<String> {
            let both = report.recommendations.iter().chain(&report.refused);
            both.map(|r| r.finding.id.clone()).collect()
        };
        let dear = filtered(&inputs, &policy(), &Filters { min_savings: Some(500.0), ..Filters::default() });
        prop_assert!(ids(&dear).is_subset(&ids(&all)));
        prop_assert_eq!(ids(&all).len() - ids(&dear).len(), usize::try_from(dear.filtered).expect("few"));
        let sure = filtered(&inputs, &policy(), &Filters { min_confidence: 0.9, ..Filters::default() });
        prop_assert!(sure.recommendations.iter().all(|r| r.finding.confidence >= 0.9));
    }
}

#[test]
fn when_nothing_was_ever_used_all_of_the_waste_is_saved() {
    let plan = |kind| Plan { kind, gpus: vec![(0, 1), (0, 2)], hours: (0, 1_000) };
    let (_, recommended) = both(&[plan(0), plan(1), plan(2)]);
    let totals = &recommended.totals;
    assert!((totals.monthly_gpu_hours - totals.monthly_waste_gpu_hours).abs() < 1e-6);
    assert_eq!(totals.counted, 3);
}

#[test]
fn ids_stay_when_the_window_moves() {
    let plans = [Plan { kind: 1, gpus: vec![(0, 1)], hours: (0, 1_000) }];
    let ids = |hours| {
        let inputs = Fleet { hours, ..fleet(&plans) }.inputs();
        let report = recommended(&inputs, &policy());
        report.recommendations.into_iter().map(|r| r.finding.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(24), ids(48));
    assert!(ids(24).contains(&"never-used:ns/StatefulSet/nb".to_owned()));
}
