//! The text format: metadata, labels, numbers.

use std::fmt::Write as _;

use crate::output::text::visible;

/// What all names begin with.
const PREFIX: &str = "gpu_finops_";

/// Labels of a sample, by name.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A gauge with its samples.
pub(super) struct Family {
    /// Name without prefix; ends with the unit.
    pub(super) name: &'static str,
    /// Base unit; empty without one.
    pub(super) unit: &'static str,
    /// What it says.
    pub(super) help: &'static str,
    /// Samples; what is not known is not there.
    pub(super) samples: Vec<(Labels, f64)>,
}

impl Family {
    pub(super) fn name(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }
}

/// Writes a family; one without samples as well, so that it is known to be there.
pub(super) fn write(out: &mut String, family: &Family) {
    let name = family.name();
    let _ = writeln!(out, "# TYPE {name} gauge");
    if !family.unit.is_empty() {
        let _ = writeln!(out, "# UNIT {name} {}", family.unit);
    }
    let _ = writeln!(out, "# HELP {name} {}", family.help);
    for (labels, value) in &family.samples {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        // Zero has no sign.
        let value = if *value == 0.0 { 0.0 } else { *value };
        let _ = writeln!(out, "{name}{labels} {value}");
    }
}

/// A label's value between quotes; control characters are made visible.
fn escaped(value: &str) -> String {
    visible(value).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_can_end_its_quotes_or_its_line() {
        let family = Family {
            name: "x_ratio",
            unit: "ratio",
            help: "Text.",
            samples: vec![(vec![("tenant", "a\\b\"} 1\ngpu 2\u{1b}[31m".to_owned())], -0.0)],
        };
        let mut out = String::new();
        write(&mut out, &family);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 4, "{out}");
        assert_eq!(lines[3], "gpu_finops_x_ratio{tenant=\"a\\\\b\\\"} 1␊gpu 2␛[31m\"} 0");
    }
}
