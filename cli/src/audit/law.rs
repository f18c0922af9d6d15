//! The law of an answer in whole numbers: how much each output weighs for each input, found by going through all of them.
//!
//! Written from the definitions of the mechanisms, not from the code that draws: that code goes through shared cells and
//! orders, this one through every answer.

use anyhow::Context as _;
use keepset_privacy::SetSelect;
use keepset_wire::Subset;

/// The weight of every output for every input; what an input's outputs weigh together is the same for all inputs.
#[derive(Debug)]
pub(super) struct Law {
    /// The answers there are.
    outputs: Vec<Subset>,
    /// By input, then by output.
    weights: Vec<Vec<u128>>,
}

/// What a law allows an observer at worst.
#[derive(Debug, PartialEq)]
pub(super) struct Worst {
    /// How many pairs of inputs were compared on how many outputs.
    pub(super) compared: u64,
    /// The logarithm of the largest ratio of two inputs' weights of one output.
    pub(super) epsilon: f64,
}

/// An input that favours one row of a band by chance: so many parts of one row, so many of the next.
#[derive(Debug)]
pub(super) struct Mixture {
    pub(super) row: u16,
    pub(super) parts: [u128; 2],
}

impl Mixture {
    /// An input that always favours the same row.
    pub(super) fn of_row(row: u16) -> Self {
        Self { row, parts: [1, 0] }
    }

    /// A number of `one` parts of the last level: it lies between the two levels around it, and its parts of them keep it where it is.
    pub(super) fn between(levels: &[i32], number: i32, one: i32) -> anyhow::Result<Self> {
        let last = levels.last().context("a mean without levels")?;
        let at = i64::from(number) * i64::from(*last);
        let scaled: Vec<i64> = levels.iter().map(|level| i64::from(*level) * i64::from(one)).collect();
        let place = scaled.windows(2).position(|pair| pair[0] <= at && at <= pair[1]);
        let row = place.context("a number beyond the levels")?;
        let parts = [scaled[row + 1] - at, at - scaled[row]].map(|part| u128::from(part.unsigned_abs()));
        let shared = greatest_common_divisor(parts[0], parts[1]);
        Ok(Self { row: u16::try_from(row)?, parts: parts.map(|part| part / shared) })
    }

    fn total(&self) -> u128 {
        self.parts.iter().sum()
    }
}

impl Law {
    /// A set of cells: goes through every choice of the memberships that count, and every answer. Inputs are masks of memberships.
    pub(super) fn of_set_select(mechanism: &SetSelect, inputs: &[u32]) -> Self {
        let (favoured, unit) = mechanism.odds();
        let (cells, segments, cap) = (mechanism.cells(), mechanism.segments(), u32::from(mechanism.cap()));
        let answers = masks(cells, mechanism.subset_size().into());
        // A device in more segments than count counts with each choice of them alike; in fewer, cells of "none" fill up.
        let own_sets = |members: &u32| -> Vec<u32> {
            let spare = cap.saturating_sub(members.count_ones());
            let fill = ((1 << spare) - 1) << segments;
            let counted = masks(segments, cap.min(members.count_ones())).into_iter();
            counted.filter(|chosen| chosen & members == *chosen).map(|chosen| chosen | fill).collect()
        };
        // So that all inputs weigh the same together, each is counted as often as the one with the most choices divides into.
        let choices: Vec<Vec<u32>> = inputs.iter().map(own_sets).collect();
        let common = choices.iter().fold(1, |all, own| least_common_multiple(all, own.len() as u128));
        let weights = choices.iter().map(|own| {
            let times = common / own.len() as u128;
            let weigh = |answer: &u32| {
                let is_favoured = |own: &u32| (own & answer).count_ones() >= mechanism.threshold().into();
                own.iter().map(|own| u128::from(if is_favoured(own) { favoured } else { unit }) * times).sum()
            };
            answers.iter().map(weigh).collect()
        });
        Self {
            weights: weights.collect(),
            outputs: answers.iter().map(|mask| subset(cells, *mask)).collect(),
        }
    }

    /// One of `outputs` cells in a row, `width` of them favoured by the weights of `odds`; row 0 favours the first cells. Answers
    /// have `room` cells.
    pub(super) fn of_band(
        (favoured, unit): (u64, u64),
        (outputs, width): (u16, u16),
        room: u16,
        inputs: &[Mixture],
    ) -> Self {
        let weigh = |row: u16, output: u16| {
            u128::from(if (row..row + width).contains(&output) { favoured } else { unit })
        };
        let common = inputs.iter().fold(1, |all, input| least_common_multiple(all, input.total()));
        let weights = inputs.iter().map(|input| {
            let times = common / input.total();
            let [own, next] = input.parts.map(|part| part * times);
            (0..outputs)
                .map(|output| own * weigh(input.row, output) + next * weigh(input.row + 1, output))
                .collect()
        });
        let single = |output: u16| {
            let mut subset = Subset::empty(room);
            subset.insert(output);
            subset
        };
        Self { weights: weights.collect(), outputs: (0..outputs).map(single).collect() }
    }

    /// Returns which output an answer is; nothing for one that cannot be.
    pub(super) fn output(&self, answer: &Subset) -> Option<usize> {
        self.outputs.iter().position(|output| output == answer)
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Returns the probability of every output for an input.
    // A weight is rounded once.
    #[expect(clippy::cast_precision_loss)]
    pub(super) fn probabilities(&self, input: usize) -> Vec<f64> {
        let total: u128 = self.weights[input].iter().sum();
        self.weights[input].iter().map(|weight| *weight as f64 / total as f64).collect()
    }

    /// Compares every pair of inputs on every output; nothing when two inputs weigh differently together.
    #[expect(clippy::cast_precision_loss)]
    pub(super) fn worst(&self) -> Option<Worst> {
        let totals: Vec<u128> = self.weights.iter().map(|weights| weights.iter().sum()).collect();
        if totals.iter().any(|total| *total != totals[0]) {
            return None;
        }
        let mut worst = Worst { compared: 0, epsilon: 0.0 };
        for one in &self.weights {
            for other in &self.weights {
                for (one, other) in one.iter().zip(other) {
                    worst.compared += 1;
                    // Weights are below 2^53 times a small whole number; the margin of the exponential covers two roundings.
                    worst.epsilon = worst.epsilon.max((*one as f64 / *other as f64).ln());
                }
            }
        }
        Some(worst)
    }
}

/// Every set of `size` of `cells`, as masks.
fn masks(cells: u16, size: u32) -> Vec<u32> {
    (0..1_u32 << cells).filter(|mask| mask.count_ones() == size).collect()
}

fn subset(cells: u16, mask: u32) -> Subset {
    let mut subset = Subset::empty(cells);
    (0..cells).filter(|cell| mask >> cell & 1 == 1).for_each(|cell| subset.insert(cell));
    subset
}

fn least_common_multiple(one: u128, other: u128) -> u128 {
    one / greatest_common_divisor(one, other) * other
}

fn greatest_common_divisor(mut one: u128, mut other: u128) -> u128 {
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepset_privacy::BoundedMean;
    use keepset_wire::Epsilon;

    fn law(micro: u32, segments: u16, cap: u8) -> (Law, SetSelect) {
        let mechanism = SetSelect::new(Epsilon::from_micro(micro).unwrap(), segments, cap).unwrap();
        let inputs: Vec<u32> = (0..1 << segments).collect();
        (Law::of_set_select(&mechanism, &inputs), mechanism)
    }

    #[test]
    fn added_up_the_law_gives_the_channel_that_the_estimator_inverts() {
        for (segments, cap) in [(1, 1), (4, 1), (4, 2), (5, 3)] {
            let (law, mechanism) = law(1_500_000, segments, cap);
            // In the first `cap` segments: all of them count.
            let input = (1 << cap) - 1;
            let probabilities = law.probabilities(input);
            let included = |cell: u16| -> f64 {
                let holds =
                    law.outputs.iter().zip(&probabilities).filter(|(output, _)| output.contains(cell));
                holds.map(|(_, probability)| probability).sum()
            };
            let channel = mechanism.channel();
            assert!((included(0) - channel.p).abs() < 1e-12, "{segments} {cap}");
            assert!((included(mechanism.cells() - 1) - channel.q).abs() < 1e-12, "{segments} {cap}");
        }
    }

    /// What the estimate of a mean rests on: on average, an answer's value is the number.
    #[test]
    fn a_number_between_two_levels_is_on_average_what_it_is() {
        let one = BoundedMean::ONE;
        for micro in [500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000] {
            let mean = BoundedMean::new(Epsilon::from_micro(micro).unwrap()).unwrap();
            let levels = mean.levels();
            for number in [-one, -one / 3, 0, 1, one / 2, one] {
                let Mixture { row, parts } = Mixture::between(levels, number, one).unwrap();
                let level = |row: usize| i128::from(levels[row.min(levels.len() - 1)]);
                let [own, next] = parts.map(|part| i128::try_from(part).unwrap());
                let row = usize::from(row);
                let average = (own * level(row) + next * level(row + 1)) * i128::from(one);
                assert_eq!(average, i128::from(number) * level(levels.len() - 1) * (own + next));
            }
        }
        assert!(Mixture::between(&[-3, 0, 3], one + 1, one).is_err());
    }

    #[test]
    fn the_worst_of_a_law_is_its_epsilon_and_never_more() {
        for micro in [500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000] {
            let (law, mechanism) = law(micro, 4, 2);
            let worst = law.worst().unwrap();
            assert_eq!(worst.compared, 16 * 16 * law.outputs() as u64);
            let epsilon = mechanism.epsilon().value();
            assert!(worst.epsilon <= epsilon && worst.epsilon > epsilon - 1e-9, "{micro}: {}", worst.epsilon);
        }
    }
}
