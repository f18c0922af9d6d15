//! From counts to findings: every window and question, un-noised, put to the rule of release and compared with the window before.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use keepset_privacy::Answering;
use keepset_privacy::drift::{Counted, Drift};
use keepset_privacy::finding::{Expected, Finding, Measure};
use keepset_privacy::release::least_reports;
use keepset_privacy::shapes::{ShapeTest, Shapes, Single};
use keepset_wire::{Plan, Question, Window};

use crate::changes::{Change, changes};
use crate::checks::SHAPES;
use crate::context::{Context, contexts};
use crate::rollups::{Rollup, Rollups};
use crate::store::{Contents, Tally};
use crate::without::{Without, without};

/// What is known of one window.
#[derive(Clone, Debug)]
pub struct WindowEstimates {
    /// Which window.
    pub window: Window,
    /// Whether its counts can no longer change.
    pub closed: bool,
    /// How many reports of it came when it was closed; they are in no estimate.
    pub late: u64,
    /// One entry per question of the plan, in its order.
    pub questions: Vec<QuestionEstimates>,
}

impl WindowEstimates {
    /// Returns how many reports the window holds.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.questions.iter().map(|question| question.reports).sum()
    }
}

/// What is known of one question in one window.
#[derive(Clone, Debug, Default)]
pub struct QuestionEstimates {
    /// How many devices answered it.
    pub reports: u64,
    /// Every number, in the order of its measures.
    pub findings: Vec<Finding>,
    /// What stands beside each of them, where something does.
    pub contexts: Vec<Option<Context>>,
    /// By how much each of them differs from the window before, where it is printed in both.
    pub changes: Vec<Option<Change>>,
    /// Whether it differs from the window before by more than chance; nothing unless both have enough reports.
    pub drift: Option<Drift>,
    /// At most so many of the devices are in more segments than they answer for; nothing where no cap cuts anything off, or without a report.
    pub truncated_at_most: Option<f64>,
    /// Whether the answers have the shapes that honest ones have; nothing where none was looked at.
    pub shapes: Option<ShapeTest>,
    /// The same without the reports of each origin, where they are compared.
    pub without: Vec<Without>,
    /// Segments put together.
    pub rollups: Vec<Rollup>,
}

/// The counts of one question, window by window, up to the one that is estimated.
#[derive(Clone, Debug, Default)]
struct History {
    windows: Vec<(Window, Tally)>,
    /// Of all of them: whoever remembers this need not keep them.
    fingerprint: DefaultHasher,
}

impl History {
    fn push(&mut self, window: Window, tally: Tally) {
        (window.0, &tally).hash(&mut self.fingerprint);
        self.windows.push((window, tally));
    }
}

/// What was found, by window and question, with the fingerprint of the counts it was found in.
type Known = BTreeMap<(Window, u16), (u64, QuestionEstimates)>;

/// A plan's questions as the estimator knows them, and what it has estimated: a histogram takes 200 repetitions, and most windows no
/// longer change.
#[derive(Debug)]
pub struct Estimator {
    tasks: Vec<Answering>,
    /// By question, what was expected of it before anyone was asked.
    expected: Vec<Vec<Expected>>,
    /// By question, how its answers are sorted by shape.
    shapes: Vec<Option<Shapes>>,
    /// By question, what is to be expected of answers that are one cell each.
    singles: Vec<Option<Single>>,
    rollups: Rollups,
    known: Mutex<Known>,
}

impl Estimator {
    /// Derives the mechanisms of a plan.
    ///
    /// # Errors
    /// One sentence when a question of the plan allows no mechanism.
    pub fn new(plan: &Plan) -> Result<Self, String> {
        let tasks = Answering::of_plan(plan).map_err(|error| format!("--plan: {error}"))?;
        let expected = tasks.iter().zip(&plan.questions).map(|(task, asked)| task.expected(asked, None));
        let shapes = tasks.iter().map(|task| task.select().and_then(Shapes::new)).collect();
        let singles = tasks.iter().map(Single::new).collect();
        let (rollups, known) = (Rollups::default(), Mutex::default());
        Ok(Self { expected: expected.collect(), shapes, singles, rollups, tasks, known })
    }

    /// Puts these segments together, too.
    #[must_use]
    pub fn rolling_up(self, rollups: Rollups) -> Self {
        Self { rollups, ..self }
    }

    /// Returns the mechanism of every question.
    #[must_use]
    pub fn tasks(&self) -> &[Answering] {
        &self.tasks
    }

    /// Returns how the answers to a question are sorted by shape; nothing where they are single cells.
    #[must_use]
    pub fn shapes(&self, question: u16) -> Option<&Shapes> {
        self.shapes.get(usize::from(question))?.as_ref()
    }

    /// Returns the standard error that was to be expected of so many reports.
    #[must_use]
    pub fn expected_error(&self, question: usize, measure: Measure, reports: u64) -> Option<f64> {
        let all = self.expected.get(question)?;
        let one = all.iter().find(|expected| expected.measure == measure)?;
        (reports > 0).then(|| one.standard_error(reports))
    }

    /// Estimates every window that has reports, oldest first.
    ///
    /// # Privacy
    /// Post-processing of answers that were randomised on the devices: it reveals no more than they do.
    #[must_use]
    pub fn windows(&self, plan: &Plan, contents: &Contents) -> Vec<WindowEstimates> {
        let mut sums: BTreeMap<Window, BTreeMap<u16, Tally>> = BTreeMap::new();
        for ((epoch, question), tally) in &contents.tallies {
            sums.entry(plan.window_of(*epoch)).or_default().entry(*question).or_default().merge(tally);
        }
        let mut checks = parts(plan, contents);
        let mut histories = vec![History::default(); self.tasks.len()];
        let mut all = Vec::with_capacity(sums.len());
        for (window, mut counted) in sums {
            let asked = (0..).zip(&self.tasks).zip(&plan.questions).zip(&mut histories);
            let questions = asked.map(|(((index, task), question), history)| {
                history.push(window, counted.remove(&index).unwrap_or_default());
                let checks = checks.remove(&(window, index)).unwrap_or_default();
                self.remembered((window, index), history, &checks, || {
                    let found = estimates(task, question, &history.windows, least_reports(plan));
                    self.checked(index, question, history, &checks, least_reports(plan), found)
                })
            });
            all.push(WindowEstimates {
                window,
                // What the store says, not the clock: it is the store that refuses.
                closed: plan.first_epoch(window) < contents.closed_before,
                late: late(plan, window, contents),
                questions: questions.collect(),
            });
        }
        all
    }

    /// Puts the checks of the last window of a history beside its estimates.
    fn checked(
        &self,
        index: u16,
        question: &Question,
        history: &History,
        checks: &Parts,
        least: u64,
        found: QuestionEstimates,
    ) -> QuestionEstimates {
        let Some(((window, all), earlier)) = history.windows.split_last() else { return found };
        let task = &self.tasks[usize::from(index)];
        let sets = self.shapes(index).zip(checks.get(SHAPES));
        let sets = sets.and_then(|(shapes, tally)| shapes.test(&tally.support, tally.reports));
        // What is counted of single cells is what their test looks at.
        let single = self.singles.get(usize::from(index)).and_then(Option::as_ref);
        let single = single.and_then(|single| single.test(&all.support, all.reports));
        // Of a histogram and a mean nothing is compared or put together, and repetitions take their time.
        let comparable = |before: &&Tally| before.reports >= least && task.select().is_some();
        let before = just_before(*window, earlier).filter(comparable);
        let before = before.map(|before| found_in(task, question, before, least));
        let now = (all, found.findings.as_slice());
        QuestionEstimates {
            shapes: sets.or(single),
            truncated_at_most: task.truncated_at_most(question, &all.support, all.reports),
            changes: changes(&found.findings, before.as_deref().map(|before| (Window(window.0 - 1), before))),
            without: without(task, question, all, &found.findings, checks, least),
            rollups: self.rollups.of(index.into(), task, question, now, before.as_deref(), least),
            ..found
        }
    }

    /// Estimates the last window of a history, unless that was done with the same counts before.
    fn remembered(
        &self,
        which: (Window, u16),
        history: &History,
        checks: &Parts,
        estimate: impl FnOnce() -> QuestionEstimates,
    ) -> QuestionEstimates {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fingerprint = history.fingerprint.clone();
        checks.hash(&mut fingerprint);
        let fingerprint = fingerprint.finish();
        if let Some((_, found)) = known().get(&which).filter(|(counted, _)| *counted == fingerprint) {
            return found.clone();
        }
        let found = estimate();
        known().insert(which, (fingerprint, found.clone()));
        found
    }
}

/// What was counted to check the reports of one window and question, by part.
type Parts = BTreeMap<Arc<str>, Tally>;

fn parts(plan: &Plan, contents: &Contents) -> BTreeMap<(Window, u16), Parts> {
    let mut all: BTreeMap<_, Parts> = BTreeMap::new();
    for ((epoch, question, part), tally) in &contents.aside.checks {
        let of_question = all.entry((plan.window_of(*epoch), *question)).or_default();
        of_question.entry(Arc::clone(part)).or_default().merge(tally);
    }
    all
}

/// Estimates the last window of a history.
fn estimates(
    task: &Answering,
    question: &Question,
    history: &[(Window, Tally)],
    least: u64,
) -> QuestionEstimates {
    let Some(((window, now), earlier)) = history.split_last() else { return QuestionEstimates::default() };
    let findings = found_in(task, question, now, least);
    QuestionEstimates {
        reports: now.reports,
        contexts: contexts(task, &findings, history),
        findings,
        drift: just_before(*window, earlier).and_then(|before| drift(task, before, now, least)),
        ..QuestionEstimates::default()
    }
}

fn found_in(task: &Answering, question: &Question, tally: &Tally, least: u64) -> Vec<Finding> {
    let found = task.findings(question, &tally.support, tally.reports);
    found.into_iter().map(|finding| finding.resting_on(least)).collect()
}

/// The counts of the window right before this one.
fn just_before(window: Window, earlier: &[(Window, Tally)]) -> Option<&Tally> {
    earlier.last().filter(|(before, _)| before.0 + 1 == window.0).map(|(_, tally)| tally)
}

fn late(plan: &Plan, window: Window, contents: &Contents) -> u64 {
    contents
        .aside
        .late
        .iter()
        .filter(|(epoch, _)| plan.window_of(**epoch) == window)
        .map(|(_, late)| late)
        .sum()
}

fn drift(task: &Answering, before: &Tally, now: &Tally, least: u64) -> Option<Drift> {
    let enough = |tally: &&Tally| tally.reports >= least;
    let [before, now] = [Some(before).filter(enough)?, Some(now).filter(enough)?]
        .map(|tally| Counted { counts: &tally.support, reports: tally.reports });
    task.drift(before, now)
}
