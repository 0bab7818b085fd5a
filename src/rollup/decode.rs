//! The files of a partition as accounts. What comes in may be damaged or forged: every number is checked.

use std::collections::BTreeMap;

use polars::prelude::{
    BooleanChunked, Column, DataFrame, Float64Chunked, Int64Chunked, StringChunked, UInt32Chunked,
};
use serde::de::DeserializeOwned;

use super::columns as c;
use super::header::Header;
use super::{Partition, RollupError};
use crate::attribution::holder::{Holder, HolderKind, HoldingSource};
use crate::attribution::holding::{Sharing, Speaks};
use crate::attribution::inventory::Device;
use crate::attribution::label_view::LabelView;
use crate::attribution::owners::Workload;
use crate::attribution::resolve::Piece;
use crate::attribution::states::{Blind, State};
use crate::attribution::tenants::Named;
use crate::attribution::{Attributed, Attribution, Tenure};
use crate::cost::price::Price;
use crate::model::{Interval, IntervalSet};
use crate::observe::field::Field;
use crate::observe::kube_state::PodKey;
use crate::report::accounts::{Accounts, NodeKind, Place};
use crate::report::fold::{Cell, Folded};
use crate::source::tables::{self, TableError};

/// Reads a partition.
///
/// # Errors
/// A file that is missing, damaged or of a later version.
pub fn decode(files: BTreeMap<String, Vec<u8>>) -> Result<Partition, RollupError> {
    let mut files = files;
    let header = files.remove(c::HEADER).ok_or(RollupError::Missing(c::HEADER.to_owned()))?;
    let mut header = Header::from_json(&header)?;
    let mut table = |name: &str| Table::read(&mut files, name);
    let cluster = Some(header.cluster.clone());
    let Devices { devices, prices, nodes } = devices(&table(c::DEVICES)?, &cluster)?;
    let holders = holders(&table(c::HOLDERS)?, &cluster)?;
    let bounds = (holders.len(), devices.len());
    let attribution = Attribution {
        pieces: pieces(&table(c::HOLDINGS)?, bounds)?,
        tenures: tenures(&table(c::TENURES)?, bounds)?,
        devices,
        holders,
        ..Attribution::default()
    };
    let accounts = Accounts {
        window: header.window,
        now_ms: header.window.end(),
        folded: ledger(&table(c::LEDGER)?, bounds)?,
        attribution,
        prices,
        currency: header.currency.clone(),
        idle_below: header.idle_below,
        nodes,
        seen: header.seen(),
    };
    let Header { cluster, assumptions, tool_version, .. } = header;
    Ok(Partition { cluster, accounts, assumptions, tool_version })
}

/// A table with its file's name for errors.
struct Table {
    file: String,
    df: DataFrame,
}

impl Table {
    fn read(files: &mut BTreeMap<String, Vec<u8>>, table: &str) -> Result<Self, RollupError> {
        let file = c::file(table);
        let content = files.remove(&file).ok_or_else(|| RollupError::Missing(file.clone()))?;
        let df = tables::read(&file, content)?;
        Ok(Self { file, df })
    }

    fn texts(&self, name: &str) -> Result<&StringChunked, RollupError> {
        Ok(tables::column(&self.file, &self.df, name, Column::str)?)
    }

    /// The same of a column that older programs did not write.
    fn newer_texts(&self, name: &str) -> Result<Option<&StringChunked>, RollupError> {
        let is_there = self.df.get_column_names().iter().any(|column| column.as_str() == name);
        is_there.then(|| self.texts(name)).transpose()
    }

    fn numbers(&self, name: &str) -> Result<&UInt32Chunked, RollupError> {
        Ok(tables::column(&self.file, &self.df, name, Column::u32)?)
    }

    fn instants(&self, name: &str) -> Result<&Int64Chunked, RollupError> {
        Ok(tables::column(&self.file, &self.df, name, Column::i64)?)
    }

    fn floats(&self, name: &str) -> Result<&Float64Chunked, RollupError> {
        Ok(tables::column(&self.file, &self.df, name, Column::f64)?)
    }

    fn flags(&self, name: &str) -> Result<&BooleanChunked, RollupError> {
        Ok(tables::column(&self.file, &self.df, name, Column::bool)?)
    }

    fn damaged(&self, detail: impl std::fmt::Display) -> RollupError {
        TableError::damaged(&self.file, detail).into()
    }

    /// A value that every row must have.
    fn some<T>(&self, value: Option<T>) -> Result<T, RollupError> {
        value.ok_or_else(|| self.damaged(tables::NULL_ROW))
    }

    fn position(&self, value: Option<u32>, bound: usize) -> Result<usize, RollupError> {
        let position = usize::try_from(self.some(value)?).unwrap_or(usize::MAX);
        match position < bound {
            true => Ok(position),
            false => Err(self.damaged(format!("it speaks of row {position}, of {bound} from 0"))),
        }
    }

    fn interval(&self, from: Option<i64>, until: Option<i64>) -> Result<Interval, RollupError> {
        let time = Interval::new(self.some(from)?, self.some(until)?);
        match time.start < time.end {
            true => Ok(time),
            false => Err(self.damaged("it has a stretch that ends before it begins")),
        }
    }

    fn share(&self, value: Option<f64>) -> Result<f64, RollupError> {
        let share = self.some(value)?;
        match share > 0.0 && share <= 1.0 + crate::attribution::holding::EPSILON {
            true => Ok(share),
            false => Err(self.damaged(format!("it has a share of {share}"))),
        }
    }

    /// One of a closed list, by its name.
    fn one_of<T: Copy>(
        &self,
        all: &[T],
        name: impl Fn(T) -> &'static str,
        text: Option<&str>,
    ) -> Result<T, RollupError> {
        let text = self.some(text)?;
        let found = all.iter().copied().find(|one| name(*one) == text);
        found.ok_or_else(|| self.damaged(format!("`{}` is not known", text.escape_debug())))
    }
}

struct Devices {
    devices: Vec<Device>,
    prices: Vec<Option<Price>>,
    nodes: BTreeMap<Place, NodeKind>,
}

/// A device has a row for each stretch of its presence, one after another.
fn devices(table: &Table, cluster: &Option<String>) -> Result<Devices, RollupError> {
    let (numbers, ids, nodes) =
        (table.numbers(c::DEVICE)?, table.texts(c::UUID)?, table.texts(c::NODE)?);
    let (index, model, sharing) =
        (table.texts(c::INDEX)?, table.texts(c::MODEL)?, table.texts(c::SHARING)?);
    let (price, source, built_in) =
        (table.floats(c::PRICE)?, table.texts(c::PRICE_SOURCE)?, table.flags(c::PRICE_BUILT_IN)?);
    let (pool, instance, capacity) =
        (table.flags(c::IS_POOL)?, table.texts(c::INSTANCE_TYPE)?, table.texts(c::CAPACITY_TYPE)?);
    let provider_id = table.newer_texts(c::PROVIDER_ID)?;
    let (from, until) = (table.instants(c::FROM_MS)?, table.instants(c::UNTIL_MS)?);
    let mut out = Devices { devices: Vec::new(), prices: Vec::new(), nodes: BTreeMap::new() };
    for row in 0..table.df.height() {
        let time = table.interval(from.get(row), until.get(row))?;
        let number = table.position(numbers.get(row), out.devices.len() + 1)?;
        if let Some(device) = out.devices.get_mut(number) {
            device.presence = device.presence.union(&IntervalSet::of(time));
            continue;
        }
        let node = table.some(nodes.get(row))?.to_owned();
        out.prices.push(match price.get(row) {
            Some(price) if !(price.is_finite() && price >= 0.0) => {
                return Err(table.damaged(format!("it has a price of {price}")));
            }
            Some(per_gpu_hour) => Some(Price {
                per_gpu_hour,
                source: table.some(source.get(row))?.to_owned(),
                built_in: table.some(built_in.get(row))?,
            }),
            None => None,
        });
        out.nodes.entry((cluster.clone(), node.clone())).or_insert(NodeKind {
            is_pool: table.some(pool.get(row))?,
            instance_type: instance.get(row).map(ToOwned::to_owned),
            capacity_type: capacity.get(row).map(ToOwned::to_owned),
            provider_id: provider_id.and_then(|ids| ids.get(row)).map(ToOwned::to_owned),
        });
        out.devices.push(Device {
            cluster: cluster.clone(),
            id: table.some(ids.get(row))?.to_owned(),
            node,
            index: index.get(row).map(ToOwned::to_owned),
            model: table.some(model.get(row))?.to_owned(),
            presence: IntervalSet::of(time),
            sharing: table.one_of(&Sharing::ALL, Sharing::name, sharing.get(row))?,
            observation: None,
            pooled: None,
            memory_bytes: None,
            passthrough: false,
        });
    }
    Ok(out)
}

fn holders(table: &Table, cluster: &Option<String>) -> Result<Vec<Attributed>, RollupError> {
    let (kind, source) = (table.texts(c::HOLDER_KIND)?, table.texts(c::HOLDING_SOURCE)?);
    let (tenant, rule) = (table.texts(c::TENANT)?, table.texts(c::RULE)?);
    let (namespace, name, uid) =
        (table.texts(c::NAMESPACE)?, table.texts(c::NAME)?, table.texts(c::UID)?);
    let (workload_kind, workload, owned) =
        (table.texts(c::WORKLOAD_KIND)?, table.texts(c::WORKLOAD)?, table.flags(c::OWNED)?);
    let (node, claims) = (table.texts(c::NODE)?, table.flags(c::CLAIMS)?);
    let (from, until) = (table.instants(c::FROM_MS)?, table.instants(c::UNTIL_MS)?);
    let (object, metric) = (table.texts(c::OBJECT_LABELS)?, table.texts(c::METRIC_LABELS)?);
    let numbers = table.numbers(c::HOLDER)?;
    let text = |column: &StringChunked, row| table.some(column.get(row)).map(ToOwned::to_owned);
    let holder = |row: usize| {
        if table.position(numbers.get(row), row + 1)? != row {
            return Err(table.damaged("its rows are not in order"));
        }
        let time = Interval::new(table.some(from.get(row))?, table.some(until.get(row))?);
        let holder = Holder {
            kind: table.one_of(&HolderKind::ALL, HolderKind::name, kind.get(row))?,
            key: PodKey {
                namespace: text(namespace, row)?,
                name: text(name, row)?,
                uid: uid.get(row).map(ToOwned::to_owned),
            },
            node: node.get(row).map(ToOwned::to_owned),
            wants: BTreeMap::new(),
            // Whether there are any is asked, not which.
            claims: match table.some(claims.get(row))? {
                true => vec![String::new()],
                false => Vec::new(),
            },
            time,
            since: time.start,
            source: table.one_of(&HoldingSource::ALL, HoldingSource::name, source.get(row))?,
            owner: None,
            labels: LabelView {
                object: labels(table, object.get(row))?,
                metric: labels(table, metric.get(row))?,
            },
            annotations: BTreeMap::new(),
            labelled: BTreeMap::new(),
        };
        Ok(Attributed {
            cluster: cluster.clone(),
            holder,
            workload: Workload {
                kind: text(workload_kind, row)?,
                name: text(workload, row)?,
                owned: table.some(owned.get(row))?,
            },
            tenant: Named { tenant: text(tenant, row)?, rule: text(rule, row)? },
        })
    };
    (0..table.df.height()).map(holder).collect()
}

/// Labels as JSON.
fn labels<T: DeserializeOwned>(table: &Table, json: Option<&str>) -> Result<T, RollupError> {
    serde_json::from_str(table.some(json)?).map_err(|e| table.damaged(e))
}

/// Numbers of holders and devices.
type Bounds = (usize, usize);

fn pieces(table: &Table, (holders, devices): Bounds) -> Result<Vec<Piece>, RollupError> {
    let (device, holder) = (table.numbers(c::DEVICE)?, table.numbers(c::HOLDER)?);
    let (from, until) = (table.instants(c::FROM_MS)?, table.instants(c::UNTIL_MS)?);
    let share = table.floats(c::SHARE)?;
    let piece = |row: usize| {
        let time = table.interval(from.get(row), until.get(row))?;
        let share = table.share(share.get(row))?;
        Ok(Piece {
            device: table.position(device.get(row), devices)?,
            holder: table.position(holder.get(row), holders)?,
            time,
            since: time.start,
            share,
            series_share: share,
            held_beside: share,
            known: true,
            speaks: Speaks::Card,
            is_shared: false,
            grant: None,
        })
    };
    (0..table.df.height()).map(piece).collect()
}

fn tenures(table: &Table, (holders, devices): Bounds) -> Result<Vec<Tenure>, RollupError> {
    let (device, holder) = (table.numbers(c::DEVICE)?, table.numbers(c::HOLDER)?);
    let memory = table.floats(c::MEMORY_PEAK)?;
    let (longest, leading, trailing) = (
        table.instants(c::LONGEST_IDLE_MS)?,
        table.instants(c::LEADING_IDLE_MS)?,
        table.instants(c::TRAILING_IDLE_MS)?,
    );
    let tenure = |row: usize| {
        Ok(Tenure {
            holder: table.position(holder.get(row), holders)?,
            device: table.position(device.get(row), devices)?,
            memory_peak: memory.get(row),
            longest_idle_ms: table.some(longest.get(row))?,
            leading_idle_ms: table.some(leading.get(row))?,
            trailing_idle_ms: table.some(trailing.get(row))?,
        })
    };
    (0..table.df.height()).map(tenure).collect()
}

fn ledger(table: &Table, (holders, devices): Bounds) -> Result<Vec<Folded>, RollupError> {
    let (device, holder) = (table.numbers(c::DEVICE)?, table.numbers(c::HOLDER)?);
    let (state, signal, reason) =
        (table.texts(c::STATE)?, table.texts(c::SIGNAL)?, table.texts(c::REASON)?);
    let (utilization, share) = (table.floats(c::UTILIZATION)?, table.floats(c::SHARE)?);
    let (estimated, length) = (table.flags(c::ESTIMATED)?, table.instants(c::LENGTH_MS)?);
    let signal_name = |field: Field| field.query().name();
    let mut cells: Vec<Vec<(Cell, i64)>> = vec![Vec::new(); devices];
    for row in 0..table.df.height() {
        let device = table.position(device.get(row), devices)?;
        let holder = match holder.get(row) {
            Some(number) => Some(table.position(Some(number), holders)?),
            None => None,
        };
        let optional = |text: Option<&str>| text.is_some();
        let length = table.some(length.get(row))?;
        if length <= 0 {
            return Err(table.damaged(format!("it has a length of {length} ms")));
        }
        let cell: Cell = (
            holder,
            table.one_of(&State::ALL, State::name, state.get(row))?,
            match utilization.get(row) {
                Some(value) if !(0.0..=1.0).contains(&value) => {
                    return Err(table.damaged(format!("it has a utilization of {value}")));
                }
                value => value.map(f64::to_bits),
            },
            match optional(signal.get(row)) {
                true => Some(table.one_of(&Field::ALL, signal_name, signal.get(row))?),
                false => None,
            },
            match optional(reason.get(row)) {
                true => Some(table.one_of(&Blind::ALL, Blind::name, reason.get(row))?),
                false => None,
            },
            table.share(share.get(row))?.to_bits(),
            table.some(estimated.get(row))?,
        );
        cells[device].push((cell, length));
    }
    Ok(cells.into_iter().map(Folded::of_cells).collect())
}
