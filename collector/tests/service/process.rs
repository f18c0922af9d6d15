//! Starts and stops the real binary, and speaks HTTP with it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use keepset_wire::seal::SEALED_TYPE;
use keepset_wire::{CONTENT_TYPE, Plan};
use serde_json::Value;

use crate::kept::Kind;

/// A folder of its own, removed at the end, and the store that belongs to it.
pub struct Folder {
    path: PathBuf,
    store: String,
}

impl Folder {
    /// A folder with a store in one file.
    pub fn new() -> Self {
        Self::with(Kind::Sqlite)
    }

    /// A folder with a store of some kind.
    pub fn with(kind: Kind) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("keepset-collector-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self { store: kind.store_in(&path), path }
    }

    /// The same with a store that is somewhere else.
    pub fn with_store(store: String) -> Self {
        let mut folder = Self::new();
        folder.store = store;
        folder
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the store as `--store` takes it.
    pub fn store(&self) -> &str {
        &self.store
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A running collector.
pub struct Server {
    child: Child,
    printed: BufReader<ChildStdout>,
    pub url: String,
    agent: ureq::Agent,
}

/// Starts the binary without waiting for it.
pub fn command(plan: &Path, store: impl AsRef<std::ffi::OsStr>, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepset-collector"));
    command
        .arg("--plan")
        .arg(plan)
        .arg("--store")
        .arg(store.as_ref())
        .args(["--listen", "127.0.0.1:0"])
        .args(more);
    if !more.contains(&"--keys") {
        command.arg("--keys").arg(write_keys(plan));
    }
    if !["--tokens", "--oidc-issuer"].iter().any(|flag| more.contains(flag)) {
        command.arg("--public-reading");
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Writes the tests' keys beside another file.
pub fn write_keys(beside: &Path) -> PathBuf {
    let path = beside.with_file_name("keys.json");
    crate::fleet::ring().save(&path).unwrap();
    path
}

/// Runs one of the other commands to its end; what it said, and whether all went well.
pub fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_keepset-collector")).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

pub fn write_plan(folder: &Folder, plan: &Plan) -> PathBuf {
    let path = folder.join("plan.json");
    std::fs::write(&path, plan.to_json().to_string()).unwrap();
    path
}

impl Server {
    /// Starts a collector for `plan` with the store of `folder` and waits until it listens.
    pub fn start(folder: &Folder, plan: &Plan, more: &[&str]) -> Self {
        let mut child = command(&write_plan(folder, plan), folder.store(), more).spawn().unwrap();
        let mut line = String::new();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        printed.read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http"));
        let url = url.unwrap_or_else(|| panic!("no address in {line:?}")).trim_end_matches('/').to_owned();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        Self { child, printed, url, agent }
    }

    pub fn get(&self, path: &str) -> Answer {
        Answer::read(self.agent.get(format!("{}{path}", self.url)).call().unwrap())
    }

    /// Sends sealed reports; nothing when the connection broke before an answer.
    pub fn try_post(&self, body: &[u8]) -> Option<Answer> {
        self.post_as(SEALED_TYPE, body)
    }

    /// Sends reports that are not sealed.
    pub fn post_plain(&self, body: &[u8]) -> Answer {
        self.post_as(CONTENT_TYPE, body).unwrap()
    }

    fn post_as(&self, kind: &str, body: &[u8]) -> Option<Answer> {
        let request = self.agent.post(format!("{}/v1/reports", self.url)).header("content-type", kind);
        request.send(body).ok().map(Answer::read)
    }

    pub fn post(&self, body: &[u8]) -> Answer {
        self.try_post(body).unwrap()
    }

    pub fn agent(&self) -> &ureq::Agent {
        &self.agent
    }

    /// How many requests were told this problem, of a collector that everybody reads.
    pub fn counter(&self, slug: &str) -> u64 {
        self.metric(&format!("keepset_refused_requests_total{{problem=\"{slug}\"}}"))
    }

    /// How many reports were acknowledged as accepted, and how many as known.
    pub fn acknowledged(&self) -> [u64; 2] {
        ["accepted", "known"]
            .map(|result| self.metric(&format!("keepset_reports_total{{result=\"{result}\"}}")))
    }

    /// One value for a monitor.
    pub fn metric(&self, name: &str) -> u64 {
        self.get("/metrics").metric(name)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a power cut would end the process.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Returns what it printed after its first line, on both streams.
    pub fn rest(&mut self) -> String {
        let mut text = String::new();
        self.printed.read_to_string(&mut text).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Asks it to stop and waits.
    pub fn stop(&mut self) -> ExitStatus {
        let asked = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer, read whole.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn read(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let body = response.body_mut().read_to_string().unwrap_or_default();
        Self { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// One value of a page for a monitor.
    pub fn metric(&self, name: &str) -> u64 {
        let line = self.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.body)).parse().unwrap()
    }

    /// Checks that this is the problem `slug`, and returns it.
    pub fn problem(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{slug}"));
        assert_eq!(problem["status"], status);
        problem
    }
}

/// Returns a port of this machine at which nobody listens, and which is given to nobody who asks for any: those are from 32768 on.
pub fn unused_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two runs at once begin at different places.
    let first = 20_000 + (std::process::id() % 10_000) as u16;
    for _ in 0..2_000 {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is unused");
}

/// Kills a process at once.
pub fn kill_9(id: u32) {
    assert!(Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap().success());
}
