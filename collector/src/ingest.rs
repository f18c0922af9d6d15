//! Ingest: the bytes of a body become admitted reports, all of them or none.

use keepset_privacy::Answering;
use keepset_wire::{CONTENT_TYPE, Plan, PlanHash, Report, ReportError, Sealed, SealedError, seal};

use crate::admit::{Admitted, Refusal, admit, check_epoch};
use crate::clock::Openings;
use crate::keys::Keyring;
use crate::problem::{Kind, Problem};
use crate::store::Late;

/// The most reports of one body: a device sends one, a relay or a replay many.
pub const MAX_REPORTS: usize = 4_096;

/// How the reports of a body travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Sealed to a key of the collector.
    Sealed,
    /// As they are, which only a simulation takes.
    Plain,
}

impl Form {
    /// Returns the form a content type names.
    #[must_use]
    pub fn of_type(essence: &str) -> Option<Self> {
        let known = [(seal::SEALED_TYPE, Self::Sealed), (CONTENT_TYPE, Self::Plain)];
        known.into_iter().find(|(name, _)| essence.eq_ignore_ascii_case(name)).map(|(_, form)| form)
    }

    /// Returns the length in bytes of a report of `plan`.
    #[must_use]
    pub fn length(self, plan: &Plan) -> usize {
        match self {
            Self::Sealed => Sealed::length(plan),
            Self::Plain => Report::length(plan),
        }
    }
}

/// What a body is read with.
#[derive(Clone, Copy, Debug)]
pub struct Door<'a> {
    /// The plan whose reports are counted.
    pub plan: &'a Plan,
    /// Its hash.
    pub hash: PlanHash,
    /// Its mechanisms.
    pub tasks: &'a [Answering],
    /// What opens reports.
    pub keys: &'a Keyring,
    /// The epochs that are open now.
    pub open: Openings,
}

impl Door<'_> {
    /// Reads a body as reports that may be counted now.
    ///
    /// # Errors
    /// The first [`Problem`]; then no report of the body is counted.
    ///
    /// # Privacy
    /// A problem names a place and what the plan expects, never what was sent.
    pub fn read(&self, form: Form, body: &[u8]) -> Result<Vec<Admitted>, Problem> {
        let length = form.length(self.plan);
        if body.is_empty() {
            return Err(Kind::EmptyBody.into());
        }
        if body.len() > length * MAX_REPORTS {
            return Err(Kind::BodyTooLarge.into());
        }
        if !body.len().is_multiple_of(length) {
            return Err(Problem::from(Kind::WrongLength).at(body.len() / length).expecting(length));
        }
        let read = |bytes| match form {
            Form::Sealed => self.read_sealed(bytes),
            Form::Plain => self.read_plain(bytes),
        };
        let reports = body.chunks_exact(length).enumerate();
        reports.map(|(index, bytes)| read(bytes).map_err(|problem| problem.at(index))).collect()
    }

    /// Counts, by epoch, the reports of a refused body whose window is closed. What stands outside is believed: they are not opened.
    #[must_use]
    pub fn late(&self, form: Form, body: &[u8]) -> Late {
        let epoch = |bytes| match form {
            Form::Sealed => {
                let sealed = Sealed::decode(self.plan, bytes).ok()?;
                (sealed.plan == self.hash).then_some(sealed.epoch)
            }
            Form::Plain => Report::decode(self.plan, self.hash, bytes).ok().map(|report| report.epoch),
        };
        let mut late = Late::new();
        for epoch in body.chunks_exact(form.length(self.plan)).filter_map(epoch) {
            if check_epoch(epoch, self.open) == Err(Refusal::Closed) {
                *late.entry(epoch).or_default() += 1;
            }
        }
        late
    }

    /// Opens a report last: what can be refused by what stands outside costs no work.
    fn read_sealed(&self, bytes: &[u8]) -> Result<Admitted, Problem> {
        let sealed = Sealed::decode(self.plan, bytes).map_err(shut)?;
        if sealed.plan != self.hash {
            return Err(Kind::UnknownPlan.into());
        }
        check_epoch(sealed.epoch, self.open).map_err(inadmissible)?;
        let key = self.keys.opening(sealed.key).ok_or(Kind::UnknownKey)?;
        let admitted = self.read_plain(&sealed.open(key).map_err(shut)?)?;
        if admitted.report().epoch != sealed.epoch {
            return Err(Kind::SealMismatch.into());
        }
        Ok(admitted)
    }

    fn read_plain(&self, bytes: &[u8]) -> Result<Admitted, Problem> {
        let report = Report::decode(self.plan, self.hash, bytes).map_err(undecodable)?;
        admit(self.plan, self.tasks, self.open, report).map_err(inadmissible)
    }
}

fn shut(error: SealedError) -> Problem {
    match error {
        SealedError::Length { expected } => Problem::from(Kind::WrongLength).expecting(expected),
        SealedError::Version => Kind::UnknownVersion.into(),
        SealedError::Unopened => Kind::Unopened.into(),
    }
}

fn undecodable(error: ReportError) -> Problem {
    match error {
        ReportError::Length { expected } => Problem::from(Kind::WrongLength).expecting(expected),
        ReportError::Version => Kind::UnknownVersion.into(),
        ReportError::Plan => Kind::UnknownPlan.into(),
        ReportError::Question => Kind::UnknownQuestion.into(),
        ReportError::Answer => Kind::MalformedAnswer.into(),
    }
}

fn inadmissible(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Closed => Kind::WindowClosed.into(),
        Refusal::Ahead => Kind::EpochAhead.into(),
        Refusal::Shape { expected } => Problem::from(Kind::MalformedAnswer).expecting(expected.into()),
    }
}
