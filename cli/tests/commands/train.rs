//! A model learns from what devices knew before a cut, and from nothing else.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use crate::common::{Faults, Scratch, full_log, retail, retail_mapping, small_pack};
use keepset_cli::log::Log;
use keepset_cli::replay::{Stopped, Unwatched};
use keepset_cli::tabular::select::Learner;
use keepset_cli::train::cohort::{Cohort, Cut, Row};
use keepset_cli::train::{Basis, Trained, Training};
use keepset_engine::Pack;
use keepset_wire::{DAY_MS, Name, Timestamp};
use serde_json::{Value, json};

fn day(text: &str) -> Timestamp {
    Timestamp::from_date(text).unwrap()
}

/// The same with something else told to it.
fn based(mut training: Training, change: impl FnOnce(&mut Basis)) -> Training {
    change(&mut training.basis);
    training
}

/// The training of the retail pack's model, on other events.
fn training(events: PathBuf) -> Training {
    Training {
        basis: Basis {
            pack: serde_json::from_str(&std::fs::read_to_string(retail("pack.json")).unwrap()).unwrap(),
            events: vec![events],
            mapping: Some(retail_mapping()),
            strict: false,
            cuts: vec![day("2017-08-01")],
            test_cut: day("2017-11-01"),
            features: ["coupons_84d", "coupon_orders_84d", "days_since_mailing", "stock_ups_28d"]
                .map(String::from)
                .into(),
            model_id: Name::parse("likely_coupon").unwrap(),
            missing: 365.0,
            seed: 0,
        },
        label: "coupon_redeem".into(),
        comes: true,
        learner: Learner::Logistic,
        within_days: 28,
        l2: 1.0,
        precision: Some(0.3),
    }
}

fn sample() -> Training {
    training(retail("fixtures/complete_journey_sample.csv.gz"))
}

fn train(training: Training) -> anyhow::Result<Trained> {
    training.run(&mut Unwatched)
}

/// A small generator, so that the logs are the same everywhere.
fn draws() -> impl FnMut() -> f64 {
    let mut state = 11_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// 600 people over three months. Wins come by chance alone, so nothing known before a cut says who wins after it, while
/// anything that heard of the time after it would know.
fn log_of_chance() -> String {
    let (mut draw, mut log) = (draws(), String::new());
    let start = day("2020-01-01").millis();
    for person in 0..600 {
        let mut write = |name: &str, days: f64| {
            let at = start + (days * DAY_MS as f64) as i64;
            writeln!(log, "{{\"person\": {person}, \"time\": {at}, \"event\": \"{name}\"}}").unwrap();
        };
        write("visit", 0.0);
        for month in 0..3 {
            let from = 28.0 * f64::from(month);
            for _ in 0..6 {
                write("visit", from + 28.0 * draw());
            }
            if draw() < 0.3 {
                for _ in 0..5 {
                    write("win", from + 28.0 * draw());
                }
            }
        }
    }
    log
}

/// Trees of a log become a model of the pack: read back, scored by the engine, explained, and in order with the later time.
#[test]
fn a_log_teaches_trees_that_the_pack_takes() {
    for learner in [Learner::Boost, Learner::Forest] {
        let trained = train(Training { learner, precision: None, ..sample() }).unwrap();
        assert!(
            trained.model.linear().is_none() && trained.tested.auc.value > 0.7,
            "{:?}",
            trained.tested.auc
        );
        assert!(trained.features.iter().all(|input| input.strength >= 0.0));
        let strongest = trained.features.iter().map(|input| input.strength).fold(0.0, f64::max);
        assert!(strongest > 0.1, "{learner:?}: {strongest}");
        let mut pack = sample().basis.pack;
        pack["models"]["likely_coupon"] = json!(trained.model);
        Pack::read(&pack).unwrap();
        pack["features"]["coupons_84d"]["window_days"] = json!(56);
        let refused = Pack::read(&pack).unwrap_err();
        assert_eq!(refused.path(), "$.models.likely_coupon.definitions");
    }
}

/// Who stays away is everyone who does not come.
#[test]
fn an_outcome_may_be_that_nothing_comes() {
    let (comes, stays_away) =
        (train(sample()).unwrap(), train(Training { comes: false, precision: None, ..sample() }).unwrap());
    assert_eq!(comes.tested.positives + stays_away.tested.positives, comes.tested.people);
    assert!((comes.tested.auc.value - stays_away.tested.auc.value).abs() < 1e-3);
}

fn small_training(events: &Scratch) -> Training {
    Training {
        label: "win".into(),
        precision: None,
        ..based(training(events.0.clone()), |basis| {
            basis.pack = small_pack();
            basis.mapping = None;
            basis.cuts = vec![day("2020-01-29")];
            basis.test_cut = day("2020-02-26");
            basis.features = ["visits", "wins", "since_win"].map(String::from).into();
        })
    }
}

/// Of 600 people 180 win; without a leak the AUC has a standard error of 0.026 around a half, so 0.1 is almost four.
#[test]
fn what_came_after_the_cut_does_not_leak_into_a_model() {
    let log = Scratch::new("chance.jsonl", log_of_chance());
    let trained = train(small_training(&log)).unwrap();
    assert_eq!((trained.learned.people, trained.tested.people), (600, 600));
    assert!((0.25..0.35).contains(&trained.tested.base_rate), "{:?}", trained.tested);
    assert!((trained.tested.auc.value - 0.5).abs() < 0.1, "{:?}", trained.tested.auc);
    // A leak would show: the same features, heard of 28 days too late, know all but the wins of the first hours.
    let settled = day("2020-03-25");
    let rows = |at, until| rows_of_log(&log, Cut { at, until });
    let late = rows(settled, Timestamp::MAX);
    let labels = rows(day("2020-02-26"), settled);
    let wins = |row: &Row| row.values[2] > Some(0.0);
    let known = late.iter().zip(&labels).filter(|(late, true_row)| wins(late) == true_row.label).count();
    assert!(known > 590, "{known}");
}

/// The features are `since_win`, `visits`, `wins`: the order of their names.
fn rows_of_log(log: &Scratch, cut: Cut) -> Vec<Row> {
    let mut cohort = Cohort::new(Rc::new(Pack::read(&small_pack()).unwrap()), "win", vec![cut]);
    for line in Log::open(std::slice::from_ref(&log.0), None).unwrap() {
        let Ok(line) = line else { panic!("the log is right") };
        cohort.track(&line.person, &line.event, line.heard).unwrap();
    }
    cohort.rows(0)
}

#[test]
fn the_sample_gives_a_model_that_holds_at_a_later_time() {
    let mut faults = Faults::default();
    let trained = sample().run(&mut faults).unwrap();
    assert_eq!(faults.0, []);
    assert_eq!((trained.people, trained.events), (1_383, 91_498));
    assert!(trained.tested.auc.low > 0.8, "{:?}", trained.tested.auc);
    assert!(trained.tested.log_loss < trained.tested.log_loss_of_own_rate);
    let calibration = &trained.tested.calibration;
    assert_eq!(calibration.iter().map(|bin| bin.people).sum::<usize>(), trained.tested.people);
    let thresholds = trained.thresholds.unwrap();
    assert!(
        thresholds.stay < thresholds.enter && thresholds.learned.precision.value >= 0.3,
        "{thresholds:?}"
    );
    assert!(
        trained.model.linear().unwrap().weights["coupons_84d"] > 0.0
            && trained.model.linear().unwrap().weights["days_since_mailing"] < 0.0
    );
}

#[test]
fn a_training_repeats_to_the_bit_and_a_seed_moves_intervals_alone() {
    let json = |training| serde_json::to_string(&train(training).unwrap()).unwrap();
    let first = json(sample());
    assert!(json(sample()) == first);
    let other = train(based(sample(), |basis| {
        basis.seed = 1;
    }))
    .unwrap();
    let trained = train(sample()).unwrap();
    assert_eq!(other.model, trained.model);
    assert_ne!(other.tested.auc, trained.tested.auc);
}

#[test]
fn settings_and_logs_that_cannot_give_an_honest_model_are_refused_with_the_reason() {
    let chance = Scratch::new("refused.jsonl", log_of_chance());
    let small = || small_training(&chance);
    let text = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let nobody = Scratch::new("nobody.jsonl", "");
    let visits: String = log_of_chance()
        .lines()
        .filter(|line| line.contains("visit"))
        .fold(String::new(), |all, line| all + line + "\n");
    let visits = Scratch::new("visits.jsonl", visits);
    let few: String = log_of_chance().lines().take(900).fold(String::new(), |all, line| all + line + "\n");
    let few = Scratch::new("few.jsonl", few);
    let end = day("2020-03-20");
    for (training, reason) in [
        (
            based(small(), |basis| {
                basis.features = text(&["visits", "vists"]);
            }),
            "the pack has no feature \"vists\"",
        ),
        (
            based(small(), |basis| {
                basis.features = text(&["visits", "visits"]);
            }),
            "the feature visits is given twice",
        ),
        (Training { label: "buy".into(), ..small() }, "the pack declares no event \"buy\" to foretell"),
        (
            based(small(), |basis| {
                basis.test_cut = day("2020-02-25");
            }),
            "what followed 2020-01-29 is known on 2020-02-26 only: a test on 2020-02-25 would look ahead",
        ),
        (
            based(small(), |basis| {
                basis.test_cut = end;
            }),
            "the log ends on 2020-03-24, but what follows 2020-03-20 is known on 2020-04-17 only",
        ),
        (Training { l2: 0.0, ..small() }, "the penalty must be a number above 0"),
        (
            based(small(), |basis| {
                basis.missing = f64::NAN;
            }),
            "what stands in for a missing value must be a number",
        ),
        (Training { precision: Some(30.0), ..small() }, "a precision lies between 0 and 1"),
        (
            Training { precision: Some(0.99), ..small() },
            "no threshold picks 20 people of whom 0.99 did it; ask for a lower precision",
        ),
        (Training { within_days: 0, ..small() }, "the event must have at least one day to come in"),
        (
            based(small(), |basis| {
                basis.events = vec![nobody.0.clone()];
            }),
            "the log holds no event",
        ),
        (
            based(small(), |basis| {
                basis.events = vec![visits.0.clone()];
                basis.features = text(&["visits"]);
            }),
            "every label is the same, so there is nothing to tell apart",
        ),
        (
            Training {
                label: "visit".into(),
                ..based(small(), |basis| {
                    basis.events = vec![visits.0.clone()];
                })
            },
            "every label is the same, so there is nothing to tell apart",
        ),
        (
            based(small(), |basis| {
                basis.events = vec![few.0.clone()];
            }),
            "40 rows are too few to learn from; 100 are needed",
        ),
    ] {
        let error = train(training).unwrap_err();
        assert_eq!(error.to_string(), reason);
    }
    let flat = Scratch::new("flat.jsonl", log_of_chance().replace("win", "visit"));
    let flat = Training {
        label: "visit".into(),
        within_days: 1,
        ..based(small_training(&flat), |basis| {
            basis.features = text(&["wins"]);
            basis.test_cut = day("2020-03-01");
        })
    };
    let error = train(flat).unwrap_err();
    assert_eq!(error.to_string(), "the feature wins has the same value for everyone; leave it out");
}

#[test]
fn a_strict_training_stops_at_the_first_line_it_cannot_use_and_another_counts_it() {
    let log = Scratch::new(
        "broken.jsonl",
        log_of_chance() + "{}\n{\"person\": 1, \"time\": 0, \"event\": \"buy\"}\n",
    );
    let mut faults = Faults::default();
    let trained = small_training(&log).run(&mut faults).unwrap();
    assert_eq!((trained.malformed, trained.refused, faults.0.len()), (1, 1, 2));
    let error = train(based(small_training(&log), |basis| {
        basis.strict = true;
    }))
    .unwrap_err();
    assert!(error.is::<Stopped>(), "{error}");
}

#[test]
fn the_command_writes_the_model_its_card_and_the_figures() {
    let chance = Scratch::new("command.jsonl", log_of_chance());
    let pack = Scratch::new("small.json", small_pack().to_string());
    let (out, figures) = (Scratch::new("model.json", ""), Scratch::new("figures.json", ""));
    let curve = Scratch::new("curve.svg", "");
    let output = Command::new(env!("CARGO_BIN_EXE_keepset"))
        .args([
            "train",
            "--pack",
            &pack.text(),
            "--events",
            &chance.text(),
            "--label",
            "win",
            "--within-days",
            "28",
        ])
        .args([
            "--cut",
            "2020-01-29",
            "--test-cut",
            "2020-02-26",
            "--features",
            "visits,since_win",
            "--missing",
            "99",
        ])
        .args(["--model-id", "lucky", "--out", &out.text(), "--json", &figures.text()])
        .args(["--curve", &curve.text()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let model: Value = serde_json::from_slice(&std::fs::read(&out.0).unwrap()).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&printed[printed.find('{').unwrap()..]).unwrap(), model);
    let mut pack = small_pack();
    pack["models"] = model;
    assert_eq!(Pack::read(&pack).unwrap().models[0].id.as_str(), "lucky");
    let figures: Value = serde_json::from_slice(&std::fs::read(&figures.0).unwrap()).unwrap();
    assert_eq!(figures["tested"]["people"], 600);
    let choices = figures["choices"].as_array().unwrap();
    assert!(printed.contains("precision later") && !choices.is_empty(), "{printed}");
    let drawn = std::fs::read_to_string(&curve.0).unwrap();
    let lines: Vec<&str> = drawn.split("<polyline points=\"").skip(1).collect();
    let places = |line: &&str| line.split('"').next().unwrap().split(' ').count();
    assert_eq!(lines.iter().map(places).collect::<Vec<_>>(), [choices.len(); 2], "{drawn}");
    let card = Scratch(out.0.with_extension("md"));
    let card = std::fs::read_to_string(&card.0).unwrap();
    assert!(
        card.starts_with("# Model card: lucky\n") && card.contains("--features visits,since_win"),
        "{card}"
    );
}

/// Runs where the whole log is; a checkout without it has the sample's test above.
#[test]
fn the_packs_model_thresholds_and_card_are_what_the_full_log_gives() {
    let Some(log) = full_log() else { return };
    let trained = train(training(log.0.clone())).unwrap();
    let pack = training(PathBuf::new()).basis.pack;
    let shipped = &pack["models"]["likely_coupon"];
    assert_eq!(json!(trained.model.linear().unwrap().weights), shipped["weights"]);
    assert_eq!(json!(trained.model.linear().unwrap().intercept), shipped["intercept"]);
    assert_eq!(trained.model.linear().unwrap().missing, shipped["missing"].as_f64().unwrap());
    let segments = pack["segments"].as_array().unwrap();
    let segment = segments.iter().find(|segment| segment["id"] == "likely_coupon").unwrap();
    let thresholds = trained.thresholds.unwrap();
    assert_eq!(
        (json!(thresholds.enter), json!(thresholds.stay)),
        (segment["enter"]["value"].clone(), segment["stay"]["value"].clone())
    );
    let card = std::fs::read_to_string(retail("MODEL_CARD.md")).unwrap();
    let (_, command) = card.split_once("```\n").unwrap();
    let command = command.trim_end().trim_end_matches("```").trim_end();
    assert_eq!(keepset_cli::train::card(&trained, command), card);
}
