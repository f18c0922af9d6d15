//! What a relay forwards: opened, answered as if it had come directly, and sealed again. Devices' own code and the client of the
//! `ohttp` crate each speak with the gateway, which is the `ohttp` crate's server.

use std::path::PathBuf;

use bhttp::{Message, Mode};
use keepset_collector::keys::{Keyring, Use};
use keepset_wire::oblivious::{
    BLOCK, Exchange, GatewayKey, KEYS_TYPE, REQUEST_TYPE, RESPONSE_TYPE, Request, Response,
};
use keepset_wire::seal::SEALED_TYPE;
use keepset_wire::{CollectorKeys, Timestamp, document};
use ohttp::ClientRequest;
use serde_json::Value;

use crate::fleet::{Noise, current, plan, ring};
use crate::kept::held;
use crate::process::{Answer, Folder, Server, command, write_keys, write_plan};

/// The keys of the gateways here: 1, which is about to go, and 2, which has come. Nobody's secret.
pub fn gateway() -> Keyring {
    let date = |text| Timestamp::from_date(text).unwrap();
    let mut ring = Keyring::of(Use::Gateway);
    ring.add([11; 32], date("2017-01-01"), date("2060-01-01")).unwrap();
    ring.add([12; 32], date("2018-01-01"), date("2060-01-01")).unwrap();
    ring
}

pub fn saved(folder: &Folder, ring: &Keyring) -> PathBuf {
    let path = folder.join("gateway.json");
    ring.save(&path).unwrap();
    path
}

fn start(folder: &Folder, plan: &keepset_wire::Plan, ring: &Keyring) -> Server {
    Server::start(folder, plan, &["--gateway", saved(folder, ring).to_str().unwrap()])
}

/// Forwards bytes as a relay does.
pub fn forward(server: &Server, kind: &str, body: &[u8]) -> Answer {
    let (status, headers, body) = forward_bytes(server, kind, body);
    Answer { status, headers, body: String::from_utf8(body).unwrap() }
}

fn forward_bytes(server: &Server, kind: &str, body: &[u8]) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
    let request = server.agent().post(format!("{}/v1/oblivious", server.url)).header("content-type", kind);
    // What a careless relay would add.
    let request = request.header("forwarded", "for=192.0.2.60").header("x-forwarded-for", "192.0.2.60");
    let mut answer = request.send(body).unwrap();
    let body = answer.body_mut().read_to_vec().unwrap();
    (answer.status().as_u16(), answer.headers().clone(), body)
}

/// What came back inside, and how long it was outside.
struct Inside {
    status: u16,
    kind: String,
    content: Vec<u8>,
    length: usize,
}

impl Inside {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.content).unwrap()
    }
}

fn request<'a>(path: &'a str, kind: &'a str, content: &'a [u8]) -> Request<'a> {
    let (method, scheme, authority) = (b"POST", b"https", b"reports.example");
    let (path, kind) = (path.as_bytes(), kind.as_bytes());
    Request { method, scheme, authority, path, kind, authorization: b"", content }
}

fn reporting(content: &[u8]) -> Request<'_> {
    request("/v1/reports", SEALED_TYPE, content)
}

/// Sends a request through the relay as a device does.
fn through(server: &Server, key: u8, request: &Request<'_>, entropy: u8) -> Inside {
    let public = gateway().public();
    let key = public.list().iter().find(|known| known.id == key).unwrap();
    let (request, exchange) = Exchange::begin(GatewayKey::from(key), request, [entropy; 32]).unwrap();
    let (status, headers, body) = forward_bytes(server, REQUEST_TYPE, &request);
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, RESPONSE_TYPE));
    let message = exchange.open(&body).unwrap();
    let answer = Response::decode(&message).unwrap();
    let kind = String::from_utf8(answer.field("content-type").unwrap().to_vec()).unwrap();
    Inside { status: answer.status, kind, content: answer.content, length: body.len() }
}

#[test]
fn a_report_that_came_through_a_relay_counts_once_however_often_and_wherever_it_comes() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut server = start(&folder, &plan, &gateway());
    let report = Noise::new(&plan, 1).bytes(current(&plan));
    let first = through(&server, 2, &reporting(&report), 1);
    assert_eq!((first.status, &*first.kind), (200, "application/json"));
    assert_eq!(first.json(), serde_json::json!({"accepted": 1, "known": 0}));
    // The same bytes, encapsulated anew; and behind a proxy that has a path of its own.
    let again = through(&server, 2, &request("/count/v1/reports?x=1", SEALED_TYPE, &report), 2);
    assert_eq!(again.json(), serde_json::json!({"accepted": 0, "known": 1}));
    assert_eq!(server.post(&report).json()["known"], 1);
    assert_eq!(server.acknowledged(), [1, 2]);
    assert!(server.stop().success());
    assert_eq!(held(&folder.join("store.sqlite")).reports, 1);
    assert!(!server.rest().contains("192.0.2.60"));
    for file in ["store.sqlite", "store.sqlite-wal"] {
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        assert!(!bytes.windows(10).any(|part| part == b"192.0.2.60"), "{file}");
    }
}

#[test]
fn another_client_learns_the_keys_from_the_gateway_and_is_understood() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = start(&folder, &plan, &gateway());
    let mut answer = server.agent().get(format!("{}/v1/oblivious", server.url)).call().unwrap();
    assert_eq!(answer.headers()["content-type"].to_str().unwrap(), KEYS_TYPE);
    let keys = answer.body_mut().read_to_vec().unwrap();
    // Two of 43 bytes with their lengths; the newest first.
    assert_eq!((keys.len(), keys[2], keys[45]), (86, 2, 1));
    let part = |text: &str| text.as_bytes().to_vec();
    let mut message = Message::request(part("POST"), part("https"), part("r.example"), part("/v1/reports"));
    message.put_header("content-type", SEALED_TYPE);
    message.write_content(Noise::new(&plan, 2).bytes(current(&plan)));
    for mode in [Mode::KnownLength, Mode::IndeterminateLength] {
        let mut bytes = Vec::new();
        message.write_bhttp(mode, &mut bytes).unwrap();
        let client = ClientRequest::from_encoded_config_list(&keys).unwrap();
        let (request, exchange) = client.encapsulate(&bytes).unwrap();
        let (status, _, body) = forward_bytes(&server, REQUEST_TYPE, &request);
        assert_eq!(status, 200);
        let answer = exchange.decapsulate(&body).unwrap();
        let answer = Message::read_bhttp(&mut std::io::Cursor::new(answer)).unwrap();
        assert_eq!(answer.control().status().map(bhttp::StatusCode::code), Some(200));
        let counts: Value = serde_json::from_slice(answer.content()).unwrap();
        assert_eq!(counts["accepted"], u64::from(mode == Mode::KnownLength));
    }
}

#[test]
fn what_cannot_be_opened_is_refused_openly_and_counts_nothing() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = start(&folder, &plan, &gateway());
    let report = Noise::new(&plan, 3).bytes(current(&plan));
    let key = GatewayKey::from(&gateway().public().list()[1]);
    let (right, _) = Exchange::begin(key, &reporting(&report), [1; 32]).unwrap();
    forward(&server, SEALED_TYPE, &right).problem(415, "not-encapsulated");
    forward(&server, "message/ohttp-req; a=b", &right).problem(415, "not-encapsulated");
    forward(&server, REQUEST_TYPE, b"").problem(400, "not-decapsulated");
    // Another key, other algorithms, another encapsulated key, another text, another tag, an end too early.
    for at in [0, 2, 4, 6, 20, 300, right.len() - 1] {
        let mut wrong = right.clone();
        wrong[at] ^= 3;
        forward(&server, REQUEST_TYPE, &wrong).problem(400, "not-decapsulated");
    }
    for end in [1, 6, 7, 38, 39, 54, right.len() - 1] {
        forward(&server, REQUEST_TYPE, &right[..end]).problem(400, "not-decapsulated");
    }
    forward(&server, REQUEST_TYPE, &vec![2; 16 * BLOCK + 1]).problem(413, "body-too-large");
    let (counted, _) = (server.counter("not-decapsulated"), ());
    assert_eq!((counted, server.counter("not-encapsulated"), server.counter("body-too-large")), (15, 2, 1));
    assert_eq!(held(&folder.join("store.sqlite")).reports, 0);
    assert_eq!(forward_bytes(&server, REQUEST_TYPE, &right).0, 200);
    assert_eq!(held(&folder.join("store.sqlite")).reports, 1);
}

#[test]
fn only_what_devices_send_is_answered_and_every_refusal_is_sealed_and_looks_alike() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = start(&folder, &plan, &gateway());
    let report = Noise::new(&plan, 4).bytes(current(&plan));
    let mut changed = report.clone();
    changed[60] ^= 1;
    let mut entropy = 0;
    let mut problem = |path: &str, kind: &str, content: &[u8], status: u16, slug: &str| {
        entropy += 1;
        let answer = through(&server, 2, &request(path, kind, content), entropy);
        assert_eq!((answer.status, &*answer.kind), (status, "application/problem+json"));
        assert_eq!(answer.json()["type"], format!("/problems/{slug}"));
        assert_eq!(answer.length, 16 + BLOCK + 16, "as long as any answer");
        assert_eq!(server.counter(slug), 1, "{slug} is counted as if it had come directly");
    };
    problem("/v1/estimates", SEALED_TYPE, &report, 403, "not-for-devices");
    problem("/v1/reports", "text/plain", &report, 415, "wrong-content-type");
    problem("/v1/reports", SEALED_TYPE, b"", 400, "empty-body");
    problem("/v1/reports", SEALED_TYPE, &report[1..], 400, "wrong-length");
    problem("/v1/reports", SEALED_TYPE, &changed, 422, "unopened");
    let accepted = through(&server, 1, &reporting(&report), 99);
    assert_eq!((accepted.json()["accepted"].as_u64(), accepted.length), (Some(1), 16 + BLOCK + 16));
    for path in ["/v1/reports/", "/", "/v1/oblivious", "/v1/keys", "/v1/reports/../estimates"] {
        assert_eq!(through(&server, 2, &request(path, SEALED_TYPE, &report), 7).status, 403, "{path}");
    }
}

#[test]
fn a_request_inside_that_is_no_post_or_no_request_is_refused_inside() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = start(&folder, &plan, &gateway());
    let keys =
        server.agent().get(format!("{}/v1/oblivious", server.url)).call().unwrap().body_mut().read_to_vec();
    let keys = keys.unwrap();
    let status = |bytes: &[u8]| {
        let (request, exchange) =
            ClientRequest::from_encoded_config_list(&keys).unwrap().encapsulate(bytes).unwrap();
        let (status, _, body) = forward_bytes(&server, REQUEST_TYPE, &request);
        assert_eq!(status, 200);
        let answer = exchange.decapsulate(&body).unwrap();
        let answer = Message::read_bhttp(&mut std::io::Cursor::new(answer)).unwrap();
        let json: Value = serde_json::from_slice(answer.content()).unwrap();
        (answer.control().status().unwrap().code(), json["type"].as_str().unwrap().to_owned())
    };
    let message = |method: &str, header: Option<&str>| {
        let part = |text: &str| text.as_bytes().to_vec();
        let mut message =
            Message::request(part(method), part("https"), part("r.example"), part("/v1/reports"));
        message.put_header("content-type", SEALED_TYPE);
        header.iter().for_each(|name| message.put_header(*name, "100-continue"));
        let mut bytes = Vec::new();
        message.write_bhttp(Mode::KnownLength, &mut bytes).unwrap();
        bytes
    };
    assert_eq!(status(&message("GET", None)), (403, "/problems/not-for-devices".into()));
    assert_eq!(status(&message("POST", Some("expect"))), (400, "/problems/not-decapsulated".into()));
    assert_eq!(status(&message("PO ST", None)), (400, "/problems/not-decapsulated".into()));
    assert_eq!(status(b"\x01\x40\xc8"), (400, "/problems/not-decapsulated".into()), "an answer");
    assert_eq!(status(b"hello"), (400, "/problems/not-decapsulated".into()));
    // A page behind the relay cannot name another content encoding than the direct path takes.
    assert_eq!(status(&message("POST", Some("content-encoding"))).0, 415);
}

#[test]
fn what_is_encapsulated_to_the_old_key_opens_beside_the_new_one_until_the_old_is_retired() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut noise = Noise::new(&plan, 5);
    let (one, two) = (noise.bytes(current(&plan)), noise.bytes(current(&plan)));
    let mut server = start(&folder, &plan, &gateway());
    assert_eq!(through(&server, 1, &reporting(&one), 1).json()["accepted"], 1);
    assert_eq!(through(&server, 2, &reporting(&two), 2).json()["accepted"], 1);
    assert!(server.stop().success());
    let mut without = gateway();
    without.retire(1).unwrap();
    let server = start(&folder, &plan, &without);
    let document = document::parse(&server.get("/v1/keys").body).unwrap();
    let published = CollectorKeys::read(&document::Node::root(&document)).unwrap();
    assert_eq!(published, CollectorKeys { reports: ring().public(), gateway: without.public() });
    let old = GatewayKey::from(&gateway().public().list()[0]);
    let (late, _) = Exchange::begin(old, &reporting(&one), [3; 32]).unwrap();
    forward(&server, REQUEST_TYPE, &late).problem(400, "not-decapsulated");
    assert_eq!(through(&server, 2, &reporting(&one), 4).json()["known"], 1);
}

#[test]
fn without_keys_there_is_no_gateway_and_keys_for_another_use_are_refused_by_name() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    forward(&server, REQUEST_TYPE, &[1; 99]).problem(404, "not-found");
    server.get("/v1/oblivious").problem(404, "not-found");
    assert!(server.get("/v1/keys").json().get("gateway").is_none());
    let right = write_plan(&folder, &plan);
    let (reports, gateway) = (write_keys(&right), saved(&folder, &gateway()));
    for (flag, file) in [("--gateway", &reports), ("--keys", &gateway)] {
        let more = [flag, file.to_str().unwrap()];
        let output = command(&right, folder.join("other.sqlite"), &more).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(flag) && said.contains("another use"), "{said}");
    }
    let new = |file: &PathBuf| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_keepset-collector"));
        command.args(["keys", "new", "--gateway", "--keys"]).arg(file).output().unwrap()
    };
    let refused = new(&reports);
    assert!(!refused.status.success());
    assert!(String::from_utf8(refused.stderr).unwrap().contains("name another file"));
    let made = String::from_utf8(new(&gateway).stdout).unwrap();
    let made = document::parse(&made).unwrap();
    assert_eq!((made["gateway"].as_array().unwrap().len(), made.get("keys")), (3, None));
}
