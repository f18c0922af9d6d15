//! What a collector asks a report to bring, and what it says to everything else.

use bhttp::{Message, Mode};
use keepset_wire::oblivious::REQUEST_TYPE;
use keepset_wire::seal::SEALED_TYPE;
use ohttp::ClientRequest;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::fleet::{Noise, current, plan};
use crate::kept::held;
use crate::mint::{IN_USE, NAME, ORIGIN, OVER, UNKNOWN, field, mint, pay, start, try_pay};
use crate::process::{Folder, Server, command, write_plan};

#[test]
fn without_a_token_a_report_is_told_which_one_it_needs() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 1);
    let report = noise.bytes(current(&plan));
    let answer = server.post(&report);
    assert_eq!(answer.problem(401, "report-token-needed")["index"], 0);
    let challenge = answer.header("www-authenticate");
    let key = keepset_collector::report_tokens::token::text(mint().keys[IN_USE].public.spki());
    assert!(
        challenge.starts_with(
            "PrivateToken challenge=\"AAIAEnRva2Vucy5leGFtcGxlLmNvbQAAE3JlcG9ydHMuZXhhbXBsZS5jb20=\""
        ),
        "{challenge}"
    );
    assert!(challenge.ends_with(&format!("token-key=\"{key}\"")), "{challenge}");
    // One token for two reports is one too few, and two for one are one too many.
    let (one, two) = (mint().token(1), mint().token(2));
    let both = noise.body(current(&plan), 2);
    assert_eq!(pay(&server, &both, &[&one]).problem(401, "report-token-needed")["index"], 1);
    pay(&server, &report, &[&one, &two]).problem(401, "report-token-needed");
    assert_eq!(held(&folder.join("store.sqlite")).reports, 0);
    assert_eq!(pay(&server, &both, &[&one, &two]).json()["accepted"], 2);
    assert_eq!(server.counter("report-token-needed"), 3);
    // What is wrong with a body is said first where there is no report to pay for.
    pay(&server, b"", &[]).problem(400, "empty-body");
}

#[test]
fn a_token_of_another_key_time_origin_or_issuer_is_refused_and_so_is_garbage() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = start(&folder, &plan, &[]);
    let report = Noise::new(&plan, 1).bytes(current(&plan));
    for (why, token) in [
        ("a key that nobody lists", mint().token_of(UNKNOWN, NAME, ORIGIN, 1)),
        ("a key that is over", mint().token_of(OVER, NAME, ORIGIN, 1)),
        ("made for another collector", mint().token_of(IN_USE, NAME, "reports.example.org", 1)),
        ("another issuer's name", mint().token_of(IN_USE, "tokens.example.org", ORIGIN, 1)),
        ("too short", mint().token(1)[..353].to_vec()),
        ("too long", [mint().token(1), vec![0]].concat()),
        ("of another type", [vec![0, 1], mint().token(1)[2..].to_vec()].concat()),
        ("nothing", Vec::new()),
    ] {
        let answer = pay(&server, &report, &[&token]);
        assert!(answer.headers.contains_key("www-authenticate"), "{why}");
        answer.problem(401, "report-token-refused");
    }
    for said in [
        "Bearer abc",
        "PrivateToken",
        "PrivateToken token",
        "PrivateToken token=\"!!\"",
        "PrivateToken key=\"AAAA\"",
        "",
    ] {
        try_pay(&server, &report, &[said.to_owned()]).unwrap().problem(401, "report-token-needed");
    }
    let spaced = field(&mint().token(1)).replace("PrivateToken token=", "privatetoken   token = ");
    assert_eq!(
        try_pay(&server, &report, &[spaced]).unwrap().json()["accepted"],
        1,
        "as RFC 9110 lets it be written"
    );
    let unpadded = field(&mint().token(1)).replace("=\"", "\"").replacen("token\"", "token=\"", 1);
    assert_eq!(try_pay(&server, &report, &[unpadded]).unwrap().status, 200);
}

#[test]
fn a_key_to_come_is_taken_beside_the_one_before_it_when_its_time_has_come() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut keys = mint().file(&[IN_USE, UNKNOWN]);
    let file = folder.join("rotated.json");
    let mut noise = Noise::new(&plan, 1);
    for (from, status) in [("2058-01-01", 401), ("2026-01-01", 200)] {
        keys.issuers[0].keys[1].from = keepset_wire::Timestamp::from_date(from).unwrap();
        std::fs::write(&file, keys.public_json().to_string()).unwrap();
        let server = Server::start(&folder, &plan, &["--report-tokens", file.to_str().unwrap()]);
        let new = mint().token_of(UNKNOWN, NAME, ORIGIN, 5);
        assert_eq!(pay(&server, &noise.bytes(current(&plan)), &[&new]).status, status, "from {from}");
        let old = mint().token(u64::from(status));
        assert_eq!(
            pay(&server, &noise.bytes(current(&plan)), &[&old]).json()["accepted"],
            1,
            "the old one stays"
        );
        let standing =
            |name: &str| server.metric(&format!("keepset_report_token_keys{{standing=\"{name}\"}}"));
        assert_eq!([standing("in_use"), standing("to_come")], if status == 200 { [2, 0] } else { [1, 1] });
        assert!(server.metric("keepset_report_tokens_end_seconds") > 86_400 * 365);
    }
}

#[test]
fn what_is_kept_of_a_token_is_neither_the_token_nor_its_nonce() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut server = start(&folder, &plan, &[]);
    let (report, token) = (Noise::new(&plan, 1).bytes(current(&plan)), mint().token(77));
    assert_eq!(pay(&server, &report, &[&token]).status, 200);
    let privacy = server.get("/privacy").body;
    assert!(privacy.contains("Two hashes over the token"), "{privacy}");
    assert!(server.get("/operations").body.contains("1 keys in use"));
    assert!(server.stop().success());
    for file in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        // The nonce, the signature, and their hashes without what keeps this store's apart.
        let hash = keepset_wire::sha256(&[&token[2..34]]);
        for part in [&token[2..34], &token[98..130], &hash[..16]] {
            assert!(!bytes.windows(part.len()).any(|window| window == part), "{file}");
        }
    }
    let said = server.rest();
    assert!(!said.contains(&field(&token)[22..60]), "{said}");
}

#[test]
fn through_a_relay_the_token_travels_inside_the_envelope_and_no_answer_is_longer_than_another() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let ring = crate::relay::saved(&folder, &crate::relay::gateway());
    let server = start(&folder, &plan, &["--gateway", ring.to_str().unwrap()]);
    let gateway = format!("{}/v1/oblivious", server.url);
    let keys = server.agent().get(&gateway).call().unwrap().body_mut().read_to_vec().unwrap();
    let report = Noise::new(&plan, 1).bytes(current(&plan));
    for (token, status) in [(None, 401), (Some(mint().token(1)), 200)] {
        let part = |text: &str| text.as_bytes().to_vec();
        let mut message =
            Message::request(part("POST"), part("https"), part("r.example"), part("/v1/reports"));
        message.put_header("content-type", SEALED_TYPE);
        if let Some(token) = &token {
            message.put_header("authorization", field(token));
        }
        message.write_content(&report);
        let mut bytes = Vec::new();
        message.write_bhttp(Mode::KnownLength, &mut bytes).unwrap();
        let client = ClientRequest::from_encoded_config_list(&keys).unwrap();
        let (request, exchange) = client.encapsulate(&bytes).unwrap();
        let mut answer =
            server.agent().post(&gateway).header("content-type", REQUEST_TYPE).send(&request[..]).unwrap();
        let answer = exchange.decapsulate(&answer.body_mut().read_to_vec().unwrap()).unwrap();
        assert_eq!(answer.len(), 1_024);
        let answer = Message::read_bhttp(&mut std::io::Cursor::new(answer)).unwrap();
        assert_eq!(answer.control().status().map(bhttp::StatusCode::code), Some(status));
    }
}

#[test]
fn a_page_of_another_origin_may_send_a_token_and_read_the_challenge() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = start(&folder, &plan, &[]);
    let asked = ureq::http::Request::builder()
        .method("OPTIONS")
        .uri(format!("{}/v1/reports", server.url))
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let answer = crate::process::Answer::read(server.agent().run(asked.body(()).unwrap()).unwrap());
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    let request =
        server.agent().post(format!("{}/v1/reports", server.url)).header("content-type", SEALED_TYPE);
    let answer = crate::process::Answer::read(
        request.header("origin", "https://shop.example").send(&b""[..]).unwrap(),
    );
    assert!(answer.header("access-control-expose-headers").contains("www-authenticate"));
}

#[test]
fn a_file_of_token_keys_that_is_wrong_is_named_with_its_place() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let right = mint().file(&[IN_USE]);
    let (text, private) = (right.public_json().to_string(), right.private_text());
    let file = folder.join("tokens.json");
    let path = write_plan(&folder, &plan);
    for (text, said) in [
        (private, "holds an issuer's private keys"),
        (
            text.replace("MIIB", "MIIC"),
            "$.issuers[0].keys[0].token_key: expected the base64url of an RSASSA-PSS key",
        ),
        (
            text.replace("2059-01-01", "2017-01-01"),
            "$.issuers[0].keys[0].until: a key's last day comes after its first",
        ),
        (text.replace(ORIGIN, "https://a/b"), "$.origin: expected the name of a host"),
        (text.replace("\"name\"", "\"nome\""), "$.issuers[0]"),
        ("{\"origin\": \"a\", \"issuers\": []}".into(), "$.issuers: expected an issuer with a key"),
    ] {
        std::fs::write(&file, &text).unwrap();
        let more = ["--report-tokens", file.to_str().unwrap()];
        let output = command(&path, folder.store(), &more).output().unwrap();
        let found = String::from_utf8(output.stderr).unwrap();
        assert!(found.contains("--report-tokens: ") && found.contains(said), "{said}: {found}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
    #[test]
    fn a_token_with_any_byte_changed_is_worth_nothing(at in 0..354_usize, mask in 1..=255_u8) {
        use keepset_collector::report_tokens::token::Token;
        static RIGHT: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| mint().token(9));
        let key = &mint().keys[IN_USE].public;
        prop_assert!(Token::read(&RIGHT).unwrap().is_signed_by(key));
        let mut wrong = RIGHT.clone();
        wrong[at] ^= mask;
        prop_assert!(Token::read(&wrong).is_none_or(|token| !token.is_signed_by(key)));
    }
}
