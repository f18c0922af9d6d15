//! How many events a second the engine takes in with the retail pack: two real logs, one engine a person, on one core, with every
//! instant at which time alone changes an answer in between. A log is read before the clock starts.
//!
//! `KEEPSET_LOG=FILE.csv cargo bench -p keepset-cli --bench replay` takes a log of your own in the retail pack's mapping.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark reads the clock and prints"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use keepset_cli::log::{Log, Mapping};
use keepset_engine::{Choice, ConsentChange, Engine, Pack, RawEvent};
use keepset_wire::Timestamp;

/// The clock runs at least this long for each log, and takes the best pass.
const SECONDS: f64 = 2.0;

fn main() {
    let pack_file = packs().join("retail/pack.json");
    let pack = Rc::new(Pack::parse(&std::fs::read_to_string(pack_file).unwrap()).unwrap());
    println!("| log | people | events | memberships begun and ended | events a second |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    if let Some(log) = std::env::var_os("KEEPSET_LOG") {
        return replay("of your own", &pack, PathBuf::from(log), "retail/mapping.json");
    }
    let fixture = |name: &str| packs().join(name);
    let orders = fixture("retail/fixtures/complete_journey_sample.csv.gz");
    replay("orders and mailings of a year, days apart", &pack, orders, "retail/mapping.json");
    let clicks = fixture("clickstream/fixtures/otto_20_sessions.csv.gz");
    replay("clicks, carts and orders of a web shop", &pack, clicks, "clickstream/mapping_otto.json");
}

fn packs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs")
}

fn replay(title: &str, pack: &Rc<Pack>, log: PathBuf, mapping: &str) {
    let mapping = Mapping::parse(&std::fs::read_to_string(packs().join(mapping)).unwrap()).unwrap();
    let mut people: HashMap<String, usize> = HashMap::new();
    let events: Vec<(usize, Timestamp, RawEvent)> = Log::open(&[log], Some(mapping))
        .unwrap()
        .map(|line| {
            let line = line.unwrap();
            let next = people.len();
            let person = *people.entry(line.person).or_insert(next);
            (person, Timestamp::from_millis(line.event.at.unwrap()).unwrap(), line.event)
        })
        .collect();
    let (mut best, mut took, mut changes) = (f64::INFINITY, 0.0, 0);
    while took < SECONDS {
        let mut engines: Vec<Option<Engine>> = vec![None; people.len()];
        changes = 0;
        let start = Instant::now();
        for (person, at, event) in &events {
            let engine = engines[*person].get_or_insert_with(|| {
                let mut engine = Engine::install(Rc::clone(pack), *at);
                engine.set_consent(&ConsentChange::all(Choice::Granted), *at);
                engine
            });
            changes += engine.track(event, *at).unwrap().len();
        }
        let pass = start.elapsed().as_secs_f64();
        took += pass;
        best = best.min(pass);
    }
    let (people, events) = (people.len(), events.len());
    println!("| {title} | {people} | {events} | {changes} | {:.0} |", events as f64 / best);
}
