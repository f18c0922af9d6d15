//! How often intervals hold the truth, and how near histograms come to it.

use keepset_privacy::mechanism::Histogram;
use keepset_privacy::{BoundedMean, Channel, RandomisedResponse, SeededCoins, SetSelect, SquareWave};

use crate::draw::{below, epsilon, float, graded_members, population, support, waves};
use crate::{Failed, Row};

/// How many intervals there were and how many held the truth.
#[derive(Clone, Copy, Default)]
pub(crate) struct Held {
    held: f64,
    all: f64,
}

impl Held {
    pub(crate) fn add(&mut self, low: f64, truth: f64, high: f64) {
        self.held += f64::from(u8::from(low <= truth && truth <= high));
        self.all += 1.0;
    }

    /// How many intervals there were.
    pub(crate) fn all(self) -> f64 {
        self.all
    }

    pub(crate) fn row(self, name: &'static str, what: String, (low, high): (f64, f64)) -> Row {
        let share = 100.0 * self.held / self.all;
        Row {
            name,
            what,
            asked: format!("{low} to {high} %"),
            measured: format!("{share:.1} % of {}", self.all),
            kept: (low..=high).contains(&share),
        }
    }
}

pub(crate) const SETTING: (f64, f64) = (93.0, 97.0);
const POOLED: (f64, f64) = (94.0, 96.0);

/// Acceptance A7.
pub(crate) fn coverage() -> Result<Vec<Row>, Failed> {
    let mut settings: Vec<(&'static str, String, Held)> = Vec::new();
    for (value, cap, reports) in [(1.0, 3, 500), (2.0, 3, 500), (2.0, 3, 2_000), (4.0, 3, 500), (2.0, 1, 500)]
    {
        settings.push((
            "SetSelect",
            format!("cap {cap} of 16, epsilon {value}, {reports} reports"),
            sizes(value, cap, reports)?,
        ));
    }
    for (value, reports) in [(0.5, 500), (2.0, 500), (4.0, 2_000)] {
        settings.push((
            "randomised response",
            format!("10 %, epsilon {value}, {reports} reports"),
            yes(value, reports)?,
        ));
    }
    for (value, reports) in [(0.5, 500), (1.0, 500), (2.0, 500), (6.0, 500)] {
        settings.push(("bounded mean", format!("epsilon {value}, {reports} reports"), mean(value, reports)?));
    }
    for (value, people) in [(1.0, 10_000.0), (2.0, 3_000.0)] {
        settings.push((
            "square wave",
            format!("quartiles, 16 buckets, epsilon {value}, {people} reports"),
            quartiles(value, people)?,
        ));
    }
    let pooled = settings
        .iter()
        .fold(Held::default(), |sum, (_, _, one)| Held { held: sum.held + one.held, all: sum.all + one.all });
    let mut rows: Vec<Row> =
        settings.into_iter().map(|(name, what, held)| held.row(name, what, SETTING)).collect();
    for value in [1.0, 2.0, 4.0] {
        rows.push(each_size(value)?);
    }
    rows.push(pooled.row("all", "every interval above".into(), POOLED));
    Ok(rows)
}

fn sizes(value: f64, cap: u8, reports: u16) -> Result<Held, Failed> {
    let mechanism = SetSelect::new(epsilon(value)?, 16, cap)?;
    let channel = mechanism.channel();
    let people = graded_members(16, reports);
    let mut held = Held::default();
    for seed in 0..250 {
        for (segment, count) in support(&mechanism, &people, seed)?.into_iter().enumerate() {
            let members = people.iter().filter(|person| person[segment]).count() as u64;
            let estimate = channel.estimate(count, reports.into()).ok_or("no reports")?;
            held.add(estimate.low, float(members) / f64::from(reports), estimate.high);
        }
    }
    Ok(held)
}

/// The coverage of every size of a segment by itself, exact: counts are whole numbers, so it swings about the pooled one.
fn each_size(value: f64) -> Result<Row, Failed> {
    let channel = SetSelect::new(epsilon(value)?, 16, 3)?.channel();
    let reports = 500_u64;
    let mut shares = Vec::new();
    for members in 5..=100 {
        let truth = float(members) / float(reports);
        let mut held = 0.0;
        for (support, probability) in (0..).zip(law(channel, members, reports)) {
            let estimate = channel.estimate(support, reports).ok_or("no reports")?;
            if estimate.low <= truth && truth <= estimate.high {
                held += probability;
            }
        }
        shares.push(100.0 * held);
    }
    let low = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let mean = shares.iter().sum::<f64>() / float(shares.len() as u64);
    Ok(Row {
        name: "SetSelect",
        what: format!("cap 3 of 16, epsilon {value}, 500 reports, each size from 5 to 100, exact"),
        asked: "93 % at every size".into(),
        measured: format!("{mean:.1} % on average, {low:.1} % at worst"),
        kept: low >= 93.0,
    })
}

/// The probability of every count of inclusions, device by device.
fn law(channel: Channel, members: u64, reports: u64) -> Vec<f64> {
    let mut law = vec![1.0];
    for device in 0..reports {
        let included = if device < members { channel.p } else { channel.q };
        let with = std::iter::once(0.0).chain(law.iter().map(|share| share * included));
        let without = law.iter().map(|share| share * (1.0 - included)).chain([0.0]);
        law = with.zip(without).map(|(with, without)| with + without).collect();
    }
    law
}

fn yes(value: f64, reports: u64) -> Result<Held, Failed> {
    let mechanism = RandomisedResponse::new(epsilon(value)?)?;
    let channel = mechanism.channel();
    let measurement = mechanism.measurement(SeededCoins::new(2))?;
    let mut held = Held::default();
    for _ in 0..4_000 {
        let mut yes = 0;
        for device in 0..reports {
            yes += u64::from(
                measurement.invoke(&(device < reports / 10)).map_err(|error| format!("{error:?}"))?,
            );
        }
        let estimate = channel.estimate(yes, reports).ok_or("no reports")?;
        held.add(estimate.low, 0.1, estimate.high);
    }
    Ok(held)
}

fn mean(value: f64, reports: u32) -> Result<Held, Failed> {
    let population = [-0.9, -0.85, -0.4, 0.1, 0.1, 0.7];
    let truth = population.iter().sum::<f64>() / 6.0;
    // At most 2^20.
    #[expect(clippy::cast_possible_truncation)]
    let fixed = population.map(|number| (number * f64::from(BoundedMean::ONE)).round() as i32);
    let mechanism = BoundedMean::new(epsilon(value)?)?;
    let measurement = mechanism.clone().measurement(SeededCoins::new(5))?;
    let mut people = SeededCoins::new(6);
    let mut held = Held::default();
    for _ in 0..4_000 {
        let mut counts = vec![0; mechanism.outputs().into()];
        for _ in 0..reports {
            let number = fixed[below(&mut people, 6)?];
            counts[usize::from(measurement.invoke(&number).map_err(|error| format!("{error:?}"))?)] += 1;
        }
        let estimate = mechanism.estimate(&counts).ok_or("no reports")?;
        held.add(estimate.low, truth, estimate.high);
    }
    Ok(held)
}

fn quartiles(value: f64, people: f64) -> Result<Held, Failed> {
    let wave = SquareWave::new(epsilon(value)?, 16)?;
    let people = population(16, people, |x| x * (1.0 - x).powi(2));
    let truth = truth(&people);
    let mut coins = SeededCoins::new(7);
    let mut held = Held::default();
    for seed in 0..1_000 {
        let counts = waves(&wave, &people, seed)?;
        for quantile in wave.quantiles(&counts, &[0.25, 0.5, 0.75], &mut coins)? {
            held.add(quantile.low, truth.quantile(quantile.level), quantile.high);
        }
    }
    Ok(held)
}

/// Acceptance A9.
pub(crate) fn histograms() -> Result<Vec<Row>, Failed> {
    let beta = |x: f64| x * (1.0 - x).powi(4);
    let lognormal = |x: f64| (-((x / 0.2).ln() / 0.6).powi(2) / 2.0).exp() / x;
    let spike = |x: f64| if (0.3..0.33).contains(&x) { 14.0 } else { 1.0 };
    let shapes = [
        ("beta", population(32, 1e5, beta)),
        ("lognormal", population(32, 1e5, lognormal)),
        ("spike", population(32, 1e5, spike)),
    ];
    let wave = SquareWave::new(epsilon(1.0)?, 32)?;
    let mut rows = Vec::new();
    for (name, people) in shapes {
        let truth = truth(&people);
        let mut distances = Vec::new();
        for seed in 0..40 {
            let histogram = wave.histogram(&waves(&wave, &people, seed)?)?;
            distances.push(distance(&histogram, &truth));
        }
        let mean = distances.iter().sum::<f64>() / 40.0;
        let worst = distances.iter().copied().fold(0.0, f64::max);
        rows.push(Row {
            name: "square wave",
            what: format!("{name}, 32 buckets, epsilon 1, 100,000 reports, 40 seeds"),
            asked: "earth mover's distance at most 0.008 of the range".into(),
            measured: format!("{mean:.4} on average, {worst:.4} at worst"),
            kept: mean <= 0.008,
        });
    }
    Ok(rows)
}

fn truth(people: &[u32]) -> Histogram {
    let all: u32 = people.iter().sum();
    let shares = people.iter().map(|people| f64::from(*people) / f64::from(all)).collect();
    Histogram { shares, reports: all.into() }
}

/// The area between the two distribution functions.
fn distance(one: &Histogram, other: &Histogram) -> f64 {
    let mut gap = 0.0;
    let mut area = 0.0;
    for (one, other) in one.shares.iter().zip(&other.shares) {
        gap += one - other;
        area += f64::abs(gap);
    }
    area / float(one.shares.len() as u64)
}
