//! Labels: shared only as agreed, under a name of their own, and taken back whenever agreement ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub
)]
#![cfg(not(target_arch = "wasm32"))]

#[path = "labels/linking.rs"]
mod linking;
#[path = "labels/shop.rs"]
mod shop;

use keepset_engine::{Choice, ConsentChange, Engine, NoCoins, Outcome, Pack, Status, Withheld};
use keepset_privacy::SeededCoins;
use keepset_wire::labels::{LabelId, Labels, SealedLabels, Secret};
use keepset_wire::receipt::Kind;
use keepset_wire::{DAY_MS, HOUR_MS, Purpose, Signal, Timestamp};
use serde_json::json;
use shop::{Device, Letter, opening_key, pack, pack_with, start};

/// Opens a letter that erases.
fn secret_of(letter: &Letter) -> Secret {
    Labels::decode_erasure(&SealedLabels::decode(&letter.bytes).unwrap().open(&opening_key()).unwrap())
        .unwrap()
}

fn labels_of(letter: &Letter) -> Labels {
    let opened = SealedLabels::decode(&letter.bytes).unwrap().open(&opening_key()).unwrap();
    Labels::decode(&pack().labels().unwrap(), &opened).unwrap()
}

fn kinds(device: &Device) -> Vec<Kind> {
    device.letters.iter().map(|letter| letter.kind).collect()
}

/// Lives so many days, looking in every hour.
fn live(device: &mut Device, days: i64) {
    for _ in 0..days * 24 {
        device.hours(1);
        device.look();
    }
}

fn shares(device: &Device) -> Vec<&Letter> {
    device.letters.iter().filter(|letter| letter.kind == Kind::Label).collect()
}

#[test]
fn without_consent_to_share_nothing_is_shared_and_nothing_is_kept_for_it() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange { sharing: None, ..ConsentChange::all(Choice::Granted) });
    live(&mut device, 60);
    assert!(device.letters.iter().all(|letter| letter.kind == Kind::Report) && !device.letters.is_empty());
    assert!(device.kept().is_empty());
}

#[test]
fn what_is_shared_is_what_the_terms_list_and_the_day_and_nothing_else_of_the_device() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    device.buy();
    live(&mut device, 30);
    assert!(
        device.engine.is_in(0) && device.engine.is_in(2),
        "it is in two segments, and one of them may be shared"
    );
    let first = shares(&device)[0];
    let labels = labels_of(first);
    assert_eq!(labels.held, [true, false]);
    assert_eq!((labels.day, labels.agreed), (Labels::day(first.at), Labels::day(start())));
    let entry = device.engine.ledger().iter().find(|entry| entry.receipt.kind == Kind::Label).unwrap();
    assert_eq!((entry.receipt.purpose, entry.receipt.epsilon_micro), (Purpose::Sharing, 0));
    assert_eq!((&*entry.receipt.question, &*entry.receipt.mechanism), ("offers", "consented(text=2)"));
}

#[test]
fn a_label_says_by_which_signal_sharing_was_granted_and_another_yes_changes_nothing_until_it_is_given_anew() {
    let by = |signal| ConsentChange { signal, ..ConsentChange::all(Choice::Granted) };
    let said = |device: &Device| -> Vec<Signal> {
        shares(device).iter().map(|letter| labels_of(letter).signal).collect()
    };
    for signal in [Signal::Page, Signal::Tcf, Signal::Gpp, Signal::Gcm] {
        let mut device = Device::new(1, pack());
        device.choose(by(signal));
        live(&mut device, 10);
        device.reopen(pack());
        // The same choice again, by another way; and everything forgotten, which is no withdrawal.
        device.choose(by(Signal::Gpp));
        live(&mut device, 10);
        device.engine.erase(device.now);
        live(&mut device, 10);
        assert!(said(&device).len() > 4 && said(&device).iter().all(|said| *said == signal), "{signal:?}");
        device.letters.clear();
        device.choose(ConsentChange { sharing: Some(Choice::Denied), ..ConsentChange::default() });
        device.choose(ConsentChange {
            sharing: Some(Choice::Granted),
            signal: Signal::Tcf,
            ..ConsentChange::default()
        });
        live(&mut device, 20);
        assert!(!said(&device).is_empty() && said(&device).iter().all(|said| *said == Signal::Tcf));
    }
}

#[test]
fn a_device_shares_about_once_a_period_and_takes_a_new_name_when_the_old_has_had_its_time() {
    let mut device = Device::new(3, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    live(&mut device, 200);
    // Periods of four days, between half of one and one and a half.
    let shared = shares(&device).len();
    assert!((34..=67).contains(&shared), "{shared}");
    let mut names: Vec<LabelId> = Vec::new();
    for letter in &device.letters {
        match letter.kind {
            Kind::Label => {
                let id = labels_of(letter).proof.id();
                if names.last() != Some(&id) {
                    assert!(!names.contains(&id), "a name never comes back");
                    names.push(id);
                }
            }
            Kind::Erasure => {
                assert_eq!(Some(&secret_of(letter).proof().id()), names.last(), "the old name goes")
            }
            Kind::Report => {}
        }
    }
    // A name lasts 20 days, and the next one first speaks within four.
    assert!((8..=10).contains(&names.len()), "{}", names.len());
    let erased = kinds(&device).iter().filter(|kind| **kind == Kind::Erasure).count();
    assert!(erased + 1 == names.len() || erased == names.len());
}

#[test]
fn withdrawal_stops_what_waits_and_takes_back_what_was_shared_and_then_nothing_more_leaves() {
    for withdrawn in [
        ConsentChange { sharing: Some(Choice::Denied), ..ConsentChange::default() },
        ConsentChange { sharing: Some(Choice::Pending), ..ConsentChange::default() },
        ConsentChange { segmentation: Some(Choice::Denied), ..ConsentChange::default() },
        ConsentChange { storage: Some(Choice::Denied), ..ConsentChange::default() },
        ConsentChange::all(Choice::Denied),
    ] {
        let mut device = Device::new(1, pack());
        device.choose(ConsentChange::all(Choice::Granted));
        live(&mut device, 10);
        let id = labels_of(shares(&device)[0]).proof.id();
        device.letters.clear();
        device.choose(withdrawn);
        device.look();
        assert_eq!(kinds(&device), [Kind::Erasure], "{withdrawn:?}");
        assert_eq!(secret_of(&device.letters[0]).proof().id(), id);
        let entry =
            device.engine.ledger().iter().rev().find(|entry| entry.receipt.kind == Kind::Erasure).unwrap();
        assert_eq!((entry.status, entry.receipt.consent), (Status::Accepted, *device.engine.consent()));
        live(&mut device, 60);
        assert!(shares(&device).is_empty() && device.kept().is_empty());
        assert_eq!(kinds(&device).iter().filter(|kind| **kind == Kind::Erasure).count(), 1);
    }
}

/// Nothing was shared, so there is nothing to say.
#[test]
fn who_withdraws_before_the_first_message_leaves_without_a_word() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    device.look();
    assert!(!device.kept().is_empty(), "a name was drawn");
    device.choose(ConsentChange::all(Choice::Denied));
    device.look();
    assert!(device.letters.is_empty() && device.kept().is_empty());
}

#[test]
fn an_erasure_that_does_not_get_through_is_tried_until_it_does_also_by_the_next_visit() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    live(&mut device, 10);
    device.letters.clear();
    device.online = false;
    device.choose(ConsentChange { sharing: Some(Choice::Denied), ..ConsentChange::default() });
    live(&mut device, 3);
    device.reopen(pack());
    device.online = true;
    device.look();
    let tried = kinds(&device).iter().filter(|kind| **kind == Kind::Erasure).count();
    assert!(tried > 1);
    let same: Vec<_> = device.letters.iter().filter(|letter| letter.kind == Kind::Erasure).collect();
    assert!(same.iter().all(|letter| letter.bytes == same[0].bytes), "the same bytes every time");
    device.letters.clear();
    live(&mut device, 3);
    assert!(!kinds(&device).contains(&Kind::Erasure), "and no more once it did");
}

#[test]
fn another_text_is_not_what_was_agreed_to_and_takes_back_what_was_shared() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    live(&mut device, 10);
    device.letters.clear();
    let other = pack_with(|pack| pack["labels"]["text_version"] = json!(3));
    device.reopen(other);
    live(&mut device, 60);
    assert!(shares(&device).is_empty());
    assert_eq!(kinds(&device).iter().filter(|kind| **kind == Kind::Erasure).count(), 1);
    // Said again, the same yes is no answer to a question that was not asked.
    device.choose(ConsentChange::all(Choice::Granted));
    live(&mut device, 20);
    assert!(shares(&device).is_empty());
    device.choose(ConsentChange { sharing: Some(Choice::Denied), ..ConsentChange::default() });
    device.choose(ConsentChange { sharing: Some(Choice::Granted), ..ConsentChange::default() });
    live(&mut device, 20);
    assert!(!shares(&device).is_empty());
}

#[test]
fn a_pack_that_asks_for_no_labels_any_more_takes_them_back() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    live(&mut device, 10);
    device.letters.clear();
    device.reopen(pack_with(|pack| drop(pack.as_object_mut().unwrap().remove("labels"))));
    live(&mut device, 20);
    assert_eq!(kinds(&device).iter().filter(|kind| **kind == Kind::Erasure).count(), 1);
    assert!(shares(&device).is_empty() && device.kept().is_empty());
}

#[test]
fn a_reset_takes_back_the_name_and_a_new_one_has_nothing_of_it() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    device.buy();
    live(&mut device, 10);
    let old = labels_of(shares(&device)[0]);
    assert_eq!(old.held, [true, false]);
    device.letters.clear();
    device.engine.erase(device.now);
    device.look();
    assert_eq!(kinds(&device), [Kind::Erasure]);
    live(&mut device, 10);
    let new = labels_of(shares(&device)[0]);
    assert_ne!(new.proof.id(), old.proof.id());
    assert_eq!(new.held, [false, false]);
}

#[test]
fn without_chance_or_a_key_nothing_is_shared_and_what_was_is_still_taken_back() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    for _ in 0..20 {
        device.hours(24);
        assert_eq!(device.engine.share(device.now, NoCoins), Err(Withheld::NoEntropy));
    }
    live(&mut device, 10);
    assert!(!shares(&device).is_empty());
    device.letters.clear();
    let keyless = pack_with(|pack| pack["collector"]["keys"][0]["until"] = json!("2026-01-02"));
    device.reopen(keyless);
    live(&mut device, 8);
    assert!(shares(&device).is_empty());
    let coins = SeededCoins::new(1);
    assert_eq!(device.engine.share(device.now.saturating_add(HOUR_MS), coins), Err(Withheld::NoKey));
    device.choose(ConsentChange::all(Choice::Denied));
    assert!(device.engine.share(device.now, NoCoins).is_ok(), "it was sealed in advance");
    device.send();
    assert_eq!(device.letters.last().unwrap().kind, Kind::Erasure);
}

/// A report and labels that left in one visit would share its address.
#[test]
fn no_report_leaves_within_five_hours_of_labels() {
    let mut near = i64::MAX;
    for seed in 0..20 {
        let mut device = Device::new(seed, pack());
        device.choose(ConsentChange::all(Choice::Granted));
        // Weeks in which the network comes and goes: what waited leaves when it is back.
        for day in 0..120 {
            device.online = day % 5 < 3;
            live(&mut device, 1);
        }
        let accepted: Vec<&Letter> = device.letters.iter().filter(|letter| letter.arrived).collect();
        let reports = accepted.iter().filter(|letter| letter.kind == Kind::Report);
        for report in reports {
            for other in accepted.iter().filter(|letter| letter.kind != Kind::Report) {
                near = near.min((report.at.millis() - other.at.millis()).abs());
            }
        }
    }
    assert!(near >= 5 * HOUR_MS, "{near}");
}

#[test]
fn what_has_waited_an_hour_is_made_anew_on_the_facts_of_then() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    device.online = false;
    live(&mut device, 12);
    let lost = shares(&device).len();
    assert!(lost > 1);
    let mut bytes: Vec<&[u8]> = shares(&device).iter().map(|letter| &letter.bytes[..]).collect();
    bytes.dedup();
    assert_eq!(bytes.len(), lost, "never the same bytes twice");
    device.buy();
    device.online = true;
    live(&mut device, 1);
    let last = device.letters.iter().rev().find(|letter| letter.kind == Kind::Label).unwrap();
    assert!(last.arrived && labels_of(last).held[0], "what it says is of then");
}

#[test]
fn a_sensitive_pack_shares_no_labels_openly_or_by_a_segment_that_looks_at_a_sensitive_event() {
    let sensitive = |hide: bool| {
        let mut document = shop::document();
        document["events"]["buy"]["sensitive"] = json!("health");
        if !hide {
            document["features"]["orders"]["sensitive"] = json!("health");
            document["sensitive"] = json!(["health"]);
            document["plan"]["epsilon"] = json!(1);
        }
        Pack::read(&document).unwrap_err().to_string()
    };
    assert!(
        sensitive(false).starts_with("$.labels: a pack about a sensitive matter shares no labels"),
        "{}",
        sensitive(false)
    );
    assert!(sensitive(true).starts_with("$.features.orders"), "{}", sensitive(true));
    let stranger = Pack::read(&{
        let mut document = shop::document();
        document["labels"]["segments"][0]["id"] = json!("nobody");
        document
    });
    let stranger = stranger.unwrap_err().to_string();
    assert!(stranger.starts_with("$.labels.segments[0].id: nobody is no segment of this pack"), "{stranger}");
}

#[test]
fn what_is_kept_of_labels_survives_a_restart_and_a_state_of_before_has_none() {
    let mut device = Device::new(1, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    live(&mut device, 10);
    let kept = device.kept();
    device.reopen(pack());
    assert!(device.kept() == kept && !kept.is_empty());
    let now = Timestamp::from_date("2026-02-01").unwrap().saturating_add(DAY_MS);
    let mut fresh = Engine::install(pack(), now);
    fresh.set_consent(&ConsentChange::all(Choice::Granted), now);
    assert_eq!(fresh.labels(now), Some(&[Signal::Page.byte()][..]), "by which signal, and no more");
    assert!(fresh.share(now, SeededCoins::new(1)).is_err(), "the first time a name is drawn, and no more");
    fresh.uploaded(keepset_wire::ReportId([0; 16]), Outcome::Accepted);
    assert!(fresh.labels(now).is_none());
}

#[test]
fn a_label_that_found_no_network_expires_also_where_no_plan_asks_for_reports() {
    let mut device = Device::new(
        1,
        pack_with(|pack| {
            pack.as_object_mut().unwrap().remove("plan");
        }),
    );
    device.online = false;
    device.choose(ConsentChange::all(Choice::Granted));
    live(&mut device, 20);
    let first = device.engine.ledger().iter().find(|entry| entry.receipt.kind == Kind::Label).unwrap();
    assert!(first.receipt.at + 2 * DAY_MS < device.now.millis(), "it has waited for days");
    assert_eq!(first.status, Status::Expired);
}
