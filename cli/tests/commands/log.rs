//! Logs as they come: two formats, packed or not, with lines that are wrong in every way we know.

use std::io::Write as _;

use crate::common::{Scratch, retail_mapping};
use flate2::Compression;
use flate2::write::GzEncoder;
use keepset_cli::log::{Line, Log, LogError, Mapping};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const CSV: &str = "time,household,event,value,lines,trip,fresh,coupon,campaign\n";

fn read(files: &[&Scratch], mapping: Option<Mapping>) -> Vec<Result<Line, LogError>> {
    let files: Vec<_> = files.iter().map(|file| file.0.clone()).collect();
    Log::open(&files, mapping).unwrap().collect()
}

/// Reads one file and gives the number of good lines and the line and reason of every other.
fn faults(name: &str, bytes: impl AsRef<[u8]>, mapping: Option<Mapping>) -> (usize, Vec<(u64, String)>) {
    let file = Scratch::new(name, bytes);
    let (mut good, mut bad) = (0, Vec::new());
    for line in read(&[&file], mapping) {
        match line {
            Ok(_) => good += 1,
            Err(LogError::Malformed(fault)) => bad.push((fault.place.line, fault.reason)),
            Err(LogError::Broken(error)) => panic!("{error:#}"),
        }
    }
    (good, bad)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn the_same_events_are_read_from_json_lines_and_from_csv_plain_or_packed() {
    let jsonl = r#"{"person": 7, "time": "2017-01-03T09:00:00Z", "event": "purchase", "properties": {"value": 2.5, "trip": "quick", "fresh": true, "coupon": false}}
{"person": "7", "time": 1483434000000, "event": "coupon_redeem"}
"#;
    let csv = format!(
        "{CSV}2017-01-03 09:00:00,7,purchase,2.50,1,quick,1,0,\n2017-01-03T10:00:00+01:00,7,coupon_redeem,,,,,,\n"
    );
    let events = |name: &str, bytes: &[u8], mapping: Option<Mapping>| -> Vec<_> {
        let file = Scratch::new(name, bytes);
        read(&[&file], mapping)
            .into_iter()
            .map(|line| line.map(|line| (line.person, line.event)).unwrap())
            .collect()
    };
    let expected = events("a.jsonl", jsonl.as_bytes(), None);
    assert_eq!(expected.len(), 2);
    assert_eq!(events("a.csv", csv.as_bytes(), Some(retail_mapping())), expected);
    assert_eq!(events("a.jsonl.gz", &gzip(jsonl.as_bytes()), None), expected);
    assert_eq!(events("a.csv.gz", &gzip(csv.as_bytes()), Some(retail_mapping())), expected);
}

#[test]
fn several_files_are_one_log() {
    let line = |person| format!("{{\"person\": {person}, \"time\": 0, \"event\": \"purchase\"}}");
    let (first, second) = (Scratch::new("1.jsonl", line(1)), Scratch::new("2.jsonl", line(2)));
    let people: Vec<_> =
        read(&[&first, &second], None).into_iter().map(|line| line.unwrap().person).collect();
    assert_eq!(people, ["1", "2"]);
}

#[test]
fn a_malformed_json_line_is_named_and_the_next_one_is_read() {
    let right = r#"{"person": "a", "time": 0, "event": "purchase"}"#;
    let long = format!(r#"{{"person": "{}", "time": 0, "event": "purchase"}}"#, "x".repeat(70_000));
    let wrong = [
        ("{", "EOF"),
        (r#"{"person": "a", "time": 0}"#, "missing field `event`"),
        (r#"{"person": "a", "time": 0, "event": "e", "x": 1}"#, "unknown field `x`"),
        (r#"{"person": "", "time": 0, "event": "e"}"#, "the person is empty"),
        (r#"{"person": 1.5, "time": 0, "event": "e"}"#, "a person is"),
        (r#"{"person": "a", "time": "noon", "event": "e"}"#, "the time is not like"),
        (r#"{"person": "a", "time": -1, "event": "e"}"#, "the time is not like"),
        (r#"{"person": null, "time": 0, "event": "e"}"#, "expected a text or a number"),
        ("\u{0}", "expected value"),
        (long.as_str(), "longer than"),
    ];
    let mut text = format!("{right}\n\n");
    for (line, _) in wrong {
        text += &format!("{line}\r\n{right}\n");
    }
    let (good, bad) = faults("bad.jsonl", text, None);
    assert_eq!(good, wrong.len() + 1);
    assert_eq!(bad.len(), wrong.len());
    for (index, ((line, reason), (_, expected))) in bad.iter().zip(wrong).enumerate() {
        assert_eq!(*line, 3 + 2 * index as u64);
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn a_malformed_csv_row_is_named_and_the_next_one_is_read() {
    let right = "2017-01-03T09:00:00Z,7,purchase,1,1,quick,1,0,\n";
    let wrong = [
        ("2017-01-03T09:00:00Z,7,purchase\n", "the row has 3 cells, the headings are 9"),
        ("2017-02-31,7,purchase,1,1,quick,1,0,\n", "is not a time like"),
        ("2017-01-03T09:00:00Z,,purchase,1,1,quick,1,0,\n", "the person is empty"),
        ("2017-01-03T09:00:00Z,7,purchase,much,1,quick,1,0,\n", "value: \"much\" is not a number"),
        ("2017-01-03T09:00:00Z,7,purchase,inf,1,quick,1,0,\n", "value: \"inf\" is not a number"),
        ("2017-01-03T09:00:00Z,7,purchase,1,1,quick,maybe,0,\n", "fresh: \"maybe\" is not 1 or 0"),
    ];
    let mut text = CSV.to_owned() + right;
    for (line, _) in wrong {
        text = text + line + right;
    }
    let (good, bad) = faults("bad.csv", text, Some(retail_mapping()));
    assert_eq!((good, bad.len()), (wrong.len() + 1, wrong.len()));
    for (index, ((line, reason), (_, expected))) in bad.iter().zip(wrong).enumerate() {
        assert_eq!(*line, 3 + 2 * index as u64);
        assert!(reason.contains(expected), "{reason}");
    }
    let (good, bad) = faults(
        "latin.csv",
        [CSV.as_bytes(), b"\xe9,,,,,,,,\n", right.as_bytes()].concat(),
        Some(retail_mapping()),
    );
    assert_eq!((good, bad), (1, vec![(2, "the row is not UTF-8".to_owned())]));
}

#[test]
fn a_mapping_that_does_not_fit_the_headings_names_its_own_place() {
    let file = Scratch::new("other.csv", "time,household,event,price\n");
    let Err(LogError::Broken(error)) = &read(&[&file], Some(retail_mapping()))[0] else {
        panic!("it was read")
    };
    let text = format!("{error:#}");
    assert!(text.contains("the mapping does not fit"), "{text}");
    assert!(text.contains("$.properties.coupon.column: the log has no column \"coupon\"; it has time, household, event, price"), "{text}");
}

#[test]
fn words_of_a_log_become_events_of_a_pack() {
    let mapping = r#"{"separator": ";", "person": {"column": "who"}, "time": {"column": "when", "format": "seconds"},
        "event": {"column": "what", "names": {"Order Completed": "purchase"}}}"#;
    let file = Scratch::new("words.csv", "when;what;who\n1.5;Order Completed;a\n2;other;a\n");
    let lines: Vec<_> =
        read(&[&file], Some(Mapping::parse(mapping).unwrap())).into_iter().map(Result::unwrap).collect();
    assert_eq!((lines[0].event.name.as_str(), lines[0].event.at), ("purchase", Some(1_500)));
    assert_eq!(lines[1].event.name, "other");
}

#[test]
fn a_torn_archive_ends_the_log_with_a_sentence() {
    let right = "{\"person\": \"a\", \"time\": 0, \"event\": \"purchase\"}\n".repeat(100);
    let packed = gzip(right.as_bytes());
    let file = Scratch::new("torn.jsonl.gz", &packed[..packed.len() - 12]);
    let lines = read(&[&file], None);
    let Some(Err(LogError::Broken(error))) = lines.last() else { panic!("the end was not noticed") };
    assert!(format!("{error:#}").contains("cannot read on in"), "{error:#}");
}

#[test]
fn a_file_that_does_not_exist_is_named() {
    let error = Log::open(&["no/such/file".into()], None).err().unwrap();
    assert!(format!("{error:#}").starts_with("cannot read no/such/file"), "{error:#}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), cases: 400, ..ProptestConfig::default() })]

    /// The bytes are random, or right ones with random damage, packed or not.
    #[test]
    fn no_bytes_make_a_reader_panic_or_run_for_ever(
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        at in 0_usize..400,
        start in prop_oneof![Just(""), Just(CSV), Just("{\"person\": \"a\", \"time\": 0, \"event\": \"purchase\"}\n"), Just("2017-01-03T09:00:00Z,7,purchase,1,1,quick,1,0,\n")],
        packed in any::<bool>(),
        mapped in any::<bool>(),
    ) {
        let mut bytes = start.as_bytes().repeat(2);
        let at = at.min(bytes.len());
        bytes.splice(at..at, noise.iter().copied());
        if packed {
            bytes = gzip(&bytes);
            if let Some(byte) = noise.first() {
                let place = at % bytes.len();
                bytes[place] ^= byte;
            }
        }
        let file = Scratch::new("noise", &bytes);
        let lines = read(&[&file], mapped.then(retail_mapping));
        prop_assert!(lines.len() <= 1_000);
    }
}
