//! Real logs through the engine: what a pack says of each person, beside the plainest computation of the same from the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use keepset_cli::commands::{read_mapping, read_pack};
use keepset_cli::log::Log;
use keepset_cli::replay::Unwatched;
use keepset_cli::survey::{Found, Survey};
use keepset_engine::{Choice, ConsentChange, Engine};
use keepset_wire::{DAY_MS, HOUR_MS, Timestamp};

const MINUTE: i64 = HOUR_MS / 60;

/// A pack, its mapping and a checked-in log.
struct Case {
    folder: &'static str,
    mapping: &'static str,
    log: &'static str,
}

const WHOLESALE: Case =
    Case { folder: "wholesale", mapping: "mapping.json", log: "online_retail_ii_sample.csv.gz" };
const WEBLOG: Case = Case { folder: "weblog", mapping: "mapping.json", log: "access_log.csv.gz" };
const CLICKSTREAM: Case =
    Case { folder: "clickstream", mapping: "mapping.json", log: "clickstream_sample.csv.gz" };
const OTTO: Case =
    Case { folder: "clickstream", mapping: "mapping_otto.json", log: "otto_20_sessions.csv.gz" };
const B2B: Case = Case { folder: "b2b", mapping: "mapping.json", log: "leads_sample.csv.gz" };

/// What the engines say at the end of the log: every person's values, and everyone's memberships.
struct Said {
    end: i64,
    values: BTreeMap<String, BTreeMap<String, f64>>,
    members: Vec<u64>,
}

/// A row of a log as a test reads it.
type Row = BTreeMap<String, String>;

impl Case {
    fn path(&self, file: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs").join(self.folder).join(file)
    }

    fn log(&self) -> PathBuf {
        self.path("fixtures").join(self.log)
    }

    /// Lives through the log with an engine per person and nothing of the tool but its reader.
    fn said(&self) -> Said {
        let pack = Rc::new(read_pack(&self.path("pack.json")).unwrap());
        let mut engines: BTreeMap<String, (Engine, Timestamp)> = BTreeMap::new();
        for line in Log::open(&[self.log()], Some(read_mapping(&self.path(self.mapping)).unwrap())).unwrap() {
            let Ok(line) = line else { panic!("the log can be read") };
            let (engine, clock) = engines.entry(line.person.clone()).or_insert_with(|| {
                let mut engine = Engine::install(Rc::clone(&pack), line.heard);
                let yes = ConsentChange { segmentation: Some(Choice::Granted), ..ConsentChange::default() };
                engine.set_consent(&yes, line.heard);
                (engine, line.heard)
            });
            *clock = line.heard.max(*clock);
            engine.track(&line.event, *clock).unwrap();
        }
        let end = engines.values().map(|(_, clock)| *clock).max().unwrap();
        let mut members = vec![0; pack.segments().len()];
        let values = engines.iter_mut().map(|(person, (engine, _))| {
            engine.tick(end);
            (0..members.len()).for_each(|index| members[index] += u64::from(engine.is_in(index)));
            let known = engine.features(end).filter_map(|(name, value)| Some((name.to_string(), value?)));
            (person.clone(), known.collect())
        });
        Said { end: end.millis(), values: values.collect(), members }
    }

    fn survey(&self) -> Found {
        let survey = Survey {
            pack: read_pack(&self.path("pack.json")).unwrap(),
            events: vec![self.log()],
            mapping: Some(read_mapping(&self.path(self.mapping)).unwrap()),
            strict: true,
            every_days: 7,
        };
        survey.run(&mut Unwatched).unwrap()
    }

    /// The rows of each person, in the order of the log.
    fn rows(&self, person: &str) -> BTreeMap<String, Vec<Row>> {
        let mut people: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let file = MultiGzDecoder::new(std::fs::File::open(self.log()).unwrap());
        for row in csv::Reader::from_reader(file).deserialize() {
            let row: Row = row.unwrap();
            people.entry(row[person].clone()).or_default().push(row);
        }
        people
    }
}

impl Said {
    /// Holds a feature of everyone to what a plain computation makes of the rows; nothing stands for no value.
    fn agree(
        &self,
        feature: &str,
        people: &BTreeMap<String, Vec<Row>>,
        plain: impl Fn(&[Row]) -> Option<f64>,
    ) {
        assert_eq!(people.len(), self.values.len());
        let mut with_value = 0;
        for (person, rows) in people {
            let (said, right) = (self.values[person].get(feature).copied(), plain(rows));
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1.0);
            assert!(
                said.is_none() == right.is_none() && said.zip(right).is_none_or(|(a, b)| close(a, b)),
                "{feature} of {person}: the engine says {said:?}, the rows say {right:?}"
            );
            with_value += usize::from(right.is_some_and(|right| right != 0.0));
        }
        // A feature that is nothing for everyone would agree with anything.
        assert!(with_value * 100 > people.len(), "{feature} is nothing for nearly everyone");
    }
}

fn millis(text: &str) -> i64 {
    // Fixed width: 2009-12-01T07:45:00Z, with a blank in the place of the T in one log.
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let day = Timestamp::from_date(&text[..10]).unwrap().millis();
    day + number(11..13) * HOUR_MS + number(14..16) * MINUTE + number(17..19) * 1_000
}

/// Whether an instant lies in a window of so many days at `end`, which is divided in 32.
fn in_window(at: i64, days: i64, end: i64) -> bool {
    let width = days * DAY_MS / 32;
    at / width > end / width - 32
}

fn at(row: &Row, column: &str) -> i64 {
    millis(&row[column])
}

fn count(rows: &[Row], so: impl Fn(&Row) -> bool) -> f64 {
    rows.iter().filter(|row| so(row)).count() as f64
}

/// Cuts instants, which rise, where they pause for half an hour.
fn sessions(instants: &[i64]) -> Vec<Vec<i64>> {
    let mut sessions: Vec<Vec<i64>> = Vec::new();
    for at in instants {
        match sessions.last_mut() {
            Some(session) if at - session.last().unwrap() < 30 * MINUTE => session.push(*at),
            _ => sessions.push(vec![*at]),
        }
    }
    sessions
}

#[test]
fn a_survey_adds_up_what_the_engines_of_everyone_say() {
    for case in [WHOLESALE, WEBLOG, CLICKSTREAM, OTTO, B2B] {
        let (said, found) = (case.said(), case.survey());
        assert_eq!((found.people, found.last, found.malformed), (said.values.len(), said.end, 0));
        assert_eq!(
            (found.intake.refused, found.intake.undeclared_events, found.intake.undeclared_properties),
            (0, 0, 0)
        );
        for feature in &found.features {
            let values: Vec<f64> =
                said.values.values().filter_map(|values| values.get(&feature.id).copied()).collect();
            assert_eq!(feature.people, values.len(), "{}", feature.id);
            match feature.sum {
                Some(sum) => assert!(
                    (sum - values.iter().sum::<f64>()).abs() <= 1e-9 * sum.abs().max(1.0),
                    "{}",
                    feature.id
                ),
                None => {
                    assert_eq!(feature.labels.values().sum::<u64>(), values.len() as u64, "{}", feature.id)
                }
            }
        }
        let last = found.looks.last().unwrap();
        assert_eq!((last.at, last.people), (said.end, found.people as u64));
        for ((segment, members), told) in found.segments.iter().zip(&last.members).zip(&said.members) {
            assert_eq!(
                (segment.members, segment.entered - segment.left),
                (*members, *members),
                "{}",
                segment.id
            );
            // The tool draws arms for the experiments, the bare engines here are in none.
            if segment.id != "remind" {
                assert_eq!(members, told, "{}", segment.id);
            }
        }
    }
}

#[test]
fn the_web_log_has_the_visits_a_plain_cut_at_pauses_gives() {
    let (said, people) = (WEBLOG.said(), WEBLOG.rows("visitor"));
    let read = |row: &&Row| row["kind"] == "page" && row["bot"] == "0";
    let visits =
        |rows: &[Row]| sessions(&rows.iter().filter(read).map(|row| at(row, "time")).collect::<Vec<_>>());
    let mean = |sum: f64, number: usize| (number > 0).then(|| sum / number as f64);
    said.agree("visits", &people, |rows| Some(visits(rows).len() as f64));
    said.agree("depth", &people, |rows| mean(count(rows, |row| read(&row)), visits(rows).len()));
    said.agree("minutes", &people, |rows| {
        let visits = visits(rows);
        let length: i64 = visits.iter().map(|visit| visit.last().unwrap() - visit[0]).sum();
        mean(length as f64 / MINUTE as f64, visits.len())
    });
    said.agree("bounces", &people, |rows| {
        let ended: Vec<_> = visits(rows)
            .into_iter()
            .filter(|visit| visit.last().unwrap() + 30 * MINUTE <= said.end)
            .collect();
        mean(ended.iter().filter(|visit| visit.len() == 1).count() as f64, ended.len())
    });
    said.agree("night_pages", &people, |rows| {
        let night = |row: &Row| !(6..22).contains(&(at(row, "time") / HOUR_MS % 24));
        Some(count(rows, |row| read(&row) && night(row)))
    });
    // Robots are people of the log, but nobody who reads.
    let robots = people.values().filter(|rows| rows.iter().any(|row| row["bot"] == "1")).count() as u64;
    assert_eq!((said.members[0], robots > 200), (robots, true));
    for (person, values) in &said.values {
        assert!(people[person].iter().any(|row| row["bot"] == "0") || values["pages"] == 0.0);
    }
}

#[test]
fn the_wholesale_log_has_the_rfm_cells_of_plain_arithmetic_and_refunds_count_where_the_purchase_was() {
    let (said, people) = (WHOLESALE.said(), WHOLESALE.rows("customer"));
    let end = said.end;
    let value = |row: &Row| row["value"].parse::<f64>().unwrap();
    let bought = |row: &Row| row["event"] == "purchase";
    let recent = |row: &Row| in_window(at(row, "time"), 84, end);
    let sum =
        |rows: &[Row], so: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| so(row)).map(value).sum::<f64>();
    said.agree("spend", &people, |rows| Some(sum(rows, &|_| true)));
    said.agree("gross_84d", &people, |rows| Some(sum(rows, &|row| bought(row) && recent(row))));
    let spent = |rows: &[Row]| sum(rows, &recent);
    said.agree("spend_84d", &people, |rows| Some(spent(rows)));
    let digit = |value: f64, cuts: [f64; 4]| 1.0 + cuts.iter().filter(|cut| **cut <= value).count() as f64;
    said.agree("rfm", &people, |rows| {
        let last = rows.iter().filter(|row| bought(row)).map(|row| at(row, "time")).max()?;
        let days = ((end - last) / DAY_MS) as f64;
        let orders = count(rows, |row| bought(row) && recent(row))
            - count(rows, |row| row["whole"] == "1" && recent(row));
        Some(
            100.0 * digit(-days, [-120.0, -60.0, -30.0, -14.0])
                + 10.0 * digit(orders, [1.0, 2.0, 4.0, 8.0])
                + digit(spent(rows), [200.0, 500.0, 1_200.0, 3_000.0]),
        )
    });
    let found = WHOLESALE.survey();
    let rows: Vec<&Row> = people.values().flatten().collect();
    // Late is what another event of the same customer overtook; a refund of the latest order is not.
    let late: usize = people
        .values()
        .map(|rows| {
            let mut latest = 0;
            let overtaken = rows.iter().filter(|row| {
                let at = at(row, "time");
                latest = latest.max(at);
                at < latest
            });
            overtaken.count()
        })
        .sum();
    assert_eq!((found.intake.late, late > 300), (late as u64, true));
    assert_eq!(found.intake.accepted, rows.len() as u64);
}

#[test]
fn the_click_stream_has_the_funnels_that_trying_every_triple_finds() {
    let (said, people) = (CLICKSTREAM.said(), CLICKSTREAM.rows("user_id"));
    let trouble = ["payment_error", "checkout_bug", "error_page"];
    let funnels = |rows: &[Row], breaks: &[&str]| {
        let steps = ["product_view", "add_to_cart", "purchase"];
        let matching: Vec<(&str, i64)> = rows
            .iter()
            .map(|row| (row["event"].as_str(), at(row, "timestamp")))
            .filter(|(event, _)| steps.contains(event) || breaks.contains(event))
            .collect();
        // The engine remembers the latest 64.
        let list = &matching[matching.len().saturating_sub(64)..];
        let (mut completed, mut from) = (0, 0);
        for (index, (event, paid)) in list.iter().enumerate() {
            if breaks.contains(event) {
                from = index + 1;
            }
            let begun = |v: usize| list[v].0 == "product_view" && paid - list[v].1 <= 24 * HOUR_MS;
            let carted = |v: usize| (v + 1..index).any(|a| list[a].0 == "add_to_cart");
            if *event == "purchase" && (from..index).any(|v| begun(v) && carted(v)) {
                completed += 1;
                from = index + 1;
            }
        }
        Some(f64::from(completed))
    };
    said.agree("funnels", &people, |rows| funnels(rows, &[]));
    said.agree("smooth_funnels", &people, |rows| funnels(rows, &trouble));
    said.agree("in_cart", &people, |rows| {
        let paid = rows.iter().filter(|row| row["event"] == "purchase").map(|row| at(row, "timestamp")).max();
        let waits = |row: &Row| paid.is_none_or(|paid| at(row, "timestamp") > paid);
        Some(count(rows, |row| {
            row["event"] == "add_to_cart" && waits(row) && in_window(at(row, "timestamp"), 30, said.end)
        }))
    });
    said.agree("visits", &people, |rows| {
        let calm = rows.iter().filter(|row| !trouble.contains(&row["event"].as_str()));
        Some(sessions(&calm.map(|row| at(row, "timestamp")).collect::<Vec<_>>()).len() as f64)
    });
    said.agree("last_touch", &people, |rows| {
        let channels = ["organic", "paid_search", "social", "email", "direct"];
        let last = rows.iter().rfind(|row| !trouble.contains(&row["event"].as_str()))?;
        channels.iter().position(|channel| *channel == last["acquisition_channel"]).map(|index| index as f64)
    });
}

#[test]
fn the_otto_sessions_have_the_products_and_orders_of_their_rows() {
    let (said, people) = (OTTO.said(), OTTO.rows("session"));
    let stamp = |row: &Row| row["ts"].parse::<i64>().unwrap();
    said.agree("orders", &people, |rows| Some(count(rows, |row| row["type"] == "orders")));
    let mut estimated = 0;
    for (person, rows) in &people {
        let seen = rows.iter().filter(|row| row["type"] != "orders" && in_window(stamp(row), 28, said.end));
        let right = seen.map(|row| &row["aid"]).collect::<BTreeSet<_>>().len() as f64;
        let told = said.values[person]["items"];
        // Exact up to 64; beyond, the standard error is 6.5 %, and this is three and a half of them.
        let error = if right > 64.0 { 0.23 } else { 0.0 };
        estimated += usize::from(right > 64.0);
        assert!((told - right).abs() <= error * right, "{person}: {told} for {right}");
    }
    assert!(estimated > 0);
}

#[test]
fn the_leads_have_the_touches_pauses_and_weeks_of_their_rows() {
    let (said, people) = (B2B.said(), B2B.rows("lead"));
    let kinds = ["email", "call", "linkedin_message", "webinar", "content_download"];
    let touches = |rows: &[Row]| -> Vec<i64> {
        rows.iter().filter(|row| kinds.contains(&row["event"].as_str())).map(|row| at(row, "time")).collect()
    };
    said.agree("touches_28d", &people, |rows| {
        Some(touches(rows).iter().filter(|at| in_window(**at, 28, said.end)).count() as f64)
    });
    said.agree("gap", &people, |rows| {
        let touches = touches(rows);
        let latest = &touches[touches.len().saturating_sub(32)..];
        (latest.len() > 1)
            .then(|| (latest.last().unwrap() - latest[0]) as f64 / DAY_MS as f64 / (latest.len() - 1) as f64)
    });
    said.agree("weeks_in_a_row", &people, |rows| {
        // 1970-01-01 was a Thursday, so Monday begins a week three days earlier.
        let week = |at: i64| (at / DAY_MS + 3) / 7;
        let weeks: BTreeSet<i64> = touches(rows).into_iter().map(week).collect();
        let this = week(said.end);
        let Some(last) = [this, this - 1].into_iter().find(|week| weeks.contains(week)) else {
            return Some(0.0);
        };
        Some((0..).take_while(|back| weeks.contains(&(last - back))).count() as f64)
    });
    said.agree("steps_ahead", &people, |rows| {
        Some(count(rows, |row| ["meeting_set", "demo_completed"].contains(&row["outcome"].as_str())))
    });
}
