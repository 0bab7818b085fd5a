//! Nodes of the device plugin: whole cards, MIG instances, replicas of either, cards for machines.

use super::cluster::{MARGIN, STEPS, Story, on};

const A100: &str = "NVIDIA A100-SXM4-80GB";
const L4: &str = "NVIDIA L4";
const END: i64 = STEPS + MARGIN;

/// Profiles with their memory in MiB that go together on a card.
const LAYOUTS: [&[(&str, u32)]; 5] = [
    // MIG is on and nothing is cut: the exporter shows nothing of the card.
    &[],
    &[("3g.40gb", 40_192), ("3g.40gb", 40_192)],
    &[("3g.40gb", 40_192), ("1g.10gb", 9_728), ("1g.10gb", 9_728)],
    &[("2g.20gb", 19_968), ("1g.10gb", 9_728)],
    &[("1g.10gb", 9_728); 7],
];

fn product(model: &str) -> String {
    model.replace(' ', "-")
}

/// Whole cards, one or two to a pod.
pub(super) fn exclusive(mut story: Story<'_>) {
    let cards = 1 + story.dice.below(3);
    let count = u32::try_from(cards).expect("small");
    let labels = [("nvidia.com/gpu.product", product(A100))];
    story.node(&labels, &[("nvidia.com/gpu", count)]);
    let mut card = 0;
    while card < cards {
        let both = card + 1 < cards && story.dice.chance(30);
        let had = if both { 2 } else { 1 };
        let lives = story.lives(-40, END);
        let request = [("nvidia.com/gpu", u32::try_from(had).expect("small"))];
        let pods: Vec<usize> = lives.iter().map(|life| story.pod(life, &request)).collect();
        for n in card..card + had {
            let mut thing = story.card(n, A100, 81_920);
            thing.occupants = pods.iter().map(|&pod| on(pod, None)).collect();
            // Somebody's name stays on a card that another has.
            if !story.orderly() && story.dice.chance(20) {
                let start = story.dice.between(0, STEPS);
                let late = story.pod(&(start..start + 10), &[]);
                thing.occupants.push(on(late, None));
            }
            story.show(thing);
        }
        card += had;
    }
}

/// MIG by the `mixed` strategy, each instance in `replicas`.
pub(super) fn mig_mixed(mut story: Story<'_>, replicas: u32) {
    let cards = 1 + story.dice.below(2);
    let renamed = replicas > 1 && story.dice.chance(50);
    let mut labels = vec![
        ("nvidia.com/gpu.product", product(A100)),
        ("nvidia.com/gpu.count", cards.to_string()),
        ("nvidia.com/mig.strategy", "mixed".to_owned()),
    ];
    let mut resources: Vec<(String, u32)> = vec![("nvidia.com/gpu".to_owned(), 0)];
    for card in 0..cards {
        let layout = LAYOUTS[story.dice.below(LAYOUTS.len())];
        // A card that is cut anew shows other instances from then on, if anything is shown then.
        let is_shown = !story.orderly() || story.outage.is_empty();
        let recut = (replicas == 1 && is_shown && story.dice.chance(25))
            .then(|| story.dice.between(20, 50));
        let again = recut.map(|at| (at, LAYOUTS[1 + story.dice.below(LAYOUTS.len() - 1)]));
        let first = (-MARGIN..recut.unwrap_or(END), layout, 0);
        let second = again.map(|(at, layout)| (at..END, layout, 20));
        for (there, layout, numbers) in std::iter::once(first).chain(second) {
            for (number, &(profile, memory_mib)) in (numbers..).zip(layout) {
                let suffix = if renamed { ".shared" } else { "" };
                let resource = format!("nvidia.com/mig-{profile}{suffix}");
                let mut thing = story.card(card, A100, memory_mib);
                thing.instance = Some((number, profile.to_owned()));
                thing.there = there.clone();
                for unit in 0..replicas {
                    for life in story.lives(there.start, there.end) {
                        let pod = story.pod(&life, &[(&resource, 1)]);
                        let vgpu = (replicas > 1).then(|| usize::try_from(unit).expect("small"));
                        thing.occupants.push(on(pod, vgpu));
                    }
                }
                story.show(thing);
                match resources.iter_mut().find(|(r, _)| *r == resource) {
                    Some((_, n)) if recut.is_none() => *n += replicas,
                    Some(_) => {}
                    None => resources.push((resource, replicas)),
                }
            }
        }
    }
    let keys: Vec<(String, String)> = LAYOUTS
        .iter()
        .flat_map(|layout| layout.iter())
        .map(|(p, _)| (format!("nvidia.com/mig-{p}.replicas"), replicas.to_string()))
        .collect();
    labels.extend(keys.iter().map(|(k, v)| (k.as_str(), v.clone())));
    let resources: Vec<(&str, u32)> = resources.iter().map(|(r, n)| (r.as_str(), *n)).collect();
    story.node(&labels, &resources);
}

/// MIG by the `single` strategy: `nvidia.com/gpu` is an instance.
pub(super) fn mig_single(mut story: Story<'_>) {
    let cards = 1 + story.dice.below(2);
    let (profile, memory_mib, each) =
        story.dice.pick(&[("1g.10gb", 9_728, 7_u32), ("3g.40gb", 40_192, 2)]);
    let count = each * u32::try_from(cards).expect("small");
    let labels = [
        ("nvidia.com/gpu.product", format!("{}-MIG-{profile}", product(A100))),
        ("nvidia.com/gpu.count", count.to_string()),
        ("nvidia.com/gpu.replicas", "1".to_owned()),
        ("nvidia.com/mig.strategy", "single".to_owned()),
    ];
    story.node(&labels, &[("nvidia.com/gpu", count)]);
    for card in 0..cards {
        for number in 0..each {
            let mut thing = story.card(card, A100, memory_mib);
            thing.instance = Some((7 + number, profile.to_owned()));
            for life in story.lives(-40, END) {
                let pod = story.pod(&life, &[("nvidia.com/gpu", 1)]);
                thing.occupants.push(on(pod, None));
            }
            story.show(thing);
        }
    }
}

/// Replicas of whole cards that take turns or run side by side.
pub(super) fn replicas(mut story: Story<'_>, strategy: &str) {
    let cards = 1 + story.dice.below(2);
    let replicas = 2 + story.dice.below(3);
    let renamed = story.dice.chance(50);
    let units = u32::try_from(cards * replicas).expect("small");
    let labels = [
        ("nvidia.com/gpu.product", product(L4)),
        ("nvidia.com/gpu.count", cards.to_string()),
        ("nvidia.com/gpu.replicas", replicas.to_string()),
        ("nvidia.com/gpu.sharing-strategy", strategy.to_owned()),
    ];
    let resource = if renamed { "nvidia.com/gpu.shared" } else { "nvidia.com/gpu" };
    let resources = [("nvidia.com/gpu", 0), (resource, units)];
    story.node(&labels, &resources[usize::from(!renamed)..]);
    for n in 0..cards {
        let mut thing = story.card(n, L4, 23_034);
        let mut unit = 0;
        while unit < replicas {
            let had = if unit + 1 < replicas && story.dice.chance(25) { 2 } else { 1 };
            for life in story.lives(-40, END) {
                let count = u32::try_from(had).expect("small");
                let pod = story.pod(&life, &[(resource, count)]);
                thing.occupants.extend((unit..unit + had).map(|u| on(pod, Some(u))));
            }
            unit += had;
        }
        story.show(thing);
    }
}

/// Cards that go to virtual machines: no exporter of the host shows them.
pub(super) fn passthrough(mut story: Story<'_>) {
    let cards = 1 + story.dice.below(2);
    let count = u32::try_from(cards).expect("small");
    let resource = story.dice.pick(&["nvidia.com/GH100_H100_PCIE", "nvidia.com/pgpu"]);
    let labels = [("nvidia.com/gpu.workload.config", "vm-passthrough".to_owned())];
    let node = story.node(&labels, &[(resource, count), ("nvidia.com/gpu", 0)]);
    // Only the object tells of such resources.
    story.cluster.nodes[node].is_object = true;
    for _ in 0..cards {
        for life in story.lives(-40, END) {
            let pod = story.pod(&life, &[(resource, 1)]);
            let pod = &mut story.cluster.pods[pod];
            (pod.in_metrics, pod.is_object) = (false, true);
        }
    }
}
