//! Captured traffic: a HAR file as browsers and proxies write it, or the bare bytes of bodies, a file each.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepset_wire::oblivious;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A request that carried a body.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Where it stands in the capture, for people.
    pub(super) place: String,
    /// What its body may have been, byte for byte: a HAR file holds text, of which bytes can be made in two ways.
    readings: Vec<Reading>,
    /// What went along with it that must not, such as a cookie.
    pub(super) extras: Vec<&'static str>,
    /// The bytes were not recorded: characters stand for what was no text.
    pub(super) lossy: bool,
}

/// A body, by its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    sha256: [u8; 32],
    size: usize,
    encapsulated: bool,
}

impl Request {
    /// Tells whether the body is the one a receipt stands for.
    pub(super) fn is(&self, sha256: &[u8; 32], size: u32) -> bool {
        self.readings.iter().any(|reading| reading.sha256 == *sha256 && reading.size == size as usize)
    }

    /// Tells whether the body is sealed for a relay, so that the report within cannot be seen.
    pub(super) fn is_encapsulated(&self) -> bool {
        self.readings.iter().any(|reading| reading.encapsulated)
    }

    /// Describes the body: its length and the beginning of its SHA-256.
    pub(super) fn described(&self) -> String {
        let Some(Reading { sha256, size, .. }) = self.readings.first() else { return "no body".into() };
        format!("{size} bytes, SHA-256 {}...", keepset_wire::hex(&sha256[..8]))
    }
}

/// All that was captured.
#[derive(Clone, Debug, Default)]
pub(super) struct Capture {
    pub(super) requests: Vec<Request>,
    /// How many requests with a body were left out, for they went elsewhere.
    pub(super) elsewhere: usize,
}

#[cfg(test)]
impl Capture {
    /// A capture of bare bodies.
    pub(super) fn of<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let request = |(index, bytes): (usize, &[u8])| bare(format!("body {}", index + 1), bytes);
        Self { requests: bodies.into_iter().enumerate().map(request).collect(), elsewhere: 0 }
    }
}

/// Reads captures: each a HAR file, a file of bare bytes, or a folder of such.
///
/// # Errors
/// When a file cannot be read, or a HAR file breaks its format.
pub(super) fn read(paths: &[impl AsRef<Path>], only: Option<&str>) -> anyhow::Result<Capture> {
    let mut capture = Capture::default();
    for path in paths {
        add(&mut capture, path.as_ref(), only)?;
    }
    Ok(capture)
}

fn add(capture: &mut Capture, path: &Path, only: Option<&str>) -> anyhow::Result<()> {
    let shown = path.display();
    if path.is_dir() {
        let entries = fs::read_dir(path).with_context(|| format!("cannot read {shown}"))?;
        let mut files: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        files.sort();
        return files.iter().try_for_each(|file| add(capture, file, only));
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let har = serde_json::from_slice::<Value>(&bytes).ok().filter(|value| value.get("log").is_some());
    match har {
        Some(har) => har_file(capture, &har, only).with_context(|| shown.to_string()),
        None => {
            capture.requests.push(bare(shown.to_string(), &bytes));
            Ok(())
        }
    }
}

fn bare(place: String, bytes: &[u8]) -> Request {
    Request { place, readings: vec![reading(bytes)], extras: Vec::new(), lossy: false }
}

/// Reads a HAR 1.2 file (`http://www.softwareishard.com/blog/har-12-spec/`).
fn har_file(capture: &mut Capture, har: &Value, only: Option<&str>) -> anyhow::Result<()> {
    let Some(entries) = har.pointer("/log/entries").and_then(Value::as_array) else {
        bail!("$.log.entries: expected a list: this is no HAR file");
    };
    for (index, entry) in entries.iter().enumerate() {
        let place = |key: &str| format!("$.log.entries[{index}].request.{key}");
        let request = &entry["request"];
        let Some(url) = request["url"].as_str() else { bail!("{}: expected a text", place("url")) };
        let Some(body) = request.get("postData").filter(|body| !body.is_null()) else { continue };
        if only.is_some_and(|only| !url.starts_with(only)) {
            capture.elsewhere += 1;
            continue;
        }
        let text = body["text"].as_str().unwrap_or_default();
        // HAR 1.2 knows an encoding of responses alone; tools that record bodies of bytes use the same word for requests.
        let encoding = body.get("encoding").or_else(|| body.get("_encoding")).and_then(Value::as_str);
        let readings = match encoding {
            Some("base64") => {
                let bytes = STANDARD.decode(text);
                vec![reading(
                    &bytes.with_context(|| format!("{}: this is not base64", place("postData.text")))?,
                )]
            }
            _ => as_text(text),
        };
        let lossy = encoding != Some("base64") && text.contains(char::REPLACEMENT_CHARACTER);
        let method = request["method"].as_str().unwrap_or("POST");
        let place = format!("request {} ({method} {url})", index + 1);
        capture.requests.push(Request { place, readings, extras: extras(request), lossy });
    }
    Ok(())
}

/// The bytes a text may stand for: UTF-8, or a character a byte.
fn as_text(text: &str) -> Vec<Reading> {
    let bytes: Option<Vec<u8>> =
        text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    let mut readings = vec![reading(text.as_bytes())];
    readings.extend(bytes.map(|bytes| reading(&bytes)).filter(|other| *other != readings[0]));
    readings
}

fn reading(bytes: &[u8]) -> Reading {
    Reading {
        sha256: Sha256::digest(bytes).into(),
        size: bytes.len(),
        encapsulated: oblivious::is_request(bytes),
    }
}

/// Names what a request carries that would tell who sends it.
fn extras(request: &Value) -> Vec<&'static str> {
    let headers = request["headers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has = |wanted: &&&str| {
        headers
            .iter()
            .any(|header| header["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(wanted)))
    };
    ["cookie", "authorization", "referer"].iter().filter(has).copied().collect()
}
