//! What the device pays: each step of one report's life on the retail pack, natively. `cargo xtask bench` prints the table.
//!
//! Every step is timed alone over a shopper's year; the figure is the median of many runs, which a busy machine moves least.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark reads the clock and prints"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use keepset_engine::{Choice, ConsentChange, Engine, Pack, RawEvent, Scalar};
use keepset_privacy::SystemCoins;
use keepset_wire::{OpeningKey, SealingKey, SealingKeys, Timestamp};

const PACK: &str = include_str!("../packs/retail/pack.json");
const DAY_MS: i64 = 86_400_000;
const RUNS: usize = 400;

fn main() {
    println!("| step | median |");
    println!("| --- | ---: |");
    row("read the pack", || (), |()| Pack::parse(PACK).unwrap());
    row("take in an event", year, |(engine, now)| engine.track(&purchase(9), *now).unwrap());
    row("let a day pass", year, |(engine, now)| engine.tick(now.saturating_add(DAY_MS)));
    row("explain a segment", year, |(engine, now)| engine.explain("regular", *now));
    row("save the state", year, |(engine, _)| engine.save().unwrap());
    row("restore the state", saved, |(pack, bytes, now)| Engine::restore(Rc::clone(pack), bytes, *now));
    row("draw, charge, seal and queue a report", due, |(engine, now)| {
        engine.prepare(*now, SystemCoins::open().unwrap()).unwrap();
    });
}

/// Times one step on a fresh input, again and again.
fn row<I, O>(name: &str, input: impl Fn() -> I, mut step: impl FnMut(&mut I) -> O) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let mut input = input();
            let start = Instant::now();
            black_box(step(black_box(&mut input)));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("| {name} | {:.1} µs |", times[RUNS / 2].as_secs_f64() * 1e6);
}

/// A device whose owner bought twice a week for a year, and the moment after.
fn year() -> (Engine, Timestamp) {
    let mut pack = Pack::parse(PACK).unwrap();
    // As `keepset compile --keys` puts it there.
    let public = OpeningKey::from_bytes(&[7; 32]).public();
    let key = SealingKey { id: 1, public, from: Timestamp::MIN, until: Timestamp::MAX };
    pack.keys = SealingKeys::new(vec![key]).unwrap();
    let pack = Rc::new(pack);
    let mut now = Timestamp::from_date("2024-01-01").unwrap();
    let mut engine = Engine::install(pack, now);
    // As a page gives it at the start; a window in which it is drawn is left out.
    engine.keep_secret([7; 32], now);
    engine.set_consent(&ConsentChange::all(Choice::Granted), now);
    for step in 0..104 {
        now = now.saturating_add(DAY_MS * 7 / 2);
        engine.track(&purchase(step), now).unwrap();
    }
    (engine, now)
}

fn saved() -> (Rc<Pack>, Vec<u8>, Timestamp) {
    let (mut engine, now) = year();
    (Rc::new(Pack::parse(PACK).unwrap()), engine.save().unwrap().bytes, now)
}

/// The same device at the moment its next report falls due.
fn due() -> (Engine, Timestamp) {
    loop {
        let (mut engine, now) = year();
        let opens = engine.next_report(now).unwrap();
        // The first question of a window draws the moment of its report; when that is at once, it is no longer to be timed.
        if engine.prepare(opens, SystemCoins::open().unwrap()).is_err() {
            let due = engine.next_report(opens).unwrap();
            engine.tick(due);
            return (engine, due);
        }
    }
}

fn purchase(step: i64) -> RawEvent {
    let value = Scalar::Number(f64::from(u8::try_from(20 + step % 60).unwrap()));
    let properties = BTreeMap::from([
        ("value".to_owned(), value),
        ("trip".to_owned(), Scalar::Text("stock_up".to_owned())),
        ("coupon".to_owned(), Scalar::Flag(step % 5 == 0)),
    ]);
    RawEvent { name: "purchase".to_owned(), at: None, properties, ..RawEvent::default() }
}
