//! Whether reports are honest: their shapes, and what the reports of one origin do to an estimate.

use keepset_privacy::{Answering, SeededCoins, Truth};
use keepset_wire::{Epoch, Plan, Report, ReportId};
use serde_json::Value;

use crate::fleet::{current, honest, plan, sealed_body};
use crate::kept::{Kind, on_both_stores};
use crate::process::{Answer, Folder, Server, run};

on_both_stores!(
    one_answer_under_many_names_is_an_alarm_that_outlives_restart_and_backup,
    an_origin_that_moves_a_number_is_named_and_its_part_of_the_reports_is_a_row_of_sums,
);

/// One of 63 segments: an answer is a set of 8 cells.
fn wide() -> Plan {
    plan(63, 1)
}

const SHARES: [f64; 3] = [0.3, 0.2, 0.1];

fn shares(plan: &Plan) -> Vec<f64> {
    let small = std::iter::repeat(0.002);
    SHARES.into_iter().chain(small).take(plan.questions[0].ask.segments().len()).collect()
}

/// Reports under names of their own, not sealed, of devices that are all in one segment; or of one of them, again and again.
fn made_up(plan: &Plan, epoch: Epoch, segment: u16, reports: u32, same: bool, seed: u64) -> Vec<u8> {
    let task = Answering::for_question(plan.epsilon, &plan.questions[0]).unwrap();
    let randomiser = task.randomiser(SeededCoins::new(seed)).unwrap();
    let mut answer = randomiser.draw(&Truth::Cells(vec![segment])).unwrap();
    let one = |number: u32| {
        if !same {
            answer = randomiser.draw(&Truth::Cells(vec![segment])).unwrap();
        }
        let mut id = [0xa5; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        id[4..12].copy_from_slice(&seed.to_be_bytes());
        let report =
            Report { plan: plan.hash(), question: 0, epoch, id: ReportId(id), answer: answer.clone() };
        report.encode(plan).unwrap()
    };
    (0..reports).flat_map(one).collect()
}

fn question(server: &Server) -> Value {
    server.get("/v1/estimates").json()["windows"][0]["questions"][0].clone()
}

/// Sends sealed reports as a page of an origin does; an app names none.
fn send(server: &Server, plan: &Plan, body: &[u8], origin: Option<&str>) -> Value {
    let request = server.agent().post(format!("{}/v1/reports", server.url));
    let mut request = request.header("content-type", keepset_wire::seal::SEALED_TYPE);
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    Answer::read(request.send(&sealed_body(plan, body)[..]).unwrap()).json()
}

fn one_answer_under_many_names_is_an_alarm_that_outlives_restart_and_backup(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), wide());
    let now = current(&plan);
    let mut server = Server::start(&folder, &plan, &[]);
    let alarms = |server: &Server| server.metric("keepset_alarms{alarm=\"unlikely-shapes\"}");
    let fleet = honest(&plan, &shares(&plan), 6_000, now, 3);
    fleet
        .bodies
        .iter()
        .for_each(|body| assert!(send(&server, &plan, body, None)["accepted"].as_u64() > Some(0)));
    let shapes = question(&server)["shapes"].clone();
    assert_eq!((&shapes["reports"], &shapes["unlikely"]), (&6_000.into(), &false.into()), "{shapes}");
    assert_eq!(alarms(&server), 0);
    assert!(server.get("/operations").body.contains("as honest ones"));
    let fakes = made_up(&plan, now, 5, 200, true, 9);
    assert_eq!(send(&server, &plan, &fakes, None)["accepted"], 200);
    // What was counted before is in no check a second time.
    assert_eq!(send(&server, &plan, &fakes, None)["known"], 200);
    let shapes = question(&server)["shapes"].clone();
    assert_eq!((&shapes["reports"], &shapes["unlikely"]), (&6_200.into(), &true.into()), "{shapes}");
    assert_eq!(alarms(&server), 1);
    let html = server.get("/operations").body;
    assert!(html.contains("making reports up") && html.contains("<td>unlikely</td>"), "{html}");
    assert!(server.stop().success());
    let server = Server::start(&folder, &plan, &[]);
    assert_eq!((question(&server)["shapes"].clone(), alarms(&server)), (shapes.clone(), 1));
    let (backup, copy) = (folder.join("backup.sqlite").display().to_string(), Folder::with(kind));
    assert!(run(&["backup", "--store", folder.store(), &backup]).0);
    assert!(run(&["restore", "--store", copy.store(), &backup]).0);
    assert_eq!(question(&Server::start(&copy, &plan, &[]))["shapes"], shapes);
}

fn an_origin_that_moves_a_number_is_named_and_its_part_of_the_reports_is_a_row_of_sums(kind: Kind) {
    let (folder, plan) = (Folder::with(kind), wide());
    let now = current(&plan);
    let (shop, blog) = ("https://shop.example", "https://blog.example");
    let origins = ["--origin", shop, "--origin", blog];
    let mut server = Server::start(&folder, &plan, &[&origins[..], &["--compare-origins"]].concat());
    for (seed, origin, people) in
        [(1, Some(shop), 4_000), (2, None, 2_000), (3, Some("https://a.example"), 700)]
    {
        let fleet = honest(&plan, &shares(&plan), people, now, seed);
        fleet
            .bodies
            .iter()
            .for_each(|body| assert!(send(&server, &plan, body, origin)["accepted"].as_u64() > Some(0)));
    }
    // Everybody there says that he is in segment 1, and answers as the mechanism has it: the shapes say nothing.
    send(&server, &plan, &made_up(&plan, now, 1, 1_500, false, 4), Some(blog));
    let question = question(&server);
    assert_eq!(question["shapes"]["unlikely"], false, "{}", question["shapes"]);
    let without = question["without_origin"].as_array().unwrap().clone();
    let reports: Vec<_> =
        without.iter().map(|one| (one["origin"].as_str().unwrap(), &one["reports"])).collect();
    assert_eq!(
        reports,
        [(blog, &1_500.into()), (shop, &4_000.into()), ("none", &2_000.into()), ("other", &700.into())]
    );
    let moved = |one: &Value| -> Vec<String> {
        let figures = one["figures"].as_array().unwrap();
        let moved = figures.iter().filter(|figure| figure["moved"] == true);
        moved.map(|figure| figure["item"].as_str().unwrap().to_owned()).collect()
    };
    assert!(moved(&without[0]).contains(&"segment_1".to_owned()), "{}", without[0]);
    // Who is few and like the rest moves nothing. Who is many and like the rest does, for what is left is then more of what differs.
    assert!(moved(&without[3]).is_empty(), "{}", without[3]);
    // Without them it is what the other devices are, within five standard errors: a fifth, less those who are in segment 0 first.
    let figures = without[0]["figures"].as_array().unwrap();
    let figure = figures.iter().find(|figure| figure["item"] == "segment_1").unwrap();
    let off = (figure["estimate"].as_f64().unwrap() - 0.14).abs();
    let error = (figure["high"].as_f64().unwrap() - figure["low"].as_f64().unwrap()) / 2.0 / 1.96;
    assert!(off < 5.0 * error, "{figure}");
    the_csv_tells_the_same(&server.get("/v1/estimates.csv").body, &question);
    let html = server.get("/operations").body;
    assert!(
        html.contains("without those of https://blog.example") && html.contains("<td>other</td>"),
        "{html}"
    );
    assert!(server.metric("keepset_alarms{alarm=\"one-origin\"}") >= 1);
    assert!(server.stop().success());
    let table = if kind == Kind::Sqlite { "checks" } else { "keepset_checks" };
    let parts = folder.number(&format!("SELECT count(DISTINCT part) FROM {table}"));
    assert_eq!(parts, 5, "shapes, two origins, none and other: what a sender names is kept nowhere");
}

/// Every number without an origin and the shapes of a question are lines of the CSV, with what the JSON says of them.
fn the_csv_tells_the_same(csv: &str, question: &Value) {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let columns = lines.next().unwrap();
    let lines: Vec<Vec<&str>> = lines.collect();
    let cell =
        |line: &[&str], name: &str| line[columns.iter().position(|one| *one == name).unwrap()].to_owned();
    let without = question["without_origin"].as_array().unwrap();
    let told = without.iter().flat_map(|one| {
        let reports = question["reports"].as_u64().unwrap() - one["reports"].as_u64().unwrap();
        one["figures"].as_array().unwrap().iter().map(move |figure| {
            let word = |value: &Value| value.as_str().unwrap().to_owned();
            let measure = format!("{}_without", word(&figure["measure"]));
            let moved = figure["moved"].to_string();
            [word(&one["origin"]), word(&figure["item"]), measure, reports.to_string(), moved]
        })
    });
    let said = lines.iter().filter(|line| !cell(line, "without_origin").is_empty());
    let said: Vec<[String; 5]> = said
        .map(|line| ["without_origin", "segment", "measure", "reports", "moved"].map(|name| cell(line, name)))
        .collect();
    assert!(!said.is_empty());
    assert_eq!(said, told.collect::<Vec<_>>());
    let shapes: Vec<_> = lines.iter().filter(|line| cell(line, "measure") == "shapes").collect();
    assert_eq!(shapes.len(), 1);
    let expected = &question["shapes"];
    assert_eq!(cell(shapes[0], "reports"), expected["reports"].to_string());
    assert_eq!(cell(shapes[0], "unlikely"), expected["unlikely"].to_string());
    let p_value: f64 = cell(shapes[0], "p_value").parse().unwrap();
    assert!((p_value - expected["p_value"].as_f64().unwrap()).abs() < 1e-12);
}

#[test]
fn no_origin_is_counted_where_that_is_not_chosen() {
    let (folder, plan) = (Folder::new(), wide());
    let mut server = Server::start(&folder, &plan, &["--origin", "https://shop.example"]);
    let body = honest(&plan, &shares(&plan), 600, current(&plan), 1).bodies.concat();
    send(&server, &plan, &body, Some("https://shop.example"));
    assert!(question(&server).get("without_origin").is_none());
    assert!(server.stop().success());
    assert_eq!(folder.number("SELECT count(*) FROM checks WHERE part <> 'shapes'"), 0);
    let (done, said) = run(&["--plan", "p.json", "--compare-origins"]);
    assert!(!done && said.contains("--origin"), "{said}");
}

#[test]
fn a_database_of_format_2_gets_the_table_that_it_lacks() {
    let (folder, plan) = (Folder::with(Kind::Postgres), wide());
    assert!(Server::start(&folder, &plan, &[]).stop().success());
    let mut database = postgres::Client::connect(folder.store(), postgres::NoTls).unwrap();
    database.batch_execute("DROP TABLE keepset_checks; UPDATE keepset_purpose SET format = 2").unwrap();
    let mut server = Server::start(&folder, &plan, &[]);
    let body = honest(&plan, &shares(&plan), 600, current(&plan), 1).bodies.concat();
    assert_eq!(send(&server, &plan, &body, None)["accepted"], 600);
    assert!(server.stop().success());
    assert_eq!(folder.number("SELECT format FROM keepset_purpose"), 4);
    assert_eq!(folder.number("SELECT sum(votes)::BIGINT FROM keepset_checks WHERE counter = -1"), 600);
}
