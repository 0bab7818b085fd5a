//! Kubernetes label selectors as text: `app=web,tier in (a, b),!debug`.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/labels`, without its `>` and `<`.

use crate::model::policy::LabelRequirement;

/// Requirements of a selector; all of them must hold.
///
/// # Errors
///
/// What is wrong, with the requirement as typed.
pub fn parse(text: &str) -> Result<Vec<LabelRequirement>, String> {
    if text.trim().is_empty() {
        return Err("is empty; leave it out to show everything".to_owned());
    }
    requirements(text)?.into_iter().map(requirement).collect()
}

/// Splits at the commas that stand outside parentheses.
fn requirements(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut open) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if open => return Err(format!("`{text}` has a parenthesis within another")),
            '(' => open = true,
            ')' if !open => return Err(format!("`{text}` closes a parenthesis that is not open")),
            ')' => open = false,
            ',' if !open => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if open {
        return Err(format!("`{text}` does not close its parenthesis"));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn requirement(text: &str) -> Result<LabelRequirement, String> {
    let text = text.trim();
    if let Some(key) = text.strip_prefix('!') {
        return Ok(LabelRequirement::DoesNotExist(label_key(key.trim(), text)?));
    }
    if let Some((key, set)) = text.split_once('(') {
        return set_requirement(key, set, text);
    }
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = text.split_once(operator) {
            let key = label_key(key.trim(), text)?;
            let values = vec![label_value(value.trim(), text)?];
            return Ok(if equal {
                LabelRequirement::In(key, values)
            } else {
                LabelRequirement::NotIn(key, values)
            });
        }
    }
    Ok(LabelRequirement::Exists(label_key(text, text)?))
}

fn set_requirement(head: &str, set: &str, text: &str) -> Result<LabelRequirement, String> {
    let values = set
        .strip_suffix(')')
        .ok_or_else(|| format!("`{text}` goes on after its parenthesis"))?
        .split(',')
        .map(|value| label_value(value.trim(), text))
        .collect::<Result<_, _>>()?;
    let words: Vec<&str> = head.split_whitespace().collect();
    match words[..] {
        [key, "in"] => Ok(LabelRequirement::In(label_key(key, text)?, values)),
        [key, "notin"] => Ok(LabelRequirement::NotIn(label_key(key, text)?, values)),
        _ => Err(format!("`{text}` is neither `key in (…)` nor `key notin (…)`")),
    }
}

/// `[prefix/]name`: a DNS subdomain of up to 253 characters, and a name of up to 63.
fn label_key(key: &str, text: &str) -> Result<String, String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(p, n)| (Some(p), n));
    let dns = |p: &str| {
        p.len() <= 253
            && p.split('.').all(is_name)
            && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
    };
    if name.is_empty() || !is_name(name) || !prefix.is_none_or(dns) {
        return Err(format!("`{text}`: `{key}` is not a label key"));
    }
    Ok(key.to_owned())
}

fn label_value(value: &str, text: &str) -> Result<String, String> {
    if value.is_empty() || is_name(value) {
        return Ok(value.to_owned());
    }
    Err(format!("`{text}`: `{value}` is not a label value"))
}

/// Up to 63 letters, digits, `-`, `_`, `.`, with a letter or digit at both ends.
fn is_name(text: &str) -> bool {
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use LabelRequirement::{DoesNotExist, Exists, In, NotIn};

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_form_of_requirement() {
        let parsed = parse("app=web, tier in (a, b),x.io/gen notin (1),v!=2,w==3,on,!debug,e=");
        assert_eq!(
            parsed.expect("valid"),
            vec![
                In("app".into(), strings(&["web"])),
                In("tier".into(), strings(&["a", "b"])),
                NotIn("x.io/gen".into(), strings(&["1"])),
                NotIn("v".into(), strings(&["2"])),
                In("w".into(), strings(&["3"])),
                Exists("on".into()),
                DoesNotExist("debug".into()),
                In("e".into(), strings(&[""])),
            ]
        );
    }

    #[test]
    fn spaces_do_not_matter() {
        assert_eq!(parse(" ! a ").expect("valid"), vec![DoesNotExist("a".into())]);
        assert_eq!(parse("a  in(b)").expect("valid"), vec![In("a".into(), strings(&["b"]))]);
    }

    #[test]
    fn mistakes_are_shown_as_typed() {
        for (text, part) in [
            ("", "is empty"),
            ("a=b,", "is not a label key"),
            ("a in (b", "does not close"),
            ("a in b)", "not open"),
            ("a in ((b))", "within another"),
            ("a within (b)", "neither"),
            ("a in (b) c", "goes on after"),
            ("a=b c", "`b c` is not a label value"),
            ("-a=b", "`-a` is not a label key"),
            ("UPPER.io/a=b", "is not a label key"),
            ("a>1", "is not a label key"),
            ("a=\u{1b}[31m", "is not a label value"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(parse(&format!("{}=b", "a".repeat(64))).is_err());
    }
}
