//! Going on from a copy of a profile that was kept elsewhere, where the device itself has lost everything.
//!
//! A copy is old: what was spent, withdrawn and shared after it was made is not in it. So it gives back what was counted of events, and
//! nothing else of it is believed (docs/adr/0020).

use keepset_wire::Timestamp;

use crate::pack::Pack;
use crate::snapshot::{Snapshot, StateError, Stored, Whole};

use super::Engine;

impl Engine {
    /// Returns what is to be stored from now on: the profile of `copy` with the choices of `fresh`, which is what a new device stores.
    ///
    /// - Every window since the copy was made, the present one included, counts as answered and paid for.
    /// - Choices are those of `fresh`; what the copy says of them may have been withdrawn since.
    /// - No report of the copy waits any more, and what its device shared is taken back.
    /// - The secret that names reports stays, so that two devices that go on from one copy are counted as one.
    ///
    /// # Errors
    /// [`StateError`] when one of the two is not a state of this pack: go on with `fresh`, then.
    ///
    /// # Privacy
    /// A copy, however old, buys no answer that the device itself could not have given: see [`keepset_privacy::Ledger::assume_spent`].
    pub fn recover(pack: &Pack, copy: &[u8], fresh: &[u8], now: Timestamp) -> Result<Vec<u8>, StateError> {
        let read = |bytes| {
            let (snapshot, _) = Stored::read(bytes)?;
            if snapshot.pack == pack.id.as_str() { Ok(snapshot) } else { Err(StateError::OtherPack) }
        };
        let (mut old, new): (Snapshot, Snapshot) = (read(copy)?, read(fresh)?);
        old.gate.assume_spent(pack.plan.as_ref(), now);
        old.sharing.take_back();
        if let Some(signal) = new.sharing.signal() {
            old.sharing.agree(signal);
        }
        old.outbox.erase();
        Ok(Stored::write(Whole {
            pack: &old.pack,
            profile: old.profile,
            consent: &new.consent,
            gate: &old.gate,
            outbox: &old.outbox,
            latch: &None,
            sharing: &old.sharing,
        })
        .1)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use keepset_wire::{Choice, DAY_MS};

    use super::*;
    use crate::consent::ConsentChange;
    use crate::event::RawEvent;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    const PACK: &str = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
        "events": {"visit": {}}, "features": {"visits": {"kind": "count", "event": "visit", "window_days": 400}},
        "segments": [{"id": "here", "title": "h", "reason": "r", "enter": {"feature": "visits", "op": ">=", "value": 2}}],
        "plan": {"id": "sample", "owner": "o", "reason": "r", "starts": "2017-01-01", "expires": "2031-01-01", "epsilon": 2,
            "windows_per_year": 10, "questions": [{"id": "q", "reason": "r", "segments": ["here"], "cap": 1}]}}"#;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_millis((20_000 + number) * DAY_MS).unwrap()
    }

    fn device(visits: i64) -> (Rc<Pack>, Engine) {
        let pack = Rc::new(Pack::parse(PACK).unwrap());
        let mut engine = Engine::install(Rc::clone(&pack), day(0));
        engine.set_consent(&ConsentChange::all(Choice::Granted), day(0));
        for number in 0..visits {
            engine.track(&RawEvent { name: "visit".into(), ..RawEvent::default() }, day(number)).unwrap();
        }
        (pack, engine)
    }

    #[test]
    fn a_copy_gives_back_what_was_counted_and_costs_every_window_since() {
        let (pack, mut engine) = device(3);
        engine.keep_secret([7; 32], day(3));
        let copy = engine.save().unwrap().bytes;
        let mut anew = Engine::install(Rc::clone(&pack), day(90));
        let granted = Some(Choice::Granted);
        let some = ConsentChange { segmentation: granted, storage: granted, ..ConsentChange::default() };
        anew.set_consent(&some, day(90));
        let fresh = anew.save().unwrap().bytes;

        let recovered = Engine::recover(&pack, &copy, &fresh, day(90)).unwrap();
        let (mut engine, mistake) = Engine::restore(Rc::clone(&pack), &recovered, day(90));
        assert_eq!(mistake, None);
        engine.tick(day(90));
        assert!(engine.is_in(0));
        assert_eq!(*engine.consent(), *anew.consent());
        let budget = engine.budget(day(90)).unwrap();
        assert_eq!(budget.spent_in_window, budget.per_report);
        // The window of the copy was left out by a new device; three have begun since.
        assert!(budget.spent_in_year >= 3 * budget.per_report, "{budget:?}");
    }

    #[test]
    fn what_is_no_copy_of_this_pack_is_none() {
        let (pack, mut engine) = device(1);
        let state = engine.save().unwrap().bytes;
        let recover = |copy: &[u8]| Engine::recover(&pack, copy, &state, day(1));
        assert_eq!(recover(b"").unwrap_err(), StateError::Corrupt);
        let mut damaged = state.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(recover(&damaged).unwrap_err(), StateError::Corrupt);
        let other = Rc::new(Pack::parse(&PACK.replace("\"p\"", "\"q\"")).unwrap());
        assert_eq!(Engine::recover(&other, &state, &state, day(1)).unwrap_err(), StateError::OtherPack);
    }
}
