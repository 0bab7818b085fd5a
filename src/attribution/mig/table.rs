//! What a MIG instance is worth: the slices that a profile takes of a given card, from a table with sources.
//!
//! The share of an instance is the larger of its fraction of the card's compute and its fraction of the
//! card's memory, for it keeps both from everybody else. Compute alone would lose up to a seventh of a card,
//! memory alone would make seven small instances less than a card (trap 12). What several instances of one
//! card are worth together is `layout`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::profile::Profile;
use crate::cost::book::model_name;
use crate::units::BYTES_PER_GIB;

/// The table, as compiled in.
const TABLE: &str = include_str!("table.yaml");

/// Slices that the fallback counts with: those of most cards.
const USUAL_COMPUTE: u32 = 7;
/// Memory is dealt in eighths on most cards.
const USUAL_MEMORY: u32 = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sources: BTreeMap<String, Source>,
    gpus: Vec<FileGpu>,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Document.
    pub text: String,
    /// The day on which it was read.
    pub read: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileGpu {
    gpu: String,
    models: String,
    compute: u32,
    memory: u32,
    source: String,
    profiles: Vec<FileRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    profile: String,
    compute: u32,
    memory: u32,
    max: Option<u32>,
    #[serde(default)]
    variants: BTreeMap<String, u32>,
}

/// A kind of card that can be cut.
#[derive(Debug)]
pub struct Gpu {
    /// Name for people: `A100 40 GB, A800 40 GB`.
    pub name: String,
    models: Regex,
    /// Compute slices of the whole card.
    pub compute: u32,
    /// Memory slices of the whole card.
    pub memory: u32,
    /// Where its rows come from.
    pub source: Source,
    /// Profiles in the table's order.
    pub rows: Vec<Row>,
}

/// A size of instance on a kind of card.
#[derive(Debug)]
pub struct Row {
    /// Plain profile.
    pub profile: Profile,
    /// Compute slices of an instance.
    pub compute: u32,
    /// Memory slices of an instance.
    pub memory: u32,
    /// Instances that fit on a card; `None` where only variants are offered.
    pub max: Option<u32>,
    /// Variants of the same size with their own numbers of instances, by profile.
    pub variants: BTreeMap<Profile, u32>,
}

impl Row {
    /// Every profile of this size that the card offers, and how many instances of it fit.
    pub fn offered(&self) -> impl Iterator<Item = (&Profile, u32)> {
        let plain = self.max.map(|max| (&self.profile, max));
        plain.into_iter().chain(self.variants.iter().map(|(profile, max)| (profile, *max)))
    }
}

/// What one GPU instance takes of its card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slices {
    /// Compute slices.
    pub compute: u32,
    /// Memory slices.
    pub memory: u32,
    /// Instances of this very profile that fit on an empty card.
    pub max: u32,
}

impl Gpu {
    /// What a GPU instance of the profile takes; a compute instance counts as its whole GPU instance.
    ///
    /// A variant that the table does not have takes what the plain profile takes; of one with media
    /// engines, a card is assumed to have one.
    #[must_use]
    pub fn slices(&self, profile: &Profile) -> Option<Slices> {
        let instance = profile.gpu_instance();
        let plain = profile.plain();
        let row = self.rows.iter().find(|row| row.profile == plain)?;
        let listed = row.offered().find(|(offered, _)| **offered == instance).map(|(_, max)| max);
        let unlisted = if instance.claims_media() { 1 } else { row.max.unwrap_or(1) };
        Some(Slices { compute: row.compute, memory: row.memory, max: listed.unwrap_or(unlisted) })
    }

    /// Memory of the whole card in the GB of profile names.
    #[must_use]
    pub fn memory_gb(&self) -> Option<u32> {
        self.rows.iter().map(|row| row.profile.memory_gb()).max()
    }
}

static GPUS: LazyLock<Vec<Gpu>> =
    LazyLock::new(|| parse(TABLE).expect("the compiled-in table is read in a test"));

fn parse(text: &str) -> Result<Vec<Gpu>, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
    file.gpus.into_iter().map(|gpu| built(gpu, &file.sources)).collect()
}

fn built(gpu: FileGpu, sources: &BTreeMap<String, Source>) -> Result<Gpu, String> {
    let source = sources.get(&gpu.source).cloned();
    let source = source.ok_or_else(|| format!("{}: no source {}", gpu.gpu, gpu.source))?;
    let models = Regex::new(&format!("^(?:{})$", gpu.models)).map_err(|e| e.to_string())?;
    let rows = gpu.profiles.iter().map(row).collect::<Result<_, String>>()?;
    Ok(Gpu { name: gpu.gpu, models, compute: gpu.compute, memory: gpu.memory, source, rows })
}

fn row(row: &FileRow) -> Result<Row, String> {
    let read = |text: &str| text.parse::<Profile>().map_err(|e| e.to_string());
    let variants = row
        .variants
        .iter()
        .map(|(variant, max)| Ok((read(&format!("{}{variant}", row.profile))?, *max)))
        .collect::<Result<_, String>>()?;
    Ok(Row {
        profile: read(&row.profile)?,
        compute: row.compute,
        memory: row.memory,
        max: row.max,
        variants,
    })
}

/// The kinds of cards of the table, in its order.
#[must_use]
pub fn gpus() -> &'static [Gpu] {
    &GPUS
}

/// The kind of card that a model's name stands for, as the driver, labels or metrics spell it; what
/// GPU feature discovery adds for MIG and sharing does not matter.
#[must_use]
pub fn gpu(model: &str) -> Option<&'static Gpu> {
    let name = model_name(model);
    gpus().iter().find(|gpu| gpu.models.is_match(&name))
}

/// What a share rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The table has the profile on this model.
    Table,
    /// The numbers in the profile's own name, and the memory of the card where known.
    Assumed,
}

impl Basis {
    /// Name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Assumed => "assumed",
        }
    }
}

/// The share of a card that an instance is, by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Above 0, at most 1.
    pub ratio: f64,
    /// What it rests on.
    pub basis: Basis,
}

/// The share of one instance of `profile` on a card of `model`: the larger of its fractions of compute
/// and memory. A compute instance has its part of the GPU instance's share: `1c.3g.40gb` a third of it.
///
/// Where the table does not have the profile on the model, the name's own numbers count, `assumed`: its
/// slices of 7 and its memory in eighths of the card's, rounded (slices and memory of the card as the table
/// has it, where it has the card). `memory_bytes` is the framebuffer of the *card*, in bytes; that of an
/// instance, as nodes with the `single` strategy report it, is recognised for profiles of fewer than four
/// slices, which never have a whole card's memory, and left out.
///
/// `None` where neither says anything: more than 7 slices, or a profile that names no memory, on an unknown
/// card.
#[must_use]
pub fn share(model: &str, profile: &Profile, memory_bytes: Option<f64>) -> Option<Share> {
    let gpu = gpu(model);
    let (whole, basis) = match gpu.and_then(|gpu| Some((gpu, gpu.slices(profile)?))) {
        Some((gpu, slices)) => {
            let compute = fraction(slices.compute, gpu.compute);
            (compute.max(fraction(slices.memory, gpu.memory)), Basis::Table)
        }
        None => (assumed(gpu, profile, memory_bytes)?, Basis::Assumed),
    };
    let part = profile.compute().map_or(1.0, |c| fraction(c, profile.slices()));
    Some(Share { ratio: (whole * part).min(1.0), basis })
}

fn fraction(part: u32, of: u32) -> f64 {
    f64::from(part) / f64::from(of)
}

fn assumed(gpu: Option<&Gpu>, profile: &Profile, memory_bytes: Option<f64>) -> Option<f64> {
    let compute_slices = gpu.map_or(USUAL_COMPUTE, |gpu| gpu.compute);
    let memory_slices = gpu.map_or(USUAL_MEMORY, |gpu| gpu.memory);
    if profile.slices() > compute_slices || profile.memory_gb() == 0 {
        return None;
    }
    let compute = fraction(profile.slices(), compute_slices);
    let known = gpu.and_then(Gpu::memory_gb).map(f64::from);
    let card_gb = known.or_else(|| memory_bytes.map(|bytes| bytes / BYTES_PER_GIB));
    let memory = card_gb.filter(|gb| gb.is_finite() && *gb > 0.0).and_then(|gb| {
        let slices = f64::from(memory_slices);
        let taken = (f64::from(profile.memory_gb()) / gb * slices).round().max(1.0);
        let is_instance = taken >= slices && profile.slices() < 4;
        (taken <= slices && !is_instance).then_some(taken / slices)
    });
    Some(memory.map_or(compute, |memory| memory.max(compute)))
}

#[cfg(test)]
mod tests;
