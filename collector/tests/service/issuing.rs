//! The issuer: a process of its own, which signs for a site's backend alone, so many tokens for each visitor, and never sees one.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use keepset_collector::issuer::signer::{Signer, Unsigned};
use keepset_collector::report_tokens::TokenKeys;
use keepset_collector::report_tokens::token::{PublicKey, TOKEN_TYPE, Token, challenge, text};
use keepset_wire::{Timestamp, sha256};
use serde_json::Value;

use crate::fleet::{Noise, current, plan};
use crate::mint::{IN_USE, NAME, ORIGIN, mint, pay};
use crate::process::{Answer, Folder, Server, run};

const SECRET: &str = "a secret of the backend, long enough";

/// A running issuer.
pub struct Issuing {
    child: Child,
    url: String,
    agent: ureq::Agent,
}

impl Issuing {
    fn start(folder: &Folder, keys: &std::path::Path, more: &[&str]) -> Self {
        let secret = private(folder, "backend.secret", &format!("{SECRET}\n"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_keepset-collector"))
            .args(["issuer", "--listen", "127.0.0.1:0", "--keys"])
            .arg(keys)
            .arg("--secret")
            .arg(secret)
            .arg("--counts")
            .arg(folder.join("counts.sqlite"))
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http"))
            .unwrap()
            .trim_end_matches('/')
            .into();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { child, url, agent }
    }

    fn ask(&self, headers: &[(&str, &str)], body: &[u8]) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
        let mut request = self.agent.post(format!("{}/token-request", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.send(body).unwrap();
        let body = answer.body_mut().read_to_vec().unwrap();
        (answer.status().as_u16(), answer.headers().clone(), body)
    }

    /// Asks as the site's backend does.
    fn for_visitor(&self, visitor: &str, body: &[u8]) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
        let bearer = format!("Bearer {SECRET}");
        let kind = ("content-type", "application/private-token-request");
        self.ask(&[("authorization", &bearer), ("keepset-visitor", visitor), kind], body)
    }

    fn get(&self, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.url));
        Answer::read(request.header("authorization", format!("Bearer {SECRET}")).call().unwrap())
    }
}

impl Drop for Issuing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a file that its owner alone may use.
fn private(folder: &Folder, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A request that can be signed: to an issuer, all of them look like this one.
fn request(number: u64) -> Vec<u8> {
    let short = mint().keys[IN_USE].public.id()[31];
    let random = (0..8_u64).flat_map(|part| sha256(&[&number.to_be_bytes(), &part.to_be_bytes()]));
    // The first byte is small, so that the number is below every modulus.
    [TOKEN_TYPE.to_be_bytes()[0], 2, short, 1].into_iter().chain(random.skip(1)).collect()
}

/// The samples of RFC 9578, appendix B.2, and the file of the issuer that they are of.
fn standard() -> (Value, Value) {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/tokens.json")).unwrap();
    let file = serde_json::json!({"origin": "origin.example", "issuers": [{"name": "issuer.example", "keys": [{
        "token_key": text(&bytes(&vectors["public_key"])), "from": "2026-01-01", "until": "2059-01-01",
        "private_key": vectors["private_key"],
    }]}]});
    (vectors, file)
}

fn bytes(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn issuers_file(folder: &Folder) -> PathBuf {
    private(folder, "issuer.json", &mint().file(&[IN_USE]).private_text())
}

/// The second sample is of a challenge without a context, as ours are.
#[test]
fn the_token_of_the_standard_is_signed_blindly_and_pays_for_a_report() {
    let (folder, plan, (vectors, file)) = (Folder::new(), plan(5, 2), standard());
    let issuer = Issuing::start(&folder, &private(&folder, "issuer.json", &file.to_string()), &[]);
    let sample = &vectors["samples"][1];
    let (status, headers, response) = issuer.for_visitor("ann", &bytes(&sample["token_request"]));
    assert_eq!(
        (status, headers["content-type"].to_str().unwrap()),
        (200, "application/private-token-response")
    );
    assert_eq!(response, bytes(&sample["token_response"]));
    let public = TokenKeys::parse(&file.to_string()).unwrap().public_json().to_string();
    let path = folder.join("report-tokens.json");
    std::fs::write(&path, public).unwrap();
    let collector = Server::start(&folder, &plan, &["--report-tokens", path.to_str().unwrap()]);
    let report = Noise::new(&plan, 1).bytes(current(&plan));
    assert_eq!(pay(&collector, &report, &[&bytes(&sample["token"])]).json()["accepted"], 1);
    // The first is of a challenge with a context, which a collector never asks for.
    pay(&collector, &report, &[&bytes(&vectors["samples"][0]["token"])]).problem(401, "report-token-refused");
}

#[test]
fn an_operator_makes_lists_and_deletes_the_keys_of_an_issuer() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let keys = folder.join("issuer.json").display().to_string();
    let made = ["keys", "new", "--issuer", "--name", NAME, "--origin", ORIGIN, "--keys", &keys];
    let (done, public) = run(&made);
    assert!(done && !public.contains("private_key"), "{public}");
    let file = folder.join("report-tokens.json");
    std::fs::write(&file, &public).unwrap();
    let collector = Server::start(&folder, &plan, &["--report-tokens", file.to_str().unwrap()]);
    assert_eq!(collector.metric("keepset_report_token_keys{standing=\"in_use\"}"), 1);
    drop(Issuing::start(&folder, std::path::Path::new(&keys), &[]));
    // A second key beside the first, listed and deleted again.
    let (done, two) = run(&["keys", "new", "--issuer", "--keys", &keys]);
    assert!(done && two.matches("token_key").count() == 2, "{two}");
    let (_, list) = run(&["keys", "list", "--keys", &keys]);
    assert_eq!(list.matches("in use").count(), 2, "{list}");
    assert_eq!(run(&["keys", "list", "--json", "--keys", &keys]), (true, two));
    let (done, said) = run(&["keys", "retire", "1", "--keys", &keys]);
    assert!(!done && said.contains("--in-use"), "{said}");
    assert!(run(&["keys", "retire", "1", "--in-use", "--keys", &keys]).0);
    assert_eq!(run(&["keys", "list", "--keys", &keys]).1.matches("in use").count(), 1);
    let (done, said) = run(&["keys", "retire", "1", "--in-use", "--keys", &keys]);
    assert!(!done && said.contains("the only key"), "{said}");
    let (done, said) = run(&["keys", "new", "--issuer", "--keys", &format!("{keys}.other")]);
    assert!(!done && said.contains("--name"), "{said}");
}

#[test]
fn a_visitor_gets_so_many_tokens_in_a_period_and_another_one_as_many() {
    let folder = Folder::new();
    let file = issuers_file(&folder);
    let issuer = Issuing::start(&folder, &file, &["--tokens", "3"]);
    let ask = |visitor: &str, number| issuer.for_visitor(visitor, &request(number));
    assert_eq!([1, 2, 3].map(|number| ask("ann", number).0), [200; 3]);
    let (status, headers, body) = ask("ann", 4);
    assert_eq!(
        (status, serde_json::from_slice::<Value>(&body).unwrap()["type"].as_str()),
        (429, Some("/problems/tokens-used-up"))
    );
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=28 * 86_400).contains(&wait), "{wait}");
    assert_eq!(ask("bob", 5).0, 200);
    // What is no request costs nothing.
    assert_eq!(issuer.for_visitor("bob", b"no request").0, 422);
    assert_eq!([6, 7, 8].map(|number| ask("bob", number).0), [200, 200, 429]);
    let metrics = issuer.get("/metrics");
    assert_eq!(metrics.metric("keepset_issued_tokens_total"), 6);
    assert_eq!(metrics.metric("keepset_issuer_visitors"), 2);
    assert_eq!(metrics.metric("keepset_issuer_refused_total{problem=\"tokens-used-up\"}"), 2);
    assert!(!metrics.body.contains("ann") && !metrics.body.contains("bob"));
}

/// Killed without a word, so that what was not on the disk when it answered is gone.
#[test]
fn an_issuer_that_was_killed_knows_who_has_had_tokens_and_with_its_counts_spoiled_it_does_not_start() {
    let folder = Folder::new();
    let file = issuers_file(&folder);
    for (number, expected) in [(1, 200), (2, 200), (3, 429)] {
        let issuer = Issuing::start(&folder, &file, &["--tokens", "2"]);
        assert_eq!(issuer.for_visitor("ann", &request(number)).0, expected, "start {number}");
    }
    let counts = folder.join("counts.sqlite");
    std::fs::write(&counts, [7; 4_096]).unwrap();
    let text = |path: PathBuf| path.display().to_string();
    let (keys, secret, counts) = (text(file), text(folder.join("backend.secret")), text(counts));
    let start =
        ["issuer", "--keys", &keys, "--secret", &secret, "--counts", &counts, "--listen", "127.0.0.1:0"];
    let (done, said) = run(&start);
    assert!(!done && said.contains("--counts: ") && said.contains("cannot be used"), "{said}");
}

#[test]
fn the_issuer_signs_for_the_backend_alone_and_only_what_is_a_request() {
    let folder = Folder::new();
    let file = issuers_file(&folder);
    let issuer = Issuing::start(&folder, &file, &[]);
    let request = request(1);
    let (right, kind) = (format!("Bearer {SECRET}"), ("content-type", "application/private-token-request"));
    let (bearer, visitor) = (("authorization", right.as_str()), ("keepset-visitor", "ann"));
    let wrong = format!("Bearer {SECRET}!");
    let long = "a".repeat(257);
    let problem = |(status, _, body): (u16, ureq::http::HeaderMap, Vec<u8>)| {
        (status, serde_json::from_slice::<Value>(&body).unwrap()["type"].as_str().unwrap().to_owned())
    };
    for (headers, status, slug) in [
        (vec![visitor, kind], 401, "backend-needed"),
        (vec![("authorization", wrong.as_str()), visitor, kind], 401, "backend-needed"),
        (vec![bearer, kind], 400, "visitor-needed"),
        (vec![bearer, ("keepset-visitor", &long), kind], 400, "visitor-needed"),
        (vec![bearer, visitor], 415, "wrong-type"),
    ] {
        assert_eq!(problem(issuer.ask(&headers, &request)), (status, format!("/problems/{slug}")));
    }
    let other_key = [&request[..2], &[request[2] ^ 1], &request[3..]].concat();
    let too_large = [&request[..3], &[255; 256]].concat();
    for (body, slug) in [
        (&other_key[..], "unknown-token-key"),
        (&request[..258], "malformed-request"),
        (&[&request[..], &[0]].concat(), "malformed-request"),
        (&[&[0, 1], &request[2..]].concat(), "malformed-request"),
        (&too_large, "malformed-request"),
        (b"", "malformed-request"),
    ] {
        assert_eq!(problem(issuer.for_visitor("ann", body)), (422, format!("/problems/{slug}")));
    }
    assert_eq!(issuer.get("/token-request").status, 405);
    assert_eq!(issuer.get("/nothing").status, 404);
    let nobody = Answer::read(issuer.agent.get(format!("{}/metrics", issuer.url)).call().unwrap());
    nobody.problem(401, "backend-needed");
    assert_eq!(issuer.get("/metrics").metric("keepset_issued_tokens_total"), 0);
}

#[test]
fn the_directory_lists_the_keys_that_are_not_over_as_other_clients_read_it() {
    let folder = Folder::new();
    let text = mint().file(&[crate::mint::OVER, IN_USE]).private_text();
    let issuer = Issuing::start(&folder, &private(&folder, "issuer.json", &text), &[]);
    let answer = issuer.get("/.well-known/private-token-issuer-directory");
    assert_eq!(answer.header("content-type"), "application/private-token-issuer-directory");
    let directory = answer.json();
    assert_eq!(directory["issuer-request-uri"], "/token-request");
    let keys = directory["token-keys"].as_array().unwrap();
    let shown = keepset_collector::report_tokens::token::text(mint().keys[IN_USE].public.spki());
    assert_eq!(
        (keys.len(), &keys[0]["token-type"], keys[0]["token-key"].as_str()),
        (1, &2.into(), Some(&*shown))
    );
}

#[test]
fn an_issuer_does_not_start_with_a_file_that_is_wrong_or_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let right = mint().file(&[IN_USE, crate::mint::UNKNOWN]);
    let secret = private(&folder, "backend.secret", SECRET).display().to_string();
    let mut swapped = right.clone();
    swapped.issuers[0].keys[0].private = right.issuers[0].keys[1].private.clone();
    let short = private(&folder, "short.secret", "short").display().to_string();
    for (text, mode, secret, said) in [
        (swapped.private_text(), 0o600, &secret, "--keys: "),
        (
            right.public_json().to_string(),
            0o600,
            &secret,
            "keys[0].private_key: expected the one that belongs to token_key",
        ),
        (right.private_text(), 0o644, &secret, "holds private keys and others than its owner may use it"),
        (right.private_text(), 0o600, &short, "--secret: "),
    ] {
        let path = private(&folder, "issuer.json", &text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let keys = path.display().to_string();
        let counts = folder.join("counts.sqlite").display().to_string();
        let start =
            ["issuer", "--keys", &keys, "--secret", secret, "--counts", &counts, "--listen", "127.0.0.1:0"];
        let (done, found) = run(&start);
        assert!(!done && found.contains(said), "{said}: {found}");
    }
}

#[test]
fn requests_answers_and_tokens_are_those_of_the_standard() {
    let (folder, (vectors, file)) = (Folder::new(), standard());
    let public = PublicKey::read(&bytes(&vectors["public_key"])).unwrap();
    let signer = Signer::load(&private(&folder, "issuer.json", &file.to_string())).unwrap();
    let date = |text| Timestamp::from_date(text).unwrap();
    let samples = vectors["samples"].as_array().unwrap();
    for sample in samples {
        let request = bytes(&sample["token_request"]);
        assert_eq!(signer.sign(&request, date("2026-06-01")).unwrap(), bytes(&sample["token_response"]));
        assert_eq!(signer.sign(&request, date("2059-01-01")), Err(Unsigned::UnknownKey));
        let token = bytes(&sample["token"]);
        let token = Token::read(&token).unwrap();
        assert_eq!((token.nonce(), token.key()), (&*bytes(&sample["nonce"]), &public.id()[..]));
        assert_eq!(token.challenge(), sha256(&[&bytes(&sample["token_challenge"])]));
        assert!(token.is_signed_by(&public));
    }
    assert_eq!(challenge("issuer.example", "origin.example"), bytes(&samples[1]["token_challenge"]));
}
