//! `keepset sentiment`: makes the lexicon a page scores texts by, measures it, and scores texts.

mod learn;
mod texts;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use keepset_sentiment::{Lexicon, english};

use crate::fleet::fingerprint;
use crate::learn::chance::Chance;
use crate::markers;
use crate::train::quality::{Interval, Scored, auc_with_interval};
use learn::Source;
use texts::{Text, Texts};

/// What can be done with sentiment.
#[derive(Debug, Subcommand)]
pub enum SentimentCommand {
    /// Learns a lexicon from judged texts and judged words
    Train(TrainArguments),
    /// Measures a lexicon on judged texts: how often praise scores above complaint
    Evaluate(EvaluateArguments),
    /// Scores every line of standard input, from -1 to 1
    Score(LexiconArguments),
}

/// What to learn from.
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// Lines of a value from -1 to 1, a tab and a text; `FILE=0.3` counts each of its texts as three tenths of one; may be given several times
    #[arg(long, required = true)]
    pub texts: Vec<String>,
    /// Lines of a value, a tab and a word: what people think of words
    #[arg(long)]
    pub words: PathBuf,
    /// The words of the language that negate, strengthen, weaken and contrast (JSON)
    #[arg(long)]
    pub rules: PathBuf,
    /// How many terms the lexicon may hold
    #[arg(long, default_value_t = 6_800, value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub terms: u32,
    /// The file to write the lexicon to
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    /// Also measure: each kind of texts by a lexicon that never saw its kind, and by one that saw four fifths of it
    #[arg(long)]
    pub measure: bool,
    /// The page whose table of these measurements is written anew
    #[arg(long, requires = "measure")]
    pub page: Option<PathBuf>,
}

/// A lexicon and texts to measure it on.
#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// Lines of a value, a tab and a text; may be given several times
    #[arg(long, required = true)]
    pub texts: Vec<String>,
    /// The lexicon
    #[command(flatten)]
    pub lexicon: LexiconArguments,
}

/// A lexicon.
#[derive(Debug, Args)]
pub struct LexiconArguments {
    /// A lexicon that `sentiment train` wrote; the one that ships when none is named
    #[arg(long)]
    pub lexicon: Option<PathBuf>,
}

impl LexiconArguments {
    fn read(&self) -> anyhow::Result<Lexicon> {
        let Some(path) = &self.lexicon else { return Ok(Lexicon::from_bytes(english())?) };
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Lexicon::from_bytes(&bytes).with_context(|| path.display().to_string())
    }
}

/// Does what is asked.
///
/// # Errors
/// When a file cannot be read or written, or holds something else.
pub fn run(command: &SentimentCommand, say: &mut dyn FnMut(&str)) -> anyhow::Result<String> {
    match command {
        SentimentCommand::Train(arguments) => train(arguments, say),
        SentimentCommand::Evaluate(arguments) => evaluate(arguments),
        SentimentCommand::Score(arguments) => score(&arguments.read()?),
    }
}

fn train(arguments: &TrainArguments, say: &mut dyn FnMut(&str)) -> anyhow::Result<String> {
    let kinds: Vec<Texts> =
        arguments.texts.iter().map(|argument| Texts::read(argument)).collect::<anyhow::Result<_>>()?;
    let words = texts::words(&arguments.words)?;
    let rules = texts::rules(&arguments.rules)?;
    let source = Source { rules: &rules, words: &words, terms: arguments.terms as usize };
    let all: Vec<(&Text, f64)> =
        kinds.iter().flat_map(|kind| kind.texts.iter().map(|text| (text, kind.weight))).collect();
    let lexicon = source
        .learn(&all, &mut |pass, of| say(&format!("all {} texts, pass {} of {of}", all.len(), pass + 1)));
    let bytes = lexicon.to_bytes();
    let mut text = format!(
        "{} terms of {} texts and {} words, {} bytes\n",
        lexicon.len(),
        all.len(),
        words.len(),
        bytes.len()
    );
    if let Some(path) = &arguments.output {
        std::fs::write(path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if arguments.measure {
        let table = measure(&source, &kinds, say)?;
        if let Some(page) = &arguments.page {
            markers::write(page, "sentiment", &table)?;
        }
        text += &table;
    }
    Ok(text)
}

/// Every fifth text is kept back from one lexicon, and each kind of texts from another; a text that occurs twice is kept back with its twin.
fn measure(source: &Source<'_>, kinds: &[Texts], say: &mut dyn FnMut(&str)) -> anyhow::Result<String> {
    let learn = |chosen: &dyn Fn(usize, &Text) -> bool| {
        let all = kinds
            .iter()
            .enumerate()
            .flat_map(|(kind, texts)| texts.texts.iter().map(move |text| (kind, text, texts.weight)));
        let texts = all.filter(|(kind, text, _)| chosen(*kind, text)).map(|(_, text, weight)| (text, weight));
        source.learn(&texts.collect::<Vec<_>>(), &mut |_, _| {})
    };
    let kept_back = |text: &Text| Chance::new(fingerprint(&bare(&text.text)), 5).below(5) == 0;
    say("measuring on a fifth of all");
    let neighbour = learn(&|_, text| !kept_back(text));
    let mut table = String::from(
        "| texts | how many | of a kind never seen | a fifth kept back |\n| --- | ---: | ---: | ---: |\n",
    );
    for (index, kind) in kinds.iter().enumerate() {
        say(&format!("measuring on {}", kind.name));
        let same: HashSet<String> = kind.texts.iter().map(|text| bare(&text.text)).collect();
        let stranger = learn(&|other, text| other != index && !same.contains(&bare(&text.text)));
        let unseen = quality(&stranger, kind.texts.iter())?;
        let held_out = quality(&neighbour, kind.texts.iter().filter(|text| kept_back(text)))?;
        let (name, count) = (&kind.name, kind.texts.len());
        let _ = writeln!(table, "| {name} | {count} | {} | {} |", shown(&unseen), shown(&held_out));
    }
    Ok(table)
}

/// A text without what a copy of it may differ in.
fn bare(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).take(40).flat_map(char::to_lowercase).collect()
}

/// How often praise scores above complaint; what is neither is left out.
fn quality<'a>(lexicon: &Lexicon, texts: impl Iterator<Item = &'a Text>) -> anyhow::Result<Interval> {
    let judged = texts.filter(|text| text.value != 0.0);
    judged_by(judged.map(|text| (text.value, lexicon.margin(&text.text))))
}

fn judged_by(margins: impl Iterator<Item = (f64, i32)>) -> anyhow::Result<Interval> {
    let scored: Vec<Scored> =
        margins.map(|(value, margin)| Scored { margin: f64::from(margin), label: value > 0.0 }).collect();
    auc_with_interval(&scored, 1).context("praise and complaint are both wanted")
}

fn shown(auc: &Interval) -> String {
    format!("{:.3} ({:.3} to {:.3})", auc.value, auc.low, auc.high)
}

fn evaluate(arguments: &EvaluateArguments) -> anyhow::Result<String> {
    let lexicon = arguments.lexicon.read()?;
    let mut table =
        String::from("| texts | how many | AUC | microseconds a text |\n| --- | ---: | ---: | ---: |\n");
    for argument in &arguments.texts {
        let kind = Texts::read(argument)?;
        let begun = Instant::now();
        let margins: Vec<(f64, i32)> =
            kind.texts.iter().map(|text| (text.value, lexicon.margin(&text.text))).collect();
        let each = begun.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(margins.len())?);
        let auc = judged_by(margins.iter().copied().filter(|(value, _)| *value != 0.0))?;
        let _ = writeln!(table, "| {} | {} | {} | {each:.2} |", kind.name, margins.len(), shown(&auc));
    }
    Ok(table)
}

fn score(lexicon: &Lexicon) -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input is no text")?;
    let mut scores = String::new();
    for line in text.lines() {
        let _ = writeln!(scores, "{:.4}\t{line}", lexicon.score(line));
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own with these files.
    fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("keepset-sentiment-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            std::fs::write(folder.join(file), text).unwrap();
        }
        folder
    }

    const RULES: &str = r#"{"negators":["not"],"boosters":["very"],"dampeners":[],"contrasts":["but"]}"#;

    fn arguments(folder: &std::path::Path, texts: &str) -> TrainArguments {
        TrainArguments {
            texts: vec![folder.join(texts).display().to_string()],
            words: folder.join("words.tsv"),
            rules: folder.join("rules.json"),
            terms: 50,
            output: Some(folder.join("own.ksl")),
            measure: false,
            page: None,
        }
    }

    #[test]
    fn a_lexicon_learns_from_texts_and_keeps_what_people_think_of_words_no_text_holds() {
        let texts =
            "1\tsplendid zorbs\n1\tvery splendid\n-1\tdreadful zorbs\n-1\tdreadful but cheap\n".repeat(40);
        let folder = folder(
            "learns",
            &[
                ("texts.tsv", &texts),
                ("words.tsv", "2\tsplendid\n-2\tdreadful\n3\tmarvellous\n"),
                ("rules.json", RULES),
            ],
        );
        train(&arguments(&folder, "texts.tsv"), &mut |_| {}).unwrap();
        let lexicon = LexiconArguments { lexicon: Some(folder.join("own.ksl")) }.read().unwrap();
        assert!(lexicon.score("splendid") > 0.3 && lexicon.score("dreadful") < -0.3);
        assert!(lexicon.score("marvellous") > 0.3, "{}", lexicon.score("marvellous"));
        assert!(lexicon.score("not marvellous") < 0.0);
        assert!(lexicon.score("zorbs").abs() < 0.2);
        // The same texts give the same bytes.
        let bytes = std::fs::read(folder.join("own.ksl")).unwrap();
        train(&arguments(&folder, "texts.tsv"), &mut |_| {}).unwrap();
        assert_eq!(std::fs::read(folder.join("own.ksl")).unwrap(), bytes);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_nothing_can_be_learned_from_is_refused_by_file_and_line() {
        let folder = folder(
            "refuses",
            &[
                ("one.tsv", "1\tgood\n1\tfine\n"),
                ("torn.tsv", "1\tgood\nno tab here\n"),
                ("nan.tsv", "1\tgood\nNaN\tbad\n"),
                ("far.tsv", "1\tgood\n-5\tbad\n"),
                ("words.tsv", "2\tgood\n"),
                ("rules.json", RULES),
            ],
        );
        let refused =
            |texts: &str| format!("{:#}", train(&arguments(&folder, texts), &mut |_| {}).unwrap_err());
        assert!(refused("one.tsv").contains("holds no complaint"));
        assert!(refused("torn.tsv").contains("torn.tsv, line 2"));
        assert!(refused("nan.tsv").contains("nan.tsv, line 2"));
        assert!(refused("far.tsv").contains("-5 is not within -1 to 1"));
        assert!(refused("missing.tsv").contains("cannot read"));
        assert!(refused("one.tsv=0").contains("a weight is above 0"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
