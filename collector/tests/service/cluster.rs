//! A real PostgreSQL: made in a folder of its own, reached through a socket there, stopped with the tests.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use postgres::{Client, NoTls};

/// PostgreSQL refuses to run as root; Debian's package makes this user for it.
const USER: &str = "postgres";
/// What every server here is started with: no port, and small buffers; what it acknowledges it has synced.
const SETTINGS: [&str; 4] =
    ["listen_addresses=", "shared_buffers=32MB", "max_connections=60", "max_wal_senders=4"];

/// One server and its data.
pub struct Cluster {
    folder: PathBuf,
    settings: Vec<String>,
    child: Mutex<Option<Child>>,
}

impl Cluster {
    /// The server that tests share which do not harm theirs.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Makes a server and starts it.
    pub fn start(settings: &[&str]) -> Self {
        Self::make(Self::in_a_folder(settings))
    }

    /// Makes a server in a folder that is there, and starts it.
    pub fn start_in(folder: &Path) -> Self {
        Self::make(Self::owning(folder.to_path_buf(), &[]))
    }

    fn make(cluster: Self) -> Self {
        let mut initdb = as_user(&program("initdb"));
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", USER, "-D"]);
        succeed(initdb.arg(cluster.data()));
        cluster.launch();
        cluster
    }

    /// Makes a copy that follows this server, and starts it; `name` is what this server knows it by.
    pub fn standby(&self, name: &str) -> Self {
        let cluster = Self::in_a_folder(&[]);
        let mut copy = as_user(&program("pg_basebackup"));
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-D"]).arg(cluster.data());
        copy.arg("-d").arg(format!("host={} user={USER} application_name={name}", self.folder.display()));
        succeed(&mut copy);
        cluster.launch();
        cluster
    }

    fn in_a_folder(settings: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        remove_left_over();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("{PREFIX}{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self::owning(folder, settings)
    }

    fn owning(folder: PathBuf, settings: &[&str]) -> Self {
        if is_root() {
            succeed(Command::new("chown").arg(USER).arg(&folder));
        }
        let settings = SETTINGS.iter().chain(settings).map(ToString::to_string).collect();
        Self { folder, settings, child: Mutex::new(None) }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts the server and waits until it answers.
    pub fn launch(&self) {
        for _ in 0..100 {
            let mut child = spawn(self.command());
            while child.try_wait().unwrap().is_none() {
                if self.client("postgres").is_ok() {
                    *self.child.lock().unwrap() = Some(child);
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            // The children of one that was killed may not all have gone yet.
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not start: {}", self.said());
    }

    fn command(&self) -> Command {
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let mut command = as_user(&program("postgres"));
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    /// Returns what the server wrote since it was last started.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Ends the server at once, as a power cut would end the process.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Makes a standby the server that may be written.
    pub fn promote(&self) {
        self.run("SELECT pg_promote()");
    }

    /// Runs statements as the owner of everything.
    pub fn run(&self, sql: &str) {
        self.client("postgres").unwrap().batch_execute(sql).unwrap();
    }

    /// Waits until a question is answered with yes.
    pub fn wait_until(&self, sql: &str) {
        for _ in 0..600 {
            if self.client("postgres").unwrap().query_one(sql, &[]).unwrap().get(0) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("not yet: {sql}: {}", self.said());
    }

    fn client(&self, database: &str) -> Result<Client, postgres::Error> {
        Client::connect(&self.url(database), NoTls)
    }

    /// Makes an empty database and returns how it is reached.
    pub fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("reports_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Returns how a database is reached.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@{}/{database}", self.host())
    }

    /// Returns the server as a URL names it.
    pub fn host(&self) -> String {
        self.folder.display().to_string().replace('/', "%2F")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const PREFIX: &str = "keepset-postgres-";

/// Removes the folders of test runs that are over: the server that tests share is never dropped.
fn remove_left_over() {
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let id = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if id.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Finds a program of PostgreSQL, which Debian keeps off the path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::var_os("KEEPSET_POSTGRES").map(PathBuf::from);
    named
        .into_iter()
        .chain(debian)
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!("no `{name}` of PostgreSQL is here: `cargo xtask setup` installs it, or name its folder in KEEPSET_POSTGRES")
        })
}

pub fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| Command::new("id").arg("-u").output().unwrap().stdout == b"0\n")
}

/// A program that runs as an ordinary user, and no longer than these tests.
fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--init-groups"]);
    }
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    // Not every folder that root may be in is one that others may be in.
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Starts a program from a thread that never ends: it is the end of that thread which would end the program.
fn spawn(command: Command) -> Child {
    type Order = (Command, Sender<std::io::Result<Child>>);
    static ORDERS: OnceLock<Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (orders, queue) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in queue {
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, answered) = channel();
    orders.send((command, answer)).unwrap();
    answered.recv().unwrap().unwrap()
}
