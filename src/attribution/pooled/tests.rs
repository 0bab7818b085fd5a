use super::*;
use crate::model::dra::DeviceTaint;

fn gpu(name: &str, attributes: &[(&str, &str)]) -> DraDevice {
    DraDevice {
        name: name.into(),
        attributes: attributes.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        ..DraDevice::default()
    }
}

/// A device that takes multiprocessors and memory slices of a set.
fn taking(mut device: DraDevice, processors: f64, slices: std::ops::Range<u32>) -> DraDevice {
    let slices = slices.map(|n| (format!("memory-slice-{n}"), 1.0));
    let counters = slices.chain([("multiprocessors".to_owned(), processors)]).collect();
    device.consumes.insert("set".into(), counters);
    device
}

fn pool(driver: &str, devices: Vec<DraDevice>) -> PoolFact {
    let all = taking(DraDevice::default(), 98.0, 0..8).consumes;
    PoolFact {
        driver: driver.into(),
        name: "n1".into(),
        node: Some("n1".into()),
        devices,
        counter_sets: all,
        ..PoolFact::default()
    }
}

fn cards(pools: Vec<PoolFact>) -> Cards {
    Cards::new(&DraFacts { pools, ..DraFacts::default() })
}

fn part(cards: &Cards, device: &str) -> Part {
    let key =
        DeviceKey { driver: "gpu.nvidia.com".into(), pool: "n1".into(), device: device.into() };
    cards.part(&key).expect("listed")
}

const A100: (&str, &str) = ("productName", "NVIDIA A100-SXM4-80GB");

/// Trap 9: a card is listed whole and as all that could be cut from it.
#[test]
fn placements_are_parts_of_one_card() {
    let whole = gpu("gpu-0", &[("type", "gpu"), ("uuid", "GPU-a"), A100]);
    let mig = |name| gpu(name, &[("type", "mig"), ("parentUUID", "GPU-a"), A100]);
    let all = cards(vec![pool(
        "gpu.nvidia.com",
        vec![
            taking(mig("a-mig"), 14.0, 0..1),
            taking(whole, 98.0, 0..8),
            taking(mig("b-mig"), 42.0, 4..8),
        ],
    )]);
    assert_eq!(all.cards.len(), 1);
    assert_eq!((all.cards[0].id.as_str(), all.cards[0].has_uuid), ("GPU-a", true));
    let shares = ["gpu-0", "a-mig", "b-mig"].map(|name| part(&all, name).share);
    assert_eq!(shares, [1.0, 1.0 / 7.0, 0.5]);
    let partitions = ["gpu-0", "a-mig", "b-mig"].map(|name| part(&all, name).is_partition);
    assert_eq!(partitions, [false, true, true]);
}

#[test]
fn a_card_cut_beforehand_is_found_through_its_instances() {
    let mig = |name, profile, uuid| {
        let attributes =
            [("type", "mig"), ("parentUUID", "GPU-a"), ("profile", profile), ("uuid", uuid), A100];
        gpu(name, &attributes)
    };
    let mut broken = mig("y", "1g.10gb", "MIG-2");
    broken.taints = vec![taint("gpu.nvidia.com/unhealthy=xid:NoSchedule", None)];
    let all = cards(vec![pool("gpu.nvidia.com", vec![broken, mig("z", "3g.40gb", "MIG-1")])]);
    assert_eq!(all.cards.len(), 1);
    let card = &all.cards[0];
    assert_eq!((card.id.as_str(), card.memory_bytes), ("GPU-a", None));
    assert_eq!(card.tainted_since, None, "one instance is, not the card");
    assert_eq!([part(&all, "y").share, part(&all, "z").share], [1.0 / 7.0, 0.5]);
}

/// Trap 27: without a node the pool's name stands; without a UUID the device's whole name.
#[test]
fn a_device_on_no_node_and_without_uuid() {
    let mut fabric = pool("gpu.nvidia.com", vec![gpu("gpu-3", &[("type", "gpu")])]);
    (fabric.name, fabric.node) = ("fabric".into(), None);
    let all = cards(vec![fabric]);
    let card = &all.cards[0];
    assert_eq!((card.id.as_str(), card.has_uuid), ("gpu.nvidia.com/fabric/gpu-3", false));
    assert_eq!((card.node.as_str(), card.index.as_deref()), ("fabric", Some("3")));
    assert!(!card.has_node);
}

/// Trap 30.
#[test]
fn channels_of_compute_domains_are_no_cards() {
    assert!(cards(vec![pool("compute-domain.nvidia.com", vec![gpu("c", &[])])]).cards.is_empty());
}

fn taint(text: &str, since_ms: Option<Millis>) -> DeviceTaint {
    DeviceTaint { text: text.into(), since_ms }
}

#[test]
fn taints_that_keep_pods_away_and_since_when() {
    let since = |taints: &[(&str, Option<Millis>)]| {
        let mut device = gpu("gpu-0", &[("type", "gpu")]);
        device.taints = taints.iter().map(|(text, since)| taint(text, *since)).collect();
        cards(vec![pool("gpu.nvidia.com", vec![device])]).cards[0].tainted_since
    };
    let of = ["k=v:NoSchedule", "k=v:NoExecute", "k=v:None"].map(|text| since(&[(text, Some(7))]));
    assert_eq!(of, [Some(7), Some(7), None]);
    let (first, then) = (("a:None", Some(1)), ("b:NoSchedule", Some(9)));
    assert_eq!(since(&[first, then, ("c:NoExecute", Some(5))]), Some(5));
    assert_eq!(since(&[then, ("c:NoExecute", None)]), Some(Millis::MIN));
}

#[test]
fn what_still_fits_is_a_matter_of_counters() {
    let mig = |name, processors, slices| taking(gpu(name, &[("type", "mig")]), processors, slices);
    let devices = vec![mig("low", 42.0, 0..4), mig("middle", 42.0, 2..6), mig("high", 42.0, 4..8)];
    let pool = pool("gpu.nvidia.com", devices);
    let fits = |taken: usize| any_fits(&pool, "set", &[&pool.devices[taken]]);
    assert_eq!([fits(0), fits(1), fits(2)], [true, false, true]);
    assert!(!any_fits(&pool, "no such set", &[]));
}
