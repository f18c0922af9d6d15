//! Trees as learners grow them and as a model holds them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Matrix;

/// A node of a tree; a tree is a list of them, each before its left and then its right branch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    /// `value < cut` goes to the next node, else to the one at `right`.
    Split {
        /// The column.
        column: usize,
        /// The cut.
        cut: f64,
        /// Whether what is absent goes left.
        absent_left: bool,
        /// The place of the right branch.
        right: usize,
    },
    /// An end.
    Leaf {
        /// What it adds to the score.
        value: f64,
        /// How many of those learned from came to it.
        cover: u32,
    },
}

/// Trees whose leaves add up to a score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ensemble {
    /// The score before any tree.
    pub base: f64,
    /// The trees.
    pub trees: Vec<Vec<Node>>,
}

/// Adds what a tree says of every row to `scores`.
pub fn add(tree: &[Node], matrix: &Matrix, scores: &mut [f64]) {
    for (row, score) in scores.iter_mut().enumerate() {
        *score += leaf(tree, |column| matrix.columns[column][row]);
    }
}

fn leaf(tree: &[Node], value: impl Fn(usize) -> f64) -> f64 {
    let mut at = 0;
    loop {
        match tree[at] {
            Node::Leaf { value, .. } => return value,
            Node::Split { column, cut, absent_left, right } => {
                let value = value(column);
                at = if value < cut || (value.is_nan() && absent_left) { at + 1 } else { right };
            }
        }
    }
}

impl Ensemble {
    /// Scores every row.
    #[must_use]
    pub fn scores(&self, matrix: &Matrix) -> Vec<f64> {
        let mut scores = vec![self.base; matrix.rows];
        self.trees.iter().for_each(|tree| add(tree, matrix, &mut scores));
        scores
    }

    /// Multiplies every score and adds to it.
    pub fn stretch(&mut self, factor: f64, shift: f64) {
        self.base = self.base * factor + shift;
        for node in self.trees.iter_mut().flatten() {
            if let Node::Leaf { value, .. } = node {
                *value *= factor;
            }
        }
    }

    /// The columns it asks of, in rising order.
    #[must_use]
    pub fn columns(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self
            .trees
            .iter()
            .flatten()
            .filter_map(|node| if let Node::Split { column, .. } = node { Some(*column) } else { None })
            .collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Writes the trees as a pack holds them, with leaves of so many bits and their sign; `names` are those of the columns.
    /// Of how many rows came to a leaf two digits are kept where they may be rounded.
    #[must_use]
    pub fn member(
        &self,
        title: &str,
        names: &[String],
        definitions: &dyn Fn(&[&str]) -> String,
        bits: i32,
        rough: bool,
    ) -> Value {
        let columns = self.columns();
        let slots: BTreeMap<usize, usize> =
            columns.iter().enumerate().map(|(slot, column)| (*column, slot)).collect();
        let features: Vec<&str> = columns.iter().map(|column| names[*column].as_str()).collect();
        let scale = self.scale(bits);
        let mut questions: BTreeMap<(usize, u64, bool), usize> = BTreeMap::new();
        for node in self.trees.iter().flatten() {
            if let Node::Split { column, cut, absent_left, .. } = node {
                questions.insert((slots[column], ordered(*cut), *absent_left), 0);
            }
        }
        questions.values_mut().enumerate().for_each(|(number, place)| *place = number + 1);
        let asked: Vec<Value> = questions
            .keys()
            .map(|(slot, cut, left)| json!([slot, whole_or_not(unordered(*cut)), u8::from(*left)]))
            .collect();
        let (mut trees, mut leaves, mut covers) = (Vec::new(), Vec::new(), Vec::new());
        for tree in &self.trees {
            let (mut splits, mut ends, mut came) = (Vec::new(), Vec::new(), Vec::new());
            for node in tree {
                match node {
                    Node::Split { column, cut, absent_left, .. } => {
                        splits.push(questions[&(slots[column], ordered(*cut), *absent_left)]);
                    }
                    Node::Leaf { value, cover } => {
                        splits.push(0);
                        #[expect(clippy::cast_possible_truncation, reason = "at most 2^bits")]
                        ends.push((value / scale).round() as i64);
                        came.push(if rough { rounded(*cover) } else { *cover });
                    }
                }
            }
            trees.push(splits);
            leaves.push(ends);
            covers.push(came);
        }
        let mut member = json!({
            "kind": "trees", "format": 1, "title": title, "intercept": self.base, "features": features,
            "definitions": definitions(&features), "scale": scale, "questions": asked, "trees": trees, "leaves": leaves,
        });
        if covers.iter().flatten().all(|cover| *cover > 0) {
            member["covers"] = json!(covers);
        }
        member
    }

    /// A power of 2 that gives the largest leaf about so many bits.
    fn scale(&self, bits: i32) -> f64 {
        let leaves = self
            .trees
            .iter()
            .flatten()
            .map(|node| if let Node::Leaf { value, .. } = node { value.abs() } else { 0.0 });
        let largest = leaves.fold(f64::MIN_POSITIVE, f64::max);
        let mut scale = 1.0_f64;
        let most = 2_f64.powi(bits);
        while largest / scale > most {
            scale *= 2.0;
        }
        while largest / (scale / 2.0) <= most && scale > 1e-300 {
            scale /= 2.0;
        }
        scale
    }
}

/// Two digits of how many came to a leaf: shares of an explanation, and a quarter of the artifact otherwise.
fn rounded(cover: u32) -> u32 {
    let mut unit = 1;
    while cover / unit >= 100 {
        unit *= 10;
    }
    (cover + unit / 2) / unit * unit
}

/// The bits of a float in an order that is that of the floats.
pub(crate) fn ordered(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The float of such bits.
pub(crate) fn unordered(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// A cut as short as JSON writes it.
fn whole_or_not(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be a small whole number")]
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}
