//! Sorting rows of a bill as they come: those of GPU machines are kept, everything else is counted and set aside.

use std::collections::{BTreeMap, HashMap};

use super::identity::{By, Index, Unit};
use super::ledger::Ledger;
use super::meter::{Measure, is_of_gpus, measure};
use crate::model::bill::BillRow;
use crate::units::Millis;

/// A charge for use in another currency than the ledger's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, row {row}: is in {theirs}, and the ledger in {ours}")]
pub struct WrongCurrency {
    /// File.
    pub file: String,
    /// Row.
    pub row: u64,
    /// Currency of the row.
    pub theirs: String,
    /// Currency of the ledger.
    pub ours: String,
}

/// A row that is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Kept {
    pub(super) unit: Unit,
    pub(super) start: Millis,
    pub(super) end: Millis,
    /// Trillionths.
    pub(super) cost: i128,
    pub(super) measure: Measure,
    pub(super) meter: usize,
}

/// What is known of a resource.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Resource {
    pub(super) id: Option<String>,
    pub(super) instance_type: Option<String>,
    pub(super) by: Option<By>,
}

/// A file, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) file: String,
    pub(super) rows: u64,
    pub(super) extent: Option<(Millis, Millis)>,
}

/// Reasons for which rows are set aside; categories other than `Usage` have their own name.
pub(super) const OUTSIDE: &str = "outside of the compared time";
const UNUSED: &str = "Usage: commitment that nothing used";
const NOT_OF_GPUS: &str = "Usage: not of GPU machines";
const NO_COST: &str = "Usage: GPU machines without a cost";

/// Rows and sums by reason and currency.
pub(super) type Aside = BTreeMap<(String, String), (u64, i128)>;

/// Takes rows.
pub struct Desk<'a> {
    pub(super) ledger: &'a Ledger,
    currency: &'a str,
    pub(super) index: Index,
    pub(super) kept: Vec<Kept>,
    pub(super) resources: BTreeMap<Unit, Resource>,
    pub(super) aside: Aside,
    pub(super) seen: Vec<Seen>,
    foreign: HashMap<String, usize>,
    meters: HashMap<String, usize>,
}

impl<'a> Desk<'a> {
    /// A desk for bills in this currency, against this ledger.
    #[must_use]
    pub fn new(ledger: &'a Ledger, currency: &'a str) -> Self {
        let mut index = Index::default();
        for node in &ledger.nodes {
            index.add(node.cluster.as_deref(), &node.name, node.provider_id.as_deref());
        }
        Self {
            ledger,
            currency,
            index,
            kept: Vec::new(),
            resources: BTreeMap::new(),
            aside: Aside::new(),
            seen: Vec::new(),
            foreign: HashMap::new(),
            meters: HashMap::new(),
        }
    }

    /// Begins a file; its rows follow.
    pub fn begin(&mut self, file: &str) {
        self.seen.push(Seen { file: file.to_owned(), rows: 0, extent: None });
    }

    /// Takes the next row of the file that was begun last.
    ///
    /// # Errors
    ///
    /// A charge of a GPU machine in another currency: nothing is converted.
    pub fn take(&mut self, row: &BillRow) -> Result<(), WrongCurrency> {
        if let Some(seen) = self.seen.last_mut() {
            seen.rows += 1;
            if row.is_usage() {
                let (start, end) = seen.extent.unwrap_or((row.start, row.end));
                seen.extent = Some((start.min(row.start), end.max(row.end)));
            }
        }
        if let Some(reason) = self.reason(row) {
            self.put_aside(reason, row);
            return Ok(());
        }
        let known =
            self.index.find(row.resource_id.as_deref(), &row.names, row.sub_account.as_deref());
        if known.is_none() && !is_of_gpus(row) {
            self.put_aside(NOT_OF_GPUS, row);
            return Ok(());
        }
        self.same_currency(row)?;
        let Some(cost) = row.cost else {
            self.put_aside(NO_COST, row);
            return Ok(());
        };
        let (unit, by) = match known {
            Some((unit, by)) => (unit, Some(by)),
            None => (Unit::Foreign(self.foreign(row)), None),
        };
        let resource = self.resources.entry(unit).or_default();
        resource.id = resource.id.take().or_else(|| row.resource_id.clone());
        resource.instance_type =
            resource.instance_type.take().or_else(|| row.instance_type.clone());
        resource.by = resource.by.or(by);
        let next = self.meters.len();
        let meter = *self.meters.entry(row.meter.clone()).or_insert(next);
        let (start, end) = (row.start, row.end);
        self.kept.push(Kept { unit, start, end, cost, measure: measure(row), meter });
        Ok(())
    }

    /// Why a row is not compared, whatever it is of.
    fn reason<'r>(&self, row: &'r BillRow) -> Option<&'r str> {
        let (start, end) = self.ledger.window.unwrap_or_default();
        let is_unused = |status: &String| status.eq_ignore_ascii_case("unused");
        if row.end <= start || row.start >= end {
            Some(OUTSIDE)
        } else if !row.is_usage() {
            Some(&row.category)
        } else {
            row.commitment_status.as_ref().filter(|status| is_unused(status)).map(|_| UNUSED)
        }
    }

    fn same_currency(&self, row: &BillRow) -> Result<(), WrongCurrency> {
        if row.currency == self.currency {
            return Ok(());
        }
        Err(WrongCurrency {
            file: self.seen.last().map(|seen| seen.file.clone()).unwrap_or_default(),
            row: row.number,
            theirs: match row.currency.as_str() {
                "" => "no currency at all".to_owned(),
                code => code.to_owned(),
            },
            ours: self.currency.to_owned(),
        })
    }

    fn foreign(&mut self, row: &BillRow) -> usize {
        let key = row.resource_id.clone().or_else(|| row.instance_type.clone());
        let next = self.foreign.len();
        *self.foreign.entry(key.unwrap_or_else(|| row.description.clone())).or_insert(next)
    }

    fn put_aside(&mut self, reason: &str, row: &BillRow) {
        add_aside(&mut self.aside, reason, &row.currency, row.cost.unwrap_or(0));
    }

    /// The currency of the ledger.
    pub(super) const fn currency(&self) -> &'a str {
        self.currency
    }
}

pub(super) fn add_aside(aside: &mut Aside, reason: &str, currency: &str, cost: i128) {
    let (rows, sum) = aside.entry((reason.to_owned(), currency.to_owned())).or_default();
    *rows += 1;
    *sum += cost;
}
