//! The law of an answer in whole numbers: how much each output weighs for each input, found by going through all of them.
//!
//! Written from the definitions of the mechanisms, not from the code that draws: that code goes through shared cells and
//! orders, this one through every answer.

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

    /// One of `outputs` cells in a row, `width` of them favoured by the weights of `odds`. An input lies halfway between two rows, or
    /// is one of them twice; row 0 favours the first cells. Answers have `room` cells.
    pub(super) fn of_band(
        (favoured, unit): (u64, u64),
        (outputs, width): (u16, u16),
        room: u16,
        inputs: &[(u16, u16)],
    ) -> Self {
        let weigh = |row: u16, output: u16| {
            u128::from(if (row..row + width).contains(&output) { favoured } else { unit })
        };
        let weights = inputs.iter().map(|(one, other)| {
            (0..outputs).map(|output| weigh(*one, output) + weigh(*other, output)).collect()
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
    let (mut a, mut b) = (one, other);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    one / a * other
}

#[cfg(test)]
mod tests {
    use super::*;
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
