//! Why a score is what it is, where it is no sum: the Shapley value of each feature in the game in which one that is not known has the
//! value of somebody in the middle (Lundberg, Lee, "A unified approach to interpreting model predictions", 2017, with one background row).

/// With more features subsets are too many, and the mean is over some orders alone.
const MOST_IN_SUBSETS: usize = 8;

/// Divides the score of values: that of somebody in the middle, and what each value adds. They add up to the score, whatever the number of
/// features; with more than eight each part is the mean over the orders in which features become known one after the other, in a circle from
/// each of them, forward and backward.
pub(super) fn divide(middle: &[f64], values: &[f64], score: impl Fn(&[f64]) -> f64) -> (f64, Vec<f64>) {
    let parts = if values.len() > MOST_IN_SUBSETS {
        by_orders(middle, values, &score)
    } else {
        by_subsets(middle, values, &score)
    };
    (score(middle), parts)
}

fn by_subsets(middle: &[f64], values: &[f64], score: &impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let count = values.len();
    let holds = |known: usize, place: usize| known >> place & 1 == 1;
    let of = |known: usize| {
        let value = |place: usize| if holds(known, place) { values[place] } else { middle[place] };
        score(&(0..count).map(value).collect::<Vec<_>>())
    };
    let scores: Vec<f64> = (0..1_usize << count).map(of).collect();
    let part = |place: usize| {
        let without = (0..scores.len()).filter(|known| !holds(*known, place));
        without
            .map(|known| share(known.count_ones(), count) * (scores[known | 1 << place] - scores[known]))
            .sum()
    };
    (0..count).map(part).collect()
}

/// The share of the orders of so many features in which exactly so many come before one of them: `k! (n - 1 - k)! / n!`.
#[expect(clippy::cast_precision_loss, reason = "at most 8")]
fn share(before: u32, count: usize) -> f64 {
    let factorial = |n: usize| (1..=n).map(|n| n as f64).product::<f64>();
    factorial(before as usize) * factorial(count - 1 - before as usize) / factorial(count)
}

#[expect(clippy::cast_precision_loss, reason = "a number of features")]
fn by_orders(middle: &[f64], values: &[f64], score: &impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let count = values.len();
    let mut parts = vec![0.0; count];
    let mut walk = |order: &mut dyn Iterator<Item = usize>| {
        let mut known = middle.to_vec();
        let mut before = score(&known);
        for place in order {
            known[place] = values[place];
            let after = score(&known);
            parts[place] += (after - before) / (2 * count) as f64;
            before = after;
        }
    };
    for first in 0..count {
        walk(&mut (first..count).chain(0..first));
        walk(&mut (0..=first).rev().chain((first + 1..count).rev()));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    /// A sum, products of two and a kink.
    fn score(values: &[f64]) -> f64 {
        let sum: f64 = values.iter().enumerate().map(|(place, value)| (place + 1) as f64 * value).sum();
        sum + values[0] * values[1] - 3.0 * values[1] * values[2] + (values[0] - values[2]).max(0.0)
    }

    #[test]
    fn parts_add_up_and_are_alike_whether_by_subsets_or_by_orders() {
        let (middle, values) = ([0.5, -1.0, 2.0, 0.0], [2.0, 1.5, -1.0, 0.25]);
        let (base, parts) = divide(&middle, &values, score);
        assert_eq!(base, score(&middle));
        assert!((base + parts.iter().sum::<f64>() - score(&values)).abs() < 1e-12);
        // The last feature is in the sum alone.
        assert!((parts[3] - 1.0).abs() < 1e-12);
        // In every order of three, a circle and its mirror from each, stand each pair and each one before another as often.
        let few = |values: &[f64]| score(&[values[0], values[1], values[2], 0.0]);
        let (by_subsets, by_orders) =
            (by_subsets(&middle[..3], &values[..3], &few), by_orders(&middle[..3], &values[..3], &few));
        for (one, other) in by_subsets.iter().zip(&by_orders) {
            assert!((one - other).abs() < 1e-12, "{by_subsets:?} {by_orders:?}");
        }
        let wide = |values: &[f64]| score(values) + values[4..].iter().sum::<f64>();
        let (middle, values) = ([0.5; 12], [1.0, 2.0, -1.0, 0.5, 0.5, 3.0, 0.5, 0.5, 0.5, 0.5, 0.5, -2.0]);
        let (base, parts) = divide(&middle, &values, wide);
        assert!((base + parts.iter().sum::<f64>() - wide(&values)).abs() < 1e-12);
        assert!((parts[5] - 2.5 * 7.0).abs() < 1e-12 && parts[6] == 0.0, "{parts:?}");
    }
}
