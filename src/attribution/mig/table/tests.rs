use proptest::prelude::*;

use super::super::profile;
use super::*;

fn p(text: &str) -> Profile {
    text.parse().unwrap()
}

#[track_caller]
fn assert_share(model: &str, profile: &str, ratio: f64, basis: Basis) {
    let found = share(model, &p(profile), None).unwrap();
    assert!((found.ratio - ratio).abs() < 1e-12, "{model} {profile}: {}", found.ratio);
    assert_eq!(found.basis, basis, "{model} {profile}");
}

#[test]
fn the_table_is_whole() {
    let gpus = parse(TABLE).expect("valid");
    for gpu in &gpus {
        let largest = gpu.rows.iter().map(|row| (row.compute, row.memory)).max();
        assert_eq!(largest, Some((gpu.compute, gpu.memory)), "{}: no whole card", gpu.name);
        for row in &gpu.rows {
            assert_eq!(row.profile, row.profile.plain(), "{}", row.profile);
            let most = row.offered().map(|(_, max)| max).max().expect("offered");
            // As many fit as their slices allow; an A30 of four slices is no A100 of seven.
            assert!(most * row.compute <= gpu.compute, "{} {}", gpu.name, row.profile);
            assert!(most * row.memory <= gpu.memory, "{} {}", gpu.name, row.profile);
            assert!(row.compute >= row.profile.slices(), "{} {}", gpu.name, row.profile);
        }
        let mut names: Vec<_> = gpu.rows.iter().map(|row| &row.profile).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), gpu.rows.len(), "{}", gpu.name);
    }
}

#[test]
fn every_card_by_the_names_that_drivers_and_labels_give_it() {
    for (name, expected) in [
        ("NVIDIA A30", "A30"),
        ("NVIDIA A100-SXM4-40GB", "A100 40 GB, A800 40 GB"),
        ("NVIDIA-A100-PCIE-40GB", "A100 40 GB, A800 40 GB"),
        ("A100-SXM-40GB", "A100 40 GB, A800 40 GB"),
        ("NVIDIA A800 40GB Active", "A100 40 GB, A800 40 GB"),
        ("NVIDIA A100-SXM4-80GB", "A100 80 GB, A800 80 GB, H100 80 GB, H800 80 GB"),
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", "A100 80 GB, A800 80 GB, H100 80 GB, H800 80 GB"),
        ("NVIDIA-A100-SXM4-80GB-SHARED", "A100 80 GB, A800 80 GB, H100 80 GB, H800 80 GB"),
        ("NVIDIA A100 80GB PCIe", "A100 80 GB, A800 80 GB, H100 80 GB, H800 80 GB"),
        ("NVIDIA H100 80GB HBM3", "A100 80 GB, A800 80 GB, H100 80 GB, H800 80 GB"),
        (
            "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb-SHARED",
            "A100 80 GB, A800 80 GB, H100 80 GB, H800 80 GB",
        ),
        ("NVIDIA H100 PCIe", "A100 80 GB, A800 80 GB, H100 80 GB, H800 80 GB"),
        ("NVIDIA H800", "A100 80 GB, A800 80 GB, H100 80 GB, H800 80 GB"),
        ("NVIDIA H100 NVL", "H100 94 GB, H800 94 GB"),
        ("NVIDIA H100 96GB HBM3", "H100 96 GB, GH200 96 GB, H20 96 GB, PG506 96 GB"),
        ("NVIDIA GH200 480GB", "H100 96 GB, GH200 96 GB, H20 96 GB, PG506 96 GB"),
        ("NVIDIA GH200 96GB HBM3", "H100 96 GB, GH200 96 GB, H20 96 GB, PG506 96 GB"),
        ("NVIDIA H20", "H100 96 GB, GH200 96 GB, H20 96 GB, PG506 96 GB"),
        ("NVIDIA H200", "H200 141 GB"),
        ("NVIDIA-H200-NVL", "H200 141 GB"),
        ("NVIDIA GH200 144G HBM3e", "GH200 144 GB"),
        ("NVIDIA B200", "B200"),
        ("NVIDIA GB200", "GB200"),
        ("NVIDIA B300 SXM6 AC", "B300"),
        ("NVIDIA GB300", "GB300"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000 Blackwell"),
        ("NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition", "RTX PRO 6000 Blackwell"),
        ("NVIDIA RTX PRO 5000 Blackwell", "RTX PRO 5000 Blackwell 48 GB"),
        ("NVIDIA-RTX-PRO-4500-Blackwell-Server-Edition", "RTX PRO 4500 Blackwell"),
    ] {
        let normal = model_name(name);
        let matching = gpus().iter().filter(|g| g.models.is_match(&normal)).count();
        assert_eq!(matching, 1, "{name}");
        assert_eq!(gpu(name).map(|g| g.name.as_str()), Some(expected), "{name}");
    }
    for other in ["NVIDIA H100", "NVIDIA A100-SXM-64GB", "GRID A100-40C", "NVIDIA H20-3e", "T4", ""]
    {
        assert!(gpu(other).is_none(), "{other}");
    }
}

#[test]
fn trap_11_the_same_profile_is_another_share_on_another_card() {
    let table = Basis::Table;
    assert_share("NVIDIA A100-SXM4-80GB", "1g.10gb", 1.0 / 7.0, table);
    assert_share("NVIDIA A100-SXM4-40GB", "1g.10gb", 2.0 / 8.0, table);
    assert_share("NVIDIA H200", "1g.35gb", 2.0 / 8.0, table);
    assert_share("NVIDIA GB300", "1g.35gb", 1.0 / 7.0, table);
    assert_share("NVIDIA RTX PRO 6000 Blackwell Server Edition", "1g.24gb", 1.0 / 4.0, table);
    assert_share("NVIDIA H100 NVL", "1g.24gb", 2.0 / 8.0, table);
    assert_share("NVIDIA GB200", "1g.24gb", 1.0 / 7.0, table);
    assert_share("NVIDIA RTX PRO 5000 Blackwell", "1g.24gb", 1.0 / 2.0, table);
}

#[test]
fn trap_12_the_larger_fraction_counts_and_engines_do_not() {
    let a100 = "NVIDIA-A100-SXM4-80GB";
    let table = Basis::Table;
    assert_share(a100, "1g.10gb+me", 1.0 / 7.0, table);
    assert_share(a100, "1g.20gb", 2.0 / 8.0, table);
    assert_share(a100, "2g.20gb", 2.0 / 7.0, table);
    assert_share(a100, "3g.40gb", 4.0 / 8.0, table);
    assert_share(a100, "4g.40gb", 4.0 / 7.0, table);
    assert_share(a100, "7g.80gb", 1.0, table);
    assert_share("NVIDIA A30", "1g.6gb+me", 1.0 / 4.0, table);
    assert_share("NVIDIA A30", "4g.24gb", 1.0, table);
    let pro = "NVIDIA RTX PRO 6000 Blackwell Server Edition";
    for variant in ["1g.24gb+me", "1g.24gb+gfx", "1g.24gb+me.all", "1g.24gb-me", "1g.24gb+new"] {
        assert_share(pro, variant, 1.0 / 4.0, table);
    }
}

#[test]
fn a_compute_instance_has_its_part_of_the_gpu_instance() {
    // 1c of 3: a third of 4/8. 2c of 7 on the whole card: two sevenths.
    assert_share("NVIDIA A100-SXM4-80GB", "1c.3g.40gb", 0.5 / 3.0, Basis::Table);
    assert_share("NVIDIA A100-SXM4-80GB", "2c.7g.80gb", 2.0 / 7.0, Basis::Table);
}

#[test]
fn on_a_known_card_an_unlisted_profile_counts_by_its_numbers() {
    // Newer drivers say 3g.126gb on a card of 278 GB: 126 / 278 × 8 = 3.6, four slices of memory.
    assert_share("NVIDIA GB300", "3g.126gb", 4.0 / 8.0, Basis::Assumed);
    // 16 / 96 × 4 = 0.67: one of four.
    assert_share("NVIDIA RTX PRO 6000 Blackwell", "1g.16gb", 1.0 / 4.0, Basis::Assumed);
    // More compute slices than the card has.
    assert_eq!(share("NVIDIA A30", &p("7g.24gb"), None), None);
}

#[test]
fn on_an_unknown_card_memory_counts_where_it_is_known() {
    const GB: f64 = 1_073_741_824.0;
    let of = |profile: &str, gb: Option<f64>| {
        let found = share("GRID A100-40C", &p(profile), gb.map(|gb| gb * GB)).unwrap();
        assert_eq!(found.basis, Basis::Assumed);
        found.ratio
    };
    assert_eq!(of("1g.10gb", None), 1.0 / 7.0);
    assert_eq!(of("1g.10gb", Some(40.0)), 2.0 / 8.0);
    assert_eq!(of("1g.10gb", Some(79.6)), 1.0 / 7.0);
    assert_eq!(of("3g.32gb", Some(64.0)), 4.0 / 8.0);
    assert_eq!(of("7g.64gb", Some(63.4)), 1.0);
    // Trap 10: nodes with the `single` strategy report the memory of an instance, 9.6 GB.
    assert_eq!(of("1g.10gb", Some(9.6)), 1.0 / 7.0);
    for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(of("2g.10gb", Some(odd)), 2.0 / 7.0, "{odd}");
    }
    assert_eq!(share("unknown", &p("8g.80gb"), None), None);
    assert_eq!(share("unknown", &p("1g.0gb"), None), None);
}

#[test]
fn sources_are_named_with_their_day() {
    for gpu in gpus() {
        assert!(gpu.source.text.starts_with("NVIDIA "), "{}", gpu.name);
        assert_eq!(gpu.source.read.len(), "2026-01-31".len(), "{}", gpu.name);
    }
}

/// Any model: one of the table, or none of it.
fn model() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("NVIDIA A100-SXM4-40GB".to_owned()),
        Just("NVIDIA GB200".to_owned()),
        Just("NVIDIA RTX PRO 5000 Blackwell".to_owned()),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(crate::mutation::fixed(256))]
    #[test]
    fn a_share_is_above_0_and_at_most_1(
        model in model(),
        text in "([1-8]c\\.)?[1-8]g\\.[0-9]{1,4}gb([+-](me|gfx))?",
        bytes in proptest::option::of(any::<f64>()),
    ) {
        if let Ok(spelled) = profile::read(&text)
            && let Some(share) = share(&model, &spelled.profile, bytes)
        {
            prop_assert!(share.ratio > 0.0 && share.ratio <= 1.0, "{text}: {}", share.ratio);
        }
    }
}
