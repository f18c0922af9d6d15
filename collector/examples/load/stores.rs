//! The store without a server: how fast it takes opened reports, and how fast what it holds becomes estimates.

use std::sync::Arc;
use std::time::Instant;

use keepset_collector::estimate::Estimator;
use keepset_collector::store::{Address, Purpose, Store};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::world::World;

/// The reports that are stored and then counted.
pub const REPORTS: usize = 1_000_000;
/// Reports of one request.
const BODY: usize = 4_096;

/// What was measured.
pub struct Fed {
    /// Reports taken in a second, each durable.
    pub per_second: f64,
    /// Milliseconds from the stored counts to every estimate of the window, by a process that has estimated nothing yet.
    pub counting: f64,
}

/// Feeds a store with a million reports, four requests at a time, then estimates.
pub fn feed(world: &World, address: &str) -> Fed {
    let purpose = Purpose { plan: world.plan.clone(), simulation: true, archived: false };
    let store = Arc::new(Store::open(&Address::parse(address).unwrap(), &purpose).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut random = StdRng::seed_from_u64(7);
    let (mut seconds, mut left) = (0.0, REPORTS);
    while left > 0 {
        // Made before the clock starts, a part at a time, so that a million of them need not lie in memory.
        let part: Vec<_> = (0..16)
            .map(|_| {
                let size = left.min(BODY);
                left -= size;
                world.admitted(&mut random, size)
            })
            .collect();
        let begin = Instant::now();
        runtime.block_on(async {
            let mut under_way = tokio::task::JoinSet::new();
            for body in part {
                let store = Arc::clone(&store);
                under_way.spawn(async move { store.add(body).await.unwrap() });
                if under_way.len() >= 4 {
                    under_way.join_next().await.unwrap().unwrap();
                }
            }
            under_way.join_all().await;
        });
        seconds += begin.elapsed().as_secs_f64();
    }
    let estimator = Estimator::new(&world.plan).unwrap();
    let begin = Instant::now();
    let contents = runtime.block_on(store.contents()).unwrap();
    let windows = estimator.windows(&world.plan, &contents);
    let counting = begin.elapsed().as_secs_f64() * 1e3;
    assert_eq!(windows.iter().map(|window| window.reports()).sum::<u64>(), REPORTS as u64);
    Fed { per_second: REPORTS as f64 / seconds, counting }
}
