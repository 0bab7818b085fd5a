use super::book_file::parse as parse_book;
use super::*;
use crate::attribution::label_view::LabelView;
use crate::cost::price::{PricedThing, price_of};

fn refused(text: &str) -> String {
    parse_book("p.yaml", text, "USD").expect_err(text).to_string()
}

#[test]
fn a_price_book_has_the_rules_of_the_config_file() {
    let text = "currency: usd\nrules:\n- {match: {node: gpu-7}, per_gpu_hour: 1.25}\n\
                - {match: {instance_type: dgx}, per_node_hour: 20, gpus: 8, split: 95-3-2, source: contract, \
                date: 2026-01-31}\n";
    let rules = parse_book("p.yaml", text, "USD").expect("valid");
    let of = |i: usize| (rules[i].per_gpu_hour, rules[i].source.as_str(), rules[i].origin);
    assert_eq!(of(0), (1.25, "price book p.yaml, rule 1", PriceOrigin::File));
    assert_eq!(of(1), (2.375, "contract (price book p.yaml, rule 2)", PriceOrigin::File));
    assert_eq!(rules[1].date.as_deref(), Some("2026-01-31"));
    let book = PriceBook { currency: "USD".into(), rules };
    let price = |node_name| {
        let thing = PricedThing { model: "NVIDIA L4", node: &LabelView::default(), node_name };
        price_of(&book, thing).map(|price| price.per_gpu_hour)
    };
    assert_eq!(price(Some("gpu-7")), Some(1.25));
    assert_eq!(price(Some("gpu-70")), None);
    assert_eq!(price(None), None);
}

#[test]
fn a_price_book_that_cannot_be_names_file_rule_and_value() {
    for (text, parts) in [
        ("rules: [{per_gpu_hour: 1}, {per_gpu_hour: -2}]", ["rule 2: `per_gpu_hour`", "`-2`"]),
        ("rules: [{per_node_hour: 8, gpus: 0}]", ["rule 1: `gpus`", "`0`"]),
        (
            "rules: [{match: {model: NVIDIA}, per_gpu_hour: 1}]",
            ["rule 1: `match.model`", "`NVIDIA`"],
        ),
        ("rules: [{match: {modle: L4}, per_gpu_hour: 1}]", ["unknown key `modle`", "`model`"]),
        ("rules: []", ["has no rules", ""]),
        ("currency: EUR\nrules: [{per_gpu_hour: 1}]", ["is in EUR", "the report in USD"]),
        ("currency: euros\nrules: [{per_gpu_hour: 1}]", ["`currency`", "`euros`"]),
        ("prices: 1", ["unknown key `prices`", "rules"]),
    ] {
        let error = refused(text);
        assert!(error.starts_with("price book p.yaml"), "{error}");
        for part in parts {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
}
