//! Naive Bayes over categories: what each value of each column says of the outcome, as if no other column were there.

use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::naive_bayes::categorical::{CategoricalNB, CategoricalNBParameters};

use super::FitError;

/// What a row says: the log-odds are `base` plus, of each column, what its category adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratios {
    /// The log-odds of the labels, whatever the columns say.
    pub base: f64,
    /// By column and category: `ln P(category | yes) - ln P(category | no)`.
    pub columns: Vec<Vec<f64>>,
}

/// Each category counts as seen once more with each label (Laplace).
const ALPHA: f64 = 1.0;

/// Learns from columns of categories, numbered from 0 on.
///
/// # Errors
/// [`FitError`], where rows are of no shape or every label is the same.
pub fn categorical(columns: &[Vec<u8>], labels: &[bool]) -> Result<Ratios, FitError> {
    if columns.is_empty() || columns.iter().any(|column| column.len() != labels.len()) {
        return Err(FitError::Shape);
    }
    let yes = labels.iter().filter(|label| **label).count();
    if yes == 0 || yes == labels.len() {
        return Err(FitError::ConstantLabel);
    }
    let cells = columns.iter().flatten().map(|category| u32::from(*category)).collect();
    let matrix = DenseMatrix::new(labels.len(), columns.len(), cells, true).map_err(|_| FitError::Shape)?;
    let classes: Vec<u32> = labels.iter().map(|label| u32::from(*label)).collect();
    let parameters = CategoricalNBParameters::default().with_alpha(ALPHA);
    let learned = CategoricalNB::fit(&matrix, &classes, parameters).map_err(|_| FitError::NotConverged)?;
    let adds = |of: &Vec<Vec<f64>>| of[1].iter().zip(&of[0]).map(|(yes, no)| yes - no).collect();
    #[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^53")]
    let base = (yes as f64 / (labels.len() - yes) as f64).ln();
    Ok(Ratios { base, columns: learned.feature_log_prob().iter().map(adds).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: of 4 yes one has category 0 and three category 1, of 6 no five and one; three are counted, as nobody has category 2 of 0 to 2 but one no.
    #[test]
    fn a_category_adds_the_logarithm_of_how_much_more_often_it_comes_with_a_yes() {
        let column = vec![0, 1, 1, 1, 0, 0, 0, 0, 1, 2];
        let labels = [true, true, true, true, false, false, false, false, false, false];
        let ratios = categorical(&[column], &labels).unwrap();
        let ratio = |yes: f64, no: f64| ((yes + 1.0) / (4.0 + 3.0) / ((no + 1.0) / (6.0 + 3.0))).ln();
        let expected = [ratio(1.0, 4.0), ratio(3.0, 1.0), ratio(0.0, 1.0)];
        for (found, expected) in ratios.columns[0].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{ratios:?}");
        }
        assert!((ratios.base - (4.0_f64 / 6.0).ln()).abs() < 1e-15);
    }

    /// smartcore's own answer for every row of two columns is the sign of the log-odds put together from what it learned.
    #[test]
    fn the_log_odds_decide_as_the_classifier_does() {
        let mix = |row: usize, by: usize| u8::try_from((row * by % 97) % 5).unwrap();
        let columns: Vec<Vec<u8>> = [31, 53].map(|by| (0..300).map(|row| mix(row, by)).collect()).into();
        let labels: Vec<bool> = (0..300).map(|row| mix(row, 31) + mix(row, 17) > 4).collect();
        let ratios = categorical(&columns, &labels).unwrap();
        let cells =
            (0..300).flat_map(|row| [u32::from(columns[0][row]), u32::from(columns[1][row])]).collect();
        let matrix = DenseMatrix::new(300, 2, cells, false).unwrap();
        let classes: Vec<u32> = labels.iter().map(|label| u32::from(*label)).collect();
        let theirs =
            CategoricalNB::fit(&matrix, &classes, CategoricalNBParameters::default().with_alpha(ALPHA))
                .unwrap();
        let told: Vec<u32> = theirs.predict(&matrix).unwrap();
        let ours = (0..300).map(|row| {
            let sum: f64 = columns
                .iter()
                .zip(&ratios.columns)
                .map(|(column, adds)| adds[usize::from(column[row])])
                .sum();
            u32::from(ratios.base + sum > 0.0)
        });
        assert_eq!(ours.collect::<Vec<_>>(), told);
        assert!(told.contains(&0) && told.contains(&1));
    }

    #[test]
    fn columns_that_do_not_fit_and_labels_that_are_all_the_same_are_refused() {
        assert_eq!(categorical(&[], &[true, false]), Err(FitError::Shape));
        assert_eq!(categorical(&[vec![0]], &[true, false]), Err(FitError::Shape));
        assert_eq!(categorical(&[vec![0, 1]], &[true, true]), Err(FitError::ConstantLabel));
    }
}
