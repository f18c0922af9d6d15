//! The snapshot: everything a device remembers, as bytes with a version and a checksum.
//!
//! What is stored is one whole section and, behind it, what changed since, a section a save:
//!
//! ```text
//! "KSST" | version u8 | length u32 | checksum | the snapshot
//! "KSSD" | version u8 | length u32 | checksum | what changed
//! ```
//! A checksum is the first 8 bytes of the SHA-256 of the checksum before it and the body, so sections cannot be left out or
//! swapped. A last section cut short is left out: charges are in whole sections alone, so nothing spent is
//! forgotten. The format is frozen: `tests/vectors/formats.json` holds a sample of every version that was ever published.

use std::fmt;

use keepset_wire::codec;
use keepset_wire::codec::{Codec, decode, encode};
use keepset_wire::{Consent, sha256};

use crate::engine::Latch;
use crate::event::{Intake, RecentIds};
use crate::feature::State;
use crate::gate::Gate;
use crate::labels::Sharing;
use crate::outbox::Outbox;
use crate::segment::Standing;

const WHOLE: [u8; 4] = *b"KSST";
const CHANGED: [u8; 4] = *b"KSSD";
const VERSION: u8 = 5;
const CHANGED_VERSION: u8 = 1;
const HEADER: usize = 4 + 1 + 4 + 8;

/// Why stored bytes cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateError {
    /// They are no snapshot, or a damaged one.
    Corrupt,
    /// They were written by a later version.
    Newer,
    /// They belong to another pack.
    OtherPack,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Corrupt => "the stored state is damaged: it starts empty, with this year's budget counted as spent",
            Self::Newer => "the stored state is of a later version: it starts empty, with this year's budget counted as spent",
            Self::OtherPack => "the stored state is another pack's: it starts empty, with this year's budget counted as spent",
        })
    }
}

impl std::error::Error for StateError {}

/// What a device remembers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) pack: String,
    /// The part that changes with events and time.
    pub(crate) profile: Profile,
    pub(crate) consent: Consent,
    pub(crate) gate: Gate,
    pub(crate) outbox: Outbox,
    pub(crate) latch: Option<Latch>,
    pub(crate) sharing: Sharing,
}

codec!(struct Snapshot { pack, profile, consent, gate, outbox, latch, sharing });

/// The same at the moment of a save, in the order of the bytes.
pub(crate) struct Whole<'a> {
    pub(crate) pack: &'a str,
    pub(crate) profile: Profile,
    pub(crate) consent: &'a Consent,
    pub(crate) gate: &'a Gate,
    pub(crate) outbox: &'a Outbox,
    pub(crate) latch: &'a Option<Latch>,
    pub(crate) sharing: &'a Sharing,
}

impl Whole<'_> {
    fn encode(&self) -> Vec<u8> {
        let mut out = encode(&self.pack.to_owned());
        self.profile.encode(&mut out);
        self.consent.encode(&mut out);
        self.gate.encode(&mut out);
        self.outbox.encode(&mut out);
        self.latch.encode(&mut out);
        self.sharing.encode(&mut out);
        out
    }
}

/// What is derived from events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Profile {
    pub(crate) now: Now,
    pub(crate) ids: RecentIds,
    /// The fingerprint of each memory's definition, and the memory.
    pub(crate) memories: Vec<(u64, State)>,
    /// The name of each segment, and where the device stands with it.
    pub(crate) standings: Vec<(String, Standing)>,
}

codec!(struct Profile { now, ids, memories, standings });

/// What changes with every save.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) revision: u64,
    /// The last instant at which memberships were evaluated.
    pub(crate) evaluated: i64,
    /// When the latest event happened; 0 before the first.
    pub(crate) last_event: i64,
    pub(crate) intake: Intake,
}

codec!(struct Now { revision, evaluated, last_event, intake });

/// What changed from one save to the next.
#[derive(Debug)]
struct Changed {
    now: Now,
    ids: Vec<i64>,
    memories: Vec<(u32, Patch)>,
    standings: Vec<(u32, Standing)>,
}

codec!(struct Changed { now, ids, memories, standings });

/// A list of pairs from an earlier one: so many of its first, the new ones, so many of its last.
#[derive(Debug)]
struct Patch {
    first: u32,
    rows: Vec<(i64, i64)>,
    last: u32,
}

codec!(struct Patch { first, rows, last });

impl Patch {
    fn between(old: &[(i64, i64)], new: &[(i64, i64)]) -> Self {
        let same = |(a, b): &(&(i64, i64), &(i64, i64))| a == b;
        let first = old.iter().zip(new).take_while(same).count();
        let last = old[first..].iter().rev().zip(new[first..].iter().rev()).take_while(same).count();
        let narrow = |count: usize| u32::try_from(count).unwrap_or(0);
        Self { first: narrow(first), rows: new[first..new.len() - last].to_vec(), last: narrow(last) }
    }

    fn apply(self, rows: &mut Vec<(i64, i64)>) -> Option<()> {
        let (first, last) = (self.first as usize, self.last as usize);
        let end = rows.len().checked_sub(last).filter(|end| *end >= first)?;
        rows.splice(first..end, self.rows);
        Some(())
    }
}

impl Changed {
    fn apply(self, profile: &mut Profile) -> Option<()> {
        profile.now = self.now;
        self.ids.into_iter().for_each(|id| profile.ids.push(id));
        for (index, patch) in self.memories {
            patch.apply(profile.memories.get_mut(index as usize)?.1.rows_mut())?;
        }
        for (index, standing) in self.standings {
            profile.standings.get_mut(index as usize)?.1 = standing;
        }
        Some(())
    }
}

/// What an engine holds at the moment of a save, in the order of its pack.
pub(crate) struct Live<'a> {
    pub(crate) now: Now,
    pub(crate) ids: &'a RecentIds,
    pub(crate) states: &'a [State],
    pub(crate) standings: &'a [Standing],
}

/// What is stored: what it would be read as, and how long it is.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    profile: Profile,
    checksum: [u8; 8],
    /// The length of the whole section, and of all behind it.
    whole: usize,
    changed: usize,
}

impl Stored {
    /// Writes a whole section.
    pub(crate) fn write(whole: Whole<'_>) -> (Self, Vec<u8>) {
        let (bytes, checksum) = section(WHOLE, VERSION, [0; 8], &whole.encode());
        (Self { profile: whole.profile, checksum, whole: bytes.len(), changed: 0 }, bytes)
    }

    /// Writes what changed; nothing when it is time for a whole section: what is stored is laid out for another pack,
    /// or there is as much behind the whole section as in it.
    pub(crate) fn append(&mut self, live: &Live<'_>, limit: usize) -> Option<Vec<u8>> {
        let old = &self.profile;
        if self.changed > limit.min(self.whole.max(2_048)) {
            return None;
        }
        let index = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let memories = old.memories.iter().zip(live.states).enumerate().filter(|(_, (a, b))| a.1 != **b);
        let standings = old.standings.iter().zip(live.standings).enumerate().filter(|(_, (a, b))| a.1 != **b);
        let changed = Changed {
            now: live.now,
            ids: live.ids.since(&old.ids)?,
            memories: memories.map(|(i, (a, b))| (index(i), Patch::between(a.1.rows(), b.rows()))).collect(),
            standings: standings.map(|(i, (_, b))| (index(i), *b)).collect(),
        };
        let (bytes, checksum) = section(CHANGED, CHANGED_VERSION, self.checksum, &encode(&changed));
        self.checksum = checksum;
        self.changed += bytes.len();
        changed.apply(&mut self.profile)?;
        Some(bytes)
    }

    /// Tells that what is stored is laid out for another pack: nothing may be appended to it.
    pub(crate) fn misfits(&mut self) {
        self.changed = usize::MAX;
    }

    /// Reads what is stored.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Snapshot, Self), StateError> {
        let (body, checksum, mut rest) = open(bytes, WHOLE, VERSION, [0; 8])?.ok_or(StateError::Corrupt)?;
        let mut snapshot: Snapshot = decode(body).ok_or(StateError::Corrupt)?;
        let whole = bytes.len() - rest.len();
        let mut stored = Self { profile: Profile::default(), checksum, whole, changed: rest.len() };
        while let Some((body, checksum, behind)) = open(rest, CHANGED, CHANGED_VERSION, stored.checksum)? {
            let changed: Changed = decode(body).ok_or(StateError::Corrupt)?;
            changed.apply(&mut snapshot.profile).ok_or(StateError::Corrupt)?;
            (stored.checksum, rest) = (checksum, behind);
        }
        if !rest.is_empty() {
            // Behind a section cut short nothing may be appended.
            stored.misfits();
        }
        stored.profile.clone_from(&snapshot.profile);
        Ok((snapshot, stored))
    }
}

/// Writes a section; returns its checksum too.
fn section(magic: [u8; 4], version: u8, before: [u8; 8], body: &[u8]) -> (Vec<u8>, [u8; 8]) {
    let checksum = checksum(before, body);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    ([&magic[..], &[version], &length, &checksum, body].concat(), checksum)
}

/// The first 8 bytes of the SHA-256 of the checksum before a section and its body.
pub(crate) fn checksum(before: [u8; 8], body: &[u8]) -> [u8; 8] {
    let mut checksum = [0; 8];
    checksum.copy_from_slice(&sha256(&[&before, body])[..8]);
    checksum
}

/// A section's body, its checksum and what stands behind it.
type Section<'a> = (&'a [u8], [u8; 8], &'a [u8]);

/// Opens a section; nothing when it is cut short.
fn open(
    bytes: &[u8],
    magic: [u8; 4],
    version: u8,
    before: [u8; 8],
) -> Result<Option<Section<'_>>, StateError> {
    let Some((header, rest)) = bytes.split_at_checked(HEADER) else {
        return if magic.starts_with(bytes) || bytes.starts_with(&magic) {
            Ok(None)
        } else {
            Err(StateError::Corrupt)
        };
    };
    if header[..4] != magic {
        return Err(StateError::Corrupt);
    }
    if header[4] > version {
        return Err(StateError::Newer);
    }
    let length = u32::from_le_bytes([header[5], header[6], header[7], header[8]]) as usize;
    let Some((body, behind)) = rest.split_at_checked(length) else { return Ok(None) };
    let sum = checksum(before, body);
    if header[4] < version || header[9..] != sum {
        return Err(StateError::Corrupt);
    }
    Ok(Some((body, sum, behind)))
}
