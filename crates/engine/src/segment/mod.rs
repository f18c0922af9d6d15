//! Segments: rules over features, scores and other segments, and who is in.

mod agenda;
mod experiment;
mod explain;
mod membership;
mod rule;
mod sentence;
mod values;

use keepset_wire::codec;
use keepset_wire::document::{Duration, Mistake, Name, Node};

use crate::feature::Features;
use crate::model::{Model, Waiting};
use crate::order;
pub use experiment::Experiment;
pub(crate) use explain::explain;
pub use explain::{Compared, Condition, Explanation, Held, Reason};
pub use membership::{Cause, Change, ChangeKind, Membership};
pub(crate) use membership::{Evaluation, Memberships, Standing};
pub use rule::{Comparison, Op, Rule, Subject};
pub(crate) use rule::{Look, View};
pub(crate) use sentence::{date, number};
pub(crate) use values::{Sight, Values, Watched};

/// A segment of a pack.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its name.
    pub id: Name,
    /// What it is called where people read it.
    pub title: String,
    /// Why it exists, in plain language; `{feature}` stands for the feature's value.
    pub reason: String,
    /// Who is out comes in when this holds.
    pub enter: Rule,
    /// Who is in stays while this holds; the same as `enter` when the pack says nothing else.
    pub stay: Option<Rule>,
    /// Who is in stays at least so long, in milliseconds.
    pub minimum_stay: Option<i64>,
    /// Who left stays out at least so long, in milliseconds.
    pub cool_down: Option<i64>,
    /// A membership ends after so long, in milliseconds.
    pub ttl: Option<i64>,
    /// The segments of its group that come before it, by index.
    pub(crate) higher: Vec<usize>,
}

codec!(struct Segment { id, title, reason, enter, stay, minimum_stay, cool_down, ttl, higher });

/// The segments of a pack, and what must be looked at again when something changes.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    /// In the pack's order.
    pub(crate) list: Vec<Segment>,
    /// Indices in the order of evaluation: each after those it reads.
    pub(crate) order: Vec<usize>,
    /// By index: its place in `order`.
    pub(crate) places: Vec<usize>,
    /// By index: the places of those that read it.
    pub(crate) readers: Vec<Vec<usize>>,
    /// What their rules compare.
    pub(crate) watched: Watched,
}

codec!(struct Segments { list, order, places, readers, watched });

/// The keys of a segment.
const KEYS: &[&str] = &["id", "title", "reason", "enter", "stay", "group"];
const MINIMUM_STAY: Duration = Duration(["minimum_stay_days", "minimum_stay_hours", "minimum_stay_minutes"]);
const COOL_DOWN: Duration = Duration(["cool_down_days", "cool_down_hours", "cool_down_minutes"]);
const TTL: Duration = Duration(["ttl_days", "ttl_hours", "ttl_minutes"]);
const ALL_KEYS: &[&[&str]] = &[KEYS, &MINIMUM_STAY.0, &COOL_DOWN.0, &TTL.0];

/// What the names in a rule may refer to.
pub(crate) struct Names<'a> {
    pub(crate) features: &'a Features,
    pub(crate) models: &'a [Model],
    /// By model: what its score says of when.
    pub(crate) waits: &'a [Option<Waiting>],
    pub(crate) experiments: &'a [Experiment],
    pub(crate) segments: &'a [Name],
}

impl Names<'_> {
    /// Finds a feature, model, experiment or segment by its name.
    fn position(&self, form: &str, name: &str) -> Option<usize> {
        match form {
            "feature" => self.features.position(name),
            "model" => self.models.iter().position(|model| model.id.as_str() == name),
            "experiment" => self.experiments.iter().position(|experiment| experiment.id.as_str() == name),
            _ => self.segments.iter().position(|id| id.as_str() == name),
        }
    }
}

impl Segments {
    pub(crate) fn read(
        node: &Node<'_>,
        features: &Features,
        (models, waits): (&[Model], &[Option<Waiting>]),
        experiments: &[Experiment],
    ) -> Result<Self, Mistake> {
        let ids: Vec<Name> = node.each(|node| node.object_of(ALL_KEYS)?.need("id")?.name())?;
        if let Some(twice) = (1..ids.len()).find(|index| ids[..*index].contains(&ids[*index])) {
            return Err(
                node.mistake(format!("two segments are named {}; give each its own name", ids[twice]))
            );
        }
        let names = Names { features, models, waits, experiments, segments: &ids };
        let mut groups: Vec<Option<Name>> = Vec::new();
        let list = node.each(|node| {
            let group = node.object_of(ALL_KEYS)?.get("group").map(|group| group.name()).transpose()?;
            let same = |(_, other): &(usize, &Option<Name>)| group.is_some() && **other == group;
            let higher = groups.iter().enumerate().filter(same).map(|(index, _)| index).collect();
            groups.push(group);
            Segment::read(node, &names, higher)
        })?;
        let order = order::topological(list.len(), |index| list[index].reads()).map_err(|members| {
            let names: Vec<&str> = members.iter().map(|index| ids[*index].as_str()).collect();
            node.mistake(format!("segments read each other in a loop: {}", names.join(" -> ")))
        })?;
        Ok(Self::indexed(list, order, features, models))
    }

    fn indexed(mut list: Vec<Segment>, order: Vec<usize>, features: &Features, models: &[Model]) -> Self {
        let mut places = vec![0; list.len()];
        let mut readers = vec![Vec::new(); list.len()];
        let (mut comparisons, mut numbered) = (Vec::new(), 0);
        for (place, &index) in order.iter().enumerate() {
            places[index] = place;
            for read in list[index].reads() {
                if readers[read].last() != Some(&place) {
                    readers[read].push(place);
                }
            }
            list[index].number(&mut numbered);
            list[index].visit(&mut |rule| {
                if let Rule::Compare(comparison) = rule {
                    comparisons.push((comparison.clone(), place));
                }
            });
        }
        Self { watched: Watched::new(&comparisons, features, models), list, order, places, readers }
    }
}

impl Segment {
    fn read(node: &Node<'_>, names: &Names<'_>, higher: Vec<usize>) -> Result<Self, Mistake> {
        let fields = node.object_of(ALL_KEYS)?;
        Ok(Self {
            id: fields.need("id")?.name()?,
            title: fields.need("title")?.text()?.to_owned(),
            reason: fields.need("reason")?.text()?.to_owned(),
            enter: Rule::read(&fields.need("enter")?, names, 0)?,
            stay: fields.get("stay").map(|stay| Rule::read(&stay, names, 0)).transpose()?,
            minimum_stay: fields.duration(MINIMUM_STAY)?,
            cool_down: fields.duration(COOL_DOWN)?,
            ttl: fields.duration(TTL)?,
            higher,
        })
    }

    /// The rule that who is in must meet.
    #[must_use]
    pub fn staying(&self) -> &Rule {
        self.stay.as_ref().unwrap_or(&self.enter)
    }

    /// Tells whether who is out may come in: by both rules, or a membership would end as it begins.
    fn enters(&self, look: &mut impl Look) -> bool {
        self.enter.holds(look) && self.stay.as_ref().is_none_or(|stay| stay.holds(look))
    }

    fn number(&mut self, next: &mut usize) {
        self.enter.number(next);
        if let Some(stay) = &mut self.stay {
            stay.number(next);
        }
    }

    fn visit(&self, visitor: &mut impl FnMut(&Rule)) {
        self.enter.visit(visitor);
        if let Some(stay) = &self.stay {
            stay.visit(visitor);
        }
    }

    /// The segments whose memberships decide on this one's.
    fn reads(&self) -> Vec<usize> {
        let mut segments = self.higher.clone();
        self.visit(&mut |rule| segments.extend(rule.segment()));
        segments
    }
}
