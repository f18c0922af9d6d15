//! A family of models, one for each value of a property: what is planted is found, what is written is a pack, and what cannot be is refused.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use crate::common::{Faults, Scratch};
use keepset_cli::commands::read_mapping;
use keepset_cli::family::{Aim, FamilyTrained, FamilyTraining, summary};
use keepset_cli::learn::Matrix;
use keepset_cli::learn::chance::Chance;
use keepset_cli::learn::elastic::{Net, path, path_from};
use keepset_cli::replay::Unwatched;
use keepset_cli::train::Basis;
use keepset_cli::train::cohort::{Apart, Cohort, Cut};
use keepset_engine::event::Scalar;
use keepset_engine::{Pack, RawEvent};
use keepset_wire::{DAY_MS, Name, Timestamp};
use serde_json::{Value, json};

fn day(text: &str) -> Timestamp {
    Timestamp::from_date(text).unwrap()
}

fn pack(values: &[String]) -> Value {
    json!({
        "id": "shop", "version": 1, "title": "Shop", "owner": "tests", "reason": "to be trained", "expires": "2031-01-01",
        "events": {"bought": {"properties": {
            "aisle": {"type": "category", "values": values}, "price": {"type": "number", "min": 0, "max": 9}
        }}},
        "outcomes": {"next": {"event": "bought", "each": ["aisle"], "within_days": 28}},
        "features": {"visits": {"kind": "count", "event": "bought", "window_days": 56}},
        "segments": []
    })
}

fn aisles(count: usize) -> Vec<String> {
    (0..count).map(|aisle| format!("Aisle {aisle}")).collect()
}

/// People who buy of an aisle of their own on every tenth day or so, and, where `turns` says so, of the aisle after it from the day 84 on.
fn log(people: usize, count: usize, turns: bool) -> String {
    let (mut chance, mut log) = (Chance::new(3, 0), String::new());
    let start = day("2020-01-01").millis();
    for person in 0..people {
        let own = chance.below(count);
        let mut write = |days: usize, hour: usize, aisle: usize| {
            let at = start + days as i64 * DAY_MS + hour as i64 * 3_600_000;
            writeln!(log, "{{\"person\": {person}, \"time\": {at}, \"event\": \"bought\", \"properties\": {{\"aisle\": \"Aisle {aisle}\"}}}}").unwrap();
        };
        for visit in 0..18 {
            let aisle = if chance.below(4) == 0 { chance.below(count) } else { own };
            let at = visit * 10 + chance.below(10);
            write(at, chance.below(24), if turns && at >= 84 { (aisle + 1) % count } else { aisle });
        }
    }
    log
}

/// The same with something else told to it.
fn based(mut training: FamilyTraining, change: impl FnOnce(&mut Basis)) -> FamilyTraining {
    change(&mut training.basis);
    training
}

fn training(events: &Scratch, count: usize) -> FamilyTraining {
    FamilyTraining {
        basis: Basis {
            pack: pack(&aisles(count)),
            events: vec![events.0.clone()],
            mapping: None,
            strict: true,
            features: vec!["visits".into()],
            cuts: vec![day("2020-02-26"), day("2020-03-25")],
            test_cut: day("2020-05-20"),
            model_id: Name::parse("next").unwrap(),
            missing: 0.0,
            seed: 0,
        },
        label: "bought".into(),
        each: vec!["aisle".into()],
        within_days: 28,
        half_lives: vec![14, 84],
        precision: None,
        reach: Some(0.2),
        aim: Aim::Values,
    }
}

fn run(training: FamilyTraining) -> anyhow::Result<FamilyTrained> {
    training.run(&mut Unwatched)
}

/// 400 people have six aisles: an AUC has a standard error of about 0.03, its mean over the aisles one of 0.015.
#[test]
fn a_family_orders_people_by_what_they_come_to_and_its_parts_are_a_pack() {
    let events = Scratch::new("family.jsonl", log(400, 6, false));
    let trained = run(training(&events, 6)).unwrap();
    assert_eq!((trained.people, trained.values.len(), trained.tested), (400, 6, 400));
    assert!(trained.auc.ours.value > 0.75, "{:?}", trained.auc);
    assert!(trained.auc.ours.value > trained.auc.recency.value - 0.02, "{:?}", trained.auc);
    assert!(trained.basket.is_none(), "ten of six aisles are all there are");
    let mut document = pack(&aisles(6));
    document["models"] = trained.parts["models"].clone();
    document["segments"] = trained.parts["segments"].clone();
    for (name, feature) in trained.parts["features"].as_object().unwrap() {
        document["features"][name] = feature.clone();
    }
    let read = Pack::read(&document).unwrap();
    assert_eq!(read.models.len(), 6);
    assert_eq!(trained.parts["segments"].as_array().unwrap().len(), 6);
    assert!(read.models.iter().all(|model| model.id.as_str().starts_with("next.aisle_")));
    assert!(summary(&trained).contains("Aisle 5"));
    let again = serde_json::to_string(&run(training(&events, 6)).unwrap()).unwrap();
    assert_eq!(again, serde_json::to_string(&trained).unwrap(), "a training repeats to the bit");
}

/// From the day 84 on people buy of the aisle after their own: at a cut on that day the counts of another aisle are what tells.
#[test]
fn what_people_do_who_have_another_value_enters_the_line_of_a_value() {
    let events = Scratch::new("turns.jsonl", log(600, 5, true));
    let cuts = vec![day("2020-03-25")];
    let trained = run(based(training(&events, 5), |basis| {
        basis.cuts = cuts;
        basis.test_cut = day("2020-04-22");
    }))
    .unwrap();
    assert!(trained.way.ends_with("with counts of other values"), "{}", trained.way);
    let weights = &trained.parts["models"]["next.aisle_3"]["weights"];
    assert!(weights["next.aisle_2.84d"].as_f64().unwrap() > 1.0, "{weights}");
}

/// 300 people with an aisle of their own among 40: it is in three of four baskets, and among the ten most bought in a quarter.
#[test]
fn ten_values_named_to_a_person_hit_the_next_basket_more_often_than_the_ten_most_common() {
    let events = Scratch::new("baskets.jsonl", log(300, 40, false));
    let trained = run(training(&events, 40)).unwrap();
    let rate = trained.basket.unwrap().hit_rate;
    assert!(rate.ours.value > 0.7 && rate.frequency.value > 0.7, "{rate:?}");
    assert!(rate.popularity.value < 0.5, "{rate:?}");
}

#[test]
fn values_are_told_apart_at_the_cut_to_the_millisecond() {
    let pack = Rc::new(Pack::read(&pack(&aisles(3))).unwrap());
    let (at, until) = (day("2020-03-01"), day("2020-03-29"));
    let apart: Apart = (0..3).map(|aisle| ((0, aisle), aisle)).collect();
    let mut cohort = Cohort::new(pack, "bought", vec![Cut { at, until }]).told_apart(apart);
    let mut buy = |aisle: usize, at: i64| {
        let properties = [("aisle".to_owned(), Scalar::Text(format!("Aisle {aisle}")))].into();
        let event = RawEvent { name: "bought".into(), at: Some(at), properties, ..RawEvent::default() };
        cohort.track("p", &event, Timestamp::from_millis(at).unwrap()).unwrap();
    };
    buy(0, at.millis() - 1);
    buy(0, at.millis() - 9);
    buy(2, until.millis());
    let rows = cohort.rows(0);
    assert_eq!(rows[0].told.known, [(0, 2)].into());
    assert_eq!(rows[0].told.came, BTreeSet::new(), "the end belongs to neither");
    assert_eq!(rows[0].told.next, Some((until, BTreeSet::from([2]))), "the next basket may come later");
    let mut buy = |aisle: usize, at: i64| {
        let properties = [("aisle".to_owned(), Scalar::Text(format!("Aisle {aisle}")))].into();
        let event = RawEvent { name: "bought".into(), at: Some(at), properties, ..RawEvent::default() };
        cohort.track("p", &event, Timestamp::from_millis(at).unwrap()).unwrap();
    };
    buy(1, at.millis());
    buy(0, at.millis());
    let rows = cohort.rows(0);
    assert_eq!(rows[0].told.known, [(0, 2)].into());
    assert_eq!(rows[0].told.came, BTreeSet::from([0, 1]));
    assert_eq!(rows[0].told.next, Some((at, BTreeSet::from([0, 1]))));
}

#[test]
fn settings_and_logs_that_teach_nothing_are_refused_with_the_reason() {
    let events = Scratch::new("family-refused.jsonl", log(150, 4, false));
    let few = Scratch::new("family-few.jsonl", log(20, 4, false));
    let none = Scratch::new(
        "family-none.jsonl",
        log(150, 4, false).replace("\"aisle\": \"Aisle", "\"price\": 1, \"_\": \"Aisle"),
    );
    let base = || training(&events, 4);
    let each = |name: &str| vec![name.to_owned()];
    for (training, reason) in [
        (FamilyTraining { each: each("shelf"), ..base() }, "bought has no property \"shelf\""),
        (FamilyTraining { each: each("price"), ..base() }, "the property price of bought is no category"),
        (
            FamilyTraining { label: "sold".into(), ..base() },
            "the pack declares no event \"sold\" to foretell",
        ),
        (
            based(base(), |basis| {
                basis.features = each("vists");
            }),
            "the pack has no feature \"vists\"",
        ),
        (
            based(base(), |basis| {
                basis.features = vec!["visits".into(); 2];
            }),
            "the feature visits is given twice",
        ),
        (FamilyTraining { half_lives: vec![0], ..base() }, "a half-life lies between 1 and 730 days"),
        (FamilyTraining { half_lives: vec![], ..base() }, "a half-life lies between 1 and 730 days"),
        (FamilyTraining { reach: Some(0.9), ..base() }, "a reach lies between 0 and 0.5"),
        (
            FamilyTraining { aim: Aim::Basket, ..base() },
            "10 of 4 values say little of a basket: it is aimed at from 21 on",
        ),
        (
            based(base(), |basis| {
                basis.missing = f64::NAN;
            }),
            "what stands in for a missing value must be a number",
        ),
        (
            based(base(), |basis| {
                basis.cuts = vec![];
            }),
            "a family needs a cut",
        ),
        (
            based(base(), |basis| {
                basis.test_cut = day("2020-03-26");
            }),
            "a test on 2020-03-26 would look ahead",
        ),
        (
            based(base(), |basis| {
                basis.pack = pack(&aisles(1));
                basis.events = vec![];
            }),
            "a family has two values at least",
        ),
        (
            based(base(), |basis| {
                basis.events = vec![few.0.clone()];
            }),
            "40 rows are too few to learn from; 100 are needed",
        ),
        (
            based(base(), |basis| {
                basis.events = vec![none.0.clone()];
            }),
            "there is nothing to tell apart",
        ),
    ] {
        let error = format!("{:#}", run(training).expect_err(reason));
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn the_command_puts_a_family_into_the_text_of_a_pack_and_leaves_the_rest_as_it_was() {
    let events = Scratch::new("family-command.jsonl", log(200, 4, false));
    let text =
        serde_json::to_string_pretty(&pack(&aisles(4))).unwrap().replace("\"owner\": ", "\"owner\":    ");
    let (pack, card) = (Scratch::new("family-pack.json", &text), Scratch::new("family-card.md", ""));
    let train = |label: &str| {
        Command::new(env!("CARGO_BIN_EXE_keepset"))
            .args(["train", "--pack", &pack.text(), "--events", &events.text(), "--label", label])
            .args([
                "--cut",
                "2020-02-26",
                "--test-cut",
                "2020-05-20",
                "--model-id",
                "next",
                "--reach",
                "0.25",
            ])
            .args(["--into", &pack.text(), "--card", &card.text()])
            .output()
            .unwrap()
    };
    let output = train("next");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = std::fs::read_to_string(&pack.0).unwrap();
    assert!(written.contains("\"owner\":    \"tests\""), "{written}");
    let read = Pack::parse(&written).unwrap();
    assert_eq!(
        (read.models.len(), read.features().len()),
        (4, 17),
        "two half-lives of four values, each a count and its bound"
    );
    let card = std::fs::read_to_string(&card.0).unwrap();
    assert!(card.contains("| Aisle 3 |") && card.contains("--reach 0.25"), "{card}");
    let refused = String::from_utf8(train("sold").stderr).unwrap();
    assert!(refused.contains("no event \"sold\""), "{refused}");
}

#[test]
fn a_line_of_no_use_is_told_and_counted_once_though_the_log_is_read_for_each_cut() {
    let events = Scratch::new("family-fault.jsonl", log(200, 4, false) + "nonsense\n");
    let mut faults = Faults::default();
    let trained = based(training(&events, 4), |basis| basis.strict = false).run(&mut faults).unwrap();
    assert_eq!((faults.0.len(), trained.unused), (1, 1), "{:?}", faults.0);
}

/// The checked-in households: a hundredth of the figures' rows, so only the order of the two is asked for.
#[test]
fn the_departments_of_a_grocery_are_foretold_better_than_by_how_often_they_were_visited() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/departments");
    let text = std::fs::read_to_string(folder.join("pack.json")).unwrap();
    let trained = run(FamilyTraining {
        each: vec!["department".into()],
        half_lives: vec![28, 168],
        ..based(training(&Scratch::new("unused", ""), 2), |basis| {
            basis.pack = serde_json::from_str(&text).unwrap();
            basis.mapping = Some(read_mapping(&folder.join("mapping.json")).unwrap());
            basis.features = vec!["regular".into()];
            basis.cuts = ["2017-05-01", "2017-06-15", "2017-08-01", "2017-09-15"].map(day).into();
            basis.test_cut = day("2017-11-01");
            basis.events = vec![PathBuf::from(&folder).join("fixtures/departments_sample.csv.gz")];
        })
    })
    .unwrap();
    assert!(trained.auc.ours.value > trained.auc.recency.value, "{:?}", trained.auc);
    assert!(trained.auc.ours.low > 0.7, "{:?}", trained.auc);
}

/// Half of the people buy nothing from the last cut learned from until long after it. What they buy then is of the time tested on.
#[test]
fn a_family_for_baskets_takes_the_way_that_hits_most_of_those_that_are_settled() {
    let (quiet, last) = (day("2020-03-25").millis(), day("2020-05-25").millis());
    let is_kept = |line: &&str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["person"].as_u64().unwrap().is_multiple_of(2) || line["time"].as_i64().unwrap() < quiet
    };
    let mut text: String =
        log(400, 24, false).lines().filter(is_kept).map(|line| line.to_owned() + "\n").collect();
    let before = Scratch::new("family-settled.jsonl", &text);
    for person in (1..400).step_by(2) {
        writeln!(text, "{{\"person\": {person}, \"time\": {last}, \"event\": \"bought\", \"properties\": {{\"aisle\": \"Aisle 3\"}}}}").unwrap();
    }
    let after = Scratch::new("family-later.jsonl", &text);
    let of = |events| run(FamilyTraining { aim: Aim::Basket, ..training(events, 24) }).unwrap();
    let (before, after) = (of(&before), of(&after));
    let tried = |trained: &FamilyTrained| serde_json::to_string(&trained.tried).unwrap();
    assert_eq!(tried(&before), tried(&after), "nothing of the time tested on is chosen by");
    let most = before.tried.iter().filter_map(|one| one.hit_rate).fold(0.0, f64::max);
    let chosen = before.tried.iter().find(|one| one.way == before.way).unwrap();
    assert_eq!(chosen.hit_rate, Some(most), "{:?}", before.tried);
    assert!(most > 0.6, "ten of 24 aisles hit four of ten baskets by chance: {most}");
    let by_loss = run(training(&Scratch::new("family-by-loss.jsonl", &text), 24)).unwrap();
    assert!(by_loss.tried.iter().all(|one| one.hit_rate.is_none()));
}

#[test]
fn a_line_from_scores_that_are_best_already_adds_nothing_and_from_none_it_is_the_path() {
    let mut chance = Chance::new(9, 0);
    let column: Vec<f64> = (0..3_000).map(|_| f64::from(chance.below(100) as u32) / 25.0).collect();
    let labels: Vec<bool> = column
        .iter()
        .map(|x| (chance.below(1_000) as f64) / 1_000.0 < 1.0 / (1.0 + (2.0 - x).exp()))
        .collect();
    let matrix = Matrix::new(vec![column]);
    let net = [Net { penalty: 0.0, sparse: 0.0 }];
    let best = path(&matrix, &labels, &net).remove(0);
    let more = path_from(&matrix, &labels, &best.scores(&matrix), &net).remove(0);
    assert!(more.weights[0].abs() < 1e-3 && more.intercept.abs() < 1e-3, "{more:?}");
    let from_none = path_from(&matrix, &labels, &vec![0.0; labels.len()], &net).remove(0);
    assert!((from_none.weights[0] - best.weights[0]).abs() < 1e-3, "{from_none:?} {best:?}");
    let heavy = [Net { penalty: 10.0, sparse: 0.5 }];
    assert_eq!(path_from(&matrix, &labels, &best.scores(&matrix), &heavy)[0].weights, [0.0]);
}
