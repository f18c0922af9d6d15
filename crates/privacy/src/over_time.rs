//! A share over time: windows lend each other precision, as much as the share itself lets them.
//!
//! The local level model: the share takes a random step between two windows, its estimate in a window is off by the known error of that
//! window. How large steps are is found by maximum likelihood under a weak prior; the Kalman filter then gives for every window the
//! best estimate from the windows up to it, the smoother (Rauch, Tung and Striebel 1965) from all. What is published
//! as current is the filtered one: the smoothed changes after the fact. Intervals are those of all sizes of steps, each by its
//! likelihood, so that they also tell what is not known about the steps.

use crate::mechanism::{Channel, Estimate};
use crate::numbers::{Z_95, float};

/// How large a step is thought to be before anything is seen, as a variance in units of a window's: a third of its error.
///
/// The prior is a half-Cauchy on the step's standard deviation (Gelman 2006): it keeps a dozen windows from taking their own noise for change, and
/// its long tail gives way to a jump. Over a year of 12 windows of 1,700 reports at epsilon 4 the filtered error is 0.59 of that of answers
/// kept and noised again, the smoothed 0.28 (docs/privacy-figures.md, A12); without a prior they were 0.7 and 0.4.
const STEP_SCALE: f64 = 0.1;

/// The same for how far off the estimate may be: intervals must hold where steps are as large as the noise, too.
const STEP_SCALE_OF_INTERVALS: f64 = 0.3;

/// One window's estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// The number of the window; windows without an estimate are left out.
    pub window: u32,
    /// The raw estimate.
    pub value: f64,
    /// Its standard error, above 0.
    pub standard_error: f64,
}

/// What the windows say of one of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The number of the window.
    pub window: u32,
    /// The estimate.
    pub value: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end of the 95 % interval.
    pub high: f64,
    /// The standard error.
    pub standard_error: f64,
}

/// A share over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// The best estimate of every window from the windows up to it: what may be published as current.
    pub filtered: Vec<Level>,
    /// The best estimate of every window from all windows, for looking back.
    pub smoothed: Vec<Level>,
    /// The likeliest variance of a step from one window to the next, under a weak prior.
    pub step_variance: f64,
}

/// The state of the filter: a mean and its variance.
#[derive(Clone, Copy, Debug)]
struct State {
    mean: f64,
    variance: f64,
}

/// Follows a share over its windows, in their order. Nothing without a window, or when windows are out of order or an error is not above 0.
///
/// With one window both estimates are the raw one.
#[must_use]
pub fn follow(observed: &[Observed]) -> Option<Track> {
    let ordered = observed.is_sorted_by(|one, next| one.window < next.window);
    let sound = observed.iter().all(|one| one.value.is_finite() && one.standard_error > 0.0);
    if observed.is_empty() || !ordered || !sound {
        return None;
    }
    let runs: Vec<Run> = steps(observed).into_iter().map(|step| Run::new(observed, step)).collect();
    let noise = mean_noise(observed);
    let likelihood = |run: &Run, scale: f64| run.likelihood - (run.step / (scale * noise)).ln_1p();
    let likeliest = runs
        .iter()
        .max_by(|one, other| likelihood(one, STEP_SCALE).total_cmp(&likelihood(other, STEP_SCALE)))?;
    // Sizes of steps are looked at in equal ratios, where a density of their roots has a factor of the root.
    let weigh = |run: &Run| likelihood(run, STEP_SCALE_OF_INTERVALS) + run.step.ln() / 2.0;
    let most = runs.iter().map(weigh).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = runs.iter().map(|run| (weigh(run) - most).exp()).collect();
    let levels = |states: fn(&Run) -> &[State]| -> Vec<Level> {
        let variance = |at: usize| {
            let mean = states(likeliest)[at].mean;
            let about = |run: &Run| states(run)[at].variance + (states(run)[at].mean - mean).powi(2);
            let sum: f64 = weights.iter().zip(&runs).map(|(weight, run)| weight * about(run)).sum();
            sum / weights.iter().sum::<f64>()
        };
        let level = |(at, seen): (usize, &Observed)| {
            Level::new(seen.window, states(likeliest)[at].mean, variance(at))
        };
        observed.iter().enumerate().map(level).collect()
    };
    Some(Track {
        filtered: levels(|run| &run.filtered),
        smoothed: levels(|run| &run.smoothed),
        step_variance: likeliest.step,
    })
}

/// What was counted in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its number; windows without a report are left out.
    pub window: u32,
    /// How many of its reports included the cell.
    pub support: u64,
    /// How many reports it has, above 0.
    pub reports: u64,
}

impl Channel {
    /// Follows a share of the population over its windows, each of which heard another part of it. Nothing as for [`follow`].
    ///
    /// The error of a window is that of its reports at the share itself, not at its noisy estimate: estimates that are low by chance
    /// would count for more. So it is taken at the share of all windows first, and then at the smoothed one.
    #[must_use]
    pub fn follow(&self, windows: &[Window]) -> Option<Track> {
        let (support, reports) = windows
            .iter()
            .fold((0, 0), |(support, reports), one| (support + one.support, reports + one.reports));
        let pooled = self.estimate(support, reports)?.share;
        let observed = |levels: &mut dyn Iterator<Item = f64>| {
            let one = |(window, level): (&Window, f64)| {
                let variance = self.variance(level) + Estimate::spread(level);
                Some(Observed {
                    window: window.window,
                    value: self.estimate(window.support, window.reports)?.share,
                    standard_error: (variance / float(window.reports)).sqrt(),
                })
            };
            windows.iter().zip(levels).map(one).collect::<Option<Vec<_>>>()
        };
        let first = follow(&observed(&mut std::iter::repeat(pooled))?)?;
        follow(&observed(&mut first.smoothed.iter().map(|level| level.value))?)
    }
}

impl Level {
    fn new(window: u32, value: f64, variance: f64) -> Self {
        let standard_error = variance.sqrt();
        let half = Z_95 * standard_error;
        Self { window, value, low: value - half, high: value + half, standard_error }
    }
}

/// Filter and smoother for steps of one size.
#[derive(Debug)]
struct Run {
    step: f64,
    filtered: Vec<State>,
    smoothed: Vec<State>,
    likelihood: f64,
}

impl Run {
    fn new(observed: &[Observed], step: f64) -> Self {
        let (filtered, likelihood) = filter(observed, step);
        let smoothed = smooth(observed, &filtered, step);
        Self { step, filtered, smoothed, likelihood }
    }
}

/// Runs the filter and returns its states and the logarithm of the likelihood of all windows but the first, before which nothing is known.
fn filter(observed: &[Observed], step_variance: f64) -> (Vec<State>, f64) {
    let mut states: Vec<State> = Vec::with_capacity(observed.len());
    let mut likelihood = 0.0;
    for (at, now) in observed.iter().enumerate() {
        let noise = now.standard_error * now.standard_error;
        let Some(last) = states.last() else {
            states.push(State { mean: now.value, variance: noise });
            continue;
        };
        let expected = last.variance + passed(observed, at) * step_variance;
        let (surprise, spread) = (now.value - last.mean, expected + noise);
        likelihood -= (spread.ln() + surprise * surprise / spread) / 2.0;
        let gain = expected / spread;
        states.push(State { mean: last.mean + gain * surprise, variance: gain * noise });
    }
    (states, likelihood)
}

/// Goes back from the last window, handing each what the later ones know.
fn smooth(observed: &[Observed], states: &[State], step_variance: f64) -> Vec<State> {
    let mut smoothed = states.to_vec();
    for at in (1..states.len()).rev() {
        let (state, later) = (states[at - 1], smoothed[at]);
        let expected = state.variance + passed(observed, at) * step_variance;
        let gain = state.variance / expected;
        smoothed[at - 1] = State {
            mean: state.mean + gain * (later.mean - state.mean),
            variance: state.variance + gain * gain * (later.variance - expected),
        };
    }
    smoothed
}

/// How many windows lie between an observation and the one before it.
fn passed(observed: &[Observed], at: usize) -> f64 {
    f64::from(observed[at].window - observed[at - 1].window)
}

/// The sizes of steps that are tried, as variances: from a thousandth of a window's, which is none, to all that was seen, in ratios of 1.2.
fn steps(observed: &[Observed]) -> Vec<f64> {
    let (low, high) = observed.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), one| {
        (low.min(one.value), high.max(one.value))
    });
    let noise = mean_noise(observed);
    let most = (2.0 * (high - low).powi(2)).max(noise);
    std::iter::successors(Some(noise * 1e-3), |step| Some(step * 1.2))
        .take_while(|step| *step <= most)
        .collect()
}

fn mean_noise(observed: &[Observed]) -> f64 {
    observed.iter().map(|one| one.standard_error.powi(2)).sum::<f64>() / observed.len() as f64
}

// No device estimates: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
