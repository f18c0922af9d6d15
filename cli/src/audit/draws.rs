//! Drawing from the module in as many lanes as there are cores, and counting what came.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context as _, anyhow};
use indicatif::ProgressBar;

use super::lane::{Batch, Lane, Pulled, Source};
use super::subject::Subject;

/// So many draws are made by one instance: few enough for every core to have work, enough for starting not to matter.
const BATCH: u64 = 25_000;

/// The lanes and where their randomness comes from.
#[derive(Debug)]
pub(super) struct Lanes<'a> {
    pub(super) package: &'a Path,
    /// A seed in the place of the system's randomness, so that an audit can be repeated.
    pub(super) seed: Option<u64>,
    pub(super) bar: ProgressBar,
}

/// Draws that are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    pub(super) subject: usize,
    pub(super) input: usize,
    /// What they are for; counted apart.
    pub(super) purpose: usize,
    pub(super) count: u64,
}

/// What came of draws.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// By output.
    pub(super) counts: Vec<u64>,
    /// By output and the output after it; no draw is in two pairs.
    pub(super) pairs: Vec<u64>,
    /// What was no output, in words, and how often.
    pub(super) strange: BTreeMap<String, u64>,
    pub(super) pulled: Pulled,
}

impl Lanes<'_> {
    /// Returns the module's source for a purpose.
    pub(super) fn source(&self, purpose: &str) -> Source {
        self.seed.map_or(Source::System, |seed| Source::Known(format!("{seed} {purpose}")))
    }

    /// Does every job in some lane and returns what came of each, in their order.
    pub(super) fn each<J: Send, T: Send>(
        &self,
        jobs: Vec<J>,
        work: impl Fn(&mut Lane, J) -> anyhow::Result<T> + Sync,
    ) -> anyhow::Result<Vec<T>> {
        let count = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
        let queue = Mutex::new(jobs.into_iter().enumerate());
        let next = || {
            queue.lock().map_err(|_| anyhow!("a lane of the audit broke down")).map(|mut jobs| jobs.next())
        };
        let lane = || -> anyhow::Result<Vec<(usize, T)>> {
            let mut lane = Lane::start(self.package)?;
            let mut done = Vec::new();
            while let Some((index, job)) = next()? {
                done.push((index, work(&mut lane, job)?));
            }
            Ok(done)
        };
        let mut done = thread::scope(|scope| -> anyhow::Result<Vec<(usize, T)>> {
            let lanes: Vec<_> = (0..count).map(|_| scope.spawn(lane)).collect();
            let mut done = Vec::new();
            for lane in lanes {
                done.extend(lane.join().map_err(|_| anyhow!("a lane of the audit broke down"))??);
            }
            Ok(done)
        })?;
        done.sort_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, result)| result).collect())
    }

    /// Makes draws and counts them, for each demand its own tally.
    pub(super) fn tally(&self, subjects: &[Subject], demands: &[Demand]) -> anyhow::Result<Vec<Tally>> {
        let source = self.source("tally");
        let jobs: Vec<(u64, usize, u32)> = (0..)
            .zip(
                demands
                    .iter()
                    .enumerate()
                    .flat_map(|(index, demand)| parts(demand.count).map(move |part| (index, part))),
            )
            .map(|(number, (index, part))| (number, index, part))
            .collect();
        let parts = self.each(jobs, |lane, (first, index, count)| {
            let demand = demands[index];
            let subject = &subjects[demand.subject];
            let due = &subject.dues[demand.input];
            let drawn = lane.draw(&Batch { due, count, source: source.clone(), first, fresh: false })?;
            self.bar.inc(count.into());
            let outputs: Vec<Result<usize, String>> =
                drawn.outcomes.iter().map(|outcome| subject.output(outcome)).collect();
            let mut tally = Tally::of(subject.law.outputs());
            tally.pulled = drawn.pulled;
            let output = |number: &u32| usize::try_from(*number).ok().and_then(|number| outputs.get(number));
            tally.add(&drawn.order.iter().filter_map(output).collect::<Vec<_>>());
            Ok((index, tally))
        })?;
        let mut tallies: Vec<Tally> =
            demands.iter().map(|demand| Tally::of(subjects[demand.subject].law.outputs())).collect();
        for (index, part) in parts {
            tallies[index].join(&part);
        }
        Ok(tallies)
    }
}

/// Cuts a number of draws into batches.
fn parts(count: u64) -> impl Iterator<Item = u32> {
    (0..count.div_ceil(BATCH)).map(move |batch| {
        // At most a batch.
        u32::try_from((count - batch * BATCH).min(BATCH)).unwrap_or(0)
    })
}

impl Tally {
    fn of(outputs: usize) -> Self {
        Self { counts: vec![0; outputs], pairs: vec![0; outputs * outputs], ..Self::default() }
    }

    fn add(&mut self, outputs: &[&Result<usize, String>]) {
        for output in outputs {
            match output {
                Ok(output) => self.counts[*output] += 1,
                Err(strange) => *self.strange.entry(strange.clone()).or_default() += 1,
            }
        }
        for pair in outputs.chunks_exact(2) {
            if let [Ok(one), Ok(next)] = pair {
                self.pairs[one * self.counts.len() + next] += 1;
            }
        }
    }

    /// Adds another tally of the same subject.
    pub(super) fn join(&mut self, other: &Self) {
        let add =
            |sum: &mut Vec<u64>, more: &[u64]| sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        add(&mut self.counts, &other.counts);
        add(&mut self.pairs, &other.pairs);
        for (strange, count) in &other.strange {
            *self.strange.entry(strange.clone()).or_default() += count;
        }
        let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        self.pulled = Pulled {
            instance: least(self.pulled.instance, other.pulled.instance),
            draw: least(self.pulled.draw, other.pulled.draw),
            most: self.pulled.most.max(other.pulled.most),
        };
    }

    /// How many draws were made.
    pub(super) fn draws(&self) -> u64 {
        self.counts.iter().chain(self.strange.values()).sum()
    }
}

/// Adds up the tallies of the demands that are meant.
pub(super) fn joined(
    demands: &[Demand],
    tallies: &[Tally],
    meant: impl Fn(&Demand) -> bool,
) -> anyhow::Result<Tally> {
    let mut chosen = demands.iter().zip(tallies).filter(|(demand, _)| meant(demand)).map(|(_, tally)| tally);
    let mut sum = chosen.next().context("nothing was drawn for this")?.clone();
    chosen.for_each(|tally| sum.join(tally));
    Ok(sum)
}
