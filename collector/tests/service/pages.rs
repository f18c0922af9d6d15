//! What is shown: the dashboard, the documents, the headers, the files of the demo.

use keepset_privacy::Answering;
use keepset_privacy::forecast::Forecast;

use crate::fleet::{Noise, current, honest, plan, sealed_body};
use crate::process::{Answer, Folder, Server, run};

/// A server with one window of honest answers.
fn filled(folder: &Folder, people: u32) -> Server {
    let plan = plan(6, 2);
    let server = Server::start(folder, &plan, &[]);
    let fleet = honest(&plan, &[0.5, 0.3, 0.2, 0.1, 0.02, 0.0], people, current(&plan), 11);
    fleet.bodies.iter().for_each(|body| assert_eq!(server.post(&sealed_body(&plan, body)).status, 200));
    server
}

#[test]
fn the_dashboard_shows_every_segment_and_each_number_of_the_json() {
    let folder = Folder::new();
    let server = filled(&folder, 20_000);
    let html = server.get("/").body;
    let json = server.get("/v1/estimates").json();
    let window = &json["windows"][0];
    let question = &window["questions"][0];
    assert!(html.contains("n = 20,000"));
    let (mut published, mut withheld) = (0, 0);
    for segment in question["segments"].as_array().unwrap() {
        let number = |key: &str| segment[key].as_f64().unwrap();
        let percent = |key: &str| format!("{:.1}%", number(key) * 100.0);
        let name = segment["id"].as_str().unwrap();
        let row = html.split(&format!("<code>{name}</code>")).nth(1).unwrap().split("</tr>").next().unwrap();
        assert!(
            row.contains(&format!("<td>{}</td><td>{}</td>", percent("low"), percent("high"))),
            "{name}: {row}"
        );
        if segment["published"] == true {
            published += 1;
            assert!(row.contains(&format!("<td>{}</td>", percent("estimate"))), "{name}: {row}");
        } else {
            withheld += 1;
            assert!(row.contains("not enough reports"), "{name}: {row}");
        }
    }
    // Half, a third, a fifth and a tenth are plain at 20,000 reports; nothing can be said of nobody.
    assert!(published >= 4 && withheld >= 1, "{published} {withheld}");
    // What the planner foretells for so many reports stands beside them.
    let plan = plan(6, 2);
    let task = Answering::for_question(plan.epsilon, &plan.questions[0]).unwrap();
    let least = Forecast::new(task.select().unwrap().channel(), 20_000).least_published().unwrap();
    assert!(
        html.contains(&format!("A size of {:.1}% is printed in one window of two; one of", least * 100.0))
    );
    assert!(html.contains("ε 2 per report, 2 per window, 24 per year"));
    assert!(!html.contains("<script") && !html.contains(" style="), "the policy allows neither");
    assert!(!html.contains("Simulation."));
}

#[test]
fn a_simulation_says_so_on_every_page() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let server = Server::start(&folder, &plan, &["--simulation"]);
    assert!(server.get("/").body.contains("Simulation."));
    assert_eq!(server.get("/v1/estimates").json()["simulation"], true);
    assert!(server.get("/").body.contains("No report has arrived yet"));
}

#[test]
fn a_window_is_chosen_by_its_link_and_trends_join_them() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let server = Server::start(&folder, &plan, &["--simulation"]);
    for (epoch, people) in [(0, 900), (4, 1_000), (9, 100)] {
        let fleet = honest(&plan, &[0.5, 0.3, 0.1], people, keepset_wire::Epoch(epoch), u64::from(epoch));
        fleet.bodies.iter().for_each(|body| assert_eq!(server.post(&sealed_body(&plan, body)).status, 200));
    }
    let html = server.get("/").body;
    assert!(
        html.contains(r#"<a href="/?window=1" aria-current="page">"#),
        "the last full window, not the last"
    );
    assert!(html.contains("29 Jan – 25 Feb 2017") && html.contains("<polygon"));
    // Beside the chart over time its numbers as a table: three segments, three windows, each with what the windows before add.
    let table = html.split("over time, as a table").nth(1).unwrap().split("</table>").next().unwrap();
    assert_eq!(table.matches("<tr><th scope=\"row\">").count(), 9, "{table}");
    let levels = server.get("/v1/estimates?window=1").json()["windows"][0]["questions"][0]["figures"].clone();
    for figure in levels.as_array().unwrap() {
        let level = &figure["context"]["level"];
        let (low, high) = (level["low"].as_f64().unwrap(), level["high"].as_f64().unwrap());
        let text = |digits: usize| format!("<td>{:.digits$}% – {:.digits$}%</td>", low * 100.0, high * 100.0);
        assert!(
            table.contains(&text(1)) || table.contains(&text(2)) || table.contains(&text(0)),
            "{level} {table}"
        );
    }
    let first = server.get("/?window=0").body;
    assert!(first.contains(r#"<a href="/?window=0" aria-current="page">"#) && first.contains("n = 900"));
    assert!(server.get("/?window=2").body.contains("fewer than 500 devices answered"));
    assert!(server.get("/?window=7").body.contains("No report of this window has arrived"));
    let one = server.get("/v1/estimates?window=2").json();
    assert_eq!(
        (one["windows"].as_array().unwrap().len(), &one["windows"][0]["questions"][0]["reports"]),
        (1, &100.into())
    );
}

#[test]
fn the_json_carries_the_price_and_the_mechanism_beside_every_estimate() {
    let folder = Folder::new();
    let server = filled(&folder, 600);
    let question = &server.get("/v1/estimates").json()["windows"][0]["questions"][0];
    assert_eq!(
        question["epsilon"],
        serde_json::json!({"per_report": 2.0, "per_window": 2.0, "per_year": 24.0})
    );
    assert_eq!(question["mechanism"]["name"], "set-select");
    assert_eq!(question["mechanism"]["cells"], 8);
    assert!(question["mechanism"]["p"].as_f64() > question["mechanism"]["q"].as_f64());
    assert_eq!(
        (&question["population"], &question["confidence"]),
        (&"the devices that reported".into(), &0.95.into())
    );
}

#[test]
fn the_csv_holds_the_numbers_of_the_json() {
    let folder = Folder::new();
    let server = filled(&folder, 3_000);
    let answer = server.get("/v1/estimates.csv");
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let all: Vec<&str> = answer.body.lines().collect();
    let (together, lines): (Vec<&str>, Vec<&str>) =
        all.iter().filter(|line| !line.contains(",shapes,")).partition(|line| line.contains(",memberships,"));
    let segments = server.get("/v1/estimates").json()["windows"][0]["questions"][0]["segments"].clone();
    let columns: Vec<&str> = lines[0].split(',').collect();
    assert_eq!(lines.len(), 1 + segments.as_array().unwrap().len());
    assert_eq!(together.len(), 1, "the small segments are together");
    for (line, segment) in lines[1..].iter().zip(segments.as_array().unwrap()) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), columns.len());
        let cell = |name: &str| cells[columns.iter().position(|column| *column == name).unwrap()];
        assert_eq!(cell("segment"), segment["id"].as_str().unwrap());
        for name in ["estimate", "low", "high", "standard_error"] {
            let (csv, json) = (cell(name).parse::<f64>().unwrap(), segment[name].as_f64().unwrap());
            // Equal but for the last bit, which the JSON reader rounds its own way.
            assert!((csv - json).abs() <= 1e-15, "{name}: {csv} {json}");
        }
    }
}

#[test]
fn the_plan_is_served_with_its_hash_and_reads_back_as_itself() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let server = Server::start(&folder, &plan, &[]);
    let mut document = server.get("/v1/plan").json();
    let hash = document.as_object_mut().unwrap().remove("hash").unwrap();
    assert_eq!(hash, plan.hash().to_string());
    assert_eq!(keepset_wire::Plan::parse(&document.to_string()).unwrap(), plan);
}

#[test]
fn every_answer_carries_the_headers_that_lock_its_page() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let server = Server::start(&folder, &plan, &[]);
    for path in [
        "/",
        "/privacy",
        "/operations",
        "/style.css",
        "/v1/plan",
        "/v1/estimates",
        "/healthz",
        "/nowhere",
        "/?window=x",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(answer.header("set-cookie").is_empty(), "{path}");
    }
}

#[test]
fn pages_of_other_origins_may_send_reports_and_read_the_plan_without_credentials() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let server = Server::start(&folder, &plan, &[]);
    let url = format!("{}/v1/reports", server.url);
    let preflight = server.agent().options(&url).header("origin", "https://shop.example");
    let preflight = preflight.header("access-control-request-method", "POST");
    let allowed =
        Answer::read(preflight.header("access-control-request-headers", "content-type").call().unwrap());
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), "*");
    assert!(allowed.header("access-control-allow-methods").contains("POST"));
    assert!(allowed.header("access-control-allow-headers").contains("content-type"));
    assert!(allowed.header("access-control-allow-credentials").is_empty());
    let refused = server.post(b"x");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (400, "*"));
    assert_eq!(server.get("/v1/plan").header("access-control-allow-origin"), "*");
    assert!(server.get("/v1/estimates").header("access-control-allow-origin").is_empty());
}

#[test]
fn where_origins_are_declared_browsers_let_the_pages_of_no_other_one_send() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let server = Server::start(
        &folder,
        &plan,
        &["--origin", "https://shop.example", "--origin", "http://localhost:8080"],
    );
    let allowed = |origin: &str| {
        let request = server.agent().get(format!("{}/v1/plan", server.url)).header("origin", origin);
        Answer::read(request.call().unwrap()).header("access-control-allow-origin").to_owned()
    };
    assert_eq!(allowed("https://shop.example"), "https://shop.example");
    assert_eq!(allowed("http://localhost:8080"), "http://localhost:8080");
    for other in ["https://shop.example.evil", "http://shop.example", "https://other.example", "null"] {
        assert_eq!(allowed(other), "", "{other}");
    }
    for wrong in [
        "shop.example",
        "https://shop.example/",
        "https://Shop.example",
        "https://shop.example:443",
        "ftp://a",
        "https://a@b",
        "*",
        "",
    ] {
        let (well, said) = run(&["--plan", "p.json", "--origin", wrong]);
        assert!(!well && said.contains("--origin: expected an origin"), "{wrong}: {said}");
    }
}

#[test]
fn the_page_about_privacy_says_what_is_asked_at_what_price_and_what_is_kept_how_long() {
    let folder = Folder::new();
    let plan = crate::drawn::kinds_plan();
    let (terms, labels, archive) =
        (folder.join("terms.json"), folder.join("labels.sqlite"), folder.join("archive"));
    std::fs::write(&terms, crate::labels::TERMS).unwrap();
    let [terms, labels, archive] = [&terms, &labels, &archive].map(|path| path.to_str().unwrap());
    let more = ["--labels", terms, "--label-store", labels, "--archive", archive];
    let days = [
        "--keep-counts-days",
        "400",
        "--keep-answers-days",
        "30",
        "--origin",
        "https://a.example",
        "--compare-origins",
    ];
    let server = Server::start(&folder, &plan, &[&more[..], &days].concat());
    let html = server.get("/privacy").body;
    for part in [
        "<dd>ε 4</dd>",
        "<dd>ε 48</dd>",
        "at most 12 windows in a year",
        "Near which of 200 places from 0 to 100 its spend is.",
        "Which of these it was in first, a, b, and whether it is in c now.",
        "400 days after their window closed",
        "30 days after their window closed",
        "To send you offers that fit.",
        "Sums of votes by the site that sent them",
        "not renewed for 9 days",
        "Whoever reaches this page reads everything",
        ">/v1/estimates.csv</span>",
    ] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    assert!(!html.contains("<script") && !html.contains(" style="), "the policy allows neither");
}

#[test]
fn the_page_for_operators_shows_what_arrived_what_was_refused_and_what_cannot_be_honest() {
    let folder = Folder::new();
    let server = filled(&folder, 3_000);
    server.post(b"x").problem(400, "wrong-length");
    let html = server.get("/operations").body;
    assert!(
        html.contains("<td>3,000</td>") && html.contains(r#"<a href="/problems/wrong-length">"#),
        "{html}"
    );
    assert!(html.contains("Nothing of the kind") && html.contains(">/v1/reports</span>"));
    assert!(!html.contains("<script") && !html.contains(" style="), "the policy allows neither");
    assert_eq!(server.metric("keepset_alarms{alarm=\"impossible-share\"}"), 0);
    // Forgers who never name one cell, which chance alone would name now and then.
    let (folder, plan) = (Folder::new(), plan(6, 2));
    let server = Server::start(&folder, &plan, &[]);
    let mut noise = Noise::new(&plan, 5);
    let forged =
        std::iter::repeat_with(|| noise.report(current(&plan))).filter(|report| !report.answer.contains(4));
    let bytes: Vec<u8> = forged.take(2_000).flat_map(|report| report.encode(&plan).unwrap()).collect();
    assert_eq!(server.post(&sealed_body(&plan, &bytes)).json()["accepted"], 2_000);
    let html = server.get("/operations").body;
    assert!(html.contains("Segment 4: ") && html.contains("standard errors below nobody"), "{html}");
    assert_eq!(server.metric("keepset_alarms{alarm=\"impossible-share\"}"), 1);
}

#[test]
fn the_files_of_the_demo_have_their_types_and_nothing_else_is_served() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let site = folder.join("site");
    std::fs::create_dir_all(site.join("pkg")).unwrap();
    for (name, content) in [
        ("index.html", "<!doctype html>"),
        ("pkg/core.wasm", "\0asm"),
        ("pkg/core.js", ""),
        ("a.mjs", ""),
        ("pack.json", "{}"),
    ] {
        std::fs::write(site.join(name), content).unwrap();
    }
    let server = Server::start(&folder, &plan, &["--static", site.to_str().unwrap()]);
    for (path, kind) in [
        ("/demo/", "text/html"),
        ("/demo/index.html", "text/html"),
        ("/demo", "text/html"),
        ("/demo/pkg/core.wasm", "application/wasm"),
        ("/demo/pkg/core.js", "text/javascript"),
        ("/demo/a.mjs", "application/javascript"),
        ("/demo/pack.json", "application/json"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval'") && !policy.contains("unsafe-inline"),
            "{path}"
        );
    }
    for path in [
        "/demo/none.js",
        "/demo/..%2fplan.json",
        "/demo/%2e%2e/plan.json",
        "/demo/pkg/..%2f..%2fplan.json",
        "/demo/%2fetc%2fpasswd",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.contains("epsilon") && !answer.body.contains("root:"), "{path}");
    }
}
