//! Labels: what people agreed to share under a pseudonym, and how all of it goes again when they say so.
//!
//! Nothing here knows of reports: another file, other names, days instead of times. [`Desk`] takes a sealed message apart and decides,
//! [`store`] keeps and erases, [`receipt`] signs that something was erased, [`export`] hands on what enough people share, `consent` writes down what they agreed to, and [`webhook`] tells a
//! receiver what changed in it, out of a [`queue`].

mod consent;
pub mod export;
pub mod queue;
pub mod receipt;
pub mod routes;
mod rows;
pub mod store;
pub mod webhook;

use keepset_wire::labels::{LabelTerms, Labels, MessageError, SealedLabels};
use keepset_wire::{DAY_MS, SealedError, Timestamp};
use serde_json::{Value, json};

use crate::clock::{Clock, system_now};
use crate::keys::Keyring;
use crate::problem::{Kind, Problem};
use receipt::Signer;
use store::{Held, LabelStore, Shared};
use webhook::Webhook;

/// A device sends the same message again for so many days at most: 28 between two messages, and one for a clock that is off.
const LATEST_DAYS: u32 = 29;

/// What a sealed message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To keep labels.
    Share,
    /// To erase them.
    Erase,
}

/// Everything a message about labels needs.
#[derive(Debug)]
pub struct Desk {
    terms: Vec<LabelTerms>,
    keys: Keyring,
    signer: Signer,
    store: LabelStore,
    clock: Clock,
    webhook: Option<Webhook>,
}

impl Desk {
    /// Takes charge of a store for labels under these terms.
    ///
    /// # Errors
    /// One sentence when no key is held: nothing could be opened.
    pub fn new(
        terms: Vec<LabelTerms>,
        keys: Keyring,
        store: LabelStore,
        clock: Clock,
    ) -> Result<Self, String> {
        let signer =
            Signer::of(&keys).ok_or("--labels: labels come sealed, so name a file of keys with --keys")?;
        Ok(Self { terms, keys, signer, store, clock, webhook: None })
    }

    /// Tells a receiver what changes.
    #[must_use]
    pub fn telling(self, webhook: Option<Webhook>) -> Self {
        Self { webhook, ..self }
    }

    /// Returns who is told what changes.
    pub(crate) fn webhook(&self) -> Option<&Webhook> {
        self.webhook.as_ref()
    }

    /// Returns how many messages wait for the receiver; nothing where the store cannot be read.
    pub(crate) fn waiting(&self) -> Option<u64> {
        self.store.waiting().ok()
    }

    /// Queues what the receiver is to be told.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn reconcile(&self) -> rusqlite::Result<()> {
        self.webhook.as_ref().map_or(Ok(()), |_| self.store.reconcile(&self.terms))
    }

    /// Sends what is due to the receiver.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn deliver(&self) -> rusqlite::Result<()> {
        self.webhook.as_ref().map_or(Ok(()), |webhook| webhook.deliver(&self.store, &self.terms))
    }

    /// Returns the length of the longest message there may be.
    #[must_use]
    pub fn longest() -> usize {
        // Also under terms that are gone: what was once agreed to may be taken back.
        SealedLabels::OVERHEAD + Labels::LONGEST
    }

    /// Does what a body asks for, and returns what is answered when it is durable.
    ///
    /// # Errors
    /// The first [`Problem`]; nothing has changed then.
    ///
    /// # Privacy
    /// A problem never repeats a byte of what was sent.
    pub fn take(&self, asked: Asked, body: &[u8]) -> Result<Value, Problem> {
        if body.is_empty() {
            return Err(Kind::EmptyBody.into());
        }
        let sealed = SealedLabels::decode(body).map_err(shut)?;
        let key = self.keys.opening(sealed.key).ok_or(Kind::UnknownKey)?;
        match asked {
            Asked::Share => {
                let terms = self.terms.iter().find(|terms| terms.hash() == sealed.terms);
                let terms = terms.ok_or(Kind::UnknownTerms)?;
                let expected = SealedLabels::length(terms);
                if body.len() != expected {
                    return Err(Problem::from(Kind::WrongLength).expecting(expected));
                }
                let labels = Labels::decode(terms, &sealed.open(key).map_err(shut)?).map_err(unread)?;
                self.share(&labels)
            }
            Asked::Erase => {
                let secret = Labels::decode_erasure(&sealed.open(key).map_err(shut)?).map_err(unread)?;
                let id = secret.proof().id();
                let today = self.today();
                self.store.erase(id, today).map_err(|_| Kind::StoreUnavailable)?;
                Ok(json!({"accepted": 1, "known": 0, "receipt": self.signer.erased(id, today)}))
            }
        }
    }

    fn share(&self, labels: &Labels) -> Result<Value, Problem> {
        let today = self.today();
        let open = labels.day <= today.saturating_add(1) && labels.day.saturating_add(LATEST_DAYS) >= today;
        if !open && !self.clock.is_simulation() {
            return Err(Kind::StaleLabels.into());
        }
        match self.store.share(labels).map_err(|_| Kind::StoreUnavailable)? {
            Shared::Kept => Ok(json!({"accepted": 1, "known": 0})),
            Shared::Known => Ok(json!({"accepted": 0, "known": 1})),
            Shared::Erased => Err(Kind::LabelsErased.into()),
        }
    }

    /// Forgets labels that were not renewed for as long as their terms keep them.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget(&self) -> rusqlite::Result<()> {
        self.store.forget(&self.terms, self.today())
    }

    /// Lists the terms under which labels are taken.
    pub(crate) fn terms(&self) -> &[LabelTerms] {
        &self.terms
    }

    /// Returns what is asked for, as it is published, and the keys that sign what is erased.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let terms = self.terms.iter().map(|terms| {
            let mut json = terms.to_json();
            json["hash"] = terms.hash().to_string().into();
            json
        });
        json!({"terms": terms.collect::<Vec<_>>(), "signs": self.signer.to_json()})
    }

    fn today(&self) -> u32 {
        Labels::day(system_now())
    }
}

/// Counts who has each label; nothing where too few do for it to be handed on.
fn sharing(terms: &LabelTerms, held: &[Held]) -> Vec<Option<usize>> {
    let count = |label| held.iter().filter(|one| one.labels.get(label) == Some(&true)).count();
    let enough = |count: &usize| u32::try_from(*count).unwrap_or(u32::MAX) >= terms.least;
    (0..terms.segments.len()).map(|label| Some(count(label)).filter(enough)).collect()
}

/// Writes a day, counted from 1970, as a date.
fn date(day: u32) -> String {
    Timestamp::MIN.saturating_add(i64::from(day) * DAY_MS).date()
}

fn shut(error: SealedError) -> Problem {
    match error {
        SealedError::Length { .. } => Kind::WrongLength.into(),
        SealedError::Version => Kind::UnknownVersion.into(),
        SealedError::Unopened => Kind::Unopened.into(),
    }
}

fn unread(error: MessageError) -> Problem {
    match error {
        MessageError::Length { .. } => Kind::WrongLength.into(),
        MessageError::Version => Kind::UnknownVersion.into(),
        MessageError::Terms => Kind::SealMismatch.into(),
        MessageError::Kind | MessageError::Malformed => Kind::MalformedLabels.into(),
    }
}
