//! The operator's page, command by command: every one that docs/operate.md shows runs here as it stands there, against the real programs.
//!
//! What the page names and this machine has not (folders of a system, hosts, ports) is put in the place of it by one table. Blocks marked `elsewhere`, and
//! programs that are not here, are read by the shell without being run.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keepset_collector::keys::Keyring;
use keepset_wire::{Plan, Report, ReportId, Sealer, Subset};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::cluster::Cluster;
use crate::fleet::current;
use crate::kept::{Held, held, held_in_database};
use crate::process::{Answer, Folder, unused_port};

const PAGE: &str = include_str!("../../../docs/operate.md");

/// One command of the page.
#[derive(Debug, PartialEq)]
struct Step {
    section: &'static str,
    command: String,
    /// Not to be run: only the shell's grammar is looked at.
    elsewhere: bool,
}

/// Reads the page: the lines of blocks for a shell, continued ones put together, and commands within a sentence.
fn steps(page: &'static str) -> Vec<Step> {
    let (mut steps, mut section, mut block) = (Vec::new(), "", None::<&str>);
    let mut begun = String::new();
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            block = if block.is_some() { None } else { Some(kind) };
            continue;
        }
        match block {
            Some(kind @ ("sh" | "sh elsewhere")) => {
                begun.push_str(line.trim_end_matches('\\'));
                if line.ends_with('\\') {
                    continue;
                }
                let command = std::mem::take(&mut begun).trim().to_owned();
                if !command.is_empty() && !command.starts_with('#') {
                    steps.push(Step { section, command, elsewhere: kind != "sh" });
                }
            }
            Some(_) => {}
            None => {
                section = line.strip_prefix("## ").unwrap_or(section);
                let spans = line.split('`').skip(1).step_by(2);
                let commands = spans.filter(|span| span.starts_with("keepset-collector "));
                steps.extend(commands.map(|span| Step { section, command: span.into(), elsewhere: false }));
            }
        }
    }
    steps
}

/// What stands in the place of what this machine has not: the section where, what the page says, and what is there instead. `DIR` is a folder of the
/// test's own, `REPO` the repository, `PORT` a free port, `HOST` the socket of a real PostgreSQL.
const INSTEAD: [(&str, &str, &str); 14] = [
    ("", "packs/retail/", "REPO/packs/retail/"),
    ("", "127.0.0.1:8787", "127.0.0.1:PORT"),
    ("", "0.0.0.0:8787", "127.0.0.1:PORT"),
    ("", "--config keepset.toml", "--config REPO/collector/deploy/keepset.toml --print-config"),
    ("", "@db.internal/", "@HOST/"),
    ("", "/srv/archive", "DIR/archive"),
    // The other settings of the collector.
    ("Count with a cluster", " ...", " --tokens tokens.json --read-log reads.jsonl --listen 127.0.0.1:PORT"),
    // This store keeps answers, which a store without an archive does not.
    ("Count with a cluster", "/var/lib/keepset/keepset.sqlite", "DIR/answers.sqlite"),
    ("", "/var/lib/keepset/", "DIR/"),
    ("", "restore --store STORE", "restore --store sqlite:DIR/restored.sqlite"),
    ("", "STORE", "sqlite:DIR/keepset.sqlite"),
    // Another database: the first one has tables by now.
    ("Move from SQLite to PostgreSQL", "/reports", "/moved"),
    ("Rotate keys", "retire ID", "retire 1"),
    ("Delete", "retire ID", "retire 2 --in-use"),
];

/// Programs that may not be here.
const NOT_HERE: [&str; 4] = ["duckdb", "pip", "spark-class", "python3 count.py"];

/// So many reports are sent to every collector that is started.
const REPORTS: i64 = 40;

/// A machine of an operator.
struct Machine {
    folder: Folder,
    programs: PathBuf,
    port: u16,
    collector: Option<Child>,
    random: StdRng,
}

impl Machine {
    fn new() -> Self {
        let folder = Folder::new();
        let programs = folder.join("bin");
        std::fs::create_dir(&programs).unwrap();
        let own = Path::new(env!("CARGO_BIN_EXE_keepset-collector"));
        std::os::unix::fs::symlink(own, programs.join("keepset-collector")).unwrap();
        std::os::unix::fs::symlink(keepset(own), programs.join("keepset")).unwrap();
        let machine = Self { programs, folder, port: 0, collector: None, random: StdRng::seed_from_u64(5) };
        std::fs::write(machine.folder.join("db.password"), "hush\n").unwrap();
        machine.shell("chmod 600 db.password");
        machine
    }

    /// The command as it runs here.
    fn here(&self, step: &Step) -> String {
        let mut command = step.command.clone();
        for (section, said, instead) in INSTEAD {
            if section.is_empty() || section == step.section {
                command = command.replace(said, instead);
            }
        }
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        command
            .replace("DIR", self.folder.join("").display().to_string().trim_end_matches('/'))
            .replace("REPO", &repository.display().to_string())
            .replace("PORT", &self.port.to_string())
            .replace("HOST", &Cluster::shared().host())
    }

    fn bash(&self) -> Command {
        let mut bash = Command::new("bash");
        let path = std::env::var("PATH").unwrap_or_default();
        bash.current_dir(self.folder.join("")).env("PATH", format!("{}:{path}", self.programs.display()));
        bash.env("PGHOST", Cluster::shared().host().replace("%2F", "/")).env("PGUSER", "postgres");
        bash
    }

    /// Runs a command to its end and returns what it printed.
    fn shell(&self, command: &str) -> String {
        let output = self.bash().args(["-euo", "pipefail", "-c", command]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{command}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Holds a command to the shell's grammar.
    fn read(&self, command: &str) {
        let mut bash = self.bash().arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        bash.stdin.take().unwrap().write_all(command.as_bytes()).unwrap();
        let output = bash.wait_with_output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a step of the page, and returns what it printed.
    fn run(&mut self, step: &Step) -> String {
        let is_not_here = NOT_HERE.iter().any(|program| step.command.starts_with(program));
        if step.elsewhere || is_not_here {
            self.read(&step.command);
            return String::new();
        }
        if !step.command.starts_with("keepset-collector --plan") {
            return self.shell(&self.here(step));
        }
        self.stop();
        self.port = unused_port();
        let command = format!("exec {}", self.here(step));
        self.collector = Some(self.bash().args(["-c", &command]).stdout(Stdio::null()).spawn().unwrap());
        self.wait_until_ready();
        self.send();
        command
    }

    fn get(&self, path: &str, token: Option<&str>) -> Option<Answer> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.get(format!("http://127.0.0.1:{}{path}", self.port));
        let request = match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        request.call().ok().map(Answer::read)
    }

    fn wait_until_ready(&mut self) {
        for _ in 0..1_200 {
            if self.get("/readyz", None).is_some_and(|answer| answer.status == 200) {
                return;
            }
            assert!(self.collector.as_mut().unwrap().try_wait().unwrap().is_none(), "the collector ended");
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the collector is not ready");
    }

    fn plan(&self) -> Plan {
        Plan::parse(&std::fs::read_to_string(self.folder.join("plan.json")).unwrap()).unwrap()
    }

    /// Sends reports, sealed to the newest of the keys that the page made.
    fn send(&mut self) {
        let plan = self.plan();
        let keys = Keyring::load(&self.folder.join("keys.json")).unwrap().public();
        let key = keys.list().iter().max_by_key(|key| key.id).unwrap();
        let question = &plan.questions[0];
        let held = keepset_privacy::Answering::for_question(plan.epsilon, question).unwrap().held();
        let epoch = current(&plan);
        let mut body = Vec::new();
        for _ in 0..REPORTS {
            let mut answer = Subset::empty(question.cells());
            while answer.len() < u32::from(held) {
                answer.insert(self.random.random_range(0..question.cells()));
            }
            let id = ReportId(self.random.random());
            let report = Report { plan: plan.hash(), question: 0, epoch, id, answer };
            let sealer = Sealer::new(key, self.random.random()).unwrap();
            body.extend(sealer.seal(plan.hash(), epoch, &report.encode(&plan).unwrap()).unwrap());
        }
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let sent = agent.post(format!("http://127.0.0.1:{}/v1/reports", self.port));
        let sent = sent.header("content-type", keepset_wire::seal::SEALED_TYPE).send(&body[..]).unwrap();
        let answer = Answer::read(sent);
        assert_eq!(
            (answer.status, answer.json()["accepted"].as_i64()),
            (200, Some(REPORTS)),
            "{}",
            answer.body
        );
    }

    /// Asks the collector to stop, as the page says, and waits.
    fn stop(&mut self) {
        if let Some(mut collector) = self.collector.take() {
            self.shell(&format!("kill -TERM {}", collector.id()));
            assert!(collector.wait().unwrap().success());
        }
    }

    fn held(&self, name: &str) -> Held {
        held(&self.folder.join(name))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(mut collector) = self.collector.take() {
            let _ = collector.kill();
            let _ = collector.wait();
        }
    }
}

/// The other program, which lies beside this one; made if nobody has yet.
fn keepset(beside: &Path) -> PathBuf {
    let path = beside.with_file_name("keepset");
    if !path.is_file() {
        let mut make = Command::new(env!("CARGO"));
        make.args(["build", "--locked", "--quiet", "--package", "keepset-cli"]);
        assert!(make.status().unwrap().success());
    }
    path
}

#[test]
fn every_command_of_the_operators_page_runs_as_it_stands_there() {
    let mut machine = Machine::new();
    let all = steps(PAGE);
    for step in &all {
        let command = step.command.as_str();
        // What the page's reader has by then, or does between two commands.
        match (step.section, command) {
            (_, command) if command.contains(" compact ") => machine.stop(),
            ("Count with a cluster", command)
                if command.contains("archive release") && command.contains("--counts") =>
            {
                machine.shell("keepset-collector archive count --archive archive > counts.csv");
            }
            ("Count with a cluster", "keepset-collector archive sql > count.sql") => {
                // The window closes after weeks; here it is closed at once.
                machine.stop();
                machine.shell("keepset-collector archive seal --store sqlite:answers.sqlite --archive archive --close-through 4000");
            }
            ("Move from SQLite to PostgreSQL", _) => {
                machine.shell("createdb --owner keepset moved");
            }
            _ => {}
        }
        let printed = machine.run(step);
        match (step.section, command) {
            (_, command) if command.starts_with("keepset-collector tokens new") => {
                let token = printed.split_whitespace().find(|word| word.len() > 30).unwrap();
                std::fs::write(machine.folder.join("alice"), token).unwrap();
            }
            ("Start", command) if command.starts_with("keepset-collector --plan") => {
                let token = std::fs::read_to_string(machine.folder.join("alice")).unwrap();
                let estimates = machine.get("/v1/estimates", Some(&token)).unwrap().json();
                assert_eq!(estimates["windows"][0]["questions"][0]["reports"], REPORTS);
                assert_eq!(machine.get("/v1/estimates", None).unwrap().status, 401);
                assert_eq!(machine.get("/healthz", None).unwrap().status, 200);
            }
            ("Count with a cluster", command) if command.contains("archive release") => {
                let released: serde_json::Value = serde_json::from_str(&printed).unwrap();
                assert_eq!(released["windows"][0]["questions"][0]["reports"], REPORTS, "{printed}");
            }
            ("Back up and restore", command) if command.contains(" restore ") => {
                assert_eq!(machine.held("restored.sqlite"), machine.held("keepset.sqlite"));
                assert_eq!(machine.held("restored.sqlite").reports, REPORTS);
            }
            ("Move from SQLite to PostgreSQL", _) => {
                let url = format!("postgres://keepset@{}/moved", Cluster::shared().host());
                assert_eq!(held_in_database(&url), machine.held("restored.sqlite"));
            }
            ("Delete", command) if command.contains("retire") => {
                let listed = machine.shell("keepset-collector keys list");
                assert_eq!(listed.matches("retired").count(), 2, "{listed}");
            }
            _ => {}
        }
    }
    machine.stop();
    // The page shows these at least; it was read, and in this order.
    let places = ["keys new", "--store postgres://", "archive sql", "compact", "backup", "move", "retire"];
    let place = |words: &str| all.iter().position(|step| step.command.contains(words) && !step.elsewhere);
    let places: Vec<usize> = places.iter().map(|words| place(words).expect(words)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(all.iter().filter(|step| step.elsewhere).count() >= 8);
}

#[test]
fn the_program_for_spark_on_the_operators_page_is_one() {
    let program = PAGE.split("```python elsewhere\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = Folder::new();
    std::fs::write(folder.join("count.py"), program).unwrap();
    let compiled = Command::new("python3").args(["-m", "py_compile"]).arg(folder.join("count.py")).status();
    assert!(compiled.unwrap().success());
}

#[test]
fn commands_are_read_from_a_page_as_its_reader_would_copy_them() {
    let page = "## One\n```sh\n# a word\nfirst --flag \\\n  value   # said\n\nsecond\n```\ntext `keepset-collector do --it` and `other`\n## Two\n```sh elsewhere\nthird\n```\n```yaml\nno: command\n```\n";
    let step = |section, command: &str, elsewhere| Step { section, command: command.into(), elsewhere };
    assert_eq!(
        steps(page),
        [
            step("One", "first --flag   value   # said", false),
            step("One", "second", false),
            step("One", "keepset-collector do --it", false),
            step("Two", "third", true),
        ]
    );
}
