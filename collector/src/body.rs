//! The body of a request: read within a time and a length, or refused in a way its sender hears.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;

use crate::problem::{Kind, Problem};

/// A body that takes longer is refused: 4096 reports are 500 kB, and a slow sender holds a connection.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How much of a refused body is read and thrown away.
const MAX_DISCARD: usize = 1 << 20;

/// Reads a body that may be refused already, and says why it is.
pub(crate) async fn read_bytes(
    request: Request,
    limit: usize,
    refused: Option<Problem>,
) -> Result<Vec<u8>, Problem> {
    let (head, body) = request.into_parts();
    let refused = refused.or_else(|| check_length(&head.headers, limit).err());
    match refused {
        // The sender waits for our word before it sends.
        Some(problem) if head.headers.contains_key(header::EXPECT) => Err(problem),
        _ => tokio::time::timeout(BODY_TIME, read_frames(body, limit, refused))
            .await
            .unwrap_or_else(|_| Err(refused.unwrap_or_else(|| Kind::SlowBody.into()))),
    }
}

fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match announced.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > limit as u64 => Err(Kind::BodyTooLarge.into()),
        _ => Ok(()),
    }
}

/// Reads on for a while when the body is refused, and throws it away: a sender that is cut off while it sends
/// never hears the answer.
async fn read_frames(mut body: Body, limit: usize, mut refused: Option<Problem>) -> Result<Vec<u8>, Problem> {
    let (mut bytes, mut total) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(refused.unwrap_or_else(|| Kind::CutBody.into())) };
        let Some(data) = frame.data_ref() else { continue };
        total += data.len();
        if total > limit {
            refused = refused.or_else(|| Some(Kind::BodyTooLarge.into()));
            bytes = Vec::new();
        }
        match refused {
            Some(problem) if total > limit + MAX_DISCARD => return Err(problem),
            Some(_) => {}
            None => bytes.extend_from_slice(data),
        }
    }
    refused.map_or(Ok(bytes), Err)
}
