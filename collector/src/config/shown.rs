//! The settings as they are printed: a file of settings that could be used again, but for what is secret.

use std::fmt::Write as _;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use crate::store::Address;

/// Writes every setting that has a value, and where it comes from.
pub(super) fn text<'a, 'b>(
    options: impl Iterator<Item = &'a Arg>,
    matches: &ArgMatches,
    place: impl Fn(&str) -> Option<&'b str>,
) -> String {
    let mut text = String::new();
    for option in options {
        let (id, key) = (option.get_id().as_str(), option.get_long().unwrap_or_default());
        if ["help", "version", "print-config", "config"].contains(&key) {
            continue;
        }
        let Some(value) = value(option, key, matches) else { continue };
        let typed = matches.value_source(id) == Some(ValueSource::CommandLine);
        let from = place(key).unwrap_or(if typed { "command line" } else { "default" });
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{key} = {value}  # {from}");
    }
    text
}

/// Writes a value as TOML has it; nothing where there is none.
fn value(option: &Arg, key: &str, matches: &ArgMatches) -> Option<String> {
    let id = option.get_id().as_str();
    if matches!(option.get_action(), ArgAction::SetTrue) {
        return Some(matches.get_flag(id).to_string());
    }
    let raw: Vec<String> =
        matches.get_raw(id)?.map(|one| public(key, &one.to_string_lossy())).map(|one| quoted(&one)).collect();
    match option.get_action() {
        ArgAction::Append => Some(format!("[{}]", raw.join(", "))),
        _ => raw.into_iter().next(),
    }
}

/// Leaves out what may be a secret: a password, and in the address of a receiver whatever stands behind its host.
fn public(key: &str, value: &str) -> String {
    match key {
        "store" => Address::parse(value).map(|address| address.to_string()).unwrap_or_default(),
        "webhook" => {
            let uri: Option<ureq::http::Uri> = value.parse().ok();
            let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?)));
            parts.map_or_else(String::new, |(scheme, host)| format!("{scheme}://{host}/..."))
        }
        _ => value.to_owned(),
    }
}

/// Quotes a text; what JSON escapes, TOML reads the same way. Numbers stay numbers.
fn quoted(text: &str) -> String {
    match text.parse::<u32>() {
        Ok(number) => number.to_string(),
        Err(_) => serde_json::Value::from(text).to_string(),
    }
}
