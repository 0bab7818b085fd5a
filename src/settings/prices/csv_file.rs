//! CSV files of prices: ours, OpenCost's custom pricing, and the price list that AWS publishes.
//!
//! Lists price whole machines; a rule prices one GPU. How many GPUs a machine has is said by the file, or known of the
//! built-in list; where neither is so, that is an error and no guess.

mod shapes;
#[cfg(test)]
mod tests;

use std::path::Path;

use csv::StringRecord;

use shapes::{Row, Shape};

use super::book_file::same_currency;
use super::model_pattern;
use crate::cost::book;
use crate::error::{Error, Result};
use crate::model::policy::{PriceOrigin, PriceRule};
use crate::settings::parse::price;

/// Lines before the header: AWS has five.
const MAX_PREAMBLE: usize = 20;
/// Most rules of one file: every node of a large fleet, or all of a cloud's machines in all its regions.
const MAX_RULES: usize = 200_000;

/// The rules of a file, in its order, for a report in this currency.
///
/// # Errors
///
/// A usage error that names the file, the row and the value.
pub(super) fn read(path: &Path, currency: &str) -> Result<Vec<PriceRule>> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path)
        .map_err(|e| Error::usage(format!("price list {name}: cannot be read: {e}")))?;
    parse(&name, std::io::BufReader::new(file), currency)
}

/// The rules of a list with this name.
pub(super) fn parse(
    name: &str,
    input: impl std::io::Read,
    currency: &str,
) -> Result<Vec<PriceRule>> {
    let list = format!("price list {name}");
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(input);
    let mut records = reader.records();
    let shape = header(&list, &mut records)?;
    let mut rules = Vec::new();
    for (number, record) in (1_u64..).zip(records) {
        let place = format!("{list}, row {number}");
        let record = record.map_err(|e| Error::usage(format!("{place}: cannot be read: {e}")))?;
        let Some(row) = shape.row(&record) else { continue };
        rules.extend(rule(&place, &row, currency)?);
        if rules.len() > MAX_RULES {
            return Err(Error::usage(format!("{list}: has more than {MAX_RULES} prices"))
                .hinted("keep the regions and machines that you have"));
        }
    }
    if rules.is_empty() {
        return Err(Error::usage(format!("{list}: has no price of a machine with GPUs"))
            .hinted(shapes::KNOWN));
    }
    Ok(rules)
}

fn header(
    list: &str,
    records: &mut impl Iterator<Item = csv::Result<StringRecord>>,
) -> Result<Shape> {
    let mut first = None;
    for record in records.take(MAX_PREAMBLE) {
        let record = record.map_err(|e| Error::usage(format!("{list}: cannot be read: {e}")))?;
        if let Some(shape) = Shape::of(&record) {
            return Ok(shape);
        }
        first.get_or_insert(record);
    }
    let found: Vec<&str> = first.iter().flat_map(StringRecord::iter).take(12).collect();
    Err(Error::usage(format!("{list}: its header is not known: {}", found.join(", ")))
        .hinted(shapes::KNOWN))
}

/// The rule of a row; `None` for a machine without GPUs.
fn rule(place: &str, row: &Row<'_>, currency: &str) -> Result<Option<PriceRule>> {
    let wrong = |what: String| Error::usage(format!("{place}: {what}"));
    if let Some(field) = row.unknown_field {
        return Err(wrong(format!("`{field}` is nothing by which a price can find its node"))
            .hinted("known are metadata.name, metadata.labels.<label>, and an InstanceType"));
    }
    let gpus = match (row.is_per_gpu, row.gpus) {
        (true, _) => 1.0,
        (false, Some(text)) => match text.parse::<f64>() {
            Ok(gpus) if (0.0..=1_024.0).contains(&gpus) => gpus,
            _ => return Err(wrong(format!("`{text}` is not a number of GPUs"))),
        },
        (false, None) => match row.instance_type.and_then(book::gpus_of) {
            Some(gpus) => f64::from(gpus),
            None => {
                let what = row.instance_type.or(row.node).unwrap_or("the machine");
                return Err(wrong(format!("how many GPUs {what} has is not known"))
                    .hinted("add a column `gpus`: 0 for machines without any"));
            }
        },
    };
    if gpus == 0.0 {
        return Ok(None);
    }
    same_currency(place, row.currency, currency)?;
    let amount = price(row.price).map_err(|e| wrong(format!("price: {e}")))?;
    let given = row.source.map(|source| format!("{source} ({place})"));
    Ok(Some(PriceRule {
        model: row.model.map(model_pattern).transpose().map_err(wrong)?,
        instance_type: row.instance_type.map(ToOwned::to_owned),
        capacity_type: row.capacity_type.map(str::to_ascii_lowercase),
        region: row.region.map(ToOwned::to_owned),
        node: row.node.map(ToOwned::to_owned),
        node_labels: row.label.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        per_gpu_hour: amount / gpus,
        source: given.unwrap_or_else(|| place.to_owned()),
        date: row.date.and_then(|text| text.get(..10)).map(ToOwned::to_owned),
        origin: PriceOrigin::File,
    }))
}
