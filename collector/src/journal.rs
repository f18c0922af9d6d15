//! What the collector says while it runs, on its standard output: that it started and that it stopped, and as JSON what was counted in each hour.
//!
//! ```text
//! {"when": "2026-11-26T16:00:00Z", "event": "counts", "accepted": 812, "known": 3, "late": 0, "refused": {"unknown-key": 2}}
//! ```
//!
//! # Privacy
//! Counts and codes alone: no address, no name, nothing of what was sent, and of no single request when it came.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::clock::{instant, system_now};
use crate::server::Collector;

/// How often it is said what was counted.
pub const HOUR: Duration = Duration::from_secs(3_600);

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A sentence at the start and at the end.
    #[default]
    Text,
    /// An object of JSON a line.
    Json,
}

/// What is said, and what was said before.
#[derive(Debug)]
pub struct Journal {
    form: Form,
    said: BTreeMap<&'static str, u64>,
}

impl Journal {
    /// Begins.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self { form, said: BTreeMap::new() }
    }

    /// Says that requests are answered from now on.
    pub fn started(&self, collector: &Collector, address: &str) {
        let plan = collector.hash().to_string();
        let (version, store) = (env!("CARGO_PKG_VERSION"), collector.store().kind());
        let sentence = format!("keepset-collector: plan {plan} on {address}");
        let fields = json!({"version": version, "store": store, "plan": plan, "address": address});
        self.say("started", fields, Some(&sentence));
    }

    /// Says what was counted since it was said last; in text nothing.
    pub fn counts(&mut self, collector: &Collector) {
        let counters = collector.counters();
        let mut since = |name: &'static str, now: u64| {
            let before = self.said.insert(name, now).unwrap_or_default();
            now.saturating_sub(before)
        };
        let mut fields = json!({});
        for (result, count) in counters.reports() {
            fields[result] = since(result, count).into();
        }
        let refused = counters.refused().map(|(kind, count)| (kind.slug(), since(kind.slug(), count)));
        fields["refused"] =
            refused.filter(|(_, count)| *count > 0).collect::<BTreeMap<_, _>>().into_iter().collect();
        self.say("counts", fields, None);
    }

    /// Says that it has stopped.
    pub fn stopped(&self) {
        self.say(
            "stopped",
            json!({}),
            Some("keepset-collector: stopped, every acknowledged report is stored"),
        );
    }

    fn say(&self, event: &str, mut fields: Value, sentence: Option<&str>) {
        let line = match self.form {
            Form::Text => sentence.map(str::to_owned),
            Form::Json => {
                fields["event"] = event.into();
                fields["when"] = instant(system_now()).into();
                Some(fields.to_string())
            }
        };
        // Nobody may be reading any more; that is no reason to stop.
        let _ = line.map(|line| writeln!(std::io::stdout(), "{line}"));
    }
}
