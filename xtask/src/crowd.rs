//! `bench crowd`: a million simulated devices report over HTTP to a collector on this machine, sealed and not.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::server::Server;
use crate::{markers, paths, shell};

const PAGE: &str = "docs/benchmarks.md";
const HEAD: &str =
    "| 64 segments, reports | what came of it | intervals | asked |\n| --- | --- | --- | --- |\n";

/// Measures, prints the table, and writes it into docs/benchmarks.md when asked. `KEEPSET_DEVICES` names another number of devices.
pub(crate) fn run(write: bool) -> Result<()> {
    let devices = std::env::var("KEEPSET_DEVICES").unwrap_or_else(|_| "1000000".into());
    let build =
        ["--release", "--locked", "--package", "keepset-collector", "--package", "keepset-cli", "--bins"];
    shell::run(shell::cargo("build").args(build))?;
    let programs = shell::target_folder()?.join("release");
    let folder = paths::at("target/crowd");
    let mut table = HEAD.to_owned();
    for (name, more, asked) in
        [("sealed", &[][..], "under 6 minutes"), ("not sealed", &["--plain"][..], "under 2 minutes")]
    {
        shell::step(&format!("bench: {devices} devices report, {name}"));
        let lines = report(&programs, &folder, &devices, more)?;
        table += &format!("| {name} | {} | {} | {asked} |\n", lines[0], lines[1]);
    }
    print!("{table}");
    if write {
        markers::write(&paths::at(PAGE), "crowd", &table)?;
        println!("    wrote the table in {PAGE}");
    }
    Ok(())
}

/// Lets the devices report to a collector with a new store; returns the two sentences that sum it up.
fn report(programs: &Path, folder: &Path, devices: &str, more: &[&str]) -> Result<[String; 2]> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    let (plan, keys, store) =
        (folder.join("plan.json"), folder.join("keys.json"), folder.join("store.sqlite"));
    fs::write(&plan, self::plan().to_string())?;
    let collector = || shell::command(programs.join("keepset-collector"));
    shell::read(collector().args(["keys", "new", "--keys"]).arg(&keys))?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let (address, url) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
    let mut serve = collector();
    serve.args(["--simulation", "--listen", &address, "--plan"]).arg(plan).arg("--keys").arg(keys);
    let log = folder.join("collector.log");
    let _server = Server::start(serve.arg("--store").arg(store), &log, &format!("{url}/healthz"))?;
    let mut crowd = shell::command(programs.join("keepset"));
    crowd.args(["simulate", "--devices", devices, "--collector", &url]).args(more);
    let said = shell::read_with_progress(&mut crowd)?;
    let sentence = |what: &str| {
        let line = said.lines().find(|line| line.contains(what));
        line.map(|line| line.trim_end_matches('.').to_owned()).with_context(|| format!("nothing {what}"))
    };
    Ok([sentence("devices reported")?, sentence("intervals of 95 %")?])
}

/// A plan of 64 segments that is in force for decades.
fn plan() -> serde_json::Value {
    let segments: Vec<String> = (1..=64).map(|number| format!("segment_{number}")).collect();
    json!({
        "id": "crowd", "owner": "Bench", "reason": "To measure.", "starts": "2017-01-01", "expires": "2060-01-01", "epsilon": 2,
        "questions": [{"id": "sizes", "reason": "Sizes.", "segments": segments, "cap": 3}],
    })
}
