//! What a model reads that is sensitive: by what the pack declares, and by what things are called.

use std::collections::{BTreeMap, BTreeSet};

use keepset_engine::looked_at;
use keepset_wire::document::Node;
use serde::Serialize;
use serde_json::Value;

/// What a model reads that is sensitive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Matters {
    /// The features that look at what the pack declares sensitive, and the matters.
    pub declared: BTreeMap<String, Vec<String>>,
    /// The features or columns that are called, or look at what is called, by a word for who somebody is, and the words.
    pub called: BTreeMap<String, Vec<String>>,
}

/// Words for who somebody is, and for what can stand for it.
const WORDS: [&str; 46] = [
    "age",
    "birth",
    "birthday",
    "birthdate",
    "born",
    "child",
    "children",
    "citizenship",
    "country",
    "debt",
    "diagnosis",
    "disability",
    "disease",
    "ethnic",
    "ethnicity",
    "family",
    "female",
    "foreign",
    "gender",
    "health",
    "income",
    "kids",
    "language",
    "male",
    "marital",
    "married",
    "name",
    "nationality",
    "orientation",
    "parent",
    "partner",
    "political",
    "postal",
    "postcode",
    "pregnancy",
    "pregnant",
    "race",
    "region",
    "religion",
    "salary",
    "senior",
    "sex",
    "state",
    "wage",
    "zip",
    "zipcode",
];

impl Matters {
    /// Looks at the features of a pack that a model reads.
    ///
    /// # Errors
    /// When the pack is wrong.
    pub fn of_features(pack: &Value, features: &[String]) -> anyhow::Result<Self> {
        let seen = looked_at(&Node::root(pack))?;
        let read =
            seen.into_iter().filter(|(name, _)| features.iter().any(|feature| feature == name.as_str()));
        let declared = read.map(|(name, matters)| {
            (name.to_string(), matters.names().into_iter().map(str::to_owned).collect::<Vec<_>>())
        });
        let called = features.iter().map(|feature| {
            let mut texts = BTreeSet::new();
            reach(&pack["features"], feature, &mut texts);
            (feature.clone(), words(texts.iter().map(String::as_str)))
        });
        Ok(Self { declared: filled(declared), called: filled(called) })
    }

    /// Looks at the columns of a table.
    #[must_use]
    pub fn of_columns<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        let called = columns.into_iter().map(|column| (column.to_owned(), words([column])));
        Self { called: filled(called), ..Self::default() }
    }

    /// Writes the section of a card.
    #[must_use]
    pub fn section(&self, what: &str) -> String {
        let list = |found: &BTreeMap<String, Vec<String>>| {
            found
                .iter()
                .map(|(name, words)| format!("`{name}` ({})", words.join(", ")))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut text = "## Sensitive features\n\n".to_owned();
        if self.declared.is_empty() && self.called.is_empty() {
            text += &format!(
                "Checked: no {what} it reads looks at anything that is declared sensitive, or is called by a word for who somebody is, such as age, gender, origin or income. "
            );
        }
        if !self.declared.is_empty() {
            text += &format!("**It reads what is declared sensitive**: {}. ", list(&self.declared));
        }
        if !self.called.is_empty() {
            text += &format!(
                "**By their names these say who somebody is, or can stand for it**: {}. Train without them and compare, or say why they belong there. ",
                list(&self.called)
            );
        }
        text + "Other facts may stand for who somebody is, too; whether its errors are alike for all groups is not known from them. Do not use it for prices, credit or access.\n"
    }
}

fn filled(found: impl Iterator<Item = (String, Vec<String>)>) -> BTreeMap<String, Vec<String>> {
    found.filter(|(_, words)| !words.is_empty()).collect()
}

/// Collects the texts of a feature and of those it is made of.
fn reach(features: &Value, name: &str, texts: &mut BTreeSet<String>) {
    if !texts.insert(name.to_owned()) {
        return;
    }
    collect(features, &features[name], texts);
}

fn collect(features: &Value, value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => reach(features, text, texts),
        Value::Array(items) => items.iter().for_each(|item| collect(features, item, texts)),
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "kind")
            .for_each(|(_, item)| collect(features, item, texts)),
        _ => {}
    }
}

/// The words for who somebody is among the words of texts, which capitals, digits and marks divide.
fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for text in texts {
        let mut spread = String::new();
        let mut before = ' ';
        for letter in text.chars() {
            if letter.is_uppercase() && before.is_lowercase() {
                spread.push(' ');
            }
            spread.extend(letter.to_lowercase());
            before = letter;
        }
        let parts = spread.split(|letter: char| !letter.is_alphabetic());
        found.extend(parts.filter(|part| WORDS.contains(part)).map(str::to_owned));
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pack() -> Value {
        json!({
            "sensitive": ["health"],
            "events": {
                "page": {"sensitive": "health"},
                "sign_up": {"properties": {"birth_year": {"type": "number"}, "plan": {"type": "category"}}}
            },
            "features": {
                "pages": {"kind": "count", "event": "page"},
                "plans": {"kind": "last", "event": "sign_up", "by": "plan"},
                "young": {"kind": "max", "event": "sign_up", "property": "birth_year"},
                "both": {"kind": "formula", "value": {"add": ["pages", "young"]}}
            }
        })
    }

    fn of(features: &[&str]) -> Matters {
        let features: Vec<String> = features.iter().map(ToString::to_string).collect();
        Matters::of_features(&pack(), &features).unwrap()
    }

    #[test]
    fn what_is_declared_and_what_is_called_by_a_word_is_found_through_formulas() {
        assert_eq!(of(&["plans"]), Matters::default());
        let both = of(&["plans", "both"]);
        assert_eq!(both.declared, BTreeMap::from([("both".to_owned(), vec!["health".to_owned()])]));
        assert_eq!(both.called, BTreeMap::from([("both".to_owned(), vec!["birth".to_owned()])]));
        assert!(of(&["plans"]).section("feature").contains("Checked: no feature it reads"));
        let section = both.section("feature");
        assert!(
            section.contains("declared sensitive**: `both` (health)") && section.contains("`both` (birth)"),
            "{section}"
        );
    }

    #[test]
    fn columns_are_read_word_by_word() {
        let found = Matters::of_columns([
            "SeniorCitizen",
            "MonthlyCharges",
            "zip_code",
            "percentage",
            "gender",
            "Age2",
        ]);
        assert_eq!(found.called.keys().collect::<Vec<_>>(), ["Age2", "SeniorCitizen", "gender", "zip_code"]);
        assert!(found.declared.is_empty());
    }
}
