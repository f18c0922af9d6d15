//! A file of settings: TOML, whose keys are the options by their names, each with the line it stands in.

use std::path::Path;

use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::sources::Setting;

/// Reads a file of settings; `known` are the options there are.
///
/// # Errors
/// One sentence that names the file, the line and the key.
pub(super) fn read(path: &Path, known: &Command) -> Result<Vec<Setting>, String> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("--config: {shown} cannot be read: {error}"))?;
    parse(&shown, &text, known)
}

fn parse(shown: &str, text: &str, known: &Command) -> Result<Vec<Setting>, String> {
    let place = |at: usize| {
        let lines = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        format!("{shown}:{}", lines + 1)
    };
    let table = DeTable::parse(text).map_err(|error| {
        // The words of the parser would show the line, in which a password may stand.
        format!("{}: {}", place(error.span().map_or(0, |span| span.start)), error.message())
    })?;
    let mut settings = Vec::new();
    for (key, value) in table.get_ref() {
        let (name, place) = (key.get_ref().as_ref(), place(key.span().start));
        let option = known.get_arguments().find(|option| option.get_long() == Some(name));
        let option = option.filter(|_| !["config", "print-config"].contains(&name));
        let option = option.ok_or_else(|| unknown(&place, name, known))?;
        let values =
            values(value, option.get_action()).map_err(|expected| format!("{place}: {name}: {expected}"))?;
        settings.push(Setting { key: name.to_owned(), values, place });
    }
    Ok(settings)
}

/// Reads a value as the texts that an option would have.
fn values(value: &Spanned<DeValue<'_>>, action: &ArgAction) -> Result<Vec<String>, &'static str> {
    match (value.get_ref(), action) {
        (DeValue::Boolean(set), ArgAction::SetTrue) => Ok(vec![set.to_string()]),
        (_, ArgAction::SetTrue) => Err("expected true or false"),
        (DeValue::Array(list), ArgAction::Append) => {
            list.iter().map(|one| text(one).ok_or("expected a list of texts")).collect()
        }
        (_, ArgAction::Append) => {
            text(value).map(|one| vec![one]).ok_or("expected a text or a list of texts")
        }
        _ => text(value).map(|one| vec![one]).ok_or("expected a text or a whole number"),
    }
}

fn text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
        }
        _ => None,
    }
}

/// Says that there is no such setting, and which one looks most like it.
fn unknown(place: &str, key: &str, known: &Command) -> String {
    let nearest = nearest(&key.replace('_', "-"), known, 3);
    let hint = nearest.map_or_else(|| "see --help".to_owned(), |name| format!("did you mean {name}?"));
    format!("{place}: {key} is no setting; {hint}")
}

/// Returns the option that has most letters of `key` at its beginning, and so many at least.
pub(super) fn nearest<'a>(key: &str, known: &'a Command, least: usize) -> Option<&'a str> {
    let alike = |name: &&str| name.bytes().zip(key.bytes()).take_while(|(one, other)| one == other).count();
    known.get_arguments().filter_map(Arg::get_long).max_by_key(alike).filter(|name| alike(name) >= least)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::config::Arguments;

    fn settings(text: &str) -> Result<Vec<Setting>, String> {
        parse("k.toml", text, &Arguments::command())
    }

    #[test]
    fn texts_numbers_truths_and_lists_are_read_with_their_lines() {
        let text = "plan = 'p.json'\n\nrate-per-address = 1_000\nsimulation = true\nlabels = [\"a\", \"b\"]\ntrusted-proxy = \"10.0.0.0/8\"\n";
        let read: Vec<(String, Vec<String>, String)> =
            settings(text).unwrap().into_iter().map(|one| (one.key, one.values, one.place)).collect();
        let row = |key: &str, values: &[&str], line: u32| {
            (key.to_owned(), values.iter().map(|one| (*one).to_owned()).collect(), format!("k.toml:{line}"))
        };
        let expected = [
            row("labels", &["a", "b"], 5),
            row("plan", &["p.json"], 1),
            row("rate-per-address", &["1000"], 3),
            row("simulation", &["true"], 4),
            row("trusted-proxy", &["10.0.0.0/8"], 6),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_its_key() {
        for (text, said) in [
            (
                "plan = 'p'\nrate-per-adress = 3",
                "k.toml:2: rate-per-adress is no setting; did you mean rate-per-address?",
            ),
            (
                "rate_per_address = 3",
                "k.toml:1: rate_per_address is no setting; did you mean rate-per-address?",
            ),
            ("zzz = 3", "k.toml:1: zzz is no setting; see --help"),
            ("config = 'other.toml'", "k.toml:1: config is no setting; did you mean config?"),
            ("\n[tls]\ncert = 'c'", "k.toml:2: tls is no setting; did you mean tls-key?"),
            ("simulation = 'yes'", "k.toml:1: simulation: expected true or false"),
            ("labels = [1.5]", "k.toml:1: labels: expected a list of texts"),
            ("plan = [\"p\"]", "k.toml:1: plan: expected a text or a whole number"),
            ("plan = 'p'\nplan = 'q'", "k.toml:2: duplicate key"),
        ] {
            let found = settings(text).unwrap_err();
            assert!(found.starts_with(said), "{found}");
        }
        let hush = settings("store = \"postgres://a:hush@b/c").unwrap_err();
        assert!(hush.starts_with("k.toml:1: ") && !hush.contains("hush"), "{hush}");
    }
}
