//! The features of a pack, and the memories they read.

use std::fmt;

use keepset_wire::Timestamp;
use keepset_wire::codec;
use keepset_wire::document::{Mistake, Name, Node};

use super::fingerprint::fingerprint;
use super::formula::Formula;
use super::source::Source;
use super::{COMMON, Computation, Definition, KINDS, Kind, Made, State, Stretch, look_ahead};
use crate::event::{Event, EventSpec};
use crate::order;
use crate::sensitive::KEY;
use crate::zone::Moment;

/// A feature of a pack.
pub struct Feature {
    /// Its name.
    pub id: Name,
    /// What it is called where people read it.
    pub title: String,
    /// What its values stand for, where they are numbers of labels: the value is an index here.
    pub labels: Vec<String>,
    reading: Reading,
}

codec!(struct Feature { id, title, labels, reading });

/// Where a feature's value comes from.
enum Reading {
    Memory(usize, Computation),
    Formula(Formula),
}

codec!(enum Reading { 0 => Memory(a, b), 1 => Formula(a) });

/// What several features may read.
struct Memory {
    fingerprint: u64,
    source: Source,
    /// The first feature that reads it: its kind keeps it.
    keeper: usize,
}

codec!(struct Memory { fingerprint, source, keeper });

/// The features of a pack, sorted by name, and their memories.
#[derive(Default)]
pub(crate) struct Features {
    list: Vec<Feature>,
    memories: Vec<Memory>,
    /// By event: the memories it may concern.
    by_event: Vec<Vec<usize>>,
}

codec!(struct Features { list, memories, by_event });

/// By hand: `Debug` on every kind would stay in the wasm behind the trait object.
impl fmt::Debug for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id.as_str())
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.fmt(f)
    }
}

impl Features {
    pub(crate) fn read(node: &Node<'_>, events: &[EventSpec]) -> Result<Self, Mistake> {
        let names: Vec<Name> = node.each_member(|name, _| Ok(name))?;
        let mut features = Self::default();
        let kinds = KINDS.iter().copied().flatten().map(|kind| (kind.name, Some(kind)));
        let kinds: Vec<(&str, Option<&Kind>)> = kinds.chain([("formula", None)]).collect();
        node.each_member(|id, node| {
            let kind = node.need("kind")?.one_of(&kinds)?;
            let fields = match kind {
                Some(kind) => node.object_of(&[&[COMMON], kind.keys].concat())?,
                None => node.object(&["kind", "title", "value", KEY])?,
            };
            let title = fields.get("title").map_or(Ok(id.as_str()), |title| title.text())?.to_owned();
            let (reading, labels) = match kind {
                None => (Reading::Formula(Formula::read(&fields.need("value")?, &names, 0)?), Vec::new()),
                Some(kind) => {
                    let Made { source, compute, labels } = (kind.read)(&Definition { fields, events })?;
                    (Reading::Memory(features.memory(fingerprint(node), source), compute), labels)
                }
            };
            features.list.push(Feature { id, title, labels, reading });
            Ok(())
        })?;
        order::topological(features.list.len(), |index| features.list[index].formula_inputs()).map_err(
            |loop_| {
                let names: Vec<&str> = loop_.iter().map(|index| names[*index].as_str()).collect();
                node.mistake(format!("features read each other in a loop: {}", names.join(" -> ")))
            },
        )?;
        features.by_event = (0..events.len())
            .map(|spec| {
                let reads = |(index, memory): (usize, &Memory)| memory.source.reads(spec).then_some(index);
                features.memories.iter().enumerate().filter_map(reads).collect()
            })
            .collect();
        Ok(features)
    }

    /// Returns the memory of a definition, which may be another feature's.
    fn memory(&mut self, fingerprint: u64, source: Source) -> usize {
        let known = self.memories.iter().position(|memory| memory.fingerprint == fingerprint);
        known.unwrap_or_else(|| {
            self.memories.push(Memory { fingerprint, source, keeper: self.list.len() });
            self.memories.len() - 1
        })
    }

    pub(crate) fn list(&self) -> &[Feature] {
        &self.list
    }

    /// Tells whether all of them are of usual kinds, formulas not being one.
    pub(crate) fn is_plain(&self) -> bool {
        self.list.iter().all(|feature| match &feature.reading {
            Reading::Memory(_, compute) => compute.is_usual(),
            Reading::Formula(_) => false,
        })
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.list.binary_search_by(|feature| feature.id.as_str().cmp(name)).ok()
    }

    /// Lists the fingerprints of the memories.
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = u64> + '_ {
        self.memories.iter().map(|memory| memory.fingerprint)
    }

    pub(crate) fn memories(&self) -> usize {
        self.memories.len()
    }

    /// Takes in an event and calls `changed` with every memory it concerned.
    pub(crate) fn observe(
        &self,
        states: &mut [State],
        event: &Event,
        channel: i64,
        moment: Moment<'_>,
        mut changed: impl FnMut(usize),
    ) {
        // A pack without features has no list here.
        for &index in self.by_event.get(event.spec).into_iter().flatten() {
            let memory = &self.memories[index];
            let Some(seen) = memory.source.look(event, channel, moment.zone) else { continue };
            if let Reading::Memory(_, compute) = &self.list[memory.keeper].reading {
                compute.observe(&mut states[index], &seen, moment);
                changed(index);
            }
        }
    }

    /// Drops what no value will see again.
    pub(crate) fn prune(&self, states: &mut [State], moment: Moment<'_>) {
        let held = self.memories.iter().zip(states).filter(|(_, state)| !state.rows().is_empty());
        for (memory, state) in held {
            if let Reading::Memory(_, compute) = &self.list[memory.keeper].reading {
                compute.prune(state, moment);
            }
        }
    }

    /// Returns the value of a feature; nothing when there is none.
    pub(crate) fn value(&self, feature: usize, states: &[State], moment: Moment<'_>) -> Option<f64> {
        match &self.list[feature].reading {
            Reading::Memory(memory, compute) => compute.value(&states[*memory], moment),
            Reading::Formula(formula) => formula.value(&|input| self.value(input, states, moment)),
        }
    }

    /// Returns the first instant after the moment at which time alone may carry a feature's value out of the stretch it lies in.
    pub(crate) fn next_change(
        &self,
        feature: usize,
        states: &[State],
        stretch: Stretch,
        moment: Moment<'_>,
    ) -> Option<Timestamp> {
        match &self.list[feature].reading {
            Reading::Memory(memory, compute) => {
                let state = &states[*memory];
                let told = compute.next_change(state, stretch, moment);
                told.unwrap_or_else(|| look_ahead(&**compute, state, stretch, moment))
            }
            Reading::Formula(formula) => {
                let mut next = None;
                formula.visit(&mut |input| {
                    let change = self.next_change(input, states, Stretch::NONE, moment);
                    next = super::earliest([next, change]);
                });
                next
            }
        }
    }

    /// Tells, where it is quickly told, that after an event too time alone does not carry a feature's value out of its stretch
    /// before `until`.
    pub(crate) fn lasts(
        &self,
        feature: usize,
        states: &[State],
        stretch: Stretch,
        until: i64,
        moment: Moment<'_>,
    ) -> bool {
        match &self.list[feature].reading {
            Reading::Memory(memory, compute) => compute.lasts(&states[*memory], stretch, until, moment),
            Reading::Formula(_) => false,
        }
    }

    /// Calls `visitor` with every memory a feature reads, through formulas too.
    pub(crate) fn memories_of(&self, feature: usize, visitor: &mut dyn FnMut(usize)) {
        match &self.list[feature].reading {
            Reading::Memory(memory, _) => visitor(*memory),
            Reading::Formula(formula) => formula.visit(&mut |input| self.memories_of(input, visitor)),
        }
    }
}

impl Feature {
    /// Returns what a value stands for, where values are numbers of labels.
    #[must_use]
    pub fn label(&self, value: f64) -> Option<&str> {
        // A negative or broken number saturates and finds no label, or the first, which is what 0 means.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        self.labels.get(value as usize).map(String::as_str)
    }

    fn formula_inputs(&self) -> Vec<usize> {
        let mut inputs = Vec::new();
        if let Reading::Formula(formula) = &self.reading {
            formula.visit(&mut |input| inputs.push(input));
        }
        inputs
    }
}
