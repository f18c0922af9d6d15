//! The shipped binary, serving a store of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::world::World;

/// A running collector.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
}

impl Served {
    /// Starts the binary that was built beside this program.
    pub fn start(world: &World, folder: &Path, store: &str) -> Self {
        let binary = std::env::current_exe().unwrap().parent().unwrap().with_file_name("keepset-collector");
        let [plan, keys] = world.write(folder);
        let mut command = Command::new(binary);
        command.arg("--simulation").arg("--plan").arg(plan).arg("--keys").arg(keys);
        command.args(["--store", store, "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut child =
            command.spawn().expect("build the collector first: `cargo xtask bench collector` does");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        Self { child, address: url.trim_end_matches('/').parse().unwrap() }
    }

    /// Returns how much memory it holds, in megabytes.
    pub fn megabytes(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
