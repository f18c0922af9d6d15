//! Measures the collector beside what bounds it: `cargo xtask bench collector`, or this example with a folder.
//!
//! The shipped binary serves, senders and server share the machine, stores lie in FOLDER (by default the system's temporary one), and
//! every report counted here was durable before its answer. Reports are sealed before the clock starts. What is divided by what was
//! measured in the same run, by turns.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, unreachable_pub)]

// The tests' PostgreSQL: there is one way to start it.
#[path = "../../tests/service/cluster.rs"]
#[allow(dead_code)]
mod cluster;
mod senders;
mod served;
mod stores;
mod world;

use std::path::Path;

use cluster::Cluster;
use senders::{Pace, Run, send};
use served::Served;
use world::World;

/// Single reports are sent over so many connections.
const SENDERS: usize = 64;
/// How often single reports are sent to either server.
const TURNS: usize = 3;
/// So many single reports are sent in a turn.
const SINGLES: usize = 8_192;
/// So many reports are sent in bodies, and how large these are.
const BATCHED: usize = 32_768;
/// How large these are, and over how many connections they come: a relay's.
const BATCH: usize = 512;
const BATCH_SENDERS: usize = 8;

fn main() {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let folder = folder.join(format!("keepset-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    measure(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
}

fn measure(folder: &Path) {
    let world = World::new();
    let cluster = Cluster::start(&[]);
    let postgres = || cluster.database();
    let mut files = 0;
    let mut sqlite = || {
        files += 1;
        format!("sqlite:{}", folder.join(format!("{files}.sqlite")).display())
    };
    let (honest, refused) = (world.sealed(1, SINGLES * TURNS, true), world.sealed(2, SINGLES, false));
    let mut rows = Table::new();

    let (mut unstored, mut in_file, mut in_database) = (Vec::new(), Vec::new(), Vec::new());
    let server = Served::start(&world, folder, &sqlite());
    let database = Served::start(&world, folder, &postgres());
    for turn in honest.chunks(SINGLES) {
        let run = |server: &Served, bodies: &[Vec<u8>], status| {
            send(server.address, bodies, SENDERS, Pace::AsFastAsAnswered, status)
        };
        unstored.push(run(&server, &refused, 422));
        in_file.push(run(&server, turn, 200));
        in_database.push(run(&database, turn, 200));
    }
    let [unstored, in_file, in_database] = [unstored, in_file, in_database].map(median);
    rows.rate("single reports, opened and answered without storing", &unstored, None);
    rows.rate("single reports, durable in SQLite", &in_file, Some((&unstored, 50)));
    rows.rate("single reports, durable in PostgreSQL", &in_database, Some((&unstored, 50)));
    drop((server, database));

    let half = world.sealed(3, SINGLES, true);
    for (name, store, full) in [("SQLite", sqlite(), &in_file), ("PostgreSQL", postgres(), &in_database)] {
        let server = Served::start(&world, folder, &store);
        let run = send(server.address, &half, SENDERS, Pace::PerSecond(full.per_second / 2.0), 200);
        rows.figure(
            &format!("single reports at half of that, {name}"),
            &format!("p50 {:.1} ms, p99 {:.1} ms", run.percentile(50), run.percentile(99)),
            "p99 under 50 ms",
        );
    }

    let singles = world.sealed(4, BATCHED, true);
    let bodies: Vec<Vec<u8>> = singles.chunks(BATCH).map(<[Vec<u8>]>::concat).collect();
    let (mut ceiling, mut sealed, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ceiling.push(world.open(&bodies, BATCH_SENDERS));
        let server = Served::start(&world, folder, &sqlite());
        let (first, second) = bodies.split_at(bodies.len() / 2);
        let half = |bodies: &[Vec<u8>]| {
            let run = send(server.address, bodies, BATCH_SENDERS, Pace::AsFastAsAnswered, 200);
            (run.per_second * BATCH as f64, server.megabytes())
        };
        let halves = [half(first), half(second)];
        sealed.push((halves[0].0 + halves[1].0) / 2.0);
        memory.push([halves[0].1, halves[1].1]);
    }
    let (ceiling, sealed) = (middle(ceiling), middle(sealed));
    rows.figure("HPKE opening alone, on every core", &format!("{ceiling:.0}/s"), "");
    rows.figure(
        &format!("sealed reports end to end, bodies of {BATCH}, SQLite"),
        &format!("{sealed:.0}/s, {:.0} % of opening alone", sealed / ceiling * 100.0),
        "70 % or more",
    );
    let [before, after] = memory[TURNS - 1];
    rows.figure(
        "memory of the collector after half of them, and after all",
        &format!("{before:.0} MB, {after:.0} MB"),
        "flat",
    );

    for (name, store) in [("SQLite", sqlite()), ("PostgreSQL", postgres())] {
        let fed = stores::feed(&world, &store);
        rows.figure(
            &format!("opened reports into {name}, in group commits"),
            &format!("{:.0}/s", fed.per_second),
            "60,000/s or more",
        );
        rows.figure(
            &format!("1,000,000 reports stored in {name}, 64 segments, to estimates"),
            &format!("{:.0} ms", fed.counting),
            "under 1,000 ms",
        );
    }
    print!("{}", rows.0);
}

/// The run of middle speed.
fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    runs.swap_remove(runs.len() / 2)
}

fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The lines that are printed.
struct Table(String);

impl Table {
    fn new() -> Self {
        Self("| what | measured | asked |\n| --- | --- | --- |\n".into())
    }

    fn figure(&mut self, what: &str, measured: &str, asked: &str) {
        self.0 += &format!("| {what} | {measured} | {asked} |\n");
    }

    fn rate(&mut self, what: &str, run: &Run, beside: Option<(&Run, u32)>) {
        let rate = format!("{:.0}/s, p99 {:.1} ms", run.per_second, run.percentile(99));
        match beside {
            None => self.figure(what, &rate, ""),
            Some((other, asked)) => {
                let share = run.per_second / other.per_second * 100.0;
                self.figure(what, &format!("{rate}, {share:.0} % of that"), &format!("{asked} % or more"));
            }
        }
    }
}
