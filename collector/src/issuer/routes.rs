//! What is asked of an issuer over HTTP: a signature, its keys, whether it is there, and what it counted.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use keepset_wire::sha256;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::counts::{Counts, Granted};
use super::refusal::Refusal;
use super::signer::{REQUEST_LENGTH, Signer, Unsigned};
use crate::body::read_bytes;
use crate::clock::system_now;
use crate::report_tokens::token::{self, TOKEN_TYPE};

/// Where tokens are asked for.
pub const REQUESTS: &str = "/token-request";
/// Where the keys are (RFC 9578, section 4).
pub const DIRECTORY: &str = "/.well-known/private-token-issuer-directory";
/// The types of RFC 9578, section 8.2.
pub const REQUEST_TYPE: &str = "application/private-token-request";
const RESPONSE_TYPE: &str = "application/private-token-response";
const DIRECTORY_TYPE: &str = "application/private-token-issuer-directory";
/// The header in which the backend says for whom it asks.
pub const VISITOR: &str = "keepset-visitor";
/// The longest name of a visitor.
const MAX_VISITOR: usize = 256;

/// What is needed to issue.
#[derive(Debug)]
pub struct Issuing {
    signer: Signer,
    counts: Counts,
    /// The SHA-256 of the backend's secret, compared in a time that tells nothing of it.
    backend: [u8; 32],
    issued: AtomicU64,
    refused: [AtomicU64; Refusal::SLUGS.len()],
}

impl Issuing {
    /// Signs for whoever knows the backend's secret.
    #[must_use]
    pub fn new(signer: Signer, counts: Counts, secret: &str) -> Self {
        let refused = std::array::from_fn(|_| AtomicU64::new(0));
        Self { signer, counts, backend: sha256(&[secret.as_bytes()]), issued: AtomicU64::new(0), refused }
    }

    /// Forgets who asked in a period that is over; when that cannot be written now, it is tried again later.
    pub fn forget(&self) {
        let _ = self.counts.forget(system_now());
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        self.refused[refusal.entry().0].fetch_add(1, Relaxed);
        refusal.into_response()
    }

    fn is_backend(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret = sent
            .and_then(|sent| sent.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        secret.is_some_and(|(_, secret)| sha256(&[secret.trim().as_bytes()]).ct_eq(&self.backend).into())
    }

    /// Takes a token from what a visitor may have, and signs it.
    fn issue(&self, visitor: &[u8], request: &[u8]) -> Result<Vec<u8>, Refusal> {
        let now = system_now();
        match self.counts.take(visitor, now) {
            Granted::Yes => {}
            Granted::UsedUp(seconds) => return Err(Refusal::UsedUp(seconds)),
            Granted::Unavailable => return Err(Refusal::Unavailable),
        }
        self.signer.sign(request, now).map_err(|unsigned| {
            self.counts.give_back(visitor);
            match unsigned {
                Unsigned::Malformed => Refusal::Malformed,
                Unsigned::UnknownKey => Refusal::UnknownTokenKey,
            }
        })
    }
}

/// Builds the routes.
pub fn router(issuing: Arc<Issuing>) -> Router {
    let wrong = |State(issuing): State<Arc<Issuing>>| async move { issuing.refuse(Refusal::WrongMethod) };
    let none = |State(issuing): State<Arc<Issuing>>| async move { issuing.refuse(Refusal::NotFound) };
    Router::new()
        .route(REQUESTS, post(request))
        .route(DIRECTORY, get(directory))
        .route("/healthz", get(|| async { axum::Json(json!({"status": "ok"})) }))
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(wrong)
        .fallback(none)
        .with_state(issuing)
}

async fn request(State(issuing): State<Arc<Issuing>>, request: Request) -> Response {
    let headers = request.headers();
    if !issuing.is_backend(headers) {
        return issuing.refuse(Refusal::BackendNeeded);
    }
    let visitor = headers.get(VISITOR).map(HeaderValue::as_bytes).unwrap_or_default().to_vec();
    if !(1..=MAX_VISITOR).contains(&visitor.len()) {
        return issuing.refuse(Refusal::VisitorNeeded);
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.eq_ignore_ascii_case(REQUEST_TYPE) {
        return issuing.refuse(Refusal::WrongType);
    }
    let Ok(body) = read_bytes(request, REQUEST_LENGTH, None).await else {
        return issuing.refuse(Refusal::Malformed);
    };
    let signing = Arc::clone(&issuing);
    // A signature takes some milliseconds, and other requests are not to wait for it.
    let signed = tokio::task::spawn_blocking(move || signing.issue(&visitor, &body)).await;
    match signed.unwrap_or(Err(Refusal::Unavailable)) {
        Ok(signature) => {
            issuing.issued.fetch_add(1, Relaxed);
            ([(header::CONTENT_TYPE, RESPONSE_TYPE), (header::CACHE_CONTROL, "no-store")], signature)
                .into_response()
        }
        Err(refusal) => issuing.refuse(refusal),
    }
}

/// Serves the keys that are not over, the one that is signed with first.
async fn directory(State(issuing): State<Arc<Issuing>>) -> Response {
    let now = system_now();
    let mut keys: Vec<_> = issuing.signer.file().keys().filter(|key| now < key.until).collect();
    keys.sort_by_key(|key| (now < key.from, std::cmp::Reverse(key.from)));
    let keys: Vec<_> = keys
        .into_iter()
        .map(|key| json!({"token-type": TOKEN_TYPE, "token-key": token::text(key.public.spki()), "not-before": key.from.millis() / 1_000}))
        .collect();
    let directory = json!({"issuer-request-uri": REQUESTS, "token-keys": keys}).to_string();
    ([(header::CONTENT_TYPE, DIRECTORY_TYPE), (header::CACHE_CONTROL, "max-age=3600")], directory)
        .into_response()
}

/// Serves counts, to the backend alone.
async fn metrics(State(issuing): State<Arc<Issuing>>, headers: HeaderMap) -> Response {
    if !issuing.is_backend(&headers) {
        return issuing.refuse(Refusal::BackendNeeded);
    }
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str| {
        // Writing to a text cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    };
    metric("keepset_issued_tokens_total", "counter", "Tokens signed.");
    metric("keepset_issuer_visitors", "gauge", "Visitors who asked in this period.");
    metric("keepset_issuer_refused_total", "counter", "Requests refused, by the problem they were told.");
    let _ = writeln!(text, "keepset_issued_tokens_total {}", issuing.issued.load(Relaxed));
    if let Ok(visitors) = issuing.counts.visitors() {
        let _ = writeln!(text, "keepset_issuer_visitors {visitors}");
    }
    for (slug, count) in Refusal::SLUGS.into_iter().zip(&issuing.refused) {
        let _ = writeln!(text, "keepset_issuer_refused_total{{problem=\"{slug}\"}} {}", count.load(Relaxed));
    }
    (
        [
            (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        text,
    )
        .into_response()
}
