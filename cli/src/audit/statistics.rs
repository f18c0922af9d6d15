//! What the audit judges by: the chi-square test, exact binomial tails, and the lower bound on epsilon.

use statrs::function::gamma::{gamma_ur, ln_gamma};

/// Fewer than so many expected are counted together with others: below it chi-square is no good law of the statistic.
const FEW: f64 = 10.0;

/// The probability that counts at least as far from `law` come of it; 0 when something was counted that cannot be.
pub(super) fn chi_square(counts: &[u64], law: &[f64]) -> f64 {
    let total = float(counts.iter().sum());
    let mut cells: Vec<(f64, f64)> =
        counts.iter().zip(law).map(|(seen, probability)| (float(*seen), total * probability)).collect();
    if cells.iter().any(|(seen, expected)| *expected <= 0.0 && *seen > 0.0) {
        return 0.0;
    }
    cells.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let (mut statistic, mut groups) = (0.0, 0_u32);
    let (mut seen, mut expected) = (0.0, 0.0);
    for cell in cells {
        (seen, expected) = (seen + cell.0, expected + cell.1);
        if expected >= FEW {
            statistic += (seen - expected) * (seen - expected) / expected;
            groups += 1;
            (seen, expected) = (0.0, 0.0);
        }
    }
    let freedom = f64::from(groups.saturating_sub(1));
    if freedom == 0.0 || statistic == 0.0 { 1.0 } else { gamma_ur(freedom / 2.0, statistic / 2.0) }
}

/// The probability that a standard normal lies further from 0 than `z`, on either side.
pub(super) fn two_sided(z: f64) -> f64 {
    if z == 0.0 { 1.0 } else { gamma_ur(0.5, z * z / 2.0) }
}

/// The probability of at least `right` of `guesses`, each right with probability `p`: the terms of the law, added up away from
/// their largest.
fn tail(right: u64, guesses: u64, p: f64) -> f64 {
    let (n, k) = (float(guesses), float(right));
    if k > n * p { upward(k, n, p) } else { 1.0 - upward(n - k + 1.0, n, 1.0 - p) }
}

/// The probability of at least `k`, which is above the mean: from there on every term is smaller than the one before.
fn upward(mut k: f64, n: f64, p: f64) -> f64 {
    if k > n {
        return 0.0;
    }
    let choose = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    let mut term = (choose + k * p.ln() + (n - k) * (-p).ln_1p()).exp();
    let mut sum = 0.0;
    while k <= n && term > sum * 1e-17 {
        sum += term;
        term *= (n - k) / (k + 1.0) * p / (1.0 - p);
        k += 1.0;
    }
    sum
}

/// The largest epsilon that so many right guesses rule out at level `alpha`; 0 when they rule out none.
///
/// Under pure epsilon the right guesses of someone who may abstain are at most those of a coin that falls right with
/// probability `e^epsilon / (1 + e^epsilon)`: the bound is that of Clopper and Pearson (1934), carried through the logit.
pub(super) fn epsilon_bound(right: u64, guesses: u64, alpha: f64) -> f64 {
    // e^30 of a million guesses would all be right; beyond it 1 - p has few digits left.
    let (mut low, mut high) = (0.0, 30.0);
    for _ in 0..60 {
        let middle: f64 = f64::midpoint(low, high);
        // 1 / (1 + e^-epsilon).
        if tail(right, guesses, 1.0 / (1.0 + (-middle).exp())) < alpha { low = middle } else { high = middle }
    }
    low
}

// Counts stay far below 2^53.
#[expect(clippy::cast_precision_loss)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chi_square_tail_meets_the_tables() {
        // The 5 %, 1 % and 0.1 % points of the tables for 1, 4 and 10 degrees of freedom.
        for (freedom, point, probability) in [(1.0, 3.841, 0.05), (4.0, 13.277, 0.01), (10.0, 29.588, 0.001)]
        {
            assert!((gamma_ur(freedom / 2.0, point / 2.0) / probability - 1.0).abs() < 2e-3, "{freedom}");
        }
        assert!((two_sided(1.959_964) - 0.05).abs() < 1e-7);
    }

    #[test]
    fn counts_that_fit_pass_and_counts_that_cannot_be_do_not() {
        assert!(chi_square(&[500, 300, 200], &[0.5, 0.3, 0.2]) > 0.999);
        assert!(chi_square(&[600, 200, 200], &[0.5, 0.3, 0.2]) < 1e-9);
        assert_eq!(chi_square(&[500, 300, 200, 1], &[0.5, 0.3, 0.2, 0.0]), 0.0);
    }

    #[test]
    fn the_binomial_tail_is_the_sum_it_says() {
        // Of ten fair coins at least eight: (45 + 10 + 1) / 1024.
        assert!((tail(8, 10, 0.5) - 56.0 / 1024.0).abs() < 1e-12);
        assert!((tail(0, 10, 0.3) - 1.0).abs() < 1e-12);
        assert!((tail(3, 10, 0.3) - 0.617_217_213_6).abs() < 1e-9);
        // Half of a million fair coins: a half, and half the chance of exactly that many.
        assert!((tail(500_000, 1_000_000, 0.5) - 0.500_398_94).abs() < 1e-7);
    }

    /// The published figures: bounds at a million guesses and 95 %.
    #[test]
    fn a_million_right_guesses_as_often_as_allowed_certify_nearly_all_of_epsilon() {
        for (epsilon, share) in [(0.5_f64, 0.993), (1.0, 0.996), (2.0, 0.998), (4.0, 0.997), (8.0, 0.989)] {
            let right = 1e6 / (1.0 + (-epsilon).exp());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let bound = epsilon_bound(right.round() as u64, 1_000_000, 0.05) / epsilon;
            assert!((bound - share).abs() < 1e-3, "{epsilon}: {bound}");
        }
    }
}
