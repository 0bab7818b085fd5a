//! Cards that a scheduler divides and annotations tell of: HAMi's virtual GPUs, KAI's fractions.

use gpu_finops::model::{Interval, IntervalSet};

use super::cluster::{MARGIN, STEPS, Story, on};

const V100: &str = "NVIDIA Tesla V100-PCIE-32GB";
const A100: &str = "NVIDIA A100-SXM4-80GB";
const END: i64 = STEPS + MARGIN;

/// Parts of cards by memory and cores, now and then more than there are.
pub(super) fn hami(mut story: Story<'_>) {
    let cards = 1 + story.dice.below(2);
    let split = 4;
    let count = split * u32::try_from(cards).expect("small");
    let node = story.node(&[], &[("nvidia.com/gpu", count)]);
    let name = story.name.clone();
    let register: String = (0..cards)
        .map(|n| format!("GPU-{name}-{n},{split},32768,100,NVIDIA-{V100},0,true:"))
        .collect();
    let node = &mut story.cluster.nodes[node];
    node.annotations.push(("hami.io/node-nvidia-register".to_owned(), register));
    node.is_object = true;
    for n in 0..cards {
        let mut thing = story.card(n, V100, 32_768);
        for _ in 0..2 + story.dice.below(2) {
            let memory = 1_024 * (1 + story.dice.below(16));
            let cores = 5 * story.dice.below(10);
            for life in story.lives(-40, END) {
                let pod = story.pod(&life, &[("nvidia.com/gpu", 1)]);
                let grant = format!("GPU-{name}-{n},NVIDIA,{memory},{cores}:;");
                let told = &mut story.cluster.pods[pod];
                told.annotations.push(("hami.io/vgpu-devices-allocated".to_owned(), grant));
                // The annotation is all that tells what the pod has.
                told.is_object = true;
                thing.occupants.push(on(pod, None));
            }
        }
        story.show(thing);
    }
}

/// Fractions: a reservation pod has the card, the pods of its group share it.
pub(super) fn kai(mut story: Story<'_>) {
    let cards = 1 + story.dice.below(2);
    let count = u32::try_from(cards).expect("small");
    let labels = [("nvidia.com/gpu.product", A100.replace(' ', "-"))];
    story.node(&labels, &[("nvidia.com/gpu", count)]);
    for n in 0..cards {
        let mut thing = story.card(n, A100, 81_920);
        let seats = 1 + story.dice.below(3);
        let lives: Vec<_> = (0..seats).flat_map(|_| story.lives(-40, END)).collect();
        let times = lives.iter().map(|life| Interval::new(life.start, life.end));
        // A reservation stays as long as anybody of its group is there; the next one is another group's.
        let groups = IntervalSet::union_of(times);
        for (g, group) in groups.as_slice().iter().enumerate() {
            let label = ("runai-gpu-group".to_owned(), format!("group-{}-{n}-{g}", story.name));
            let of_group =
                lives.iter().filter(|life| group.start <= life.start && life.end <= group.end);
            for life in of_group {
                let annotation = match story.dice.chance(70) {
                    true => ("gpu-fraction", story.dice.pick(&["0.25", "0.5", "0.3"])),
                    false => ("gpu-memory", "20480"),
                };
                let pod = story.pod(life, &[]);
                let told = &mut story.cluster.pods[pod];
                told.annotations.push((annotation.0.to_owned(), annotation.1.to_owned()));
                told.labels.push(label.clone());
                // It requests nothing: only the object tells of it, and the kubelet does not.
                (told.named, told.in_metrics, told.is_object) = (false, false, true);
            }
            let namespace = "kai-resource-reservation".to_owned();
            let pod = story.pod_in(namespace, &(group.start..group.end), &[("nvidia.com/gpu", 1)]);
            let told = &mut story.cluster.pods[pod];
            told.labels.push(label);
            told.is_object = true;
            thing.occupants.push(on(pod, None));
        }
        story.show(thing);
    }
}
