//! Segments: rules over features, scores and other segments, and who is in.

mod explain;
mod membership;
mod rule;

use keepset_wire::document::{Mistake, Name, Node};

use crate::feature::Feature;
use crate::model::Linear;
pub(crate) use explain::explain;
pub use explain::{Condition, Explanation};
pub(crate) use membership::Memberships;
pub use membership::{Change, ChangeKind, Membership};
pub(crate) use rule::View;
pub use rule::{Comparison, Op, Rule};

/// A segment of a pack.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its name.
    pub id: Name,
    /// What it is called where people read it.
    pub title: String,
    /// Why it exists, in plain language.
    pub reason: String,
    /// Who is out comes in while this holds.
    pub enter: Rule,
    /// Who is in stays while this holds; the same as `enter` unless the pack says otherwise.
    pub stay: Rule,
}

/// The keys of a segment.
const KEYS: &[&str] = &["id", "title", "reason", "enter", "stay"];

/// What the names in a rule may refer to.
pub(crate) struct Names<'a> {
    pub(crate) features: &'a [Feature],
    pub(crate) models: &'a [Linear],
    pub(crate) segments: &'a [Name],
}

impl Names<'_> {
    /// Finds a feature, model or segment by its name.
    fn position(&self, form: &str, name: &str) -> Option<usize> {
        match form {
            "feature" => self.features.iter().position(|feature| feature.id.as_str() == name),
            "model" => self.models.iter().position(|model| model.id.as_str() == name),
            _ => self.segments.iter().position(|id| id.as_str() == name),
        }
    }
}

/// Reads the segments of a pack, with the order in which they are to be evaluated: each after those it reads.
pub(crate) fn read(
    node: &Node<'_>,
    features: &[Feature],
    models: &[Linear],
) -> Result<(Vec<Segment>, Vec<usize>), Mistake> {
    let ids: Vec<Name> = node.each(|node| node.object(KEYS)?.need("id")?.name())?;
    if let Some(twice) = (1..ids.len()).find(|index| ids[..*index].contains(&ids[*index])) {
        return Err(node.mistake(format!("two segments are named {}; give each its own name", ids[twice])));
    }
    let names = Names { features, models, segments: &ids };
    let segments = node.each(|node| Segment::read(node, &names))?;
    let order = evaluation_order(node, &segments)?;
    Ok((segments, order))
}

impl Segment {
    fn read(node: &Node<'_>, names: &Names<'_>) -> Result<Self, Mistake> {
        let fields = node.object(KEYS)?;
        let enter = Rule::read(&fields.need("enter")?, names, 0)?;
        let stay = match fields.get("stay") {
            Some(node) => Rule::read(&node, names, 0)?,
            None => enter.clone(),
        };
        Ok(Self {
            id: fields.need("id")?.name()?,
            title: fields.need("title")?.text()?.to_owned(),
            reason: fields.need("reason")?.text()?.to_owned(),
            enter,
            stay,
        })
    }

    fn reads(&self) -> Vec<usize> {
        let mut segments = Vec::new();
        self.enter.visit(&mut |rule| segments.extend(rule.segment()));
        self.stay.visit(&mut |rule| segments.extend(rule.segment()));
        segments
    }
}

/// Puts every segment after those it reads; a loop is a mistake that names its members.
fn evaluation_order(node: &Node<'_>, segments: &[Segment]) -> Result<Vec<usize>, Mistake> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < segments.len() {
        let ready = (0..segments.len()).find(|index| {
            !order.contains(index) && segments[*index].reads().iter().all(|read| order.contains(read))
        });
        let Some(ready) = ready else {
            let names: Vec<&str> =
                loop_of(segments, &order).into_iter().map(|index| segments[index].id.as_str()).collect();
            return Err(node.mistake(format!("segments read each other in a loop: {}", names.join(" -> "))));
        };
        order.push(ready);
    }
    Ok(order)
}

/// Follows unordered segments until one comes up again; called when every unordered segment reads another.
fn loop_of(segments: &[Segment], ordered: &[usize]) -> Vec<usize> {
    let mut path: Vec<usize> = Vec::new();
    let mut next = (0..segments.len()).find(|index| !ordered.contains(index));
    while let Some(index) = next {
        if let Some(start) = path.iter().position(|seen| *seen == index) {
            path.push(index);
            return path.split_off(start);
        }
        path.push(index);
        next = segments[index].reads().into_iter().find(|read| !ordered.contains(read));
    }
    path
}
