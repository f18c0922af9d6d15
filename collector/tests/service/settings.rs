//! Settings from the command line, the environment and a file: one meaning, and a mistake is named where it stands.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fleet::plan;
use crate::kept::Kind;
use crate::process::{Folder, write_keys, write_plan};

/// Runs the binary with this environment to its end; what it said, and whether all went well.
fn run_with(environment: &[(&str, &str)], arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepset-collector"));
    let output = command.args(arguments).envs(environment.iter().copied()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// A file that only its owner may use, or that everybody may.
fn file(path: &Path, text: &str, mode: u32) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A file of settings that could be served with, and what else is added to it.
fn settings(folder: &Folder, more: &str) -> (PathBuf, String) {
    let plan = write_plan(folder, &plan(3, 1));
    let (keys, path) = (write_keys(&plan), folder.join("keepset.toml"));
    let text =
        format!("plan = {plan:?}\nkeys = {keys:?}\npublic-reading = true\nlisten = \"127.0.0.1:0\"\n{more}");
    let named = file(&path, &text, 0o644);
    (path, named)
}

#[test]
fn the_command_line_has_the_last_word_then_the_environment_then_the_file() {
    let folder = Folder::new();
    let (_, toml) = settings(
        &folder,
        "rate-per-address = 1\nrate-together = 2\nmax-connections = 3\nsimulation = true\n",
    );
    let environment = [
        ("KEEPSET_CONFIG", toml.as_str()),
        ("KEEPSET_RATE_TOGETHER", "20"),
        ("KEEPSET_MAX_CONNECTIONS", "30"),
        ("KEEPSET_SIMULATION", "false"),
        ("KEEPSET_TRUSTED_PROXY", "10.0.0.0/8, 192.168.0.1"),
    ];
    let (well, said) = run_with(&environment, &["--max-connections", "300", "--print-config"]);
    assert!(well, "{said}");
    for line in [
        format!("rate-per-address = 1  # {toml}:5"),
        "rate-together = 20  # KEEPSET_RATE_TOGETHER".into(),
        "max-connections = 300  # command line".into(),
        "simulation = false  # KEEPSET_SIMULATION".into(),
        "trusted-proxy = [\"10.0.0.0/8\", \"192.168.0.1\"]  # KEEPSET_TRUSTED_PROXY".into(),
        "store = \"sqlite:keepset.sqlite\"  # default".into(),
        format!("public-reading = true  # {toml}:3"),
    ] {
        assert!(said.lines().any(|other| other == line), "{line} is missing in\n{said}");
    }
    // What was printed is a file of settings that says the same.
    let printed = file(&folder.join("printed.toml"), &said, 0o644);
    let (_, again) = run_with(&[], &["--config", &printed, "--print-config"]);
    let values = |text: &str| {
        text.lines().map(|line| line.split("  #").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&said));
    // A name on the command line is another file than the one in the environment.
    let (well, said) = run_with(&environment, &[&format!("--config={toml}.none"), "--print-config"]);
    assert!(!well && said.contains("keepset.toml.none cannot be read"), "{said}");
}

#[test]
fn a_wrong_key_or_value_is_named_with_the_place_it_stands_in() {
    let folder = Folder::new();
    for (more, said) in [
        ("rate-per-adress = 600", ":5: rate-per-adress is no setting; did you mean rate-per-address?"),
        ("rate-per-address = 'many'", ":5: rate-per-address: invalid digit found in string"),
        ("max-connections = 0", ":5: max-connections: 0 is not in 1..=1000000"),
        ("keep-counts-days = 36501", ":5: keep-counts-days: 36501 is not in 1..=36500"),
        ("trusted-proxy = ['10.0.0.0/99']", ":5: trusted-proxy: "),
        ("proxy-header = 'x-real-ip'", ":5: proxy-header: expected one of x-forwarded-for, forwarded"),
        ("store = 'mysql://a:hush@b/c'", ":5: store: the store \"mysql\" is not known here"),
        ("static = '/nowhere/at/all'", ":5: static: /nowhere/at/all is no folder"),
        ("gateway = '/nowhere'", ":5: gateway: /nowhere cannot be read"),
    ] {
        let (_, toml) = settings(&folder, more);
        let (well, found) = run_with(&[], &["--config", &toml]);
        assert!(!well && found.contains(&format!("{toml}{said}")), "{more}: {found}");
        assert!(!found.contains("hush"), "{found}");
    }
    let (_, toml) = settings(&folder, "");
    for (name, value, said) in [
        ("KEEPSET_LISTEN", "nowhere", "KEEPSET_LISTEN: listen: invalid socket address syntax"),
        (
            "KEEPSET_RATE_PER_ADRESS",
            "3",
            "KEEPSET_RATE_PER_ADRESS: this is no setting; did you mean KEEPSET_RATE_PER_ADDRESS?",
        ),
        ("KEEPSET_STORE_PASSWORD", "hush", "did you mean KEEPSET_STORE_PASSWORD_FILE?"),
        ("KEEPSET_SIMULATION", "yes", "KEEPSET_SIMULATION: simulation: expected true or false"),
        ("KEEPSET_STATIC", "/nowhere", "KEEPSET_STATIC: static: /nowhere is no folder"),
        ("KEEPSET_STORE", "postgres://u:hush@host/db?port=x", "KEEPSET_STORE: store: "),
    ] {
        let (well, found) = run_with(&[(name, value)], &["--config", &toml]);
        assert!(!well && found.contains(said) && !found.contains("hush"), "{found}");
    }
    // Others have names in the environment, too.
    let others = [("KEEPSET_PORT_8787_TCP", "x"), ("KEEPSET_SERVICE_HOST", "x"), ("KEEPSET_ROUNDS", "x")];
    let (well, found) = run_with(&others, &["--config", &toml, "--print-config"]);
    assert!(well, "{found}");
    // What belongs together is held to across all of them.
    let (well, found) = run_with(&[("KEEPSET_TLS_CERT", "cert.pem")], &["--config", &toml]);
    assert!(!well && found.contains("--tls-key"), "{found}");
    let (well, found) = run_with(&[], &["--store", "postgres://u:hush@host/db?port=x", "--plan", "p.json"]);
    assert!(!well && found.contains("--store: ") && !found.contains("hush"), "{found}");
}

#[test]
fn no_secret_is_printed_and_a_file_with_a_password_is_its_owners_alone() {
    let folder = Folder::new();
    let more = "store = 'postgres://reports:hush@db.internal/reports'\nlabels = ['pack.json']\n\
        webhook = 'https://crm.example/in/hush'\nwebhook-secret = 'webhook.secret'\n";
    let (path, toml) = settings(&folder, more);
    let (well, said) = run_with(&[], &["--config", &toml, "--print-config"]);
    assert!(!well && said.contains("holds a password and others than its owner may use it"), "{said}");
    let text = std::fs::read_to_string(&path).unwrap();
    file(&path, &text, 0o600);
    let (well, said) = run_with(&[], &["--config", &toml, "--print-config"]);
    assert!(well && said.contains("store = \"postgres://db.internal/reports\""), "{said}");
    assert!(said.contains("webhook = \"https://crm.example/...\"") && !said.contains("hush"), "{said}");
}

#[test]
fn the_password_of_a_database_comes_from_a_file_of_its_own() {
    let folder = Folder::with(Kind::Postgres);
    let secret = file(&folder.join("db.password"), "hush\n", 0o600);
    let backup = folder.join("backup.sqlite");
    // The tests' database asks for no password, so that one is given does no harm: what counts is that it is taken and not told.
    let made = ["--store", folder.store(), "--store-password-file", &secret, backup.to_str().unwrap()];
    let (well, said) = run_with(&[], &[&["backup"][..], &made].concat());
    assert!(!well && !said.contains("hush") && !said.contains("password"), "there is no store yet: {said}");
    let (_, toml) =
        settings(&folder, &format!("store = {:?}\nstore-password-file = {secret:?}\n", folder.store()));
    let (well, said) = run_with(&[], &["--config", &toml, "--print-config"]);
    assert!(well && said.contains("db.password") && !said.contains("hush"), "{said}");
    for (text, mode, wrong) in [("hush", 0o644, "others than its owner"), ("\n", 0o600, "is empty")] {
        let other = file(&folder.join("other.password"), text, mode);
        let (well, said) = run_with(&[("KEEPSET_STORE_PASSWORD_FILE", &other)], &["--config", &toml]);
        assert!(!well && said.contains("KEEPSET_STORE_PASSWORD_FILE: store-password-file: "), "{said}");
        assert!(said.contains(wrong) && !said.contains("hush"), "{said}");
    }
    let (well, said) = run_with(&[], &["compact", "--store", "k.sqlite", "--store-password-file", &secret]);
    assert!(!well && said.contains("--store-password-file: a store of SQLite has no password"), "{said}");
}
