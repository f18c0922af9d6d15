//! LightGBM's `model.txt`: `key=value` lines, a block a tree. Children below 0 are leaves, counted from -1 down.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};

use super::{Form, Imported, Nodes, Split, at_most, check_columns};
use crate::learn::tree::{Ensemble, Node};

/// Of a decision: it asks for a category; the absent goes left; and two bits of what counts as absent.
const CATEGORY: u32 = 1;
const ABSENT_LEFT: u32 = 2;

pub(super) fn parse(text: &str) -> anyhow::Result<Imported> {
    let text = text.replace('\r', "");
    let mut blocks = text.split("\n\n").map(fields);
    let head = blocks.next().context("it is empty")?;
    let one = |key: &str| head.get(key).copied().unwrap_or("1");
    ensure!(
        one("num_class") == "1" && one("num_tree_per_iteration") == "1",
        "it tells several classes apart; a score is one number"
    );
    let objective = head.get("objective").copied().unwrap_or_default();
    ensure!(
        ["binary", "cross_entropy", "regression"].iter().any(|known| objective.starts_with(known)),
        "its objective is {objective:?}; binary, cross_entropy and regression are taken"
    );
    ensure!(!objective.contains("sqrt"), "its scores are squared");
    let features: Vec<String> =
        head.get("feature_names").context("it has no feature_names")?.split(' ').map(str::to_owned).collect();
    let mut ensemble = Ensemble::default();
    for block in blocks.filter(|block| block.contains_key("num_leaves")) {
        ensemble.trees.push(tree(&block)?);
    }
    ensure!(!ensemble.trees.is_empty(), "it has no trees");
    if head.contains_key("average_output") {
        #[expect(clippy::cast_precision_loss, reason = "a number of trees")]
        let share = 1.0 / ensemble.trees.len() as f64;
        ensemble.stretch(share, 0.0);
    }
    check_columns(&ensemble, features.len())?;
    Ok(Imported { features, form: Form::Trees(ensemble) })
}

fn fields(block: &str) -> BTreeMap<&str, &str> {
    block.lines().map(|line| line.split_once('=').unwrap_or((line, ""))).collect()
}

fn tree(block: &BTreeMap<&str, &str>) -> anyhow::Result<Vec<Node>> {
    ensure!(
        block.get("num_cat").is_none_or(|count| *count == "0"),
        "it asks for categories by number; make a column of each"
    );
    ensure!(block.get("is_linear").is_none_or(|is| *is == "0"), "its leaves are linear models");
    let values = list::<f64>(block, "leaf_value")?;
    let counts = list::<f64>(block, "leaf_count").unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
    let cover = |leaf: usize| counts.get(leaf).map_or(0, |count| *count as u32);
    if values.len() == 1 {
        return Ok(vec![Node::Leaf { value: values[0], cover: cover(0).max(1) }]);
    }
    let columns = list::<usize>(block, "split_feature")?;
    let cuts = list::<f64>(block, "threshold")?;
    let decisions = list::<u32>(block, "decision_type")?;
    let (lefts, rights) = (list::<i64>(block, "left_child")?, list::<i64>(block, "right_child")?);
    let splits = columns.len();
    ensure!(
        [cuts.len(), decisions.len(), lefts.len(), rights.len()] == [splits; 4] && values.len() == splits + 1,
        "a tree's lists differ in length"
    );
    // Leaves are numbered behind the splits.
    let place = |child: i64| {
        let place = if child < 0 {
            usize::try_from(-1 - child).map(|leaf| splits + leaf)
        } else {
            usize::try_from(child)
        };
        place.unwrap_or(usize::MAX)
    };
    for child in lefts.iter().chain(&rights) {
        ensure!(place(*child) < 2 * splits + 1, "a branch leads nowhere");
    }
    for decision in &decisions {
        ensure!(decision & CATEGORY == 0, "it asks for categories by number; make a column of each");
        if decision >> 2 & 3 == 1 {
            bail!("it takes zeros for absent values");
        }
    }
    let split = |at: usize| {
        // Where nothing is absent, LightGBM reads an absent value as 0.
        let absent_left =
            if decisions.get(at)? >> 2 & 3 == 2 { decisions[at] & ABSENT_LEFT != 0 } else { 0.0 <= cuts[at] };
        Some(Split {
            column: columns[at],
            cut: at_most(cuts[at]),
            absent_left,
            left: place(lefts[at]),
            right: place(rights[at]),
        })
    };
    Nodes { split: &split, value: &|at| values[at - splits], cover: &|at| cover(at - splits) }.tree(0)
}

fn list<T: std::str::FromStr>(block: &BTreeMap<&str, &str>, key: &str) -> anyhow::Result<Vec<T>> {
    let text = block.get(key).with_context(|| format!("a tree has no {key}"))?;
    text.split_whitespace()
        .map(|item| item.parse().ok().with_context(|| format!("{key} holds {item:?}")))
        .collect()
}
