//! A discrete-time hazard: the log-odds that an event comes on a day, when it has not come before, as a number of its week plus a line of what was known at the start.
//!
//! That is a logistic regression of the days that people waited (Cox, *Journal of the Royal Statistical Society* B 34, 1972, section 6; Allison, "Discrete-time
//! methods for the analysis of event histories", 1982; Singer and Willett, *Journal of Educational Statistics* 18, 1993). Who still waits when the watching ends gives
//! the days until then, all without the event, and no answer beyond them. The day's number is one for a stretch of days, so a person gives a row for each stretch.

use super::scale::{loss, probability};
use crate::train::quality::mean_and_deviation;

/// How long somebody was watched, and whether that ended with the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Whole days; the event came on the last of them, where it came.
    pub days: u16,
    /// Whether it came.
    pub came: bool,
}

/// A fitted hazard.
#[derive(Clone, Debug, PartialEq)]
pub struct Hazard {
    /// The last day of each stretch and the log-odds of one of its days where every value is 0.
    pub stretches: Vec<(u16, f64)>,
    /// A weight for each column.
    pub weights: Vec<f64>,
    /// The standard error of each, where people are taken as independent.
    pub errors: Vec<f64>,
}

/// Why nothing was fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody has the event while watched.
    NoEvent,
    /// Everybody has it on the first day: nobody waits.
    NoWait,
    /// A column holds one value alone.
    Constant(usize),
    /// A value is no finite number.
    NotFinite(usize),
    /// The best weights were not found.
    NotConverged,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoEvent => {
                f.write_str("the event comes to nobody while watched, so there is nothing to learn from")
            }
            Self::NoWait => f.write_str(
                "the event comes to everybody on the first day, so there is nothing to tell apart",
            ),
            Self::Constant(column) => {
                write!(f, "column {column} holds the same value in every row; leave it out")
            }
            Self::NotFinite(column) => write!(f, "column {column} holds a value that is no finite number"),
            Self::NotConverged => f.write_str("the best weights were not found; try a larger penalty"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Days are taken together by the week, and weeks until so many events fall into a stretch: fewer would not tell its number.
const WEEK: u16 = 7;
const LEAST_EVENTS: usize = 10;
/// Newton's steps, far more than any rows asked for, and how often one that leads up is halved.
const STEPS: usize = 100;
const HALVINGS: i32 = 40;
/// The steepest slope of the mean loss that counts as flat.
const SLOPE: f64 = 1e-9;

/// Divides days up to the longest into stretches of weeks that each hold enough events.
#[must_use]
pub fn stretches(waits: &[Wait], longest: u16) -> Vec<u16> {
    let mut ends: Vec<u16> = Vec::new();
    let mut from = 0;
    let events = |from: u16, until: u16| {
        waits.iter().filter(|wait| wait.came && wait.days > from && wait.days <= until).count()
    };
    for until in (1..=longest.div_ceil(WEEK)).map(|week| longest.min(week * WEEK)) {
        if events(from, until) >= LEAST_EVENTS {
            ends.push(until);
            from = until;
        }
    }
    // What is left over at the end goes with the last.
    match ends.last_mut() {
        Some(last) => *last = longest,
        None => ends.push(longest),
    }
    ends
}

/// Fits the hazard; half of the penalty times the sum of the squared weights, of standardised columns, is added to the summed loss.
///
/// # Errors
/// [`Refusal`].
pub fn fit(columns: &[Vec<f64>], waits: &[Wait], ends: &[u16], l2: f64) -> Result<Hazard, Refusal> {
    if !waits.iter().any(|wait| wait.came) {
        return Err(Refusal::NoEvent);
    }
    if waits.iter().all(|wait| wait.came && wait.days == 1) {
        return Err(Refusal::NoWait);
    }
    let mut scales = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        if column.iter().any(|value| !value.is_finite()) {
            return Err(Refusal::NotFinite(place));
        }
        let (mean, deviation) = mean_and_deviation(column);
        // Rounding leaves a constant column a little spread of its own.
        if deviation <= mean.abs() * 1e-12 {
            return Err(Refusal::Constant(place));
        }
        scales.push((mean, deviation));
    }
    let rows = (0..waits.len())
        .map(|row| {
            columns
                .iter()
                .zip(&scales)
                .map(|(column, (mean, deviation))| (column[row] - mean) / deviation)
                .collect()
        })
        .collect();
    let problem = Problem { rows, waits, ends, l2 };
    let (found, spread) = problem.descend()?;
    let (base, lines) = found.split_at(ends.len());
    let weights: Vec<f64> =
        lines.iter().zip(&scales).map(|(weight, (_, deviation))| weight / deviation).collect();
    let shift: f64 = weights.iter().zip(&scales).map(|(weight, (mean, _))| weight * mean).sum();
    let error = |(place, (_, deviation)): (usize, &(f64, f64))| spread[ends.len() + place].sqrt() / deviation;
    Ok(Hazard {
        stretches: ends.iter().copied().zip(base.iter().map(|base| base - shift)).collect(),
        errors: scales.iter().enumerate().map(error).collect(),
        weights,
    })
}

/// Standardised rows, and how long each waited.
struct Problem<'a> {
    rows: Vec<Vec<f64>>,
    waits: &'a [Wait],
    ends: &'a [u16],
    l2: f64,
}

/// The first and the second derivatives of the loss.
struct Slopes {
    first: Vec<f64>,
    second: Vec<Vec<f64>>,
}

impl Problem<'_> {
    /// The stretches that somebody waited through: its place, how many days of it, and on how many of them the event came.
    fn at_risk(&self, wait: Wait) -> impl Iterator<Item = (usize, f64, f64)> + '_ {
        let from = |place: usize| place.checked_sub(1).map_or(0, |before| self.ends[before]);
        let through = move |(place, end): (usize, &u16)| {
            let days = wait.days.min(*end).checked_sub(from(place)).filter(|days| *days > 0)?;
            let came = wait.came && wait.days <= *end;
            Some((place, f64::from(days), f64::from(u8::from(came))))
        };
        self.ends.iter().enumerate().map_while(through)
    }

    fn line(&self, at: &[f64], row: usize) -> f64 {
        self.rows[row].iter().zip(&at[self.ends.len()..]).map(|(value, weight)| value * weight).sum()
    }

    fn loss(&self, at: &[f64]) -> f64 {
        let penalty: f64 = at[self.ends.len()..].iter().map(|weight| self.l2 / 2.0 * weight * weight).sum();
        let of = |(row, wait): (usize, &Wait)| {
            let line = self.line(at, row);
            self.at_risk(*wait)
                .map(|(place, days, came)| {
                    let score = at[place] + line;
                    (days - came) * loss(score, false) + came * loss(score, true)
                })
                .sum::<f64>()
        };
        penalty + self.waits.iter().enumerate().map(of).sum::<f64>()
    }

    fn slopes(&self, at: &[f64]) -> Slopes {
        let (stretches, size) = (self.ends.len(), at.len());
        let (mut first, mut second) = (vec![0.0; size], vec![vec![0.0; size]; size]);
        for (row, wait) in self.waits.iter().enumerate() {
            let (line, values) = (self.line(at, row), &self.rows[row]);
            let (mut pulls, mut curves) = (0.0, 0.0);
            for (place, days, came) in self.at_risk(*wait) {
                let chance = probability(at[place] + line);
                let (pull, curve) = (days * chance - came, days * chance * (1.0 - chance));
                first[place] += pull;
                second[place][place] += curve;
                for (column, value) in values.iter().enumerate() {
                    second[stretches + column][place] += curve * value;
                }
                pulls += pull;
                curves += curve;
            }
            for (column, value) in values.iter().enumerate() {
                first[stretches + column] += pulls * value;
                for (other, by) in values[..=column].iter().enumerate() {
                    second[stretches + column][stretches + other] += curves * value * by;
                }
            }
        }
        for column in stretches..size {
            first[column] += self.l2 * at[column];
            second[column][column] += self.l2;
        }
        Slopes { first, second }
    }

    /// Goes down by Newton's steps; returns the place and the diagonal of the inverse of the curvature there.
    fn descend(&self) -> Result<(Vec<f64>, Vec<f64>), Refusal> {
        let mut at = self.begin();
        let mut here = self.loss(&at);
        #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
        let flat = SLOPE * self.waits.len() as f64;
        for _ in 0..STEPS {
            let Slopes { first, second } = self.slopes(&at);
            let root = cholesky(second).ok_or(Refusal::NotConverged)?;
            if first.iter().all(|slope| slope.abs() <= flat) {
                let size = at.len();
                let unit =
                    |place: usize| (0..size).map(|other| f64::from(u8::from(other == place))).collect();
                return Ok((at, (0..size).map(|place| solve(&root, unit(place))[place]).collect()));
            }
            let step = solve(&root, first);
            let stepped =
                |part: f64| -> Vec<f64> { at.iter().zip(&step).map(|(at, step)| at - part * step).collect() };
            let lower = (0..HALVINGS).map(|halved| stepped(0.5_f64.powi(halved))).find_map(|next| {
                let there = self.loss(&next);
                // Near the lowest place rounding is all that is left of a difference.
                (there <= here + here.abs() * 1e-13).then_some((next, there))
            });
            (at, here) = lower.ok_or(Refusal::NotConverged)?;
        }
        Err(Refusal::NotConverged)
    }

    /// Begins with the rate of each stretch.
    fn begin(&self) -> Vec<f64> {
        let mut sums = vec![(1.0, 0.5); self.ends.len()];
        for wait in self.waits {
            for (place, days, came) in self.at_risk(*wait) {
                sums[place] = (sums[place].0 + days, sums[place].1 + came);
            }
        }
        let columns = self.rows.first().map_or(0, Vec::len);
        let rates = sums.into_iter().map(|(days, came)| (came / (days - came)).max(1e-9).ln());
        rates.chain(std::iter::repeat_n(0.0, columns)).collect()
    }
}

/// The lower root of a symmetric matrix, of which the lower half is given; nothing where it is not positive.
fn cholesky(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    for row in 0..matrix.len() {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| matrix[row][k] * matrix[column][k]).sum();
            let rest = matrix[row][column] - known;
            matrix[row][column] = if row == column {
                (rest > 0.0).then(|| rest.sqrt())?
            } else {
                rest / matrix[column][column]
            };
        }
    }
    Some(matrix)
}

/// Solves by that root, forth and back.
fn solve(root: &[Vec<f64>], mut right: Vec<f64>) -> Vec<f64> {
    for row in 0..root.len() {
        let known: f64 = (0..row).map(|k| root[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / root[row][row];
    }
    for row in (0..root.len()).rev() {
        let known: f64 = (row + 1..root.len()).map(|k| root[k][row] * right[k]).sum();
        right[row] = (right[row] - known) / root[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::mix;

    fn uniform(number: u64) -> f64 {
        (mix(number) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The planted log-odds of a day: fewer come in the second week, and fewer yet from the third on.
    fn planted(day: u16) -> f64 {
        match day {
            ..=7 => -3.2,
            8..=14 => -3.6,
            _ => -4.1,
        }
    }

    const WEIGHTS: [f64; 2] = [0.8, -0.02];
    const LONGEST: u16 = 60;

    /// People with two values each, who wait by the planted hazard; `watched` says for how many days each is seen.
    fn people(count: u64, seed: u64, watched: impl Fn(u64) -> u16) -> (Vec<Vec<f64>>, Vec<Wait>) {
        let draw = |person: u64, what: u64| uniform(mix(seed) ^ (person * 1_000 + what));
        let mut columns = vec![Vec::new(), Vec::new()];
        let mut waits = Vec::new();
        for person in 0..count {
            let values = [2.0 * draw(person, 900) - 1.0, 50.0 * draw(person, 901)];
            let line = values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum::<f64>();
            let comes =
                (1..=LONGEST).find(|day| draw(person, u64::from(*day)) < probability(planted(*day) + line));
            let watched = watched(person);
            let came = comes.filter(|day| *day <= watched);
            waits.push(Wait { days: came.unwrap_or(watched), came: came.is_some() });
            columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        }
        (columns, waits)
    }

    const ENDS: [u16; 3] = [7, 14, LONGEST];

    /// The squared distances of both weights in standard errors, added up; and how far the log-odds of a day are off at most.
    fn distances(fitted: &Hazard) -> (f64, f64) {
        let squares = fitted.weights.iter().zip(&fitted.errors).zip(WEIGHTS);
        let off = fitted.stretches.iter().map(|(until, base)| (base - planted(*until)).abs());
        (
            squares.map(|((found, error), planted)| ((found - planted) / error).powi(2)).sum(),
            off.fold(0.0, f64::max),
        )
    }

    /// Chi-squared of two: 18.4 in one of 10,000 samples. With 12,000 people each stretch has more than 1,500 events, so a standard error of its log-odds is below 0.04, and
    /// 0.15 is almost four. The people are fixed.
    #[test]
    fn a_planted_hazard_is_found_again_and_a_short_watching_does_not_bend_it() {
        for watched in [|_| LONGEST, |person| 5 + (mix(person) % 56) as u16] {
            let (columns, waits) = people(12_000, 1, watched);
            let fitted = fit(&columns, &waits, &ENDS, 1e-6).unwrap();
            let (squares, off) = distances(&fitted);
            assert!(squares < 18.4 && off < 0.15, "{squares}, {off}: {fitted:?}");
        }
    }

    /// The test above would not see a bias if it saw none where there is one: people who are no longer watched, taken as if they had waited on to the end.
    #[test]
    fn who_is_no_longer_watched_and_counts_as_never_would_bend_it() {
        let (columns, mut waits) = people(12_000, 1, |person| 5 + (mix(person) % 56) as u16);
        waits.iter_mut().filter(|wait| !wait.came).for_each(|wait| wait.days = LONGEST);
        let (_, off) = distances(&fit(&columns, &waits, &ENDS, 1e-6).unwrap());
        assert!(off > 0.5, "{off}");
    }

    /// 300 samples of 1,000 people: squares above 5.99 in one of twenty. Between 5 and 27 of 300 are within 3.3 standard errors of 15.
    #[test]
    fn standard_errors_are_as_wide_as_samples_differ() {
        let misses = (0..300).filter(|seed| {
            let (columns, waits) = people(1_000, 100 + seed, |person| 20 + (mix(person) % 41) as u16);
            distances(&fit(&columns, &waits, &ENDS, 1e-6).unwrap()).0 > 5.991
        });
        let misses = misses.count();
        assert!((5..=27).contains(&misses), "{misses}");
    }

    /// The same by plain descent over a row for each day that somebody waited.
    #[test]
    fn it_is_the_logistic_regression_of_every_day_that_somebody_waited() {
        let (columns, waits) = people(150, 7, |_| 30);
        let fitted = fit(&columns, &waits, &[7, 30], 0.5).unwrap();
        let scales: Vec<(f64, f64)> = columns.iter().map(|column| mean_and_deviation(column)).collect();
        let mut rows = Vec::new();
        for (person, wait) in waits.iter().enumerate() {
            for day in 1..=wait.days {
                let first = f64::from(u8::from(day <= 7));
                let values = columns
                    .iter()
                    .zip(&scales)
                    .map(|(column, (mean, deviation))| (column[person] - mean) / deviation);
                rows.push((
                    [first, 1.0 - first].into_iter().chain(values).collect::<Vec<f64>>(),
                    wait.came && day == wait.days,
                ));
            }
        }
        let mut at = vec![0.0; 4];
        for _ in 0..20_000 {
            let mut slopes = vec![0.0, 0.0, 0.5 * at[2], 0.5 * at[3]];
            for (row, came) in &rows {
                let error =
                    probability(row.iter().zip(&at).map(|(x, w)| x * w).sum()) - f64::from(u8::from(*came));
                slopes.iter_mut().zip(row).for_each(|(slope, x)| *slope += error * x);
            }
            at.iter_mut().zip(&slopes).for_each(|(at, slope)| *at -= slope / 200.0);
        }
        let raw = |place: usize| at[2 + place] / scales[place].1;
        let shift = raw(0) * scales[0].0 + raw(1) * scales[1].0;
        let close = |found: f64, plain: f64| (found - plain).abs() < 1e-6 * plain.abs().max(1.0);
        assert!(close(fitted.weights[0], raw(0)) && close(fitted.weights[1], raw(1)), "{fitted:?}");
        assert!(close(fitted.stretches[0].1, at[0] - shift) && close(fitted.stretches[1].1, at[1] - shift));
    }

    /// What statsmodels and scikit-learn find in the same days: `tests/models/make_hazard.py`.
    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days, 1 to 45")]
    fn other_libraries_find_the_same_in_the_same_days() {
        let frozen: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/models/hazard.vectors.json")).unwrap();
        let numbers = |key: &str| -> Vec<f64> {
            frozen[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let columns: Vec<Vec<f64>> = ["orders", "recency", "noise"].map(numbers).into();
        let days = numbers("days").into_iter().map(|days| days as u16);
        let waits: Vec<Wait> =
            days.zip(numbers("came")).map(|(days, came)| Wait { days, came: came > 0.0 }).collect();
        let ends: Vec<u16> = numbers("ends").into_iter().map(|end| end as u16).collect();
        let fitted = fit(&columns, &waits, &ends, 1e-9).unwrap();
        let found = fitted.stretches.iter().map(|(_, base)| *base).chain(fitted.weights.iter().copied());
        for (found, theirs) in found.zip(numbers("statsmodels")) {
            assert!((found - theirs).abs() < 1e-6 * theirs.abs().max(1.0), "{found} for {theirs}");
        }
        for (found, theirs) in fitted.errors.iter().zip(numbers("errors")) {
            assert!((found / theirs - 1.0).abs() < 1e-5, "{found} for {theirs}");
        }
    }

    #[test]
    fn stretches_are_weeks_that_hold_enough_events_and_end_with_the_longest() {
        let on = |days: u16, count: usize| vec![Wait { days, came: true }; count];
        assert_eq!(stretches(&[on(3, 10), on(12, 10), on(20, 9), on(30, 9)].concat(), 90), [7, 14, 90]);
        assert_eq!(stretches(&[on(3, 9), on(12, 10), on(90, 10)].concat(), 90), [14, 90]);
        assert_eq!(stretches(&on(3, 2), 10), [10]);
        assert_eq!(stretches(&vec![Wait { days: 5, came: false }; 99], 28), [28]);
    }

    #[test]
    fn what_cannot_be_learned_from_is_refused_with_the_reason() {
        let (columns, waits) = people(200, 1, |_| 30);
        let refused = |columns: &[Vec<f64>], waits: &[Wait]| fit(columns, waits, &[30], 1.0).unwrap_err();
        let nobody = vec![Wait { days: 30, came: false }; 200];
        assert_eq!(refused(&columns, &nobody), Refusal::NoEvent);
        assert_eq!(refused(&columns, &vec![Wait { days: 1, came: true }; 200]), Refusal::NoWait);
        assert_eq!(refused(&[columns[0].clone(), vec![0.1; 200]], &waits), Refusal::Constant(1));
        let mut spoiled = columns.clone();
        spoiled[1][5] = f64::NAN;
        assert_eq!(refused(&spoiled, &waits), Refusal::NotFinite(1));
    }

    #[test]
    fn values_that_divide_who_comes_from_who_waits_still_have_best_weights() {
        let column: Vec<f64> = (0..200).map(f64::from).collect();
        let waits: Vec<Wait> =
            (0..200).map(|row| Wait { days: if row < 100 { 2 } else { 30 }, came: row < 100 }).collect();
        let fitted = fit(&[column], &waits, &[30], 1.0).unwrap();
        assert!(fitted.weights[0] < 0.0, "{fitted:?}");
    }
}
