//! What an issuer says when it signs nothing: problem details (RFC 9457) with a stable type, and nothing of what was sent.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A kind of refusal. Its slug is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Whoever asks is not the site's backend.
    BackendNeeded,
    /// The backend does not say for whom it asks.
    VisitorNeeded,
    /// The body is of another type.
    WrongType,
    /// The body is no request for a token of type 2, or cannot be signed.
    Malformed,
    /// The request names a key that is not in use.
    UnknownTokenKey,
    /// The visitor has had as many tokens as there are for one; the next come after so many seconds.
    UsedUp(u64),
    /// Nothing can be counted or signed now.
    Unavailable,
    /// Nothing is at this path.
    NotFound,
    /// The path takes another method.
    WrongMethod,
}

impl Refusal {
    /// Every slug, in the order of the documentation; counters are in it.
    pub const SLUGS: [&'static str; 9] = [
        "backend-needed",
        "visitor-needed",
        "wrong-type",
        "malformed-request",
        "unknown-token-key",
        "tokens-used-up",
        "unavailable",
        "not-found",
        "method-not-allowed",
    ];

    /// Returns its place in [`Self::SLUGS`], its status and its sentence.
    #[must_use]
    pub fn entry(self) -> (usize, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::BackendNeeded => {
                (0, S::UNAUTHORIZED, "Only the site's backend asks here, with its secret as a bearer token.")
            }
            Self::VisitorNeeded => (
                1,
                S::BAD_REQUEST,
                "The header Keepset-Visitor says for whom a token is: a text of 1 to 256 bytes.",
            ),
            Self::WrongType => (
                2,
                S::UNSUPPORTED_MEDIA_TYPE,
                "A request for a token is of the type application/private-token-request.",
            ),
            Self::Malformed => (
                3,
                S::UNPROCESSABLE_ENTITY,
                "The body is no request for a token of type 2 that can be signed.",
            ),
            Self::UnknownTokenKey => {
                (4, S::UNPROCESSABLE_ENTITY, "The request names a key that is not in use.")
            }
            Self::UsedUp(_) => (5, S::TOO_MANY_REQUESTS, "This visitor has had the tokens of this period."),
            Self::Unavailable => (6, S::SERVICE_UNAVAILABLE, "Nothing can be signed now."),
            Self::NotFound => (7, S::NOT_FOUND, "Nothing is at this path."),
            Self::WrongMethod => (8, S::METHOD_NOT_ALLOWED, "This path takes another method."),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (place, status, title) = self.entry();
        let body = json!({"type": format!("/problems/{}", Self::SLUGS[place]), "title": title, "status": status.as_u16()});
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut response =
            (status, [kind, (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], body.to_string())
                .into_response();
        if let Self::UsedUp(seconds) = self {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self == Self::BackendNeeded {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"keepset-issuer\""),
            );
        }
        response
    }
}
