//! Decision trees: each asks questions of features until it comes to a leaf, and the leaves add up.
//!
//! Leaves are whole numbers in units of the model's scale, so their sum is exact in any order; only one multiplication and
//! one addition follow, and every target gives the same bits. A question is `value < cut`; a feature without a value goes
//! the way that the question says.

use keepset_wire::document::{Fields, Mistake, Node};

/// The version of the format that packs write trees in.
const FORMAT: u32 = 1;
/// Enough for the largest models that are imported; a device holds 16 bytes a node.
const MOST_NODES: usize = 1 << 17;
const MOST_QUESTIONS: u32 = 1 << 16;
const MOST_TREES: usize = 2_000;
/// Deeper trees than any learner grows; it bounds the recursion.
const MOST_DEPTH: usize = 64;
/// The sum of the leaves of the most trees is below 2^53, so it is a float exactly.
const LARGEST_LEAF: i64 = 1 << 41;

/// The trees of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trees {
    /// What a leaf's 1 is worth.
    pub(super) scale: f64,
    /// Where each tree begins.
    pub(super) roots: Vec<usize>,
    /// Each tree before its branches, the left one first.
    pub(super) nodes: Vec<Place>,
    /// How many of those learned from came to each leaf, leaf after leaf; empty when that is not known.
    pub(super) covers: Vec<usize>,
}

/// A split or a leaf, in the 16 bytes in which a walk through many trees is fastest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// 0 of a leaf; of a split 1 more than twice the place of its feature among the model's, and 1 more where the absent goes left.
    pub(super) ask: u32,
    /// How many nodes the left branch has.
    pub(super) left: u32,
    /// The cut; of a leaf what it is worth, a whole number.
    pub(super) value: f64,
}

impl Place {
    pub(super) fn leaf(worth: f64) -> Self {
        Self { ask: 0, left: 0, value: worth }
    }

    /// The place of the feature that a split asks of.
    fn slot(self) -> usize {
        ((self.ask - 1) / 2) as usize
    }

    fn goes_left(self, values: &[f64]) -> bool {
        let value = values.get(self.slot()).copied().unwrap_or(f64::NAN);
        value < self.value || (value.is_nan() && self.ask.is_multiple_of(2))
    }
}

/// A node of a tree.
pub(super) enum At {
    /// The branch taken and the other one.
    Split { slot: usize, taken: usize, other: usize },
    /// What it is worth, in units of the scale.
    Leaf(f64),
}

impl Trees {
    /// The keys that a model of trees has beside those of every model.
    pub(super) const KEYS: &[&str] = &[
        "kind",
        "title",
        "format",
        "intercept",
        "features",
        "definitions",
        "scale",
        "questions",
        "trees",
        "leaves",
        "covers",
        crate::adapting::KEY,
    ];

    /// Reads the trees of a model that reads so many features.
    pub(super) fn read(fields: &Fields<'_>, features: usize) -> Result<Self, Mistake> {
        fields.need("format")?.whole(FORMAT, FORMAT)?;
        let scale_node = fields.need("scale")?;
        let scale = scale_node.number()?;
        if scale <= 0.0 {
            return Err(scale_node.mistake("what a leaf's 1 is worth is above 0"));
        }
        let most = u32::try_from(features.saturating_sub(1)).unwrap_or(u32::MAX);
        let questions = fields.need("questions")?.each(|node| match &node.list()?[..] {
            [feature, cut, left] => Ok((1 + 2 * feature.whole(0, most)? + left.whole(0, 1)?, cut.number()?)),
            _ => {
                Err(node
                    .mistake("a question is [place of the feature, cut, 1 where the absent goes left or 0]"))
            }
        })?;
        let mut trees = Self { scale, ..Self::default() };
        let shapes = fields.need("trees")?;
        let most = u32::try_from(questions.len()).unwrap_or(u32::MAX).min(MOST_QUESTIONS);
        let (leaves, shapes_list) = (fields.need("leaves")?, shapes.list()?);
        let leaves_list = leaves.list()?;
        if shapes_list.is_empty() || shapes_list.len() > MOST_TREES || leaves_list.len() != shapes_list.len()
        {
            return Err(
                leaves.mistake("there is a list of leaves for each tree, and there are 1 to 2,000 trees")
            );
        }
        for (shape, leaves) in shapes_list.iter().zip(&leaves_list) {
            let splits = shape.each(|node| Ok(node.whole(0, most)? as usize))?;
            let values = leaves.each(whole)?;
            trees.plant(&questions, &splits, &values).map_err(|message| shape.mistake(message))?;
        }
        trees.covers = match fields.get("covers") {
            Some(node) => {
                let covers =
                    node.each(|tree| tree.each(|node| Ok(node.whole(1, u32::MAX)? as usize)))?.concat();
                if covers.len() != trees.nodes.iter().filter(|node| node.ask == 0).count() {
                    return Err(node.mistake("there is one cover for each leaf"));
                }
                covers
            }
            None => Vec::new(),
        };
        Ok(trees)
    }

    /// Adds a tree: the numbers of its questions, each before its branches, 0 for a leaf; and its leaves in this order.
    fn plant(
        &mut self,
        questions: &[(u32, f64)],
        splits: &[usize],
        leaves: &[f64],
    ) -> Result<(), &'static str> {
        const SHAPE: &str = "a tree is a list of questions, each before its left and then its right branch, 0 for a leaf, with as many leaves as there are zeros";
        self.roots.push(self.nodes.len());
        let (mut splits, mut leaves) = (splits.iter(), leaves.iter());
        self.grow(questions, &mut splits, &mut leaves, 0)
            .filter(|()| splits.next().is_none() && leaves.next().is_none())
            .ok_or(SHAPE)?;
        if self.nodes.len() > MOST_NODES { Err("a model has at most 131,072 nodes") } else { Ok(()) }
    }

    fn grow<'a>(
        &mut self,
        questions: &[(u32, f64)],
        splits: &mut impl Iterator<Item = &'a usize>,
        leaves: &mut impl Iterator<Item = &'a f64>,
        depth: usize,
    ) -> Option<()> {
        let question = *splits.next().filter(|_| depth <= MOST_DEPTH)?;
        let Some(question) = question.checked_sub(1) else {
            self.nodes.push(Place::leaf(*leaves.next()?));
            return Some(());
        };
        let at = self.nodes.len();
        let (ask, value) = *questions.get(question)?;
        self.nodes.push(Place { ask, left: 0, value });
        self.grow(questions, splits, leaves, depth + 1)?;
        self.nodes[at].left = u32::try_from(self.nodes.len() - at - 1).ok()?;
        self.grow(questions, splits, leaves, depth + 1)
    }

    /// Adds up the leaves that values come to, by the places of the model's features; what is absent is not a number.
    pub(super) fn sum(&self, values: &[f64]) -> f64 {
        let mut sum = 0.0;
        for root in &self.roots {
            let mut at = *root;
            // Branches come behind their split, so no walk goes on for ever.
            sum += loop {
                let node = self.nodes[at];
                if node.ask == 0 {
                    break node.value;
                }
                at += 1 + if node.goes_left(values) { 0 } else { node.left as usize };
            };
        }
        self.worth(sum)
    }

    /// Looks at a node with the values in hand.
    pub(super) fn at(&self, at: usize, values: &[f64]) -> At {
        let node = self.nodes[at];
        if node.ask == 0 {
            return At::Leaf(node.value);
        }
        let (left, right) = (at + 1, at + 1 + node.left as usize);
        let (taken, other) = if node.goes_left(values) { (left, right) } else { (right, left) };
        At::Split { slot: node.slot(), taken, other }
    }

    /// What a sum of leaves is worth. The reader keeps sums below 2^53, so they are exact.
    pub(super) fn worth(&self, sum: f64) -> f64 {
        sum * self.scale
    }

    /// Lists where each tree begins.
    pub(super) fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// How many of those learned from came to each node.
    pub(super) fn node_covers(&self) -> Vec<f64> {
        let mut covers = vec![0.0; self.nodes.len()];
        let mut leaf = self.covers.len();
        for at in (0..self.nodes.len()).rev() {
            let node = self.nodes[at];
            covers[at] = if node.ask == 0 {
                leaf = leaf.saturating_sub(1);
                #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
                self.covers.get(leaf).map_or(0.0, |cover| *cover as f64)
            } else {
                covers[at + 1] + covers[at + 1 + node.left as usize]
            };
        }
        covers
    }
}

/// Reads a leaf.
#[expect(clippy::cast_precision_loss, reason = "at most 2^41")]
fn whole(node: &Node<'_>) -> Result<f64, Mistake> {
    let leaf = node.value().as_i64().filter(|leaf| (-LARGEST_LEAF..=LARGEST_LEAF).contains(leaf));
    leaf.map(|leaf| leaf as f64)
        .ok_or_else(|| node.mistake("a leaf is a whole number between -2^41 and 2^41"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Model;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    const FEATURES: [&str; 3] = ["orders", "recency", "visits"];

    fn read(document: &Value) -> Result<Model, Mistake> {
        super::super::read_of(&FEATURES, document)
    }

    /// The first tree asks of visits and then of orders, the second is a leaf.
    fn document() -> Value {
        json!({
            "kind": "trees", "format": 1, "intercept": -1.5, "features": ["visits", "orders"], "definitions": "visits+orders",
            "scale": 0.25, "questions": [[0, 3, 0], [1, 1.5, 1]], "trees": [[1, 0, 2, 0, 0], [0]],
            "leaves": [[-4, 2, 8], [1]], "covers": [[60, 10, 30], [100]]
        })
    }

    fn score(model: &Model, orders: Option<f64>, visits: Option<f64>) -> f64 {
        model.score(|feature| [orders, Some(9.0), visits][feature])
    }

    #[test]
    fn a_score_is_the_intercept_and_the_leaves_that_values_come_to() {
        let model = read(&document()).unwrap();
        let expected = [
            (Some(0.0), Some(2.9), -1.5 + 0.25 * -3.0),
            (Some(1.5), Some(3.0), -1.5 + 0.25 * 9.0),
            (Some(1.4), Some(3.0), -1.5 + 0.25 * 3.0),
            // The absent goes right at the first question and left at the second.
            (None, None, -1.5 + 0.25 * 3.0),
        ];
        for (orders, visits, score_expected) in expected {
            assert_eq!(score(&model, orders, visits), score_expected, "{orders:?}, {visits:?}");
            let values = [orders.unwrap_or(f64::NAN), 9.0, visits.unwrap_or(f64::NAN)];
            assert_eq!(model.score_of(&values), score_expected);
        }
        assert_eq!(model.features().collect::<Vec<_>>(), [2, 0]);
    }

    #[test]
    fn a_model_of_trees_that_cannot_be_is_refused_with_its_place() {
        let mut refused: Vec<(&str, Value)> = vec![
            ("$.features[0]", json!({"features": ["visit", "orders"]})),
            ("$.features", json!({"features": ["orders", "orders"]})),
            ("$.definitions", json!({"definitions": "orders+visits"})),
            ("$.format", json!({"format": 2})),
            ("$.scale", json!({"scale": 0})),
            ("$.scale", json!({"scale": null})),
            ("$.questions[0][0]", json!({"questions": [[2, 3, 0], [1, 1.5, 1]]})),
            ("$.questions[1]", json!({"questions": [[0, 3, 0], [1, 1.5]]})),
            ("$.questions[1][1]", json!({"questions": [[0, 3, 0], [1, "NaN", 1]]})),
            ("$.trees[0][2]", json!({"trees": [[1, 0, 3, 0, 0], [0]]})),
            ("$.trees[0]", json!({"trees": [[1, 0, 2, 0], [0]]})),
            ("$.trees[0]", json!({"trees": [[1, 0, 2, 0, 0, 0], [0]]})),
            ("$.trees[0]", json!({"trees": [[1, 0, 0], [0]]})),
            ("$.leaves", json!({"leaves": [[-4, 2, 8]]})),
            ("$.leaves[0][1]", json!({"leaves": [[-4, 0.5, 8], [1]]})),
            ("$.leaves[0][1]", json!({"leaves": [[-4, 4_398_046_511_104_i64, 8], [1]]})),
            ("$.covers", json!({"covers": [[60, 10], [100]]})),
            ("$.surprise", json!({"surprise": 1})),
            ("$.kind", json!({"kind": "forest"})),
        ];
        refused.push(("$.trees[0]", json!({"trees": [vec![1; 200], vec![0]]})));
        for (path, change) in refused {
            let mut spoiled = document();
            for (key, value) in change.as_object().unwrap() {
                spoiled[key] = value.clone();
            }
            assert_eq!(read(&spoiled).unwrap_err().path(), path, "{change}");
        }
        let mut lacking = document();
        lacking.as_object_mut().unwrap().remove("definitions");
        assert_eq!(read(&lacking).unwrap_err().path(), "$");
    }

    /// Every order in which the features can become known, one after the other.
    fn by_orders(values: [Option<f64>; 3]) -> [f64; 3] {
        let document = document();
        let trees = &Trees::read(&Node::root(&document).object(Trees::KEYS).unwrap(), 2).unwrap();
        let covers = trees.node_covers();
        let slots = [values[2].unwrap_or(f64::NAN), values[0].unwrap_or(f64::NAN)];
        fn mean(trees: &Trees, covers: &[f64], at: usize, slots: &[f64], known: [bool; 2]) -> f64 {
            match trees.at(at, slots) {
                At::Leaf(leaf) => trees.worth(leaf),
                At::Split { slot, taken, .. } if known[slot] => mean(trees, covers, taken, slots, known),
                At::Split { taken, other, .. } => {
                    [taken, other]
                        .map(|b| covers[b] * mean(trees, covers, b, slots, known))
                        .iter()
                        .sum::<f64>()
                        / covers[at]
                }
            }
        }
        let worth =
            |known| trees.roots().iter().map(|root| mean(trees, &covers, *root, &slots, known)).sum::<f64>();
        let (none, first, second, both) =
            (worth([false, false]), worth([true, false]), worth([false, true]), worth([true, true]));
        [none, ((first - none) + (both - second)) / 2.0, ((second - none) + (both - first)) / 2.0]
    }

    #[test]
    fn contributions_are_those_of_every_order_and_add_up_to_the_score() {
        let model = read(&document()).unwrap();
        for values in [
            [Some(0.0), None, Some(2.0)],
            [Some(2.0), None, Some(5.0)],
            [None, None, None],
            [Some(1.0), None, Some(4.0)],
        ] {
            let found = model.contributions(|feature| values[feature]).unwrap();
            let [none, visits, orders] = by_orders(values);
            assert!((found.base - (none - 1.5)).abs() < 1e-12);
            assert_eq!(found.parts.iter().map(|part| part.0).collect::<Vec<_>>(), [2, 0]);
            assert!(
                (found.parts[0].1 - visits).abs() < 1e-12 && (found.parts[1].1 - orders).abs() < 1e-12,
                "{found:?}"
            );
            let sum = found.base + found.parts.iter().map(|part| part.1).sum::<f64>();
            assert!((sum - score(&model, values[0], values[2])).abs() < 1e-12);
        }
        let mut blind = document();
        blind.as_object_mut().unwrap().remove("covers");
        assert_eq!(read(&blind).unwrap().contributions(|_| None), None);
    }
}
