use super::*;
use crate::answering::Truth;
#[cfg(target_arch = "wasm32")]
use crate::test;
use keepset_wire::Plan;

const QUESTIONS: &str = r#"[
    {"id": "sizes", "reason": "r", "segments": ["a", "b", "c", "d"], "cap": 2},
    {"id": "overlaps", "reason": "r", "ask": "overlaps", "segments": ["a", "b", "c", "d"], "cap": 3},
    {"id": "histogram", "reason": "r", "ask": "histogram", "feature": "f", "low": -10, "high": 30, "bins": 8},
    {"id": "mean", "reason": "r", "ask": "mean", "feature": "f", "low": -10, "high": 30},
    {"id": "conversion", "reason": "r", "ask": "conversion", "segments": ["a", "b"], "outcome": "c"},
    {"id": "calibration", "reason": "r", "ask": "calibration", "model": "m", "cuts": [-1, 0, 1], "outcome": "c"}]"#;

fn plan(epsilon: u32) -> Plan {
    let text = format!(
        r#"{{"id": "all", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2030-01-01", "epsilon": {epsilon},
            "questions": {QUESTIONS}}}"#
    );
    Plan::parse(&text).unwrap()
}

/// What a population of 2,400 says to each question, the same in every run: a person's number decides, `shift` moves some.
fn truth(ask: &Ask, person: u16, shift: u16) -> Truth {
    let among = |of: u16, below: u16| person * 7 % of < below + shift;
    let cells = |flags: &[bool]| (0..).zip(flags).filter(|(_, flag)| **flag).map(|(cell, _)| cell).collect();
    match ask {
        Ask::Sizes { .. } => Truth::Cells(cells(&[among(10, 4), false, person.is_multiple_of(12), false])),
        Ask::Overlaps { .. } => Truth::Cells(cells(&[
            among(10, 5),
            among(10, 3),
            person.is_multiple_of(4),
            person.is_multiple_of(3),
        ])),
        Ask::Histogram { .. } => Truth::Cells(vec![if among(10, 2) { 0 } else { 1 + person % 5 }]),
        Ask::Mean { .. } => Truth::Number(i64::from(person % 5 + shift) * 100_000),
        Ask::Conversion { .. } => Truth::Cells(vec![if among(10, 6) {
            2 * (person % 2) + u16::from(person.is_multiple_of(3))
        } else {
            4
        }]),
        _ => {
            let band = person % 4;
            Truth::Cells(vec![if among(20, 1) {
                8
            } else {
                2 * band + u16::from(person * 11 % 10 < 1 + 2 * band)
            }])
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod in_print;

const PEOPLE: u16 = 2_400;

/// The counts of the answers of everyone, drawn with one seed.
fn counts(answering: &Answering, ask: &Ask, shift: u16, seed: u64) -> Vec<u64> {
    let randomiser = answering.clone().randomiser(SeededCoins::new(seed)).unwrap();
    let mut counts = vec![0; answering.counters()];
    for person in 0..PEOPLE {
        let answer = randomiser.draw(&truth(ask, person, shift)).unwrap();
        assert!(answering.is_shaped(&answer));
        answering.counted(&answer).into_iter().for_each(|counter| counts[counter] += 1);
    }
    counts
}

fn exact(question: &Question) -> Exact {
    let mut exact = Exact::default();
    (0..PEOPLE).for_each(|person| exact.add(question, &truth(&question.ask, person, 0)));
    exact
}

fn answerings(plan: &Plan) -> impl Iterator<Item = (Answering, &Question)> {
    plan.questions.iter().map(|question| (Answering::for_question(plan.epsilon, question).unwrap(), question))
}

/// 40 populations of 2,400 devices at epsilon 2, through the real mechanisms. Of the intervals of one question, 40 to 520, at least 90 %
/// hold the truth: at a coverage of 95 % a count below that has a probability below 1e-3 for those of 160 and more, and 5 % for the
/// single mean, whose bound is 85 %. No estimate is further than 6 standard errors away. Seeds are fixed.
#[test]
fn what_is_found_is_what_is_true_for_every_kind_of_question() {
    let plan = plan(2);
    for (answering, question) in answerings(&plan) {
        let values = exact(question).values(&answering, question);
        assert_eq!(values.len(), answering.measures(question).len());
        let (mut held, mut all) = (0, 0);
        for seed in 0..40 {
            let counts = counts(&answering, &question.ask, 0, seed);
            let findings = answering.findings(question, &counts, PEOPLE.into());
            let measures: Vec<Measure> = findings.iter().map(|finding| finding.measure).collect();
            assert_eq!(measures, answering.measures(question));
            for (finding, truth) in findings.iter().zip(&values) {
                let (Some(estimate), Some(truth)) = (finding.estimate(), truth) else { continue };
                held += i32::from(estimate.low <= *truth && *truth <= estimate.high);
                all += 1;
                let error = (estimate.share - truth).abs();
                assert!(
                    error <= 6.0 * estimate.standard_error,
                    "{:?}: {estimate:?} {truth}",
                    finding.measure
                );
            }
        }
        let least = if values.len() == 1 { 0.85 } else { 0.9 };
        assert!(f64::from(held) >= least * f64::from(all), "{}: {held} of {all}", question.id);
    }
}

/// A question about the conversion of these segments, at epsilon 2.
fn compared(segments: &[&str]) -> (Answering, Question) {
    let plan = format!(
        r#"{{"id": "one", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2030-01-01", "epsilon": 2, "questions": [
        {{"id": "buying", "reason": "r", "ask": "conversion", "segments": {segments:?}, "outcome": "o"}}]}}"#
    );
    let plan = Plan::parse(&plan).unwrap();
    let question = plan.questions[0].clone();
    (Answering::for_question(plan.epsilon, &question).unwrap(), question)
}

/// 300 populations of 8,000 devices at epsilon 2: three segments of 2,000 that convert at 30, 20 and 40 %, and 2,000 devices in none, so that
/// all convert at 30 %. Of each segment's 300 intervals 270 to 297 hold the truth (an honest one leaves that in 2 of 10,000 such tests),
/// at most 30 call the first segment, which is like all, more than chance (4 in 10,000 at 5 %), and the mean of each is within 4.5
/// standard errors of the truth (1 in 100,000). Seeds are fixed. With 4,000 others 3,794 to 3,815 intervals of each held, and 206 called the
/// first segment more than chance.
#[test]
fn a_segment_is_compared_with_all_without_bias_and_chance_is_called_chance() {
    let (answering, question) = compared(&["a", "b", "c"]);
    let question = &question;
    let truths: Vec<Truth> = (0..8_000_u16)
        .map(|person| (person % 4, person / 4 % 100))
        .map(|(group, place)| match group {
            3 => 6,
            group => 2 * group + u16::from(place < [30, 20, 40][usize::from(group)]),
        })
        .map(|cell| Truth::Cells(vec![cell]))
        .collect();
    let mut exact = Exact::default();
    truths.iter().for_each(|truth| exact.add(question, truth));
    let values = exact.values(&answering, question);
    let place = |wanted| answering.measures(question).iter().position(|measure| *measure == wanted).unwrap();
    let populations: Vec<Vec<Finding>> = (0..300)
        .map(|seed| {
            let randomiser = answering.clone().randomiser(SeededCoins::new(seed)).unwrap();
            let mut counts = vec![0; answering.counters()];
            for truth in &truths {
                let answer = randomiser.draw(truth).unwrap();
                answering.counted(&answer).into_iter().for_each(|counter| counts[counter] += 1);
            }
            answering.findings(question, &counts, 8_000)
        })
        .collect();
    let all = values[place(Measure::RateOfAll)].unwrap();
    assert!((all - 0.3).abs() < 1e-12);
    for (group, lift) in [(0, 0.0), (1, -0.1), (2, 0.1)] {
        let place = place(Measure::LiftOverAll(group));
        let truth = values[place].unwrap();
        assert!((truth - lift).abs() < 1e-12);
        let found: Vec<&Finding> = populations.iter().map(|findings| &findings[place]).collect();
        let estimates: Vec<Estimate> = found.iter().filter_map(|finding| finding.published()).collect();
        assert_eq!(estimates.len(), 300, "known well enough in all of them");
        let held = estimates.iter().filter(|found| (found.low..=found.high).contains(&truth)).count();
        assert!((270..=297).contains(&held), "{group}: {held} of 300 hold");
        let mean = estimates.iter().map(|found| found.share).sum::<f64>() / 300.0;
        let error = estimates.iter().map(|found| found.standard_error).sum::<f64>() / 300.0;
        assert!((mean - truth).abs() < 4.5 * error / 300_f64.sqrt(), "{group}: {mean} {error}");
        let called = found.iter().filter(|finding| finding.is_significant() == Some(true)).count();
        if lift == 0.0 {
            assert!(called <= 30, "{called} of 300 are called more than chance");
        } else {
            assert!(called > 200, "{group}: {called} of 300 are found");
        }
    }
}

/// The counts expected of 8,000 devices, without chance: 800 of a segment of which 3 % convert, 5,600 of one of which 30 % do, 1,600 in none.
#[test]
fn a_segment_that_converts_seldom_is_compared_though_its_own_rate_is_not_printed() {
    let (answering, question) = compared(&["a", "b"]);
    let channel = answering.select().unwrap().channel();
    let expected = |share: f64| (8_000.0 * (channel.q + share * (channel.p - channel.q))).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let counts = [0.097, 0.003, 0.49, 0.21, 0.2].map(|share| expected(share) as u64);
    let findings = answering.findings(&question, &counts, 8_000);
    let found = |measure| *findings.iter().find(|finding| finding.measure == measure).unwrap();
    assert!(found(Measure::Rate(0)).published().is_none());
    assert_eq!(found(Measure::Rate(0)).is_significant(), None, "a rate is no difference");
    let (all, lift) = (found(Measure::RateOfAll).published().unwrap(), found(Measure::LiftOverAll(0)));
    assert!((all.share - 0.266).abs() < 1e-3);
    assert!((lift.published().unwrap().share + 0.236).abs() < 1e-2 && lift.is_significant() == Some(true));
    // With a tenth of the reports neither is known to half the rate of all, and nothing is said of chance.
    let few = answering.findings(&question, &counts.map(|count| count / 10), 800);
    for measure in [Measure::Lift(1), Measure::LiftOverAll(0)] {
        let finding = few.iter().find(|finding| finding.measure == measure).unwrap();
        assert!(finding.published().is_none() && finding.is_significant().is_none(), "{finding:?}");
    }
}

#[test]
fn the_only_segment_of_a_conversion_is_all_there_is_and_bands_of_scores_are_not_compared() {
    let text = r#"{"id": "one", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2030-01-01", "epsilon": 2, "questions": [
        {"id": "buying", "reason": "r", "ask": "conversion", "segments": ["a"], "outcome": "d"},
        {"id": "scores", "reason": "r", "ask": "calibration", "model": "m", "cuts": [0], "outcome": "d"}]}"#;
    for (answering, question) in answerings(&Plan::parse(text).unwrap()) {
        let compared = |measure: &Measure| measure.is_difference() || *measure == Measure::RateOfAll;
        assert!(!answering.measures(question).iter().any(compared));
    }
}

#[test]
fn without_a_report_there_is_nothing_to_say_and_few_are_not_enough() {
    let plan = plan(2);
    for (answering, question) in answerings(&plan) {
        assert!(answering.findings(question, &[], 0).iter().all(|finding| finding.estimate().is_none()));
        let mut counts = counts(&answering, &question.ask, 0, 1);
        counts.iter_mut().for_each(|count| *count /= 6);
        let reports = if answering.held() == 1 { counts.iter().sum() } else { u64::from(PEOPLE) / 6 };
        assert!(
            answering
                .findings(question, &counts, reports)
                .iter()
                .all(|finding| finding.published().is_none())
        );
    }
}

/// 100 pairs of windows at epsilon 2: without a change the test speaks of drift at 5 % in 5 of them, above 15 with probability 4e-5 for
/// each of six questions; with one it does in most. Seeds are fixed.
#[test]
fn drift_is_seen_where_something_changed_and_seldom_elsewhere() {
    let plan = plan(2);
    for (answering, question) in answerings(&plan) {
        let (mut false_alarms, mut found) = (0, 0);
        for seed in 0..100 {
            let counted = |shift, seed| counts(&answering, &question.ask, shift, seed);
            let (before, same, changed) =
                (counted(0, seed), counted(0, 1_000 + seed), counted(2, 2_000 + seed));
            let of = |counts| Counted { counts, reports: PEOPLE.into() };
            let is_drift = |after| i32::from(answering.drift(of(&before), of(after)).unwrap().p_value < 0.05);
            false_alarms += is_drift(&same);
            found += is_drift(&changed);
        }
        assert!(false_alarms <= 15, "{}: {false_alarms}", question.id);
        assert!(found >= 60, "{}: {found}", question.id);
    }
}

#[test]
fn shares_that_must_be_one_together_are_made_so_and_the_raw_ones_stay() {
    let plan = plan(1);
    for (answering, question) in answerings(&plan) {
        let findings = answering.findings(question, &counts(&answering, &question.ask, 0, 3), PEOPLE.into());
        let consistent: Vec<f64> = findings
            .iter()
            .filter(|finding| matches!(finding.measure, Measure::Group(_) | Measure::Size(_)))
            .filter_map(|finding| finding.consistent)
            .collect();
        assert!(consistent.iter().all(|share| (0.0..=1.0).contains(share)));
        let sum: f64 = consistent.iter().sum();
        match question.ask.cap() {
            Some(cap) => assert!(sum <= f64::from(cap) + 1e-9),
            None if question.ask.groups() > 0 => assert!((sum - 1.0).abs() < 1e-9, "{sum}"),
            None => assert!(consistent.is_empty()),
        }
    }
}

#[test]
fn items_are_named_after_what_they_are_of() {
    let plan = plan(2);
    let names: Vec<String> = answerings(&plan)
        .flat_map(|(answering, question)| {
            let measures = answering.measures(question);
            measures.into_iter().map(|measure| format!("{} {}", measure.kind(), measure.item(question)))
        })
        .collect();
    for name in [
        "share a",
        "overlap a+d",
        "bin none",
        "bin bin_8",
        "quantile p90",
        "mean mean",
        "rate b",
        "lift b+a",
        "rate_of_all all",
        "lift_over_all a",
        "lift_over_all b",
        "share none",
        "rate band_4",
        "auc auc",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
}

/// The error that is expected at the shares that are, beside the root mean square of 100 draws: their ratio has a standard error of 7 %.
#[test]
fn errors_are_as_large_as_expected() {
    let plan = plan(2);
    let close = |ratio: f64| (0.7..1.4).contains(&ratio);
    for (answering, question) in answerings(&plan) {
        let values = exact(question).values(&answering, question);
        let measures = answering.measures(question);
        for expected in answering.expected(question, Some(0.3)) {
            let index = measures.iter().position(|measure| *measure == expected.measure).unwrap();
            // What is as large as planned for; the mean's worst case is near enough, and quantiles are planned for another histogram.
            if !matches!(
                expected.measure,
                Measure::Size(0) | Measure::Both(0, 1) | Measure::Group(0) | Measure::Mean
            ) {
                continue;
            }
            let squares = (0..100).map(|seed| {
                let findings =
                    answering.findings(question, &counts(&answering, &question.ask, 0, seed), PEOPLE.into());
                (findings[index].estimate().unwrap().share - values[index].unwrap()).powi(2)
            });
            let seen = (squares.sum::<f64>() / 100.0).sqrt();
            let ratio = seen / expected.standard_error(PEOPLE.into());
            assert!(close(ratio), "{:?}: {ratio}", expected.measure);
            let needed =
                expected.reports_needed(expected.standard_error(777) / expected.value, expected.value);
            assert!((needed / 777.0 - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn what_a_plan_wants_to_rest_on_more_reports_is_not_printed_from_fewer_and_nothing_else_of_it_changes() {
    let plan = plan(1);
    let mut taken_back = 0;
    for (answering, question) in answerings(&plan) {
        for finding in answering.findings(question, &counts(&answering, &question.ask, 0, 3), PEOPLE.into()) {
            let strict = finding.resting_on(u64::from(PEOPLE) + 1);
            assert_eq!(strict.published(), None);
            assert_eq!(strict.estimate(), finding.estimate());
            assert_eq!(finding.resting_on(PEOPLE.into()), finding);
            taken_back += usize::from(finding.published().is_some());
        }
    }
    assert!(taken_back > 0);
}
