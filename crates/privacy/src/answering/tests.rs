use super::*;
use crate::coins::SeededCoins;
#[cfg(target_arch = "wasm32")]
use crate::test;
use keepset_wire::Plan;

/// One question of every kind, at an epsilon.
fn plan(epsilon: f64, bins: u16) -> Plan {
    let text = format!(
        r#"{{"id": "all", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2030-01-01", "epsilon": {epsilon},
            "questions": [
            {{"id": "sizes", "reason": "r", "segments": ["a", "b", "c"], "cap": 2}},
            {{"id": "overlaps", "reason": "r", "ask": "overlaps", "segments": ["a", "b", "c"], "cap": 3}},
            {{"id": "histogram", "reason": "r", "ask": "histogram", "feature": "f", "low": 0, "high": 400, "bins": {bins}}},
            {{"id": "mean", "reason": "r", "ask": "mean", "feature": "f", "low": 0, "high": 400}},
            {{"id": "conversion", "reason": "r", "ask": "conversion", "segments": ["a", "b"], "outcome": "c"}},
            {{"id": "calibration", "reason": "r", "ask": "calibration", "model": "m", "cuts": [-2.24, 0, 1.5], "outcome": "c"}}]}}"#
    );
    Plan::parse(&text).unwrap()
}

fn answerings(plan: &Plan) -> Vec<Answering> {
    plan.questions.iter().map(|question| Answering::for_question(plan.epsilon, question).unwrap()).collect()
}

/// The wire reserves its room without knowing the mechanisms.
#[test]
fn every_mechanism_fits_the_room_of_its_question_at_every_epsilon() {
    for tenths in 1..=80 {
        for bins in [2, 3, 4, 5, 7, 16, 63, 200] {
            let plan = plan(f64::from(tenths) / 10.0, bins);
            for (answering, question) in answerings(&plan).iter().zip(&plan.questions) {
                assert!(answering.cells() <= question.cells(), "{tenths} {bins} {}", question.id);
                assert!((1..answering.cells()).contains(&answering.held()));
            }
        }
    }
}

#[test]
fn every_answer_states_the_epsilon_of_the_plan_and_has_the_shape_of_its_question() {
    for epsilon in [0.1, 1.0, 2.0, 8.0] {
        let plan = plan(epsilon, 16);
        let truths = [
            Truth::Cells(vec![0, 1, 2]),
            Truth::Cells(vec![]),
            Truth::Cells(vec![16]),
            Truth::Number(i64::MAX),
            Truth::Cells(vec![4]),
            Truth::Cells(vec![8]),
        ];
        for (answering, truth) in answerings(&plan).into_iter().zip(&truths) {
            let randomiser = answering.clone().randomiser(SeededCoins::new(5)).unwrap();
            assert_eq!(randomiser.stated().unwrap(), epsilon);
            for _ in 0..200 {
                let answer = randomiser.draw(truth).unwrap();
                assert!(answering.is_shaped(&answer));
            }
        }
    }
}

#[test]
fn an_answer_of_another_shape_is_none_of_a_question() {
    let plan = plan(2.0, 16);
    for answering in answerings(&plan) {
        let with = |cells: &[u16], room| {
            let mut answer = Subset::empty(room);
            cells.iter().for_each(|cell| answer.insert(*cell));
            answering.is_shaped(&answer)
        };
        let honest: Vec<u16> = (0..answering.held()).collect();
        assert!(with(&honest, answering.room));
        assert!(!with(&honest, answering.room + 1));
        assert!(!with(&honest[1..], answering.room));
        let more: Vec<u16> = (0..=answering.held()).collect();
        assert!(!with(&more, answering.room));
        if answering.cells() < answering.room {
            assert!(!with(&[answering.cells()], answering.room), "a cell the mechanism does not have");
        }
    }
}

#[test]
fn a_truth_of_another_kind_is_refused() {
    let plan = plan(2.0, 16);
    for (answering, question) in answerings(&plan).into_iter().zip(&plan.questions) {
        let randomiser = answering.randomiser(SeededCoins::new(5)).unwrap();
        let wrong = match question.ask {
            Ask::Mean { .. } => Truth::Cells(vec![0]),
            _ => Truth::Number(0),
        };
        assert_eq!(randomiser.draw(&wrong), Err(PrivacyError::Input));
        if matches!(question.ask, Ask::Histogram { .. }) {
            assert_eq!(randomiser.draw(&Truth::Cells(vec![0, 1])), Err(PrivacyError::Input));
        }
    }
}

/// A cell that is there is included as often as the channel says, and one that is left when none is, as well: 20,000 draws of
/// each of seven cells of a conversion's and a calibration's answers: 5 standard errors are passed with probability 6e-7 each.
#[test]
fn one_of_many_cells_is_the_device_s_own_whichever_it_is() {
    let plan = plan(2.0, 16);
    for answering in answerings(&plan).drain(4..) {
        let channel = answering.select().unwrap().channel();
        for own in 0..answering.cells() {
            let randomiser = answering.clone().randomiser(SeededCoins::new(u64::from(own))).unwrap();
            let truth = Truth::Cells(vec![own]);
            let held = (0..20_000).filter(|_| randomiser.draw(&truth).unwrap().contains(own)).count() as f64;
            let error = (20_000.0 * channel.p * (1.0 - channel.p)).sqrt();
            assert!((held - 20_000.0 * channel.p).abs() < 5.0 * error, "{own}: {held}");
        }
    }
}
