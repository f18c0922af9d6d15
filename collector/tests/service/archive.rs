//! The archive: answers of closed windows as Parquet, written whole or again, and counted by the same words anywhere.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use keepset_wire::{Epoch, Plan};
use rand::RngExt as _;

use crate::drawn::{Drawn, draw, kinds_plan};
use crate::fleet::{Noise, current, plan};
use crate::kept::{Kind, on_both_stores};
use crate::process::{Folder, Server, command, run, write_plan};

on_both_stores!(
    a_closed_window_is_in_the_archive_whole_and_released_from_it_as_from_the_store,
    sealing_killed_at_any_moment_loses_nothing_and_leaves_nothing_twice,
    a_backup_takes_along_what_is_not_in_the_archive_yet,
    a_window_whose_every_id_was_disputed_is_one_without_reports,
);

/// Reports of so many devices, of which some come again and some under an id that another answer has.
const DEVICES: usize = 6_000;

fn archive_of(folder: &Folder) -> String {
    folder.join("archive").display().to_string()
}

/// What a command printed that did its work.
fn done(arguments: &[&str]) -> String {
    let (done, said) = run(arguments);
    assert!(done, "{arguments:?}: {said}");
    said
}

/// Sends bodies of reports that are not sealed.
fn send(server: &Server, plan: &Plan, drawn: &Drawn) {
    let bytes: Vec<Vec<u8>> = drawn.arriving.iter().map(|report| report.encode(plan).unwrap()).collect();
    for body in bytes.chunks(4_096) {
        let answer = server.post_plain(&body.concat());
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn kept(folder: &Folder, kind: Kind) -> i64 {
    match kind {
        Kind::Sqlite => folder.number("SELECT count(*) FROM kept"),
        Kind::Postgres => {
            folder.number("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'keepset_kept_%' AND tablename <> 'keepset_kept_windows'")
        }
    }
}

fn a_closed_window_is_in_the_archive_whole_and_released_from_it_as_from_the_store(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), kinds_plan());
    let archive = archive_of(&folder);
    let drawn = draw(&plan, DEVICES, 21);
    let more = ["--simulation", "--archive", &archive];
    let mut server = Server::start(&folder, &plan, &more);
    send(&server, &plan, &drawn);
    assert!(server.stop().success());
    assert_eq!(done(&["archive", "count", "--store", folder.store()]), drawn.expected, "what is kept");
    // Window 0 first: the other one stays open, and is kept.
    let seal = |through| {
        done(&[
            "archive",
            "seal",
            "--store",
            folder.store(),
            "--archive",
            &archive,
            "--close-through",
            through,
        ])
    };
    assert!(seal("0").contains("1 windows"));
    assert!(kept(&folder, kind) > 0);
    assert!(seal("1").contains("1 windows"));
    assert!(seal("1").contains(": 0 windows"));
    assert_eq!(kept(&folder, kind), 0, "nothing is kept that is in the archive");
    assert_eq!(done(&["archive", "count", "--archive", &archive]), drawn.expected);
    let released = |more: &[&str]| done(&[&["archive", "release", "--archive", &archive], more].concat());
    let server = Server::start(&folder, &plan, &more);
    // Shapes are those of the answers, which here are at hand; a store leaves out whole bodies for them, and what another engine counted has none of sets.
    let here = json(&released(&[]));
    for question in questions(&here) {
        assert_eq!(question["shapes"]["reports"], question["reports"], "{question}");
        assert_eq!(question["shapes"]["unlikely"], false, "{question}");
    }
    let served = server.get("/v1/estimates");
    assert_eq!(without_shapes(here), without_shapes(served.json()));
    let figures = |csv: &str| -> Vec<String> {
        csv.lines().filter(|line| !line.contains(",shapes,")).map(str::to_owned).collect()
    };
    assert_eq!(figures(&released(&["--csv"])), figures(&server.get("/v1/estimates.csv").body));
    let counts = folder.join("counts.csv");
    std::fs::write(&counts, &drawn.expected).unwrap();
    let there = json(&released(&["--counts", counts.to_str().unwrap()]));
    assert_eq!(without_shapes(there), without_shapes(served.json()));
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// The questions of all windows.
fn questions(publication: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    let windows = publication["windows"].as_array().unwrap().iter();
    windows.flat_map(|window| window["questions"].as_array().unwrap())
}

fn without_shapes(mut publication: serde_json::Value) -> serde_json::Value {
    for window in publication["windows"].as_array_mut().unwrap() {
        for question in window["questions"].as_array_mut().unwrap() {
            question.as_object_mut().unwrap().remove("shapes");
        }
    }
    publication
}

/// The names of files in a folder and those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// 12 kills, spread over the time that an unhindered run takes; 60 with `KEEPSET_ROUNDS`.
fn sealing_killed_at_any_moment_loses_nothing_and_leaves_nothing_twice(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), kinds_plan());
    let rounds: u32 = std::env::var("KEEPSET_ROUNDS").map_or(12, |text| text.parse().unwrap());
    let drawn = draw(&plan, DEVICES, 22);
    let fed = Folder::with(kind);
    let mut server = Server::start(&fed, &plan, &["--simulation", "--archive", &archive_of(&fed)]);
    send(&server, &plan, &drawn);
    assert!(server.stop().success());
    let backup = folder.join("backup.sqlite").display().to_string();
    done(&["backup", "--store", fed.store(), &backup]);
    let restored = || {
        let folder = Folder::with(kind);
        done(&["restore", "--store", folder.store(), &backup]);
        folder
    };
    let seal = |folder: &Folder| {
        let mut seal = Command::new(env!("CARGO_BIN_EXE_keepset-collector"));
        seal.args(["archive", "seal", "--store", folder.store(), "--close-through", "1", "--archive"]);
        seal.arg(archive_of(folder)).stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let whole = restored();
    let begun = std::time::Instant::now();
    assert!(seal(&whole).wait().unwrap().success());
    let took = begun.elapsed();
    let named = |folder: &Folder| -> Vec<PathBuf> {
        let archive = folder.join("archive");
        files(&archive).iter().map(|path| path.strip_prefix(&archive).unwrap().to_path_buf()).collect()
    };
    let mut cut_off = 0;
    for round in 0..rounds {
        let folder = restored();
        for turn in 0..3 {
            let mut under_way = seal(&folder);
            // The very first is killed before it can have done anything, so that one is cut off on any machine.
            let after = if round + turn == 0 { 0.0 } else { rand::rng().random_range(0.0..1.0) };
            std::thread::sleep(took.mul_f64(after));
            under_way.kill().unwrap();
            cut_off += u32::from(!under_way.wait().unwrap().success());
        }
        assert!(seal(&folder).wait().unwrap().success());
        assert_eq!(kept(&folder, kind), 0);
        assert_eq!(done(&["archive", "count", "--archive", &archive_of(&folder)]), drawn.expected);
        // The same files, and no others but what readers leave out.
        let visible: Vec<PathBuf> = named(&folder)
            .into_iter()
            .filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.'))
            .collect();
        assert_eq!(visible, named(&whole));
    }
    assert!(cut_off > 0, "the kills met no work");
    println!("{kind:?}: {} kills, {cut_off} of them before the end", 3 * rounds);
}

fn a_backup_takes_along_what_is_not_in_the_archive_yet(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), kinds_plan());
    let drawn = draw(&plan, 500, 23);
    let archive = archive_of(&folder);
    let server = Server::start(&folder, &plan, &["--simulation", "--archive", &archive]);
    send(&server, &plan, &drawn);
    let other = if kind == Kind::Sqlite { Kind::Postgres } else { Kind::Sqlite };
    for kind in [kind, other] {
        let moved = Folder::with(kind);
        let backup = moved.join("backup.sqlite").display().to_string();
        done(&["backup", "--store", folder.store(), &backup]);
        done(&["restore", "--store", moved.store(), &backup]);
        assert_eq!(done(&["archive", "count", "--store", moved.store()]), drawn.expected);
        // It goes on as the old one did: what comes again changes nothing.
        let server = Server::start(&moved, &plan, &["--simulation", "--archive", &archive]);
        send(&server, &plan, &drawn);
        assert_eq!(done(&["archive", "count", "--store", moved.store()]), drawn.expected);
    }
}

fn a_window_whose_every_id_was_disputed_is_one_without_reports(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut noise = Noise::new(&plan, 3);
    let first = noise.report(Epoch(0));
    let mut second = noise.report(Epoch(0));
    while second.answer == first.answer {
        second = noise.report(Epoch(0));
    }
    second.id = first.id;
    let server = Server::start(&folder, &plan, &["--simulation", "--archive", &archive_of(&folder)]);
    let windows = || server.get("/v1/estimates").json()["windows"].as_array().unwrap().len();
    assert_eq!(server.post_plain(&first.encode(&plan).unwrap()).json()["accepted"], 1);
    assert_eq!(windows(), 1);
    assert_eq!(server.post_plain(&second.encode(&plan).unwrap()).json()["known"], 1);
    assert_eq!(windows(), 0);
}

#[test]
fn a_running_collector_brings_closed_windows_into_the_archive_by_itself() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let (archive, mut noise) = (archive_of(&folder), Noise::new(&plan, 3));
    let mut simulation = Server::start(&folder, &plan, &["--simulation", "--archive", &archive]);
    simulation.post(&noise.body(Epoch(3), 700));
    simulation.post(&noise.body(current(&plan), 10));
    assert!(simulation.stop().success());
    // Turned into a live store, whose first window is long closed; its archive is another one, then.
    folder.set("simulation = false");
    std::fs::remove_dir_all(&archive).unwrap();
    let server = Server::start(&folder, &plan, &["--archive", &archive]);
    for _ in 0..1_300 {
        if folder.number("SELECT count(*) FROM kept") == 10 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(folder.number("SELECT count(*) FROM kept"), 10, "the open window is kept");
    let counted = done(&["archive", "count", "--archive", &archive]);
    assert!(counted.contains("0,3,-1,-1,700\n"), "{counted}");
    drop(server);
}

#[test]
fn an_archive_is_begun_before_anything_is_counted_and_named_from_then_on() {
    let (folder, plan, other) = (Folder::new(), plan(5, 2), plan(6, 2));
    let archive = archive_of(&folder);
    let refusal = |plan: &Plan, store: &str, more: &[&str]| {
        let output = command(&write_plan(&folder, plan), store, more).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let mut server = Server::start(&folder, &plan, &[]);
    server.post(&Noise::new(&plan, 3).bytes(current(&plan)));
    assert!(server.stop().success());
    assert!(refusal(&plan, folder.store(), &["--archive", &archive]).contains("that no archive would hold"));
    let said = run(&["archive", "seal", "--store", folder.store(), "--archive", &archive]);
    assert!(!said.0 && said.1.contains("keeps no answers"), "{}", said.1);
    let new = folder.join("new.sqlite").display().to_string();
    let fresh = Folder::with_store(new.clone());
    assert!(Server::start(&fresh, &plan, &["--archive", &archive]).stop().success());
    assert!(refusal(&plan, &new, &[]).contains("name it with --archive"));
    let another = folder.join("another.sqlite").display().to_string();
    assert!(refusal(&other, &another, &["--archive", &archive]).contains("is the archive of the plan"));
    let said = run(&["archive", "release", "--archive", folder.join("nowhere").to_str().unwrap()]);
    assert!(!said.0 && said.1.contains("is no archive"), "{}", said.1);
}

/// The Python of the engines that `cargo xtask setup` installs.
fn python() -> PathBuf {
    let named = std::env::var_os("KEEPSET_ENGINES").map(PathBuf::from);
    let python =
        named.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/engines/bin/python").into());
    assert!(python.is_file(), "no {}: `cargo xtask setup` installs DuckDB and Spark there", python.display());
    python
}

/// Lets an engine count, with the SQL text as the command prints it.
fn counted_by(engine: &str, folder: &Folder, archive: &str, more: &[&str]) -> String {
    let (script, sql) =
        (format!("{}/tests/engines/{engine}", env!("CARGO_MANIFEST_DIR")), folder.join("count.sql"));
    std::fs::write(&sql, done(&["archive", "sql"])).unwrap();
    let output = Command::new(python()).arg(script).arg(archive).arg(&sql).args(more).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{engine}: {said}");
    println!("{engine}: {}", said.lines().last().unwrap_or_default());
    String::from_utf8(output.stdout).unwrap()
}

/// 200,000 devices, reports that come again and ids whose copies disagree, through two collectors that know nothing of each other.
#[test]
fn sqlite_duckdb_and_a_cluster_of_spark_count_the_same_in_the_archive_of_two_collectors() {
    let (folder, plan) = (Folder::new(), kinds_plan());
    let archive = archive_of(&folder);
    let drawn = draw(&plan, 200_000, 24);
    let two = [(); 2].map(|()| Folder::new());
    let servers = [0, 1].map(|at| Server::start(&two[at], &plan, &["--simulation", "--archive", &archive]));
    for (turn, part) in drawn.arriving.chunks(4_096).enumerate() {
        let body: Vec<u8> = part.iter().flat_map(|report| report.encode(&plan).unwrap()).collect();
        assert_eq!(servers[turn % 2].post_plain(&body).status, 200);
    }
    drop(servers);
    for folder in &two {
        done(&["archive", "seal", "--store", folder.store(), "--archive", &archive, "--close-through", "1"]);
    }
    assert_eq!(done(&["archive", "count", "--archive", &archive]), drawn.expected, "SQLite");
    assert_eq!(counted_by("count_duckdb.py", &folder, &archive, &[]), drawn.expected, "DuckDB");
    assert_eq!(counted_by("count_spark.py", &folder, &archive, &["2"]), drawn.expected, "Spark");
}
