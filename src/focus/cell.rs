//! Values of rows: text, and decimals that are whole numbers of small units.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, an instant or a JSON object.
    Text,
    /// A decimal number.
    Decimal,
}

/// A value; numbers are whole numbers of `10^-digits`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Not known, or not applicable.
    Null,
    /// Text.
    Text(String),
    /// A decimal number.
    Decimal {
        /// How many units.
        units: i128,
        /// Digits after the point.
        digits: u32,
    },
}

impl Cell {
    /// As it stands in a text file; `None` where nothing is known.
    #[must_use]
    pub fn written(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.clone()),
            Self::Decimal { units, digits } => Some(decimal(*units, *digits)),
        }
    }
}

/// A whole number of `10^-digits` with its point.
pub(super) fn decimal(units: i128, digits: u32) -> String {
    let one = 10_i128.pow(digits);
    let sign = if units < 0 { "-" } else { "" };
    let (whole, part) = (units.abs() / one, units.abs() % one);
    let width = usize::try_from(digits).unwrap_or(0);
    format!("{sign}{whole}.{part:0width$}")
}

pub(super) fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

pub(super) fn maybe(value: Option<&str>) -> Cell {
    value.map_or(Cell::Null, text)
}

pub(super) fn named(value: Option<&str>) -> Cell {
    maybe(value.filter(|name| !name.is_empty()))
}

pub(super) fn number(units: i64, digits: u32) -> Cell {
    Cell::Decimal { units: i128::from(units), digits }
}

/// A ratio, to a millionth.
#[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
pub(super) fn ratio(value: f64) -> Cell {
    number((value * 1e6).round() as i64, 6)
}
