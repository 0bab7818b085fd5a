//! The recorded cluster; its README says what is in it.

use super::*;
use crate::model::dra::{ClaimFact, DeviceKey, DraFacts};
use crate::source::objects::read_path;

/// DRA facts of a folder of the tests' data, if there is one.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
fn recorded(folder: &str) -> Option<ClusterFacts> {
    let Some(data) = std::env::var_os("GPU_FINOPS_TEST_DATA") else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return None;
    };
    let raw = read_path(&std::path::Path::new(&data).join(folder)).expect("objects");
    Some(decode(&raw, &["nvidia.com/gpu".to_owned()]))
}

fn claim_named<'a>(dra: &'a DraFacts, name: &str) -> &'a ClaimFact {
    dra.claims.iter().find(|claim| claim.name.starts_with(name)).expect(name)
}

fn held(claim: &ClaimFact) -> Vec<String> {
    let devices = claim.allocation.iter().flat_map(|allocation| &allocation.devices);
    let name = |key: &DeviceKey| format!("{}/{}", key.pool, key.device);
    devices.map(|device| name(&device.key)).collect()
}

#[test]
fn claims_of_the_recorded_cluster() {
    let Some(facts) = recorded("recordings/kubernetes-1.36") else { return };
    let dra = &facts.dra;
    assert_eq!((dra.claims.len(), dra.templates.len(), dra.classes.len()), (15, 2, 2));
    let allocated = dra.claims.iter().filter(|claim| claim.allocation.is_some()).count();
    assert_eq!(allocated, 12);
    assert!(dra.claims.iter().all(|claim| claim.uid.is_some() && claim.resource_version.is_some()));

    let serve = claim_named(dra, "llm-serve-77b66d65c4-gbnpx");
    assert_eq!(held(serve), ["gpu-h100-dra/gpu-1", "gpu-h100-dra/gpu-2"]);
    assert_eq!(serve.owner.as_ref().map(|owner| owner.this.kind.as_str()), Some("Pod"));
    assert_eq!(serve.requests[0].count, Some(2));
    assert_eq!(claim_named(dra, "shared-gpu").reserved_for.len(), 2);
    let whole = claim_named(dra, "reranker-77c847f75d-brcjf");
    let names: Vec<_> = whole.requests.iter().map(|request| request.name.as_str()).collect();
    assert_eq!(names, ["slice/small", "slice/whole"]);
    assert_eq!(whole.allocation.as_ref().expect("allocated").devices[0].request, "slice/whole");
    let everything = claim_named(dra, "dcgm-all");
    let devices = &everything.allocation.as_ref().expect("allocated").devices;
    assert_eq!((devices.len(), everything.requests[0].count), (8, None));
    assert!(devices.iter().all(|d| d.admin_access) && everything.requests[0].admin_access);
    assert!(claim_named(dra, "ext-res").for_extended_resource);
    let orphan = claim_named(dra, "bob-scratch");
    assert!(orphan.reserved_for.is_empty() && orphan.allocation.is_some());
    assert!(claim_named(dra, "dave-zombie").deletion_ms.is_some());

    // trap 33: the suspended CronJob is the only one that knows this claim.
    let references: Vec<_> = dra.references.iter().map(|r| (r.claim.as_str(), r.dormant)).collect();
    assert_eq!(references, [("nightly-eval-gpu", true)]);
    assert_eq!(dra.references[0].by.kind, "CronJob");
}

#[test]
fn pools_of_the_recorded_cluster() {
    let Some(facts) = recorded("recordings/kubernetes-1.36") else { return };
    let pools: Vec<_> = facts
        .dra
        .pools
        .iter()
        .map(|p| {
            (p.name.as_str(), p.generation, p.devices.len(), p.is_complete(), p.node.as_deref())
        })
        .collect();
    // trap 28: generation 4 of the A100 pool lingers, with a `gpu-0` of its own.
    assert_eq!(
        pools,
        [
            ("gpu-a100-dra", 5, 26, true, Some("gpu-a100-dra")),
            ("gpu-h100-dra", 2, 8, true, Some("gpu-h100-dra")),
            ("gpu-l40s-dra", 1, 4, true, Some("gpu-l40s-dra")),
        ]
    );
    let a100 = &facts.dra.pools[0];
    assert_eq!(a100.slices, (2, 2));
    assert_eq!(
        a100.counter_sets.keys().collect::<Vec<_>>(),
        ["gpu-0-counter-set", "gpu-1-counter-set"]
    );
    let whole = a100.devices.iter().filter(|d| d.attributes["type"] == "gpu").count();
    assert_eq!(whole, 2);
    let part =
        a100.devices.iter().find(|d| d.name == "gpu-1-mig-3g40gb-9-4").expect("in the slice");
    assert_eq!(part.attributes["profile"], "3g.40gb");
    assert_eq!(part.capacity["memory"], 42_144_366_592.0);
    assert_eq!(part.consumes["gpu-1-counter-set"]["multiprocessors"], 42.0);
    // Every device that a claim holds is there.
    for claim in &facts.dra.claims {
        for device in claim.allocation.iter().flat_map(|allocation| &allocation.devices) {
            let pool = facts.dra.pools.iter().find(|p| p.name == device.key.pool).expect("a pool");
            assert!(device_names(pool).contains(&device.key.device.as_str()), "{:?}", device.key);
        }
    }
}

#[test]
fn slices_of_real_drivers() {
    let Some(facts) = recorded("scrapes/objects_live") else { return };
    assert_eq!(facts.problems, []);
    let pools = &facts.dra.pools;
    assert!(pools.iter().all(|pool| pool.is_complete() && pool.node.is_some()));
    let t4 = pools.iter().find(|pool| pool.devices.len() == 2 && pool.driver == "gpu.nvidia.com");
    let t4 = t4.expect("two T4");
    assert_eq!(t4.devices[0].attributes["productName"], "Tesla T4");
    assert_eq!(t4.devices[0].capacity["memory"], 16_106_127_360.0);
    // trap 30: devices, and none of them a GPU.
    assert!(pools.iter().any(|pool| pool.driver == "compute-domain.nvidia.com"));
}

#[test]
fn real_manifests_are_read_or_complained_about() {
    let Some(facts) = recorded("manifests") else { return };
    let dra = &facts.dra;
    assert!(dra.claims.len() + dra.templates.len() >= 20, "{} claims", dra.claims.len());
    assert!(dra.claims.iter().all(|claim| claim.allocation.is_none()));
    // Objects of Kubernetes 1.30 and before; else only what is in two files.
    let complaints = facts.problems.iter().filter(|p| p.subject.contains("Resource"));
    let (old, others): (Vec<_>, Vec<_>) =
        complaints.partition(|p| p.detail.contains("v1alpha2 is not understood"));
    assert_eq!(old.len(), 6);
    assert!(others.iter().all(|p| p.detail.contains("different contents")), "{others:#?}");
    assert!(dra.references.iter().any(|r| r.claim == "deployment0-imex-channel"));
}
