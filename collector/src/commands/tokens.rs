//! What an operator does with tokens: make, list and revoke them.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use keepset_privacy::{Coins as _, SystemCoins};

use crate::access::{self, Role};
use crate::clock::system_now;

/// What can be done with tokens.
#[derive(Clone, Debug, Subcommand)]
pub enum Tokens {
    /// Makes a token, prints it this once, and writes its hash to a new file or beside those in it
    New(NewToken),
    /// Lists who may read, and with what role
    List(TokensFile),
    /// Takes a token back; restart the collector then
    Revoke(RevokeToken),
}

/// A file of tokens.
#[derive(Clone, Debug, Args)]
pub struct TokensFile {
    /// The file of tokens.
    #[arg(long, value_name = "FILE", default_value = "tokens.json")]
    pub tokens: PathBuf,
}

/// A token to make.
#[derive(Clone, Debug, Args)]
pub struct NewToken {
    /// The file.
    #[command(flatten)]
    pub file: TokensFile,
    /// What it is for: viewer, analyst, privacy-officer or operator.
    #[arg(long, value_parser = Role::parse)]
    pub role: Role,
    /// Whose it is: the name in the log of what is read.
    #[arg(long)]
    pub name: String,
}

/// A token to take back.
#[derive(Clone, Debug, Args)]
pub struct RevokeToken {
    /// The file.
    #[command(flatten)]
    pub file: TokensFile,
    /// Whose it is.
    pub name: String,
}

impl Tokens {
    pub(super) fn run(&self) -> Result<String, String> {
        match self {
            Self::New(new) => new.run(),
            Self::List(file) => file.list(),
            Self::Revoke(revoke) => revoke.run(),
        }
    }
}

impl NewToken {
    fn run(&self) -> Result<String, String> {
        let path = &self.file.tokens;
        let mut tokens = if path.exists() { access::Tokens::load(path)? } else { access::Tokens::default() };
        let secret =
            SystemCoins::open().and_then(|mut coins| coins.secret()).map_err(|error| error.to_string())?;
        let token = tokens.add(&self.name, self.role, secret, system_now())?;
        tokens.save(path)?;
        Ok(format!("{token}\n"))
    }
}

impl TokensFile {
    fn list(&self) -> Result<String, String> {
        let tokens = access::Tokens::load(&self.tokens)?;
        let mut text = format!("{:<10}  {:<15}  name\n", "made", "role");
        for (name, role, made) in tokens.list() {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{made:<10}  {:<15}  {name}", role.name());
        }
        Ok(text)
    }
}

impl RevokeToken {
    fn run(&self) -> Result<String, String> {
        let mut tokens = access::Tokens::load(&self.file.tokens)?;
        tokens.revoke(&self.name)?;
        tokens.save(&self.file.tokens)?;
        Ok(format!("the token of {} is revoked: restart the collector\n", self.name))
    }
}
