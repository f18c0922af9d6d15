//! Who may read: tokens, roles, and the log of what was read.

use serde_json::Value;

use crate::fleet::{current, honest, plan, sealed_body};
use crate::process::{Answer, Folder, Server, command, run, write_keys, write_plan};

/// A file of tokens for everyone in `readers`, and their tokens.
fn tokens(folder: &Folder, readers: &[(&str, &str)]) -> (String, Vec<String>) {
    let file = folder.join("tokens.json").to_str().unwrap().to_owned();
    let make = |(name, role): &(&str, &str)| {
        let (made, said) = run(&["tokens", "new", "--tokens", &file, "--role", role, "--name", name]);
        assert!(made, "{said}");
        said.trim_end().to_owned()
    };
    let made = readers.iter().map(make).collect();
    (file, made)
}

fn guarded(folder: &Folder, file: &str) -> Server {
    let log = folder.join("reads.jsonl");
    Server::start(folder, &plan(3, 1), &["--tokens", file, "--read-log", log.to_str().unwrap()])
}

fn read_as(server: &Server, authorization: &str, path: &str) -> Answer {
    let request = server.agent().get(format!("{}{path}", server.url));
    Answer::read(request.header("authorization", authorization).call().unwrap())
}

fn bearer(server: &Server, token: &str, path: &str) -> Answer {
    read_as(server, &format!("Bearer {token}"), path)
}

fn lines(folder: &Folder) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("reads.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const READERS: [(&str, &str); 4] =
    [("vera", "viewer"), ("alice", "analyst"), ("petra", "privacy-officer"), ("otto", "operator")];

#[test]
fn each_role_reads_its_rows_of_the_table_and_nothing_else() {
    let folder = Folder::new();
    let (file, tokens) = tokens(&folder, &READERS);
    let server = guarded(&folder, &file);
    let rows = [
        ("/", [true, true, true, false]),
        ("/privacy", [true, true, true, true]),
        ("/operations", [false, false, true, true]),
        ("/v1/estimates", [false, true, true, false]),
        ("/v1/estimates.csv", [false, true, true, false]),
        ("/metrics", [false, false, false, true]),
    ];
    for (path, may) in rows {
        for (token, may) in tokens.iter().zip(may) {
            let answer = bearer(&server, token, path);
            if may {
                assert_eq!(answer.status, 200, "{path}");
            } else {
                answer.problem(403, "wrong-role");
            }
        }
    }
    let counts = bearer(&server, &tokens[3], "/metrics");
    assert_eq!(counts.metric("keepset_refused_requests_total{problem=\"wrong-role\"}"), 10);
}

#[test]
fn reading_without_a_known_token_is_refused_and_a_browser_is_asked_for_one() {
    let folder = Folder::new();
    let (file, tokens) = tokens(&folder, &READERS);
    let server = guarded(&folder, &file);
    for path in ["/", "/metrics", "/v1/estimates", "/v1/estimates.csv", "/v1/estimates?window=0"] {
        let answer = server.get(path);
        answer.problem(401, "token-needed");
        let ways: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        assert!(ways.len() == 2 && ways.iter().any(|way| way.to_str().unwrap().starts_with("Basic ")));
    }
    let short = &tokens[1][..tokens[1].len() - 1];
    for wrong in [short, "", "alice", &format!("{}0", tokens[1])] {
        bearer(&server, wrong, "/v1/estimates").problem(401, "token-needed");
    }
    assert!(std::fs::read_to_string(folder.join("reads.jsonl")).unwrap().is_empty());
}

#[test]
fn a_browser_sends_the_token_as_a_password() {
    let folder = Folder::new();
    let (file, tokens) = tokens(&folder, &READERS);
    let server = guarded(&folder, &file);
    let address = server.url.replace("http://", &format!("http://anyone:{}@", tokens[0]));
    // The agent turns name and password in an address into HTTP Basic, as browsers do.
    let answer = Answer::read(server.agent().get(format!("{address}/")).call().unwrap());
    assert!(answer.status == 200 && answer.body.contains("No report has arrived yet"), "{}", answer.body);
}

#[test]
fn what_devices_and_monitors_ask_needs_no_token_and_is_not_written_down() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let (file, _) = tokens(&folder, &READERS);
    let server = guarded(&folder, &file);
    let fleet = honest(&plan, &[0.5, 0.2, 0.1], 10, current(&plan), 1);
    fleet.bodies.iter().for_each(|body| assert_eq!(server.post(&sealed_body(&plan, body)).status, 200));
    for path in ["/v1/plan", "/v1/keys", "/healthz", "/readyz", "/style.css", "/problems/token-needed"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert!(lines(&folder).is_empty());
}

#[test]
fn who_read_what_is_written_down_and_no_token_with_it() {
    let folder = Folder::new();
    let (file, tokens) = tokens(&folder, &READERS);
    let mut server = guarded(&folder, &file);
    assert_eq!(bearer(&server, &tokens[0], "/").status, 200);
    assert_eq!(bearer(&server, &tokens[1], "/v1/estimates?window=0").status, 200);
    bearer(&server, &tokens[3], "/v1/estimates").problem(403, "wrong-role");
    assert_eq!(bearer(&server, &tokens[3], "/metrics").status, 200, "a monitor's counts are no reading");
    let of = |line: &Value| {
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        assert!(text("when").len() == 20 && text("when").ends_with('Z'));
        (text("who"), text("role"), text("route"), line["allowed"].as_bool().unwrap())
    };
    let row = |who: &str, role: &str, route: &str, allowed| (who.into(), role.into(), route.into(), allowed);
    let expected = [
        row("vera", "viewer", "/", true),
        row("alice", "analyst", "/v1/estimates", true),
        row("otto", "operator", "/v1/estimates", false),
    ];
    assert_eq!(lines(&folder).iter().map(of).collect::<Vec<_>>(), expected);
    assert!(server.stop().success());
    let kept = std::fs::read_to_string(folder.join("reads.jsonl")).unwrap() + &server.rest();
    let stored = std::fs::read_to_string(&file).unwrap();
    assert!(tokens.iter().all(|token| !kept.contains(token) && !stored.contains(&token[8..])));
}

#[test]
fn what_cannot_be_written_down_is_not_answered() {
    let folder = Folder::new();
    let (file, tokens) = tokens(&folder, &READERS);
    let server = guarded(&folder, &file);
    let log = folder.join("reads.jsonl");
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    bearer(&server, &tokens[1], "/v1/estimates").problem(503, "log-unavailable");
    std::fs::remove_dir(&log).unwrap();
    assert_eq!(bearer(&server, &tokens[1], "/v1/estimates").status, 200);
    assert_eq!(lines(&folder).len(), 1, "a log that was moved away begins anew");
}

#[test]
fn public_reading_is_chosen_and_never_fallen_into() {
    let folder = Folder::new();
    let right = write_plan(&folder, &plan(3, 1));
    let keys = write_keys(&right);
    let (file, _) = tokens(&folder, &READERS);
    let refused = |more: &[&str]| {
        let store = folder.join("store.sqlite");
        let mut all = vec!["--plan", right.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
        all.extend(["--store", store.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
        all.extend(more);
        let (started, said) = run(&all);
        assert!(!started && !store.exists(), "{said}");
        said
    };
    let neither = refused(&[]);
    assert!(neither.contains("--tokens: ") && neither.contains("--public-reading"), "{neither}");
    assert!(refused(&["--tokens", &file]).contains("--read-log"));
    assert!(refused(&["--tokens", &file, "--public-reading", "--read-log", "x"]).contains("cannot be used"));
    let nowhere = folder.join("none/reads.jsonl");
    assert!(
        refused(&["--tokens", &file, "--read-log", nowhere.to_str().unwrap()]).contains("--read-log: "),
        "a log that cannot be written"
    );
    let log = folder.join("reads.jsonl");
    let public = Server::start(&folder, &plan(3, 1), &["--read-log", log.to_str().unwrap()]);
    assert_eq!(public.get("/v1/estimates").status, 200);
    assert_eq!((lines(&folder).len(), &lines(&folder)[0]["who"]), (1, &Value::Null));
}

#[cfg(unix)]
#[test]
fn a_file_of_tokens_that_others_may_use_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let (file, _) = tokens(&folder, &READERS);
    let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o620)).unwrap();
    let log = folder.join("reads.jsonl").to_str().unwrap().to_owned();
    let right = write_plan(&folder, &plan(3, 1));
    let more = ["--tokens", &file, "--read-log", &log];
    let output = command(&right, folder.join("store.sqlite"), &more).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("--tokens: ") && said.contains("chmod 600"), "{said}");
    assert_eq!(mode(&log), 0o600);
}

#[test]
fn an_operator_makes_lists_and_revokes_tokens() {
    let folder = Folder::new();
    let (file, made) = tokens(&folder, &READERS);
    assert!(made.iter().all(|token| token.starts_with("keepset_") && token.len() == 72));
    let (_, table) = run(&["tokens", "list", "--tokens", &file]);
    assert!(table.contains("privacy-officer  petra") && !table.contains("keepset_"), "{table}");
    let (again, said) = run(&["tokens", "new", "--tokens", &file, "--role", "viewer", "--name", "vera"]);
    assert!(!again && said.contains("revoke"), "{said}");
    let (wrong, said) = run(&["tokens", "new", "--tokens", &file, "--role", "root", "--name", "ruth"]);
    assert!(!wrong && said.contains("privacy-officer"), "{said}");
    assert!(run(&["tokens", "revoke", "alice", "--tokens", &file]).0);
    let server = guarded(&folder, &file);
    bearer(&server, &made[1], "/").problem(401, "token-needed");
    assert_eq!(bearer(&server, &made[0], "/").status, 200);
}
