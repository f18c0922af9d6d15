//! What is sent: a plan of 64 segments, and its reports, sealed before anything is timed.

use std::path::{Path, PathBuf};

use keepset_collector::admit::{Admitted, admit};
use keepset_collector::clock::Clock;
use keepset_collector::ingest::{Door, Form};
use keepset_collector::keys::Keyring;
use keepset_privacy::Answering;
use keepset_wire::{Epoch, Plan, Report, ReportId, Sealer, Subset, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// The plan, its one mechanism and the keys.
pub struct World {
    pub plan: Plan,
    pub tasks: Vec<Answering>,
    pub keys: Keyring,
}

impl World {
    /// 64 segments, three of them answered for.
    pub fn new() -> Self {
        let segments: Vec<String> = (0..64).map(|index| format!("segment_{index}")).collect();
        let document = serde_json::json!({
            "id": "load", "owner": "Load", "reason": "To measure.", "starts": "2017-01-01", "expires": "2030-01-01",
            "epsilon": 2, "questions": [{"id": "sizes", "reason": "Sizes.", "segments": segments, "cap": 3}],
        });
        let plan = Plan::parse(&document.to_string()).unwrap();
        let mut keys = Keyring::default();
        keys.add([1; 32], Timestamp::MIN, Timestamp::MAX).unwrap();
        Self { tasks: Answering::of_plan(&plan).unwrap(), plan, keys }
    }

    /// Writes the plan and the keys where the collector reads them.
    pub fn write(&self, folder: &Path) -> [PathBuf; 2] {
        let [plan, keys] = ["plan.json", "keys.json"].map(|name| folder.join(name));
        std::fs::write(&plan, self.plan.to_json().to_string()).unwrap();
        if !keys.exists() {
            self.keys.save(&keys).unwrap();
        }
        [plan, keys]
    }

    fn report(&self, random: &mut StdRng, held: u16) -> Report {
        let mut answer = Subset::empty(self.tasks[0].cells());
        while answer.len() < u32::from(held) {
            answer.insert(random.random_range(0..self.tasks[0].cells()));
        }
        Report { plan: self.plan.hash(), question: 0, epoch: Epoch(0), id: ReportId(random.random()), answer }
    }

    /// Seals reports on every core; those that are not honest are opened and then refused for their shape.
    pub fn sealed(&self, seed: u64, count: usize, honest: bool) -> Vec<Vec<u8>> {
        let held = self.tasks[0].held() + u16::from(!honest);
        let cores = std::thread::available_parallelism().unwrap().get();
        let one = |random: &mut StdRng| {
            let report = self.report(random, held).encode(&self.plan).unwrap();
            let sealer = Sealer::new(&self.keys.public().list()[0], random.random()).unwrap();
            sealer.seal(self.plan.hash(), Epoch(0), &report).unwrap()
        };
        let part = |core: usize| {
            let mut random = StdRng::seed_from_u64(seed << 8 | core as u64);
            (0..count.div_ceil(cores)).map(|_| one(&mut random)).collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let parts: Vec<_> = (0..cores).map(|core| scope.spawn(move || part(core))).collect();
            parts.into_iter().flat_map(|part| part.join().unwrap()).take(count).collect()
        })
    }

    /// Reports that may be counted.
    pub fn admitted(&self, random: &mut StdRng, count: usize) -> Vec<Admitted> {
        let open = Clock::Simulation.openings(&self.plan);
        let held = self.tasks[0].held();
        (0..count).map(|_| admit(&self.plan, &self.tasks, open, self.report(random, held)).unwrap()).collect()
    }

    /// Opens bodies, as many at a time as the server has, which is all that is done with them; returns reports a second.
    pub fn open(&self, bodies: &[Vec<u8>], at_a_time: usize) -> f64 {
        let door = Door {
            plan: &self.plan,
            hash: self.plan.hash(),
            tasks: &self.tasks,
            keys: &self.keys,
            open: Clock::Simulation.openings(&self.plan),
        };
        let begin = std::time::Instant::now();
        let opened: usize = std::thread::scope(|scope| {
            let open = |part: usize| {
                let own = bodies.iter().skip(part).step_by(at_a_time);
                own.map(|body| door.read(Form::Sealed, body).unwrap().len()).sum::<usize>()
            };
            let parts: Vec<_> = (0..at_a_time).map(|part| scope.spawn(move || open(part))).collect();
            parts.into_iter().map(|part| part.join().unwrap()).sum()
        });
        per_second(opened, begin)
    }
}

/// Returns how many a second, since `begin`.
pub fn per_second(count: usize, begin: std::time::Instant) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / begin.elapsed().as_secs_f64()
}
