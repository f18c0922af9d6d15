//! Each report counts once, whoever sends it and how often.

use crate::fleet::{Noise, current, plan};
use crate::kept::{Held, Kind, on_both_stores};
use crate::process::{Folder, Server, command, write_plan};
use keepset_wire::Epoch;

on_both_stores!(
    a_report_sent_again_changes_nothing,
    a_report_twice_in_one_body_counts_once,
    another_answer_under_a_known_id_changes_nothing,
    a_name_counts_once_in_a_window_and_again_in_the_next,
    the_same_reports_from_many_senders_at_once_count_once,
    ids_are_forgotten_when_their_window_closes_and_the_counts_stay,
    a_window_once_closed_stays_closed_though_the_clock_goes_back,
);

fn a_report_sent_again_changes_nothing(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 1);
    let body = noise.body(current(&plan), 3);
    assert_eq!(server.post(&body).json(), serde_json::json!({"accepted": 3, "known": 0}));
    let estimates = server.get("/v1/estimates").body;
    assert_eq!(server.post(&body).json(), serde_json::json!({"accepted": 0, "known": 3}));
    assert_eq!(server.get("/v1/estimates").body, estimates);
    assert_eq!(server.acknowledged(), [3, 3]);
}

fn a_report_twice_in_one_body_counts_once(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 1);
    let (one, other) = (noise.bytes(current(&plan)), noise.bytes(current(&plan)));
    let answer = server.post(&[one.clone(), other, one].concat()).json();
    assert_eq!(answer, serde_json::json!({"accepted": 2, "known": 1}));
    let expected = Held { reports: 2, ids: 2, votes: 2 * noise.size() };
    assert_eq!(folder.held(), expected);
}

fn another_answer_under_a_known_id_changes_nothing(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 1);
    let first = noise.report(current(&plan));
    let mut second = noise.report(current(&plan));
    while second.answer == first.answer {
        second = noise.report(current(&plan));
    }
    second.id = first.id;
    server.post(&noise.seal(&first));
    let estimates = server.get("/v1/estimates").body;
    assert_eq!(server.post(&noise.seal(&second)).json()["known"], 1);
    assert_eq!(server.get("/v1/estimates").body, estimates);
}

fn a_name_counts_once_in_a_window_and_again_in_the_next(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let server = Server::start(&folder, &plan, &["--simulation"]);
    let mut noise = Noise::new(&plan, 1);
    let name = noise.report(Epoch(0)).id;
    let mut told = |epoch| {
        let report = keepset_wire::Report { id: name, ..noise.report(Epoch(epoch)) };
        server.post(&noise.seal(&report)).json()["accepted"].as_u64().unwrap()
    };
    assert_eq!([0, 0, 3, 4, 7, 8].map(&mut told), [1, 0, 0, 1, 0, 1]);
}

fn the_same_reports_from_many_senders_at_once_count_once(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 7);
    let bodies: Vec<Vec<u8>> = (0..40).map(|_| noise.body(current(&plan), 25)).collect();
    let accepted: i64 = std::thread::scope(|scope| {
        let send =
            || bodies.iter().map(|body| server.post(body).json()["accepted"].as_i64().unwrap()).sum::<i64>();
        let senders: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    assert_eq!(accepted, 1_000);
    let expected = Held { reports: 1_000, ids: 1_000, votes: 1_000 * noise.size() };
    assert_eq!(folder.held(), expected);
}

fn ids_are_forgotten_when_their_window_closes_and_the_counts_stay(kind: Kind) {
    // A simulation fills old windows; the store is then turned into a live store, whose windows are long closed.
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut noise = Noise::new(&plan, 3);
    let now = current(&plan);
    let mut server = Server::start(&folder, &plan, &["--simulation"]);
    for epoch in [Epoch(0), Epoch(3), Epoch(4), now] {
        assert_eq!(server.post(&noise.body(epoch, 10)).status, 200);
    }
    assert!(server.stop().success());
    folder.set("simulation = false");
    let server = Server::start(&folder, &plan, &[]);
    let expected = Held { reports: 40, ids: 10, votes: 40 * noise.size() };
    for _ in 0..2_600 {
        if folder.held() == expected {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(folder.held(), expected);
    let states: Vec<String> = server.get("/v1/estimates").json()["windows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|window| window["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["closed", "closed", "open"]);
}

fn a_window_once_closed_stays_closed_though_the_clock_goes_back(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut server = Server::start(&folder, &plan, &[]);
    assert!(server.stop().success());
    // As if the clock had once been two epochs ahead of now.
    let later = i64::from(current(&plan).0) + 2;
    folder.set(&format!("closed_before = {later}"));
    let server = Server::start(&folder, &plan, &[]);
    let body = Noise::new(&plan, 1).bytes(current(&plan));
    assert_eq!(server.post(&body).problem(410, "window-closed")["index"], 0);
    assert_eq!(folder.held(), Held { reports: 0, ids: 0, votes: 0 });
}

#[test]
fn a_store_of_another_plan_mode_or_program_is_refused_in_a_sentence() {
    let (folder, five) = (Folder::new(), plan(5, 2));
    let store = folder.join("store.sqlite");
    assert!(Server::start(&folder, &five, &[]).stop().success());
    let refusal = |plan, store: &std::path::Path, more: &[&str]| {
        let output = command(&write_plan(&folder, plan), store, more).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let other = plan(6, 2);
    let words = refusal(&other, &store, &[]);
    assert!(words.contains(&five.hash().to_string()) && words.contains(&other.hash().to_string()), "{words}");
    assert!(refusal(&five, &store, &["--simulation"]).contains("holds real reports"));
    let text = folder.join("notes.txt");
    std::fs::write(
        &text,
        "A shopping list, and quite a long one at that: it goes on and on and on.".repeat(20),
    )
    .unwrap();
    assert!(refusal(&five, &text, &[]).contains("something else"));
    let foreign = folder.join("foreign.sqlite");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    let before = std::fs::read(&foreign).unwrap();
    assert!(refusal(&five, &foreign, &[]).contains("something else"));
    assert_eq!(std::fs::read(&foreign).unwrap(), before, "another program's file is left as it is");
}
