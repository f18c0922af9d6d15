//! How long a collector keeps what it counted, as a plan promises it.

use std::num::NonZeroU16;

use serde_json::{Value, json};

use crate::codec::{Codec, Decoder};
use crate::document::{Mistake, Node};

/// How many days after its window closed each kind of thing is kept; for ever where nothing is said.
///
/// Labels have days of their own in [their terms](crate::labels::LabelTerms::keep_days), names of reports go when their window closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days for counts, and with them estimates.
    pub counts_days: Option<NonZeroU16>,
    /// Days for the answers in an archive.
    pub answers_days: Option<NonZeroU16>,
}

impl Retention {
    /// How long its bytes are.
    pub(crate) const LENGTH: usize = 4;

    /// The longest that may be promised, in days: a century.
    pub const MAX_DAYS: u16 = 36_500;

    pub(crate) fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["counts_days", "answers_days"])?;
        let days = |key| {
            let days = fields.get(key).map_or(Ok(0), |node| node.whole(1, Self::MAX_DAYS.into()))?;
            // Within 16 bits by the bound above.
            Ok(NonZeroU16::new(u16::try_from(days).unwrap_or(u16::MAX)))
        };
        Ok(Self { counts_days: days("counts_days")?, answers_days: days("answers_days")? })
    }

    /// Writes what [`crate::Plan::read`] reads; nothing where nothing is promised.
    pub(crate) fn to_json(self) -> Option<Value> {
        let kinds = [("counts_days", self.counts_days), ("answers_days", self.answers_days)];
        let kinds = kinds.into_iter().filter_map(|(key, days)| Some((key.to_owned(), json!(days?))));
        (self != Self::default()).then(|| Value::Object(kinds.collect()))
    }

    /// The bytes that stand for it in a hash: none where nothing is promised, so that such plans keep the hash they had.
    pub(crate) fn hashed(self) -> Vec<u8> {
        if self == Self::default() { Vec::new() } else { [&b"retention"[..], &self.bytes()].concat() }
    }

    /// Returns the shorter of two for each kind.
    #[must_use]
    pub fn shorter(self, other: Self) -> Self {
        let least = |a: Option<NonZeroU16>, b: Option<NonZeroU16>| a.into_iter().chain(b).min();
        Self {
            counts_days: least(self.counts_days, other.counts_days),
            answers_days: least(self.answers_days, other.answers_days),
        }
    }

    fn bytes(self) -> [u8; Self::LENGTH] {
        let [a, b] =
            [self.counts_days, self.answers_days].map(|days| days.map_or(0, NonZeroU16::get).to_le_bytes());
        [a[0], a[1], b[0], b[1]]
    }
}

impl Codec for Retention {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.bytes());
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        let [a, b, c, d] = <[u8; Self::LENGTH]>::decode(from);
        let days = |bytes| NonZeroU16::new(u16::from_le_bytes(bytes));
        Self { counts_days: days([a, b]), answers_days: days([c, d]) }
    }
}
