//! Cluster objects as JSON: from files, and decoded into facts.
//!
//! Listing them from a live API server is `source::kubernetes`; both give [`RawObjects`], and both
//! are decoded by the same pure function, so a dump of a cluster reads like the cluster.

pub mod decode;
pub(in crate::source) mod document;
pub(in crate::source) mod file;
#[cfg(test)]
mod fuzz;
mod items;
pub(in crate::source) mod path;
pub mod raw;
mod sanitise;

pub use decode::decode;
pub(crate) use items::unpack;
pub use path::{MAX_FILE_BYTES, ObjectsPathError, read_path, read_path_with_limit};
pub use raw::{RawObject, RawObjects};
pub use sanitise::sanitised;

/// Longest stretch of somebody else's text that a problem quotes.
const QUOTED_CHARS: usize = 200;

/// Text from a parser or a server, fit for one line of a problem: control characters become
/// spaces, runs of blanks one, and what is too long is cut.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
