//! What a row of a bill measures: hours of a machine, hours of its GPUs, or something else.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::bill::BillRow;

/// What a row measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Measure {
    /// Hours of the machine.
    Machine(f64),
    /// Hours of one GPU.
    Gpu(f64),
    /// Time of a part of the machine, such as its cores, or of the machine without saying how long.
    Part,
    /// No time at all: traffic, requests.
    Other,
}

/// Families of machines that have GPUs.
static GPU_MACHINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:(?:p[2-9]|gr?[3-9])[a-z0-9-]*\.|standard_n[cdgv]|(?:a[2-9]|g[2-9])-)")
        .expect("a constant")
});
static GPU: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:v?gpus?|accelerators?)\b").expect("a constant"));
static PART: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:v?cpus?|v?cores?|ram|memory|disk|ssd|storage|ip|license)\b")
        .expect("a constant")
});

/// Whether a row is for a machine with GPUs, or for GPUs.
pub(super) fn is_of_gpus(row: &BillRow) -> bool {
    row.instance_type.as_deref().is_some_and(|name| GPU_MACHINE.is_match(name))
        || (measures_time(row) && GPU.is_match(&row.description))
}

fn measures_time(row: &BillRow) -> bool {
    row.unit.as_deref().is_none_or(|unit| hours_in(unit).is_some())
}

/// Hours in a unit of time; `None` for what is none.
fn hours_in(unit: &str) -> Option<f64> {
    let unit = unit.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| unit.contains(word));
    if unit == "h" || says(&["hour", "hrs", "hr"]) {
        Some(1.0)
    } else if says(&["minute"]) {
        Some(1.0 / 60.0)
    } else if unit == "s" || says(&["second"]) {
        Some(1.0 / 3_600.0)
    } else {
        None
    }
}

/// What a row measures.
pub(super) fn measure(row: &BillRow) -> Measure {
    let Some(unit) = row.unit.as_deref() else { return Measure::Part };
    let Some(hours) = hours_in(unit) else { return Measure::Other };
    let Some(quantity) = row.quantity else { return Measure::Part };
    if GPU.is_match(unit) || (GPU.is_match(&row.description) && !PART.is_match(unit)) {
        return Measure::Gpu(quantity * hours);
    }
    match PART.is_match(unit)
        || PART.is_match(&row.description)
        || unit.to_ascii_lowercase().contains("byte")
    {
        true => Measure::Part,
        false => Measure::Machine(quantity * hours),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(instance: Option<&str>, description: &str, quantity: f64, unit: &str) -> BillRow {
        BillRow {
            instance_type: instance.map(ToOwned::to_owned),
            description: description.to_owned(),
            quantity: Some(quantity),
            unit: (!unit.is_empty()).then(|| unit.to_owned()),
            ..BillRow::default()
        }
    }

    #[test]
    fn machines_with_gpus_are_known_by_their_names() {
        for name in [
            "p5.48xlarge",
            "p6-b200.48xlarge",
            "g4dn.xlarge",
            "g6e.48xlarge",
            "gr6.4xlarge",
            "g7e.2xlarge",
            "Standard_NC24ads_A100_v4",
            "Standard_ND96isr_H100_v5",
            "a2-highgpu-1g",
            "a3-megagpu-8g",
            "g2-standard-4",
        ] {
            assert!(is_of_gpus(&row(Some(name), "", 1.0, "Hours")), "{name}");
        }
        for name in [
            "m5.12xlarge",
            "c5n.large",
            "Standard_D4s_v5",
            "Standard_NP10s",
            "n2-standard-4",
            "r6g.large",
        ] {
            assert!(!is_of_gpus(&row(Some(name), "", 1.0, "Hours")), "{name}");
        }
        assert!(is_of_gpus(&row(None, "Nvidia Tesla T4 GPU running in Americas", 1.0, "h")));
        assert!(!is_of_gpus(&row(None, "Data transfer of a GPU cluster", 1.0, "gigabytes")));
    }

    #[test]
    fn what_rows_measure() {
        for (description, quantity, unit, expected) in [
            (
                "$55.04 per On Demand Linux p5.48xlarge Instance Hour",
                24.0,
                "Hrs",
                Measure::Machine(24.0),
            ),
            ("ND96isr H100 v5", 24.0, "Hours", Measure::Machine(24.0)),
            (
                "GPU time of one NVIDIA L4 on node n1 (exclusive)",
                2.0,
                "GPU-Hours",
                Measure::Gpu(2.0),
            ),
            ("Nvidia Tesla A100 GPU running in Iowa", 7_200.0, "seconds", Measure::Gpu(2.0)),
            ("A2 Instance Core running in Iowa", 86_400.0, "seconds", Measure::Part),
            ("A2 Instance Ram running in Iowa", 1.0, "byte-seconds", Measure::Part),
            ("CPU Credits", 3.0, "vCPU-Hours", Measure::Part),
            ("data transfer out", 3.0, "GB", Measure::Other),
            ("machine", 3.0, "", Measure::Part),
        ] {
            assert_eq!(measure(&row(None, description, quantity, unit)), expected, "{description}");
        }
    }
}
