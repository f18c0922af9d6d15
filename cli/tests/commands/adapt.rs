//! What `keepset adapt` is given wrongly is refused in a sentence, and a training does its work as well.

use std::fmt::Write as _;
use std::process::Command;

use crate::common::Scratch;
use keepset_cli::learn::chance::Chance;
use keepset_engine::Pack;
use keepset_wire::{DAY_MS, Timestamp};
use serde_json::json;

#[test]
fn what_is_no_pack_is_refused_in_a_sentence_with_a_model_of_its_own_and_without() {
    let member = Scratch::new("member.json", r#"{"m": {"kind": "linear", "intercept": 0, "weights": {}}}"#);
    for text in
        ["[]", "7", "\"pack\"", "{}", r#"{"models": []}"#, r#"{"models": {"m": 7}}"#, r#"{"outcomes": 7}"#]
    {
        let pack = Scratch::new("pack.json", text);
        for with_member in [false, true] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_keepset"));
            command.args(["adapt", "--pack", &pack.text(), "--model", "m", "--outcome", "o"]);
            command.args(["--events", "none.jsonl", "--cut", "2020-01-01"]);
            if with_member {
                command.args(["--member", &member.text()]);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code().is_some_and(|code| code < 100), "{text}: {said}");
            assert!(said.starts_with("keepset: the pack ") && said.lines().count() == 1, "{text}: {said}");
        }
    }
}

/// 150 people who visit alike; half of them buy one day in three, the others one in twenty, which a model of visits cannot know.
fn log() -> String {
    let mut chance = Chance::new(8, 2);
    let start = Timestamp::from_date("2020-01-01").unwrap().millis();
    let mut log = String::new();
    for person in 0..150_i64 {
        for day in 0..150_i64 {
            let mut write = |event: &str| {
                let time = start + day * DAY_MS + 1_000 * person;
                writeln!(log, r#"{{"person": {person}, "time": {time}, "event": "{event}"}}"#).unwrap();
            };
            if chance.below(4) == 0 {
                write("visit");
            }
            if chance.below(if person % 2 == 0 { 3 } else { 20 }) == 0 {
                write("buy");
            }
        }
    }
    log
}

#[test]
fn a_training_learns_in_one_command_how_far_people_differ_from_its_model() {
    let document = json!({
        "id": "small", "version": 1, "title": "Small", "owner": "tests", "reason": "to be trained", "expires": "2031-01-01",
        "events": {"visit": {}, "buy": {}},
        "outcomes": {
            "buys_soon": {"event": "buy", "within_days": 7},
            "next_buy": {"event": "buy", "within_days": [7, 14]}
        },
        "features": {"visits": {"kind": "count", "event": "visit", "window_days": 28}},
        "segments": []
    });
    let (pack, events) =
        (Scratch::new("moves.json", document.to_string()), Scratch::new("moves.jsonl", log()));
    let (into, card) = (Scratch::new("moves-into.json", ""), Scratch::new("moves-card.md", ""));
    let train = |pack: &Scratch, label: &str| {
        Command::new(env!("CARGO_BIN_EXE_keepset"))
            .args(["train", "--adapt", "--pack", &pack.text(), "--events", &events.text(), "--label", label])
            .args([
                "--features",
                "visits",
                "--model-id",
                "m",
                "--cut",
                "2020-02-10",
                "--test-cut",
                "2020-04-01",
            ])
            .args(["--into", &into.text(), "--card", &card.text()])
            .output()
            .unwrap()
    };
    let done = train(&pack, "buys_soon");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let printed = String::from_utf8(done.stdout).unwrap();
    assert!(printed.contains("were foretold better by") && printed.contains("\"adapt\""), "{printed}");
    let text = std::fs::read_to_string(&into.0).unwrap();
    Pack::parse(&text).unwrap();
    let shipped: serde_json::Value = serde_json::from_str(&text).unwrap();
    let adapt = &shipped["models"]["m"]["adapt"];
    assert_eq!(adapt["outcome"], "buys_soon");
    assert!(adapt["offset"].as_f64().unwrap() >= 0.4, "{adapt}");
    let card = std::fs::read_to_string(&card.0).unwrap();
    assert!(card.contains("## It moves with its person") && card.contains("keepset train --adapt"), "{card}");
    // A pack whose model moves with its person has features of its own, beside those that are scored.
    let again = train(&into, "buys_soon");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(String::from_utf8(again.stdout).unwrap(), printed);
    for (label, reason) in
        [("buy", "the pack defines no outcome \"buy\""), ("next_buy", "a hazard takes no --adapt")]
    {
        let refused = train(&pack, label);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains(reason), "{said}");
    }
}
