//! Starting and stopping: every acknowledged report outlives both.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use keepset_wire::seal::SEALED_TYPE;

use crate::fleet::{Noise, current, plan};
use crate::kept::{Kind, held, on_both_stores};
use crate::process::{Folder, Server, command, write_keys, write_plan};

/// Counts and codes, and the one address that is no visitor's: its own.
#[test]
fn a_log_of_json_says_what_was_counted_and_nothing_of_who_asked() {
    use std::io::{BufRead as _, BufReader};
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut child = command(&write_plan(&folder, &plan), folder.store(), &["--log", "json"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let started = next();
    assert_eq!((&started["event"], &started["store"]), (&"started".into(), &"sqlite".into()));
    assert_eq!(started["plan"], plan.hash().to_string());
    let url = format!("{}v1/reports", started["address"].as_str().unwrap());
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let send = |body: &[u8]| {
        let request = agent.post(&url).header("content-type", SEALED_TYPE).header("user-agent", "somebody");
        request.send(body).unwrap().status().as_u16()
    };
    let body = Noise::new(&plan, 1).body(current(&plan), 7);
    assert_eq!([send(&body), send(&body), send(b"x"), send(b"y")], [200, 200, 400, 400]);
    drop(agent);
    let stop = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stop.success() && child.wait().unwrap().success());
    let mut counts = next();
    let when = counts["when"].take();
    assert_eq!(when.as_str().unwrap().len(), 20);
    assert_eq!(
        counts,
        serde_json::json!({"when": null, "event": "counts", "accepted": 7, "known": 7, "late": 0, "refused": {"wrong-length": 2}})
    );
    assert_eq!(next()["event"], "stopped");
    assert!(lines.next().is_none());
}

#[test]
fn the_signal_to_stop_lets_a_request_under_way_finish() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut server = Server::start(&folder, &plan, &[]);
    let body = Noise::new(&plan, 1).body(current(&plan), 2);
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /v1/reports HTTP/1.1\r\nhost: x\r\ncontent-type: {SEALED_TYPE}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..50]).unwrap();
    // Until the request is certainly being read.
    server.get("/healthz");
    let rest = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        stream.write_all(&body[50..]).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(server.stop().success());
    let answer = rest.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""accepted":2"#), "{answer}");
    assert_eq!(held(&folder.join("store.sqlite")).reports, 2);
    // The log was folded into the file: a copy of the one file is a whole backup.
    assert!(!folder.join("store.sqlite-wal").exists());
}

#[test]
fn a_store_that_cannot_be_written_acknowledges_nothing_and_recovers() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let store = folder.join("store.sqlite");
    let server = Server::start(&folder, &plan, &[]);
    let body = Noise::new(&plan, 1).body(current(&plan), 3);
    let other = rusqlite::Connection::open(&store).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = server.post(&body);
    refused.problem(503, "store-unavailable");
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(held(&store).reports, 0);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(server.post(&body).json()["accepted"], 3);
}

on_both_stores!(what_was_counted_is_there_after_a_restart);

fn what_was_counted_is_there_after_a_restart(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut server = Server::start(&folder, &plan, &[]);
    server.post(&Noise::new(&plan, 1).body(current(&plan), 500));
    let before = server.get("/v1/estimates").body;
    assert!(server.stop().success());
    assert_eq!(Server::start(&folder, &plan, &[]).get("/v1/estimates").body, before);
}

#[test]
fn a_wrong_start_names_the_flag_and_what_is_wrong() {
    let (folder, five) = (Folder::new(), plan(5, 2));
    let store = folder.join("store.sqlite");
    let words = |plan: &std::path::Path, more: &[&str]| {
        let output = command(plan, &store, more).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let right = write_plan(&folder, &five);
    assert!(words(&folder.join("none.json"), &[]).contains("--plan: "));
    let wrong = folder.join("wrong.json");
    std::fs::write(&wrong, five.to_json().to_string().replace("\"epsilon\":2.0", "\"epsilon\":99")).unwrap();
    assert!(words(&wrong, &[]).contains("$.epsilon"));
    assert!(words(&right, &["--static", "/nowhere/at/all"]).contains("--static: "));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut second = std::process::Command::new(env!("CARGO_BIN_EXE_keepset-collector"));
    second.arg("--plan").arg(&right).arg("--store").arg(&store).args(["--listen", &address]);
    second.arg("--keys").arg(write_keys(&right)).arg("--public-reading");
    let output = second.output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("--listen: "));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_keepset-collector"))
        .arg("--plan")
        .arg(&right)
        .args(["--simulation", "--store", "mysql://host/db"])
        .output()
        .unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("sqlite:PATH"));
}
