//! Memberships through time, whoever lets it pass: the oracle walks through every instant at which an answer may change.

use keepset_engine::{Change, Engine};
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::pair::{SECRET, at, compare, give_secret, install, instant, raw, turns};
use crate::reference::Oracle;
use crate::reference::segments::Turn;
use crate::reference::time::{DAY, HOUR, Zone};
use crate::stories::{Dice, Manner, START, story};
use crate::{STEPS, seeds, shrunk};

const HOURLY: Manner = Manner { hourly: true, clock_back: false };

/// London in 2026, as the hours of the grid see it.
const LONDON: &[(i64, i32)] = &[(0, 0), (1_774_746_000_000, 60), (1_792_890_000_000, 0)];

pub fn moments() -> Value {
    serde_json::from_str(include_str!("moments.json")).unwrap()
}

/// An engine with its list of changes.
struct Device {
    engine: Engine,
    changes: Vec<Change>,
}

impl Device {
    fn new(pack: &Value, coin: u8) -> Self {
        let mut changes = Vec::new();
        let mut engine = install(pack, START, &mut changes);
        changes.extend(engine.set_zone(keepset_engine::Zone::new(LONDON).unwrap(), at(START)));
        give_secret(&mut engine, coin, START, &mut changes);
        Self { engine, changes }
    }

    fn tell(&mut self, event: &Value, now: i64) {
        self.changes.extend(self.engine.track(&raw(event), at(now)).unwrap_or_default());
    }

    fn tick(&mut self, now: i64) {
        self.changes.extend(self.engine.tick(at(now)));
    }

    /// Asks only when the engine said that it must be asked.
    fn wake_until(&mut self, now: i64, then: i64) {
        let mut next = self.engine.next_tick(at(now));
        while let Some(instant) = next.filter(|next| next.millis() <= then) {
            self.changes.extend(self.engine.tick(instant));
            next = self.engine.next_tick(instant);
            assert!(
                next.is_none_or(|next| next > instant),
                "it must be asked after {instant:?}, not at {next:?}"
            );
        }
    }

    fn memberships(&self) -> Vec<(String, i64)> {
        let memberships = self.engine.memberships();
        memberships.iter().map(|one| (one.segment.to_string(), one.since.millis())).collect()
    }
}

/// What goes wrong in a story; false when rounding would decide what is right.
fn agrees(pack: &Value, coin: u8, steps: &[Value]) -> Result<bool, String> {
    let mut oracle = Oracle::new(pack);
    let mut expected = oracle.evaluate(START, "consent");
    oracle.set_zone(Zone(LONDON.to_vec()));
    oracle.set_secret(&[coin; SECRET]);
    expected.extend(oracle.evaluate(START, "secret"));
    let [mut awake, mut woken, mut asleep] = [(); 3].map(|()| Device::new(pack, coin));
    let mut clock = START;
    let end = instant(steps.last().unwrap()) + 50 * DAY;
    let told = steps.iter().map(|step| (instant(step), step.get("event")));
    for (now, event) in told.chain([(end, None)]) {
        woken.wake_until(clock, now);
        while clock < now {
            clock += HOUR;
            awake.tick(clock);
            expected.extend(oracle.pass(clock - HOUR, clock));
            let looks = clock % (40 * HOUR) == 0;
            if let Some(wrong) = looks.then(|| compare(&awake.engine, &oracle, clock).err()).flatten() {
                return Err(wrong.how);
            }
        }
        if let Some(event) = event {
            if oracle.track(event, now) == Ok(true) {
                expected.extend(oracle.evaluate(now, "event"));
            }
            for device in [&mut awake, &mut woken, &mut asleep] {
                device.tell(event, now);
            }
        }
    }
    asleep.tick(end);
    if oracle.too_close.get() > 0 {
        return Ok(false);
    }
    expected.sort();
    let first = |name: &str, seen: &[Turn], expected: &[Turn]| {
        let index = seen.iter().zip(expected).take_while(|(seen, expected)| seen == expected).count();
        let (seen, expected) = (seen.get(index), expected.get(index));
        (seen != expected).then(|| format!("{name}: {seen:?}, expected {expected:?}"))
    };
    let lists = [&awake, &woken, &asleep].map(|device| turns(&device.changes, device.engine.pack()));
    let memberships = oracle.memberships();
    let differs = first("asked every hour", &lists[0], &expected)
        .or_else(|| first("asked when it said so", &lists[1], &expected))
        .or_else(|| first("asked in the end", &lists[2], &expected))
        .or_else(|| (awake.changes != woken.changes).then(|| "asked every hour and when it said so".into()))
        .or_else(|| (awake.changes != asleep.changes).then(|| "asked every hour and in the end".into()))
        .or_else(|| (awake.memberships() != memberships).then(|| format!("{memberships:?}")))
        .or_else(|| (asleep.memberships() != memberships).then(|| format!("{memberships:?}")));
    differs.map_or(Ok(true), Err)
}

#[test]
fn memberships_are_those_of_the_recomputation_however_often_the_engine_is_asked() {
    let pack = moments();
    let (mut told, mut decided) = (0, 0);
    for seed in seeds(500) {
        let coin = u8::try_from(seed % 256).unwrap();
        let mut steps = story(&pack, seed, STEPS / 40, HOURLY);
        // A long quiet time, after which everything may be forgotten, and a new beginning.
        let pause = Dice::new(seed).below(60) * DAY;
        let half = steps.len() / 2;
        for step in &mut steps[half..] {
            step["at"] = (instant(step) + pause).into();
        }
        match agrees(&pack, coin, &steps) {
            Ok(sure) => decided += u32::from(sure),
            Err(how) => {
                let alike = |other: String| other.split(' ').take(12).eq(how.split(' ').take(12));
                let steps = shrunk(steps, |steps| agrees(&pack, coin, steps).is_err_and(alike));
                let shown: Vec<String> = steps.iter().map(Value::to_string).collect();
                panic!(
                    "seed {seed}: {how}\nnow {:?}\nafter\n{}",
                    agrees(&pack, coin, &steps),
                    shown.join("\n")
                );
            }
        }
        told += 1;
    }
    // A target with a single short story may draw one in which rounding decides.
    let many = cfg!(not(target_arch = "wasm32"));
    assert!(!many || decided * 3 >= told * 2, "rounding decides in {} of {told} stories", told - decided);
}
