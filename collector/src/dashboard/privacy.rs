//! The page for whoever answers for the privacy of it: what devices are asked, at what price, and what is kept for how long.

use std::num::NonZeroU16;

use askama::Template;
use keepset_privacy::release::least_reports;
use keepset_wire::labels::LabelTerms;
use keepset_wire::{Ask, Name, Plan, PlanHash, Retention};

use super::words::{number, plain, title};
use crate::access::{self, Role};
use crate::publish::epsilon;

/// What is asked, and what is kept.
pub(crate) struct Policy<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) hash: PlanHash,
    pub(crate) simulation: bool,
    /// Whether everybody reads everything.
    pub(crate) public: bool,
    pub(crate) retention: Retention,
    /// Whether votes are counted by origin, too.
    pub(crate) compared: bool,
    /// Whether answers go into an archive.
    pub(crate) archived: bool,
    /// Whether reports are paid with tokens.
    pub(crate) tokens: bool,
    /// The terms under which labels are taken.
    pub(crate) labels: &'a [LabelTerms],
}

#[derive(Template)]
#[template(path = "privacy.html")]
struct Page<'a> {
    plan: &'a Plan,
    title: String,
    hash: String,
    simulation: bool,
    public: bool,
    per_report: String,
    per_window: String,
    per_year: String,
    window_days: u32,
    least: u64,
    sensitive: String,
    questions: Vec<QuestionLine>,
    kept: Vec<(String, String)>,
    roles: [&'static str; Role::ALL.len()],
    readers: Vec<(&'static str, [bool; Role::ALL.len()])>,
}

struct QuestionLine {
    title: String,
    reason: String,
    asks: String,
}

impl Policy<'_> {
    /// Writes the page.
    ///
    /// # Errors
    /// When a value refuses to be formatted; none of ours does.
    pub(crate) fn page(&self) -> Result<String, askama::Error> {
        let (plan, price) = (self.plan, epsilon(self.plan));
        let questions = plan.questions.iter().map(|question| QuestionLine {
            title: title(question.id.as_str()),
            reason: question.reason.clone(),
            asks: asks(&question.ask),
        });
        Page {
            plan,
            title: title(plan.id.as_str()),
            hash: self.hash.to_string(),
            simulation: self.simulation,
            public: self.public,
            per_report: number(price.per_report),
            per_window: number(price.per_window),
            per_year: number(price.per_year),
            window_days: plan.epoch_days * plan.window_epochs,
            least: least_reports(plan),
            sensitive: plan.sensitive.names().join(", "),
            questions: questions.collect(),
            kept: self.kept(),
            roles: Role::ALL.map(|(name, _)| name),
            readers: access::table().collect(),
        }
        .render()
    }

    fn kept(&self) -> Vec<(String, String)> {
        let after = |days: Option<NonZeroU16>| match days {
            Some(days) => format!("{days} days after their window closed"),
            None => "for as long as the store is kept".into(),
        };
        let grace = self.plan.epoch_days;
        let mut kept = vec![
            ("A report as it came".into(), "its votes are counted; it is opened in memory".into()),
            (
                "The random name of a report, so that it counts once".into(),
                format!("its window closes, {grace} days after its last day"),
            ),
            ("Counts of votes, and the estimates made of them".into(), after(self.retention.counts_days)),
        ];
        kept.push((
            "Sums of the shapes of answers, to find reports that are made up".into(),
            after(self.retention.counts_days),
        ));
        if self.tokens {
            kept.push((
                "Two hashes over the token a report came with, so that no token is used twice; neither the token nor beside which votes".into(),
                "the window closes in which its issuer's key is over".into(),
            ));
        }
        if self.compared {
            let origins = "Sums of votes by the site that sent them, as browsers name it; beside no report";
            kept.push((origins.into(), after(self.retention.counts_days)));
        }
        if self.archived {
            let answers =
                "Answers, mixed with chance on the device, beside the name of their report: the archive";
            kept.push((answers.into(), after(self.retention.answers_days)));
        }
        for terms in self.labels {
            let labels =
                format!("Labels people agreed to share ({}): {}", title(terms.id.as_str()), terms.purpose);
            kept.push((labels, format!("taken back, or not renewed for {} days", terms.keep_days)));
        }
        let log = if self.public { "nobody is named" } else { "the operator takes the log away" };
        kept.push((
            "How often an address asks, as a salted sketch in memory".into(),
            "two minutes at most".into(),
        ));
        kept.push(("Who read what".into(), log.into()));
        kept
    }
}

/// Says in words what a device answers.
fn asks(ask: &Ask) -> String {
    let names = |names: &[Name]| {
        names.iter().map(|name| title(name.as_str()).to_lowercase()).collect::<Vec<_>>().join(", ")
    };
    let one = |name: &Name| title(name.as_str()).to_lowercase();
    match ask {
        Ask::Sizes { segments, cap } => {
            format!("Which of these the device is in, at most {cap} of them: {}.", names(segments))
        }
        Ask::Overlaps { segments, cap } => {
            format!("Which two of these it is in at once, of at most {cap}: {}.", names(segments))
        }
        Ask::Histogram { feature, low, high, bins } => format!(
            "Near which of {bins} places from {} to {} its {} is.",
            plain(low.value()),
            plain(high.value()),
            one(feature)
        ),
        Ask::Mean { feature, low, high, .. } => format!(
            "Near which place from {} to {} its {} is.",
            plain(low.value()),
            plain(high.value()),
            one(feature)
        ),
        Ask::Conversion { segments, outcome } => format!(
            "Which of these it was in first, {}, and whether it is in {} now.",
            names(segments),
            one(outcome)
        ),
        Ask::Calibration { outcome, .. } => {
            format!("In which band its score was, and whether it is in {} now.", one(outcome))
        }
    }
}
