//! Senders that keep a collector busy and remember what they were told, and the check of what became of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use keepset_wire::Plan;

use crate::fleet::{Noise, current, length, plan};
use crate::kept::Held;
use crate::process::Server;

const SENDERS: usize = 4;

/// Everything that was sent so far.
pub struct Load {
    plan: Plan,
    seed: u64,
    /// Every body whose fate is known, and its reports.
    sent: BTreeMap<Vec<u8>, u64>,
    /// How many bodies got no answer, or a refusal.
    pub cut_off: usize,
}

/// What one round of sending came to.
#[derive(Default)]
pub struct Told {
    acknowledged: Vec<Vec<u8>>,
    /// Whole in the store, or not at all.
    unanswered: Vec<Vec<u8>>,
}

/// The senders at work.
pub struct Under<'a> {
    answered: &'a AtomicUsize,
    refused: &'a AtomicUsize,
}

impl Under<'_> {
    /// Waits until so many more bodies were acknowledged.
    pub fn wait_for(&self, bodies: usize) {
        wait(self.answered, bodies);
    }

    /// Waits until so many more bodies were not.
    pub fn wait_for_refusals(&self, bodies: usize) {
        wait(self.refused, bodies);
    }
}

fn wait(count: &AtomicUsize, bodies: usize) {
    let enough = count.load(Ordering::Relaxed) + bodies;
    for _ in 0..6_000 {
        if count.load(Ordering::Relaxed) >= enough {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing is answered any more");
}

impl Load {
    /// Other reports in every run: the moments at which things break are others, too.
    pub fn new() -> Self {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        let seed = u64::try_from(since.as_nanos() % u128::from(u64::MAX)).unwrap();
        Self { plan: plan(5, 2), seed, sent: BTreeMap::new(), cut_off: 0 }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn bodies(&self) -> usize {
        self.sent.len()
    }

    /// Sends to the collectors, in turn, until `meanwhile` is over.
    pub fn send_while(&mut self, servers: &[&Server], meanwhile: impl FnOnce(&Under<'_>)) -> Told {
        let over = AtomicBool::new(false);
        let (answered, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let under = Under { answered: &answered, refused: &refused };
        let mut told = Told::default();
        std::thread::scope(|scope| {
            let sender = |number: usize| {
                self.seed += 1;
                let (plan, seed, over, under) = (&self.plan, self.seed, &over, &under);
                scope.spawn(move || send(servers, number, Noise::new(plan, seed), plan, over, under))
            };
            let senders: Vec<_> = (0..SENDERS).map(sender).collect();
            meanwhile(&under);
            over.store(true, Ordering::Relaxed);
            for sender in senders {
                let one = sender.join().unwrap();
                told.acknowledged.extend(one.acknowledged);
                told.unanswered.extend(one.unanswered);
            }
        });
        told
    }

    /// Sends everything again and checks: what was acknowledged is known, what was not is whole or absent.
    pub fn check(&mut self, server: &Server, told: Told) {
        self.cut_off += told.unanswered.len();
        let all = told.acknowledged.into_iter().map(|body| (body, true));
        for (body, acknowledged) in all.chain(told.unanswered.into_iter().map(|body| (body, false))) {
            let reports = (body.len() / length(&self.plan)) as u64;
            let answer = server.post(&body);
            assert_eq!(answer.status, 200, "{}", answer.body);
            let known = serde_json::json!({"accepted": 0, "known": reports});
            let new = serde_json::json!({"accepted": reports, "known": 0});
            let fate = answer.json();
            assert!(
                fate == known || (!acknowledged && fate == new),
                "acknowledged: {acknowledged}, now: {fate}"
            );
            self.sent.insert(body, reports);
        }
    }

    /// What a store is to hold now: every report once.
    pub fn held(&self) -> Held {
        let reports = i64::try_from(self.sent.values().sum::<u64>()).unwrap();
        Held { reports, ids: reports, votes: reports * Noise::new(&self.plan, 0).size() }
    }
}

fn send(
    servers: &[&Server],
    number: usize,
    mut noise: Noise,
    plan: &Plan,
    over: &AtomicBool,
    under: &Under<'_>,
) -> Told {
    let (mut told, epoch) = (Told::default(), current(plan));
    for turn in number.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        // Single reports and batches, so that what breaks falls into commits of every size.
        let body = noise.body(epoch, if turn % 3 == 0 { 40 } else { 1 });
        match servers[turn % servers.len()].try_post(&body) {
            Some(answer) if answer.status == 200 => {
                told.acknowledged.push(body);
                under.answered.fetch_add(1, Ordering::Relaxed);
            }
            _ => {
                told.unanswered.push(body);
                under.refused.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
    told
}
