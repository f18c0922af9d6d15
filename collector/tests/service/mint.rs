//! Tokens for reports, signed in the open: such a token is the same as one that was signed blindly. `issuing` and the tests of the package have the blind ones.

use std::path::PathBuf;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keepset_collector::issuer::signer;
use keepset_collector::report_tokens::TokenKeys;
use keepset_collector::report_tokens::keys::{Issuer, TokenKey};
use keepset_collector::report_tokens::token::{TOKEN_TYPE, text};
use keepset_wire::seal::SEALED_TYPE;
use keepset_wire::{Timestamp, sha256};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA384, RsaKeyPair};

use crate::process::{Answer, Folder, Server};

pub const ORIGIN: &str = "reports.example.com";
pub const NAME: &str = "tokens.example.com";

/// An issuer with three keys: one that is over, one in use, and one that nobody lists.
pub struct Mint {
    pub keys: [TokenKey; 3],
}

pub const OVER: usize = 0;
pub const IN_USE: usize = 1;
pub const UNKNOWN: usize = 2;

/// Keys of RSA take a moment to make, so all tests share these.
pub fn mint() -> &'static Mint {
    static MINT: LazyLock<Mint> = LazyLock::new(|| {
        let date = |text| Timestamp::from_date(text).unwrap();
        let key = |from, until| signer::make(date(from), date(until)).unwrap();
        Mint {
            keys: [
                key("2017-01-01", "2018-01-01"),
                key("2017-01-01", "2059-01-01"),
                key("2017-01-01", "2059-01-01"),
            ],
        }
    });
    &MINT
}

impl Mint {
    pub fn file(&self, keys: &[usize]) -> TokenKeys {
        let keys = keys.iter().map(|key| self.keys[*key].clone()).collect();
        TokenKeys { origin: ORIGIN.into(), issuers: vec![Issuer { name: NAME.into(), keys }] }
    }

    /// Writes the file that a collector is given.
    pub fn public(&self, folder: &Folder) -> PathBuf {
        let path = folder.join("report-tokens.json");
        std::fs::write(&path, self.file(&[OVER, IN_USE]).public_json().to_string()).unwrap();
        path
    }

    /// A token of the key in use; `number` is in its nonce.
    pub fn token(&self, number: u64) -> Vec<u8> {
        self.token_of(IN_USE, NAME, ORIGIN, number)
    }

    pub fn token_of(&self, key: usize, name: &str, origin: &str, number: u64) -> Vec<u8> {
        let key = &self.keys[key];
        let der = BASE64_STANDARD.decode(key.private.as_ref().unwrap()).unwrap();
        let secret = RsaKeyPair::from_pkcs8(&der).unwrap();
        // The challenge, by hand (RFC 9577, section 2.1.1).
        let part = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat();
        let challenge = [&TOKEN_TYPE.to_be_bytes(), &*part(name), &[0], &*part(origin)].concat();
        let nonce = sha256(&[b"a nonce", &number.to_be_bytes()]);
        let signed =
            [&TOKEN_TYPE.to_be_bytes()[..], &nonce, &sha256(&[&challenge]), &key.public.id()].concat();
        let mut signature = vec![0; secret.public().modulus_len()];
        secret.sign(&RSA_PSS_SHA384, &SystemRandom::new(), &signed, &mut signature).unwrap();
        [signed, signature].concat()
    }
}

/// Starts a collector that takes reports with tokens alone.
pub fn start(folder: &Folder, plan: &keepset_wire::Plan, more: &[&str]) -> Server {
    let file = mint().public(folder);
    Server::start(folder, plan, &[&["--report-tokens", file.to_str().unwrap()], more].concat())
}

/// The field that carries a token.
pub fn field(token: &[u8]) -> String {
    format!("PrivateToken token=\"{}\"", text(token))
}

/// Sends reports with what stands in `Authorization`; nothing when the connection broke before an answer.
pub fn try_pay(server: &Server, body: &[u8], fields: &[String]) -> Option<Answer> {
    let mut request =
        server.agent().post(format!("{}/v1/reports", server.url)).header("content-type", SEALED_TYPE);
    for field in fields {
        request = request.header("authorization", field);
    }
    request.send(body).ok().map(Answer::read)
}

pub fn pay(server: &Server, body: &[u8], tokens: &[&[u8]]) -> Answer {
    let fields: Vec<String> = tokens.iter().map(|token| field(token)).collect();
    try_pay(server, body, &fields).unwrap()
}

impl Folder {
    /// How many spent tokens its store names.
    pub fn spent(&self) -> i64 {
        if self.store().starts_with("sqlite:") {
            return self.number("SELECT count(*) FROM spent");
        }
        let mut client = postgres::Client::connect(self.store(), postgres::NoTls).unwrap();
        let tables = "SELECT window_number FROM keepset_spent_windows";
        let windows: Vec<i64> = client.query(tables, &[]).unwrap().iter().map(|row| row.get(0)).collect();
        let mut count = |window: i64| -> i64 {
            client.query_one(&format!("SELECT count(*) FROM keepset_spent_{window}"), &[]).unwrap().get(0)
        };
        windows.into_iter().map(&mut count).sum()
    }
}
