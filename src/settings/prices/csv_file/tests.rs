use super::*;

fn rules(text: &str) -> Result<Vec<PriceRule>> {
    parse("l.csv", text.as_bytes(), "USD")
}

fn refused(text: &str) -> String {
    let error = rules(text).expect_err(text);
    format!("{error} {}", error.hints().join(" "))
}

#[test]
fn our_own_columns() {
    let text = "Instance Type,region,capacity_type,price_per_hour,GPUs,currency,source,date,note\n\
                p5.48xlarge,us-east-1,Spot,40,,USD,,,x\n\
                dgx,,,24,8,usd,contract 9,2026-02-01,x\n\
                m5.large,,,0.1,0,USD,,,x\n";
    let rules = rules(text).expect("valid");
    assert_eq!(rules.len(), 2, "{rules:?}");
    // The built-in list knows that it has 8.
    assert_eq!(rules[0].per_gpu_hour, 5.0);
    assert_eq!(rules[0].region.as_deref(), Some("us-east-1"));
    assert_eq!(rules[0].capacity_type.as_deref(), Some("spot"));
    assert_eq!(rules[0].source, "price list l.csv, row 1");
    assert_eq!(
        (rules[1].per_gpu_hour, rules[1].source.as_str()),
        (3.0, "contract 9 (price list l.csv, row 2)")
    );
    assert_eq!(rules[1].date.as_deref(), Some("2026-02-01"));
    let per_gpu = parse("l.csv", "model,node,price_per_gpu_hour\nA100,n1,2\n".as_bytes(), "EUR");
    let per_gpu = per_gpu.expect("valid");
    assert!(per_gpu[0].model.as_ref().is_some_and(|m| m.is_match("A100 SXM4 80GB")));
    assert_eq!((per_gpu[0].node.as_deref(), per_gpu[0].per_gpu_hour), (Some("n1"), 2.0));
}

#[test]
fn custom_pricing_of_opencost() {
    let text = "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n\
                2026-04-17 23:34:22 UTC,Quadro_RTX_4000,,gpu,nvidia.com/gpu_type,,0.75,\n\
                ,p5.48xlarge,us-east-1,node,metadata.labels.node.kubernetes.io/instance-type,p5.48xlarge,48,v1\n\
                ,pv-1,,pv,metadata.name,,0.0001,\n";
    let found = rules(text).expect("valid");
    assert_eq!(found.len(), 2, "{found:?}");
    let label = found[0].node_labels.get("nvidia.com/gpu_type").map(String::as_str);
    assert_eq!((label, found[0].per_gpu_hour), (Some("Quadro_RTX_4000"), 0.75));
    assert_eq!(found[0].date.as_deref(), Some("2026-04-17"));
    assert_eq!(
        (found[1].instance_type.as_deref(), found[1].per_gpu_hour),
        (Some("p5.48xlarge"), 6.0)
    );
    let header = text.lines().next().expect("a line");
    let by_name = format!(
        "{header},gpus\n,worker-a,,node,metadata.name,,0.5,,2\n,worker-b,,node,metadata.name,,0.1,,0\n"
    );
    let found = rules(&by_name).expect("valid");
    assert_eq!(
        (found.len(), found[0].node.as_deref(), found[0].per_gpu_hour),
        (1, Some("worker-a"), 0.25)
    );
    let refusal = refused(&format!("{header}\n,worker-a,,node,metadata.name,,0.5,\n"));
    assert!(
        refusal.contains("how many GPUs worker-a has") && refusal.contains("column `gpus`"),
        "{refusal}"
    );
    let refusal = refused(&format!("{header}\n,i-0,,node,spec.providerID,,0.5,\n"));
    assert!(refusal.contains("`spec.providerID`"), "{refusal}");
}

#[test]
fn the_price_list_of_aws() {
    let row = |instance: &str, price: &str, gpu: &str, term: &str, os: &str| {
        format!(
            "\"S\",\"{term}\",\"2026-09-01\",\"Hrs\",\"{price}\",\"USD\",\"{instance}\",\"Shared\",\"{os}\",\"No License required\",\"Used\",\"NA\",\"{gpu}\",\"us-west-2\"\n"
        )
    };
    let text = [
        "\"FormatVersion\",\"v1.0\"\n\"Disclaimer\",\"This, and that\"\n\"Publication Date\",\"2026-09-12T22:53:08Z\"\n\
         \"Version\",\"20260912225308\"\n\"OfferCode\",\"AmazonEC2\"\n\
         \"SKU\",\"TermType\",\"EffectiveDate\",\"Unit\",\"PricePerUnit\",\"Currency\",\"Instance Type\",\"Tenancy\",\
         \"Operating System\",\"License Model\",\"CapacityStatus\",\"Pre Installed S/W\",\"GPU\",\"Region Code\"\n",
        &row("g6e.12xlarge", "10.4926800000", "4", "OnDemand", "Linux"),
        &row("g6e.12xlarge", "12.7006800000", "4", "OnDemand", "Windows"),
        &row("g6e.12xlarge", "6.1000000000", "4", "Reserved", "Linux"),
        &row("m5.large", "0.0960000000", "", "OnDemand", "Linux"),
        &row("g6e.12xlarge", "0.0000000000", "4", "OnDemand", "Linux"),
    ]
    .concat();
    let found = rules(&text).expect("valid");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].per_gpu_hour, 10.49268 / 4.0);
    assert_eq!(
        (found[0].region.as_deref(), found[0].date.as_deref()),
        (Some("us-west-2"), Some("2026-09-01"))
    );
}

#[test]
fn what_is_wrong_names_file_row_and_value() {
    let own = "instance_type,price_per_hour,gpus,currency\n";
    for (text, parts) in [
        (
            "sku,price\nA,1\n",
            ["l.csv: its header is not known: sku, price", "OpenCost's custom pricing"],
        ),
        ("", ["l.csv: its header is not known", "our own"]),
        (&format!("{own}dgx,cheap,8,USD\n"), ["row 1: price: `cheap`", ""]),
        (&format!("{own}dgx,-1,8,USD\n"), ["row 1: price: `-1`", "above 0"]),
        (&format!("{own}dgx,5,eight,USD\n"), ["row 1: `eight` is not a number of GPUs", ""]),
        (
            &format!("{own}dgx,5,,USD\n"),
            ["row 1: how many GPUs dgx has is not known", "column `gpus`"],
        ),
        (&format!("{own}dgx,5,8,EUR\n"), ["row 1 is in EUR", "the report in USD"]),
        (&format!("{own}m5.large,5,0,USD\n"), ["has no price of a machine with GPUs", ""]),
    ] {
        let error = refused(text);
        for part in parts {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
}
