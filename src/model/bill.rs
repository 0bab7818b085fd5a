//! Rows of a provider's bill, as FOCUS has them: what was charged for which resource, when.
//!
//! The neutral value between a file of billing rows and their comparison with the ledger. No matching here.

use crate::units::Millis;

/// Parts of a unit of money that amounts of a bill are counted in.
pub const PICO: f64 = 1e12;

/// Which cost of a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CostColumn {
    /// `EffectiveCost`: commitments spread over what they cover.
    #[default]
    Effective,
    /// `BilledCost`: what is on the invoice.
    Billed,
    /// `ContractedCost`: negotiated prices, without commitments.
    Contracted,
    /// `ListCost`.
    List,
}

impl CostColumn {
    /// All of them by the name that a flag has for them.
    pub const NAMES: &[(&str, Self)] = &[
        ("effective", Self::Effective),
        ("billed", Self::Billed),
        ("contracted", Self::Contracted),
        ("list", Self::List),
    ];

    /// The column of FOCUS.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::Effective => "EffectiveCost",
            Self::Billed => "BilledCost",
            Self::Contracted => "ContractedCost",
            Self::List => "ListCost",
        }
    }
}

/// One charge of a bill. Text is as the file has it; empty cells are `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BillRow {
    /// Number of the row in its file, from 1, the header not counted.
    pub number: u64,
    /// First instant that the charge is for.
    pub start: Millis,
    /// First instant after.
    pub end: Millis,
    /// Cost in whole trillionths ([`PICO`]); `None` where the cell is empty.
    pub cost: Option<i128>,
    /// Currency code.
    pub currency: String,
    /// `ChargeCategory`: `Usage`, `Purchase`, `Tax`, `Credit`, `Adjustment`.
    pub category: String,
    /// `CommitmentDiscountStatus`: `Used` or `Unused`.
    pub commitment_status: Option<String>,
    /// `ResourceId`.
    pub resource_id: Option<String>,
    /// Names by which a node may be called: the resource's, those of tags.
    pub names: Vec<String>,
    /// `SubAccountId`.
    pub sub_account: Option<String>,
    /// The cloud's name for the machine.
    pub instance_type: Option<String>,
    /// `RegionId`.
    pub region: Option<String>,
    /// What is metered: the SKU's meter, or its id.
    pub meter: String,
    /// All texts that describe the charge, for what they say of GPUs.
    pub description: String,
    /// `ConsumedQuantity`, or `PricingQuantity` where there is none.
    pub quantity: Option<f64>,
    /// Unit of the quantity.
    pub unit: Option<String>,
}

impl BillRow {
    /// Whether it is a charge for use, and not a tax, a credit or a purchase.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.category.eq_ignore_ascii_case("usage")
    }
}
