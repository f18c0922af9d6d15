//! Reports that are paid with tokens: each token once, in both kinds of store, whatever is sent again, killed, copied or closed.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use keepset_wire::Window;
use rand::RngExt as _;

use crate::fleet::{Noise, current, plan};
use crate::kept::{Kind, on_both_stores};
use crate::mint::{field, mint, pay, start, try_pay};
use crate::process::{Folder, kill_9, run};

on_both_stores!(
    a_report_counts_once_and_may_be_sent_again_with_its_token,
    a_token_that_came_with_another_report_is_refused_and_nothing_of_its_body_counts,
    of_one_body_two_reports_do_not_share_a_token,
    spent_tokens_are_forgotten_when_the_last_window_is_closed_in_which_they_could_come,
    spent_tokens_go_with_a_backup_and_with_a_move,
    a_collector_that_is_killed_has_spent_the_tokens_of_what_it_counted_and_no_others,
);

fn a_report_counts_once_and_may_be_sent_again_with_its_token(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut server = start(&folder, &plan, &[]);
    let (report, token) = (Noise::new(&plan, 1).bytes(current(&plan)), mint().token(1));
    let counts =
        |answer: crate::process::Answer| (answer.json()["accepted"].clone(), answer.json()["known"].clone());
    assert_eq!(counts(pay(&server, &report, &[&token])), (1.into(), 0.into()));
    assert_eq!(counts(pay(&server, &report, &[&token])), (0.into(), 1.into()));
    // A report that is there already may come with another token, too: a device may have lost the first.
    assert_eq!(counts(pay(&server, &report, &[&mint().token(2)])), (0.into(), 1.into()));
    assert!(server.stop().success());
    let server = start(&folder, &plan, &[]);
    assert_eq!(counts(pay(&server, &report, &[&token])), (0.into(), 1.into()), "also after a restart");
    assert_eq!((folder.held().reports, folder.spent()), (1, 2));
}

fn a_token_that_came_with_another_report_is_refused_and_nothing_of_its_body_counts(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let server = start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 2);
    let [first, second, third] = [(); 3].map(|()| noise.bytes(current(&plan)));
    let [spent, fresh] = [1, 2].map(|number| mint().token(number));
    assert_eq!(pay(&server, &first, &[&spent]).status, 200);
    pay(&server, &second, &[&spent]).problem(409, "report-token-spent");
    let both = pay(&server, &[third.clone(), second.clone()].concat(), &[&fresh, &spent]);
    assert_eq!(both.problem(409, "report-token-spent")["index"], 1);
    assert_eq!(server.counter("report-token-spent"), 2);
    assert_eq!((folder.held().reports, folder.held().ids, folder.spent()), (1, 1, 1));
    // The token that came beside it was not spent.
    assert_eq!(pay(&server, &second, &[&fresh]).json()["accepted"], 1);
}

fn of_one_body_two_reports_do_not_share_a_token(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let server = start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 3);
    let (two, token) = (noise.body(current(&plan), 2), mint().token(1));
    assert_eq!(pay(&server, &two, &[&token, &token]).problem(409, "report-token-spent")["index"], 1);
    assert_eq!((folder.held().reports, folder.spent()), (0, 0));
    let one = noise.bytes(current(&plan));
    let twice = pay(&server, &[one.clone(), one].concat(), &[&token, &token]);
    assert_eq!(
        (&twice.json()["accepted"], &twice.json()["known"]),
        (&1.into(), &1.into()),
        "one report, twice"
    );
    assert_eq!(pay(&server, &two, &[&mint().token(2), &mint().token(3)]).json()["accepted"], 2);
    assert_eq!((folder.held().reports, folder.spent()), (3, 3));
}

fn spent_tokens_are_forgotten_when_the_last_window_is_closed_in_which_they_could_come(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut server = start(&folder, &plan, &[]);
    let report = Noise::new(&plan, 4).bytes(current(&plan));
    assert_eq!(pay(&server, &report, &[&mint().token(1)]).status, 200);
    assert!(server.stop().success());
    // The key's tokens are taken until the end of 2058.
    let last = plan.epoch_at(keepset_wire::Timestamp::from_date("2058-12-31").unwrap()).unwrap();
    let [this, after] = [0, 1].map(|more| plan.first_epoch(Window(plan.window_of(last).0 + more)));
    for (closed, left) in [(this, 1), (after, 0)] {
        folder.set(&format!("closed_before = {}", closed.0));
        let (done, said) = run(&["compact", "--store", folder.store()]);
        assert!(done, "{said}");
        assert_eq!(folder.spent(), left);
    }
    assert_eq!(folder.held().ids, 0);
}

fn spent_tokens_go_with_a_backup_and_with_a_move(kind: Kind) {
    let other = if kind == Kind::Sqlite { Kind::Postgres } else { Kind::Sqlite };
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut server = start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 5);
    let [first, second] = [(); 2].map(|()| noise.bytes(current(&plan)));
    let token = mint().token(1);
    assert_eq!(pay(&server, &first, &[&token]).status, 200);
    let backup = folder.join("backup.sqlite").display().to_string();
    let (done, said) = run(&["backup", "--store", folder.store(), &backup]);
    assert!(done && said.contains("1 reports counted and 1 ids, and 1 spent tokens"), "{said}");
    assert!(server.stop().success());
    let (restored, moved) = (Folder::with(kind), Folder::with(other));
    for (done, said) in [
        run(&["restore", "--store", restored.store(), &backup]),
        run(&["move", "--store", folder.store(), "--to", moved.store()]),
    ] {
        assert!(done, "{said}");
    }
    for folder in [restored, moved] {
        let server = start(&folder, &plan, &[]);
        pay(&server, &second, &[&token]).problem(409, "report-token-spent");
        assert_eq!(pay(&server, &first, &[&token]).json()["known"], 1);
    }
}

fn a_collector_that_is_killed_has_spent_the_tokens_of_what_it_counted_and_no_others(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), plan(5, 2));
    let mut noise = Noise::new(&plan, 6);
    let (mut sent, mut told, mut unanswered) = (Vec::new(), 0, 0);
    for round in 0..8_u64 {
        let mut server = start(&folder, &plan, &[]);
        let pairs: Vec<_> = (0..60)
            .map(|number| (noise.bytes(current(&plan)), mint().token(1_000 * round + number)))
            .collect();
        let answered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for pairs in pairs.chunks(15) {
                let (server, answered) = (&server, &answered);
                scope.spawn(move || {
                    for (report, token) in pairs {
                        let answer = try_pay(server, report, &[field(token)]);
                        let told = answer.is_some_and(|answer| answer.status == 200);
                        answered.fetch_add(usize::from(told), Relaxed);
                    }
                });
            }
            let until = rand::rng().random_range(1..30);
            while answered.load(Relaxed) < until {
                std::thread::sleep(Duration::from_millis(1));
            }
            kill_9(server.id());
        });
        told += answered.load(Relaxed);
        unanswered += pairs.len() - answered.load(Relaxed);
        server.kill();
        sent.extend(pairs);
    }
    assert!(told > 0 && unanswered > 0, "the kills met no load: {told} answered, {unanswered} not");
    assert!(folder.held().reports >= i64::try_from(told).unwrap());
    assert_eq!(folder.held().reports, folder.spent(), "one token for each report that counts");
    // Whatever was not answered is sent again with its token, as a device does: every report counts, once.
    let server = start(&folder, &plan, &[]);
    for (report, token) in &sent {
        assert_eq!(pay(&server, report, &[token]).status, 200);
    }
    assert_eq!(folder.held().reports, i64::try_from(sent.len()).unwrap());
    assert_eq!(folder.held().reports, folder.spent());
    pay(&server, &noise.bytes(current(&plan)), &[&sent[0].1]).problem(409, "report-token-spent");
}

#[test]
fn two_collectors_on_one_database_that_get_a_token_with_two_reports_count_one_of_them() {
    let (folder, plan) = (Folder::with(Kind::Postgres), plan(5, 2));
    let both = [(); 2].map(|()| start(&folder, &plan, &[]));
    let mut noise = Noise::new(&plan, 7);
    let tokens: Vec<_> = (0..40).map(|number| mint().token(number)).collect();
    let bodies = [(); 2].map(|()| (0..40).map(|_| noise.bytes(current(&plan))).collect::<Vec<_>>());
    let counted: usize = std::thread::scope(|scope| {
        let senders: Vec<_> = both
            .iter()
            .zip(&bodies)
            .map(|(server, bodies)| {
                let send = |(body, token): (&Vec<u8>, &Vec<u8>)| pay(server, body, &[token]).status;
                let tokens = &tokens;
                scope.spawn(move || {
                    let statuses: Vec<u16> = bodies.iter().zip(tokens).map(send).collect();
                    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
                    statuses.iter().filter(|status| **status == 200).count()
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    assert_eq!((counted, folder.held().reports, folder.spent()), (40, 40, 40));
}
