//! What a plan will be able to tell: errors, the devices it takes and the smallest segment that is printed, at its price.
//!
//! The mechanism, its variance and the rule of release are those of the privacy crate; but for the quantiles of a feature, whose error has
//! no formula and is that of 200 repetitions, nothing is simulated.

use std::fmt::Write as _;

use anyhow::Context as _;
use keepset_privacy::answering::Mechanism;
use keepset_privacy::finding::{Expected, Measure};
use keepset_privacy::forecast::{Forecast, reports_needed};
use keepset_privacy::release::{
    MAX_RANGE_HALF_WIDTH, MAX_RELATIVE_HALF_WIDTH, MIN_REPORTS, NOISE_OF_COPY, least_reports,
};
use keepset_privacy::{Answering, Channel, SetSelect, Z_95};
use keepset_wire::{Ask, Epsilon, Plan, Question};

use crate::args::PlanArguments;
use crate::table::aligned;

/// The relative standard error for which the number of devices is told.
const WANTED_ERROR: f64 = 0.1;

/// How often something is printed: in 39 windows of 40 or more.
const YES: &str = "yes";
/// In one of two or more.
const MORE_OFTEN: &str = "more often than not";
/// Less often.
const NO: &str = "no";

/// A price and the questions asked for it.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// How many devices report in a window.
    pub devices: u64,
    /// The price of a report, and so of a window.
    pub epsilon: Epsilon,
    /// At most this many windows of a year are answered.
    pub windows_per_year: u32,
    /// The questions.
    pub asked: Vec<Asked>,
    /// Below so many reports nothing is printed.
    pub least_reports: u64,
    /// The sizes of segments, as shares, to look at.
    pub shares: Vec<f64>,
}

/// Questions of one shape.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it is called.
    pub name: String,
    /// The question.
    pub question: Question,
    /// One in this many devices draws it.
    pub one_in: f64,
}

impl Outlook {
    /// Looks at a plan that is thought of.
    ///
    /// # Errors
    /// When no plan may ask such a question.
    pub fn of_arguments(arguments: &PlanArguments) -> anyhow::Result<Self> {
        let many = if arguments.questions == 1 { "The question" } else { "Every question" };
        let question = thought_of(arguments.segments.unwrap_or(0), arguments.cap)?;
        Ok(Self {
            devices: arguments.devices.unwrap_or(0),
            epsilon: arguments.epsilon,
            windows_per_year: arguments.windows,
            asked: vec![Asked { name: many.into(), question, one_in: arguments.questions.into() }],
            least_reports: MIN_REPORTS,
            shares: arguments.frequency.clone(),
        })
    }

    /// Looks at every question of a plan.
    #[must_use]
    pub fn of_plan(plan: &Plan, devices: u64, shares: Vec<f64>) -> Self {
        let weights: u32 = plan.questions.iter().map(|question| question.weight).sum();
        let asked = plan.questions.iter().map(|question| Asked {
            name: format!("Question {:?}", question.id.as_str()),
            question: question.clone(),
            one_in: f64::from(weights) / f64::from(question.weight),
        });
        Self {
            devices,
            epsilon: plan.epsilon,
            windows_per_year: plan.windows_per_year,
            asked: asked.collect(),
            least_reports: least_reports(plan),
            shares,
        }
    }

    /// Writes what the plan will be able to tell.
    ///
    /// # Errors
    /// When there is no mechanism for a question of this shape.
    pub fn text(&self) -> anyhow::Result<String> {
        let epsilon = self.epsilon.value();
        let mut text = format!(
            "Epsilon {epsilon} per report, {epsilon} per window, at most {} a year ({} windows).\n",
            epsilon * f64::from(self.windows_per_year),
            self.windows_per_year
        );
        for asked in &self.asked {
            // Writing to a text cannot fail.
            let _ = write!(text, "\n{}", self.question(asked)?);
        }
        let _ = write!(
            text,
            "\nErrors are standard errors relative to the share, of the noise alone: the population is the devices that reported.\n\
             Printed are estimates from {} reports on whose 95 % interval is at most {} of them to either side, judged by a copy with\n\
             as much noise again; of the values of a feature and of areas, whose errors are told as a part of the range, at most {} of it.\n",
            self.least_reports,
            percent(MAX_RELATIVE_HALF_WIDTH),
            percent(MAX_RANGE_HALF_WIDTH)
        );
        Ok(text)
    }

    fn question(&self, asked: &Asked) -> anyhow::Result<String> {
        let (ask, reports) = (&asked.question.ask, self.reports(asked));
        let answering = Answering::for_question(self.epsilon, &asked.question)
            .with_context(|| format!("{}: no mechanism at this epsilon", asked.name))?;
        let head = format!(
            "{}: {}, {} reports of {} devices in a window.\n{}",
            asked.name,
            shape(ask),
            grouped(&reports.to_string()),
            grouped(&self.devices.to_string()),
            mechanism(&answering),
        );
        let body = match answering.mechanism() {
            Mechanism::Sizes(select) => self.sizes(select.channel(), asked, reports),
            _ => self.others(&answering, asked, reports),
        };
        Ok(format!("{head}\n{body}\n"))
    }

    /// The errors of segments of several sizes, by the exact channel and the rule themselves.
    fn sizes(&self, channel: Channel, asked: &Asked, reports: u64) -> String {
        let forecast = Forecast::new(channel, reports);
        let enough = |share: &f64| reports >= self.least_reports && *share > 0.0;
        let (least, sure) =
            (forecast.least_published().filter(enough), forecast.nearly_always_published().filter(enough));
        let rows = self.shares.iter().map(|share| {
            let printed = match (least, sure) {
                (_, Some(sure)) if *share >= sure => YES,
                (Some(least), _) if *share >= least => MORE_OFTEN,
                _ => NO,
            };
            let error = if reports == 0 { "-".into() } else { percent(forecast.relative_error(*share)) };
            let needed = reports_needed(channel, *share, WANTED_ERROR) * asked.one_in;
            vec![percent(*share), error, devices(needed), printed.to_owned()]
        });
        let needed = format!("devices for {}", percent(WANTED_ERROR));
        let table = aligned(&["segment", "rel. error", &needed, "printed"], rows.collect());
        format!("{table}\n{}", smallest(least, sure))
    }

    /// The errors of whatever else a question tells.
    fn others(&self, answering: &Answering, asked: &Asked, reports: u64) -> String {
        let question = &asked.question;
        let row = |name: String, expected: &Expected| {
            let range = range(question, expected);
            let unit = if expected.is_relative() { expected.value } else { range };
            let error =
                if reports == 0 { "-".into() } else { percent(expected.standard_error(reports) / unit) };
            let needed = expected.reports_needed(WANTED_ERROR, range) * asked.one_in;
            let printed = self.printed(expected, range, reports);
            vec![name, error, devices(needed), printed.to_owned()]
        };
        let by_share: Option<(&str, &str, Measure)> = match question.ask {
            Ask::Overlaps { .. } => Some(("overlap of", "overlap", Measure::Both(0, 1))),
            Ask::Conversion { .. } => {
                Some(("rate of 10 % in a group of", "group with a rate of 10 %", Measure::Rate(0)))
            }
            _ => None,
        };
        let at = |share: f64, measure: Measure| {
            answering.expected(question, Some(share)).into_iter().find(|expected| expected.measure == measure)
        };
        let mut rows = Vec::new();
        let mut smallest = String::new();
        if let Some((what, which, measure)) = by_share {
            for share in &self.shares {
                if let Some(expected) = at(*share, measure) {
                    rows.push(row(format!("{what} {}", percent(*share)), &expected));
                }
            }
            let printed = |share: f64| {
                at(share, measure).is_some_and(|expected| {
                    self.printed(&expected, range(question, &expected), reports) != NO
                })
            };
            smallest = match least(printed) {
                Some(share) => {
                    format!("\nThe smallest {which} expected in print is {}.", percent(share))
                }
                None => "\nNone is printed.".into(),
            };
        } else {
            let told = |expected: &&Expected| {
                matches!(
                    expected.measure,
                    Measure::Mean | Measure::Auc | Measure::Rate(_) | Measure::Quantile(50 | 90)
                )
            };
            let all = answering.expected(question, None);
            let name = |expected: &Expected| {
                format!("{} {}", expected.measure.kind(), expected.measure.item(question))
            };
            rows.extend(all.iter().filter(told).map(|expected| row(name(expected), expected)));
        }
        let needed = format!("devices for {}", percent(WANTED_ERROR));
        format!("{}{smallest}", aligned(&["", "error", &needed, "printed"], rows))
    }

    /// Tells how often a number is printed that is as it is expected.
    fn printed(&self, expected: &Expected, range: f64, reports: u64) -> &'static str {
        let error = expected.standard_error(reports);
        // The rule looks at a copy of the number; what is compared with a range hardly moves with the number.
        let (widest, gain) = if expected.is_relative() {
            (MAX_RELATIVE_HALF_WIDTH * expected.value, MAX_RELATIVE_HALF_WIDTH * error)
        } else {
            (MAX_RANGE_HALF_WIDTH * range, 0.0)
        };
        let margin = widest - Z_95 * error;
        match reports >= self.least_reports {
            true if margin >= Z_95 * NOISE_OF_COPY * gain => YES,
            true if margin >= 0.0 => MORE_OFTEN,
            _ => NO,
        }
    }

    /// How many of the devices answer the question in a window.
    // Devices stay far below 2^53, and a share of them is not negative.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn reports(&self, asked: &Asked) -> u64 {
        (self.devices as f64 / asked.one_in).round() as u64
    }
}

/// A question about so many segments.
fn thought_of(segments: u16, cap: u8) -> anyhow::Result<Question> {
    let names: Vec<String> = (0..segments).map(|index| format!("segment_{index}")).collect();
    let plan = serde_json::json!({
        "id": "plan", "owner": "-", "reason": "-", "starts": "2026-01-01", "expires": "2027-01-01", "epsilon": 2,
        "questions": [{"id": "sizes", "reason": "-", "segments": names, "cap": cap}],
    });
    let plan = Plan::parse(&plan.to_string()).map_err(|_| {
        anyhow::anyhow!("no plan may ask about {segments} segments with a cap of {cap}: 1 to 256 segments, a cap of 1 to 8 and at most their number")
    })?;
    plan.questions.into_iter().next().context("a plan has a question")
}

/// What a question asks, in a few words.
fn shape(ask: &Ask) -> String {
    let segments = ask.segments().len();
    match ask {
        Ask::Sizes { cap, .. } => format!("{segments} segments, at most {cap} of a device count"),
        Ask::Overlaps { cap, .. } => {
            format!(
                "{} overlaps of {segments} segments, at most {cap} of a device count",
                segments * (segments - 1) / 2
            )
        }
        Ask::Histogram { feature, bins, .. } => format!("{feature} in {bins} bins"),
        Ask::Mean { feature, .. } => format!("the mean of {feature}"),
        Ask::Conversion { outcome, .. } => format!("{segments} segments and who of them is in {outcome}"),
        Ask::Calibration { model, outcome, .. } => {
            format!("{} bands of {model} and who of them is in {outcome}", ask.groups())
        }
    }
}

/// How it is answered.
fn mechanism(answering: &Answering) -> String {
    match (answering.mechanism(), answering.select()) {
        (Mechanism::Wave(wave), _) => {
            format!("Square wave: one of {} outputs, a bin favours {} of them.", wave.outputs(), wave.width())
        }
        (Mechanism::Mean(mean), _) => {
            format!(
                "Bounded mean: one of {} outputs, a number favours {} of them.",
                mean.outputs(),
                mean.width()
            )
        }
        (_, select) => {
            let Channel { p, q } = select.map_or(Channel { p: 1.0, q: 0.0 }, SetSelect::channel);
            format!(
                "SetSelect: {} of {} cells, favoured from {} shared on; a member's cell is in {} of the answers, another's in {}.",
                answering.held(),
                answering.cells(),
                select.map_or(0, SetSelect::threshold),
                percent(p),
                percent(q),
            )
        }
    }
}

/// The range that a value of a feature, or an area, may lie in.
fn range(question: &Question, expected: &Expected) -> f64 {
    match &question.ask {
        Ask::Histogram { low, high, .. } | Ask::Mean { low, high, .. } if !expected.measure.is_share() => {
            high.value() - low.value()
        }
        _ => 1.0,
    }
}

/// The least share that is printed, if larger ones are; to a thousandth of itself.
fn least(printed: impl Fn(f64) -> bool) -> Option<f64> {
    let (mut below, mut above) = (1e-6_f64, 0.5);
    printed(above).then_some(())?;
    for _ in 0..24 {
        let middle = (below * above).sqrt();
        if printed(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
    Some(above)
}

fn devices(needed: f64) -> String {
    grouped(&format!("{:.0}", needed.ceil()))
}

/// Reads an epsilon from the command line.
///
/// # Errors
/// A sentence, when it is none that a plan may charge.
pub fn epsilon(text: &str) -> Result<Epsilon, String> {
    let rule = || "expected an epsilon from 0.1 to 8 with at most six decimals".to_owned();
    let micro = text.parse::<f64>().map_err(|_| rule())? * 1e6;
    if !(0.0..=1e7).contains(&micro) || (micro - micro.round()).abs() > 1e-6 {
        return Err(rule());
    }
    // In range and whole by the check above.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Epsilon::from_micro(micro.round() as u32).ok_or_else(rule)
}

/// Reads a share from the command line.
///
/// # Errors
/// A sentence, when it is not above 0 and at most 1.
pub fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "expected a share above 0 and at most 1, such as 0.05".to_owned())
}

fn smallest(least: Option<f64>, sure: Option<f64>) -> String {
    match (least, sure) {
        (None, _) => "No segment is printed.".into(),
        (Some(least), None) => {
            format!(
                "A segment of {} is printed in one window of two; none is printed nearly always.",
                percent(least)
            )
        }
        (Some(least), Some(sure)) => format!(
            "A segment of {} is printed in one window of two, one of {} in 39 windows of 40.",
            percent(least),
            percent(sure)
        ),
    }
}

/// Writes a share in percent to two figures, or to all it has before the point.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    // 9.95 rounds up to a whole number of two figures.
    let places = if percent >= 9.95 || percent <= 0.0 { 0 } else { places_below_ten(percent) };
    let text = format!("{percent:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

/// How many places after the point hold two figures of a number below ten.
fn places_below_ten(percent: f64) -> usize {
    let mut places = 1;
    let mut rim = 0.995;
    while percent < rim && places < 9 {
        places += 1;
        rim /= 10.0;
    }
    places
}

/// Groups the digits of a whole number by threes.
fn grouped(digits: &str) -> String {
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend(group.iter().map(|digit| char::from(*digit)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook(epsilon: u32, segments: u16, cap: u8, one_in: f64) -> Outlook {
        Outlook {
            devices: 100_000,
            epsilon: Epsilon::from_micro(epsilon * 1_000_000).unwrap(),
            windows_per_year: 12,
            asked: vec![Asked {
                name: "Every question".into(),
                question: thought_of(segments, cap).unwrap(),
                one_in,
            }],
            least_reports: MIN_REPORTS,
            shares: vec![0.01, 0.05, 0.2],
        }
    }

    /// The published figures at epsilon 2, 100,000 reports and a cap of 3 of 32 segments.
    #[test]
    fn a_plan_of_the_published_shape_gets_the_published_figures() {
        let text = outlook(2, 32, 3, 1.0).text().unwrap();
        assert!(
            text.contains("Epsilon 2 per report, 2 per window, at most 24 a year (12 windows)."),
            "{text}"
        );
        let errors: Vec<&str> =
            text.lines().skip(5).take(3).map(|row| row.split_whitespace().nth(2).unwrap()).collect();
        assert_eq!(errors, ["37", "8.2", "2.6"], "{text}");
        assert!(text.contains("66,"), "{text}");
    }

    #[test]
    fn more_questions_take_as_many_times_the_devices() {
        let alone = outlook(2, 32, 3, 1.0).text().unwrap();
        let among_four = outlook(2, 32, 3, 4.0).text().unwrap();
        assert!(alone.contains("100,000 reports") && among_four.contains("25,000 reports of 100,000"));
        assert!(among_four.contains("  16 %  "), "{among_four}");
    }

    #[test]
    fn few_devices_print_nothing() {
        let few = Outlook { devices: 499, ..outlook(2, 32, 3, 1.0) };
        assert!(few.text().unwrap().contains("No segment is printed."));
        let none = Outlook { devices: 0, ..few };
        assert!(none.text().unwrap().contains("No segment is printed."));
    }

    #[test]
    fn figures_are_written_to_two_digits() {
        let written = [0.371, 0.0823, 0.0996, 0.2, 0.01, 0.000_34, 1.1, 0.0].map(percent);
        assert_eq!(written, ["37 %", "8.2 %", "10 %", "20 %", "1 %", "0.034 %", "110 %", "0 %"]);
        assert_eq!(["7", "123", "1234", "1234567"].map(grouped), ["7", "123", "1,234", "1,234,567"]);
    }
}
