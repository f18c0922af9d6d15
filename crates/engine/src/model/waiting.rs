//! Waiting: what a score says of *when*, by the shifts of a discrete-time hazard.
//!
//! The log-odds that the event comes on a day, when it has not come before, are the score plus the shift of that day (Cox, *Journal of the Royal Statistical Society* B 34, 1972,
//! section 6). So the chance that it comes within so many days rises with the score, and a rule that asks for a chance is one that compares the score: a pack's
//! reader finds with what, and nothing of the shifts enters a compiled pack. Only `+ - * / <`, so every reader finds the same bits.

use keepset_wire::document::{Mistake, Node};

use crate::adapting::probability;

/// The key under which a model declares it.
pub(super) const KEY: &str = "waiting";

/// Scores are looked for in millionths, between these.
const MOST_MILLIONTHS: i64 = 30_000_000;

/// How the log-odds of a day depend on how long somebody has waited.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// From the day after the one before it up to this day: what is added to the score.
    shifts: Vec<(u16, f64)>,
}

impl Waiting {
    /// Takes the last day of each stretch of days, rising, and its shift; nothing where there is none or they do not rise.
    #[must_use]
    pub fn new(shifts: Vec<(u16, f64)>) -> Option<Self> {
        let rises = shifts.first()?.0 > 0 && shifts.is_sorted_by(|a, b| a.0 < b.0);
        rises.then_some(Self { shifts })
    }

    /// Reads what a model declares.
    pub(crate) fn of_model(model: &Node<'_>) -> Result<Option<Self>, Mistake> {
        let Some(node) = model.get(KEY) else { return Ok(None) };
        let shifts = node.each(|node| match &node.list()?[..] {
            // At most 366.
            [until, shift] => Ok((u16::try_from(until.whole(1, 366)?).unwrap_or(u16::MAX), shift.number()?)),
            _ => Err(node
                .mistake("expected [last day of a stretch, what is added to the score on each of its days]")),
        })?;
        let found = Self::new(shifts);
        found
            .map(Some)
            .ok_or_else(|| node.mistake("expected stretches of days, each later than the one before"))
    }

    /// The last day it says anything of.
    #[must_use]
    pub fn last_day(&self) -> u16 {
        self.shifts.last().map_or(0, |(until, _)| *until)
    }

    /// The stretches: the last day and the shift of each.
    #[must_use]
    pub fn shifts(&self) -> &[(u16, f64)] {
        &self.shifts
    }

    /// The chance that the event comes within so many days.
    #[must_use]
    pub fn chance(&self, score: f64, days: u16) -> f64 {
        let (mut waits, mut from) = (1.0, 0);
        for (until, shift) in &self.shifts {
            let on = probability(score + shift);
            for _ in from..(*until).min(days) {
                waits *= 1.0 - on;
            }
            from = *until;
        }
        1.0 - waits
    }

    /// The lowest score, in millionths, at which that chance is at least so high.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most 30 million")]
    pub fn score_of(&self, chance: f64, days: u16) -> f64 {
        let score = |millionths: i64| millionths as f64 / 1e6;
        let (mut low, mut high) = (-MOST_MILLIONTHS, MOST_MILLIONTHS);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.chance(score(middle), days) >= chance { high = middle } else { low = middle + 1 }
        }
        score(low)
    }

    /// The first day by which the event is as likely to have come as not; nothing where that lies beyond the last.
    #[must_use]
    pub fn median(&self, score: f64) -> Option<u16> {
        (1..=self.last_day()).find(|days| self.chance(score, *days) >= 0.5)
    }

    /// Finds the score that a rule compares with, of a chance within so many days.
    pub(crate) fn threshold(&self, chance: f64, within: &Node<'_>, value: &Node<'_>) -> Result<f64, Mistake> {
        // At most 366.
        let days = u16::try_from(within.whole(1, u32::from(self.last_day()))?).unwrap_or(u16::MAX);
        if chance > 0.0 && chance < 1.0 {
            return Ok(self.score_of(chance, days));
        }
        Err(value.mistake("a chance lies between 0 and 1, such as 0.3"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Pack;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn waiting() -> Waiting {
        Waiting::new(vec![(7, 0.0), (14, -0.5), (90, -1.0)]).unwrap()
    }

    #[test]
    fn the_chance_of_days_is_one_less_that_of_waiting_through_each() {
        let day = |log_odds: f64| 1.0 / (1.0 + (-log_odds).exp());
        let (first, second) = (day(-3.0), day(-3.5));
        let by = |days| waiting().chance(-3.0, days);
        assert!((by(1) - first).abs() < 1e-12 && by(0) == 0.0);
        assert!((by(7) - (1.0 - (1.0 - first).powi(7))).abs() < 1e-12);
        assert!((by(9) - (1.0 - (1.0 - first).powi(7) * (1.0 - second).powi(2))).abs() < 1e-12);
        assert_eq!(by(90), by(366), "it says nothing of later days");
        assert_eq!(waiting().median(-3.0), (1..=90).find(|days| by(*days) >= 0.5));
        assert_eq!(waiting().median(-9.0), None);
    }

    #[test]
    fn a_chance_is_asked_by_comparing_the_score() {
        for days in [1, 7, 14, 28, 90] {
            for chance in [0.001, 0.05, 0.3, 0.5, 0.9, 0.999] {
                let score = waiting().score_of(chance, days);
                assert!(
                    waiting().chance(score, days) >= chance && waiting().chance(score - 1e-6, days) < chance
                );
            }
        }
    }

    fn pack(rule: &Value) -> Value {
        json!({
            "id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01", "events": {"visit": {}},
            "features": {"visits": {"kind": "count", "event": "visit", "window_days": 28}},
            "models": {
                "line": {"kind": "linear", "intercept": -3, "weights": {"visits": 0.5}},
                "next": {"kind": "linear", "intercept": -3, "weights": {"visits": 0.5}, "waiting": [[7, 0], [14, -0.5], [90, -1]]}
            },
            "segments": [{"id": "soon", "title": "S", "reason": "R", "enter": rule}]
        })
    }

    #[test]
    fn a_rule_asks_for_a_chance_and_is_compiled_as_one_that_compares_the_score() {
        let asked = pack(&json!({"model": "next", "within_days": 14, "op": ">=", "value": 0.3}));
        let score = waiting().score_of(0.3, 14);
        let mut compared = pack(&json!({"model": "next", "op": ">=", "value": score}));
        let hash = Pack::read(&asked).unwrap().hash();
        assert_eq!(hash, Pack::read(&compared).unwrap().hash());
        compared["models"]["next"].as_object_mut().unwrap().remove("waiting");
        assert_eq!(hash, Pack::read(&compared).unwrap().hash(), "nothing of it enters a compiled pack");
        // Frozen: native code, Node and browsers find these bits.
        assert_eq!(score, -3.437_396);
    }

    #[test]
    fn what_cannot_be_asked_is_refused_where_it_stands() {
        let rule = |rule| Pack::read(&pack(&rule)).unwrap_err();
        for (wrong, path) in [
            (
                json!({"model": "line", "within_days": 14, "op": ">=", "value": 0.3}),
                "$.segments[0].enter.within_days",
            ),
            (
                json!({"model": "next", "within_days": 14, "op": "=", "value": 0.3}),
                "$.segments[0].enter.within_days",
            ),
            (json!({"model": "next", "within_days": 14, "in": [0.3]}), "$.segments[0].enter.within_days"),
            (
                json!({"model": "next", "within_days": 91, "op": ">=", "value": 0.3}),
                "$.segments[0].enter.within_days",
            ),
            (
                json!({"model": "next", "within_days": 0, "op": ">=", "value": 0.3}),
                "$.segments[0].enter.within_days",
            ),
            (
                json!({"model": "next", "within_days": 14, "op": ">=", "value": 30}),
                "$.segments[0].enter.value",
            ),
            (
                json!({"model": "next", "within_days": 14, "between": [0.2, 1]}),
                "$.segments[0].enter.between[1]",
            ),
            (
                json!({"feature": "visits", "within_days": 14, "op": ">=", "value": 0.3}),
                "$.segments[0].enter",
            ),
        ] {
            assert_eq!(rule(wrong.clone()).path(), path, "{wrong}");
        }
        let fine = json!({"model": "next", "op": ">=", "value": 0});
        for (wrong, path) in [
            (json!([]), "$.models.next.waiting"),
            (json!([[14, 0], [7, 1]]), "$.models.next.waiting"),
            (json!([[0, 1]]), "$.models.next.waiting[0][0]"),
            (json!([[7, 0, 1]]), "$.models.next.waiting[0]"),
            (json!([[7, "a"]]), "$.models.next.waiting[0][1]"),
        ] {
            let mut pack = pack(&fine);
            pack["models"]["next"]["waiting"] = wrong.clone();
            assert_eq!(Pack::read(&pack).unwrap_err().path(), path, "{wrong}");
        }
    }
}
