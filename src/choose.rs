//! Choosing among approved variants, a module of its own that only a page that chooses loads: decides by what the device has learned.

use keepset_engine::Pack;
use keepset_engine::choosing::{Alternatives, Chosen, Known};
use wasm_bindgen::prelude::wasm_bindgen;

/// What a part that is absent is called: no name begins so.
const NONE: &str = "-";

/// Names what a choice of a compiled pack is decided by, with a space between two: its features, in the order in which [`choose`] takes
/// their values. `undefined` when the pack has no such choice.
#[wasm_bindgen]
#[must_use]
pub fn reads(pack: &[u8], choice: &str) -> Option<String> {
    Some(find(pack, choice)?.reads().join(" "))
}

/// Decides: the variant, the reason, the arm to be settled, whether it won, the arm of the round that begins, and the number of the rounds before,
/// with a space between two and `-` for what there is not. `undefined` when the pack has no such choice.
///
/// `within`: the segments the device is in, with a space between two. `seed`: 32 bytes of chance, or none.
#[wasm_bindgen]
#[must_use]
pub fn choose(pack: &[u8], choice: &str, within: &str, values: &[f64], seed: &[u8]) -> Option<String> {
    let alternatives = find(pack, choice)?;
    let within: Vec<&str> = within.split(' ').collect();
    let chosen = alternatives.decide(Known { within: &within, values }, seed.try_into().ok());
    Some(written(&chosen))
}

fn find(pack: &[u8], choice: &str) -> Option<Alternatives> {
    Pack::choices(pack).into_iter().find(|alternatives| alternatives.id.as_str() == choice)
}

fn written(chosen: &Chosen<'_>) -> String {
    let settled = chosen.settled.as_ref();
    let round = chosen.round.to_string();
    [
        chosen.variant.as_str(),
        chosen.why.code(),
        settled.map_or(NONE, |settled| &settled.arm),
        settled.map_or(NONE, |settled| if settled.won { "won" } else { "lost" }),
        chosen.begun.as_deref().unwrap_or(NONE),
        &round,
    ]
    .join(" ")
}

#[cfg(test)]
mod tests {
    use super::{choose, reads};
    use keepset_engine::Pack;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const PACK: &str = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
        "events": {"purchase": {}}, "segments": [],
        "choices": {"banner": {"default": "plain", "outcome": "purchase", "within_days": 7, "exploration": 9,
            "contexts": [{"variants": {"plain": {}, "gift": {"successes": 900}}}]}}}"#;

    #[test]
    fn a_choice_is_decided_by_the_values_of_what_it_reads() {
        let pack = Pack::parse(PACK).unwrap().compile();
        let names = reads(&pack, "banner").unwrap();
        assert_eq!(names.split(' ').count(), 7 + 4);
        assert!(names.starts_with("banner.rounds banner.arm banner.why "), "{names}");
        let none = [f64::NAN; 11];
        assert_eq!(choose(&pack, "banner", "", &none, &[1; 32]).unwrap(), "gift exploit - - others.gift 0");
        assert_eq!(choose(&pack, "banner", "", &none, &[]).unwrap(), "plain default - - - 0");
        // One round of the gift, open and won.
        let round = [1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(choose(&pack, "banner", "", &round, &[1; 32]).unwrap(), "gift exploit - - - 1");
        let won = choose(&pack, "banner", "vip banner.won", &round, &[1; 32]).unwrap();
        assert_eq!(won, "gift exploit others.gift won others.gift 1");
        assert_eq!(choose(&pack, "text", "", &none, &[]), None);
        assert_eq!(reads(b"no pack", "banner"), None);
    }
}
