//! Errors: measured against the formula, and the formula against the best there is.

use keepset_privacy::{BoundedMean, RandomisedResponse, SeededCoins, SetSelect};

use crate::draw::{below, epsilon, even_members, float, support};
use crate::{Failed, Row};

/// Squares and sums of standardised errors.
#[derive(Default)]
struct Errors {
    squares: f64,
    sum: f64,
    count: f64,
}

impl Errors {
    fn add(&mut self, error: f64, standard_error: f64) {
        let z = error / standard_error;
        self.squares += z * z;
        self.sum += z;
        self.count += 1.0;
    }

    fn row(&self, name: &'static str, what: &str) -> Row {
        let (ratio, bias) = (self.squares / self.count, self.sum / self.count.sqrt());
        Row {
            name,
            what: format!("{what}, {} errors", self.count),
            asked: "mean square over its formula 0.95 to 1.05, bias below 4 standard errors".into(),
            measured: format!("{ratio:.3}, bias {bias:.1}"),
            kept: (0.95..=1.05).contains(&ratio) && bias.abs() < 4.0,
        }
    }
}

/// Acceptance A4.
pub(crate) fn errors() -> Result<Vec<Row>, Failed> {
    let mut rows = Vec::new();
    for (value, segments, cap) in [(1.0, 32, 3), (2.0, 32, 3), (4.0, 32, 3), (2.0, 31, 1)] {
        let mut errors = Errors::default();
        let people = even_members(segments, cap.into(), 992);
        let mechanism = SetSelect::new(epsilon(value)?, segments, cap)?;
        let channel = mechanism.channel();
        for seed in 0..700 {
            let counts = support(&mechanism, &people, seed)?;
            for (segment, count) in counts.iter().enumerate() {
                let share = float(people.iter().filter(|person| person[segment]).count() as u64) / 992.0;
                let estimate = channel.estimate(*count, 992).ok_or("no reports")?;
                errors.add(estimate.share - share, (channel.variance(share) / 992.0).sqrt());
            }
        }
        rows.push(errors.row("SetSelect", &format!("cap {cap} of {segments}, epsilon {value}")));
    }
    for value in [1.0, 2.0] {
        let mechanism = RandomisedResponse::new(epsilon(value)?)?;
        let channel = mechanism.channel();
        let measurement = mechanism.measurement(SeededCoins::new(1))?;
        let mut errors = Errors::default();
        for _ in 0..20_000 {
            let mut yes = 0;
            for device in 0..500 {
                let answer = measurement.invoke(&(device < 50)).map_err(|error| format!("{error:?}"))?;
                yes += u64::from(answer);
            }
            let estimate = channel.estimate(yes, 500).ok_or("no reports")?;
            errors.add(estimate.share - 0.1, (channel.variance(0.1) / 500.0).sqrt());
        }
        rows.push(errors.row("randomised response", &format!("epsilon {value}, 10 % of 500")));
    }
    Ok(rows)
}

/// The least error of all mechanisms for one of `cells`, summed over them, times reports (Ye and Barg 2018).
fn minimax(value: f64, cells: u16) -> f64 {
    let (e, d) = (value.exp(), f64::from(cells));
    let error = |k: u16| {
        let k = f64::from(k);
        ((d - 1.0) * (k * e + d - k)).powi(2) / (d * k * (d - k) * (e - 1.0).powi(2))
    };
    (1..cells).map(error).fold(f64::INFINITY, f64::min)
}

/// The same of a device that flips every bit of a one-hot vector by itself.
fn bits(value: f64, cells: u16) -> f64 {
    let half = (value / 2.0).exp();
    f64::from(cells) * half / (half - 1.0).powi(2) + 1.0 - 1.0 / f64::from(cells)
}

/// Acceptance A5.
pub(crate) fn single() -> Result<Vec<Row>, Failed> {
    let mut rows = Vec::new();
    for (value, cells, gain) in [(1.0, 32, 1.0), (2.0, 64, 1.25), (4.0, 32, 2.5), (4.0, 128, 1.0)] {
        let mechanism = SetSelect::new(epsilon(value)?, cells - 1, 1)?;
        let d = f64::from(cells);
        let formula = d * mechanism.channel().variance(1.0 / d) + 1.0 - 1.0 / d;
        let ratio = formula / minimax(value, cells);
        let better = bits(value, cells) / formula;
        rows.push(Row {
            name: "SetSelect",
            what: format!("one of {cells}, epsilon {value}, formula"),
            asked: format!("1.000 of the minimax error; at least {gain} times better than flipping bits"),
            measured: format!("{ratio:.3}; {better:.2} times"),
            kept: (ratio - 1.0).abs() < 5e-4 && better >= gain,
        });
    }
    let (value, cells, reports) = (2.0, 64, 2_000_usize);
    let mechanism = SetSelect::new(epsilon(value)?, cells - 1, 1)?;
    let channel = mechanism.channel();
    let mut coins = SeededCoins::new(3);
    let mut error = 0.0;
    let samples = 300;
    for seed in 0..samples {
        let mut people = even_members(cells - 1, 0, 2_000);
        for person in &mut people {
            let cell = below(&mut coins, cells.into())?;
            if cell + 1 < usize::from(cells) {
                person.set(cell, true);
            }
        }
        for count in support(&mechanism, &people, seed)? {
            let estimate = channel.estimate(count, reports as u64).ok_or("no reports")?;
            error += (estimate.share - 1.0 / f64::from(cells)).powi(2) * float(reports as u64);
        }
    }
    // The cell for "none" is not estimated; it is as hard as the others.
    let measured = error / float(samples) * f64::from(cells) / f64::from(cells - 1) / minimax(value, cells);
    rows.push(Row {
        name: "SetSelect",
        what: format!("one of {cells}, epsilon {value}, {samples} samples of {reports}"),
        asked: "at most 1.05 of the minimax error".into(),
        measured: format!("{measured:.3}"),
        kept: measured <= 1.05,
    });
    Ok(rows)
}

/// Acceptance A6, sizes of segments: its table at a share of 5 %, and beside a device that answers about one segment of 32 by chance.
pub(crate) fn several() -> Result<Vec<Row>, Failed> {
    let table = [
        (1.0, 32, 2, 7.09),
        (1.0, 32, 3, 10.2),
        (1.0, 32, 5, 15.1),
        (2.0, 32, 2, 1.26),
        (2.0, 32, 3, 1.66),
        (2.0, 32, 5, 2.14),
        (4.0, 32, 2, 0.13),
        (4.0, 32, 3, 0.20),
        (4.0, 32, 5, 0.34),
    ];
    let mut rows = Vec::new();
    for (value, segments, cap, published) in table {
        let variance = SetSelect::new(epsilon(value)?, segments, cap)?.channel().variance(0.05);
        let sampled = sampled(value, segments);
        let asked_gain = match cap {
            3 if value < 3.0 => 2.8,
            3 => 8.0,
            _ => 0.0,
        };
        let also = if asked_gain > 0.0 {
            format!("; {asked_gain} times better than sampling one")
        } else {
            String::new()
        };
        rows.push(Row {
            name: "SetSelect",
            what: format!("cap {cap} of {segments}, epsilon {value}, 5 %"),
            asked: format!("variance per report {published}, 5 % either way{also}"),
            measured: format!("{variance:.3}; {:.1} times", sampled / variance),
            kept: (variance / published - 1.0).abs() < 0.05 && sampled / variance >= asked_gain,
        });
    }
    Ok(rows)
}

/// The variance per report and segment of a device that answers about one segment, drawn by chance, by randomised response.
fn sampled(value: f64, segments: u16) -> f64 {
    let gap = (value.exp() - 1.0) / (value.exp() + 1.0);
    let segments = f64::from(segments);
    segments * ((1.0 / (gap * gap) - 1.0) / 4.0 + 0.05 * 0.95 * (1.0 - 1.0 / segments))
}

/// The worst case of the bounded mean beside the published ones.
pub(crate) fn means() -> Result<Vec<Row>, Failed> {
    let table = [
        (0.5_f64, [32.0_f64, 16.7, 21.2, 16.7, 16.0]),
        (1.0, [8.0, 4.68, 5.22, 4.29, 3.99]),
        (2.0, [2.0, 1.72, 1.23, 1.04, 0.864]),
        (4.0, [0.5, 1.08, 0.241, 0.219, 0.125]),
    ];
    let mut rows = Vec::new();
    for (value, [laplace, duchi, piecewise, hybrid, reference]) in table {
        let mechanism = BoundedMean::new(epsilon(value)?)?;
        let worst = mechanism.worst_variance();
        let measured = measured_mean(&mechanism)?;
        rows.push(Row {
            name: "bounded mean",
            what: format!("epsilon {value}, {} outputs, band of {}", mechanism.outputs(), mechanism.width()),
            asked: format!(
                "worst variance per report below Laplace {laplace}, Duchi {duchi}, piecewise {piecewise}, hybrid {hybrid}; best table for 11 given numbers {reference}"
            ),
            measured: format!("{worst:.3}; drawn at 21 numbers at most {measured:.3}"),
            kept: worst < hybrid.min(duchi).min(piecewise).min(laplace) && measured < worst * 1.05,
        });
    }
    Ok(rows)
}

/// The greatest variance of real draws over 21 numbers, 100,000 draws each.
fn measured_mean(mechanism: &BoundedMean) -> Result<f64, Failed> {
    let mut worst: f64 = 0.0;
    for step in -10..=10 {
        let measurement = mechanism.clone().measurement(SeededCoins::new(4))?;
        let mut counts = vec![0; mechanism.outputs().into()];
        for _ in 0..100_000 {
            let output =
                measurement.invoke(&(BoundedMean::ONE / 10 * step)).map_err(|error| format!("{error:?}"))?;
            counts[usize::from(output)] += 1;
        }
        let estimate = mechanism.estimate(&counts).ok_or("no reports")?;
        worst = worst.max(estimate.standard_error.powi(2) * 100_000.0);
    }
    Ok(worst)
}
