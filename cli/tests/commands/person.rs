//! One person of a log: an event that comes twice, why someone is in a segment, and what would happen if.

use std::process::{Command, Output};

use crate::common::{Scratch, replay_of};
use keepset_cli::log::{Log, Mapping};
use keepset_cli::replay::Unwatched;
use serde_json::Value;

/// A buyer is whoever bought twice in four weeks and stays one for a week at least; a saver spends less than 10.
const PACK: &str = r#"{
  "id": "shop", "version": 1, "title": "Shop", "owner": "The shop", "reason": "To test.", "expires": "2031-01-01",
  "events": {
    "purchase": {"title": "an order", "properties": {"value": {"type": "number", "min": -100, "max": 1000}}},
    "visit": {}
  },
  "features": {
    "orders": {"kind": "count", "event": "purchase", "signed_by": "value", "window_days": 28, "exact": true, "title": "orders in 28 days"},
    "spent": {"kind": "sum", "event": "purchase", "property": "value", "window_days": 28, "exact": true, "title": "spent in 28 days"}
  },
  "segments": [
    {"id": "buyer", "title": "Buyer", "reason": "because you bought {orders} times", "minimum_stay_days": 7,
     "enter": {"feature": "orders", "op": ">=", "value": 2}},
    {"id": "saver", "title": "Saver", "reason": "because you spend little", "enter": {"feature": "spent", "op": "<", "value": 10}}
  ]
}"#;

/// Ann buys on 1 and 3 May; the second order is told twice, and a visit comes late. Bob visits on 20 May.
const LOG: &str = r#"{"person": "ann", "time": "2026-05-01T12:00:00Z", "event": "purchase", "id": "a1", "properties": {"value": 20}}
{"person": "ann", "time": "2026-05-03T12:00:00Z", "event": "purchase", "id": "a2", "properties": {"value": 5}}
{"person": "ann", "time": "2026-05-03T12:00:00Z", "event": "purchase", "id": "a2", "properties": {"value": 5}}
{"person": "ann", "time": "2026-05-02T09:00:00Z", "event": "visit"}
{"person": "ann", "time": "2026-05-03T13:00:00Z", "event": "wave"}
{"person": "ann", "time": "2026-05-03T14:00:00Z", "event": "purchase", "properties": {"value": 5000}}
{"person": "bob", "time": "2026-05-20T00:00:00Z", "event": "visit", "properties": {"mood": "good"}}
"#;

fn keepset(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepset")).args(arguments).output().unwrap()
}

/// Runs a verb over the pack and the log and gives what it printed.
fn ask(verb: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let files = (Scratch::new("pack.json", PACK), Scratch::new("log.jsonl", LOG));
    let (pack, log) = (files.0.text(), files.1.text());
    let output = keepset(&[&[verb, "--pack", &pack, "--events", &log][..], more].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_event_that_comes_twice_counts_once_whether_its_id_is_a_column_or_a_field() {
    let csv = "person,id,time,event,value\n7,x,2026-05-01,purchase,20\n7,x,2026-05-01,purchase,20\n7,,2026-05-01,purchase,20\n";
    let mapping = Mapping::parse(
        r#"{"person": {"column": "person"}, "id": {"column": "id"}, "time": {"column": "time"}, "event": {"column": "event"},
            "properties": {"value": {"column": "value", "type": "number"}}}"#,
    )
    .unwrap();
    let file = Scratch::new("ids.csv", csv);
    let ids: Vec<Option<String>> = Log::open(std::slice::from_ref(&file.0), Some(mapping))
        .unwrap()
        .map(|line| line.unwrap().event.id)
        .collect();
    assert_eq!(ids, [Some("x".to_owned()), Some("x".to_owned()), None]);

    let (code, said, _) = ask("survey", &[]);
    assert_eq!(code, Some(0));
    assert!(said.contains("2 people, 4 events"), "{said}");
    assert!(
        said.contains("Intake: 1 late, 1 duplicates (counted once), 1 of undeclared names, 1 refused, 1 undeclared properties dropped."),
        "{said}"
    );
}

#[test]
fn a_replay_tells_what_became_of_the_events_and_of_lines_told_twice_none_counts() {
    let rows = |ids: [&str; 3]| {
        let [a, b, c] = ids;
        let lines = format!(
            "{{\"person\": 1, \"time\": \"2017-01-05\", \"event\": \"purchase\", \"id\": {a}}}\n\
             {{\"person\": 1, \"time\": \"2017-03-05\", \"event\": \"purchase\", \"id\": {b}, \"properties\": {{\"colour\": \"red\"}}}}\n\
             {{\"person\": 1, \"time\": \"2017-03-01\", \"event\": \"mailing\", \"id\": {c}}}\n"
        );
        let file = Scratch::new("replay.jsonl", lines);
        replay_of(file.0.clone(), None).run(&mut Unwatched).unwrap()
    };
    let apart = rows(["1", "2", "3"]);
    assert_eq!((apart.events, apart.intake.late, apart.intake.undeclared_properties), (3, 1, 1));
    let twice = rows(["1", "1", "\"1\""]);
    assert_eq!((twice.events, twice.intake.duplicates, twice.intake.undeclared_properties), (1, 2, 0));
}

#[test]
fn a_refund_with_the_time_of_its_purchase_corrects_the_sum_from_when_it_was_heard_of() {
    let line = |time: &str, more: &str, value: f64| {
        format!(
            "{{\"person\": \"a\", \"time\": \"{time}\", {more} \"event\": \"purchase\", \"properties\": {{\"value\": {value}}}}}\n"
        )
    };
    let log = [
        line("2026-05-01", "", 30.0),
        line("2026-05-01", "\"heard\": \"2026-05-09\",", -30.0),
        line("2026-05-20", "", 20.0),
    ];
    let files = (Scratch::new("refund.json", PACK), Scratch::new("refund.jsonl", log.concat()));
    let (pack, log) = (files.0.text(), files.1.text());
    let spent = |at: &str| {
        let output = keepset(&[
            "explain",
            "--pack",
            &pack,
            "--events",
            &log,
            "--person",
            "a",
            "--segment",
            "saver",
            "--at",
            at,
            "--json",
        ]);
        let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
        explained[0]["condition"]["value"].as_f64().unwrap()
    };
    assert_eq!(["2026-05-08", "2026-05-09", "2026-05-21"].map(spent), [30.0, 0.0, 20.0]);
    // The purchase leaves the window on 29 May, and its refund with it.
    assert_eq!(spent("2026-05-30"), 20.0);
}

#[test]
fn an_explanation_reads_from_the_condition_to_what_would_turn_it() {
    let (code, said, _) = ask("explain", &["--person", "ann", "--segment", "buyer"]);
    assert_eq!(code, Some(0));
    // The log ends on 20 May; the first order leaves the window on 29 May.
    assert_eq!(
        said,
        "ann at 2026-05-20 00:00 UTC, after 3 events: in buyer\n\n\
         Buyer (buyer): IN since 2026-05-03 12:00 UTC\n  \
         yes  orders in 28 days (orders): 2, asked >= 2\n  \
         Decides:    orders in 28 days: 2 (asked: at least 2)\n  \
         To them:    You are in “Buyer” because you bought 2 times.\n  \
         To turn it: by itself on 29 May\n"
    );
    let (_, before, _) = ask("explain", &["--person", "ann", "--segment", "buyer", "--at", "2026-05-02"]);
    assert!(before.contains("after 1 events: in no segment\n"), "{before}");
    assert!(
        before.contains("Buyer (buyer): OUT\n  no   orders in 28 days (orders): 1, asked >= 2\n"),
        "{before}"
    );
    assert!(before.contains("To turn it: 1 × “an order” before 29 May\n"), "{before}");
    let (_, held, _) =
        ask("explain", &["--person", "ann", "--segment", "buyer", "--at", "2026-05-04T12:00:00Z"]);
    assert!(
        held.contains(
            "Held:       stays whatever the rule says: the minimum stay until 2026-05-10 12:00 UTC"
        ),
        "{held}"
    );
}

#[test]
fn an_explanation_in_json_has_value_threshold_and_verdict_of_every_segment() {
    let (_, said, _) = ask("explain", &["--person", "bob", "--json"]);
    let explained: Value = serde_json::from_str(&said).unwrap();
    let of = |index: usize| &explained[index]["condition"];
    assert_eq!(explained.as_array().unwrap().len(), 2);
    assert_eq!(explained[0]["member"], false);
    assert_eq!(
        (&of(0)["value"], &of(0)["threshold"], &of(0)["holds"]),
        (&0.0.into(), &2.0.into(), &false.into())
    );
    assert_eq!(explained[1]["member"], true);
    assert_eq!(explained[1]["visitor"], "You are in “Saver” because you spend little.");
}

#[test]
fn what_if_tells_every_change_in_order_and_leaves_no_trace() {
    let then = Scratch::new(
        "then.jsonl",
        "{\"event\": \"purchase\", \"properties\": {\"value\": -20}}\n\n{\"event\": \"visit\", \"time\": \"2026-06-05\"}\n",
    );
    let ann = ["--person", "ann", "--at", "2026-05-12", "--then", &then.text()];
    let (code, said, _) = ask("simulate", &ann);
    assert_eq!(code, Some(0), "{said}");
    // The refund takes back one of two orders and brings what was spent to 5; nothing more changes by 5 June.
    assert!(
        said.starts_with("ann at 2026-05-12 00:00 UTC, after 3 events: in buyer\n\nWith these events:\n"),
        "{said}"
    );
    assert!(
        said.contains(
            "2026-05-12 00:00 UTC  would leave Buyer (buyer): orders in 28 days: 1 (asked: at least 2)\n"
        ),
        "{said}"
    );
    assert!(
        said.contains(
            "2026-05-12 00:00 UTC  would enter Saver (saver): spent in 28 days: 5 (asked: below 10)\n"
        ),
        "{said}"
    );
    let (_, json, _) = ask("simulate", &[&ann[..], &["--json"]].concat());
    let changes: Value = serde_json::from_str(&json).unwrap();
    let told: Vec<_> =
        changes.as_array().unwrap().iter().map(|c| (c["segment"].as_str(), c["change"].as_str())).collect();
    assert!(told.starts_with(&[(Some("buyer"), Some("left")), (Some("saver"), Some("entered"))]), "{json}");
    let nothing = Scratch::new("nothing.jsonl", "{\"event\": \"visit\"}");
    let (_, said, _) = ask("simulate", &["--person", "bob", "--then", &nothing.text()]);
    assert!(said.ends_with("With this event no membership would change.\n"), "{said}");
}

#[test]
fn what_cannot_be_asked_is_said_in_one_sentence() {
    let wrong = Scratch::new("wrong.jsonl", "{\"event\": \"purchase\", \"properties\": {\"value\": 5000}}");
    let unknown = Scratch::new("unknown.jsonl", "{\"event\": \"visit\"}\n{\"event\": \"wave\"}");
    let bent = Scratch::new("bent.jsonl", "{\"event\": \"visit\", \"when\": 1}");
    let (wrong, unknown, bent) = (wrong.text(), unknown.text(), bent.text());
    for (verb, more, sentence) in [
        ("explain", ["--person", "eve", "--segment", "buyer"], "the log holds no event of \"eve\""),
        (
            "explain",
            ["--person", "ann", "--segment", "fan"],
            "the pack has no segment \"fan\"; it has: buyer, saver",
        ),
        ("explain", ["--person", "ann", "--at", "noon"], "\"noon\" is no time like"),
        (
            "explain",
            ["--person", "bob", "--at", "2026-05-19"],
            "no event of \"bob\" up to 2026-05-19 00:00 UTC",
        ),
        (
            "simulate",
            ["--person", "ann", "--then", &wrong],
            "event 1: properties.value: expected a number from -100 to 1000",
        ),
        ("simulate", ["--person", "ann", "--then", &unknown], "event 2: the pack declares no event \"wave\""),
        ("simulate", ["--person", "ann", "--then", &bent], "bent.jsonl:1: unknown field `when`"),
    ] {
        let (code, _, said) = ask(verb, &more);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(sentence), "{said}");
    }
}
