//! What crosses the border at every event, as plain numbers: one list in, one list out, which costs a tenth of what objects
//! made and read one member at a time would. `pkg-template/src/profile.ts` is the other side.

use js_sys::{Array, Float64Array};
use keepset_engine::{Cause, Change, ChangeKind, Given, Pack};
use keepset_wire::Timestamp;
use wasm_bindgen::JsValue;

use crate::convert::{list, millis};

/// Numbers from here on are not those of a property: no pack accepts one beyond a billion, and infinity stands for all of them.
const FALSE: f64 = 2e9;
pub(crate) const TRUE: f64 = 3e9;
/// The first of the texts that are given beside the numbers.
pub(crate) const TEXT: f64 = 4e9;

/// The numbers of causes that are a reason by themselves.
const TTL: u8 = 5;
const GROUP: u8 = 6;

/// Reads the texts of an event; mostly it has none.
pub(crate) fn texts(list: &Array) -> Vec<String> {
    (0..list.length()).map(|place| list.get(place).as_string().unwrap_or_default()).collect()
}

/// Reads the value of a property; what is no number is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "floats saturate, and no text lies there"
)]
pub(crate) fn given(number: f64, texts: &[String]) -> Option<Given<'_>> {
    if number.is_nan() {
        None
    } else if number == FALSE || number == TRUE {
        Some(Given::Flag(number == TRUE))
    } else if number >= TEXT && number.is_finite() {
        texts.get((number - TEXT) as usize).map(|text| Given::Text(text))
    } else {
        Some(Given::Number(number))
    }
}

/// Writes changes, one behind the other: the segment, whether it was entered, when, by which cause, by which event or segment, of
/// how many numbers the evidence is, and those. Nothing where nothing changed.
#[expect(clippy::cast_precision_loss, reason = "packs have few of everything")]
pub(crate) fn changes(changes: &[Change]) -> JsValue {
    if changes.is_empty() {
        return JsValue::UNDEFINED;
    }
    let mut numbers = Vec::with_capacity(changes.len() * 10);
    for Change { segment, kind, at, cause, evidence } in changes {
        let (cause, by) = match *cause {
            Cause::Event(by) => (0, by),
            Cause::Time => (1, 0),
            Cause::Consent => (2, 0),
            Cause::Erased => (3, 0),
            Cause::Expired => (4, 0),
            Cause::Ttl => (TTL, 0),
            Cause::Group(by) => (GROUP, by),
            Cause::Start => (7, 0),
        };
        let entered = f64::from(u8::from(*kind == ChangeKind::Entered));
        let size = evidence.len() as f64;
        numbers.extend([*segment as f64, entered, millis(at.millis()), f64::from(cause), by as f64, size]);
        numbers.extend(evidence);
    }
    Float64Array::new_from_slice(&numbers).into()
}

/// Reads as much of a change written by [`changes`] as its reason needs; nothing when it is none of this pack.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "floats saturate, and the pack has none there"
)]
pub(crate) fn change(numbers: &[f64], pack: &Pack) -> Option<Change> {
    let (head, evidence) = numbers.split_at_checked(6)?;
    let index = |place: usize| head[place] as usize;
    let known = |segment: usize| (segment < pack.segments().len()).then_some(segment);
    let cause = match head[3] {
        cause if cause == f64::from(TTL) => Cause::Ttl,
        cause if cause == f64::from(GROUP) => Cause::Group(known(index(4))?),
        _ => Cause::Time,
    };
    let kind = if head[1] > 0.0 { ChangeKind::Entered } else { ChangeKind::Left };
    Some(Change { segment: known(index(0))?, kind, at: Timestamp::MIN, cause, evidence: evidence.to_vec() })
}

/// Writes the names that the numbers stand for: of every event its own and those of its properties; and of the segments.
pub(crate) fn names(pack: &Pack) -> JsValue {
    let events = list(&pack.events, |event| {
        let names = Array::of1(&event.name.as_str().into());
        event.properties.iter().for_each(|property| {
            names.push(&property.name.as_str().into());
        });
        names.into()
    });
    let segments = list(pack.segments(), |segment| segment.id.as_str().into());
    Array::of2(&events, &segments).into()
}
