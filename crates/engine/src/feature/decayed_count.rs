//! `decayed_count`: events, each worth half as much after every half-life.
//!
//! Time is counted in 64ths of the half-life, so a weight is up to 1.1 % (`2^(1/64) - 1`) away from the smooth
//! curve. Weights are whole 2^-32ths, so the value is the same on every target.

use keepset_wire::Timestamp;

use super::{Compute, Kind, State, days};
use crate::event::Event;

/// Steps in a half-life.
const STEPS: i64 = 64;
/// One event, freshly happened.
const ONE: i64 = 1 << 32;
/// After this many steps even 2^31 events are worth less than a 2^-32th of one.
const FORGOTTEN: i64 = 63 * STEPS;

pub(super) const KIND: Kind = Kind {
    name: "decayed_count",
    read: |fields, _| Ok(Box::new(DecayedCount { step: days(fields, "half_life_days")? / STEPS })),
};

struct DecayedCount {
    step: i64,
}

impl DecayedCount {
    fn number(&self, at: Timestamp) -> i64 {
        at.millis() / self.step
    }

    fn weight(&self, state: &State, number: i64) -> i64 {
        state.latest().map_or(0, |(last, weight)| decay(weight, number - last))
    }
}

impl Compute for DecayedCount {
    fn observe(&self, state: &mut State, event: &Event, now: Timestamp) {
        let (happened, today) = (self.number(event.at), self.number(now));
        // A state dated after now comes from a clock that ran ahead: its weight counts as of now.
        let kept = self.weight(state, today);
        state.set(today, kept.saturating_add(decay(ONE, today - happened)));
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest f64 is what is meant")]
    fn value(&self, state: &State, now: Timestamp) -> Option<f64> {
        Some(self.weight(state, self.number(now)) as f64 / ONE as f64)
    }

    fn next_change(&self, state: &State, watched: Option<f64>, now: Timestamp) -> Option<Timestamp> {
        let number = self.number(now);
        if self.weight(state, number) == 0 {
            return None;
        }
        let value_at = |steps: i64| self.value(state, Timestamp::from_millis((number + steps) * self.step)?);
        let Some(watched) = watched else { return Timestamp::from_millis((number + 1) * self.step) };
        // The value only falls, so its side of `watched` changes when it falls to it, and again when it falls below.
        let now_above = value_at(0)? > watched;
        let changed =
            |steps: i64| value_at(steps).is_some_and(|v| if now_above { v <= watched } else { v < watched });
        if changed(0) || !changed(FORGOTTEN) {
            return None;
        }
        let (mut before, mut after) = (0, FORGOTTEN);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if changed(middle) { after = middle } else { before = middle }
        }
        Timestamp::from_millis((number + after) * self.step)
    }
}

/// `weight * 2^(-steps / 64)`, rounded down; all of it for a negative age.
fn decay(weight: i64, steps: i64) -> i64 {
    if steps <= 0 {
        return weight;
    }
    let halvings = u32::try_from(steps / STEPS).unwrap_or(u32::MAX);
    let part = usize::try_from(steps % STEPS).unwrap_or(0);
    let product = (i128::from(weight) * i128::from(FRACTIONS[part])) >> 62;
    i64::try_from(product.checked_shr(halvings).unwrap_or(0)).unwrap_or(0)
}

/// `2^(-i / 64)` in 2^-62ths, rounded down.
const FRACTIONS: [i64; 64] = fractions();

/// Builds the table from square roots: the 64th root of a half is six of them.
const fn fractions() -> [i64; 64] {
    let mut root: u128 = 1 << 123; // A half, scaled by 2^124.
    let mut halving = 0;
    while halving < 6 {
        // sqrt(x 2^124) = sqrt(x) 2^62; scale back up to 2^124.
        root = root.isqrt() << 62;
        halving += 1;
    }
    let step = root >> 62;
    let mut table = [0; 64];
    let mut value: u128 = 1 << 62;
    let mut index = 0;
    while index < 64 {
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^62")]
        {
            table[index] = value as i64;
        }
        value = (value * step) >> 62;
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
        for (index, fraction) in FRACTIONS.iter().enumerate() {
            let exact = 2_f64.powf(-(index as f64) / 64.0);
            assert!((*fraction as f64 / (1_i64 << 62) as f64 / exact - 1.0).abs() < 1e-15, "{index}");
        }
    }

    #[test]
    fn a_weight_halves_in_a_half_life_and_is_gone_in_the_end() {
        assert_eq!(decay(ONE, STEPS), ONE / 2);
        assert_eq!(decay(3 * ONE, 2 * STEPS), 3 * ONE / 4);
        assert_eq!(decay(i64::MAX, FORGOTTEN), 0);
        assert_eq!(decay(ONE, i64::MAX), 0);
        assert_eq!(decay(ONE, -5), ONE);
    }
}
