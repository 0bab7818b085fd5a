//! The tables of docs/mig.md against the data that the ledger uses, and its examples against the code.
//!
//! `GPU_FINOPS_UPDATE=1 cargo test --test main mig_reference` writes the tables anew.

use std::fmt::Write;

use gpu_finops::attribution::mig::layout;
use gpu_finops::attribution::mig::profile::{self, Profile};
use gpu_finops::attribution::mig::table::{self, Gpu, Row};

use crate::settings_reference::{assert_generated, in_repository};

const PAGE: &str = "docs/mig.md";
const BEGIN: &str = "<!-- begin: generated from src/attribution/mig/table.yaml; do not edit -->\n";
const END: &str = "<!-- end -->\n";

fn page() -> String {
    std::fs::read_to_string(in_repository(PAGE)).expect("the page exists")
}

#[test]
fn the_docs_have_the_table_that_counts() {
    let page = page();
    let (before, rest) = page.split_once(BEGIN).expect("the mark of the begin");
    let (_, after) = rest.split_once(END).expect("the mark of the end");
    let tables: String = table::gpus().iter().map(tables_of).collect();
    assert_generated(PAGE, &format!("{before}{BEGIN}{tables}\n{END}{after}"));
}

fn tables_of(gpu: &Gpu) -> String {
    let mut text = format!(
        "\n### {}\n\n{} compute slices, {} memory slices. Source: {}, read {}.\n\n\
         | profile | compute | memory | share | instances on a card | variants |\n\
         |---|---|---|---|---|---|\n",
        gpu.name, gpu.compute, gpu.memory, gpu.source.text, gpu.source.read
    );
    gpu.rows.iter().for_each(|row| text += &line_of(gpu, row));
    text
}

fn line_of(gpu: &Gpu, row: &Row) -> String {
    let share = (f64::from(row.compute) / f64::from(gpu.compute))
        .max(f64::from(row.memory) / f64::from(gpu.memory));
    let mut variants = String::new();
    for (profile, max) in &row.variants {
        let separator = if variants.is_empty() { "" } else { ", " };
        write!(variants, "{separator}`{}` {max}", profile.variant()).expect("a string");
    }
    format!(
        "| `{}` | {}/{} | {}/{} | {share:.4} | {} | {variants} |\n",
        row.profile,
        row.compute,
        gpu.compute,
        row.memory,
        gpu.memory,
        row.max.map_or("—".to_owned(), |max| max.to_string()),
    )
}

/// The worked example of the page: an A100 80 GB at 2.50 USD an hour.
#[test]
fn the_example_of_the_docs_is_what_comes_out() {
    const MODEL: &str = "NVIDIA A100-SXM4-80GB";
    const PRICE: f64 = 2.50;
    let cut = |small: usize| -> Vec<Profile> {
        let small = std::iter::repeat_n("1g.10gb", small);
        let names = small.chain(["3g.40gb"]);
        names.map(|name| name.parse().expect("a profile")).collect()
    };
    let costs = |profiles: &[Profile]| -> Vec<f64> {
        let shares = layout::scaled_shares(MODEL, profiles, None).expect("known");
        shares.iter().map(|share| share * PRICE).collect()
    };
    let page = page();
    let assert_said = |what: &str, cost: f64| {
        let row = page.lines().find(|line| line.starts_with(what)).expect(what);
        assert!(row.contains(&format!("{cost:.4}")), "{row}: {cost:.4}");
    };
    let three = costs(&cut(3));
    assert_said("| team-a,", three[0] + three[1]);
    assert_said("| team-b,", three[3]);
    assert_said("| nobody: the third", three[2]);
    assert_said("| nobody: what is left", PRICE - three.iter().sum::<f64>());
    assert!(layout::any_fits(MODEL, &cut(3)), "unallocated, the page says");
    let four = costs(&cut(4));
    assert_said("| each `1g.10gb`", four[0]);
    assert_said("| the `3g.40gb`", four[4]);
    assert!(!layout::any_fits(MODEL, &cut(4)));
}

/// Devices of a recorded cluster: names say what the attributes say.
#[test]
fn recorded_devices_are_named_by_their_profile() {
    let Some(data) = std::env::var_os("GPU_FINOPS_TEST_DATA") else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let file = std::path::Path::new(&data).join("recordings/kubernetes-1.36/resourceslices.json");
    let text = std::fs::read_to_string(file).expect("the recording");
    let slices: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let slices = slices["items"].as_array().expect("a list").iter();
    let devices = slices.flat_map(|s| s["spec"]["devices"].as_array().cloned().unwrap_or_default());
    let mut seen = 0;
    for device in devices {
        let Some(attribute) = device["attributes"]["profile"]["string"].as_str() else { continue };
        let name = device["name"].as_str().expect("a name");
        let found = profile::device(name).expect("a MIG device");
        assert_eq!(found.profile.map(|p| p.to_string()).as_deref(), Some(attribute), "{name}");
        seen += 1;
    }
    assert!(seen > 0, "no MIG device in the recording");
}
