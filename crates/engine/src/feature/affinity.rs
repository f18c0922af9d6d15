//! `affinity`: how a person's events divide among categories, older ones counting less.
//!
//! Pairs of a category and its weight, all as of one step, which the pair before them holds. They decay together, so
//! shares and ranks do not change with time and need not be brought up to date to be read.

use keepset_wire::Timestamp;
use keepset_wire::codec;
use keepset_wire::document::{Mistake, quoted};

use super::decay::{HalfLife, decay, worth};
use super::{Compute, Definition, HALF_LIFE, Kind, Made, Observation, State};
use crate::zone::Moment;

/// So many categories are kept.
const MOST: usize = 32;
/// The key of the step.
const STEP: i64 = i64::MIN;

pub(super) const KINDS: &[Kind] =
    &[Kind { name: "affinity", keys: &[&HALF_LIFE.0, &["property", "by", "measure", "of", "rank"]], read }];

enum Measure {
    Share(i64),
    Top(usize),
    TopShare,
}

codec!(enum Measure { 0 => Share(a), 1 => Top(a), 2 => TopShare });

#[derive(Clone, Copy)]
enum Word {
    Share,
    Top,
    TopShare,
}

fn read(def: &Definition<'_>) -> Result<Made, Mistake> {
    let mut labels = def.labels()?;
    let words = [("share", Word::Share), ("top", Word::Top), ("top_share", Word::TopShare)];
    let word = def.fields.need("measure")?.one_of(&words)?;
    let measure = match word {
        Word::Share => {
            let node = def.fields.need("of")?;
            let of = node.text()?;
            let index = labels.iter().position(|label| label == of);
            let index = index.ok_or_else(|| node.mistake(format!("{} is no value of \"by\"", quoted(of))))?;
            Measure::Share(i64::try_from(index).unwrap_or(0))
        }
        Word::Top => {
            Measure::Top(def.fields.get("rank").map_or(Ok(1), |node| node.whole(1, 5))? as usize - 1)
        }
        Word::TopShare => Measure::TopShare,
    };
    if !matches!(measure, Measure::Top(_)) {
        labels.clear();
    }
    let amounts = def.fields.get("property").is_some();
    let compute = Affinity { clock: HalfLife::read(def)?, amounts, measure }.into();
    Ok(Made { source: def.source("property")?, compute, labels })
}

pub(super) struct Affinity {
    clock: HalfLife,
    amounts: bool,
    measure: Measure,
}

codec!(struct Affinity { clock, amounts, measure });

/// Returns the key that so many come before: the heavier, of equal ones the smaller key. Counted, for there are few, and what sorts
/// would be a kilobyte of wasm.
fn ranked(rows: &[(i64, i64)], rank: usize) -> Option<i64> {
    let ahead =
        |one: &(i64, i64), other: &(i64, i64)| one.1 > other.1 || (one.1 == other.1 && one.0 < other.0);
    let before = |row: &(i64, i64)| rows.iter().filter(|other| ahead(other, row)).count();
    rows.iter().find(|row| before(row) == rank).map(|(key, _)| *key)
}

impl Compute for Affinity {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        let (happened, today) = (self.clock.number(seen.at), self.clock.number(moment.now));
        let last = state.get(STEP).unwrap_or(today);
        let rows = state.rows_mut();
        rows.retain_mut(|(key, weight)| {
            *weight = decay(*weight, today - last);
            *key != STEP && *weight != 0
        });
        let known = rows.iter().any(|(key, _)| *key == seen.key);
        if !known
            && rows.len() == MOST
            && let Some(lightest) = ranked(rows, MOST - 1)
        {
            rows.retain(|(key, _)| *key != lightest);
        }
        state.merge(seen.key, decay(worth(seen, self.amounts), today - happened), i64::saturating_add);
        state.put(STEP, today);
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest f64 is what is meant")]
    fn value(&self, state: &State, _moment: Moment<'_>) -> Option<f64> {
        let (_, rows) = state.rows().split_first()?;
        let share = |weight: i64| {
            let total = rows.iter().map(|(_, weight)| i128::from(*weight)).sum::<i128>();
            (total > 0).then(|| weight as f64 / total as f64)
        };
        match self.measure {
            Measure::Share(of) => share(state.get(of).unwrap_or(0)),
            Measure::Top(rank) => ranked(rows, rank).map(|key| key as f64),
            Measure::TopShare => share(rows.iter().map(|(_, weight)| *weight).max()?),
        }
    }

    fn next_step(&self, _state: &State, _moment: Moment<'_>) -> Option<Timestamp> {
        None
    }
}
