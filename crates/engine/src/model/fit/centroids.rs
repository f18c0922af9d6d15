//! Centroids: divides rows into groups, each around a centre, and says as lines of raw values which of two centres is the nearer one.
//!
//! For the trainer alone, as fitting is. smartcore's k-means finds the groups, from several starts; the centres it keeps to itself are
//! the means of the rows it puts together, and are moved here until no row is nearer to another one.

use smartcore::cluster::kmeans::{KMeans, KMeansParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::{FitError, Fitted, Scale, check_rows};

/// Groups of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Centroids {
    /// The centres, of standardised columns, that of the largest group first.
    pub centres: Vec<Vec<f64>>,
    /// How many rows each group has.
    pub sizes: Vec<usize>,
    scales: Vec<Scale>,
}

/// So often the search begins anew; the division with the least squares is kept.
const STARTS: u64 = 8;
/// The most times centres are moved; far more than was ever needed.
const ROUNDS: usize = 200;

/// Divides rows into groups by the distance of their standardised values (k-means; MacQueen, 1967, with the starts of Arthur and
/// Vassilvitskii, 2007).
///
/// # Errors
/// [`FitError`]: the first reason not to trust what would come out.
pub fn centroids(
    rows: &[Vec<f64>],
    groups: usize,
    least_rows: usize,
    seed: u64,
) -> Result<Centroids, FitError> {
    check_rows(rows, least_rows)?;
    let columns = rows.first().map_or(0, Vec::len);
    let scales = (0..columns).map(|column| Scale::of(rows, column)).collect::<Result<Vec<_>, _>>()?;
    let standard: Vec<Vec<f64>> = rows.iter().map(|row| standardised(&scales, row)).collect();
    if groups < 2 || distinct(&standard, groups) < groups {
        return Err(FitError::Groups { groups });
    }
    let matrix =
        DenseMatrix::new(rows.len(), columns, standard.concat(), false).map_err(|_| FitError::Shape)?;
    let starts = (0..STARTS).filter_map(|start| {
        let parameters = KMeansParameters { k: groups, max_iter: 100, seed: Some(seed.wrapping_add(start)) };
        let model: KMeans<f64, i32, DenseMatrix<f64>, Vec<i32>> = KMeans::fit(&matrix, parameters).ok()?;
        let found = model.predict(&matrix).ok()?;
        settle(&standard, found.iter().map(|group| usize::try_from(*group).unwrap_or(0)).collect(), groups)
    });
    let (_, mut found) = starts.min_by(|a, b| a.0.total_cmp(&b.0)).ok_or(FitError::Groups { groups })?;
    found.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let (centres, sizes) = found.into_iter().unzip();
    Ok(Centroids { centres, sizes, scales })
}

impl Centroids {
    /// The group of a row: that of the nearest centre, the first of several.
    #[must_use]
    pub fn nearest(&self, row: &[f64]) -> usize {
        nearest(&self.centres, &standardised(&self.scales, row)).0
    }

    /// The squared distance of a row's standardised values to the nearest centre, and to the mean of all rows.
    #[must_use]
    pub fn squares(&self, row: &[f64]) -> (f64, f64) {
        let row = standardised(&self.scales, row);
        (nearest(&self.centres, &row).1, row.iter().map(|value| value * value).sum())
    }

    /// The line over raw values that is at least 0 where the first centre is no farther than the second: `|x - b|^2 - |x - a|^2`, in
    /// which the squares of x cancel.
    #[must_use]
    pub fn between(&self, first: usize, second: usize) -> Fitted {
        let (a, b) = (&self.centres[first], &self.centres[second]);
        let square = |centre: &[f64]| centre.iter().map(|value| value * value).sum::<f64>();
        let weights = a.iter().zip(b).map(|(a, b)| 2.0 * (a - b)).collect();
        Fitted { intercept: square(b) - square(a), weights }.in_raw_scale(&self.scales)
    }
}

fn standardised(scales: &[Scale], row: &[f64]) -> Vec<f64> {
    row.iter().zip(scales).map(|(value, scale)| scale.apply(*value)).collect()
}

/// How many different rows there are, counted as far as asked for.
fn distinct(rows: &[Vec<f64>], enough: usize) -> usize {
    let mut known: Vec<&Vec<f64>> = Vec::new();
    for row in rows {
        if known.len() == enough {
            break;
        }
        if !known.contains(&row) {
            known.push(row);
        }
    }
    known.len()
}

/// The number of the nearest centre and the squared distance to it.
fn nearest(centres: &[Vec<f64>], row: &[f64]) -> (usize, f64) {
    let distance = |centre: &Vec<f64>| centre.iter().zip(row).map(|(c, x)| (c - x) * (c - x)).sum::<f64>();
    let mut best = (0, f64::INFINITY);
    for (number, centre) in centres.iter().enumerate() {
        let distance = distance(centre);
        if distance < best.1 {
            best = (number, distance);
        }
    }
    best
}

/// A centre, and how many rows are its.
type Counted = (Vec<f64>, usize);

/// Moves centres to the means of their rows until no row changes its group (Lloyd, 1982); nothing where a group loses all its rows.
#[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^53")]
fn settle(rows: &[Vec<f64>], mut group: Vec<usize>, groups: usize) -> Option<(f64, Vec<Counted>)> {
    let columns = rows.first().map_or(0, Vec::len);
    for _ in 0..ROUNDS {
        let mut found = vec![(vec![0.0; columns], 0_usize); groups];
        for (row, own) in rows.iter().zip(&group) {
            let (sums, size) = found.get_mut(*own)?;
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            *size += 1;
        }
        if found.iter().any(|(_, size)| *size == 0) {
            return None;
        }
        for (sums, size) in &mut found {
            sums.iter_mut().for_each(|sum| *sum /= *size as f64);
        }
        let centres: Vec<Vec<f64>> = found.iter().map(|(centre, _)| centre.clone()).collect();
        let moved: Vec<(usize, f64)> = rows.iter().map(|row| nearest(&centres, row)).collect();
        if moved.iter().map(|(own, _)| own).eq(&group) {
            return Some((moved.iter().map(|(_, distance)| distance).sum(), found));
        }
        group = moved.into_iter().map(|(own, _)| own).collect();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three clouds on different scales: 100, 60 and 40 rows around their corners.
    fn clouds() -> Vec<Vec<f64>> {
        let spread = |row: u32, step: u32| f64::from(row * step % 97) / 97.0 - 0.5;
        let corner = |row: u32| {
            if row < 100 {
                (0.0, 0.0)
            } else if row < 160 {
                (5.0, 900.0)
            } else {
                (9.0, 0.0)
            }
        };
        (0..200)
            .map(|row| vec![corner(row).0 + spread(row, 31), corner(row).1 + 90.0 * spread(row, 57)])
            .collect()
    }

    #[test]
    fn clouds_are_told_apart_the_largest_first_and_the_same_seed_gives_the_same_bits() {
        let rows = clouds();
        let found = centroids(&rows, 3, 100, 7).unwrap();
        assert_eq!(found.sizes, [100, 60, 40]);
        for (number, row) in rows.iter().enumerate() {
            let own = if number < 100 {
                0
            } else if number < 160 {
                1
            } else {
                2
            };
            assert_eq!(found.nearest(row), own, "row {number}");
        }
        assert_eq!(centroids(&rows, 3, 100, 7).unwrap(), found);
    }

    /// Whatever the number of groups: no row has a nearer centre than its own, which the lines say as the distances do.
    #[test]
    fn lines_between_centres_are_the_nearest_centre() {
        let rows = clouds();
        for groups in 2..7 {
            let found = centroids(&rows, groups, 100, 1).unwrap();
            for row in &rows {
                let own = found.nearest(row);
                for other in (0..groups).filter(|other| *other != own) {
                    assert!(found.between(own, other).margin(row) >= -1e-9, "{groups}: {row:?}");
                    assert!(found.between(other, own).margin(row) <= 1e-9);
                }
                assert!(found.squares(row).0 <= found.squares(row).1 + 40.0);
            }
        }
    }

    #[test]
    fn rows_that_cannot_be_divided_are_refused_with_the_reason() {
        let rows = clouds();
        assert_eq!(
            centroids(&rows[..99], 3, 100, 0).unwrap_err(),
            FitError::TooFewRows { rows: 99, least: 100 }
        );
        assert_eq!(centroids(&rows, 1, 100, 0).unwrap_err(), FitError::Groups { groups: 1 });
        let two: Vec<Vec<f64>> = (0..200).map(|row| vec![f64::from(row % 2)]).collect();
        assert_eq!(centroids(&two, 3, 100, 0).unwrap_err(), FitError::Groups { groups: 3 });
        assert_eq!(centroids(&two, 2, 100, 0).unwrap().sizes, [100, 100]);
        let mut spoiled = rows.clone();
        spoiled[4][0] = f64::NAN;
        assert_eq!(centroids(&spoiled, 3, 100, 0).unwrap_err(), FitError::NotFinite { row: 4, column: 0 });
        let flat: Vec<Vec<f64>> = rows.iter().map(|row| vec![row[0], 1.0]).collect();
        assert_eq!(centroids(&flat, 3, 100, 0).unwrap_err(), FitError::ConstantColumn { column: 1 });
    }
}
