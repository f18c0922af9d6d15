//! Measures how many reports a second the collector acknowledges: `cargo run --release --example load [FOLDER]`.
//!
//! Server and senders share the machine, the store lies in FOLDER (by default the system's temporary one), and
//! every report counted here was durable before its answer. Reports are sealed before the clock starts. "Refused" is the
//! same server answering 422 without opening or storing: what is left is HTTP. The last lines open bodies and feed the store
//! directly, without HTTP and on one thread.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use keepset_collector::admit::{Admitted, admit};
use keepset_collector::clock::Clock;
use keepset_collector::ingest::{Door, Form};
use keepset_collector::keys::Keyring;
use keepset_collector::server::{Collector, serve};
use keepset_collector::store::{Address, Purpose, Store};
use keepset_privacy::Answering;
use keepset_wire::seal::SEALED_TYPE;
use keepset_wire::{Epoch, Plan, Report, ReportId, Sealed, Sealer, Subset, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// So many reports are sent in a run.
const REPORTS: usize = 65_536;

fn main() {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let folder = folder.join(format!("keepset-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    say(
        "| what | senders | reports per body | reports/s | p50 ms | p99 ms |\n| --- | --- | --- | --- | --- | --- |",
    );
    for (name, senders, size, spoiled) in [
        ("refused", 64, 1, true),
        ("durable", 1, 1, false),
        ("durable", 64, 1, false),
        ("durable", 256, 1, false),
        ("durable", 8, 100, false),
        ("durable", 4, 4_096, false),
    ] {
        let address = start(&runtime, &folder.join(format!("{name}-{senders}-{size}.sqlite")));
        let run = run(address, senders, size, spoiled);
        let [p50, p99] = run.latencies;
        say(&format!("| {name} | {senders} | {size} | {:.0} | {p50:.1} | {p99:.1} |", run.per_second));
    }
    say(&format!("| opening alone | - | 4096 | {:.0} | - | - |", open_alone()));
    let fed = feed(&runtime, &folder.join("fed.sqlite"));
    say(&format!("| store alone | - | 4096 | {fed:.0} | - | - |"));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Twelve segments, three of them answered for: the shape of the retail pack.
fn plan() -> Plan {
    let segments: Vec<String> = (0..12).map(|index| format!("segment_{index}")).collect();
    let document = serde_json::json!({
        "id": "load", "owner": "Load", "reason": "To measure.", "starts": "2017-01-01", "expires": "2030-01-01",
        "epsilon": 2, "questions": [{"id": "sizes", "reason": "Sizes.", "segments": segments, "cap": 3}],
    });
    Plan::parse(&document.to_string()).unwrap()
}

fn ring() -> Keyring {
    let mut ring = Keyring::default();
    ring.add([1; 32], Timestamp::MIN, Timestamp::MAX).unwrap();
    ring
}

fn open(path: &Path) -> Store {
    Store::open(&Address::Sqlite(path.into()), &Purpose { plan: plan(), simulation: true }).unwrap()
}

fn start(runtime: &tokio::runtime::Runtime, path: &Path) -> SocketAddr {
    let collector = Arc::new(Collector::new(plan(), ring(), open(path), Clock::Simulation).unwrap());
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, collector, None, std::future::pending()));
        address
    })
}

/// A report, sealed.
fn sealed(random: &mut StdRng, plan: &Plan, task: &Answering, epoch: Epoch) -> Vec<u8> {
    let report = report(random, plan, task, epoch).encode(plan).unwrap();
    let sealer = Sealer::new(&ring().public().list()[0], random.random()).unwrap();
    sealer.seal(plan.hash(), epoch, &report).unwrap()
}

fn report(random: &mut StdRng, plan: &Plan, task: &Answering, epoch: Epoch) -> Report {
    let mut answer = Subset::empty(task.cells());
    while answer.len() < u32::from(task.held()) {
        answer.insert(random.random_range(0..task.cells()));
    }
    Report { plan: plan.hash(), question: 0, epoch, id: ReportId(random.random()), answer }
}

struct Run {
    per_second: f64,
    latencies: [f64; 2],
}

fn run(address: SocketAddr, senders: u64, size: usize, spoiled: bool) -> Run {
    let bodies = REPORTS / usize::try_from(senders).unwrap() / size;
    let ready = Arc::new(Barrier::new(usize::try_from(senders).unwrap() + 1));
    let start = |seed| {
        let ready = Arc::clone(&ready);
        std::thread::spawn(move || send(address, seed, size, bodies, spoiled, &ready))
    };
    let threads: Vec<_> = (0..senders).map(start).collect();
    ready.wait();
    let begin = Instant::now();
    let mut latencies: Vec<Duration> =
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let seconds = begin.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let reports = u32::try_from(latencies.len() * size).unwrap();
    Run { per_second: f64::from(reports) / seconds, latencies: [at(50), at(99)] }
}

/// Sends over one kept connection, one request at a time, and returns how long each took.
fn send(
    address: SocketAddr,
    seed: u64,
    size: usize,
    bodies: usize,
    spoiled: bool,
    ready: &Barrier,
) -> Vec<Duration> {
    let (plan, mut random) = (plan(), StdRng::seed_from_u64(seed));
    let task = Answering::of_plan(&plan).unwrap().remove(0);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let length = Sealed::length(&plan) * size;
    let head = format!(
        "POST /v1/reports HTTP/1.1\r\nhost: x\r\ncontent-type: {SEALED_TYPE}\r\ncontent-length: {length}\r\n\r\n"
    );
    let expected: &[u8] = if spoiled { b"HTTP/1.1 422" } else { b"HTTP/1.1 200" };
    let (mut latencies, mut answer) = (Vec::new(), vec![0; 4_096]);
    let epoch = if spoiled { Epoch(u32::MAX) } else { Epoch(0) };
    let mut request = || {
        let body = (0..size).flat_map(|_| sealed(&mut random, &plan, &task, epoch));
        head.bytes().chain(body).collect::<Vec<u8>>()
    };
    let requests: Vec<Vec<u8>> = (0..bodies).map(|_| request()).collect();
    ready.wait();
    for request in requests {
        let asked = Instant::now();
        stream.write_all(&request).unwrap();
        let read = stream.read(&mut answer).unwrap();
        latencies.push(asked.elapsed());
        assert!(answer[..read].starts_with(expected), "{}", String::from_utf8_lossy(&answer[..read]));
    }
    latencies
}

/// Opens a body of 4,096 reports some times and returns reports a second.
fn open_alone() -> f64 {
    let (plan, mut random, keys) = (plan(), StdRng::seed_from_u64(0), ring());
    let tasks = Answering::of_plan(&plan).unwrap();
    let body: Vec<u8> = (0..4_096).flat_map(|_| sealed(&mut random, &plan, &tasks[0], Epoch(0))).collect();
    let door = Door {
        plan: &plan,
        hash: plan.hash(),
        tasks: &tasks,
        keys: &keys,
        open: Clock::Simulation.openings(&plan),
    };
    let begin = Instant::now();
    for _ in 0..8 {
        assert_eq!(door.read(Form::Sealed, &body).unwrap().len(), 4_096);
    }
    f64::from(8 * 4_096) / begin.elapsed().as_secs_f64()
}

/// Feeds the store with admitted reports, four bodies at a time, and returns reports a second.
fn feed(runtime: &tokio::runtime::Runtime, path: &Path) -> f64 {
    let (plan, mut random) = (plan(), StdRng::seed_from_u64(0));
    let tasks = Answering::of_plan(&plan).unwrap();
    let open_epochs = Clock::Simulation.openings(&plan);
    let mut body = || -> Vec<Admitted> {
        let one =
            |_| admit(&plan, &tasks, open_epochs, report(&mut random, &plan, &tasks[0], Epoch(0))).unwrap();
        (0..4_096).map(one).collect()
    };
    let bodies: Vec<Vec<Admitted>> = (0..200).map(|_| body()).collect();
    let reports = bodies.iter().map(|body| u32::try_from(body.len()).unwrap()).sum::<u32>();
    let store = Arc::new(open(path));
    let begin = Instant::now();
    runtime.block_on(async {
        let mut under_way = tokio::task::JoinSet::new();
        for body in bodies {
            let store = Arc::clone(&store);
            under_way.spawn(async move { store.add(body).await.unwrap() });
            if under_way.len() >= 4 {
                under_way.join_next().await.unwrap().unwrap();
            }
        }
        while let Some(done) = under_way.join_next().await {
            done.unwrap();
        }
    });
    f64::from(reports) / begin.elapsed().as_secs_f64()
}

fn say(line: &str) {
    println!("{line}");
}
