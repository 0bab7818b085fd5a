//! The built-in price list, and the one way to spell a GPU model.
//!
//! Three tiers, the first that applies wins: the instance type in the region of the price; the
//! instance type in any region; one listed price assumed for the GPU model. The text of the source
//! says which. No row exists for a GPU without a listed price: that is a fact for the report.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::model::policy::{PriceOrigin, PriceRule};

/// The list, as compiled in.
const PRICES: &str = include_str!("prices.yaml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceList {
    sources: BTreeMap<String, SourceText>,
    instances: Vec<Instance>,
    references: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceText {
    text: String,
    date: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Instance {
    provider: String,
    region: Option<String>,
    instance_type: String,
    gpus: u32,
    per_instance_hour: f64,
    capacity_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    gpu: String,
    model: String,
    instance_type: String,
}

/// A GPU model's name as prices know it: capitals, single spaces for `-` and `_`, without maker and
/// without the suffixes that GPU feature discovery adds for sharing and MIG.
///
/// `NVIDIA-A100-SXM4-80GB-MIG-1g.10gb` and `NVIDIA A100-SXM4-80GB` are both `A100 SXM4 80GB`.
#[must_use]
pub fn model_name(name: &str) -> String {
    let folded = name.to_uppercase().replace(['-', '_'], " ");
    let mut words: Vec<&str> = folded.split_whitespace().collect();
    while matches!(words.first(), Some(&("NVIDIA" | "TESLA"))) {
        words.remove(0);
    }
    if let Some(mig) = words.iter().position(|w| *w == "MIG").filter(|at| *at > 0) {
        words.truncate(mig);
    }
    if words.len() > 1 && words.last() == Some(&"SHARED") {
        words.pop();
    }
    words.join(" ")
}

/// The built-in list as rules, most exact first. USD.
///
/// # Panics
///
/// Never: the list is compiled in and a test reads all of it.
#[must_use]
pub fn built_in() -> Vec<PriceRule> {
    let list: PriceList =
        serde_saphyr::from_str(PRICES).expect("the compiled-in list is read in a test");
    // Spot rows ask for more than their on-demand twins, so they come before them.
    let (spot, on_demand): (Vec<&Instance>, Vec<&Instance>) =
        list.instances.iter().partition(|row| row.capacity_type.is_some());
    let rows = || spot.iter().chain(&on_demand).copied();
    let in_region = rows().filter(|row| row.region.is_some()).map(|row| list.regional(row));
    let anywhere = rows().map(|row| list.anywhere(row));
    let assumed = list.references.iter().filter_map(|reference| list.assumed(reference));
    in_region.chain(anywhere).chain(assumed).collect()
}

/// Physical GPUs of a machine, where the built-in list has it.
///
/// # Panics
///
/// Never, as [`built_in`].
#[must_use]
pub fn gpus_of(instance_type: &str) -> Option<u32> {
    static LISTED: LazyLock<BTreeMap<String, u32>> = LazyLock::new(|| {
        let list: PriceList =
            serde_saphyr::from_str(PRICES).expect("the compiled-in list is read in a test");
        list.instances.into_iter().map(|row| (row.instance_type, row.gpus)).collect()
    });
    LISTED.get(instance_type).copied()
}

impl PriceList {
    fn regional(&self, row: &Instance) -> PriceRule {
        let region = row.region.as_deref().unwrap_or_default();
        let source = format!("{}, {} in {region}", self.text(row), row.term());
        PriceRule { region: row.region.clone(), ..self.rule(row, source) }
    }

    fn anywhere(&self, row: &Instance) -> PriceRule {
        let text = format!("{}, {}", self.text(row), row.term());
        let source = match &row.region {
            Some(region) => format!("{text}; price of {region} assumed"),
            None => text,
        };
        self.rule(row, source)
    }

    fn assumed(&self, reference: &Reference) -> Option<PriceRule> {
        let is_listed = |row: &&Instance| {
            row.instance_type == reference.instance_type && row.capacity_type.is_none()
        };
        let row = self.instances.iter().find(is_listed)?;
        let place = row.region.as_deref().map(|r| format!(" in {r}")).unwrap_or_default();
        let source = format!(
            "{}, {} {}{place}; list price assumed for the model {}",
            self.text(row),
            row.term(),
            row.instance_type,
            reference.gpu
        );
        let model = Regex::new(&format!("^(?:{})$", reference.model)).ok()?;
        Some(PriceRule {
            model: Some(model),
            instance_type: None,
            capacity_type: None,
            ..self.rule(row, source)
        })
    }

    fn rule(&self, row: &Instance, source: String) -> PriceRule {
        PriceRule {
            model: None,
            instance_type: Some(row.instance_type.clone()),
            capacity_type: row.capacity_type.clone(),
            region: None,
            node: None,
            node_labels: BTreeMap::new(),
            per_gpu_hour: row.per_instance_hour / f64::from(row.gpus),
            source,
            date: self.sources.get(&row.provider).and_then(|s| s.date.clone()),
            origin: PriceOrigin::BuiltIn,
        }
    }

    fn text<'a>(&'a self, row: &'a Instance) -> &'a str {
        self.sources.get(&row.provider).map_or(row.provider.as_str(), |s| s.text.as_str())
    }
}

impl Instance {
    fn term(&self) -> &str {
        self.capacity_type.as_deref().unwrap_or("on-demand")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The price assumed for a model by its reported name, and the GPU that the source names.
    fn assumed(name: &str) -> Option<f64> {
        let normal = model_name(name);
        let applies = |rule: &PriceRule| rule.model.as_ref().is_some_and(|m| m.is_match(&normal));
        let matching: Vec<PriceRule> = built_in().into_iter().filter(applies).collect();
        assert!(matching.len() <= 1, "{name} matches {} models", matching.len());
        matching.first().map(|rule| rule.per_gpu_hour)
    }

    #[test]
    fn the_list_is_whole() {
        let list: PriceList = serde_saphyr::from_str(PRICES).expect("valid YAML");
        for row in &list.instances {
            assert!(list.sources.contains_key(&row.provider), "{row:?}");
            assert!(row.gpus > 0 && row.per_instance_hour > 0.0, "{row:?}");
        }
        for reference in &list.references {
            assert!(list.assumed(reference).is_some(), "{reference:?}");
        }
        for rule in built_in() {
            let unknown_date = rule.source.starts_with("Lambda");
            assert_eq!(rule.date.is_none(), unknown_date, "{rule:?}");
        }
    }

    #[test]
    fn names_are_folded() {
        for (name, expected) in [
            ("NVIDIA A100-SXM4-80GB", "A100 SXM4 80GB"),
            ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", "A100 SXM4 80GB"),
            ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb-SHARED", "A100 SXM4 80GB"),
            ("NVIDIA-H100-80GB-HBM3-SHARED", "H100 80GB HBM3"),
            ("Tesla T4", "T4"),
            ("Tesla-T4-SHARED", "T4"),
            ("NVIDIA_Tesla_V100-SXM2-16GB", "V100 SXM2 16GB"),
            ("  nvidia   l4 ", "L4"),
            ("AMD_Instinct_MI300X_OAM", "AMD INSTINCT MI300X OAM"),
            ("NVIDIA", ""),
            ("", ""),
        ] {
            assert_eq!(model_name(name), expected, "{name}");
        }
    }

    #[test]
    fn every_spelling_finds_its_price() {
        for (name, price) in [
            ("NVIDIA A100-SXM4-80GB", 27.447 / 8.0),
            ("NVIDIA-A100-SXM4-80GB", 27.447 / 8.0),
            ("A100-SXM-80GB", 27.447 / 8.0),
            ("NVIDIA A100 80GB PCIe", 27.447 / 8.0),
            ("NVIDIA-A100-80GB-PCIe", 27.447 / 8.0),
            ("NVIDIA A100-SXM4-40GB", 21.958 / 8.0),
            ("NVIDIA A100-PCIE-40GB", 21.958 / 8.0),
            ("A100-PCIE-40GB", 21.958 / 8.0),
            ("NVIDIA H100 80GB HBM3", 6.88),
            ("NVIDIA-H100-80GB-HBM3", 6.88),
            ("NVIDIA H100 PCIe", 6.88),
            ("NVIDIA H100 NVL", 6.98),
            ("NVIDIA H200", 7.912),
            ("NVIDIA B200", 113.933 / 8.0),
            ("NVIDIA B300 SXM6 AC", 17.802),
            ("NVIDIA GB200", 27.04),
            ("NVIDIA GH200 96GB HBM3", 1.49),
            ("NVIDIA GH200 480GB", 1.49),
            ("NVIDIA L4", 0.8048),
            ("NVIDIA L40S", 1.861),
            ("NVIDIA A10G", 1.006),
            ("Tesla T4", 0.526),
            ("NVIDIA T4", 0.526),
            ("Tesla V100-SXM2-16GB", 3.06),
            ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 3.363),
            ("NVIDIA-RTX-PRO-4500-Blackwell-Server-Edition", 2.52),
            ("AMD_Instinct_MI300X_OAM", 6.0),
            ("MI300X", 6.0),
            ("AMD Instinct MI300X OAM", 6.0),
        ] {
            let found = assumed(name).unwrap_or_else(|| panic!("{name} has no price"));
            assert!((found - price).abs() < 1e-12, "{name}: {found}");
        }
    }

    #[test]
    fn what_is_not_listed_has_no_price() {
        for name in [
            "NVIDIA H20",
            "NVIDIA H100 96GB HBM3",
            "NVIDIA H200 NVL",
            "NVIDIA GH200 144G HBM3e",
            "NVIDIA GB300",
            "NVIDIA L40",
            "NVIDIA A10",
            "NVIDIA A100X",
            "GRID A100-40C",
            "Tesla V100-SXM2-32GB",
            "NVIDIA T400",
            "AMD Instinct MI300A",
            "AMD Instinct MI325X",
            "AMD Instinct MI355X",
            "AMD INSTINCT MI250 (MCM) OAM AC MBA",
            "102-G30211-0C",
            "NVIDIA GeForce RTX 4090",
            "",
        ] {
            assert_eq!(assumed(name), None, "{name}");
        }
    }

    #[test]
    fn the_region_of_the_price_comes_before_other_regions_and_spot_before_on_demand() {
        let rules = built_in();
        let of = |instance: &str| -> Vec<(Option<String>, Option<String>, f64)> {
            rules
                .iter()
                .filter(|r| r.instance_type.as_deref() == Some(instance))
                .map(|r| (r.region.clone(), r.capacity_type.clone(), r.per_gpu_hour))
                .collect()
        };
        assert_eq!(of("p5.48xlarge"), [(Some("us-east-1".into()), None, 6.88), (None, None, 6.88)]);
        assert_eq!(of("a2-highgpu-1g"), [(None, Some("spot".into()), 1.928), (None, None, 3.673)]);
        let last_instance = rules.iter().rposition(|r| r.instance_type.is_some());
        let first_model = rules.iter().position(|r| r.model.is_some());
        assert!(last_instance < first_model);
    }

    #[test]
    fn an_assumption_says_so() {
        let rules = built_in();
        let h100 = rules.iter().find(|r| r.source.ends_with("for the model H100 80 GB"));
        assert_eq!(
            h100.map(|r| r.source.as_str()),
            Some(
                "AWS list price (karpenter-provider-aws price table), on-demand p5.48xlarge in \
                 us-east-1; list price assumed for the model H100 80 GB"
            )
        );
        assert!(rules.iter().any(|r| r.source.ends_with("price of us-east-1 assumed")));
    }
}
