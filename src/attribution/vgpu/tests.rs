use proptest::prelude::*;

use super::notation::{cards, grants};
use super::*;
use crate::attribution::attribute;
use crate::model::objects::{NodeFact, PodFact, PodPhase};
use crate::model::{Inputs, Policy, Window};
use crate::mutation::{damaged, fixed};

const UUID: &str = "GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec";

fn card(split: u32, memory_mib: u32, cores: u32) -> Card {
    Card { uuid: UUID.into(), split, memory_mib, cores, model: None }
}

fn part(memory_mib: u32, cores: u32, card: &Card) -> f64 {
    share(&Grant { uuid: UUID.into(), memory_mib, cores }, Some(card), None)
}

#[test]
fn what_a_pod_was_given_is_read_by_device_and_container() {
    let read =
        grants(&format!("{UUID},NVIDIA,3000,25:GPU-b,NVIDIA,0,100:;GPU-c[1-0],NVIDIA,5,0:;"));
    let read: Vec<_> =
        read.expect("good").into_iter().map(|g| (g.uuid, g.memory_mib, g.cores)).collect();
    let expected = [(UUID, 3000, 25), ("GPU-b", 0, 100), ("GPU-c", 5, 0)];
    assert_eq!(read, expected.map(|(uuid, memory, cores)| (uuid.to_owned(), memory, cores)));
}

#[test]
fn what_cannot_be_read_is_shown() {
    for text in
        ["GPU-a", "GPU-a,NVIDIA,1", "GPU-a,NVIDIA,-1,2", "GPU-a,NVIDIA,1,2,3", ",NVIDIA,1,2"]
    {
        let error = grants(text).expect_err(text);
        assert!(error.contains(text), "{error}");
    }
    let long = "x".repeat(10_000);
    assert!(grants(&long).expect_err("no device").len() < 200);
    assert!(grants(&"GPU-a,NVIDIA,1,1:".repeat(2_000)).is_err());
}

#[test]
fn an_annotation_that_names_nothing_is_none() {
    let of = |text: &str| {
        BTreeMap::from([("hami.io/vgpu-devices-allocated".to_owned(), text.to_owned())])
    };
    assert_eq!(allocation(&of(":;")), None);
    assert_eq!(allocation(&of("")), None);
    assert!(allocation(&of("x")).is_some());
}

#[test]
fn lists_of_cards_have_three_spellings() {
    let one = |key: &str, text: &str| cards(key, text).expect("good").remove(0);
    let hami = format!("{UUID},10,32768,100,NVIDIA-Tesla V100-PCIE-32GB,0,true,0,hami-core:");
    let expected = Card { model: Some("Tesla V100-PCIE-32GB".into()), ..card(10, 32_768, 100) };
    assert_eq!(one("hami.io/node-nvidia-register", &hami), expected);
    let json = format!(
        r#"[{{"id":"{UUID}","count":10,"devmem":46068,"devcore":100,"type":"NVIDIA-NVIDIA A40","health":true}}]"#
    );
    let expected = Card { model: Some("NVIDIA A40".into()), ..card(10, 46_068, 100) };
    assert_eq!(one("hami.io/node-nvidia-register", &json), expected);
    let volcano = format!("{UUID},10,16384,NVIDIA,true:");
    assert_eq!(one("volcano.sh/node-vgpu-register", &volcano), card(10, 16_384, 0));
}

#[test]
fn the_scarcer_of_memory_and_cores_is_the_share() {
    let v100 = card(10, 32_768, 100);
    assert_eq!(part(8_192, 10, &v100), 0.25);
    assert_eq!(part(3_000, 50, &v100), 0.5);
    // More than there is.
    assert_eq!(part(65_536, 0, &v100), 1.0);
    // Twice the memory and three times the cores are on offer.
    assert_eq!(part(16_384, 75, &card(10, 65_536, 300)), 0.25);
    // Nothing is limited: one of ten parts.
    assert_eq!(part(0, 0, &v100), 0.1);
    // Nothing is known of the card: all of it, never nothing.
    assert_eq!(part(3_000, 0, &card(0, 0, 0)), 1.0);
    let grant = Grant { uuid: UUID.into(), memory_mib: 8_192, cores: 0 };
    assert_eq!(share(&grant, None, Some(16_384.0 * BYTES_PER_MIB)), 0.5);
}

/// One node and two pods with any annotations.
fn inputs(register: &str, pods: [&str; 2], key: &str) -> Inputs {
    let mut inputs = Inputs {
        window: Window::new(0, 3_600_000).expect("not reversed"),
        now_ms: 3_600_000,
        metrics: Vec::new(),
        facts: ClusterFacts::default(),
        sources: Vec::new(),
    };
    inputs.facts.nodes = vec![NodeFact {
        name: "n".into(),
        annotations: BTreeMap::from([("hami.io/node-nvidia-register".into(), register.into())]),
        gpu_capacity: BTreeMap::from([("nvidia.com/gpu".into(), 10)]),
        gpu_allocatable: BTreeMap::from([("nvidia.com/gpu".into(), 10)]),
        ..NodeFact::default()
    }];
    let pod = |(n, text): (usize, &str)| PodFact {
        namespace: "a".into(),
        name: format!("p-{n}"),
        node: Some("n".into()),
        annotations: BTreeMap::from([(key.to_owned(), text.to_owned())]),
        phase: PodPhase::Running,
        ..PodFact::default()
    };
    inputs.facts.pods = pods.into_iter().enumerate().map(pod).collect();
    inputs
}

#[test]
fn trap_10_without_a_list_the_cards_are_those_that_pods_name() {
    let text = format!("{UUID},NVIDIA,0,25:;");
    let mut inputs = inputs("", [&text, &text], "hami.io/vgpu-devices-allocated");
    let attribution = attribute(&inputs, &Policy::default(), |_| ()).0;
    // Ten in capacity are ten parts of one card.
    let ids: Vec<_> = attribution.devices.iter().map(|d| (d.id.as_str(), d.sharing)).collect();
    assert_eq!(ids, [(UUID, Sharing::Vgpu)]);
    // A label counts cards.
    inputs.facts.nodes[0].labels.insert("nvidia.com/gpu.count".into(), "2".into());
    assert_eq!(attribute(&inputs, &Policy::default(), |_| ()).0.devices.len(), 2);
}

#[test]
fn a_card_that_no_node_has_is_no_reason_to_bill() {
    let register = format!("{UUID},10,32768,100,NVIDIA-A,0,true:");
    let inputs = inputs(&register, ["GPU-x,NVIDIA,1,1:;", ""], "hami.io/vgpu-devices-allocated");
    let attribution = attribute(&inputs, &Policy::default(), |_| ()).0;
    assert_eq!(attribution.pieces, []);
    let problems = &attribution.oddities.bad_annotations;
    assert!(problems.len() == 1 && problems[0].contains("a/p-0") && problems[0].contains("GPU-x"));
}

const ALLOCATIONS: &[&str] = &[
    "GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec,NVIDIA,3000,25:;",
    "GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec,NVIDIA,0,100:GPU-b,NVIDIA,4294967295,4294967295:;",
    "0.5",
    "20480",
];
const REGISTERS: &[&str] = &[
    "GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec,10,32768,100,NVIDIA-Tesla V100,0,true:GPU-b,4294967295,0,0,,0,true:",
    r#"[{"id":"GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec","count":10,"devmem":46068,"devcore":300,"type":"NVIDIA-A40"}]"#,
];
const PIECES: &[&str] =
    &[",", ":", ";", "[", "]", "{", "\"", "-1", "1e308", "NaN", "inf", "GPU-", "é", "\0", "0"];

proptest! {
    #![proptest_config(fixed(500))]

    #[test]
    fn damaged_annotations_never_break_the_account(
        register in damaged(REGISTERS, PIECES),
        first in damaged(ALLOCATIONS, PIECES),
        second in damaged(ALLOCATIONS, PIECES),
        key in prop::sample::select(&["hami.io/vgpu-devices-allocated", "volcano.sh/vgpu-ids-new", "gpu-fraction", "gpu-memory"][..]),
    ) {
        let [register, first, second] =
            [register, first, second].map(|t| String::from_utf8_lossy(&t).into_owned());
        let inputs = inputs(&register, [&first, &second], key);
        let (attribution, segments) = attribute(&inputs, &Policy::default(), |time| time.segments);
        for (d, _) in attribution.devices.iter().enumerate() {
            let of_device = segments[d].iter();
            let hours: f64 = of_device.map(|s| s.share * crate::units::gpu_hours(s.time.length_ms())).sum();
            prop_assert!((hours - 1.0).abs() < 1e-9, "{} of device {}", hours, d);
        }
        for problem in &attribution.oddities.bad_annotations {
            prop_assert!(problem.len() < 1_000 && !problem.contains('\0'), "{}", problem);
        }
    }
}
