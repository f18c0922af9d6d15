//! Any text at all, and honest ones that are spoiled, in place of every file and text the collector reads: refused in a sentence, or read; nothing panics.

use keepset_collector::access::Tokens;
use keepset_collector::archive::contents;
use keepset_collector::config::Loaded;
use keepset_collector::keys::Keyring;
use keepset_collector::limits::Network;
use keepset_collector::store::Address;
use keepset_wire::Plan;
use keepset_wire::labels::LabelTerms;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::drawn::{draw, kinds_plan};
use crate::fleet::{plan, ring};
use crate::fuzz::spend;
use crate::labels::TERMS;
use crate::process::Folder;
use crate::relay::gateway;

/// Changes at places of a text: what is there, and what comes in its place.
type Changes = Vec<(prop::sample::Index, prop::sample::Index, String)>;

fn changes() -> impl Strategy<Value = Changes> {
    let inserted = prop_oneof![
        "[ -~]{0,3}",
        Just("\"".to_owned()),
        Just("{".to_owned()),
        Just("-1".to_owned()),
        Just("1e999".to_owned()),
        Just("\u{0}é\u{10ffff}".to_owned()),
        Just("[".repeat(200)),
        Just("9".repeat(40)),
        Just("null".to_owned()),
        Just(String::new()),
    ];
    vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), inserted), 0..4)
}

/// Takes out a few bytes of an honest text here and there, and puts others in their place.
fn spoiled(honest: &str, changes: &Changes) -> String {
    let mut bytes = honest.as_bytes().to_vec();
    for (at, length, inserted) in changes {
        let at = at.index(bytes.len() + 1);
        let end = (at + length.index(9)).min(bytes.len());
        bytes.splice(at..end, inserted.bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn any_text_in_place_of_a_file_is_refused_in_a_sentence_or_read() {
    let folder = Folder::new();
    let (plan, kinds) = (plan(3, 1), kinds_plan());
    let mut tokens = Tokens::default();
    let day = keepset_wire::Timestamp::from_date("2026-11-26").unwrap();
    tokens.add("alice", keepset_collector::access::Role::Analyst, [7; 32], day).unwrap();
    let saved = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    tokens.save(&folder.join("tokens.json")).unwrap();
    ring().save(&folder.join("keys.json")).unwrap();
    gateway().save(&folder.join("gateway.json")).unwrap();
    let counts = draw(&kinds, 300, 1).expected;
    let honest = [
        plan.to_json().to_string(),
        kinds.to_json().to_string(),
        TERMS.to_owned(),
        saved("tokens.json"),
        saved("keys.json"),
        saved("gateway.json"),
        counts,
        "postgres://u:p@[::1]:5/db?sslmode=disable".to_owned(),
        "sqlite:a.sqlite".to_owned(),
        "2001:db8::/32".to_owned(),
        include_str!("../../deploy/keepset.toml").to_owned(),
    ];
    let (which, toml) = (0..honest.len(), folder.join("keepset.toml"));
    let read = std::cell::Cell::new([0_u32; 8]);
    let any = prop_oneof![
        8 => (which, changes()).prop_map(|(which, changes)| spoiled(&honest[which], &changes)),
        1 => "\\PC{0,200}",
    ];
    let told = spend(4_000, &any, |text| {
        std::fs::write(&toml, &text).unwrap();
        let given = ["k".into(), "--print-config".into(), "--config".into(), toml.clone().into()];
        let well = [
            Plan::parse(&text).is_ok(),
            LabelTerms::parse(&text).is_ok(),
            Tokens::parse(&text).is_ok(),
            Keyring::parse(&text).is_ok(),
            contents(&kinds, &text).is_ok(),
            Address::parse(&text).is_ok(),
            Network::parse(&text).is_ok(),
            Loaded::read(&given, &[]).is_ok(),
        ];
        let mut counts = read.get();
        counts.iter_mut().zip(well).for_each(|(count, well)| *count += u32::from(well));
        read.set(counts);
        Ok(())
    });
    let read = read.get();
    println!("{told} texts; each decoder has read {read:?} of them");
    assert!(
        read.iter().all(|count| *count > 20),
        "the property would be empty if one of them read nothing: {read:?}"
    );
}
