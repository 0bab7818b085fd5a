use std::io::Cursor;

use super::*;
use crate::units::{MS_PER_DAY, MS_PER_HOUR};

/// 2026-11-01T00:00:00Z.
const NOVEMBER: i64 = 1_793_491_200_000;

fn open(text: &str, cost: CostColumn) -> Result<BillFile, Error> {
    let magic = &text.as_bytes()[..text.len().min(4)];
    BillFile::of_bytes("b.csv".into(), magic, Box::new(Cursor::new(text.to_owned())), cost)
}

fn rows(text: &str) -> Result<Vec<BillRow>, Error> {
    let mut rows = Vec::new();
    open(text, CostColumn::Effective)?.rows(|row| {
        rows.push(row);
        Ok::<(), Error>(())
    })?;
    Ok(rows)
}

const NEEDED: &str =
    "ChargePeriodStart,ChargePeriodEnd,BillingCurrency,ChargeCategory,ResourceId,EffectiveCost";

#[test]
fn a_row_of_each_cloud() {
    let aws = "ResourceId,ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,\
               ConsumedQuantity,ConsumedUnit,x_UsageType,ChargeDescription,Tags,CommitmentDiscountStatus\n\
               i-0abc,2026-11-01T00:00:00.000Z,2026-11-01T01:00:00.000Z,55.04,3.104E1,USD,Usage,1,Hrs,\
               USW2-BoxUsage:p5.48xlarge,$55.04 per hour,\"{\"\"Name\"\":\"\"ip-10-0-0-7.ec2.internal\"\"}\",Used\n";
    let row = rows(aws).expect("valid").remove(0);
    assert_eq!((row.start, row.end), (NOVEMBER, NOVEMBER + MS_PER_HOUR));
    assert_eq!(row.cost, Some(31_040_000_000_000));
    assert_eq!(row.instance_type.as_deref(), Some("p5.48xlarge"));
    assert_eq!(row.names, ["ip-10-0-0-7.ec2.internal"]);
    assert_eq!((row.quantity, row.unit.as_deref()), (Some(1.0), Some("Hrs")));
    let azure = "\u{feff}ResourceId,ResourceName,ChargePeriodStart,ChargePeriodEnd,EffectiveCost,BillingCurrency,\
                 ChargeCategory,PricingQuantity,PricingUnit,x_SkuDetails\n\
                 /subscriptions/s/x,aks-gpu,2026-11-01T00:00Z,2026-11-02T00:00Z,98.32,usd,Usage,24,1 Hour,\
                 \"{\"\"ServiceType\"\":\"\"Standard_ND96isr_H100_v5\"\"}\"\n";
    let row = rows(azure).expect("valid").remove(0);
    assert_eq!((row.start, row.end), (NOVEMBER, NOVEMBER + MS_PER_DAY));
    assert_eq!(row.instance_type.as_deref(), Some("Standard_ND96isr_H100_v5"));
    assert_eq!((row.currency.as_str(), row.quantity), ("USD", Some(24.0)));
    let gcp = "resource_id,charge_period_start,charge_period_end,effective_cost,billing_currency,charge_category,\
               consumed_quantity,consumed_unit,sku_price_details,tags\n\
               //compute.googleapis.com/x,2026-11-01 00:00:00 UTC,2026-11-01 01:00:00 UTC,11.061,USD,Usage,3600,\
               seconds,\"{\"\"InstanceType\"\":\"\"a3-highgpu-1g\"\"}\",\"[{\"\"key\"\":\"\"node\"\",\"\"value\"\":\"\"gke-1\"\"}]\"\n";
    let row = rows(gcp).expect("valid").remove(0);
    assert_eq!((row.start, row.end), (NOVEMBER, NOVEMBER + MS_PER_HOUR));
    assert_eq!(row.instance_type.as_deref(), Some("a3-highgpu-1g"));
    assert_eq!(row.names, ["gke-1"]);
}

#[test]
fn an_empty_cost_is_not_known_and_a_category_that_is_not_there_is_usage() {
    let row =
        rows(&format!("{NEEDED}\n2026-11-01,2026-11-02,USD,,i-1,\n")).expect("valid").remove(0);
    assert_eq!((row.cost, row.is_usage(), row.end), (None, true, NOVEMBER + MS_PER_DAY));
}

#[test]
fn what_is_wrong_names_file_row_column_and_value() {
    for (text, parts) in [
        ("a,b,c\n1,2,3\n", ["b.csv: has no column ChargePeriodStart", "it has: a, b, c"]),
        (
            &format!("{NEEDED}\nyesterday,2026-11-02,USD,Usage,i,1\n"),
            ["row 1: ChargePeriodStart", "`yesterday`"],
        ),
        (
            &format!("{NEEDED}\n2026-11-01,2026-11-02,USD,Usage,i,dear\n"),
            ["row 1: EffectiveCost", "`dear`"],
        ),
        (
            &format!("{NEEDED}\n2026-11-01,2026-11-02,USD,Usage,i,NaN\n"),
            ["row 1: EffectiveCost", "`NaN`"],
        ),
        (
            &format!("{NEEDED}\n2026-11-02,2026-11-01,USD,Usage,i,1\n"),
            ["row 1: ChargePeriodEnd", "before"],
        ),
        (&format!("{NEEDED}\n2026-11-02,2026-11-01,USD\n"), ["b.csv cannot be read", "fields"]),
        ("", ["b.csv: has no column", ""]),
        ("\u{1f}\u{8b}", ["b.csv", ""]),
    ] {
        let error = rows(text).expect_err(text).to_string();
        for part in parts {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
    let gzip = BillFile::of_bytes(
        "b.gz".into(),
        &[0x1f, 0x8b, 8, 0],
        Box::new(std::io::empty()),
        CostColumn::Effective,
    );
    assert!(gzip.err().expect("compressed").to_string().contains("gunzip"));
}

#[test]
fn the_cost_that_was_asked_for_has_to_be_there() {
    let error = open(NEEDED, CostColumn::List).err().expect("no ListCost").to_string();
    assert!(error.contains("has no column ListCost"), "{error}");
}

#[test]
fn numbers_of_parquet_keep_their_digits() {
    use polars::prelude::Column;
    let text = |name: &str, value: &str| Column::new(name.into(), [value, value]);
    let columns = [
        text("ChargePeriodStart", "2026-11-01T00:00:00Z"),
        text("ChargePeriodEnd", "2026-11-02T00:00:00Z"),
        text("BillingCurrency", "USD"),
        text("ChargeCategory", "Usage"),
        text("ResourceId", "i-1"),
        Column::new("EffectiveCost".into(), [12_345_678.912_345, 0.000_000_125]),
    ];
    let bytes = crate::source::tables::write("b.parquet", &columns).expect("written");
    let magic = bytes[..4].to_vec();
    let input = Box::new(Cursor::new(bytes));
    let file = BillFile::of_bytes("b.parquet".into(), &magic, input, CostColumn::Effective);
    let mut costs = Vec::new();
    file.expect("a bill")
        .rows(|row| {
            costs.push(row.cost);
            Ok::<(), Error>(())
        })
        .expect("rows");
    let large = costs[0].expect("a cost") - 12_345_678_912_345_000_000;
    assert!(large.abs() < 10_000, "{large}");
    assert_eq!(costs[1], Some(125_000));
}
