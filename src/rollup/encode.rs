//! Accounts as the files of a partition. The same accounts give the same bytes.
//!
//! Tables repeat names in place of numbers alone, so that a query needs no join; columns that repeat
//! compress to next to nothing.

use polars::prelude::{Column, NamedFrom, Series};

use super::columns as c;
use super::header::Header;
use super::{Files, Partition, RollupError};
use crate::attribution::inventory::Device;
use crate::attribution::{Attributed, Attribution};
use crate::model::Interval;
use crate::model::window::utc_day;
use crate::report::accounts::Accounts;
use crate::report::fold::{Cell, row_number};
use crate::source::tables::{self, TableError};
use crate::units::{MS_PER_DAY, gpu_hours_of};

/// The files of a partition.
///
/// # Errors
/// When polars refuses: a bug.
pub fn encode(partition: &Partition) -> Result<Files, RollupError> {
    let rows = Rows { accounts: &partition.accounts, cluster: &partition.cluster };
    let mut files = vec![(c::HEADER.to_owned(), Header::of(partition).to_json()?)];
    for (table, columns) in [
        (c::LEDGER, rows.ledger()),
        (c::TENURES, rows.tenures()),
        (c::HOLDINGS, rows.holdings()),
        (c::HOLDERS, rows.holders()?),
        (c::DEVICES, rows.devices()),
    ] {
        let file = c::file(table);
        let bytes = tables::write(&file, &columns)?;
        files.push((file, bytes));
    }
    Ok(files)
}

struct Rows<'a> {
    accounts: &'a Accounts,
    cluster: &'a str,
}

/// A column of values taken from rows.
fn column<'a, R, T>(name: &str, rows: &'a [R], value: impl Fn(&'a R) -> T) -> Column
where
    Series: NamedFrom<Vec<T>, [T]>,
    Vec<T>: AsRef<[T]>,
{
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<T>>()).into()
}

/// A column of texts taken from rows; of many that repeat.
fn text<'a, R>(name: &str, rows: &'a [R], value: impl Fn(&'a R) -> Option<&'a str>) -> Column {
    Column::new(name.into(), rows.iter().map(value).collect::<Vec<Option<&str>>>())
}

/// A row of the ledger.
struct Fact {
    device: usize,
    cell: Cell,
    length_ms: i64,
}

impl Fact {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a window are far below 2^53")]
    fn gpu_ms(&self) -> f64 {
        self.length_ms as f64 * f64::from_bits(self.cell.5)
    }

    fn utilization(&self) -> Option<f64> {
        self.cell.2.map(f64::from_bits)
    }
}

impl<'a> Rows<'a> {
    fn attribution(&self) -> &'a Attribution {
        &self.accounts.attribution
    }

    /// What every table begins with.
    fn keys(&self, height: usize) -> Vec<Column> {
        let day = utc_day(self.accounts.window.start());
        let number = self.accounts.window.start().div_euclid(MS_PER_DAY);
        vec![
            Column::new(c::CLUSTER.into(), vec![self.cluster; height]),
            Column::new(c::DATE.into(), vec![day.as_str(); height]),
            Column::new(c::DAY.into(), vec![number; height]),
        ]
    }

    fn price(&self, device: usize) -> Option<f64> {
        self.accounts.prices[device].as_ref().map(|p| p.per_gpu_hour)
    }

    /// Names of holder and device of each row.
    fn names<R>(
        &self,
        rows: &[R],
        holder: impl Fn(&R) -> Option<usize>,
        device: impl Fn(&R) -> usize,
    ) -> Vec<Column> {
        let attribution = self.attribution();
        let held = |name: &str, value: &dyn Fn(&'a Attributed) -> Option<&'a str>| {
            let texts = rows.iter().map(|r| value(&attribution.holders[holder(r)?]));
            Column::new(name.into(), texts.collect::<Vec<Option<&str>>>())
        };
        let placed = |name: &str, value: &dyn Fn(&'a Device) -> &'a str| {
            let texts = rows.iter().map(|r| value(&attribution.devices[device(r)]));
            Column::new(name.into(), texts.collect::<Vec<&str>>())
        };
        vec![
            Column::new(c::DEVICE.into(), numbers(rows.iter().map(&device))),
            Column::new(
                c::HOLDER.into(),
                rows.iter().map(|r| holder(r).map(row_number)).collect::<Vec<Option<u32>>>(),
            ),
            held(c::TENANT, &|h| Some(&h.tenant.tenant)),
            held(c::RULE, &|h| Some(&h.tenant.rule)),
            held(c::NAMESPACE, &|h| Some(&h.holder.key.namespace)),
            held(c::WORKLOAD_KIND, &|h| Some(&h.workload.kind)),
            held(c::WORKLOAD, &|h| Some(&h.workload.name)),
            held(c::HOLDER_KIND, &|h| Some(h.holder.kind.name())),
            held(c::NAME, &|h| Some(&h.holder.key.name)),
            held(c::UID, &|h| h.holder.key.uid.as_deref()),
            held(c::HOLDING_SOURCE, &|h| Some(h.holder.source.name())),
            placed(c::NODE, &|d| &d.node),
            placed(c::UUID, &|d| &d.id),
            placed(c::MODEL, &|d| &d.model),
            placed(c::SHARING, &|d| d.sharing.name()),
        ]
    }

    fn ledger(&self) -> Vec<Column> {
        let facts: Vec<Fact> = (self.accounts.folded.iter().enumerate())
            .flat_map(|(device, folded)| {
                folded.cells().map(move |(cell, length_ms)| Fact { device, cell, length_ms })
            })
            .collect();
        let money = |f: &Fact| Some(gpu_hours_of(f.gpu_ms()) * self.price(f.device)?);
        let mut columns = self.keys(facts.len());
        columns.extend(self.names(&facts, |f| f.cell.0, |f| f.device));
        columns.extend([
            text(c::STATE, &facts, |f| Some(f.cell.1.name())),
            text(c::SIGNAL, &facts, |f| Some(f.cell.3?.query().name())),
            text(c::REASON, &facts, |f| Some(f.cell.4?.name())),
            column(c::UTILIZATION, &facts, Fact::utilization),
            column(c::ESTIMATED, &facts, |f| f.cell.6),
            column(c::SHARE, &facts, |f| f64::from_bits(f.cell.5)),
            column(c::LENGTH_MS, &facts, |f| f.length_ms),
            column(c::GPU_MS, &facts, Fact::gpu_ms),
            column(c::UTILIZATION_GPU_MS, &facts, |f| Some(f.gpu_ms() * f.utilization()?)),
            column(c::PRICE, &facts, |f| self.price(f.device)),
            column(c::COST, &facts, money),
            text(c::CURRENCY, &facts, |_| Some(&self.accounts.currency)),
        ]);
        columns
    }

    fn tenures(&self) -> Vec<Column> {
        let tenures = &self.attribution().tenures;
        let mut columns = self.keys(tenures.len());
        columns.extend(self.names(tenures, |t| Some(t.holder), |t| t.device));
        columns.extend([
            column(c::MEMORY_PEAK, tenures, |t| t.memory_peak),
            column(c::LONGEST_IDLE_MS, tenures, |t| t.longest_idle_ms),
            column(c::LEADING_IDLE_MS, tenures, |t| t.leading_idle_ms),
            column(c::TRAILING_IDLE_MS, tenures, |t| t.trailing_idle_ms),
        ]);
        columns
    }

    fn holdings(&self) -> Vec<Column> {
        let pieces = &self.attribution().pieces;
        let mut columns = self.keys(pieces.len());
        columns.extend(self.names(pieces, |p| Some(p.holder), |p| p.device));
        columns.extend([
            column(c::FROM_MS, pieces, |p| p.time.start),
            column(c::UNTIL_MS, pieces, |p| p.time.end),
            column(c::SHARE, pieces, |p| p.share),
        ]);
        columns
    }

    fn holders(&self) -> Result<Vec<Column>, RollupError> {
        let holders = &self.attribution().holders;
        let json = |labels: &dyn Fn(&Attributed) -> serde_json::Result<String>| {
            let texts: serde_json::Result<Vec<String>> = holders.iter().map(labels).collect();
            texts.map_err(|e| TableError::unwritable(&c::file(c::HOLDERS), e))
        };
        let object = json(&|h| serde_json::to_string(&h.holder.labels.object))?;
        let metric = json(&|h| serde_json::to_string(&h.holder.labels.metric))?;
        let mut columns = self.keys(holders.len());
        columns.extend([
            Column::new(c::HOLDER.into(), numbers(0..holders.len())),
            text(c::HOLDER_KIND, holders, |h| Some(h.holder.kind.name())),
            text(c::TENANT, holders, |h| Some(&h.tenant.tenant)),
            text(c::RULE, holders, |h| Some(&h.tenant.rule)),
            text(c::NAMESPACE, holders, |h| Some(&h.holder.key.namespace)),
            text(c::WORKLOAD_KIND, holders, |h| Some(&h.workload.kind)),
            text(c::WORKLOAD, holders, |h| Some(&h.workload.name)),
            column(c::OWNED, holders, |h| h.workload.owned),
            text(c::NAME, holders, |h| Some(&h.holder.key.name)),
            text(c::UID, holders, |h| h.holder.key.uid.as_deref()),
            text(c::NODE, holders, |h| h.holder.node.as_deref()),
            column(c::FROM_MS, holders, |h| h.holder.time.start),
            column(c::UNTIL_MS, holders, |h| h.holder.time.end),
            text(c::HOLDING_SOURCE, holders, |h| Some(h.holder.source.name())),
            column(c::CLAIMS, holders, |h| !h.holder.claims.is_empty()),
            Column::new(c::OBJECT_LABELS.into(), object),
            Column::new(c::METRIC_LABELS.into(), metric),
        ]);
        Ok(columns)
    }

    fn devices(&self) -> Vec<Column> {
        let devices = &self.attribution().devices;
        let rows: Vec<(usize, Interval)> = (devices.iter().enumerate())
            .flat_map(|(d, device)| device.presence.as_slice().iter().map(move |&t| (d, t)))
            .collect();
        let kinds: Vec<_> = devices
            .iter()
            .map(|d| self.accounts.nodes.get(&(d.cluster.clone(), d.node.clone())))
            .collect();
        let price = |d: usize| self.accounts.prices[d].as_ref();
        let mut columns = self.keys(rows.len());
        columns.extend([
            Column::new(c::DEVICE.into(), numbers(rows.iter().map(|r| r.0))),
            text(c::UUID, &rows, |r| Some(&devices[r.0].id)),
            text(c::NODE, &rows, |r| Some(&devices[r.0].node)),
            text(c::INDEX, &rows, |r| devices[r.0].index.as_deref()),
            text(c::MODEL, &rows, |r| Some(&devices[r.0].model)),
            text(c::SHARING, &rows, |r| Some(devices[r.0].sharing.name())),
            column(c::PRICE, &rows, |r| self.price(r.0)),
            text(c::PRICE_SOURCE, &rows, |r| Some(&price(r.0)?.source)),
            column(c::PRICE_BUILT_IN, &rows, |r| price(r.0).map(|p| p.built_in)),
            text(c::CURRENCY, &rows, |_| Some(&self.accounts.currency)),
            column(c::IS_POOL, &rows, |r| kinds[r.0].is_some_and(|k| k.is_pool)),
            text(c::INSTANCE_TYPE, &rows, |r| kinds[r.0]?.instance_type.as_deref()),
            text(c::CAPACITY_TYPE, &rows, |r| kinds[r.0]?.capacity_type.as_deref()),
            text(c::PROVIDER_ID, &rows, |r| kinds[r.0]?.provider_id.as_deref()),
            column(c::FROM_MS, &rows, |r| r.1.start),
            column(c::UNTIL_MS, &rows, |r| r.1.end),
        ]);
        columns
    }
}

fn numbers(positions: impl Iterator<Item = usize>) -> Vec<u32> {
    positions.map(row_number).collect()
}
