//! What `tests/models/sklearn_json.py` writes of scikit-learn: logistic regressions, gradient boosting (both kinds), random
//! forests, extra trees and small networks. A forest's score is its mean probability, every other's are the log-odds.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::{Form, Imported, Network, Nodes, Split, at_most, at_most_in_f32, check_columns};
use crate::learn::elastic::Line;
use crate::learn::tree::{Ensemble, Node};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[expect(dead_code, reason = "says which version wrote it")]
    sklearn: String,
    #[expect(dead_code, reason = "says what it was")]
    kind: String,
    features: Vec<String>,
    base: f64,
    weights: Option<Vec<f64>>,
    network: Option<Network>,
    /// Whether values are rounded to 32 bits before they are compared.
    #[serde(default)]
    single: bool,
    #[serde(default)]
    trees: Vec<Tree>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tree {
    left: Vec<i64>,
    right: Vec<i64>,
    feature: Vec<i64>,
    threshold: Vec<f64>,
    absent_left: Vec<u8>,
    value: Vec<f64>,
    cover: Vec<f64>,
}

pub(super) fn parse(document: &Value) -> anyhow::Result<Imported> {
    let Document { features, base, weights, network, single, trees, .. } =
        Document::deserialize(document).context("it is not what sklearn_json.py writes")?;
    if let Some(weights) = weights {
        ensure!(
            weights.len() == features.len(),
            "there are {} weights for {} features",
            weights.len(),
            features.len()
        );
        let means = vec![0.0; weights.len()];
        return Ok(Imported { features, form: Form::Line(Line { intercept: base, weights, means }) });
    }
    if let Some(network) = network {
        return Ok(Imported { features, form: Form::Network(network) });
    }
    ensure!(!trees.is_empty(), "it has neither weights, nor layers, nor trees");
    let ensemble =
        Ensemble { base, trees: trees.iter().map(|tree| tree.read(single)).collect::<anyhow::Result<_>>()? };
    check_columns(&ensemble, features.len())?;
    Ok(Imported { features, form: Form::Trees(ensemble) })
}

impl Tree {
    fn read(&self, single: bool) -> anyhow::Result<Vec<Node>> {
        let Self { left, right, feature, threshold, absent_left, value, cover } = self;
        let count = left.len();
        let lengths =
            [right.len(), feature.len(), threshold.len(), absent_left.len(), value.len(), cover.len()];
        ensure!(count > 0 && lengths == [count; 6], "a tree's lists differ in length");
        let place = |number: i64| usize::try_from(number).ok().filter(|place| *place < count);
        let split = |at: usize| {
            let left = place(left[at])?;
            let cut = if single { at_most_in_f32(threshold[at]) } else { at_most(threshold[at]) };
            let column = usize::try_from(feature[at]).unwrap_or(usize::MAX);
            Some(Split {
                column,
                cut,
                absent_left: absent_left[at] != 0,
                left,
                right: place(right[at]).unwrap_or(0),
            })
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
        let cover = |at: usize| cover[at].round().max(1.0) as u32;
        Nodes { split: &split, value: &|at| value[at], cover: &cover }.tree(0)
    }
}
