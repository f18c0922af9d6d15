//! Filters: which events of a kind a feature looks at.

use keepset_wire::codec;
use keepset_wire::document::{Fields, Mistake, Node};

use crate::event::{Event, EventSpec, PropertyKind, Value, to_millionths, within};
use crate::zone::{Zone, weekday};

const WEEKDAYS: &[(&str, i64)] =
    &[("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)];

/// What must be so of an event.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    /// The property has one of these values.
    Among(usize, Vec<Value>),
    /// The property lies between two bounds, in whole millionths.
    Range(usize, i64, i64),
    /// It happened in these local hours; over midnight when the first is not before the second.
    Hours(i64, i64),
    /// It happened on one of these days of the week.
    Weekdays(Vec<i64>),
}

codec!(enum Filter { 0 => Among(a, b), 1 => Range(a, b, c), 2 => Hours(a, b), 3 => Weekdays(a) });

impl Filter {
    pub(super) fn read(node: &Node<'_>, event: &EventSpec) -> Result<Self, Mistake> {
        let fields = node.object(&["property", "is", "in", "min", "max", "hours", "weekdays"])?;
        let is_hours = fields.get("hours");
        let is_weekdays = fields.get("weekdays");
        if is_hours.is_some() || is_weekdays.is_some() {
            node.object(if is_hours.is_some() { &["hours"] } else { &["weekdays"] })?;
        }
        if let Some(node) = is_hours {
            let hours = node.each(|hour| Ok(i64::from(hour.whole(0, 24)?)))?;
            return match hours[..] {
                [from, to] if from != to => Ok(Self::Hours(from, to)),
                _ => Err(node.mistake("expected two different hours")),
            };
        }
        if let Some(node) = is_weekdays {
            return Ok(Self::Weekdays(node.each(|day| day.one_of(WEEKDAYS))?));
        }
        Self::read_property(&fields, event)
    }

    fn read_property(fields: &Fields<'_>, event: &EventSpec) -> Result<Self, Mistake> {
        let property = event.property(&fields.need("property")?)?;
        let kind = &event.properties[property].kind;
        let bound = |key: &'static str, open: i64| {
            fields.get(key).map_or(Ok(open), |node| Ok(to_millionths(within(&node, 1e9)?)))
        };
        let ranged = fields.get("min").is_some() || fields.get("max").is_some();
        match (kind, fields.get("is"), fields.get("in")) {
            (PropertyKind::Number { .. } | PropertyKind::Text(_), None, None) if ranged => {
                Ok(Self::Range(property, bound("min", i64::MIN)?, bound("max", i64::MAX)?))
            }
            (PropertyKind::Number { .. } | PropertyKind::Text(_), ..) => {
                Err(fields.mistake("a filter on a number needs \"min\", \"max\" or both"))
            }
            (_, Some(one), None) if !ranged => Ok(Self::Among(property, vec![passing(kind, &one)?])),
            (_, None, Some(list)) if !ranged => {
                Ok(Self::Among(property, list.each(|value| passing(kind, value))?))
            }
            _ => Err(fields.mistake("expected either \"is\" with one value or \"in\" with a list")),
        }
    }

    pub(super) fn passes(&self, event: &Event, zone: &Zone) -> bool {
        match self {
            Self::Among(property, values) => event.values[*property].is_some_and(|v| values.contains(&v)),
            Self::Range(property, min, max) => {
                matches!(event.values[*property], Some(Value::Millionths(v)) if (*min..=*max).contains(&v))
            }
            Self::Hours(from, to) => {
                let hour = zone.hour(event.at);
                if from < to { (*from..*to).contains(&hour) } else { hour >= *from || hour < *to }
            }
            Self::Weekdays(days) => days.contains(&weekday(zone.day(event.at))),
        }
    }
}

fn passing(kind: &PropertyKind, node: &Node<'_>) -> Result<Value, Mistake> {
    match kind {
        PropertyKind::Flag => node.flag().map(Value::Flag),
        PropertyKind::Category(known) => {
            let text = node.text()?;
            let index = known.iter().position(|known| known == text);
            let unknown = || node.mistake(format!("expected one of {}", known.join(", ")));
            index.map(Value::Category).ok_or_else(unknown)
        }
        _ => Err(node.mistake("a filter needs a number, a flag or a category")),
    }
}
