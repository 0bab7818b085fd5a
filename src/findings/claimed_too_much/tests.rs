use std::collections::BTreeMap;

use super::super::testing::{Load, World};
use super::*;
use crate::model::dra::{
    AllocatedDevice, ClaimAllocation, ClaimConsumer, ClaimFact, DeviceKey, PoolFact,
};

const A100: (&str, f64) = ("NVIDIA A100-SXM4-80GB", 81_920.0);
const L40S: (&str, f64) = ("NVIDIA L40S", 46_068.0);
const SMALL: Load = |minute| (0.1, if minute % 50 < 20 { 7_000.0 } else { 6_000.0 });
const MEMORY: &str = "device.capacity['gpu.nvidia.com'].memory.isGreaterThan(quantity('60Gi'))";

fn device(name: &str, attributes: &[(&str, &str)], mib: f64) -> DraDevice {
    DraDevice {
        name: name.into(),
        node: Some("n1".into()),
        attributes: attributes.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        capacity: BTreeMap::from([("memory".to_owned(), mib * 1_048_576.0)]),
        ..DraDevice::default()
    }
}

/// A card that a claim with these selectors gives to a pod; the slices list these partitions of it.
fn world(load: Load, selectors: &[&str], profiles: &[(&str, f64)]) -> World {
    let mut world =
        World::new(4).node("n1", 1, A100, &[]).pod("n1", "Deployment", "small", &[load]);
    world.facts.nodes[0].gpu_capacity.clear();
    world.facts.nodes[0].gpu_allocatable.clear();
    world.facts.pods[0].requests.gpus.clear();
    world.facts.pods[0].claims = vec!["claim".into()];
    let card = [("type", "gpu"), ("uuid", "GPU-n1-0"), ("productName", A100.0)];
    let mut devices = vec![device("gpu-0", &card, A100.1)];
    devices.extend(profiles.iter().map(|(profile, mib)| {
        let attributes = [
            ("type", "mig"),
            ("parentUUID", "GPU-n1-0"),
            ("profile", *profile),
            ("productName", A100.0),
        ];
        device(&format!("gpu-0-mig-{}", profile.replace('.', "")), &attributes, *mib)
    }));
    world.facts.dra.pools.push(PoolFact {
        driver: "gpu.nvidia.com".into(),
        name: "n1".into(),
        generation: 1,
        slices: (1, 1),
        node: Some("n1".into()),
        devices,
        counter_sets: BTreeMap::new(),
    });
    let pod = world.facts.pods[0].clone();
    world.facts.dra.claims.push(ClaimFact {
        namespace: "ns".into(),
        name: "claim".into(),
        uid: Some("uid-claim".into()),
        created_ms: pod.created_ms,
        requests: vec![ClaimRequest {
            name: "gpu".into(),
            class: "gpu.nvidia.com".into(),
            count: Some(1),
            selectors: selectors.iter().map(ToString::to_string).collect(),
            ..ClaimRequest::default()
        }],
        allocation: Some(ClaimAllocation {
            at_ms: pod.created_ms,
            devices: vec![AllocatedDevice {
                request: "gpu".into(),
                key: DeviceKey {
                    driver: "gpu.nvidia.com".into(),
                    pool: "n1".into(),
                    device: "gpu-0".into(),
                },
                admin_access: false,
                share_id: None,
                consumed: BTreeMap::new(),
            }],
        }),
        reserved_for: vec![ClaimConsumer {
            group: String::new(),
            resource: "pods".into(),
            name: pod.name,
            uid: pod.uid.expect("one"),
        }],
        ..ClaimFact::default()
    });
    world
}

#[test]
fn a_partition_that_the_slices_offer() {
    let world = world(SMALL, &[MEMORY], &[("1g.10gb", 9_728.0), ("3g.40gb", 40_192.0)]);
    let found = &world.by(NAME)[0];
    let Change::Slice { to, share, .. } = &found.change else { panic!("{:?}", found.change) };
    assert_eq!((to.as_str(), *share), ("1g.10gb", 1.0 / 7.0));
    let action = &found.finding.action;
    assert!(action.contains("Its selector demands 60 GiB; 9 GiB will do."), "{action}");
    assert!(action.ends_with("make a new ResourceClaimTemplate and point the workload at it."));
    assert_eq!(world.by("oversized-gpu"), [], "it is said once");
}

#[test]
fn only_what_is_offered() {
    let large = world(SMALL, &[], &[("3g.40gb", 40_192.0)]);
    let Change::Slice { to, .. } = &large.by(NAME)[0].change else { panic!("a slice") };
    assert_eq!(to, "3g.40gb");
    assert_eq!(world(SMALL, &[], &[]).by(NAME), []);
    let needy: Load = |minute| (0.6, if minute % 50 < 20 { 50_000.0 } else { 40_000.0 });
    assert_eq!(world(needy, &[], &[("3g.40gb", 40_192.0)]).by(NAME), []);
}

#[test]
fn a_cheaper_model_first() {
    let cheaper = world(SMALL, &[MEMORY], &[]).node("n2", 1, L40S, &[]);
    let found = &cheaper.by(NAME)[0];
    let Change::Model { to, .. } = &found.change else { panic!("{:?}", found.change) };
    assert_eq!((to.as_str(), found.finding.basis), (L40S.0, Basis::Assumed));
    assert!(found.finding.action.contains("the first of a `firstAvailable` list"));
    assert_eq!(cheaper.by("dear-gpu"), [], "it is said once");
}

#[test]
fn reserved_memory_and_several_requests_are_not_judged() {
    let reserved: Load = |_| (0.1, 76_000.0);
    let rows = world(reserved, &[], &[("3g.40gb", 40_192.0)]).unjudged(NAME);
    assert!(rows.iter().any(|row| row.reason.contains("reserve it")), "{rows:?}");
    let mut several = world(SMALL, &[], &[("3g.40gb", 40_192.0)]);
    let mut second = several.facts.dra.claims[0].requests[0].clone();
    second.name = "nic".into();
    several.facts.dra.claims[0].requests.push(second);
    assert!(several.unjudged(NAME)[0].reason.contains("several requests"));
}
