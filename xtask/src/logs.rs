//! `logs`: what the packs find in real logs, whole ones where the tables are, else the samples; tables and charts for docs/real-logs.md.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{chart, markers, paths, shell};

const PAGE: &str = "docs/real-logs.md";

/// A log, the pack that reads it and what of it is shown.
struct Log {
    name: &'static str,
    title: &'static str,
    pack: &'static str,
    mapping: &'static str,
    sample: &'static str,
    /// The tables it is made from, below the folder of the data.
    tables: &'static str,
    /// What the script beside the sample is told to make the whole log.
    make: &'static [&'static str],
    /// Everyone is looked at once in so many days.
    every: &'static str,
    /// The segments drawn; all are listed.
    drawn: &'static [&'static str],
    features: &'static [&'static str],
}

const LOGS: [Log; 6] = [
    Log {
        name: "journey",
        title: "Complete Journey",
        pack: "retail",
        mapping: "mapping.json",
        sample: "complete_journey_sample.csv.gz",
        tables: "complete_journey",
        make: &["--all"],
        every: "28",
        drawn: &["best", "regular", "lapsed", "coupon_lover", "likely_coupon"],
        features: &["orders_28d", "spend_84d", "days_since_order", "habit", "coupons_84d"],
    },
    Log {
        name: "wholesale",
        title: "Online Retail II",
        pack: "wholesale",
        mapping: "mapping.json",
        sample: "online_retail_ii_sample.csv.gz",
        tables: "online_retail_ii",
        make: &["--all"],
        every: "28",
        drawn: &["champion", "overdue", "welcome", "big_spender", "asleep"],
        features: &[
            "gross",
            "spend",
            "refund_share",
            "refunds",
            "matched_refunds",
            "unmatched",
            "undone_84d",
            "days_since_order",
            "rfm",
            "mean_order",
            "rhythm",
            "overdue_by",
            "country",
        ],
    },
    Log {
        name: "weblog",
        title: "Web log",
        pack: "weblog",
        mapping: "mapping.json",
        sample: "access_log.csv.gz",
        tables: "weblog",
        make: &["--all"],
        every: "1",
        drawn: &["robot", "bouncer", "from_search", "blog_first", "regular"],
        features: &[
            "pages",
            "robot_hits",
            "visits",
            "depth",
            "minutes",
            "bounces",
            "sections",
            "entered_at",
            "came_by",
            "likes",
        ],
    },
    Log {
        name: "clickstream",
        title: "Click stream",
        pack: "clickstream",
        mapping: "mapping.json",
        sample: "clickstream_sample.csv.gz",
        tables: "clickstream_synthetic",
        make: &["--all"],
        every: "7",
        drawn: &["buyer", "nearly_there", "left_cart", "searcher", "warming"],
        features: &[
            "orders",
            "funnels",
            "smooth_funnels",
            "in_cart",
            "troubles",
            "visits",
            "depth",
            "bounces",
            "first_touch",
            "last_touch",
            "habit_page",
        ],
    },
    Log {
        name: "otto",
        title: "OTTO",
        pack: "clickstream",
        mapping: "mapping_otto.json",
        sample: "otto_20_sessions.csv.gz",
        tables: "otto",
        make: &["--otto", "--all"],
        every: "1",
        drawn: &["buyer", "left_cart", "warming", "curious"],
        features: &["orders", "funnels", "funnel_depth", "in_cart", "items", "visits", "depth"],
    },
    Log {
        name: "b2b",
        title: "Leads",
        pack: "b2b",
        mapping: "mapping.json",
        sample: "leads_sample.csv.gz",
        tables: "b2b_synthetic",
        make: &["--all"],
        every: "4",
        drawn: &["hot", "warm", "leans_in", "silent", "leave_alone"],
        features: &[
            "score",
            "warmth",
            "touches_28d",
            "gap",
            "weeks_in_a_row",
            "silent_for",
            "journeys",
            "first_touch",
            "last_touch",
            "channel",
        ],
    },
];

/// Surveys every log, prints what was found, and writes it into docs/real-logs.md when asked.
pub(crate) fn run(write: bool) -> Result<()> {
    shell::step("logs: building the tool");
    shell::run(shell::cargo("build").args(["--release", "--locked", "--package", "keepset-cli"]))?;
    let tool = shell::target_folder()?.join("release/keepset");
    let out = paths::at("target/logs");
    std::fs::create_dir_all(&out)?;
    let mut overview = heading(&[
        "log",
        "people",
        "events",
        "from",
        "to",
        "late",
        "twice",
        "refused",
        "events a second",
        "changes by time alone",
    ]);
    for log in &LOGS {
        shell::step(&format!("logs: {}", log.title));
        let (events, whole) = log.events()?;
        let found = log.survey(&tool, &events, &out)?;
        overview += &log.row(&found, whole);
        let section = log.section(&found)?;
        println!("{}", section.lines().filter(|line| !line.contains('<')).collect::<Vec<_>>().join("\n"));
        if write {
            markers::write(&paths::at(PAGE), log.name, &section)?;
        }
    }
    println!("{overview}");
    if write {
        markers::write(&paths::at(PAGE), "logs", &overview)?;
        println!("    wrote the tables and charts in {PAGE}");
    }
    Ok(())
}

impl Log {
    /// Finds the whole log, making it from its tables, or the sample; tells which it is.
    fn events(&self) -> Result<(PathBuf, bool)> {
        let fixtures = paths::at("packs").join(self.pack).join("fixtures");
        let sample = fixtures.join(self.sample);
        let data =
            std::env::var_os("KEEPSET_DATA").map_or_else(|| paths::at("../shared/data"), PathBuf::from);
        if !data.join(self.tables).is_dir() || shell::find(["python3"]).is_none() {
            println!("    the tables or python3 are missing: this is the sample");
            return Ok((sample, false));
        }
        let whole = paths::at("target/data").join(format!("{}.csv.gz", self.name));
        let mut python = shell::command("python3");
        python
            .arg(fixtures.join("make_sample.py"))
            .args(self.make)
            .arg("--out")
            .arg(&whole)
            .env("KEEPSET_DATA", &data);
        shell::run(&mut python)?;
        Ok((whole, true))
    }

    fn survey(&self, tool: &Path, events: &Path, out: &Path) -> Result<Value> {
        let folder = paths::at("packs").join(self.pack);
        let json = out.join(format!("{}.json", self.name));
        let mut survey = shell::command(tool);
        survey.args(["survey", "--every", self.every, "--strict", "--pack"]).arg(folder.join("pack.json"));
        survey
            .arg("--mapping")
            .arg(folder.join(self.mapping))
            .arg("--events")
            .arg(events)
            .arg("--json")
            .arg(&json);
        shell::read(&mut survey)?;
        serde_json::from_str(&std::fs::read_to_string(&json)?).context("the tool wrote no JSON")
    }

    fn row(&self, found: &Value, whole: bool) -> String {
        let intake = |key: &str| thousands(&found["intake"][key]);
        let events = found["intake"]["accepted"].as_f64().unwrap_or_default();
        let speed = events / found["seconds"].as_f64().unwrap_or(f64::INFINITY);
        let segments = || found["segments"].as_array().into_iter().flatten();
        let changes = |key: &str| segments().filter_map(|segment| segment[key].as_f64()).sum::<f64>();
        let title = if whole { self.title.to_owned() } else { format!("{} (sample)", self.title) };
        let cells = [
            title,
            thousands(&found["people"]),
            thousands(&found["intake"]["accepted"]),
            chart::day(&found["first"]),
            chart::day(&found["last"]),
            intake("late"),
            intake("duplicates"),
            intake("refused"),
            // Two figures are all a shared machine repeats.
            grouped((speed / 1e4).round() * 1e4),
            format!("{:.0} %", changes("by_time") / (changes("entered") + changes("left")).max(1.0) * 100.0),
        ];
        line(&cells)
    }

    fn section(&self, found: &Value) -> Result<String> {
        let people = found["people"].as_f64().unwrap_or(1.0);
        let mut text =
            heading(&["segment", "members at the end", "share", "entered", "left", "by time alone"]);
        for segment in list(found, "segments")? {
            let share = segment["members"].as_f64().unwrap_or_default() / people;
            let of = |key: &str| thousands(&segment[key]);
            let name = format!("`{}`", segment["id"].as_str().unwrap_or_default());
            text += &line(&[
                name,
                of("members"),
                format!("{:.1} %", share * 100.0),
                of("entered"),
                of("left"),
                of("by_time"),
            ]);
        }
        text.push('\n');
        text += &heading(&[
            "feature at the end",
            "people",
            "sum",
            "quarter",
            "half",
            "three quarters",
            "largest",
        ]);
        let features = list(found, "features")?;
        let mut labels = String::new();
        for name in self.features {
            let feature = features.iter().find(|feature| feature["id"] == **name);
            let feature = feature.with_context(|| format!("{} has no feature {name}", self.pack))?;
            let named = format!("{} (`{name}`)", feature["title"].as_str().unwrap_or_default());
            if let Some(counts) = feature["labels"].as_object().filter(|counts| !counts.is_empty()) {
                let mut counts: Vec<(&String, u64)> =
                    counts.iter().map(|(label, count)| (label, count.as_u64().unwrap_or(0))).collect();
                counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                let counts: Vec<String> =
                    counts.iter().map(|(label, count)| format!("{label} {count}")).collect();
                let _ = writeln!(labels, "- {named}: {}", counts.join(", "));
                continue;
            }
            let at = |index: usize| number(&feature["quartiles"][index]);
            let cells = [
                named,
                thousands(&feature["people"]),
                number(&feature["sum"]),
                at(0),
                at(1),
                at(2),
                number(&feature["range"][1]),
            ];
            text += &line(&cells);
        }
        if !labels.is_empty() {
            let _ = write!(text, "\n{labels}");
        }
        let _ = write!(text, "\n{}\n", chart::shares(self.title, found, self.drawn)?);
        Ok(text)
    }
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("the survey has no {key}"))
}

fn heading(cells: &[&str]) -> String {
    let rule: Vec<&str> =
        cells.iter().enumerate().map(|(index, _)| if index == 0 { "---" } else { "---:" }).collect();
    format!("| {} |\n| {} |\n", cells.join(" | "), rule.join(" | "))
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn thousands(value: &Value) -> String {
    value.as_f64().map_or("-".into(), grouped)
}

/// Writes a whole number with a comma at every third digit.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// Writes a value: whole when it is large, else to two decimals.
fn number(value: &Value) -> String {
    let Some(value) = value.as_f64() else { return "-".into() };
    if value.abs() >= 1_000.0 {
        return grouped(value);
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        assert_eq!(grouped(1_234_567.0), "1,234,567");
        assert_eq!(grouped(-999.6), "-1,000");
        assert_eq!(number(&serde_json::json!(0.5)), "0.5");
        assert_eq!(number(&serde_json::json!(20_000.4)), "20,000");
        assert_eq!(number(&Value::Null), "-");
    }

    #[test]
    fn every_log_names_a_pack_a_mapping_and_a_sample_that_are_there() {
        for log in &LOGS {
            let folder = paths::at("packs").join(log.pack);
            for file in ["pack.json".into(), log.mapping.to_owned(), format!("fixtures/{}", log.sample)] {
                assert!(folder.join(&file).is_file(), "{}: {file}", log.title);
            }
            let page = std::fs::read_to_string(paths::at(PAGE)).unwrap();
            assert!(page.contains(&format!("<!-- {}:begin -->", log.name)), "{}", log.name);
        }
    }
}
