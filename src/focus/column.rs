//! The columns of FOCUS, and what each says of a part of a charge.
//!
//! Columns of the specification first, in its spelling; ours begin with `x_`. What 1.3 adds comes last of the
//! former, so that 1.2 is a part of it.

use super::apportion::apportion;
use super::cell::{Cell, Kind, maybe, named, number, ratio, text};
use super::charge::{Charge, nano_hours};
use super::row::{
    METHOD, NANO, Row, UNIT, allocated_id, allocated_name, allocated_tags, billed, by_price,
    charge_id, described, instant, method_details, month_of, pricing_category, rounded, row_tags,
    sku_price, unit_price,
};

/// Versions of the specification that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    /// 1.2.
    #[default]
    V1_2,
    /// 1.3: with the columns of split costs.
    V1_3,
}

/// Who bills whom: what no cluster says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billing {
    /// Version of the specification.
    pub version: Version,
    /// `BillingAccountId`.
    pub account: String,
    /// Who provides the GPUs.
    pub provider: String,
}

/// Rows of values, one for each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Names and kinds.
    pub columns: Vec<(&'static str, Kind)>,
    /// Rows.
    pub rows: Vec<Vec<Cell>>,
}

/// Every charge as rows. The cents of all charges add up to their cost rounded once; those of a charge's parts to
/// the charge; hours and ratios in the same way.
#[must_use]
pub fn table(charges: &[Charge], currency: &str, billing: &Billing) -> Table {
    let costs: Vec<f64> = charges.iter().map(|charge| charge.cost().unwrap_or(0.0)).collect();
    let cents = apportion(rounded(costs.iter().sum::<f64>() * 100.0), &costs);
    let columns = columns(billing.version);
    let mut rows = Vec::new();
    for (charge, cents) in charges.iter().zip(cents) {
        let weights: Vec<f64> = charge.parts.iter().map(|part| part.gpu_ms).collect();
        let cents = apportion(cents, &weights);
        let hours = apportion(nano_hours(charge.gpu_ms()), &weights);
        let ratios = apportion(1_000_000_000_000, &weights);
        for (i, part) in charge.parts.iter().enumerate() {
            let row = Row {
                billing,
                currency,
                origin: &charge.origin,
                part,
                cents: charge.origin.price.is_some().then_some(cents[i]),
                nano_hours: hours[i],
                pico_ratio: ratios[i],
            };
            rows.push(columns.iter().map(|column| (column.value)(&row)).collect());
        }
    }
    Table { columns: columns.iter().map(|c| (c.name, c.kind)).collect(), rows }
}

struct Column {
    name: &'static str,
    kind: Kind,
    since: Version,
    value: fn(&Row<'_>) -> Cell,
}

const fn column(name: &'static str, kind: Kind, value: fn(&Row<'_>) -> Cell) -> Column {
    Column { name, kind, since: Version::V1_2, value }
}

const fn split(name: &'static str, value: fn(&Row<'_>) -> Cell) -> Column {
    Column { name, kind: Kind::Text, since: Version::V1_3, value }
}

fn columns(version: Version) -> Vec<&'static Column> {
    COLUMNS.iter().filter(|column| column.since <= version).collect()
}

use Kind::{Decimal, Text};

static COLUMNS: &[Column] = &[
    column("AvailabilityZone", Text, |r| maybe(r.origin.zone.as_deref())),
    column("BilledCost", Decimal, billed),
    column("BillingAccountId", Text, |r| text(&r.billing.account)),
    column("BillingAccountName", Text, |r| text(&r.billing.account)),
    column("BillingAccountType", Text, |_| text("Fleet")),
    column("BillingCurrency", Text, |r| text(r.currency)),
    column("BillingPeriodEnd", Text, |r| instant(month_of(r.origin.period.0).1)),
    column("BillingPeriodStart", Text, |r| instant(month_of(r.origin.period.0).0)),
    column("ChargeCategory", Text, |_| text("Usage")),
    column("ChargeClass", Text, |_| Cell::Null),
    column("ChargeDescription", Text, |r| text(&described(r.origin))),
    column("ChargeFrequency", Text, |_| text("Usage-Based")),
    column("ChargePeriodEnd", Text, |r| instant(r.origin.period.1)),
    column("ChargePeriodStart", Text, |r| instant(r.origin.period.0)),
    column("ConsumedQuantity", Decimal, |r| number(r.nano_hours, NANO)),
    column("ConsumedUnit", Text, |_| text(UNIT)),
    column("ContractedCost", Decimal, by_price),
    column("ContractedUnitPrice", Decimal, unit_price),
    column("EffectiveCost", Decimal, billed),
    column("InvoiceId", Text, |_| Cell::Null),
    column("InvoiceIssuerName", Text, |r| text(&r.billing.provider)),
    column("ListCost", Decimal, by_price),
    column("ListUnitPrice", Decimal, unit_price),
    column("PricingCategory", Text, |r| text(pricing_category(r.origin))),
    column("PricingCurrency", Text, |r| text(r.currency)),
    column("PricingCurrencyContractedUnitPrice", Decimal, unit_price),
    column("PricingCurrencyEffectiveCost", Decimal, billed),
    column("PricingCurrencyListUnitPrice", Decimal, unit_price),
    column("PricingQuantity", Decimal, |r| number(r.nano_hours, NANO)),
    column("PricingUnit", Text, |_| text(UNIT)),
    column("ProviderName", Text, |r| text(&r.billing.provider)),
    column("PublisherName", Text, |r| text(&r.billing.provider)),
    column("RegionId", Text, |r| maybe(r.origin.region.as_deref())),
    column("RegionName", Text, |r| maybe(r.origin.region.as_deref())),
    column("ResourceId", Text, |r| text(&r.origin.gpu)),
    column("ResourceName", Text, |r| text(&format!("{}/{}", r.origin.node, r.origin.gpu))),
    column("ResourceType", Text, |_| text("GPU")),
    column("ServiceCategory", Text, |_| text("Compute")),
    column("ServiceName", Text, |_| text("Kubernetes GPUs")),
    column("ServiceSubcategory", Text, |_| text("Containers")),
    column("SkuId", Text, |r| text(&r.origin.model)),
    column("SkuMeter", Text, |_| text("GPU time")),
    column("SkuPriceDetails", Text, |_| Cell::Null),
    column("SkuPriceId", Text, |r| text(&sku_price(r.origin))),
    column("SubAccountId", Text, |r| maybe(r.origin.cluster.as_deref())),
    column("SubAccountName", Text, |r| maybe(r.origin.cluster.as_deref())),
    column("SubAccountType", Text, |r| maybe(r.origin.cluster.as_ref().map(|_| "Cluster"))),
    column("Tags", Text, row_tags),
    split("ServiceProviderName", |r| text(&r.billing.provider)),
    split("HostProviderName", |r| text(&r.billing.provider)),
    split("AllocatedMethodId", |_| text(METHOD)),
    split("AllocatedMethodDetails", method_details),
    split("AllocatedResourceId", allocated_id),
    split("AllocatedResourceName", allocated_name),
    split("AllocatedTags", allocated_tags),
    column("x_OriginChargeId", Text, |r| text(&charge_id(r.origin))),
    column("x_State", Text, |r| text(r.part.state)),
    column("x_Utilization", Decimal, |r| r.part.utilization.map_or(Cell::Null, ratio)),
    column("x_TenantName", Text, |r| maybe(r.part.who.as_ref().map(|w| w.tenant.as_str()))),
    column("x_NamespaceName", Text, |r| named(r.part.who.as_ref().map(|w| w.namespace.as_str()))),
    column("x_WorkloadKind", Text, |r| maybe(r.part.who.as_ref().map(|w| w.kind.as_str()))),
    column("x_WorkloadName", Text, |r| maybe(r.part.who.as_ref().map(|w| w.workload.as_str()))),
    column("x_HolderName", Text, |r| maybe(r.part.who.as_ref().map(|w| w.name.as_str()))),
    column("x_NodeName", Text, |r| text(&r.origin.node)),
    column("x_GpuModel", Text, |r| text(&r.origin.model)),
    column("x_SharingMode", Text, |r| text(r.origin.sharing)),
    column("x_MigProfile", Text, |r| {
        maybe(r.part.who.as_ref().and_then(|w| w.mig_profile.as_deref()))
    }),
    column("x_InstanceType", Text, |r| maybe(r.origin.instance_type.as_deref())),
    column("x_CapacityType", Text, |r| maybe(r.origin.capacity_type.as_deref())),
    column("x_PriceSource", Text, |r| maybe(r.origin.price.as_ref().map(|p| p.source.as_str()))),
];
