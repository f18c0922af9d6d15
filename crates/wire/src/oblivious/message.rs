//! Binary HTTP (RFC 9292): a request or an answer as bytes that something else carries.
//!
//! Messages of known length only (framing 0 and 1), which is what everything here writes. An answer of indeterminate length is
//! read as none, so that what was sent waits.

/// A request: method, scheme, authority and path, fields, content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// The scheme of its address.
    pub scheme: String,
    /// Host and port of its address.
    pub authority: String,
    /// Path and query of its address.
    pub path: String,
    /// Its fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// What it holds.
    pub content: Vec<u8>,
}

/// An answer: status, fields, content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Its status, 200 to 599.
    pub status: u16,
    /// Its fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// What it holds.
    pub content: Vec<u8>,
}

const REQUEST: u64 = 0;
const RESPONSE: u64 = 1;

impl Request {
    /// Writes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(REQUEST, &mut out);
        for part in [&self.method, &self.scheme, &self.authority, &self.path] {
            put_bytes(part.as_bytes(), &mut out);
        }
        put_rest(&self.fields, &self.content, &mut out);
        out
    }

    /// Reads a message; nothing from what is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader(bytes);
        if from.number()? != REQUEST {
            return None;
        }
        let [method, scheme, authority, path] = [from.text()?, from.text()?, from.text()?, from.text()?];
        let (fields, content) = from.rest()?;
        Some(Self { method, scheme, authority, path, fields, content })
    }

    /// Returns the value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.fields, name)
    }
}

impl Response {
    /// Writes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(RESPONSE, &mut out);
        put(self.status.into(), &mut out);
        put_rest(&self.fields, &self.content, &mut out);
        out
    }

    /// Reads a message; nothing from what is none. Answers that announce the final one are passed over.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader(bytes);
        if from.number()? != RESPONSE {
            return None;
        }
        let status = loop {
            match from.number()? {
                100..=199 => drop(from.fields()?),
                status => break u16::try_from(status).ok().filter(|status| (200..600).contains(status))?,
            }
        };
        let (fields, content) = from.rest()?;
        Some(Self { status, fields, content })
    }

    /// Returns the value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.fields, name)
    }
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
}

/// Writes fields and content; trailers, which may be left out, there are none.
fn put_rest(fields: &[(String, String)], content: &[u8], out: &mut Vec<u8>) {
    let mut section = Vec::new();
    for (name, value) in fields {
        put_bytes(name.as_bytes(), &mut section);
        put_bytes(value.as_bytes(), &mut section);
    }
    put_bytes(&section, out);
    put_bytes(content, out);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Writes a whole number as QUIC does (RFC 9000, section 16): the first two bits say how many bytes it takes.
fn put(number: u64, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let (mark, from) = match number {
        0..0x40 => (0x00, 7),
        0x40..0x4000 => (0x40, 6),
        0x4000..0x4000_0000 => (0x80, 4),
        _ => (0xc0, 0),
    };
    out.push(bytes[from] | mark);
    out.extend_from_slice(&bytes[from + 1..]);
}

/// Bytes being read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let first = *self.0.first()?;
        let bytes = self.take(1 << (first >> 6))?;
        let number = bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        // All but the two bits of the length.
        Some(number & (u64::MAX >> 2 >> (64 - 8 * bytes.len())))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn fields(&mut self) -> Option<Vec<(String, String)>> {
        let mut section = Reader(self.bytes()?);
        let mut fields = Vec::new();
        while !section.0.is_empty() {
            fields.push((section.text()?.to_ascii_lowercase(), section.text()?));
        }
        Some(fields)
    }

    /// Reads fields and content. What a message ends before is empty, and behind trailers stands nothing but padding.
    fn rest(&mut self) -> Option<(Vec<(String, String)>, Vec<u8>)> {
        let fields = if self.0.is_empty() { Vec::new() } else { self.fields()? };
        let content = if self.0.is_empty() { Vec::new() } else { self.bytes()?.to_vec() };
        if !self.0.is_empty() {
            self.fields()?;
        }
        self.0.iter().all(|byte| *byte == 0).then_some((fields, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::tests::hex;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn request() -> Request {
        Request {
            method: "POST".into(),
            scheme: "https".into(),
            authority: "reports.example.com".into(),
            path: "/v1/reports".into(),
            fields: vec![("content-type".into(), "text/plain".into())],
            content: vec![7; 300],
        }
    }

    #[test]
    fn messages_read_back_what_they_write_and_nothing_shorter() {
        let (request, response) =
            (request(), Response { status: 200, fields: request().fields, content: vec![9; 70] });
        assert_eq!(Request::decode(&request.encode()), Some(request.clone()));
        assert_eq!(Response::decode(&response.encode()), Some(response.clone()));
        assert_eq!(Request::decode(&response.encode()), None);
        assert_eq!(Response::decode(&request.encode()), None);
        let bytes = request.encode();
        for end in 1..bytes.len() {
            // Cut before fields or before content it is a message without them (RFC 9292, section 3.8).
            assert!(Request::decode(&bytes[..end]).is_none_or(|cut| cut.content.is_empty()), "{end}");
        }
        assert!(Request::decode(&[&bytes[..], &[0; 20]].concat()).is_some());
        assert!(Request::decode(&[&bytes[..], &[0, 1]].concat()).is_none());
    }

    /// RFC 9292, section 5.2: the example of an answer with two that announce it, up to its own content.
    #[test]
    fn answers_that_announce_another_are_passed_over() {
        let bytes = hex("0140660c0772756e6e696e670a22736c656570203135224067000440c80004746578740000");
        let answer = Response::decode(&bytes).unwrap();
        assert_eq!((answer.status, &*answer.content), (200, &b"text"[..]));
    }

    #[test]
    fn numbers_of_every_length_read_back() {
        for number in [0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, (1 << 62) - 1] {
            let mut out = Vec::new();
            put(number, &mut out);
            assert_eq!(Reader(&out).number(), Some(number));
        }
    }
}
