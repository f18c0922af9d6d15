//! What a pack declares of how a model moves with a person, and what is written into the pack for it.

use std::borrow::Cow;

use keepset_wire::document::{Fields, Mistake, Name, Node, quoted};
use keepset_wire::hex;
use serde_json::{Value, json};

use super::{Adaptation, Input, Rule, Term};
use crate::feature::{Features, fingerprint};
use crate::model::Model;
use crate::outcome;
use crate::written::{Parts, Round};

/// The key under which a model declares it.
pub(crate) const KEY: &str = "adapt";

/// A device sees few outcomes, which tell few numbers.
const MOST_WEIGHTS: usize = 4;
/// The widest that people may differ, and the farthest that a score may move.
const WIDEST: u32 = 25;
const FARTHEST: u32 = 5;

/// Reads how the models of a pack move, once their features are known.
///
/// # Errors
/// A [`Mistake`] at a weight whose feature the pack does not have.
pub(crate) fn read(
    pack: &Node<'_>,
    models: &[Model],
    features: &Features,
) -> Result<Vec<Adaptation>, Mistake> {
    let mut all = Vec::new();
    each(pack, |adaptation, node| {
        for input in &adaptation.inputs {
            if let Input::Feature(name) = input
                && features.position(name.as_str()).is_none()
            {
                return Err(node
                    .need("weights")?
                    .mistake(format!("the pack has no feature {}", quoted(name.as_str()))));
            }
        }
        let model = models.iter().find(|model| model.id == adaptation.id);
        let places = model.into_iter().flat_map(Model::features);
        let reads = places.map(|place| (place, features.list()[place].id.clone())).collect();
        all.push(Adaptation { reads, ..adaptation });
        Ok(())
    })?;
    Ok(all)
}

/// Writes out what adaptations are made of, into a copy of the pack that has any.
///
/// # Errors
/// A [`Mistake`] at the first thing that is wrong with one, or that needs a name that the pack has given to something else.
pub(crate) fn expand(document: &Value) -> Result<Cow<'_, Value>, Mistake> {
    let pack = Node::root(document);
    let mut whole = Cow::Borrowed(document);
    each(&pack, |adaptation, node| {
        let outcome = outcome(&pack, &node.need("outcome")?)?;
        let models = &document["models"][adaptation.id.as_str()];
        let title = models["title"].as_str().unwrap_or(adaptation.id.as_str());
        let parts = adaptation.write(title, outcome);
        parts.add_to(whole.to_mut(), node)
    })?;
    Ok(whole)
}

/// Calls `found` with every adaptation of a pack.
fn each(
    pack: &Node<'_>,
    mut found: impl FnMut(Adaptation, &Node<'_>) -> Result<(), Mistake>,
) -> Result<(), Mistake> {
    let Some(models) = pack.get("models") else { return Ok(()) };
    for (id, model) in models.members()? {
        if let Some(node) = model.get(KEY) {
            let outcome = outcome(pack, &node.need("outcome")?)?;
            let comes = outcome["comes"] != json!(false);
            let meaning = fingerprint(&model).wrapping_add(fingerprint(&Node::root(outcome)));
            found(Adaptation::read(id, comes, hex(&meaning.to_be_bytes()), &node)?, &node)?;
        }
    }
    Ok(())
}

/// Finds the outcome that the pack declares by this name.
fn outcome<'a>(pack: &Node<'a>, node: &Node<'_>) -> Result<&'a Value, Mistake> {
    let declared = pack.value().get(outcome::KEY).and_then(|all| all.get(node.text().unwrap_or_default()));
    node.text()?;
    let declared = declared.ok_or_else(|| node.mistake("the pack declares no outcome of this name"))?;
    if declared["within_days"].is_array() {
        return Err(node.mistake("a model moves with an outcome that comes within one number of days"));
    }
    Ok(declared)
}

impl Adaptation {
    fn read(id: Name, comes: bool, of: String, node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["outcome", "limit", "offset", "slope", "weights"])?;
        let mut terms =
            vec![Term { variance: positive(&fields.need("offset")?, WIDEST)?, centre: 0.0, scale: 1.0 }];
        let mut inputs = Vec::new();
        if let Some(node) = fields.get("slope") {
            terms.push(Term::read(&node.object(&["variance", "centre"])?)?);
            inputs.push(Input::Score);
        }
        if let Some(node) = fields.get("weights") {
            let read = |name: Name, node: &Node<'_>| {
                Ok((Input::Feature(name), Term::read(&node.object(&["variance", "centre", "scale"])?)?))
            };
            let weights = node.each_member(read)?;
            if weights.len() > MOST_WEIGHTS {
                return Err(node.mistake(format!("expected at most {MOST_WEIGHTS} features")));
            }
            for (input, term) in weights {
                inputs.push(input);
                terms.push(term);
            }
        }
        let limit = positive(&fields.need("limit")?, FARTHEST)?;
        let rule = Rule { limit, terms };
        let adaptation = Self { id, of, comes, rule, inputs, reads: Vec::new(), model: None };
        match adaptation.reads().iter().chain(&adaptation.events()).find(|name| Name::parse(name).is_none()) {
            Some(long) => {
                Err(node
                    .mistake(format!("{} is longer than a name may be; shorten the model's", quoted(long))))
            }
            None => Ok(adaptation),
        }
    }

    /// Writes what it is made of.
    fn write(&self, title: &str, outcome: &Value) -> Parts {
        let [begun, settled, forgotten] = self.events();
        let title = format!("{title}, for this person");
        let number = |most: f64| json!({"type": "number", "min": -most, "max": most});
        let of = json!({"type": "category", "values": [self.of]});
        let with = |names: Vec<String>| {
            let mut properties = json!({"of": of});
            names.into_iter().for_each(|name| properties[name] = number(1_000.0));
            properties
        };
        let events = vec![
            (
                begun.clone(),
                json!({"title": format!("{title}: a prediction is made"), "properties": with(self.asked())}),
            ),
            (
                settled.clone(),
                json!({"title": format!("{title}: a prediction has come due"), "properties": with(self.settled())}),
            ),
            (forgotten.clone(), json!({"title": format!("{title}: what was learned is forgotten")})),
        ];
        let window = ("window_days", &outcome["within_days"]);
        let round = Round { id: &self.id, title: &title, begins: &begun, outcome: &outcome["event"], window };
        let mine = json!({"property": "of", "in": [self.of]});
        // What was begun and not yet settled: a number of the round that runs is the sum of those begun less the sum of those settled, exactly.
        let running = json!({begun.as_str(): 1, settled.as_str(): -1});
        let pending = json!({"kind": "count", "event": running, "where": mine});
        let learned = json!({"kind": "count", "event": settled, "where": mine, "since": forgotten});
        let mut features = round.features();
        features.push(round.named("pending", "predictions not yet due", pending));
        features.push(round.named("learned", "outcomes learned from", learned));
        for name in self.asked() {
            let sum = json!({"kind": "sum", "event": running, "property": name, "where": mine});
            features.push(round.named(&name, &format!("{name} of the prediction not yet due"), sum));
        }
        for name in self.steps() {
            let sum =
                json!({"kind": "sum", "event": settled, "property": name, "where": mine, "since": forgotten});
            features.push(round.named(&name, &format!("{name} of what was learned"), sum));
        }
        Parts { maker: "the adaptation", events, features, segment: round.segment() }
    }
}

impl Term {
    fn read(fields: &Fields<'_>) -> Result<Self, Mistake> {
        Ok(Self {
            variance: positive(&fields.need("variance")?, WIDEST)?,
            centre: fields.need("centre")?.number()?,
            scale: fields.get("scale").map_or(Ok(1.0), |node| positive(&node, 1_000_000_000))?,
        })
    }
}

/// Reads a number above 0.
fn positive(node: &Node<'_>, most: u32) -> Result<f64, Mistake> {
    let number = node.number()?;
    if number > 0.0 && number <= f64::from(most) {
        return Ok(number);
    }
    Err(node.mistake(format!("expected a number above 0, at most {most}")))
}
