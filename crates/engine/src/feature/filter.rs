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
        let wanted = match (fields.get("is"), fields.get("in")) {
            (Some(one), None) => vec![one],
            (None, Some(list)) => list.list()?,
            _ => return Err(fields.mistake("expected either \"is\" with one value or \"in\" with a list")),
        };
        let passing = wanted.iter().map(|value| match &event.properties[property].kind {
            PropertyKind::Flag => value
                .value()
                .as_bool()
                .map(Value::Flag)
                .ok_or_else(|| value.mistake("expected true or false")),
            PropertyKind::Category(known) => {
                let choices: Vec<(&str, usize)> =
                    known.iter().enumerate().map(|(i, text)| (text.as_str(), i)).collect();
                value.one_of(&choices).map(Value::Category)
            }
            PropertyKind::Number { .. } => {
                Err(property_node.mistake("a filter needs a flag or a category, not a number"))
            }
        });
        Ok(Self { property, passing: passing.collect::<Result<_, _>>()? })
    }

    pub(super) fn passes(&self, event: &Event) -> bool {
        event.values.get(self.property).copied().flatten().is_some_and(|value| self.passing.contains(&value))
    }
}
