//! A crowd: simulated devices that each send one report over real HTTP to a collector, and what it makes of them beside the truth.
//!
//! What a replay computes from a log is drawn here: who is in which segment. From there on it is the way of a device: the mechanism of
//! the collector's own plan, the bytes of a report, the seal, the post.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use keepset_privacy::{Answering, Coins as _, Truth};
use keepset_wire::{Ask, Epoch, Plan, PlanHash, Question, Report, ReportId, Sealer, SealingKey, Timestamp};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::collector::Collector;
use crate::fleet::{Answer, Drawn, Noise, mix};
use crate::tally::{SegmentResult, Tally, WindowResult};

/// Devices whose reports share a body; a collector opens one in a fraction of a second.
const BATCH: u64 = 1_024;
/// Bodies under way for each core: while one is opened there, the next is made here.
const PER_CORE: usize = 2;
/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// Who reports to whom.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// How many devices there are.
    pub devices: u64,
    /// The address of the collector, which names the plan.
    pub collector: String,
    /// Whether reports travel unsealed, as a simulation may take them.
    pub plain: bool,
    /// What draws the devices and their noise.
    pub noise: Noise,
    /// What shows the collector who reads the estimates.
    pub token: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How many devices reported.
    pub devices: u64,
    /// Whether their reports were sealed.
    pub sealed: bool,
    /// How long it took from the first draw to the last answer.
    pub took: Duration,
    /// The window they reported in.
    pub window: WindowResult,
}

impl Outcome {
    /// Returns how many of the intervals hold the truth, and how many there are.
    #[must_use]
    pub fn coverage(&self) -> (usize, usize) {
        let holds = |result: &&SegmentResult| result.low <= result.truth && result.truth <= result.high;
        let all = || {
            self.window
                .questions
                .iter()
                .flat_map(|question| question.segments.iter().chain(&question.figures))
        };
        (all().filter(holds).count(), all().count())
    }
}

impl Crowd {
    /// Lets every device report, and tells how many have.
    ///
    /// # Errors
    /// When the collector cannot be reached, refuses reports or does not let its estimates be read.
    pub fn run(&self, told: &mut impl FnMut(u64)) -> anyhow::Result<Outcome> {
        let mut collector = Collector::of_any_plan(&self.collector, self.token.as_deref())?;
        if self.plain {
            collector.take_plain();
        }
        let scene = Scene::new(self.noise, collector)?;
        let begun = Instant::now();
        scene.play(self.devices, told)?;
        let took = begun.elapsed();
        let tally = scene.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut windows = tally.results(scene.plan.epoch_start(scene.epoch));
        scene.collector.estimates(&mut windows)?;
        let window = windows.pop().context("no device reported")?;
        Ok(Outcome { devices: self.devices, sealed: scene.key.is_some(), took, window })
    }
}

/// What all devices share.
struct Scene {
    plan: Plan,
    hash: PlanHash,
    answerings: Vec<Answering>,
    epoch: Epoch,
    /// None where reports travel unsealed.
    key: Option<SealingKey>,
    noise: Noise,
    collector: Collector,
    tally: Mutex<Tally>,
}

/// How far they are.
#[derive(Default)]
struct Progress {
    begun: AtomicU64,
    done: AtomicU64,
    failed: AtomicBool,
}

impl Scene {
    fn new(noise: Noise, collector: Collector) -> anyhow::Result<Self> {
        let plan = collector.plan()?;
        let now = now();
        // A plan that is not in force today is a simulation's, which takes any of its epochs.
        let (epoch, then) = plan.epoch_at(now).map_or((Epoch(0), plan.starts), |epoch| (epoch, now));
        let key = |keys: &keepset_wire::SealingKeys| {
            keys.at(then).cloned().with_context(|| format!("no key of the collector is for {}", then.date()))
        };
        Ok(Self {
            hash: plan.hash(),
            answerings: Answering::of_plan(&plan)?,
            epoch,
            key: collector.keys().map(key).transpose()?,
            noise,
            tally: Mutex::new(Tally::new(plan.clone())?),
            plan,
            collector,
        })
    }

    fn play(&self, devices: u64, told: &mut impl FnMut(u64)) -> anyhow::Result<()> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let progress = Progress::default();
        std::thread::scope(|scope| {
            let work = || {
                let worked = self.work(devices, &progress);
                progress.failed.fetch_or(worked.is_err(), Relaxed);
                worked
            };
            let workers: Vec<_> = (0..cores * PER_CORE).map(|_| scope.spawn(work)).collect();
            while workers.iter().any(|worker| !worker.is_finished()) {
                told(progress.done.load(Relaxed));
                std::thread::sleep(TOLD_EVERY);
            }
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(worked) => worked,
                Err(_) => bail!("a thread of devices ended"),
            })
        })
    }

    /// Takes one batch of devices after the other until there are no more, or another thread could not go on.
    fn work(&self, devices: u64, progress: &Progress) -> anyhow::Result<()> {
        while !progress.failed.load(Relaxed) {
            let first = progress.begun.fetch_add(BATCH, Relaxed);
            let size = devices.saturating_sub(first).min(BATCH);
            if size == 0 {
                break;
            }
            self.batch(first, size)?;
            progress.done.fetch_add(size, Relaxed);
        }
        Ok(())
    }

    fn batch(&self, first: u64, size: u64) -> anyhow::Result<()> {
        let mut chance = Drawn::new(self.noise, first)?;
        let mut random = StdRng::from_seed(chance.secret()?);
        let randomisers = self.answerings.iter().zip(0_u64..).map(|(answering, index)| {
            Ok(answering.clone().randomiser(Drawn::new(self.noise, mix(first) ^ index)?)?)
        });
        let randomisers = randomisers.collect::<anyhow::Result<Vec<_>>>()?;
        let (mut bytes, mut answers) = (Vec::new(), Vec::new());
        for _ in 0..size {
            let question = self.plan.question_at(chance.below(self.plan.total_weight())?);
            let index = usize::from(question);
            let truth = truth(&self.plan.questions[index], &mut random);
            let answer = randomisers[index].draw(&truth)?;
            let mut id = [0; 16];
            chance.fill(&mut id)?;
            let report = Report { plan: self.hash, question, epoch: self.epoch, id: ReportId(id), answer };
            bytes.extend(self.sealed(report.encode(&self.plan)?, &mut chance)?);
            answers.push(Answer { window: self.plan.window_of(self.epoch), report, truth });
        }
        self.collector.send(&bytes)?;
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().for_each(|answer| tally.add(answer));
        Ok(())
    }

    fn sealed(&self, report: Vec<u8>, chance: &mut Drawn) -> anyhow::Result<Vec<u8>> {
        let Some(key) = &self.key else { return Ok(report) };
        let sealer = Sealer::new(key, chance.secret()?).context("the collector's key is none to seal to")?;
        sealer.seal(self.hash, self.epoch, &report).context("a report could not be sealed")
    }
}

/// Draws what a device would say without noise: it is in few large segments and many small ones, within the cap.
fn truth(question: &Question, random: &mut StdRng) -> Truth {
    let mut bell = |cells: u16| (0..4).map(|_| random.random_range(0..cells)).sum::<u16>() / 4;
    match &question.ask {
        Ask::Histogram { bins, .. } => Truth::Cells(vec![bell(bins + 1)]),
        Ask::Mean { .. } => Truth::Number((i64::from(bell(1_024)) - 400) << 10),
        Ask::Conversion { .. } | Ask::Calibration { .. } => {
            let groups = question.ask.groups();
            let group = random.random_range(0..=groups);
            let yes = random.random_range(0..groups + 2) < group;
            // The last cell is that of devices in no group.
            Truth::Cells(vec![if group == groups { 2 * groups } else { 2 * group + u16::from(yes) }])
        }
        ask => {
            let segments = (0_u16..).zip(ask.segments());
            let is_in =
                |(at, _): (u16, _)| random.random_bool(0.3 / (1.0 + f64::from(at) / 2.0)).then_some(at);
            let mut own: Vec<u16> = segments.filter_map(is_in).collect();
            let cap = ask.cap().map_or(own.len(), usize::from);
            if own.len() > cap {
                own.shuffle(random);
                own.truncate(cap);
                own.sort_unstable();
            }
            Truth::Cells(own)
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).ok().and_then(Timestamp::from_millis).unwrap_or(Timestamp::MAX)
}
