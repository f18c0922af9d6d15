//! Moving a score with its person, a module of its own that only a page loads that asks for it: the score by what the device has learned.

use keepset_engine::choosing::Known;
use keepset_engine::{Adaptation, Pack};
use wasm_bindgen::prelude::wasm_bindgen;

/// Names, in four lines, with a space between two: the features in the order in which [`adapt`] takes their values, the numbers of a round that begins, those of one that is
/// settled, and what they are of. `undefined` when the pack has no model of this name that adapts.
#[wasm_bindgen]
#[must_use]
pub fn adapted_names(pack: &[u8], model: &str) -> Option<String> {
    let found = find(pack, model)?;
    let line = |names: Vec<String>| names.join(" ");
    Some([line(found.reads()), line(found.asked()), line(found.settled()), found.of].join("\n"))
}

/// Decides: the shipped score, the adapted one, the outcomes learned from, the rounds before, whether one is settled (1) and one begins (1), and the numbers of both, zeros where
/// there are none. `undefined` when the pack has no model of this name that adapts.
///
/// `within`: the segments the device is in, with a space between two.
#[wasm_bindgen]
#[must_use]
pub fn adapt(pack: &[u8], model: &str, within: &str, values: &[f64]) -> Option<Vec<f64>> {
    let found = find(pack, model)?;
    let within: Vec<&str> = within.split(' ').collect();
    let adapted = found.decide(Known { within: &within, values });
    let is = |part: &Option<Vec<f64>>| f64::from(u8::from(part.is_some()));
    let counts = [f64::from(adapted.learned), f64::from(adapted.round)];
    let mut told = vec![adapted.shipped, adapted.score];
    told.extend(counts);
    told.extend([is(&adapted.settled), is(&adapted.begun)]);
    told.extend(adapted.settled.unwrap_or_else(|| vec![0.0; found.settled().len()]));
    told.extend(adapted.begun.unwrap_or_else(|| vec![0.0; found.asked().len()]));
    Some(told)
}

/// Returns the numbers that settle the round that runs without learning from it; `undefined` where none runs.
#[wasm_bindgen]
#[must_use]
pub fn broken_off(pack: &[u8], model: &str, values: &[f64]) -> Option<Vec<f64>> {
    find(pack, model)?.break_off(Known { within: &[], values })
}

fn find(pack: &[u8], model: &str) -> Option<Adaptation> {
    Pack::adaptations(pack).into_iter().find(|adaptation| adaptation.id.as_str() == model)
}

#[cfg(test)]
mod tests {
    use super::{adapt, adapted_names, broken_off};
    use keepset_engine::Pack;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const PACK: &str = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
        "events": {"purchase": {}}, "segments": [],
        "features": {"orders": {"kind": "count", "event": "purchase"}},
        "outcomes": {"soon": {"event": "purchase", "within_days": 14}},
        "models": {"buys": {"kind": "linear", "intercept": -1, "weights": {"orders": 0.25}, "adapt": {"outcome": "soon", "offset": 1, "limit": 2}}}}"#;

    #[test]
    fn a_score_is_moved_by_the_values_of_what_it_reads() {
        let pack = Pack::parse(PACK).unwrap().compile();
        let names = adapted_names(&pack, "buys").unwrap();
        let lines: Vec<&str> = names.lines().collect();
        assert_eq!(
            lines[0],
            "buys.rounds buys.open buys.pending buys.learned buys.asked buys.move_0 buys.weight_0 orders"
        );
        assert_eq!((lines[1], lines[2], lines[3].len()), ("asked", "came asked move_0 weight_0", 16));
        // Nobody was asked yet, and there were two orders.
        let values = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0];
        assert_eq!(
            adapt(&pack, "buys", "", &values).unwrap(),
            [-0.5, -0.5, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -0.5]
        );
        assert_eq!(broken_off(&pack, "buys", &values), None);
        // A round runs; its time is over, and the order came; three outcomes had moved the score before.
        let runs = [4.0, 1.0, 1.0, 3.0, -0.5, 0.75, 0.5, 2.0];
        assert_eq!(adapt(&pack, "buys", "", &runs).unwrap()[..6], [-0.5, 0.25, 3.0, 4.0, 0.0, 0.0]);
        assert_eq!(broken_off(&pack, "buys", &runs).unwrap(), [0.0, -0.5, 0.0, 0.0]);
        let over = [4.0, 0.0, 1.0, 3.0, -0.5, 0.75, 0.5, 2.0];
        let told = adapt(&pack, "buys", "vip buys.won", &over).unwrap();
        assert_eq!(told[4..8], [1.0, 1.0, 1.0, -0.5]);
        assert!(told[8] > 0.2 && told[9] > 0.2, "{told:?}");
        assert_eq!(adapt(&pack, "sells", "", &values), None);
        assert_eq!(adapted_names(b"no pack", "buys"), None);
    }
}
