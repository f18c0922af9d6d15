//! What each wrong request is told: a problem with a stable type, nothing stored, one counter up.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use keepset_wire::seal::SEALED_TYPE;
use keepset_wire::{Epoch, PlanHash};

use crate::fleet::{Noise, current, plan};
use crate::kept::{Held, held};
use crate::process::{Answer, Folder, Server};

const NOTHING: Held = Held { reports: 0, ids: 0, votes: 0 };

/// Sends `body`, expects the problem, its counter one up, and an untouched store.
fn refused(body: &[u8], status: u16, slug: &str) -> serde_json::Value {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let problem = server.post(body).problem(status, slug);
    assert_eq!(server.counter(slug), 1);
    assert_eq!(held(&folder.join("store.sqlite")), NOTHING);
    problem
}

/// A good report followed by one that `change` spoils.
fn second_spoiled(change: impl FnOnce(&mut keepset_wire::Report)) -> Vec<u8> {
    let plan = plan(5, 2);
    let mut report = Noise::new(&plan, 3).report(current(&plan));
    change(&mut report);
    second_bent(|bytes| *bytes = report.encode(&plan).unwrap())
}

/// A good report followed by one whose bytes `change` bends before they are sealed.
fn second_bent(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let plan = plan(5, 2);
    let mut noise = Noise::new(&plan, 1);
    let mut body = noise.bytes(current(&plan));
    let mut bytes = noise.report(current(&plan)).encode(&plan).unwrap();
    change(&mut bytes);
    body.extend(noise.seal_bytes(&bytes));
    body
}

#[test]
fn an_empty_body_is_refused() {
    refused(b"", 400, "empty-body");
}

#[test]
fn a_body_of_the_wrong_length_is_refused_and_told_the_right_one() {
    let mut body = Noise::new(&plan(5, 2), 1).body(current(&plan(5, 2)), 2);
    body.pop();
    let problem = refused(&body, 400, "wrong-length");
    assert_eq!(problem["expected"], 110);
    assert_eq!(problem["index"], 1);
}

#[test]
fn a_report_of_another_version_is_refused() {
    let mut body = second_spoiled(|_| {});
    body[110] = 2;
    assert_eq!(refused(&body, 400, "unknown-version")["index"], 1);
    assert_eq!(refused(&second_bent(|bytes| bytes[0] = 2), 400, "unknown-version")["index"], 1);
}

#[test]
fn a_report_of_another_plan_is_refused() {
    let body = second_spoiled(|report| report.plan = PlanHash([9; 16]));
    assert_eq!(refused(&body, 409, "unknown-plan")["index"], 1);
}

#[test]
fn a_report_of_a_closed_window_is_refused() {
    assert_eq!(refused(&second_spoiled(|report| report.epoch = Epoch(0)), 410, "window-closed")["index"], 1);
}

#[test]
fn a_report_from_the_future_is_refused() {
    let ahead = |report: &mut keepset_wire::Report| report.epoch.0 += 2;
    assert_eq!(refused(&second_spoiled(ahead), 422, "epoch-ahead")["index"], 1);
    refused(&second_spoiled(|report| report.epoch = Epoch(u32::MAX)), 422, "epoch-ahead");
}

#[test]
fn a_question_the_plan_does_not_have_is_refused() {
    assert_eq!(refused(&second_bent(|bytes| bytes[18] = 1), 422, "unknown-question")["index"], 1);
}

#[test]
fn an_answer_of_another_size_than_every_honest_one_is_refused() {
    let more = |report: &mut keepset_wire::Report| {
        let free = (0..7).find(|cell| !report.answer.contains(*cell)).unwrap();
        report.answer.insert(free);
    };
    let problem = refused(&second_spoiled(more), 422, "malformed-answer");
    assert_eq!(
        (problem["index"].as_u64(), problem["expected"].as_i64()),
        (Some(1), Some(Noise::new(&plan(5, 2), 0).size()))
    );
    assert_eq!(refused(&second_bent(|bytes| bytes[39] |= 0x80), 422, "malformed-answer")["index"], 1);
}

#[test]
fn more_than_4096_reports_at_once_are_refused_whether_or_not_the_length_is_announced() {
    let plan = plan(5, 2);
    let body = Noise::new(&plan, 1).body(current(&plan), 4_097);
    refused(&body, 413, "body-too-large");
    let (folder, mut noise) = (Folder::new(), Noise::new(&plan, 2));
    let server = Server::start(&folder, &plan, &[]);
    let url = format!("{}/v1/reports", server.url);
    let chunked = |body: &[u8]| {
        let request = server.agent().post(&url).header("content-type", SEALED_TYPE);
        Answer::read(request.send(ureq::SendBody::from_reader(&mut &body[..])).unwrap())
    };
    chunked(&body).problem(413, "body-too-large");
    assert_eq!(chunked(&noise.body(current(&plan), 4_096)).status, 200);
}

#[test]
fn a_body_of_another_content_type_is_refused() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let body = Noise::new(&plan, 1).bytes(current(&plan));
    let url = format!("{}/v1/reports", server.url);
    let post = |kind: &str| {
        Answer::read(server.agent().post(&url).header("content-type", kind).send(&body).unwrap())
    };
    post("application/octet-stream").problem(415, "wrong-content-type");
    post("application/vnd.keepset.sealed-reportsx").problem(415, "wrong-content-type");
    let megabyte =
        server.agent().post(&url).header("content-type", "text/plain").send(vec![0; 1 << 20].as_slice());
    Answer::read(megabyte.expect("whoever is refused hears it")).problem(415, "wrong-content-type");
    let zipped =
        server.agent().post(&url).header("content-type", SEALED_TYPE).header("content-encoding", "gzip");
    Answer::read(zipped.send(&body).unwrap()).problem(415, "wrong-content-type");
    assert_eq!(held(&folder.join("store.sqlite")), NOTHING);
    assert_eq!(post("Application/vnd.Keepset.Sealed-Reports; charset=binary").status, 200);
}

#[test]
fn a_body_cut_off_stores_nothing() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let body = Noise::new(&plan, 1).body(current(&plan), 2);
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /v1/reports HTTP/1.1\r\nhost: x\r\ncontent-type: {SEALED_TYPE}\r\ncontent-length: 220\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..110]).unwrap();
    // Cut, not closed: what the rest of the bytes would have been is never said.
    drop(stream);
    while server.counter("cut-body") == 0 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(held(&folder.join("store.sqlite")), NOTHING);
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_body_that_dribbles_is_cut_off_in_time() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /v1/reports HTTP/1.1\r\nhost: x\r\ncontent-type: {SEALED_TYPE}\r\ncontent-length: 110\r\n\r\n1"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 408");
    assert_eq!(server.counter("slow-body"), 1);
}

#[test]
fn an_unknown_path_method_or_query_is_a_problem_too() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    server.get("/v2/reports").problem(404, "not-found");
    server.get("/demo/index.html").problem(404, "not-found");
    let wrong = server.get("/v1/reports");
    wrong.problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "POST");
    for query in ["window=x", "window=-1", "window=99999999999", "week=1", "window=1&window=2"] {
        server.get(&format!("/v1/estimates?{query}")).problem(400, "bad-query");
        server.get(&format!("/?{query}")).problem(400, "bad-query");
    }
    server.get("/v1/estimates?window=100000").problem(404, "unknown-window");
    assert_eq!((server.counter("not-found"), server.counter("bad-query")), (2, 10));
}

#[test]
fn every_problem_type_leads_to_its_explanation() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let counters = server.get("/metrics").body;
    let lines =
        counters.lines().filter_map(|line| line.strip_prefix("keepset_refused_requests_total{problem=\""));
    let slugs: Vec<&str> = lines.map(|line| line.split('"').next().unwrap()).collect();
    assert_eq!(slugs.len(), keepset_collector::problem::Kind::ALL.len());
    for slug in slugs {
        let page = server.get(&format!("/problems/{slug}"));
        assert_eq!((page.status, page.header("content-type")), (200, "text/plain; charset=utf-8"), "{slug}");
    }
    server.get("/problems/none").problem(404, "not-found");
}

#[test]
fn nothing_that_was_sent_comes_back_or_is_printed() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut server = Server::start(&folder, &plan, &[]);
    let marker = "visitor-4711";
    let body = marker.repeat(10);
    for answer in
        [server.post(body.as_bytes()), server.get(&format!("/{marker}")), server.get(&format!("/?{marker}"))]
    {
        assert!(!answer.body.contains(marker), "{}", answer.body);
    }
    assert!(server.stop().success());
    let printed = server.rest();
    assert_eq!(printed, "keepset-collector: stopped, every acknowledged report is stored\n");
}
