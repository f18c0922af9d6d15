//! What an operator does with an issuer of tokens: make, list and retire its keys, and run it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use keepset_privacy::{Coins as _, SystemCoins};
use keepset_wire::{DAY_MS, Timestamp, hex};
use tokio::net::TcpListener;

use crate::clock::system_now;
use crate::issuer::{Counts, Issuing, Signer, router, signer};
use crate::report_tokens::TokenKeys;
use crate::report_tokens::keys::{Issuer, TokenKey};
use crate::{private, signals};

/// So long tokens of a key are taken unless told otherwise: a quarter. Tokens that somebody saves up are worth nothing after it.
const KEY_DAYS: i64 = 91;
/// The shortest secret of a backend.
const LEAST_SECRET: usize = 32;

/// An issuer to run.
#[derive(Clone, Debug, Args)]
pub struct IssuerCommand {
    /// Its keys, which `keepset-collector keys new --issuer` makes.
    #[arg(long, value_name = "FILE", env = "KEEPSET_ISSUER_KEYS", default_value = "issuer.json")]
    pub keys: PathBuf,
    /// The secret with which the site's backend asks, a line of 32 characters or more; a file that others than its owner may use is refused.
    #[arg(long, value_name = "FILE", env = "KEEPSET_ISSUER_SECRET")]
    pub secret: PathBuf,
    /// How many tokens each visitor has had, by a keyed hash; made for its owner alone when it does not exist.
    #[arg(long, value_name = "FILE", env = "KEEPSET_ISSUER_COUNTS", default_value = "issuer-counts.sqlite")]
    pub counts: PathBuf,
    /// The address to listen on, which the backend reaches and nobody else; port 0 takes a free one and prints it.
    #[arg(long, value_name = "ADDRESS", env = "KEEPSET_ISSUER_LISTEN", default_value = "127.0.0.1:8788")]
    pub listen: SocketAddr,
    /// How many tokens a visitor gets in a period: one for each report, and some that are lost on the way.
    #[arg(long, value_name = "N", env = "KEEPSET_ISSUER_TOKENS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub tokens: u32,
    /// How long a period is; as long as a window of the plan is right.
    #[arg(long, value_name = "DAYS", env = "KEEPSET_ISSUER_PERIOD_DAYS", default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub period_days: u32,
}

impl IssuerCommand {
    pub(super) fn run(&self) -> Result<String, String> {
        let signer = Signer::load(&self.keys).map_err(|error| format!("--keys: {error}"))?;
        let secret = private::read(&self.secret, "the backend's secret")
            .map_err(|error| format!("--secret: {error}"))?;
        let secret = secret.trim();
        if secret.len() < LEAST_SECRET {
            return Err(format!(
                "--secret: {} holds fewer than {LEAST_SECRET} characters",
                self.secret.display()
            ));
        }
        let draw = || SystemCoins::open().and_then(|mut coins| coins.secret()).ok();
        let counts = Counts::open(&self.counts, self.tokens, self.period_days, draw)
            .map_err(|error| format!("--counts: {error}"))?;
        let issuing = Issuing::new(signer, counts, secret);
        let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("no threads: {error}"))?;
        runtime.block_on(self.serve(Arc::new(issuing)))?;
        Ok("keepset-collector: the issuer has stopped\n".into())
    }

    async fn serve(&self, issuing: Arc<Issuing>) -> Result<(), String> {
        let listener = TcpListener::bind(self.listen)
            .await
            .map_err(|error| format!("--listen: {} cannot be used: {error}", self.listen))?;
        let address = listener.local_addr().map_err(|error| format!("--listen: {error}"))?;
        let stop = signals::stop().map_err(|error| format!("signals cannot be heard: {error}"))?;
        tokio::spawn(forget_what_is_over(Arc::clone(&issuing)));
        // Nobody may be reading; that is no reason not to serve.
        let _ = writeln!(std::io::stdout(), "keepset-collector: issuer on http://{address}/");
        let serving = axum::serve(listener, router(issuing)).with_graceful_shutdown(stop);
        serving.await.map_err(|error| format!("the issuer stopped: {error}"))
    }
}

/// Forgets who asked when their period is over, also where nobody asks any more.
async fn forget_what_is_over(issuing: Arc<Issuing>) {
    let mut hours = tokio::time::interval(Duration::from_secs(3_600));
    loop {
        hours.tick().await;
        let forgetting = Arc::clone(&issuing);
        // What panics there is told when it is next asked for.
        let _ = tokio::task::spawn_blocking(move || forgetting.forget()).await;
    }
}

/// Tells whether a file is that of an issuer.
pub(super) fn is_issuers(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    keepset_wire::document::parse(&text).is_ok_and(|document| document.get("issuers").is_some())
}

/// Makes a key, in a new file or beside those in it, and returns what is to be given to collectors and devices.
pub(super) fn new_key(
    path: &Path,
    names: Option<(&str, &str)>,
    (from, until): (Timestamp, Option<Timestamp>),
) -> Result<String, String> {
    let until = until.unwrap_or_else(|| from.saturating_add(KEY_DAYS * DAY_MS));
    if until <= from {
        return Err("a key's last day comes after its first".into());
    }
    let mut file = match (path.exists(), names) {
        (true, _) => signer::read(path)?,
        (false, Some((name, origin))) => {
            TokenKeys { origin: origin.into(), issuers: vec![Issuer { name: name.into(), keys: Vec::new() }] }
        }
        (false, None) => {
            return Err("a new file of an issuer needs --name, its host, and --origin, the collector's: what tokens are made for".into());
        }
    };
    if let Some((name, origin)) =
        names.filter(|(name, origin)| file.issuers[0].name != *name || file.origin != *origin)
    {
        return Err(format!(
            "{} is not of the issuer {name} for {origin}: name another file",
            path.display()
        ));
    }
    // Requests call a key by the last byte of its name: one in 256 is made in vain.
    let key = loop {
        let key = signer::make(from, until)?;
        if file.keys().all(|other| other.public.id()[31] != key.public.id()[31]) {
            break key;
        }
    };
    file.issuers[0].keys.push(key);
    // What is written is read first: a name that is none is said before there is a file.
    let text = file.private_text();
    TokenKeys::parse(&text).map_err(|mistake| mistake.to_string())?;
    private::write(path, &text)?;
    Ok(public(&file))
}

/// Lists keys and how they stand.
pub(super) fn list(path: &Path, json: bool, now: Timestamp) -> Result<String, String> {
    let file = signer::read(path)?;
    if json {
        return Ok(public(&file));
    }
    let mut text =
        format!("{:>3}  {:<10}  {:<10}  {:<8}  name of the key\n", "id", "from", "until", "standing");
    for (key, id) in file.keys().zip(1..) {
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{id:>3}  {:<10}  {:<10}  {:<8}  {}",
            key.from.date(),
            key.until.date(),
            standing(key, now),
            hex(&key.public.id())
        );
    }
    Ok(text)
}

fn standing(key: &TokenKey, now: Timestamp) -> &'static str {
    match () {
        () if now < key.from => "to come",
        () if now < key.until => "in use",
        () => "over",
    }
}

/// Deletes a key.
pub(super) fn retire(path: &Path, id: u8, in_use: bool) -> Result<String, String> {
    let mut file = signer::read(path)?;
    let keys = &mut file.issuers[0].keys;
    let at = usize::from(id).checked_sub(1).filter(|at| *at < keys.len());
    let at = at.ok_or_else(|| format!("no key with the number {id} is held"))?;
    if keys[at].is_in_use(system_now()) && !in_use {
        return Err(format!(
            "key {id} is in use: tokens of it would be worth nothing; add --in-use to retire it all the same"
        ));
    }
    if keys.len() == 1 {
        return Err("it is the only key: make another one first".into());
    }
    keys.remove(at);
    private::write(path, &file.private_text())?;
    Ok(format!(
        "key {id} is deleted, and those behind it have moved up: restart the issuer, and give collectors and devices what `keys list --json` prints\n"
    ))
}

fn public(file: &TokenKeys) -> String {
    format!("{:#}\n", file.public_json())
}
