//! A shipped model brought back to what a collector released: the rate in each band of its score, noise and all. Nobody's score
//! is seen.
//!
//! # Privacy
//! It reads what is published and nothing else: any computation on it stays within the epsilon that the devices were charged.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::six_digits;
use crate::learn::scale::{Platt, probability};
use crate::table::{aligned, percent};

/// What to read of a release.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ReleaseArguments {
    /// The estimates of a collector (/v1/estimates): bring the pack's model to the rates its question of calibration found
    #[arg(long, requires = "pack", conflicts_with_all = ["table", "events", "mapping", "cut", "test_cut", "features"])]
    pub from_release: Option<PathBuf>,
    /// The question of calibration, where the release holds more than one
    #[arg(long, requires = "from_release")]
    pub question: Option<String>,
    /// The window; without it the latest that is closed
    #[arg(long, requires = "from_release")]
    pub window: Option<u64>,
}

/// A band of scores and the rate that was released of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Its ends; nothing where it is open.
    pub ends: (Option<f64>, Option<f64>),
    /// The score that stands for it.
    pub score: f64,
    /// The rate, and the ends of its interval.
    pub rate: (f64, f64, f64),
    /// The standard error of the rate.
    pub error: f64,
}

/// How a model is to be changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Recalibrated {
    /// The question and the window.
    pub source: (String, u64),
    /// The line from the score of before to log-odds.
    pub line: Platt,
    /// The standard errors of its factor and of its shift.
    pub errors: (f64, f64),
    /// What it was learned from.
    pub bands: Vec<Band>,
    /// How far the rates lie from the line, in standard errors: the sum of squares, and the degrees of freedom.
    pub misfit: (f64, usize),
}

/// An error of the shift above this leaves a probability uncertain by more than a factor of two either way.
const WIDEST: f64 = 0.35;
/// Of a two-sided test at 5 %.
const SURE: f64 = 1.96;

/// Reads the bands of the question in a release and fits the line.
///
/// # Errors
/// When the release has no such question or window, fewer than two of its rates are published, they are too uncertain, or
/// say that the score does not order.
pub fn recalibrate(release: &Value, arguments: &ReleaseArguments) -> anyhow::Result<Recalibrated> {
    let (window, question) = find(release, arguments)?;
    let id = question["id"].as_str().unwrap_or_default().to_owned();
    let bands = bands(question)?;
    ensure!(
        bands.len() >= 2,
        "{} of the rates of {id} in window {window} are published, and two are needed: wait for more reports, or ask for fewer bands",
        bands.len()
    );
    let both = fit(&bands, true);
    let sure_of_slope = (both.0.factor - 1.0).abs() > SURE * both.1.0;
    let (line, errors) = if sure_of_slope { both } else { fit(&bands, false) };
    if both.0.factor + SURE * both.1.0 <= 0.0 {
        bail!("the rates of {id} fall where the score rises: the model orders no more, train it again");
    }
    ensure!(
        line.factor > 0.0 && errors.1.is_finite() && errors.1 <= WIDEST,
        "the rates of {id} in window {window} are too uncertain: the log-odds are known to {:.2} either way, and {:.2} is the most that is \
         of use; wait for more reports",
        SURE * errors.1,
        SURE * WIDEST
    );
    let distance = |band: &Band| (band.rate.0 - probability(line.apply(band.score))) / band.error;
    let misfit = bands.iter().map(|band| distance(band).powi(2)).sum();
    let degrees = bands.len() - if sure_of_slope { 2 } else { 1 };
    Ok(Recalibrated { source: (id, window), line, errors, bands, misfit: (misfit, degrees) })
}

/// Finds the question in the window asked for.
fn find<'a>(release: &'a Value, arguments: &ReleaseArguments) -> anyhow::Result<(u64, &'a Value)> {
    let windows = release["windows"].as_array().context("this is no release: it has no \"windows\"")?;
    let number = |window: &Value| window["window"].as_u64();
    let wanted = |window: &&Value| match arguments.window {
        Some(asked) => number(window) == Some(asked),
        None => window["state"] == "closed",
    };
    let window = windows.iter().filter(wanted).max_by_key(|window| number(window));
    let window = window.with_context(|| match arguments.window {
        Some(asked) => format!("the release has no window {asked}"),
        None => "no window of the release is closed yet; name an open one with --window".to_owned(),
    })?;
    let questions: Vec<&Value> = window["questions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["ask"] == "calibration")
        .collect();
    let names = || questions.iter().filter_map(|one| one["id"].as_str()).collect::<Vec<_>>().join(", ");
    let question = match (&arguments.question, &questions[..]) {
        (Some(id), _) => questions.iter().find(|one| one["id"] == id.as_str()).copied(),
        (None, [only]) => Some(*only),
        (None, []) => None,
        (None, _) => bail!(
            "the release has more than one question of calibration; name one with --question: {}",
            names()
        ),
    };
    let question = question
        .with_context(|| format!("the release has no such question of calibration; it has {}", names()))?;
    Ok((number(window).unwrap_or_default(), question))
}

/// The bands whose rate is published. An open band is as wide as the one beside it.
fn bands(question: &Value) -> anyhow::Result<Vec<Band>> {
    let figures = question["figures"].as_array().context("the question has no \"figures\"")?;
    let rates: Vec<&Value> = figures.iter().filter(|figure| figure["measure"] == "rate").collect();
    let ends: Vec<(Option<f64>, Option<f64>)> =
        rates.iter().map(|figure| (figure["from"].as_f64(), figure["to"].as_f64())).collect();
    let widths: Vec<f64> =
        ends.iter().filter_map(|(from, to)| Some((*to)? - (*from)?)).filter(|width| *width > 0.0).collect();
    let beside = |last: bool| if last { widths.last() } else { widths.first() }.copied().unwrap_or(1.0);
    let mut found = Vec::new();
    for (figure, ends) in rates.iter().zip(ends) {
        let score = match ends {
            (Some(from), Some(to)) => f64::midpoint(from, to),
            (Some(from), None) => from + beside(true) / 2.0,
            (None, Some(to)) => to - beside(false) / 2.0,
            // The rate of all bands together.
            (None, None) => continue,
        };
        if figure["published"] != true {
            continue;
        }
        let number = |key: &str| {
            let number = figure[key].as_f64().filter(|number| number.is_finite());
            number.with_context(|| format!("the rate of {} has no {key}", figure["item"]))
        };
        let error = number("standard_error")?;
        ensure!(error > 0.0, "the standard error of {} is not above 0", figure["item"]);
        let rate = (number("estimate")?, number("low")?, number("high")?);
        found.push(Band { ends, score, rate, error });
    }
    Ok(found)
}

/// Steps far beyond those it takes.
const STEPS: usize = 200;

/// The line with the least squares of the rates' distances in standard errors (Gauss and Newton, a step halved while it leads up),
/// with the standard errors of its factor and of its shift; without `slope` the factor stays 1.
fn fit(bands: &[Band], slope: bool) -> (Platt, (f64, f64)) {
    let lost = |line: Platt| {
        bands
            .iter()
            .map(|band| ((band.rate.0 - probability(line.apply(band.score))) / band.error).powi(2))
            .sum::<f64>()
    };
    let mut line = Platt { factor: 1.0, shift: 0.0 };
    for _ in 0..STEPS {
        let (curve, pull) = slopes(bands, line);
        let (factor, shift) = solve(curve, pull, slope);
        let mut part = 1.0;
        let step =
            |part: f64| Platt { factor: line.factor + part * factor, shift: line.shift + part * shift };
        while part > 1e-6 && lost(step(part)) > lost(line) {
            part /= 2.0;
        }
        line = step(part);
        if factor.abs() + shift.abs() < 1e-10 {
            break;
        }
    }
    let ((ss, s1, one), _) = slopes(bands, line);
    let errors = if slope {
        let determinant = ss * one - s1 * s1;
        ((one / determinant).sqrt(), (ss / determinant).sqrt())
    } else {
        (0.0, (1.0 / one).sqrt())
    };
    (line, errors)
}

/// The weighted sums of squares of the slopes, of score and of 1, and how the distances pull at them.
fn slopes(bands: &[Band], line: Platt) -> ((f64, f64, f64), (f64, f64)) {
    let (mut curve, mut pull) = ((0.0, 0.0, 0.0), (0.0, 0.0));
    for band in bands {
        let foretold = probability(line.apply(band.score));
        let rise = foretold * (1.0 - foretold) / band.error;
        let distance = (band.rate.0 - foretold) / band.error;
        curve.0 += (rise * band.score).powi(2);
        curve.1 += rise * rise * band.score;
        curve.2 += rise * rise;
        pull.0 += rise * band.score * distance;
        pull.1 += rise * distance;
    }
    (curve, pull)
}

fn solve((ss, s1, one): (f64, f64, f64), pull: (f64, f64), slope: bool) -> (f64, f64) {
    let determinant = ss * one - s1 * s1;
    if !slope || determinant <= 1e-12 * ss * one {
        return (0.0, if one > 0.0 { pull.1 / one } else { 0.0 });
    }
    ((one * pull.0 - s1 * pull.1) / determinant, (ss * pull.1 - s1 * pull.0) / determinant)
}

impl Recalibrated {
    /// Changes a model as a pack holds it.
    ///
    /// # Errors
    /// When it is of a kind that has no intercept, weights or leaves.
    pub fn apply(&self, model: &Value) -> anyhow::Result<Value> {
        let mut model = model.clone();
        let Platt { factor, shift } = self.line;
        let number = |value: &Value| value.as_f64().context("the model holds something that is no number");
        match model["kind"].as_str() {
            Some("linear") => {
                for weight in
                    model["weights"].as_object_mut().context("the model has no weights")?.values_mut()
                {
                    *weight = json!(six_digits(number(weight)? * factor));
                }
            }
            Some("trees") => model["scale"] = json!(number(&model["scale"])? * factor),
            kind => bail!("a model of the kind {} is not brought to rates", kind.unwrap_or_default()),
        }
        model["intercept"] = json!(six_digits(number(&model["intercept"])? * factor + shift));
        Ok(model)
    }

    /// Says what was found, for a terminal.
    #[must_use]
    pub fn summary(&self) -> String {
        let Platt { factor, shift } = self.line;
        let end = |end: Option<f64>| end.map_or(String::new(), |end| end.to_string());
        let rows = self.bands.iter().map(|band| {
            vec![
                format!("{} to {}", end(band.ends.0), end(band.ends.1)),
                percent(probability(band.score)),
                format!("{} ({} to {})", percent(band.rate.0), percent(band.rate.1), percent(band.rate.2)),
                percent(probability(self.line.apply(band.score))),
            ]
        });
        let mut text = format!(
            "Question {}, window {}\n{}\n\nlog-odds = {factor:.3} (error {:.3}) times the score + {shift:.3} (error {:.3})\n\
             A threshold t of a segment is now {factor:.4} t + {shift:.4}, or picks other people than before.\n",
            self.source.0,
            self.source.1,
            aligned(&["score", "foretold", "released (95 %)", "foretold now"], rows.collect()),
            self.errors.0,
            self.errors.1,
        );
        let (misfit, degrees) = self.misfit;
        if degrees > 0 && is_far(misfit, degrees) {
            let _ = writeln!(
                text,
                "The rates lie farther from the line than noise takes them (chi-square {misfit:.1} on {degrees}): train the model again."
            );
        }
        text
    }
}

/// Whether a chi-square is above its 99.9th percentile, by Wilson and Hilferty's cube root (1931), right to 2 % of it.
#[expect(clippy::cast_precision_loss, reason = "a number of bands")]
fn is_far(square: f64, degrees: usize) -> bool {
    let spread = 2.0 / (9.0 * degrees as f64);
    ((square / degrees as f64).cbrt() - (1.0 - spread)) / spread.sqrt() > 3.09
}
