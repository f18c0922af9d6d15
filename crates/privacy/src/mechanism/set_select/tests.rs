//! The exact channel against brute force, the published tables and real draws.

use super::*;
use crate::coins::{SeededCoins, SystemCoins};
#[cfg(target_arch = "wasm32")]
use crate::test;

fn epsilon(micro: u32) -> Epsilon {
    Epsilon::from_micro(micro).unwrap()
}

fn bits(segments: u16, members: &[u16]) -> BitVec<u8, Lsb0> {
    (0..segments).map(|segment| members.contains(&segment)).collect()
}

/// Every set of `size` of `cells`, as masks.
fn subsets(cells: u16, size: u32) -> Vec<u32> {
    (0..1_u32 << cells).filter(|mask| mask.count_ones() == size).collect()
}

/// Acceptance A2 for small sizes: with whole-number weights, the worst ratio over all inputs and outputs.
#[test]
fn no_answer_is_likelier_than_the_weight_allows_under_any_pair_of_inputs() {
    for (segments, cap) in [(1, 1), (3, 1), (4, 2), (5, 3), (6, 2)] {
        for micro in [100_000, 1_000_000, 2_000_000, 4_000_000] {
            let mechanism = SetSelect::new(epsilon(micro), segments, cap).unwrap();
            let (favoured, unit) = (u128::from(exponential(epsilon(micro))), u128::from(UNIT));
            let own_sets = subsets(mechanism.cells(), cap.into());
            let answers = subsets(mechanism.cells(), mechanism.size.into());
            let weight = |own: u32, answer: u32| {
                if (own & answer).count_ones() >= mechanism.threshold.into() { favoured } else { unit }
            };
            let totals: Vec<u128> =
                own_sets.iter().map(|own| answers.iter().map(|a| weight(*own, *a)).sum()).collect();
            assert!(totals.iter().all(|total| *total == totals[0]), "the total must not depend on the input");
            // The reduced weights are these sums divided by one common factor.
            let by_shared = |h: u32| -> u128 {
                answers
                    .iter()
                    .filter(|a| (own_sets[0] & **a).count_ones() == h)
                    .map(|a| weight(own_sets[0], *a))
                    .sum()
            };
            let (reduced, total) = mechanism.weights.parts();
            for (h, reduced) in (0..).zip(reduced) {
                assert_eq!(by_shared(h) * total, reduced * totals[0], "{segments} {cap} {micro} {h}");
            }
        }
    }
}

#[test]
fn the_channel_is_the_inclusion_probability_counted_over_every_answer() {
    for (segments, cap) in [(1, 1), (4, 1), (4, 2), (6, 3)] {
        let mechanism = SetSelect::new(epsilon(1_500_000), segments, cap).unwrap();
        let ratio = 1.5_f64.exp();
        let own = (1_u32 << cap) - 1;
        let (mut total, mut own_cell, mut other_cell) = (0.0, 0.0, 0.0);
        for answer in subsets(mechanism.cells(), mechanism.size.into()) {
            let favoured = (own & answer).count_ones() >= mechanism.threshold.into();
            let weight = if favoured { ratio } else { 1.0 };
            total += weight;
            own_cell += if answer & 1 == 1 { weight } else { 0.0 };
            other_cell += if answer >> cap & 1 == 1 { weight } else { 0.0 };
        }
        let Channel { p, q } = mechanism.channel();
        assert!((p - own_cell / total).abs() < 1e-10 && (q - other_cell / total).abs() < 1e-10);
    }
}

/// Table 1b: variance times reports per segment at a share of 5 %.
#[test]
fn capped_memberships_meet_the_published_variances() {
    let table = [
        (1_000_000, 16, 2, 6.10),
        (1_000_000, 16, 3, 8.44),
        (1_000_000, 32, 3, 10.2),
        (2_000_000, 16, 2, 0.91),
        (2_000_000, 16, 3, 1.14),
        (2_000_000, 32, 3, 1.66),
        (2_000_000, 32, 5, 2.14),
        (4_000_000, 32, 3, 0.20),
        (8_000_000, 32, 5, 0.085),
    ];
    for (micro, segments, cap, published) in table {
        let mechanism = SetSelect::new(epsilon(micro), segments, cap).unwrap();
        let variance = mechanism.channel().variance(0.05);
        assert!(
            (variance / published - 1.0).abs() < 0.05,
            "{micro} {segments} {cap}: {variance} {published}"
        );
    }
}

/// Table 1a: with one membership the mechanism is the minimax one, `k*` included.
#[test]
fn a_single_membership_meets_the_minimax_error() {
    let table = [
        (500_000, 16, 220.0, 6),
        (1_000_000, 8, 22.6, 2),
        (1_000_000, 32, 110.7, 9),
        (2_000_000, 16, 10.2, 2),
        (2_000_000, 64, 44.9, 8),
        (4_000_000, 32, 2.47, 1),
        (4_000_000, 128, 9.63, 2),
    ];
    for (micro, cells, published, size) in table {
        // One cell stands for "none", so `cells` cells are `cells - 1` segments.
        let mechanism = SetSelect::new(epsilon(micro), cells - 1, 1).unwrap();
        let cells = f64::from(cells);
        // The table counts the sampling error of the population too: d * f(1-f) at f = 1/d.
        let error = cells * mechanism.channel().variance(1.0 / cells) + 1.0 - 1.0 / cells;
        assert!((error / published - 1.0).abs() < 0.01, "{micro} {cells}: {error} {published}");
        assert_eq!(mechanism.subset_size(), size);
    }
}

#[test]
fn the_privacy_map_states_the_plans_epsilon() {
    let mechanism = SetSelect::new(epsilon(2_000_000), 8, 3).unwrap();
    let measurement = mechanism.measurement(SeededCoins::new(0)).unwrap();
    assert_eq!(measurement.map(&1).unwrap(), 2.0);
    assert_eq!(measurement.map(&0).unwrap(), 0.0);
}

/// 200,000 real OpenDP draws per input; every possible answer is counted against its exact probability.
/// Chi-square over `d` answers exceeds `d - 1 + 5 sqrt(2(d - 1)) + 17` with probability below 1e-6 per input (Laurent-Massart), six inputs.
#[test]
fn real_draws_have_the_exact_law_for_every_input() {
    for members in [&[][..], &[0], &[3], &[0, 1], &[1, 3], &[0, 1, 2, 3]] {
        let mechanism = SetSelect::new(epsilon(1_000_000), 4, 2).unwrap();
        let measurement = mechanism.clone().measurement(SystemCoins::open().unwrap()).unwrap();
        let draws = if cfg!(target_arch = "wasm32") { 20_000 } else { 200_000 };
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..draws {
            let answer = measurement.invoke(&bits(4, members)).unwrap();
            assert_eq!(answer.len(), u32::from(mechanism.size));
            *counts.entry(answer.as_bits().to_vec()).or_insert(0.0) += 1.0;
        }
        // More memberships than the cap: every pair of them is equally likely to count.
        let owns: Vec<u32> = match members {
            [] => vec![0b11_0000],
            [one] => vec![0b01_0000 | 1 << one],
            [a, b] => vec![1 << a | 1 << b],
            _ => subsets(4, 2),
        };
        let ratio = exponential(epsilon(1_000_000)) as f64 / UNIT as f64;
        let answers = subsets(6, mechanism.size.into());
        let weight = |own: u32, answer: u32| {
            if (own & answer).count_ones() >= mechanism.threshold.into() { ratio } else { 1.0 }
        };
        let chi_square: f64 = answers
            .iter()
            .map(|answer| {
                let share: f64 = owns
                    .iter()
                    .map(|own| weight(*own, *answer) / answers.iter().map(|a| weight(*own, *a)).sum::<f64>())
                    .sum();
                let expected = f64::from(draws) * share / owns.len() as f64;
                let key = vec![u8::try_from(*answer).unwrap()];
                let seen = counts.get(&key).copied().unwrap_or(0.0);
                (seen - expected) * (seen - expected) / expected
            })
            .sum();
        let freedom = answers.len() as f64 - 1.0;
        assert!(chi_square < freedom + 5.0 * (2.0 * freedom).sqrt() + 17.0, "{members:?}: {chi_square}");
    }
}

/// The number of bytes pulled from the source must not tell a busy device from an idle one.
#[test]
fn the_number_of_draws_does_not_depend_on_the_memberships() {
    struct Counting(SeededCoins, std::rc::Rc<std::cell::Cell<u32>>);
    impl Coins for Counting {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            self.0.fill(bytes)
        }
        fn below(&mut self, upper: u128) -> Result<u128, NoEntropy> {
            self.1.set(self.1.get() + 1);
            self.0.below(upper)
        }
    }
    let count = |members: &[u16]| {
        let draws = std::rc::Rc::default();
        let coins = Counting(SeededCoins::new(3), std::rc::Rc::clone(&draws));
        let measurement = SetSelect::new(epsilon(2_000_000), 9, 3).unwrap().measurement(coins).unwrap();
        measurement.invoke(&bits(9, members)).unwrap();
        draws.get()
    };
    assert_eq!(count(&[]), count(&[0, 1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(count(&[]), count(&[5]));
}

#[test]
fn no_entropy_means_no_answer() {
    struct Dead;
    impl Coins for Dead {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), NoEntropy> {
            Err(NoEntropy)
        }
        fn below(&mut self, _: u128) -> Result<u128, NoEntropy> {
            Err(NoEntropy)
        }
    }
    let measurement = SetSelect::new(epsilon(2_000_000), 3, 1).unwrap().measurement(Dead).unwrap();
    assert_eq!(measurement.invoke(&bits(3, &[1])).unwrap_err().variant, ErrorVariant::FailedFunction);
    assert_eq!(measurement.invoke(&bits(2, &[1])).unwrap_err().variant, ErrorVariant::DomainMismatch);
}

#[test]
fn the_largest_question_a_plan_may_hold_still_fits_in_128_bits() {
    let mechanism = SetSelect::new(Epsilon::MAX, 256, 8).unwrap();
    assert!(mechanism.channel().p > mechanism.channel().q);
    assert!(SetSelect::new(Epsilon::MIN, 257, 1).is_err());
    assert!(SetSelect::new(Epsilon::MIN, 2, 3).is_err());
}

#[test]
fn pairs_of_cells_are_included_as_often_as_counted_over_every_answer() {
    for (segments, cap) in [(1, 1), (4, 1), (4, 2), (6, 3)] {
        let mechanism = SetSelect::new(epsilon(1_500_000), segments, cap).unwrap();
        let ratio = 1.5_f64.exp();
        let own = (1_u32 << cap) - 1;
        let (mut total, mut both, mut one, mut neither) = (0.0, 0.0, 0.0, 0.0);
        for answer in subsets(mechanism.cells(), mechanism.size.into()) {
            let favoured = (own & answer).count_ones() >= mechanism.threshold.into();
            let weight = if favoured { ratio } else { 1.0 };
            let pair = |a: u32, b: u32| if answer >> a & answer >> b & 1 == 1 { weight } else { 0.0 };
            let (first, last) = (0, u32::from(mechanism.cells()) - 1);
            total += weight;
            both += if cap > 1 { pair(first, 1) } else { 0.0 };
            one += pair(first, last);
            neither += if segments > 1 { pair(last - 1, last) } else { 0.0 };
        }
        let pairs = mechanism.pairs();
        for (found, wanted) in [(pairs.both, both), (pairs.one, one), (pairs.neither, neither)] {
            assert!((found - wanted / total).abs() < 1e-10, "{segments} {cap}: {found} {}", wanted / total);
        }
    }
}
