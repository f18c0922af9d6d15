//! What a person at a terminal sees while a log is read: a progress bar, and the first lines that could not be used.

use std::io::{IsTerminal as _, Write as _, stderr};

use indicatif::{ProgressBar, ProgressStyle};

use crate::log::Fault;
use crate::replay::Watch;

/// Of more faults only the number is told.
const SHOWN_FAULTS: u64 = 10;

/// Watches a replay and writes to standard error.
#[derive(Debug)]
pub struct Terminal {
    bar: Option<ProgressBar>,
    faults: u64,
}

impl Terminal {
    /// Shows progress when asked to, or when standard error is a terminal.
    #[must_use]
    pub fn new(progress: bool) -> Self {
        let bar = (progress || stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(0);
            let template = "{percent:>3} % {bar:40} {msg} in {elapsed}, {eta} left";
            // The template is a constant that parses; the default style would do as well.
            bar.set_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        Self { bar, faults: 0 }
    }

    /// Tells that so much of all is done, and what that is.
    pub fn advance(&self, done: u64, all: u64, message: String) {
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(done);
            bar.set_message(message);
        }
    }

    /// Takes the bar away and tells how many faults were not shown.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.faults > SHOWN_FAULTS {
            self.say(&format!("{} more lines were not used", self.faults - SHOWN_FAULTS));
        }
    }

    /// Writes a line to standard error without tearing the bar.
    pub fn say(&self, line: &str) {
        let write = || {
            // There is nobody left to tell when standard error is closed.
            let _ = writeln!(stderr(), "{line}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Watch for Terminal {
    fn fault(&mut self, fault: &Fault) {
        self.faults += 1;
        if self.faults <= SHOWN_FAULTS {
            self.say(&fault.to_string());
        }
    }

    fn progress(&mut self, read: u64, size: u64, events: u64) {
        self.advance(read, size, format!("{events} events"));
    }

    fn step(&mut self, done: u64, all: u64, step: &str) {
        self.advance(done, all, step.to_owned());
    }

    fn say(&mut self, line: &str) {
        Self::say(self, line);
    }
}
