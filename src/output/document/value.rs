//! Figures of one column, turned into text together: a column has one number of decimals.

use super::super::format;

/// One cell before it is text. `None` is a figure that is not known; [`Value::Blank`] one that
/// makes no sense there (the percentile of a total).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Blank,
    Text(String),
    Count(u64),
    /// GPUs, parts of GPUs as parts.
    Gpus(f64),
    Hours(Option<f64>),
    Money(Option<f64>),
    Price(Option<f64>),
    Ratio(Option<f64>),
    Bytes(Option<f64>),
    Duration(Option<f64>),
}

impl Value {
    /// An optional name: `?` where it is not known.
    pub(super) fn name(text: Option<&str>) -> Self {
        Self::Text(text.map_or_else(|| format::UNKNOWN.to_owned(), str::to_owned))
    }

    const fn figure(&self) -> Option<f64> {
        match self {
            Self::Hours(value) | Self::Money(value) => *value,
            _ => None,
        }
    }
}

/// The cells of a column as text.
pub(super) fn column(values: &[Value], currency: &str) -> Vec<String> {
    let largest = values.iter().filter_map(Value::figure).map(f64::abs).fold(0.0, f64::max);
    let hours_digits = format::hours_digits(largest);
    let money_digits = format::money_digits(largest, currency);
    values
        .iter()
        .map(|value| match value {
            Value::Blank => String::new(),
            Value::Text(text) => text.clone(),
            Value::Count(value) => format::count(*value),
            Value::Gpus(value) => format::gpus(*value),
            Value::Hours(value) => format::hours(*value, hours_digits),
            Value::Money(value) => format::money(*value, currency, money_digits),
            Value::Price(value) => format::price(*value, currency),
            Value::Ratio(value) => format::percent(*value),
            Value::Bytes(value) => format::bytes(*value),
            Value::Duration(value) => format::duration(*value),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_one_number_of_decimals() {
        let money = [Value::Money(Some(12_345.0)), Value::Money(Some(0.2)), Value::Money(None)];
        assert_eq!(column(&money, "USD"), ["$12,345", "<$1", "?"]);
        let hours = [Value::Hours(Some(1.0)), Value::Blank, Value::Hours(Some(f64::NAN))];
        assert_eq!(column(&hours, "USD"), ["1.0", "", "?"]);
    }
}
