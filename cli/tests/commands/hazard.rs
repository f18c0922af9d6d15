//! A log teaches when an event comes, from what devices knew before a cut, and who still waits counts as waiting.

use std::fmt::Write as _;
use std::process::{Command, Output};

use crate::common::Scratch;
use keepset_cli::hazard::{HazardTrained, HazardTraining, card};
use keepset_cli::learn::chance::Chance;
use keepset_cli::replay::Unwatched;
use keepset_cli::train::{Basis, Member};
use keepset_engine::Pack;
use keepset_wire::{DAY_MS, Name, Timestamp};
use serde_json::{Value, json};

fn day(text: &str) -> Timestamp {
    Timestamp::from_date(text).unwrap()
}

fn pack() -> Value {
    json!({
        "id": "small", "version": 1, "title": "Small", "owner": "tests", "reason": "to be trained", "expires": "2031-01-01",
        "events": {"visit": {}, "buy": {}, "never": {}},
        "outcomes": {"next_buy": {"title": "in how many days", "event": "buy", "within_days": [7, 14, 28]}},
        "features": {
            "visits": {"kind": "count", "event": "visit", "window_days": 28},
            "buys": {"kind": "count", "event": "buy", "window_days": 56},
            "since_buy": {"kind": "recency", "event": "buy"}
        },
        "segments": []
    })
}

/// People who visit at random and buy on a day with the chance of their kind, whatever happened before: 1 in 4, 10 or 30. Half a year.
fn log(people: usize) -> String {
    let mut chance = Chance::new(5, 1);
    let start = day("2020-01-01").millis();
    let mut log = String::new();
    for person in 0..people {
        let one_in = [4, 10, 30][person % 3];
        for number in 0..180 {
            let mut write = |name: &str| {
                let at = start + number * DAY_MS + chance.below(DAY_MS as usize) as i64;
                writeln!(log, "{{\"person\": {person}, \"time\": {at}, \"event\": \"{name}\"}}").unwrap();
            };
            if number % 9 == person as i64 % 9 {
                write("visit");
            }
            if chance_of(person, number, one_in) {
                write("buy");
            }
        }
    }
    log
}

fn chance_of(person: usize, number: i64, one_in: usize) -> bool {
    Chance::new(person as u64, 1_000 + number.cast_unsigned()).below(one_in) == 0
}

fn training(events: &Scratch) -> HazardTraining {
    HazardTraining {
        basis: Basis {
            pack: pack(),
            events: vec![events.0.clone()],
            mapping: None,
            strict: true,
            cuts: ["2020-03-01", "2020-03-22", "2020-04-12"].map(day).into(),
            test_cut: day("2020-05-03"),
            features: ["visits", "buys"].map(String::from).into(),
            model_id: Name::parse("next").unwrap(),
            missing: 99.0,
            seed: 0,
        },
        label: "buy".into(),
        days: vec![7, 14, 28],
        l2: 1.0,
    }
}

fn run(training: HazardTraining) -> anyhow::Result<HazardTrained> {
    training.run(&mut Unwatched)
}

fn with(events: &Scratch, change: impl FnOnce(&mut HazardTraining)) -> anyhow::Result<HazardTrained> {
    let mut training = training(events);
    change(&mut training);
    run(training)
}

fn waiting(trained: &HazardTrained) -> Vec<(u16, f64)> {
    trained.model.linear().unwrap().waiting.clone().unwrap()
}

/// 600 people: the standard error of a share is at most 0.0204, so 0.08 is almost four; that of a fifth of them 0.046.
#[test]
fn chances_are_those_of_the_people_and_better_than_what_needs_no_model() {
    let events = Scratch::new("when.jsonl", log(600));
    let trained = run(training(&events)).unwrap();
    assert_eq!((trained.learned.rows, trained.tested.rows, trained.watched), (1_800, 600, 28));
    assert!(trained.tested.concordance.low > 0.65, "{:?}", trained.tested);
    let bare = trained.concordance_of_recency.unwrap();
    assert!(trained.tested.concordance.value > bare.value && bare.value > 0.55, "{bare:?}");
    for horizon in &trained.horizons {
        assert!((horizon.foretold - horizon.observed.value).abs() < 0.08, "{horizon:?}");
        assert!(horizon.beside.iter().all(|beside| beside.difference.high < 0.0), "{:?}", horizon.beside);
        for fifth in &horizon.fifths {
            assert!((fifth.foretold - fifth.observed.value).abs() < 0.18, "{fifth:?}");
        }
    }
    // Each kind buys on a day with the same chance however long it waits; between kinds those who wait are the rarer ones, which the count tells in part.
    assert!(waiting(&trained).iter().all(|(_, shift)| shift.abs() < 0.8), "{:?}", waiting(&trained));
    for said in &trained.scores {
        assert!(said.chances.is_sorted() && said.chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
    }
}

#[test]
fn nothing_of_the_time_tested_on_is_learned_and_no_order_of_lines_matters() {
    let whole = log(200);
    let at = |line: &str| serde_json::from_str::<Value>(line).unwrap()["time"].as_i64().unwrap();
    let cut = day("2020-05-03").millis();
    let mut before: Vec<&str> = whole.lines().filter(|line| at(line) < cut).collect();
    before.reverse();
    let last = format!("{{\"person\": 0, \"time\": {}, \"event\": \"buy\"}}", day("2020-05-20").millis());
    let known = Scratch::new("when-known.jsonl", before.join("\n") + "\n" + &last + "\n");
    let whole = Scratch::new("when-whole.jsonl", whole);
    let model = |events| run(training(events)).map(|trained| trained.model);
    // Only person 0 comes after the cut, and nobody before: the test itself has nothing to measure but him.
    assert_eq!(model(&known).unwrap(), model(&whole).unwrap());
}

#[test]
fn who_waits_at_the_test_counts_as_waiting_until_then() {
    let events = Scratch::new("when-waits.jsonl", log(300));
    // 21 days before the test: nobody is watched longer, so all that is known of days 22 to 28 comes from the earlier cuts.
    let of = |cuts: &[&str]| {
        with(&events, |training| training.basis.cuts = cuts.iter().map(|cut| day(cut)).collect())
    };
    let both = of(&["2020-03-01", "2020-04-12"]).unwrap();
    let early = of(&["2020-03-01"]).unwrap();
    assert!(both.learned.came > early.learned.came);
    let chance = |trained: &HazardTrained, days| {
        trained.horizons.iter().find(|one| one.days == days).unwrap().foretold
    };
    // Taken for people who never come, those of the later cut would pull the chance of 28 days down by tens of hundredths.
    assert!((chance(&both, 28) - chance(&early, 28)).abs() < 0.05);
}

#[test]
fn what_ships_asks_for_a_chance_by_comparing_a_line() {
    let events = Scratch::new("when-ships.jsonl", log(200));
    let trained = run(training(&events)).unwrap();
    let mut document = pack();
    document["models"] = json!({"next": trained.model});
    let with_rule = |rule: Value| {
        let mut document = document.clone();
        document["segments"] = json!([{"id": "soon", "title": "Soon", "reason": "R", "enter": rule}]);
        Pack::read(&document).unwrap().hash()
    };
    let threshold = trained.thresholds.iter().find(|one| (one.days, one.chance) == (14, 0.3)).unwrap();
    let asked = with_rule(json!({"model": "next", "within_days": 14, "op": ">=", "value": 0.3}));
    assert_eq!(asked, with_rule(json!({"model": "next", "op": ">=", "value": threshold.score})));
    assert!(threshold.reach > 0.0 && threshold.reach <= 1.0);
    let Member::Linear(line) = &trained.model else { panic!("a line") };
    assert_eq!(line.waiting.as_ref().unwrap().last().unwrap().0, 28);
    let card = card(&trained, "keepset train");
    assert!(card.contains("within 14 days") && card.contains("| 30.0 % |"), "{card}");
}

#[test]
fn a_training_repeats_to_the_bit_and_a_seed_moves_intervals_alone() {
    let events = Scratch::new("when-again.jsonl", log(150));
    let json =
        |seed| serde_json::to_string(&with(&events, |training| training.basis.seed = seed).unwrap()).unwrap();
    assert!(json(0) == json(0));
    let of = |seed| with(&events, |training| training.basis.seed = seed).unwrap();
    assert_eq!(of(0).model, of(1).model);
    assert_ne!(of(0).tested.concordance, of(1).tested.concordance);
}

#[test]
fn settings_and_logs_that_do_not_tell_when_are_refused_with_the_reason() {
    let events = Scratch::new("when-refused.jsonl", log(60));
    let only = |keep: &dyn Fn(&str) -> bool| {
        log(60).lines().filter(|line| keep(line)).fold(String::new(), |all, line| all + line + "\n")
    };
    let visits = Scratch::new("when-visits.jsonl", only(&|line| line.contains("visit")));
    let one = Scratch::new("when-one.jsonl", only(&|line| line.contains("\"person\": 0,")));
    let nobody = Scratch::new("when-nobody.jsonl", "");
    let many = |training: &mut HazardTraining| {
        training.basis.cuts = (0..100).map(|at| day("2020-01-20").saturating_add(at * DAY_MS)).collect();
    };
    type Change<'a> = &'a dyn Fn(&mut HazardTraining);
    let cases: [(&Scratch, Change<'_>, &str); 15] = [
        (
            &events,
            &|training| training.label = "sell".into(),
            "the pack declares no event \"sell\" to foretell",
        ),
        (&events, &|training| training.days = vec![], "the numbers of days rise and lie between 1 and 366"),
        (
            &events,
            &|training| training.days = vec![14, 7],
            "the numbers of days rise and lie between 1 and 366",
        ),
        (
            &events,
            &|training| training.days = vec![7, 367],
            "the numbers of days rise and lie between 1 and 366",
        ),
        (&events, &|training| training.l2 = 0.0, "the penalty must be a number above 0"),
        (&events, &|training| training.basis.features = vec![], "a model needs a feature and a cut"),
        (
            &events,
            &|training| training.basis.features = vec!["vists".into()],
            "the pack has no feature \"vists\"",
        ),
        (
            &events,
            &|training| training.basis.features = vec!["buys".into(); 2],
            "the feature buys is given twice",
        ),
        (
            &events,
            &|training| training.basis.missing = f64::NAN,
            "what stands in for a missing value must be a number",
        ),
        (
            &events,
            &|training| training.basis.test_cut = day("2020-04-12"),
            "the test on 2020-04-12 is not later than the cut on 2020-04-12",
        ),
        (
            &events,
            &|training| training.basis.test_cut = day("2020-06-25"),
            "the log ends on 2020-06-28, 4 days after the test on 2020-06-25 begins: 7 are needed",
        ),
        (&nobody, &|_| {}, "the log holds no event"),
        (
            &visits,
            &|training| training.basis.features = vec!["visits".into()],
            "the event comes to nobody while watched",
        ),
        (&one, &|_| {}, "3 rows are too few to learn from; 100 are needed"),
        (&one, &many, "1 people are too few to learn from; 20 are needed"),
    ];
    for (log, change, reason) in cases {
        let error = format!("{:#}", with(log, |training| change(training)).expect_err(reason));
        assert!(error.contains(reason), "{error}, not {reason}");
    }
    let flat = with(&events, |training| training.basis.pack["features"]["visits"]["event"] = json!("never"));
    assert_eq!(
        flat.unwrap_err().to_string(),
        "the feature visits has the same value for everyone; leave it out"
    );
}

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepset")).arg("train").args(arguments).output().unwrap()
}

#[test]
fn the_command_learns_when_where_several_numbers_of_days_are_named() {
    let events = Scratch::new("when-command.jsonl", log(120));
    let (pack, out) =
        (Scratch::new("when-pack.json", pack().to_string()), Scratch::new("when-model.json", ""));
    let (into, figures) = (Scratch::new("when-into.json", ""), Scratch::new("when-figures.json", ""));
    let [pack_file, events_file, out_file] = [&pack, &events, &out].map(|file| file.text());
    let common = |label: &str| {
        [
            "--pack",
            &pack_file,
            "--events",
            &events_file,
            "--label",
            label,
            "--features",
            "visits,buys",
            "--model-id",
            "next",
        ]
        .into_iter()
        .chain(["--cut", "2020-03-01", "--cut", "2020-03-29", "--test-cut", "2020-05-03", "--out", &out_file])
        .map(str::to_owned)
        .collect::<Vec<String>>()
    };
    let run = |label: &str, more: &[&str]| {
        let whole = common(label);
        command(&whole.iter().map(String::as_str).chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let (into_file, figures_file) = (into.text(), figures.text());
    let of_outcome = run("next_buy", &["--into", &into_file, "--json", &figures_file]);
    let said = String::from_utf8(of_outcome.stderr).unwrap();
    assert!(of_outcome.status.success(), "{said}");
    let model = std::fs::read_to_string(&out.0).unwrap();
    let card = std::fs::read_to_string(out.0.with_extension("md")).unwrap();
    assert!(card.contains("--label next_buy") && card.contains("## Calibration at the later time"), "{card}");
    let printed = String::from_utf8(of_outcome.stdout).unwrap();
    assert!(printed.contains("in how many days does buy come?") && printed.ends_with(&model), "{printed}");
    let shipped = std::fs::read_to_string(&into.0).unwrap();
    assert_eq!(Pack::parse(&shipped).unwrap().models[0].id.as_str(), "next");
    let figures: Value = serde_json::from_str(&std::fs::read_to_string(&figures.0).unwrap()).unwrap();
    assert_eq!(figures["horizons"].as_array().unwrap().len(), 3);
    // The same, asked for in so many words.
    assert!(run("buy", &["--learner", "hazard", "--within-days", "7,14,28"]).status.success());
    assert_eq!(std::fs::read_to_string(&out.0).unwrap(), model);
    for (label, more, reason) in [
        ("next_buy", &["--learner", "boost"][..], "which --learner hazard learns"),
        ("next_buy", &["--precision", "0.3"], "a rule asks it for a chance"),
        ("next_buy", &["--curve", "curve.svg"], "a hazard takes no --curve"),
    ] {
        let refused = run(label, more);
        assert!(!refused.status.success());
        assert!(String::from_utf8(refused.stderr).unwrap().contains(reason));
    }
    let table = Scratch::new("when-table.csv", "a,y\n1,1\n2,0\n");
    let out_file = out.text();
    let refused =
        command(&["--table", &table.text(), "--label", "y", "--learner", "hazard", "--out", &out_file]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("it needs a log"));
}
