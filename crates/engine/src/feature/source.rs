//! Where a feature looks: which events, through which filters, and what it takes of them.

use keepset_wire::Timestamp;
use keepset_wire::codec;
use keepset_wire::document::{Mistake, Node, quoted};
use serde_json::Value as Json;

use super::filter::Filter;
use super::{Definition, Fields};
use crate::event::{Channel, Event, EventSpec, ONE_MILLIONTHS, PropertyKind, Value, to_millionths, within};
use crate::zone::Zone;

/// The largest magnitude of the weight of an event.
const MAX_WEIGHT: f64 = 1e3;
/// The bit of an event that ends every attempt at a sequence.
pub(super) const BREAKS: i64 = 1 << 62;

/// An event as a kind sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    /// When it happened.
    pub(super) at: Timestamp,
    /// Its weight, in whole millionths.
    pub(super) weight: i64,
    /// The property the feature looks at times the weight, in whole millionths; 0 where it looks at none.
    pub(super) amount: i64,
    /// What the feature tells events apart by: the number of a category or channel, or a hash; never negative.
    pub(super) key: i64,
    /// The steps of a sequence it matches, a bit each.
    pub(super) steps: i64,
    /// It starts the count anew.
    pub(super) anew: bool,
}

/// Where a feature looks.
#[derive(Debug)]
pub(super) struct Source(Vec<Reader>);

codec!(tuple Source);

/// How one kind of event is read.
#[derive(Clone, Debug)]
struct Reader {
    spec: usize,
    weight: i64,
    filters: Vec<Filter>,
    property: Option<usize>,
    by: Option<By>,
    steps: i64,
    anew: bool,
}

codec!(struct Reader { spec, weight, filters, property, by, steps, anew });

#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Channel,
    Property(usize),
}

codec!(enum By { 0 => Channel, 1 => Property(a) });

impl Source {
    /// Looks at an event; nothing when it does not concern the feature.
    pub(super) fn look(&self, event: &Event, channel: i64, zone: &Zone) -> Option<Observation> {
        let mut seen: Option<Observation> = None;
        for reader in self.0.iter().filter(|reader| reader.spec == event.spec) {
            let Some(new) = reader.look(event, channel, zone) else { continue };
            match &mut seen {
                // One event may be several steps, or begin the count anew as well.
                Some(seen) => {
                    seen.steps |= new.steps;
                    seen.anew |= new.anew;
                }
                None => seen = Some(new),
            }
        }
        seen
    }

    pub(super) fn reads(&self, spec: usize) -> bool {
        self.0.iter().any(|reader| reader.spec == spec)
    }
}

impl Reader {
    fn look(&self, event: &Event, channel: i64, zone: &Zone) -> Option<Observation> {
        if !self.filters.iter().all(|filter| filter.passes(event, zone)) {
            return None;
        }
        let amount = match self.property {
            None => 0,
            Some(property) => match event.values[property] {
                Some(Value::Millionths(value)) => scaled(value, self.weight),
                _ => return None,
            },
        };
        let key = match self.by {
            None => 0,
            Some(By::Channel) => channel,
            Some(By::Property(property)) => match event.values[property] {
                Some(Value::Category(index)) => i64::try_from(index).unwrap_or(0),
                Some(Value::Id(hash)) => hash & i64::MAX,
                _ => return None,
            },
        };
        Some(Observation {
            at: event.at,
            weight: self.weight,
            amount,
            key,
            steps: self.steps,
            anew: self.anew,
        })
    }
}

/// An amount times a weight, both in whole millionths, rounded toward zero.
fn scaled(amount: i64, weight: i64) -> i64 {
    if weight == ONE_MILLIONTHS {
        return amount;
    }
    // The whole units apart, so that no product is of 128 bits, whose division a page would carry for this alone: at most 1e9 times 1e9.
    let (units, rest) = (amount / ONE_MILLIONTHS, amount % ONE_MILLIONTHS);
    units.saturating_mul(weight).saturating_add(rest * weight / ONE_MILLIONTHS)
}

impl Definition<'_> {
    /// Reads the events, the filter and the keys `property` (under the name a kind gives it) and `by`, as far as they are there.
    pub(super) fn source(&self, property: &'static str) -> Result<Source, Mistake> {
        let mut readers = self.readers(&self.fields)?;
        for reader in &mut readers {
            let spec = &self.events[reader.spec];
            if let Some(node) = self.fields.get(property) {
                let index = spec.property(&node)?;
                if !matches!(spec.properties[index].kind, PropertyKind::Number { .. } | PropertyKind::Text(_))
                {
                    return Err(node.mistake("expected the name of a number, money or text property"));
                }
                reader.property = Some(index);
            }
            reader.by = self.fields.get("by").map(|node| by(&node, spec)).transpose()?;
        }
        if let Some(node) = self.fields.get("since") {
            let spec = self.event(&node, node.text()?)?;
            readers.push(Reader { anew: true, ..Reader::of(spec, ONE_MILLIONTHS) });
        }
        Ok(Source(readers))
    }

    /// Refuses a definition that lacks the key `key`.
    pub(super) fn need(&self, key: &'static str) -> Result<(), Mistake> {
        self.fields.need(key).map(drop)
    }

    /// Refuses weights: the kind has no use for them.
    pub(super) fn unweighted(&self) -> Result<(), Mistake> {
        unweighted(&self.fields)
    }

    /// Returns what the values of `by` are called; all events must call them alike.
    pub(super) fn labels(&self) -> Result<Vec<String>, Mistake> {
        let node = self.fields.need("by")?;
        if node.text()? == "channel" {
            return Ok(Channel::ALL.iter().map(|(name, _)| (*name).to_owned()).collect());
        }
        let mut labels: Option<&Vec<String>> = None;
        for reader in self.readers(&self.fields)? {
            let spec = &self.events[reader.spec];
            let PropertyKind::Category(values) = &spec.properties[spec.property(&node)?].kind else {
                return Err(node.mistake("expected the name of a category property, or \"channel\""));
            };
            if labels.is_some_and(|labels| labels != values) {
                return Err(node.mistake("the events declare other values of this property"));
            }
            labels = Some(values);
        }
        Ok(labels.cloned().unwrap_or_default())
    }

    /// Reads the steps of a sequence, step k as bit k, and what must not come between, as bit 62.
    pub(super) fn steps(&self) -> Result<(Source, usize), Mistake> {
        let node = self.fields.need("steps")?;
        let mut readers = Vec::new();
        let mut bit = 1;
        for step in node.list()? {
            readers.extend(self.step(&step, bit)?);
            bit <<= 1;
        }
        let steps = node.list()?.len();
        if !(2..=8).contains(&steps) {
            return Err(node.mistake("expected 2 to 8 steps"));
        }
        if let Some(without) = self.fields.get("without") {
            readers.extend(self.step(&without, BREAKS)?);
        }
        Ok((Source(readers), steps))
    }

    fn step(&self, node: &Node<'_>, bit: i64) -> Result<Vec<Reader>, Mistake> {
        let fields = node.object(&["event", "where"])?;
        unweighted(&fields)?;
        let mut readers = self.readers(&fields)?;
        readers.iter_mut().for_each(|reader| reader.steps = bit);
        Ok(readers)
    }

    /// Reads `event` and `where`.
    fn readers(&self, fields: &Fields<'_>) -> Result<Vec<Reader>, Mistake> {
        let node = fields.need("event")?;
        let mut readers = match node.value() {
            Json::Array(_) => {
                node.each(|name| Ok(Reader::of(self.event(name, name.text()?)?, ONE_MILLIONTHS)))?
            }
            Json::Object(_) => node.each_entry(|name, weight| {
                Ok(Reader::of(self.event(weight, name)?, to_millionths(within(weight, MAX_WEIGHT)?)))
            })?,
            _ => vec![Reader::of(self.event(&node, node.text()?)?, ONE_MILLIONTHS)],
        };
        if readers.is_empty() {
            return Err(node.mistake("expected at least one event"));
        }
        if let Some(node) = fields.get("where") {
            for reader in &mut readers {
                let spec = &self.events[reader.spec];
                reader.filters = match node.value() {
                    Json::Array(_) => node.each(|filter| Filter::read(filter, spec))?,
                    _ => vec![Filter::read(&node, spec)?],
                };
            }
        }
        Ok(readers)
    }

    fn event(&self, node: &Node<'_>, name: &str) -> Result<usize, Mistake> {
        let index = self.events.iter().position(|event| event.name.as_str() == name);
        index.ok_or_else(|| node.mistake(format!("the pack declares no event {}", quoted(name))))
    }
}

fn unweighted(fields: &Fields<'_>) -> Result<(), Mistake> {
    let node = fields.need("event")?;
    if node.value().is_object() {
        return Err(node.mistake("weights make no difference here; expected a name or a list of names"));
    }
    Ok(())
}

impl Reader {
    fn of(spec: usize, weight: i64) -> Self {
        Self { spec, weight, filters: Vec::new(), property: None, by: None, steps: 0, anew: false }
    }
}

fn by(node: &Node<'_>, spec: &EventSpec) -> Result<By, Mistake> {
    if node.text()? == "channel" {
        return Ok(By::Channel);
    }
    let index = spec.property(node)?;
    match spec.properties[index].kind {
        PropertyKind::Category(_) | PropertyKind::Id => Ok(By::Property(index)),
        _ => Err(node.mistake("expected the name of a category or id property, or \"channel\"")),
    }
}
