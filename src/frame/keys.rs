//! What holders and devices can be grouped by, as numbers.

use super::columns as c;
use super::names::Names;
use super::pairs::Pair;
use super::rows::{DeviceRows, HolderRows};

/// Most columns of one key.
pub const MOST: usize = 6;

/// Values of the columns of a key; what a shorter key does not use is 0.
pub type Key = [u32; MOST];

/// The value of what has none: of a holder's columns, time that nobody holds.
pub const NONE: u32 = u32::MAX;

/// Values of key columns by holder and by device.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    of_holders: Vec<(&'static str, Vec<u32>)>,
    of_devices: Vec<(&'static str, Vec<u32>)>,
    in_scope: Vec<bool>,
}

impl Keys {
    /// The values of all rows.
    #[must_use]
    pub fn new(names: &Names, holders: &HolderRows, devices: &DeviceRows) -> Self {
        let texts = |column: &[String]| names.codes(column.iter().map(String::as_str));
        Self {
            of_holders: vec![
                (c::TENANT, texts(&holders.tenant)),
                (c::RULE, texts(&holders.rule)),
                (c::NAMESPACE, texts(&holders.namespace)),
                (c::WORKLOAD_KIND, texts(&holders.workload_kind)),
                (c::WORKLOAD, texts(&holders.workload)),
                (c::POD, texts(&holders.pod)),
                (c::HOLDING_SOURCE, names.codes(holders.holding_source.iter().copied())),
            ],
            of_devices: vec![
                (c::CLUSTER, texts(&devices.cluster)),
                (c::NODE, texts(&devices.node)),
                (c::MODEL, texts(&devices.model)),
                (c::SHARING, names.codes(devices.sharing.iter().copied())),
            ],
            in_scope: holders.in_scope.clone(),
        }
    }

    /// Whether a pair's time is held by somebody in scope.
    #[must_use]
    pub fn is_in_scope(&self, pair: Pair) -> bool {
        pair.holder.is_some_and(|h| self.in_scope.get(h as usize) == Some(&true))
    }

    /// Values of `columns`; [`NONE`] where a pair has none.
    ///
    /// # Panics
    /// With more than [`MOST`] columns, or one that is not of `columns`: a bug.
    pub fn reader<'a>(&'a self, columns: &[&str]) -> impl Fn(Pair) -> Key + use<'a> {
        assert!(columns.len() <= MOST, "a key of {columns:?} has more than {MOST} columns");
        let all: Vec<Column<'_>> = columns.iter().map(|name| self.column(name)).collect();
        move |pair| {
            let mut key = Key::default();
            for (value, column) in key.iter_mut().zip(&all) {
                *value = column.of(pair);
            }
            key
        }
    }

    fn column(&self, name: &str) -> Column<'_> {
        let named = |columns: &'_ [(&'static str, Vec<u32>)]| {
            columns.iter().position(|(column, _)| *column == name)
        };
        match (named(&self.of_holders), named(&self.of_devices)) {
            (Some(i), _) => Column::Holder(&self.of_holders[i].1),
            (_, Some(i)) => Column::Device(&self.of_devices[i].1),
            _ => {
                assert_eq!(name, c::DEVICE, "no column of that name");
                Column::Itself
            }
        }
    }
}

/// Where a pair's value of a column is.
enum Column<'a> {
    Holder(&'a [u32]),
    Device(&'a [u32]),
    /// The device's row number.
    Itself,
}

impl Column<'_> {
    fn of(&self, pair: Pair) -> u32 {
        let at = |values: &[u32], row: u32| values.get(row as usize).copied().unwrap_or(NONE);
        match self {
            Self::Holder(values) => pair.holder.map_or(NONE, |h| at(values, h)),
            Self::Device(values) => at(values, pair.device),
            Self::Itself => pair.device,
        }
    }
}
