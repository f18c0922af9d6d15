//! An issuer of tokens on this machine: it signs and publishes its keys as the real ones do, and can be told to fail.
//!
//! Tokens are written and signed here by hand, apart from the library that reads them. The key of RSA is a file, for `ring` makes none; it opens nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

/// A key that signs.
pub enum Key {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    pub fn ec() -> Self {
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let read =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &SystemRandom::new());
        Self::Ec(read.unwrap())
    }

    pub fn ed() -> Self {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap())
    }

    pub fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::from_der(include_bytes!("../keys/issuer-rsa.der")).unwrap())
    }

    /// Its public half as a JWK (RFC 7517, RFC 8037).
    pub fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Ec(pair) => {
                // An uncompressed point of P-256: 4, x, y.
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": part(&point[1..33]), "y": part(&point[33..])})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": part(pair.public_key().as_ref())})
            }
            Self::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "kid": kid, "n": part(&public.n), "e": part(&public.e)})
            }
        }
    }

    pub fn sign(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let how: &dyn ring::signature::RsaEncoding =
                    if alg == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(how, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// Writes bytes as parts of a token are written.
pub fn part(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Writes a token that `key` signs.
pub fn token(header: &Value, claims: &Value, key: &Key) -> String {
    let message = format!("{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()));
    let signature = key.sign(header["alg"].as_str().unwrap(), message.as_bytes());
    format!("{message}.{}", part(&signature))
}

/// What an issuer answers, and how often it was asked.
#[derive(Default)]
struct Said {
    document: Value,
    keys: Value,
    fails: bool,
    asked: usize,
}

/// An issuer with one key (ES256) to begin with.
pub struct Issuer {
    pub address: String,
    pub key: Key,
    said: Arc<Mutex<Said>>,
}

impl Issuer {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let key = Key::ec();
        let document = json!({"issuer": address, "jwks_uri": format!("{address}/keys")});
        let said = Said { document, keys: json!({"keys": [key.jwk("k1")]}), ..Said::default() };
        let said = Arc::new(Mutex::new(said));
        let shared = Arc::clone(&said);
        std::thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap(), &shared)));
        Self { address, key, said }
    }

    pub fn publish(&self, keys: &[Value]) {
        self.said.lock().unwrap().keys = json!({ "keys": keys });
    }

    /// Says something else about itself.
    pub fn describe(&self, key: &str, value: &str) {
        self.said.lock().unwrap().document[key] = value.into();
    }

    pub fn fail(&self, fails: bool) {
        self.said.lock().unwrap().fails = fails;
    }

    /// How often it was asked for anything.
    pub fn asked(&self) -> usize {
        self.said.lock().unwrap().asked
    }

    pub fn claims(&self) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        json!({"iss": self.address, "aud": "keepset", "sub": "user-17", "exp": now + 600, "groups": ["readers"]})
    }

    pub fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        token(&header(), &claims, &self.key)
    }
}

pub fn header() -> Value {
    json!({"alg": "ES256", "kid": "k1", "typ": "JWT"})
}

fn answer(mut stream: TcpStream, said: &Mutex<Said>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut line) = (String::new(), String::new());
    reader.read_line(&mut first).unwrap();
    while reader.read_line(&mut line).unwrap() > 2 {
        line.clear();
    }
    let mut said = said.lock().unwrap();
    said.asked += 1;
    let known = first.contains("/.well-known/openid-configuration ");
    let body = if known { said.document.to_string() } else { said.keys.to_string() };
    let status = if said.fails { "500 Internal Server Error" } else { "200 OK" };
    let length = body.len();
    // Whoever asks may have gone.
    let _ =
        write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
}
