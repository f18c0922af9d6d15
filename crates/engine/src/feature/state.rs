//! What a memory holds: a short list of pairs of whole numbers.
//!
//! One shape for every kind: one codec in the snapshot, one way to write a change of it, one cap on its size. What
//! the pairs mean is said at each kind; mostly a date, as the kind counts dates, and an amount.

use std::cell::Cell;

use keepset_wire::codec::{Codec, Decoder};

/// Pairs in the order of their keys.
#[derive(Clone, Debug, Default)]
pub struct State {
    rows: Vec<(i64, i64)>,
    /// What the pairs add up to, for who asked last.
    tally: Cell<Tally>,
}

/// What the pairs from one key on add up to, as long as time carries none of them out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    /// The first key that counts.
    pub(super) first: i64,
    /// The place of the first pair that counts.
    pub(super) start: usize,
    pub(super) total: i64,
    /// When something was last added to it, while nothing in it is negative: time takes away then, and gives nothing.
    pub(super) grew: i64,
    /// From when until when it holds, in milliseconds since 1970; for `since` the kind vouches, `until` is the leaving of the first pair.
    pub(super) since: i64,
    pub(super) until: i64,
}

impl Tally {
    /// There is none: it counts nothing, and holds at no time.
    const NONE: Self =
        Self { first: i64::MAX, start: 0, total: 0, grew: NEGATIVE, since: i64::MAX, until: i64::MIN };
}

impl Default for Tally {
    fn default() -> Self {
        Self::NONE
    }
}

/// For when something was added to a tally in which something is negative.
const NEGATIVE: i64 = i64::MAX;

/// A tally beyond this is not kept: taking from one that stopped at the end of the numbers would be wrong.
const MOST_TALLY: u64 = 1 << 62;

/// What is remembered is the pairs alone.
impl Codec for State {
    fn encode(&self, out: &mut Vec<u8>) {
        self.rows.encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        Self { rows: Codec::decode(from), tally: Cell::default() }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl Eq for State {}

impl State {
    /// Lists the pairs.
    pub(crate) fn rows(&self) -> &[(i64, i64)] {
        &self.rows
    }

    /// Gives the pairs to a kind that keeps their order itself.
    pub(crate) fn rows_mut(&mut self) -> &mut Vec<(i64, i64)> {
        self.tally.set(Tally::NONE);
        &mut self.rows
    }

    /// Returns the last tally if it holds at `now`.
    pub(super) fn kept(&self, now: i64) -> Option<Tally> {
        Some(self.tally.get()).filter(|tally| tally.since <= now && now < tally.until)
    }

    /// Adds up the pairs from the key `first` on, at `now`; `leaves` tells when a key goes. Windows only move on, so mostly
    /// a few pairs are taken from the last tally.
    pub(super) fn tally(&self, first: i64, now: i64, leaves: impl Fn(i64) -> i64) -> Tally {
        let mut tally = self.tally.get();
        if tally.first > first {
            let total = self.rows.iter().fold(0, |sum: i64, (_, amount)| sum.saturating_add(*amount));
            let falls = self.rows.iter().all(|(_, amount)| *amount >= 0);
            tally = Tally { start: 0, total, grew: if falls { i64::MIN } else { NEGATIVE }, ..tally };
        }
        while let Some((_, amount)) = self.rows.get(tally.start).filter(|(key, _)| *key < first) {
            tally.total = tally.total.saturating_sub(*amount);
            tally.start += 1;
        }
        tally.until = self.rows.get(tally.start).map_or(i64::MAX, |(key, _)| leaves(*key));
        (tally.first, tally.since) = (first, now);
        self.tally.set(if tally.total.unsigned_abs() < MOST_TALLY { tally } else { Tally::NONE });
        tally
    }

    /// Adds `amount` to that of `key`, which counts in the tally from `now` on.
    pub(super) fn add(&mut self, key: i64, amount: i64, now: i64) {
        let tally = self.tally.get_mut();
        if self.rows.get(tally.start).is_some_and(|(first, _)| *first <= key) {
            tally.total = tally.total.saturating_add(amount);
            tally.grew = if amount < 0 || tally.grew == NEGATIVE { NEGATIVE } else { now };
            tally.since = tally.since.max(now);
        } else {
            *tally = Tally::NONE;
        }
        self.join(key, amount, i64::saturating_add);
    }

    /// Joins `amount` to that of `key`.
    pub(super) fn merge(&mut self, key: i64, amount: i64, join: fn(i64, i64) -> i64) {
        self.tally.set(Tally::NONE);
        self.join(key, amount, join);
    }

    fn join(&mut self, key: i64, amount: i64, join: fn(i64, i64) -> i64) {
        // Nearly always the latest key.
        let place = match self.rows.last() {
            Some((last, _)) if *last < key => Err(self.rows.len()),
            Some((last, _)) if *last == key => Ok(self.rows.len() - 1),
            _ => self.rows.binary_search_by_key(&key, |(kept, _)| *kept),
        };
        match place {
            Ok(found) => self.rows[found].1 = join(self.rows[found].1, amount),
            Err(place) => self.rows.insert(place, (key, amount)),
        }
    }

    /// Puts `amount` at `key`.
    pub(super) fn put(&mut self, key: i64, amount: i64) {
        self.merge(key, amount, |_, new| new);
    }

    /// Keeps one pair alone.
    pub(super) fn keep_only(&mut self, pair: (i64, i64)) {
        self.clear();
        self.rows.push(pair);
    }

    /// Returns the amount at `key`.
    pub(super) fn get(&self, key: i64) -> Option<i64> {
        self.rows.binary_search_by_key(&key, |(kept, _)| *kept).ok().map(|found| self.rows[found].1)
    }

    /// Lists the pairs whose keys lie from `low` up to, not including, `high`.
    pub(super) fn between(&self, low: i64, high: i64) -> &[(i64, i64)] {
        // Pairs outside are few and lie at the ends.
        let begin = self.rows.iter().take_while(|(key, _)| *key < low).count();
        let end =
            self.rows.len() - self.rows[begin..].iter().rev().take_while(|(key, _)| *key >= high).count();
        &self.rows[begin..end]
    }

    /// Drops the pairs whose keys lie from `marks` up to, not including, `low`.
    pub(super) fn drop_before(&mut self, marks: i64, low: i64) {
        let marked = self.rows.iter().take_while(|(key, _)| *key < marks).count();
        let out = self.rows[marked..].iter().take_while(|(key, _)| *key < low).count();
        if out > 0 {
            // A tally that has left them behind goes on without them.
            let tally = self.tally.get_mut();
            match tally.start.checked_sub(out) {
                Some(start) if marked == 0 => tally.start = start,
                _ => *tally = Tally::NONE,
            }
            self.rows.drain(marked..marked + out);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.tally.set(Tally::NONE);
        self.rows.clear();
    }
}
