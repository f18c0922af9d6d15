//! How many events a second the engine takes in: a real year of shopping, one engine a person, on one core, with every
//! instant at which time alone changes an answer in between. The log is read before the clock starts.
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

const ROUNDS: usize = 5;

fn main() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/retail");
    let log = std::env::var_os("KEEPSET_LOG")
        .map_or_else(|| packs.join("fixtures/complete_journey_sample.csv.gz"), PathBuf::from);
    let pack = Rc::new(Pack::parse(&std::fs::read_to_string(packs.join("pack.json")).unwrap()).unwrap());
    let mapping = Mapping::parse(&std::fs::read_to_string(packs.join("mapping.json")).unwrap()).unwrap();
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
    let mut best = f64::INFINITY;
    let mut changes = 0;
    for _ in 0..ROUNDS {
        let mut engines: Vec<Option<Engine>> = vec![None; people.len()];
        changes = 0;
        let start = Instant::now();
        for (person, at, event) in &events {
            let engine = engines[*person].get_or_insert_with(|| {
                let mut engine = Engine::install(Rc::clone(&pack), *at);
                engine.set_consent(&ConsentChange::all(Choice::Granted), *at);
                engine
            });
            changes += engine.track(event, *at).unwrap().len();
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("| replay | |");
    println!("| --- | ---: |");
    println!("| people | {} |", people.len());
    println!("| events | {} |", events.len());
    println!("| memberships begun and ended | {changes} |");
    println!("| events a second, best of {ROUNDS} | {:.0} |", events.len() as f64 / best);
}
