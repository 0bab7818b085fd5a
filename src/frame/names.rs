//! Texts as numbers: rows are grouped by a dozen texts again and again, and numbers are grouped faster.
//!
//! Numbers are in the order of the texts, so what is sorted by number is sorted by text.

use std::collections::HashSet;

use super::rows::{DeviceRows, HolderRows};

/// Every text that rows can be grouped by.
#[derive(Debug, Clone, Default)]
pub struct Names {
    sorted: Vec<Box<str>>,
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
        let mut all: HashSet<&str> =
            of_holders.into_iter().chain(of_devices).flatten().map(String::as_str).collect();
        all.extend(&holders.holding_source);
        all.extend(&devices.sharing);
        let mut sorted: Vec<Box<str>> = all.into_iter().map(Into::into).collect();
        sorted.sort_unstable();
        Self { sorted }
    }

    /// Number of a text. One that is not among them has a number of no text.
    #[must_use]
    pub fn code(&self, text: &str) -> u32 {
        let place = self.sorted.binary_search_by(|known| (**known).cmp(text)).ok();
        place.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX)
    }

    /// The text of a number; empty for the number of no text.
    #[must_use]
    pub fn text(&self, code: u32) -> &str {
        self.sorted.get(code as usize).map_or("", |text| text)
    }

    pub(super) fn codes<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
        let mut last = ("", self.code(""));
        let code = |text| {
            // What is in a row is often the same.
            if text != last.0 {
                last = (text, self.code(text));
            }
            last.1
        };
        texts.into_iter().map(code).collect()
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
