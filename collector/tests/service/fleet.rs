//! Simulated devices: honest answers through the real mechanism, with seeded chance.

use keepset_collector::keys::Keyring;
use keepset_privacy::{Answering, SeededCoins, Truth};
use keepset_wire::{Epoch, Plan, Report, ReportId, Sealed, Sealer, Subset, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A plan with `segments` segments, of which a device is counted in at most `cap`, open for decades.
pub fn plan(segments: usize, cap: u8) -> Plan {
    let names: Vec<String> = (0..segments).map(|index| format!("segment_{index}")).collect();
    let document = serde_json::json!({
        "id": "sample", "owner": "Sample shop", "reason": "To learn how large each segment is.",
        "starts": "2017-01-01", "expires": "2060-01-01", "epsilon": 2,
        "questions": [{"id": "sizes", "reason": "Segment sizes.", "segments": names, "cap": cap}],
    });
    Plan::parse(&document.to_string()).unwrap()
}

/// The epoch that is open now by the system's clock.
pub fn current(plan: &Plan) -> Epoch {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap()).unwrap();
    plan.epoch_at(now).unwrap()
}

/// The keys of the collectors here: 1, which is about to go, and 2, which has come. Nobody's secret.
pub fn ring() -> Keyring {
    let date = |text| Timestamp::from_date(text).unwrap();
    let mut ring = Keyring::default();
    ring.add([1; 32], date("2017-01-01"), date("2060-01-01")).unwrap();
    ring.add([2; 32], date("2018-01-01"), date("2060-01-01")).unwrap();
    ring
}

/// Seals the bytes of a report as a device would whose pack names key `id`; what stands outside is what stands in it.
pub fn sealed_to(id: u8, report: &[u8], entropy: [u8; 32]) -> Vec<u8> {
    let public = ring().public();
    let key = public.list().iter().find(|key| key.id == id).unwrap();
    let plan = keepset_wire::PlanHash(report[1..17].try_into().unwrap());
    let epoch = Epoch(u32::from_be_bytes(report[19..23].try_into().unwrap()));
    Sealer::new(key, entropy).unwrap().seal(plan, epoch, report).unwrap()
}

/// The length of a sealed report.
pub fn length(plan: &Plan) -> usize {
    Sealed::length(plan)
}

/// A source of well-formed reports with random ids and answers of the honest size: noise without a signal.
pub struct Noise {
    random: StdRng,
    plan: Plan,
    size: u16,
}

impl Noise {
    pub fn new(plan: &Plan, seed: u64) -> Self {
        let size = Answering::for_question(plan.epsilon, &plan.questions[0]).unwrap().held();
        Self { random: StdRng::seed_from_u64(seed), plan: plan.clone(), size }
    }

    pub fn size(&self) -> i64 {
        i64::from(self.size)
    }

    pub fn report(&mut self, epoch: Epoch) -> Report {
        let cells = self.plan.questions[0].cells();
        let mut answer = Subset::empty(cells);
        while answer.len() < u32::from(self.size) {
            answer.insert(self.random.random_range(0..cells));
        }
        Report { plan: self.plan.hash(), question: 0, epoch, id: ReportId(self.random.random()), answer }
    }

    /// Seals a report to the key in use.
    pub fn seal(&mut self, report: &Report) -> Vec<u8> {
        self.seal_bytes(&report.encode(&self.plan).unwrap())
    }

    pub fn seal_bytes(&mut self, report: &[u8]) -> Vec<u8> {
        sealed_to(2, report, self.random.random())
    }

    pub fn bytes(&mut self, epoch: Epoch) -> Vec<u8> {
        let report = self.report(epoch);
        self.seal(&report)
    }

    pub fn body(&mut self, epoch: Epoch, reports: usize) -> Vec<u8> {
        (0..reports).flat_map(|_| self.bytes(epoch)).collect()
    }
}

/// Seals every report of a body.
pub fn sealed_body(plan: &Plan, body: &[u8]) -> Vec<u8> {
    let mut noise = Noise::new(plan, 5);
    body.chunks_exact(Report::length(plan)).flat_map(|report| noise.seal_bytes(report)).collect()
}

/// Reports, not sealed, of `people` honest devices in `epoch`; a device is in segment `j` with probability `shares[j]`, within the cap.
pub struct Honest {
    pub bodies: Vec<Vec<u8>>,
    /// Per segment, the true share of the devices.
    pub truth: Vec<f64>,
}

pub fn honest(plan: &Plan, shares: &[f64], people: u32, epoch: Epoch, seed: u64) -> Honest {
    let question = &plan.questions[0];
    let answering = Answering::for_question(plan.epsilon, question).unwrap();
    let cap = usize::from(question.ask.cap().unwrap());
    let randomiser = answering.randomiser(SeededCoins::new(seed)).unwrap();
    let mut random = StdRng::seed_from_u64(!seed);
    let mut members = vec![0_u32; shares.len()];
    let mut bodies = vec![Vec::new()];
    for person in 0..people {
        let member = |(cell, share): (u16, &f64)| random.random_bool(*share).then_some(cell);
        let mut own: Vec<u16> = (0..).zip(shares).filter_map(member).collect();
        // Cut as a device would be counted if it were in more: the truth asked about is within the cap.
        own.truncate(cap);
        own.iter().for_each(|cell| members[usize::from(*cell)] += 1);
        let answer = randomiser.draw(&Truth::Cells(own)).unwrap();
        let id = ReportId(random.random());
        let report = Report { plan: plan.hash(), question: 0, epoch, id, answer };
        if person % 4_096 == 0 && person > 0 {
            bodies.push(Vec::new());
        }
        bodies.last_mut().unwrap().extend(report.encode(plan).unwrap());
    }
    let truth = members.iter().map(|members| f64::from(*members) / f64::from(people)).collect();
    Honest { bodies, truth }
}
