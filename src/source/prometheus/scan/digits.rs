//! Digits in a text, eight at a time.

/// Most digits of a number that an `f64` holds exactly.
pub(super) const MAX_EXACT_DIGITS: usize = 15;

/// Powers of ten as whole numbers.
pub(super) const POWERS_U64: [u64; MAX_EXACT_DIGITS + 1] = {
    let mut powers = [1; MAX_EXACT_DIGITS + 1];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// Powers of ten that an `f64` holds exactly, so that one division rounds once.
pub(super) const POWERS: [f64; MAX_EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A byte in all eight places.
const fn eight_of(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The number that eight bytes spell, if all of them are digits: pairs, then fours, then eight at once.
#[inline]
pub(super) fn eight(bytes: [u8; 8]) -> Option<u64> {
    spelled(u64::from_le_bytes(bytes))
}

/// The same, the first byte in the lowest.
#[inline]
fn spelled(bytes: u64) -> Option<u64> {
    let fours = fours(bytes)?;
    Some((fours & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) + 1) >> 32)
}

/// Two numbers of four digits each: the first in the lower half, the second in the upper, each in its lowest 16 bits.
#[inline]
fn fours(bytes: u64) -> Option<u64> {
    const HIGH: u64 = eight_of(0xf0);
    let carried = bytes.wrapping_add(eight_of(6));
    if (bytes & HIGH) | ((carried & HIGH) >> 4) != eight_of(0x33) {
        return None;
    }
    let pairs = (bytes & eight_of(0x0f)).wrapping_mul((10 << 8) + 1) >> 8;
    Some((pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul((100 << 16) + 1) >> 16)
}

/// A word whose lowest bit lies in the lowest byte of `word` that is `byte`; what lies above it has no meaning.
#[inline]
const fn places(word: u64, byte: u8) -> u64 {
    let zero_there = word ^ eight_of(byte);
    zero_there.wrapping_sub(eight_of(1)) & !zero_there & eight_of(0x80)
}

/// Where the first `byte` is.
pub(super) fn position(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    let in_word = |word: &[u8; 8]| places(u64::from_le_bytes(*word), byte);
    match words.iter().position(|word| in_word(word) != 0) {
        Some(at) => Some(8 * at + in_word(&words[at]).trailing_zeros() as usize / 8),
        None => rest.iter().position(|b| *b == byte).map(|at| 8 * words.len() + at),
    }
}

/// The number that one to seven digits spell behind which there is one of `ends`, and how many they are.
///
/// There is no branch on how many: of whole percents that would be a guess each time.
#[inline]
pub(super) fn up_to(bytes: [u8; 8], ends: [u8; 2]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(bytes);
    let [a, b] = ends.map(|end| places(word, end));
    let bits = 8 * ((a | b).trailing_zeros() / 8);
    if bits == 0 || bits == 64 {
        return None;
    }
    let number = spelled(word << (64 - bits) | eight_of(b'0') >> bits)?;
    Some((number, bits as usize / 8))
}

/// An instant as it stands in a matrix, `[1795132800.057,`, in milliseconds; `None` for one that is written in
/// another way.
#[inline]
pub(super) fn usual_instant(text: [u8; 16]) -> Option<u64> {
    let [first, second]: [[u8; 8]; 2] = [text.first_chunk().copied()?, text.last_chunk().copied()?];
    if text[1] == b'0' {
        return None;
    }
    // What stands between the digits is made a zero, and is none when it was anything else.
    let seven = spelled(u64::from_le_bytes(first) ^ u64::from(b'[' ^ b'0'))?;
    let point_and_comma = u64::from(b'.' ^ b'0') << 24 | u64::from(b',' ^ b'0') << 56;
    // Three digits and a zero each.
    let six = fours(u64::from_le_bytes(second) ^ point_and_comma)?;
    let (seconds, part) = (six & 0xffff, six >> 32 & 0xffff);
    (text[0] == b'[' && text[11] == b'.' && text[15] == b',')
        .then(|| seven * 1_000_000 + (seconds * 1_000 + part) / 10)
}

/// A value as it stands in a matrix, `"12"` or `"0.125"`, of up to seven digits, and how many bytes it takes.
#[inline]
pub(super) fn usual_value(text: &[u8; 12]) -> Option<(f64, usize)> {
    let is_part = text[1..3] == *b"0.";
    let behind = if is_part { 3 } else { 1 };
    let (number, digits) = up_to(*text[behind..].first_chunk()?, [b'"'; 2])?;
    #[expect(clippy::cast_precision_loss, reason = "at most seven digits")]
    let number = number as f64;
    let value = if is_part { number / POWERS[digits] } else { number };
    (text[0] == b'"').then_some((value, behind + digits + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_digits_and_nothing_else() {
        assert_eq!(eight(*b"01234567"), Some(1_234_567));
        assert_eq!(eight(*b"99999999"), Some(99_999_999));
        for at in 0..8 {
            for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
                let mut text = *b"12345678";
                text[at] = byte;
                assert_eq!(eight(text), None, "{text:?}");
            }
        }
    }

    #[test]
    fn digits_up_to_an_end() {
        let ends = [b',', b']'];
        assert_eq!(up_to(*b"7,12345]", ends), Some((7, 1)));
        assert_eq!(up_to(*b"100],,,,", ends), Some((100, 3)));
        assert_eq!(up_to(*b"0123456,", ends), Some((123_456, 7)));
        for text in [b"12345678", b",1234567", b"1.5,1234", b"-1,12345", b"1+,12345", b"1 ],,,,,"] {
            assert_eq!(up_to(*text, ends), None, "{text:?}");
        }
        // What is not an end stops it, whatever the end is.
        for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_digit() && !ends.contains(byte)) {
            assert_eq!(up_to([b'1', byte, b'2', b',', b'3', b'4', b'5', b'6'], ends), None);
        }
    }

    #[test]
    fn the_first_of_a_byte() {
        let text = b"0123456789],\"timestamps\":[1,2]]";
        for start in 0..text.len() {
            for byte in [b']', b'9', b'x', b'\\', b'^'] {
                let wanted = text[start..].iter().position(|b| *b == byte);
                assert_eq!(position(&text[start..], byte), wanted);
            }
        }
    }

    #[test]
    fn instants_as_they_usually_are() {
        assert_eq!(usual_instant(*b"[1795132800.057,"), Some(1_795_132_800_057));
        assert_eq!(usual_instant(*b"[9999999999.999,"), Some(9_999_999_999_999));
        for at in 0..16 {
            for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
                let mut text = *b"[1795132800.057,";
                if text[at] != byte {
                    text[at] = byte;
                    assert_eq!(usual_instant(text), None, "{text:?}");
                }
            }
        }
        // Ten digits do not begin with a zero, and what is no digit is not one.
        for text in
            [b"[0795132800.057,", b"01795132800.057,", b"[17951328000057,", b"[1795132800.0570"]
        {
            assert_eq!(usual_instant(*text), None, "{text:?}");
        }
    }
}
