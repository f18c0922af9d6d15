//! The report: the only bytes about behaviour that leave a device, one length per plan.
//!
//! ```text
//! version u8 | plan hash 16 | question u16 | epoch u32 | report id 16 | bitmap, padded with zeros
//! ```
//! Numbers are big-endian. The bitmap is as long as the longest answer of the plan, so a report's
//! length says nothing about which question it answers. There is no device id, time, locale or version.

use std::fmt;

use crate::codec;
use crate::plan::{Plan, PlanHash};
use crate::question::Question;
use crate::subset::Subset;
use crate::time::Epoch;

/// The content type of one or many reports, end to end.
pub const CONTENT_TYPE: &str = "application/vnd.keepset.reports";

const VERSION: u8 = 1;
const HEADER: usize = 1 + 16 + 2 + 4 + 16;

/// A random name for one report, so that a copy of it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportId(pub [u8; 16]);

codec!(tuple ReportId);

impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Writes bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = Vec::with_capacity(2 * bytes.len());
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            digits.push(if half < 10 { b'0' + half } else { b'a' - 10 + half });
        }
    }
    // Digits are ASCII.
    String::from_utf8(digits).unwrap_or_default()
}

/// A randomised answer to one question of a plan.
///
/// # Privacy
/// Made only from the output of a mechanism whose privacy map is at most the plan's epsilon.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The plan it answers.
    pub plan: PlanHash,
    /// The index of the question it answers.
    pub question: u16,
    /// The epoch it was made in.
    pub epoch: Epoch,
    /// Its random name.
    pub id: ReportId,
    /// The randomised answer.
    pub answer: Subset,
}

/// Why bytes are no report of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// The bytes are not as long as this plan's reports.
    Length {
        /// How long they are to be.
        expected: usize,
    },
    /// The version is not known.
    Version,
    /// The report answers another plan.
    Plan,
    /// The plan has no such question.
    Question,
    /// The bitmap has a bit outside the question's cells.
    Answer,
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected } => write!(f, "a report of this plan is {expected} bytes long"),
            Self::Version => f.write_str("the report's version is not known here"),
            Self::Plan => f.write_str("the report answers another plan"),
            Self::Question => f.write_str("the plan has no question with this index"),
            Self::Answer => f.write_str("the answer has a bit outside its cells"),
        }
    }
}

impl std::error::Error for ReportError {}

impl Report {
    /// Returns the length in bytes of every report of `plan`.
    #[must_use]
    pub fn length(plan: &Plan) -> usize {
        let longest = plan.questions.iter().map(Question::cells).max().unwrap_or(0);
        HEADER + Subset::bytes_for(longest)
    }

    /// Writes the report as the bytes that travel.
    ///
    /// # Errors
    /// The [`ReportError`] that [`Report::decode`] would give for them.
    pub fn encode(&self, plan: &Plan) -> Result<Vec<u8>, ReportError> {
        let question = plan.questions.get(usize::from(self.question)).ok_or(ReportError::Question)?;
        if self.answer.cells() != question.cells() {
            return Err(ReportError::Answer);
        }
        let mut bytes = Vec::with_capacity(Self::length(plan));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.plan.0);
        bytes.extend_from_slice(&self.question.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.0.to_be_bytes());
        bytes.extend_from_slice(&self.id.0);
        bytes.extend_from_slice(self.answer.as_bits());
        bytes.resize(Self::length(plan), 0);
        Ok(bytes)
    }

    /// Reads the bytes of one report of `plan`.
    ///
    /// # Errors
    /// The first [`ReportError`], in the order of its variants.
    pub fn decode(plan: &Plan, hash: PlanHash, bytes: &[u8]) -> Result<Self, ReportError> {
        let expected = Self::length(plan);
        if bytes.len() != expected {
            return Err(ReportError::Length { expected });
        }
        let mut rest = bytes;
        if take::<1>(&mut rest) != [VERSION] {
            return Err(ReportError::Version);
        }
        let sent = PlanHash(take(&mut rest));
        if sent != hash {
            return Err(ReportError::Plan);
        }
        let index = u16::from_be_bytes(take(&mut rest));
        let question = plan.questions.get(usize::from(index)).ok_or(ReportError::Question)?;
        let epoch = Epoch(u32::from_be_bytes(take(&mut rest)));
        let id = ReportId(take(&mut rest));
        let (bits, padding) = rest.split_at(Subset::bytes_for(question.cells()).min(rest.len()));
        if padding.iter().any(|byte| *byte != 0) {
            return Err(ReportError::Answer);
        }
        let answer = Subset::from_bits(question.cells(), bits).ok_or(ReportError::Answer)?;
        Ok(Self { plan: sent, question: index, epoch, id, answer })
    }
}

/// Takes the next `N` bytes; short input gives zeros, which the length check has already refused.
pub(crate) fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    if let Some((head, tail)) = rest.split_at_checked(N) {
        taken.copy_from_slice(head);
        *rest = tail;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn report(cells: &[u16]) -> Report {
        let mut answer = Subset::empty(5);
        cells.iter().for_each(|cell| answer.insert(*cell));
        Report { plan: sample().hash(), question: 0, epoch: Epoch(9), id: ReportId([7; 16]), answer }
    }

    #[test]
    fn a_report_reads_back_what_it_writes() {
        let plan = sample();
        let bytes = report(&[0, 4]).encode(&plan).unwrap();
        assert_eq!(bytes.len(), 40);
        assert_eq!(bytes[39], 0b1_0001);
        assert_eq!(Report::decode(&plan, plan.hash(), &bytes), Ok(report(&[0, 4])));
    }

    #[test]
    fn each_way_of_being_wrong_has_its_own_error() {
        let plan = sample();
        let right = report(&[1]).encode(&plan).unwrap();
        let wrong = |at: usize, byte: u8| {
            let mut bytes = right.clone();
            bytes[at] = byte;
            Report::decode(&plan, plan.hash(), &bytes).unwrap_err()
        };
        assert_eq!(wrong(0, 2), ReportError::Version);
        assert_eq!(wrong(1, !right[1]), ReportError::Plan);
        assert_eq!(wrong(18, 1), ReportError::Question);
        assert_eq!(wrong(39, 0x20), ReportError::Answer);
        let short = Report::decode(&plan, plan.hash(), &right[..39]);
        assert_eq!(short, Err(ReportError::Length { expected: 40 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_either_decode_to_what_encodes_to_them_or_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..64), honest in any::<bool>()) {
            let plan = sample();
            if honest && bytes.len() >= 40 {
                bytes.truncate(40);
                bytes[0] = 1;
                bytes[1..17].copy_from_slice(&plan.hash().0);
                bytes[17..19].copy_from_slice(&[0, 0]);
                bytes[39] &= 0x3f;
            }
            if let Ok(report) = Report::decode(&plan, plan.hash(), &bytes) {
                prop_assert_eq!(report.encode(&plan).unwrap(), bytes);
            }
        }
    }
}
