//! What a part of a charge says in each column.

use super::cell::{Cell, decimal, maybe, number, text};
use super::charge::{Origin, Part};
use super::column::{Billing, Version};
use super::tags;
use crate::model::window::{rfc3339, utc_day};
use crate::units::{MS_PER_DAY, Millis};

/// Digits of money that is billed.
const CENTS: u32 = 2;
/// Digits of hours.
pub(super) const NANO: u32 = 9;
/// Digits of prices.
const MICRO: u32 = 6;
/// Digits of ratios.
const PICO: u32 = 12;
/// How a charge is split; documented in `docs/exports.md`.
pub(super) const METHOD: &str = "gpu-finops/held-gpu-time";
pub(super) const UNIT: &str = "GPU-Hours";

/// A part with its whole numbers.
pub(super) struct Row<'a> {
    pub(super) billing: &'a Billing,
    pub(super) currency: &'a str,
    pub(super) origin: &'a Origin,
    pub(super) part: &'a Part,
    /// Cents, where priced.
    pub(super) cents: Option<i64>,
    pub(super) nano_hours: i64,
    pub(super) pico_ratio: i64,
}

/// Cents of the charge that fall to this part.
pub(super) fn billed(row: &Row<'_>) -> Cell {
    row.cents.map_or(Cell::Null, |cents| number(cents, CENTS))
}

fn unit_price_micro(row: &Row<'_>) -> Option<i64> {
    row.origin.price.as_ref().map(|price| rounded(price.per_gpu_hour * 1e6))
}

pub(super) fn unit_price(row: &Row<'_>) -> Cell {
    unit_price_micro(row).map_or(Cell::Null, |micro| number(micro, MICRO))
}

/// Unit price × quantity, every digit of it: the specification wants the product.
pub(super) fn by_price(row: &Row<'_>) -> Cell {
    unit_price_micro(row).map_or(Cell::Null, |micro| Cell::Decimal {
        units: i128::from(micro) * i128::from(row.nano_hours),
        digits: MICRO + NANO,
    })
}

/// Without columns for who a part went to, tags say so.
pub(super) fn row_tags(row: &Row<'_>) -> Cell {
    let mut tags = tags::of_origin(row.origin);
    if row.billing.version < Version::V1_3 {
        tags.extend(tags::of_holder(row.part.who.as_ref()));
    }
    text(&serde_json::Value::Object(tags).to_string())
}

pub(super) fn allocated_tags(row: &Row<'_>) -> Cell {
    let tags = tags::of_holder(row.part.who.as_ref());
    match tags.is_empty() {
        true => Cell::Null,
        false => text(&serde_json::Value::Object(tags).to_string()),
    }
}

/// Numbers are written digit by digit, so that they add up as decimals.
pub(super) fn method_details(row: &Row<'_>) -> Cell {
    text(&format!(
        "{{\"Elements\":[{{\"AllocatedRatio\":{},\"UsageUnit\":\"{UNIT}\",\"UsageQuantity\":{}}}]}}",
        decimal(i128::from(row.pico_ratio), PICO),
        decimal(i128::from(row.nano_hours), NANO),
    ))
}

/// Unique among the parts of a charge: a holder has a part for each state.
pub(super) fn allocated_id(row: &Row<'_>) -> Cell {
    let Some(who) = &row.part.who else { return Cell::Null };
    let id = who.uid.clone().unwrap_or_else(|| format!("{}/{}", who.namespace, who.name));
    text(&format!("{id}/{}", row.part.state))
}

pub(super) fn allocated_name(row: &Row<'_>) -> Cell {
    maybe(row.part.who.as_ref().map(|who| who.name.as_str()))
}
/// To the second, which is what the specification's format has.
pub(super) fn instant(at: Millis) -> Cell {
    text(&rfc3339(at.div_euclid(1_000) * 1_000))
}

pub(super) fn described(origin: &Origin) -> String {
    format!("GPU time of one {} on node {} ({})", origin.model, origin.node, origin.sharing)
}

pub(super) fn charge_id(origin: &Origin) -> String {
    let cluster = origin.cluster.as_deref().unwrap_or_default();
    format!("{cluster}/{}/{}/{}", origin.node, origin.gpu, utc_day(origin.period.0))
}

pub(super) fn sku_price(origin: &Origin) -> String {
    let capacity = origin.capacity_type.as_deref().unwrap_or("on-demand");
    let price = origin.price.as_ref().map_or("unpriced", |price| price.source.as_str());
    format!("{}/{capacity}/{price}", origin.model)
}

pub(super) fn pricing_category(origin: &Origin) -> &'static str {
    match origin.capacity_type.as_deref() {
        Some("spot") => "Dynamic",
        Some("reserved") => "Committed",
        _ => "Standard",
    }
}

/// Start and end of the UTC month of an instant.
pub(super) fn month_of(at: Millis) -> (Millis, Millis) {
    let is_first = |day: Millis| utc_day(day).ends_with("-01");
    let mut start = at.div_euclid(MS_PER_DAY) * MS_PER_DAY;
    while !is_first(start) {
        start -= MS_PER_DAY;
    }
    let mut end = start + MS_PER_DAY;
    while !is_first(end) {
        end += MS_PER_DAY;
    }
    (start, end)
}

#[expect(clippy::cast_possible_truncation, reason = "amounts below 2^53 units")]
pub(super) fn rounded(value: f64) -> i64 {
    value.round() as i64
}
