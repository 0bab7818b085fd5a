//! The shapes of price lists that are known, and a record of each as a row.

use std::collections::BTreeMap;

use csv::StringRecord;

/// What is known, for errors.
pub(super) const KNOWN: &str = "known are: our own (`instance_type`, `model` or `node`; `price_per_hour` with `gpus`, or \
    `price_per_gpu_hour`; `region`, `capacity_type`, `currency`, `source`, `date`), OpenCost's custom pricing \
    (`EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version`) and AWS's price \
    list (`SKU,OfferTermCode,…,PricePerUnit,Currency,…,Instance Type,…,GPU,…,Region Code`)";

/// Columns of our own shape.
const OWN: &[&str] = &["instancetype", "model", "node"];

/// A price as a list says it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Row<'a> {
    pub(super) model: Option<&'a str>,
    pub(super) instance_type: Option<&'a str>,
    pub(super) capacity_type: Option<&'a str>,
    pub(super) region: Option<&'a str>,
    pub(super) node: Option<&'a str>,
    /// A label that the node must have.
    pub(super) label: Option<(&'a str, &'a str)>,
    pub(super) price: &'a str,
    /// Of one GPU, and not of the machine.
    pub(super) is_per_gpu: bool,
    pub(super) gpus: Option<&'a str>,
    pub(super) currency: Option<&'a str>,
    pub(super) source: Option<&'a str>,
    pub(super) date: Option<&'a str>,
    /// What the machine is told by, where no rule can tell it by that.
    pub(super) unknown_field: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Own,
    OpenCost,
    Aws,
}

/// A shape with its columns.
#[derive(Debug)]
pub(super) struct Shape {
    kind: Kind,
    at: BTreeMap<String, usize>,
}

fn folded(name: &str) -> String {
    let name = name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase();
    name.replace(['_', ' ', '-'], "")
}

impl Shape {
    /// The shape that has this header, if one has it.
    pub(super) fn of(header: &StringRecord) -> Option<Self> {
        let at: BTreeMap<String, usize> =
            header.iter().enumerate().map(|(i, name)| (folded(name), i)).collect();
        let has = |names: &[&str]| names.iter().all(|name| at.contains_key(*name));
        let is_own = OWN.iter().any(|name| at.contains_key(*name))
            && (has(&["priceperhour"]) || has(&["pricepergpuhour"]));
        let kind = if has(&["assetclass", "instanceid", "instanceidfield", "marketpricehourly"]) {
            Kind::OpenCost
        } else if has(&["sku", "termtype", "priceperunit", "instancetype", "gpu", "regioncode"]) {
            Kind::Aws
        } else if is_own {
            Kind::Own
        } else {
            return None;
        };
        Some(Self { kind, at })
    }

    fn cell<'a>(&self, record: &'a StringRecord, name: &str) -> Option<&'a str> {
        let cell = record.get(*self.at.get(name)?)?.trim();
        (!cell.is_empty()).then_some(cell)
    }

    /// A record as a row; `None` for what is no price of a machine, or one that nobody pays for a plain one.
    pub(super) fn row<'a>(&self, record: &'a StringRecord) -> Option<Row<'a>> {
        match self.kind {
            Kind::Own => Some(self.own(record)),
            Kind::OpenCost => self.opencost(record),
            Kind::Aws => self.aws(record),
        }
    }

    fn own<'a>(&self, record: &'a StringRecord) -> Row<'a> {
        let cell = |name| self.cell(record, name);
        let per_gpu = cell("pricepergpuhour");
        Row {
            model: cell("model"),
            instance_type: cell("instancetype"),
            capacity_type: cell("capacitytype"),
            region: cell("region"),
            node: cell("node"),
            label: None,
            price: per_gpu.or_else(|| cell("priceperhour")).unwrap_or_default(),
            is_per_gpu: per_gpu.is_some(),
            gpus: cell("gpus").or_else(|| cell("gpu")),
            currency: cell("currency"),
            source: cell("source"),
            date: cell("date"),
            unknown_field: None,
        }
    }

    /// Nodes and GPUs; disks are not ours. A GPU's `InstanceIDField` is a label of the node, without `metadata.labels.`.
    fn opencost<'a>(&self, record: &'a StringRecord) -> Option<Row<'a>> {
        let cell = |name| self.cell(record, name);
        let is_gpu = match cell("assetclass")?.to_ascii_lowercase().as_str() {
            "gpu" => true,
            "node" => false,
            _ => return None,
        };
        let (field, id) = (cell("instanceidfield").unwrap_or_default(), cell("instanceid"));
        let label = field.strip_prefix("metadata.labels.").or_else(|| is_gpu.then_some(field));
        let is_name = field == "metadata.name";
        let is_type = field.is_empty() || field.ends_with("node.kubernetes.io/instance-type");
        let instance_type = cell("instancetype").filter(|_| !is_name).filter(|_| !is_gpu);
        Some(Row {
            instance_type,
            region: cell("region"),
            node: id.filter(|_| is_name),
            label: label.filter(|label| !label.is_empty()).zip(id),
            price: cell("marketpricehourly").unwrap_or_default(),
            is_per_gpu: is_gpu,
            gpus: cell("gpus").or_else(|| cell("gpu")),
            currency: cell("currency"),
            date: cell("endtimestamp").filter(|text| text.is_ascii()),
            unknown_field: (label.is_none() && !is_name && !(is_type && instance_type.is_some()))
                .then_some(field),
            ..Row::default()
        })
    }

    /// On demand, Linux, shared tenancy, by the hour, without what is installed on top: what the built-in list has.
    fn aws<'a>(&self, record: &'a StringRecord) -> Option<Row<'a>> {
        let cell = |name| self.cell(record, name);
        let is = |name, value: &str| cell(name).is_none_or(|cell| cell.eq_ignore_ascii_case(value));
        let is_plain = is("termtype", "OnDemand")
            && is("unit", "Hrs")
            && is("tenancy", "Shared")
            && is("operatingsystem", "Linux")
            && is("capacitystatus", "Used")
            && is("preinstalleds/w", "NA")
            && is("licensemodel", "No License required");
        let price = cell("priceperunit").filter(|_| is_plain)?;
        let is_free = price.parse().is_ok_and(|price: f64| price == 0.0);
        let gpus = cell("gpu").filter(|gpus| *gpus != "0" && !is_free)?;
        Some(Row {
            instance_type: Some(cell("instancetype")?),
            region: cell("regioncode"),
            price,
            gpus: Some(gpus),
            currency: cell("currency"),
            date: cell("effectivedate").filter(|text| text.is_ascii()),
            ..Row::default()
        })
    }
}
