//! Texts and words with what they are worth: lines of `value<TAB>text`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use keepset_sentiment::Rules;
use keepset_sentiment::words::word;
use serde::Deserialize;

use crate::commands::read;

/// A text somebody judged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    /// From -1, a complaint, to 1, praise.
    pub(super) value: f64,
    pub(super) text: String,
}

/// Texts of one kind, and how much each of them counts in training.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub(super) name: String,
    pub(super) weight: f64,
    pub(super) texts: Vec<Text>,
}

impl Texts {
    /// Reads `FILE` or `FILE=WEIGHT`.
    pub(super) fn read(argument: &str) -> anyhow::Result<Self> {
        let (path, weight) = argument.rsplit_once('=').unwrap_or((argument, "1"));
        let weight: f64 = weight.parse().with_context(|| format!("{argument}: {weight} is no weight"))?;
        ensure!(weight.is_finite() && weight > 0.0, "{argument}: a weight is above 0");
        let texts = lines(Path::new(path))?;
        let texts: Vec<Text> = texts.into_iter().map(|(value, text)| Text { value, text }).collect();
        if let Some(text) = texts.iter().find(|text| !(-1.0..=1.0).contains(&text.value)) {
            bail!("{path}: the value {} is not within -1 to 1", text.value);
        }
        for (kind, is_there) in [
            ("praise", texts.iter().any(|text| text.value > 0.0)),
            ("complaint", texts.iter().any(|text| text.value < 0.0)),
        ] {
            ensure!(is_there, "{path} holds no {kind}: there is nothing to tell apart");
        }
        let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, weight, texts })
    }
}

/// Reads what people think of words; of a word that is there twice the first counts.
pub(super) fn words(path: &Path) -> anyhow::Result<BTreeMap<u32, f64>> {
    let mut words = BTreeMap::new();
    for (value, text) in lines(path)? {
        // An entry of several words is no word.
        if let Some(word) = word(&text) {
            words.entry(word).or_insert(value);
        }
    }
    Ok(words)
}

fn lines(path: &Path) -> anyhow::Result<Vec<(f64, String)>> {
    let shown = path.display();
    let content = read(path)?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(content.lines()).filter(|(_, line)| !line.is_empty()) {
        let place = || format!("{shown}, line {number}: what is wanted is a number, a tab and a text");
        let (value, text) = line.split_once('\t').with_context(place)?;
        let value: f64 =
            value.trim().parse().ok().filter(|value: &f64| value.is_finite()).with_context(place)?;
        lines.push((value, text.to_owned()));
    }
    Ok(lines)
}

/// The words of a language that act on others, as its file of rules has them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    negators: Vec<String>,
    boosters: Vec<String>,
    dampeners: Vec<String>,
    contrasts: Vec<String>,
}

/// Reads the rules of a language.
pub(super) fn rules(path: &Path) -> anyhow::Result<Rules> {
    let shown = path.display();
    let content = read(path)?;
    let file: RulesFile =
        serde_json::from_str(&content).with_context(|| format!("{shown} holds no rules"))?;
    let hashes = |name: &str, list: &[String]| {
        ensure!(list.len() <= 255, "{shown}: more than 255 {name}");
        list.iter()
            .map(|text| word(text).with_context(|| format!("{shown}, {name}: \"{text}\" is not one word")))
            .collect::<anyhow::Result<Vec<u32>>>()
    };
    Ok(Rules {
        negators: hashes("negators", &file.negators)?,
        boosters: hashes("boosters", &file.boosters)?,
        dampeners: hashes("dampeners", &file.dampeners)?,
        contrasts: hashes("contrasts", &file.contrasts)?,
    })
}
