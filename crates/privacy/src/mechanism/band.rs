//! A band of neighbouring outputs that moves with the input and is `e^epsilon` times likelier than the rest.
//!
//! Two outputs and a band of one are randomised response; the numbers in between are the discrete square wave (Li et
//! al. 2020) and, with a value for every output, the mean.

use std::cell::RefCell;

use keepset_wire::Epsilon;
use opendp::core::{Function, Measurement, PrivacyMap};
use opendp::domains::AtomDomain;
use opendp::measures::MaxDivergence;
use opendp::metrics::DiscreteDistance;
use opendp::traits::CheckAtom;

use super::PrivacyError;
use super::exponential::{UNIT, exponential};
use super::set_select::failed;
use crate::coins::{Coins, NoEntropy};

/// A whole-number table of two weights: row `s` favours the outputs from `s` to `s + width - 1`.
///
/// # Privacy
/// Neighbours are any two inputs. Every row holds `width` weights of `floor(e^epsilon (1 - 2^-48) 2^40)` and for the rest `2^40`: one
/// total for all rows, so no output is more than `e^epsilon` times likelier under one input than under another. An input may
/// be turned into a row by chance: a mixture of rows is bounded by what bounds the rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Band {
    epsilon: Epsilon,
    outputs: u16,
    width: u16,
    favoured: u64,
}

impl Band {
    /// Nothing unless the band is narrower than the outputs are many.
    pub(super) fn new(epsilon: Epsilon, outputs: u16, width: u16) -> Option<Self> {
        let sound = (1..outputs).contains(&width);
        sound.then(|| Self { epsilon, outputs, width, favoured: exponential(epsilon) })
    }

    /// Wraps the table as an OpenDP measurement of inputs that `row` places and outputs that `read` names.
    pub(super) fn measurement<T: CheckAtom, O: 'static, C: Coins + 'static>(
        self,
        coins: C,
        row: impl Fn(&T, &mut C) -> Result<u16, NoEntropy> + 'static,
        read: impl Fn(u16) -> O + 'static,
    ) -> Result<Measurement<AtomDomain<T>, DiscreteDistance, MaxDivergence, O>, PrivacyError> {
        let stated = self.epsilon.value();
        let coins = RefCell::new(coins);
        let randomise = move |input: &T| {
            let mut coins = coins.try_borrow_mut().map_err(|_| failed(PrivacyError::NoEntropy))?;
            let row = row(input, &mut *coins).map_err(|error| failed(error.into()))?;
            let output = self.draw(row, &mut *coins).map_err(|error| failed(error.into()))?;
            Ok(read(output))
        };
        Measurement::new(
            AtomDomain::default(),
            DiscreteDistance,
            MaxDivergence,
            Function::new_fallible(randomise),
            // The logarithm of the weight ratio is at most epsilon: see `SetSelect::measurement`.
            PrivacyMap::new(move |distance: &u32| if *distance == 0 { 0.0 } else { stated }),
        )
        .map_err(|_| PrivacyError::Shape)
    }

    /// Draws an output for a row; a row beyond the last is the last.
    pub(super) fn draw(&self, row: u16, coins: &mut impl Coins) -> Result<u16, NoEntropy> {
        let row = row.min(self.rows() - 1);
        let mut rest = coins.below(self.total())?;
        let mut drawn = None;
        // Every weight is looked at whatever was drawn, so that the time says nothing.
        for output in 0..self.outputs {
            let weight = u128::from(self.weight(row, output));
            if rest < weight && drawn.is_none() {
                drawn = Some(output);
            }
            rest = rest.saturating_sub(weight);
        }
        drawn.ok_or(NoEntropy)
    }

    pub(super) fn rows(&self) -> u16 {
        self.outputs - self.width + 1
    }

    pub(super) fn outputs(&self) -> u16 {
        self.outputs
    }

    pub(super) fn width(&self) -> u16 {
        self.width
    }

    pub(super) fn epsilon(&self) -> Epsilon {
        self.epsilon
    }

    /// The probability of an output inside the band and of one outside it.
    #[expect(clippy::cast_precision_loss)]
    pub(super) fn probabilities(&self) -> (f64, f64) {
        let total = self.total() as f64;
        (self.favoured as f64 / total, UNIT as f64 / total)
    }

    fn weight(&self, row: u16, output: u16) -> u64 {
        if (row..row + self.width).contains(&output) { self.favoured } else { UNIT }
    }

    /// The same for every row; at most 2^16 weights below 2^52.
    fn total(&self) -> u128 {
        let others = self.outputs - self.width;
        u128::from(self.width) * u128::from(self.favoured) + u128::from(others) * u128::from(UNIT)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::coins::{SeededCoins, SystemCoins};
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use opendp::traits::InfLn;

    pub(in crate::mechanism) fn epsilon(micro: u32) -> Epsilon {
        Epsilon::from_micro(micro).unwrap()
    }

    /// A source that counts its draws.
    pub(in crate::mechanism) struct Counting(pub SeededCoins, pub std::rc::Rc<std::cell::Cell<u32>>);

    impl Coins for Counting {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            self.0.fill(bytes)
        }

        fn below(&mut self, upper: u128) -> Result<u128, NoEntropy> {
            self.1.set(self.1.get() + 1);
            self.0.below(upper)
        }
    }

    /// A source that has failed.
    pub(in crate::mechanism) struct Dead;

    impl Coins for Dead {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), NoEntropy> {
            Err(NoEntropy)
        }

        fn below(&mut self, _: u128) -> Result<u128, NoEntropy> {
            Err(NoEntropy)
        }
    }

    /// Every shape up to twelve outputs.
    fn shapes() -> impl Iterator<Item = (u16, u16)> {
        (2..=12).flat_map(|outputs| (1..outputs).map(move |width| (outputs, width)))
    }

    /// Acceptance A2: with whole-number weights, the worst ratio over all pairs of inputs and all outputs; and A1: its
    /// logarithm, by OpenDP and rounded up, is at most epsilon and within a billionth of it.
    #[test]
    fn no_output_is_likelier_than_the_weight_allows_under_any_pair_of_inputs() {
        for (micro, (outputs, width)) in
            (1..=80).flat_map(|tenths| shapes().map(move |shape| (tenths * 100_000, shape)))
        {
            let band = Band::new(epsilon(micro), outputs, width).unwrap();
            let total = |row| (0..outputs).map(|output| u128::from(band.weight(row, output))).sum::<u128>();
            assert!((0..band.rows()).all(|row| total(row) == band.total()));
            let pairs = (0..band.rows()).flat_map(|one| (0..band.rows()).map(move |other| (one, other)));
            let ratios = pairs.flat_map(|(one, other)| {
                let band = &band;
                (0..outputs).map(move |output| (band.weight(one, output), band.weight(other, output)))
            });
            let (high, low) = ratios
                .max_by_key(|(high, low)| u128::from(*high) * u128::from(UNIT) / u128::from(*low))
                .unwrap();
            assert_eq!((high, low), (exponential(epsilon(micro)), UNIT));
            // Both are below 2^53 and `low` is a power of two: the quotient is exact.
            let stated = (high as f64 / low as f64).inf_ln().unwrap();
            let asked = epsilon(micro).value();
            assert!(stated <= asked && stated >= asked - 1e-9, "{micro} {outputs} {width}: {stated}");
        }
    }

    #[test]
    fn the_privacy_map_states_the_asked_epsilon() {
        for tenths in 1..=80 {
            let band = Band::new(epsilon(tenths * 100_000), 5, 2).unwrap();
            let measurement =
                band.measurement(SeededCoins::new(0), |row: &u16, _| Ok(*row), |output| output).unwrap();
            assert_eq!(measurement.map(&1).unwrap(), f64::from(tenths) / 10.0);
            assert_eq!(measurement.map(&0).unwrap(), 0.0);
        }
    }

    /// 200,000 real OpenDP draws per input. Chi-square with `d - 1` degrees of freedom exceeds
    /// `d - 1 + 2 sqrt(17 (d - 1)) + 34` with probability below e^-17 = 4.2e-8 (Laurent-Massart), nine inputs: 4e-7.
    #[test]
    fn real_draws_have_the_exact_law_for_every_input() {
        for (micro, outputs, width) in [(500_000, 2, 1), (1_000_000, 6, 3), (4_000_000, 4, 2)] {
            let band = Band::new(epsilon(micro), outputs, width).unwrap();
            let draws = if cfg!(target_arch = "wasm32") { 20_000 } else { 200_000 };
            let mut coins = SystemCoins::open().unwrap();
            for row in 0..band.rows() {
                let mut counts = vec![0_u32; outputs.into()];
                for _ in 0..draws {
                    counts[usize::from(band.draw(row, &mut coins).unwrap())] += 1;
                }
                let chi_square: f64 = (0..outputs)
                    .zip(&counts)
                    .map(|(output, count)| {
                        let share = f64::from(u32::try_from(band.weight(row, output) >> 20).unwrap())
                            * f64::from(1 << 20)
                            / band.total() as f64;
                        let expected = f64::from(draws) * share;
                        (f64::from(*count) - expected).powi(2) / expected
                    })
                    .sum();
                let freedom = f64::from(outputs - 1);
                assert!(
                    chi_square < freedom + 2.0 * (17.0 * freedom).sqrt() + 34.0,
                    "{micro} {outputs} {width} {row}: {chi_square}"
                );
            }
        }
    }

    #[test]
    fn a_row_is_placed_and_drawn_with_two_numbers_at_most_whatever_the_input() {
        let draws = std::rc::Rc::default();
        let mut coins = Counting(SeededCoins::new(3), std::rc::Rc::clone(&draws));
        let band = Band::new(epsilon(2_000_000), 9, 4).unwrap();
        for row in 0..20 {
            let before = draws.get();
            band.draw(row, &mut coins).unwrap();
            assert_eq!(draws.get() - before, 1);
        }
    }

    #[test]
    fn no_entropy_means_no_answer_and_a_band_of_everything_is_none() {
        let band = Band::new(epsilon(2_000_000), 9, 4).unwrap();
        assert_eq!(band.draw(0, &mut Dead), Err(NoEntropy));
        assert_eq!(Band::new(epsilon(2_000_000), 4, 4), None);
        assert_eq!(Band::new(epsilon(2_000_000), 4, 0), None);
    }
}
