//! Labels of a series: names and values in order of names, shared between the series that have the same ones.
//!
//! Of the dozen labels of a device's series, all but the pod's are those of a thousand others. Here they are one
//! pointer each.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Label names and values of one series, the metric name included as `__name__`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Labels(Vec<Arc<Label>>);

/// A name and a value.
#[derive(Clone, PartialEq, Eq)]
pub struct Label {
    /// Of the two, made once: a label is looked up many times.
    hash: u64,
    name: String,
    value: String,
}

/// Values are a stranger's: nobody may choose ones that collide.
static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Label {
    fn new(name: String, value: String) -> Arc<Self> {
        Arc::new(Self { hash: HASHES.hash_one((&name, &value)), name, value })
    }
}

impl Hash for Label {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Labels {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&String> {
        self.place(name).ok().map(|place| &self.0[place].value)
    }

    /// Whether there is a label of this name.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Sets a label, and gives the value that it had.
    pub fn insert(&mut self, name: String, value: String) -> Option<String> {
        let place = match self.0.last() {
            // Nearly always they come in order.
            Some(last) if last.name < name => Err(self.0.len()),
            _ => self.place(&name),
        };
        let label = Label::new(name, value);
        match place {
            Ok(place) => Some(owned(std::mem::replace(&mut self.0[place], label)).1),
            Err(place) => {
                self.0.insert(place, label);
                None
            }
        }
    }

    /// Sets a label, which is shared with `like` where that has the same one in this place.
    pub fn insert_like(&mut self, like: &Self, name: &str, value: &str) {
        let same = like.0.get(self.0.len());
        let same = same.filter(|label| label.name == name && label.value == value);
        let is_next = self.0.last().is_none_or(|last| last.name.as_str() < name);
        match same.filter(|_| is_next) {
            Some(label) => self.0.push(Arc::clone(label)),
            None => drop(self.insert(name.to_owned(), value.to_owned())),
        }
    }

    /// Takes away what `keeps` says no to.
    pub fn retain(&mut self, mut keeps: impl FnMut(&String, &String) -> bool) {
        self.0.retain(|label| keeps(&label.name, &label.value));
    }

    /// Takes a label away, and gives its value.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let place = self.place(name).ok()?;
        Some(owned(self.0.remove(place)).1)
    }

    /// Names and values in order of names.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &String)> {
        self.0.iter().map(|label| (&label.name, &label.value))
    }

    /// Names in order.
    #[must_use]
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &String> {
        self.iter().map(|(name, _)| name)
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|label| label.name.as_str().cmp(name))
    }
}

impl Ord for Labels {
    /// As of pairs of names and values.
    fn cmp(&self, other: &Self) -> Ordering {
        match self.0.iter().zip(&other.0).find(|(a, b)| !Arc::ptr_eq(a, b) && a != b) {
            Some((a, b)) => a.name.cmp(&b.name).then_with(|| a.value.cmp(&b.value)),
            None => self.0.len().cmp(&other.0.len()),
        }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn owned(label: Arc<Label>) -> (String, String) {
    let Label { name, value, .. } = Arc::unwrap_or_clone(label);
    (name, value)
}

impl FromIterator<(String, String)> for Labels {
    /// Of two with one name the last stays.
    fn from_iter<T: IntoIterator<Item = (String, String)>>(labels: T) -> Self {
        let mut out = Self::new();
        out.extend(labels);
        out
    }
}

impl Extend<(String, String)> for Labels {
    fn extend<T: IntoIterator<Item = (String, String)>>(&mut self, labels: T) {
        for (name, value) in labels {
            self.insert(name, value);
        }
    }
}

impl<const N: usize> From<[(String, String); N]> for Labels {
    fn from(labels: [(String, String); N]) -> Self {
        labels.into_iter().collect()
    }
}

impl From<BTreeMap<String, String>> for Labels {
    fn from(labels: BTreeMap<String, String>) -> Self {
        labels.into_iter().collect()
    }
}

impl IntoIterator for Labels {
    type Item = (String, String);
    type IntoIter = std::iter::Map<std::vec::IntoIter<Arc<Label>>, fn(Arc<Label>) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(owned)
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a String, &'a String);
    type IntoIter =
        std::iter::Map<std::slice::Iter<'a, Arc<Label>>, fn(&'a Arc<Label>) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|label| (&label.name, &label.value))
    }
}

impl std::ops::Index<&str> for Labels {
    type Output = String;

    /// The value of a label that is there.
    fn index(&self, name: &str) -> &String {
        self.get(name).unwrap_or_else(|| panic!("no label {name}"))
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(|labels: BTreeMap<String, String>| labels.into())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// The labels that a run has met so far, so that equal ones are kept once.
#[derive(Debug, Default)]
pub struct LabelPool(HashSet<Arc<Label>>);

impl LabelPool {
    /// The same labels, shared with all that went through here.
    #[must_use]
    pub fn shared(&mut self, labels: Labels) -> Labels {
        let mut shared = Vec::with_capacity(labels.0.len());
        for label in labels.0 {
            match self.0.get(&label) {
                Some(known) => shared.push(Arc::clone(known)),
                None => {
                    self.0.insert(Arc::clone(&label));
                    shared.push(label);
                }
            }
        }
        Labels(shared)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mutation::fixed;

    fn some() -> impl Strategy<Value = Vec<(String, String)>> {
        prop::collection::vec(("[a-d]{0,2}", "[xy]{0,2}"), 0..8)
    }

    proptest! {
        #![proptest_config(fixed(500))]

        #[test]
        fn they_are_a_map_in_order_of_names(pairs in some(), more in some(), name in "[a-d]{0,2}") {
            let (mut labels, mut map) = (Labels::new(), BTreeMap::new());
            for (name, value) in pairs {
                labels.insert(name.clone(), value.clone());
                map.insert(name, value);
            }
            prop_assert!(labels.iter().eq(&map) && (&labels).into_iter().eq(&map));
            prop_assert!(labels.keys().eq(map.keys()));
            prop_assert_eq!(labels.get(&name), map.get(&name));
            prop_assert_eq!(labels.contains_key(&name), map.contains_key(&name));
            prop_assert_eq!((labels.len(), labels.is_empty()), (map.len(), map.is_empty()));
            prop_assert_eq!(format!("{labels:?}"), format!("{map:?}"));
            let (others, other_map): (Labels, BTreeMap<_, _>) =
                (more.iter().cloned().collect(), more.into_iter().collect());
            prop_assert_eq!(labels.cmp(&others), map.cmp(&other_map));
            let mut alike = Labels::new();
            map.iter().for_each(|(name, value)| alike.insert_like(&others, name, value));
            prop_assert_eq!(&alike, &labels);
            prop_assert_eq!(labels == others, map == other_map);
            prop_assert_eq!(labels.remove(&name), map.remove(&name));
            prop_assert!(labels.clone().into_iter().eq(map));
            let mut pool = LabelPool::default();
            let (first, second) = (pool.shared(labels.clone()), pool.shared(labels.clone()));
            prop_assert_eq!((&first, &second), (&labels, &labels));
            prop_assert!(first.0.iter().zip(&second.0).all(|(a, b)| Arc::ptr_eq(a, b)));
        }
    }
}
