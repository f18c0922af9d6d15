//! Labels: kept under a name that means nothing, handed on when enough share them, and gone to the byte when they are taken back.

use std::path::{Path, PathBuf};
use std::process::Command;

use ed25519_dalek::{Signature, VerifyingKey};
use keepset_collector::clock::system_now;
use keepset_wire::hex;
use keepset_wire::labels::{LABELS_TYPE, LabelSealer, LabelTerms, Labels, Secret};
use keepset_wire::{CONTENT_TYPE, PackHash, Signal};
use rusqlite::Connection;
use serde_json::Value;

use crate::fleet::{Noise, current, plan, ring};
use crate::process::{Answer, Folder, Server, write_keys};

pub const TERMS: &str = r#"{"id": "offers", "owner": "Sample shop", "purpose": "To send you offers that fit.", "text_version": 3,
    "every_days": 1, "keep_days": 9, "least": 3, "segments": [{"id": "fresh", "reason": "r"}, {"id": "habit", "reason": "r"}]}"#;

fn terms() -> LabelTerms {
    LabelTerms::parse(TERMS).unwrap()
}

pub fn today() -> u32 {
    Labels::day(system_now())
}

/// A collector that takes labels, with its store of them.
pub struct Shop {
    pub folder: Folder,
    pub server: Server,
    more: Vec<String>,
}

impl Shop {
    fn open() -> Self {
        Self::open_in(Folder::new(), Vec::new())
    }

    /// Opens one with further settings.
    pub fn open_in(folder: Folder, more: Vec<String>) -> Self {
        let server = Self::start(&folder, &more);
        Self { folder, server, more }
    }

    fn start(folder: &Folder, more: &[String]) -> Server {
        let file = folder.join("terms.json");
        std::fs::write(&file, TERMS).unwrap();
        let store = folder.join("labels.sqlite");
        let mut all = vec!["--labels", file.to_str().unwrap(), "--label-store", store.to_str().unwrap()];
        all.extend(more.iter().map(String::as_str));
        Server::start(folder, &plan(5, 2), &all)
    }

    /// Stops the collector and starts it again on what it has stored.
    pub fn reopen(mut self) -> Self {
        assert!(self.server.stop().success());
        let server = Self::start(&self.folder, &self.more);
        Self { server, folder: self.folder, more: self.more }
    }

    fn post(&self, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let mut request = self.server.agent().post(format!("{}/v1/labels", self.server.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send(body).unwrap())
    }

    pub fn share(&self, labels: &Labels) -> Answer {
        self.post(&sealed(&labels.encode()), &[("content-type", LABELS_TYPE)])
    }

    fn erase(&self, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let mut request = self.server.agent().delete(format!("{}/v1/labels", self.server.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.force_send_body().send(body).unwrap())
    }

    pub fn withdraw(&self, secret: u8) -> Answer {
        let body = sealed(&Labels::erasure(&terms(), &Secret([secret; 32])));
        self.erase(&body, &[("content-type", LABELS_TYPE), ("sec-gpc", "1")])
    }

    pub fn store(&self) -> PathBuf {
        self.folder.join("labels.sqlite")
    }

    pub fn count(&self, table: &str) -> i64 {
        let connection = Connection::open(self.store()).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    fn run(&self, command: &str) -> String {
        self.run_with(command, &[])
    }

    fn run_with(&self, command: &str, more: &[&str]) -> String {
        let mut program = Command::new(env!("CARGO_BIN_EXE_keepset-collector"));
        program.args(["labels", command, "--labels"]).arg(self.folder.join("terms.json"));
        let output = program.arg("--label-store").arg(self.store()).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Seals with bytes drawn from nowhere: each message of a test is another one.
fn sealed(message: &[u8]) -> Vec<u8> {
    let entropy = keepset_wire::sha256(&[message]);
    LabelSealer::new(&ring().public().list()[0], entropy).unwrap().seal(terms().hash(), message).unwrap()
}

pub fn labels(secret: u8, held: [bool; 2], day: u32) -> Labels {
    Labels {
        terms: terms().hash(),
        proof: Secret([secret; 32]).proof(),
        day,
        agreed: day - 2,
        signal: Signal::Page,
        pack: PackHash([7; 16]),
        held: held.to_vec(),
    }
}

/// Every byte on disk that the collector keeps about labels: the file, and whatever SQLite puts beside it.
pub fn on_disk(store: &Path) -> Vec<u8> {
    let name = store.file_name().unwrap().to_str().unwrap();
    let beside = std::fs::read_dir(store.parent().unwrap()).unwrap();
    let files = beside.map(|entry| entry.unwrap().path());
    let ours = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name));
    ours.flat_map(|path| std::fs::read(path).unwrap()).collect()
}

pub fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn what_was_shared_is_replaced_by_what_is_shared_later_and_never_by_what_was_before() {
    let shop = Shop::open();
    let today = today();
    assert_eq!(shop.share(&labels(1, [true, false], today)).json()["accepted"], 1);
    assert_eq!(shop.share(&labels(1, [false, true], today)).json()["accepted"], 1);
    assert_eq!(shop.share(&labels(1, [true, true], today - 1)).json()["known"], 1);
    assert_eq!(shop.count("held"), 1);
    let connection = Connection::open(shop.store()).unwrap();
    let row = connection.query_row("SELECT day, agreed, signal, labels FROM held", [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    let expected: (u32, u32, String, Vec<u8>) = (today, today - 2, "page".into(), vec![0, 1]);
    assert_eq!(row, Ok(expected), "days and no times");
    let published = shop.server.get("/v1/labels").json();
    assert_eq!(published["terms"][0]["hash"], terms().hash().to_string());
}

#[test]
fn a_browser_that_asks_for_nothing_to_be_shared_is_obeyed() {
    let shop = Shop::open();
    let body = sealed(&labels(1, [true, true], today()).encode());
    shop.post(&body, &[("content-type", LABELS_TYPE), ("sec-gpc", "1")]).problem(403, "privacy-signal");
    assert_eq!((shop.count("held"), shop.server.counter("privacy-signal")), (0, 1));
    assert_eq!(shop.post(&body, &[("content-type", LABELS_TYPE), ("sec-gpc", "0")]).json()["accepted"], 1);
}

#[test]
fn what_is_no_honest_message_is_refused_and_nothing_is_kept() {
    let shop = Shop::open();
    let right = labels(1, [true, true], today());
    let kind = [("content-type", LABELS_TYPE)];
    let body = sealed(&right.encode());
    shop.post(&right.encode(), &kind).problem(409, "unknown-key");
    shop.post(&body, &[("content-type", CONTENT_TYPE)]).problem(415, "no-labels-type");
    shop.post(&body, &[("content-type", LABELS_TYPE), ("content-encoding", "gzip")])
        .problem(415, "no-labels-type");
    shop.post(&[], &kind).problem(400, "empty-body");
    shop.post(&body[..body.len() - 1], &kind).problem(400, "wrong-length");
    shop.post(&[&body[..], &body].concat(), &kind).problem(413, "body-too-large");
    let mut other = body.clone();
    other[2] ^= 1;
    shop.post(&other, &kind).problem(409, "unknown-terms");
    let mut changed = body.clone();
    changed[80] ^= 1;
    shop.post(&changed, &kind).problem(422, "unopened");
    shop.share(&labels(1, [true, true], today() + 2)).problem(422, "stale-labels");
    shop.share(&labels(1, [true, true], today() - 30)).problem(422, "stale-labels");
    // A report, sealed to the same key, is no message about labels, and labels are no report.
    let plan = plan(5, 2);
    let report = Noise::new(&plan, 1).bytes(current(&plan));
    assert_eq!(shop.post(&report, &kind).status, 409);
    assert_eq!(shop.server.post(&body).status, 400);
    // The word to erase is not posted, and what shares erases nothing.
    shop.post(&sealed(&Labels::erasure(&terms(), &Secret([1; 32]))), &kind).problem(422, "malformed-labels");
    shop.erase(&body, &kind).problem(422, "malformed-labels");
    assert_eq!((shop.count("held"), shop.count("erased")), (0, 0));
}

#[test]
fn without_terms_there_is_no_such_route() {
    let folder = Folder::new();
    let server = Server::start(&folder, &plan(5, 2), &[]);
    server.get("/v1/labels").problem(404, "not-found");
    assert!(!folder.join("labels.sqlite").exists());
}

#[test]
fn what_is_taken_back_is_gone_to_the_byte_and_the_collector_signs_that() {
    let shop = Shop::open();
    let today = today();
    for secret in 1..40 {
        assert_eq!(shop.share(&labels(secret, [true, secret % 2 == 0], today)).json()["accepted"], 1);
    }
    let (secret, id) = (Secret([7; 32]), Secret([7; 32]).proof().id());
    assert!(holds(&on_disk(&shop.store()), &id.0), "or the test looks in the wrong place");
    let before = on_disk(&shop.store());
    assert!(!holds(&before, &secret.0) && !holds(&before, &secret.proof().0), "neither is ever stored");
    let answer = shop.withdraw(7).json();
    assert_eq!(answer["accepted"], 1);
    assert!(!holds(&on_disk(&shop.store()), &id.0), "at the moment it is acknowledged");
    assert_eq!((shop.count("held"), shop.count("erased")), (38, 1));

    // Anyone who has the receipt and the public key can check it.
    let receipt = &answer["receipt"];
    assert_eq!(
        (receipt["id"].as_str(), receipt["format"].as_str()),
        (Some(&*id.to_string()), Some("keepset-label-erasure"))
    );
    let signs = &shop.server.get("/v1/labels").json()["signs"];
    assert_eq!((&signs["algorithm"], &signs["key"]), (&Value::from("Ed25519"), &receipt["key"]));
    let key = VerifyingKey::from_bytes(&bytes(&signs["public_key"])).unwrap();
    let signature = Signature::from_bytes(&bytes(&receipt["signature"]));
    let signed = |day: u32| [&b"keepset label erasure 1"[..], &id.0, &day.to_be_bytes()].concat();
    key.verify_strict(&signed(today), &signature).unwrap();
    assert!(key.verify_strict(&signed(today + 1), &signature).is_err());

    // What was on its way, or is played again, brings nothing back; erasing again is as good as erasing.
    shop.share(&labels(7, [true, true], today)).problem(410, "labels-erased");
    assert_eq!(shop.withdraw(7).json()["accepted"], 1);
    let shop = shop.reopen();
    shop.share(&labels(7, [true, true], today)).problem(410, "labels-erased");
    assert!(!holds(&on_disk(&shop.store()), &id.0));
}

fn bytes<const N: usize>(hex: &Value) -> [u8; N] {
    let text = hex.as_str().unwrap();
    let digits: Vec<u8> =
        (0..N).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect();
    digits.try_into().unwrap()
}

/// Its answer tells nobody whether a name was there, and its message may still be on its way.
#[test]
fn a_name_that_is_not_there_is_erased_like_one_that_is() {
    let shop = Shop::open();
    let mut answer = shop.withdraw(9).json();
    assert_eq!(answer["accepted"], 1);
    assert_eq!(answer["receipt"].as_object_mut().unwrap().len(), 6);
    shop.share(&labels(9, [true, true], today())).problem(410, "labels-erased");
}

#[test]
fn a_label_is_handed_on_only_while_enough_people_share_it() {
    let shop = Shop::open();
    let today = today();
    for secret in 1..=3 {
        shop.share(&labels(secret, [true, secret < 3], today));
    }
    let export = shop.run("export");
    let mut lines = export.lines();
    assert_eq!(lines.next(), Some("label,id,told,agreed,signal,text_version,terms,pack"));
    let mut ids: Vec<&str> = lines.clone().map(|line| line.split(',').nth(1).unwrap()).collect();
    ids.sort_unstable();
    let mut expected: Vec<String> = (1..=3).map(|s| Secret([s; 32]).proof().id().to_string()).collect();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert!(
        lines.all(|line| line.starts_with("fresh,") && line.contains(",page,3,")),
        "two have the other label, and three are needed"
    );
    let list = shop.run("list");
    assert!(list.contains("3  fresh") && list.contains("fewer than 3  habit"), "{list}");
    // As Parquet the same rows, read by the library.
    let file = shop.folder.join("labels.parquet");
    let said = shop.run_with("export", &["--parquet", file.to_str().unwrap()]);
    assert!(said.starts_with("3 rows written to "), "{said}");
    assert_eq!(as_csv(&file), export);
    shop.withdraw(2);
    assert_eq!(shop.run("export").lines().count(), 1, "now too few share either");
    assert!(shop.run_with("export", &["--parquet", file.to_str().unwrap()]).starts_with("0 rows"));
    assert_eq!(
        as_csv(&file),
        shop.run("export"),
        "an export made afterwards has nothing of what was taken back"
    );
}

/// The fields that the standard asks for of header, processing, party and event, and no label in any of it.
#[test]
fn the_consent_of_every_name_is_a_record_of_the_standard_until_it_is_withdrawn() {
    let shop = Shop::open();
    for secret in 1..=2 {
        shop.share(&labels(secret, [secret == 1, true], today()));
    }
    let records = || -> Vec<Value> {
        shop.run("consents").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = records();
    assert_eq!(all.len(), 2);
    let mut ids: Vec<&str> = all.iter().map(|record| record["record_id"].as_str().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2);
    for record in &all {
        assert_eq!(record["schema_version"], "ISO/IEC TS 27560:2023");
        let purpose = &record["pii_processing"]["purposes"][0];
        assert_eq!(purpose["purpose"], "To send you offers that fit.");
        assert_eq!(
            (&purpose["lawful_basis"], &purpose["pii_controllers"][0]),
            (&"consent".into(), &"controller".into())
        );
        assert_eq!(record["pii_processing"]["privacy_notice"], "offers, version 3");
        assert_eq!(record["party_identification"][0]["party_name"], "Sample shop");
        assert_eq!(record["event"]["event_state"], "given");
        assert_eq!(record["event"]["event_time"].as_str().unwrap().len(), "2026-01-01".len());
        assert_eq!(record["keepset"]["signal"], "page");
    }
    // Only the one has the first label, and nothing but name and consent tells the two apart.
    let plain = |record: &Value| {
        let mut record = record.clone();
        for key in ["record_id", "pii_principal_id"] {
            record[key] = Value::Null;
        }
        record["event"]["entity_id"] = Value::Null;
        record
    };
    assert_eq!(plain(&all[0]), plain(&all[1]));
    shop.withdraw(1);
    assert_eq!(records().len(), 1);
}

/// Reads a file of Parquet as lines of CSV.
fn as_csv(file: &Path) -> String {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let reader = SerializedFileReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let columns = reader.metadata().file_metadata().schema().get_fields().iter();
    let mut text = columns.map(|column| column.name()).collect::<Vec<_>>().join(",") + "\n";
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let values: Vec<String> = row.get_column_iter().map(|(_, value)| value.to_string()).collect();
        text += &values.iter().map(|value| value.trim_matches('"')).collect::<Vec<_>>().join(",");
        text += "\n";
    }
    text
}

#[test]
fn labels_that_are_not_renewed_are_forgotten_when_their_terms_say() {
    let shop = Shop::open();
    let today = today();
    for (secret, age) in [(1, 8), (2, 11)] {
        assert_eq!(shop.share(&labels(secret, [true, true], today - age)).json()["accepted"], 1);
    }
    let shop = shop.reopen();
    // The sweep runs when the collector starts, beside its first requests: each answer gives it time.
    for _ in 0..1_000 {
        if shop.count("held") == 1 {
            break;
        }
        shop.server.get("/healthz");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let disk = on_disk(&shop.store());
    assert!(holds(&disk, &Secret([1; 32]).proof().id().0));
    assert!(!holds(&disk, &Secret([2; 32]).proof().id().0));
}

/// What a curious operator would try first: is there anything in the one file that is also in the other?
#[test]
fn nothing_in_the_file_of_labels_is_in_the_file_of_reports() {
    let shop = Shop::open();
    let plan = plan(5, 2);
    let mut noise = Noise::new(&plan, 1);
    for secret in 1..20 {
        shop.share(&labels(secret, [true, true], today()));
        assert_eq!(shop.server.post(&noise.bytes(current(&plan))).json()["accepted"], 1);
    }
    let values = |path: &Path, tables: &[&str]| -> Vec<Vec<u8>> {
        let connection = Connection::open(path).unwrap();
        let mut found = Vec::new();
        for table in tables {
            let mut rows = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let width = rows.column_count();
            let mut rows = rows.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..width {
                    if let rusqlite::types::ValueRef::Blob(blob) = row.get_ref(column).unwrap() {
                        found.push(blob.to_vec());
                    }
                }
            }
        }
        found
    };
    let ids = values(&shop.folder.join("store.sqlite"), &["counted"]);
    let names = values(&shop.store(), &["held"]);
    assert!(ids.len() >= 19 && names.len() >= 4 * 19, "{} {}", ids.len(), names.len());
    // Eight bytes in common by chance: 2^-64 for each of some 10^5 pairs of places.
    for name in names.iter().filter(|name| name.len() == 16) {
        for piece in name.windows(8) {
            assert!(!ids.iter().any(|id| holds(id, piece)), "{}", hex(piece));
        }
    }
    let connection = Connection::open(shop.store()).unwrap();
    let columns = "SELECT group_concat(name) FROM pragma_table_info('held')";
    let columns: String = connection.query_row(columns, [], |row| row.get(0)).unwrap();
    assert_eq!(columns, "id,terms,day,agreed,signal,pack,labels", "no time, no address, no order of arrival");
}

#[test]
fn a_file_that_is_no_store_of_labels_is_left_as_it_is() {
    let folder = Folder::new();
    let terms = folder.join("terms.json");
    std::fs::write(&terms, TERMS).unwrap();
    let plan_file = crate::process::write_plan(&folder, &plan(5, 2));
    write_keys(&plan_file);
    let store = folder.join("store.sqlite");
    assert!(Server::start(&folder, &plan(5, 2), &[]).stop().success());
    let before = std::fs::read(&store).unwrap();
    let more = ["--labels", terms.to_str().unwrap(), "--label-store", store.to_str().unwrap()];
    let output = crate::process::command(&plan_file, folder.join("new.sqlite"), &more).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("is no store of labels"), "{said}");
    assert!(std::fs::read(&store).unwrap() == before);
}
