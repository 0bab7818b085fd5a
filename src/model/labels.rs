//! Labels of a series: names and values in order of names, shared between the series that have the same ones.
//!
//! Of the dozen labels of a device's series, all but the pod's are those of a thousand others. Here they are one
//! pointer each.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Label names and values of one series, the metric name included as `__name__`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Labels(Vec<Arc<Label>>);

/// A name and a value.
#[derive(Clone, PartialEq, Eq)]
pub struct Label {
    /// Of name and value: it is asked for again wherever labels are looked up.
    hash: u64,
    name: String,
    value: String,
}

/// The same for all labels of a process, and in no other.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Label {
    /// A label.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        Self { hash: HASHER.hash_one((&name, &value)), name, value }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl Hash for Label {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Ord for Labels {
    /// By names and values one after the other.
    fn cmp(&self, other: &Self) -> Ordering {
        fn text(label: &Label) -> (&str, &str) {
            (&label.name, &label.value)
        }
        let is_same = |(a, b): &(&Arc<Label>, &Arc<Label>)| Arc::ptr_eq(a, b);
        let mut different = self.0.iter().zip(&other.0).skip_while(is_same);
        let first = different.find_map(|(a, b)| Some(text(a).cmp(&text(b))).filter(|o| o.is_ne()));
        first.unwrap_or_else(|| self.len().cmp(&other.len()))
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
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

    /// The value of the name that begins with `prefix` and goes on with `rest`.
    #[must_use]
    pub fn get_prefixed(&self, prefix: &str, rest: &str) -> Option<&String> {
        let place = self.0.binary_search_by(|label| match label.name.strip_prefix(prefix) {
            Some(tail) => tail.cmp(rest),
            None => label.name.as_str().cmp(prefix),
        });
        place.ok().map(|place| &self.0[place].value)
    }

    /// The labels that `keeps` says yes to, shared with these.
    #[must_use]
    pub fn only(&self, keeps: impl Fn(&str, &str) -> bool) -> Self {
        let kept = self.0.iter().filter(|label| keeps(&label.name, &label.value));
        Self(kept.cloned().collect())
    }

    /// Takes in all of `other`; of two with one name that of `other` stays.
    pub fn extend_from(&mut self, other: &Self) {
        self.extend(other.0.iter().cloned());
    }

    /// Whether there is a label of this name.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Sets a label, and gives the value that it had.
    pub fn insert(&mut self, name: String, value: String) -> Option<String> {
        self.put(Arc::new(Label::new(name, value)))
    }

    fn put(&mut self, label: Arc<Label>) -> Option<String> {
        let place = match self.0.last() {
            // Nearly always they come in order.
            Some(last) if last.name < label.name => Err(self.0.len()),
            None => Err(0),
            _ => self.place(&label.name),
        };
        match place {
            Ok(place) => Some(owned(std::mem::replace(&mut self.0[place], label)).1),
            Err(place) => {
                self.0.insert(place, label);
                None
            }
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

impl FromIterator<Arc<Label>> for Labels {
    /// Of two with one name the last stays.
    fn from_iter<T: IntoIterator<Item = Arc<Label>>>(labels: T) -> Self {
        let labels = labels.into_iter();
        let mut out = Self(Vec::with_capacity(labels.size_hint().0));
        out.extend(labels);
        out
    }
}

impl Extend<Arc<Label>> for Labels {
    fn extend<T: IntoIterator<Item = Arc<Label>>>(&mut self, labels: T) {
        for label in labels {
            self.put(label);
        }
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
pub struct LabelPool {
    labels: HashSet<Arc<Label>, BuildHasherDefault<OfLabel>>,
    /// Labels that came last, as they came and as they were given back: most of the next ones are the same.
    last: (Labels, Labels),
}

/// The hash that a label has already.
#[derive(Default)]
struct OfLabel(u64);

impl Hasher for OfLabel {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = HASHER.hash_one((self.0, bytes));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl LabelPool {
    /// The same labels, shared with all that went through here.
    #[must_use]
    pub fn shared(&mut self, labels: Labels) -> Labels {
        let (came, given) = &self.last;
        let known = came.0.iter().zip(&given.0);
        let mut known = known.map(Some).chain(std::iter::repeat(None));
        let mut shared = Vec::with_capacity(labels.0.len());
        for (label, known) in labels.0.iter().zip(&mut known) {
            shared.push(match known {
                Some((came, given)) if Arc::ptr_eq(came, label) => Arc::clone(given),
                _ => pooled(&mut self.labels, label),
            });
        }
        drop(known);
        self.last = (labels, Labels(shared));
        self.last.1.clone()
    }
}

fn pooled(
    pool: &mut HashSet<Arc<Label>, BuildHasherDefault<OfLabel>>,
    label: &Arc<Label>,
) -> Arc<Label> {
    if let Some(known) = pool.get(label) {
        return Arc::clone(known);
    }
    pool.insert(Arc::clone(label));
    Arc::clone(label)
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
            for (prefix, rest) in (0..=name.len()).map(|cut| name.split_at(cut)) {
                prop_assert_eq!(labels.get_prefixed(prefix, rest), map.get(&name));
            }
            let short = labels.only(|name, value| name < value);
            prop_assert!(short.iter().eq(map.iter().filter(|(name, value)| name < value)));
            prop_assert_eq!((labels.len(), labels.is_empty()), (map.len(), map.is_empty()));
            prop_assert_eq!(format!("{labels:?}"), format!("{map:?}"));
            let (others, other_map): (Labels, BTreeMap<_, _>) =
                (more.iter().cloned().collect(), more.into_iter().collect());
            prop_assert_eq!(labels.cmp(&others), map.cmp(&other_map));
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
