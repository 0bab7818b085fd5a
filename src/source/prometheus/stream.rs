//! One streamed answer, piece by piece: whole units (frames, lines) are decoded while the next ones come. What
//! is held in memory is a batch of units and what they are decoded to, whatever the length of the answer.
//!
//! What a unit is, and what is in it, is that of a [`Content`].

use bytes::Bytes;
use futures::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, timeout_at};

use super::api_error::{ApiError, cleaned, is_web_page};
use super::transport::{ApiResponse, StreamResponse, TransportError};

/// Units are decoded when they have this many bytes together: a unit is a series, and often small.
pub(super) const BATCH_BYTES: usize = 256 * 1024;
/// Most bytes of what a server says instead of a stream.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// What must come within one time limit for the answer to be given another.
const BYTES_PER_LIMIT: usize = 1 << 20;
/// Beginning of a unit that is looked at for a text.
const TEXT_BYTES: usize = 200;

/// What a stream is made of, and where it goes.
pub(super) trait Content: Sized + Send + 'static {
    /// The type of the answer, without its parameters.
    const TYPE: &'static str;

    /// Where the complete units at the front of `buffer` end, and why what follows can be none.
    fn complete(buffer: &[u8]) -> (usize, Option<String>);

    /// What is wrong when the answer ends with `rest`, the beginning of a unit.
    fn cut(rest: &[u8]) -> ApiError;

    /// Takes complete units.
    fn add(&mut self, units: &[u8]) -> Result<(), ApiError>;
}

/// Reads the answer to its end into `content`, with the bytes that it took. `limit` is how long the server
/// may take for the first and for each further mebibyte.
pub(super) async fn read<C: Content>(
    mut response: StreamResponse,
    limit: Duration,
    content: C,
) -> Result<(C, u64), ApiError> {
    if let Some(error) = refusal(&mut response, limit, C::TYPE).await {
        return Err(error);
    }
    let mut decoding = Decoding::Idle(content, Vec::new());
    let mut buffer = Vec::new();
    let mut bytes = 0;
    let mut pace = Pace { limit, until: Instant::now() + limit, bytes: 0 };
    while let Some(piece) = pace.next(&mut response).await? {
        bytes += piece.len() as u64;
        buffer.extend_from_slice(&piece);
        if buffer.len() >= BATCH_BYTES {
            let end = whole_units::<C>(&buffer)?;
            if end > 0 {
                decoding = decoding.finished().await?.start(&mut buffer, end);
            }
        }
    }
    let end = whole_units::<C>(&buffer)?;
    decoding = decoding.finished().await?.start(&mut buffer, end);
    let Decoding::Idle(content, _) = decoding.finished().await? else {
        return Err(ApiError::Local("decoding did not end".into()));
    };
    if !buffer.is_empty() {
        return Err(C::cut(&buffer));
    }
    Ok((content, bytes))
}

/// Why the answer is none to read, if it is so.
async fn refusal(response: &mut StreamResponse, limit: Duration, wanted: &str) -> Option<ApiError> {
    let content_type = response.content_type.clone();
    let is_stream = content_type.as_deref().is_some_and(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
    });
    if response.status == 200 && is_stream {
        return (!response.has_end).then(|| {
            ApiError::NoStream("its end is not announced, so that a cut would not show".into())
        });
    }
    let text = match tokio::time::timeout(limit, text(response)).await {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Some(error.into()),
        Err(_elapsed) => return Some(ApiError::Timeout(limit)),
    };
    let (status, retry_after) = (response.status, response.retry_after);
    let answer = ApiResponse { status, content_type, retry_after, body: text };
    Some(ApiError::of_status(&answer).unwrap_or_else(|| {
        if is_web_page(&answer) {
            return ApiError::WebPage;
        }
        let kind = answer.content_type.as_deref().map_or_else(|| "no type".into(), cleaned);
        ApiError::NoStream(format!("it is of {kind}"))
    }))
}

/// The beginning of a body.
async fn text(response: &mut StreamResponse) -> Result<Vec<u8>, TransportError> {
    let mut text = Vec::new();
    while let Some(piece) = response.body.next().await {
        text.extend_from_slice(&piece?);
        if text.len() > MAX_ERROR_BYTES {
            break;
        }
    }
    Ok(text)
}

/// Where the complete units at the front of `buffer` end.
fn whole_units<C: Content>(buffer: &[u8]) -> Result<usize, ApiError> {
    let (end, error) = C::complete(buffer);
    error.map_or(Ok(end), |error| Err(broken(&error, &buffer[end..])))
}

/// A break, in the server's words if `rest` has some: it can put an error nowhere but into the stream.
pub(super) fn broken(reason: &str, rest: &[u8]) -> ApiError {
    let start = &rest[..rest.len().min(TEXT_BYTES)];
    let text = start.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let is_text = text.len() + 4 > start.len()
        && text.len() > 3
        && text.chars().all(|c| !c.is_control() || c.is_whitespace());
    ApiError::Stream(if is_text { format!("it says: {}", cleaned(text)) } else { reason.into() })
}

/// Gives an answer time as long as it comes.
struct Pace {
    limit: Duration,
    until: Instant,
    bytes: usize,
}

impl Pace {
    async fn next(&mut self, response: &mut StreamResponse) -> Result<Option<Bytes>, ApiError> {
        let piece = timeout_at(self.until, response.body.next()).await;
        let piece = piece.map_err(|_elapsed| ApiError::Timeout(self.limit))?.transpose()?;
        self.bytes += piece.as_ref().map_or(0, Bytes::len);
        if self.bytes >= BYTES_PER_LIMIT {
            self.bytes = 0;
            self.until = Instant::now() + self.limit;
        }
        Ok(piece)
    }
}

/// The content with a buffer to spare, here or away with a batch of units: decoding is not for the thread that serves
/// sockets. Two buffers take turns, so that an answer needs no more of them however long it is.
enum Decoding<C> {
    Idle(C, Vec<u8>),
    Busy(JoinHandle<Result<(C, Vec<u8>), ApiError>>),
}

impl<C: Content> Decoding<C> {
    async fn finished(self) -> Result<Self, ApiError> {
        match self {
            Self::Idle(..) => Ok(self),
            Self::Busy(task) => {
                let done = task.await.map_err(|error| {
                    ApiError::Local(format!("decoding an answer failed: {error}"))
                })?;
                done.map(|(content, spare)| Self::Idle(content, spare))
            }
        }
    }

    /// Takes the first `end` bytes of `buffer`, which are complete units.
    fn start(self, buffer: &mut Vec<u8>, end: usize) -> Self {
        match self {
            Self::Idle(mut content, mut batch) if end > 0 => {
                batch.clear();
                batch.extend_from_slice(&buffer[end..]);
                std::mem::swap(buffer, &mut batch);
                Self::Busy(tokio::task::spawn_blocking(move || {
                    content.add(&batch[..end])?;
                    Ok((content, batch))
                }))
            }
            other => other,
        }
    }
}
