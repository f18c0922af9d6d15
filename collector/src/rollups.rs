//! Rollups: segments of a question put together, as an operator says in a file, and the small ones that are not printed by themselves as `other`.
//!
//! Which segments are `other` must not depend on the chance in the numbers that are added up: those whose noise is low are printed less often, so that their sum
//! would lean low. Where there is a window right before with enough reports, it says which; only the first one says so itself, and that is told.
//!
//! # Privacy
//! Post-processing of counts that are noised already: nothing is asked, and nothing is spent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keepset_privacy::Answering;
use keepset_privacy::finding::{Finding, Measure};
use keepset_privacy::together::Together;
use keepset_wire::{Name, Plan, Question, document};
use serde_json::Value;

use crate::store::Tally;

/// The name of those that are not printed by themselves.
pub const OTHER: &str = "other";

/// What is put together, by question: a name, and the numbers of the segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollups(BTreeMap<usize, Vec<(String, Vec<u16>)>>);

/// Several segments together.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollup {
    /// Its name.
    pub id: String,
    /// Of what it is the sum.
    pub members: Vec<Measure>,
    /// Who said so.
    pub chosen_by: ChosenBy,
    /// The number; nothing without a report.
    pub together: Option<Together>,
}

/// Who said which segments belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    /// The operator's file.
    File,
    /// The window before, by what it could not print.
    WindowBefore,
    /// This window, for there is none before: the sum leans low.
    ThisWindow,
}

impl ChosenBy {
    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::WindowBefore => "window-before",
            Self::ThisWindow => "this-window",
        }
    }
}

impl Rollups {
    /// Reads the file: `{"question": {"name": ["segment", "segment"]}}`.
    ///
    /// # Errors
    /// One sentence that names the file and the place in it.
    pub fn load(path: &Path, plan: &Plan) -> Result<Self, String> {
        let shown = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        Self::parse(&text, plan).map_err(|mistake| format!("{shown}: {mistake}"))
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// One sentence that names the place.
    pub fn parse(text: &str, plan: &Plan) -> Result<Self, String> {
        let document = document::parse(text).map_err(|mistake| mistake.to_string())?;
        let mut all = BTreeMap::new();
        for (id, groups) in object(&document, "$")? {
            let place = format!("$.{id}");
            let at = plan.questions.iter().position(|question| question.id.as_str() == id);
            let at = at.ok_or_else(|| format!("{place}: the plan has no such question"))?;
            let segments = plan.questions[at].ask.segments();
            if segments.is_empty() {
                return Err(format!("{place}: this question is about no segments"));
            }
            let group = |(name, members): (&String, &Value)| {
                let place = format!("{place}.{name}");
                if Name::parse(name).is_none()
                    || name == OTHER
                    || segments.iter().any(|one| one.as_str() == name)
                {
                    return Err(format!(
                        "{place}: a name of a-z 0-9 _ - . that is no segment's, and not \"{OTHER}\", which those that are not printed have"
                    ));
                }
                Ok((name.clone(), numbers(members, segments, &place)?))
            };
            all.insert(at, object(groups, &place)?.iter().map(group).collect::<Result<_, _>>()?);
        }
        Ok(Self(all))
    }

    /// Puts together what is to be of a question: `now` are its counts and `findings` what they say, `before` what those of the window right before
    /// say, where it had enough reports.
    pub(crate) fn of(
        &self,
        index: usize,
        task: &Answering,
        question: &Question,
        (now, findings): (&Tally, &[Finding]),
        before: Option<&[Finding]>,
        least: u64,
    ) -> Vec<Rollup> {
        let summable = task.summable(question);
        let rollup = |id: &str, numbers: &[u16], chosen_by| {
            let member =
                |number: &u16| summable.iter().find(|(one, _)| one == number).map(|(_, measure)| *measure);
            let together = task.together(numbers, &now.support, now.reports, least);
            Rollup {
                id: id.to_owned(),
                members: numbers.iter().filter_map(member).collect(),
                chosen_by,
                together,
            }
        };
        let declared = self.0.get(&index).into_iter().flatten();
        let mut all: Vec<Rollup> =
            declared.map(|(id, numbers)| rollup(id, numbers, ChosenBy::File)).collect();
        let chosen_by = if before.is_some() { ChosenBy::WindowBefore } else { ChosenBy::ThisWindow };
        let small = small(&summable, before.unwrap_or(findings));
        // Bands of a score have no names that would be missed.
        if small.len() > 1 && now.reports >= least && !question.ask.segments().is_empty() {
            all.push(rollup(OTHER, &small, chosen_by));
        }
        all
    }
}

/// The segments that are not printed.
fn small(summable: &[(u16, Measure)], findings: &[Finding]) -> Vec<u16> {
    let printed = |measure: Measure| {
        let found = findings.iter().find(|finding| finding.measure == measure);
        found.is_some_and(|finding| finding.published().is_some())
    };
    summable.iter().filter(|(_, measure)| !printed(*measure)).map(|(number, _)| *number).collect()
}

fn object<'a>(value: &'a Value, place: &str) -> Result<&'a serde_json::Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{place}: expected an object"))
}

/// Reads the members of a group as their numbers.
fn numbers(members: &Value, segments: &[Name], place: &str) -> Result<Vec<u16>, String> {
    let expected = || format!("{place}: expected a list of at least two segments of the question, each once");
    let list = members.as_array().filter(|list| list.len() > 1).ok_or_else(expected)?;
    let mut numbers = BTreeSet::new();
    for (at, member) in list.iter().enumerate() {
        let known = segments.iter().position(|segment| member.as_str() == Some(segment.as_str()));
        let known = known.and_then(|number| u16::try_from(number).ok());
        let known = known.ok_or_else(|| format!("{place}[{at}]: the question has no such segment"))?;
        if !numbers.insert(known) {
            return Err(expected());
        }
    }
    Ok(numbers.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan::parse(
            r#"{"id": "p", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2027-01-01", "epsilon": 2,
            "questions": [{"id": "sizes", "reason": "r", "segments": ["a", "b", "c"], "cap": 1},
                {"id": "spend", "reason": "r", "ask": "mean", "feature": "x", "low": 0, "high": 1}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_file_names_segments_of_the_plan_and_a_mistake_is_named_with_its_place() {
        let read = |text: &str| Rollups::parse(text, &plan());
        let right = read(r#"{"sizes": {"big": ["c", "a"]}}"#).unwrap();
        assert_eq!(right.0[&0], [("big".to_owned(), vec![0, 2])]);
        assert_eq!(read("{}").unwrap(), Rollups::default());
        for (text, place) in [
            (r#"{"size": {}}"#, "$.size: "),
            (r#"{"spend": {"x": ["a", "b"]}}"#, "$.spend: "),
            (r#"{"sizes": []}"#, "$.sizes: expected an object"),
            (r#"{"sizes": {"x": ["a"]}}"#, "$.sizes.x: "),
            (r#"{"sizes": {"x": ["a", "a"]}}"#, "$.sizes.x: "),
            (r#"{"sizes": {"x": ["a", "d"]}}"#, "$.sizes.x[1]: "),
            (r#"{"sizes": {"x": ["a", 1]}}"#, "$.sizes.x[1]: "),
            (r#"{"sizes": {"other": ["a", "b"]}}"#, "$.sizes.other: "),
            (r#"{"sizes": {"b": ["a", "c"]}}"#, "$.sizes.b: "),
            (r#"{"sizes": {"=x": ["a", "c"]}}"#, "$.sizes.=x: "),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.starts_with(place), "{text}: {said}");
        }
    }
}
