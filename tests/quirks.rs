//! One ledger, however the exporters are set up: the recorded cluster with metrics invented for it, every
//! quirk of facts 4.3 and 4.4 switched on in turn.
//!
//! The recording is not part of the project: `GPU_FINOPS_TEST_DATA` names the folder that holds it.

use std::collections::BTreeMap;

use gpu_finops::model::dra::{DeviceKey, DraDevice};
use gpu_finops::model::policy::TenantRule;
use gpu_finops::model::{ClusterFacts, Policy};
use gpu_finops::report::build::{Stamp, report};
use gpu_finops::report::contract::{Ledger, Report};
use gpu_finops::source::objects;

use crate::common::test_data;
use crate::quirk_metrics::{Dra, DynamicMig, Host, Setup, Slicing, World};

const BEST: Setup = Setup::BEST;

/// How much a setup tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    /// All that the best one tells, in other words: every figure is the same.
    All,
    /// Less: what cannot be known is marked so.
    Less,
}

/// Every setup, by what is odd about it.
fn setups() -> Vec<(&'static str, Tells, Setup)> {
    use Tells::{All, Less};
    vec![
        ("all at its best", All, BEST),
        ("trap 19: labels not honoured", All, Setup { honor_labels: false, ..BEST }),
        ("hostname in small letters", All, Setup { host: Host::New, ..BEST }),
        ("the exporter's pod for a host name", All, Setup { host: Host::ExporterPod, ..BEST }),
        (
            "the exporter's pod for a host name, labels not honoured",
            All,
            Setup { host: Host::ExporterPod, honor_labels: false, ..BEST },
        ),
        ("no host name", All, Setup { host: Host::Absent, ..BEST }),
        ("old label names", All, Setup { old_namespace: true, ..BEST }),
        (
            "old label names, labels not honoured",
            All,
            Setup { old_namespace: true, honor_labels: false, ..BEST },
        ),
        ("no UIDs of pods", All, Setup { pod_uid: false, ..BEST }),
        ("trap 2: one pod for a sliced card", Less, Setup { slicing: Slicing::OnePod, ..BEST }),
        ("trap 2: copies for each pod", Less, Setup { slicing: Slicing::Copies, ..BEST }),
        (
            "trap 2: copies, labels not honoured",
            Less,
            Setup { slicing: Slicing::Copies, honor_labels: false, pod_uid: false, ..BEST },
        ),
        ("virtual GPUs and DRA together", All, Setup { dra: Dra::PodsOnly, ..BEST }),
        (
            "trap 4: administrators' claims are named too",
            All,
            Setup { dra: Dra::FullWithAdmin, ..BEST },
        ),
        ("DRA is not read", Less, Setup { dra: Dra::Nothing, ..BEST }),
        ("MIG instances without pods", Less, Setup { mig_pods: false, ..BEST }),
        ("dynamic MIG without labels", Less, Setup { dynamic_mig: DynamicMig::Bare, ..BEST }),
        ("dynamic MIG dropped", Less, Setup { dynamic_mig: DynamicMig::Dropped, ..BEST }),
        ("no pods on cards", Less, Setup { card_pods: false, ..BEST }),
        (
            "no pods at all",
            Less,
            Setup {
                card_pods: false,
                mig_pods: false,
                dra: Dra::Nothing,
                dynamic_mig: DynamicMig::Bare,
                ..BEST
            },
        ),
        ("trap 24: two Prometheus servers", All, Setup { replicas: 2, ..BEST }),
        (
            "trap 24: two servers, labels not honoured",
            All,
            Setup { replicas: 2, honor_labels: false, ..BEST },
        ),
        ("exporters were restarted", All, Setup { restarted: true, ..BEST }),
        ("no kube-state-metrics", All, Setup { kube_state_metrics: false, ..BEST }),
        (
            "no kube-state-metrics, labels not honoured",
            All,
            Setup { kube_state_metrics: false, honor_labels: false, ..BEST },
        ),
    ]
}

/// Setups in which the exporter's pod cannot be told by its name.
fn unusual_exporters() -> [(&'static str, Tells, Setup); 3] {
    use Tells::All;
    [
        (
            "trap 19: an exporter with a name of its own, labels honoured",
            All,
            Setup { exporter: "gpu-telemetry", ..BEST },
        ),
        (
            "trap 19: an exporter with a name of its own, labels not honoured",
            All,
            Setup { exporter: "gpu-telemetry", honor_labels: false, ..BEST },
        ),
        (
            "trap 19: an exporter with a name of its own, known from objects only",
            All,
            Setup { exporter: "gpu-telemetry", kube_state_metrics: false, ..BEST },
        ),
    ]
}

fn policy() -> Policy {
    Policy {
        tenant_rules: vec![
            TenantRule::Vcluster,
            TenantRule::NamespaceLabel(vec!["finops.example.com/tenant".into()]),
            TenantRule::Namespace,
        ],
        ..Policy::default()
    }
}

fn recorded() -> Option<ClusterFacts> {
    let folder = test_data()?.join("recordings/kubernetes-1.36");
    let raw = objects::read_path(&folder).expect("a recording");
    Some(objects::decode(&raw, &policy().gpu_resources))
}

/// GPU-hours held by tenant; the stale and the unheld beside them.
fn held(report: &Report) -> BTreeMap<String, f64> {
    let tenants = report.tenants.iter().map(|t| (t.tenant.clone(), t.ledger.allocated_gpu_hours));
    let fleet = &report.fleet.ledger;
    let unheld = fleet.unallocated_gpu_hours + fleet.stranded_gpu_hours + fleet.unhealthy_gpu_hours;
    tenants
        .filter(|(_, hours)| *hours > 1e-9)
        .chain([("(stale)".into(), fleet.stale_claim_gpu_hours), ("(unheld)".into(), unheld)])
        .collect()
}

/// The figures for an hour, times the two hours of the window.
fn expected(report: &Report) -> BTreeMap<String, f64> {
    let virtual_cluster = report.tenants.iter().map(|t| t.tenant.clone());
    let virtual_cluster = virtual_cluster.into_iter().find(|t| t.starts_with("vc-host"));
    [
        ("search", 6.0 + 2.0 + 6.0 / 7.0),
        ("vision", 10.5),
        ("agents", 2.5),
        ("platform", 4.0),
        ("notebooks", 1.0),
        (virtual_cluster.as_deref().unwrap_or("a virtual cluster"), 1.0),
        ("(stale)", 3.0),
        ("(unheld)", 7.0 + 1.0 / 7.0),
    ]
    .into_iter()
    .map(|(name, hours)| (name.to_owned(), 2.0 * hours))
    .collect()
}

fn differences(
    name: &str,
    got: &BTreeMap<String, f64>,
    want: &BTreeMap<String, f64>,
) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = got.keys().chain(want.keys()).collect();
    let value = |of: &BTreeMap<String, f64>, n: &String| of.get(n).copied().unwrap_or(0.0);
    names
        .into_iter()
        .filter(|n| (value(got, n) - value(want, n)).abs() > 1e-6)
        .map(|n| format!("{name}: {n} is {:.4}, not {:.4}", value(got, n), value(want, n)))
        .collect()
}

/// Hours by tenant and state, with those that rest on an estimate.
fn states(report: &Report) -> BTreeMap<String, f64> {
    let of = |tenant: &str, l: &Ledger| {
        [
            ("busy", l.busy_gpu_hours),
            ("slack", l.slack_gpu_hours),
            ("idle, warm", l.idle_warm_gpu_hours),
            ("idle, empty", l.idle_empty_gpu_hours),
            ("unobserved", l.unobserved_gpu_hours),
            ("estimated", l.estimated_gpu_hours),
        ]
        .map(|(state, hours)| (format!("{tenant}: {state}"), hours))
    };
    report.tenants.iter().flat_map(|t| of(&t.tenant, &t.ledger)).collect()
}

/// Busy hours that differ by more than what is marked as uncertain.
fn unsaid(name: &str, got: &BTreeMap<String, f64>, best: &BTreeMap<String, f64>) -> Vec<String> {
    let value = |of: &BTreeMap<String, f64>, tenant: &str, state: &str| {
        of.get(&format!("{tenant}: {state}")).copied().unwrap_or(0.0)
    };
    let unsure = |of, tenant| value(of, tenant, "estimated") + value(of, tenant, "unobserved");
    let tenants = got.keys().filter_map(|k| k.strip_suffix(": busy"));
    tenants
        .filter_map(|t| {
            let (a, b) = (value(got, t, "busy"), value(best, t, "busy"));
            let allowed = unsure(got, t) + unsure(best, t);
            ((a - b).abs() > allowed + 1e-6).then(|| {
                format!("{name}: {t} is busy for {a:.4}, not {b:.4}, and {allowed:.4} are unsure")
            })
        })
        .collect()
}

/// The recorded cluster as if its MIG devices had been cut beforehand: a cut card is listed as its instances
/// only, each with a UUID of its own and without counters.
fn cut_beforehand(facts: &ClusterFacts) -> ClusterFacts {
    let mut out = facts.clone();
    let given: Vec<DeviceKey> = facts
        .dra
        .claims
        .iter()
        .flat_map(|claim| &claim.allocation)
        .flat_map(|allocation| allocation.devices.iter().map(|device| device.key.clone()))
        .collect();
    for pool in out.dra.pools.iter_mut().filter(|p| p.driver == "gpu.nvidia.com") {
        let is = |device: &DraDevice, kind: &str| {
            device.attributes.get("type").is_some_and(|t| t == kind)
        };
        let is_given = |device: &DraDevice| {
            given.iter().any(|key| key.pool == pool.name && key.device == device.name)
        };
        pool.devices.retain(|device| !is(device, "mig") || is_given(device));
        let cut: Vec<String> =
            pool.devices.iter().filter_map(|d| d.attributes.get("parentUUID").cloned()).collect();
        pool.devices.retain(|d| !d.attributes.get("uuid").is_some_and(|uuid| cut.contains(uuid)));
        for device in pool.devices.iter_mut().filter(|device| is(device, "mig")) {
            let uuid = format!("MIG-{}-{}", pool.name, device.name);
            device.attributes.insert("uuid".into(), uuid);
            device.consumes.clear();
        }
    }
    out
}

#[test]
fn every_setup_of_the_exporters_gives_one_ledger() {
    let Some(facts) = recorded() else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let world = World::new(&facts);
    let best = states(&report_of(&world, &BEST));
    let wrong = wrong(&world, &best);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cards_cut_beforehand_give_the_same_ledger() {
    let Some(facts) = recorded() else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let cut = cut_beforehand(&facts);
    let instances = |facts: &ClusterFacts| {
        let devices = facts.dra.pools.iter().flat_map(|pool| &pool.devices);
        let mig = |d: &&DraDevice| d.attributes.get("type").is_some_and(|t| t == "mig");
        let mig: Vec<_> = devices.filter(mig).collect();
        (mig.len(), mig.iter().filter(|d| d.attributes.contains_key("uuid")).count())
    };
    let (listed, _) = instances(&facts);
    let (left, with_uuid) = instances(&cut);
    assert!(0 < left && left < listed && with_uuid == left, "{left} of {listed}, {with_uuid}");
    let best = states(&report_of(&World::new(&facts), &BEST));
    let wrong = wrong(&World::new(&cut), &best);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn report_of(world: &World<'_>, setup: &Setup) -> Report {
    report(&world.inputs(setup), &policy(), Stamp::default())
}

/// Where the ledger of any setup is not the expected one. `best`: states when all is told.
fn wrong(world: &World<'_>, best: &BTreeMap<String, f64>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, tells, setup) in setups().into_iter().chain(unusual_exporters()) {
        let report = report_of(world, &setup);
        if !report.reconciliation.balanced {
            wrong.push(format!("{name}: {:?}", report.reconciliation));
        }
        wrong.extend(differences(name, &held(&report), &expected(&report)));
        let states = states(&report);
        match tells {
            Tells::All => wrong.extend(differences(name, &states, best)),
            Tells::Less => wrong.extend(unsaid(name, &states, best)),
        }
    }
    wrong
}
