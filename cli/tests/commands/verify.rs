//! `keepset audit verify` on a recording of Chromium: a page that reported three times, once at the second try, the ledger its
//! `<keepset-ledger>` saved, and the plan. `tests/package/element.test.mjs` records it anew under `KEEPSET_BLESS`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::Scratch;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify").join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(recorded(name)).unwrap()).unwrap()
}

/// What bends a case.
type Bend = fn(&mut Case);

/// A ledger and the traffic it is held to.
struct Case {
    ledger: Value,
    plan: Value,
    traffic: Value,
}

impl Case {
    fn recorded() -> Self {
        Self { ledger: read("ledger.json"), plan: read("plan.json"), traffic: read("traffic.har") }
    }

    fn entry(&mut self, index: usize) -> &mut Value {
        &mut self.ledger["entries"][index]
    }

    fn entries(&mut self) -> &mut Vec<Value> {
        self.ledger["entries"].as_array_mut().unwrap()
    }

    /// The bodies that were recorded, as members of requests.
    fn bodies(&mut self) -> impl Iterator<Item = &mut Value> {
        let requests = self.traffic["log"]["entries"].as_array_mut().unwrap().iter_mut();
        requests.filter_map(|entry| entry["request"].get_mut("postData"))
    }

    fn verify(&self, options: &[&str]) -> Output {
        let [ledger, plan, traffic] = [&self.ledger, &self.plan, &self.traffic]
            .map(|value| Scratch::new("verify.json", value.to_string()));
        let files = [ledger.text(), "--plan".into(), plan.text(), "--capture".into(), traffic.text()];
        run(&files.iter().map(String::as_str).chain(options.iter().copied()).collect::<Vec<_>>())
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepset")).args(["audit", "verify"]).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Checks that the output names a deviation by its code, in a sentence that begins with its place.
fn names(output: &Output, place: &str, code: &str) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{code}: {out}{err}");
    let found = out.lines().any(|line| line.starts_with(place) && line.ends_with(&format!("[{code}]")));
    assert!(found, "{code} at {place}: {out}{err}");
    assert!(err.starts_with("keepset: ") && err.contains("deviation"), "{err}");
}

#[test]
fn what_chromium_sent_is_exactly_what_its_ledger_says() {
    let output = Case::recorded().verify(&[]);
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}{}", text(&output.stderr));
    assert!(out.starts_with("entry "), "{out}");
    assert!(out.contains("The chain of 3 entries is unbroken") && out.contains("4 captured bodies"), "{out}");
}

#[test]
fn each_planted_deviation_is_named_with_its_place() {
    let planted: [(&str, &str, Bend); 13] = [
        ("request 11 (POST ", "request_unknown", |case| {
            let body = case.bodies().next().unwrap();
            let mut bytes = STANDARD.decode(body["text"].as_str().unwrap()).unwrap();
            bytes[20] ^= 1;
            body["text"] = STANDARD.encode(bytes).into();
        }),
        ("request 15 (PUT https://elsewhere.example/)", "request_unknown", |case| {
            let request = json!({"method": "PUT", "url": "https://elsewhere.example/", "headers": [], "postData": {"text": "who=me"}});
            case.traffic["log"]["entries"].as_array_mut().unwrap().push(json!({"request": request}));
        }),
        ("request 14 (POST ", "request_extra", |case| {
            let request = &mut case.traffic["log"]["entries"][13]["request"];
            request["headers"].as_array_mut().unwrap().push(json!({"name": "Cookie", "value": "id=7"}));
        }),
        ("entry 2: ", "chain_order", |case| drop(case.entries().remove(1))),
        ("entry 1: ", "chain_left_out", |case| drop(case.entries().remove(0))),
        ("entry 0: ", "chain_order", |case| case.entries().swap(0, 1)),
        ("entry 1: ", "epsilon_report", |case| case.entry(1)["epsilon"] = json!(2.5)),
        ("entry 1: ", "hash", |case| case.entry(1)["at"] = json!(1_767_398_400_001_i64)),
        ("entry 2: ", "chain_hash", |case| {
            let forged = case.entry(1).clone();
            case.entry(1)["size"] = json!(forged["size"].as_u64().unwrap() + 1);
        }),
        ("entry 2: ", "epsilon_window", |case| {
            let (at, window) = (case.entry(1)["at"].clone(), case.entry(1)["window"].clone());
            (case.entry(2)["at"], case.entry(2)["window"]) = (at, window);
        }),
        ("entry 0: ", "consent", |case| case.entry(0)["consent"]["reporting"]["choice"] = json!("denied")),
        ("entry 0: ", "bytes", |case| {
            let sealed = case.entry(0)["sealed"].as_str().unwrap();
            let other = if sealed.ends_with("00") { "01" } else { "00" };
            case.entry(0)["sealed"] = format!("{}{other}", &sealed[..sealed.len() - 2]).into();
        }),
        ("entry 0: ", "plan", |case| case.plan["epsilon"] = json!(1)),
    ];
    for (place, code, plant) in planted {
        let mut case = Case::recorded();
        plant(&mut case);
        names(&case.verify(&[]), place, code);
    }
}

#[test]
fn bodies_are_read_from_base64_from_text_a_character_a_byte_and_from_bare_files() {
    let mut case = Case::recorded();
    let bodies: Vec<Vec<u8>> =
        case.bodies().map(|body| STANDARD.decode(body["text"].as_str().unwrap()).unwrap()).collect();
    for (body, bytes) in case.bodies().zip(&bodies) {
        *body = json!({"text": bytes.iter().copied().map(char::from).collect::<String>()});
    }
    assert!(case.verify(&[]).status.success());
    for body in case.bodies() {
        *body = json!({"text": "\u{fffd}\u{fffd}"});
    }
    names(&case.verify(&[]), "request 11 ", "request_lossy");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bodies-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for (number, bytes) in bodies.iter().enumerate() {
        fs::write(folder.join(number.to_string()), bytes).unwrap();
    }
    let [ledger, plan] = ["ledger.json", "plan.json"].map(|name| recorded(name).to_str().unwrap().to_owned());
    let capture = folder.to_str().unwrap();
    assert!(run(&[&ledger, "--plan", &plan, "--capture", capture]).status.success());
    fs::write(folder.join("other"), b"who=me").unwrap();
    names(&run(&[&ledger, "--plan", &plan, "--capture", capture]), capture, "request_unknown");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_accepted_entry_that_was_not_captured_is_a_warning_and_what_went_elsewhere_is_counted() {
    let mut case = Case::recorded();
    case.traffic["log"]["entries"].as_array_mut().unwrap().pop();
    let output = case.verify(&[]);
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}");
    assert!(out.contains("warning: entry 2: is said to be accepted and was not captured"), "{out}");
    let none = case.verify(&["--to", "https://reports.example/"]);
    assert!(text(&none.stdout).contains("3 captured requests went elsewhere"), "{}", text(&none.stdout));
}

#[test]
fn what_is_found_is_written_as_json_too() {
    let mut case = Case::recorded();
    case.entries().remove(1);
    let file = Scratch::new("found.json", "");
    assert!(!case.verify(&["--json", &file.text()]).status.success());
    let found: Value = serde_json::from_str(&fs::read_to_string(&file.0).unwrap()).unwrap();
    assert_eq!((&found["holds"], &found["entries"]), (&json!(false), &json!(2)));
    assert_eq!(found["found"][0]["code"], "chain_order");
    assert_eq!((&found["found"][0]["entry"], &found["found"][0]["weight"]), (&json!(2), &json!("deviation")));
}

#[test]
fn a_file_that_is_none_is_refused_at_its_place() {
    let cases: [(Bend, &str); 5] = [
        (|case| case.ledger["format"] = json!("other"), "$.format: "),
        (
            |case| case.ledger["entries"][1]["sha256"] = json!("00"),
            "$.entries[1].sha256: expected 64 hexadecimal digits",
        ),
        (|case| case.ledger["entries"][1]["colour"] = json!(1), "$.entries[1].colour: unknown key"),
        (|case| case.plan["epsilon"] = json!(99), "$.epsilon: "),
        (|case| case.traffic["log"] = json!({}), "$.log.entries: "),
    ];
    for (break_it, expected) in cases {
        let mut case = Case::recorded();
        break_it(&mut case);
        let output = case.verify(&[]);
        let err = text(&output.stderr);
        assert!(output.status.code() == Some(1) && err.contains(expected), "{expected}: {err}");
    }
}
