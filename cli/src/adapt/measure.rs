//! What adapting is worth: losses and the order of scores, shipped and adapted, with the interval of the difference over people.

use serde::Serialize;

use super::person::Told;
use crate::learn::scale::{Platt, loss, probability};
use crate::train::quality::{Interval, Ranked, Scored, percentiles, resample};

/// So many resamples of people.
const RESAMPLES: u64 = 1_000;

/// A figure of the shipped and of the adapted scores.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pair {
    /// Of the shipped model.
    pub shipped: f64,
    /// The same adapted.
    pub adapted: f64,
    /// Adapted less shipped, with the interval over people.
    pub difference: Interval,
}

/// What adapting is worth for who had so many outcomes.
#[derive(Clone, Debug, Serialize)]
pub struct Gain {
    /// So many outcomes at least had been learned from.
    pub least: usize,
    /// How many people.
    pub people: usize,
    /// How many predictions of theirs.
    pub predictions: usize,
    /// The share of these that came true.
    pub rate: f64,
    /// The mean log-loss.
    pub log_loss: Pair,
    /// The same of the shipped scores, brought to what everybody did in the time learned from: what adapting to nobody in particular is worth.
    pub log_loss_of_everybody: f64,
    /// The mean squared error of the probabilities (Brier).
    pub brier: Pair,
    /// The chance that a yes scores above a no.
    pub auc: Pair,
}

/// Measures the predictions of people, of those that were made from `least` outcomes or more; nothing when all came out alike.
#[expect(clippy::cast_precision_loss, reason = "numbers of predictions")]
pub(super) fn gain(people: &[Vec<Told>], everybody: Platt, least: usize, seed: u64) -> Option<Gain> {
    let chosen: Vec<Vec<&Told>> = people
        .iter()
        .map(|told| told.iter().filter(|one| one.learned >= least).collect::<Vec<_>>())
        .filter(|told| !told.is_empty())
        .collect();
    let rows: Vec<(usize, &Told)> = chosen
        .iter()
        .enumerate()
        .flat_map(|(person, told)| told.iter().map(move |one| (person, *one)))
        .collect();
    let count = rows.len() as f64;
    // A person is drawn with all predictions.
    let drawn = |round: u64| -> Vec<u32> {
        let times = resample(chosen.len(), seed, round);
        rows.iter().map(|(person, _)| times[*person]).collect()
    };
    let whole = vec![1; rows.len()];
    let pair = |of: &dyn Fn(bool, &[u32]) -> Option<f64>| {
        let difference = |times: &[u32]| Some(of(true, times)? - of(false, times)?);
        let differences = (0..RESAMPLES).filter_map(|round| difference(&drawn(round))).collect();
        let [shipped, adapted] = [of(false, &whole)?, of(true, &whole)?];
        Some(Pair { shipped, adapted, difference: percentiles(adapted - shipped, differences)? })
    };
    let mean = |of: fn(f64, bool) -> f64| {
        let cost = |is_adapted: bool| -> Vec<f64> {
            rows.iter().map(|(_, told)| of(score(told, is_adapted), told.came)).collect()
        };
        let costs = [cost(false), cost(true)];
        move |is_adapted: bool, times: &[u32]| {
            let all: f64 = times.iter().map(|times| f64::from(*times)).sum();
            let sum: f64 = costs[usize::from(is_adapted)]
                .iter()
                .zip(times)
                .map(|(cost, times)| cost * f64::from(*times))
                .sum();
            Some(sum / all)
        }
    };
    let scored = [false, true].map(|is_adapted| -> Vec<Scored> {
        rows.iter().map(|(_, told)| Scored { margin: score(told, is_adapted), label: told.came }).collect()
    });
    let ranked = [Ranked::new(&scored[0]), Ranked::new(&scored[1])];
    Some(Gain {
        least,
        people: chosen.len(),
        predictions: rows.len(),
        rate: rows.iter().filter(|(_, told)| told.came).count() as f64 / count,
        log_loss: pair(&mean(loss))?,
        log_loss_of_everybody: rows
            .iter()
            .map(|(_, told)| loss(everybody.apply(told.shipped), told.came))
            .sum::<f64>()
            / count,
        brier: pair(&mean(|score, came| (probability(score) - f64::from(u8::from(came))).powi(2)))?,
        auc: pair(&|is_adapted, times| ranked[usize::from(is_adapted)].auc(times))?,
    })
}

fn score(told: &Told, is_adapted: bool) -> f64 {
    if is_adapted { told.adapted } else { told.shipped }
}
