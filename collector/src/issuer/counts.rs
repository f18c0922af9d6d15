//! How many tokens each visitor has had: a number beside a keyed hash of the name that the backend gives, in memory, forgotten with the
//! period, key and all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use keepset_wire::{DAY_MS, Timestamp};
use sha2::Sha256;

/// Draws the key of a period.
pub type Draw = fn() -> Option<[u8; 32]>;

/// Counts of one period.
///
/// # Privacy
/// Nothing is written down. The key is drawn when the period begins and kept nowhere else, so that the hashes say nothing once it is over.
pub struct Counts {
    most: u32,
    period_days: u32,
    draw: Draw,
    period: Mutex<Option<Period>>,
}

struct Period {
    number: i64,
    key: [u8; 32],
    had: HashMap<[u8; 16], u32>,
}

/// Whether a visitor gets a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Yes.
    Yes,
    /// They have had as many as there are for one; the next period begins in so many seconds.
    UsedUp(u64),
    /// There is no chance to draw a key from, so nobody can be counted.
    NoEntropy,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Counts {
    /// Grants `most` tokens to each visitor in a period of so many days, which is one from 1970 on.
    #[must_use]
    pub fn new(most: u32, period_days: u32, draw: Draw) -> Self {
        Self { most, period_days, draw, period: Mutex::new(None) }
    }

    /// Counts a token for a visitor, if they may have one more at `now`.
    pub fn take(&self, visitor: &[u8], now: Timestamp) -> Granted {
        let length = i64::from(self.period_days) * DAY_MS;
        let number = now.millis().div_euclid(length);
        let mut period = self.period.lock().unwrap_or_else(PoisonError::into_inner);
        if period.as_ref().is_none_or(|period| period.number != number) {
            let Some(key) = (self.draw)() else { return Granted::NoEntropy };
            *period = Some(Period { number, key, had: HashMap::new() });
        }
        let Some(period) = period.as_mut() else { return Granted::NoEntropy };
        let had = period.had.entry(hidden(&period.key, visitor)).or_default();
        if *had >= self.most {
            let left = (number + 1) * length - now.millis();
            return Granted::UsedUp(u64::try_from(left).unwrap_or(0).div_ceil(1_000));
        }
        *had += 1;
        Granted::Yes
    }

    /// Gives back a token that was counted and not signed.
    pub fn give_back(&self, visitor: &[u8]) {
        let mut period = self.period.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(period) = period.as_mut()
            && let Some(had) = period.had.get_mut(&hidden(&period.key, visitor))
        {
            *had = had.saturating_sub(1);
        }
    }

    /// Returns how many visitors are counted.
    #[must_use]
    pub fn visitors(&self) -> u64 {
        let period = self.period.lock().unwrap_or_else(PoisonError::into_inner);
        period.as_ref().map_or(0, |period| period.had.len() as u64)
    }
}

fn hidden(key: &[u8; 32], visitor: &[u8]) -> [u8; 16] {
    let mut name = [0; 16];
    // HMAC takes a key of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(visitor);
        name.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> Timestamp {
        Timestamp::from_date(day).unwrap()
    }

    #[test]
    fn a_visitor_has_so_many_in_a_period_and_nobody_is_known_in_the_next() {
        let counts = Counts::new(2, 28, || Some([7; 32]));
        let now = at("2026-11-01");
        assert_eq!([(); 2].map(|()| counts.take(b"ann", now)), [Granted::Yes; 2]);
        let Granted::UsedUp(seconds) = counts.take(b"ann", now) else { panic!("a third one") };
        assert_eq!(counts.take(b"bob", now), Granted::Yes, "each has their own");
        assert_eq!(counts.visitors(), 2);
        let next = now.saturating_add(i64::try_from(seconds).unwrap() * 1_000);
        assert!(matches!(counts.take(b"ann", next.saturating_add(-1)), Granted::UsedUp(1)));
        assert_eq!(counts.take(b"ann", next), Granted::Yes);
        assert_eq!(counts.visitors(), 1);
    }

    #[test]
    fn what_was_given_back_may_be_taken_again_and_without_chance_nobody_gets_any() {
        let counts = Counts::new(1, 28, || Some([7; 32]));
        let now = at("2026-11-01");
        assert_eq!(counts.take(b"ann", now), Granted::Yes);
        counts.give_back(b"ann");
        counts.give_back(b"nobody");
        assert_eq!(counts.take(b"ann", now), Granted::Yes);
        assert_eq!(Counts::new(1, 28, || None).take(b"ann", now), Granted::NoEntropy);
    }
}
