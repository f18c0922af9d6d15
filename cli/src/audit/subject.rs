//! What is audited: a kind of question at a price, every input it can have, and the exact law of its answers.
//!
//! A kind of question is a function here that makes its subjects; the checks know inputs and outputs by their numbers only.

use anyhow::Context as _;
use keepset_engine::{Decided, Due};
use keepset_privacy::{SeededCoins, SetSelect};
use keepset_wire::{Epsilon, Plan, PlanHash, Report};

use super::device::Survey;
use super::lane::Outcome;
use super::law::Law;

/// Devices of one question, one for every input.
#[derive(Debug)]
pub(super) struct Subject {
    /// The mechanism and its shape.
    pub(super) name: String,
    pub(super) epsilon: Epsilon,
    /// By input, what the core hands to the module, but for the key to seal to.
    pub(super) dues: Vec<Vec<u8>>,
    /// The same with the key, byte for byte as in a page.
    pub(super) sealed: Vec<Vec<u8>>,
    pub(super) law: Law,
    plan: Plan,
    hash: PlanHash,
    /// Everything in a report that is not its answer, as this program's own engine writes it.
    frame: Vec<u8>,
    /// How many bytes the module returns with a report.
    length: usize,
}

impl Subject {
    /// Segment sizes: in which of `segments` segments is the device? At most `cap` count.
    pub(super) fn of_segments(epsilon: Epsilon, segments: u16, cap: u8) -> anyhow::Result<Self> {
        let mechanism = SetSelect::new(epsilon, segments, cap)?;
        let survey = Survey::of_segments(epsilon, segments, cap)?;
        let inputs = 0..1_u32 << segments;
        let dues = inputs.clone().map(|members| survey.due(members)).collect::<anyhow::Result<Vec<_>>>()?;
        let sealed = inputs.map(|members| survey.sealed(members)).collect::<anyhow::Result<_>>()?;
        let plan = survey.plan()?.clone();
        let decided = Due::from_bytes(&dues[0])
            .context("the engine cannot read its own question")?
            .decide(SeededCoins::new(0));
        let report = decided.report().context("the engine gives no report")?;
        Ok(Self {
            name: format!("SetSelect, cap {cap} of {segments}"),
            epsilon,
            dues,
            sealed,
            law: Law::of_set_select(&mechanism, cap),
            hash: plan.hash(),
            frame: frame(&plan, report).to_vec(),
            length: decided.to_bytes().len(),
            plan,
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

/// Everything before the answer; what is behind it is held to zeros by [`Report::decode`].
fn frame<'a>(plan: &Plan, report: &'a [u8]) -> &'a [u8] {
    let answer = plan.questions.first().map_or(0, |question| usize::from(question.cells()).div_ceil(8));
    &report[..report.len().saturating_sub(answer)]
}
