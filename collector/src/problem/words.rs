//! What each kind of refusal is called, answered with, and what the sender is told to do.

use axum::http::StatusCode;

use super::Kind;

impl Kind {
    /// The slug, the status, the title and the advice.
    pub(super) fn entry(self) -> (&'static str, StatusCode, &'static str, &'static str) {
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
            Self::ReportTokenNeeded => (
                "report-token-needed",
                S::UNAUTHORIZED,
                "Each report needs a token of its own, of an issuer that this collector trusts.",
                "Send the same bytes again with a token for each report, made for the challenge in WWW-Authenticate.",
            ),
            Self::ReportTokenRefused => (
                "report-token-refused",
                S::UNAUTHORIZED,
                "The token of a report is not signed by a key in use here, or was made for another challenge.",
                "Send the same bytes again with another token, made for the challenge in WWW-Authenticate.",
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
            Self::ReportTokenSpent => (
                "report-token-spent",
                S::CONFLICT,
                "The token of a report came with another report before.",
                "Send the same bytes again with a token that was not used.",
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
