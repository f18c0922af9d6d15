//! The compiled form of a pack: what its reader found, so that a page need not carry a reader of JSON and its messages.
//!
//! ```text
//! "KSPK" | format u8, its highest bit set when only an engine with every kind reads it | checksum | the pack as [`keepset_wire::codec`] writes it: the gateway's keys, labels, the collector's keys and choices first
//! ```
//! The checksum, the first 8 bytes of the SHA-256 of eight zeros and the body, is against damage; the first 16 name the pack. Against who serves a page another pack it
//! cannot help; but whatever the bytes say, the plan in them keeps the limits of every plan, and its hash is its own.

use keepset_wire::codec::{decode, decode_first, encode};
use keepset_wire::document::{Mistake, Name};
use keepset_wire::oblivious::GatewayKey;
use keepset_wire::{PackHash, SealingKeys, Timestamp, sha256};

use crate::adapting::Adaptation;
use crate::choosing::Alternatives;
use crate::event::EventSpec;
use crate::model::Model;
use crate::pack::Pack;
use crate::snapshot::checksum;

const MAGIC: [u8; 4] = *b"KSPK";
/// Raised whenever the bytes of any pack change: `tests/vectors/formats.json` notices.
const FORMAT: u8 = 9;
const HEADER: usize = 4 + 1 + 8;
/// Behind the magic: the format, with this bit set when the pack names what only an engine with every kind of feature computes.
const EVERY_KIND: u8 = 0x80;

/// What stands at the front of a compiled pack, behind the gateway's keys: all of it that labels need, so that what makes them carries no reader of packs.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    /// What may be shared, written out.
    pub(crate) labels: Vec<u8>,
    pub(crate) keys: SealingKeys,
    /// Names the pack.
    pub(crate) pack: PackHash,
}

impl Front {
    /// Reads it; nothing when the bytes are no compiled pack of this version, or a damaged one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (body, pack) = whole(bytes)?;
        let ((_, labels), keys): ((Vec<u8>, Vec<u8>), SealingKeys) = decode_first(body)?;
        keys.is_sound().then_some(Self { labels, keys, pack })
    }
}

/// Returns what is behind the header, and its name; nothing when the bytes are no compiled pack of this version, or a damaged one.
fn whole(bytes: &[u8]) -> Option<(&[u8], PackHash)> {
    let (header, body) = bytes.split_at_checked(HEADER)?;
    let digest = sha256(&[&[0; 8], body]);
    let is_whole = header[..4] == MAGIC && header[4] & !EVERY_KIND == FORMAT && header[5..] == digest[..8];
    is_whole.then(|| (body, name_of(&digest)))
}

fn name_of(digest: &[u8; 32]) -> PackHash {
    let mut hash = PackHash::default();
    hash.0.copy_from_slice(&digest[..16]);
    hash
}

impl Pack {
    /// Returns what stands at the front of the compiled form.
    pub(crate) fn front(&self) -> Front {
        Front { labels: self.labels.clone(), keys: self.keys.clone(), pack: self.hash }
    }

    /// Writes the compiled form.
    #[must_use]
    pub fn compile(&self) -> Vec<u8> {
        let body = encode(self);
        let needs = if self.is_plain() { 0 } else { EVERY_KIND };
        [&MAGIC[..], &[FORMAT | needs], &checksum([0; 8], &body), &body].concat()
    }

    /// Tells whether bytes begin as a compiled pack does.
    #[must_use]
    pub fn is_compiled(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// Reads the compiled form.
    ///
    /// # Errors
    /// A [`Mistake`] at `$` when the bytes are no compiled pack, a damaged one, or one of another format, or when they need an engine with
    /// every kind of feature and this one has the usual ones.
    pub fn load(bytes: &[u8]) -> Result<Self, Mistake> {
        let format = bytes.get(MAGIC.len()).filter(|_| bytes.len() >= HEADER && bytes.starts_with(&MAGIC));
        if format.is_some_and(|format| format & !EVERY_KIND != FORMAT) {
            return Err(Mistake::new("$", "another version of keepset compiled this pack; compile it again"));
        }
        if cfg!(not(feature = "every-kind")) && format.is_some_and(|format| format & EVERY_KIND != 0) {
            return Err(Mistake::new("$", "this pack needs core-full.wasm"));
        }
        let damaged = || Mistake::new("$", "this is no compiled pack, or a damaged one");
        let (body, hash) = whole(bytes).ok_or_else(damaged)?;
        let mut pack = decode(body).filter(Self::is_sound).ok_or_else(damaged)?;
        pack.hash = hash;
        Ok(pack)
    }

    /// Returns the key of a compiled pack to which what goes through a relay is encapsulated at `now`. Reads nothing else of the pack,
    /// and is for one that [`Pack::load`] has read.
    #[must_use]
    pub fn gateway(bytes: &[u8], now: Timestamp) -> Option<GatewayKey> {
        let keys: Vec<u8> = decode_first(bytes.get(HEADER..)?)?;
        let keys = decode(&keys).filter(SealingKeys::is_sound)?;
        keys.at(now).map(GatewayKey::from)
    }

    /// Returns the choices of a compiled pack. Reads nothing behind them, and nothing where the bytes are no whole pack of this version.
    #[must_use]
    pub fn choices(bytes: &[u8]) -> Vec<Alternatives> {
        // The gateway's keys and the labels, as [`Front`] has them.
        type Before = ((Vec<u8>, Vec<u8>), SealingKeys);
        let read = || {
            let (body, _) = whole(bytes)?;
            let (_, choices): (Before, Vec<u8>) = decode_first(body)?;
            decode_first(&choices)
        };
        read().unwrap_or_default()
    }

    /// Returns how models of a compiled pack move with a person. Reads nothing behind the models, and nothing where the bytes are no whole pack
    /// of this version.
    #[must_use]
    pub fn adaptations(bytes: &[u8]) -> Vec<Adaptation> {
        // What stands before the models, in the order of the fields of a pack.
        type Before = (((Vec<u8>, Vec<u8>), SealingKeys), Vec<u8>);
        type Head = ((Before, (Name, u32)), ((String, Timestamp), Vec<EventSpec>));
        let read = || {
            let (body, _) = whole(bytes)?;
            let (((before, _), _), models): (Head, Vec<Model>) = decode_first(body)?;
            let (_, adaptations): (Vec<Alternatives>, Vec<Adaptation>) = decode(&before.1)?;
            let model_of = |id: &Name| models.iter().find(|model| model.id == *id).cloned();
            adaptations
                .into_iter()
                .map(|adaptation| Some(adaptation.checked()?.with(model_of(&adaptation.id)?)))
                .collect::<Option<Vec<_>>>()
        };
        read().unwrap_or_default()
    }

    /// Tells whether an engine with the usual kinds of features alone can read it.
    fn is_plain(&self) -> bool {
        self.features.is_plain() && self.models.iter().all(Model::is_plain)
    }

    /// Finds the hash of a pack that was not compiled yet.
    pub(crate) fn name(&mut self) {
        let digest = sha256(&[&[0; 8], &encode(self)]);
        self.hash = name_of(&digest);
    }
}
