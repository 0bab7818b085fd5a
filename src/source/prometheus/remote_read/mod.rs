//! Remote read with streamed XOR chunks: raw samples as the server stores them, a fiftieth of the work
//! and a sixteenth of the bytes of the query API. What the server would evaluate of them is evaluated here.
//!
//! ```text
//! reader ──► request (selector → matchers, snappy body)
//!    └─────► stream ──► frame (length, CRC-32C, body) ──► wire ──► columns ──► line
//!               └─────► api (slots, tries)                 series_labels, labels (external ones go)
//! probe ───► whether the server offers it
//! ```
//!
//! Prometheus serves this format since 2.13, Mimir and Cortex too. Not here: what queries make of samples
//! (`prometheus::answer`), the chunks themselves (`model::samples`), and what samples mean.

mod columns;
mod frame;
mod labels;
mod line;
mod message;
mod probe;
mod reader;
mod request;
mod series_labels;
mod stream;
#[cfg(test)]
mod testing;
mod wire;

pub use probe::probe;
pub use reader::RemoteReader;
