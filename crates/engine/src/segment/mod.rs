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

/// What the names in a rule may refer to.
pub(crate) struct Names<'a> {
    pub(crate) features: &'a [Feature],
    pub(crate) models: &'a [Linear],
    pub(crate) segments: &'a [Name],
}

/// Reads the segments of a pack, with the order in which they are to be evaluated: each after those it reads.
pub(crate) fn read(
    node: &Node<'_>,
    features: &[Feature],
    models: &[Linear],
) -> Result<(Vec<Segment>, Vec<usize>), Mistake> {
    let nodes = node.list()?;
    let mut ids: Vec<Name> = Vec::new();
    for node in &nodes {
        let id_node = node.object(&["id", "title", "reason", "enter", "stay"])?.need("id")?;
        let id = id_node.name()?;
        if ids.contains(&id) {
            return Err(id_node.mistake(format!("two segments are named {id}; give each its own name")));
        }
        ids.push(id);
    }
    let names = Names { features, models, segments: &ids };
    let segments = nodes
        .iter()
        .zip(&ids)
        .map(|(node, id)| Segment::read(id.clone(), node, &names))
        .collect::<Result<Vec<_>, _>>()?;
    let order = evaluation_order(node, &segments)?;
    Ok((segments, order))
}

impl Segment {
    fn read(id: Name, node: &Node<'_>, names: &Names<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["id", "title", "reason", "enter", "stay"])?;
        let enter = Rule::read(&fields.need("enter")?, names, 0)?;
        let stay = fields.get("stay").map_or(Ok(enter.clone()), |node| Rule::read(&node, names, 0))?;
        Ok(Self {
            title: fields.need("title")?.text()?.to_owned(),
            reason: fields.need("reason")?.text()?.to_owned(),
            enter,
            stay,
            id,
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
