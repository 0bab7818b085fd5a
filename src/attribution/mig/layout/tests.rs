use proptest::prelude::*;

use super::*;

const A100: &str = "NVIDIA A100-SXM4-80GB";

fn p(text: &str) -> Profile {
    text.parse().unwrap()
}

/// Profiles by number: `2 x 1g.10gb`.
fn list(counts: &[(u32, &str)]) -> Vec<Profile> {
    counts.iter().flat_map(|(n, text)| (0..*n).map(|_| p(text))).collect()
}

fn counts(counts: &[(u32, &str)]) -> BTreeMap<Profile, u32> {
    counts.iter().map(|(n, text)| (p(text), *n)).collect()
}

#[test]
fn what_fits_beside_what() {
    let fit = |present: &[(u32, &str)], candidate| fits(A100, &list(present), &p(candidate));
    assert!(fit(&[], "7g.80gb"));
    // 3 + 3 of 7 compute, 4 + 4 of 8 memory: one compute slice is left, and no memory for it.
    assert!(fit(&[(1, "3g.40gb")], "3g.40gb"));
    assert!(!fit(&[(2, "3g.40gb")], "1g.10gb"));
    assert!(fit(&[(1, "3g.40gb")], "4g.40gb"));
    assert!(!fit(&[(1, "4g.40gb")], "4g.40gb"));
    // 4 x 1 of 7 compute, 4 x 2 of 8 memory.
    assert!(fit(&[(3, "1g.20gb")], "1g.20gb"));
    assert!(!fit(&[(4, "1g.20gb")], "1g.10gb"));
    // 3 + 3 = 6 of 7 compute, 4 + 3 = 7 of 8 memory.
    assert!(fit(&[(1, "3g.40gb"), (3, "1g.10gb")], "1g.10gb"));
    assert!(!fit(&[(1, "3g.40gb"), (3, "1g.10gb")], "1g.20gb"));
    // Slices would do; of engines there is one set.
    assert!(!fit(&[(1, "1g.10gb+me")], "1g.10gb+me"));
    assert!(fit(&[(1, "1g.10gb+me")], "1g.10gb"));
    // Trap 11: four of them fill an A100 40 GB.
    assert!(!fits("NVIDIA A100-SXM4-40GB", &list(&[(4, "1g.10gb")]), &p("1g.10gb")));
}

#[test]
fn compute_instances_share_a_gpu_instance() {
    // Three 1c fill one 3g.40gb; a fourth needs a second one; a seventh a third, which does not fit.
    assert!(fits(A100, &list(&[(3, "1c.3g.40gb")]), &p("4g.40gb")));
    assert!(!fits(A100, &list(&[(4, "1c.3g.40gb")]), &p("4g.40gb")));
    assert!(fits(A100, &list(&[(5, "1c.3g.40gb")]), &p("1c.3g.40gb")));
    assert!(!fits(A100, &list(&[(6, "1c.3g.40gb")]), &p("1c.3g.40gb")));
    // 2 + 1 fill one, so the second 2c needs its own.
    let present = list(&[(2, "2c.3g.40gb"), (2, "1c.3g.40gb")]);
    assert_eq!(gpu_instances(&present), counts(&[(2, "3g.40gb")]));
}

#[test]
fn unallocated_or_stranded() {
    assert!(any_fits(A100, &[]));
    assert!(any_fits(A100, &list(&[(1, "4g.40gb")])));
    assert!(any_fits(A100, &list(&[(6, "1g.10gb")])));
    assert!(!any_fits(A100, &list(&[(7, "1g.10gb")])));
    assert!(!any_fits(A100, &list(&[(2, "3g.40gb")])));
    assert!(!any_fits(A100, &list(&[(1, "7g.80gb")])));
    // Both GPU instances there are, with room for one more compute instance each, and without.
    for model in [A100, "X"] {
        assert!(any_fits(model, &list(&[(2, "2c.3g.40gb")])), "{model}");
    }
    assert!(!any_fits(A100, &list(&[(2, "2c.3g.40gb"), (2, "1c.3g.40gb")])));
    // An unknown card, by shares: 6/7 and 7/7.
    assert!(any_fits("X", &list(&[(6, "1g.10gb")])));
    assert!(!any_fits("X", &list(&[(7, "1g.10gb")])));
    assert!(!fits("X", &list(&[(6, "1g.10gb")]), &p("2g.20gb")));
}

#[test]
fn a_card_is_never_more_than_one_gpu() {
    let shares = |list: &[Profile]| scaled_shares(A100, list, None).unwrap();
    // 0.5 + 4/7 = 15/14: 7/15 and 8/15.
    let scaled = shares(&list(&[(1, "3g.40gb"), (1, "4g.40gb")]));
    assert!((scaled[0] - 7.0 / 15.0).abs() < 1e-12 && (scaled[1] - 8.0 / 15.0).abs() < 1e-12);
    // 4 x 1/7 + 0.5 = 15/14: 2/15 each, and 7/15.
    let scaled = shares(&list(&[(4, "1g.10gb"), (1, "3g.40gb")]));
    assert!((scaled[0] - 2.0 / 15.0).abs() < 1e-12 && (scaled[4] - 7.0 / 15.0).abs() < 1e-12);
    // 3/7 + 0.5 < 1: as they are.
    assert_eq!(shares(&list(&[(1, "1g.10gb"), (1, "3g.40gb")])), [1.0 / 7.0, 0.5]);
    assert_eq!(shares(&[]), [0.0; 0]);
    assert_eq!(scaled_shares("X", &list(&[(1, "8g.80gb")]), None), None);
    assert_eq!(super::scaled(&[0.5, 0.25]), [0.5, 0.25]);
}

#[track_caller]
fn packed(model: &str, given: &[(u32, &str)], cards: usize) -> Vec<Vec<String>> {
    let layout = pack(model, &counts(given), cards).expect("fits");
    layout.into_iter().map(|card| card.iter().map(ToString::to_string).collect()).collect()
}

#[test]
fn a_layout_from_the_capacity_of_a_node() {
    assert_eq!(
        packed(A100, &[(7, "1g.10gb"), (2, "3g.40gb")], 2),
        [vec!["3g.40gb"; 2], vec!["1g.10gb"; 7]]
    );
    assert_eq!(packed(A100, &[(1, "1g.10gb")], 3), [vec!["1g.10gb"], vec![], vec![]]);
    assert_eq!(packed(A100, &[], 2), [[""; 0]; 2]);
}

#[test]
fn the_same_on_every_card_comes_first() {
    // mig-parted's `all-balanced` on eight cards; first fit would pair the 3g and end with a 1g too many.
    let balanced = [(16, "1g.10gb"), (8, "2g.20gb"), (8, "3g.40gb")];
    let card = vec!["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"];
    assert_eq!(packed(A100, &balanced, 8), vec![card; 8]);
}

#[test]
fn where_first_fit_fails_other_cards_are_tried() {
    // First fit pairs the 3g and leaves 4 slices of 1g beyond the seven of the second card.
    let odd = [(7, "1g.10gb"), (1, "1g.10gb+me"), (2, "3g.40gb")];
    let layout = packed(A100, &odd, 2);
    assert!(layout.iter().all(|card| card.len() == 5 && card[0] == "3g.40gb"), "{layout:?}");
}

#[test]
fn what_does_not_fit_has_no_layout() {
    let none = |given: &[(u32, &str)], cards| assert_eq!(pack(A100, &counts(given), cards), None);
    none(&[(1, "1g.10gb")], 0);
    none(&[(8, "1g.10gb")], 1);
    none(&[(3, "3g.40gb")], 1);
    none(&[(u32::MAX, "1g.10gb"), (u32::MAX, "3g.40gb")], 64);
    none(&[(1, "1g.10gb")], 65);
    none(&[(1, "1g.10gb")], usize::MAX);
    assert_eq!(pack(A100, &counts(&[(448, "1g.10gb")]), 64).map(|l| l.len()), Some(64));
    // Three fit on each of 63 cards, and slices would be left: the search ends all the same.
    none(&[(190, "2g.20gb"), (1, "1g.10gb")], 63);
}

#[test]
fn cards_behind_equal_instances() {
    let cards = |model, profile, count| cards_of(model, &p(profile), count);
    assert_eq!(cards(A100, "1g.10gb", 56), Some(8));
    assert_eq!(cards(A100, "1g.10gb", 50), Some(8));
    assert_eq!(cards(A100, "3g.40gb", 3), Some(2));
    assert_eq!(cards(A100, "1c.3g.40gb", 12), Some(2));
    assert_eq!(cards(A100, "1g.10gb", 0), Some(0));
    // Trap 11 again.
    assert_eq!(cards("NVIDIA A100-SXM4-40GB", "1g.10gb", 8), Some(2));
    // 7 of 1/7 on an unknown card.
    assert_eq!(cards("X", "1g.8gb", 14), Some(2));
    assert_eq!(cards("X", "8g.80gb", 14), None);
}

/// A card of the table, and some of its profiles, with compute instances of some.
fn card_and_profiles() -> impl Strategy<Value = (String, Vec<Profile>)> {
    let models = prop::sample::select(vec![
        "NVIDIA A30",
        "NVIDIA A100-SXM4-40GB",
        A100,
        "NVIDIA GB200",
        "NVIDIA RTX PRO 6000 Blackwell Server Edition",
        "NVIDIA RTX PRO 5000 Blackwell",
        "NVIDIA RTX PRO 4500 Blackwell",
    ]);
    let picks = prop::collection::vec((any::<prop::sample::Index>(), 0_u32..4), 0..24);
    (models, picks).prop_map(|(model, picks)| {
        let gpu = table::gpu(model).expect("in the table");
        let offered: Vec<&Profile> =
            gpu.rows.iter().flat_map(table::Row::offered).map(|(profile, _)| profile).collect();
        let profiles = picks.into_iter().map(|(index, compute)| {
            let profile = *index.get(&offered);
            let part = format!("{compute}c.{profile}").parse();
            part.unwrap_or_else(|_| profile.clone())
        });
        (model.to_owned(), profiles.collect())
    })
}

/// Puts profiles on one card as long as they fit.
fn filled(model: &str, profiles: &[Profile]) -> Vec<Profile> {
    profiles.iter().fold(Vec::new(), |mut card, profile| {
        if fits(model, &card, profile) {
            card.push(profile.clone());
        }
        card
    })
}

proptest! {
    #![proptest_config(crate::mutation::fixed(256))]
    #[test]
    fn scaled_shares_are_at_most_one_gpu((model, profiles) in card_and_profiles()) {
        let shares = scaled_shares(&model, &profiles, None).expect("known");
        prop_assert!(shares.iter().sum::<f64>() <= 1.0 + EPSILON);
        prop_assert!(shares.iter().all(|share| *share > 0.0));
    }

    /// The loss is with those that cause it: a card on which nothing fits any more is shared out whole.
    #[test]
    fn a_full_card_of_gpu_instances_has_no_remainder((model, profiles) in card_and_profiles()) {
        let gpu_instances: Vec<Profile> = profiles.iter().map(Profile::gpu_instance).collect();
        let card = filled(&model, &gpu_instances);
        let sum: f64 = scaled_shares(&model, &card, None).expect("known").iter().sum();
        prop_assert!(any_fits(&model, &card) || sum >= 1.0 - EPSILON, "{model} {sum}: {card:?}");
    }

    #[test]
    fn a_layout_has_every_instance_and_no_card_too_many(
        (model, profiles) in card_and_profiles(),
        cards in 1_usize..5,
    ) {
        let mut counts: BTreeMap<Profile, u32> = BTreeMap::new();
        for profile in &profiles {
            *counts.entry(profile.clone()).or_default() += 1;
        }
        let found = pack(&model, &counts, cards);
        prop_assert_eq!(&found, &pack(&model, &counts, cards));
        if let Some(layout) = found {
            prop_assert_eq!(layout.len(), cards);
            let gpu = table::gpu(&model).expect("in the table");
            let mut placed: BTreeMap<Profile, u32> = BTreeMap::new();
            for card in &layout {
                card.iter().for_each(|p| *placed.entry(p.clone()).or_default() += 1);
                let taken = gpu_instances(card).into_iter().fold((0, 0), |sum, (profile, n)| {
                    let slices = gpu.slices(&profile).expect("in the table");
                    (sum.0 + slices.compute * n, sum.1 + slices.memory * n)
                });
                prop_assert!(taken.0 <= gpu.compute && taken.1 <= gpu.memory, "{card:?}");
            }
            prop_assert_eq!(placed, counts);
        }
    }

    /// What is on cards one by one has a layout on as many cards.
    #[test]
    fn what_lies_on_two_cards_can_be_packed_on_two((model, profiles) in card_and_profiles()) {
        let (left, right) = profiles.split_at(profiles.len() / 2);
        let mut counts: BTreeMap<Profile, u32> = BTreeMap::new();
        for profile in filled(&model, left).into_iter().chain(filled(&model, right)) {
            *counts.entry(profile).or_default() += 1;
        }
        prop_assert!(pack(&model, &counts, 2).is_some());
    }
}
