//! What is known of a person at a cut is what that person's device holds then, and nothing of later.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::common::{retail, retail_mapping, small_pack};
use keepset_cli::commands::read_pack;
use keepset_cli::log::Log;
use keepset_cli::train::cohort::{Cohort, Cut, Row};
use keepset_engine::{Choice, ConsentChange, Engine, Pack, RawEvent};
use keepset_wire::{DAY_MS, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn day(text: &str) -> Timestamp {
    Timestamp::from_date(text).unwrap()
}

fn event(name: &str, at: i64) -> RawEvent {
    RawEvent { name: name.into(), at: Some(at), ..RawEvent::default() }
}

fn rows_of(events: &[(u8, &str, i64)], cut: Cut) -> Vec<Row> {
    let mut cohort = Cohort::new(Rc::new(Pack::read(&small_pack()).unwrap()), "win", vec![cut]);
    for (person, name, at) in events {
        cohort.track(&person.to_string(), &event(name, *at), Timestamp::from_millis(*at).unwrap()).unwrap();
    }
    cohort.rows(0)
}

#[test]
fn an_event_at_the_cut_is_of_the_label_and_one_at_its_end_of_neither() {
    let at = day("2020-03-01");
    let until = at.saturating_add(28 * DAY_MS);
    let row = |win: i64| {
        let rows = rows_of(&[(1, "visit", at.millis() - DAY_MS), (1, "win", win)], Cut { at, until });
        (rows[0].values[2], rows[0].label)
    };
    assert_eq!(row(at.millis() - 1), (Some(1.0), false));
    assert_eq!(row(at.millis()), (Some(0.0), true));
    assert_eq!(row(until.millis() - 1), (Some(0.0), true));
    assert_eq!(row(until.millis()), (Some(0.0), false));
}

#[test]
fn who_came_after_the_cut_only_is_not_learned_from() {
    let at = day("2020-03-01");
    let cut = Cut { at, until: at.saturating_add(28 * DAY_MS) };
    assert_eq!(rows_of(&[(1, "visit", at.millis()), (1, "win", at.millis() + 1)], cut), []);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_event_after_a_cut_changes_a_feature_and_no_order_of_lines_a_row(
        before in proptest::collection::vec((0_u8..4, prop_oneof![Just("visit"), Just("win")], -60 * DAY_MS..0), 1..40),
        after in proptest::collection::vec((0_u8..4, prop_oneof![Just("visit"), Just("win")], 0..60 * DAY_MS), 0..40),
        turn in 0_usize..80,
    ) {
        let at = day("2020-03-01");
        let cut = Cut { at, until: at.saturating_add(28 * DAY_MS) };
        let shifted = |events: &[(u8, &'static str, i64)]| -> Vec<_> {
            events.iter().map(|(person, name, offset)| (*person, *name, at.millis() + offset)).collect()
        };
        let (known, all) = (shifted(&before), [shifted(&before), shifted(&after)].concat());
        let values = |rows: &[Row]| rows.iter().map(|row| row.values.clone()).collect::<Vec<_>>();
        let rows = rows_of(&all, cut);
        prop_assert_eq!(values(&rows), values(&rows_of(&known, cut)));
        let mut turned = all;
        let place = turn % turned.len();
        turned.rotate_left(place);
        prop_assert_eq!(rows_of(&turned, cut), rows);
    }
}

/// The device here grants everything, reports nothing and is closed and opened again after every event.
#[test]
fn a_row_holds_the_values_a_device_holds_at_the_cut() {
    let pack = Rc::new(read_pack(&retail("pack.json")).unwrap());
    let cut = Cut { at: day("2017-06-11"), until: day("2017-07-09") };
    let mut cohort = Cohort::new(Rc::clone(&pack), "coupon_redeem", vec![cut]);
    let mut devices: BTreeMap<String, Engine> = BTreeMap::new();
    let log =
        Log::open(&[retail("fixtures/complete_journey_sample.csv.gz")], Some(retail_mapping())).unwrap();
    for line in log.take(40_000) {
        let Ok(line) = line else { panic!("the sample is right") };
        cohort.track(&line.person, &line.event, line.heard).unwrap();
        let now = Timestamp::from_millis(line.event.at.unwrap()).unwrap();
        if now >= cut.at {
            continue;
        }
        let device = devices.entry(line.person).or_insert_with(|| {
            let mut engine = Engine::install(Rc::clone(&pack), now);
            let yes = Some(Choice::Granted);
            engine.set_consent(
                &ConsentChange {
                    segmentation: yes,
                    storage: yes,
                    reporting: yes,
                    ..ConsentChange::default()
                },
                now,
            );
            engine
        });
        device.track(&line.event, now).unwrap();
        device.rewrite();
        let saved = device.save().unwrap();
        *device = Engine::restore(Rc::clone(&pack), &saved.bytes, now).0;
    }
    let rows = cohort.rows(0);
    assert!(rows.len() > 1_200, "{}", rows.len());
    assert_eq!(rows.len(), devices.len());
    for (row, device) in rows.iter().zip(devices.values_mut()) {
        device.tick(cut.at);
        assert_eq!(row.values, device.features(cut.at).map(|(_, value)| value).collect::<Vec<_>>());
    }
}
