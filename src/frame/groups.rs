//! Groups of pairs by the columns of a key, numbered: every sum of one question is over the same groups.

use std::collections::{BTreeMap, HashMap};

use super::keys::{Key, Keys};
use super::pairs::Pair;

/// Which part of the ledger is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything, unheld time included.
    All,
    /// What somebody in scope holds.
    HeldInScope,
}

/// The groups of one question.
pub struct Groups<'a> {
    keys: &'a Keys,
    part: Part,
    columns: Vec<&'a str>,
    numbers: HashMap<Key, u32>,
    /// Key of each group.
    of_group: Vec<Key>,
    /// Group of each pair, by position; `None` for what is not of the part.
    of_pair: Vec<Option<u32>>,
}

impl<'a> Groups<'a> {
    /// Groups `pairs`; all of them into one where there are no columns.
    #[must_use]
    pub fn new(keys: &'a Keys, pairs: &[Pair], part: Part, columns: &[&'a str]) -> Self {
        let mut numbers: HashMap<Key, u32> = HashMap::new();
        let mut of_group = Vec::new();
        let read = keys.reader(columns);
        let mut number = |pair: &Pair| {
            let is_member = part == Part::All || keys.is_in_scope(*pair);
            is_member.then(|| {
                *numbers.entry(read(*pair)).or_insert_with_key(|key| {
                    of_group.push(*key);
                    u32::try_from(of_group.len() - 1).unwrap_or(u32::MAX)
                })
            })
        };
        let of_pair = pairs.iter().map(&mut number).collect();
        drop(read);
        Self { keys, part, columns: columns.to_vec(), numbers, of_group, of_pair }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.of_group.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.of_group.is_empty()
    }

    /// The values of the key's columns of a group.
    ///
    /// # Panics
    /// When there is no group of that number: a bug.
    #[must_use]
    pub fn key(&self, group: usize) -> &[u32] {
        &self.of_group[group][..self.columns.len()]
    }

    /// Group of the pair at a position.
    #[must_use]
    pub fn of_pair(&self, position: usize) -> Option<usize> {
        self.of_pair.get(position).copied().flatten().map(|group| group as usize)
    }

    /// Group of each of `pairs`, which need not be among those that were grouped.
    pub fn of(&self, pairs: impl IntoIterator<Item = Pair>) -> impl Iterator<Item = Option<usize>> {
        let read = self.keys.reader(&self.columns);
        pairs.into_iter().map(move |pair| {
            let is_member = self.part == Part::All || self.keys.is_in_scope(pair);
            let group = is_member.then(|| self.numbers.get(&read(pair))).flatten();
            group.map(|&group| group as usize)
        })
    }

    /// The values of a label in each group, most time first (ties by value), from time by pair and value.
    #[must_use]
    pub fn labels<L: Copy + Ord>(
        &self,
        times: impl IntoIterator<Item = (usize, L, f64)>,
    ) -> Vec<Vec<L>> {
        let mut sums: Vec<BTreeMap<L, f64>> = vec![BTreeMap::new(); self.len()];
        for (position, label, gpu_ms) in times {
            if let Some(group) = self.of_pair(position) {
                *sums[group].entry(label).or_default() += gpu_ms;
            }
        }
        let ordered = |sums: BTreeMap<L, f64>| {
            let mut labels: Vec<(L, f64)> = sums.into_iter().collect();
            labels.sort_by(|a, b| b.1.total_cmp(&a.1));
            labels.into_iter().map(|(label, _)| label).collect()
        };
        sums.into_iter().map(ordered).collect()
    }
}
