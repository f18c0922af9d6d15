//! Rules, memberships and experiments.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::time::duration;
use super::{Oracle, formula, select};

/// Where the device stands with a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub since: Option<i64>,
    left: Option<i64>,
    /// The membership ended by its age and `enter` has not ceased to hold since.
    spent: bool,
}

/// A membership that began or ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    pub at: i64,
    pub segment: String,
    pub entered: bool,
    pub cause: String,
}

impl Oracle {
    pub fn segments(&self) -> &[Value] {
        self.pack["segments"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The segments the device is in, in the pack's order.
    pub fn memberships(&self) -> Vec<(String, i64)> {
        let named = self.segments().iter().zip(&self.members);
        named.filter_map(|(segment, member)| Some((name(segment), member.since?))).collect()
    }

    /// When a minimum stay, a cool-down or a time to live is over.
    pub fn lifecycle_instants(&self) -> Vec<i64> {
        let of_one = |(segment, member): (&Value, &Member)| {
            let from_start = ["minimum_stay", "ttl"].map(|key| Some(member.since? + duration(segment, key)?));
            let from_end = member.left.zip(duration(segment, "cool_down")).map(|(left, cool)| left + cool);
            from_start.into_iter().flatten().chain(from_end).collect::<Vec<_>>()
        };
        self.segments().iter().zip(&self.members).flat_map(of_one).collect()
    }

    /// Lets time pass up to `now`, through every instant at which an answer may change.
    pub fn pass(&mut self, from: i64, now: i64) -> Vec<Turn> {
        let (mut clock, mut turns) = (from, Vec::new());
        while clock < now {
            clock = self.next_instant(clock).min(now);
            turns.extend(self.evaluate(clock, "time"));
        }
        turns
    }

    /// Looks at every segment at `now`, because of `cause`.
    pub fn evaluate(&mut self, now: i64, cause: &str) -> Vec<Turn> {
        let mut turns = Vec::new();
        if self.forgotten_at().is_some_and(|at| at <= now) {
            self.logs.clear();
            self.gate.forget();
            for (index, member) in std::mem::take(&mut self.members).into_iter().enumerate() {
                self.members.push(Member::default());
                if member.since.is_some() {
                    let segment = name(&self.segments()[index]);
                    turns.push(Turn { at: now, segment, entered: false, cause: "erased".into() });
                }
            }
        }
        let mut looked_at = vec![false; self.members.len()];
        for index in 0..self.members.len() {
            self.look_at(index, now, cause, &mut looked_at, &mut turns);
        }
        turns
    }

    /// First those it reads or stands behind, then itself.
    fn look_at(
        &mut self,
        index: usize,
        now: i64,
        cause: &str,
        looked_at: &mut [bool],
        turns: &mut Vec<Turn>,
    ) {
        if std::mem::replace(&mut looked_at[index], true) {
            return;
        }
        let segment = self.segments()[index].clone();
        let ahead = self.ahead(index);
        let read = [&segment["enter"], &segment["stay"]].into_iter().flat_map(|rule| self.segments_in(rule));
        for other in ahead.iter().copied().chain(read.collect::<Vec<_>>()) {
            self.look_at(other, now, cause, looked_at, turns);
        }
        let displaced = ahead.iter().any(|other| self.members[*other].since.is_some());
        let member = self.members[index].clone();
        let (next, cause) = self.next(&segment, member.clone(), displaced, now, cause);
        if next.since.is_some() != member.since.is_some() {
            let (entered, segment) = (next.since.is_some(), name(&segment));
            turns.push(Turn { at: now, segment, entered, cause });
        }
        self.members[index] = next;
    }

    fn next(
        &self,
        segment: &Value,
        member: Member,
        displaced: bool,
        now: i64,
        cause: &str,
    ) -> (Member, String) {
        let stay = segment["stay"].is_null() || self.holds(&segment["stay"], now);
        // Without `stay` it is `enter` that keeps one in, so both hold or neither.
        let enter = stay && self.holds(&segment["enter"], now);
        let stay = if segment["stay"].is_null() { enter } else { stay };
        let out = |spent| Member { since: None, left: Some(now), spent };
        let Some(since) = member.since else {
            let cooling =
                member.left.zip(duration(segment, "cool_down")).is_some_and(|(left, cool)| now < left + cool);
            let spent = member.spent && enter;
            let comes_in = enter && !spent && !cooling && !displaced;
            return (Member { since: comes_in.then_some(now), spent, ..member }, cause.to_owned());
        };
        if duration(segment, "ttl").is_some_and(|ttl| since + ttl <= now) {
            return (out(enter), "ttl".to_owned());
        }
        if displaced {
            return (out(false), "group".to_owned());
        }
        let held = duration(segment, "minimum_stay").is_some_and(|least| now < since + least);
        if stay || held { (member, String::new()) } else { (out(false), cause.to_owned()) }
    }

    /// Those of its group that stand before it.
    fn ahead(&self, index: usize) -> Vec<usize> {
        let segments = self.segments();
        let group = &segments[index]["group"];
        (0..index).filter(|other| group.is_string() && segments[*other]["group"] == *group).collect()
    }

    fn segments_in(&self, rule: &Value) -> Vec<usize> {
        match rule {
            Value::Object(fields) => {
                let named = fields.get("segment").map(|other| self.index(other));
                named.into_iter().chain(fields.values().flat_map(|part| self.segments_in(part))).collect()
            }
            Value::Array(rules) => rules.iter().flat_map(|rule| self.segments_in(rule)).collect(),
            _ => Vec::new(),
        }
    }

    fn index(&self, id: &Value) -> usize {
        self.segments().iter().position(|segment| segment["id"] == *id).unwrap()
    }

    fn holds(&self, rule: &Value, now: i64) -> bool {
        let held =
            |rules: &Value| rules.as_array().unwrap().iter().filter(|rule| self.holds(rule, now)).count();
        let size = |rules: &Value| rules.as_array().unwrap().len();
        if !rule["all"].is_null() {
            held(&rule["all"]) == size(&rule["all"])
        } else if !rule["any"].is_null() {
            held(&rule["any"]) > 0
        } else if !rule["not"].is_null() {
            !self.holds(&rule["not"], now)
        } else if let Some(least) = rule["at_least"].as_u64() {
            held(&rule["of"]) as u64 >= least
        } else if !rule["segment"].is_null() {
            self.members[self.index(&rule["segment"])].since.is_some()
        } else if let Some(experiment) = rule["experiment"].as_str() {
            let arm = self.arm(experiment);
            arm.is_some_and(|arm| rule["in"].as_array().unwrap().iter().any(|listed| listed == arm.as_str()))
        } else {
            self.compares(rule, now)
        }
    }

    fn compares(&self, rule: &Value, now: i64) -> bool {
        let (value, within) = match rule["feature"].as_str() {
            Some(feature) => self.decided(feature, now),
            None => self.decided_score(rule["model"].as_str().unwrap(), now),
        };
        let Some(value) = value else {
            self.too_close.set(self.too_close.get() + u32::from(within > 0.0));
            return false;
        };
        let number = |threshold: &Value| {
            let threshold = match threshold.as_str() {
                None => threshold.as_f64().unwrap(),
                Some(label) => self.label(rule["feature"].as_str().unwrap(), label),
            };
            if within > 0.0 && (threshold - value).abs() <= within {
                self.too_close.set(self.too_close.get() + 1);
            }
            threshold
        };
        if let Some(bounds) = rule["between"].as_array() {
            return number(&bounds[0]) <= value && value <= number(&bounds[1]);
        }
        if let Some(list) = rule["in"].as_array() {
            return list.iter().any(|one| number(one) == value);
        }
        let threshold = number(&rule["value"]);
        match rule["op"].as_str().unwrap() {
            "<" => value < threshold,
            "<=" => value <= threshold,
            ">" => value > threshold,
            ">=" => value >= threshold,
            "=" => value == threshold,
            "!=" => value != threshold,
            other => panic!("unknown comparison {other}"),
        }
    }

    #[expect(clippy::cast_precision_loss)]
    fn label(&self, feature: &str, label: &str) -> f64 {
        let labels = select::labels(&self.pack, &self.pack["features"][feature]);
        labels.iter().position(|known| known == label).unwrap() as f64
    }

    /// A feature's value and how far rounding may lead; what a formula makes of rounding is well below a ten-thousandth.
    fn decided(&self, feature: &str, now: i64) -> (Option<f64>, f64) {
        let raw = |name: &str| self.decided(name, now).0;
        let expected = self.value(feature, now, &raw);
        let read = formula::inputs(&self.pack["features"][feature]["value"]);
        let rounded = read.iter().any(|input| self.decided(input, now).1 > 0.0);
        (expected.value(), if rounded { 1e-4 } else { expected.within() })
    }

    fn decided_score(&self, model: &str, now: i64) -> (Option<f64>, f64) {
        let raw = |name: &str| self.decided(name, now).0;
        let mut inputs = self.pack["models"][model]["weights"].as_object().unwrap().keys();
        let rounded = inputs.any(|input| self.decided(input, now).1 > 0.0);
        (Some(self.score(model, now, &raw)), if rounded { 1e-4 } else { 0.0 })
    }

    /// The arm of an experiment, from the device's secret.
    pub fn arm(&self, experiment: &str) -> Option<String> {
        let experiment = &self.pack["experiments"][experiment];
        let mut hash = Sha256::new();
        hash.update("keepset arm 1");
        hash.update(self.secret.as_ref()?);
        hash.update(experiment["salt"].as_str().unwrap());
        let number = u64::from_be_bytes(hash.finalize()[..8].try_into().unwrap());
        let arms = experiment["arms"].as_object().unwrap();
        let total: u64 = arms.values().map(|share| share.as_u64().unwrap()).sum();
        let mut left = number % total;
        for (arm, share) in arms {
            let share = share.as_u64().unwrap();
            if left < share {
                return Some(arm.clone());
            }
            left -= share;
        }
        None
    }
}

fn name(segment: &Value) -> String {
    segment["id"].as_str().unwrap().to_owned()
}
