//! XGBoost's JSON (`save_model("model.json")`). It keeps cuts, leaves and sums in 32 bits; the sum here is exact, so its own
//! printed margins agree to 32 bits and the sum of its leaves to 1e-9.

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::{Form, Imported, Nodes, Split, below_in_f32, check_columns};
use crate::learn::tree::{Ensemble, Node};

pub(super) fn parse(document: &Value) -> anyhow::Result<Imported> {
    let learner = &document["learner"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parameters = &learner["learner_model_param"];
    ensure!(
        ["0", "1", ""].contains(&text(&parameters["num_class"]).as_str()),
        "it tells several classes apart; a score is one number"
    );
    let objective = text(&learner["objective"]["name"]);
    let base: f64 =
        text(&parameters["base_score"]).trim_matches(['[', ']']).parse().context("it has no base_score")?;
    let base = match objective.as_str() {
        "binary:logistic" | "reg:logistic" => (base / (1.0 - base)).ln(),
        "binary:logitraw" | "reg:squarederror" => base,
        other => bail!(
            "its objective is {other:?}; binary:logistic, binary:logitraw and reg:squarederror are taken"
        ),
    };
    let booster = &learner["gradient_booster"];
    ensure!(booster["name"] == "gbtree", "its booster is {}; gbtree is taken", booster["name"]);
    let trees = booster["model"]["trees"].as_array().context("it has no trees")?;
    let ensemble = Ensemble { base, trees: trees.iter().map(tree).collect::<anyhow::Result<_>>()? };
    let named: Vec<String> = learner["feature_names"].as_array().into_iter().flatten().map(text).collect();
    let features = if named.is_empty() {
        let count: usize = text(&parameters["num_feature"]).parse().context("it has no num_feature")?;
        (0..count).map(|number| format!("f{number}")).collect()
    } else {
        named
    };
    check_columns(&ensemble, features.len())?;
    Ok(Imported { features, form: Form::Trees(ensemble) })
}

fn tree(tree: &Value) -> anyhow::Result<Vec<Node>> {
    let list = |key: &str| -> anyhow::Result<Vec<f64>> {
        let list = tree[key].as_array().with_context(|| format!("a tree has no {key}"))?;
        let number = |value: &Value| value.as_f64().or(value.as_bool().map(|flag| f64::from(u8::from(flag))));
        list.iter()
            .map(|value| number(value).with_context(|| format!("{key} holds what is no number")))
            .collect()
    };
    ensure!(
        list("categories").is_ok_and(|list| list.is_empty()) || tree.get("categories").is_none(),
        "it asks for categories by number; make a column of each"
    );
    let (lefts, rights) = (list("left_children")?, list("right_children")?);
    let (columns, conditions) = (list("split_indices")?, list("split_conditions")?);
    let (absent, hessians) = (list("default_left")?, list("sum_hessian")?);
    let count = lefts.len();
    ensure!(
        count > 0
            && [rights.len(), columns.len(), conditions.len(), absent.len(), hessians.len()] == [count; 5],
        "a tree's lists differ in length"
    );
    // Sums of curvatures are no whole numbers: as many bits of them as a cover holds.
    let largest = hessians.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let unit = 2_f64.powi(30) / largest;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places and bounded numbers")]
    let (place, cover) =
        (|number: f64| number as usize, |at: usize| (hessians[at] * unit).round().max(1.0) as u32);
    let split = |at: usize| {
        let left = *lefts.get(at).filter(|left| **left >= 0.0)?;
        #[expect(clippy::cast_possible_truncation, reason = "it was a float of 32 bits")]
        let cut = below_in_f32(conditions[at] as f32);
        Some(Split {
            column: place(columns[at]),
            cut,
            absent_left: absent[at] != 0.0,
            left: place(left),
            right: place(rights[at]),
        })
    };
    #[expect(clippy::cast_possible_truncation, reason = "it was a float of 32 bits")]
    let value = |at: usize| conditions.get(at).map_or(f64::NAN, |value| f64::from(*value as f32));
    let cover = |at: usize| if at < count { cover(at) } else { 1 };
    Nodes { split: &split, value: &value, cover: &cover }.tree(0)
}
