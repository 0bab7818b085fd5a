use proptest::prelude::*;

use super::*;

/// What a text is read as: the canonical profile, and whether it is shared.
fn is(text: &str) -> (String, bool) {
    let spelled = read(text).unwrap_or_else(|error| panic!("{error}"));
    (spelled.profile.to_string(), spelled.shared)
}

#[test]
fn every_spelling_of_a_profile() {
    for (text, profile) in [
        ("1g.10gb", "1g.10gb"),
        ("1g.5gb+me", "1g.5gb+me"),
        ("1c.3g.20gb", "1c.3g.20gb"),
        ("7c.7g.80gb", "7g.80gb"),
        ("1g.24gb+gfx", "1g.24gb+gfx"),
        ("1g.24gb+me.all", "1g.24gb+me.all"),
        ("1g.24gb-me", "1g.24gb-me"),
        ("1g.24gb+me,gfx", "1g.24gb+gfx+me"),
        ("1c.2g.48gb+gfx", "1c.2g.48gb+gfx"),
        ("MIG 1g.34gb", "1g.34gb"),
        (" 3G.40GB\n", "3g.40gb"),
        // The device plugin's resources.
        ("nvidia.com/mig-1g.5gb", "1g.5gb"),
        ("nvidia.com/mig-1g.5gb.me", "1g.5gb+me"),
        ("nvidia.com/mig-1g.24gb.me.all", "1g.24gb+me.all"),
        ("nvidia.com/mig-1g.24gb-me", "1g.24gb-me"),
        ("nvidia.com/mig-1c.3g.20gb", "1c.3g.20gb"),
        ("mig-3g.40gb", "3g.40gb"),
        // Labels of GPU feature discovery.
        ("nvidia.com/mig-1g.5gb.count", "1g.5gb"),
        ("nvidia.com/mig-1g.5gb.me.count", "1g.5gb+me"),
        ("nvidia.com/mig-2g.10gb.engines.copy", "2g.10gb"),
        ("nvidia.com/mig-2g.10gb.sharing-strategy", "2g.10gb"),
        ("nvidia.com/mig-1g.24gb.me.all.slices.gi", "1g.24gb+me.all"),
        // Trap 23: kube-state-metrics keeps letters, digits and underscores alone.
        ("nvidia_com_mig_1g_5gb", "1g.5gb"),
        ("nvidia_com_mig_1g_5gb_me", "1g.5gb+me"),
        ("nvidia_com_mig_1g_24gb_me_all", "1g.24gb+me.all"),
        ("nvidia_com_mig_1c_3g_20gb", "1c.3g.20gb"),
        // Products.
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", "1g.10gb"),
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb.me", "1g.10gb+me"),
        ("NVIDIA B300 SXM6 AC MIG 1g.34gb", "1g.34gb"),
        // Devices of the DRA driver.
        ("gpu-0-mig-1g12gb-19-0", "1g.12gb"),
        ("gpu-11-mig-1g12gb-me-20-3", "1g.12gb+me"),
        ("gpu-0-mig-1g24gb-meall-65-0", "1g.24gb+me.all"),
        ("gpu-0-mig-1c3g20gb-9-4", "1c.3g.20gb"),
    ] {
        assert_eq!(is(text), (profile.to_owned(), false), "{text}");
    }
}

#[test]
fn sharing_is_told_apart_from_the_profile() {
    for (text, profile) in [
        ("nvidia.com/mig-1g.5gb.shared", "1g.5gb"),
        ("nvidia.com/mig-1g.5gb.me.shared", "1g.5gb+me"),
        ("nvidia.com/mig-1g.5gb.shared.count", "1g.5gb"),
        ("nvidia_com_mig_1g_5gb_shared", "1g.5gb"),
        ("nvidia_com_mig_1g_5gb_me_shared", "1g.5gb+me"),
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb-SHARED", "1g.10gb"),
    ] {
        assert_eq!(is(text), (profile.to_owned(), true), "{text}");
    }
}

#[test]
fn what_a_profile_is_made_of() {
    let profile: Profile = "1c.3g.40gb+me".parse().unwrap();
    assert_eq!((profile.slices(), profile.memory_gb(), profile.compute()), (3, 40, Some(1)));
    assert_eq!(profile.gpu_instance().to_string(), "3g.40gb+me");
    assert_eq!(profile.plain().to_string(), "3g.40gb");
    assert_eq!(profile.variant(), "+me");
    assert!(profile.claims_media());
    assert!(!"1g.24gb-me".parse::<Profile>().unwrap().claims_media());
}

#[test]
fn devices_of_both_namings() {
    let new = device("gpu-3-mig-1g12gb-19-4").unwrap();
    let expected = MigDevice {
        minor: 3,
        profile: Some("1g.12gb".parse().unwrap()),
        profile_id: 19,
        start: 4,
        size: None,
    };
    assert_eq!(new, expected);
    let old = device("gpu-0-mig-9-4-4").unwrap();
    let expected = MigDevice { minor: 0, profile: None, profile_id: 9, start: 4, size: Some(4) };
    assert_eq!(old, expected);
    for whole in ["gpu-0", "gpu-0-mig", "gpu-0-mig-9-4", "gpu--mig-9-4-4", "channel-1", ""] {
        assert!(matches!(device(whole), Err(ProfileError::NotADevice(_))), "{whole}");
    }
}

#[test]
fn what_is_no_profile_is_named_in_the_error() {
    for text in [
        "",
        "nvidia.com/gpu",
        "nvidia.com/gpu.shared",
        "nvidia.com/mig.strategy",
        "NVIDIA-A100-SXM4-80GB",
        "1g",
        "g.5gb",
        "1g.gb",
        "0g.5gb",
        "0c.1g.5gb",
        "1g.5gb+",
        "1g.5gb+me+",
        "1g.5gb+9",
        "1g.5gbme",
        "1g.5gb+shared",
        "1g.99999gb",
        "99999999999g.5gb",
        "1g.5gb+a+b+c+d+e",
        "１g.5gb",
        "gpu-0-mig-9-4-4",
    ] {
        let error = read(text).unwrap_err();
        assert!(matches!(error, ProfileError::Malformed(_)), "{text}: {error}");
    }
    let says = |text: &str| read(text).unwrap_err().to_string();
    assert_eq!(
        says("1q.5gb"),
        "\"1q.5gb\" is not a MIG profile (expected one such as 1g.10gb, 1c.3g.40gb or 1g.24gb+me)"
    );
    assert_eq!(says("9g.5gb"), "\"9g.5gb\" names more slices than there are");
    assert_eq!(says("4c.3g.40gb"), "\"4c.3g.40gb\" names more slices than there are");
    assert!(says(&"1".repeat(10_000)).ends_with("is too long for a MIG profile"));
    assert!(says(&"1".repeat(10_000)).len() < 100);
    assert_eq!(
        device("gpu-0").unwrap_err().to_string(),
        "\"gpu-0\" is not a MIG device (expected a name such as gpu-0-mig-1g12gb-19-0)"
    );
}

/// Nearly a profile, in any of its spellings.
fn nearly() -> impl Strategy<Value = String> {
    "(nvidia\\.com/mig-|nvidia_com_mig_|X-MIG-|gpu-[0-9]{1,2}-mig-|)([1-9]c[._]?)?[0-9]{1,2}g[._]?[0-9]{1,5}gb\
     ([+._,-](me|all|gfx|meall|mig|shared|SHARED|count|[a-z]{1,3})){0,4}(-[0-9]{1,2}-[0-9])?"
}

proptest! {
    #![proptest_config(crate::mutation::fixed(256))]
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), name in any::<String>()) {
        let _ = read(&text);
        let _ = device(&name);
        let _ = device(&format!("gpu-0-mig-{name}-1-0"));
    }

    /// `Display` is read back as the same profile, and does not hide a `.shared`.
    #[test]
    fn display_round_trips(text in nearly()) {
        if let Ok(Spelled { profile, .. }) = read(&text) {
            let again = read(&profile.to_string());
            prop_assert_eq!(again, Ok(Spelled { profile, shared: false }));
        }
    }
}
