//! What an operator does with a store: back up, restore, move, make small; and what stays the same meanwhile.

use std::num::NonZeroU16;

use keepset_wire::{Epoch, Plan, Retention};

use crate::fleet::{Noise, current, plan};
use crate::kept::{Held, Kind, on_both_stores};
use crate::load::Load;
use crate::process::{Folder, Server, command, run, write_plan};

on_both_stores!(
    a_backup_of_a_running_collector_is_whole_and_restores_into_either_kind,
    a_moved_store_takes_every_acknowledged_report_with_it_and_counts_nothing_more,
    a_closed_window_never_changes_and_late_reports_are_counted_apart,
    compacting_changes_no_estimate,
    counts_go_when_they_have_had_their_time_and_open_windows_stay,
    counts_go_when_the_plan_says_so,
);

fn other(kind: Kind) -> Kind {
    if kind == Kind::Sqlite { Kind::Postgres } else { Kind::Sqlite }
}

fn a_backup_of_a_running_collector_is_whole_and_restores_into_either_kind(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut noise = Noise::new(&plan, 3);
    let body = noise.body(current(&plan), 300);
    let mut server = Server::start(&folder, &plan, &[]);
    server.post(&body);
    let backup = folder.join("backup.sqlite").display().to_string();
    let (done, said) = run(&["backup", "--store", folder.store(), &backup]);
    assert!(done && said.contains("300 reports"), "{said}");
    // What came after the backup is not in it.
    server.post(&noise.body(current(&plan), 50));
    assert!(server.stop().success());
    for kind in [kind, other(kind)] {
        let restored = Folder::with(kind);
        let (done, said) = run(&["restore", "--store", restored.store(), &backup]);
        assert!(done, "{said}");
        assert_eq!(restored.held(), Held { reports: 300, ids: 300, votes: 300 * noise.size() });
        let server = Server::start(&restored, &plan, &[]);
        assert_eq!(server.post(&body).json()["known"], 300, "names are part of a backup");
        let (done, said) = run(&["restore", "--store", restored.store(), &backup]);
        assert!(!done && said.contains("there is a store already"), "{said}");
    }
}

fn a_moved_store_takes_every_acknowledged_report_with_it_and_counts_nothing_more(kind: Kind) {
    let (old, new, mut load) = (Folder::with(kind), Folder::with(other(kind)), Load::new());
    let mut server = Server::start(&old, load.plan(), &[]);
    let told = load.send_while(&[&server], |under| {
        under.wait_for(50);
        // The collector is still running, and devices are still sending.
        let (done, said) = run(&["move", "--store", old.store(), "--to", new.store()]);
        assert!(done, "{said}");
        under.wait_for_refusals(5);
    });
    let refused = server.post(&Noise::new(load.plan(), 9).bytes(current(load.plan())));
    refused.problem(503, "store-unavailable");
    assert!(server.stop().success());
    let (done, said) = run(&["compact", "--store", old.store()]);
    assert!(!done && said.contains("was moved"), "{said}");
    load.check(&Server::start(&new, load.plan(), &[]), told);
    assert_eq!(new.held(), load.held());
}

fn a_closed_window_never_changes_and_late_reports_are_counted_apart(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut noise = Noise::new(&plan, 3);
    let (past, now) = (Epoch(3), current(&plan));
    let mut simulation = Server::start(&folder, &plan, &["--simulation"]);
    simulation.post(&noise.body(past, 700));
    assert!(simulation.stop().success());
    folder.set("simulation = false");
    let window = |server: &Server| server.get("/v1/estimates?window=0").json()["windows"][0].clone();
    let mut server = Server::start(&folder, &plan, &[]);
    for _ in 0..2_600 {
        if window(&server)["state"] == "closed" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let before = window(&server);
    assert_eq!((&before["state"], &before["late"]), (&"closed".into(), &0.into()));
    server.post(&noise.body(past, 2)).problem(410, "window-closed");
    server.post(&[noise.bytes(now), noise.bytes(past)].concat()).problem(410, "window-closed");
    assert_eq!(server.post(&noise.bytes(now)).json()["accepted"], 1);
    assert!(server.stop().success());
    let server = Server::start(&folder, &plan, &[]);
    let mut after = window(&server);
    assert_eq!(after["late"], 3);
    after["late"] = 0.into();
    assert_eq!(after, before);
}

fn counts_go_when_they_have_had_their_time_and_open_windows_stay(kind: Kind) {
    counts_go(kind, &plan(5, 2), &["--keep-counts-days", "1000"]);
}

fn counts_go_when_the_plan_says_so(kind: Kind) {
    let retention = Retention { counts_days: NonZeroU16::new(1_000), ..Retention::default() };
    let plan = Plan { retention, ..plan(5, 2) };
    counts_go(kind, &plan, &[]);
    let (folder, more) = (Folder::with(kind), ["--keep-counts-days", "1001"]);
    let refused = command(&write_plan(&folder, &plan), folder.store(), &more).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    assert!(said.contains("--keep-counts-days: the plan promises 1000 days, and 1001 are more"), "{said}");
}

/// Counts of 2017 and of some months ago, in a store that keeps them for a thousand days.
fn counts_go(kind: Kind, plan: &Plan, flags: &[&str]) {
    let folder = Folder::with(kind);
    let mut noise = Noise::new(plan, 3);
    let mut simulation = Server::start(&folder, plan, &[&["--simulation"], flags].concat());
    // Windows of 2017, one that closed some months ago, and the one that is open.
    let months = Epoch(current(plan).0 - 26);
    for epoch in [Epoch(3), Epoch(9), months, current(plan)] {
        assert_eq!(simulation.post(&noise.body(epoch, 100)).status, 200);
    }
    let windows = |server: &Server| server.get("/v1/estimates").json()["windows"].as_array().unwrap().len();
    assert_eq!(windows(&simulation), 4, "a simulation forgets nothing");
    assert!(simulation.stop().success());
    folder.set("simulation = false");
    let mut server = Server::start(&folder, plan, flags);
    for _ in 0..2_600 {
        if windows(&server) == 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(windows(&server), 2);
    server.post(&noise.bytes(Epoch(3))).problem(410, "window-closed");
    assert!(server.stop().success());
    let compact = |more: &[&str]| run(&[&["compact", "--store", folder.store()][..], more].concat());
    assert!(compact(&[]).0);
    assert_eq!(folder.held().reports, 200, "without a number of days counts stay");
    let (done, said) = compact(&["--keep-counts-days", "1"]);
    assert!(done, "{said}");
    assert_eq!(folder.held(), Held { reports: 100, ids: 100, votes: 100 * noise.size() });
    // What is left goes on being counted.
    let server = Server::start(&folder, plan, &["--keep-counts-days", "1"]);
    assert_eq!(server.post(&noise.bytes(current(plan))).json()["accepted"], 1);
    assert_eq!(windows(&server), 1);
}

fn compacting_changes_no_estimate(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut noise = Noise::new(&plan, 3);
    let mut server = Server::start(&folder, &plan, &["--simulation"]);
    for round in 0..40 {
        // Many commits, by every connection that writes.
        assert_eq!(server.post_plain(&plain(&mut noise, Epoch(round % 4), 500)).status, 200);
    }
    server.post_plain(&plain(&mut noise, current(&plan), 10));
    let windows = |server: &Server| {
        let mut windows = server.get("/v1/estimates").json()["windows"].clone();
        windows.as_array_mut().unwrap().iter_mut().for_each(|window| window["state"] = "any".into());
        windows
    };
    let before = windows(&server);
    assert!(server.stop().success());
    let full = size(&folder, kind);
    folder.set("simulation = false");
    for _ in 0..2 {
        let (done, said) = run(&["compact", "--store", folder.store()]);
        assert!(done, "{said}");
        assert_eq!(folder.held(), Held { reports: 20_010, ids: 10, votes: 20_010 * noise.size() });
        let compact = size(&folder, kind);
        assert!(compact * 4 < full, "{full} bytes became {compact}");
    }
    assert_eq!(windows(&Server::start(&folder, &plan, &[])), before);
    if kind == Kind::Postgres {
        // What was counted apart is summed: of the closed epochs there is one line for each.
        assert_eq!(folder.number("SELECT count(*) FROM keepset_tally WHERE epoch < 4"), 4);
    }
}

/// Reports that are not sealed, which costs time.
fn plain(noise: &mut Noise, epoch: Epoch, reports: usize) -> Vec<u8> {
    let plan = plan(5, 2);
    (0..reports).flat_map(|_| noise.report(epoch).encode(&plan).unwrap()).collect()
}

/// How many bytes the ids and counts take.
fn size(folder: &Folder, kind: Kind) -> i64 {
    match kind {
        Kind::Sqlite => i64::try_from(std::fs::metadata(folder.join("store.sqlite")).unwrap().len()).unwrap(),
        Kind::Postgres => folder.number(
            "SELECT CAST(coalesce(sum(pg_total_relation_size(quote_ident(tablename)::regclass)), 0) AS BIGINT)
             FROM pg_tables WHERE tablename LIKE 'keepset_ids_%'",
        ),
    }
}

#[test]
fn a_store_that_is_not_there_is_neither_backed_up_nor_made() {
    let folder = Folder::new();
    let backup = folder.join("backup.sqlite").display().to_string();
    let (done, said) = run(&["backup", "--store", folder.store(), &backup]);
    assert!(!done && said.contains("there is no store"), "{said}");
    assert!(!folder.join("store.sqlite").exists() && !folder.join("backup.sqlite").exists());
}

#[test]
fn a_store_whose_filling_was_not_finished_is_not_used_and_is_filled_by_the_next_try() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut noise = Noise::new(&plan, 3);
    let mut server = Server::start(&folder, &plan, &[]);
    server.post(&noise.body(current(&plan), 20));
    assert!(server.stop().success());
    let half = Folder::new();
    let to = half.join("store.sqlite").display().to_string();
    assert!(run(&["backup", "--store", folder.store(), &to]).0);
    // As a crash in the middle leaves it: made, and nothing in it.
    half.set("state = 'filling'; DELETE FROM counted; DELETE FROM tally; DELETE FROM support");
    let (done, said) =
        run(&["backup", "--store", half.store(), &half.join("next.sqlite").display().to_string()]);
    assert!(!done && said.contains("was not finished"), "{said}");
    assert!(run(&["backup", "--store", folder.store(), &to]).0);
    assert_eq!(half.held(), folder.held());
}

#[test]
fn a_database_of_another_format_is_refused_in_a_sentence_and_left_as_it_is() {
    let (folder, plan) = (Folder::with(Kind::Postgres), plan(5, 2));
    let mut database = postgres::Client::connect(folder.store(), postgres::NoTls).unwrap();
    let hash = plan.hash();
    database
        .batch_execute(&format!(
            "CREATE TABLE keepset_purpose (one INTEGER PRIMARY KEY CHECK (one = 1), format BIGINT NOT NULL,
                plan_hash TEXT NOT NULL, plan TEXT NOT NULL, simulation BOOLEAN NOT NULL, closed_before BIGINT NOT NULL,
                state TEXT NOT NULL);
             INSERT INTO keepset_purpose VALUES (1, 1, '{hash}', '{}', FALSE, 0, 'open');",
            plan.to_json()
        ))
        .unwrap();
    let (file, backup) = (write_plan(&folder, &plan), folder.join("backup.sqlite").display().to_string());
    let refusals = || {
        let output = command(&file, folder.store(), &[]).output().unwrap();
        assert!(!output.status.success());
        let (done, said) = run(&["backup", "--store", folder.store(), &backup]);
        assert!(!done);
        [String::from_utf8(output.stderr).unwrap(), said]
    };
    for said in refusals() {
        assert!(said.contains("earlier version") && said.contains("(format 1)"), "{said}");
    }
    assert_eq!(folder.number("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'keepset_%'"), 1);
    folder.set("format = 5");
    for said in refusals() {
        assert!(said.contains("later version") && said.contains("(format 5)"), "{said}");
    }
}

#[test]
fn a_file_of_format_1_is_read_and_goes_on_as_the_format_of_today() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let file = rusqlite::Connection::open(folder.join("store.sqlite")).unwrap();
    file.execute_batch(
        "CREATE TABLE purpose (plan_hash TEXT NOT NULL, plan TEXT NOT NULL, simulation INTEGER NOT NULL,
            closed_before INTEGER NOT NULL) STRICT;
         CREATE TABLE tally (epoch INTEGER NOT NULL, question INTEGER NOT NULL, reports INTEGER NOT NULL,
            PRIMARY KEY (epoch, question)) STRICT, WITHOUT ROWID;
         CREATE TABLE support (epoch INTEGER NOT NULL, question INTEGER NOT NULL, cell INTEGER NOT NULL,
            votes INTEGER NOT NULL, PRIMARY KEY (epoch, question, cell)) STRICT, WITHOUT ROWID;
         CREATE TABLE counted (window INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (window, id)) STRICT, WITHOUT ROWID;
         PRAGMA application_id = 1802724724; PRAGMA user_version = 1;
         INSERT INTO tally VALUES (0, 0, 7); INSERT INTO support VALUES (0, 0, 1, 7);",
    )
    .unwrap();
    let values = (plan.hash().to_string(), plan.to_json().to_string());
    file.execute("INSERT INTO purpose VALUES (?1, ?2, 1, 0)", values).unwrap();
    drop(file);
    let mut noise = Noise::new(&plan, 3);
    let server = Server::start(&folder, &plan, &["--simulation"]);
    assert_eq!(server.post(&noise.bytes(Epoch(0))).json()["accepted"], 1);
    assert_eq!(server.get("/v1/estimates").json()["windows"][0]["questions"][0]["reports"], 8);
    assert_eq!(folder.number("PRAGMA user_version"), 5);
}
