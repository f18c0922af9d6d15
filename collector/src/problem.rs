//! What a refused request is told: problem details (RFC 9457) with a stable type and no user data.

mod kind;
mod words;

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub use kind::Kind;

/// One refusal: what kind, and where in the body.
///
/// # Privacy
/// Holds numbers of the plan and a place in the body, never a byte of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of refusal it is.
    pub kind: Kind,
    /// The position of the first report refused, 0 for the first of the body.
    pub index: Option<usize>,
    /// What the plan expects instead: bytes of a report, or cells in an answer.
    pub expected: Option<usize>,
    /// After how many seconds it is to be tried again.
    pub after: Option<u64>,
}

impl Problem {
    /// Returns what kind of refusal it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// Names the report of the body that was refused.
    #[must_use]
    pub fn at(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }

    /// Says after how long it is to be tried again, in whole seconds.
    #[must_use]
    pub fn again_after(self, wait: Duration) -> Self {
        Self { after: Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)), ..self }
    }

    /// Names what the plan expects.
    #[must_use]
    pub fn expecting(self, expected: usize) -> Self {
        Self { expected: Some(expected), ..self }
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        let after = (kind.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        Self { kind, index: None, expected: None, after }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = self.kind;
        let mut body = json!({
            "type": format!("/problems/{}", kind.slug()), "title": kind.title(),
            "status": kind.status().as_u16(), "detail": kind.advice(),
        });
        if let Some(index) = self.index {
            body["index"] = index.into();
        }
        if let Some(expected) = self.expected {
            body["expected"] = expected.into();
        }
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let headers: [(HeaderName, HeaderValue); 2] =
            [json, (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        let mut response = (kind.status(), headers, body.to_string()).into_response();
        if let Some(after) = self.after {
            response.headers_mut().insert(header::RETRY_AFTER, after.into());
        }
        // The counter beside the router reads it; it is not sent.
        response.extensions_mut().insert(kind);
        response
    }
}
