//! Protobuf as bytes: the few forms that remote read and remote write are made of.

/// Seven bits a byte, lowest first.
pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A string, bytes or a message.
pub(crate) fn bytes(tag: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(tag << 3 | 2, out);
    varint(value.len() as u64, out);
    out.extend(value);
}

/// A whole number.
pub(crate) fn number(tag: u64, value: u64, out: &mut Vec<u8>) {
    varint(tag << 3, out);
    varint(value, out);
}

/// A floating-point number.
pub(crate) fn double(tag: u64, value: f64, out: &mut Vec<u8>) {
    varint(tag << 3 | 1, out);
    out.extend(value.to_le_bytes());
}

/// Labels as field 1 of a series.
pub(crate) fn labels(labels: &[(&str, String)], out: &mut Vec<u8>) {
    let mut label = Vec::new();
    for (name, value) in labels {
        label.clear();
        bytes(1, name.as_bytes(), &mut label);
        bytes(2, value.as_bytes(), &mut label);
        bytes(1, &label, out);
    }
}
