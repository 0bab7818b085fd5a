//! Untrusted text made safe to show, and fitted into columns.
//!
//! Label values come from the cluster: they may hold escape sequences, line breaks, characters
//! that reorder or hide what follows. Nothing here knows about figures.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands for the part of a name that was cut.
const ELLIPSIS: &str = "…";

/// The text with every character that controls rather than shows replaced by something visible:
/// C0 by their control pictures (`␛`), others by their code point (`\u{202e}`).
#[must_use]
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{0}'..='\u{1f}' => {
                out.extend(char::from_u32(0x2400 + u32::from(c)));
            }
            '\u{7f}' => out.push('␡'),
            c if is_invisible(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Whether a character hides, reorders or takes no room on its own.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'          // C1 controls
        | '\u{ad}'                   // soft hyphen
        | '\u{34f}'                  // grapheme joiner
        | '\u{61c}'                  // Arabic letter mark
        | '\u{115f}' | '\u{1160}'    // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'    // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'    // Mongolian selectors
        | '\u{200b}'..='\u{200f}'    // zero width, direction marks
        | '\u{2028}'..='\u{202e}'    // line and paragraph separators, bidi overrides
        | '\u{2060}'..='\u{206f}'    // word joiner, bidi isolates, deprecated controls
        | '\u{3164}' | '\u{ffa0}'    // Hangul fillers
        | '\u{fe00}'..='\u{fe0f}'    // variation selectors: they change the width of the rest
        | '\u{feff}'                 // byte order mark
        | '\u{fff0}'..='\u{fffb}'    // unassigned, interlinear annotations
        | '\u{1d173}'..='\u{1d17a}'  // musical controls
        | '\u{e0000}'..='\u{e0fff}'  // tags, more selectors
    )
}

/// Columns that a terminal needs for `text`; never less than it really takes.
#[must_use]
pub(super) fn width(text: &str) -> usize {
    // The width of a string differs from the sum over its characters where they join; terminals
    // disagree about those, so the larger counts.
    text.width().max(text.chars().map(char_width).sum())
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// `text` cut in the middle to at most `limit` columns: both ends of a name tell it apart.
#[must_use]
pub(super) fn shortened(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(width(ELLIPSIS));
    let head = prefix(text.chars(), room.div_ceil(2));
    let tail: String = prefix(text.chars().rev(), room / 2).chars().rev().collect();
    format!("{head}{ELLIPSIS}{tail}")
}

/// The first characters that fit into `limit` columns.
fn prefix(chars: impl Iterator<Item = char>, limit: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += char_width(*c);
            used <= limit
        })
        .collect()
}

/// `text` as lines of at most `limit` columns, broken at spaces; longer words are broken anywhere.
#[must_use]
pub(super) fn wrapped(text: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut rest = word;
        if !line.is_empty() && width(&line) + 1 + width(rest) <= limit {
            line.push(' ');
            line.push_str(rest);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while width(rest) > limit {
            let head = prefix(rest.chars(), limit);
            if head.is_empty() {
                break;
            }
            rest = &rest[head.len()..];
            lines.push(head);
        }
        line.push_str(rest);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn controls_become_visible() {
        for (given, shown) in [
            ("\u{1b}[31mred\u{1b}[0m", "␛[31mred␛[0m"),
            ("a\nb\r\tc\0", "a␊b␍␉c␀"),
            ("\u{7f}", "␡"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\u{202e}gpj.exe", "a\\u{202e}gpj.exe"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("line\u{2028}break", "line\\u{2028}break"),
            ("Zürich 東京 é", "Zürich 東京 é"),
        ] {
            assert_eq!(visible(given), shown);
        }
    }

    #[test]
    fn names_are_cut_in_the_middle() {
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("very-long-name-7f9c", 9), "very…7f9c");
        assert_eq!(shortened("very-long-name-7f9c", 10), "very-…7f9c");
        // Each of these takes two columns: 2 + 1 + 2 fit into 6.
        assert_eq!(shortened("東京大阪名古屋", 6), "東…屋");
        assert_eq!(shortened("abc", 1), "…");
    }

    #[test]
    fn words_wrap() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("", 10), Vec::<String>::new());
    }

    proptest! {
        #![proptest_config(crate::mutation::fixed(256))]
        #[test]
        fn nothing_is_wider_than_asked(text in "\\PC{0,60}|.{0,60}", limit in 2_usize..50) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(width(&shortened(&shown, limit)) <= limit);
            for line in wrapped(&shown, limit) {
                prop_assert!(width(&line) <= limit, "{line:?}");
            }
        }
    }
}
