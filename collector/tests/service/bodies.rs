//! Any bytes at all: nothing panics, and a body is stored whole or not at all.

use proptest::prelude::*;

use crate::fleet::{Noise, current, length, plan};
use crate::kept::held;
use crate::process::{Folder, Server};

/// How a body is made: from noise, or from good reports that are then spoiled.
#[derive(Clone, Debug)]
enum Body {
    Bytes(Vec<u8>),
    Spoiled {
        reports: usize,
        seed: u64,
        changes: Vec<(usize, u8)>,
        cut: usize,
    },
    /// Spoiled before they were sealed.
    SpoiledInside {
        seed: u64,
        change: (usize, u8),
    },
}

fn body() -> impl Strategy<Value = Body> {
    let spoiled = (
        1..6_usize,
        any::<u64>(),
        proptest::collection::vec((0..660_usize, any::<u8>()), 0..2),
        prop_oneof![3 => Just(0), 1 => 1..3_usize],
    );
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..400).prop_map(Body::Bytes),
        (any::<u64>(), (0..40_usize, any::<u8>()))
            .prop_map(|(seed, change)| Body::SpoiledInside { seed, change }),
        spoiled.prop_map(|(reports, seed, changes, cut)| Body::Spoiled { reports, seed, changes, cut }),
    ]
}

#[test]
fn any_body_is_stored_whole_or_not_at_all() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &[]);
    let (store, size) = (folder.join("store.sqlite"), Noise::new(&plan, 0).size());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let (accepted, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    runner
        .run(&body(), |body| {
            let bytes = match body {
                Body::Bytes(bytes) => bytes,
                Body::Spoiled { reports, seed, changes, cut } => {
                    let mut bytes = Noise::new(&plan, seed).body(current(&plan), reports);
                    for (at, value) in changes {
                        let at = at % bytes.len();
                        bytes[at] = value;
                    }
                    bytes.truncate(bytes.len() - cut);
                    bytes
                }
                Body::SpoiledInside { seed, change } => {
                    let mut noise = Noise::new(&plan, seed);
                    let mut report = noise.report(current(&plan)).encode(&plan).unwrap();
                    report[change.0] = change.1;
                    noise.seal_bytes(&report)
                }
            };
            let before = held(&store);
            let answer = server.post(&bytes);
            let after = held(&store);
            let count = i64::try_from(bytes.len() / length(&plan)).unwrap();
            if answer.status == 200 {
                accepted.set(accepted.get() + 1);
                let told = answer.json();
                let (new, known) = (told["accepted"].as_i64().unwrap(), told["known"].as_i64().unwrap());
                prop_assert_eq!(new + known, count);
                prop_assert_eq!((after.reports, after.ids), (before.reports + new, before.ids + new));
            } else {
                refused.set(refused.get() + 1);
                prop_assert!((400..500).contains(&answer.status), "{}", answer.status);
                prop_assert!(answer.json()["type"].as_str().unwrap().starts_with("/problems/"));
                prop_assert_eq!(before, after);
            }
            prop_assert_eq!(after.votes, after.reports * size);
            Ok(())
        })
        .unwrap();
    // The property would be empty if one side never happened; about a fifth of the bodies are good.
    assert!(accepted.get() > 40 && refused.get() > 40, "{accepted:?} {refused:?}");
}
