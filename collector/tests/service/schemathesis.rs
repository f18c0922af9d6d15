//! What the routes are said to do in `/openapi.json`, and what they do: schemathesis asks them for what the description allows and what it does not.
//!
//! It checks that nothing is answered 5xx, that statuses, content types and shapes are those that are described, that what is not allowed is refused, and that no route
//! that needs a token is read without. Twenty seconds with chance that is the same every time; `KEEPSET_FUZZ_SECONDS` says otherwise.

use std::path::PathBuf;
use std::process::Command;

use crate::fleet::plan;
use crate::fuzz::seconds;
use crate::labels::TERMS;
use crate::process::{Folder, Server, run};
use crate::relay::{gateway, saved};
use crate::routes::{MOST_KB, peak};

/// The program that `cargo xtask setup` installs.
fn program() -> PathBuf {
    let named = std::env::var_os("KEEPSET_SCHEMATHESIS").map(PathBuf::from);
    let program = named
        .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/routes/bin/schemathesis").into());
    assert!(program.is_file(), "no {}: `cargo xtask setup` installs schemathesis there", program.display());
    program
}

#[test]
fn every_route_does_what_its_description_says_whatever_it_is_asked() {
    let folder = Folder::new();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (terms, labels, tokens, log) =
        (path("terms.json"), path("labels.sqlite"), path("tokens.json"), path("reads"));
    std::fs::write(&terms, TERMS).unwrap();
    let keys = saved(&folder, &gateway()).to_str().unwrap().to_owned();
    let (_, token) = run(&["tokens", "new", "--tokens", &tokens, "--role", "analyst", "--name", "alice"]);
    let more = ["--labels", &terms, "--label-store", &labels, "--tokens", &tokens, "--read-log", &log];
    let more = [&more[..], &["--gateway", &keys, "--rate-per-address", "0", "--rate-together", "0"]].concat();
    let server = Server::start(&folder, &plan(3, 1), &more);
    let engines = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines");
    let mut command = Command::new(program());
    command.args(["--config-file", &format!("{engines}/routes.toml"), "--no-color", "run"]);
    command.arg(format!("{}/openapi.json", server.url));
    command.arg("--header").arg(format!("Authorization: Bearer {}", token.trim()));
    command.args(["--generation-database", "none", "--continue-on-failure"]);
    command.args(["--max-time", &seconds().unwrap_or(20).to_string()]);
    if seconds().is_none() {
        command.args(["--seed", "2026"]);
    }
    command.env("SCHEMATHESIS_HOOKS", format!("{engines}/routes.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.current_dir(folder.join("")).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    let cases = said.lines().find(|line| line.contains(" generated, ")).unwrap_or_default();
    println!("{}, at most {} kB of memory", cases.trim(), peak(server.id()));
    // All of them but the description itself.
    let document = server.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap().values();
    let routes = paths.map(|methods| methods.as_object().unwrap().len()).sum::<usize>() - 1;
    assert!(said.contains(&format!("{routes} selected / {routes} total")), "{said}");
    assert!(peak(server.id()) < MOST_KB);
}
