//! Putting parts into a pack file: the text around them stays as its author wrote it, order, spaces and all.

use std::ops::Range;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Puts the members of `features` and `models` and the items of `segments` into the text of a pack; those of the same name are replaced.
///
/// # Errors
/// When the text is no JSON object, or one of these is something else in it.
pub(crate) fn put(pack: &str, parts: &Value) -> anyhow::Result<String> {
    let read: Value = serde_json::from_str(pack).context("the pack is no JSON")?;
    ensure!(read.is_object(), "the pack is no JSON object");
    let mut text = pack.to_owned();
    for part in ["features", "models"] {
        for (name, value) in parts.get(part).and_then(Value::as_object).into_iter().flatten() {
            text = put_member(&text, part, name, &value.to_string())?;
        }
    }
    for segment in parts.get("segments").and_then(Value::as_array).into_iter().flatten() {
        text = put_item(&text, "segments", segment)?;
    }
    Ok(text)
}

fn put_member(text: &str, part: &str, name: &str, value: &str) -> anyhow::Result<String> {
    let Some(object) = find(text, 0, part)? else {
        return insert(text, 0, 1, &format!("{}: {{\n    {}: {value}\n  }}", quoted(part), quoted(name)));
    };
    ensure!(text[object.clone()].starts_with('{'), "{part} of the pack is no object");
    match find(text, object.start, name)? {
        Some(known) => Ok(replaced(text, known, value)),
        None => insert(text, object.start, 2, &format!("{}: {value}", quoted(name))),
    }
}

fn put_item(text: &str, part: &str, item: &Value) -> anyhow::Result<String> {
    let written = item.to_string();
    let Some(list) = find(text, 0, part)? else {
        return insert(text, 0, 1, &format!("{}: [\n    {written}\n  ]", quoted(part)));
    };
    ensure!(text[list.clone()].starts_with('['), "{part} of the pack is no list");
    let is_same = |span: &Range<usize>| {
        serde_json::from_str::<Value>(&text[span.clone()])
            .is_ok_and(|known| known.get("id") == item.get("id"))
    };
    match parts(text, list.start)?.into_iter().map(|(_, span)| span).find(is_same) {
        Some(known) => Ok(replaced(text, known, &written)),
        None => insert(text, list.start, 2, &written),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn replaced(text: &str, span: Range<usize>, value: &str) -> String {
    format!("{}{value}{}", &text[..span.start], &text[span.end..])
}

/// Adds a part behind the last one of the object or list that starts here, on a line of its own.
fn insert(text: &str, start: usize, depth: usize, part: &str) -> anyhow::Result<String> {
    let (inner, outer) = ("  ".repeat(depth), "  ".repeat(depth - 1));
    match parts(text, start_of(text, start))?.last() {
        Some((_, last)) => Ok(replaced(text, last.end..last.end, &format!(",\n{inner}{part}"))),
        None => {
            let start = start_of(text, start);
            let end = end_of(text, start)?;
            let (open, close) = (&text[start..=start], &text[end - 1..end]);
            Ok(replaced(text, start..end, &format!("{open}\n{inner}{part}\n{outer}{close}")))
        }
    }
}

/// Finds the value of a member of the object that starts here.
fn find(text: &str, start: usize, name: &str) -> anyhow::Result<Option<Range<usize>>> {
    let found = parts(text, start_of(text, start))?.into_iter().find(|(key, _)| key.as_deref() == Some(name));
    Ok(found.map(|(_, span)| span))
}

fn start_of(text: &str, from: usize) -> usize {
    text[from..].find(|c: char| !c.is_whitespace()).map_or(text.len(), |skipped| from + skipped)
}

/// Lists the parts of the object or list that starts here: the name, of a member, and where the value stands.
fn parts(text: &str, start: usize) -> anyhow::Result<Vec<(Option<String>, Range<usize>)>> {
    let is_object = text[start..].starts_with('{');
    let mut found = Vec::new();
    let mut at = start_of(text, start + 1);
    while !text[at..].starts_with(['}', ']']) {
        let mut name = None;
        if is_object {
            let end = end_of(text, at)?;
            name = Some(serde_json::from_str(&text[at..end]).context("the name of a member")?);
            at = start_of(text, start_of(text, end) + 1);
        }
        let end = end_of(text, at)?;
        found.push((name, at..end));
        at = start_of(text, end);
        if text[at..].starts_with(',') {
            at = start_of(text, at + 1);
        }
    }
    Ok(found)
}

/// Where the value that starts here ends. The text was read as JSON before, so brackets match.
fn end_of(text: &str, start: usize) -> anyhow::Result<usize> {
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<serde::de::IgnoredAny>();
    values.next().context("the pack ends early")?.context("the pack is no JSON")?;
    Ok(start + values.byte_offset())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PACK: &str = "{\n  \"id\": \"p\", \"é\": \"a } b\",\n  \"models\": {\n    \"old\": { \"kind\": 1 } },\n  \"segments\": [ { \"id\": \"s\", \"n\": [1, {}] } ]\n}\n";

    #[test]
    fn what_is_put_in_is_there_and_what_stood_there_stays_as_it_was_written() {
        let parts = json!({"features": {"f": {"a": 1}, "g": 2}, "models": {"new": {"w": -0.5}}, "segments": [{"id": "t"}]});
        let text = put(PACK, &parts).unwrap();
        let mut expected: Value = serde_json::from_str(PACK).unwrap();
        expected["features"] = parts["features"].clone();
        expected["models"]["new"] = parts["models"]["new"].clone();
        expected["segments"].as_array_mut().unwrap().push(json!({"id": "t"}));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        for kept in [
            "\"id\": \"p\", \"é\": \"a } b\",\n",
            "\"old\": { \"kind\": 1 }",
            "{ \"id\": \"s\", \"n\": [1, {}] }",
        ] {
            assert!(text.contains(kept), "{text}");
        }
        assert_eq!(put(&text, &parts).unwrap(), text, "a second time changes nothing");
    }

    #[test]
    fn what_has_the_same_name_is_replaced_and_empty_places_are_filled() {
        let parts = json!({"models": {"old": {"kind": 2}}, "segments": [{"id": "s"}]});
        let text = put(PACK, &parts).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&read["models"], &read["segments"]), (&parts["models"], &parts["segments"]));
        let text = put("{}", &parts).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), parts);
        let text = put("{\"models\": {}, \"segments\": []}", &parts).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), parts);
    }

    #[test]
    fn a_text_that_is_no_pack_is_refused() {
        let parts = json!({"models": {"m": 1}});
        assert!(put("{\"models\": ", &parts).unwrap_err().to_string().contains("no JSON"));
        assert!(put("{\"models\": []}", &parts).unwrap_err().to_string().contains("no object"));
        assert!(put("[]", &parts).is_err());
    }
}
