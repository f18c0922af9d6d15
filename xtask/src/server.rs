//! A program that runs beside this one and is stopped with it, however this one ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{paths, shell};

/// Long enough to open a store, short enough to notice that something is wrong.
const START: Duration = Duration::from_secs(30);
/// What a graceful stop may take before the program is killed; killing it loses nothing it acknowledged.
const STOP: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);

/// A running server.
pub(crate) struct Server {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Server {
    /// Starts a server whose output goes to a file, and waits until it answers at `health`.
    ///
    /// # Errors
    /// When it ends or does not answer in time.
    pub(crate) fn start(command: &mut Command, log: &Path, health: &str) -> Result<Self> {
        let name = shell::line(command);
        println!("    $ {name} > {} &", paths::shown(log));
        let file = File::create(log).with_context(|| format!("could not create {}", log.display()))?;
        let child = command.stdout(file.try_clone()?).stderr(file).spawn();
        let child = child.with_context(|| format!("could not start `{name}`"))?;
        let mut server = Self { child, name, log: log.to_path_buf() };
        server.wait_until_ready(health)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, health: &str) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                bail!("`{}` ended at once ({status}):\n{}", self.name, self.said());
            }
            if ureq::get(health).call().is_ok() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        bail!("`{}` did not answer at {health} in {} seconds:\n{}", self.name, START.as_secs(), self.said())
    }

    /// Waits until the person asks to stop.
    ///
    /// # Errors
    /// When the server ends by itself meanwhile.
    pub(crate) fn serve_until(&mut self, stop: &Receiver<()>) -> Result<()> {
        loop {
            match stop.recv_timeout(Duration::from_millis(200)) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            // Ctrl-C on a terminal reaches the server too: its end may be seen a moment before the request to stop.
            if let Some(status) = self.child.try_wait()? {
                return match stop.recv_timeout(Duration::from_millis(500)) {
                    Ok(()) => Ok(()),
                    Err(_) => bail!("`{}` ended by itself ({status}):\n{}", self.name, self.said()),
                };
            }
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default().trim_end().to_owned()
    }

    fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            thread::sleep(POLL);
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // The standard library can only kill; asking first lets the server close its store.
        let pid = self.child.id().to_string();
        let _ = shell::command("kill").args(["-TERM", &pid]).status();
        if self.ended_within(STOP).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Receives a message for every Ctrl-C and every request to terminate, which then no longer end this program by themselves.
pub(crate) fn requests_to_stop() -> Result<Receiver<()>> {
    let (sender, receiver) = channel();
    // Nobody listens any more when the verb has ended: nothing is lost then.
    ctrlc::set_handler(move || {
        let _ = sender.send(());
    })
    .context("could not listen for Ctrl-C")?;
    Ok(receiver)
}
