//! A question of a plan: what is asked, of whom it is asked and why.

use serde_json::{Value, json};

use crate::codec;
use crate::codec::{Codec, Decoder};
use crate::document::{Fields, Mistake, Name, Node};

/// The most segments whose sizes one question asks for.
const MAX_SIZES: usize = 256;
/// The most segments whose overlaps one question asks for: 496 pairs.
const MAX_OVERLAPS: usize = 32;
/// The most segments whose conversion one question asks for, and the most bands of scores it asks to calibrate.
const MAX_COHORTS: usize = 64;
/// The most bins of a histogram.
const MAX_BINS: u32 = 200;
/// The largest cap.
const MAX_CAP: usize = 8;

/// A number with at most six decimals, in whole millionths: what stands in a plan is the same on every device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millionths(i64);

codec!(tuple Millionths);

impl Millionths {
    /// A milliard, in millionths: beyond it six decimals are more than an `f64` holds.
    const MOST: i64 = 1_000_000_000_000_000;

    /// Returns the number itself, the `f64` that is nearest to it.
    #[must_use]
    pub fn value(self) -> f64 {
        // Below 2^53, so nothing is rounded before the division.
        #[expect(clippy::cast_precision_loss)]
        let millionths = self.0 as f64;
        millionths / 1e6
    }

    fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let number = node.number()?;
        // A float that fits no integer saturates, and does not read back.
        #[expect(clippy::cast_possible_truncation)]
        let read = Self((number * 1e6).round() as i64);
        // Equal only if the number has no more than six decimals: both are the nearest to the same fraction.
        #[expect(clippy::float_cmp)]
        let same = read.value() == number;
        if same && read.is_sound() {
            Ok(read)
        } else {
            Err(node.mistake("expected a number of at most a milliard with at most six decimals"))
        }
    }

    fn is_sound(self) -> bool {
        (-Self::MOST..=Self::MOST).contains(&self.0)
    }
}

/// What is asked.
///
/// "First" is always the first in the order of the question, "now" the moment of the answer, and "then" the start of the
/// epoch so many epochs before the one in which the device answers as the question's horizon says; without a horizon it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// In which of these segments are you now?
    Sizes {
        /// The segments, in the order of the cells of an answer.
        segments: Vec<Name>,
        /// At most this many memberships enter an answer; more are cut at random, and the cut is bias.
        cap: u8,
    },
    /// Which two of these segments are you in at once now?
    Overlaps {
        /// The segments, in the order of the cells of an answer.
        segments: Vec<Name>,
        /// At most this many memberships enter an answer; more are cut at random, and the cut is bias.
        cap: u8,
    },
    /// In which of these equal bins is this feature now, or has it no value?
    Histogram {
        /// The feature.
        feature: Name,
        /// The lower end of the first bin; what is less counts in it.
        low: Millionths,
        /// The upper end of the last bin; what is more counts in it.
        high: Millionths,
        /// How many bins there are.
        bins: u16,
    },
    /// What is this feature now?
    Mean {
        /// The feature.
        feature: Name,
        /// What is less counts as this.
        low: Millionths,
        /// What is more counts as this.
        high: Millionths,
        /// What counts where the feature has no value.
        missing: Millionths,
    },
    /// Which is the first of these segments that you were in then, and are you in the outcome's segment now?
    Conversion {
        /// The segments, in their order of precedence: a device in none of them tells no outcome.
        segments: Vec<Name>,
        /// The segment that tells the outcome.
        outcome: Name,
    },
    /// Between which of these scores were you then, and are you in the outcome's segment now?
    Calibration {
        /// The model that scores.
        model: Name,
        /// Where one band of scores ends and the next begins, rising; a score on a cut belongs to the band above it.
        cuts: Vec<Millionths>,
        /// The segment that tells the outcome.
        outcome: Name,
    },
}

codec!(enum Ask {
    0 => Sizes { segments, cap }, 1 => Overlaps { segments, cap }, 2 => Histogram { feature, low, high, bins },
    3 => Mean { feature, low, high, missing }, 4 => Conversion { segments, outcome },
    5 => Calibration { model, cuts, outcome },
});

/// The kinds of questions, without what they ask about.
#[derive(Clone, Copy)]
enum Kind {
    Sizes,
    Overlaps,
    Histogram,
    Mean,
    Conversion,
    Calibration,
}

impl Kind {
    const ALL: [(&'static str, Self); 6] = [
        ("sizes", Self::Sizes),
        ("overlaps", Self::Overlaps),
        ("histogram", Self::Histogram),
        ("mean", Self::Mean),
        ("conversion", Self::Conversion),
        ("calibration", Self::Calibration),
    ];

    /// The keys of a question of this kind that are not every question's.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Sizes | Self::Overlaps => &["segments", "cap"],
            Self::Histogram => &["feature", "low", "high", "bins"],
            Self::Mean => &["feature", "low", "high", "missing"],
            Self::Conversion => &["segments", "outcome", "horizon_epochs"],
            Self::Calibration => &["model", "cuts", "outcome", "horizon_epochs"],
        }
    }
}

impl Ask {
    /// Returns the name of its kind, as a plan has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sizes { .. } => "sizes",
            Self::Overlaps { .. } => "overlaps",
            Self::Histogram { .. } => "histogram",
            Self::Mean { .. } => "mean",
            Self::Conversion { .. } => "conversion",
            Self::Calibration { .. } => "calibration",
        }
    }

    /// Returns how many cells an answer has room for.
    ///
    /// Sizes and overlaps have one per segment and `cap` that stand for "none". A conversion and a calibration have the "no" and the
    /// "yes" of every group and a last one for devices in no group. What a table answers with has room for twice as many outputs as it has inputs, or for 32: no epsilon takes more.
    #[must_use]
    pub fn cells(&self) -> u16 {
        let cells = match self {
            Self::Sizes { segments, cap } | Self::Overlaps { segments, cap } => {
                segments.len() + usize::from(*cap)
            }
            Self::Histogram { bins, .. } => 2 * (usize::from(*bins) + 1),
            Self::Mean { .. } => 32,
            Self::Conversion { .. } | Self::Calibration { .. } => 2 * usize::from(self.groups()) + 1,
        };
        // At most 402, by the limits of every kind.
        u16::try_from(cells).unwrap_or(u16::MAX)
    }

    /// Returns the segments it names for themselves, in the order of their cells.
    #[must_use]
    pub fn segments(&self) -> &[Name] {
        match self {
            Self::Sizes { segments, .. }
            | Self::Overlaps { segments, .. }
            | Self::Conversion { segments, .. } => segments,
            _ => &[],
        }
    }

    /// Returns the segment whose memberships are the outcome.
    #[must_use]
    pub fn outcome(&self) -> Option<&Name> {
        match self {
            Self::Conversion { outcome, .. } | Self::Calibration { outcome, .. } => Some(outcome),
            _ => None,
        }
    }

    /// Returns how many groups have an outcome of their own: the segments of a conversion, the bands of a calibration.
    #[must_use]
    pub fn groups(&self) -> u16 {
        let groups = match self {
            Self::Conversion { segments, .. } => segments.len(),
            Self::Calibration { cuts, .. } => cuts.len() + 1,
            _ => 0,
        };
        // At most 64, by the limits of both.
        u16::try_from(groups).unwrap_or(u16::MAX)
    }

    /// Returns at most how many memberships enter an answer; nothing where there is only one.
    #[must_use]
    pub fn cap(&self) -> Option<u8> {
        match self {
            Self::Sizes { cap, .. } | Self::Overlaps { cap, .. } => Some(*cap),
            _ => None,
        }
    }

    fn is_sound(&self) -> bool {
        let listed = |names: &[Name], low: usize, high: usize| {
            (low..=high).contains(&names.len()) && first_repeated(names).is_none()
        };
        let range = |low: Millionths, high: Millionths| low.is_sound() && high.is_sound() && low < high;
        match self {
            Self::Sizes { segments, cap } => {
                listed(segments, 1, MAX_SIZES) && (1..=segments.len().min(MAX_CAP)).contains(&(*cap).into())
            }
            Self::Overlaps { segments, cap } => {
                listed(segments, 2, MAX_OVERLAPS)
                    && (2..=segments.len().min(MAX_CAP)).contains(&(*cap).into())
            }
            Self::Histogram { low, high, bins, .. } => {
                range(*low, *high) && (2..=MAX_BINS).contains(&(*bins).into())
            }
            Self::Mean { low, high, missing, .. } => range(*low, *high) && (low..=high).contains(&missing),
            Self::Conversion { segments, .. } => listed(segments, 1, MAX_COHORTS),
            Self::Calibration { cuts, .. } => {
                (1..MAX_COHORTS).contains(&cuts.len())
                    && cuts.iter().all(|cut| cut.is_sound())
                    && cuts.is_sorted_by(|one, next| one < next)
            }
        }
    }

    fn read(kind: Kind, fields: &Fields<'_>) -> Result<Self, Mistake> {
        Ok(match kind {
            Kind::Sizes => {
                let (segments, cap) = read_capped(fields, 1, MAX_SIZES)?;
                Self::Sizes { segments, cap }
            }
            Kind::Overlaps => {
                let (segments, cap) = read_capped(fields, 2, MAX_OVERLAPS)?;
                Self::Overlaps { segments, cap }
            }
            Kind::Histogram => {
                let (low, high) = read_range(fields)?;
                // At most `MAX_BINS`.
                let bins = u16::try_from(fields.need("bins")?.whole(2, MAX_BINS)?).unwrap_or(2);
                Self::Histogram { feature: fields.need("feature")?.name()?, low, high, bins }
            }
            Kind::Mean => {
                let (low, high) = read_range(fields)?;
                let missing = match fields.get("missing") {
                    Some(node) => Millionths::read(&node)
                        .ok()
                        .filter(|missing| (low..=high).contains(missing))
                        .ok_or_else(|| node.mistake("expected a number between low and high"))?,
                    None => low,
                };
                Self::Mean { feature: fields.need("feature")?.name()?, low, high, missing }
            }
            Kind::Conversion => Self::Conversion {
                segments: read_segments(&fields.need("segments")?, 1, MAX_COHORTS)?,
                outcome: fields.need("outcome")?.name()?,
            },
            Kind::Calibration => {
                let list = fields.need("cuts")?;
                let cuts = list.each(Millionths::read)?;
                if !(1..MAX_COHORTS).contains(&cuts.len()) || !cuts.is_sorted_by(|one, next| one < next) {
                    return Err(list.mistake("expected 1 to 63 scores, each greater than the one before it"));
                }
                let (model, outcome) = (fields.need("model")?.name()?, fields.need("outcome")?.name()?);
                Self::Calibration { model, cuts, outcome }
            }
        })
    }

    /// Adds what is this kind's own to the JSON of a question.
    fn write(&self, question: &mut Value) {
        let names = |names: &[Name]| names.iter().map(|name| json!(name.as_str())).collect::<Value>();
        if !matches!(self, Self::Sizes { .. }) {
            question["ask"] = json!(self.kind());
        }
        if !self.segments().is_empty() {
            question["segments"] = names(self.segments());
        }
        if let Some(outcome) = self.outcome() {
            question["outcome"] = json!(outcome.as_str());
        }
        if let Some(cap) = self.cap() {
            question["cap"] = json!(cap);
        }
        match self {
            Self::Histogram { feature, low, high, .. } | Self::Mean { feature, low, high, .. } => {
                question["feature"] = json!(feature.as_str());
                question["low"] = json!(low.value());
                question["high"] = json!(high.value());
            }
            Self::Calibration { model, cuts, .. } => {
                question["model"] = json!(model.as_str());
                question["cuts"] = cuts.iter().map(|cut| json!(cut.value())).collect();
            }
            _ => {}
        }
        match self {
            Self::Histogram { bins, .. } => question["bins"] = json!(bins),
            Self::Mean { missing, .. } => question["missing"] = json!(missing.value()),
            _ => {}
        }
    }
}

/// A question: what a device is asked, why, and how often it draws this question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name, unique in the plan.
    pub id: Name,
    /// Why it is asked, in plain language for the person who answers.
    pub reason: String,
    /// What is asked.
    pub ask: Ask,
    /// The share of devices that draw this question, relative to the other weights of the plan.
    pub weight: u32,
    /// So many epochs lie between "then" and the answer; 0 where only now is asked about.
    pub horizon: u32,
}

/// As plans that asked for sizes alone were always written; what else is asked stands behind a cap of zero.
impl Codec for Question {
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.reason.encode(out);
        let sizes = match &self.ask {
            Ask::Sizes { segments, cap } => Some((segments, cap)),
            _ => None,
        };
        let (segments, cap) = sizes.unwrap_or((const { &Vec::new() }, &0));
        segments.encode(out);
        cap.encode(out);
        self.weight.encode(out);
        if sizes.is_none() {
            self.horizon.encode(out);
            self.ask.encode(out);
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        let (id, reason) = (Name::decode(from), String::decode(from));
        let (segments, cap) = (Codec::decode(from), u8::decode(from));
        let weight = u32::decode(from);
        let (horizon, ask) =
            if cap == 0 { (u32::decode(from), Ask::decode(from)) } else { (0, Ask::Sizes { segments, cap }) };
        Self { id, reason, ask, weight, horizon }
    }
}

impl Question {
    /// Returns how many cells an answer has room for.
    #[must_use]
    pub fn cells(&self) -> u16 {
        self.ask.cells()
    }

    /// Tells whether the question keeps the limits that questions are held to, in windows of so many epochs.
    pub(crate) fn is_sound(&self, window_epochs: u32) -> bool {
        let latest = if self.ask.outcome().is_some() { window_epochs.saturating_sub(1) } else { 0 };
        self.ask.is_sound() && (1..=1_000).contains(&self.weight) && self.horizon <= latest
    }

    pub(crate) fn read(node: &Node<'_>, window_epochs: u32) -> Result<Self, Mistake> {
        let kind = match node.get("ask") {
            Some(ask) => ask.one_of(&Kind::ALL)?,
            None => Kind::Sizes,
        };
        let fields = node.object_of(&[&["id", "reason", "ask", "weight"], kind.keys()])?;
        let horizon = match fields.get("horizon_epochs") {
            Some(horizon) => horizon.whole(0, window_epochs.saturating_sub(1))?,
            None => 0,
        };
        Ok(Self {
            id: fields.need("id")?.name()?,
            reason: fields.need("reason")?.text()?.to_owned(),
            ask: Ask::read(kind, &fields)?,
            weight: fields.get("weight").map_or(Ok(1), |weight| weight.whole(1, 1_000))?,
            horizon,
        })
    }

    /// Writes the question as the JSON that [`Question::read`] reads.
    pub(crate) fn to_json(&self) -> Value {
        let mut question = json!({"id": self.id.as_str(), "reason": self.reason, "weight": self.weight});
        self.ask.write(&mut question);
        if self.horizon > 0 {
            question["horizon_epochs"] = json!(self.horizon);
        }
        question
    }
}

fn read_segments(list: &Node<'_>, least: usize, most: usize) -> Result<Vec<Name>, Mistake> {
    let segments = list.each(|node| node.name())?;
    if !(least..=most).contains(&segments.len()) {
        return Err(list.mistake(format!("expected {least} to {most} segments")));
    }
    if let Some(twice) = first_repeated(&segments) {
        return Err(list.mistake(format!("{twice} is asked twice; name each segment once")));
    }
    Ok(segments)
}

fn read_capped(fields: &Fields<'_>, least: u8, most: usize) -> Result<(Vec<Name>, u8), Mistake> {
    let segments = read_segments(&fields.need("segments")?, least.into(), most)?;
    let highest = u32::try_from(segments.len().min(MAX_CAP)).unwrap_or(0);
    let cap = fields.need("cap")?.whole(least.into(), highest)?;
    // At most `MAX_CAP`.
    Ok((segments, u8::try_from(cap).unwrap_or(least)))
}

fn read_range(fields: &Fields<'_>) -> Result<(Millionths, Millionths), Mistake> {
    let (low, high) = (fields.need("low")?, fields.need("high")?);
    let (least, most) = (Millionths::read(&low)?, Millionths::read(&high)?);
    if least < most { Ok((least, most)) } else { Err(high.mistake("expected a number greater than low")) }
}

pub(crate) fn first_repeated(names: &[Name]) -> Option<&Name> {
    names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests;
