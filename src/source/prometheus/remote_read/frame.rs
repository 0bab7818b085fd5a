//! The frames of a streamed answer: length (varint), CRC-32C of the body (four bytes, big-endian), body.
//!
//! There is no end marker: a stream is whole when its last frame is and when HTTP says so.

/// Most bytes of one frame's body. Servers cut at about 1 MiB; a frame is held in memory whole.
pub(super) const MAX_FRAME_BYTES: usize = 32 << 20;
/// Most bytes of a length: 2^35 is above every limit.
const MAX_LENGTH_BYTES: usize = 5;
const CHECKSUM_BYTES: usize = 4;

/// A stream that is not one of frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// A frame longer than is taken, or no frame at all.
    #[error("a frame claims {0} bytes; up to {MAX_FRAME_BYTES} are taken")]
    TooLong(u64),
    /// The bytes end before the frame.
    #[error("it ends in the middle of a frame")]
    Cut,
    /// The checksum is not that of the body.
    #[error("a frame's checksum is wrong")]
    Checksum,
}

/// Length of the complete frames at the start of `bytes`, and why what follows them is not another one, if
/// that shows already.
pub(super) fn complete(bytes: &[u8]) -> (usize, Option<FrameError>) {
    let mut end = 0;
    loop {
        match header(&bytes[end..]) {
            Ok(Some((head, body))) if end + head + CHECKSUM_BYTES + body <= bytes.len() => {
                end += head + CHECKSUM_BYTES + body;
            }
            Ok(_) => return (end, None),
            Err(error) => return (end, Some(error)),
        }
    }
}

/// Takes the first of complete `frames`, and gives its body, checked.
pub(super) fn next<'a>(frames: &mut &'a [u8]) -> Result<&'a [u8], FrameError> {
    let (head, length) = header(frames)?.ok_or(FrameError::Cut)?;
    let (frame, rest) =
        frames.split_at_checked(head + CHECKSUM_BYTES + length).ok_or(FrameError::Cut)?;
    let (head, body) = frame.split_at(head + CHECKSUM_BYTES);
    let wanted = head.last_chunk().map_or(0, |wanted| u32::from_be_bytes(*wanted));
    *frames = rest;
    if crc32c::crc32c(body) == wanted { Ok(body) } else { Err(FrameError::Checksum) }
}

/// Bytes that the length takes, and the length; `None` when it has not come yet.
fn header(bytes: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    let mut length = 0_u64;
    for (index, byte) in bytes.iter().take(MAX_LENGTH_BYTES).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let fits = usize::try_from(length).ok().filter(|l| *l <= MAX_FRAME_BYTES);
            return fits.map(|l| Some((index + 1, l))).ok_or(FrameError::TooLong(length));
        }
    }
    if bytes.len() < MAX_LENGTH_BYTES { Ok(None) } else { Err(FrameError::TooLong(length)) }
}

#[cfg(test)]
mod tests;
