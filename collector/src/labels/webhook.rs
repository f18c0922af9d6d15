//! Tells a receiver of labels what changed: one signed message a name, in the convention of Standard Webhooks, until it says that it has it.
//!
//! `webhook-id` is the same each time the same is sent, `webhook-timestamp` is when, and `webhook-signature` is `v1,` and the base64 of the
//! HMAC-SHA256 (RFC 2104) of both and the body, joined by dots.
//!
//! # Privacy
//! A message holds a name, the labels that enough people share, and the consent receipt; days and no times. What a receiver answers is not read.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use keepset_privacy::{Coins as _, SystemCoins};
use keepset_wire::labels::{LabelId, LabelTerms};
use keepset_wire::{hex, sha256};
use serde_json::{Value, json};
use sha2::Sha256;

use super::date;
use super::queue::{Due, News};
use super::store::{Held, LabelStore};
use crate::clock::system_now;
use crate::outgoing;
use crate::private;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// So many messages are taken out of the queue at once.
const BATCH: u32 = 200;

/// A receiver, and the secret that it knows us by.
pub struct Webhook {
    url: String,
    secret: Vec<u8>,
    agent: ureq::Agent,
    stopping: AtomicBool,
    sent: AtomicU64,
    failed: AtomicU64,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the secret nor an address that may hold one.
        formatter.write_str("Webhook")
    }
}

impl Webhook {
    /// Takes the address of a receiver and the file of its secret.
    ///
    /// # Errors
    /// One sentence that names the flag and what is wrong.
    pub fn new(url: &str, secret: &Path) -> Result<Self, String> {
        if !outgoing::is_safe(url) {
            return Err(
                "--webhook: labels leave encrypted: expected an address that begins with https://".into()
            );
        }
        let (sent, failed) = Default::default();
        Ok(Self {
            url: url.to_owned(),
            secret: read_secret(secret)?,
            agent: outgoing::agent(),
            stopping: AtomicBool::new(false),
            sent,
            failed,
        })
    }

    /// Sends what is due; ends early when the receiver does not answer at all, or the collector is to stop.
    pub(super) fn deliver(&self, store: &LabelStore, terms: &[LabelTerms]) -> rusqlite::Result<()> {
        let seconds = || system_now().millis() / 1_000;
        for due in store.due(terms, seconds(), BATCH)? {
            if self.stopping.load(Relaxed) {
                return Ok(());
            }
            if !store.begin(&due)? {
                continue;
            }
            let now = seconds();
            let answer = self.send(&due, now);
            if answer.is_some_and(|status| (200..300).contains(&status)) {
                self.sent.fetch_add(1, Relaxed);
                store.delivered(&due)?;
                continue;
            }
            self.failed.fetch_add(1, Relaxed);
            store.failed(&due, now, chance())?;
            if answer.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends one message and returns the status of the answer; nothing where there was none.
    fn send(&self, due: &Due<'_>, now: i64) -> Option<u16> {
        let body = body(due).to_string();
        // What is said may have changed since it was last tried: then it is another message, which nobody takes for the one before.
        let name = format!("msg_{}", hex(&sha256(&[&due.message, body.as_bytes()])[..16]));
        let request = self.agent.post(&self.url).header("content-type", "application/json");
        let request = request.header("webhook-id", &name).header("webhook-timestamp", now.to_string());
        let request = request.header("webhook-signature", signature(&self.secret, &name, now, &body));
        request.send(body).ok().map(|answer| answer.status().as_u16())
    }

    /// Ends what is being sent after the message under way.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Returns how many messages were taken by the receiver, and how often one was not.
    pub(crate) fn counts(&self) -> [(&'static str, u64); 2] {
        [("delivered", self.sent.load(Relaxed)), ("failed", self.failed.load(Relaxed))]
    }
}

fn read_secret(path: &Path) -> Result<Vec<u8>, String> {
    let text = private::read(path, "a secret").map_err(|error| format!("--webhook-secret: {error}"))?;
    let bytes = text.trim().strip_prefix(PREFIX).and_then(|rest| BASE64_STANDARD.decode(rest).ok());
    let bytes = bytes.filter(|bytes| (24..=64).contains(&bytes.len()));
    bytes.ok_or_else(|| {
        format!(
            "--webhook-secret: {} holds no secret: expected {PREFIX} and the base64 of 24 to 64 bytes",
            path.display()
        )
    })
}

/// Signs a message.
fn signature(secret: &[u8], name: &str, at: i64, body: &str) -> String {
    // A key of any length is one of HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{name}.{at}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

fn body(due: &Due<'_>) -> Value {
    match &due.news {
        News::Erased => json!({"type": "labels.erased", "data": {"id": due.id.to_string()}}),
        News::Shares { terms, held } => {
            json!({"type": "labels.shared", "data": shared(due.id, terms, held)})
        }
    }
}

fn shared(id: LabelId, terms: &LabelTerms, held: &Held) -> Value {
    let labels = terms.segments.iter().zip(&held.labels).filter(|(_, has)| **has);
    json!({
        "id": id.to_string(), "labels": labels.map(|((name, _), _)| name.as_str()).collect::<Vec<_>>(),
        "told": date(held.day), "agreed": date(held.agreed), "signal": held.signal, "purpose": terms.purpose,
        "text_version": terms.text_version, "terms": terms.hash().to_string(), "pack": hex(&held.pack),
    })
}

/// Draws a number from 0 to 1; the middle where there is no chance.
fn chance() -> f64 {
    let drawn = SystemCoins::open().and_then(|mut coins| coins.below(1_001));
    drawn.map_or(0.5, |drawn| drawn as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret, message and signature that the specification of Standard Webhooks gives as its example.
    #[test]
    fn a_signature_is_that_of_the_convention() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
