//! A real year of households goes through the engine, and truth stands beside estimate.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::{Command, Output};

use crate::common::{Faults, Scratch, full_log, replay_of, retail, retail_mapping, sample};
use flate2::read::GzDecoder;
use keepset_cli::coverage::coverage;
use keepset_cli::fleet::Noise;
use keepset_cli::replay::{Replay, Stopped, Summary, Unwatched};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The sample's headings and rows.
fn sample_rows() -> (String, Vec<String>) {
    let packed = std::fs::read(retail("fixtures/complete_journey_sample.csv.gz")).unwrap();
    let mut text = String::new();
    GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    (lines.next().unwrap(), lines.collect())
}

fn run_rows(headings: &str, rows: &[String]) -> Summary {
    let file = Scratch::new("rows.csv", format!("{headings}\n{}\n", rows.join("\n")));
    replay_of(file.0.clone(), Some(retail_mapping())).run(&mut Unwatched).unwrap()
}

fn json(summary: &Summary) -> String {
    serde_json::to_string(summary).unwrap()
}

fn keepset(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepset")).args(arguments).output().unwrap()
}

#[test]
fn a_year_of_households_gives_estimates_near_the_truth_in_every_window() {
    let mut faults = Faults::default();
    let summary = sample().run(&mut faults).unwrap();
    assert_eq!(faults.0, []);
    assert_eq!((summary.people, summary.events, summary.malformed), (1_383, 91_498, 0));
    // A new device waits for the next window, then answers every one: at most 12 a year.
    assert_eq!(
        summary.windows.iter().map(|window| window.window).collect::<Vec<_>>(),
        (1..=13).collect::<Vec<_>>()
    );
    assert_eq!(
        (summary.window.window, summary.window.starts.as_str(), summary.window.complete),
        (12, "2017-12-03", true)
    );
    assert!((14_000..=1_383 * 12).contains(&summary.reports), "{}", summary.reports);
    for window in &summary.windows {
        let [question] = &window.questions[..] else { panic!("the retail plan has one question") };
        assert_eq!(question.segments.len(), 11);
        if !window.complete {
            // The log ends on the first day of the thirteenth: only who had not yet answered twelve is in it.
            assert_eq!((window.window, window.ends.as_str()), (13, "2018-01-28"));
            assert!(question.reports < 500);
            continue;
        }
        // PRIVACY: a cut above 1 % would ask for a larger cap.
        assert!(question.over_cap * 100 <= question.reports, "{} of {}", question.over_cap, question.reports);
        for segment in &question.segments {
            // The seed is fixed, so this cannot flicker; of 132 honest estimates one beyond 4.5 errors has a chance of 1 in 1,000.
            let errors = (segment.estimate - segment.truth).abs() / segment.standard_error;
            assert!(errors < 4.5, "{} in window {}: {errors} errors", segment.id, window.window);
        }
    }
    for segment in &summary.segments {
        assert!((0.015..=0.4).contains(&segment.truth), "{} holds {}", segment.id, segment.truth);
    }
}

#[test]
fn a_seed_repeats_a_replay_to_the_bit_and_another_seed_does_not() {
    let run = |noise| json(&Replay { noise, ..sample() }.run(&mut Unwatched).unwrap());
    let first = run(Noise::Seeded(7));
    assert!(run(Noise::Seeded(7)) == first);
    assert!(run(Noise::Seeded(8)) != first);
    assert!(run(Noise::System) != run(Noise::System));
}

#[test]
fn a_log_sorted_by_person_gives_the_answers_of_one_sorted_by_time() {
    let (headings, mut rows) = sample_rows();
    let in_time = json(&run_rows(&headings, &rows));
    rows.sort_by_key(|row| row.split(',').nth(1).unwrap().to_owned());
    assert!(json(&run_rows(&headings, &rows)) == in_time);
}

/// Features are the same for any order of arrival. A segment whose stay rule differs from its enter rule remembers what
/// was known when, and so does one that reads it: of those, a few devices may differ.
#[test]
fn lines_that_come_late_within_their_day_change_no_answer_but_of_segments_with_a_memory() {
    const WITH_MEMORY: [&str; 5] = ["best", "regular", "lapsing", "slowing", "fuel"];
    let (headings, rows) = sample_rows();
    let in_time = run_rows(&headings, &rows);
    let late = run_rows(&headings, &with_days_turned_around(&rows));
    assert_eq!((late.events, late.reports), (in_time.events, in_time.reports));
    let segments = |summary: &Summary| -> Vec<_> {
        let questions = summary.windows.iter().flat_map(|window| window.questions.clone());
        questions.flat_map(|question| question.segments).collect()
    };
    for (late, in_time) in segments(&late).iter().zip(segments(&in_time)) {
        let differ = (late.truth - in_time.truth).abs() * in_time.reports as f64;
        let allowed = if WITH_MEMORY.contains(&late.id.as_str()) { 5.5 } else { 0.5 };
        assert!(differ < allowed, "{}: {differ} devices differ", late.id);
    }
}

/// Keeps the days in order and turns each around, but for the lines that install a device: they come first.
fn with_days_turned_around(rows: &[String]) -> Vec<String> {
    let mut days: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for row in rows {
        days.entry(&row[..10]).or_default().push(row);
    }
    let mut known = std::collections::BTreeSet::new();
    let mut turned = Vec::new();
    for day in days.into_values() {
        let (first, rest): (Vec<_>, Vec<_>) =
            day.into_iter().partition(|row| known.insert(row.split(',').nth(1).unwrap().to_owned()));
        turned.extend(first.into_iter().chain(rest.into_iter().rev()).cloned());
    }
    assert_ne!(turned, rows);
    turned
}

#[test]
fn lines_that_cannot_be_used_are_told_counted_and_skipped() {
    let (headings, rows) = sample_rows();
    let clean = run_rows(&headings, &rows[..20_000]);
    let mut spoiled = rows[..20_000].to_vec();
    spoiled.insert(3_000, "2017-01-09,broken".into());
    spoiled.insert(9_000, "2017-02-20T10:00:00Z,1,refund,5,1,quick,1,0,".into());
    spoiled.insert(9_001, "2017-02-20T10:00:00Z,1,purchase,9999,1,quick,1,0,".into());
    let file = Scratch::new("spoiled.csv", format!("{headings}\n{}\n", spoiled.join("\n")));
    let mut faults = Faults::default();
    let summary = replay_of(file.0.clone(), Some(retail_mapping())).run(&mut faults).unwrap();
    let told: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3);
    assert!(told[0].ends_with("spoiled.csv:3002: the row has 2 cells, the headings are 9"), "{}", told[0]);
    assert!(told[1].contains(":9002: ") && told[1].contains("declares no event of this name"), "{}", told[1]);
    assert!(told[2].contains(":9003: properties.value: expected a number from -5000 to 5000"), "{}", told[2]);
    assert_eq!(summary.malformed, 1);
    assert_eq!(
        summary.refused,
        BTreeMap::from([("event_property".into(), 1), ("event_undeclared".into(), 1)])
    );
    assert_eq!(summary.events, clean.events);
    assert_eq!(summary.people, clean.people);
    let windows = |summary: &Summary| serde_json::to_string(&summary.windows).unwrap();
    assert!(windows(&summary) == windows(&clean));
}

#[test]
fn a_strict_replay_stops_at_the_first_line_it_cannot_use() {
    let (headings, rows) = sample_rows();
    let file = Scratch::new("strict.csv", format!("{headings}\n{}\nbroken\n{}\n", rows[0], rows[1]));
    let replay = Replay { strict: true, ..replay_of(file.0.clone(), Some(retail_mapping())) };
    let error = replay.run(&mut Unwatched).unwrap_err();
    assert_eq!(error.downcast::<Stopped>().unwrap().0.place.line, 3);

    let (pack, mapping) = (retail("pack.json"), retail("mapping.json"));
    let (pack, mapping, events) = (pack.to_str().unwrap(), mapping.to_str().unwrap(), file.text());
    let arguments = ["replay", "--pack", pack, "--mapping", mapping, "--events", &events, "--strict"];
    let output = keepset(&arguments);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("strict.csv:3: the row has 1 cells"), "{said}");
}

#[test]
fn the_commands_print_a_table_a_plan_and_the_place_of_a_mistake() {
    let paths =
        [retail("pack.json"), retail("mapping.json"), retail("fixtures/complete_journey_sample.csv.gz")];
    let [pack, mapping, events] = paths.map(|path| path.to_str().unwrap().to_owned());
    let results = Scratch::new("results.json", "");
    let output = keepset(&[
        "replay",
        "--pack",
        &pack,
        "--mapping",
        &mapping,
        "--events",
        &events,
        "--seed",
        "3",
        "--window",
        "5",
        "--json",
        &results.text(),
    ]);
    let (table, said) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{said}");
    assert!(said.contains("seeded noise is not private"), "{said}");
    assert!(table.contains("Window 5: 2017-05-21 until 2017-06-18"), "{table}");
    assert!(table.contains("Epsilon 2 per report, 2 per window, at most 24 a year"), "{table}");
    assert_eq!(table.lines().filter(|line| line.contains(" % to ")).count(), 11, "{table}");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&results.0).unwrap()).unwrap();
    assert_eq!((json["people"].as_u64(), json["window"]["window"].as_u64()), (Some(1_383), Some(5)));
    assert!(json["segments"][0]["true"].is_f64() && json["segments"][0]["reports"].is_u64());

    let plan = String::from_utf8(keepset(&["plan", "--pack", &pack]).stdout).unwrap();
    assert_eq!(keepset_wire::Plan::parse(&plan).unwrap(), sample().pack.plan.unwrap());
    let right = String::from_utf8(keepset(&["check", "--pack", &pack]).stdout).unwrap();
    let hash = keepset_cli::commands::read_pack(&retail("pack.json")).unwrap().hash();
    let ok = "ok: retail version 1, 15 segments, 11 of them asked about";
    assert_eq!(right, format!("{ok}\nits hash, as a ledger names it: {hash}\n"));
    let text = std::fs::read_to_string(&pack).unwrap().replacen(
        "\"feature\": \"spend_84d\"",
        "\"feature\": \"spend\"",
        1,
    );
    let wrong = keepset(&["check", "--pack", &Scratch::new("wrong.json", text).text()]);
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("$.segments[0].enter.feature: the pack has no feature of this name"), "{said}");
}

#[test]
fn a_pack_is_compiled_to_what_a_page_loads_and_never_over_itself() {
    let pack = retail("pack.json").to_str().unwrap().to_owned();
    let out = Scratch::new("pack.keepset", "");
    let said = keepset(&["compile", "--pack", &pack, "-o", &out.text()]);
    assert!(said.status.success());
    let compiled = std::fs::read(&out.0).unwrap();
    assert_eq!(keepset_engine::Pack::load(&compiled).unwrap().compile(), compiled);
    assert!(String::from_utf8(said.stdout).unwrap().contains(&format!(": {} bytes\n", compiled.len())));
    let refused = keepset(&["compile", "--pack", &pack, "-o", &pack]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("this is the pack itself"));
}

#[test]
fn a_log_too_short_for_a_report_says_so() {
    let (headings, rows) = sample_rows();
    let file = Scratch::new("short.csv", format!("{headings}\n{}\n", rows[..10].join("\n")));
    let error = replay_of(file.0.clone(), Some(retail_mapping())).run(&mut Unwatched).unwrap_err();
    assert!(error.to_string().starts_with("no device reported"), "{error}");
    let empty = Scratch::new("empty.csv", headings);
    let error = replay_of(empty.0.clone(), Some(retail_mapping())).run(&mut Unwatched).unwrap_err();
    assert_eq!(error.to_string(), "the log holds no event");
}

/// The stated 95 % is held to 92-98 %, pooled and for every segment.
///
/// False alarms: per segment 13 windows of 200 seeds make 2,600 intervals, independent of each other because noise is.
/// At a true coverage of 95 % the measured one has a standard deviation of 0.43 %, so 3 % is more than six of them;
/// with 11 segments a false alarm has a chance below 1e-8. Measured is the pooled figure; docs/replay.md has it.
fn holds_its_confidence(replay: Replay) {
    let coverage = coverage(replay, 200, 1, &mut Unwatched).unwrap();
    assert_eq!(coverage.segments.len(), 11);
    assert!((0.92..=0.98).contains(&coverage.pooled), "{}", coverage.pooled);
    for segment in &coverage.segments {
        assert_eq!(segment.intervals, 2_600);
        assert!((0.92..=0.98).contains(&segment.coverage), "{}: {}", segment.id, segment.coverage);
    }
}

#[test]
fn intervals_hold_the_truth_of_the_sample_as_often_as_they_say() {
    holds_its_confidence(sample());
}

/// Runs where the whole log is; a checkout without it has the sample's test above.
#[test]
fn intervals_hold_the_truth_of_the_full_log_as_often_as_they_say() {
    let Some(log) = full_log() else { return };
    let summary = replay_of(log.0.clone(), Some(retail_mapping())).run(&mut Unwatched).unwrap();
    assert_eq!((summary.people, summary.events), (2_469, 164_235));
    for segment in &summary.segments {
        assert!((0.02..=0.4).contains(&segment.truth), "{} holds {}", segment.id, segment.truth);
    }
    let cut: u64 = summary.windows.iter().flat_map(|window| &window.questions).map(|q| q.over_cap).sum();
    assert!(cut * 100 < summary.reports, "{cut} of {}", summary.reports);
    holds_its_confidence(replay_of(log.0.clone(), Some(retail_mapping())));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), cases: 200, ..ProptestConfig::default() })]

    /// Rows of the right shape with wild contents, so that the engine sees them too, and random bytes between.
    #[test]
    fn no_log_makes_a_replay_panic(
        rows in proptest::collection::vec((any::<i64>(), 0_u8..4, "[a-z_]{0,12}|purchase|mailing|add_to_cart", any::<f64>(), "quick|fuel|[a-z]{0,4}"), 0..40),
        noise in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut text = b"time,household,event,value,lines,trip,fresh,coupon,campaign\n".to_vec();
        for (index, (time, person, event, value, trip)) in rows.iter().enumerate() {
            // Most times lie in the log's year, some anywhere.
            let time = if time % 7 == 0 { *time } else { 1_480_000_000 + time.rem_euclid(60_000_000) };
            let date = keepset_wire::Timestamp::from_millis(time.saturating_mul(1_000)).map(keepset_wire::Timestamp::date);
            let date = date.unwrap_or_else(|| time.to_string());
            text.extend_from_slice(format!("{date},{person},{event},{value},1,{trip},1,0,\n").as_bytes());
            if index == rows.len() / 2 {
                text.extend_from_slice(&noise);
            }
        }
        let file = Scratch::new("wild.csv", &text);
        let mut faults = Faults::default();
        match replay_of(file.0.clone(), Some(retail_mapping())).run(&mut faults) {
            Ok(summary) => {
                let refused: u64 = summary.refused.values().sum();
                prop_assert_eq!(faults.0.len() as u64, summary.malformed + refused);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
