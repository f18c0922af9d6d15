//! The operators of trees: `TreeEnsembleClassifier`, `TreeEnsembleRegressor`, and the `TreeEnsemble` that follows both.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};

use super::super::{Nodes, Split};
use super::column::{Column, Comparison, Question};
use super::node::After;
use super::proto::Node;
use crate::learn::tree::{Ensemble, Node as Written};

/// Trees as lists of what is at each place.
struct Forest {
    places: Vec<Place>,
    roots: Vec<usize>,
}

enum Place {
    Leaf(f64),
    Split { column: usize, asked: Comparison, threshold: f64, yes: usize, no: usize, absent_true: bool },
}

/// What trees add up to, and what is then done to it.
pub(super) struct Said {
    pub(super) column: Column,
    pub(super) after: After,
}

/// Reads a classifier. Where all weights are of one class, they are of the second one, whatever its number: so runtimes have it.
pub(super) fn classifier(node: &Node, columns: &[Column]) -> anyhow::Result<Said> {
    node.two_classes(["classlabels_int64s", "classlabels_strings"])?;
    let ids = node.ints("class_ids");
    ensure!(ids.iter().all(|id| [0, 1].contains(id)), "it weighs classes beyond two");
    let after = node.after()?;
    let base = node.floats("base_values")?;
    let first = ids.contains(&0);
    let both = first && ids.contains(&1);
    let of_class = |id: i64, weight: f64| match (both, id) {
        (true, 0) if after == After::Softmax => -weight,
        (true, 0) => 0.0,
        _ => weight,
    };
    ensure!(
        base.is_empty() || (base.len() == 1 && first && !both),
        "it has {} base values; one is taken, where the weights are of the first class",
        base.len()
    );
    ensure!(both || after != After::Softmax, "it makes a softmax of one score");
    let mut leaves = Leaves::read(node, "class", &of_class)?;
    if both && after == After::Logistic {
        let sums = Leaves::read(node, "class", &|_, weight| weight)?;
        ensure!(
            sums.0.values().all(|sum| *sum == 0.0),
            "its two scores are not each other's contrary, so their logistic functions are no two probabilities"
        );
    }
    let forest = Forest::of_nodes(node, &mut leaves)?;
    Ok(Said { column: forest.column(columns, base.first().copied().unwrap_or(0.0), 1.0)?, after })
}

/// Reads a regressor.
pub(super) fn regressor(node: &Node, columns: &[Column]) -> anyhow::Result<Said> {
    one_target(node)?;
    let after = node.after()?;
    ensure!(after != After::Softmax, "it makes a softmax of one score");
    let average = match node.text("aggregate_function", "SUM").as_str() {
        "SUM" => false,
        "AVERAGE" => true,
        other => bail!("its aggregate_function is {other}; SUM and AVERAGE are taken"),
    };
    let base = node.floats("base_values")?;
    ensure!(base.len() <= 1, "it has {} base values for one target", base.len());
    let mut leaves = Leaves::read(node, "target", &|_, weight| weight)?;
    let forest = Forest::of_nodes(node, &mut leaves)?;
    let share = forest.share(average);
    Ok(Said { column: forest.column(columns, base.first().copied().unwrap_or(0.0), share)?, after })
}

/// Reads the operator of `ai.onnx.ml` 5, which lists splits and leaves apart.
pub(super) fn ensemble(node: &Node, columns: &[Column]) -> anyhow::Result<Said> {
    one_target(node)?;
    let after = match node.int("post_transform", 0) {
        0 => After::Nothing,
        2 => After::Logistic,
        other => bail!("its post_transform is {other}; 0 (none) and 2 (logistic) are taken"),
    };
    let average = match node.int("aggregate_function", 1) {
        0 => true,
        1 => false,
        other => bail!("its aggregate_function is {other}; 0 (average) and 1 (sum) are taken"),
    };
    let forest = Forest::of_splits(node)?;
    let share = forest.share(average);
    Ok(Said { column: forest.column(columns, 0.0, share)?, after })
}

fn one_target(node: &Node) -> anyhow::Result<()> {
    let targets = node.int("n_targets", 1);
    ensure!(targets == 1, "it has {targets} targets; a score is one number");
    Ok(())
}

/// What leaves are worth, by tree and node.
struct Leaves(BTreeMap<(i64, i64), f64>);

impl Leaves {
    fn read(node: &Node, of: &str, worth: &dyn Fn(i64, f64) -> f64) -> anyhow::Result<Self> {
        let list = |name: &str| node.ints(&format!("{of}_{name}"));
        let (trees, nodes, ids) = (list("treeids"), list("nodeids"), list("ids"));
        let weights = node.floats(&format!("{of}_weights"))?;
        ensure!(
            [nodes.len(), ids.len(), weights.len()] == [trees.len(); 3],
            "its lists of leaves differ in length"
        );
        let mut leaves = BTreeMap::new();
        for (((tree, node), id), weight) in trees.iter().zip(nodes).zip(ids).zip(weights) {
            *leaves.entry((*tree, *node)).or_insert(0.0) += worth(*id, weight);
        }
        Ok(Self(leaves))
    }
}

impl Forest {
    /// Of a classifier or a regressor, whose nodes are named by tree and number.
    fn of_nodes(node: &Node, leaves: &mut Leaves) -> anyhow::Result<Self> {
        let (trees, numbers) = (node.ints("nodes_treeids"), node.ints("nodes_nodeids"));
        let (features, modes) = (node.ints("nodes_featureids"), node.texts("nodes_modes"));
        let (yes, no) = (node.ints("nodes_truenodeids"), node.ints("nodes_falsenodeids"));
        let thresholds = node.floats("nodes_values")?;
        let absent = node.ints("nodes_missing_value_tracks_true");
        let count = trees.len();
        ensure!(
            [numbers.len(), features.len(), modes.len(), yes.len(), no.len(), thresholds.len()] == [count; 6]
                && [0, count].contains(&absent.len()),
            "its lists of nodes differ in length"
        );
        let mut known = BTreeMap::new();
        for (place, name) in trees.iter().copied().zip(numbers.iter().copied()).enumerate() {
            ensure!(known.insert(name, place).is_none(), "tree {} has two nodes {}", name.0, name.1);
        }
        let mut places = Vec::with_capacity(count);
        for at in 0..count {
            let to = |number: i64| {
                known.get(&(trees[at], number)).copied().with_context(|| {
                    format!("tree {}: node {} leads to {number}, which is not there", trees[at], numbers[at])
                })
            };
            places.push(if modes[at] == "LEAF" {
                Place::Leaf(leaves.0.remove(&(trees[at], numbers[at])).unwrap_or(0.0))
            } else {
                Place::Split {
                    column: usize::try_from(features[at]).unwrap_or(usize::MAX),
                    asked: comparison(&modes[at])?,
                    threshold: thresholds[at],
                    yes: to(yes[at])?,
                    no: to(no[at])?,
                    absent_true: absent.get(at).is_some_and(|flag| *flag != 0),
                }
            });
        }
        if let Some(((tree, number), _)) = leaves.0.first_key_value() {
            bail!("tree {tree}: node {number} has a weight and is no leaf");
        }
        let mut forest = Self { places, roots: Vec::new() };
        forest.roots = forest.unled()?;
        let mut rooted: Vec<i64> = forest.roots.iter().map(|root| trees[*root]).collect();
        rooted.sort_unstable();
        let named: Vec<i64> = trees.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        ensure!(rooted == named, "a tree has no root or several");
        Ok(forest)
    }

    /// Of the newer operator: the leaves come behind the splits.
    fn of_splits(node: &Node) -> anyhow::Result<Self> {
        let (yes, no) = (node.ints("nodes_truenodeids"), node.ints("nodes_falsenodeids"));
        let (yes_ends, no_ends) = (node.ints("nodes_trueleafs"), node.ints("nodes_falseleafs"));
        let (features, absent) =
            (node.ints("nodes_featureids"), node.ints("nodes_missing_value_tracks_true"));
        let (modes, thresholds) = (node.tensor("nodes_modes")?, node.tensor("nodes_splits")?);
        let (weights, targets) = (node.tensor("leaf_weights")?, node.ints("leaf_targetids"));
        let count = yes.len();
        ensure!(
            [no.len(), yes_ends.len(), no_ends.len(), features.len(), modes.len(), thresholds.len()]
                == [count; 6]
                && [0, count].contains(&absent.len())
                && targets.len() == weights.len(),
            "its lists of nodes differ in length"
        );
        ensure!(targets.iter().all(|target| *target == 0), "a leaf is of another target than the first");
        let to = |number: i64, is_leaf: i64| {
            let (offset, most) = if is_leaf == 0 { (0, count) } else { (count, weights.len()) };
            let place = usize::try_from(number).ok().filter(|place| *place < most);
            place
                .map(|place| offset + place)
                .with_context(|| format!("a branch leads to {number}, which is not there"))
        };
        let mut places = Vec::with_capacity(count + weights.len());
        for at in 0..count {
            let (yes, no) = (to(yes[at], yes_ends[at])?, to(no[at], no_ends[at])?);
            places.push(if yes == no && yes >= count {
                // A tree that is a leaf alone.
                Place::Leaf(weights[yes - count])
            } else {
                Place::Split {
                    column: usize::try_from(features[at]).unwrap_or(usize::MAX),
                    asked: numbered(modes[at])?,
                    threshold: thresholds[at],
                    yes,
                    no,
                    absent_true: absent.get(at).is_some_and(|flag| *flag != 0),
                }
            });
        }
        places.extend(weights.iter().map(|weight| Place::Leaf(*weight)));
        let root = |root: &i64| {
            let place = usize::try_from(*root).ok().filter(|place| *place < count);
            place.with_context(|| format!("it has no node {root} for a root"))
        };
        let roots: Vec<usize> = node.ints("tree_roots").iter().map(root).collect::<anyhow::Result<_>>()?;
        let forest = Self { places, roots };
        let unled = forest.unled()?;
        let once = forest.roots.iter().collect::<BTreeSet<_>>().len() == forest.roots.len();
        ensure!(once && forest.roots.iter().all(|root| unled.contains(root)), "a tree is in another one");
        Ok(forest)
    }

    /// The places that no other leads to. From each of these every place is reached once at most, for two lead to none.
    fn unled(&self) -> anyhow::Result<Vec<usize>> {
        let mut led = vec![false; self.places.len()];
        for place in &self.places {
            if let Place::Split { yes, no, .. } = place {
                for to in [*yes, *no] {
                    ensure!(!std::mem::replace(&mut led[to], true), "two branches lead to one node");
                }
            }
        }
        Ok((0..led.len()).filter(|place| !led[*place]).collect())
    }

    /// What every tree counts for.
    #[expect(clippy::cast_precision_loss, reason = "a number of trees")]
    fn share(&self, average: bool) -> f64 {
        if average { 1.0 / self.roots.len().max(1) as f64 } else { 1.0 }
    }

    fn column(&self, columns: &[Column], base: f64, share: f64) -> anyhow::Result<Column> {
        ensure!(!self.roots.is_empty(), "it has no trees");
        let questions: Vec<Option<(usize, Question)>> =
            self.places.iter().map(|place| place.question(columns)).collect::<anyhow::Result<_>>()?;
        let split = |at: usize| {
            let Place::Split { yes, no, .. } = &self.places[at] else { return None };
            let (column, Question { cut, true_left, absent_left }) = questions[at]?;
            let (left, right) = if true_left { (*yes, *no) } else { (*no, *yes) };
            Some(Split { column, cut, absent_left, left, right })
        };
        let value = |at: usize| match &self.places[at] {
            Place::Leaf(value) => *value,
            Place::Split { .. } => f64::NAN,
        };
        // Hit rates are 1 everywhere in what is written, so it is not known whom trees learned from.
        let nodes = Nodes { split: &split, value: &value, cover: &|_| 0 };
        let trees: Vec<Vec<Written>> =
            self.roots.iter().map(|root| nodes.tree(*root)).collect::<anyhow::Result<_>>()?;
        let reached = trees.iter().flatten().filter(|node| matches!(node, Written::Split { .. })).count();
        ensure!(reached == questions.iter().flatten().count(), "a node is below itself, or in no tree");
        let mut ensemble = Ensemble { base: 0.0, trees };
        ensemble.stretch(share, base);
        ensure!(ensemble.base.is_finite(), "its base value is no number");
        Ok(Column::Trees(Rc::new(ensemble)))
    }
}

impl Place {
    fn question(&self, columns: &[Column]) -> anyhow::Result<Option<(usize, Question)>> {
        let Self::Split { column, asked, threshold, absent_true, .. } = self else { return Ok(None) };
        let read = columns
            .get(*column)
            .with_context(|| format!("a node asks of column {column} of {}", columns.len()))?;
        let question = read.question(*asked, *threshold, *absent_true)?;
        let Column::Feature { at, .. } = read else { bail!("it reads a sum of features") };
        Ok(Some((*at, question)))
    }
}

fn comparison(mode: &str) -> anyhow::Result<Comparison> {
    Ok(match mode {
        "BRANCH_LEQ" => Comparison::AtMost,
        "BRANCH_LT" => Comparison::Below,
        "BRANCH_GTE" => Comparison::AtLeast,
        "BRANCH_GT" => Comparison::Above,
        other => bail!(
            "a node asks {other}; BRANCH_LEQ, BRANCH_LT, BRANCH_GTE and BRANCH_GT are taken: make a column of each value"
        ),
    })
}

fn numbered(mode: f64) -> anyhow::Result<Comparison> {
    let names =
        ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER"];
    let place = (0_u8..).zip(names).find(|(number, _)| f64::from(*number) == mode);
    comparison(place.map_or("an unknown mode", |(_, name)| name))
}
