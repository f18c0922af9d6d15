//! What the privacy maps state, and the law of draws.

use keepset_privacy::{BoundedMean, RandomisedResponse, SeededCoins, SetSelect, SquareWave};

use crate::draw::{epsilon, float, waves};
use crate::{Failed, Row};

/// Acceptance A1, over every tenth of epsilon.
pub(crate) fn stated() -> Result<Vec<Row>, Failed> {
    let coins = || SeededCoins::new(0);
    let map = |value: f64| -> Result<[f64; 5], Failed> {
        let epsilon = epsilon(value)?;
        let maps = [
            SetSelect::new(epsilon, 32, 3)?.measurement(coins())?.map(&1),
            SetSelect::new(epsilon, 31, 1)?.measurement(coins())?.map(&1),
            RandomisedResponse::new(epsilon)?.measurement(coins())?.map(&1),
            BoundedMean::new(epsilon)?.measurement(coins())?.map(&1),
            SquareWave::new(epsilon, 32)?.measurement(coins())?.map(&1),
        ];
        let mut stated = [0.0; 5];
        for (stated, map) in stated.iter_mut().zip(maps) {
            *stated = map.map_err(|error| format!("{error:?}"))? - value;
        }
        Ok(stated)
    };
    let names = ["SetSelect", "SetSelect", "randomised response", "bounded mean", "square wave"];
    let shapes = ["cap 3 of 32", "cap 1 of 31", "one yes or no", "any number", "32 buckets"];
    let mut worst = [(f64::INFINITY, f64::NEG_INFINITY); 5];
    for tenths in 1..=80 {
        for (worst, off) in worst.iter_mut().zip(map(f64::from(tenths) / 10.0)?) {
            *worst = (worst.0.min(off), worst.1.max(off));
        }
    }
    let rows = names.into_iter().zip(shapes).zip(worst).map(|((name, shape), (low, high))| Row {
        name,
        what: format!("{shape}, epsilon 0.1 to 8 by tenths"),
        asked: "map(1) within 1e-9 below epsilon".into(),
        measured: format!("off by {low:.1e} to {high:.1e}"),
        // A tenth is not a number of f64: its own rounding is allowed for.
        kept: low >= -1e-9 && high <= 1e-15,
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.push(weights()?);
    Ok(rows)
}

/// The two weights all mechanisms are made of, seen through the one whose probabilities are just these.
fn weights() -> Result<Row, Failed> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for tenths in 1..=80 {
        let epsilon = epsilon(f64::from(tenths) / 10.0)?;
        let channel = RandomisedResponse::new(epsilon)?.channel();
        let off = (channel.p / channel.q).ln() - epsilon.value();
        (low, high) = (low.min(off), high.max(off));
    }
    Ok(Row {
        name: "all",
        what: "logarithm of the ratio of their two weights, in f64".into(),
        asked: "within 1e-9 below epsilon".into(),
        measured: format!("off by {low:.1e} to {high:.1e}"),
        kept: low >= -1e-9 && high <= 1e-15,
    })
}

/// Acceptance A2, its part of real draws: the whole law of every input.
pub(crate) fn laws() -> Result<Vec<Row>, Failed> {
    let mut rows = Vec::new();
    for value in [0.5, 1.0, 4.0] {
        let wave = SquareWave::new(epsilon(value)?, 8)?;
        let draws = 1_000_000;
        let mut worst: f64 = 1.0;
        for bucket in 0..8_u16 {
            let people: Vec<u32> = (0..8).map(|other| if other == bucket { draws } else { 0 }).collect();
            let counts = waves(&wave, &people, u64::from(bucket) + 1)?;
            let ratio = value.exp();
            let others = f64::from(wave.outputs() - wave.width());
            let unit = f64::from(draws) / (ratio * f64::from(wave.width()) + others);
            let law = (0..wave.outputs()).map(|output| {
                if (bucket..bucket + wave.width()).contains(&output) { ratio * unit } else { unit }
            });
            worst = worst.min(tail(&counts, law));
        }
        rows.push(Row {
            name: "square wave",
            what: format!("8 buckets, epsilon {value}, 1,000,000 draws each"),
            asked: "p > 1e-4 / 8 for the least of 8 chi-squares".into(),
            measured: format!("least p {worst:.3}"),
            kept: worst > 1e-4 / 8.0,
        });
    }
    for value in [0.5, 1.0, 4.0] {
        let mechanism = RandomisedResponse::new(epsilon(value)?)?;
        let channel = mechanism.channel();
        let measurement = mechanism.measurement(SeededCoins::new(9))?;
        let mut worst: f64 = 1.0;
        for (answer, probability) in [(true, channel.p), (false, channel.q)] {
            let mut counts = [0, 0];
            for _ in 0..2_000_000 {
                let yes = measurement.invoke(&answer).map_err(|error| format!("{error:?}"))?;
                counts[usize::from(yes)] += 1;
            }
            let law = [1.0 - probability, probability].map(|share| share * 2e6);
            worst = worst.min(tail(&counts, law.into_iter()));
        }
        rows.push(Row {
            name: "randomised response",
            what: format!("epsilon {value}, 2,000,000 draws each"),
            asked: "p > 1e-4 / 2 for the lesser of 2 chi-squares".into(),
            measured: format!("lesser p {worst:.3}"),
            kept: worst > 1e-4 / 2.0,
        });
    }
    Ok(rows)
}

/// The probability of a chi-square at least as large, by Wilson and Hilferty's cube root.
fn tail(counts: &[u64], expected: impl Iterator<Item = f64>) -> f64 {
    let term = |(count, expected): (&u64, f64)| (float(*count) - expected).powi(2) / expected;
    let chi_square: f64 = counts.iter().zip(expected).map(term).sum();
    let freedom = float(counts.len() as u64) - 1.0;
    let step = 2.0 / (9.0 * freedom);
    upper_normal(((chi_square / freedom).cbrt() - (1.0 - step)) / step.sqrt())
}

/// The probability that a standard normal is above `z`, to 1e-7 (Abramowitz and Stegun 26.2.17).
fn upper_normal(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let polynomial = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let upper = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt() * polynomial;
    if z < 0.0 { 1.0 - upper } else { upper }
}
