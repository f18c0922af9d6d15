//! Readers whom another service vouches for: an issuer on this machine that signs as the real ones do.

use serde_json::{Value, json};

use crate::fleet::plan;
use crate::issuer::{Issuer, Key, header, part, token};
use crate::process::{Answer, Folder, Server, run, write_keys, write_plan};

fn start(folder: &Folder, issuer: &Issuer, more: &[&str]) -> Server {
    let log = folder.join("reads.jsonl");
    let mut all =
        vec!["--oidc-issuer", &issuer.address, "--oidc-audience", "keepset", "--oidc-claim", "groups"];
    all.extend(["--oidc-role", "readers=analyst", "--oidc-role", "admins=operator"]);
    all.extend(["--read-log", log.to_str().unwrap()]);
    all.extend(more);
    Server::start(folder, &plan(3, 1), &all)
}

fn read(server: &Server, token: &str, path: &str) -> Answer {
    let request = server.agent().get(format!("{}{path}", server.url));
    Answer::read(request.header("authorization", format!("Bearer {token}")).call().unwrap())
}

fn log(folder: &Folder) -> String {
    std::fs::read_to_string(folder.join("reads.jsonl")).unwrap()
}

#[test]
fn whoever_an_issuer_vouches_for_reads_what_the_mapped_roles_do_and_is_written_down() {
    let (folder, issuer) = (Folder::new(), Issuer::open());
    let server = start(&folder, &issuer, &[]);
    let analyst = issuer.token(|_| {});
    assert_eq!(read(&server, &analyst, "/v1/estimates").status, 200);
    read(&server, &analyst, "/metrics").problem(403, "wrong-role");
    let both = issuer.token(|claims| claims["groups"] = json!(["admins", "readers", "others"]));
    assert_eq!([read(&server, &both, "/metrics").status, read(&server, &both, "/").status], [200, 200]);
    let none = issuer.token(|claims| claims["groups"] = json!("others"));
    read(&server, &none, "/").problem(403, "wrong-role");
    let log = log(&folder);
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = |line: &Value| (line["who"].clone(), line["role"].clone(), line["allowed"].clone());
    assert_eq!(row(&lines[0]), (json!("user-17"), json!("analyst"), json!(true)));
    assert_eq!(row(&lines[1]), (json!("user-17"), json!("analyst,operator"), json!(true)));
    assert_eq!(row(&lines[2]), (json!("user-17"), json!(""), json!(false)));
    assert!(lines.len() == 3 && !log.contains(&analyst));
    // A browser without a script sends it as a password.
    let address = server.url.replace("http://", &format!("http://me:{analyst}@"));
    assert_eq!(Answer::read(server.agent().get(format!("{address}/")).call().unwrap()).status, 200);
}

#[test]
fn tokens_are_verified_with_each_kind_of_key_that_issuers_use() {
    let (folder, issuer) = (Folder::new(), Issuer::open());
    let (rsa, ed) = (Key::rsa(), Key::ed());
    let mut for_sealing = rsa.jwk("sealing");
    for_sealing["use"] = "enc".into();
    let mut for_pss = rsa.jwk("pss");
    for_pss["alg"] = "PS256".into();
    // Keys of a kind nobody knows yet are left alone.
    let odd = json!({"kty": "AKP", "kid": "odd", "alg": "ML-DSA-44", "pub": "AAAA"});
    issuer.publish(&[issuer.key.jwk("k1"), rsa.jwk("rsa"), ed.jwk("ed"), for_sealing, for_pss, odd]);
    let server = start(&folder, &issuer, &[]);
    let status = |alg: &str, kid: &str, key: &Key| {
        read(&server, &token(&json!({"alg": alg, "kid": kid}), &issuer.claims(), key), "/v1/estimates").status
    };
    for (alg, kid, key) in [
        ("ES256", "k1", &issuer.key),
        ("RS256", "rsa", &rsa),
        ("PS256", "rsa", &rsa),
        ("PS256", "pss", &rsa),
        ("EdDSA", "ed", &ed),
    ] {
        assert_eq!(status(alg, kid, key), 200, "{alg} with {kid}");
    }
    for (alg, kid, key) in [
        ("RS256", "sealing", &rsa),
        ("RS256", "pss", &rsa),
        ("RS256", "k1", &rsa),
        ("ES256", "rsa", &issuer.key),
        ("EdDSA", "rsa", &ed),
        ("ES384", "k1", &issuer.key),
        ("RS256", "odd", &rsa),
    ] {
        assert_eq!(status(alg, kid, key), 401, "{alg} with {kid}");
    }
}

#[test]
fn a_token_that_is_not_from_this_issuer_for_us_and_now_is_nobodys() {
    let (folder, issuer) = (Folder::new(), Issuer::open());
    let rsa = Key::rsa();
    issuer.publish(&[issuer.key.jwk("k1"), rsa.jwk("rsa")]);
    let server = start(&folder, &issuer, &[]);
    let right = issuer.token(|_| {});
    assert_eq!(read(&server, &right, "/v1/estimates").status, 200);
    let unsigned = |header: Value| {
        format!("{}.{}", part(header.to_string().as_bytes()), part(issuer.claims().to_string().as_bytes()))
    };
    // Signed with what is public of the issuer, used as a secret: as it is published, and as its modulus.
    let symmetric = |secret: &[u8]| {
        let message = unsigned(json!({"alg": "HS256", "kid": "rsa"}));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        format!("{message}.{}", part(ring::hmac::sign(&key, message.as_bytes()).as_ref()))
    };
    let published = rsa.jwk("rsa");
    let (head, rest) = right.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let mut promoted = issuer.claims();
    promoted["groups"] = json!(["admins"]);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut header = header();
        change(&mut header);
        token(&header, &issuer.claims(), &issuer.key)
    };
    let without = |claim: &str| issuer.token(|claims| drop(claims.as_object_mut().unwrap().remove(claim)));
    for (wrong, why) in [
        (issuer.token(|claims| claims["exp"] = json!(1_600_000_000)), "expired"),
        (issuer.token(|claims| claims["nbf"] = json!(4_000_000_000_u64)), "not yet"),
        (issuer.token(|claims| claims["aud"] = json!("another")), "for another"),
        (issuer.token(|claims| claims["aud"] = json!(["another", "third"])), "for others"),
        (issuer.token(|claims| claims["iss"] = json!("http://127.0.0.1:1")), "of another issuer"),
        (issuer.token(|claims| claims["sub"] = json!("x".repeat(256))), "of a name too long"),
        (without("exp"), "for ever"),
        (without("aud"), "for everybody"),
        (without("iss"), "of no issuer"),
        (without("sub"), "of nobody"),
        (token(&header(), &issuer.claims(), &Key::ec()), "another key"),
        (with(&|header| header["kid"] = "k2".into()), "an unknown key"),
        (with(&|header| drop(header.as_object_mut().unwrap().remove("kid"))), "no key"),
        (with(&|header| header["crit"] = json!(["b64"])), "what must be understood"),
        (format!("{}.", unsigned(json!({"alg": "none", "kid": "k1"}))), "unsigned"),
        (
            format!("{}.{signature}", unsigned(json!({"alg": "none", "kid": "k1"}))),
            "unsigned, with a signature",
        ),
        (symmetric(published.to_string().as_bytes()), "a shared secret: the key as it is published"),
        (symmetric(published["n"].as_str().unwrap().as_bytes()), "a shared secret: the modulus"),
        (format!("{head}.{}.{signature}", part(promoted.to_string().as_bytes())), "other claims"),
        (format!("{right}{}", "a".repeat(20_000)), "too long"),
        (right[..right.len() - 4].to_owned(), "cut"),
        ("a.b.c".into(), "no token"),
        (String::new(), "nothing"),
    ] {
        let answer = read(&server, &wrong, "/v1/estimates");
        assert_eq!(answer.status, 401, "{why}: {}", answer.body);
    }
    assert_eq!(log(&folder).lines().count(), 1);
}

#[test]
fn a_new_key_of_the_issuer_is_found_and_a_flood_of_unknown_ones_does_not_make_us_ask() {
    let (folder, issuer) = (Folder::new(), Issuer::open());
    let server = start(&folder, &issuer, &[]);
    assert_eq!(
        (read(&server, &issuer.token(|_| {}), "/").status, issuer.asked()),
        (200, 2),
        "asked at the start"
    );
    let second = Key::ed();
    issuer.publish(&[issuer.key.jwk("k1"), second.jwk("k2")]);
    let new = token(&json!({"alg": "EdDSA", "kid": "k2"}), &issuer.claims(), &second);
    assert_eq!((read(&server, &new, "/").status, issuer.asked()), (200, 4), "asked for the new key");
    for number in 0..200 {
        let unknown = json!({"alg": "ES256", "kid": format!("x{number}")});
        assert_eq!(read(&server, &token(&unknown, &issuer.claims(), &issuer.key), "/").status, 401);
    }
    assert_eq!(issuer.asked(), 4, "half a minute has to pass before it is asked again");
    assert_eq!(read(&server, &new, "/").status, 200, "and whom it vouches for goes on");
}

#[test]
fn an_issuer_that_does_not_answer_keeps_nobody_out_but_its_own() {
    let (folder, issuer) = (Folder::new(), Issuer::open());
    let file = folder.join("tokens.json").to_str().unwrap().to_owned();
    let (_, ours) = run(&["tokens", "new", "--tokens", &file, "--role", "viewer", "--name", "vera"]);
    issuer.fail(true);
    let mut server = start(&folder, &issuer, &["--tokens", &file]);
    let theirs = issuer.token(|_| {});
    read(&server, &theirs, "/").problem(503, "issuer-unavailable");
    read(&server, "keepset_0", "/").problem(401, "token-needed");
    assert_eq!(read(&server, ours.trim(), "/").status, 200);
    assert_eq!(server.get("/v1/plan").status, 200);
    assert!(server.stop().success());
    let said = server.rest();
    assert!(
        said.contains("--oidc-issuer: it does not say what its keys are") && !said.contains(&theirs),
        "{said}"
    );
    // It comes back before it was asked by a token.
    let server = start(&folder, &issuer, &["--tokens", &file]);
    issuer.fail(false);
    assert_eq!(read(&server, &theirs, "/").status, 200);
    // Once known, it may be gone for a while.
    issuer.fail(true);
    assert_eq!([&theirs, ours.trim()].map(|token| read(&server, token, "/").status), [200, 200]);
}

#[test]
fn an_issuer_that_speaks_for_another_is_not_believed() {
    for (key, value) in [
        ("issuer", "https://other.example"),
        ("jwks_uri", "http://other.example/keys"),
        ("jwks_uri", "file:///etc/passwd"),
    ] {
        let (folder, issuer) = (Folder::new(), Issuer::open());
        issuer.describe(key, value);
        let server = start(&folder, &issuer, &[]);
        read(&server, &issuer.token(|_| {}), "/").problem(503, "issuer-unavailable");
    }
}

#[test]
fn settings_of_an_issuer_that_do_not_hold_together_are_refused_by_name() {
    let folder = Folder::new();
    let plan = write_plan(&folder, &plan(3, 1));
    let (plan, keys) = (plan.to_str().unwrap().to_owned(), write_keys(&plan).to_str().unwrap().to_owned());
    let log = folder.join("reads.jsonl").to_str().unwrap().to_owned();
    let base = ["--plan", &plan, "--keys", &keys];
    for (more, said) in [
        (vec!["--oidc-issuer", "https://i.example", "--read-log", &log], "--oidc-audience"),
        (vec!["--oidc-issuer", "https://i.example", "--oidc-audience", "k"], "--read-log"),
        (
            vec!["--oidc-issuer", "http://i.example", "--oidc-audience", "k", "--read-log", &log],
            "--oidc-issuer: expected",
        ),
        (vec!["--oidc-role", "a=king"], "--oidc-role: expected one of viewer"),
    ] {
        let (well, found) = run(&[&base[..], &more].concat());
        assert!(!well && found.contains(said), "{found}");
    }
}
