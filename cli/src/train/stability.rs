//! Whether scores and their order hold over time: each cut learned from and the one tested on, beside all rows learned from.

use serde::Serialize;

use super::quality::{Interval, Scored, auc_with_interval, rate};

/// A moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// The day.
    pub at: String,
    /// How many rows.
    pub rows: usize,
    /// The share of them that did it.
    pub rate: f64,
    /// The AUC, where both outcomes are there.
    pub auc: Option<Interval>,
    /// How far the scores are spread otherwise than those of all rows learned from: the population stability index (Siddiqi, *Credit Risk
    /// Scorecards*, 2006, chapter 7) over tenths. Below 0.1 little, above 0.25 much.
    pub shift: f64,
}

const TENTHS: usize = 10;
/// An empty tenth counts as half a row: its logarithm is to be a number.
const HALF_A_ROW: f64 = 0.5;

/// Measures moments, each with its day and its rows, beside all rows learned from.
#[must_use]
pub fn moments<'a>(
    learned: &[Scored],
    of: impl IntoIterator<Item = (String, &'a [Scored])>,
    seed: u64,
) -> Vec<Moment> {
    let mut margins: Vec<f64> = learned.iter().map(|one| one.margin).collect();
    margins.sort_by(f64::total_cmp);
    let mut cuts: Vec<f64> =
        (1..TENTHS).filter_map(|tenth| margins.get(margins.len() * tenth / TENTHS).copied()).collect();
    cuts.dedup();
    let expected = shares(learned, &cuts);
    let moment = |(at, scored): (String, &[Scored])| Moment {
        at,
        rows: scored.len(),
        rate: rate(scored),
        auc: auc_with_interval(scored, seed),
        shift: expected.iter().zip(shares(scored, &cuts)).map(|(was, is)| (is - was) * (is / was).ln()).sum(),
    };
    of.into_iter().map(moment).collect()
}

/// The share of rows between each two cuts.
#[expect(clippy::cast_precision_loss, reason = "people stay far below 2^53")]
fn shares(scored: &[Scored], cuts: &[f64]) -> Vec<f64> {
    let mut counts = vec![0.0; cuts.len() + 1];
    for one in scored {
        counts[cuts.partition_point(|cut| *cut <= one.margin)] += 1.0;
    }
    counts.iter().map(|count: &f64| count.max(HALF_A_ROW) / scored.len().max(1) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(shift: f64) -> Vec<Scored> {
        (0..1_000)
            .map(|row| Scored { margin: f64::from(row) / 1_000.0 + shift, label: row % 3 == 0 })
            .collect()
    }

    #[test]
    fn the_same_scores_are_stable_and_moved_ones_are_not() {
        let (learned, moved, little) = (scored(0.0), scored(0.3), scored(0.02));
        let of = [("same", &learned), ("little", &little), ("moved", &moved)];
        let found = moments(&learned, of.map(|(at, rows)| (at.to_owned(), &rows[..])), 0);
        assert_eq!(found[0].shift, 0.0);
        assert!(found[1].shift > 0.0 && found[1].shift < 0.1, "{found:?}");
        assert!(found[2].shift > 0.25, "{found:?}");
        assert_eq!(found[2].rows, 1_000);
        assert!(found.iter().all(|moment| moment.auc.is_some()));
    }

    #[test]
    fn scores_that_are_all_the_same_and_empty_moments_give_numbers() {
        let flat = vec![Scored { margin: 1.0, label: true }; 10];
        let found = moments(&flat, [("flat".to_owned(), &flat[..]), ("none".to_owned(), &[][..])], 0);
        assert_eq!((found[0].shift, found[0].auc), (0.0, None));
        assert!(found[1].shift.is_finite());
    }
}
