//! The request for raw samples.

use super::super::requests::seconds;
use super::super::transport::{ApiRequest, StreamRequest};
use crate::units::Millis;

/// The samples of `selector` in `[start, end)`. Both ends are included there, and the last one is left to the
/// reader to cut: a request for one instant alone would be taken for one without an end.
pub(super) fn export(selector: &str, start: Millis, end: Millis) -> StreamRequest {
    let params = [
        ("match[]", selector.to_owned()),
        ("start", seconds(start)),
        ("end", seconds(end)),
        // Blocks as they are stored: the server holds none back to put the series together.
        ("reduce_mem_usage", "1".to_owned()),
    ];
    StreamRequest {
        request: ApiRequest {
            path: "/api/v1/export".to_owned(),
            params: params.map(|(name, value)| (name.to_owned(), value)).into(),
        },
        // Compressing takes the server longer than sending; and the end of a compressed answer of known
        // length is not announced any more once it is decompressed.
        headers: vec![("accept-encoding", "identity")],
        body: None,
    }
}
