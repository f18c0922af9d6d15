//! Every kind of question through the real server: answers go in, numbers with names come out in JSON, CSV and on the page.

use keepset_privacy::{Answering, SeededCoins, Truth};
use keepset_wire::{Epoch, Plan, Report, ReportId};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::process::{Folder, Server};

fn plan() -> Plan {
    let text = r#"{"id": "kinds", "owner": "Sample shop", "reason": "To learn.", "starts": "2017-01-01", "expires": "2060-01-01", "epsilon": 2,
        "questions": [
        {"id": "sizes", "reason": "r", "segments": ["a", "b"], "cap": 1},
        {"id": "together", "reason": "r", "ask": "overlaps", "segments": ["a", "b", "c"], "cap": 2},
        {"id": "spending", "reason": "r", "ask": "histogram", "feature": "spend", "low": 0, "high": 100, "bins": 4},
        {"id": "visits", "reason": "r", "ask": "mean", "feature": "visits", "low": 0, "high": 10},
        {"id": "buying", "reason": "r", "ask": "conversion", "segments": ["a", "b"], "outcome": "c"},
        {"id": "scores", "reason": "r", "ask": "calibration", "model": "m", "cuts": [-1, 0.5], "outcome": "c"}]}"#;
    Plan::parse(text).unwrap()
}

/// What each of the devices would say, by question.
fn truth(question: usize, device: u16) -> Truth {
    match question {
        0 => Truth::Cells(vec![u16::from(device % 10 >= 7)]),
        1 => Truth::Cells(if device.is_multiple_of(2) { vec![0, 2] } else { vec![1] }),
        2 => Truth::Cells(vec![if device.is_multiple_of(10) { 0 } else { 1 + device % 4 }]),
        3 => Truth::Number(1 << 19),
        4 => Truth::Cells(vec![[0, 1, 2, 4][usize::from(device % 4)]]),
        _ => Truth::Cells(vec![[0, 0, 2, 3, 5, 5][usize::from(device % 6)]]),
    }
}

/// The reports of 4,000 devices for each question, end to end and cut to bodies.
fn reports(plan: &Plan, epoch: Epoch) -> Vec<Vec<u8>> {
    let mut random = StdRng::seed_from_u64(epoch.0.into());
    let mut bodies = Vec::new();
    for (index, answering) in (0_u16..).zip(Answering::of_plan(plan).unwrap()) {
        let randomiser = answering.randomiser(SeededCoins::new(u64::from(index) + 99)).unwrap();
        let report = |device| Report {
            plan: plan.hash(),
            question: index,
            epoch,
            id: ReportId(random.random()),
            answer: randomiser.draw(&truth(index.into(), device)).unwrap(),
        };
        bodies.push((0..4_000).map(report).flat_map(|report| report.encode(plan).unwrap()).collect());
    }
    bodies
}

/// 35 numbers of one window from fixed seeds; of as many honest intervals of 5 standard errors one misses with probability below 1e-4.
#[test]
fn every_kind_of_question_is_counted_estimated_published_and_shown() {
    let (folder, plan) = (Folder::new(), plan());
    let server = Server::start(&folder, &plan, &["--simulation"]);
    for epoch in [Epoch(0), Epoch(4)] {
        reports(&plan, epoch).iter().for_each(|body| assert_eq!(server.post_plain(body).status, 200));
    }
    let json = server.get("/v1/estimates?window=1").json();
    let questions = json["windows"][0]["questions"].as_array().unwrap();
    let figure = |question: usize, measure: &str, item: &str| {
        let figures = questions[question]["figures"].as_array().unwrap();
        let found = figures.iter().find(|figure| figure["measure"] == measure && figure["item"] == item);
        found.unwrap_or_else(|| panic!("{measure} {item}")).clone()
    };
    for (question, measure, item, truth) in [
        (0, "share", "a", 0.7),
        (0, "share", "b", 0.3),
        (1, "share", "c", 0.5),
        (1, "overlap", "a+c", 0.5),
        (1, "overlap", "a+b", 0.0),
        (2, "bin", "none", 0.1),
        (2, "quantile", "p50", 50.0),
        (3, "mean", "mean", 7.5),
        (4, "share", "none", 0.25),
        (4, "rate", "a", 0.5),
        (4, "rate", "b", 0.0),
        (4, "rate_of_all", "all", 1.0 / 3.0),
        (4, "lift_over_all", "a", 1.0 / 6.0),
        (5, "rate", "band_1", 0.0),
        (5, "rate", "band_2", 0.5),
        (5, "rate", "band_3", 1.0),
        (5, "auc", "auc", 17.0 / 18.0),
    ] {
        let found = figure(question, measure, item);
        let number =
            |key: &str| found[key].as_f64().unwrap_or_else(|| panic!("{measure} {item} has no {key}"));
        let error = (number("estimate") - truth).abs();
        assert!(error <= 5.0 * number("standard_error"), "{measure} {item}: {found}");
        assert!(number("low") <= number("high") && number("expected_error") > 0.0);
        assert_eq!(found["published"], truth > 0.0, "{measure} {item}: {found}");
    }
    assert_eq!(
        (figure(2, "bin", "bin_2")["from"].as_f64(), figure(2, "bin", "bin_2")["to"].as_f64()),
        (Some(25.0), Some(50.0))
    );
    assert_eq!(figure(5, "rate", "band_1")["to"].as_f64(), Some(-1.0));
    // Nobody in b has the outcome, a third of all do: nothing is printed of its rate, and of the difference that it is more than chance.
    let below = figure(4, "lift_over_all", "b");
    assert_eq!((&below["published"], &below["significant"]), (&true.into(), &true.into()), "{below}");
    assert!(below["high"].as_f64().unwrap() < 0.0 && figure(4, "rate", "a")["significant"].is_null());
    let mechanisms: Vec<&str> =
        questions.iter().map(|question| question["mechanism"]["name"].as_str().unwrap()).collect();
    assert_eq!(mechanisms[2..4], ["square-wave", "bounded-mean"]);
    // Nothing changed between the windows but the names of reports: the seeds of answers are the same.
    for question in questions {
        let drift = &question["drift"];
        assert_eq!((&drift["against"], &drift["significant"]), (&0.into(), &false.into()), "{question}");
    }
    let csv = server.get("/v1/estimates.csv?window=1").body;
    let figures: usize = questions.iter().map(|question| question["figures"].as_array().unwrap().len()).sum();
    let tested = questions.iter().filter(|question| question["shapes"].is_object()).count();
    assert_eq!(csv.lines().count(), 1 + figures + tested);
    assert!(csv.lines().all(|line| line.split(',').count() == 43));
    // Of sizes and overlaps it is said how many devices the cap can have cut something off from; of others there is nothing to cut.
    let cut: Vec<Option<f64>> =
        questions.iter().map(|question| question["truncated_at_most"].as_f64()).collect();
    assert!(cut[..2].iter().all(|cut| cut.is_some_and(|cut| (0.0..=1.0).contains(&cut))), "{cut:?}");
    assert_eq!(cut[2..], [None; 4]);
    let shaped: Vec<bool> = questions.iter().map(|question| question["shapes"].is_object()).collect();
    assert_eq!(shaped, [true; 6], "answers of one cell are looked at like those that are sets");
    let html = server.get("/?window=1").body;
    for shown in [
        "In both of two segments",
        "heat-",
        "Median",
        "25 to 50",
        "No value",
        "Reliability: the rate in each band of scores",
        "below -1",
        "Area under the ROC curve",
        "the difference is not significant",
        "In none of them",
        "All of them together",
        "How much higher their rate is than that of all groups together",
        "B against all",
        "more than chance",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    assert!(!html.contains("<script") && !html.contains(" style="), "the policy allows neither");
}

/// An answer whose one cell lies in the room of the wire but beyond the outputs of its mechanism is no honest one.
#[test]
fn an_answer_beyond_the_outputs_of_its_mechanism_is_refused() {
    let (folder, plan) = (Folder::new(), plan());
    let server = Server::start(&folder, &plan, &["--simulation"]);
    let task = &Answering::of_plan(&plan).unwrap()[3];
    let mut answer = keepset_wire::Subset::empty(plan.questions[3].cells());
    answer.insert(task.cells());
    let report = Report { plan: plan.hash(), question: 3, epoch: Epoch(0), id: ReportId([1; 16]), answer };
    let refused = server.post_plain(&report.encode(&plan).unwrap());
    assert_eq!(refused.status, 422, "{}", refused.body);
}
