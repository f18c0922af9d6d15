//! What an operator installs: the file of settings, the unit of systemd and the container file say what this program understands.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::process::Folder;

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// Prints the settings that hold with a file and an environment.
fn print_config(file: &Path, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepset-collector"));
    command.arg("--config").arg(file).arg("--print-config").envs(environment.iter().copied());
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn the_file_of_settings_is_one_also_with_what_it_leaves_open() {
    let text = std::fs::read_to_string(deploy("keepset.toml")).unwrap();
    assert!(print_config(&deploy("keepset.toml"), &[]).contains("rate-per-address = 600"));
    // What is commented out takes the place of what stands there.
    let open = |line: &&str| line.starts_with("# ") && line.contains(" = ");
    let opened: Vec<&str> = text.lines().filter(open).map(|line| &line[2..]).collect();
    assert!(opened.len() >= 6, "{opened:?}");
    let key = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
    let kept = text
        .lines()
        .filter(|line| !line.starts_with('#') && !opened.iter().any(|open| key(open) == key(line)));
    let all: Vec<&str> = kept.chain(opened.iter().copied()).collect();
    let file = Folder::new();
    std::fs::write(file.join("all.toml"), all.join("\n")).unwrap();
    let printed = print_config(&file.join("all.toml"), &[]);
    for line in opened {
        assert!(printed.contains(&format!("{} = ", key(line))), "{line}:\n{printed}");
    }
}

#[test]
fn the_container_file_sets_what_are_settings() {
    let [text, scratch] =
        ["Containerfile", "Containerfile.scratch"].map(|name| std::fs::read_to_string(deploy(name)).unwrap());
    let settings = |text: &str| text.lines().find(|line| line.starts_with("ENV ")).map(str::to_owned);
    assert_eq!(settings(&text), settings(&scratch));
    let set = text.lines().find_map(|line| line.strip_prefix("ENV ")).unwrap();
    let set: Vec<(&str, &str)> = set.split(' ').map(|pair| pair.split_once('=').unwrap()).collect();
    let printed = print_config(&deploy("keepset.toml"), &set);
    for (name, value) in set {
        let line = printed.lines().find(|line| line.ends_with(&format!("# {name}")));
        assert!(line.is_some_and(|line| line.contains(value)), "{name}:\n{printed}");
    }
}

/// Of 0 to 10, how much a service may touch that it need not, as `systemd-analyze security` counts it; 1.5 is allowed.
const EXPOSURE: &str = "--threshold=15";

#[test]
fn systemd_takes_the_unit_and_finds_little_that_it_could_touch() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        println!("not looked at: there is no systemd-analyze on this machine");
        return;
    };
    assert!(version.status.success());
    let folder = Folder::new();
    let (unit, text) = (folder.join("keepset-collector.service"), deploy("keepset-collector.service"));
    let text = std::fs::read_to_string(text).unwrap();
    // Programs that are not there are mistakes to it.
    let there = text.replace("/usr/local/bin/keepset-collector", env!("CARGO_BIN_EXE_keepset-collector"));
    assert_ne!(there, text);
    std::fs::write(&unit, there).unwrap();
    for arguments in [&["verify"][..], &["security", "--offline=yes", "--no-pager", EXPOSURE]] {
        let output = Command::new("systemd-analyze").args(arguments).arg(&unit).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        assert!(!said.contains("Unknown key"), "{said}");
    }
}
