//! Counts since the start of the process: all that is kept of requests.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::{Map, Value, json};

use crate::problem::Kind;

/// Counts of accepted and refused requests.
///
/// # Privacy
/// Numbers only: no address, no time, no content.
#[derive(Debug)]
pub struct Counters {
    accepted: AtomicU64,
    known: AtomicU64,
    refused: [AtomicU64; Kind::ALL.len()],
}

impl Default for Counters {
    fn default() -> Self {
        let (accepted, known) = Default::default();
        Self { accepted, known, refused: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Counters {
    /// Counts the reports of one acknowledged body.
    pub fn add(&self, accepted: u64, known: u64) {
        self.accepted.fetch_add(accepted, Relaxed);
        self.known.fetch_add(known, Relaxed);
    }

    /// Counts one refused request.
    pub fn refuse(&self, kind: Kind) {
        if let Some(counter) = self.refused.get(kind as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Writes every count as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let refused: Map<String, Value> = Kind::ALL
            .iter()
            .zip(&self.refused)
            .map(|(kind, count)| (kind.slug().to_owned(), count.load(Relaxed).into()))
            .collect();
        json!({
            "reports": {"accepted": self.accepted.load(Relaxed), "known": self.known.load(Relaxed)},
            "refused": refused,
        })
    }
}
