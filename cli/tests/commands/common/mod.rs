//! Scratch files, the retail pack and its sample.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use keepset_cli::commands::{read_mapping, read_pack};
use keepset_cli::fleet::Noise;
use keepset_cli::log::{Fault, Mapping};
use keepset_cli::replay::{Replay, Watch};
use serde_json::{Value, json};

/// A file that is gone when its test is.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    /// Writes `bytes` to a file whose name ends in `name`.
    pub(crate) fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join(format!("{}-{number}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }

    /// Returns the path as a text.
    pub(crate) fn text(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Returns a path inside the retail pack.
pub(crate) fn retail(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/retail").join(file)
}

pub(crate) fn retail_mapping() -> Mapping {
    read_mapping(&retail("mapping.json")).unwrap()
}

/// A repeatable replay of the retail pack over `events`.
pub(crate) fn replay_of(events: PathBuf, mapping: Option<Mapping>) -> Replay {
    Replay {
        pack: read_pack(&retail("pack.json")).unwrap(),
        events: vec![events],
        mapping,
        noise: Noise::Seeded(1),
        strict: false,
        collector: None,
        window: None,
    }
}

/// A repeatable replay of the sample.
pub(crate) fn sample() -> Replay {
    replay_of(retail("fixtures/complete_journey_sample.csv.gz"), Some(retail_mapping()))
}

/// Makes one file of the whole log where its tables are: `$KEEPSET_DATA`, or `../shared/data` beside the repository.
pub(crate) fn full_log() -> Option<Scratch> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let data = std::env::var_os("KEEPSET_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    if !data.join("complete_journey").is_dir() {
        return None;
    }
    let log = Scratch::new("full.csv.gz", "");
    let script = Command::new("python3")
        .arg(retail("fixtures/make_sample.py"))
        .args(["--all", "--out", &log.text()])
        .output()
        .expect("the full log is there, and making one file of it needs python3");
    assert!(script.status.success(), "{}", String::from_utf8_lossy(&script.stderr));
    Some(log)
}

/// Keeps every fault.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Watch for Faults {
    fn fault(&mut self, fault: &Fault) {
        self.0.push(fault.clone());
    }

    fn progress(&mut self, _: u64, _: u64, _: u64) {}
}

/// A pack that counts visits and wins, to plant things in.
pub(crate) fn small_pack() -> Value {
    json!({
        "id": "small", "version": 1, "title": "Small", "owner": "tests", "reason": "to be trained", "expires": "2031-01-01",
        "events": {"visit": {}, "win": {}},
        "features": {
            "visits": {"kind": "count", "event": "visit", "window_days": 28},
            "wins": {"kind": "count", "event": "win", "window_days": 28},
            "since_win": {"kind": "recency", "event": "win"}
        },
        "segments": []
    })
}
