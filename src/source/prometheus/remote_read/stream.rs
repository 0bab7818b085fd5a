//! The frames of one streamed answer, into columns.

use tokio::time::Duration;

use super::super::api_error::{ApiError, cleaned};
use super::super::stream::{self, Content, broken};
use super::super::transport::StreamResponse;
use super::columns::{Columns, ContentError, Found};
use super::frame;

impl Content for Columns {
    const TYPE: &'static str = "application/x-streamed-protobuf";

    fn complete(buffer: &[u8]) -> (usize, Option<String>) {
        let (end, error) = frame::complete(buffer);
        (end, error.map(|error| error.to_string()))
    }

    fn cut(rest: &[u8]) -> ApiError {
        broken(&frame::FrameError::Cut.to_string(), rest)
    }

    fn add(&mut self, mut frames: &[u8]) -> Result<(), ApiError> {
        while !frames.is_empty() {
            let here = frames;
            let body = frame::next(&mut frames).map_err(|e| broken(&e.to_string(), here))?;
            self.add_message(body).map_err(|e| useless(&e))?;
        }
        self.spill();
        Ok(())
    }
}

/// What the answer holds, and the bytes that it took; `limit` as in [`stream::read`].
pub(super) async fn read(
    response: StreamResponse,
    limit: Duration,
    columns: Columns,
) -> Result<(Found, u64), ApiError> {
    let (columns, bytes) = stream::read(response, limit, columns).await?;
    Ok((columns.finish().map_err(|e| useless(&e))?, bytes))
}

fn useless(error: &ContentError) -> ApiError {
    ApiError::Stream(cleaned(&error.to_string()))
}

#[cfg(test)]
mod tests;
