//! Who belongs to a family: the values of an event's properties, each with its name and the features that look at it.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use keepset_engine::Pack;
use keepset_engine::event::{EventSpec, PropertyKind};
use keepset_wire::Name;
use serde_json::{Map, Value, json};

use crate::train::cohort::Apart;

/// A value, and what is computed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The property.
    pub property: String,
    /// Its value.
    pub value: String,
    /// The name of its model, and of its segment.
    pub id: String,
    /// The features that its model reads, of the shortest half-life first.
    pub features: Vec<String>,
}

/// The longest half-life, in days, as for any duration of a pack.
const LONGEST: u16 = 730;

/// Lists the values of properties of an event, in the order of the pack, and where an event carries them.
///
/// # Errors
/// When the pack does not declare the event or a property, or one is no category.
pub(super) fn members(
    pack: &Pack,
    event: &str,
    each: &[String],
    id: &Name,
    half_lives: &[u16],
) -> anyhow::Result<(Vec<Member>, Apart)> {
    let days: BTreeSet<u16> = half_lives.iter().copied().collect();
    ensure!(
        !days.is_empty() && days.iter().all(|days| (1..=LONGEST).contains(days)),
        "a half-life lies between 1 and {LONGEST} days"
    );
    let spec = pack.events.iter().find(|spec| spec.name.as_str() == event);
    let spec = spec.with_context(|| format!("the pack declares no event {event:?} to foretell"))?;
    let (mut found, mut apart, mut names) = (Vec::new(), Apart::new(), BTreeSet::new());
    for property in each {
        let (place, values) = categories(spec, property)?;
        for (number, value) in values.iter().enumerate() {
            apart.insert((place, number), found.len());
            let id = named(id, value, &mut names)?;
            let features = days.iter().map(|days| format!("{id}.{days}d")).collect();
            found.push(Member { property: property.clone(), value: value.clone(), id, features });
        }
    }
    ensure!(found.len() >= 2, "a family has two values at least");
    Ok((found, apart))
}

fn categories<'a>(spec: &'a EventSpec, name: &str) -> anyhow::Result<(usize, &'a [String])> {
    let place = spec.properties.iter().position(|property| property.name.as_str() == name);
    let place = place.with_context(|| format!("{} has no property {name:?}", spec.name))?;
    let PropertyKind::Category(values) = &spec.properties[place].kind else {
        bail!(
            "the property {name} of {} is no category: only values that the pack lists can be told apart",
            spec.name
        )
    };
    Ok((place, values))
}

/// A value's letters and digits as a name after that of the family, another one for each value.
fn named(family: &Name, value: &str, taken: &mut BTreeSet<String>) -> anyhow::Result<String> {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let word: String = value.chars().map(plain).collect();
    let short: String = word.chars().take(24).collect();
    let numbered = (2..).map(|number: u32| format!("{family}.{short}_{number}"));
    let name =
        std::iter::once(format!("{family}.{short}")).chain(numbered).find(|name| !taken.contains(name));
    let name = name.context("a name")?;
    // The features behind it are named after it, with up to seven letters more.
    ensure!(
        name.len() <= 57 && Name::parse(&name).is_some(),
        "{name} is too long for a name: choose a shorter --model-id"
    );
    taken.insert(name.clone());
    Ok(name)
}

/// The definitions of all features of a family: a decayed count of each value, and n / (n + 1) of it, which the models read: what a
/// tenth event adds is less than what a second one does.
#[must_use]
pub(super) fn features(members: &[Member], event: &str, half_lives: &[u16]) -> Map<String, Value> {
    let days: BTreeSet<u16> = half_lives.iter().copied().collect();
    let mut features = Map::new();
    for Member { property, value, features: names, .. } in members {
        for (name, days) in names.iter().zip(&days) {
            let count = format!("{name}.n");
            let filter = json!({ "property": property, "is": value });
            features.insert(
                count.clone(),
                json!({
                    "kind": "decayed_count", "event": event, "where": filter, "half_life_days": days,
                    "title": format!("{value}, counting half after {days} days")
                }),
            );
            let bounded = json!({ "divide": [count, { "add": [count, 1] }] });
            let title = format!("how usual {value} is, over {days} days");
            features.insert(name.clone(), json!({ "kind": "formula", "value": bounded, "title": title }));
        }
    }
    features
}
