//! Who may read: a token for everyone who reads, ours or an issuer's, a role for every token, one table of what a role reads, and a log of what was read.
//!
//! # Privacy
//! A token is kept as its hash alone, compared in a time that tells nothing of it, and never written to a log or an answer. What
//! devices ask needs none and is not logged.

mod oidc;
mod read_log;
mod signatures;
mod tokens;

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::clock::system_now;
use crate::problem::{Kind, Problem};
use crate::server::Collector;

pub use oidc::{Expected, Issuer};
pub use read_log::ReadLog;
pub use tokens::{Reader, Role, Tokens};

/// Which roles read a route; what is not listed is read by none.
const READING: [(&str, &[Role]); 6] = [
    ("/", &[Role::Viewer, Role::Analyst, Role::PrivacyOfficer]),
    ("/privacy", &[Role::Viewer, Role::Analyst, Role::PrivacyOfficer, Role::Operator]),
    ("/operations", &[Role::PrivacyOfficer, Role::Operator]),
    ("/v1/estimates", &[Role::Analyst, Role::PrivacyOfficer]),
    ("/v1/estimates.csv", &[Role::Analyst, Role::PrivacyOfficer]),
    (METRICS, &[Role::Operator]),
];

/// Lists the routes that are read, and for each role whether it reads them.
pub(crate) fn table() -> impl Iterator<Item = (&'static str, [bool; Role::ALL.len()])> {
    READING.iter().map(|(route, roles)| (*route, Role::ALL.map(|(_, role)| roles.contains(&role))))
}

/// What a monitor asks every few seconds: it says nothing of people, and would fill the log.
pub(crate) const METRICS: &str = "/metrics";

/// Who may read.
#[derive(Debug)]
pub struct Access {
    /// Nothing where everybody may.
    tokens: Option<Tokens>,
    /// Who else vouches for readers.
    issuer: Option<Issuer>,
    log: Option<ReadLog>,
}

/// One who reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// What the log calls them.
    pub name: String,
    /// What they are there for.
    pub roles: Vec<Role>,
}

impl Access {
    /// Everybody who reaches the port reads everything.
    #[must_use]
    pub fn public(log: Option<ReadLog>) -> Self {
        Self { tokens: None, issuer: None, log }
    }

    /// Whoever has a token reads what its role does.
    #[must_use]
    pub fn with_tokens(tokens: Tokens, log: Option<ReadLog>) -> Self {
        Self { tokens: Some(tokens), issuer: None, log }
    }

    /// Nobody reads.
    #[must_use]
    pub fn nobody() -> Self {
        Self::with_tokens(Tokens::default(), None)
    }

    /// Whether everybody reads everything.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.tokens.is_none()
    }

    /// Takes the word of an issuer, too.
    #[must_use]
    pub fn vouched_by(self, issuer: Option<Issuer>) -> Self {
        Self { issuer, ..self }
    }

    /// Tells who reads and whether they may; the reader is nothing where everybody reads. May wait for an issuer.
    fn judge(&self, token: Option<&str>, route: &str) -> Result<(Option<Who>, bool), Kind> {
        let Some(tokens) = &self.tokens else { return Ok((None, true)) };
        let token = token.ok_or(Kind::TokenNeeded)?;
        let who = match (tokens.find(token), &self.issuer) {
            (Some(reader), _) => Who { name: reader.name.clone(), roles: vec![reader.role] },
            (None, Some(issuer)) => issuer.find(token)?,
            (None, None) => return Err(Kind::TokenNeeded),
        };
        let row = READING.iter().find(|(path, _)| *path == route).map(|(_, roles)| *roles);
        let allowed = who.roles.iter().any(|role| row.is_some_and(|roles| roles.contains(role)));
        Ok((Some(who), allowed))
    }

    /// Judges a request, and writes down that it is a reading before it is answered.
    fn admit(&self, token: Option<&str>, route: &str) -> Result<(), Kind> {
        let (who, allowed) = self.judge(token, route)?;
        if let Some(log) = self.log.as_ref().filter(|_| route != METRICS) {
            let line = read_log::line(system_now(), who.as_ref(), route, allowed);
            log.append(&line).map_err(|_| Kind::LogUnavailable)?;
        }
        if allowed { Ok(()) } else { Err(Kind::WrongRole) }
    }
}

/// Lets through who may read, once it is written down that they do.
pub(crate) async fn check(State(collector): State<Arc<Collector>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let token = presented(request.headers());
    // A log waits for the disk, and an issuer for the network.
    let judge = move || collector.access().admit(token.as_deref(), &route);
    match tokio::task::spawn_blocking(judge).await.unwrap_or(Err(Kind::LogUnavailable)) {
        Ok(()) => next.run(request).await,
        Err(kind) => refuse(kind),
    }
}

/// Says no; a browser that is told which ways there are asks for a password.
fn refuse(kind: Kind) -> Response {
    let mut response = Problem::from(kind).into_response();
    if kind == Kind::TokenNeeded {
        for way in ["Bearer realm=\"keepset\"", "Basic realm=\"keepset\", charset=\"UTF-8\""] {
            response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(way));
        }
    }
    response
}

/// Reads the token of a request: a bearer token (RFC 6750), or the password beside any name (RFC 7617), which is how a browser
/// sends one without a script.
fn presented(headers: &HeaderMap) -> Option<String> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| BASE64_STANDARD.decode(rest).ok()).flatten()?;
    let (_, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        presented(&headers)
    }

    #[test]
    fn a_token_comes_as_a_bearer_token_or_as_a_password_and_no_other_way() {
        assert_eq!(with("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(with("bearer  abc").as_deref(), Some("abc"));
        let basic = |pair: &str| with(&format!("Basic {}", BASE64_STANDARD.encode(pair)));
        assert_eq!(basic("alice:abc").as_deref(), Some("abc"));
        assert_eq!(basic(":a:c").as_deref(), Some("a:c"));
        assert_eq!(basic("abc"), None);
        for other in ["Bearer", "abc", "Digest abc", "Basic !!", "Basic"] {
            assert_eq!(with(other), None, "{other}");
        }
        assert_eq!(presented(&HeaderMap::new()), None);
    }

    #[test]
    fn a_route_that_is_in_no_row_of_the_table_is_read_by_nobody_with_a_token() {
        let mut tokens = Tokens::default();
        let token = tokens.add("alice", Role::Analyst, [7; 32], system_now()).unwrap();
        let access = Access::with_tokens(tokens, None);
        let may = |route: &str| access.judge(Some(&token), route).unwrap().1;
        assert!(may("/v1/estimates") && !may("/v1/secrets") && !may(""));
        assert_eq!(Access::nobody().judge(Some(&token), "/").unwrap_err(), Kind::TokenNeeded);
    }
}
