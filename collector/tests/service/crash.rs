//! Collectors and databases are killed at random moments under load: no acknowledged report is lost, none is counted twice.
//!
//! SIGKILL takes the process and leaves the kernel: this tests the order of commit and acknowledgement, not the
//! disk. That a commit reaches the disk is SQLite's promise at `synchronous=FULL`, and PostgreSQL's at `fsync=on`.

use std::time::Duration;

use rand::RngExt as _;

use crate::cluster::Cluster;
use crate::fleet::{Noise, current, plan};
use crate::kept::{Held, Kind, on_both_stores};
use crate::load::Load;
use crate::process::{Folder, Server, kill_9};

/// How often a collector is killed; `KEEPSET_ROUNDS=200` takes a few minutes.
fn rounds() -> u64 {
    std::env::var("KEEPSET_ROUNDS").map_or(20, |text| text.parse().unwrap())
}

on_both_stores!(kill_9_during_ingest_loses_no_acknowledged_report_and_counts_none_twice);

fn kill_9_during_ingest_loses_no_acknowledged_report_and_counts_none_twice(kind: Kind) {
    let (folder, mut load) = (Folder::with(kind), Load::new());
    for round in 0..rounds() {
        let mut server = Server::start(&folder, load.plan(), &[]);
        let told = load.send_while(&[&server], |_| {
            std::thread::sleep(Duration::from_millis(rand::rng().random_range(10..200)));
            kill_9(server.id());
        });
        server.kill();
        // The log is read back; what was not acknowledged may be there whole, or not at all.
        load.check(&Server::start(&folder, load.plan(), &[]), told);
        assert_eq!(folder.held(), load.held(), "round {round}");
    }
    let (bodies, cut_off) = (load.bodies(), load.cut_off);
    assert!(bodies > 100 && cut_off > 0, "the kills met no load: {bodies} bodies, {cut_off} cut off");
    println!(
        "{kind:?}: {} kills, {bodies} bodies, {cut_off} of them cut off, none lost, none twice",
        rounds()
    );
}

#[test]
fn of_two_collectors_on_one_database_one_is_killed_and_nothing_is_lost_or_twice() {
    let (folder, mut load) = (Folder::with(Kind::Postgres), Load::new());
    let steady = Server::start(&folder, load.plan(), &[]);
    for round in 0..5 {
        let mut other = Server::start(&folder, load.plan(), &[]);
        let told = load.send_while(&[&steady, &other], |under| {
            under.wait_for(rand::rng().random_range(10..60));
            kill_9(other.id());
            // The one that is left goes on.
            under.wait_for(10);
        });
        other.kill();
        load.check(&steady, told);
        assert_eq!(folder.held(), load.held(), "round {round}");
    }
    assert!(load.cut_off > 0, "the kills met no load");
}

#[test]
fn two_collectors_that_get_the_same_reports_count_each_once() {
    let (folder, plan) = (Folder::with(Kind::Postgres), plan(5, 2));
    let both = [(); 2].map(|()| Server::start(&folder, &plan, &[]));
    let mut noise = Noise::new(&plan, 11);
    let bodies: Vec<Vec<u8>> = (0..40).map(|_| noise.body(current(&plan), 50)).collect();
    let send = &|number: usize| -> u64 {
        // Half of them the other way round: two transactions must not wait for each other in a circle.
        let order: Vec<_> = if number < 2 { bodies.iter().collect() } else { bodies.iter().rev().collect() };
        let answers = order.into_iter().map(|body| both[number % 2].post(body).json());
        answers.map(|answer| answer["accepted"].as_u64().unwrap()).sum()
    };
    let accepted: u64 = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4).map(|number| scope.spawn(move || send(number))).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    assert_eq!(accepted, 2_000);
    assert_eq!(folder.held(), Held { reports: 2_000, ids: 2_000, votes: 2_000 * noise.size() });
}

#[test]
fn a_database_that_is_killed_and_comes_back_has_what_was_acknowledged() {
    let (cluster, mut load) = (Cluster::start(&[]), Load::new());
    let folder = Folder::with_store(cluster.database());
    let server = Server::start(&folder, load.plan(), &[]);
    for round in 0..5 {
        let told = load.send_while(&[&server], |under| {
            under.wait_for(rand::rng().random_range(10..60));
            cluster.kill();
            cluster.launch();
            // The collector finds the way back by itself.
            under.wait_for(10);
        });
        load.check(&server, told);
        assert_eq!(folder.held(), load.held(), "round {round}");
    }
    assert!(load.cut_off > 0, "the kills met no load");
}

#[test]
fn when_the_primary_is_killed_its_synchronous_standby_has_what_was_acknowledged() {
    let (primary, mut load) = (Cluster::start(&[]), Load::new());
    primary.run("CREATE DATABASE reports");
    let standby = primary.standby("second");
    primary.run("ALTER SYSTEM SET synchronous_standby_names = 'second'");
    primary.run("SELECT pg_reload_conf()");
    primary.wait_until("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
    let either = format!("{},{}", primary.host(), standby.host());
    let url = format!("postgres://postgres@{either}/reports?target_session_attrs=read-write");
    let folder = Folder::with_store(url);
    let server = Server::start(&folder, load.plan(), &[]);
    let told = load.send_while(&[&server], |under| {
        under.wait_for(60);
        primary.kill();
        standby.promote();
        under.wait_for(60);
    });
    load.check(&server, told);
    assert_eq!(folder.held(), load.held());
    assert!(load.cut_off > 0, "the kill met no load");
}
