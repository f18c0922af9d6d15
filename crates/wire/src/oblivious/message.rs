//! Binary HTTP (RFC 9292): a request or an answer as bytes that something else carries.

/// Messages are filled up with zeros to whole blocks of so many bytes (RFC 9292, section 3.8), so that no length tells what a
/// message is: every report and every answer to one fits into the first block.
pub const BLOCK: usize = 1_024;

/// The longest authorization that takes no room of its own: `PrivateToken token="..."` (RFC 9577) around the 472 letters of a token.
pub const AUTHORIZATION: usize = 493;

/// A request: what devices ask carries content of one type, may be paid with a token, and has no other field.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a [u8],
    /// The scheme of its address.
    pub scheme: &'a [u8],
    /// Host and port of its address, and never a user.
    pub authority: &'a [u8],
    /// Path and query of its address.
    pub path: &'a [u8],
    /// The content type.
    pub kind: &'a [u8],
    /// What it is paid with, for the field `authorization`; empty where it is not.
    pub authorization: &'a [u8],
    /// What it holds.
    pub content: &'a [u8],
}

impl Request<'_> {
    /// Writes a message of known length. One that is not paid is as long as if it were: no length tells which of the two it is.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.written(self.authorization);
        let paid = self.written(&[0; AUTHORIZATION]).len();
        out.resize(out.len().max(paid).next_multiple_of(BLOCK), 0);
        out
    }

    fn written(&self, authorization: &[u8]) -> Vec<u8> {
        let Self { method, scheme, authority, path, kind, content, .. } = self;
        let mut fields = Vec::new();
        for (name, value) in [("content-type", *kind), ("authorization", authorization)] {
            if !value.is_empty() {
                put_bytes(name.as_bytes(), &mut fields);
                put_bytes(value, &mut fields);
            }
        }
        let mut out = Vec::new();
        put(REQUEST, &mut out);
        for part in [method, scheme, authority, path, &&*fields, content] {
            put_bytes(part, &mut out);
        }
        // No trailers.
        put(0, &mut out);
        out
    }
}

/// An answer: status, fields, content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Its status, 200 to 599.
    pub status: u16,
    /// What it holds.
    pub content: Vec<u8>,
    fields: &'a [u8],
}

const REQUEST: u64 = 0;
const RESPONSE: u64 = 1;
const RESPONSE_OF_ANY_LENGTH: u64 = 3;

impl<'a> Response<'a> {
    /// Reads a message of either framing; nothing from what is none. Answers that announce the final one are passed over.
    #[must_use]
    pub fn decode(message: &'a [u8]) -> Option<Self> {
        let mut from = Reader(message);
        let known = match from.number()? {
            RESPONSE => true,
            RESPONSE_OF_ANY_LENGTH => false,
            _ => return None,
        };
        let status = loop {
            match from.number()? {
                100..=199 => from.fields(known)?,
                status => break u16::try_from(status).ok().filter(|status| (200..600).contains(status))?,
            };
        };
        // What a message ends before is empty, and behind it stands nothing but zeros.
        let fields = if from.0.is_empty() { &[] } else { from.fields(known)? };
        let content = if from.0.is_empty() { Vec::new() } else { from.content(known)? };
        if !from.0.is_empty() {
            from.fields(known)?;
        }
        from.0.iter().all(|byte| *byte == 0).then_some(Self { status, content, fields })
    }

    /// Returns the value of a field, by its name in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let mut from = Reader(self.fields);
        loop {
            let (known, value) = (from.bytes()?, from.bytes()?);
            if known.eq_ignore_ascii_case(name.as_bytes()) {
                return Some(value);
            }
        }
    }
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

    /// Passes over fields, so many bytes of them or up to an empty name, and returns what they are written in.
    fn fields(&mut self, known: bool) -> Option<&'a [u8]> {
        let written = if known { self.bytes()? } else { self.0 };
        let mut from = Reader(written);
        while !(known && from.0.is_empty()) {
            let left = from.0.len();
            if from.bytes()?.is_empty() && !known {
                self.0 = from.0;
                return Some(&written[..written.len() - left]);
            }
            from.bytes()?;
        }
        Some(written)
    }

    /// Reads content: so many bytes of it, or pieces up to an empty one.
    fn content(&mut self, known: bool) -> Option<Vec<u8>> {
        let mut content = self.bytes()?.to_vec();
        while !known && !content.is_empty() {
            match self.bytes()? {
                [] => break,
                more => content.extend_from_slice(more),
            }
        }
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::seal::tests::unhex;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn request<'a>(content: &'a [u8], authorization: &'a [u8]) -> Request<'a> {
        let (method, scheme, authority, path) = (b"POST", b"https", b"r.example", b"/v1/reports");
        Request { method, scheme, authority, path, kind: b"text/plain", authorization, content }
    }

    #[test]
    fn requests_fill_whole_blocks_whatever_they_hold_and_whether_or_not_they_are_paid() {
        for length in [0, 100, 400, 452, 453, 900, 1_100] {
            let content = vec![7; length];
            let lengths =
                [0, 1, AUTHORIZATION].map(|paid| request(&content, &vec![b'a'; paid]).encode().len());
            let blocks = if length <= 452 { 1 } else { 2 };
            assert_eq!(lengths, [blocks * BLOCK; 3], "{length}");
        }
    }

    #[test]
    fn a_request_is_written_as_the_standard_says_with_what_it_is_paid_with_and_without() {
        let without =
            b"\0\x04POST\x05https\x09r.example\x0b/v1/reports\x18\x0ccontent-type\x0atext/plain\x03abc\0\0";
        assert!(request(b"abc", b"").encode().starts_with(without));
        let paid = b"\x2a\x0ccontent-type\x0atext/plain\x0dauthorization\x03xyz\x03abc\0\0";
        assert!(request(b"abc", b"xyz").encode()[34..].starts_with(paid));
    }

    /// As in the example of RFC 9292, section 5.2: 102 with a field and 103 come before the answer.
    #[test]
    fn answers_that_announce_another_are_passed_over() {
        let known = b"\x01\x40\x66\x13\x07running\x0a\"sleep 15\"\x40\x67\x00\x40\xc8\x00\x04text\x00";
        let pieces = b"\x03\x40\x66\x07running\x0a\"sleep 15\"\x00\x40\x67\x00\x40\xc8\x00\x04text\x00\x00";
        for bytes in [&known[..], pieces] {
            let answer = Response::decode(bytes).unwrap();
            assert_eq!((answer.status, &*answer.content), (200, &b"text"[..]));
        }
    }

    #[test]
    fn answers_of_either_framing_read_alike_and_what_is_cut_off_is_empty_or_nothing() {
        let known =
            [&unhex("0141f7")[..], b"\x11\x0bRetry-After\x015\x01b\x00\x0dlater, please\x00"].concat();
        let pieces =
            [&unhex("0341f7")[..], b"\x0bRetry-After\x015\x01b\x00\x00\x07later, \x06please\x00\x00"]
                .concat();
        for whole in [known, pieces] {
            let padded = [&whole[..], &[0; 99]].concat();
            for bytes in [&whole, &padded] {
                let answer = Response::decode(bytes).unwrap();
                assert_eq!((answer.status, &*answer.content), (503, &b"later, please"[..]));
                assert_eq!(answer.field("retry-after"), Some(&b"5"[..]));
                assert_eq!((answer.field("b"), answer.field("c")), (Some(&b""[..]), None));
            }
            assert_eq!(Response::decode(&[&whole[..], &[0, 1]].concat()), None);
            for end in 0..whole.len() - 1 {
                // Cut before its fields or before its content it is an answer without them (RFC 9292, section 3.8).
                let cut = Response::decode(&whole[..end]);
                assert!(
                    cut.is_none_or(|cut| cut.content.is_empty() || cut.content == b"later, please"),
                    "{end}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_final_answer_is_none() {
        // A request, a status of no answer, one that only announces, lengths that nothing can have.
        for bytes in ["00", "014258", "0140c7", "014064", "0140c8ff", "0140c800ffffffffffffffff", ""] {
            assert_eq!(Response::decode(&unhex(bytes)), None, "{bytes}");
        }
    }

    #[test]
    fn numbers_of_every_length_read_back() {
        for number in [0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, (1 << 62) - 1] {
            let mut out = Vec::new();
            put(number, &mut out);
            assert_eq!(Reader(&out).number(), Some(number));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_read_or_refused_and_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80), framing in 0..4_u8) {
            let bytes = [&[framing][..], &bytes].concat();
            if let Some(answer) = Response::decode(&bytes) {
                prop_assert!((200..600).contains(&answer.status) && answer.content.len() <= bytes.len());
            }
        }
    }
}
