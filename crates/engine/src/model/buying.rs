//! How often somebody will buy, for how much, and whether they are still a customer: the BG/NBD model (Fader, Hardie, Lee,
//! "Counting your customers the easy way", *Marketing Science* 24, 2005) and the Gamma-Gamma model of what a purchase is worth
//! (Fader, Hardie, "The Gamma-Gamma model of monetary value", 2013).
//!
//! Purchases come at a rate that is Gamma(r, alpha) among people, in days, and after each one a person is gone with a chance
//! that is Beta(a, b). The mean worth of a person's purchases is Gamma(p, scale) with a scale that is Gamma(q, v) among people.
//! Only `+ - * /` in one order, so every target gives the same bits.

use keepset_wire::codec;
use keepset_wire::document::{Fields, Mistake};

use super::elementary::{exp, ln};
use super::game;

/// A count, days since the last purchase, days since the first, and what a purchase was worth on average.
const MOST_FEATURES: usize = 4;
/// Where the series of [`BgNbd::expected`] is added up at the latest; with the ranges below it has ended long before.
const MOST_TERMS: u32 = 1_000_000;
/// What is left out of a sum, beside what is in it.
const NOTHING: f64 = 1e-15;
/// Whoever bought more often counts as often, and longer ago as so long ago: what is known of them tells no more.
const MOST_PURCHASES: f64 = 100_000.0;
const MOST_DAYS: f64 = 36_500.0;

/// What is known of a customer, in days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Customer {
    /// How many purchases came after the first.
    pub repeats: f64,
    /// How long after the first the last one came; 0 where none did.
    pub last: f64,
    /// How long after the first we look.
    pub age: f64,
}

impl Customer {
    /// Takes how many purchases there were, and how many days ago the last and the first one came. Nobody where there was none.
    #[must_use]
    pub fn new(purchases: f64, since_last: f64, since_first: f64) -> Option<Self> {
        let known = purchases >= 1.0 && since_last >= 0.0 && since_first >= 0.0;
        let age = since_first.max(since_last).min(MOST_DAYS);
        let last = age - since_last.min(age);
        known.then(|| Self { repeats: purchases.min(MOST_PURCHASES) - 1.0, last, age })
    }
}

/// How often people buy, and when they are gone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BgNbd {
    /// The shape of the rates among people.
    pub r: f64,
    /// Their scale, in days.
    pub alpha: f64,
    /// Of the chance to be gone after a purchase.
    pub a: f64,
    /// Of the chance to stay.
    pub b: f64,
}

codec!(struct BgNbd { r, alpha, a, b });

impl BgNbd {
    /// Between which the parameters lie, in their order: there every sum keeps ten digits.
    pub const RANGES: [(f64, f64); 4] = [(1e-3, 20.0), (0.1, 1e6), (1e-3, 50.0), (1e-3, 1e4)];

    /// The chance that a customer is still one: no purchase was the last.
    #[must_use]
    pub fn alive(&self, customer: &Customer) -> f64 {
        1.0 / (1.0 + self.odds_gone(customer))
    }

    /// After the first purchase alone nobody is gone: the model lets people go after a repeated one.
    fn odds_gone(&self, customer: &Customer) -> f64 {
        let Customer { repeats: x, last, age } = *customer;
        if x <= 0.0 {
            return 0.0;
        }
        let waited = ln((self.alpha + age) / (self.alpha + last));
        self.a / (self.b + x - 1.0) * exp((self.r + x) * waited)
    }

    /// How many purchases are expected within so many days from now on: equation 10 of the paper, whose `a - 1` and whose
    /// differences no float survives, as an integral of what nowhere cancels. Of who is still a customer, `x` repeated purchases
    /// known at the age `T`, it is the integral over time of `E[rate exp(-rate p s)]`; with Pfaff's transformation (Abramowitz,
    /// Stegun 15.3.4) and `z = t / (alpha + T + t)`
    ///
    /// ```text
    /// E   = P(alive) (r + x) sum over n >= 0 of c_n B_n
    /// c_n = (a + b - 1 - r)_n (a)_n / ((a + b + x)_n n!)
    /// B_n = integral from 0 to z of u^n (1 - u)^(a - 2) du,   n B_(n-1) = (n + a - 1) B_n + z^n (1 - z)^(a - 1)
    /// ```
    #[must_use]
    pub fn expected(&self, customer: &Customer, within: f64) -> f64 {
        let Self { r, alpha, a, b } = *self;
        let Customer { repeats: x, age, .. } = *customer;
        let z = within / (alpha + age + within);
        let rest = exp((1.0 - a) * ln((alpha + age + within) / (alpha + age)));
        let mut coefficients = Vec::new();
        let (mut coefficient, mut power, mut left) = (1.0_f64, 1.0, rest / z);
        for n in 0..MOST_TERMS {
            if coefficient.abs() * power < NOTHING && left < NOTHING {
                break;
            }
            coefficients.push(coefficient);
            let n = f64::from(n);
            coefficient *= (a + b - 1.0 - r + n) * (a + n) / ((a + b + x + n) * (n + 1.0));
            power *= z;
            left *= z * (a + n) / (n + 1.0);
        }
        let (mut sum, mut integral) = (0.0, 0.0);
        for (before, coefficient) in coefficients.into_iter().enumerate().rev() {
            #[expect(clippy::cast_precision_loss, reason = "at most a million")]
            let n = (before + 1) as f64;
            integral = ((n + a - 1.0) * integral + power * rest) / n;
            sum += coefficient * integral;
            power /= z;
        }
        (r + x) * sum * self.alive(customer)
    }
}

/// What purchases are worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GammaGamma {
    /// The shape of one person's purchases.
    pub p: f64,
    /// The shape of the scales among people.
    pub q: f64,
    /// Their scale, in money.
    pub v: f64,
}

codec!(struct GammaGamma { p, q, v });

impl GammaGamma {
    /// Between which the parameters lie, in their order. With `q` at most 1 there is no mean over
    /// people, and near it what few spent decides it.
    pub const RANGES: [(f64, f64); 3] = [(1e-3, 1e4), (1.1, 1e4), (1e-6, 1e9)];

    /// What a customer's purchase is expected to be worth, after so many of a mean; where there is no mean, or none above 0, what
    /// anybody's is.
    #[must_use]
    pub fn expected(&self, purchases: f64, mean: f64) -> f64 {
        let Self { p, q, v } = *self;
        let of_all = v * p / (q - 1.0);
        let own = p * purchases / (p * purchases + q - 1.0);
        if mean > 0.0 { (1.0 - own) * of_all + own * mean } else { of_all }
    }
}

/// What the score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Score {
    /// How many purchases are expected.
    Purchases,
    /// The chance to be still a customer.
    Alive,
    /// What the purchases expected are worth.
    Spend,
}

codec!(enum Score { 0 => Purchases, 1 => Alive, 2 => Spend });

/// The buying of a customer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Buying {
    score: Score,
    within_days: f64,
    often: BgNbd,
    worth: Option<GammaGamma>,
    /// The features of somebody in the middle, for explanations alone; empty when they are not known.
    typical: Vec<f64>,
}

codec!(struct Buying { score, within_days, often, worth, typical });

impl Buying {
    /// The keys that a model of buying has beside those of every model.
    pub(super) const KEYS: &[&str] = &[
        "kind",
        "title",
        "features",
        "definitions",
        "score",
        "within_days",
        "r",
        "alpha",
        "a",
        "b",
        "p",
        "q",
        "v",
        "typical",
    ];

    /// Reads a model that reads so many features.
    pub(super) fn read(fields: &Fields<'_>, features: usize) -> Result<Self, Mistake> {
        let score_node = fields.need("score")?;
        let score = score_node.one_of(&[
            ("purchases", Score::Purchases),
            ("alive", Score::Alive),
            ("spend", Score::Spend),
        ])?;
        let expected = if score == Score::Spend { MOST_FEATURES } else { MOST_FEATURES - 1 };
        if features != expected {
            return Err(fields.need("features")?.mistake(
                "expected how often, the days since the last purchase, the days since the first, and for the score \"spend\" the mean worth of a purchase",
            ));
        }
        let within = |key, (low, high): (f64, f64)| {
            let node = fields.need(key)?;
            let number = node.number()?;
            let known = (low..=high).contains(&number);
            known
                .then_some(number)
                .ok_or_else(|| node.mistake(format!("expected a number from {low} to {high}")))
        };
        let [r, alpha, a, b] = BgNbd::RANGES;
        let often = BgNbd {
            r: within("r", r)?,
            alpha: within("alpha", alpha)?,
            a: within("a", a)?,
            b: within("b", b)?,
        };
        let worth = if score == Score::Spend {
            let [p, q, v] = GammaGamma::RANGES;
            Some(GammaGamma { p: within("p", p)?, q: within("q", q)?, v: within("v", v)? })
        } else {
            let none = ["p", "q", "v"].into_iter().find_map(|key| fields.get(key));
            if let Some(node) = none {
                return Err(node.mistake("is for the score \"spend\""));
            }
            None
        };
        let within_days = match fields.get("within_days") {
            Some(node) if score == Score::Alive => {
                return Err(node.mistake("is for the scores \"purchases\" and \"spend\""));
            }
            None if score == Score::Alive => 0.0,
            _ => f64::from(fields.need("within_days")?.whole(1, 366)?),
        };
        let typical = match fields.get("typical") {
            Some(node) => {
                let typical = node.each(|node| node.number())?;
                if typical.len() != features {
                    return Err(node.mistake("expected a number for each feature"));
                }
                typical
            }
            None => Vec::new(),
        };
        Ok(Self { score, within_days, often, worth, typical })
    }

    /// Scores the features, in their order, which are not a number where there is none. Of who never bought nothing is expected.
    pub(super) fn score(&self, values: &[f64]) -> f64 {
        let value = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let Some(customer) = Customer::new(value(0), value(1), value(2)) else { return 0.0 };
        match (self.score, &self.worth) {
            (Score::Alive, _) => self.often.alive(&customer),
            (_, None) => self.often.expected(&customer, self.within_days),
            (_, Some(worth)) => {
                self.often.expected(&customer, self.within_days)
                    * worth.expected(customer.repeats + 1.0, value(3))
            }
        }
    }

    /// Divides a score among the features, where somebody in the middle is known. Of who never bought only that says anything.
    pub(super) fn contributions(&self, values: &[f64]) -> Option<(f64, Vec<f64>)> {
        let (_, others) = self.typical.split_first()?;
        let (times, _) = values.split_first()?;
        let known = if *times >= 1.0 { values.to_vec() } else { [&[*times][..], others].concat() };
        Some(game::divide(&self.typical, &known, |values| self.score(values)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Model;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    const FEATURES: [&str; 4] = ["mean", "orders", "since_first", "since_last"];

    fn read(document: &Value) -> Result<Model, Mistake> {
        super::super::read_of(&FEATURES, document)
    }

    fn document(score: &str) -> Value {
        let mut document = json!({
            "kind": "bg_nbd", "score": score, "within_days": 90, "features": ["orders", "since_last", "since_first"],
            "definitions": "orders+since_last+since_first", "r": 0.25, "alpha": 30.5, "a": 0.8, "b": 2.5, "typical": [2, 40, 100]
        });
        if score == "alive" {
            document.as_object_mut().unwrap().remove("within_days");
        }
        if score == "spend" {
            document["features"] = json!(["orders", "since_last", "since_first", "mean"]);
            document["definitions"] = json!("orders+since_last+since_first+mean");
            document["typical"] = json!([2, 40, 100, 20]);
            for (key, value) in [("p", 6.25), ("q", 3.75), ("v", 15.5)] {
                document[key] = json!(value);
            }
        }
        document
    }

    /// The mean, how many orders, the days since the first and the last.
    fn score(model: &Model, values: [Option<f64>; 4]) -> f64 {
        model.score(|feature| values[feature])
    }

    #[test]
    fn chances_and_expectations_are_those_of_the_paper() {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../../../tests/models/bg_nbd.vectors.json")).unwrap();
        for case in &cases {
            let number = |value: &Value| value.as_f64().unwrap();
            let told = |key: &str, place: usize| number(&case[key][place]);
            let [r, alpha, a, b] = [0, 1, 2, 3].map(|place| told("model", place));
            let [repeats, last, age] = [0, 1, 2].map(|place| told("customer", place));
            let (model, customer) = (BgNbd { r, alpha, a, b }, Customer { repeats, last, age });
            let near = |found: f64, exact: f64| (found - exact).abs() <= 1e-10 * exact.abs();
            assert!(
                near(model.alive(&customer), number(&case["alive"])),
                "{case}: {}",
                model.alive(&customer)
            );
            let found = model.expected(&customer, number(&case["within"]));
            assert!(near(found, number(&case["expected"])), "{case}: {found}");
        }
        assert_eq!(cases.len(), 400);
    }

    #[test]
    fn a_score_is_what_the_model_says_of_the_features() {
        let customer = Customer { repeats: 4.0, last: 90.0, age: 100.0 };
        let often = BgNbd { r: 0.25, alpha: 30.5, a: 0.8, b: 2.5 };
        let values = [Some(30.0), Some(5.0), Some(100.0), Some(10.0)];
        assert_eq!(score(&read(&document("alive")).unwrap(), values), often.alive(&customer));
        let expected = often.expected(&customer, 90.0);
        assert_eq!(score(&read(&document("purchases")).unwrap(), values), expected);
        let worth = GammaGamma { p: 6.25, q: 3.75, v: 15.5 };
        let spend = read(&document("spend")).unwrap();
        assert_eq!(score(&spend, values), expected * worth.expected(5.0, 30.0));
        // Five purchases tell more than what others spend, and less than all.
        assert!((30.0..=15.5 * 6.25 / 2.75).contains(&worth.expected(5.0, 30.0)));
        let [_, orders, first, last] = values;
        assert_eq!(score(&spend, [None, orders, first, last]), expected * (15.5 * 6.25 / 2.75));
    }

    #[test]
    fn of_who_never_bought_nothing_is_expected() {
        for kind in ["purchases", "alive", "spend"] {
            let model = read(&document(kind)).unwrap();
            for values in
                [[None; 4], [None, Some(0.0), None, None], [Some(9.0), Some(-3.0), Some(9.0), Some(1.0)]]
            {
                assert_eq!(score(&model, values), 0.0, "{kind}");
            }
            // A clock that jumped: the last is longer ago than the first.
            let odd = score(&model, [Some(9.0), Some(2.0), Some(3.0), Some(8.0)]);
            assert!(odd.is_finite() && odd > 0.0);
        }
    }

    #[test]
    fn contributions_add_up_and_a_feature_in_the_middle_adds_nothing() {
        for kind in ["purchases", "alive", "spend"] {
            let model = read(&document(kind)).unwrap();
            let values = [Some(44.0), Some(6.0), Some(100.0), Some(9.0)];
            let found = model.contributions(|feature| values[feature]).unwrap();
            let sum = found.base + found.parts.iter().map(|part| part.1).sum::<f64>();
            assert!((sum - score(&model, values)).abs() < 1e-12);
            assert_eq!(found.base, score(&model, [Some(20.0), Some(2.0), Some(100.0), Some(40.0)]));
            let part = |name: &str| {
                let feature = FEATURES.iter().position(|known| *known == name);
                found.parts.iter().find(|part| Some(part.0) == feature).unwrap().1
            };
            assert_eq!(part("since_first"), 0.0);
            assert!(part("since_last") > 0.0, "{kind}: bought lately");
        }
        let stranger = read(&document("spend")).unwrap().contributions(|_| None).unwrap();
        let adding: Vec<usize> =
            stranger.parts.iter().filter(|part| part.1 != 0.0).map(|part| part.0).collect();
        assert_eq!(adding, [1], "of who never bought only that says anything");
        assert!((stranger.base + stranger.parts[0].1).abs() < 1e-12);
        let mut blind = document("alive");
        blind.as_object_mut().unwrap().remove("typical");
        assert_eq!(read(&blind).unwrap().contributions(|_| Some(1.0)), None);
    }

    #[test]
    fn a_model_of_buying_that_cannot_be_is_refused_with_its_place() {
        let refused = [
            (
                "purchases",
                "$.features",
                json!({"features": ["orders", "since_last"], "definitions": "orders+since_last"}),
            ),
            (
                "spend",
                "$.features",
                json!({"features": ["orders", "since_last", "since_first"], "definitions": "orders+since_last+since_first"}),
            ),
            ("purchases", "$.features[1]", json!({"features": ["orders", "since_lost", "since_first"]})),
            ("purchases", "$.definitions", json!({"definitions": "other"})),
            ("purchases", "$.score", json!({"score": "sales"})),
            ("purchases", "$.r", json!({"r": 0})),
            ("purchases", "$.alpha", json!({"alpha": 1e7})),
            ("purchases", "$.a", json!({"a": null})),
            ("purchases", "$.b", json!({"b": -1})),
            ("spend", "$.q", json!({"q": 1})),
            ("purchases", "$.p", json!({"p": 1})),
            ("purchases", "$.within_days", json!({"within_days": 0})),
            ("alive", "$.within_days", json!({"within_days": 90})),
            ("purchases", "$.typical", json!({"typical": [1, 2]})),
            ("purchases", "$.adapt", json!({"adapt": {}})),
        ];
        for (kind, path, change) in refused {
            let mut spoiled = document(kind);
            for (key, value) in change.as_object().unwrap() {
                spoiled[key] = value.clone();
            }
            assert_eq!(read(&spoiled).unwrap_err().path(), path, "{change}");
        }
        for lacking in ["b", "within_days", "definitions", "score"] {
            let mut document = document("purchases");
            document.as_object_mut().unwrap().remove(lacking);
            assert_eq!(read(&document).unwrap_err().path(), "$", "{lacking}");
        }
    }
}
