//! The process is killed at random moments under load: no acknowledged report is lost, none is counted twice.
//!
//! SIGKILL takes the process and leaves the kernel: this tests the order of commit and acknowledgement, not the
//! disk. That a commit reaches the disk is SQLite's promise at `synchronous=FULL`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::fleet::{Noise, current, plan};
use crate::process::{Folder, Held, Server, held};

const ROUNDS: u64 = 10;
const SENDERS: u64 = 4;

/// Sends until the server is gone; returns the bodies that were acknowledged, and the one that was not.
fn send_until_gone(
    server: &Server,
    noise: &mut Noise,
    epoch: keepset_wire::Epoch,
    over: &AtomicBool,
) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Relaxed) {
        // Single reports and batches, so that kills fall into commits of every size.
        let body = noise.body(epoch, if acknowledged.len() % 3 == 0 { 40 } else { 1 });
        match server.try_post(&body) {
            Some(answer) if answer.status == 200 => acknowledged.push(body),
            _ => return (acknowledged, Some(body)),
        }
    }
    (acknowledged, None)
}

#[test]
fn kill_9_during_ingest_loses_no_acknowledged_report_and_counts_none_twice() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let (store, epoch) = (folder.join("store.sqlite"), current(&plan));
    let length = crate::fleet::length(&plan);
    // Other moments in every run.
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut random = StdRng::seed_from_u64(seed);
    let (mut sent, mut cut_off) = (BTreeMap::new(), 0);
    for round in 0..ROUNDS {
        let mut server = Server::start(&folder, &plan, &[]);
        let over = AtomicBool::new(false);
        let results: Vec<_> = std::thread::scope(|scope| {
            let (server, over) = (&server, &over);
            let sender = |seed| {
                move || send_until_gone(server, &mut Noise::new(&crate::fleet::plan(5, 2), seed), epoch, over)
            };
            let senders: Vec<_> =
                (0..SENDERS).map(|index| scope.spawn(sender(random.random::<u64>() ^ index))).collect();
            std::thread::sleep(Duration::from_millis(random.random_range(20..400)));
            crate::process::kill_9(server.id());
            over.store(true, Ordering::Relaxed);
            senders.into_iter().map(|sender| sender.join().unwrap()).collect()
        });
        server.kill();
        // The log is read back; what was not acknowledged may be there whole, or not at all.
        let server = Server::start(&folder, &plan, &[]);
        for (acknowledged, unacknowledged) in results {
            for body in acknowledged {
                let reports = (body.len() / length) as u64;
                let again = server.post(&body).json();
                assert_eq!(again, serde_json::json!({"accepted": 0, "known": reports}), "round {round}");
                sent.insert(body, reports);
            }
            if let Some(body) = unacknowledged {
                cut_off += 1;
                let reports = (body.len() / length) as u64;
                let again = server.post(&body).json();
                let whole = serde_json::json!({"accepted": 0, "known": reports});
                let none = serde_json::json!({"accepted": reports, "known": 0});
                assert!(again == whole || again == none, "round {round}: {again}");
                sent.insert(body, reports);
            }
        }
        let total = i64::try_from(sent.values().sum::<u64>()).unwrap();
        let votes = total * Noise::new(&plan, 0).size();
        assert_eq!(held(&store), Held { reports: total, ids: total, votes }, "round {round}");
    }
    assert!(
        sent.len() > 100 && cut_off > 0,
        "the kills met no load: {} bodies, {cut_off} cut off",
        sent.len()
    );
}
