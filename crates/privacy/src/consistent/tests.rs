//! The nearest point, against a search, and its error beside the raw one's.

use super::*;
use crate::mechanism::tests::{cells, counted};
use crate::{Coins as _, OneOf, SeededCoins};
use keepset_wire::Epsilon;

#[test]
fn the_result_is_a_distribution_and_what_was_one_already_stays() {
    let raw = [0.5, 0.3, -0.1, 0.2, 0.1];
    let mended = consistent(&raw, Total::One);
    assert!(mended.iter().all(|share| (0.0..=1.0).contains(share)));
    assert!((mended.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    // A tenth too much is taken off in four equal parts, one of them from nothing.
    for (found, wanted) in mended.iter().zip([0.475, 0.275, 0.0, 0.175, 0.075]) {
        assert!((found - wanted).abs() < 1e-12, "{mended:?}");
    }
    let sound = [0.25, 0.5, 0.25];
    assert!(consistent(&sound, Total::One).iter().zip(sound).all(|(one, other)| (one - other).abs() < 1e-12));
    assert_eq!(consistent(&[2.0, -1.0], Total::One), [1.0, 0.0]);
    assert_eq!(consistent(&[], Total::AtMost(1)), [0.0; 0]);
}

#[test]
fn shares_of_several_segments_are_cut_only_when_they_are_too_much_together() {
    assert_eq!(consistent(&[0.4, 1.2, -0.1], Total::AtMost(2)), [0.4, 1.0, 0.0]);
    let cut = consistent(&[0.9, 0.8, 0.7, -0.2], Total::AtMost(2));
    assert!((cut.iter().sum::<f64>() - 2.0).abs() < 1e-12);
    assert!((cut[0] - (0.9 - 0.4 / 3.0)).abs() < 1e-12 && cut[3] == 0.0);
}

/// No point of the simplex is nearer: moving a little weight from any cell to any other leads away.
#[test]
fn no_other_distribution_is_nearer() {
    let mut coins = SeededCoins::new(4);
    for _ in 0..200 {
        let raw: Vec<f64> = (0..6)
            .map(|_| u32::try_from(coins.below(1_000).unwrap()).unwrap())
            .map(|x| f64::from(x) / 800.0 - 0.4)
            .collect();
        let near = consistent(&raw, Total::One);
        let distance =
            |point: &[f64]| point.iter().zip(&raw).map(|(one, other)| (one - other).powi(2)).sum::<f64>();
        for (from, to) in (0..6).flat_map(|from| (0..6).map(move |to| (from, to))) {
            let mut moved = near.clone();
            let weight = 1e-4_f64.min(moved[from]);
            moved[from] -= weight;
            moved[to] += weight;
            assert!(distance(&moved) >= distance(&near) - 1e-12);
        }
    }
}

/// Acceptance A8: 64 cells of Zipf's law, epsilon 1, 20,000 devices, and the same with all cells equal; ten populations. Each is at most 1 by
/// geometry; for Zipf the mean is 0.5 with a standard error below 0.02.
#[test]
fn the_error_is_never_larger_and_for_a_few_large_cells_much_smaller() {
    let mechanism = OneOf::new(Epsilon::from_micro(1_000_000).unwrap(), 64).unwrap();
    for (name, zipf, most) in [("zipf", true, 0.65), ("equal", false, 1.0)] {
        let weight = |cell: u16| if zipf { 1.0 / f64::from(cell + 1) } else { 1.0 };
        let all: f64 = (0..64).map(weight).sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let people: Vec<u16> = (0..64)
            .flat_map(|cell| std::iter::repeat_n(cell, (20_000.0 * weight(cell) / all).round() as usize))
            .collect();
        let reports = people.len() as u64;
        let truth: Vec<f64> = (0..64)
            .map(|cell| people.iter().filter(|own| **own == cell).count() as f64 / reports as f64)
            .collect();
        let people: Vec<Vec<bool>> = people.into_iter().map(|cell| mechanism.memberships(cell)).collect();
        let error =
            |shares: &[f64]| shares.iter().zip(&truth).map(|(one, other)| (one - other).powi(2)).sum::<f64>();
        let (mut raw, mut mended) = (0.0, 0.0);
        for seed in 0..10 {
            let counts = counted(mechanism.select(), &people, 64, seed, cells);
            let shares = mechanism.estimate(&counts, reports).unwrap();
            raw += error(shares.values());
            mended += error(&consistent(shares.values(), Total::One));
        }
        assert!(mended <= most * raw, "{name}: {}", mended / raw);
    }
}
