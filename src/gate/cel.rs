//! What the CEL selectors of a device request say of the device: its model, its MIG profile.
//!
//! Not an interpreter: clauses that are joined by `&&` and compare a product name, a memory size, an architecture or a
//! profile with a literal. Every other clause is left out, which can only leave more models open.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::quantity;
use crate::sizing::hardware::{self, Hardware};

/// Longest expression that is looked at (the API server's own bound is 10 KiB).
const MAX_CHARS: usize = 10_240;

/// What selectors say.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    /// The model, where they leave one.
    pub(super) model: Option<String>,
    /// Models that they leave, where there are several.
    pub(super) among: Vec<String>,
    /// MIG profile.
    pub(super) profile: Option<String>,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("compiled-in patterns are read in a test")
}

static NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"\.(?:productName|model)(\.lowerAscii\(\))?\s*==\s*['"]([^'"]+)['"]\s*\)*$"#)
});
static CALL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"\.(?:productName|model)(\.lowerAscii\(\))?\.(matches|contains|startsWith)\(\s*['"]([^'"]+)['"]"#,
    )
});
static MEMORY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"\.memory\.(?:compareTo\(\s*quantity\(['"]([^'"]+)['"]\)\s*\)\s*(>=|<=|==|>|<)\s*0|(isGreaterThan|isLessThan)\(\s*quantity\(['"]([^'"]+)['"]\))"#,
    )
});
static ARCHITECTURE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"\.architecture\s*==\s*['"]([^'"]+)['"]"#));
static PROFILE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"\.profile\s*==\s*['"]([^'"]+)['"]"#));

/// What the expressions say together.
pub(super) fn read<'a>(expressions: impl Iterator<Item = &'a str>) -> Said {
    let mut said = Said::default();
    let mut left: Vec<&Hardware> = hardware::all().iter().collect();
    let mut is_narrowed = false;
    let bounded = expressions.filter(|text| text.len() <= MAX_CHARS);
    for clause in bounded.flat_map(clauses) {
        if let Some(found) = PROFILE.captures(&clause) {
            said.profile = Some(found[1].to_owned());
        }
        if let Some(found) = NAME.captures(&clause) {
            let name = &found[2];
            match hardware::of(name) {
                Some(_) => left.retain(|gpu| gpu.is(name)),
                // A product that nothing is known of is a model all the same.
                None => said.model = Some(name.to_owned()),
            }
            is_narrowed = true;
        }
        if let Some(fits) = test(&clause) {
            left.retain(|gpu| fits(gpu));
            is_narrowed = true;
        }
    }
    if said.model.is_some() || !is_narrowed {
        return said;
    }
    match left.as_slice() {
        [one] => said.model = Some(one.name.clone()),
        several => said.among = several.iter().map(|gpu| gpu.name.clone()).collect(),
    }
    said
}

type Test = Box<dyn Fn(&Hardware) -> bool>;

/// A clause as a test of cards; `None` where it is about something else.
fn test(clause: &str) -> Option<Test> {
    if let Some(found) = CALL.captures(clause) {
        let (is_lower, text) = (found.get(1).is_some(), found[3].to_owned());
        let spelled = move |gpu: &Hardware| match is_lower {
            true => gpu.name.to_lowercase(),
            false => gpu.name.clone(),
        };
        return Some(match &found[2] {
            "matches" => {
                let regex = Regex::new(&text).ok()?;
                Box::new(move |gpu| regex.is_match(&spelled(gpu)))
            }
            "contains" => Box::new(move |gpu| spelled(gpu).contains(&text)),
            _ => Box::new(move |gpu| spelled(gpu).starts_with(&text)),
        });
    }
    if let Some(found) = MEMORY.captures(clause) {
        let (text, sign) = match found.get(3).map(|call| call.as_str()) {
            Some("isGreaterThan") => (&found[4], ">"),
            Some(_) => (&found[4], "<"),
            None => (&found[1], found.get(2)?.as_str()),
        };
        let bound = quantity::amount(text).ok()?;
        let sign = sign.to_owned();
        return Some(Box::new(move |gpu| {
            let memory = gpu.nominal_bytes;
            match sign.as_str() {
                ">=" => memory >= bound,
                "<=" => memory <= bound,
                ">" => memory > bound,
                "<" => memory < bound,
                _ => (memory - bound).abs() < 1.0,
            }
        }));
    }
    let found = ARCHITECTURE.captures(clause)?;
    let range = match found[1].to_ascii_lowercase().as_str() {
        "volta" => 7.0..7.5,
        "turing" => 7.5..8.0,
        "ampere" => 8.0..8.9,
        "ada lovelace" => 8.9..9.0,
        "hopper" => 9.0..10.0,
        "blackwell" => 10.0..13.0,
        _ => return None,
    };
    Some(Box::new(move |gpu| range.contains(&gpu.compute_capability)))
}

/// Parts of an expression that all have to hold and have no alternatives in them.
fn clauses(expression: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quote) = (0_i32, None);
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, '&') if depth == 0 && chars.peek() == Some(&'&') => {
                chars.next();
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    let is_plain = |part: &String| !part.contains("||") && !part.trim_start().starts_with('!');
    parts.into_iter().filter(is_plain).map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        read(std::iter::once(text))
    }

    #[test]
    fn a_product_or_its_memory_decides_the_model() {
        let name = "device.attributes['gpu.nvidia.com'].productName";
        let memory = "device.capacity['gpu.nvidia.com'].memory";
        for (text, model) in [
            (format!("{name} == 'NVIDIA H100 80GB HBM3'"), Some("NVIDIA H100 80GB HBM3")),
            (format!("{name} == 'NVIDIA Future X1'"), Some("NVIDIA Future X1")),
            (
                format!(
                    "{name}.lowerAscii().matches('^.*a100.*$') && {memory}.compareTo(quantity('40Gi')) <= 0"
                ),
                Some("NVIDIA A100-SXM4-40GB"),
            ),
            (format!("{name}.contains('T4') && (x == 0 || x == 1)"), Some("Tesla T4")),
            (format!("{memory}.isGreaterThan(quantity(\"40Gi\"))"), None),
            (format!("{name} == 'Tesla T4' || {name} == 'NVIDIA L4'"), None),
            (format!("!({name} == 'Tesla T4')"), None),
            ("device.driver == 'gpu.nvidia.com'".to_owned(), None),
        ] {
            assert_eq!(said(&text).model.as_deref(), model, "{text}");
        }
        let several = said(&format!("{name}.lowerAscii().matches('^.*a100.*$')")).among;
        assert!(several.len() > 1 && several.iter().all(|name| name.contains("A100")));
        assert_eq!(said("device.driver == 'gpu.nvidia.com'"), Said::default());
    }

    #[test]
    fn a_profile_is_read() {
        let text = "device.attributes['gpu.nvidia.com'].type == 'mig' && device.attributes['gpu.nvidia.com'].profile == '1g.12gb'";
        assert_eq!(said(text).profile.as_deref(), Some("1g.12gb"));
    }
}
