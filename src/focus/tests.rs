use super::*;
use crate::cost::price::Price;
use crate::units::MS_PER_DAY;

const HOUR: f64 = 3_600_000.0;
/// 2028-02-28T00:00:00Z, of a leap year.
const DAY: i64 = 1_835_308_800_000;

fn who(name: &str) -> Who {
    Who {
        tenant: "red".into(),
        namespace: "ml".into(),
        kind: "Job".into(),
        workload: "train".into(),
        name: name.into(),
        uid: None,
        is_claim: false,
        mig_profile: Some("1g.10gb".into()),
    }
}

fn part(who: Option<Who>, state: &'static str, hours: f64) -> Part {
    Part { who, state, gpu_ms: hours * HOUR, utilization: (state == "busy").then_some(0.25) }
}

fn charge(price: Option<f64>, parts: Vec<Part>) -> Charge {
    let origin = Origin {
        cluster: None,
        gpu: "GPU-1".into(),
        node: "n1".into(),
        model: "NVIDIA L4".into(),
        sharing: "mig",
        instance_type: None,
        capacity_type: Some("spot".into()),
        region: None,
        zone: None,
        period: (DAY, DAY + MS_PER_DAY),
        price: price.map(|per_gpu_hour| Price {
            per_gpu_hour,
            source: "book".into(),
            built_in: false,
        }),
    };
    Charge { origin, parts }
}

fn rows(
    charges: &[Charge],
    version: Version,
) -> Vec<std::collections::BTreeMap<&'static str, String>> {
    let billing = Billing { version, account: "acme".into(), provider: "cloud".into() };
    let table = table(charges, "USD", &billing);
    let row = |row: &Vec<Cell>| {
        let names = table.columns.iter().map(|(name, _)| *name);
        names.zip(row.iter().map(|cell| cell.written().unwrap_or_default())).collect()
    };
    table.rows.iter().map(row).collect()
}

#[test]
fn cents_of_parts_add_up_to_the_charge_and_charges_to_the_ledger() {
    let third = || charge(Some(1.0), vec![part(None, "unallocated", 1.0 / 3.0)]);
    // 33 ⅓ cents each, one dollar together.
    let rows = rows(&[third(), third(), third()], Version::V1_2);
    let cents: Vec<&str> = rows.iter().map(|row| row["BilledCost"].as_str()).collect();
    assert_eq!(cents, ["0.34", "0.33", "0.33"]);
    assert_eq!(rows[0]["ListCost"], "0.333333333000000");
    assert_eq!(rows[0]["PricingQuantity"], "0.333333333");
    assert_eq!(rows[0]["ListUnitPrice"], "1.000000");
}

#[test]
fn a_row_of_1_2_says_who_in_tags_and_in_columns_of_its_own() {
    let rows = rows(&[charge(Some(2.0), vec![part(Some(who("p-0")), "busy", 6.0)])], Version::V1_2);
    let row = &rows[0];
    for (column, value) in [
        ("BilledCost", "12.00"),
        ("EffectiveCost", "12.00"),
        ("BillingPeriodStart", "2028-02-01T00:00:00Z"),
        ("BillingPeriodEnd", "2028-03-01T00:00:00Z"),
        ("ChargePeriodStart", "2028-02-28T00:00:00Z"),
        ("ChargePeriodEnd", "2028-02-29T00:00:00Z"),
        ("ChargeClass", ""),
        ("PricingCategory", "Dynamic"),
        ("ResourceId", "GPU-1"),
        ("x_State", "busy"),
        ("x_Utilization", "0.250000"),
        ("x_TenantName", "red"),
        ("x_MigProfile", "1g.10gb"),
        ("x_SharingMode", "mig"),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
    assert_eq!(
        row["Tags"],
        r#"{"gpu-finops/node":"n1","gpu-finops/capacity-type":"spot","gpu-finops/tenant":"red","gpu-finops/namespace":"ml","gpu-finops/workload-kind":"Job","gpu-finops/workload":"train","gpu-finops/pod":"p-0"}"#
    );
    assert!(!row.contains_key("AllocatedMethodId"));
}

#[test]
fn a_charge_of_1_3_is_split_by_ratios_that_add_up_to_one() {
    let parts = vec![
        part(Some(who("p-0")), "busy", 1.0),
        part(Some(who("p-0")), "slack", 1.0),
        part(None, "unallocated", 1.0),
    ];
    let rows = rows(&[charge(Some(1.0), parts)], Version::V1_3);
    let details = |i: usize| rows[i]["AllocatedMethodDetails"].clone();
    assert_eq!(
        details(0),
        r#"{"Elements":[{"AllocatedRatio":0.333333333334,"UsageUnit":"GPU-Hours","UsageQuantity":1.000000000}]}"#
    );
    assert!(details(1).contains("0.333333333333,") && details(2).contains("0.333333333333,"));
    let ids: Vec<&str> = rows.iter().map(|row| row["AllocatedResourceId"].as_str()).collect();
    assert_eq!(ids, ["ml/p-0/busy", "ml/p-0/slack", ""]);
    // Dimensions of the charge are the same in all its parts; who had them is beside it.
    for row in &rows {
        assert_eq!(row["Tags"], rows[0]["Tags"]);
        assert!(!row["Tags"].contains("tenant"));
        assert_eq!(row["ServiceProviderName"], "cloud");
    }
    assert!(rows[0]["AllocatedTags"].contains(r#""gpu-finops/tenant":"red""#));
    assert_eq!(rows[2]["AllocatedTags"], "");
}

#[test]
fn without_a_price_money_is_null_and_hours_are_there() {
    let charges = [
        charge(None, vec![part(None, "unallocated", 2.0)]),
        charge(Some(1.0), vec![part(None, "unallocated", 2.0)]),
    ];
    let rows = rows(&charges, Version::V1_2);
    for column in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ListUnitPrice"] {
        assert_eq!(rows[0][column], "", "{column}");
        assert!(!rows[1][column].is_empty(), "{column}");
    }
    assert_eq!(rows[0]["PricingQuantity"], "2.000000000");
    assert_eq!(rows[1]["BilledCost"], "2.00");
}
