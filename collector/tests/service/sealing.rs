//! Sealed reports at the door: what opens, what stays shut, and what keys may do.

use std::process::{Command, Output};

use keepset_collector::keys::Keyring;
use keepset_wire::seal::SealingKeys;
use keepset_wire::{CollectorKeys, Sealer, document};

use crate::fleet::{Noise, current, plan, ring, sealed_to};
use crate::kept::held;
use crate::process::{Folder, Server, command, write_keys, write_plan};

#[test]
fn a_report_that_is_not_sealed_is_taken_from_a_simulation_alone() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let report = Noise::new(&plan, 1).report(current(&plan)).encode(&plan).unwrap();
    let server = Server::start(&folder, &plan, &[]);
    server.post_plain(&report).problem(415, "not-sealed");
    // Nor under the name of a sealed one.
    server.post(&report).problem(400, "wrong-length");
    assert_eq!((server.counter("not-sealed"), held(&folder.join("store.sqlite")).reports), (1, 0));
    let simulation = Folder::new();
    let server = Server::start(&simulation, &plan, &["--simulation"]);
    assert_eq!(server.post_plain(&report).json()["accepted"], 1);
    assert_eq!(
        server.post(&sealed_to(1, &report, [5; 32])).json()["known"],
        1,
        "sealed, it is the same report"
    );
}

#[test]
fn a_report_sealed_to_the_old_key_opens_beside_the_new_one_until_the_old_is_retired() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut noise = Noise::new(&plan, 1);
    let mut report = || noise.report(current(&plan)).encode(&plan).unwrap();
    let (one, two, three) = (report(), report(), report());
    let mut server = Server::start(&folder, &plan, &[]);
    let body = [sealed_to(1, &one, [5; 32]), sealed_to(2, &two, [6; 32])].concat();
    assert_eq!(server.post(&body).json()["accepted"], 2);
    assert!(server.stop().success());
    let mut ring = ring();
    ring.retire(1).unwrap();
    let path = folder.join("without-the-old.json");
    ring.save(&path).unwrap();
    let server = Server::start(&folder, &plan, &["--keys", path.to_str().unwrap()]);
    let late = [sealed_to(2, &three, [7; 32]), sealed_to(1, &one, [5; 32])].concat();
    assert_eq!(server.post(&late).problem(409, "unknown-key")["index"], 1);
    assert_eq!(server.post(&sealed_to(2, &three, [7; 32])).json()["accepted"], 1);
    assert_eq!(held(&folder.join("store.sqlite")).reports, 3);
}

#[test]
fn a_report_sealed_for_someone_else_or_changed_on_its_way_stays_shut() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 1);
    let right = noise.bytes(current(&plan));
    // The number of another key of ours, another encapsulated key, another text, another tag.
    for at in [1, 30, 60, 109] {
        let mut wrong = right.clone();
        wrong[at] ^= 3;
        server.post(&wrong).problem(422, "unopened");
    }
    let mut unknown = right.clone();
    unknown[1] = 77;
    server.post(&unknown).problem(409, "unknown-key");
    let mut other = Keyring::default();
    let date = |text| keepset_wire::Timestamp::from_date(text).unwrap();
    other.add([9; 32], date("2017-01-01"), date("2060-01-01")).unwrap();
    let report = noise.report(current(&plan));
    let foreign = Sealer::new(&other.public().list()[0], [1; 32]).unwrap();
    let foreign = foreign.seal(plan.hash(), report.epoch, &report.encode(&plan).unwrap()).unwrap();
    server.post(&foreign).problem(422, "unopened");
    assert_eq!(held(&folder.join("store.sqlite")).reports, 0);
    assert_eq!(server.post(&right).json()["accepted"], 1);
}

#[test]
fn what_stands_outside_must_be_what_stands_inside() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let report = Noise::new(&plan, 1).report(current(&plan));
    let public = ring().public();
    let seal = |epoch| {
        let sealer = Sealer::new(&public.list()[1], [4; 32]).unwrap();
        sealer.seal(plan.hash(), epoch, &report.encode(&plan).unwrap()).unwrap()
    };
    // Both epochs are open; only the envelope was made for another one.
    let next = keepset_wire::Epoch(report.epoch.0 + 1);
    server.post(&seal(next)).problem(422, "seal-mismatch");
    assert_eq!(server.post(&seal(report.epoch)).json()["accepted"], 1);
}

#[test]
fn the_public_halves_are_published_as_a_pack_takes_them() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let answer = server.get("/v1/keys");
    let document = document::parse(&answer.body).unwrap();
    let published = CollectorKeys::read(&document::Node::root(&document)).unwrap();
    assert_eq!(published, CollectorKeys { reports: ring().public(), gateway: SealingKeys::default() });
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

fn keys(folder: &Folder, arguments: &[&str]) -> Output {
    let file = folder.join("made.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepset-collector"));
    command.arg("keys").args(arguments).arg("--keys").arg(file).output().unwrap()
}

fn text(output: &Output) -> (bool, String) {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8(both).unwrap())
}

#[test]
fn an_operator_makes_lists_and_retires_keys() {
    let folder = Folder::new();
    let (made, public) = text(&keys(&folder, &["new", "--from", "2026-01-01", "--until", "2060-01-01"]));
    assert!(made, "{public}");
    assert!(!public.contains("private"));
    let file = std::fs::read_to_string(folder.join("made.json")).unwrap();
    assert!(Keyring::parse(&file).unwrap().public_json() == document::parse(&public).unwrap());
    let (made, public) = text(&keys(&folder, &["new", "--from", "2017-01-01", "--until", "2018-01-01"]));
    assert!(made && document::parse(&public).unwrap()["keys"].as_array().unwrap().len() == 2, "{public}");
    let (listed, table) = text(&keys(&folder, &["list"]));
    assert!(listed && table.contains("in use") && table.contains("over"), "{table}");
    let (retired, why) = text(&keys(&folder, &["retire", "1"]));
    assert!(!retired && why.contains("--in-use"), "{why}");
    assert!(text(&keys(&folder, &["retire", "2"])).0);
    assert!(text(&keys(&folder, &["retire", "1", "--in-use"])).0);
    let (listed, table) = text(&keys(&folder, &["list"]));
    assert!(listed && table.matches("retired").count() == 2, "{table}");
    let (_, none) = text(&keys(&folder, &["list", "--json"]));
    assert_eq!(document::parse(&none).unwrap(), serde_json::json!({"keys": []}));
}

#[cfg(unix)]
#[test]
fn keys_that_others_may_read_are_refused_and_made_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let right = write_plan(&folder, &plan);
    let file = write_keys(&right);
    let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let refused = |mode: u32| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let more = ["--keys", file.to_str().unwrap()];
        let output = command(&right, &right, &more).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        // Where the keys are taken, what stops it is a store that is none.
        assert!(
            said.contains("--keys: ") && said.contains("chmod 600") || said.contains("--store: "),
            "{said}"
        );
        said.contains("--keys: ")
    };
    assert!([0o604, 0o620, 0o650, 0o660, 0o644, 0o444].into_iter().all(refused));
    // As a cluster hands out secrets: a group may read what is ours or root's.
    assert!(![0o640, 0o440, 0o600, 0o400].into_iter().any(refused));
    // Only root can give a file away; another one's, that a group reads, is no secret of ours.
    if std::os::unix::fs::chown(&file, Some(54_321), None).is_ok() {
        assert!(refused(0o440) && !refused(0o400));
    }
}

#[test]
fn without_keys_only_a_simulation_starts() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let right = write_plan(&folder, &plan);
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepset-collector"));
    command.arg("--plan").arg(&right).arg("--store").arg(folder.join("store.sqlite"));
    let output = command.args(["--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("--keys"));
}
