use super::*;
use crate::codec::{decode, encode};
use crate::plan::Plan;
#[cfg(target_arch = "wasm32")]
use crate::test;

/// One question of every kind, each kind's own keys set.
const EVERY_KIND: &str = r#"[
    {"id": "sizes", "reason": "r", "segments": ["a", "b", "c"], "cap": 2},
    {"id": "overlaps", "reason": "r", "ask": "overlaps", "segments": ["a", "b", "c"], "cap": 3, "weight": 2},
    {"id": "histogram", "reason": "r", "ask": "histogram", "feature": "spend", "low": 0, "high": 400.5, "bins": 16},
    {"id": "mean", "reason": "r", "ask": "mean", "feature": "spend", "low": -5.25, "high": 400, "missing": 0.000001},
    {"id": "conversion", "reason": "r", "ask": "conversion", "segments": ["a", "b"], "outcome": "c", "horizon_epochs": 2},
    {"id": "calibration", "reason": "r", "ask": "calibration", "model": "m", "cuts": [-2.24, 0, 1.5], "outcome": "c", "horizon_epochs": 1}
]"#;

fn plan_text(questions: &str) -> String {
    format!(
        r#"{{"id": "all", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2030-01-01", "epsilon": 2,
            "window_epochs": 3, "questions": {questions}}}"#
    )
}

fn every_kind() -> Plan {
    Plan::parse(&plan_text(EVERY_KIND)).unwrap()
}

#[test]
fn a_plan_of_every_kind_reads_back_from_json_and_from_bytes_with_the_same_hash() {
    let plan = every_kind();
    assert!(plan.is_sound());
    let from_json = Plan::parse(&plan.to_json().to_string()).unwrap();
    let from_bytes: Plan = decode(&encode(&plan)).unwrap();
    assert_eq!((&from_json, from_json.hash()), (&plan, plan.hash()));
    assert_eq!((&from_bytes, from_bytes.hash()), (&plan, plan.hash()));
    let kinds: Vec<&str> = plan.questions.iter().map(|question| question.ask.kind()).collect();
    assert_eq!(kinds, Kind::ALL.map(|(name, _)| name));
    let cells: Vec<u16> = plan.questions.iter().map(Question::cells).collect();
    assert_eq!(cells, [5, 6, 34, 32, 5, 9]);
}

#[test]
fn a_question_for_sizes_has_the_bytes_it_had_before_there_were_other_kinds() {
    let bytes = encode(&every_kind().questions[0]);
    assert_eq!(bytes, b"\x05sizes\x01r\x03\x01a\x01b\x01c\x02\x01");
}

#[test]
fn any_change_of_any_question_changes_the_hash() {
    let plan = every_kind();
    let changes: [fn(&mut Question); 11] = [
        |q| q.weight += 1,
        |q| q.horizon ^= 1,
        |q| q.reason.push('.'),
        |q| {
            if let Ask::Overlaps { cap, .. } = &mut q.ask {
                *cap = 2
            }
        },
        |q| {
            if let Ask::Overlaps { segments, .. } = &mut q.ask {
                segments.swap(0, 1)
            }
        },
        |q| {
            if let Ask::Histogram { bins, .. } = &mut q.ask {
                *bins += 1
            }
        },
        |q| {
            if let Ask::Histogram { high, .. } = &mut q.ask {
                high.0 += 1
            }
        },
        |q| {
            if let Ask::Mean { missing, .. } = &mut q.ask {
                missing.0 += 1
            }
        },
        |q| {
            if let Ask::Conversion { outcome, .. } = &mut q.ask {
                *outcome = Name::parse("b").unwrap()
            }
        },
        |q| {
            if let Ask::Calibration { cuts, .. } = &mut q.ask {
                cuts[0].0 += 1
            }
        },
        |q| {
            if let Ask::Calibration { model, .. } = &mut q.ask {
                *model = Name::parse("n").unwrap()
            }
        },
    ];
    // The first asks for sizes, whose changes the plan's own test makes.
    for index in 1..plan.questions.len() {
        for change in changes {
            let mut other = plan.clone();
            change(&mut other.questions[index]);
            assert_eq!(other == plan, other.hash() == plan.hash());
        }
    }
    let mut same_words = plan.clone();
    let Ask::Sizes { segments, cap } = plan.questions[0].ask.clone() else { unreachable!() };
    same_words.questions[0].ask = Ask::Overlaps { segments, cap };
    assert_ne!(same_words.hash(), plan.hash());
}

/// Each change is refused at its place by the reader, and what it would have made by the check of compiled plans.
#[test]
fn a_question_that_is_wrong_is_refused_at_its_place() {
    for (from, to, path) in [
        (r#""ask": "mean""#, r#""ask": "median""#, "$.questions[3].ask"),
        (r#""ask": "histogram", "#, "", "$.questions[2].bins"),
        (
            r#""segments": ["a", "b", "c"], "cap": 3"#,
            r#""segments": ["a"], "cap": 3"#,
            "$.questions[1].segments",
        ),
        (r#""cap": 3"#, r#""cap": 1"#, "$.questions[1].cap"),
        (r#""cap": 3"#, r#""cap": 4"#, "$.questions[1].cap"),
        (r#""high": 400.5"#, r#""high": 0"#, "$.questions[2].high"),
        (r#""high": 400.5"#, r#""high": 0.0000005"#, "$.questions[2].high"),
        (r#""high": 400.5"#, r#""high": 1e15"#, "$.questions[2].high"),
        (r#""bins": 16"#, r#""bins": 1"#, "$.questions[2].bins"),
        (r#""bins": 16"#, r#""bins": 201"#, "$.questions[2].bins"),
        (r#""missing": 0.000001"#, r#""missing": 401"#, "$.questions[3].missing"),
        (r#""outcome": "c", "horizon_epochs": 2"#, r#""horizon_epochs": 2"#, "$.questions[4]"),
        (r#""horizon_epochs": 2"#, r#""horizon_epochs": 3"#, "$.questions[4].horizon_epochs"),
        (r#""cap": 2"#, r#""cap": 2, "horizon_epochs": 1"#, "$.questions[0].horizon_epochs"),
        ("[-2.24, 0, 1.5]", "[]", "$.questions[5].cuts"),
        ("[-2.24, 0, 1.5]", "[0, 0]", "$.questions[5].cuts"),
        ("[-2.24, 0, 1.5]", r#"[0, "1"]"#, "$.questions[5].cuts[1]"),
        (r#""model": "m""#, r#""model": "M""#, "$.questions[5].model"),
    ] {
        assert_eq!(EVERY_KIND.matches(from).count(), 1, "{from}");
        let refused = Plan::parse(&plan_text(&EVERY_KIND.replace(from, to))).unwrap_err();
        assert_eq!(refused.path(), path, "{from} -> {to}: {refused}");
    }
}

#[test]
fn a_compiled_question_beyond_its_limits_is_not_sound() {
    let changes: [fn(&mut Question); 10] = [
        |q| {
            if let Ask::Sizes { cap, .. } = &mut q.ask {
                *cap = 9
            }
        },
        |q| {
            if let Ask::Overlaps { segments, .. } = &mut q.ask {
                segments[1] = segments[0].clone()
            }
        },
        |q| {
            if let Ask::Overlaps { cap, .. } = &mut q.ask {
                *cap = 1
            }
        },
        |q| {
            if let Ask::Histogram { bins, .. } = &mut q.ask {
                *bins = u16::MAX
            }
        },
        |q| {
            if let Ask::Histogram { low, high, .. } = &mut q.ask {
                *low = *high
            }
        },
        |q| {
            if let Ask::Mean { missing, .. } = &mut q.ask {
                missing.0 = -6_000_000
            }
        },
        |q| {
            if let Ask::Conversion { segments, .. } = &mut q.ask {
                segments.clear()
            }
        },
        |q| {
            if let Ask::Calibration { cuts, .. } = &mut q.ask {
                cuts.reverse()
            }
        },
        |q| {
            if let Ask::Calibration { cuts, .. } = &mut q.ask {
                cuts[2].0 = i64::MAX
            }
        },
        |q| q.horizon = 3,
    ];
    let sound = every_kind();
    for change in changes {
        let mut plan = sound.clone();
        plan.questions.iter_mut().for_each(change);
        assert!(plan != sound && !plan.is_sound());
    }
    let mut early = sound.clone();
    early.questions[0].horizon = 1;
    assert!(!early.is_sound(), "sizes are asked of now alone");
}

#[test]
fn a_number_of_a_plan_is_the_nearest_to_what_is_written() {
    for (text, value) in
        [("-2.24", -2.24), ("0.1", 0.1), ("999999999.999999", 999_999_999.999_999), ("-0.0", 0.0)]
    {
        let document = crate::document::parse(text).unwrap();
        assert_eq!(Millionths::read(&Node::root(&document)).unwrap().value(), value);
    }
}
