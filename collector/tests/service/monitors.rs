//! What a monitor reads: counts, and whether the store can be written.

use crate::fleet::{current, honest, plan, sealed_body};
use crate::kept::{Kind, on_both_stores};
use crate::process::{Folder, Server};

on_both_stores!(metrics_count_what_was_answered_and_name_the_store, a_store_that_can_be_written_is_ready,);

fn metrics_count_what_was_answered_and_name_the_store(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(3, 1));
    let server = Server::start(&folder, &plan, &[]);
    let fleet = honest(&plan, &[0.5, 0.2, 0.1], 40, current(&plan), 1);
    let bodies: Vec<_> = fleet.bodies.iter().map(|body| sealed_body(&plan, body)).collect();
    for body in bodies.iter().chain(&bodies) {
        assert_eq!(server.post(body).status, 200);
    }
    server.post(b"no report").problem(400, "wrong-length");
    server.get("/v9").problem(404, "not-found");
    let answer = server.get("/metrics");
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.metric("keepset_reports_total{result=\"accepted\"}"), 40);
    assert_eq!(answer.metric("keepset_reports_total{result=\"known\"}"), 40);
    assert_eq!(answer.metric("keepset_reports_total{result=\"late\"}"), 0);
    assert_eq!(answer.metric("keepset_refused_requests_total{problem=\"wrong-length\"}"), 1);
    assert_eq!(answer.metric("keepset_refused_requests_total{problem=\"not-found\"}"), 1);
    let posts = 2 * bodies.len() as u64 + 1;
    let all = "keepset_request_duration_seconds_bucket{route=\"/v1/reports\",le=\"+Inf\"}";
    assert_eq!(answer.metric(all), posts);
    assert_eq!(answer.metric("keepset_request_duration_seconds_count{route=\"/v1/reports\"}"), posts);
    let store = if kind == Kind::Sqlite { "sqlite" } else { "postgres" };
    assert_eq!(answer.metric(&format!("keepset_store_info{{kind=\"{store}\"}}")), 1);
    for line in answer.body.lines().filter(|line| !line.starts_with('#')) {
        let (name, number) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("keepset_") && number.parse::<u64>().is_ok(), "{line}");
    }
}

#[test]
fn reports_that_come_too_late_are_counted_before_they_are_written_down() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let server = Server::start(&folder, &plan, &[]);
    let fleet = honest(&plan, &[0.5, 0.2, 0.1], 7, keepset_wire::Epoch(1), 1);
    fleet.bodies.iter().for_each(|body| {
        server.post(&sealed_body(&plan, body)).problem(410, "window-closed");
    });
    assert_eq!(server.metric("keepset_reports_total{result=\"late\"}"), 7);
}

fn a_store_that_can_be_written_is_ready(kind: Kind) {
    let folder = Folder::with(kind);
    let server = Server::start(&folder, &plan(3, 1), &[]);
    let answer = server.get("/readyz");
    assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("ready")));
}

#[test]
fn a_store_that_cannot_be_written_is_not_ready_while_the_process_is_healthy() {
    let folder = Folder::new();
    let server = Server::start(&folder, &plan(3, 1), &[]);
    let other = rusqlite::Connection::open(folder.store().trim_start_matches("sqlite:")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    server.get("/readyz").problem(503, "store-unavailable");
    assert_eq!(server.get("/healthz").body, r#"{"status":"ok"}"#, "the process answers, and tells no count");
    other.execute_batch("ROLLBACK").unwrap();
    // The answer before is held for a moment.
    let ready = || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        server.get("/readyz").status == 200
    };
    assert!((0..300).any(|_| ready()), "it is ready when the lock is gone");
}
