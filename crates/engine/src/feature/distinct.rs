//! `distinct`: how many different keys were seen.
//!
//! While few: pairs of a key and the last bucket it was seen in. Beyond: a HyperLogLog (Flajolet et al. 2007) of 256
//! registers that slides: pairs of a register with a rank, and the last bucket in which that rank was reached, as far
//! as no higher rank was reached later.

use keepset_wire::Timestamp;
use keepset_wire::codec;

use super::window::Window;
use super::{Compute, Kind, Made, Observation, State, WINDOW};
use crate::event::spread;
use crate::zone::Moment;

/// So many keys are counted one by one.
const MOST_EXACT: usize = 64;
const REGISTERS: usize = 256;
/// Ranks in a register's stretch of keys.
const RANKS: i64 = 64;
/// The key of the pair that says the rest are registers.
const ESTIMATED: i64 = i64::MIN;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "distinct",
    keys: &[&WINDOW.0, &["by"]],
    read: |def| {
        def.need("by")?;
        def.unweighted()?;
        Made::new(def.source("property")?, Distinct { window: Window::read(&def.fields)? })
    },
}];

pub(super) struct Distinct {
    window: Window,
}

codec!(struct Distinct { window });

impl Compute for Distinct {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        self.prune(state, moment);
        let bucket = self.window.bucket(seen.at);
        if bucket < self.window.first(moment.now) {
            return;
        }
        if state.get(ESTIMATED).is_some() {
            return register(state, seen.key, bucket);
        }
        // What was seen after now, by a clock that ran ahead, gives way to what is seen now.
        let today = self.window.bucket(moment.now);
        let kept = state.get(seen.key).filter(|kept| *kept <= today);
        state.put(seen.key, kept.map_or(bucket, |kept| kept.max(bucket)));
        if state.rows().len() > MOST_EXACT {
            let keys = std::mem::take(state.rows_mut());
            state.put(ESTIMATED, 0);
            keys.into_iter().for_each(|(key, bucket)| register(state, key, bucket));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 64")]
    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        let in_window = self.window.first(moment.now)..=self.window.bucket(moment.now);
        let keys = state.rows().iter().filter(|(key, bucket)| *key >= 0 && in_window.contains(bucket));
        Some(if state.get(ESTIMATED).is_some() { estimate(keys) } else { keys.count() as f64 })
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let (first, today) = (self.window.first(moment.now), self.window.bucket(moment.now));
        let buckets = || state.rows().iter().filter(|(key, _)| *key >= 0).map(|(_, bucket)| *bucket);
        let leaving = buckets().filter(|bucket| (first..=today).contains(bucket)).min();
        let ahead = buckets().filter(|bucket| *bucket > today).min();
        let leaving = leaving.and_then(|bucket| self.window.leaves(bucket));
        super::earliest([leaving, ahead.and_then(|bucket| self.window.begins(bucket))])
    }

    fn prune(&self, state: &mut State, moment: Moment<'_>) {
        let first = self.window.first(moment.now);
        state.rows_mut().retain(|(key, bucket)| *key < 0 || *bucket >= first);
        if let [(ESTIMATED, _)] = state.rows() {
            state.clear();
        }
    }
}

/// Notes a key in its register.
fn register(state: &mut State, key: i64, bucket: i64) {
    let bits = spread(key.cast_unsigned());
    let base = (bits % 256).cast_signed() * RANKS;
    // The place of the first one among the other 56 bits, from 1; 57 when there is none.
    let rank = i64::from((bits >> 8).trailing_zeros().min(56)) + 1;
    let higher = |(kept, last): &(i64, i64)| (base + rank..base + RANKS).contains(kept) && *last >= bucket;
    if !state.rows().iter().any(higher) {
        let lower = |(kept, last): &(i64, i64)| (base..=base + rank).contains(kept) && *last <= bucket;
        state.rows_mut().retain(|row| !lower(row));
        state.put(base + rank, bucket);
    }
}

/// Estimates how many keys there are, from pairs sorted by register and rank.
#[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
fn estimate<'a>(pairs: impl Iterator<Item = &'a (i64, i64)>) -> f64 {
    let mut ranks = [0_i64; REGISTERS];
    for (key, _) in pairs {
        // Below 256 by the way the key was made.
        ranks[usize::try_from(key / RANKS).unwrap_or(0) % 256] = key % RANKS;
    }
    let registers = REGISTERS as f64;
    let empty = ranks.iter().filter(|rank| **rank == 0).count();
    let harmonic: f64 = ranks.iter().map(|rank| 1.0 / (1_u64 << rank) as f64).sum();
    let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / harmonic;
    if raw <= 2.5 * registers && empty > 0 {
        // How many throws leave so many registers empty, on average: m (1/(V+1) + … + 1/m). No logarithm, whose last bit
        // differs between targets; it differs from m ln(m/V) by less than a key.
        let waits: f64 = (empty + 1..=ranks.len()).map(|left| 1.0 / left as f64).sum();
        return (registers * waits).round();
    }
    raw.round()
}
