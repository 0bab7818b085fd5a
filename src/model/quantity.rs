//! Kubernetes quantities (`100m`, `64Gi`, `1.5`, `1e3`), read exactly: no float on the way.
//!
//! The grammar is that of `apimachinery/pkg/api/resource`. Which resource a quantity belongs to,
//! and what becomes of an object with a bad one, is `source::objects`.

use std::fmt;

/// Digits beyond these cannot be told apart by any resource; a longer number is refused, not cut.
const MAX_DIGITS: usize = 36;
/// Characters of a bad value that an error shows.
const SHOWN_CHARS: usize = 40;

/// Why a text is not the quantity that is wanted. Each names the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not of the grammar.
    #[error("{0} is not a quantity (expected a number such as 2, 500m or 64Gi)")]
    Malformed(Shown),
    /// Below zero.
    #[error("{0} is negative")]
    Negative(Shown),
    /// A fraction of something that only comes whole.
    #[error("{0} is not a whole number")]
    NotWhole(Shown),
    /// Too large, or too long to be read exactly.
    #[error("{0} is out of range")]
    OutOfRange(Shown),
}

/// A value as an error shows it: quoted, control characters escaped, cut to a sensible length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// Cuts a value for an error to show.
    pub(crate) fn new(text: &str) -> Self {
        let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        Self(shown)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// `mantissa × 10^decimal × 2^binary`, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quantity {
    mantissa: i128,
    decimal: i32,
    binary: u32,
}

/// A whole, non-negative number of devices.
///
/// # Errors
/// When `text` is not a quantity, negative, fractional, or above `u32::MAX`.
pub fn gpu_count(text: &str) -> Result<u32, QuantityError> {
    let quantity = non_negative(text)?;
    let (whole, exact) = quantity.scaled(0).ok_or_else(|| out_of_range(text))?;
    if !exact {
        return Err(QuantityError::NotWhole(Shown::new(text)));
    }
    u32::try_from(whole).map_err(|_| out_of_range(text))
}

/// CPU in thousandths of a core, rounded up as the scheduler does.
///
/// # Errors
/// When `text` is not a quantity, negative, or out of range.
pub fn millicores(text: &str) -> Result<i64, QuantityError> {
    rounded_up(text, 3)
}

/// Memory in bytes, rounded up.
///
/// # Errors
/// When `text` is not a quantity, negative, or out of range.
pub fn bytes(text: &str) -> Result<i64, QuantityError> {
    rounded_up(text, 0)
}

/// A capacity or counter of any unit, as the nearest float.
///
/// # Errors
/// When `text` is not a quantity, negative, or beyond any float.
pub fn amount(text: &str) -> Result<f64, QuantityError> {
    let amount = non_negative(text)?.nearest();
    if amount.is_finite() { Ok(amount) } else { Err(out_of_range(text)) }
}

fn rounded_up(text: &str, decimals: i32) -> Result<i64, QuantityError> {
    let quantity = non_negative(text)?;
    let (floor, exact) = quantity.scaled(decimals).ok_or_else(|| out_of_range(text))?;
    let up = if exact { Some(floor) } else { floor.checked_add(1) };
    up.and_then(|n| i64::try_from(n).ok()).ok_or_else(|| out_of_range(text))
}

fn out_of_range(text: &str) -> QuantityError {
    QuantityError::OutOfRange(Shown::new(text))
}

fn non_negative(text: &str) -> Result<Quantity, QuantityError> {
    let quantity = Quantity::parse(text)?;
    if quantity.mantissa < 0 {
        return Err(QuantityError::Negative(Shown::new(text)));
    }
    Ok(quantity)
}

impl Quantity {
    fn parse(text: &str) -> Result<Self, QuantityError> {
        let malformed = || QuantityError::Malformed(Shown::new(text));
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let number_end =
            unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || whole.len() + fraction.len() == 0 {
            return Err(malformed());
        }
        let (exponent, binary) = suffix_scale(suffix).ok_or_else(malformed)?;

        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Self { mantissa: 0, decimal: 0, binary: 0 });
        }
        let trimmed = significant.trim_end_matches('0');
        if trimmed.len() > MAX_DIGITS {
            return Err(out_of_range(text));
        }
        let dropped = length(significant) - length(trimmed);
        let mantissa: i128 = trimmed.parse().map_err(|_| malformed())?;
        Ok(Self {
            mantissa: if negative { -mantissa } else { mantissa },
            decimal: exponent.saturating_add(dropped).saturating_sub(length(fraction)),
            binary,
        })
    }

    /// The float nearest to the value; infinite when there is none.
    fn nearest(self) -> f64 {
        // Reading the decimal text rounds once, and a power of two changes the exponent only.
        let decimal: f64 =
            format!("{}e{}", self.mantissa, self.decimal).parse().unwrap_or(f64::INFINITY);
        let binary = i32::try_from(self.binary).unwrap_or(i32::MAX);
        decimal * 2_f64.powi(binary)
    }

    /// The value × 10^`decimals` rounded down, and whether nothing was lost; `None` beyond `i128`.
    /// Only for values that are not negative.
    fn scaled(self, decimals: i32) -> Option<(i128, bool)> {
        let binary = 1_i128.checked_shl(self.binary)?;
        let value = self.mantissa.checked_mul(binary)?;
        let exponent = self.decimal.saturating_add(decimals);
        let power = 10_i128.checked_pow(exponent.unsigned_abs());
        if exponent >= 0 {
            return Some((value.checked_mul(power?)?, true));
        }
        // A divisor beyond i128 is larger than any value here.
        power.map_or(Some((0, value == 0)), |power| Some((value / power, value % power == 0)))
    }
}

fn length(digits: &str) -> i32 {
    i32::try_from(digits.len()).unwrap_or(i32::MAX)
}

/// Power of ten and power of two of a suffix; `None` for one that does not exist.
fn suffix_scale(suffix: &str) -> Option<(i32, u32)> {
    let scale = match suffix {
        "" => (0, 0),
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => (decimal_exponent(suffix)?, 0),
    };
    Some(scale)
}

/// The exponent of `e3`, `E-2`, `e+6`.
fn decimal_exponent(suffix: &str) -> Option<i32> {
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let limit = if exponent.starts_with('-') { i32::MIN } else { i32::MAX };
    Some(exponent.parse().unwrap_or(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpu_counts() {
        for (text, want) in [
            ("1", 1),
            ("0", 0),
            ("+8", 8),
            ("08", 8),
            ("1.0", 1),
            ("2.", 2),
            ("2000m", 2),
            ("2k", 2_000),
            ("1e3", 1_000),
            ("1E3", 1_000),
            ("20e-1", 2),
            ("1Ki", 1_024),
            ("0.5Ki", 512),
            ("0.000", 0),
            ("0e99999999999", 0),
            ("4294967295", u32::MAX),
        ] {
            assert_eq!(gpu_count(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn bad_gpu_counts_name_the_value() {
        for (text, want) in [
            ("1.5", "\"1.5\" is not a whole number"),
            ("500m", "\"500m\" is not a whole number"),
            ("1e-99999999999", "\"1e-99999999999\" is not a whole number"),
            ("-1", "\"-1\" is negative"),
            ("4294967296", "\"4294967296\" is out of range"),
            ("1E", "\"1E\" is out of range"),
            ("1e999999999999", "\"1e999999999999\" is out of range"),
            ("123456789012345678901234567890123456789", ""),
        ] {
            let error = gpu_count(text).expect_err(text).to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
        for text in [
            "abc", "", " 1", "1 ", "-", ".", "1..2", "1.2.3", "1e", "1ki", "1K", "1Gi2", "١", "--1",
        ] {
            let error = gpu_count(text).expect_err(text);
            assert!(matches!(error, QuantityError::Malformed(_)), "{text}: {error}");
            assert!(error.to_string().starts_with(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn long_or_hostile_values_are_shown_short_and_escaped() {
        let error = gpu_count(&"x".repeat(1_000_000)).expect_err("not a number").to_string();
        assert!(error.len() < 200, "{}", error.len());
        let error = gpu_count("1\u{1b}[31m").expect_err("not a number").to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn cpu() {
        for (text, want) in [
            ("1", 1_000),
            ("100m", 100),
            ("1.5", 1_500),
            (".5", 500),
            ("1e3", 1_000_000),
            // 0.1 millicores: rounded up, as `Quantity.MilliValue` does.
            ("100u", 1),
            ("1n", 1),
            ("0.0001", 1),
            ("2k", 2_000_000),
        ] {
            assert_eq!(millicores(text), Ok(want), "{text}");
        }
        assert!(matches!(millicores("-100m"), Err(QuantityError::Negative(_))));
    }

    #[test]
    fn amounts() {
        for (text, want) in [
            ("80Gi", 85_899_345_920.0),
            ("40192Mi", 42_144_366_592.0),
            ("1", 1.0),
            ("0", 0.0),
            ("500m", 0.5),
            ("0.1", 0.1),
            ("1.5Ki", 1_536.0),
            ("100n", 1e-7),
            ("1e-9999999999", 0.0),
            ("7Ei", 8_070_450_532_247_928_832.0),
        ] {
            let got = amount(text).expect(text);
            assert!(got.to_bits() == f64::to_bits(want), "{text}: {got}");
        }
        assert!(matches!(amount("-1"), Err(QuantityError::Negative(_))));
        assert!(matches!(amount("1e999"), Err(QuantityError::OutOfRange(_))));
        assert!(amount("much").expect_err("no number").to_string().starts_with("\"much\""));
    }

    #[test]
    fn memory() {
        for (text, want) in [
            ("64Gi", 68_719_476_736),
            ("1.5Gi", 1_610_612_736),
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("129M", 129_000_000),
            // What the API server prints for 0.1 GiB: 107374182400 milli-bytes.
            ("107374182400m", 107_374_183),
            ("1E", 1_000_000_000_000_000_000),
            ("7Ei", 8_070_450_532_247_928_832),
        ] {
            assert_eq!(bytes(text), Ok(want), "{text}");
        }
        // 8 Ei is 2^63: one more than an i64 holds.
        assert!(matches!(bytes("8Ei"), Err(QuantityError::OutOfRange(_))));
        assert!(matches!(bytes("10E"), Err(QuantityError::OutOfRange(_))));
    }
}
