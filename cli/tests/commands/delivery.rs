//! The way to a real collector, with a wire between that loses answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::common::{Scratch, sample};
use keepset_cli::crowd::Crowd;
use keepset_cli::fleet::Noise;
use keepset_cli::replay::{Replay, Unwatched};
use keepset_collector::clock::Clock;
use keepset_collector::keys::Keyring;
use keepset_collector::listen::{Listening, serve};
use keepset_collector::server::Collector;
use keepset_collector::store::{Address, Purpose, Store};
use keepset_wire::{Plan, Report, Sealed, Timestamp};

/// A key for all the time of the sample, which is nobody's secret.
fn keys() -> Keyring {
    let date = |text| Timestamp::from_date(text).unwrap();
    let mut keys = Keyring::default();
    keys.add([5; 32], date("2016-01-01"), date("2030-01-01")).unwrap();
    keys
}

/// Starts a collector of a simulation with a fresh store on a free port; it ends with the test's process.
fn start_collector(plan: Plan, keys: Keyring) -> (SocketAddr, Scratch) {
    start_collector_at(plan, keys, Clock::Simulation)
}

fn start_collector_at(plan: Plan, keys: Keyring, clock: Clock) -> (SocketAddr, Scratch) {
    let file = Scratch::new("collector.sqlite", "");
    std::fs::remove_file(&file.0).unwrap();
    let address = Address::parse(&format!("sqlite:{}", file.text())).unwrap();
    let store = Store::open(
        &address,
        &Purpose { plan: plan.clone(), simulation: clock.is_simulation(), archived: false },
    )
    .unwrap();
    let collector = Arc::new(Collector::new(plan, keys, store, clock).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let listening = Listening { most: 64, tls: None };
            serve(listener, listening, collector, None, std::future::pending()).await.unwrap();
        });
    });
    (address, file)
}

/// What the wire does to the n-th delivery of reports.
#[derive(Clone, Copy)]
enum Trouble {
    /// The collector gets it, the answer is lost.
    AnswerLost,
    /// It never arrives; something between says 503.
    Unavailable,
}

/// Starts a wire to `collector` that meets the first deliveries with `troubles` and keeps every body.
fn start_wire(collector: SocketAddr, troubles: Vec<Trouble>) -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&bodies);
    thread::spawn(move || {
        let mut troubles = troubles.into_iter();
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let Some((head, body)) = read_request(&mut client) else { continue };
            let delivery = head.starts_with("POST /v1/reports ");
            let trouble = if delivery { troubles.next() } else { None };
            if delivery {
                kept.lock().unwrap().push(body.clone());
            }
            let answer = match trouble {
                Some(Trouble::Unavailable) => {
                    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                        .to_vec()
                }
                _ => forward(collector, &head, &body),
            };
            if !matches!(trouble, Some(Trouble::AnswerLost)) {
                client.write_all(&answer).unwrap();
            }
        }
    });
    (address, bodies)
}

fn read_request(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    let end = loop {
        let read = client.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length =
        head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = bytes.split_off(end);
    while body.len() < length.unwrap_or(0) {
        let read = client.read(&mut buffer).unwrap();
        assert_ne!(read, 0, "the client broke off");
        body.extend_from_slice(&buffer[..read]);
    }
    Some((head, body))
}

/// Sends a request on, one per connection, and returns the whole answer.
fn forward(collector: SocketAddr, head: &str, body: &[u8]) -> Vec<u8> {
    let mut server = TcpStream::connect(collector).unwrap();
    let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    server.write_all(head.as_bytes()).unwrap();
    server.write_all(body).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn lost_answers_are_met_with_the_same_bytes_and_no_report_counts_twice() {
    let alone = sample().run(&mut Unwatched).unwrap();
    let (collector, _store) = start_collector(sample().pack.plan.unwrap(), keys());
    let (wire, bodies) =
        start_wire(collector, vec![Trouble::AnswerLost, Trouble::Unavailable, Trouble::AnswerLost]);
    let replay = Replay { collector: Some(format!("http://{wire}")), ..sample() };
    let summary = replay.run(&mut Unwatched).unwrap();

    let bodies = bodies.lock().unwrap();
    assert_eq!(summary.estimated_by, "collector");
    assert!(!bodies[0].is_empty());
    let plan = sample().pack.plan.unwrap();
    for sealed in bodies[0].chunks_exact(Sealed::length(&plan)) {
        let opened = Sealed::decode(&plan, sealed).unwrap().open(keys().opening(1).unwrap()).unwrap();
        Report::decode(&plan, plan.hash(), &opened).unwrap();
    }
    assert!(bodies[..4].iter().all(|body| *body == bodies[0]), "a retry sent other bytes");
    assert!(bodies[4..].iter().all(|body| *body != bodies[0]), "what was acknowledged was sent again");
    // The same seed draws the same reports, so the collector must have counted what a replay alone counts.
    assert_eq!(summary.reports, alone.reports);
    let counts = |summary: &keepset_cli::replay::Summary| -> Vec<(u64, u64)> {
        let questions = summary.windows.iter().flat_map(|window| &window.questions);
        questions.flat_map(|question| &question.segments).map(|s| (s.support, s.reports)).collect()
    };
    assert_eq!(counts(&summary), counts(&alone));
    let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
    for (here, there) in alone.segments.iter().zip(&summary.segments) {
        assert!(
            close(here.estimate, there.estimate)
                && close(here.low, there.low)
                && close(here.high, there.high)
        );
        assert_eq!(here.published, there.published);
    }
}

#[test]
fn a_collector_with_another_plan_gets_nothing() {
    let mut plan = sample().pack.plan.unwrap();
    plan.reason.push('!');
    let (collector, _store) = start_collector(plan, keys());
    let (wire, bodies) = start_wire(collector, Vec::new());
    let replay = Replay { collector: Some(format!("http://{wire}")), ..sample() };
    let error = replay.run(&mut Unwatched).unwrap_err().to_string();
    assert!(error.contains("serves the plan") && error.contains("keepset plan"), "{error}");
    assert!(bodies.lock().unwrap().is_empty());
}

#[test]
fn a_simulation_without_keys_gets_its_reports_unsealed() {
    let plan = sample().pack.plan.unwrap();
    let (collector, _store) = start_collector(plan.clone(), Keyring::default());
    let (wire, bodies) = start_wire(collector, Vec::new());
    let summary =
        Replay { collector: Some(format!("http://{wire}")), ..sample() }.run(&mut Unwatched).unwrap();
    let bodies = bodies.lock().unwrap().concat();
    let reports = bodies.chunks_exact(Report::length(&plan));
    assert_eq!(reports.len() as u64, summary.reports);
    for report in reports {
        Report::decode(&plan, plan.hash(), report).unwrap();
    }
}

#[test]
fn a_collector_whose_keys_are_of_another_time_is_named_before_anything_is_sent() {
    let date = |text| Timestamp::from_date(text).unwrap();
    let mut keys = Keyring::default();
    keys.add([5; 32], date("2026-01-01"), date("2030-01-01")).unwrap();
    let (collector, _store) = start_collector(sample().pack.plan.unwrap(), keys);
    let replay = Replay { collector: Some(format!("http://{collector}")), ..sample() };
    let error = replay.run(&mut Unwatched).unwrap_err().to_string();
    assert!(error.contains("keys new --from"), "{error}");
}

/// A crowd of seeded devices that report to `collector`.
fn crowd(collector: SocketAddr, devices: u64, plain: bool) -> Crowd {
    let collector = format!("http://{collector}");
    Crowd { devices, collector, plain, noise: Noise::Seeded(7), token: None }
}

/// 120 seeded intervals of 95 %: honest ones hold the truth in fewer than 103 with probability below 1e-5.
#[test]
fn a_crowd_reports_over_http_sealed_or_not_and_its_intervals_hold_the_truth() {
    let segments: Vec<String> = (0..120).map(|index| format!("\"s{index}\"")).collect();
    let text = format!(
        r#"{{"id": "crowd", "owner": "o", "reason": "r", "starts": "2017-01-01", "expires": "2018-01-01", "epsilon": 2,
        "questions": [{{"id": "sizes", "reason": "r", "segments": [{}], "cap": 4}}]}}"#,
        segments.join(",")
    );
    let plan = Plan::parse(&text).unwrap();
    for plain in [false, true] {
        let (collector, _file) = start_collector(plan.clone(), keys());
        let mut told = Vec::new();
        let outcome = crowd(collector, 5_000, plain).run(&mut |done| told.push(done)).unwrap();
        assert_eq!(outcome.sealed, !plain);
        assert!(told.is_sorted() && told.iter().all(|done| *done <= 5_000));
        assert_eq!(
            (outcome.window.questions[0].reports, outcome.window.questions[0].replayed),
            (5_000, 5_000)
        );
        let (held, intervals) = outcome.coverage();
        assert!(intervals == 120 && held >= 103, "{held} of {intervals}");
    }
}

#[test]
fn a_crowd_asks_every_kind_of_question_of_a_plan() {
    let text = r#"{"id": "kinds", "owner": "o", "reason": "r", "starts": "2017-01-01", "expires": "2018-01-01", "epsilon": 4, "questions": [
        {"id": "together", "reason": "r", "ask": "overlaps", "segments": ["a", "b", "c"], "cap": 2},
        {"id": "spending", "reason": "r", "ask": "histogram", "feature": "spend", "low": 0, "high": 100, "bins": 4},
        {"id": "visits", "reason": "r", "ask": "mean", "feature": "visits", "low": 0, "high": 10},
        {"id": "buying", "reason": "r", "ask": "conversion", "segments": ["a", "b"], "outcome": "c"},
        {"id": "scores", "reason": "r", "ask": "calibration", "model": "m", "cuts": [-1, 0.5], "outcome": "c"}]}"#;
    let (collector, _file) = start_collector(Plan::parse(text).unwrap(), keys());
    let outcome = crowd(collector, 20_000, true).run(&mut |_| {}).unwrap();
    assert_eq!(outcome.window.questions.len(), 5);
    for result in
        outcome.window.questions.iter().flat_map(|question| question.segments.iter().chain(&question.figures))
    {
        // 5 standard errors: of these 33 numbers one is further away with probability below 2e-5.
        let away = (result.estimate - result.truth).abs();
        assert!(away <= 5.0 * result.standard_error, "{} {}: {away}", result.measure, result.id);
    }
}

#[test]
fn a_crowd_that_does_not_seal_is_refused_where_it_counts() {
    let plan = r#"{"id": "p", "owner": "o", "reason": "r", "starts": "2017-01-01", "expires": "2060-01-01", "epsilon": 2,
        "questions": [{"id": "sizes", "reason": "r", "segments": ["a", "b"], "cap": 1}]}"#;
    let (collector, _file) = start_collector_at(Plan::parse(plan).unwrap(), keys(), Clock::System);
    let refused = crowd(collector, 10, true).run(&mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("not-sealed"), "{refused}");
}
