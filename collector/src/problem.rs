//! What a refused request is told: problem details (RFC 9457) with a stable type and no user data.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A kind of refusal. Its slug is stable: clients may act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// The body held nothing.
    EmptyBody,
    /// The body is no whole number of reports of this plan.
    WrongLength,
    /// The body ended before its announced length.
    CutBody,
    /// A report has a version this collector does not know.
    UnknownVersion,
    /// The query is not understood.
    BadQuery,
    /// What a relay forwarded does not open, or holds no request.
    NotDecapsulated,
    /// Reading needs a token that is known.
    TokenNeeded,
    /// What came through a relay is no request that devices make.
    NotForDevices,
    /// The browser asks that nothing is shared.
    PrivacySignal,
    /// The role of the token does not read this.
    WrongRole,
    /// Nothing is at this path.
    NotFound,
    /// The plan has no such window.
    UnknownWindow,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The body took too long to arrive.
    SlowBody,
    /// A report answers another plan.
    UnknownPlan,
    /// A report is sealed to a key the collector does not hold.
    UnknownKey,
    /// Labels were agreed to under terms the collector was not given.
    UnknownTerms,
    /// A report's window is closed.
    WindowClosed,
    /// The labels of this name were erased.
    LabelsErased,
    /// The body is larger than the largest allowed.
    BodyTooLarge,
    /// The body is not of the content type of reports.
    WrongContentType,
    /// The reports are not sealed.
    NotSealed,
    /// The body is no encapsulated request.
    NotEncapsulated,
    /// The body is not of the content type of labels.
    NoLabelsType,
    /// A report answers a question the plan does not have.
    UnknownQuestion,
    /// A report's epoch is not open yet, or is none of the plan's.
    EpochAhead,
    /// An answer does not have the shape of every honest one.
    MalformedAnswer,
    /// A report does not open with the key it names.
    Unopened,
    /// What a sealed report holds is not what stands outside on it.
    SealMismatch,
    /// A message about labels was made too long ago, or is yet to be made.
    StaleLabels,
    /// A message about labels holds what no honest one does.
    MalformedLabels,
    /// The address asks too often.
    TooManyRequests,
    /// All together ask too often.
    TooManyTogether,
    /// More reports are waiting than the collector lets wait.
    Busy,
    /// The store cannot be written or read now.
    StoreUnavailable,
    /// What is read cannot be written down now.
    LogUnavailable,
    /// The issuer of tokens does not say what its keys are.
    IssuerUnavailable,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 37] = [
        Self::EmptyBody,
        Self::WrongLength,
        Self::CutBody,
        Self::UnknownVersion,
        Self::BadQuery,
        Self::NotDecapsulated,
        Self::TokenNeeded,
        Self::NotForDevices,
        Self::PrivacySignal,
        Self::WrongRole,
        Self::NotFound,
        Self::UnknownWindow,
        Self::MethodNotAllowed,
        Self::SlowBody,
        Self::UnknownPlan,
        Self::UnknownKey,
        Self::UnknownTerms,
        Self::WindowClosed,
        Self::LabelsErased,
        Self::BodyTooLarge,
        Self::WrongContentType,
        Self::NotSealed,
        Self::NotEncapsulated,
        Self::NoLabelsType,
        Self::UnknownQuestion,
        Self::EpochAhead,
        Self::MalformedAnswer,
        Self::Unopened,
        Self::SealMismatch,
        Self::StaleLabels,
        Self::MalformedLabels,
        Self::TooManyRequests,
        Self::TooManyTogether,
        Self::Busy,
        Self::StoreUnavailable,
        Self::LogUnavailable,
        Self::IssuerUnavailable,
    ];

    /// Returns the stable name.
    #[must_use]
    pub fn slug(self) -> &'static str {
        self.entry().0
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.entry().1
    }

    /// Returns the one sentence that is the same for every occurrence.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().2
    }

    /// Returns what the sender can do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.entry().3
    }

    fn entry(self) -> (&'static str, StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::EmptyBody => {
                ("empty-body", S::BAD_REQUEST, "The body holds no report.", "Send one or more reports.")
            }
            Self::WrongLength => (
                "wrong-length",
                S::BAD_REQUEST,
                "The body is no whole number of reports of this plan.",
                "Compare the plan at /v1/plan with the one on the device; do not send these bytes again.",
            ),
            Self::CutBody => {
                ("cut-body", S::BAD_REQUEST, "The body ended early.", "Send the same bytes again.")
            }
            Self::UnknownVersion => (
                "unknown-version",
                S::BAD_REQUEST,
                "A report has a version this collector does not know.",
                "Update the collector, or check what the bytes are; do not send them again.",
            ),
            Self::BadQuery => (
                "bad-query",
                S::BAD_REQUEST,
                "The query is not understood.",
                "Use ?window=N with a whole number N.",
            ),
            Self::NotDecapsulated => (
                "not-decapsulated",
                S::BAD_REQUEST,
                "The encapsulated request does not open here, or holds no request.",
                "Encapsulate it anew to a gateway key at /v1/keys.",
            ),
            Self::TokenNeeded => (
                "token-needed",
                S::UNAUTHORIZED,
                "Reading needs a token that this collector knows.",
                "Send it as a bearer token, or as the password a browser asks for.",
            ),
            Self::WrongRole => (
                "wrong-role",
                S::FORBIDDEN,
                "The role of this token does not read this.",
                "Ask the operator for a token with the role that does.",
            ),
            Self::NotForDevices => (
                "not-for-devices",
                S::FORBIDDEN,
                "Only what devices send is taken through a relay.",
                "POST reports to /v1/reports; everything else is asked directly.",
            ),
            Self::PrivacySignal => (
                "privacy-signal",
                S::FORBIDDEN,
                "The browser asks that nothing is shared (Sec-GPC: 1).",
                "Do not send these bytes again, and share no labels while the signal is set.",
            ),
            Self::NotFound => ("not-found", S::NOT_FOUND, "Nothing is at this path.", "Begin at /."),
            Self::UnknownWindow => (
                "unknown-window",
                S::NOT_FOUND,
                "The plan has no such window.",
                "Take a window that /v1/estimates lists.",
            ),
            Self::MethodNotAllowed => (
                "method-not-allowed",
                S::METHOD_NOT_ALLOWED,
                "This path does not take this method.",
                "Use a method of the Allow header.",
            ),
            Self::SlowBody => (
                "slow-body",
                S::REQUEST_TIMEOUT,
                "The body took too long to arrive.",
                "Send the same bytes again.",
            ),
            Self::UnknownPlan => (
                "unknown-plan",
                S::CONFLICT,
                "A report answers another plan.",
                "Compare the plan at /v1/plan with the one on the device; do not send these bytes again.",
            ),
            Self::UnknownKey => (
                "unknown-key",
                S::CONFLICT,
                "A report is sealed to a key this collector does not hold.",
                "Compile the pack with the keys at /v1/keys; do not send these bytes again.",
            ),
            Self::UnknownTerms => (
                "unknown-terms",
                S::CONFLICT,
                "Labels were agreed to under terms this collector was not given.",
                "Compare the terms at /v1/labels with those of the pack; do not send these bytes again.",
            ),
            Self::LabelsErased => (
                "labels-erased",
                S::GONE,
                "The labels of this name were erased.",
                "Do not send these bytes again: a name that was taken back stays so.",
            ),
            Self::WindowClosed => (
                "window-closed",
                S::GONE,
                "A report's window is closed.",
                "Drop the report: its window is counted and will not change.",
            ),
            Self::BodyTooLarge => (
                "body-too-large",
                S::PAYLOAD_TOO_LARGE,
                "The body is larger than the largest allowed.",
                "Send at most 4096 reports at once.",
            ),
            Self::WrongContentType => (
                "wrong-content-type",
                S::UNSUPPORTED_MEDIA_TYPE,
                "Reports come sealed and uncompressed, as application/vnd.keepset.sealed-reports.",
                "Set the content type and leave the content encoding away.",
            ),
            Self::NotSealed => (
                "not-sealed",
                S::UNSUPPORTED_MEDIA_TYPE,
                "Reports that are not sealed are taken from a simulation alone.",
                "Seal reports to a key at /v1/keys, or start the collector with --simulation.",
            ),
            Self::NotEncapsulated => (
                "not-encapsulated",
                S::UNSUPPORTED_MEDIA_TYPE,
                "The gateway takes encapsulated requests, as message/ohttp-req.",
                "Set the content type and leave the content encoding away.",
            ),
            Self::NoLabelsType => (
                "no-labels-type",
                S::UNSUPPORTED_MEDIA_TYPE,
                "Labels come sealed and uncompressed, as application/vnd.keepset.sealed-labels.",
                "Set the content type and leave the content encoding away.",
            ),
            Self::StaleLabels => (
                "stale-labels",
                S::UNPROCESSABLE_ENTITY,
                "The message was made more than 29 days ago, or is yet to be made.",
                "Check the device's clock; do not send these bytes again.",
            ),
            Self::MalformedLabels => (
                "malformed-labels",
                S::UNPROCESSABLE_ENTITY,
                "The message holds what no honest one does, or is of the other kind.",
                "Do not send these bytes again.",
            ),
            Self::UnknownQuestion => (
                "unknown-question",
                S::UNPROCESSABLE_ENTITY,
                "A report answers a question the plan does not have.",
                "Do not send these bytes again.",
            ),
            Self::EpochAhead => (
                "epoch-ahead",
                S::UNPROCESSABLE_ENTITY,
                "A report's epoch is not open yet, or is none of the plan's.",
                "Check the device's clock.",
            ),
            Self::MalformedAnswer => (
                "malformed-answer",
                S::UNPROCESSABLE_ENTITY,
                "An answer does not have the shape of every honest one.",
                "Do not send these bytes again.",
            ),
            Self::Unopened => (
                "unopened",
                S::UNPROCESSABLE_ENTITY,
                "A report does not open with the key it names.",
                "Compile the pack with the keys at /v1/keys; do not send these bytes again.",
            ),
            Self::SealMismatch => (
                "seal-mismatch",
                S::UNPROCESSABLE_ENTITY,
                "What a sealed report holds is not what stands outside on it.",
                "Do not send these bytes again.",
            ),
            Self::TooManyRequests => (
                "too-many-requests",
                S::TOO_MANY_REQUESTS,
                "More requests come from this address than the collector answers in a minute.",
                "Send the same bytes again after the time that Retry-After says.",
            ),
            Self::TooManyTogether => (
                "too-many-together",
                S::TOO_MANY_REQUESTS,
                "More requests come than the collector answers in a second.",
                "Send the same bytes again after the time that Retry-After says.",
            ),
            Self::Busy => (
                "busy",
                S::SERVICE_UNAVAILABLE,
                "More reports are waiting than the collector lets wait.",
                "Send the same bytes again later.",
            ),
            Self::StoreUnavailable => (
                "store-unavailable",
                S::SERVICE_UNAVAILABLE,
                "The store cannot be used now.",
                "Send the same bytes again later.",
            ),
            Self::LogUnavailable => (
                "log-unavailable",
                S::SERVICE_UNAVAILABLE,
                "What is read here is written down, and that is not possible now.",
                "Ask again later.",
            ),
            Self::IssuerUnavailable => (
                "issuer-unavailable",
                S::SERVICE_UNAVAILABLE,
                "The issuer of this token does not say what its keys are.",
                "Ask again later.",
            ),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_once_and_has_its_own_slug() {
        let mut slugs: Vec<&str> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Kind::ALL.len());
        assert!(Kind::ALL.is_sorted(), "counters are indexed by the order of the variants");
    }
}
