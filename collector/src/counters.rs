//! Counts since the start of the process: all that is kept of requests.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::problem::Kind;

/// Counts of accepted and refused requests.
///
/// # Privacy
/// Numbers only: no address, no time, no content.
#[derive(Debug)]
pub struct Counters {
    accepted: AtomicU64,
    known: AtomicU64,
    late: AtomicU64,
    refused: [AtomicU64; Kind::ALL.len()],
}

impl Default for Counters {
    fn default() -> Self {
        let (accepted, known, late) = Default::default();
        Self { accepted, known, late, refused: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Counters {
    /// Counts the reports of one acknowledged body.
    pub fn add(&self, accepted: u64, known: u64) {
        self.accepted.fetch_add(accepted, Relaxed);
        self.known.fetch_add(known, Relaxed);
    }

    /// Counts reports that came after their window was closed.
    pub fn add_late(&self, late: u64) {
        self.late.fetch_add(late, Relaxed);
    }

    /// Lists reports by what became of them.
    #[must_use]
    pub fn reports(&self) -> [(&'static str, u64); 3] {
        [("accepted", &self.accepted), ("known", &self.known), ("late", &self.late)]
            .map(|(result, count)| (result, count.load(Relaxed)))
    }

    /// Lists refused requests by the problem they were told.
    pub fn refused(&self) -> impl Iterator<Item = (Kind, u64)> {
        Kind::ALL.into_iter().zip(&self.refused).map(|(kind, count)| (kind, count.load(Relaxed)))
    }

    /// Counts one refused request.
    pub fn refuse(&self, kind: Kind) {
        if let Some(counter) = self.refused.get(kind as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }
}
