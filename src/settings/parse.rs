//! Text into values: one reader for each kind of setting, whichever layer the text is from.
//!
//! An error shows the text (never of a secret) and says what is expected; the caller names the
//! flag, variable or key.

use std::time::Duration;

use regex::{Regex, RegexBuilder};
use url::Url;

use crate::source::prometheus::options::Secret;
use crate::units::{MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND};

/// Highest price of a GPU-hour that is believed: a dear GPU is some 1e5 in the smallest currencies.
const MAX_PRICE: f64 = 1e7;
/// Lowest price that is believed.
const MIN_PRICE: f64 = 1e-6;
/// Longest pattern that is compiled, and its compiled size.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// What a reader says: the value, or what is wrong with the text.
pub type Read<T> = Result<T, String>;

/// `true` or `false`; `1`, `0`, `yes`, `no`, `on`, `off` for the environment's sake.
///
/// # Errors
///
/// Anything else.
pub fn boolean(text: &str) -> Read<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("`{text}` is not a switch; use true or false")),
    }
}

/// Text in backticks, with control characters as escapes: it may come from anywhere.
#[must_use]
pub fn quoted(text: &str) -> String {
    let escaped = text.chars().flat_map(|c| match c.is_control() {
        true => c.escape_default().collect::<Vec<_>>(),
        false => vec![c],
    });
    format!("`{}`", escaped.collect::<String>())
}

/// One of a closed list, by name.
///
/// # Errors
///
/// Anything else, with the list.
pub fn one_of<T: Copy>(text: &str, known: &[(&str, T)]) -> Read<T> {
    known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        format!("{} is not one of {}", quoted(text), names.join(", "))
    })
}

/// A value that has a name of its own.
///
/// # Errors
///
/// A name that is none of the choices.
pub fn named<T: std::str::FromStr<Err = crate::output::UnknownName>>(text: &str) -> Read<T> {
    text.parse().map_err(|e: crate::output::UnknownName| {
        format!("{} is not one of {}", quoted(text), e.choices)
    })
}

/// A path that is not empty.
///
/// # Errors
///
/// Empty text.
pub fn path(text: &str) -> Read<std::path::PathBuf> {
    if text.is_empty() {
        return Err("is empty; give a path".to_owned());
    }
    Ok(text.into())
}

/// Text that is not empty and has no control characters.
///
/// # Errors
///
/// Empty text, a line break, an escape sequence.
pub fn plain(text: &str) -> Read<String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(format!("{} is empty or has control characters", quoted(text)));
    }
    Ok(text.to_owned())
}

/// A share: 0..1, or a percentage.
///
/// # Errors
///
/// Anything outside 0..1.
pub fn ratio(text: &str) -> Read<f64> {
    let value = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
        None => text.parse(),
    };
    match value {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err(format!("`{text}` is not a share; use 0 to 1, or a percentage such as 5%")),
    }
}

/// A share that is neither nothing nor everything.
///
/// # Errors
///
/// Anything outside 0..1, 0 and 1 themselves.
pub fn inner_ratio(text: &str) -> Read<f64> {
    let value = ratio(text)?;
    let is_inner = value > 0.0 && value < 1.0;
    is_inner.then_some(value).ok_or_else(|| format!("`{text}` is not between 0 and 1"))
}

/// A number, 0 or more.
///
/// # Errors
///
/// Anything else.
pub fn amount(text: &str) -> Read<f64> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1e12).contains(&value) => Ok(value),
        _ => Err(format!("`{text}` is not a number of 0 or more")),
    }
}

/// A factor of 0 or more, or a percentage.
///
/// # Errors
///
/// Anything else.
pub fn factor(text: &str) -> Read<f64> {
    let value = match text.strip_suffix('%') {
        Some(percent) => amount(percent.trim()).map(|p| p / 100.0),
        None => amount(text),
    };
    value.map_err(|_| {
        format!("`{text}` is not a factor; use 0 or more, or a percentage such as 10%")
    })
}

/// A number of bytes, 0 or more.
///
/// # Errors
///
/// Anything else.
pub fn bytes(text: &str) -> Read<f64> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1e15).contains(&value) => Ok(value),
        _ => Err(format!("`{text}` is not a number of bytes")),
    }
}

/// A whole number from `low` to `high`.
///
/// # Errors
///
/// Anything else.
pub fn count(text: &str, low: usize, high: usize) -> Read<usize> {
    match text.parse() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        _ => Err(format!("`{text}` is not a whole number from {low} to {high}")),
    }
}

/// A length of time: `90s`, `5m`, `1h30m`, `7d`, `2w`; milliseconds, above 0.
///
/// # Errors
///
/// No unit, an unknown unit, zero, or more than a hundred years.
pub fn duration_ms(text: &str) -> Read<i64> {
    let refuse = || format!("`{text}` is not a length of time; use 90s, 5m, 12h, 7d, 2w or 1h30m");
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: i64 = rest[..digits].parse().map_err(|_| refuse())?;
        let unit = rest[digits..].chars().next().and_then(unit_ms).ok_or_else(refuse)?;
        total = number.checked_mul(unit).and_then(|ms| total.checked_add(ms)).ok_or_else(refuse)?;
        rest = &rest[digits + 1..];
    }
    if (1..=36_525 * MS_PER_DAY).contains(&total) { Ok(total) } else { Err(refuse()) }
}

const fn unit_ms(unit: char) -> Option<i64> {
    match unit {
        's' => Some(MS_PER_SECOND),
        'm' => Some(MS_PER_MINUTE),
        'h' => Some(MS_PER_HOUR),
        'd' => Some(MS_PER_DAY),
        'w' => Some(7 * MS_PER_DAY),
        _ => None,
    }
}

/// A length of time up to `longest_ms`.
///
/// # Errors
///
/// As [`duration_ms`], or longer.
pub fn duration_up_to(text: &str, longest_ms: i64, longest: &str) -> Read<i64> {
    match duration_ms(text)? {
        ms if ms <= longest_ms => Ok(ms),
        _ => Err(format!("`{text}` is longer than {longest}")),
    }
}

/// A time limit of up to an hour.
///
/// # Errors
///
/// As [`duration_up_to`].
pub fn timeout(text: &str) -> Read<Duration> {
    let ms = duration_up_to(text, MS_PER_HOUR, "an hour")?;
    Ok(Duration::from_millis(ms.unsigned_abs()))
}

/// A step between two instants of up to 5 minutes, which is as far as servers look back; milliseconds.
///
/// # Errors
///
/// As [`duration_up_to`].
pub fn step_ms(text: &str) -> Read<i64> {
    duration_up_to(text, 5 * MS_PER_MINUTE, "5 minutes")
}

/// The base URL of a server.
///
/// # Errors
///
/// Not a URL, not http or https, credentials, a query or fragment. The message never shows credentials.
pub fn server_url(text: &str) -> Read<Url> {
    let hint = "use http://HOST:PORT or https://HOST/PREFIX";
    let url = Url::parse(text).map_err(|e| {
        format!("{} is not a URL ({e}); {hint}", quoted(&without_credentials(text)))
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!(
            "{} is not an HTTP server; {hint}",
            quoted(&without_credentials(text))
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "{} has a user or password in it; use `--prometheus-basic-user` and \
             `--prometheus-basic-password-file`",
            quoted(&without_credentials(text))
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "{} has a query or fragment; {hint}",
            quoted(&without_credentials(text))
        ));
    }
    Ok(url)
}

/// A URL's text without what stands before `@` and after `?`.
#[must_use]
pub fn without_credentials(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}://<redacted>@{}", &text[..scheme], &text[at + 1..])
        }
        (None, Some(at)) => format!("<redacted>@{}", &text[at + 1..]),
        _ => text.to_owned(),
    }
}

/// A header, `NAME: VALUE`. The message never shows the value.
///
/// # Errors
///
/// No colon, or a name or value that HTTP does not allow.
pub fn header(text: &str) -> Read<(String, Secret)> {
    let Some((name, value)) = text.split_once(':') else {
        return Err("has no colon; use NAME:VALUE".to_owned());
    };
    let (name, value) = (name.trim(), value.trim());
    if http::HeaderName::try_from(name).is_err() {
        return Err(format!("{} is not a header name", quoted(name)));
    }
    if value.is_empty() || http::HeaderValue::try_from(value).is_err() {
        return Err(format!("the value of header `{name}` is empty or has control characters"));
    }
    Ok((name.to_owned(), Secret(value.to_owned())))
}

/// A PromQL label matcher: `name="value"`, `!=`, `=~`, `!~`.
///
/// # Errors
///
/// Anything else: braces, several matchers in one, single quotes.
pub fn matcher(text: &str) -> Read<String> {
    const GRAMMAR: &str = r#"^[A-Za-z_][A-Za-z0-9_]*\s*(=|!=|=~|!~)\s*"([^"\\\n]|\\.)*"$"#;
    let grammar = Regex::new(GRAMMAR).map_err(|e| e.to_string())?;
    if grammar.is_match(text) {
        return Ok(text.to_owned());
    }
    Err(format!("{} is not a label matcher; use name=\"value\" (or !=, =~, !~)", quoted(text)))
}

/// A pattern that must match a whole name.
///
/// # Errors
///
/// Not a regular expression, or one too large.
pub fn whole_pattern(text: &str) -> Read<Regex> {
    compile(&format!("^(?:{text})$"), false)
        .map_err(|e| format!("{} is not a regular expression: {e}", quoted(text)))
}

/// Patterns of which one must match a whole name.
///
/// # Errors
///
/// As [`whole_pattern`]; an empty list.
pub fn any_whole_pattern(texts: &[String]) -> Read<Regex> {
    if texts.is_empty() {
        return Err("is an empty list; nothing would match".to_owned());
    }
    for text in texts {
        whole_pattern(text)?;
    }
    whole_pattern(&texts.iter().map(|t| format!("(?:{t})")).collect::<Vec<_>>().join("|"))
}

/// Compiles a pattern within bounds.
///
/// # Errors
///
/// The last line of the parser's message, which says what is wrong.
pub fn compile(pattern: &str, case_blind: bool) -> Read<Regex> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_PATTERN_BYTES)
        .case_insensitive(case_blind)
        .build()
        .map_err(|e| e.to_string().lines().last().unwrap_or_default().replace("error: ", ""))
}

/// A currency code: three letters.
///
/// # Errors
///
/// Anything else.
pub fn currency(text: &str) -> Read<String> {
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err(format!("{} is not a currency code; use three letters such as EUR", quoted(text)))
}

/// A price or rate above 0.
///
/// # Errors
///
/// Zero, negative, not finite, not a number, or beyond belief.
pub fn price(text: &str) -> Read<f64> {
    let value = text.parse::<f64>().map_err(|_| format!("`{text}` is not a number"))?;
    positive_price(value).map_err(|e| format!("`{text}` {e}"))
}

/// The same for a number that is one already.
///
/// # Errors
///
/// As [`price`], without the value.
pub fn positive_price(value: f64) -> Result<f64, &'static str> {
    if !value.is_finite() {
        return Err("is not a finite number");
    }
    if value <= 0.0 {
        return Err("is not above 0: a GPU that costs nothing would hide all waste");
    }
    if !(MIN_PRICE..=MAX_PRICE).contains(&value) {
        return Err("is not a believable price of an hour");
    }
    Ok(value)
}
