//! The receiver of labels: told what enough people share, in signed messages, until it says that it has them; and told when it is gone.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use keepset_wire::labels::Secret;
use serde_json::Value;
use sha2::Sha256;

use crate::labels::{Shop, TERMS, holds, labels, on_disk, today};
use crate::process::{Folder, command, unused_port, write_plan};

const KEY: [u8; 32] = [9; 32];

/// One message as it came.
#[derive(Clone, Debug)]
struct Message {
    id: String,
    body: Value,
}

/// A receiver on this machine, which answers every message with one status.
struct Receiver {
    address: String,
    status: Arc<AtomicU16>,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Receiver {
    fn open(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/labels", listener.local_addr().unwrap());
        let (status, messages) = (Arc::new(AtomicU16::new(status)), Arc::new(Mutex::new(Vec::new())));
        let receiver = Self { address, status: Arc::clone(&status), messages: Arc::clone(&messages) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (status, messages) = (Arc::clone(&status), Arc::clone(&messages));
                std::thread::spawn(move || serve(stream.unwrap(), &status, &messages));
            }
        });
        receiver
    }

    fn all(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    /// What a receiver knows that does as it is told: each name with its labels.
    fn known(&self) -> BTreeMap<String, Vec<String>> {
        let mut known = BTreeMap::new();
        for Message { body, .. } in self.all() {
            let id = body["data"]["id"].as_str().unwrap().to_owned();
            match body["type"].as_str().unwrap() {
                "labels.erased" => known.remove(&id),
                "labels.shared" => {
                    let names = body["data"]["labels"].as_array().unwrap().iter();
                    known.insert(id, names.map(|name| name.as_str().unwrap().to_owned()).collect())
                }
                other => panic!("{other}"),
            };
        }
        known
    }
}

/// Reads requests and checks the signature of each.
fn serve(stream: TcpStream, status: &AtomicU16, messages: &Mutex<Vec<Message>>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.trim().split_once(": ") {
                headers.insert(name.to_lowercase(), value.to_owned());
            }
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
        let (id, at) = (&headers["webhook-id"], &headers["webhook-timestamp"]);
        mac.update(&[id.as_bytes(), b".", at.as_bytes(), b".", &body].concat());
        let signature = headers["webhook-signature"].strip_prefix("v1,").unwrap();
        mac.verify_slice(&BASE64_STANDARD.decode(signature).unwrap()).expect("signed");
        let status = status.load(SeqCst);
        messages
            .lock()
            .unwrap()
            .push(Message { id: id.clone(), body: serde_json::from_slice(&body).unwrap() });
        write!(writer, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}

fn secret(folder: &Folder) -> String {
    let path = folder.join("webhook.secret");
    std::fs::write(&path, format!("whsec_{}\n", BASE64_STANDARD.encode(KEY))).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn open(receiver: &Receiver) -> Shop {
    let folder = Folder::new();
    let secret = secret(&folder);
    Shop::open_in(
        folder,
        vec!["--webhook".into(), receiver.address.clone(), "--webhook-secret".into(), secret],
    )
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..900 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what}");
}

fn id(secret: u8) -> String {
    Secret([secret; 32]).proof().id().to_string()
}

#[test]
fn a_receiver_is_told_what_enough_people_share_and_that_a_name_is_gone() {
    let receiver = Receiver::open(204);
    let shop = open(&receiver);
    // Four have the first label, two the second, and three are needed.
    for secret in 1..=4 {
        shop.share(&labels(secret, [true, secret < 3], today()));
    }
    until("four names are told", || receiver.known().len() == 4);
    assert!(receiver.known().values().all(|labels| labels == &["fresh"]), "{:?}", receiver.known());
    let first = &receiver.all()[0].body["data"];
    assert_eq!((&first["text_version"], &first["signal"]), (&Value::from(3), &Value::from("page")));
    until("they are told once", || shop.count("queue") == 0);
    assert_eq!(receiver.all().len(), 4);
    // A third with the second label brings it to all who have it.
    shop.share(&labels(5, [false, true], today()));
    until("the label is told", || receiver.known().len() == 5);
    until("of all who have it", || {
        receiver.known().values().filter(|labels| labels.contains(&"habit".into())).count() == 3
    });
    // One takes it back: the tombstone, and the second label goes from the others, whom too few share it with.
    shop.withdraw(5);
    until("the name is gone", || !receiver.known().contains_key(&id(5)));
    until("the label, too", || receiver.known().values().all(|labels| labels == &["fresh"]));
    until("nothing waits", || shop.count("queue") == 0);
    let name = Secret([5; 32]).proof().id();
    assert!(
        !holds(&on_disk(&shop.store()), &name.0),
        "when the receiver has the word, nothing of the name is left"
    );
    let counted = shop.server.metric("keepset_webhook_total{result=\"delivered\"}");
    assert_eq!(counted, receiver.all().len() as u64);
    assert_eq!(shop.server.metric("keepset_webhook_waiting{queue=\"labels\"}"), 0);
}

#[test]
fn what_a_receiver_does_not_take_is_sent_again_under_the_same_name_also_after_a_restart() {
    let receiver = Receiver::open(503);
    let shop = open(&receiver);
    for secret in 1..=3 {
        shop.share(&labels(secret, [true, false], today()));
    }
    until("it was tried", || receiver.all().len() >= 3);
    let refused = receiver.all();
    let shop = shop.reopen();
    assert_eq!(shop.count("queue"), 3);
    receiver.status.store(200, SeqCst);
    until("everything is told", || shop.count("queue") == 0);
    let taken = receiver.all().split_off(refused.len());
    let names = |list: &[Message]| {
        list.iter().map(|message| message.id.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&refused), names(&taken));
}

#[test]
fn what_is_taken_back_before_it_was_told_is_never_told() {
    // Nobody listens at first.
    let address = format!("http://127.0.0.1:{}/labels", unused_port());
    let shop = open(&Receiver { address, status: Arc::default(), messages: Arc::default() });
    for secret in 1..=4 {
        shop.share(&labels(secret, [true, false], today()));
    }
    until("they wait", || shop.count("queue") == 4);
    let never: Vec<u8> = (1..=4).filter(|secret| told(&shop, *secret) == 0).collect();
    assert!(!never.is_empty(), "one connection that fails puts the others off");
    for secret in &never {
        shop.withdraw(*secret);
        let name = Secret([*secret; 32]).proof().id();
        assert!(!holds(&on_disk(&shop.store()), &name.0), "neither in the labels nor in the queue");
    }
}

/// Whether a name is written down as told.
fn told(shop: &Shop, secret: u8) -> i64 {
    let connection = rusqlite::Connection::open(shop.store()).unwrap();
    let name = Secret([secret; 32]).proof().id().0;
    connection.query_row("SELECT count(*) FROM told WHERE id = ?1", [name], |row| row.get(0)).unwrap()
}

#[test]
fn a_wrong_receiver_secret_or_pack_is_refused_in_a_sentence() {
    let folder = Folder::new();
    let (file, terms, right) =
        (write_plan(&folder, &crate::fleet::plan(5, 2)), folder.join("terms.json"), secret(&folder));
    std::fs::write(&terms, TERMS).unwrap();
    let said = |more: &[&str]| {
        let mut all = vec!["--labels", terms.to_str().unwrap()];
        all.extend(more);
        let mut program = command(&file, folder.join("store.sqlite"), &all);
        let output = program.arg("--label-store").arg(folder.join("labels.sqlite")).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let away = "https://crm.example/labels";
    assert!(said(&["--webhook", away]).contains("--webhook-secret"));
    assert!(
        said(&["--webhook", "http://crm.example/labels", "--webhook-secret", &right]).contains("https://")
    );
    let wrong = folder.join("wrong.secret");
    std::fs::write(&wrong, "whsec_c2hvcnQ=").unwrap();
    std::fs::set_permissions(&wrong, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let short = said(&["--webhook", away, "--webhook-secret", wrong.to_str().unwrap()]);
    assert!(short.contains("--webhook-secret: ") && !short.contains("c2hvcnQ"), "{short}");
    std::fs::write(&terms, format!("{{\"sensitive\": [\"health\"], \"labels\": {TERMS}}}")).unwrap();
    assert!(
        said(&["--webhook", away, "--webhook-secret", &right]).contains("a sensitive pack shares no labels")
    );
}
