//! Shares, money, order and tenants.

use regex::Regex;

use super::super::build::{Question, report};
use super::super::contract::ClaimsReport;
use super::*;
use crate::model::Policy;
use crate::model::dra::{DraDevice, PoolFact};
use crate::model::objects::NodeFact;
use crate::model::policy::{PriceBook, PriceOrigin, PriceRule};

fn map(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
}

fn listed(name: &str, attributes: &[(&str, &str)]) -> DraDevice {
    let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    DraDevice { name: name.into(), attributes, ..DraDevice::default() }
}

/// An H100 as the NVIDIA driver lists it for dynamic MIG: 132 multiprocessors, 8 memory slices.
fn pool() -> PoolFact {
    let card = [("type", "gpu"), ("productName", "NVIDIA H100 80GB HBM3"), ("uuid", "GPU-1")];
    let slice = [("type", "mig"), ("productName", "NVIDIA H100 80GB HBM3"), ("profile", "3g.40gb")];
    let taken = |sm: f64, slices: &[&str], ofa: f64| {
        let mut counters = map(&[("multiprocessors", sm), ("ofa-engines", ofa)]);
        counters.extend(slices.iter().map(|name| ((*name).to_owned(), 1.0)));
        BTreeMap::from([("gpu-0-counter-set".to_owned(), counters)])
    };
    let slices: Vec<String> = (0..8).map(|i| format!("memory-slice-{i}")).collect();
    let slices: Vec<&str> = slices.iter().map(String::as_str).collect();
    PoolFact {
        driver: "gpu.nvidia.com".into(),
        name: "node-1".into(),
        generation: 1,
        slices: (1, 1),
        node: Some("node-1".into()),
        devices: vec![
            DraDevice { consumes: taken(132.0, &slices, 1.0), ..listed("gpu-0", &card) },
            DraDevice { consumes: taken(60.0, &slices[..4], 0.0), ..listed("mig-3g", &slice) },
            DraDevice { consumes: taken(16.0, &slices[..1], 1.0), ..listed("mig-1g-me", &slice) },
            listed("mig-static", &slice),
            listed("mig-unknown", &[("type", "mig"), ("productName", "X1"), ("profile", "1g.5gb")]),
            DraDevice {
                multi_allocation: true,
                capacity: map(&[("shares", 10.0), ("memory", 80e9)]),
                ..listed("gpu-2", &card)
            },
            listed("gpu-noname", &[("type", "gpu")]),
        ],
        counter_sets: taken(132.0, &slices, 1.0),
    }
}

fn policy() -> Policy {
    let rule = PriceRule {
        model: Some(Regex::new("H100.*").expect("valid")),
        instance_type: None,
        capacity_type: None,
        region: None,
        node: None,
        node_labels: BTreeMap::new(),
        per_gpu_hour: 2.0,
        source: "test".into(),
        date: None,
        origin: PriceOrigin::Config,
    };
    let prices = PriceBook { currency: "USD".into(), rules: vec![rule] };
    Policy { prices, ..Policy::default() }
}

fn reported(claims: Vec<ClaimFact>, pools: Vec<PoolFact>, policy: &Policy) -> ClaimsReport {
    let mut facts = cluster(vec![pod("a", PodPhase::Running)]);
    facts.nodes = vec![NodeFact { name: "node-1".into(), ..NodeFact::default() }];
    facts.dra.claims = claims;
    facts.dra.pools = pools;
    let question = Question {
        now_ms: NOW,
        policy,
        namespaces: &[],
        classes: &[],
        min_age_ms: MIN_AGE,
        measured: None,
        idle_after_ms: 0,
        tool_version: "0",
    };
    report(&facts, &[], &question)
}

fn of_devices(devices: Vec<AllocatedDevice>) -> (Option<f64>, Option<f64>) {
    let report = reported(vec![allocated(devices)], vec![pool()], &policy());
    (report.claims[0].share_total, report.claims[0].cost_per_day)
}

#[test]
fn shares_and_cost_by_kind_of_device() {
    let consuming = |pairs: &[(&str, f64)]| AllocatedDevice {
        share_id: Some("s".into()),
        consumed: map(pairs),
        ..device("gpu-2")
    };
    let looking = AllocatedDevice { admin_access: true, ..device("gpu-0") };
    let priced = |share: f64| (Some(share), Some(share * 2.0 * 24.0));
    for (devices, expected) in [
        (vec![device("gpu-0")], priced(1.0)),
        // Half the memory is more than 60 of 132 multiprocessors; no single memory slice counts as all.
        (vec![device("mig-3g")], priced(0.5)),
        // Trap 12: the only media engine does not make it a card. 1 of 8 is more than 16 of 132.
        (vec![device("mig-1g-me")], priced(0.125)),
        (vec![device("gpu-0"), device("mig-3g")], priced(1.5)),
        // Consumable capacity: by shares, else by memory; 0 consumed says nothing.
        (vec![consuming(&[("gpu.nvidia.com/shares", 3.0)])], priced(3.0 / 10.0)),
        (vec![consuming(&[("shares", 0.0), ("memory", 20e9)])], priced(0.25)),
        (vec![consuming(&[("shares", 0.0), ("memory", 0.0)])], (None, None)),
        (vec![consuming(&[("shares", 11.0)])], (None, None)),
        (vec![consuming(&[])], (None, None)),
        // A static slice has no counters: 4 of the 8 memory slices of this model, by the table. On a card
        // that the table does not have, and for a device that no slice lists, nothing is known.
        (vec![device("mig-static")], priced(0.5)),
        (vec![device("mig-unknown")], (None, None)),
        (vec![device("gpu-99")], (None, None)),
        (vec![looking], (Some(0.0), Some(0.0))),
        // A card without a model has no price: null, never 0.
        (vec![device("gpu-noname")], (Some(1.0), None)),
        (vec![], (Some(0.0), Some(0.0))),
    ] {
        assert_eq!(of_devices(devices.clone()), expected, "{devices:?}");
    }
}

/// Trap 30: devices of other drivers are shown, with no share and no money.
#[test]
fn trap_30_devices_that_are_no_gpus() {
    let mut channel = device("channel-0");
    channel.key.driver = "compute-domain.nvidia.com".into();
    let report = reported(vec![allocated(vec![device("gpu-0"), channel])], vec![pool()], &policy());
    let claim = &report.claims[0];
    let shares: Vec<Option<f64>> = claim.devices.iter().map(|device| device.share).collect();
    assert_eq!(shares, [Some(1.0), None]);
    assert_eq!((claim.share_total, claim.cost_per_day), (Some(1.0), Some(48.0)));
    assert!(report.coverage.complete, "{:?}", report.coverage.problems);
}

#[test]
fn what_is_missing_is_a_problem_and_null() {
    let report = reported(
        vec![allocated(vec![device("gpu-0")])],
        vec![PoolFact { slices: (2, 1), ..pool() }],
        &Policy::default(),
    );
    assert!(!report.coverage.complete);
    let problems: Vec<String> = report
        .coverage
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.subject, problem.detail))
        .collect();
    assert_eq!(
        problems,
        [
            "ResourceClaim ns/c: no price for the model NVIDIA H100 80GB HBM3 of \
             gpu.nvidia.com/node-1/gpu-0: give one with --price",
            "pool gpu.nvidia.com/node-1: 1 of 2 slices of generation 1 were seen: its devices are \
             not all known",
        ]
    );
    let total = &report.totals[0];
    assert_eq!((total.gpus, total.cost_per_day, total.without_cost), (1.0, None, 1));
}

#[test]
fn leftovers_first_by_cost_then_by_name() {
    let named = |namespace: &str, name: &str, claim: ClaimFact| ClaimFact {
        namespace: namespace.into(),
        name: name.into(),
        ..claim
    };
    let claims = vec![
        named("ns", "active", reserved(&["a"])),
        named("b", "small", allocated(vec![device("mig-3g")])),
        named("a", "unused", claim()),
        named("a", "unknown", allocated(vec![device("gpu-99")])),
        named("z", "large", allocated(vec![device("gpu-0")])),
        named("a", "large", allocated(vec![device("gpu-0")])),
    ];
    let mut shuffled = claims.clone();
    shuffled.reverse();
    let report = reported(claims, vec![pool()], &policy());
    let names: Vec<String> =
        report.claims.iter().map(|claim| format!("{}/{}", claim.namespace, claim.name)).collect();
    assert_eq!(names, ["a/large", "z/large", "b/small", "a/unknown", "a/unused", "ns/active"]);
    assert_eq!(report, reported(shuffled, vec![pool()], &policy()));
    // 1 + 1 + 0.5 GPUs at 48 a day; one orphan of unknown size.
    let orphans = &report.totals[0];
    assert_eq!((orphans.class, orphans.count, orphans.settled), (Class::OrphanAllocated, 4, 4));
    assert_eq!((orphans.gpus, orphans.cost_per_day), (2.5, Some(120.0)));
    assert_eq!((orphans.without_share, orphans.without_cost), (1, 1));
}

#[test]
fn tenants_by_the_pods_that_have_it_or_by_itself() {
    let labelled = |name: &str, team: &str| PodFact {
        labels: [("team".to_owned(), team.to_owned())].into(),
        ..pod(name, PodPhase::Running)
    };
    let tenant = |pods: Vec<PodFact>, claim: ClaimFact| {
        let mut facts = cluster(pods);
        facts.dra.claims = vec![claim];
        let question = Question {
            now_ms: NOW,
            policy: &policy(),
            namespaces: &[],
            classes: &[],
            min_age_ms: MIN_AGE,
            measured: None,
            idle_after_ms: 0,
            tool_version: "0",
        };
        report(&facts, &[], &question).claims.remove(0).tenant
    };
    let pods = || vec![labelled("a", "red"), labelled("b", "red"), labelled("c", "blue")];
    assert_eq!(tenant(pods(), reserved(&["a", "b"])).as_deref(), Some("red"));
    assert_eq!(tenant(pods(), reserved(&["a", "c"])).as_deref(), Some("ns"));
    let own = ClaimFact { labels: labelled("x", "green").labels, ..allocated(vec![]) };
    assert_eq!(tenant(pods(), own).as_deref(), Some("green"));
}
