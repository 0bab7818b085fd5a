//! What CEL selectors of claims demand of memory and compute capability, as far as it can be read with certainty.
//!
//! Read are comparisons of one attribute or capacity with a constant, joined by `&&`. Everything else is counted as
//! not read, and nothing is made of it.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::dra::ClaimRequest;
use crate::model::quantity;

/// What selectors demand.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Demands {
    /// Least memory of a device, bytes: the least of all alternatives.
    pub(super) memory_bytes: Option<f64>,
    /// Least compute capability, as the selector has it.
    pub(super) compute_capability: Option<String>,
    /// Selectors of which something could not be read.
    pub(super) unread: usize,
}

/// `device.capacity['gpu.nvidia.com'].memory` against `quantity("40Gi")`.
static MEMORY: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"^device\.capacity\[["'][a-z0-9.-]+["']\]\.memory\.(?:isGreaterThan\(quantity\(["']([^"']+)["']\)\)|compareTo\(quantity\(["']([^"']+)["']\)\)\s*>=?\s*0)$"#,
    )
});
/// `device.attributes['gpu.nvidia.com'].cudaComputeCapability` against `semver("9.0.0")`.
static CAPABILITY: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"^device\.attributes\[["'][a-z0-9.-]+["']\]\.cudaComputeCapability\.(?:isGreaterThan\(semver\(["']([^"']+)["']\)\)|compareTo\(semver\(["']([^"']+)["']\)\)\s*>=?\s*0)$"#,
    )
});
/// What says nothing of size: the driver, and that it is a card.
static OTHER: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"^(?:device\.driver\s*==\s*["'][^"']*["']|device\.attributes\[["'][a-z0-9.-]+["']\]\.type\s*==\s*["']gpu["'])$"#,
    )
});

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that tests use")
}

/// Of one request, or of alternatives: what every one of them demands.
pub(super) fn demands(requests: &[ClaimRequest]) -> Demands {
    let each: Vec<Demands> = requests.iter().map(of_request).collect();
    let has_all = each.iter().all(|demands| demands.memory_bytes.is_some());
    let least = each.iter().filter_map(|demands| demands.memory_bytes).reduce(f64::min);
    let first = each.first().and_then(|demands| demands.compute_capability.clone());
    Demands {
        memory_bytes: least.filter(|_| has_all),
        compute_capability: first
            .filter(|_| each.iter().all(|demands| demands.compute_capability.is_some())),
        unread: each.iter().map(|demands| demands.unread).sum(),
    }
}

fn of_request(request: &ClaimRequest) -> Demands {
    let mut out = Demands::default();
    for selector in &request.selectors {
        let mut is_read = true;
        for atom in selector.split("&&").map(bare) {
            if let Some(text) = constant(&MEMORY, atom) {
                #[expect(clippy::cast_precision_loss, reason = "bytes of a card are below 2^53")]
                let bytes = quantity::bytes(text).map(|bytes| bytes as f64);
                is_read &= bytes.is_ok();
                out.memory_bytes = out.memory_bytes.into_iter().chain(bytes).reduce(f64::max);
            } else if let Some(text) = constant(&CAPABILITY, atom) {
                out.compute_capability = Some(text.to_owned());
            } else {
                is_read &= OTHER.is_match(atom);
            }
        }
        out.unread += usize::from(!is_read);
    }
    out
}

/// Without blanks and one pair of brackets around it.
fn bare(atom: &str) -> &str {
    let atom = atom.trim();
    match atom.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) if inner.starts_with("device.") => inner.trim(),
        _ => atom,
    }
}

fn constant<'a>(pattern: &Regex, atom: &'a str) -> Option<&'a str> {
    let found = pattern.captures(atom)?;
    found.get(1).or_else(|| found.get(2)).map(|text| text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: f64 = 1_073_741_824.0;

    fn request(selectors: &[&str]) -> ClaimRequest {
        let selectors = selectors.iter().map(ToString::to_string).collect();
        ClaimRequest { name: "gpu".into(), count: Some(1), selectors, ..ClaimRequest::default() }
    }

    fn of(selectors: &[&str]) -> (Option<f64>, Option<String>, usize) {
        let found = demands(&[request(selectors)]);
        (found.memory_bytes.map(|b| b / GIB), found.compute_capability, found.unread)
    }

    #[test]
    fn plain_comparisons_are_read() {
        let memory = "device.capacity['gpu.nvidia.com'].memory.isGreaterThan(quantity(\"40Gi\"))";
        assert_eq!(of(&[memory]), (Some(40.0), None, 0));
        let compared =
            r#"device.capacity["gpu.nvidia.com"].memory.compareTo(quantity("80Gi")) >= 0"#;
        let capability = "device.attributes['gpu.nvidia.com'].cudaComputeCapability.compareTo(semver('9.0.0')) >= 0";
        let both = format!("({compared}) && {capability} && device.driver == 'gpu.nvidia.com'");
        assert_eq!(of(&[&both]), (Some(80.0), Some("9.0.0".into()), 0));
        assert_eq!(of(&[memory, compared]), (Some(80.0), None, 0), "all selectors must hold");
    }

    #[test]
    fn what_is_not_certain_is_not_read() {
        let memory = "device.capacity['gpu.nvidia.com'].memory.isGreaterThan(quantity('40Gi'))";
        for selector in [
            format!("{memory} || device.driver == 'x'"),
            format!("!{memory}"),
            "device.capacity['gpu.nvidia.com'].memory.isLessThan(quantity('40Gi'))".to_owned(),
            "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) <= 0".to_owned(),
            "device.capacity['gpu.nvidia.com'].memory.isGreaterThan(quantity('lots'))".to_owned(),
            "device.attributes['gpu.nvidia.com'].productName.lowerAscii().matches('^.*a100.*$')"
                .to_owned(),
        ] {
            assert_eq!(of(&[&selector]), (None, None, 1), "{selector}");
        }
    }

    #[test]
    fn of_alternatives_the_least_counts() {
        let memory = |gib: u32| {
            request(&[&format!("device.capacity['g'].memory.isGreaterThan(quantity('{gib}Gi'))")])
        };
        assert_eq!(demands(&[memory(80), memory(40)]).memory_bytes, Some(40.0 * GIB));
        assert_eq!(demands(&[memory(80), request(&[])]).memory_bytes, None);
    }
}
