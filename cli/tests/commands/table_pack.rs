//! A training on a table tells how far it is, and its model goes straight into a pack.

use clap::Parser as _;
use keepset_cli::args::Arguments;
use keepset_cli::log::Fault;
use keepset_cli::replay::Watch;
use keepset_cli::tabular::select::Learner;
use keepset_cli::tabular::train::TableTraining;
use keepset_engine::Pack;
use keepset_wire::Name;
use serde_json::json;

use crate::planted::{run, table, training};

/// Watches a training.
#[derive(Default)]
struct Steps(Vec<(u64, u64)>, Vec<String>);

impl Watch for Steps {
    fn fault(&mut self, _fault: &Fault) {}

    fn progress(&mut self, _read: u64, _size: u64, _events: u64) {}

    fn step(&mut self, done: u64, all: u64, _step: &str) {
        self.0.push((done, all));
    }

    fn say(&mut self, line: &str) {
        self.1.push(line.to_owned());
    }
}

#[test]
fn a_training_on_a_table_tells_each_fit_of_all_there_are() {
    for (learner, fits) in [(Learner::Logistic, 10), (Learner::ExtraTrees, 10)] {
        let mut steps = Steps::default();
        training(learner).run_watched(&table(), &mut steps).unwrap();
        let expected: Vec<(u64, u64)> = (0..=fits).map(|done| (done, fits)).collect();
        assert_eq!(steps.0, expected, "{learner:?}: two ways on five parts, and the end");
        assert!(steps.1.iter().any(|line| line.starts_with("fitting: ")), "{:?}", steps.1);
    }
}

#[test]
fn a_model_of_a_table_goes_straight_into_the_pack_whose_features_are_its_columns() {
    let frame = table();
    let text = json!({
        "id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01", "events": {"visit": {}},
        "features": {"money": {"kind": "count", "event": "visit"}, "noise": {"kind": "recency", "event": "visit"}}, "segments": []
    });
    let id = Name::parse("buys").unwrap();
    let ignoring = |columns: &[&str]| columns.iter().map(ToString::to_string).collect::<Vec<_>>();
    let trees = TableTraining { ignore: ignoring(&["day", "town"]), ..training(Learner::Boost) };
    let trained = run(&trees, &frame).unwrap();
    let mut pack = text.clone();
    pack["models"]["buys"] = trained.model.of_pack(&text, &id, &frame).unwrap();
    let read = Pack::read(&pack).unwrap();
    let own = trained.model.scores_of(&frame.take(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])).unwrap();
    for (row, score) in own.iter().enumerate() {
        let cell = |name: &str| frame.column(name).unwrap()[row].parse().ok();
        let value = |feature: usize| cell(read.features()[feature].id.as_str());
        assert_eq!(read.models[0].score(value), *score, "row {row}");
    }
    let refusal = |training: &TableTraining| {
        let trained = run(training, &frame).unwrap();
        format!("{:#}", trained.model.of_pack(&text, &id, &frame).unwrap_err())
    };
    let with_town = TableTraining { ignore: ignoring(&["day"]), ..training(Learner::Boost) };
    assert!(
        refusal(&with_town).contains("the pack has no feature town.cedar, town.elm"),
        "{}",
        refusal(&with_town)
    );
    let line = TableTraining { ignore: ignoring(&["day", "town"]), ..training(Learner::Logistic) };
    assert!(
        refusal(&line).contains("the line reads money, of which some rows have no value"),
        "{}",
        refusal(&line)
    );
}

#[test]
fn a_training_is_told_where_its_model_goes() {
    let read = |line: &str| Arguments::try_parse_from(line.split(' ')).map(|_| ());
    assert!(read("keepset train --table t.csv --label bought --pack p.json --model-id m").is_ok());
    let log =
        "keepset train --pack p.json --model-id m --events e.jsonl --cut 2020-01-01 --test-cut 2020-03-01";
    for asked in [
        "--label buys --features a --into p.json",
        "--label buys --each aisle --out f.json",
        "--groups 4 --features a --into q.json",
    ] {
        assert!(read(&format!("{log} {asked}")).is_ok(), "{asked}");
    }
    for (line, missing) in [
        ("keepset train --table t.csv --out m.json", "--label"),
        ("keepset train --table t.csv --label bought", "--out"),
        ("keepset train --table t.csv --label bought --pack p.json", "--model-id"),
        ("keepset train --table t.csv --label bought --into p.json", "--pack"),
        ("keepset train --table t.csv --label bought --each aisle --out m.json", "--each"),
        (&format!("{log} --label buys --features a"), "--into"),
        (&format!("{log} --features a --out m.json"), "--label"),
        (&format!("{log} --groups 4 --label buys --out m.json"), "--groups"),
    ] {
        let refusal = read(line).unwrap_err().to_string();
        assert!(refusal.contains(missing), "{line}: {refusal}");
    }
}
