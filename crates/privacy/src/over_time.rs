//! A share over time: windows lend each other precision, as much as the share itself lets them.
//!
//! The local level model: the share takes a random step between two windows, its estimate in a window is off by the known error of that
//! window. How large steps are, `q`, is found by maximum likelihood; the Kalman filter then gives for every window the best
//! estimate from the windows up to it, the smoother (Rauch, Tung and Striebel 1965) from all. What is published as
//! current is the filtered one: the smoothed changes after the fact.

use crate::numbers::Z_95;

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
    /// The likeliest variance of a step from one window to the next.
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
    Some(follow_with(observed, likeliest_step(observed)))
}

/// The same with a step of known variance.
fn follow_with(observed: &[Observed], step_variance: f64) -> Track {
    let (states, _) = filter(observed, step_variance);
    let smoothed = smooth(observed, &states, step_variance);
    let level = |(observed, state): (&Observed, &State)| {
        let standard_error = state.variance.sqrt();
        let half = Z_95 * standard_error;
        let (low, high) = (state.mean - half, state.mean + half);
        Level { window: observed.window, value: state.mean, low, high, standard_error }
    };
    Track {
        filtered: observed.iter().zip(&states).map(level).collect(),
        smoothed: observed.iter().zip(&smoothed).map(level).collect(),
        step_variance,
    }
}

/// Runs the filter and returns its states and the logarithm of the likelihood of all windows but the first, which knows nothing before it.
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

/// Finds the likeliest variance of a step: none, or the best of a fine grid from a ten-thousandth of the least error's square to all that
/// was seen.
fn likeliest_step(observed: &[Observed]) -> f64 {
    let least = observed.iter().map(|one| one.standard_error).fold(f64::INFINITY, f64::min).powi(2) * 1e-4;
    let (low, high) = observed.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), one| {
        (low.min(one.value), high.max(one.value))
    });
    let mut best = (0.0, filter(observed, 0.0).1);
    let mut step = least;
    // Steps of a twelfth: a variance off by so little changes no estimate visibly.
    while step < 2.0 * (high - low).powi(2) {
        let likelihood = filter(observed, step).1;
        if likelihood > best.1 {
            best = (step, likelihood);
        }
        step *= 13.0 / 12.0;
    }
    best.0
}

#[cfg(test)]
mod tests;
