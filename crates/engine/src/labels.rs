//! Labels: when a device shares the memberships its person agreed to share, under which name, and how it takes them back.
//!
//! A page needs this seldom, so it stands apart from the engine, with its randomness, as the making of reports does. The engine keeps
//! what is to be kept as bytes that only [`Offer::decide`] reads, and says the facts. Nothing here knows the secret that names reports.

use keepset_privacy::{Coins, NoEntropy};
use keepset_wire::codec;
use keepset_wire::codec::{decode, encode};
use keepset_wire::labels::{LabelSealer, LabelTerms, Labels, Secret};
use keepset_wire::receipt::{Kind, NOTHING_BEFORE};
use keepset_wire::{Consent, DAY_MS, HOUR_MS, Purpose, Receipt, ReportId, Signal, Timestamp};

use crate::compiled::Front;
use crate::due::{About, Decided};
use crate::gate::{Cleared, Withheld};

/// No report leaves within so long of labels, nor labels of a report: a visit is shorter, and an address seldom changes sooner.
pub(crate) const APART_MS: i64 = 6 * HOUR_MS;
/// So long a message may wait to leave; then it is made anew, on the facts of then.
const WAITS_MS: i64 = HOUR_MS;

/// Reads the terms a pack holds; nothing where no labels are asked for, nor from anything that is none.
pub(crate) fn read_terms(bytes: &[u8]) -> Option<LabelTerms> {
    decode(bytes).filter(LabelTerms::is_sound)
}

/// What the engine keeps about labels: nothing before consent; then the byte of the signal by which it was given; then, from when they were
/// first decided on, when they are to be again (milliseconds, eight bytes) and a [`Maker`]. Zero in place of the instant says that everything
/// shared is to be taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sharing(pub(crate) Vec<u8>);

codec!(tuple Sharing);

impl Sharing {
    /// Returns when [`Offer::decide`] is to be asked; nothing before it was asked once.
    pub(crate) fn next(&self) -> Option<i64> {
        self.0.get(1..)?.first_chunk().map(|next| i64::from_le_bytes(*next))
    }

    /// Returns the signal by which consent was given; nothing before.
    #[cfg(feature = "recover")]
    pub(crate) fn signal(&self) -> Option<Signal> {
        self.0.first().and_then(|byte| Signal::from_byte(*byte))
    }

    /// Notes by which signal consent was given.
    pub(crate) fn agree(&mut self, signal: Signal) {
        match self.0.first_mut() {
            Some(known) => *known = signal.byte(),
            None => self.0.push(signal.byte()),
        }
    }

    /// Puts that off: a report leaves.
    pub(crate) fn rest_until(&mut self, until: Timestamp) {
        if self.next().is_some_and(|next| next > 0 && next < until.millis()) {
            self.set(until.millis());
        }
    }

    /// Notes that everything shared is to be taken back.
    pub(crate) fn take_back(&mut self) {
        self.set(0);
    }

    fn set(&mut self, next: i64) {
        if let Some(known) = self.0.get_mut(1..9) {
            known.copy_from_slice(&next.to_le_bytes());
        }
    }
}

/// What [`Offer::decide`] remembers.
struct Maker {
    /// The hash of the terms that were agreed to, and since when: another text needs another choice.
    agreed: [u8; 16],
    since: Timestamp,
    name: Option<Pseudonym>,
}

codec!(struct Maker { agreed, since, name });

/// The name a device shares under now.
struct Pseudonym {
    secret: [u8; 32],
    /// When it was drawn.
    born: Timestamp,
    /// When it is to speak next, drawn by chance.
    next: Timestamp,
    /// What erases all it has said, sealed in advance, so that taking it back needs neither a key in use nor chance.
    erasure: Option<Box<Cleared>>,
}

codec!(struct Pseudonym { secret, born, next, erasure });

/// The facts that labels are decided on.
#[derive(Debug)]
pub struct Offer {
    /// What of the pack matters.
    pub(crate) front: Front,
    /// What the engine keeps.
    pub(crate) kept: Vec<u8>,
    /// Consent to compute, to store and to share is given at this moment.
    pub(crate) granted: bool,
    /// Every segment the device is in; which of them may be told, the terms say.
    pub(crate) within: Vec<String>,
    /// The last message has arrived, or there was none.
    pub(crate) arrived: bool,
    /// The moment.
    pub(crate) now: Timestamp,
}

/// A device without a source of chance: it takes back, and shares nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoCoins;

impl Coins for NoCoins {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), NoEntropy> {
        Err(NoEntropy)
    }
}

impl Offer {
    /// Puts the facts together, where the engine is elsewhere; nothing when the bytes are no compiled pack. `within` are the names of the
    /// segments, with a space between two.
    #[must_use]
    pub fn new(
        pack: &[u8],
        kept: &[u8],
        granted: bool,
        within: &str,
        arrived: bool,
        now: Timestamp,
    ) -> Option<Self> {
        let within = within.split(' ').map(str::to_owned).collect();
        Some(Self { front: Front::read(pack)?, kept: kept.to_vec(), granted, within, arrived, now })
    }

    /// Decides: takes back what is no longer agreed to or has had its time, draws a name and the moment of its first message, makes a
    /// message, or says when to ask again.
    ///
    /// # Privacy
    /// Whether and when there is a message depends on consent, the clock, chance and when reports leave, never on what it says: a
    /// device in no segment shares that like any other.
    #[must_use]
    pub fn decide(self, mut coins: impl Coins) -> Decided {
        let again = self.now.saturating_add(WAITS_MS);
        let terms = read_terms(&self.front.labels).filter(|_| self.granted);
        let mut message = None;
        let mut withheld = Withheld::NotDue;
        let maker = self.keep(terms.as_ref(), &mut message);
        let signal = &self.kept[..self.kept.len().min(1)];
        let kept = match maker.zip(terms) {
            // By which signal consent was given outlasts what only the moment forbids.
            None => signal.to_vec(),
            Some((mut maker, terms)) => {
                let next = if maker.agreed != terms.hash().0 {
                    // A choice that was made about another text is none about this one.
                    Timestamp::MAX
                } else if message.is_some() {
                    again
                } else {
                    // Without chance or a key there is no name and no message; it is tried again.
                    self.speak(&terms, &mut maker, &mut message, &mut coins).unwrap_or_else(|why| {
                        withheld = why;
                        again
                    })
                };
                let signal = signal.first().copied().unwrap_or_default();
                [&[signal][..], &next.millis().to_le_bytes(), &encode(&maker)].concat()
            }
        };
        Decided { about: About::Labels(kept), report: message.ok_or(withheld) }
    }

    /// Takes back what is to be taken back. What is left is what was agreed to; nothing without consent, or with nothing to share.
    fn keep(&self, terms: Option<&LabelTerms>, message: &mut Option<Cleared>) -> Option<Maker> {
        let (next, maker) = self.kept.get(1..).and_then(|kept| kept.split_at_checked(8)).unzip();
        let marked = next == Some(&[0; 8][..]);
        let mut maker: Option<Maker> = maker.and_then(decode);
        if let Some(known) = &mut maker {
            let lasts = terms.map_or(0, |terms| i64::from(terms.rotate_days) * DAY_MS);
            let agreed = terms.is_some_and(|terms| terms.hash().0 == known.agreed);
            let fresh =
                |name: &Pseudonym| name.born <= self.now && self.now < name.born.saturating_add(lasts);
            if marked || !agreed || !known.name.as_ref().is_some_and(fresh) {
                *message =
                    known.name.take().and_then(|name| name.erasure).map(|erasure| self.today(*erasure));
            }
        }
        let terms = terms?;
        let anew = || Maker { agreed: terms.hash().0, since: self.now, name: None };
        Some(maker.filter(|_| !marked).unwrap_or_else(anew))
    }

    /// Draws a name, or makes the message that is due, and says when to ask again.
    ///
    /// # Errors
    /// [`Withheld::NoEntropy`], [`Withheld::NoKey`].
    fn speak(
        &self,
        terms: &LabelTerms,
        maker: &mut Maker,
        message: &mut Option<Cleared>,
        coins: &mut impl Coins,
    ) -> Result<Timestamp, Withheld> {
        let now = self.now;
        let period = i64::from(terms.every_days) * DAY_MS;
        let Some(name) = &mut maker.name else {
            // The first message is at any moment of a whole period: it says nothing of when consent was given, or a name taken back.
            let next = now.saturating_add(below(coins, period)?);
            maker.name = Some(Pseudonym { secret: coins.secret()?, born: now, next, erasure: None });
            return Ok(next);
        };
        // One that was made and has not arrived is made anew.
        let lost = name.erasure.is_some() && !self.arrived;
        if now < name.next && !lost {
            return Ok(name.next);
        }
        let secret = Secret(name.secret);
        let labels = Labels {
            terms: terms.hash(),
            proof: secret.proof(),
            day: Labels::day(now),
            agreed: Labels::day(maker.since),
            signal: self.kept.first().and_then(|byte| Signal::from_byte(*byte)).unwrap_or_default(),
            pack: self.front.pack,
            held: terms
                .segments
                .iter()
                .map(|(name, _)| self.within.iter().any(|held| held == name.as_str()))
                .collect(),
        };
        let kept = i64::from(terms.keep_days) * DAY_MS;
        let erasure = Labels::erasure(terms, &secret);
        let erasure = self.cleared(terms, Kind::Erasure, (&[], &erasure), kept, coins)?;
        let made = self.cleared(terms, Kind::Label, (&labels.shown(), &labels.encode()), WAITS_MS, coins)?;
        if !lost {
            // Between half a period and one and a half: two messages say nothing of when a third comes.
            name.next = now.saturating_add(period / 2 + below(coins, period)?);
        }
        name.erasure = Some(Box::new(erasure));
        *message = Some(made);
        Ok(now.saturating_add(WAITS_MS))
    }

    /// Seals a message and writes its receipt, whole but for the consent of the moment, its place in the chain, and the bytes it stands
    /// for, which the engine writes into it.
    fn cleared(
        &self,
        terms: &LabelTerms,
        kind: Kind,
        (shown, message): (&[u8], &[u8]),
        lasts: i64,
        coins: &mut impl Coins,
    ) -> Result<Cleared, Withheld> {
        let hash = terms.hash();
        let key = self.front.keys.at(self.now).ok_or(Withheld::NoKey)?;
        let sealer = LabelSealer::new(key, coins.secret()?).ok_or(Withheld::NoKey)?;
        let sealed = sealer.seal(hash, message).ok_or(Withheld::NoKey)?;
        // Tells the uploads of this device apart, on it alone.
        let mut id = [0; 16];
        coins.fill(&mut id)?;
        let receipt = Receipt {
            number: 0,
            at: self.now.millis(),
            kind,
            purpose: Purpose::Sharing,
            plan: hash,
            pack: self.front.pack,
            question: terms.id.as_str().to_owned(),
            window: 0,
            mechanism: terms.describe(),
            epsilon_micro: 0,
            consent: Consent::default(),
            sha256: [0; 32],
            size: 0,
            before: NOTHING_BEFORE,
        };
        let until = self.now.saturating_add(lasts);
        Ok(Cleared { receipt, id: ReportId(id), until, bytes: shown.to_vec(), sealed })
    }

    /// What was sealed in advance leaves now.
    fn today(&self, cleared: Cleared) -> Cleared {
        let receipt = Receipt { at: self.now.millis(), ..cleared.receipt };
        Cleared { receipt, ..cleared }
    }
}

/// Draws a time below `period`, which is more than nothing.
fn below(coins: &mut impl Coins, period: i64) -> Result<i64, NoEntropy> {
    let drawn = coins.below(u128::from(period.unsigned_abs()))?;
    // Below `period`, which is an i64.
    Ok(i64::try_from(drawn).unwrap_or_default())
}
