//! The plan: the public document that says which questions devices may answer, and at what price.

use std::fmt;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::codec;
use crate::codec::{Codec, Decoder};
use crate::document::{Mistake, Name, Node};
use crate::question::{Ask, Question, first_repeated};
use crate::report::hex;
use crate::retention::Retention;
use crate::sensitive::{self, Sensitive};
use crate::time::{DAY_MS, Epoch, Timestamp, Window};

/// A privacy loss in whole micro-epsilons, so that ten charges of 0.1 make exactly 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epsilon(u32);

impl Epsilon {
    /// The smallest epsilon a plan may charge, 0.1: below it an answer is all noise at any fleet size we know.
    pub const MIN: Self = Self(100_000);
    /// Epsilon 1: what a report of a sensitive plan costs at most.
    pub const ONE: Self = Self(1_000_000);
    /// The largest epsilon a plan may charge, 8: above it one report says nearly everything.
    pub const MAX: Self = Self(8_000_000);

    /// Accepts whole micro-epsilons between [`Self::MIN`] and [`Self::MAX`].
    #[must_use]
    pub fn from_micro(micro: u32) -> Option<Self> {
        let epsilon = Self(micro);
        (Self::MIN..=Self::MAX).contains(&epsilon).then_some(epsilon)
    }

    /// Returns the whole micro-epsilons.
    #[must_use]
    pub const fn micro(self) -> u32 {
        self.0
    }

    /// Returns epsilon as a number, for display and for privacy maps.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let micro = node.number()? * 1e6;
        let rule = || node.mistake("expected an epsilon from 0.1 to 8 with at most six decimals");
        if !(0.0..=1e7).contains(&micro) || (micro - micro.round()).abs() > 1e-6 {
            return Err(rule());
        }
        // In range and whole by the check above.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Self::from_micro(micro.round() as u32).ok_or_else(rule)
    }
}

impl Codec for Epsilon {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        Self::from_micro(u32::decode(from)).unwrap_or_else(|| {
            from.fail();
            Self::MIN
        })
    }
}

/// The first 16 bytes of the SHA-256 of a plan's canonical bytes: it travels in every report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanHash(pub [u8; 16]);

codec!(tuple PlanHash);

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// What devices may be asked, for whom, why, until when and at what price.
///
/// # Privacy
/// One report per device per window, `epsilon` each, whatever the number of questions (the device draws one);
/// at most `windows_per_year` windows in a year, so `epsilon * windows_per_year` a year.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its name.
    pub id: Name,
    /// Who answers for it.
    pub owner: String,
    /// Why it exists, in plain language.
    pub reason: String,
    /// The start of epoch 0 and window 0.
    pub starts: Timestamp,
    /// From this instant on nothing is reported any more.
    pub expires: Timestamp,
    /// Days in an epoch.
    pub epoch_days: u32,
    /// Epochs in a window; a device reports in one of them, drawn at random.
    pub window_epochs: u32,
    /// At most this many windows of a year are answered.
    pub windows_per_year: u32,
    /// The price of one report.
    pub epsilon: Epsilon,
    /// The questions; a device draws one per window.
    pub questions: Vec<Question>,
    /// The sensitive matters it is about.
    pub sensitive: Sensitive,
    /// How long a collector keeps what it counted at most.
    pub retention: Retention,
}

codec!(struct Plan {
    id, owner, reason, starts, expires, epoch_days, window_epochs, windows_per_year, epsilon, questions, sensitive, retention,
});

impl Plan {
    /// Returns the weights of all questions together.
    #[must_use]
    pub fn total_weight(&self) -> u128 {
        self.questions.iter().map(|question| u128::from(question.weight)).sum()
    }

    /// Returns the question that a number below [`Plan::total_weight`] falls to, so that each gets as many numbers as its weight.
    #[must_use]
    pub fn question_at(&self, mut ticket: u128) -> u16 {
        let mut question = 0;
        for (index, asked) in (0..).zip(&self.questions) {
            question = index;
            match ticket.checked_sub(asked.weight.into()) {
                Some(rest) => ticket = rest,
                None => break,
            }
        }
        question
    }

    /// Reads a plan from JSON text.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        Self::read(&Node::root(&crate::document::parse(text)?))
    }

    /// Reads a plan that is part of a larger document.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&[
            "id",
            "owner",
            "reason",
            "starts",
            "expires",
            "epoch_days",
            "window_epochs",
            "windows_per_year",
            "epsilon",
            "questions",
            "sensitive",
            "retention",
        ])?;
        let whole = |key: &'static str, default, high| {
            fields.get(key).map_or(Ok(default), |node| node.whole(1, high))
        };
        // Defaults of docs/privacy.md: epochs of a week, windows of four, twelve windows a year.
        let window_epochs = whole("window_epochs", 4, 53)?;
        let list = fields.need("questions")?;
        let questions = list.each(|node| Question::read(node, window_epochs))?;
        if !(1..=16).contains(&questions.len()) {
            return Err(list.mistake("expected 1 to 16 questions"));
        }
        let ids: Vec<Name> = questions.iter().map(|question| question.id.clone()).collect();
        if let Some(twice) = first_repeated(&ids) {
            return Err(list.mistake(format!("two questions are named {twice}; give each its own name")));
        }
        let plan = Self {
            id: fields.need("id")?.name()?,
            owner: fields.need("owner")?.text()?.to_owned(),
            reason: fields.need("reason")?.text()?.to_owned(),
            starts: fields.need("starts")?.date()?,
            expires: fields.need("expires")?.date()?,
            epoch_days: whole("epoch_days", 7, 366)?,
            window_epochs,
            windows_per_year: whole("windows_per_year", 12, 366)?,
            epsilon: Epsilon::read(&fields.need("epsilon")?)?,
            questions,
            sensitive: fields
                .get("sensitive")
                .map_or(Ok(Sensitive::NONE), |node| Sensitive::read_list(&node))?,
            retention: fields
                .get("retention")
                .map_or(Ok(Retention::default()), |node| Retention::read(&node))?,
        };
        if !plan.sensitive.is_empty() && plan.epsilon > sensitive::MAX_EPSILON {
            return Err(fields.need("epsilon")?.mistake(sensitive::TOO_DEAR));
        }
        if plan.expires <= plan.starts {
            return Err(fields.need("expires")?.mistake("a plan ends after it starts"));
        }
        Ok(plan)
    }

    /// Tells whether the plan keeps the limits that [`Plan::read`] holds plans to, for one that was read from elsewhere.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let ids: Vec<Name> = self.questions.iter().map(|question| question.id.clone()).collect();
        (1..=366).contains(&self.epoch_days)
            && (1..=53).contains(&self.window_epochs)
            && (1..=366).contains(&self.windows_per_year)
            && self.starts < self.expires
            && (self.sensitive.is_empty() || self.epsilon <= sensitive::MAX_EPSILON)
            && (1..=16).contains(&self.questions.len())
            && first_repeated(&ids).is_none()
            && self.questions.iter().all(|question| question.is_sound(self.window_epochs))
    }

    /// Writes the plan as the JSON that [`Plan::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let questions: Vec<Value> = self.questions.iter().map(Question::to_json).collect();
        let mut plan = json!({
            "id": self.id.as_str(), "owner": self.owner, "reason": self.reason,
            "starts": self.starts.date(), "expires": self.expires.date(),
            "epoch_days": self.epoch_days, "window_epochs": self.window_epochs,
            "windows_per_year": self.windows_per_year, "epsilon": self.epsilon.value(),
            "questions": questions,
        });
        if !self.sensitive.is_empty() {
            plan["sensitive"] = json!(self.sensitive.names());
        }
        if let Some(retention) = self.retention.to_json() {
            plan["retention"] = retention;
        }
        plan
    }

    /// Returns the hash that names this plan and no other.
    ///
    /// A plan that asks for sizes alone keeps the hash it had when there was nothing else to ask.
    #[must_use]
    pub fn hash(&self) -> PlanHash {
        self.hash_as(&codec::encode(self))
    }

    /// Returns the same of a plan that is at hand as the codec writes it: a page carries nothing that writes plans.
    #[must_use]
    pub fn hash_as(&self, written: &[u8]) -> PlanHash {
        let mut sponge = Sha256::new();
        if !self.feed_sizes(&mut sponge) {
            // The codec writes no two plans alike; last are a byte of sensitive matters and the retention, which come next.
            let asked = written.len().saturating_sub(1 + Retention::LENGTH);
            sponge = Sha256::new().chain_update(b"keepset plan 2").chain_update(&written[..asked]);
        }
        sponge.update(self.sensitive.hashed());
        sponge.update(self.retention.hashed());
        let mut hash = [0; 16];
        hash.copy_from_slice(&sponge.finalize()[..16]);
        PlanHash(hash)
    }

    /// Feeds a plan that asks for sizes alone; tells whether it is one.
    fn feed_sizes(&self, sponge: &mut Sha256) -> bool {
        sponge.update(b"keepset plan 1");
        let mut number = |x: u64| sponge.update(x.to_be_bytes());
        number(u64::try_from(self.starts.millis()).unwrap_or(0));
        number(u64::try_from(self.expires.millis()).unwrap_or(0));
        for x in [self.epoch_days, self.window_epochs, self.windows_per_year, self.epsilon.micro()] {
            number(x.into());
        }
        number(self.questions.len() as u64);
        for question in &self.questions {
            let Ask::Sizes { segments, cap } = &question.ask else { return false };
            number((*cap).into());
            number(question.weight.into());
            number(segments.len() as u64);
        }
        let texts = [self.id.as_str(), &self.owner, &self.reason].into_iter().chain(
            self.questions.iter().flat_map(|question| {
                let segments = question.ask.segments().iter().map(Name::as_str);
                [question.id.as_str(), question.reason.as_str()].into_iter().chain(segments)
            }),
        );
        for text in texts {
            sponge.update((text.len() as u64).to_be_bytes());
            sponge.update(text.as_bytes());
        }
        true
    }

    /// Returns the epoch `now` lies in; nothing before the start and from the expiry on.
    #[must_use]
    pub fn epoch_at(&self, now: Timestamp) -> Option<Epoch> {
        if now < self.starts || now >= self.expires {
            return None;
        }
        u32::try_from(now.since(self.starts) / (i64::from(self.epoch_days) * DAY_MS)).ok().map(Epoch)
    }

    /// Returns the first instant of an epoch.
    #[must_use]
    pub fn epoch_start(&self, epoch: Epoch) -> Timestamp {
        let days = i64::from(epoch.0).saturating_mul(i64::from(self.epoch_days));
        self.starts.saturating_add(days.saturating_mul(DAY_MS))
    }

    /// Returns the window an epoch lies in.
    #[must_use]
    pub fn window_of(&self, epoch: Epoch) -> Window {
        Window(epoch.0 / self.window_epochs)
    }

    /// Returns the first epoch of a window.
    #[must_use]
    pub fn first_epoch(&self, window: Window) -> Epoch {
        Epoch(window.0.saturating_mul(self.window_epochs))
    }

    /// Returns the first instant of a window.
    #[must_use]
    pub fn window_start(&self, window: Window) -> Timestamp {
        self.epoch_start(self.first_epoch(window))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::num::NonZeroU16;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    pub(crate) fn sample() -> Plan {
        let text = r#"{"id": "sample", "owner": "Sample shop", "reason": "To learn what sells.", "starts": "2017-01-01",
            "expires": "2018-01-01", "epsilon": 2, "questions": [{"id": "sizes", "reason": "Segment sizes.",
            "segments": ["regular", "lapsed", "coupon"], "cap": 2}]}"#;
        Plan::parse(text).unwrap()
    }

    fn sizes(plan: &mut Plan) -> (&mut Vec<Name>, &mut u8) {
        match &mut plan.questions[0].ask {
            Ask::Sizes { segments, cap } => (segments, cap),
            _ => unreachable!("the sample asks for sizes"),
        }
    }

    #[test]
    fn a_plan_reads_back_what_it_writes_and_keeps_its_hash() {
        let [counts_days, answers_days] = [730, 90].map(NonZeroU16::new);
        for retention in [
            Retention::default(),
            Retention { counts_days, answers_days },
            Retention { answers_days, ..Retention::default() },
        ] {
            let plan = Plan { retention, ..sample() };
            let again = Plan::parse(&plan.to_json().to_string()).unwrap();
            assert_eq!((&again, again.hash()), (&plan, plan.hash()));
            let decoded: Plan = codec::decode(&codec::encode(&plan)).unwrap();
            assert_eq!((&decoded, decoded.hash()), (&plan, plan.hash()));
        }
    }

    #[test]
    fn any_change_of_a_plan_changes_its_hash() {
        let plan = sample();
        let changes: [fn(&mut Plan); 10] = [
            |p| p.owner.push('.'),
            |p| p.reason.push('.'),
            |p| p.epsilon = Epsilon::from_micro(2_000_001).unwrap(),
            |p| p.epoch_days += 1,
            |p| p.expires = p.expires.saturating_add(DAY_MS),
            |p| *sizes(p).1 = 1,
            |p| sizes(p).0.swap(0, 1),
            |p| p.questions[0].reason.push('.'),
            |p| p.retention.counts_days = NonZeroU16::new(90),
            |p| p.retention.answers_days = NonZeroU16::new(90),
        ];
        for change in changes {
            let mut other = plan.clone();
            change(&mut other);
            assert_ne!(other.hash(), plan.hash());
        }
    }

    #[test]
    fn epochs_and_windows_begin_with_the_plan_and_end_at_its_expiry() {
        let plan = sample();
        let at = |date: &str| plan.epoch_at(Timestamp::from_date(date).unwrap());
        assert_eq!(at("2016-12-31"), None);
        assert_eq!(at("2017-01-01"), Some(Epoch(0)));
        assert_eq!(at("2017-01-08"), Some(Epoch(1)));
        assert_eq!(at("2017-12-31"), Some(Epoch(52)));
        assert_eq!(at("2018-01-01"), None);
        assert_eq!(plan.window_of(Epoch(7)), Window(1));
        assert_eq!(plan.window_start(Window(1)), Timestamp::from_date("2017-01-29").unwrap());
    }

    #[test]
    fn a_plan_that_is_wrong_is_refused_at_its_place() {
        let text = |from: &str, to: &str| sample().to_json().to_string().replace(from, to);
        for (from, to, path) in [
            (r#""epsilon":2.0"#, r#""epsilon":9"#, "$.epsilon"),
            (r#""epsilon":2.0"#, r#""epsilon":0.12345678"#, "$.epsilon"),
            ("lapsed", "regular", "$.questions[0].segments"),
            (r#""cap":2"#, r#""cap":4"#, "$.questions[0].cap"),
            ("2018-01-01", "2017-01-01", "$.expires"),
            (r#""owner""#, r#""owners""#, "$.owners"),
            (
                r#""epoch_days":7"#,
                r#""epoch_days":7,"retention":{"labels_days":9}"#,
                "$.retention.labels_days",
            ),
            (
                r#""epoch_days":7"#,
                r#""epoch_days":7,"retention":{"counts_days":0}"#,
                "$.retention.counts_days",
            ),
            (
                r#""epoch_days":7"#,
                r#""epoch_days":7,"retention":{"answers_days":36501}"#,
                "$.retention.answers_days",
            ),
        ] {
            let changed = text(from, to);
            assert_ne!(changed, text("", ""), "{from}");
            assert_eq!(Plan::parse(&changed).unwrap_err().path(), path);
        }
    }
}
