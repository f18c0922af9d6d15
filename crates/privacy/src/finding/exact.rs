//! The same numbers from exact truths, which only a replay has.

use keepset_wire::Question;

use super::{Measure, range, told};
use crate::answering::{Answering, Truth};
use crate::mechanism::{BoundedMean, Histogram};
use crate::numbers::float;

/// The truths of the devices that answered a question, added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exact {
    /// How many devices there are.
    pub devices: u64,
    /// How many of them are in more segments than the cap lets them say.
    pub over_cap: u64,
    /// How many are in each cell.
    cells: Vec<u64>,
    /// How many are in both of two cells, the lower first, in rows of the higher.
    pairs: Vec<u64>,
    /// The sum of numbers, 1 for the upper end of their range.
    sum: f64,
}

impl Exact {
    /// Adds the truth of one device.
    pub fn add(&mut self, question: &Question, truth: &Truth) {
        self.devices += 1;
        match truth {
            Truth::Number(number) => {
                // Between -2^20 and 2^20.
                #[expect(clippy::cast_precision_loss)]
                let number = *number as f64;
                self.sum += number / f64::from(BoundedMean::ONE);
            }
            Truth::Cells(own) => {
                let held = question.ask.cap().is_some_and(|cap| own.len() > usize::from(cap));
                self.over_cap += u64::from(held);
                for (at, cell) in own.iter().enumerate() {
                    raise(&mut self.cells, (*cell).into());
                    own[..at].iter().for_each(|other| raise(&mut self.pairs, pair(*other, *cell)));
                }
            }
        }
    }

    /// Returns what is true, in the order of [`Answering::findings`]; nothing where nobody is there to have a rate.
    #[must_use]
    pub fn values(&self, answering: &Answering, question: &Question) -> Vec<Option<f64>> {
        let measures = answering.measures(question);
        let (low, high) = range(&question.ask);
        let share = |part: u64| (self.devices > 0).then(|| float(part) / float(self.devices));
        let cell = |cell: u16| self.cells.get(usize::from(cell)).copied().unwrap_or(0);
        let buckets = measures.iter().filter_map(|measure| match measure {
            Measure::Bin(bin) => Some(share(cell(*bin)).unwrap_or(0.0)),
            _ => None,
        });
        let histogram = Histogram { shares: buckets.collect(), reports: self.devices };
        let rate = |group: u16| {
            let (no, yes) = (cell(2 * group), cell(2 * group + 1));
            (no + yes > 0).then(|| float(yes) / float(no + yes))
        };
        let rate_of_all = || {
            let of_all =
                |first: u16| (0..question.ask.groups()).map(|group| cell(2 * group + first)).sum::<u64>();
            let (no, yes) = (of_all(0), of_all(1));
            (no + yes > 0).then(|| float(yes) / float(no + yes))
        };
        let value = |measure: &Measure| match *measure {
            Measure::Size(index) | Measure::Bin(index) => share(cell(index)),
            Measure::Both(one, other) => share(self.pairs.get(pair(one, other)).copied().unwrap_or(0)),
            Measure::Quantile(_) => {
                let valued = self.devices > cell(0);
                valued.then(|| told(&histogram, &[*measure], low, high)[0])
            }
            Measure::Mean => {
                (self.devices > 0).then(|| low + (self.sum / float(self.devices) + 1.0) * (high - low) / 2.0)
            }
            Measure::Group(group) => share(cell(2 * group) + cell(2 * group + 1)),
            Measure::Rate(group) => rate(group),
            Measure::Lift(group) => Some(rate(group)? - rate(0)?),
            Measure::RateOfAll => rate_of_all(),
            Measure::LiftOverAll(group) => Some(rate(group)? - rate_of_all()?),
            Measure::Auc => self.area(question.ask.groups()),
        };
        measures.iter().map(value).collect()
    }

    /// The probability that a yes is in a higher group than a no, half of it in the same one.
    fn area(&self, groups: u16) -> Option<f64> {
        let cell = |cell: u16| float(self.cells.get(usize::from(cell)).copied().unwrap_or(0));
        let (mut no_below, mut yes, mut area) = (0.0, 0.0, 0.0);
        for group in 0..groups {
            area += cell(2 * group + 1) * (no_below + cell(2 * group) / 2.0);
            no_below += cell(2 * group);
            yes += cell(2 * group + 1);
        }
        (no_below * yes > 0.0).then(|| area / (no_below * yes))
    }
}

fn raise(counts: &mut Vec<u64>, index: usize) {
    if counts.len() <= index {
        counts.resize(index + 1, 0);
    }
    counts[index] += 1;
}

/// Where the pair of a lower and a higher cell is counted.
fn pair(lower: u16, higher: u16) -> usize {
    let higher = usize::from(higher);
    higher * higher.saturating_sub(1) / 2 + usize::from(lower)
}
