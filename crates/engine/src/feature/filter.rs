//! A filter on one property of an event: `{"property": "department", "in": ["grocery"]}` or `"is": true`.

use keepset_wire::document::{Mistake, Node};

use crate::event::{Event, EventSpec, PropertyKind, Value};

/// The values of a property that pass.
#[derive(Debug)]
pub(super) struct Filter {
    property: usize,
    passing: Vec<Value>,
}

impl Filter {
    pub(super) fn read(node: &Node<'_>, event: &EventSpec) -> Result<Self, Mistake> {
        let fields = node.object(&["property", "is", "in"])?;
        let property_node = fields.need("property")?;
        let property = event.property(&property_node)?;
        let kind = &event.properties[property].kind;
        if matches!(kind, PropertyKind::Number { .. }) {
            return Err(property_node.mistake("a filter needs a flag or a category, not a number"));
        }
        let passing = match (fields.get("is"), fields.get("in")) {
            (Some(one), None) => vec![passing_value(kind, &one)?],
            (None, Some(list)) => list.each(|value| passing_value(kind, value))?,
            _ => return Err(fields.mistake("expected either \"is\" with one value or \"in\" with a list")),
        };
        Ok(Self { property, passing })
    }

    pub(super) fn passes(&self, event: &Event) -> bool {
        event.values.get(self.property).copied().flatten().is_some_and(|value| self.passing.contains(&value))
    }
}

fn passing_value(kind: &PropertyKind, value: &Node<'_>) -> Result<Value, Mistake> {
    let PropertyKind::Category(known) = kind else {
        return value
            .value()
            .as_bool()
            .map(Value::Flag)
            .ok_or_else(|| value.mistake("expected true or false"));
    };
    let text = value.text()?;
    let index = known.iter().position(|known| known == text);
    index.map(Value::Category).ok_or_else(|| value.mistake(format!("expected one of {}", known.join(", "))))
}
