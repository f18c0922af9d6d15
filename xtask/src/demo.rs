//! `demo`: a real behaviour log goes in, private estimates come out, and a page shows what leaves a device.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::Receiver;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::server::{self, Server};
use crate::{paths, pkg, setup, shell};

const PACK: &str = "packs/retail/pack.json";
/// What the demo's page tells beside what the retail log holds: searches, messages, letters and receipts.
const ADDITIONS: &str = "www-demo/additions.json";
/// What the code on the receipt says behind the address of the page, as the link beside it does.
const RECEIPT: &str = "#receipt=S-20417&value=23.6";
/// What visitors of the demo's page may agree to share.
const LABELS: &str = "www-demo/labels.json";
const MAPPING: &str = "packs/retail/mapping.json";
const SAMPLE: &str = "packs/retail/fixtures/complete_journey_sample.csv.gz";
const MAKE_FULL_LOG: &str = "packs/retail/fixtures/make_sample.py";
const FULL_LOG: &str = "target/data/complete_journey.csv.gz";

/// How to show the demo.
#[derive(Args)]
pub(crate) struct Options {
    /// Drive the page once in headless Chromium, write target/demo/summary.json, and end.
    #[arg(long)]
    headless: bool,
    /// With `--headless`, also write the pictures of the docs into docs/.
    #[arg(long, requires = "headless")]
    write: bool,
    /// The port of the collector, the dashboard and the page.
    #[arg(long, default_value_t = 8787)]
    port: u16,
}

/// Shows the demo until Ctrl-C, or once when headless.
///
/// # Errors
/// When any part of the story does not happen.
pub(crate) fn run(options: &Options) -> Result<()> {
    shell::step("demo: builds everything, replays a real log into a local collector, serves the shop page");
    let stop = server::requests_to_stop()?;
    match story(options, &stop) {
        // Ctrl-C ends whatever is running at the moment, which then looks like its failure.
        Err(_) if stop.try_recv().is_ok() => bail!("stopped before the demo was ready"),
        outcome => outcome,
    }
}

fn story(options: &Options, stop: &Receiver<()>) -> Result<()> {
    ensure_port_is_free(options.port)?;
    setup::run()?;
    let package = pkg::run()?;
    let programs = build_programs()?;
    let out = paths::at("target/demo");
    shell::empty_folder(&out)?;
    let keys = make_keys(&programs, &out)?;
    let pack = make_pack(&out)?;
    let url = format!("http://127.0.0.1:{}", options.port);
    stage_site(&package, &out.join("site"), &pack, &keys)?;
    draw_receipt(&url, &out.join("site"))?;
    let mut collector = start_collector(&programs, &out, options.port, &url)?;
    replay(&programs, &out, &url)?;
    println!();
    println!("    the shop page   {url}/demo/");
    println!("    the dashboard   {url}/");
    if options.headless {
        return drive(&out, &url, options.write);
    }
    println!("    Ctrl-C stops everything");
    collector.serve_until(stop)?;
    println!("stopped");
    Ok(())
}

fn ensure_port_is_free(port: u16) -> Result<()> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    free.map(drop).with_context(|| {
        format!(
            "port {port} of this machine is taken: stop what listens there, or choose another with --port"
        )
    })
}

/// Builds the collector and the native tool, and returns their folder.
fn build_programs() -> Result<PathBuf> {
    shell::step("building the collector and the native tool");
    let mut cargo = shell::cargo("build");
    shell::run(cargo.args([
        "--release",
        "--locked",
        "--package",
        "keepset-collector",
        "--package",
        "keepset-cli",
    ]))?;
    Ok(shell::target_folder()?.join("release"))
}

/// Makes the collector a key for all the years of log and page, and returns the file of its public half.
fn make_keys(programs: &Path, out: &Path) -> Result<PathBuf> {
    let public = out.join("public-keys.json");
    let mut make = shell::command(programs.join("keepset-collector"));
    make.args(["keys", "new", "--from", "2010-01-01", "--until", "2100-01-01", "--keys"])
        .arg(out.join("keys.json"));
    shell::run(make.stdout(File::create(&public)?))?;
    Ok(public)
}

/// Writes the retail pack with the labels and the additions of the demo in it, and returns its file.
///
/// Its plan stays that of the retail pack: the log's households and the page answer the same question.
fn make_pack(out: &Path) -> Result<PathBuf> {
    let mut pack = read_json(&paths::at(PACK))?;
    pack["labels"] = read_json(&paths::at(LABELS))?;
    add(&mut pack, read_json(&paths::at(ADDITIONS))?)?;
    let file = out.join("pack.json");
    std::fs::write(&file, format!("{pack:#}\n")).with_context(|| paths::shown(&file))?;
    Ok(file)
}

/// Adds to the objects and lists of a pack what is in those of the same name.
fn add(pack: &mut Value, additions: Value) -> Result<()> {
    let Value::Object(additions) = additions else { bail!("{ADDITIONS} is no object") };
    for (key, more) in additions {
        match (&mut pack[&key], more) {
            (Value::Object(there), Value::Object(more)) => there.extend(more),
            (Value::Array(there), Value::Array(more)) => there.extend(more),
            _ => bail!("{ADDITIONS}: a pack has no `{key}` to add to"),
        }
    }
    Ok(())
}

/// Draws the code on the receipt: the address of the page with a purchase behind the `#`.
fn draw_receipt(url: &str, site: &Path) -> Result<()> {
    let code = qrcode::QrCode::new(format!("{url}/demo/{RECEIPT}")).context("the receipt's code")?;
    let svg = code.render::<qrcode::render::svg::Color>().min_dimensions(240, 240).build();
    let file = site.join("receipt.svg");
    std::fs::write(&file, svg).with_context(|| paths::shown(&file))
}

/// Lays out what the collector serves under `/demo/`: the page, the built package, the pack as it is and, with the collector's
/// keys, compiled.
fn stage_site(package: &Path, site: &Path, pack: &Path, keys: &Path) -> Result<()> {
    copy_folder(&paths::at("www-demo"), site)?;
    copy_folder(&package.join("dist"), &site.join("pkg"))?;
    std::fs::copy(pack, site.join("pack.json")).with_context(|| paths::shown(pack))?;
    // With the program that ships, as a site does it.
    let mut compile = shell::command("node");
    compile
        .arg(package.join("dist/cli.js"))
        .arg("compile")
        .arg(pack)
        .arg("--keys")
        .arg(keys)
        .arg("-o")
        .arg(site.join("pack.keepset"));
    shell::run(&mut compile)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("{} is missing", paths::shown(from)))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn start_collector(programs: &Path, out: &Path, port: u16, url: &str) -> Result<Server> {
    shell::step("starting the collector with a fresh store");
    let plan = out.join("plan.json");
    let mut make_plan = shell::command(programs.join("keepset"));
    make_plan.args(["plan", "--pack", PACK]).stdout(File::create(&plan)?);
    shell::run(&mut make_plan)?;
    let mut command = shell::command(programs.join("keepset-collector"));
    command
        .arg("--plan")
        .arg(&plan)
        .arg("--keys")
        .arg(out.join("keys.json"))
        .arg("--store")
        .arg(out.join("collector.sqlite"));
    command.args(["--labels", LABELS, "--label-store"]).arg(out.join("labels.sqlite"));
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--simulation"]);
    command.arg("--static").arg(out.join("site"));
    Server::start(&mut command, &out.join("collector.log"), &format!("{url}/healthz"))
}

/// Replays the log as one engine per household, each sending its own noisy reports.
fn replay(programs: &Path, out: &Path, url: &str) -> Result<()> {
    let log = log()?;
    shell::step(&format!("replaying {} as one engine per household", paths::shown(&log)));
    let mut command = shell::command(programs.join("keepset"));
    command.args(["replay", "--pack", PACK, "--mapping", MAPPING, "--collector", url]);
    command.arg("--events").arg(log).arg("--json").arg(out.join("replay.json"));
    shell::run(&mut command)
}

/// The full log where its tables are, else the sample that travels with the project.
fn log() -> Result<PathBuf> {
    let data = match std::env::var_os("KEEPSET_DATA") {
        Some(folder) => {
            let folder = PathBuf::from(folder);
            ensure!(folder.is_dir(), "KEEPSET_DATA names {}, which is no folder", folder.display());
            folder
        }
        None => paths::at("../shared/data"),
    };
    if !data.join("complete_journey").is_dir() {
        return Ok(paths::at(SAMPLE));
    }
    if shell::find(["python3"]).is_none() {
        println!("    python3, which reads the full log's tables, is missing: replaying the sample");
        return Ok(paths::at(SAMPLE));
    }
    let full = paths::at(FULL_LOG);
    if !full.is_file() {
        shell::step("making the full log from its tables");
        shell::run(shell::command("python3").args([MAKE_FULL_LOG, "--all"]).env("KEEPSET_DATA", &data))?;
    }
    Ok(full)
}

/// Drives the page and sums up what happened.
fn drive(out: &Path, url: &str, write: bool) -> Result<()> {
    shell::step("driving the page in headless Chromium");
    let mut node: Command = shell::command("node");
    node.args(["www-demo/drive.mjs", "--url", url, "--out"]).arg(out);
    if write {
        node.arg("--docs").arg(paths::at("docs"));
    }
    Browser::ensure()?.tell(&mut node)?;
    shell::run(&mut node)?;
    let summary = summary(&read_json(&out.join("replay.json"))?, &read_json(&out.join("page.json"))?)?;
    let path = out.join("summary.json");
    std::fs::write(&path, format!("{summary:#}\n"))?;
    println!("    wrote {}", paths::shown(&path));
    Ok(())
}

fn read_json(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} is missing", paths::shown(path)))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", paths::shown(path)))
}

/// What the demo showed.
///
/// # Errors
/// When something that it is there to show did not happen.
fn summary(replay: &Value, page: &Value) -> Result<Value> {
    ensure!(page["report_received"] == true, "the collector did not receive the page's report");
    let segments = replay["segments"].as_array().filter(|segments| !segments.is_empty());
    let segments =
        segments.context("the replay gave no segment")?.iter().map(segment).collect::<Result<Vec<_>>>()?;
    Ok(json!({
        "households": some(replay, "people")?,
        "events": some(replay, "events")?,
        "reports": some(replay, "reports")?,
        "segments": segments,
        "page": { "segments_changed": some(page, "segments_changed")?, "reports_sent": some(page, "reports_sent")? },
    }))
}

fn segment(segment: &Value) -> Result<Value> {
    let id = segment["id"].as_str().context("a segment of the replay has no id")?;
    let number =
        |key: &str| segment[key].as_f64().with_context(|| format!("segment {id} has no number `{key}`"));
    Ok(json!({
        "id": id,
        "true": number("true")?,
        "estimate": number("estimate")?,
        "low": number("low")?,
        "high": number("high")?,
    }))
}

/// A count that must not be zero: it is what the demo is there to show.
fn some(object: &Value, key: &str) -> Result<u64> {
    let count =
        object[key].as_u64().with_context(|| format!("`{key}` is missing from the demo's results"))?;
    ensure!(count > 0, "`{key}` is zero");
    Ok(count)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{RECEIPT, add, draw_receipt, summary};
    use crate::paths;

    fn replay() -> Value {
        let segment = json!({ "id": "regular", "true": 0.2, "estimate": 0.21, "low": 0.18, "high": 0.24, "reports": 9 });
        json!({ "people": 2, "events": 30, "reports": 9, "segments": [segment] })
    }

    fn page() -> Value {
        json!({ "segments_changed": 3, "reports_sent": 1, "report_received": true })
    }

    #[test]
    fn the_summary_joins_the_replay_and_the_page() {
        let summary = summary(&replay(), &page()).unwrap();
        assert_eq!(summary["households"], 2);
        assert_eq!(summary["segments"][0]["estimate"], 0.21);
        assert_eq!(summary["page"], json!({ "segments_changed": 3, "reports_sent": 1 }));
    }

    #[test]
    fn what_the_demo_adds_stands_beside_what_the_pack_has() {
        let mut pack = json!({ "events": { "a": 1 }, "segments": [1], "id": "x" });
        add(&mut pack, json!({ "events": { "b": 2 }, "segments": [2] })).unwrap();
        assert_eq!(pack, json!({ "events": { "a": 1, "b": 2 }, "segments": [1, 2], "id": "x" }));
        add(&mut pack, json!({ "id": "y" })).unwrap_err();
        add(&mut pack, json!({ "plans": {} })).unwrap_err();
    }

    #[test]
    fn the_receipts_code_says_what_its_link_says() {
        let page = std::fs::read_to_string(paths::at("www-demo/index.html")).unwrap();
        assert!(page.contains(&format!("href=\"{}\"", RECEIPT.replace('&', "&amp;"))));
        let folder = paths::at("target/receipt-test");
        std::fs::create_dir_all(&folder).unwrap();
        draw_receipt("http://127.0.0.1:8787", &folder).unwrap();
        assert!(std::fs::read_to_string(folder.join("receipt.svg")).unwrap().contains("<svg"));
    }

    #[test]
    fn a_demo_that_showed_nothing_is_a_failure() {
        for key in ["segments_changed", "reports_sent", "report_received"] {
            let mut empty = page();
            empty[key] = if key == "report_received" { json!(false) } else { json!(0) };
            summary(&replay(), &empty).unwrap_err();
        }
        for (key, value) in [("people", json!(0)), ("reports", json!(0)), ("segments", json!([]))] {
            let mut empty = replay();
            empty[key] = value;
            summary(&empty, &page()).unwrap_err();
        }
    }

    #[test]
    fn a_segment_without_a_number_is_a_failure() {
        let mut broken = replay();
        broken["segments"][0]["low"] = Value::Null;
        summary(&broken, &page()).unwrap_err();
    }
}
