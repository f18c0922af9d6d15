use std::collections::BTreeMap;

use keepset_privacy::Answering;
use keepset_wire::labels::{LabelTerms, SealedLabels};
use keepset_wire::receipt::{Kind, NOTHING_BEFORE};
use keepset_wire::{Choice, Consent, DAY_MS, PackHash, Plan, PlanHash, Purpose, Receipt, Sealed, Standing};

use super::capture::Capture;
use super::check::{self, Found, Weight};
use super::ledger::{Line, Outcome};

/// Windows of a week, three of them a year, epsilon 2.
fn plan() -> Plan {
    let text = r#"{"id": "sample", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2031-01-01", "epsilon": 2,
        "epoch_days": 7, "window_epochs": 1, "windows_per_year": 3, "questions": [{"id": "q", "reason": "r", "segments": ["a", "b"], "cap": 1}]}"#;
    Plan::parse(text).unwrap()
}

fn terms() -> LabelTerms {
    let text = r#"{"id": "offers", "owner": "o", "purpose": "p", "text_version": 4, "segments": [{"id": "a", "reason": "r"}]}"#;
    LabelTerms::parse(text).unwrap()
}

fn granted(since: i64) -> Standing {
    Standing { choice: Choice::Granted, since }
}

/// An honest receipt of a week, before it is chained.
fn week(number: u32) -> Receipt {
    let plan = plan();
    let start = plan.starts.millis();
    let granted = granted(start);
    Receipt {
        number: 0,
        at: start + i64::from(number) * 7 * DAY_MS + 1,
        kind: Kind::Report,
        purpose: Purpose::Reporting,
        plan: plan.hash(),
        pack: PackHash([7; 16]),
        question: "q".into(),
        window: number,
        mechanism: Answering::for_question(plan.epsilon, &plan.questions[0]).unwrap().describe(),
        epsilon_micro: plan.epsilon.micro(),
        consent: Consent {
            segmentation: granted,
            storage: granted,
            reporting: granted,
            ..Consent::default()
        },
        sha256: [0; 32],
        size: 0,
        before: NOTHING_BEFORE,
    }
}

/// Chains receipts as a device does, or as a forger would who knows how: whatever they say, the chain is unbroken.
fn chained(receipts: impl IntoIterator<Item = Receipt>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (index, receipt) in receipts.into_iter().enumerate() {
        let body = vec![index.to_le_bytes()[0]; Sealed::length(&plan())];
        let receipt = receipt.chained(lines.last().map(|line| &line.receipt), &body);
        lines.push(Line { hash: receipt.hash(), receipt, outcome: Outcome::Accepted, body });
    }
    lines
}

fn found(lines: &[Line], packs: &[PackHash]) -> Vec<Found> {
    let plans: BTreeMap<PlanHash, Plan> = [(plan().hash(), plan())].into();
    let capture = Capture::of(lines.iter().map(|line| &*line.body));
    check::all(lines, &plans, &[terms()], packs, &capture).0
}

/// The codes of what deviates, each with the entry it is about.
fn deviations(lines: &[Line]) -> Vec<(&'static str, u32)> {
    let deviates = |found: &Found| found.weight == Weight::Deviation;
    found(lines, &[])
        .iter()
        .filter(|found| deviates(found))
        .map(|f| (f.code, f.entry.unwrap_or(99)))
        .collect()
}

/// What a forger changes in the second of three honest receipts.
fn forged(change: impl FnOnce(&mut Receipt)) -> Vec<Line> {
    let mut second = week(2);
    change(&mut second);
    chained([week(1), second, week(3)])
}

#[test]
fn an_honest_ledger_deviates_in_nothing() {
    assert!(found(&chained([week(1), week(2), week(3)]), &[PackHash([7; 16])]).is_empty());
    assert!(found(&[], &[]).is_empty());
}

/// Against a forger who chains anew, so that the chain alone shows nothing.
#[test]
fn an_unbroken_chain_that_the_plan_does_not_allow_is_found() {
    let cases: [(&str, Vec<Line>); 13] = [
        ("epsilon_report", forged(|r| r.epsilon_micro += 1)),
        ("question", forged(|r| r.question = "other".into())),
        ("mechanism", forged(|r| r.mechanism = "set_select(n=2, m=1, k=2, tau=1)".into())),
        ("plan", forged(|r| r.plan.0[0] ^= 1)),
        ("window", forged(|r| r.window = 9)),
        ("consent", forged(|r| r.consent.storage.choice = Choice::Pending)),
        ("consent", forged(|r| r.consent.reporting.choice = Choice::Denied)),
        ("consent", forged(|r| r.consent.segmentation = granted(r.at + 1))),
        ("purpose", forged(|r| r.purpose = Purpose::Sharing)),
        ("consent", forged(|r| (r.kind, r.purpose) = (Kind::Label, Purpose::Sharing))),
        ("time", forged(|r| r.at = week(1).at - 1)),
        ("time", forged(|r| r.at = -1)),
        ("mechanism", forged(|r| r.mechanism.clear())),
    ];
    for (code, lines) in cases {
        let deviations = deviations(&lines);
        assert!(deviations.contains(&(code, 1)), "{code}: {deviations:?}");
        assert!(!deviations.iter().any(|(code, _)| code.starts_with("chain")), "{code}: {deviations:?}");
    }
}

#[test]
fn a_second_report_in_a_window_and_a_fourth_in_a_year_are_too_much() {
    let mut again = week(1);
    again.at += DAY_MS;
    assert_eq!(deviations(&chained([week(1), again, week(2)])), [("epsilon_window", 1)]);
    assert_eq!(deviations(&chained([week(1), week(2), week(3), week(4)])), [("epsilon_year", 3)]);
    // A year and a day after the first there is room for one again.
    assert_eq!(deviations(&chained([week(1), week(2), week(3), week(54)])), []);
    let mut late = week(1);
    late.at = plan().expires.millis();
    assert_eq!(deviations(&chained([late])), [("plan_not_live", 0)]);
}

#[test]
fn a_chain_that_was_cut_or_patched_is_found() {
    let honest = || chained([week(1), week(2), week(3)]);
    let without = |index: usize| {
        let mut lines = honest();
        lines.remove(index);
        lines
    };
    assert_eq!(deviations(&without(1)), [("chain_order", 2)]);
    assert_eq!(deviations(&without(0)), [("chain_left_out", 1)]);
    let mut changed = honest();
    changed[0].receipt.size -= 1;
    let codes = deviations(&changed);
    assert!(codes.contains(&("hash", 0)) && codes.contains(&("chain_hash", 1)), "{codes:?}");
    let mut begun = honest();
    begun[0].receipt.before = [1; 32];
    assert!(deviations(&begun).contains(&("chain_beginning", 0)));
    let mut bytes = honest();
    bytes[2].body[0] ^= 1;
    assert!(deviations(&bytes).contains(&("bytes", 2)));
    let twice = {
        let receipt = week(2).chained(Some(&honest()[0].receipt), &honest()[0].body);
        vec![honest()[0].clone(), Line { hash: receipt.hash(), receipt, ..honest()[0].clone() }]
    };
    assert!(deviations(&twice).contains(&("same_bytes", 1)));
}

#[test]
fn what_was_accepted_and_not_captured_is_a_warning_and_what_the_ledger_does_not_know_is_none() {
    let lines = chained([week(1), week(2)]);
    let plans: BTreeMap<PlanHash, Plan> = [(plan().hash(), plan())].into();
    let other = b"who=me".to_vec();
    let capture = Capture::of([&*lines[0].body, &*lines[0].body, &*other]);
    let (found, captured) = check::all(&lines, &plans, &[], &[], &capture);
    let codes: Vec<_> = found.iter().map(|found| (found.weight, found.code)).collect();
    assert_eq!(codes, [(Weight::Deviation, "request_unknown"), (Weight::Warning, "not_captured")]);
    assert_eq!(captured, [2, 0]);
    assert!(found[0].sentence.starts_with("body 3: the ledger does not know this body (6 bytes, SHA-256 "));
}

#[test]
fn what_is_encapsulated_for_a_relay_is_said_to_be_unseen_and_not_taken_for_anything_else() {
    use keepset_wire::oblivious::{Exchange, GatewayKey, Request};
    use keepset_wire::{OpeningKey, SealingKey, Timestamp};
    let lines = chained([week(1)]);
    let plans: BTreeMap<PlanHash, Plan> = [(plan().hash(), plan())].into();
    let public = OpeningKey::from_bytes(&[9; 32]).public();
    let key = SealingKey { id: 1, public, from: Timestamp::MIN, until: Timestamp::MAX };
    let (method, scheme, authority, path) = (b"POST", b"https", b"r.example", b"/v1/reports");
    let (kind, content) = (b"text/plain", &lines[0].body);
    let request = Request { method, scheme, authority, path, kind, authorization: b"", content };
    let (request, _) = Exchange::begin(GatewayKey::from(&key), &request, [7; 32]).unwrap();
    let (found, captured) = check::all(&lines, &plans, &[], &[], &Capture::of([&*request]));
    let codes: Vec<_> = found.iter().map(|found| (found.weight, found.code)).collect();
    assert_eq!(codes, [(Weight::Deviation, "request_encapsulated"), (Weight::Warning, "not_captured")]);
    assert_eq!(captured, [0]);
    assert!(found[0].sentence.starts_with("body 1: is encapsulated for a relay"));
}

#[test]
fn another_pack_deviates_where_packs_are_named() {
    let found = found(&chained([week(1)]), &[PackHash([8; 16])]);
    assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), ["pack"]);
}

/// What a device writes down of labels it shared, or of their erasure, on a day.
fn shared(kind: Kind, number: u32) -> Receipt {
    let week = week(number);
    let sharing = granted(week.consent.storage.since);
    Receipt {
        kind,
        purpose: Purpose::Sharing,
        plan: terms().hash(),
        question: "offers".into(),
        window: 0,
        mechanism: "consented(text=4)".into(),
        epsilon_micro: 0,
        consent: Consent { sharing, ..week.consent },
        ..week
    }
}

/// Chains labels between reports, with bodies as long as either's.
fn with_labels(change: impl FnOnce(&mut [Receipt; 2])) -> Vec<Line> {
    let mut labels = [shared(Kind::Label, 2), shared(Kind::Erasure, 3)];
    labels[1].consent.sharing.choice = Choice::Denied;
    change(&mut labels);
    let mut lines = chained([week(1)]);
    for (fill, receipt) in (100..).zip(labels) {
        let body = vec![fill; SealedLabels::length(&terms())];
        let receipt = receipt.chained(lines.last().map(|line| &line.receipt), &body);
        lines.push(Line { hash: receipt.hash(), receipt, outcome: Outcome::Accepted, body });
    }
    lines
}

#[test]
fn labels_and_what_takes_them_back_are_held_to_their_terms_and_to_consent() {
    assert!(deviations(&with_labels(|_| {})).is_empty(), "{:?}", found(&with_labels(|_| {}), &[]));
    type Change = fn(&mut [Receipt; 2]);
    let cases: [(&str, u32, Change); 8] = [
        ("consent", 1, |r| r[0].consent.sharing.choice = Choice::Denied),
        ("consent", 1, |r| r[0].consent.sharing.since = r[0].at + 1),
        ("consent", 1, |r| r[0].consent.segmentation.choice = Choice::Pending),
        ("purpose", 2, |r| r[1].purpose = Purpose::Reporting),
        ("terms", 1, |r| r[0].plan.0[0] ^= 1),
        ("terms", 1, |r| r[0].mechanism = "consented(text=5)".into()),
        ("terms", 2, |r| r[1].question = "other".into()),
        ("epsilon_report", 1, |r| r[0].epsilon_micro = 1),
    ];
    for (code, entry, change) in cases {
        assert_eq!(deviations(&with_labels(change)), [(code, entry)], "{code}");
    }
    let mut long = with_labels(|_| {});
    let body = vec![7; SealedLabels::length(&terms()) + 1];
    let receipt = shared(Kind::Label, 4).chained(long.last().map(|line| &line.receipt), &body);
    long.push(Line { hash: receipt.hash(), receipt, outcome: Outcome::Accepted, body });
    assert_eq!(deviations(&long), [("size", 3)]);
}
