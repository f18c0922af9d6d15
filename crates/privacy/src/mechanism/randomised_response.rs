//! Randomised response (Warner 1965): one yes or no, true with probability `e^epsilon / (e^epsilon + 1)`.
//!
//! # Privacy
//! Neighbours are any two states of a device. The two answers have the weights `floor(e^epsilon (1 - 2^-48) 2^40)` and `2^40`, drawn exactly
//! and with one draw whatever the answer: pure epsilon, no delta.

use keepset_wire::Epsilon;
use opendp::core::Measurement;
use opendp::domains::AtomDomain;
use opendp::measures::MaxDivergence;
use opendp::metrics::DiscreteDistance;

use super::band::Band;
use super::{Channel, PrivacyError};
use crate::coins::Coins;

/// Randomised response as OpenDP knows it: yes or no in, yes or no out.
pub type RandomisedResponseMeasurement = Measurement<AtomDomain<bool>, DiscreteDistance, MaxDivergence, bool>;

/// The mechanism for one yes or no.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomisedResponse {
    band: Band,
}

impl RandomisedResponse {
    /// Makes the mechanism.
    ///
    /// # Errors
    /// None for any epsilon there is.
    pub fn new(epsilon: Epsilon) -> Result<Self, PrivacyError> {
        Ok(Self { band: Band::new(epsilon, 2, 1).ok_or(PrivacyError::Shape)? })
    }

    /// Wraps the mechanism as an OpenDP measurement that draws from `coins`.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] when OpenDP refuses the space, which it does not for a yes or no.
    pub fn measurement(
        self,
        coins: impl Coins + 'static,
    ) -> Result<RandomisedResponseMeasurement, PrivacyError> {
        self.band.measurement(coins, |yes: &bool, _| Ok(u16::from(*yes)), |output| output == 1)
    }

    /// Returns with what probability a true yes and a true no are answered yes; [`Channel::estimate`] inverts it.
    #[must_use]
    pub fn channel(&self) -> Channel {
        let (p, q) = self.band.probabilities();
        Channel { p, q }
    }

    /// Returns the epsilon stated by the privacy map.
    #[must_use]
    pub fn epsilon(&self) -> Epsilon {
        self.band.epsilon()
    }
}

#[cfg(test)]
mod tests {
    use super::super::band::tests::{Counting, Dead, epsilon};
    use super::*;
    use crate::SetSelect;
    use crate::coins::{SeededCoins, SystemCoins};
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn the_channel_is_the_logistic_of_epsilon_and_that_of_set_select_over_one_segment() {
        for tenths in 1..=80 {
            let epsilon = epsilon(tenths * 100_000);
            let Channel { p, q } = RandomisedResponse::new(epsilon).unwrap().channel();
            let ratio = epsilon.value().exp();
            assert!((p - ratio / (ratio + 1.0)).abs() < 1e-10 && (p + q - 1.0).abs() < 1e-15);
            let Channel { p: other_p, q: other_q } = SetSelect::new(epsilon, 1, 1).unwrap().channel();
            assert!((p - other_p).abs() < 1e-15 && (q - other_q).abs() < 1e-15);
        }
    }

    /// 100,000 real OpenDP draws per answer and epsilon, eight of them: 5.5 standard errors are passed with probability 4e-8 each, 3e-7 together.
    #[test]
    fn real_draws_lie_as_often_as_the_channel_says() {
        for micro in [100_000, 1_000_000, 2_000_000, 8_000_000] {
            let mechanism = RandomisedResponse::new(epsilon(micro)).unwrap();
            let channel = mechanism.channel();
            let measurement = mechanism.measurement(SystemCoins::open().unwrap()).unwrap();
            assert_eq!(measurement.map(&1).unwrap(), epsilon(micro).value());
            for (answer, probability) in [(true, channel.p), (false, channel.q)] {
                let yes = (0..100_000).filter(|_| measurement.invoke(&answer).unwrap()).count() as f64;
                let error = (100_000.0 * probability * (1.0 - probability)).sqrt();
                assert!((yes - 100_000.0 * probability).abs() < 5.5 * error, "{micro} {answer}: {yes}");
            }
        }
    }

    /// Acceptance A7, and A4 on the way: 4,000 populations of 500 and 2,000 devices. At a coverage of 95 % the share of
    /// intervals that hold the truth has a standard error of 0.34 %: outside 93 to 97 % with probability below 1e-8.
    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        for (reports, members, micro) in [(500_u32, 100, 1_000_000), (2_000, 100, 2_000_000)] {
            let mechanism = RandomisedResponse::new(epsilon(micro)).unwrap();
            let channel = mechanism.channel();
            let measurement = mechanism.measurement(SeededCoins::new(7)).unwrap();
            let truth = f64::from(members) / f64::from(reports);
            let (mut held, mut squares) = (0, 0.0);
            for _ in 0..4_000 {
                let answers = (0..reports).map(|device| measurement.invoke(&(device < members)).unwrap());
                let support = answers.filter(|yes| *yes).count() as u64;
                let estimate = channel.estimate(support, reports.into()).unwrap();
                held += i32::from(estimate.low <= truth && truth <= estimate.high);
                squares += (estimate.share - truth).powi(2);
            }
            assert!((3_720..=3_880).contains(&held), "{reports}: {held} of 4,000");
            // The mean of 4,000 squares has a relative standard error of 2.2 %; 0.9 to 1.1 is passed with probability 7e-6.
            let ratio = squares / 4_000.0 / (channel.variance(truth) / f64::from(reports));
            assert!((0.9..=1.1).contains(&ratio), "{reports}: {ratio}");
        }
    }

    #[test]
    fn a_yes_and_a_no_take_one_draw_and_no_entropy_gives_no_answer() {
        let draws = std::rc::Rc::default();
        let mechanism = RandomisedResponse::new(epsilon(2_000_000)).unwrap();
        let coins = Counting(SeededCoins::new(3), std::rc::Rc::clone(&draws));
        let measurement = mechanism.clone().measurement(coins).unwrap();
        for answer in [true, false, true] {
            let before = draws.get();
            measurement.invoke(&answer).unwrap();
            assert_eq!(draws.get() - before, 1);
        }
        assert!(mechanism.measurement(Dead).unwrap().invoke(&true).is_err());
    }
}
