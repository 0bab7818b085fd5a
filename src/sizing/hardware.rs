//! What GPU models can do, from a table with sources: for a guess at how much of one model does another's work.
//!
//! A share of one model's peak is no share of another's: how much a program gets out of a card depends on the
//! program. So what rests on this table is `assumed`, and of compute and bandwidth the worse ratio counts.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::cost::book::model_name;
use crate::units::BYTES_PER_MIB;

/// The table, as compiled in.
const TABLE: &str = include_str!("hardware.yaml");

/// Part of the nominal memory that programs can have: a T4 of 16 GiB shows 15,360 MiB.
const USABLE_MEMORY: f64 = 0.93;

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
    tflops: f64,
    gb_per_s: f64,
    mib: f64,
    compute_capability: f64,
    source: String,
}

/// A GPU model.
#[derive(Debug)]
pub struct Hardware {
    /// Name as the driver spells it: `NVIDIA A100-SXM4-40GB`.
    pub name: String,
    models: Regex,
    /// Dense FP16 or BF16 throughput of the tensor cores, TFLOPS.
    pub tflops: f64,
    /// Bandwidth of the memory, GB/s.
    pub gb_per_s: f64,
    /// Memory that programs can have, bytes.
    pub memory_bytes: f64,
    /// Memory of the card as its maker states it, bytes.
    pub nominal_bytes: f64,
    /// CUDA compute capability.
    pub compute_capability: f64,
    /// Where the row comes from.
    pub source: Source,
}

impl Hardware {
    /// How much of `other`'s work it does, as a share of all that `other` can: the worse of the ratios of compute and
    /// bandwidth.
    #[must_use]
    pub fn ratio_to(&self, other: &Self) -> f64 {
        (self.tflops / other.tflops).min(self.gb_per_s / other.gb_per_s)
    }

    /// Whether it has every number format that `other`'s tensor cores have: BF16 from 8.0 on, FP8 from 8.9, FP4 from
    /// 10.0 (CUDA C++ Programming Guide, compute capabilities).
    #[must_use]
    pub fn has_formats_of(&self, other: &Self) -> bool {
        let formats = |gpu: &Self| {
            [8.0, 8.9, 10.0].into_iter().filter(|from| gpu.compute_capability >= *from).count()
        };
        formats(self) >= formats(other)
    }

    /// Whether a model's name, however it is spelled, is this one's.
    #[must_use]
    pub fn is(&self, model: &str) -> bool {
        self.models.is_match(&model_name(model))
    }
}

static HARDWARE: LazyLock<Vec<Hardware>> =
    LazyLock::new(|| parse(TABLE).expect("the compiled-in table is read in a test"));

fn parse(text: &str) -> Result<Vec<Hardware>, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
    file.gpus.into_iter().map(|gpu| built(gpu, &file.sources)).collect()
}

fn built(gpu: FileGpu, sources: &BTreeMap<String, Source>) -> Result<Hardware, String> {
    let source = sources.get(&gpu.source).cloned();
    let source = source.ok_or_else(|| format!("{}: no source {}", gpu.gpu, gpu.source))?;
    let models = Regex::new(&format!("^(?:{})$", gpu.models)).map_err(|e| e.to_string())?;
    Ok(Hardware {
        name: gpu.gpu,
        models,
        tflops: gpu.tflops,
        gb_per_s: gpu.gb_per_s,
        memory_bytes: gpu.mib * BYTES_PER_MIB * USABLE_MEMORY,
        nominal_bytes: gpu.mib * BYTES_PER_MIB,
        compute_capability: gpu.compute_capability,
        source,
    })
}

/// All models of the table, in its order.
#[must_use]
pub fn all() -> &'static [Hardware] {
    &HARDWARE
}

/// The model of that name.
#[must_use]
pub fn of(model: &str) -> Option<&'static Hardware> {
    all().iter().find(|hardware| hardware.is(model))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(name: &str) -> &'static Hardware {
        of(name).unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn the_table_is_whole_and_each_name_finds_one_row() {
        let rows = parse(TABLE).expect("valid");
        assert!(rows.iter().all(|row| row.tflops > 0.0 && row.gb_per_s > 0.0));
        for row in &rows {
            assert_eq!(rows.iter().filter(|other| other.is(&row.name)).count(), 1, "{}", row.name);
        }
        for name in ["NVIDIA-A100-SXM4-80GB", "NVIDIA A100 80GB PCIe", "NVIDIA H100 80GB HBM3"] {
            assert_eq!(rows.iter().filter(|row| row.is(name)).count(), 1, "{name}");
        }
        assert!(of("NVIDIA B300").is_none() && of("AMD Instinct MI300X OAM").is_none());
    }

    #[test]
    fn the_worse_ratio_counts() {
        // An L4 has 121 of 312 TFLOPS of an A100 and 300 of 2,039 GB/s.
        let ratio = gpu("NVIDIA L4").ratio_to(gpu("NVIDIA A100-SXM4-80GB"));
        assert!((ratio - 300.0 / 2_039.0).abs() < 1e-12);
        // An L40S has more TFLOPS than an A100, and less bandwidth.
        assert!(gpu("NVIDIA L40S").ratio_to(gpu("NVIDIA A100-SXM4-80GB")) < 0.43);
    }

    #[test]
    fn a_model_without_a_number_format_is_no_choice() {
        let has = |a: &str, b: &str| gpu(a).has_formats_of(gpu(b));
        assert!(has("NVIDIA L4", "NVIDIA H100 80GB HBM3"), "both have FP8");
        assert!(!has("NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3"), "no FP8");
        assert!(!has("Tesla T4", "NVIDIA A10G"), "no BF16");
        assert!(!has("NVIDIA H200", "NVIDIA B200"), "no FP4");
        assert!(has("NVIDIA A10G", "Tesla T4"));
    }
}
