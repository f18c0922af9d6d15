use keepset_privacy::Answering;
use keepset_wire::{Plan, Question, Window};

use super::*;

/// A plan that asks for the sizes of two segments, and how it is answered.
fn asked() -> (Question, Answering) {
    let document = include_str!("../../../packs/retail/questions.plan.json");
    let plan = Plan::parse(document).unwrap();
    let task = Answering::of_plan(&plan).unwrap().swap_remove(0);
    (plan.questions[0].clone(), task)
}

/// The counts of so many reports in which `members` of all devices are in the first segment, as they are to be expected.
fn tally(task: &Answering, reports: u64, members: f64) -> Tally {
    let channel = task.select().unwrap().channel();
    let votes = (channel.q + (channel.p - channel.q) * members) * reports as f64;
    // Between 0 and `reports`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Tally { reports, support: vec![votes.round() as u64] }
}

fn first(history: &[(Window, Tally)]) -> (Finding, Context) {
    let (question, task) = asked();
    let (_, last) = history.last().unwrap();
    let findings = task.findings(&question, &last.support, last.reports);
    (findings[0], contexts(&task, &findings, history)[0].unwrap())
}

#[test]
fn windows_before_that_agree_make_the_interval_shorter_and_later_ones_change_nothing() {
    let (_, task) = asked();
    let history: Vec<(Window, Tally)> = (0..8).map(|at| (Window(at), tally(&task, 5_000, 0.3))).collect();
    let width = |level: Level| level.high - level.low;
    let levels: Vec<Level> = (1..=8).map(|end| first(&history[..end]).1.level.unwrap()).collect();
    assert!(width(levels[7]) < 0.75 * width(levels[0]), "{levels:?}");
    let mut longer = history.clone();
    longer.push((Window(8), tally(&task, 5_000, 0.9)));
    assert_eq!(first(&longer[..8]).1.level.unwrap(), levels[7]);
}

#[test]
fn fakes_only_widen_the_interval() {
    let (_, task) = asked();
    let (finding, context) = first(&[(Window(0), tally(&task, 20_000, 0.3))]);
    let estimate = finding.estimate().unwrap();
    assert!(context.with_fakes.0 < estimate.low && context.with_fakes.1 > estimate.high, "{context:?}");
}

#[test]
fn so_many_reports_more_are_needed_that_the_error_is_a_tenth_of_the_size() {
    let (_, task) = asked();
    let (finding, context) = first(&[(Window(0), tally(&task, 1_500, 0.3))]);
    let share = finding.published().unwrap().share;
    let enough = 1_500 + context.more_reports.unwrap();
    let (then, none_missing) = first(&[(Window(0), tally(&task, enough, share))]);
    let relative = then.estimate().unwrap().standard_error / then.estimate().unwrap().share;
    assert!((relative - 0.1).abs() < 0.002, "{relative}");
    assert!(none_missing.more_reports.unwrap() <= 10, "{none_missing:?}");
}

#[test]
fn a_size_too_uncertain_to_print_does_not_say_what_is_missing() {
    let (_, task) = asked();
    let (_, context) = first(&[(Window(0), tally(&task, 300, 0.05))]);
    assert_eq!(context.more_reports, None);
}
