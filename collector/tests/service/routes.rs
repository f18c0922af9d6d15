//! Any request at all, spoken over a bare connection: it is answered without a 500, and what is kept in memory stays bounded.
//!
//! `KEEPSET_FUZZ_SECONDS=600` goes on for so long with chance of its own; without it some thousand requests are the same every time.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use keepset_wire::labels::LABELS_TYPE;
use keepset_wire::oblivious::REQUEST_TYPE;
use keepset_wire::seal::SEALED_TYPE;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::fleet::{Noise, current, plan};
use crate::fuzz::spend;
use crate::labels::TERMS;
use crate::process::{Folder, Server, run};
use crate::relay::{gateway, saved};

/// What a request is put together from; `broken` is a piece of it that is spoiled at the end.
#[derive(Clone, Debug)]
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    length: Length,
    body: Vec<u8>,
    broken: Option<(prop::sample::Index, u8)>,
}

/// What is said of the body's length.
#[derive(Clone, Debug)]
enum Length {
    True,
    Wrong(u64),
    Unsaid,
    Chunked,
}

const PATHS: [&str; 20] = [
    "/",
    "/style.css",
    "/v1/estimates",
    "/v1/estimates.csv",
    "/metrics",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/problems/busy",
    "/problems/",
    "/v1/plan",
    "/v1/keys",
    "/v1/reports",
    "/v1/oblivious",
    "/v1/labels",
    "/v1",
    "//",
    "/demo/",
    "/v1/reports/",
    "*",
];
const NAMES: [&str; 16] = [
    "content-type",
    "content-encoding",
    "authorization",
    "sec-gpc",
    "x-forwarded-for",
    "forwarded",
    "origin",
    "accept",
    "host",
    "range",
    "access-control-request-method",
    "transfer-encoding",
    "expect",
    "connection",
    "upgrade",
    "x-any",
];
const VALUES: [&str; 18] = [
    SEALED_TYPE,
    LABELS_TYPE,
    REQUEST_TYPE,
    "application/vnd.keepset.reports",
    "gzip",
    "Bearer keepset_0",
    "Basic Og==",
    "Basic !",
    "1",
    "192.0.2.1, x",
    "for=\"[2001:db8::1]:80\"",
    "https://a.example",
    "chunked",
    "100-continue",
    "bytes=0-9",
    "POST",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "",
];

fn path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(&PATHS[..]).prop_map(str::to_owned);
    let query = prop_oneof![
        4 => Just(String::new()),
        1 => any::<i64>().prop_map(|number| format!("?window={number}")),
        1 => "[?][ -~&&[^ #]]{0,40}",
        1 => "(%[0-9a-fA-F]{2}){1,6}",
    ];
    let any = "/[!-~&&[^#]]{0,60}";
    prop_oneof![6 => (known, query).prop_map(|(path, query)| path + &query), 1 => any.prop_map(|path: String| path)]
}

fn header() -> impl Strategy<Value = (String, String)> {
    let value =
        prop_oneof![4 => prop::sample::select(&VALUES[..]).prop_map(str::to_owned), 1 => "[ -~]{0,80}"];
    (prop::sample::select(&NAMES[..]).prop_map(str::to_owned), value)
}

/// Bytes, or reports of devices.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let honest = (any::<u64>(), 1..4_usize).prop_map(|(seed, reports)| {
        let plan = plan(5, 2);
        Noise::new(&plan, seed).body(current(&plan), reports)
    });
    prop_oneof![2 => Just(Vec::new()), 3 => vec(any::<u8>(), 0..600), 2 => honest]
}

fn request() -> impl Strategy<Value = Request> {
    let methods =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get", "X"];
    let length = prop_oneof![
        6 => Just(Length::True),
        1 => any::<u64>().prop_map(Length::Wrong),
        1 => Just(Length::Unsaid),
        1 => Just(Length::Chunked),
    ];
    let broken = prop::option::weighted(0.2, any::<(prop::sample::Index, u8)>());
    let method = prop::sample::select(methods.to_vec()).prop_map(str::to_owned);
    (method, path(), vec(header(), 0..5), length, body(), broken).prop_map(
        |(method, path, headers, length, body, broken)| Request {
            method,
            path,
            headers,
            length,
            body,
            broken,
        },
    )
}

impl Request {
    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: x\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        match self.length {
            Length::True => text += &format!("content-length: {}\r\n", self.body.len()),
            Length::Wrong(length) => text += &format!("content-length: {length}\r\n"),
            Length::Unsaid => {}
            Length::Chunked => text += "transfer-encoding: chunked\r\n",
        }
        let mut bytes = text.into_bytes();
        bytes.extend(b"\r\n");
        if matches!(self.length, Length::Chunked) {
            bytes.extend(format!("{:x}\r\n", self.body.len()).bytes());
        }
        bytes.extend(&self.body);
        if matches!(self.length, Length::Chunked) {
            bytes.extend(b"\r\n0\r\n\r\n");
        }
        if let Some((at, value)) = &self.broken {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        bytes
    }
}

/// Says it, says that there is no more, and returns the statuses of the answers.
fn answers(address: &str, bytes: &[u8]) -> Vec<u16> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // Whoever has heard enough may have closed.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    let heard = String::from_utf8_lossy(&heard);
    let status = |part: &str| part.get(..3).and_then(|digits| digits.parse().ok());
    heard.split("HTTP/1.1 ").skip(1).filter_map(status).collect()
}

/// The most memory that a process has held, in kilobytes, as the kernel counts it.
pub fn peak(id: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What a collector may hold whatever it is asked: the sketches of addresses, a few bodies of the largest size, threads.
pub const MOST_KB: u64 = 200_000;

#[test]
fn any_request_is_answered_without_a_500_and_in_bounded_memory() {
    let folder = Folder::new();
    let (terms, store) = (folder.join("terms.json"), folder.join("labels.sqlite"));
    let (tokens, log) = (folder.join("tokens.json"), folder.join("reads.jsonl"));
    std::fs::write(&terms, TERMS).unwrap();
    let keys = saved(&folder, &gateway());
    let [terms, store, tokens, log, keys] =
        [&terms, &store, &tokens, &log, &keys].map(|path| path.to_str().unwrap());
    let (made, token) = run(&["tokens", "new", "--tokens", tokens, "--role", "analyst", "--name", "alice"]);
    assert!(made, "{token}");
    let more =
        ["--labels", terms, "--label-store", store, "--tokens", tokens, "--read-log", log, "--gateway", keys];
    let mut server = Server::start(&folder, &plan(5, 2), &more);
    let address = server.url.trim_start_matches("http://").to_owned();
    let seen = std::cell::RefCell::new(std::collections::BTreeMap::<u16, u32>::new());
    let asked = spend(3_000, &request(), |mut request| {
        // A few of them may read.
        if request.body.len() % 3 == 0 {
            request.headers.push(("authorization".into(), format!("Bearer {}", token.trim())));
        }
        for status in answers(&address, &request.bytes()) {
            prop_assert!(status < 500, "{status}");
            *seen.borrow_mut().entry(status).or_default() += 1;
        }
        Ok(())
    });
    let (seen, peak) = (seen.into_inner(), peak(server.id()));
    println!("{asked} requests, answered {seen:?}, at most {peak} kB of memory");
    // The property would be empty if these never happened.
    for status in [200, 400, 401, 404, 405, 415] {
        assert!(seen.get(&status).is_some_and(|count| *count > 10), "{status}: {seen:?}");
    }
    assert!(peak < MOST_KB, "{peak} kB");
    assert_eq!(server.get("/healthz").status, 200);
    assert!(server.stop().success(), "it stops as if nothing had been");
    assert!(!server.rest().contains("panicked"));
}
