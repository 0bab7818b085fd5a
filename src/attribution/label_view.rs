//! Labels of an object from wherever they are known: the object itself, or kube-state-metrics'
//! sanitised spelling of them.

use std::collections::BTreeMap;

use crate::model::Labels;
use crate::model::objects::ObjectLabels;
use crate::observe::labels::is_kube_label_name;

/// Labels of one object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelView {
    /// As the object has them.
    pub object: ObjectLabels,
    /// As metrics print them (`label_…`).
    pub metric: Labels,
}

impl LabelView {
    /// The value of a label by its Kubernetes key. The object wins over the metric.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let printed = || self.metric.iter().find(|(name, _)| is_kube_label_name(name, key));
        self.object
            .get(key)
            .or_else(|| printed().map(|(_, value)| value))
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// The labels for a selector that asks for `keys`.
    #[must_use]
    pub fn by_key<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a String>,
    ) -> BTreeMap<String, String> {
        keys.into_iter().filter_map(|k| Some((k.clone(), self.get(k)?.to_owned()))).collect()
    }
}
