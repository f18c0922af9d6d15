//! Fitting: finds the weights of a linear model from rows of features and yes-or-no labels.
//!
//! For the trainer alone: it stands behind the feature `fit`, which the device's build leaves off. Columns are
//! standardised inside and the weights given back for raw values, so the device scales nothing. No chance is involved:
//! the same rows give the same weights.

pub mod bayes;
pub mod centroids;

use std::fmt;

use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

/// How a model is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// The penalty: half of it times the sum of the squared standardised weights is added to the summed log-loss.
    /// It must be above 0: without it, labels that a line separates have no best weights.
    pub l2: f64,
    /// Fewer rows than this are refused.
    pub least_rows: usize,
}

impl Default for FitOptions {
    /// A penalty of 1 weighs as much as one more row and steadies features that say the same; below 100 rows the
    /// standard error of an AUC passes 0.05 and there is nothing to evaluate.
    fn default() -> Self {
        Self { l2: 1.0, least_rows: 100 }
    }
}

/// A fitted linear model: `intercept + sum(weight * value)` are the log-odds.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The log-odds where every value is 0.
    pub intercept: f64,
    /// One weight per column, for raw values.
    pub weights: Vec<f64>,
}

/// Why no model was fitted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FitError {
    /// The penalty is not a number above 0.
    Penalty,
    /// There are fewer rows than asked for.
    TooFewRows {
        /// How many there are.
        rows: usize,
        /// How many there must be.
        least: usize,
    },
    /// There is not one label per row, a row is shorter or longer than the first, or rows have no columns.
    Shape,
    /// A value is infinite or no number.
    NotFinite {
        /// Its row, 0 for the first.
        row: usize,
        /// Its column, 0 for the first.
        column: usize,
    },
    /// Every label is the same: there is nothing to tell apart.
    ConstantLabel,
    /// A column holds the same value in every row: it cannot have a weight.
    ConstantColumn {
        /// The column, 0 for the first.
        column: usize,
    },
    /// Rows cannot be divided into so many groups: there must be two at least, and as many rows that differ.
    Groups {
        /// How many were asked for.
        groups: usize,
    },
    /// The search for the best weights ended before it found them.
    NotConverged,
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Penalty => f.write_str("the penalty must be a number above 0"),
            Self::TooFewRows { rows, least } => {
                write!(f, "{rows} rows are too few to learn from; {least} are needed")
            }
            Self::Shape => {
                f.write_str("expected one label per row and the same number of values, one or more, in each")
            }
            Self::NotFinite { row, column } => write!(f, "row {row}, column {column} is not a finite number"),
            Self::ConstantLabel => f.write_str("every label is the same, so there is nothing to tell apart"),
            Self::ConstantColumn { column } => {
                write!(f, "column {column} holds the same value in every row; leave it out")
            }
            Self::Groups { groups } => write!(
                f,
                "the rows cannot be divided into {groups} groups: ask for two at least, and for no more than there are different rows"
            ),
            Self::NotConverged => f.write_str("the best weights were not found; try a larger penalty"),
        }
    }
}

impl std::error::Error for FitError {}

/// Fits a logistic regression with a penalty on the squares of the standardised weights.
///
/// # Errors
/// [`FitError`]: the first reason not to trust what would come out.
pub fn logistic(rows: &[Vec<f64>], labels: &[bool], options: FitOptions) -> Result<Fitted, FitError> {
    check(rows, labels, options)?;
    let columns = rows.first().map_or(0, Vec::len);
    let scales = (0..columns).map(|column| Scale::of(rows, column)).collect::<Result<Vec<_>, _>>()?;
    let standard: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| row.iter().zip(&scales).map(|(value, scale)| scale.apply(*value)).collect())
        .collect();
    let fitted = search(&standard, labels, options.l2)?;
    if steepest(&standard, labels, options.l2, &fitted) > SLOPE {
        return Err(FitError::NotConverged);
    }
    Ok(fitted.in_raw_scale(&scales))
}

/// The steepest slope of the mean penalised log-loss that counts as flat: a weight is then within about 1e-5 of the best.
const SLOPE: f64 = 1e-6;

fn check(rows: &[Vec<f64>], labels: &[bool], options: FitOptions) -> Result<(), FitError> {
    if !(options.l2.is_finite() && options.l2 > 0.0) {
        return Err(FitError::Penalty);
    }
    if labels.len() != rows.len() && rows.len() >= options.least_rows.max(2) {
        return Err(FitError::Shape);
    }
    check_rows(rows, options.least_rows)?;
    if labels.iter().all(|label| *label) || !labels.contains(&true) {
        return Err(FitError::ConstantLabel);
    }
    Ok(())
}

/// Checks that there are enough rows, alike in length, of finite numbers.
pub(super) fn check_rows(rows: &[Vec<f64>], least: usize) -> Result<(), FitError> {
    if rows.len() < least.max(2) {
        return Err(FitError::TooFewRows { rows: rows.len(), least: least.max(2) });
    }
    let columns = rows.first().map_or(0, Vec::len);
    if columns == 0 || rows.iter().any(|row| row.len() != columns) {
        return Err(FitError::Shape);
    }
    for (row, values) in rows.iter().enumerate() {
        if let Some(column) = values.iter().position(|value| !value.is_finite()) {
            return Err(FitError::NotFinite { row, column });
        }
    }
    Ok(())
}

/// The mean and the standard deviation of a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^53")]
    pub(super) fn of(rows: &[Vec<f64>], column: usize) -> Result<Self, FitError> {
        let count = rows.len() as f64;
        let values = || rows.iter().filter_map(|row| row.get(column));
        let mean = values().sum::<f64>() / count;
        let deviation = (values().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt();
        // Rounding leaves a constant column a little spread of its own.
        if !deviation.is_finite() || deviation <= mean.abs() * 1e-12 {
            return Err(FitError::ConstantColumn { column });
        }
        Ok(Self { mean, deviation })
    }

    pub(super) fn apply(&self, value: f64) -> f64 {
        (value - self.mean) / self.deviation
    }
}

impl Fitted {
    pub(super) fn in_raw_scale(&self, scales: &[Scale]) -> Self {
        let weights: Vec<f64> =
            self.weights.iter().zip(scales).map(|(weight, scale)| weight / scale.deviation).collect();
        let shift: f64 = weights.iter().zip(scales).map(|(weight, scale)| weight * scale.mean).sum();
        Self { intercept: self.intercept - shift, weights }
    }

    pub(super) fn margin(&self, row: &[f64]) -> f64 {
        row.iter().zip(&self.weights).fold(self.intercept, |sum, (value, weight)| sum + weight * value)
    }
}

/// Minimises by smartcore's L-BFGS.
///
/// Its line search gives up with a panic after 1,000 halvings. That cannot come about here: the penalty keeps the loss
/// away from 0, so long before the step is a 2^-1000th the loss no longer changes and the search ends.
fn search(rows: &[Vec<f64>], labels: &[bool], l2: f64) -> Result<Fitted, FitError> {
    // Here and not above: the trait would give every `Vec` a second `get`.
    use smartcore::linalg::basic::arrays::Array as _;

    let columns = rows.first().map_or(0, Vec::len);
    let matrix = DenseMatrix::new(rows.len(), columns, rows.concat(), false).map_err(|_| FitError::Shape)?;
    let classes: Vec<i32> = labels.iter().map(|label| i32::from(*label)).collect();
    let parameters = LogisticRegressionParameters::default().with_alpha(l2);
    let model: LogisticRegression<f64, i32, DenseMatrix<f64>, Vec<i32>> =
        LogisticRegression::fit(&matrix, &classes, parameters).map_err(|_| FitError::NotConverged)?;
    Ok(Fitted {
        intercept: *model.intercept().get((0, 0)),
        weights: (0..columns).map(|column| *model.coefficients().get((0, column))).collect(),
    })
}

/// The largest slope of the mean penalised log-loss; of anything that is no number, infinity.
#[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^53")]
fn steepest(rows: &[Vec<f64>], labels: &[bool], l2: f64, at: &Fitted) -> f64 {
    let mut slopes: Vec<f64> = at.weights.iter().map(|weight| l2 * weight).chain([0.0]).collect();
    for (row, label) in rows.iter().zip(labels) {
        let error = 1.0 / (1.0 + (-at.margin(row)).exp()) - f64::from(u8::from(*label));
        for (slope, value) in slopes.iter_mut().zip(row.iter().chain([&1.0])) {
            *slope += error * value;
        }
    }
    let count = rows.len() as f64;
    let slope = |slope: &f64| if slope.is_nan() { f64::INFINITY } else { slope.abs() / count };
    slopes.iter().map(slope).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator, so that the rows are the same everywhere.
    struct Draws(u64);

    impl Draws {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// Rows of three columns on different scales; the label follows planted log-odds.
    fn planted(count: usize, truth: &Fitted) -> (Vec<Vec<f64>>, Vec<bool>) {
        let mut draws = Draws(7);
        let rows: Vec<Vec<f64>> = (0..count)
            .map(|_| {
                vec![draws.uniform() * 4.0, 900.0 * draws.uniform() + 50.0, (draws.uniform() * 30.0).floor()]
            })
            .collect();
        let label = |row: &Vec<f64>| draws.uniform() < 1.0 / (1.0 + (-truth.margin(row)).exp());
        let labels = rows.iter().map(label).collect();
        (rows, labels)
    }

    fn truth() -> Fitted {
        Fitted { intercept: -2.0, weights: vec![1.2, 0.003, -0.1] }
    }

    /// With 40,000 rows the standard errors are about 0.05 of each weight; the rows are fixed, so this cannot flicker.
    #[test]
    fn a_planted_model_is_found_again() {
        let (rows, labels) = planted(40_000, &truth());
        let fitted = logistic(&rows, &labels, FitOptions::default()).unwrap();
        assert!((fitted.intercept - truth().intercept).abs() < 0.2, "{fitted:?}");
        for (found, planted) in fitted.weights.iter().zip(truth().weights) {
            assert!((found / planted - 1.0).abs() < 0.1, "{fitted:?}");
        }
    }

    /// Plain descent on the standardised columns, with a step below the inverse of the steepest curvature.
    fn descend(rows: &[Vec<f64>], labels: &[bool], l2: f64) -> Fitted {
        let scales: Vec<Scale> = (0..rows[0].len()).map(|column| Scale::of(rows, column).unwrap()).collect();
        let rows: Vec<Vec<f64>> =
            rows.iter().map(|row| row.iter().zip(&scales).map(|(v, s)| s.apply(*v)).collect()).collect();
        let mut at = Fitted { intercept: 0.0, weights: vec![0.0; scales.len()] };
        for _ in 0..20_000 {
            let mut slopes: Vec<f64> = at.weights.iter().map(|weight| l2 * weight).collect();
            let mut slope = 0.0;
            for (row, label) in rows.iter().zip(labels) {
                let error = 1.0 / (1.0 + (-at.margin(row)).exp()) - if *label { 1.0 } else { 0.0 };
                slope += error;
                slopes.iter_mut().zip(row).for_each(|(slope, value)| *slope += error * value);
            }
            let step = 0.5 / rows.len() as f64;
            at.intercept -= step * slope;
            at.weights.iter_mut().zip(&slopes).for_each(|(weight, slope)| *weight -= step * slope);
        }
        at.in_raw_scale(&scales)
    }

    #[test]
    fn the_weights_are_those_of_a_plain_descent() {
        let (rows, labels) = planted(400, &truth());
        for l2 in [0.01, 1.0, 50.0] {
            let fitted = logistic(&rows, &labels, FitOptions { l2, ..FitOptions::default() }).unwrap();
            let plain = descend(&rows, &labels, l2);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-3 * b.abs().max(1e-3);
            assert!(close(fitted.intercept, plain.intercept), "{l2}: {fitted:?}, {plain:?}");
            assert!(
                fitted.weights.iter().zip(&plain.weights).all(|(a, b)| close(*a, *b)),
                "{fitted:?}, {plain:?}"
            );
        }
    }

    #[test]
    fn the_same_rows_give_the_same_bits_and_a_larger_penalty_smaller_weights() {
        let (rows, labels) = planted(500, &truth());
        let fit = |l2| logistic(&rows, &labels, FitOptions { l2, ..FitOptions::default() }).unwrap();
        assert_eq!(fit(1.0), fit(1.0));
        assert!(fit(100.0).weights.iter().zip(fit(1.0).weights).all(|(tame, wild)| tame.abs() < wild.abs()));
    }

    #[test]
    fn labels_that_a_line_separates_still_have_best_weights() {
        let rows: Vec<Vec<f64>> = (0..200).map(|row| vec![f64::from(row)]).collect();
        let labels: Vec<bool> = (0..200).map(|row| row >= 100).collect();
        let fitted = logistic(&rows, &labels, FitOptions { l2: 1e-3, ..FitOptions::default() }).unwrap();
        assert!(fitted.margin(&[99.0]) < 0.0 && fitted.margin(&[100.0]) > 0.0, "{fitted:?}");
    }

    #[test]
    fn rows_that_cannot_be_learned_from_are_refused_with_the_reason() {
        let (rows, labels) = planted(200, &truth());
        let fit =
            |rows: &[Vec<f64>], labels: &[bool]| logistic(rows, labels, FitOptions::default()).unwrap_err();
        assert_eq!(fit(&rows[..99], &labels[..99]), FitError::TooFewRows { rows: 99, least: 100 });
        assert_eq!(fit(&rows, &labels[1..]), FitError::Shape);
        assert_eq!(fit(&vec![vec![]; 200], &labels), FitError::Shape);
        assert_eq!(fit(&rows, &[true; 200]), FitError::ConstantLabel);
        assert_eq!(fit(&rows, &[false; 200]), FitError::ConstantLabel);
        for wrong in [f64::NAN, f64::INFINITY] {
            let mut spoiled = rows.clone();
            spoiled[5][1] = wrong;
            assert_eq!(fit(&spoiled, &labels), FitError::NotFinite { row: 5, column: 1 });
        }
        let mut flat = rows.clone();
        flat.iter_mut().for_each(|row| row[2] = 0.1);
        assert_eq!(fit(&flat, &labels), FitError::ConstantColumn { column: 2 });
        for l2 in [0.0, -1.0, f64::NAN] {
            let options = FitOptions { l2, ..FitOptions::default() };
            assert_eq!(logistic(&rows, &labels, options).unwrap_err(), FitError::Penalty);
        }
    }
}
