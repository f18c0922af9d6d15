//! `decayed_count` and `decayed_sum`: events, each worth half as much after every half-life.
//!
//! Time is counted in 64ths of the half-life, so a weight is up to 1.1 % (`2^(1/64) - 1`) away from the smooth
//! curve. Weights are whole 2^-32ths of an event, or 2^-10ths of a millionth of an amount, so the value is the same on
//! every target.

use keepset_wire::Timestamp;
use keepset_wire::codec;
use keepset_wire::document::Mistake;

use super::{Compute, Definition, HALF_LIFE, Kind, Leap, Made, Observation, State, Stretch};
use crate::event::ONE_MILLIONTHS;
use crate::zone::Moment;

/// Steps in a half-life.
pub(super) const STEPS: i64 = 64;
/// One event, freshly happened.
pub(super) const ONE: i64 = 1 << 32;
/// A millionth of an amount.
const ONE_MILLIONTH: i64 = 1 << 10;
/// After this many steps nothing is left of any weight.
const FORGOTTEN: i64 = 63 * STEPS;

pub(super) const KINDS: &[Kind] = &[
    Kind { name: "decayed_count", keys: &[&HALF_LIFE.0], read: |def| read(def, false) },
    Kind {
        name: "decayed_sum",
        keys: &[&HALF_LIFE.0, &["property"]],
        read: |def| def.need("property").and_then(|()| read(def, true)),
    },
];

fn read(def: &Definition<'_>, amounts: bool) -> Result<Made, Mistake> {
    Made::new(def.source("property")?, Decayed { clock: HalfLife::read(def)?, amounts })
}

/// Time in 64ths of a half-life.
#[derive(Clone, Copy, Debug)]
pub(super) struct HalfLife {
    step: i64,
}

codec!(struct HalfLife { step });

impl HalfLife {
    pub(super) fn read(def: &Definition<'_>) -> Result<Self, Mistake> {
        Ok(Self { step: def.fields.need_duration(HALF_LIFE)? / STEPS })
    }

    pub(super) fn number(self, at: Timestamp) -> i64 {
        at.millis() / self.step
    }
}

/// What an event is worth when it happens.
pub(super) fn worth(seen: &Observation, amounts: bool) -> i64 {
    if amounts {
        return seen.amount.saturating_mul(ONE_MILLIONTH);
    }
    // A weight is at most 1e9 millionths, so the product is below 2^62.
    ONE.saturating_mul(seen.weight) / ONE_MILLIONTHS
}

/// One pair: the step at which the weight was last brought up to date, and the weight.
pub(super) struct Decayed {
    clock: HalfLife,
    amounts: bool,
}

codec!(struct Decayed { clock, amounts });

impl Decayed {
    fn weight(&self, state: &State, number: i64) -> i64 {
        state.rows().first().map_or(0, |(last, weight)| decay(*weight, number - last))
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest f64 is what is meant")]
    fn value_at(&self, state: &State, number: i64) -> f64 {
        let weight = self.weight(state, number) as f64;
        if self.amounts { weight / ONE_MILLIONTH as f64 / 1e6 } else { weight / ONE as f64 }
    }
}

impl Compute for Decayed {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        let (happened, today) = (self.clock.number(seen.at), self.clock.number(moment.now));
        // A weight dated after now comes from a clock that ran ahead: it counts as of now.
        let kept = self.weight(state, today);
        let weight = kept.saturating_add(decay(worth(seen, self.amounts), today - happened));
        state.keep_only((today, weight));
    }

    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        Some(self.value_at(state, self.clock.number(moment.now)))
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let number = self.clock.number(moment.now);
        let last = state.rows().first()?.0;
        (self.weight(state, number) != 0)
            .then(|| Timestamp::from_millis((number.max(last) + 1) * self.clock.step))?
    }

    /// The value only moves toward zero, so it lies in the stretch until then if it does at the end.
    fn lasts(&self, state: &State, stretch: Stretch, until: i64, moment: Moment<'_>) -> bool {
        let number = self.clock.number(moment.now);
        let end = (until - 1) / self.clock.step;
        stretch.holds(Some(self.value_at(state, end.min(number + FORGOTTEN))))
    }

    /// The value only moves toward zero, so it passes every threshold at most once: the first is found by halving.
    fn next_change(&self, state: &State, stretch: Stretch, moment: Moment<'_>) -> Leap {
        let Some((last, _)) = state.rows().first() else { return Some(None) };
        let number = self.clock.number(moment.now).max(*last);
        let changed = |steps: i64| !stretch.holds(Some(self.value_at(state, number + steps)));
        if !changed(FORGOTTEN) {
            return Some(None);
        }
        // Mostly a few half-lives away.
        let most = FORGOTTEN / STEPS;
        let halvings = (1..most).find(|halvings| changed(halvings * STEPS)).unwrap_or(most);
        let (mut before, mut after) = ((halvings - 1) * STEPS, halvings * STEPS);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if changed(middle) { after = middle } else { before = middle }
        }
        Some(Timestamp::from_millis((number + after) * self.clock.step))
    }
}

/// `weight * 2^(-steps / 64)`, rounded toward zero; all of it for a negative age.
pub(super) fn decay(weight: i64, steps: i64) -> i64 {
    if steps <= 0 {
        return weight;
    }
    let halvings = u32::try_from(steps / STEPS).unwrap_or(u32::MAX);
    let part = usize::try_from(steps % STEPS).unwrap_or(0);
    let mut left = weight.unsigned_abs();
    if part > 0 {
        // Less than what it is a fraction of.
        left = share(left, fraction(part));
    }
    let rest = left.checked_shr(halvings).and_then(|rest| i64::try_from(rest).ok()).unwrap_or(0);
    if weight < 0 { -rest } else { rest }
}

/// `left * fraction / 2^62`, for a fraction of at most 2^62.
fn share(left: u64, fraction: u64) -> u64 {
    u64::try_from((u128::from(left) * u128::from(fraction)) >> 62).unwrap_or(left)
}

/// `2^(-part / 64)` in 2^-62ths: the root multiplied so often with itself, rounded down each time.
fn fraction(part: usize) -> u64 {
    (0..part % EIGHT).fold(EIGHTHS[part / EIGHT], |fraction, _| share(fraction, ROOT))
}

/// So many steps lie between two entries of the table; a page that carried all 64 would load 450 bytes more.
const EIGHT: usize = 8;
const EIGHTHS: [u64; 8] = eighths();
/// `2^(-1 / 64)` in 2^-62ths: of a half, six square roots.
const ROOT: u64 = root();

const fn root() -> u64 {
    let mut root: u128 = 1 << 123; // A half, scaled by 2^124.
    let mut halving = 0;
    while halving < 6 {
        // sqrt(x 2^124) = sqrt(x) 2^62; scale back up to 2^124.
        root = root.isqrt() << 62;
        halving += 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 2^62")]
    {
        (root >> 62) as u64
    }
}

/// Every eighth fraction, by the multiplications of [`fraction`].
const fn eighths() -> [u64; 8] {
    let mut table = [0; 8];
    let mut value: u128 = 1 << 62;
    let mut index = 0;
    while index < 64 {
        if index % EIGHT == 0 {
            #[expect(clippy::cast_possible_truncation, reason = "at most 2^62")]
            {
                table[index / EIGHT] = value as u64;
            }
        }
        value = (value * ROOT as u128) >> 62;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn the_table_is_the_power_of_two_to_fifteen_digits() {
        for index in 0..64 {
            let exact = 2_f64.powf(-(index as f64) / 64.0);
            assert!((fraction(index) as f64 / (1_i64 << 62) as f64 / exact - 1.0).abs() < 1e-15, "{index}");
        }
    }

    #[test]
    fn a_weight_halves_in_a_half_life_and_is_gone_in_the_end() {
        assert_eq!(decay(ONE, STEPS), ONE / 2);
        assert_eq!(decay(3 * ONE, 2 * STEPS), 3 * ONE / 4);
        assert_eq!(decay(-3 * ONE, 2 * STEPS), -3 * ONE / 4);
        assert_eq!(decay(i64::MAX, FORGOTTEN), 0);
        assert_eq!(decay(i64::MIN, FORGOTTEN + 64), 0);
        assert_eq!(decay(ONE, i64::MAX), 0);
        assert_eq!(decay(ONE, -5), ONE);
    }
}
