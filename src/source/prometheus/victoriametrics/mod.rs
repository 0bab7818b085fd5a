//! VictoriaMetrics' export: raw samples as lines of JSON, one for each stored block of a series, for a fifth of
//! the server's work that the query API makes of them, and none of its memory.
//!
//! ```text
//! reader ──► request (selector, time)
//!    └─────► stream ──► lines ──► scan (the usual form), parse (any)
//! probe ───► whether the server offers it
//! ```
//!
//! Single-node VictoriaMetrics serves it below its address, a cluster below `/select/<tenant>/prometheus`. Not
//! here: expressions, which the query API evaluates, and the native format, which is not promised to stay.

mod lines;
pub(super) mod parse;
mod reader;
mod request;

pub use reader::ExportReader;
pub(super) use reader::probe;
