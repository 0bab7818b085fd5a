//! The only place where numbers become text for people.
//!
//! What is not known is [`UNKNOWN`], never 0; a number that is not 0 never reads as 0
//! (`<0.1`); NaN, infinities and −0 are never printed. JSON, CSV and Parquet carry numbers as
//! they are and do not pass through here.

/// What stands for a figure that is not known.
pub const UNKNOWN: &str = "?";

/// From here on digits say nothing any more; powers of ten keep columns narrow.
const TOO_LONG: f64 = 1e15;

/// `value` with thousands separators and `digits` decimals: `12,345.6`, `-3`, `<0.1`, `?`.
#[must_use]
pub fn decimal(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    if value == 0.0 {
        return format!("{:.digits$}", 0.0);
    }
    let size = value.abs();
    if size >= TOO_LONG {
        return format!("{value:.1e}");
    }
    let text = format!("{size:.digits$}");
    if text.bytes().all(|b| matches!(b, b'0' | b'.')) {
        return below(value, digits);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", grouped(&text))
}

/// A figure that would read as 0 and is not.
fn below(value: f64, digits: usize) -> String {
    let smallest = match digits {
        0 => "1".to_owned(),
        _ => format!("0.{}1", "0".repeat(digits - 1)),
    };
    if value < 0.0 { format!(">-{smallest}") } else { format!("<{smallest}") }
}

/// Commas between thousands of a plain decimal number without a sign.
fn grouped(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let mut out = String::with_capacity(text.len() + text.len() / 3);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A whole number with thousands separators.
#[must_use]
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// `1 GPU`, `24 GPUs`: a count with its noun.
#[must_use]
pub fn plural(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// Decimals that suit a column of hours whose largest is `largest`.
#[must_use]
pub fn hours_digits(largest: f64) -> usize {
    if largest >= 100_000.0 { 0 } else { 1 }
}

/// Hours with `digits` decimals, without a unit.
#[must_use]
pub fn hours(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |hours| decimal(hours, digits))
}

/// Hours standing alone, without a unit.
#[must_use]
pub fn hours_alone(value: f64) -> String {
    decimal(value, hours_digits(value.abs()))
}

/// A share of 0..1 as percent: `31.2%`. Only a whole is `100.0%`, only nothing is `0.0%`.
#[must_use]
pub fn percent(ratio: Option<f64>) -> String {
    match ratio {
        None => UNKNOWN.to_owned(),
        Some(ratio) if !ratio.is_finite() => UNKNOWN.to_owned(),
        Some(ratio) if (0.9995..1.0).contains(&ratio) => ">99.9%".to_owned(),
        Some(ratio) => format!("{}%", decimal(ratio * 100.0, 1)),
    }
}

/// Bytes in the largest binary unit that keeps at least one digit before the point: `12.4 GiB`.
#[must_use]
pub fn bytes(value: Option<f64>) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let Some(value) = value.filter(|v| v.is_finite() && *v >= 0.0) else {
        return UNKNOWN.to_owned();
    };
    let mut scaled = value;
    let mut unit = 0;
    // 1023.95 and more would print as 1,024.0.
    while scaled >= 1023.95 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    format!("{} {}", decimal(scaled, digits), UNITS[unit])
}

/// A length of time in its two largest units: `6h 12m`, `3d 4h`, `45s`.
#[must_use]
pub fn duration(seconds: Option<f64>) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let Some(seconds) = seconds.filter(|s| s.is_finite() && (0.0..TOO_LONG).contains(s)) else {
        return UNKNOWN.to_owned();
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0..1e15, checked on the line above"
    )]
    let whole = seconds.round() as u64;
    if whole == 0 {
        return if seconds > 0.0 { "<1s".to_owned() } else { "0s".to_owned() };
    }
    let first = UNITS.iter().position(|(size, _)| whole >= *size).unwrap_or(UNITS.len() - 1);
    let (size, name) = UNITS[first];
    let head = format!("{}{name}", count(whole / size));
    match UNITS.get(first + 1) {
        Some((next, next_name)) if whole % size / next > 0 => {
            format!("{head} {}{next_name}", whole % size / next)
        }
        _ => head,
    }
}

/// How a currency is written before an amount: `$`, `€`, or its code with a space.
fn currency_mark(code: &str) -> String {
    match code {
        "USD" => "$".to_owned(),
        "EUR" => "€".to_owned(),
        "GBP" => "£".to_owned(),
        "JPY" => "¥".to_owned(),
        "INR" => "₹".to_owned(),
        other => format!("{other} "),
    }
}

/// Decimals of the smaller unit of a currency.
fn minor_digits(code: &str) -> usize {
    match code {
        "JPY" | "KRW" | "VND" | "CLP" | "ISK" => 0,
        _ => 2,
    }
}

/// Decimals that suit a column of money whose largest amount is `largest`.
#[must_use]
pub fn money_digits(largest: f64, currency: &str) -> usize {
    if largest >= 10_000.0 { 0 } else { minor_digits(currency) }
}

/// Money with `digits` decimals: `$1,234.50`, `-$3.00`, `<$1`, `CHF 12.00`.
#[must_use]
pub fn money(value: Option<f64>, currency: &str, digits: usize) -> String {
    let Some(value) = value.filter(|v| v.is_finite()) else {
        return UNKNOWN.to_owned();
    };
    let number = decimal(value, digits);
    let split = number.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    let (sign, amount) = number.split_at(split);
    format!("{sign}{}{amount}", currency_mark(currency))
}

/// Money standing alone, with the digits that suit its size.
#[must_use]
pub fn money_alone(value: Option<f64>, currency: &str) -> String {
    money(value, currency, money_digits(value.map_or(0.0, f64::abs), currency))
}

/// The price of an hour: at least the currency's decimals, up to four.
#[must_use]
pub fn price(value: Option<f64>, currency: &str) -> String {
    let shortest = minor_digits(currency);
    let exact_enough = |digits: usize| {
        value.is_none_or(|v| {
            let scale = [1.0, 10.0, 100.0, 1_000.0, 10_000.0][digits];
            ((v * scale).round() / scale - v).abs() < 5e-7
        })
    };
    let digits = (shortest..=4).find(|digits| exact_enough(*digits)).unwrap_or(4);
    money(value, currency, digits)
}

/// GPUs: whole ones as whole numbers, others with up to two decimals.
pub(super) fn gpus(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for (value, digits, text) in [
            (0.0, 1, "0.0"),
            (-0.0, 2, "0.00"),
            (0.04, 1, "<0.1"),
            (-0.04, 1, ">-0.1"),
            (0.4, 0, "<1"),
            (0.05, 1, "0.1"),
            (999.95, 1, "1,000.0"),
            (1_234_567.891, 2, "1,234,567.89"),
            (-12_345.0, 0, "-12,345"),
            (100.0, 0, "100"),
            (f64::NAN, 1, "?"),
            (f64::INFINITY, 1, "?"),
            (f64::NEG_INFINITY, 1, "?"),
            (1e300, 1, "1.0e300"),
        ] {
            assert_eq!(decimal(value, digits), text, "{value}");
        }
    }

    #[test]
    fn percents_never_round_to_a_limit() {
        for (ratio, text) in [
            (Some(0.0), "0.0%"),
            (Some(0.0003), "<0.1%"),
            (Some(0.0693), "6.9%"),
            (Some(0.9994), "99.9%"),
            (Some(0.9996), ">99.9%"),
            (Some(1.0), "100.0%"),
            (Some(1.2), "120.0%"),
            (Some(f64::NAN), "?"),
            (None, "?"),
        ] {
            assert_eq!(percent(ratio), text, "{ratio:?}");
        }
    }

    #[test]
    fn money_by_currency_and_size() {
        for (value, currency, text) in [
            (Some(6_428.0), "USD", "$6,428.00"),
            (Some(12_345.678), "USD", "$12,346"),
            (Some(0.004), "USD", "<$0.01"),
            (Some(-1.5), "EUR", "-€1.50"),
            (Some(0.0), "GBP", "£0.00"),
            (Some(-0.0), "GBP", "£0.00"),
            (Some(123.4), "JPY", "¥123"),
            (Some(5.0), "CHF", "CHF 5.00"),
            (Some(f64::NAN), "USD", "?"),
            (None, "USD", "?"),
        ] {
            assert_eq!(money_alone(value, currency), text, "{value:?}");
        }
    }

    #[test]
    fn prices_keep_what_they_say() {
        for (value, text) in
            [(2.5, "$2.50"), (0.526, "$0.526"), (4.10125, "$4.1013"), (3.0, "$3.00")]
        {
            assert_eq!(price(Some(value), "USD"), text);
        }
        assert_eq!(price(None, "USD"), "?");
    }

    #[test]
    fn byte_units() {
        for (value, text) in [
            (Some(0.0), "0 B"),
            (Some(1023.0), "1,023 B"),
            (Some(1_048_575.0), "1.0 MiB"),
            (Some(13_314_398_617.6), "12.4 GiB"),
            (Some(-1.0), "?"),
            (Some(f64::NAN), "?"),
            (None, "?"),
        ] {
            assert_eq!(bytes(value), text, "{value:?}");
        }
    }

    #[test]
    fn durations() {
        for (seconds, text) in [
            (Some(0.0), "0s"),
            (Some(0.2), "<1s"),
            (Some(45.4), "45s"),
            (Some(60.0), "1m"),
            (Some(750.0), "12m 30s"),
            (Some(22_320.0), "6h 12m"),
            (Some(86_400.0 * 3.0 + 3_600.0 * 4.0 + 59.0), "3d 4h"),
            (Some(86_400.0 * 1_200.0), "1,200d"),
            (Some(-1.0), "?"),
            (Some(f64::INFINITY), "?"),
            (None, "?"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds:?}");
        }
    }

    #[test]
    fn counts_and_plurals() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(plural(1, "GPU", "GPUs"), "1 GPU");
        assert_eq!(plural(0, "GPU", "GPUs"), "0 GPUs");
        assert_eq!(plural(2_400, "GPU", "GPUs"), "2,400 GPUs");
    }
}
