//! Texts as numbers: rows are grouped by a dozen texts again and again, and numbers are grouped faster.
//!
//! Numbers are in the order of the texts, so what is sorted by number is sorted by text.

use std::collections::{BTreeSet, HashMap};

use super::rows::{DeviceRows, HolderRows};

/// Every text that rows can be grouped by.
#[derive(Debug, Clone, Default)]
pub struct Names {
    sorted: Vec<String>,
    codes: HashMap<String, u32>,
}

impl Names {
    /// All texts of the rows.
    #[must_use]
    pub fn new(holders: &HolderRows, devices: &DeviceRows) -> Self {
        let of_holders = [
            &holders.tenant,
            &holders.rule,
            &holders.namespace,
            &holders.workload_kind,
            &holders.workload,
            &holders.pod,
        ];
        let of_devices = [&devices.cluster, &devices.node, &devices.model];
        let mut all: BTreeSet<&str> =
            of_holders.into_iter().chain(of_devices).flatten().map(String::as_str).collect();
        all.extend(&holders.holding_source);
        all.extend(&devices.sharing);
        let sorted: Vec<String> = all.into_iter().map(ToOwned::to_owned).collect();
        let codes = (0..).zip(&sorted).map(|(code, text)| (text.clone(), code)).collect();
        Self { sorted, codes }
    }

    /// Number of a text. One that is not among them has a number of no text.
    #[must_use]
    pub fn code(&self, text: &str) -> u32 {
        self.codes.get(text).copied().unwrap_or(u32::MAX)
    }

    /// The text of a number; empty for the number of no text.
    #[must_use]
    pub fn text(&self, code: u32) -> &str {
        self.sorted.get(code as usize).map_or("", String::as_str)
    }

    pub(super) fn codes<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
        texts.into_iter().map(|text| self.code(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_texts() {
        let holders = HolderRows {
            tenant: vec!["b".into(), "a".into()],
            holding_source: vec!["objects"],
            ..HolderRows::default()
        };
        let names = Names::new(&holders, &DeviceRows::default());
        assert!(names.code("a") < names.code("b") && names.code("b") < names.code("objects"));
        assert_eq!(names.text(names.code("b")), "b");
        assert_eq!(names.text(names.code("nobody")), "");
    }
}
