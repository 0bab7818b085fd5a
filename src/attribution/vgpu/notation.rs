//! How HAMi and Volcano spell what a pod was given and which cards a node has.
//!
//! `UUID,type,MiB,cores` with `:` after each device and `;` after each container; a node's list is
//! fields with `:` after each card, or JSON in newer versions. Anybody may write annotations: sizes are
//! bounded and nothing is taken for granted.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Annotations of a pod that say what it was given.
const ALLOCATIONS: &[&str] = &["hami.io/vgpu-devices-allocated", "volcano.sh/vgpu-ids-new"];
/// Annotations of a node that list its cards.
const REGISTERS: &[&str] = &[HAMI_REGISTER, "volcano.sh/node-vgpu-register"];
const HAMI_REGISTER: &str = "hami.io/node-nvidia-register";

/// More devices than any pod or node has.
const MAX_DEVICES: usize = 1_024;
/// Characters of a value that a message shows.
const SHOWN: usize = 80;

/// A part of a card that a container was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// UUID of the card.
    pub uuid: String,
    /// Memory, MiB; 0 where it is not limited.
    pub memory_mib: u32,
    /// Cores, percent of a card; 0 where they are not limited.
    pub cores: u32,
}

/// A card of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Card {
    /// UUID.
    pub uuid: String,
    /// Into how many parts it can be divided; 0 where that is not known.
    pub split: u32,
    /// Memory that is given out, MiB: more than the card has where it is overbooked.
    pub memory_mib: u32,
    /// Cores that are given out, percent: more than 100 where they are overbooked.
    pub cores: u32,
    /// Model.
    pub model: Option<String>,
}

impl Card {
    /// Memory in bytes, where known.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<f64> {
        let mib = f64::from(self.memory_mib);
        (mib > 0.0).then_some(mib * crate::units::BYTES_PER_MIB)
    }
}

/// The annotation that says what a pod was given, with its value. One that names nothing is none.
#[must_use]
pub fn allocation(annotations: &BTreeMap<String, String>) -> Option<(&'static str, &str)> {
    find(ALLOCATIONS, annotations)
}

/// The annotation that lists a node's cards, with its value.
#[must_use]
pub fn register(annotations: &BTreeMap<String, String>) -> Option<(&'static str, &str)> {
    find(REGISTERS, annotations)
}

fn find<'a>(
    keys: &[&'static str],
    annotations: &'a BTreeMap<String, String>,
) -> Option<(&'static str, &'a str)> {
    let says_something = |text: &&String| !text.trim_matches([':', ';', ' ']).is_empty();
    keys.iter().find_map(|&key| {
        Some((key, annotations.get(key).filter(says_something).map(String::as_str)?))
    })
}

/// What a pod was given.
///
/// # Errors
/// In words, with the value, when any device cannot be read.
pub(super) fn grants(text: &str) -> Result<Vec<Grant>, String> {
    devices(text)
        .map(grant)
        .collect::<Option<Vec<_>>>()
        .filter(|g| is_some_but_few(g))
        .ok_or_else(|| format!("{} is not a list of UUID,type,MiB,cores", shown(text)))
}

/// The cards of a node, by UUID. `key` says who wrote the list.
///
/// # Errors
/// In words, with the value, when any card cannot be read.
pub(super) fn cards(key: &str, text: &str) -> Result<Vec<Card>, String> {
    let read = match text.trim_start().starts_with('[') {
        true => from_json(text),
        false if key == HAMI_REGISTER => devices(text).map(hami_card).collect(),
        false => devices(text).map(volcano_card).collect(),
    };
    let mut cards: Vec<Card> = read
        .filter(|cards| is_some_but_few(cards))
        .ok_or_else(|| format!("{} is not a list of cards", shown(text)))?;
    cards.sort();
    cards.dedup_by(|a, b| a.uuid == b.uuid);
    Ok(cards)
}

/// A value for a message: its beginning, with control characters escaped.
#[must_use]
pub fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{start:?}{more}")
}

fn is_some_but_few<T>(list: &[T]) -> bool {
    (1..=MAX_DEVICES).contains(&list.len())
}

fn devices(text: &str) -> impl Iterator<Item = &str> {
    text.split([':', ';']).map(str::trim).filter(|device| !device.is_empty())
}

fn grant(text: &str) -> Option<Grant> {
    let fields: Vec<&str> = text.splitn(5, ',').map(str::trim).collect();
    let &[uuid, _, memory, cores] = fields.as_slice() else { return None };
    Some(Grant {
        uuid: card_uuid(uuid)?,
        memory_mib: memory.parse().ok()?,
        cores: cores.parse().ok()?,
    })
}

/// `UUID,split,MiB,cores,type,numa,healthy…`
fn hami_card(text: &str) -> Option<Card> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let &[uuid, split, memory, cores, model, ..] = fields.as_slice() else { return None };
    Some(Card {
        uuid: card_uuid(uuid)?,
        split: split.parse().ok()?,
        memory_mib: memory.parse().ok()?,
        cores: cores.parse().ok()?,
        model: model_name(model),
    })
}

/// `UUID,split,MiB,type,healthy…`
fn volcano_card(text: &str) -> Option<Card> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let &[uuid, split, memory, model, ..] = fields.as_slice() else { return None };
    Some(Card {
        uuid: card_uuid(uuid)?,
        split: split.parse().ok()?,
        memory_mib: memory.parse().ok()?,
        cores: 0,
        model: model_name(model),
    })
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    count: u32,
    #[serde(default)]
    devmem: u32,
    #[serde(default)]
    devcore: u32,
    #[serde(default, rename = "type")]
    model: String,
}

fn from_json(text: &str) -> Option<Vec<Card>> {
    let listed: Vec<Listed> = serde_json::from_str(text).ok()?;
    let card = |l: Listed| {
        Some(Card {
            uuid: card_uuid(&l.id)?,
            split: l.count,
            memory_mib: l.devmem,
            cores: l.devcore,
            model: model_name(&l.model),
        })
    };
    listed.into_iter().map(card).collect()
}

/// A UUID without the instance that HAMi puts behind it for MIG: `GPU-…[1-0]`.
fn card_uuid(text: &str) -> Option<String> {
    let uuid = text.split('[').next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!uuid.is_empty() && uuid.chars().all(is_plain)).then(|| uuid.to_owned())
}

/// HAMi puts the vendor before the name that the driver gives, which may begin with it again. Volcano
/// gives the vendor alone.
fn model_name(text: &str) -> Option<String> {
    let name = text.strip_prefix("NVIDIA-").unwrap_or(text).trim();
    (!name.is_empty() && name != "NVIDIA").then(|| name.to_owned())
}
