//! How much may be asked: by an address, by all together, through proxies that are believed and those that are not.

use crate::fleet::{Noise, current, plan};
use crate::kept::held;
use crate::process::{Answer, Folder, Server, command, write_plan};
use crate::relay;

/// Asks for the plan as a proxy forwards it.
fn ask(server: &Server, header: &str, value: &str) -> Answer {
    Answer::read(server.agent().get(format!("{}/v1/plan", server.url)).header(header, value).call().unwrap())
}

/// How many of `asked` requests are answered before the first that is too much; a minute may end between them once.
fn answered(server: &Server, value: impl Fn(usize) -> String, asked: usize) -> usize {
    (0..asked).filter(|index| ask(server, "x-forwarded-for", &value(*index)).status == 200).count()
}

#[test]
fn an_address_that_asks_too_often_is_told_when_to_come_again_and_others_are_answered() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let mut server =
        Server::start(&folder, &plan, &["--trusted-proxy", "127.0.0.1", "--rate-per-address", "20"]);
    let many = answered(&server, |_| "203.0.113.9".into(), 60);
    assert!((20..=40).contains(&many), "{many}");
    let refused =
        (0..41).map(|_| ask(&server, "x-forwarded-for", "203.0.113.9")).find(|answer| answer.status != 200);
    let refused = refused.expect("the twenty-first of a minute");
    refused.problem(429, "too-many-requests");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // A page of another origin can read both.
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    assert_eq!(refused.header("access-control-expose-headers"), "retry-after,www-authenticate");
    // What the client wrote before itself is not believed; its neighbours in the same /64 are itself, other networks are not.
    assert_eq!(ask(&server, "x-forwarded-for", "203.0.113.9, 203.0.113.10").status, 200);
    let neighbours = answered(&server, |index| format!("2001:db8::{index:x}"), 60);
    assert!((20..=40).contains(&neighbours), "{neighbours}");
    assert_eq!(answered(&server, |index| format!("2001:db8:1:{index:x}::1"), 60), 60);
    // The header that the proxy does not write is a client's.
    assert!((0..60).all(|_| ask(&server, "forwarded", "for=203.0.113.9").status == 200));
    let counted = server.counter("too-many-requests");
    assert!(counted >= 60, "{counted}");
    assert!(server.stop().success());
    let kept = std::fs::read(folder.join("store.sqlite")).unwrap();
    assert!(!kept.windows(11).any(|window| window == b"203.0.113.9") && !server.rest().contains("203.0.113"));
}

#[test]
fn this_machine_and_whoever_only_says_it_is_another_are_not_limited_by_what_they_say() {
    let folder = Folder::new();
    let server = Server::start(&folder, &plan(5, 2), &["--rate-per-address", "5"]);
    assert_eq!(answered(&server, |_| "203.0.113.9".into(), 30), 30);
}

#[test]
fn what_a_relay_forwards_is_limited_with_everything_else_but_not_by_its_address() {
    let folder = Folder::new();
    let gateway = relay::saved(&folder, &relay::gateway());
    let more =
        ["--gateway", gateway.to_str().unwrap(), "--trusted-proxy", "127.0.0.0/8", "--rate-per-address", "3"];
    let server = Server::start(&folder, &plan(5, 2), &more);
    for _ in 0..30 {
        relay::forward(&server, "message/ohttp-req", b"nothing").problem(400, "not-decapsulated");
    }
    assert!(answered(&server, |_| "192.0.2.60".into(), 10) < 10, "its address is limited elsewhere");
    drop(server);
    let more = ["--gateway", gateway.to_str().unwrap(), "--rate-together", "2"];
    let server = Server::start(&folder, &plan(5, 2), &more);
    let answers: Vec<Answer> =
        (0..60).map(|_| relay::forward(&server, "message/ohttp-req", b"nothing")).collect();
    let refused =
        answers.iter().find(|answer| answer.status == 429).expect("sixty in well under thirty seconds");
    refused.problem(429, "too-many-together");
    assert_eq!(refused.header("retry-after"), "1");
    assert!(
        (0..60).all(|_| server.get("/healthz").status == 200),
        "who balances the load is always answered"
    );
}

#[test]
fn a_report_that_was_refused_for_now_is_counted_when_it_comes_again() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &["--rate-together", "1"]);
    let mut noise = Noise::new(&plan, 1);
    let bodies: Vec<Vec<u8>> = (0..4).map(|_| noise.bytes(current(&plan))).collect();
    for body in &bodies {
        while server.post(body).status == 429 {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
    assert_eq!(held(&folder.join("store.sqlite")).reports, 4);
}

#[test]
fn a_wrong_limit_or_proxy_is_refused_by_its_flag() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let file = write_plan(&folder, &plan);
    for (more, word) in [
        (&["--trusted-proxy", "10.0.0.1/8"][..], "--trusted-proxy"),
        (&["--trusted-proxy", "proxy.example"], "--trusted-proxy"),
        (&["--rate-per-address", "many"], "--rate-per-address"),
        (&["--max-connections", "0"], "--max-connections"),
        (&["--proxy-header", "via", "--trusted-proxy", "10.0.0.1"], "--proxy-header"),
        (&["--proxy-header", "forwarded"], "--trusted-proxy"),
    ] {
        let output = command(&file, folder.join("store.sqlite"), more).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(word), "{said}");
    }
}
