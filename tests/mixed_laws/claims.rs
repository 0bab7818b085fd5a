//! Nodes of a DRA driver: whole devices, partitions with counters, shares of capacity.
//!
//! A claim that is gone left nothing but its name in series. Of those one after another on a device, only
//! the last can still be an object.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::cluster::{ClaimLabel, MARGIN, Occupant, STEPS, Story, Thing, at};
use super::objects::time;

const H100: &str = "NVIDIA H100 80GB HBM3";
const A100: &str = "NVIDIA A100-SXM4-80GB";
const DRIVER: &str = "gpu.nvidia.com";
const END: i64 = STEPS + MARGIN;

/// What a claim was given: a device of the node's pool, with what it consumes of it.
struct Given {
    device: String,
    more: Map<String, Value>,
}

impl Given {
    fn whole(device: String) -> Self {
        Self { device, more: Map::new() }
    }
}

fn slice(story: &mut Story<'_>, devices: &[Value], counters: &[Value]) {
    let name = story.name.clone();
    let count = if counters.is_empty() { 1 } else { 2 };
    let spec = json!({
        "driver": DRIVER,
        "nodeName": name,
        "pool": {"name": name, "generation": 1, "resourceSliceCount": count},
    });
    for (n, (field, list)) in
        [("devices", devices), ("sharedCounters", counters)].into_iter().enumerate().take(count)
    {
        let mut spec = spec.clone();
        spec[field] = json!(list);
        let slice = json!({
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": format!("{name}-{n}"), "uid": format!("slice-{name}-{n}")},
            "spec": spec,
        });
        story.cluster.others.push((slice, Vec::new()));
    }
}

fn card(name: &str, node: &str, n: usize, model: &str, tainted: bool) -> Value {
    let mut out = json!({
        "name": name,
        "attributes": {
            "type": {"string": "gpu"},
            "uuid": {"string": format!("GPU-{node}-{n}")},
            "productName": {"string": model},
        },
        "capacity": {"memory": {"value": "80Gi"}},
    });
    if tainted {
        out["taints"] = json!([{"key": "gpu.nvidia.com/xid", "effect": "NoSchedule"}]);
    }
    out
}

/// A claim with its pods, from its allocation on; an object if it is the last on its devices.
fn claim(
    story: &mut Story<'_>,
    name: &str,
    life: &Range<i64>,
    given: &[Given],
    is_last: bool,
) -> Vec<usize> {
    let namespace = story.dice.pick(&["red", "blue", "green"]).to_owned();
    let lives = match story.dice.chance(60) {
        true => vec![life.clone()],
        // Pods that share the claim come and go while it stays.
        false => (0..2 + story.dice.below(2))
            .map(|_| {
                let from = story.dice.between(life.start, (life.end - 8).max(life.start + 1));
                let least = (from + 8).min(life.end - 1);
                from..story.dice.between(least, life.end) + 1
            })
            .collect(),
    };
    // The scheduler made the claim for what one pod requested.
    let extended = lives.len() == 1 && given.len() == 1 && story.dice.chance(25);
    let request: &[(&str, u32)] = if extended { &[("nvidia.com/gpu", 1)] } else { &[] };
    let pods: Vec<usize> =
        lives.iter().map(|life| story.pod_in(namespace.clone(), life, request)).collect();
    // It is there while a pod is, and after that where nobody cleans up.
    let stays = if life.end == END || by_size(given) { 90 } else { 50 };
    let is_object = is_last && (story.dice.chance(stays) || story.orderly() && by_size(given));
    for &pod in &pods {
        // A pod that ended keeps its object when its claim is deleted.
        let stays = story.dice.chance(30);
        let told = &mut story.cluster.pods[pod];
        match extended {
            true => told.extended = Some(name.to_owned()),
            false => told.claims.push(name.to_owned()),
        }
        told.is_object = is_object || stays;
    }
    if is_object {
        let object = claim_object(story, name, &namespace, life, given, extended);
        story.cluster.others.push((object, pods.clone()));
    }
    pods
}

/// Whether what was given is a part whose size only the claim tells.
fn by_size(given: &[Given]) -> bool {
    let reserves =
        |g: &Given| g.more.get("consumedCapacity").is_some_and(|c| *c != json!({"memory": "0"}));
    given.iter().any(reserves)
}

fn claim_object(
    story: &mut Story<'_>,
    name: &str,
    namespace: &str,
    life: &Range<i64>,
    given: &[Given],
    extended: bool,
) -> Value {
    let results: Vec<Value> = given
        .iter()
        .map(|g| {
            let mut result = json!({
                "request": "gpu", "driver": DRIVER, "pool": story.name, "device": g.device,
            });
            for (key, value) in &g.more {
                result[key] = value.clone();
            }
            result
        })
        .collect();
    let mut allocation = json!({"devices": {"results": results}});
    if story.dice.chance(50) {
        allocation["allocationTimestamp"] = json!(time(at(life.start)));
    }
    // Made with its pod, or long before it.
    let created = life.start - story.dice.pick(&[0, 0, 15]);
    let mut object = json!({
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": format!("claim-{name}"),
            "creationTimestamp": time(at(created)),
        },
        "spec": {"devices": {"requests": [{
            "name": "gpu", "exactly": {"deviceClassName": DRIVER, "count": given.len()},
        }]}},
        "status": {"allocation": allocation},
    });
    if extended {
        object["metadata"]["annotations"] =
            json!({"resource.kubernetes.io/extended-resource-claim": "true"});
    }
    object
}

fn occupants(story: &Story<'_>, pods: &[usize], claim: &str, device: &str) -> Vec<Occupant> {
    let label =
        ClaimLabel { name: claim.to_owned(), pool: story.name.clone(), device: device.to_owned() };
    pods.iter().map(|&pod| Occupant { pod, claim: Some(label.clone()), vgpu: None }).collect()
}

/// A claim for administration: it looks at a device and has no part of it.
fn admin(story: &mut Story<'_>, device: &str) {
    if story.dice.chance(30) {
        let name = format!("admin-{}", story.name);
        let more = [("adminAccess".to_owned(), json!(true))].into_iter().collect();
        let given = [Given { device: device.to_owned(), more }];
        let life = -10..END;
        let pod = story.pod_in("monitoring".to_owned(), &life, &[]);
        let told = &mut story.cluster.pods[pod];
        told.claims.push(name.clone());
        (told.named, told.is_object) = (false, true);
        let object = claim_object(story, &name, "monitoring", &life, &given, false);
        story.cluster.others.push((object, vec![pod]));
    }
}

/// Whole devices, one or two to a claim, one or several pods to it.
pub(super) fn whole(mut story: Story<'_>) {
    let cards = 1 + story.dice.below(3);
    story.node(&[], &[]);
    let name = story.name.clone();
    let devices: Vec<Value> = (0..cards)
        .map(|n| card(&format!("gpu-{n}"), &name, n, H100, story.dice.chance(10)))
        .collect();
    slice(&mut story, &devices, &[]);
    let mut n = 0;
    while n < cards {
        let had = if n + 1 < cards && story.dice.chance(35) { 2 } else { 1 };
        let mut things: Vec<Thing> = (n..n + had).map(|c| story.card(c, H100, 81_920)).collect();
        let lives = story.lives(-40, END);
        for (k, life) in lives.iter().enumerate() {
            let name = format!("whole-{}-{n}-{k}", story.name);
            let given: Vec<Given> =
                (n..n + had).map(|c| Given::whole(format!("gpu-{c}"))).collect();
            let pods = claim(&mut story, &name, life, &given, k + 1 == lives.len());
            for (thing, given) in things.iter_mut().zip(&given) {
                thing.occupants.extend(occupants(&story, &pods, &name, &given.device));
            }
        }
        things.into_iter().for_each(|thing| story.show(thing));
        n += had;
    }
    admin(&mut story, "gpu-0");
}

/// Profile, GPU instance profile, first memory slice, memory slices, multiprocessors, memory in MiB.
type Partition = (&'static str, u32, u32, u32, u32, u32);

const SMALL: [Partition; 4] = [
    ("1g.10gb", 19, 4, 1, 14, 9_728),
    ("1g.10gb", 19, 5, 1, 14, 9_728),
    ("1g.10gb", 19, 6, 1, 14, 9_728),
    ("1g.10gb", 19, 0, 1, 14, 9_728),
];
const LARGE: [Partition; 3] = [
    ("3g.40gb", 9, 0, 4, 42, 40_192),
    ("3g.40gb", 9, 4, 4, 42, 40_192),
    // It lies across both: nothing of three slices fits beside it.
    ("3g.40gb", 9, 2, 4, 42, 40_192),
];

fn counters(first: u32, slices: u32, multiprocessors: u32) -> Value {
    let mut out = json!({"multiprocessors": {"value": multiprocessors.to_string()}});
    for n in first..first + slices {
        out[format!("memory-slice-{n}")] = json!({"value": "1"});
    }
    out
}

fn device_of(card: usize, (profile, number, first, ..): Partition) -> String {
    format!("gpu-{card}-mig-{}-{number}-{first}", profile.replace('.', ""))
}

/// Partitions that are cut for a claim and vanish with it. The pool lists the card and all of them.
pub(super) fn partitions(mut story: Story<'_>) {
    let cards = 1 + story.dice.below(2);
    story.node(&[], &[]);
    let name = story.name.clone();
    let (mut devices, mut sets) = (Vec::new(), Vec::new());
    for n in 0..cards {
        let set = format!("gpu-{n}-counter-set");
        let consumes = |counters| json!([{"counterSet": set, "counters": counters}]);
        let mut whole = card(&format!("gpu-{n}"), &name, n, A100, false);
        whole["consumesCounters"] = consumes(counters(0, 8, 98));
        devices.push(whole);
        for p in SMALL.into_iter().chain(LARGE) {
            devices.push(json!({
                "name": device_of(n, p),
                "attributes": {
                    "type": {"string": "mig"},
                    "profile": {"string": p.0},
                    "parentUUID": {"string": format!("GPU-{name}-{n}")},
                    "productName": {"string": A100},
                },
                "capacity": {"memory": {"value": format!("{}Mi", p.5)}},
                "consumesCounters": consumes(counters(p.2, p.3, p.4)),
            }));
        }
        sets.push(json!({"name": set, "counters": counters(0, 8, 98)}));
    }
    slice(&mut story, &devices, &sets);
    for n in 0..cards {
        cut(&mut story, n);
    }
}

/// One card's partitions: a set that fits, each handed out again and again.
fn cut(story: &mut Story<'_>, n: usize) {
    let fitting: Vec<Partition> = match story.dice.below(4) {
        0 => vec![LARGE[0], LARGE[1]],
        1 => vec![LARGE[0], SMALL[0], SMALL[1]],
        2 => vec![LARGE[2], SMALL[2]],
        _ => vec![],
    };
    if fitting.is_empty() {
        let thing = story.card(n, A100, 81_920);
        story.show(thing);
    }
    for (p, partition) in fitting.into_iter().enumerate() {
        let device = device_of(n, partition);
        let lives = story.lives(-40, END);
        for (k, life) in lives.iter().enumerate() {
            let name = format!("cut-{}-{n}-{p}-{k}", story.name);
            let given = [Given::whole(device.clone())];
            let pods = claim(story, &name, life, &given, k + 1 == lives.len());
            let mut thing = story.card(n, A100, partition.5);
            let number = u32::try_from(p).expect("small") + partition.1;
            thing.instance = Some((number, partition.0.to_owned()));
            thing.there = life.clone();
            thing.occupants = occupants(story, &pods, &name, &device);
            // Some exporters show instances of dynamic MIG without labels, others do not show them.
            let told = if story.orderly() { 0 } else { story.dice.below(4) };
            if told == 1 {
                thing.occupants.clear();
            }
            if told != 2 {
                story.show(thing);
            }
        }
    }
}

/// Devices that several claims have at once: by shares, by memory, or without any limit.
pub(super) fn capacity(mut story: Story<'_>) {
    let cards = 1 + story.dice.below(2);
    story.node(&[], &[]);
    let name = story.name.clone();
    let by = story.dice.below(3);
    let devices: Vec<Value> = (0..cards)
        .map(|n| {
            let mut device = card(&format!("gpu-{n}"), &name, n, H100, false);
            device["allowMultipleAllocations"] = json!(true);
            if by == 0 {
                device["capacity"]["shares"] = json!({"value": "4"});
            }
            device
        })
        .collect();
    slice(&mut story, &devices, &[]);
    for n in 0..cards {
        let device = format!("gpu-{n}");
        let mut thing = story.card(n, H100, 81_920);
        for seat in 0..1 + story.dice.below(3) {
            let consumed = match by {
                0 => json!({"shares": (1 + usize::from(seat == 0)).to_string(), "memory": "0"}),
                1 => json!({"memory": story.dice.pick(&["10Gi", "20Gi"])}),
                _ => json!({"memory": "0"}),
            };
            let mut lives = story.lives(-40, END);
            // How much a claim that is gone had beside others nobody knows, where that was a matter of size.
            if story.orderly() && by < 2 {
                lives.drain(..lives.len().saturating_sub(1));
            }
            for (k, life) in lives.iter().enumerate() {
                let name = format!("share-{}-{n}-{seat}-{k}", story.name);
                let more = [
                    ("shareID".to_owned(), json!(format!("id-{name}"))),
                    ("consumedCapacity".to_owned(), consumed.clone()),
                ];
                let given = [Given { device: device.clone(), more: more.into_iter().collect() }];
                let pods = claim(&mut story, &name, life, &given, k + 1 == lives.len());
                thing.occupants.extend(occupants(&story, &pods, &name, &device));
            }
        }
        story.show(thing);
    }
    admin(&mut story, "gpu-0");
}
