//! Populations that answer again and again, and how often the intervals of what came of it held the truth: drawn by the tests beside this file, and
//! by `examples/figures/released.rs` for the tables of the docs.

use super::{Answering, Coins as _, Exact, Failed, Measure, Plan, Question, SeededCoins, Truth, Z_95};

/// How often a number was printed, and held the truth then and ever.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// How often it was drawn.
    pub(super) seeds: u32,
    /// How often there was an interval.
    pub(super) tries: u32,
    pub(super) held: u32,
    pub(super) printed: u32,
    pub(super) held_in_print: u32,
    /// How often the plain interval would have held, of what is printed.
    pub(super) plain_in_print: u32,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.tries += other.tries;
        self.held += other.held;
        self.printed += other.printed;
        self.held_in_print += other.held_in_print;
        self.plain_in_print += other.plain_in_print;
    }

    /// How often it is printed, as a class: seldom, sometimes, about half, often, nearly always.
    pub(super) fn class(self) -> usize {
        let often = f64::from(self.printed) / f64::from(self.seeds);
        [0.1, 0.35, 0.65, 0.9].into_iter().filter(|end| often >= *end).count()
    }
}

/// A question, and what each of so many devices says to it.
pub(super) struct Population {
    answering: Answering,
    question: Question,
    truths: Vec<Truth>,
    /// Whether those who report are drawn from these each time.
    drawn: bool,
}

impl Population {
    /// A population at epsilon 2: a question as it stands in a plan, and what a device says, by its number.
    pub(super) fn new(ask: &str, truth: impl Fn(u32) -> Truth, devices: u32) -> Result<Self, Failed> {
        let plan = format!(
            r#"{{"id": "one", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2030-01-01", "epsilon": 2, "questions": [
            {{"id": "q", "reason": "r", {ask}}}]}}"#
        );
        let plan = Plan::parse(&plan)?;
        let question = plan.questions[0].clone();
        let answering = Answering::for_question(plan.epsilon, &question)?;
        Ok(Self { answering, question, truths: (0..devices).map(truth).collect(), drawn: false })
    }

    /// The same, of whom those who report are drawn each time: for intervals that speak of the population behind the devices that reported.
    pub(super) fn drawn_anew(self) -> Self {
        Self { drawn: true, ..self }
    }

    /// Draws the answers of all devices for so many seeds, and tells of every number how it did.
    pub(super) fn tried(&self, seeds: u64) -> Result<Vec<(Measure, Tally)>, Failed> {
        let Self { answering, question, truths, drawn } = self;
        let mut exact = Exact::default();
        truths.iter().for_each(|truth| exact.add(question, truth));
        let values = exact.values(answering, question);
        let mut all: Vec<(Measure, Tally)> =
            answering.measures(question).into_iter().map(|measure| (measure, Tally::default())).collect();
        for seed in 0..seeds {
            let randomiser = answering.clone().randomiser(SeededCoins::new(seed))?;
            let mut counts = vec![0; answering.counters()];
            let mut who = SeededCoins::new(!seed);
            for own in truths {
                let place =
                    if *drawn { usize::try_from(who.below(truths.len() as u128)?).ok() } else { None };
                let truth = place.map_or(own, |place| &truths[place]);
                let answer = randomiser.draw(truth)?;
                answering.counted(&answer).into_iter().for_each(|counter| counts[counter] += 1);
            }
            let findings = answering.findings(question, &counts, truths.len() as u64);
            for ((_, tally), (finding, truth)) in all.iter_mut().zip(findings.iter().zip(&values)) {
                tally.seeds += 1;
                let (Some(estimate), Some(truth)) = (finding.estimate(), truth) else { continue };
                let held = u32::from((estimate.low..=estimate.high).contains(truth));
                let printed = u32::from(finding.published().is_some());
                let off = (estimate.share - truth).abs() <= Z_95 * estimate.standard_error;
                let plain_in_print = u32::from(off) * printed;
                let held_in_print = held * printed;
                tally.add(Tally { seeds: 0, tries: 1, held, printed, held_in_print, plain_in_print });
            }
        }
        Ok(all)
    }
}

/// Six segments of 1 to 12 %, of which a device is in at most three.
pub(super) fn sizes(devices: u32) -> Result<Population, Failed> {
    let ask = format!(r#"{SEGMENTS}, "cap": 3"#);
    Population::new(&ask, in_segments, devices)
}

/// Five groups of different sizes and rates.
pub(super) fn conversion(devices: u32) -> Result<Population, Failed> {
    let ask = r#""ask": "conversion", "segments": ["a", "b", "c", "d", "e"], "outcome": "o""#;
    Population::new(ask, in_groups, devices)
}

/// Eight bands of scores.
pub(super) fn calibration(devices: u32) -> Result<Population, Failed> {
    let ask = r#""ask": "calibration", "model": "m", "cuts": [1, 2, 3, 4, 5, 6, 7], "outcome": "o""#;
    Population::new(ask, in_bands, devices)
}

/// Eight bins of a feature.
pub(super) fn histogram(devices: u32) -> Result<Population, Failed> {
    let ask = r#""ask": "histogram", "feature": "f", "low": 0, "high": 8, "bins": 8"#;
    Population::new(ask, in_bins, devices).map(Population::drawn_anew)
}

pub(super) const SEGMENTS: &str = r#""segments": ["a", "b", "c", "d", "e", "f"]"#;

/// Segments of 1 to 12 %; a device in one of the last three is in one of the first, too, now and then.
pub(super) fn in_segments(device: u32) -> Truth {
    let place = device * 37 % 100;
    let ends = [1, 3, 7, 13, 22, 34];
    let Some(first) = (0..).zip(ends).find_map(|(at, end)| (place < end).then_some(at)) else {
        return Truth::Cells(Vec::new());
    };
    let other = [0, 0, 0, 0, 1, 2][usize::from(first)];
    let both = first > 3 && (device / 100).is_multiple_of(4);
    Truth::Cells(if both { vec![other, first] } else { vec![first] })
}

/// Five groups from 1 in 25 to 3 in 10, which convert at 30, 10, 30, 50 and 20 %; the rest is in none.
fn in_groups(device: u32) -> Truth {
    let (place, turn) = (device % 100, device / 100 % 100);
    let groups = [(4, 30), (12, 10), (24, 30), (40, 50), (70, 20)];
    let group = (0..).zip(groups).find(|(_, (end, _))| place < *end);
    Truth::Cells(vec![group.map_or(10, |(group, (_, rate))| 2 * group + u16::from(turn < rate))])
}

/// Eight bands of scores whose rates rise from 2 to 23 %.
fn in_bands(device: u32) -> Truth {
    let turn = device / 8 % 100;
    let band = (0..8_u16).find(|band| u32::from(*band) == device % 8).unwrap_or(0);
    Truth::Cells(vec![2 * band + u16::from(turn < 2 + 3 * u32::from(band))])
}

/// A feature most of whose values are low.
fn in_bins(device: u32) -> Truth {
    let ends = [5, 40, 62, 76, 85, 91, 95, 98];
    let bin = (0..).zip(ends).find_map(|(bin, end)| (device * 37 % 100 < end).then_some(bin));
    Truth::Cells(vec![bin.unwrap_or(8)])
}
