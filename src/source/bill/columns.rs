//! Which column of a file is which of FOCUS, and a record as a row.
//!
//! Providers write FOCUS 1.0 to 1.3 with columns of their own (`x_…`): instance types stand in `SkuPriceDetails` (1.2),
//! in AWS's `x_UsageType`, in Azure's `x_SkuDetails`, or in the description alone.

use std::collections::BTreeMap;

use csv::StringRecord;

use super::Error;
use super::values::{self, instance_type_in, tags};
use crate::model::bill::{BillRow, CostColumn};

/// Columns by the name that they are asked for, folded.
pub(super) struct Columns {
    at: BTreeMap<String, usize>,
    cost: CostColumn,
}

/// Columns without which nothing can be said, besides the cost.
const NEEDED: &[&str] =
    &["ChargePeriodStart", "ChargePeriodEnd", "BillingCurrency", "ChargeCategory", "ResourceId"];
/// Columns that say what a charge is for.
const DESCRIBING: &[&str] = &[
    "ChargeDescription",
    "SkuMeter",
    "x_SkuMeterName",
    "x_SkuDescription",
    "x_UsageType",
    "SkuId",
    "ResourceType",
];
/// Columns, or keys of JSON in columns, that have the instance type.
const INSTANCE_TYPES: &[&str] = &["x_InstanceType", "x_MachineType"];
/// Columns of JSON that may have the instance type, and its keys in them.
const DETAILS: &[&str] = &["SkuPriceDetails", "x_SkuDetails", "x_SkuAttributes"];
const DETAIL_KEYS: &[&str] =
    &["instancetype", "xinstancetype", "servicetype", "machinetype", "vmsize"];
/// Tags that may have the name of a node.
const NAME_TAGS: &[&str] = &["name", "gpu-finops/node", "kubernetes.io/hostname", "node"];

/// A column's name without case and underscores.
fn folded(name: &str) -> String {
    name.trim_start_matches('\u{feff}').trim().replace('_', "").to_ascii_lowercase()
}

impl Columns {
    /// # Errors
    ///
    /// Columns that are not there, all of them named.
    pub(super) fn of(file: &str, header: &StringRecord, cost: CostColumn) -> Result<Self, Error> {
        let at: BTreeMap<String, usize> =
            header.iter().enumerate().map(|(i, name)| (folded(name), i)).collect();
        let needed = NEEDED.iter().copied().chain([cost.column()]);
        let missing: Vec<&str> = needed.filter(|name| !at.contains_key(&folded(name))).collect();
        if missing.is_empty() {
            return Ok(Self { at, cost });
        }
        let found: Vec<&str> = header.iter().take(12).collect();
        let more = if header.len() > found.len() { ", …" } else { "" };
        Err(Error::NotFocus {
            file: file.to_owned(),
            detail: format!(
                "has no column {}, and so is no bill in the form of FOCUS 1.0 to 1.3; it has: {}{more}",
                missing.join(", "),
                found.join(", ")
            ),
        })
    }

    fn text<'a>(&self, record: &'a StringRecord, name: &str) -> Option<&'a str> {
        let cell = record.get(*self.at.get(&folded(name))?)?.trim();
        (!cell.is_empty() && !cell.eq_ignore_ascii_case("null")).then_some(cell)
    }

    /// A record as a row.
    ///
    /// # Errors
    ///
    /// A time, a cost or a quantity that is none.
    pub(super) fn row(
        &self,
        file: &str,
        number: u64,
        record: &StringRecord,
    ) -> Result<BillRow, Error> {
        let text = |name| self.text(record, name);
        let owned = |name| text(name).map(ToOwned::to_owned);
        let wrong = |column: &str, detail: String| Error::Value {
            file: file.to_owned(),
            row: number,
            column: column.to_owned(),
            detail,
        };
        let instant = |column: &'static str| {
            let value = text(column).unwrap_or_default();
            values::instant(value).ok_or_else(|| {
                wrong(
                    column,
                    format!("`{value}` is not a time; use RFC 3339, such as 2026-11-01T00:00:00Z"),
                )
            })
        };
        let decimal = |column: &'static str| {
            text(column)
                .map(|value| {
                    values::number(value)
                        .ok_or_else(|| wrong(column, format!("`{value}` is not a number")))
                })
                .transpose()
        };
        let consumed = (decimal("ConsumedQuantity")?, owned("ConsumedUnit"));
        let (quantity, unit) = match consumed {
            (None, _) => (decimal("PricingQuantity")?, owned("PricingUnit")),
            known => known,
        };
        let (start, end) = (instant("ChargePeriodStart")?, instant("ChargePeriodEnd")?);
        if end < start {
            let detail = "is before ChargePeriodStart".to_owned();
            return Err(wrong("ChargePeriodEnd", detail));
        }
        let described: Vec<&str> = DESCRIBING.iter().filter_map(|name| text(name)).collect();
        let meter = text("x_UsageType").or_else(|| text("SkuMeter")).or_else(|| text("SkuId"));
        Ok(BillRow {
            number,
            start,
            end,
            cost: decimal(self.cost.column())?.map(values::pico),
            currency: text("BillingCurrency").unwrap_or_default().to_ascii_uppercase(),
            category: text("ChargeCategory").unwrap_or("Usage").to_owned(),
            commitment_status: owned("CommitmentDiscountStatus"),
            resource_id: owned("ResourceId"),
            names: self.names(record),
            sub_account: owned("SubAccountId"),
            instance_type: self.instance_type(record, &described),
            region: owned("RegionId"),
            meter: meter.unwrap_or_default().to_owned(),
            description: described.join(" "),
            quantity,
            unit,
        })
    }

    fn names(&self, record: &StringRecord) -> Vec<String> {
        let direct = ["x_NodeName", "ResourceName"];
        let mut names: Vec<String> =
            direct.iter().filter_map(|name| Some(self.text(record, name)?.to_owned())).collect();
        let tags = self.text(record, "Tags").map(tags).unwrap_or_default();
        let is_name = |key: &str| NAME_TAGS.contains(&key.to_ascii_lowercase().as_str());
        names.extend(tags.into_iter().filter(|(key, _)| is_name(key)).map(|(_, value)| value));
        names
    }

    fn instance_type(&self, record: &StringRecord, described: &[&str]) -> Option<String> {
        if let Some(named) = INSTANCE_TYPES.iter().find_map(|name| self.text(record, name)) {
            return Some(named.to_owned());
        }
        let details = DETAILS.iter().filter_map(|name| self.text(record, name)).flat_map(tags);
        let detailed = details
            .filter(|(key, _)| DETAIL_KEYS.contains(&folded(key).as_str()))
            .map(|(_, value)| value)
            .next();
        detailed
            // AWS: `USW2-BoxUsage:p5.48xlarge`.
            .or_else(|| {
                let (kind, rest) = self.text(record, "x_UsageType")?.rsplit_once(':')?;
                kind.to_ascii_lowercase().contains("usage").then(|| rest.to_owned())
            })
            .or_else(|| described.iter().find_map(|text| instance_type_in(text)))
    }
}
