//! Any text as a word of ASCII letters, digits and `_`, and back.
//!
//! prometheus-parse takes lines apart by regular expression and by splitting at `,` and `=`; the one
//! form that it cannot misread is a word. The mapping is injective: a letter or digit stands for
//! itself, `_` for `__`, any other character for its hexadecimal code point between two `_`.

use std::fmt::Write as _;

/// Appends `text` as a word.
pub(super) fn push_word(word: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '_' => word.push_str("__"),
            c if c.is_ascii_alphanumeric() => word.push(c),
            c => write!(word, "_{:x}_", u32::from(c)).expect("a String takes all that is written"),
        }
    }
}

/// The text that a word stands for; `None` for what is not one of [`push_word`]'s.
pub(super) fn text_of(word: &str) -> Option<String> {
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('_') {
        text.push_str(&rest[..at]);
        let (code, after) = rest[at + 1..].split_once('_')?;
        text.push(match code {
            "" => '_',
            code => char::from_u32(u32::from_str_radix(code, 16).ok()?)?,
        });
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> String {
        let mut word = String::new();
        push_word(&mut word, text);
        word
    }

    #[test]
    fn words_by_hand() {
        for (text, want) in [
            ("", ""),
            ("up", "up"),
            ("vllm:kv_cache", "vllm_3a_kv__cache"),
            ("a}b", "a_7d_b"),
            ("_5f_", "__5f__"),
            ("é_", "_e9___"),
            ("\u{10ffff}", "_10ffff_"),
        ] {
            assert_eq!(word(text), want);
            assert_eq!(text_of(want).as_deref(), Some(text), "{want}");
        }
    }

    #[test]
    fn what_is_not_a_word_is_refused() {
        for bad in ["_", "a_7d", "_zz_", "_110000_", "_d800_"] {
            assert_eq!(text_of(bad), None, "{bad}");
        }
    }
}
