//! The gateway (RFC 9458): opens what a relay forwards, lets the collector answer it as if it had come directly, and seals the
//! answer, which the relay cannot read either.
//!
//! The `ohttp` and `bhttp` crates do the opening and sealing, where devices have code of ours: neither side can hide a mistake of
//! the other.
//!
//! # Privacy
//! What comes here comes from the relay's address. It is not looked at: not kept, not logged, not limited by.

use std::io::Cursor;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bhttp::{Message, Mode};
use http_body_util::BodyExt as _;
use keepset_wire::oblivious::{BLOCK, KEYS_TYPE, REQUEST_TYPE, RESPONSE_TYPE};
use keepset_wire::{SealingKeys, Timestamp};
use ohttp::hpke::{Aead, Kdf, Kem};
use ohttp::{KeyConfig, Server, ServerResponse, SymmetricSuite};

use crate::body::read_bytes;
use crate::clock::system_now;
use crate::keys::Keyring;
use crate::problem::{Kind, Problem};
use crate::server::{Collector, device, fresh};

/// The longest request taken: a device sends one report at a time, which fills a block of 1,024 bytes.
const MAX_BODY: usize = 16 * BLOCK;
/// What of a request inside is looked at: a report may bring a token.
const ASKED: [HeaderName; 3] = [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::AUTHORIZATION];
/// What of an answer goes back inside. A challenge does not: it would make the answer longer than others are, and devices know it.
const ANSWERED: [HeaderName; 3] = [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::RETRY_AFTER];

/// The gateway's keys; with none there is no gateway.
#[derive(Debug, Default)]
pub struct Gateway {
    public: SealingKeys,
    servers: Vec<(u8, Server)>,
}

impl Gateway {
    /// Takes the keys of a file that are not retired.
    ///
    /// # Errors
    /// One sentence that names a key that cannot be used.
    pub fn new(ring: &Keyring) -> Result<Self, String> {
        let suite = SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm);
        let server = |(key, seed): (&keepset_wire::SealingKey, &keepset_wire::OpeningKey)| {
            let config = KeyConfig::derive(key.id, Kem::X25519Sha256, vec![suite], &seed.to_bytes());
            let same = |config: &KeyConfig| config.encode().is_ok_and(|bytes| bytes[3..35] == key.public);
            let server = config.ok().filter(same).and_then(|config| Server::new(config).ok());
            server
                .map(|server| (key.id, server))
                .ok_or_else(|| format!("key {} of the gateway is none", key.id))
        };
        Ok(Self { public: ring.public(), servers: ring.live().map(server).collect::<Result<_, _>>()? })
    }

    /// Returns the public halves of its keys, as a pack names them.
    #[must_use]
    pub fn public(&self) -> &SealingKeys {
        &self.public
    }

    /// Writes the keys in use at `now` as other clients read them, the one that came last first; nothing where there is no gateway.
    fn configurations(&self, now: Timestamp) -> Option<Vec<u8>> {
        let mut in_use: Vec<_> =
            self.public.list().iter().filter(|key| key.from <= now && now < key.until).collect();
        in_use.sort_by_key(|key| std::cmp::Reverse((key.from, key.id)));
        let configs = in_use.iter().filter_map(|key| self.server(key.id)).map(Server::config);
        KeyConfig::encode_list(&configs.collect::<Vec<_>>()).ok().filter(|_| !self.servers.is_empty())
    }

    fn server(&self, id: u8) -> Option<&Server> {
        self.servers.iter().find(|(known, _)| *known == id).map(|(_, server)| server)
    }

    /// Removes the encapsulation of a request.
    fn open(&self, bytes: &[u8]) -> Option<(Vec<u8>, ServerResponse)> {
        self.server(*bytes.first()?)?.decapsulate(bytes).ok()
    }
}

/// Serves the keys in use, for clients that learn them from here and not from a pack.
pub(crate) async fn configurations(State(collector): State<Arc<Collector>>) -> Result<Response, Problem> {
    let list = collector.gateway().configurations(system_now()).ok_or(Kind::NotFound)?;
    Ok((fresh(), [(header::CONTENT_TYPE, KEYS_TYPE)], list).into_response())
}

/// Answers what a relay forwards. What goes wrong before it is open is said openly, everything else inside (RFC 9458, section 5.2).
pub(crate) async fn oblivious(
    State(collector): State<Arc<Collector>>,
    request: Request,
) -> Result<Response, Problem> {
    if collector.gateway().servers.is_empty() {
        return Err(Kind::NotFound.into());
    }
    let refused = (!is_encapsulated(request.headers())).then(|| Kind::NotEncapsulated.into());
    let body = read_bytes(request, MAX_BODY, refused).await?;
    let (message, seal) = collector.gateway().open(&body).ok_or(Kind::NotDecapsulated)?;
    let answer = match inside(&message) {
        Some((path, request)) => device(collector, route(&path), request).await,
        None => Problem::from(Kind::NotDecapsulated).into_response(),
    };
    let sealed = encode(answer).await.and_then(|message| seal.encapsulate(&message).ok());
    let sealed = sealed.ok_or(Kind::StoreUnavailable)?;
    Ok((fresh(), [(header::CONTENT_TYPE, RESPONSE_TYPE)], sealed).into_response())
}

fn is_encapsulated(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.eq_ignore_ascii_case(REQUEST_TYPE) && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Reads the request inside; nothing from what is none, or expects to be told to go on (RFC 9458, section 5.1).
fn inside(message: &[u8]) -> Option<(String, Request)> {
    let message = Message::read_bhttp(&mut Cursor::new(message)).ok()?;
    let (control, fields) = (message.control(), message.header());
    if fields.get(header::EXPECT.as_str().as_bytes()).is_some() {
        return None;
    }
    let path = String::from_utf8(control.path()?.to_vec()).ok()?;
    let mut request = Request::builder().method(control.method()?);
    for name in ASKED {
        for value in fields.get_all(name.as_str().as_bytes()) {
            request = request.header(&name, value);
        }
    }
    Some((path, request.body(Body::from(message.content().to_vec())).ok()?))
}

/// Finds the route in a path. What stands before it is that of a proxy, which direct requests lose on their way here.
fn route(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.rfind("/v1/").map_or("", |at| &path[at..])
}

/// Writes an answer as a message of whole blocks: its length does not tell the relay what it says.
async fn encode(answer: Response) -> Option<Vec<u8>> {
    let mut message = Message::response(answer.status().as_u16().try_into().ok()?);
    let (head, body) = answer.into_parts();
    for name in ANSWERED {
        let values: Vec<&HeaderValue> = head.headers.get_all(&name).iter().collect();
        values.iter().for_each(|value| message.put_header(name.as_str(), value.as_bytes()));
    }
    message.write_content(body.collect().await.ok()?.to_bytes());
    let mut bytes = Vec::new();
    message.write_bhttp(Mode::KnownLength, &mut bytes).ok()?;
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use keepset_wire::oblivious::{self, Exchange, GatewayKey};
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::keys::Use;

    fn gateway() -> Gateway {
        let mut ring = Keyring::of(Use::Gateway);
        ring.add([5; 32], Timestamp::MIN, Timestamp::MAX).unwrap();
        Gateway::new(&ring).unwrap()
    }

    fn request() -> (Vec<u8>, Exchange) {
        paid(b"")
    }

    fn paid(authorization: &[u8]) -> (Vec<u8>, Exchange) {
        let key = GatewayKey::from(&gateway().public.list()[0]);
        let (method, scheme, authority, path) = (b"POST", b"https", b"r.example", b"/v1/reports");
        let (kind, content) = (b"text/plain", b"a report");
        let request = oblivious::Request { method, scheme, authority, path, kind, authorization, content };
        Exchange::begin(key, &request, [7; 32]).unwrap()
    }

    #[test]
    fn what_devices_encapsulate_is_what_is_answered_and_nothing_else_of_it_is_passed_on() {
        let (bytes, exchange) = request();
        let (message, seal) = gateway().open(&bytes).unwrap();
        let (path, inner) = inside(&message).unwrap();
        assert_eq!((&*path, inner.method().as_str()), ("/v1/reports", "POST"));
        assert_eq!(inner.headers().len(), 1);
        let answer = exchange.open(&seal.encapsulate(b"\x01\x41\xf7").unwrap()).unwrap();
        assert_eq!(oblivious::Response::decode(&answer).unwrap().status, 503);
    }

    #[test]
    fn what_a_report_is_paid_with_is_passed_on_and_no_length_tells_of_it() {
        let token = [b"PrivateToken token=\"", &[b'A'; 472][..], b"\""].concat();
        assert_eq!(token.len(), oblivious::AUTHORIZATION);
        let ((with, _), (without, _)) = (paid(&token), request());
        assert_eq!(with.len(), without.len());
        let (message, _) = gateway().open(&with).unwrap();
        let (_, inner) = inside(&message).unwrap();
        assert_eq!(inner.headers()[header::AUTHORIZATION].as_bytes(), token);
        assert_eq!(inner.headers().len(), 2);
    }

    /// As devices wrote it before a report could be paid.
    #[test]
    fn a_request_of_before_is_still_read() {
        let mut message =
            b"\0\x04POST\x05https\x09r.example\x0b/v1/reports\x18\x0ccontent-type\x0atext/plain\x03abc\0"
                .to_vec();
        message.resize(BLOCK, 0);
        let (path, inner) = inside(&message).unwrap();
        assert_eq!((&*path, inner.headers().len()), ("/v1/reports", 1));
    }

    #[test]
    fn a_route_is_found_behind_the_path_of_a_proxy_and_without_a_query() {
        for (path, expected) in [
            ("/v1/reports", "/v1/reports"),
            ("/shop/v1/reports?a=/v1/keys", "/v1/reports"),
            ("/v1/reports/v1/keys", "/v1/keys"),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
        #[test]
        fn a_damaged_request_stays_shut_and_nothing_panics(at in 0..1_079_usize, mask in 1..=255_u8, end in 0..1_079_usize) {
            let (right, _) = request();
            prop_assert_eq!(right.len(), 1_079);
            let mut changed = right.clone();
            changed[at] ^= mask;
            prop_assert!(gateway().open(&changed).is_none());
            prop_assert!(gateway().open(&right[..end]).is_none());
        }

        #[test]
        fn any_message_is_read_or_refused_and_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), framing in 0..4_u8) {
            let _ = inside(&bytes);
            let _ = inside(&[&[framing, 4][..], b"POST", &bytes].concat());
        }
    }
}
