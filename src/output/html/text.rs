//! Text in a page.

use crate::output::text::visible;

/// Text that is text in elements and in quoted attributes; control characters are made visible.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A state's name for people.
pub(super) fn state_name(state: &str) -> String {
    state.replace('_', " ")
}
