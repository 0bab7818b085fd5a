//! A report as JSON: the contract itself, unrounded.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::OutputError;

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 16;

/// Pretty JSON that ends with a line break; what is not known is `null`.
pub(super) fn render<T: Serialize>(report: &T) -> Result<Vec<u8>, OutputError> {
    let mut text = Vec::new();
    write_into(report, &mut text)?;
    text.push(b'\n');
    Ok(text)
}

/// The same as it is made.
pub(super) fn write<T: Serialize>(report: &T, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    write_into(report, &mut out)?;
    out.write_all(b"\n")?;
    out.flush()
}

fn write_into<T: Serialize>(report: &T, out: impl Write) -> serde_json::Result<()> {
    report.serialize(&mut Serializer::with_formatter(out, Harmless(PrettyFormatter::new())))
}

/// Pretty, with two things different: the control characters that JSON lets through (DEL and C1, CSI among them)
/// are escaped, for a terminal may obey them; and zero has no sign, which is an accident of arithmetic that nobody
/// should have to wonder about.
struct Harmless(PrettyFormatter<'static>);

impl Formatter for Harmless {
    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        self.0.write_f64(writer, if value == 0.0 { 0.0 } else { value })
    }

    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // As bytes of UTF-8: one of them, or what the others begin with.
        if !fragment.bytes().any(|byte| matches!(byte, 0x7f | 0xc2)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_lenient) {
            let (plain, from) = rest.split_at(at);
            let mut chars = from.chars();
            let escaped: String = chars.next().into_iter().flat_map(hex).collect();
            write!(writer, "{plain}\\u00{escaped}")?;
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(w, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(w, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// Control characters that JSON does not ask to be escaped.
const fn is_lenient(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}')
}

/// The two digits of a character below 256.
fn hex(c: char) -> impl Iterator<Item = char> {
    let code = u32::from(c);
    [code >> 4, code & 15].into_iter().filter_map(|digit| char::from_digit(digit, 16))
}

/// −0 is an accident of arithmetic; nobody should have to wonder about it.
pub(super) fn unsigned_zeros(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() && number.as_f64() == Some(0.0) => {
            *value = Value::from(0.0);
        }
        Value::Array(values) => values.iter_mut().for_each(unsigned_zeros),
        Value::Object(fields) => fields.values_mut().for_each(unsigned_zeros),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn control_characters_are_escaped_and_come_back() {
        let dangerous = "a\u{9b}2J\u{7f}\u{e4}\n";
        let json = String::from_utf8(render(&dangerous).expect("JSON")).expect("UTF-8");
        assert_eq!(json, "\"a\\u009b2J\\u007f\u{e4}\\n\"\n");
        let text: String = serde_json::from_str(&json).expect("JSON");
        assert_eq!(text, dangerous);
    }

    #[test]
    fn what_is_written_is_pretty_and_without_negative_zero() {
        let value = json!({"a": [-0.0, 1.5, 0, null], "b": {}, "c": [], "d": {"e": "x"}});
        let mut pretty = serde_json::to_string_pretty(&value).expect("JSON").replace("-0.0", "0.0");
        pretty.push('\n');
        assert_eq!(render(&value).expect("JSON"), pretty.as_bytes());
        assert_eq!(render(&f64::NAN).expect("JSON"), b"null\n");
    }

    #[test]
    fn negative_zero_goes_away() {
        let mut value = json!({"a": [-0.0, -1.5, 0], "b": {"c": -0.0}});
        unsigned_zeros(&mut value);
        assert_eq!(value.to_string(), r#"{"a":[0.0,-1.5,0],"b":{"c":0.0}}"#);
    }
}
