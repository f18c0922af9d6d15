//! Every way in which a rule may be a little wrong.

use serde_json::{Value, json};

/// A pack with one thing changed, and what.
pub struct Mutant {
    pub name: String,
    pub pack: Value,
    /// Whether a segment was changed; else it is a feature.
    pub of_segment: bool,
}

/// Every mutant of the segments of a pack, and of the steps, filters and starts of its features.
pub fn mutants(pack: &Value) -> Vec<Mutant> {
    let mut found = Vec::new();
    for (index, segment) in pack["segments"].as_array().unwrap().iter().enumerate() {
        for rule in ["enter", "stay"].into_iter().filter(|rule| !segment[*rule].is_null()) {
            of_rule(&segment[rule], &mut |how, changed| {
                let mut pack = pack.clone();
                pack["segments"][index][rule] = changed;
                let name = format!("{}.{rule}: {how}", segment["id"]);
                found.push(Mutant { name, pack, of_segment: true });
            });
        }
        for changed in of_lifecycle(segment) {
            let mut pack = pack.clone();
            let name = format!("{}: {}", segment["id"], changed.0);
            pack["segments"][index] = changed.1;
            found.push(Mutant { name, pack, of_segment: true });
        }
    }
    for (id, feature) in pack["features"].as_object().unwrap() {
        for (how, changed) in of_feature(feature) {
            let mut pack = pack.clone();
            pack["features"][id] = changed;
            found.push(Mutant { name: format!("{id}: {how}"), pack, of_segment: false });
        }
    }
    found
}

/// Hands every rule that is a little off to `tell`.
fn of_rule(rule: &Value, tell: &mut dyn FnMut(String, Value)) {
    let inner = rule.get("not").filter(|inner| inner.is_object());
    match inner {
        Some(inner) => tell(format!("not removed from {rule}"), inner.clone()),
        None => tell(format!("not added to {rule}"), json!({ "not": rule })),
    }
    let with = |key: &str, value: Value| {
        let mut changed = rule.clone();
        changed[key] = value;
        changed
    };
    if let Some(op) = rule["op"].as_str() {
        let neighbours: &[&str] = match op {
            "<" => &["<=", ">"],
            "<=" => &["<", ">="],
            ">" => &[">=", "<"],
            ">=" => &[">", "<="],
            "=" => &["!=", ">="],
            "!=" => &["=", "<"],
            other => panic!("unknown comparison {other}"),
        };
        for neighbour in neighbours {
            tell(format!("{op} {} becomes {neighbour}", rule["value"]), with("op", json!(neighbour)));
        }
        for moved in moved(&rule["value"]) {
            tell(format!("{op} {} becomes {op} {moved}", rule["value"]), with("value", moved));
        }
    }
    for place in 0..rule["between"].as_array().map_or(0, Vec::len) {
        for moved in moved(&rule["between"][place]) {
            let mut changed = rule.clone();
            changed["between"][place] = moved;
            tell(format!("{} becomes {}", rule["between"], changed["between"]), changed);
        }
    }
    if let Some(list) = rule["in"].as_array().filter(|list| list.len() > 1) {
        for place in 0..list.len() {
            tell(format!("{} leaves {}", list[place], rule["in"]), with("in", without(list, place)));
        }
    }
    for (key, other) in [("all", "any"), ("any", "all")] {
        if !rule[key].is_null() {
            tell(format!("{key} becomes {other} in {rule}"), json!({ other: rule[key] }));
        }
    }
    if let Some(least) = rule["at_least"].as_u64() {
        tell(format!("at least {least} becomes {}", least - 1), with("at_least", json!(least - 1)));
        tell(format!("at least {least} becomes {}", least + 1), with("at_least", json!(least + 1)));
    }
    for key in ["all", "any", "of"] {
        for place in 0..rule[key].as_array().map_or(0, Vec::len) {
            let parts = rule[key].as_array().unwrap();
            tell(format!("{} is left out", parts[place]), with(key, without(parts, place)));
            of_rule(&parts[place], &mut |how, part| {
                let mut changed = rule.clone();
                changed[key][place] = part;
                tell(how, changed);
            });
        }
    }
    if let Some(inner) = inner {
        of_rule(inner, &mut |how, part| tell(how, json!({ "not": part })));
    }
}

/// A threshold moved by one unit either way.
fn moved(value: &Value) -> Vec<Value> {
    match (value.as_i64(), value.as_f64()) {
        (Some(whole), _) => vec![json!(whole - 1), json!(whole + 1)],
        (None, Some(number)) => vec![json!(number - 0.01), json!(number + 0.01)],
        (None, None) => Vec::new(),
    }
}

fn without(list: &[Value], place: usize) -> Value {
    let kept = list.iter().enumerate().filter(|(index, _)| *index != place);
    Value::Array(kept.map(|(_, one)| one.clone()).collect())
}

/// Durations longer, shorter and left out; `stay` and `group` left out.
fn of_lifecycle(segment: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (key, value) in segment.as_object().unwrap() {
        let duration = ["minimum_stay_", "cool_down_", "ttl_"].iter().any(|start| key.starts_with(start));
        for moved in moved(value).into_iter().filter(|moved| duration && *moved != 0) {
            found.push((format!("{key} {value} becomes {moved}"), replaced(segment, key, Some(moved))));
        }
        if duration || key == "stay" || key == "group" {
            found.push((format!("{key} is left out"), replaced(segment, key, None)));
        }
    }
    found
}

fn replaced(object: &Value, key: &str, value: Option<Value>) -> Value {
    let mut changed = object.as_object().unwrap().clone();
    changed.remove(key);
    changed.extend(value.map(|value| (key.to_owned(), value)));
    Value::Object(changed)
}

/// Steps in another order, filters negated, moved or left out, starts and `without` left out, durations moved.
fn of_feature(feature: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for key in ["since", "without", "where", "signed_by"].into_iter().filter(|key| !feature[*key].is_null()) {
        found.push((format!("{key} is left out"), replaced(feature, key, None)));
    }
    for changed in of_filter(&feature["where"]) {
        found.push((
            format!("where {} becomes {changed}", feature["where"]),
            replaced(feature, "where", Some(changed)),
        ));
    }
    let steps = feature["steps"].as_array().map_or(&[][..], Vec::as_slice);
    for place in 0..steps.len() {
        if place > 0 && steps[place] != steps[place - 1] {
            let mut changed = feature.clone();
            changed["steps"].as_array_mut().unwrap().swap(place - 1, place);
            found.push((format!("steps {} and {} are swapped", place, place + 1), changed));
        }
        if !steps[place]["where"].is_null() {
            let mut changed = feature.clone();
            changed["steps"][place] = replaced(&steps[place], "where", None);
            found.push((format!("where is left out of step {}", place + 1), changed));
        }
        for filter in of_filter(&steps[place]["where"]) {
            let mut changed = feature.clone();
            changed["steps"][place]["where"] = filter;
            found.push((format!("step {}: {}", place + 1, changed["steps"][place]), changed));
        }
    }
    for (key, value) in feature.as_object().unwrap() {
        let duration =
            ["window_", "within_", "gap_", "half_life_"].iter().any(|start| key.starts_with(start));
        for moved in moved(value).into_iter().filter(|moved| duration && *moved != 0) {
            found.push((format!("{key} {value} becomes {moved}"), replaced(feature, key, Some(moved))));
        }
        for (event, weight) in value.as_object().into_iter().flatten().filter(|_| key == "event") {
            for moved in moved(weight) {
                let changed = replaced(value, event, Some(moved.clone()));
                let how = format!("the weight of {event} becomes {moved}");
                found.push((how, replaced(feature, key, Some(changed))));
            }
        }
    }
    found
}

fn of_filter(filter: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    if let Value::Array(filters) = filter {
        for (place, one) in filters.iter().enumerate() {
            found.push(without(filters, place));
            for changed in of_filter(one) {
                let mut filters = filters.clone();
                filters[place] = changed;
                found.push(Value::Array(filters));
            }
        }
    }
    if let Some(flag) = filter["is"].as_bool() {
        found.push(replaced(filter, "is", Some(json!(!flag))));
    }
    let bounds: Vec<&str> = ["min", "max"].into_iter().filter(|key| !filter[*key].is_null()).collect();
    for key in &bounds {
        found.extend(moved(&filter[*key]).into_iter().map(|moved| replaced(filter, key, Some(moved))));
        // Without its last bound it would be no filter.
        found.extend((bounds.len() > 1).then(|| replaced(filter, key, None)));
    }
    for key in ["in", "weekdays"] {
        let list = filter[key].as_array().filter(|list| list.len() > 1).into_iter();
        found.extend(
            list.flat_map(|list| {
                (0..list.len()).map(|place| replaced(filter, key, Some(without(list, place))))
            }),
        );
    }
    if let Some(hours) = filter["hours"].as_array() {
        found.push(json!({ "hours": [hours[1], hours[0]] }));
        for place in 0..2 {
            for hour in
                moved(&hours[place]).into_iter().filter(|hour| (0..=24).contains(&hour.as_i64().unwrap()))
            {
                let mut changed = filter.clone();
                changed["hours"][place] = hour;
                found.push(changed);
            }
        }
    }
    found
}
