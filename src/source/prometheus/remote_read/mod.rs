//! Remote read with streamed XOR chunks: raw samples as the server stores them, a fiftieth of the work
//! and a sixteenth of the bytes of the query API.
//!
//! ```text
//! reader ──► request (selector → matchers, snappy body)
//!    └─────► stream ──► frame (length, CRC-32C, body) ──► message ──► columns
//!               └─────► api (slots, tries)                  labels (external ones go)
//! probe ───► whether the server offers it
//! ```
//!
//! Prometheus serves this format since 2.13, Mimir and Cortex too. Not here: expressions, which only
//! the query API evaluates, the chunks themselves (`model::samples`), and what samples mean.

mod columns;
mod frame;
mod labels;
mod message;
mod probe;
mod reader;
mod request;
mod stream;
#[cfg(test)]
mod testing;

pub use probe::probe;
pub use reader::RemoteReader;
