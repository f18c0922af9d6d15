//! A table is learned from honestly, or refused with the reason.

use std::io::Write as _;

use clap::{CommandFactory as _, Parser as _};
use flate2::Compression;
use flate2::write::GzEncoder;
use keepset_cli::args::Arguments;
use keepset_cli::learn::Matrix;
use keepset_cli::learn::boost::{Boosting, boost};
use keepset_cli::learn::chance::Chance;
use keepset_cli::learn::elastic::{Net, path};
use keepset_cli::learn::forest::{Foresting, forest};
use keepset_cli::learn::scale::Staircase;
use keepset_cli::tabular::evaluate::evaluate;
use keepset_cli::tabular::frame::Frame;
use keepset_cli::tabular::model::TableModel;
use keepset_cli::tabular::select::{Division, Learner, area, divide};
use keepset_cli::tabular::train::TableTraining;
use keepset_engine::Pack;
use keepset_engine::feature::definitions;

use crate::planted::{ROWS, run, table, training, uniform};

#[test]
fn every_learner_finds_what_was_planted_and_says_how_sure_it_is() {
    for learner in [Learner::Logistic, Learner::Boost, Learner::Forest, Learner::ExtraTrees] {
        let trained = run(&training(learner), &table()).unwrap();
        let tested = trained.tested.unwrap();
        let worth = &tested.worth;
        assert!(worth.auc.value > 0.75, "{learner:?}: {:?}", worth.auc);
        assert!(worth.auc.low < worth.auc.value && worth.auc.value < worth.auc.high);
        assert!(
            worth.log_loss.value < worth.log_loss_of_own_rate && worth.brier.value < worth.brier_of_own_rate
        );
        assert!(worth.calibration_error < 0.12, "{learner:?}: {}", worth.calibration_error);
        assert_eq!(tested.importance[0].0, "money");
        assert!(trained.rounding < 0.02, "{}", trained.rounding);
    }
}

#[test]
fn the_file_is_read_back_to_the_bit_and_groups_are_told_apart() {
    let (frame, trained) = (table(), run(&training(Learner::Boost), &table()).unwrap());
    let text = serde_json::to_string(&trained.model).unwrap();
    let again: TableModel = serde_json::from_str(&text).unwrap();
    assert_eq!(again.scores_of(&frame).unwrap(), trained.model.scores_of(&frame).unwrap());
    let groups = evaluate(&again, &frame, &["town".into()], 0).unwrap().groups;
    assert_eq!(groups.len(), 4);
    let cedar = groups.iter().find(|group| group.text == "cedar").unwrap();
    assert!(groups.iter().all(|group| group.text == "cedar" || group.rate < cedar.rate));
    // Another encoding under the model is refused.
    let spoiled: TableModel = serde_json::from_str(&text.replace("\"birch\"", "\"beech\"")).unwrap();
    assert!(spoiled.scorer().unwrap_err().to_string().contains("other definitions"));
    assert_eq!(
        run(&training(Learner::Boost), &frame).unwrap().model.scores_of(&frame).unwrap(),
        trained.model.scores_of(&frame).unwrap()
    );
}

fn refusal(training: &TableTraining, frame: &Frame) -> String {
    format!("{:#}", run(training, frame).expect_err("it must be refused"))
}

fn changed(column: &str, cell: impl Fn(usize, &str) -> String) -> Frame {
    let mut frame = table();
    let place = frame.names.iter().position(|name| name == column).unwrap();
    frame.cells[place] = frame.cells[place].iter().enumerate().map(|(row, text)| cell(row, text)).collect();
    frame
}

#[test]
fn what_cannot_be_learned_from_is_refused_with_the_reason() {
    let base = training(Learner::Logistic);
    let frame = table();
    let labelled = |label: &str| TableTraining { label: label.into(), ..base.clone() };
    assert!(refusal(&labelled("sold"), &frame).contains("no column \"sold\"; it has person, money"));
    let ignoring = TableTraining { ignore: vec!["dya".into()], ..base.clone() };
    assert!(refusal(&ignoring, &frame).contains("no column \"dya\""));
    for text in ["yes", "no"] {
        assert!(refusal(&base, &changed("bought", |_, _| text.into())).contains("nothing to tell apart"));
    }
    let positive = TableTraining { positive: Some("maybe".into()), ..base.clone() };
    assert!(refusal(&positive, &frame).contains("nothing to tell apart; it holds no, yes"));
    assert!(
        refusal(&base, &changed("bought", |row, text| if row == 7 { "?".into() } else { text.into() }))
            .contains("row 8 has no bought")
    );
    assert!(refusal(&base, &changed("person", |_, _| "p0".into())).contains("person is one person only"));
    assert!(
        refusal(&base, &changed("money", |row, text| if row < 600 { "inf".into() } else { text.into() }))
            .contains("infinite")
    );
    assert!(
        refusal(
            &TableTraining { person: None, test_share: 0.0, ..base.clone() },
            &frame.take(&(0..60).collect::<Vec<_>>())
        )
        .contains("too few")
    );
    let trained = run(&base, &frame).unwrap().model;
    let refused = trained
        .scores_of(&changed("money", |row, text| if row == 3 { "much".into() } else { text.into() }))
        .unwrap_err();
    assert!(format!("{refused:#}").contains("row 4: money is \"much\""), "{refused:#}");
    let mut lacking = frame.clone();
    lacking.names[2] = "city".into();
    assert!(
        format!("{:#}", trained.scores_of(&lacking).unwrap_err())
            .contains("reads a column that is not there")
    );
}

#[test]
fn a_planted_leak_is_refused_and_names_its_column() {
    let bought = table().column("bought").unwrap().to_vec();
    for learner in [Learner::Logistic, Learner::Boost] {
        // What was paid, written after the outcome; and the outcome under another name, with a few slips.
        let paid = changed("noise", |row, text| if bought[row] == "yes" { text.into() } else { "0".into() });
        let told = changed("noise", |row, _| if row % 200 == 7 { "x".into() } else { bought[row].clone() });
        for frame in [paid, told] {
            let refused = refusal(&training(learner), &frame);
            assert!(refused.contains("the column noise alone tells the outcome"), "{refused}");
            let allowed = TableTraining { allow: vec!["noise".into()], ..training(learner) };
            assert!(run(&allowed, &frame).is_ok());
        }
    }
}

#[test]
fn nobody_is_learned_from_and_tested_on_and_no_later_row_is_learned_from() {
    let people: Vec<String> = (0..400).map(|row| format!("p{}", row % 37)).collect();
    for (learned, held) in divide(400, &Division::Chance { groups: Some(people.clone()), parts: 5 }, 3) {
        assert_eq!(learned.len() + held.len(), 400);
        assert!(held.iter().all(|row| learned.iter().all(|other| people[*row] != people[*other])));
    }
    for (learned, held) in divide(400, &Division::Time, 3) {
        assert!(learned.iter().max() < held.iter().min());
    }
    // Rows shuffled in the file, in order of a column.
    let order = Chance::new(9, 0).shuffled(ROWS);
    let frame = table();
    let by_day = TableTraining {
        person: None,
        ignore: vec!["person".into()],
        time: Some("day".into()),
        ..training(Learner::Logistic)
    };
    let scores = |frame: &Frame| run(&by_day, frame).unwrap().tested.unwrap().worth;
    assert_eq!(scores(&frame.take(&order)), scores(&frame));
}

/// Columns of which the label is a jumble: trees as large as the limits let them grow.
fn jumble(rows: usize, columns: usize) -> (Matrix, Vec<bool>) {
    let mut chance = Chance::new(1, 0);
    let matrix =
        Matrix::new((0..columns).map(|_| (0..rows).map(|_| uniform(&mut chance)).collect()).collect());
    let labels = (0..rows).map(|row| uniform(&mut chance) < matrix.columns[0][row]).collect();
    (matrix, labels)
}

fn gzipped(bytes: &[u8]) -> usize {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap().len()
}

/// The pack of so many columns as features, without a model.
fn pack_of(names: &[String]) -> serde_json::Value {
    let mut pack = serde_json::json!({
        "id": "sizes", "version": 1, "title": "t", "owner": "o", "reason": "r", "expires": "2031-01-01",
        "events": {"e": {"title": "t", "properties": {"x": {"type": "number", "min": 0, "max": 1}}}},
        "features": {}, "models": {}, "segments": [{"id": "s", "title": "s", "reason": "because", "enter": {"feature": names[0], "op": ">", "value": 0}}],
    });
    for name in names {
        pack["features"][name] =
            serde_json::json!({"kind": "last", "event": "e", "property": "x", "title": "t"});
    }
    pack
}

/// Trees where every leaf finds its rows, with what explanations need.
#[test]
fn a_hundred_full_trees_of_depth_6_are_at_most_30_kb_of_what_a_device_loads() {
    let (matrix, labels) = jumble(20_000, 20);
    let full = Boosting { leaves: 64, least_rows: 1, rows: 1.0, ..Boosting::default() };
    let ensemble = boost(&matrix, &labels, full);
    let names: Vec<String> = (0..20).map(|column| format!("feature_{column}")).collect();
    let mut pack = pack_of(&names);
    let size = |pack: &serde_json::Value| gzipped(&Pack::read(pack).unwrap().compile());
    let without = size(&pack);
    pack["models"]["m"] = ensemble.member("log-odds", &names, &|names| definitions(&pack, names), 10, true);
    let leaves = pack["models"]["m"]["leaves"].as_array().unwrap();
    let leaves: usize = leaves.iter().map(|tree| tree.as_array().unwrap().len()).sum();
    assert!(leaves > 5_500, "{leaves}");
    let size = size(&pack) - without;
    eprintln!("{leaves} leaves, {size} bytes");
    assert!(size <= 30_000, "{size}");
}

#[test]
fn forests_and_boosted_trees_see_what_a_line_cannot() {
    let mut chance = Chance::new(2, 0);
    let matrix = Matrix::new(vec![
        (0..2_000).map(|_| uniform(&mut chance)).collect(),
        (0..2_000).map(|_| uniform(&mut chance)).collect(),
    ]);
    let labels: Vec<bool> =
        (0..2_000).map(|row| (matrix.columns[0][row] > 0.5) != (matrix.columns[1][row] > 0.5)).collect();
    let (half, rest): (Vec<usize>, Vec<usize>) = (0..2_000).partition(|row| row % 2 == 0);
    let known: Vec<bool> = half.iter().map(|row| labels[*row]).collect();
    let asked: Vec<bool> = rest.iter().map(|row| labels[*row]).collect();
    let (learned, held) = (matrix.take(&half), matrix.take(&rest));
    let line = &path(&learned, &known, &[Net { penalty: 0.001, sparse: 0.0 }])[0];
    assert!(area(&line.scores(&held), &asked) < 0.6);
    let boosted = boost(&learned, &known, Boosting::default());
    assert!(area(&boosted.scores(&held), &asked) > 0.97);
    for extra in [false, true] {
        let grown = forest(&learned, &known, Foresting { extra, ..Foresting::default() });
        assert!(area(&grown.scores(&held), &asked) > 0.95, "{extra}");
    }
}

/// Of the net: at the best weights no slope is steeper than the penalty on magnitudes, and at those that are 0 it is not.
#[test]
fn an_elastic_net_is_at_its_minimum() {
    let (matrix, labels) = jumble(1_500, 8);
    for net in [
        Net { penalty: 0.02, sparse: 1.0 },
        Net { penalty: 0.02, sparse: 0.5 },
        Net { penalty: 0.1, sparse: 0.0 },
    ] {
        let line = &path(&matrix, &labels, &[net])[0];
        let scores = line.scores(&matrix);
        for (column, weight) in matrix.columns.iter().zip(&line.weights) {
            let mean = column.iter().sum::<f64>() / 1_500.0;
            let deviation = (column.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 1_500.0).sqrt();
            let slope = scores.iter().zip(&labels).zip(column).map(|((score, label), x)| {
                (1.0 / (1.0 + (-score).exp()) - f64::from(u8::from(*label))) * (x - mean) / deviation
            });
            let slope = slope.sum::<f64>() / 1_500.0 + net.penalty * (1.0 - net.sparse) * weight * deviation;
            let magnitude = net.penalty * net.sparse;
            if *weight == 0.0 {
                assert!(slope.abs() <= magnitude + 1e-4);
            } else {
                assert!((slope + magnitude * weight.signum()).abs() < 1e-4, "{net:?}: {slope}, {weight}");
            }
        }
    }
}

#[test]
fn a_staircase_never_falls_and_keeps_the_mean() {
    let (scores, labels): (Vec<f64>, Vec<bool>) =
        [(0.0, false), (1.0, true), (2.0, false), (3.0, false), (4.0, true), (4.0, false), (5.0, true)]
            .into_iter()
            .unzip();
    let stairs = Staircase::fit(&scores, &labels);
    assert_eq!(stairs.steps, [(0.0, 0.0), (1.0, 1.0 / 3.0), (4.0, 0.5), (5.0, 1.0)]);
    assert_eq!([-1.0, 0.5, 3.9, 4.0, 9.0].map(|score| stairs.apply(score)), [0.0, 0.0, 1.0 / 3.0, 0.5, 1.0]);
}

#[test]
fn the_command_line_holds_together_and_a_training_asks_for_what_it_foretells() {
    Arguments::command().debug_assert();
    let read = |line: &str| Arguments::try_parse_from(line.split(' ')).map(|_| ());
    assert!(read("keepset train --table t.csv --label bought --out m.json").is_ok());
    assert!(read("keepset train --from-release r.json --pack p.json --model-id m --out m.json").is_ok());
    let refusal = read("keepset train --table t.csv --out m.json").unwrap_err().to_string();
    assert!(refusal.contains("--label"), "{refusal}");
}
