use super::super::testing::{device, pod};
use super::*;
use crate::model::dra::{ClaimAllocation, DraFacts, PoolFact};
use crate::model::objects::PodFact;

fn key() -> DeviceKey {
    DeviceKey { driver: "gpu.nvidia.com".into(), pool: "n1".into(), device: "gpu-0".into() }
}

/// A pool of one card.
fn facts(multi_allocation: bool) -> ClusterFacts {
    let card = DraDevice {
        name: "gpu-0".into(),
        node: Some("n1".into()),
        attributes: BTreeMap::from([("type".into(), "gpu".into())]),
        multi_allocation,
        ..DraDevice::default()
    };
    let pool = PoolFact {
        driver: "gpu.nvidia.com".into(),
        name: "n1".into(),
        devices: vec![card],
        ..PoolFact::default()
    };
    ClusterFacts {
        dra: DraFacts { pools: vec![pool], ..DraFacts::default() },
        ..ClusterFacts::default()
    }
}

/// Holdings in a window of 1,000 ms.
fn held(facts: &ClusterFacts, holders: &mut Vec<Holder>) -> Vec<Holding> {
    let devices = [Device { pooled: Some(0), observation: Some(0), ..device("GPU-a") }];
    let world = World {
        max_gap_ms: 300_000,
        window: Window::new(0, 1_000).expect("not reversed"),
        facts,
        cards: &Cards::new(&facts.dra),
        devices: &devices,
        observations: &[DeviceObservation::default()],
        is_present_only: false,
    };
    claimed(&world, holders).holdings
}

/// The pod that a claim was allocated for tells when that was, be it in the window or not.
#[test]
fn a_claim_is_not_stale_before_its_first_pod() {
    let allocated = AllocatedDevice {
        request: "gpu".into(),
        key: key(),
        admin_access: false,
        share_id: None,
        consumed: BTreeMap::new(),
    };
    let claim = ClaimFact {
        namespace: "ns".into(),
        name: "c".into(),
        created_ms: Some(100),
        allocation: Some(ClaimAllocation { at_ms: None, devices: vec![allocated] }),
        ..ClaimFact::default()
    };
    let user = |scheduled_ms| PodFact {
        namespace: "ns".into(),
        name: "a".into(),
        claims: vec!["c".into()],
        scheduled_ms,
        ..PodFact::default()
    };
    let mut facts = facts(false);
    facts.dra.claims.push(claim);
    for (scheduled, expected) in [(None, Some(100)), (Some(600), Some(600)), (Some(2_000), None)] {
        facts.pods = vec![user(scheduled)];
        let holdings = held(&facts, &mut Vec::new());
        assert_eq!(holdings.first().map(|h| h.time.start), expected, "bound at {scheduled:?}");
    }
}

/// Claims that are gone left only names: those that had a device together have it in equal parts.
#[test]
fn claims_that_are_gone_shared_what_several_may_have() {
    let named = |name: &str| Holder {
        claims: vec![format!("claim-of-{name}")],
        ..pod(name, &[], (0, 1_000), &[((0, None), 1_000)])
    };
    for (multi, is_one) in [(true, true), (false, false)] {
        let holdings = held(&facts(multi), &mut vec![named("a"), named("b")]);
        assert_eq!(holdings.len(), 2);
        assert_eq!(holdings[0].group == holdings[1].group, is_one);
    }
}
