//! What is audited: a kind of question at a price, every input it can have, and the exact law of its answers.
//!
//! A kind of question is a function here that makes its subjects; the checks know inputs and outputs by their numbers only.

use anyhow::Context as _;
use keepset_engine::{Decided, Due};
use keepset_privacy::{BoundedMean, Joint, Overlaps, SeededCoins, SetSelect, SquareWave, Truth};
use keepset_wire::{Epsilon, Plan, PlanHash, Report};
use serde_json::json;

use super::device::{Survey, names};
use super::lane::Outcome;
use super::law::{Law, Mixture};

/// Devices of one question, one for every input.
#[derive(Debug)]
pub(super) struct Subject {
    /// The question, its mechanism and its shape.
    pub(super) name: String,
    pub(super) epsilon: Epsilon,
    /// By input, what the core hands to the module, but for the key to seal to.
    pub(super) dues: Vec<Vec<u8>>,
    /// The same with the key, byte for byte as in a page.
    pub(super) sealed: Vec<Vec<u8>>,
    /// By input, a name for it.
    pub(super) labels: Vec<String>,
    pub(super) law: Law,
    /// The inputs that a guesser is to tell apart, the hardest to hide first.
    pub(super) duels: Vec<[usize; 2]>,
    plan: Plan,
    hash: PlanHash,
    /// Everything in a report that is not its answer, as this program's own engine writes it.
    frame: Vec<u8>,
    /// How many bytes the module returns with a report.
    length: usize,
}

/// Every input a question can have, and what follows from it.
struct Inputs {
    devices: Vec<Due>,
    labels: Vec<String>,
    law: Law,
    duels: Vec<[usize; 2]>,
}

impl Subject {
    /// Sizes: in which of `segments` segments is the device? At most `cap` count.
    pub(super) fn of_sizes(epsilon: Epsilon, segments: u16, cap: u8) -> anyhow::Result<Self> {
        let survey = Survey::of_sizes(epsilon, segments, cap, 1)?;
        let duels = match (segments, cap) {
            (1, 1) => vec![[0, 1]],
            (4, 2) => vec![[0b0011, 0b1100], [0b0000, 0b1111], [0b0001, 0b0010]],
            _ => Vec::new(),
        };
        let name = format!("sizes, SetSelect, cap {cap} of {segments}");
        let inputs = Inputs::of_segments(&survey, &SetSelect::new(epsilon, segments, cap)?, duels)?;
        Self::new(name, epsilon, &survey, inputs)
    }

    /// Overlaps: in which two of `segments` segments is the device at once?
    pub(super) fn of_overlaps(epsilon: Epsilon, segments: u16, cap: u8) -> anyhow::Result<Self> {
        let question = json!({ "ask": "overlaps", "segments": names(segments), "cap": cap });
        let survey = Survey::new(epsilon, &question, 1)?;
        let mechanism = Overlaps::new(epsilon, segments, cap)?;
        let inputs = Inputs::of_segments(&survey, mechanism.select(), vec![[0b0011, 0b1100]])?;
        Self::new(format!("overlaps, SetSelect, cap {cap} of {segments}"), epsilon, &survey, inputs)
    }

    /// Conversion: in which of two segments was the device, and did the outcome come? A calibration is answered by the same cells.
    pub(super) fn of_conversion(epsilon: Epsilon) -> anyhow::Result<Self> {
        let question = json!({ "ask": "conversion", "segments": names(2), "outcome": "s2" });
        let survey = Survey::new(epsilon, &question, 1)?;
        let joint = Joint::with_none(epsilon, 2)?;
        let last = joint.cells() - 1;
        let masks: Vec<u32> = (0..last).map(|cell| 1 << cell).chain([0]).collect();
        let law = Law::of_set_select(joint.select(), &masks);
        let truths = (0..=last).map(|cell| (format!("cell {cell}"), Truth::Cells(vec![cell])));
        let inputs = Inputs::saying(&survey, truths, law, [0, 1])?;
        Self::new("conversion, SetSelect, one of 5 cells".into(), epsilon, &survey, inputs)
    }

    /// Histogram: in which of three bins is a feature, or has it no value?
    pub(super) fn of_histogram(epsilon: Epsilon) -> anyhow::Result<Self> {
        let question = json!({ "ask": "histogram", "feature": "f0", "low": 0, "high": 3, "bins": 3 });
        let survey = Survey::new(epsilon, &question, 1)?;
        let wave = SquareWave::new(epsilon, 4)?;
        let rows: Vec<Mixture> = (0..wave.buckets()).map(Mixture::of_row).collect();
        let law = Law::of_band(odds(epsilon)?, (wave.outputs(), wave.width()), room(&survey)?, &rows);
        let truths =
            (0..wave.buckets()).map(|bucket| (format!("bucket {bucket}"), Truth::Cells(vec![bucket])));
        let inputs = Inputs::saying(&survey, truths, law, [0, 3])?;
        Self::new("histogram, square wave, 4 buckets".into(), epsilon, &survey, inputs)
    }

    /// Mean: where between -1 and 1 is a feature?
    pub(super) fn of_mean(epsilon: Epsilon) -> anyhow::Result<Self> {
        const ONE: i32 = BoundedMean::ONE;
        let question = json!({ "ask": "mean", "feature": "f0", "low": 0, "high": 4, "missing": 0 });
        let survey = Survey::new(epsilon, &question, 1)?;
        let mean = BoundedMean::new(epsilon)?;
        let numbers = [-ONE, -ONE / 3, 0, ONE / 2, ONE];
        let inputs = numbers.iter().map(|number| Mixture::between(mean.levels(), *number, ONE));
        let inputs: Vec<Mixture> = inputs.collect::<anyhow::Result<_>>()?;
        let law = Law::of_band(odds(epsilon)?, (mean.outputs(), mean.width()), room(&survey)?, &inputs);
        let share = |number: i32| f64::from(number) / f64::from(ONE);
        let truths = numbers.map(|number| (format!("{:.2}", share(number)), Truth::Number(number.into())));
        let inputs = Inputs::saying(&survey, truths.into_iter(), law, [0, 4])?;
        Self::new(format!("mean, {} outputs", mean.outputs()), epsilon, &survey, inputs)
    }

    fn new(name: String, epsilon: Epsilon, survey: &Survey, inputs: Inputs) -> anyhow::Result<Self> {
        let Inputs { devices, labels, law, duels } = inputs;
        let plan = survey.plan()?.clone();
        let sealed = devices.iter().map(Due::to_bytes).collect();
        let dues: Vec<Vec<u8>> = devices.into_iter().map(|device| device.unsealed().to_bytes()).collect();
        let decided = Due::from_bytes(dues.first().context("a question without an input")?)
            .context("the engine cannot read its own question")?
            .decide(SeededCoins::new(0));
        let report = decided.report().context("the engine gives no report")?;
        Ok(Self {
            name,
            epsilon,
            labels,
            law,
            duels,
            hash: plan.hash(),
            frame: frame(&plan, report).to_vec(),
            length: decided.to_bytes().len(),
            plan,
            dues,
            sealed,
        })
    }

    /// Names the subject and its price.
    pub(super) fn title(&self) -> String {
        format!("{}, epsilon {}", self.name, self.epsilon.value())
    }

    /// Reads which output the module gave, or says in a few words what is wrong with it.
    pub(super) fn output(&self, outcome: &Outcome) -> Result<usize, String> {
        let bytes = match outcome {
            Outcome::Returned(bytes) => bytes,
            Outcome::Threw(error) => return Err(format!("threw: {error}")),
        };
        let decided = Decided::from_bytes(bytes).ok_or("returned bytes of another form")?;
        let report = decided.report().map_err(|withheld| format!("no report: {withheld}"))?;
        if bytes.len() != self.length || report.len() != Report::length(&self.plan) {
            return Err("another length".into());
        }
        if frame(&self.plan, report) != self.frame {
            return Err("something beside the answer changed".into());
        }
        let report = Report::decode(&self.plan, self.hash, report).map_err(|error| error.to_string())?;
        self.law.output(&report.answer).ok_or_else(|| "an answer that cannot be".into())
    }
}

impl Inputs {
    /// Every set of memberships of the segments that are asked about; the engine itself finds what the device would say.
    fn of_segments(survey: &Survey, mechanism: &SetSelect, duels: Vec<[usize; 2]>) -> anyhow::Result<Self> {
        let masks: Vec<u32> = (0..1 << mechanism.segments()).collect();
        let devices = masks.iter().map(|members| survey.device(*members)).collect::<anyhow::Result<_>>()?;
        let labels = masks.iter().map(|members| segments(*members)).collect();
        Ok(Self { devices, labels, law: Law::of_set_select(mechanism, &masks), duels })
    }

    /// Devices that would say this.
    fn saying(
        survey: &Survey,
        truths: impl Iterator<Item = (String, Truth)>,
        law: Law,
        duel: [usize; 2],
    ) -> anyhow::Result<Self> {
        let (mut devices, mut labels) = (Vec::new(), Vec::new());
        for (label, truth) in truths {
            labels.push(label);
            devices.push(survey.device(0)?.saying(vec![truth]));
        }
        Ok(Self { devices, labels, law, duels: vec![duel] })
    }
}

/// The two whole-number weights that all mechanisms are made of.
fn odds(epsilon: Epsilon) -> anyhow::Result<(u64, u64)> {
    Ok(SetSelect::new(epsilon, 1, 1)?.odds())
}

/// How many cells an answer has room for on the wire.
fn room(survey: &Survey) -> anyhow::Result<u16> {
    Ok(survey.plan()?.questions.first().context("the audit's own plan asks nothing")?.cells())
}

/// The segments of a mask, by number.
fn segments(members: u32) -> String {
    let segments = (0..u32::BITS).filter(|segment| members >> segment & 1 == 1);
    let segments: Vec<String> = segments.map(|segment| segment.to_string()).collect();
    if segments.is_empty() { "none".into() } else { segments.join("+") }
}

/// Everything before the answer; what is behind it is held to zeros by [`Report::decode`].
fn frame<'a>(plan: &Plan, report: &'a [u8]) -> &'a [u8] {
    let answer = plan.questions.first().map_or(0, |question| usize::from(question.cells()).div_ceil(8));
    &report[..report.len().saturating_sub(answer)]
}
