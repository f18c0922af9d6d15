//! Memberships: who is in, since when, and what changed. Only what something changed for is evaluated again.

use keepset_wire::codec;
use keepset_wire::{Name, Timestamp};

use super::agenda::Agenda;
use super::{Comparison, Look, Segment, Segments, Sight, Values, sentence};
use crate::event::text;
use crate::pack::Pack;

/// A membership of this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The segment.
    pub segment: Name,
    /// Since when.
    pub since: Timestamp,
}

/// Whether a membership began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It began.
    Entered,
    /// It ended.
    Left,
}

/// What made a membership begin or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An event, by its index in the pack.
    Event(usize),
    /// Time alone.
    Time,
    /// A choice of the person.
    Consent,
    /// The person erased the profile, or nothing happened for as long as the pack keeps things.
    Erased,
    /// The pack has expired.
    Expired,
    /// The membership lasted as long as it may.
    Ttl,
    /// A segment, by its index in the pack, that comes first in its group, began to hold.
    Group(usize),
    /// The engine learnt the time zone or got its secret.
    Start,
}

impl Cause {
    /// Returns the stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Time => "time",
            Self::Consent => "consent",
            Self::Erased => "erased",
            Self::Expired => "expired",
            Self::Ttl => "ttl",
            Self::Group(_) => "group",
            Self::Start => "start",
        }
    }

    /// Returns the event or segment that did it.
    #[must_use]
    pub fn by(self, pack: &Pack) -> Option<&Name> {
        match self {
            Self::Event(spec) => Some(&pack.events[spec].name),
            Self::Group(segment) => Some(&pack.segments()[segment].id),
            _ => None,
        }
    }
}

/// A membership that began or ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The segment, by its index in the pack.
    pub segment: usize,
    /// Whether it began or ended.
    pub kind: ChangeKind,
    /// When.
    pub at: Timestamp,
    /// What made it so.
    pub cause: Cause,
    /// What the rule that decided saw, part by part; empty where no rule did, and unless the engine was asked to keep reasons.
    pub evidence: Vec<f64>,
}

impl Change {
    /// Says which conditions decided, in one sentence; empty where no rule did and where no reason was kept.
    #[must_use]
    pub fn because(&self, pack: &Pack) -> String {
        match self.cause {
            Cause::Ttl => "the membership lasted as long as it may".to_owned(),
            Cause::Group(higher) => text(&["“", &pack.segments()[higher].title, "” comes first"]),
            _ if self.evidence.is_empty() => String::new(),
            _ => {
                let segment = &pack.segments()[self.segment];
                let entered = self.kind == ChangeKind::Entered;
                let rule = if entered { &segment.enter } else { segment.staying() };
                sentence::deciding(rule, pack, &self.evidence)
            }
        }
    }
}

/// Where a device stands with a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Since when it is in, in milliseconds since 1970.
    pub(crate) since: Option<i64>,
    /// When it last left, where that matters.
    pub(crate) left: Option<i64>,
    /// Its membership ended by age, and what began it has not ceased to hold since.
    pub(crate) spent: bool,
}

codec!(struct Standing { since, left, spent });

impl Standing {
    /// Until when who is in stays, whatever the rule says.
    pub(super) fn must_stay_until(&self, segment: &Segment) -> Option<i64> {
        after(self.since, segment.minimum_stay)
    }

    /// When the membership ends by age.
    fn ages_out(&self, segment: &Segment) -> Option<i64> {
        after(self.since, segment.ttl)
    }

    /// Until when who left stays out.
    pub(super) fn cools_until(&self, segment: &Segment) -> Option<i64> {
        after(self.left, segment.cool_down)
    }
}

fn after(from: Option<i64>, length: Option<i64>) -> Option<i64> {
    Some(from?.saturating_add(length?))
}

/// What is decided about one segment.
#[derive(Clone, Copy)]
struct Decision {
    standing: Standing,
    /// When its own terms may change it.
    wake: Option<i64>,
    /// Why it ended, where that is not what the evaluation is for.
    cause: Option<Cause>,
}

/// What an evaluation looks at, and what it is for.
pub(crate) struct Evaluation<'a> {
    pub(crate) values: &'a mut Values,
    pub(crate) sight: &'a Sight<'a>,
    /// The device's arm in each experiment; none without a secret.
    pub(crate) arms: &'a [usize],
    pub(crate) cause: Cause,
    /// Whether changes keep what decided them.
    pub(crate) reasons: bool,
}

/// How a segment that is evaluated looks at its device: what it reads is watched.
struct Reading<'a> {
    values: &'a mut Values,
    sight: &'a Sight<'a>,
    standings: &'a [Standing],
    arms: &'a [usize],
}

impl Look for Reading<'_> {
    fn see(&mut self, comparison: &Comparison) -> f64 {
        self.values.see(comparison, self.sight)
    }

    fn show(&mut self, comparison: &Comparison) -> f64 {
        self.values.of_now(comparison.subject.number(self.sight.features), self.sight)
    }

    fn is_in(&self, segment: usize) -> bool {
        self.standings[segment].since.is_some()
    }

    fn arm(&self, experiment: usize) -> Option<usize> {
        self.arms.get(experiment).copied()
    }
}

/// Where a device stands with every segment of a pack.
#[derive(Clone, Debug)]
pub(crate) struct Memberships {
    standings: Vec<Standing>,
    /// The places of segments to be looked at.
    agenda: Agenda,
}

impl Memberships {
    pub(crate) fn none(segments: usize) -> Self {
        Self { standings: vec![Standing::default(); segments], agenda: Agenda::new(segments) }
    }

    pub(super) fn is_in(&self, segment: usize) -> bool {
        self.standings[segment].since.is_some()
    }

    /// Returns the first segment of its group before a segment that holds.
    pub(super) fn higher(&self, segment: &Segment) -> Option<usize> {
        segment.higher.iter().copied().find(|higher| self.is_in(*higher))
    }

    pub(crate) fn since(&self, segment: usize) -> Option<Timestamp> {
        self.standings[segment].since.and_then(Timestamp::from_millis)
    }

    pub(crate) fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// Puts back what was stored.
    pub(crate) fn restore(&mut self, segment: usize, standing: Standing) {
        self.standings[segment] = standing;
    }

    /// Notes that the segment at a place must be looked at.
    pub(crate) fn touch(&mut self, place: usize) {
        self.agenda.marks.add(place);
    }

    pub(crate) fn touch_all(&mut self) {
        (0..self.standings.len()).for_each(|place| self.agenda.marks.add(place));
    }

    /// Notes whose terms may have changed it by `now`.
    pub(crate) fn touch_due(&mut self, now: Timestamp) {
        self.agenda.add_due(now);
    }

    /// Returns the next instant at which the terms of a membership may change it.
    pub(crate) fn wake(&self) -> Timestamp {
        self.agenda.wake()
    }

    /// Evaluates what was touched and appends what changed.
    pub(crate) fn evaluate(&mut self, segments: &Segments, at: Evaluation<'_>, changes: &mut Vec<Change>) {
        let Evaluation { values, sight, arms, cause, reasons } = at;
        let now = sight.moment.now;
        // A change touches only places behind its own.
        while let Some(place) = self.agenda.marks.next() {
            let index = segments.order[place];
            let segment = &segments.list[index];
            let was_in = self.is_in(index);
            values.begin(place);
            let mut reading = Reading { values, sight, standings: &self.standings, arms };
            let decision = self.decide(index, segment, now, &mut reading);
            let entered = decision.standing.since.is_some();
            if entered != was_in {
                let mut evidence = Vec::new();
                if reasons && decision.cause.is_none() {
                    let rule = if entered { &segment.enter } else { segment.staying() };
                    rule.evidence(&mut reading, &mut evidence);
                }
                let kind = if entered { ChangeKind::Entered } else { ChangeKind::Left };
                let cause = decision.cause.unwrap_or(cause);
                changes.push(Change { segment: index, kind, at: now, cause, evidence });
                self.agenda.marks.add_each(&segments.readers[index]);
            }
            self.standings[index] = decision.standing;
            self.agenda.set(place, decision.wake);
        }
    }

    fn decide(&self, index: usize, segment: &Segment, now: Timestamp, look: &mut impl Look) -> Decision {
        let now = now.millis();
        let higher = self.higher(segment);
        let inside = |since: i64| {
            let standing = Standing { since: Some(since), ..Standing::default() };
            let ends = [standing.must_stay_until(segment), standing.ages_out(segment)];
            Decision {
                standing,
                wake: ends.into_iter().flatten().filter(|end| *end > now).min(),
                cause: None,
            }
        };
        let mut standing = self.standings[index];
        let mut cause = None;
        if let Some(since) = standing.since {
            if let Some(higher) = higher {
                cause = Some(Cause::Group(higher));
            } else if standing.ages_out(segment).is_some_and(|end| now >= end) {
                cause = Some(Cause::Ttl);
            } else if standing.must_stay_until(segment).is_some_and(|end| now < end)
                || segment.staying().holds(look)
            {
                return inside(since);
            }
            let left = segment.cool_down.map(|_| now);
            standing = Standing { since: None, left, spent: cause == Some(Cause::Ttl) };
        }
        let enters = segment.enters(look);
        standing.spent &= enters;
        let cooled = standing.cools_until(segment).filter(|cooled| now < *cooled);
        if standing.spent || cooled.is_some() {
            return Decision { standing, wake: cooled, cause };
        }
        if higher.is_some() || !enters {
            return Decision { standing: Standing::default(), wake: None, cause };
        }
        inside(now)
    }

    /// Ends every membership and appends what changed.
    pub(crate) fn clear(&mut self, now: Timestamp, cause: Cause, changes: &mut Vec<Change>) {
        for (index, standing) in self.standings.iter_mut().enumerate() {
            if std::mem::take(standing).since.is_some() {
                let (kind, evidence) = (ChangeKind::Left, Vec::new());
                changes.push(Change { segment: index, kind, at: now, cause, evidence });
            }
        }
        self.agenda.clear();
    }
}
