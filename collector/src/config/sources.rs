//! Where settings come from: the command line has the last word, then the environment, then the file.
//!
//! What the other two say is checked value by value with the parser of its option, so that a mistake is named where it stands, and then
//! handed to clap as if it had been typed: what belongs together and what excludes what is decided once for all of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use super::{Arguments, file, shown};
use crate::private;
use crate::store::Address;

/// What the name of a setting begins with in the environment.
const PREFIX: &str = "KEEPSET_";
/// A name in the environment that begins with so many letters of a setting is meant to be it; other programs have names there, too.
const LETTERS: usize = 8;

/// What was set elsewhere than on the command line.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) values: Vec<String>,
    pub(super) place: String,
}

/// Where each setting stands that was not given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<String, String>);

/// The settings, and where they come from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub arguments: Arguments,
    /// Where they come from.
    pub sources: Sources,
    matches: ArgMatches,
}

impl Loaded {
    /// Reads the command line, the environment and the file that either of them names.
    ///
    /// # Errors
    /// One sentence that names the key and where it stands; or what clap has to say.
    pub fn read(given: &[OsString], environment: &[(OsString, OsString)]) -> Result<Self, LoadError> {
        let command = Arguments::command();
        let typed = |key: &str| position(given, key).is_some();
        let asks = ["--help", "-h", "--version", "-V"].iter().any(|flag| given.iter().any(|one| one == flag));
        let serves = given.get(1).is_none_or(|first| command.find_subcommand(first).is_none());
        let mut settings = Vec::new();
        if serves && !asks {
            settings = of_environment(environment, &command).map_err(LoadError::Sentence)?;
            if let Some(path) = config_file(given, &settings) {
                let of_file = file::read(Path::new(&path), &command).map_err(LoadError::Sentence)?;
                check_private(Path::new(&path), &of_file).map_err(LoadError::Sentence)?;
                for setting in of_file {
                    if settings.iter().all(|other| other.key != setting.key) {
                        settings.push(setting);
                    }
                }
            }
        }
        settings.retain(|setting| !typed(&setting.key));
        let mut all: Vec<OsString> = given.first().cloned().into_iter().collect();
        for setting in &settings {
            // Every key is an option's by now.
            let option = command.get_arguments().find(|option| option.get_long() == Some(&setting.key));
            all.extend(option.map(|option| check(option, setting)).transpose()?.unwrap_or_default());
        }
        all.extend(given.iter().skip(1).cloned());
        let matches = command.try_get_matches_from(all).map_err(LoadError::of_clap)?;
        let arguments = Arguments::from_arg_matches(&matches).map_err(LoadError::of_clap)?;
        let sources = settings.into_iter().map(|setting| (setting.key, setting.place)).collect();
        Ok(Self { arguments, sources: Sources(sources), matches })
    }

    /// Writes the settings as a file would have them, and where each comes from.
    ///
    /// # Privacy
    /// Passwords, and what else of an address may be a secret, are left out.
    #[must_use]
    pub fn shown(&self) -> String {
        let command = Arguments::command();
        shown::text(command.get_arguments(), &self.matches, |key| self.sources.0.get(key).map(String::as_str))
    }
}

impl Sources {
    /// Says where a setting stands that a sentence begins with as an option.
    #[must_use]
    pub fn placed(&self, sentence: &str) -> String {
        let named = sentence.strip_prefix("--").and_then(|rest| rest.split_once(": "));
        let placed = named.and_then(|(key, rest)| Some(format!("{}: {key}: {rest}", self.0.get(key)?)));
        placed.unwrap_or_else(|| sentence.to_owned())
    }
}

/// Why there are no settings.
#[derive(Debug)]
pub enum LoadError {
    /// A mistake, named where it stands.
    Sentence(String),
    /// What clap has to say: help, the version, or what is missing.
    Clap(Box<clap::Error>),
}

impl LoadError {
    /// Leaves out the value where clap would repeat it: it may hold a password.
    fn of_clap(error: clap::Error) -> Self {
        match (error.kind(), error.get(ContextKind::InvalidArg)) {
            (ErrorKind::ValueValidation, Some(ContextValue::String(option))) => {
                let option = option.split(' ').next().unwrap_or_default();
                Self::Sentence(format!("{option}: {}", reason(&error)))
            }
            _ => Self::Clap(Box::new(error)),
        }
    }
}

/// Returns what is wrong with a value, without the value.
fn reason(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(right)) if !right.is_empty() => {
            format!("expected one of {}", right.join(", "))
        }
        _ => "this value cannot be used".into(),
    }
}

/// Where an option was typed.
fn position(given: &[OsString], key: &str) -> Option<usize> {
    given.iter().position(|one| {
        let rest = one.to_str().and_then(|one| one.strip_prefix("--")).and_then(|one| one.strip_prefix(key));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// The file of settings that is named, if any.
fn config_file(given: &[OsString], environment: &[Setting]) -> Option<OsString> {
    if let Some(at) = position(given, "config") {
        let typed = given[at].to_str().and_then(|one| one.split_once('='));
        return typed.map_or_else(|| given.get(at + 1).cloned(), |(_, path)| Some(path.into()));
    }
    environment
        .iter()
        .find(|setting| setting.key == "config")
        .and_then(|setting| Some(setting.values.first()?.into()))
}

/// Reads what the environment sets of these options; a list has commas between its values. Names of others are left alone, but for one that is almost ours.
fn of_environment(environment: &[(OsString, OsString)], known: &Command) -> Result<Vec<Setting>, String> {
    let mut settings = Vec::new();
    for (place, value) in environment {
        let Some((place, name)) = place.to_str().and_then(|place| Some((place, place.strip_prefix(PREFIX)?)))
        else {
            continue;
        };
        let key = name.to_lowercase().replace('_', "-");
        let option = known.get_arguments().find(|option| option.get_long() == Some(&key));
        let Some(option) = option.filter(|_| !["help", "version", "print-config"].contains(&&*key)) else {
            match file::nearest(&key, known, LETTERS) {
                Some(meant) if meant != key => {
                    let meant = format!("{PREFIX}{}", meant.replace('-', "_").to_uppercase());
                    return Err(format!("{place}: this is no setting; did you mean {meant}?"));
                }
                _ => continue,
            }
        };
        let value = value.to_str().ok_or_else(|| format!("{place}: this is no text (UTF-8)"))?;
        let values = match option.get_action() {
            ArgAction::Append => value.split(',').map(|one| one.trim().to_owned()).collect(),
            _ => vec![value.to_owned()],
        };
        settings.push(Setting { key, values, place: place.to_owned() });
    }
    Ok(settings)
}

/// Checks a setting with the parser of its option, and returns it as it would be typed.
fn check(option: &Arg, setting: &Setting) -> Result<Vec<OsString>, LoadError> {
    let Setting { key, values, place } = setting;
    let wrong = |what: &str| LoadError::Sentence(format!("{place}: {key}: {what}"));
    if matches!(option.get_action(), ArgAction::SetTrue) {
        return match values.first().map(String::as_str) {
            Some("true") => Ok(vec![format!("--{key}").into()]),
            Some("false") => Ok(Vec::new()),
            _ => Err(wrong("expected true or false")),
        };
    }
    // The option alone: what it needs beside it is looked at when all of them are there.
    let alone = Arg::new("alone")
        .long("alone")
        .action(ArgAction::Set)
        .value_parser(option.get_value_parser().clone());
    let alone = Command::new("setting").arg(alone);
    for value in values {
        alone
            .clone()
            .try_get_matches_from(["setting", &format!("--alone={value}")])
            .map_err(|error| wrong(&reason(&error)))?;
    }
    Ok(values.iter().map(|value| format!("--{key}={value}").into()).collect())
}

/// Refuses a file that holds a password and that others may read.
fn check_private(path: &Path, settings: &[Setting]) -> Result<(), String> {
    let stores = settings.iter().filter(|setting| setting.key == "store").flat_map(|setting| &setting.values);
    let mut stores = stores.filter_map(|value| Address::parse(value).ok());
    if stores.any(|address| address.holds_password()) {
        private::check_mode(path, "a password").map_err(|error| format!("--config: {error}"))?;
    }
    Ok(())
}
