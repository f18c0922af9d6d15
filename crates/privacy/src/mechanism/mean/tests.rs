//! The worst case against the published one, the exact law of the rounding, and real draws.

use super::super::band::tests::{Counting, Dead, epsilon};
use super::*;
use crate::coins::{SeededCoins, SystemCoins};
#[cfg(target_arch = "wasm32")]
use crate::test;

fn mechanism(micro: u32) -> BoundedMean {
    BoundedMean::new(epsilon(micro)).unwrap()
}

// At most twice 2^20.
#[expect(clippy::cast_possible_truncation)]
fn fixed(number: f64) -> i32 {
    (number * f64::from(BoundedMean::ONE)).round() as i32
}

/// Worst-case variances of the specification at epsilon 0.5, 1, 2 and 4; our own is to be the least, and never more than
/// 5 % above the best possible for 11 given numbers (8 % at epsilon 4, where ours holds for every number between them).
#[test]
fn the_worst_case_is_below_every_published_one() {
    let table = [
        (500_000, 16.7, 21.2, 16.7, 16.0, 1.05),
        (1_000_000, 4.68, 5.22, 4.29, 3.99, 1.05),
        (2_000_000, 1.72, 1.23, 1.04, 0.864, 1.05),
        (4_000_000, 1.08, 0.241, 0.219, 0.125, 1.08),
    ];
    for (micro, duchi, piecewise, hybrid, reference, allowed) in table {
        let ours = mechanism(micro).worst_variance();
        assert!(ours < hybrid && ours < piecewise && ours < duchi, "{micro}: {ours}");
        assert!(ours < reference * allowed, "{micro}: {ours}");
        let two_points = BoundedMean::with_shape(epsilon(micro), 2, 1, 0).unwrap().worst_variance();
        assert!((two_points / duchi - 1.0).abs() < 0.005, "{micro}: {two_points}");
    }
}

#[test]
fn a_larger_epsilon_never_has_a_larger_worst_case() {
    let worst: Vec<f64> = (1..=16).map(|halves| mechanism(halves * 500_000).worst_variance()).collect();
    assert!(worst.is_sorted_by(|one, next| one > next), "{worst:?}");
    // Two outputs are the best where the noise is greatest.
    assert_eq!(mechanism(100_000).outputs(), 2);
}

/// With the probabilities of the table, not with draws: every number is on average what it is, and has at most the stated variance.
#[test]
fn the_mean_over_the_exact_law_is_the_number_and_its_variance_is_at_most_the_worst() {
    for micro in [100_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000] {
        let mechanism = mechanism(micro);
        let (inside, outside) = mechanism.band.probabilities();
        let values: Vec<f64> = mechanism.scaled().collect();
        let width = usize::from(mechanism.width());
        let moment = |row: usize, power: i32| -> f64 {
            let band = row..row + width;
            let term = |(output, value): (usize, &f64)| {
                value.powi(power) * if band.contains(&output) { inside } else { outside }
            };
            values.iter().enumerate().map(term).sum()
        };
        let levels: Vec<f64> = (0..mechanism.levels.len()).map(|row| moment(row, 1)).collect();
        assert!((levels[0] + 1.0).abs() < 1e-9 && (levels[levels.len() - 1] - 1.0).abs() < 1e-9);
        let mut worst: f64 = 0.0;
        for step in -200..=200 {
            let number = f64::from(step) / 200.0;
            let row = levels[1..levels.len() - 1].iter().filter(|level| **level <= number).count();
            let up = (number - levels[row]) / (levels[row + 1] - levels[row]);
            let mean = (1.0 - up) * moment(row, 1) + up * moment(row + 1, 1);
            let square = (1.0 - up) * moment(row, 2) + up * moment(row + 1, 2);
            assert!((mean - number).abs() < 1e-9);
            worst = worst.max(square - number * number);
        }
        let stated = mechanism.worst_variance();
        assert!(worst <= stated * (1.0 + 1e-9) && worst > stated * 0.99, "{micro}: {worst} {stated}");
    }
}

/// 200,000 real OpenDP draws of the rounding and the band per number. Chi-square with `d - 1` degrees of freedom exceeds
/// `d - 1 + 2 sqrt(17 (d - 1)) + 34` with probability below e^-17 = 4.2e-8 (Laurent-Massart), eight numbers: 4e-7.
#[test]
fn real_draws_have_the_exact_law_between_and_at_the_levels() {
    for micro in [1_000_000, 3_000_000] {
        for number in [-2.0, -0.37, 0.0, 0.91] {
            let mechanism = mechanism(micro);
            let (inside, outside) = mechanism.band.probabilities();
            let held = f64::clamp(number, -1.0, 1.0);
            let levels: Vec<f64> = mechanism
                .levels
                .iter()
                .map(|level| f64::from(*level) / f64::from(*mechanism.levels.last().unwrap()))
                .collect();
            let row = levels[1..levels.len() - 1].iter().filter(|level| **level <= held).count();
            let up = (held - levels[row]) / (levels[row + 1] - levels[row]);
            let width = usize::from(mechanism.width());
            let share = |output: usize, row: usize| {
                if (row..row + width).contains(&output) { inside } else { outside }
            };
            let draws = if cfg!(target_arch = "wasm32") { 20_000 } else { 200_000 };
            let measurement = mechanism.clone().measurement(SystemCoins::open().unwrap()).unwrap();
            assert_eq!(measurement.map(&1).unwrap(), epsilon(micro).value());
            let mut counts = vec![0_u32; mechanism.values.len()];
            for _ in 0..draws {
                counts[usize::from(measurement.invoke(&fixed(number)).unwrap())] += 1;
            }
            let chi_square: f64 = counts
                .iter()
                .enumerate()
                .map(|(output, count)| {
                    let expected =
                        f64::from(draws) * ((1.0 - up) * share(output, row) + up * share(output, row + 1));
                    (f64::from(*count) - expected).powi(2) / expected
                })
                .sum();
            let freedom = counts.len() as f64 - 1.0;
            assert!(
                chi_square < freedom + 2.0 * (17.0 * freedom).sqrt() + 34.0,
                "{micro} {number}: {chi_square}"
            );
        }
    }
}

/// Acceptance A4 and A7: 3,000 samples of 500 and 1,000 devices, drawn from a crooked population. At a coverage of 95 % the
/// share of intervals that hold the truth has a standard error of 0.4 %: outside 93 to 97 % with probability 5e-7. The mean of
/// 3,000 squares has a relative standard error of 2.6 %: outside 0.9 to 1.1 with probability 1e-4; four settings, seeded.
#[test]
fn intervals_hold_the_truth_as_often_as_they_say_and_the_error_is_the_stated_one() {
    let population = [-0.9, -0.85, -0.4, 0.1, 0.1, 0.7];
    let truth = population.iter().sum::<f64>() / 6.0;
    let spread = population.iter().map(|number| (number - truth).powi(2)).sum::<f64>() / 6.0;
    for (micro, reports) in [(500_000, 500), (1_000_000, 1_000), (2_000_000, 500), (6_000_000, 500)] {
        let mechanism = mechanism(micro);
        let measurement = mechanism.clone().measurement(SeededCoins::new(5)).unwrap();
        let mut people = SeededCoins::new(6);
        let (mut held, mut squares, mut errors, mut bias) = (0, 0.0, 0.0, 0.0);
        for _ in 0..3_000 {
            let mut counts = vec![0; mechanism.values.len()];
            for _ in 0..reports {
                let person = usize::try_from(people.below(6).unwrap()).unwrap();
                counts[usize::from(measurement.invoke(&fixed(population[person])).unwrap())] += 1;
            }
            let estimate = mechanism.estimate(&counts).unwrap();
            held += i32::from(estimate.low <= truth && truth <= estimate.high);
            squares += (estimate.mean - truth).powi(2);
            bias += estimate.mean - truth;
            errors += estimate.standard_error.powi(2);
        }
        assert!((2_790..=2_910).contains(&held), "{micro}: {held} of 3,000");
        assert!((0.9..=1.1).contains(&(squares / errors)), "{micro}: {}", squares / errors);
        // |z| < 4.5 is passed with probability 7e-6.
        assert!((bias / squares.sqrt()).abs() < 4.5, "{micro}: {bias}");
        let worst = (mechanism.worst_variance() + spread) / f64::from(reports);
        assert!(errors / 3_000.0 < worst * 1.05, "{micro}: {errors} {worst}");
    }
}

#[test]
fn every_number_takes_two_draws_and_no_entropy_gives_no_answer() {
    let draws = std::rc::Rc::default();
    let coins = Counting(SeededCoins::new(3), std::rc::Rc::clone(&draws));
    let measurement = mechanism(2_000_000).measurement(coins).unwrap();
    for number in [0, 1, -BoundedMean::ONE, BoundedMean::ONE, i32::MIN, i32::MAX] {
        let before = draws.get();
        measurement.invoke(&number).unwrap();
        assert_eq!(draws.get() - before, 2);
    }
    assert!(mechanism(2_000_000).measurement(Dead).unwrap().invoke(&0).is_err());
}

#[test]
fn counts_of_another_mechanism_and_no_reports_estimate_nothing() {
    let mechanism = mechanism(2_000_000);
    let outputs = usize::from(mechanism.outputs());
    assert_eq!(mechanism.estimate(&vec![0; outputs]), None);
    assert_eq!(mechanism.estimate(&vec![1; outputs + 1]), None);
}
