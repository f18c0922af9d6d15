//! The learner: a Bayesian logistic regression on top of a fixed score, one outcome at a time.
//!
//! This person's log-odds are the shipped score plus `sum(move * input)`, each move normal around 0 with the variance that people were found to differ by. After an outcome `y`
//! that had the probability `q`, the posterior is again taken to be normal and its terms independent (assumed-density filtering with a Laplace step: Opper, *A Bayesian approach to
//! on-line learning*, 1998; for one term it is the extended Kalman filter, which is the natural gradient with the exact rate, Ollivier, *Electronic Journal of Statistics* 12, 2018):
//!
//! ```text
//! P_i    = 1 / (1 / variance_i + weight_i)         what is not known of term i
//! r      = q (1 - q)
//! move_i += P_i x_i (y - q) / (1 + r sum_j P_j x_j^2)
//! weight_i += r x_i^2
//! ```
//! A step that would carry `sum(move * input)` beyond the limit ends there: what is learned while the score is at its limit would have to be unlearned by a person who turns.
//! Only `+ - * / <`, in one order, so native code, Node and browsers learn the same bits.

use keepset_wire::codec;

/// Log-odds beyond this are as sure as it gets: 1 in 10^13.
const SUREST: f64 = 30.0;
/// An input is within so many deviations.
const FARTHEST: f64 = 10.0;
/// What was seen weighs at most so much: 400 outcomes of one half, after which new ones keep moving it.
const MOST_WEIGHT: f64 = 100.0;
/// Numbers are kept in millionths.
const MILLIONTHS: f64 = 1e6;

/// How a model learns of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The score is never moved by more.
    pub limit: f64,
    /// The first, of which the input is always 1, then one for each of the inputs.
    pub terms: Vec<Term>,
}

codec!(struct Rule { limit, terms });

/// One way in which people differ from the shipped model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The variance, over people, of what this adds for one unit of its input.
    pub variance: f64,
    /// The value of the input that counts as 0.
    pub centre: f64,
    /// So much of it is one unit.
    pub scale: f64,
}

codec!(struct Term { variance, centre, scale });

/// What was learned of one term.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Learned {
    /// What it adds for one unit of its input.
    pub moved: f64,
    /// How much was seen that says so.
    pub weight: f64,
}

impl Term {
    /// Brings a value to its unit; a value that is not there is in the middle.
    #[must_use]
    pub fn input(&self, value: Option<f64>) -> f64 {
        value.map_or(0.0, |value| millionths(within((value - self.centre) / self.scale, FARTHEST)))
    }
}

impl Rule {
    /// By how much what was learned moves the score, never beyond the limit.
    #[must_use]
    pub fn moves(&self, learned: &[Learned], inputs: &[f64]) -> f64 {
        within(sum(learned, inputs), self.limit)
    }

    /// What one outcome adds to what was learned: the steps, in millionths.
    #[must_use]
    pub fn step(&self, learned: &[Learned], score: f64, inputs: &[f64], came: bool) -> Vec<Learned> {
        let q = probability(score + self.moves(learned, inputs));
        let r = q * (1.0 - q);
        let error = if came { 1.0 - q } else { -q };
        let unknown: Vec<f64> = self
            .terms
            .iter()
            .zip(learned)
            .map(|(term, learned)| 1.0 / (1.0 / term.variance + learned.weight))
            .collect();
        let spread =
            unknown.iter().zip(inputs).fold(0.0, |sum, (unknown, input)| sum + unknown * input * input);
        let part = self.part(sum(learned, inputs), error * spread / (1.0 + r * spread));
        let step = |((unknown, learned), input): ((&f64, &Learned), &f64)| {
            let step = part * unknown * input * error / (1.0 + r * spread);
            let moved = within(learned.moved + step, self.limit);
            let weight = (learned.weight + r * input * input).min(MOST_WEIGHT);
            Learned { moved: millionths(moved - learned.moved), weight: millionths(weight - learned.weight) }
        };
        unknown.iter().zip(learned).zip(inputs).map(step).collect()
    }

    /// How much of a step is taken that moves the sum by so much: as much as leaves it within the limit.
    fn part(&self, sum: f64, step: f64) -> f64 {
        let room = if step > 0.0 { self.limit - sum } else { self.limit + sum };
        let step = step.abs();
        if step <= room {
            1.0
        } else if room > 0.0 {
            room / step
        } else {
            0.0
        }
    }
}

/// By how much terms move the score, whatever the limit.
fn sum(learned: &[Learned], inputs: &[f64]) -> f64 {
    learned.iter().zip(inputs).fold(0.0, |sum, (term, input)| sum + term.moved * input)
}

/// Brings a score to what is told of it: in millionths, and not beyond what is as sure as it gets.
pub(super) fn told(score: f64) -> f64 {
    millionths(within(score, SUREST))
}

/// The probability of log-odds, the same bits everywhere: by a Taylor series of `exp(x / 64)` and six squarings, to 1e-13.
#[must_use]
pub fn probability(log_odds: f64) -> f64 {
    let small = exp_of_negative(-within(log_odds, SUREST).abs());
    if log_odds < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) }
}

/// `exp` from -30 to 0.
fn exp_of_negative(x: f64) -> f64 {
    let part = x / 64.0;
    // Of at most 0.47: the next of the series is below 2^-60.
    let mut sum = 1.0;
    for place in (1..=16_u32).rev() {
        sum = 1.0 + sum * part / f64::from(place);
    }
    (0..6).fold(sum, |root, _| root * root)
}

/// Keeps a number between two bounds; what is no number is nothing.
fn within(number: f64, bound: f64) -> f64 {
    if number > bound {
        bound
    } else if number < -bound {
        -bound
    } else if number.is_nan() {
        0.0
    } else {
        number
    }
}

fn millionths(number: f64) -> f64 {
    (number * MILLIONTHS).round() / MILLIONTHS
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn offset(variance: f64, limit: f64) -> Rule {
        Rule { limit, terms: vec![Term { variance, centre: 0.0, scale: 1.0 }] }
    }

    fn after(rule: &Rule, outcomes: impl IntoIterator<Item = (f64, Vec<f64>, bool)>) -> Vec<Learned> {
        let mut learned = vec![Learned::default(); rule.terms.len()];
        for (score, inputs, came) in outcomes {
            let steps = rule.step(&learned, score, &inputs, came);
            for (learned, step) in learned.iter_mut().zip(steps) {
                learned.moved += step.moved;
                learned.weight += step.weight;
            }
        }
        learned
    }

    #[test]
    fn the_probability_is_that_of_the_standard_library_to_ten_digits() {
        for tenth in -300..=300 {
            let x = f64::from(tenth) / 10.0;
            let exact = 1.0 / (1.0 + (-x).exp());
            assert!((probability(x) / exact - 1.0).abs() < 1e-12, "{x}: {} for {exact}", probability(x));
        }
        assert_eq!(
            (probability(0.0), probability(f64::NAN), probability(99.0)),
            (0.5, 0.5, probability(30.0))
        );
        // Frozen: native code, Node and browsers give these bits.
        assert_eq!(probability(-1.25).to_bits(), 0x3fcc_8170_2a88_e0d6);
    }

    /// Against the posterior mean by a sum over 4,001 places: a normal that is carried along is not the exact posterior, but near it.
    #[test]
    fn what_is_learned_of_an_offset_is_near_the_exact_posterior() {
        let rule = offset(0.5, 5.0);
        let story: Vec<(f64, bool)> =
            (0..24).map(|round| (f64::from(round % 5) / 2.0 - 2.0, round % 3 != 0)).collect();
        let learned = after(&rule, story.iter().map(|(score, came)| (*score, vec![1.0], *came)));
        let places = (-2000..=2000).map(|place| f64::from(place) / 400.0);
        let density = |b: f64| {
            let seen =
                story.iter().map(|(score, came)| probability(if *came { score + b } else { -score - b }));
            (-b * b / (2.0 * 0.5)).exp() * seen.product::<f64>()
        };
        let (sum, whole) =
            places.fold((0.0, 0.0), |(sum, whole), b| (sum + b * density(b), whole + density(b)));
        let exact: f64 = sum / whole;
        assert!((learned[0].moved - exact).abs() < 0.1 * exact, "{} for {exact}", learned[0].moved);
    }

    #[test]
    fn what_nobody_differs_by_is_not_learned_and_what_is_not_there_says_nothing() {
        let rule = Rule {
            limit: 2.0,
            terms: vec![
                Term { variance: 1e-9, centre: 0.0, scale: 1.0 },
                Term { variance: 1.0, centre: 30.0, scale: 10.0 },
            ],
        };
        assert_eq!((rule.terms[1].input(Some(45.0)), rule.terms[1].input(None)), (1.5, 0.0));
        assert_eq!(rule.terms[1].input(Some(f64::INFINITY)), 10.0);
        let learned = after(&rule, vec![(0.0, vec![1.0, 0.0], true); 50]);
        assert_eq!((learned[0].moved, learned[1]), (0.0, Learned::default()));
        let learned = after(&rule, vec![(0.0, vec![1.0, 1.5], true); 50]);
        assert!(learned[1].moved > 0.5, "{learned:?}");
    }

    /// 2,000 stories of up to 400 outcomes with any score, any input and any order: the seed is fixed.
    #[test]
    fn no_story_moves_a_score_beyond_the_limit_and_what_was_seen_weighs_so_much_at_most() {
        let mut state = 9_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for _ in 0..2_000 {
            let limit = 0.1 + 3.0 * draw();
            let terms =
                (0..3).map(|_| Term { variance: 4.0 * draw() + 1e-6, centre: 0.0, scale: 1.0 }).collect();
            let rule = Rule { limit, terms };
            let mut learned = vec![Learned::default(); 3];
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 399")]
            let outcomes = (400.0 * draw()) as usize;
            for _ in 0..outcomes {
                let inputs = vec![1.0, 20.0 * draw() - 10.0, 20.0 * draw() - 10.0];
                let steps = rule.step(&learned, told(80.0 * draw() - 40.0), &inputs, draw() < 0.5);
                for (learned, step) in learned.iter_mut().zip(steps) {
                    assert!(step.moved.is_finite() && (0.0..=MOST_WEIGHT).contains(&step.weight), "{step:?}");
                    learned.moved += step.moved;
                    learned.weight += step.weight;
                    assert!(learned.moved.abs() <= limit + 1e-4 && learned.weight <= MOST_WEIGHT + 1e-3);
                }
                assert!(rule.moves(&learned, &inputs).abs() <= limit);
            }
        }
    }

    /// Forty outcomes far beyond what was foretold bring the score to its limit, whatever the inputs; none is stored up behind it.
    #[test]
    fn a_score_at_its_limit_comes_back_with_the_first_outcome_that_speaks_against_it() {
        let term = Term { variance: 1.0, centre: 0.0, scale: 1.0 };
        let rule = Rule { limit: 1.0, terms: vec![term; 3] };
        for (inputs, came) in
            [(vec![1.0, 3.0, -2.0], true), (vec![1.0, -0.5, 8.0], false), (vec![1.0, 0.0, 0.0], true)]
        {
            let score = if came { -3.0 } else { 3.0 };
            let mut learned = after(&rule, vec![(score, inputs.clone(), came); 40]);
            let reached = sum(&learned, &inputs).abs();
            assert!((reached - rule.limit).abs() < 1e-4, "{reached}");
            let steps = rule.step(&learned, score, &inputs, !came);
            learned.iter_mut().zip(&steps).for_each(|(learned, step)| learned.moved += step.moved);
            let back = rule.moves(&learned, &inputs).abs();
            assert!(back < rule.limit - 0.001, "{back}: {steps:?}");
        }
    }

    #[test]
    fn a_surprise_moves_more_than_what_was_foretold_and_later_outcomes_less_than_the_first() {
        let rule = offset(1.0, 4.0);
        let once = |score, came| after(&rule, [(score, vec![1.0], came)])[0].moved;
        assert!(once(-2.0, true) > once(2.0, true) && once(2.0, true) > 0.0 && once(0.0, false) < 0.0);
        let twenty = after(&rule, vec![(0.0, vec![1.0], true); 20]);
        let more = rule.step(&twenty, 0.0, &[1.0], true);
        assert!(more[0].moved < once(0.0, true) / 4.0, "{more:?}");
    }
}
