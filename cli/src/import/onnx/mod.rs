//! ONNX: the graph of operators that scikit-learn (`skl2onnx`), LightGBM and XGBoost (`onnxmltools`), CatBoost,
//! PyTorch and Keras export. Trees, lines and small networks are taken, of two classes or of one number; docs/models.md lists the operators.
//!
//! The graph is followed from its inputs, and every name of it stands for what it is of the features. Inputs are rounded to 32
//! bits where runtimes round them; leaves and weights are added up in 64 bits, where runtimes add them up in 32.

mod column;
mod constant;
mod graph;
mod node;
mod proto;
#[cfg(test)]
mod tests;
mod trees;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use prost::Message as _;

use super::Imported;
use column::Column;
use graph::Names;
use proto::{Graph, Model, TensorType, ValueInfo};
use value::Value;

/// Whether a file is to be read as ONNX: it begins with the version, as they do, or is no text.
pub(super) fn is_onnx(bytes: &[u8]) -> bool {
    let text = bytes.starts_with(b"tree") || bytes.starts_with(b"{") || std::str::from_utf8(bytes).is_ok();
    bytes.first() == Some(&VERSION) || !text
}

/// The first byte of the first field.
const VERSION: u8 = 0x08;

/// Reads a model; `names` are those of its features, where it does not name them itself.
pub(super) fn parse(bytes: &[u8], names: &[String]) -> anyhow::Result<Imported> {
    let model = Model::decode(bytes).context("it is damaged, cut off, or no ONNX")?;
    let graph = model.graph.as_ref().context("it is ONNX without a graph, or cut off")?;
    let inputs = inputs(graph)?;
    let features = features(&model, &inputs, names)?;
    let mut values = BTreeMap::new();
    let mut from = 0;
    for input in &inputs {
        let count = input.columns.unwrap_or(features.len());
        let value = graph::given(input.element, from, count);
        values.insert(input.name.clone(), value.with_context(|| format!("the input {:?}", input.name))?);
        from += count;
    }
    let names = Names::follow(graph, values)?;
    let form = score(graph, &names)?.form(features.len())?;
    Ok(Imported { features, form })
}

/// An input of the graph that is no constant.
struct Input {
    name: String,
    element: i32,
    /// How many columns it has, where that is said.
    columns: Option<usize>,
}

fn inputs(graph: &Graph) -> anyhow::Result<Vec<Input>> {
    let constants: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs = graph.input.iter().filter(|input| !constants.contains(input.name.as_str()));
    let inputs: Vec<Input> = inputs
        .map(|input| read(input).with_context(|| format!("the input {:?}", input.name)))
        .collect::<anyhow::Result<_>>()?;
    ensure!(!inputs.is_empty(), "it has no inputs");
    Ok(inputs)
}

fn read(input: &ValueInfo) -> anyhow::Result<Input> {
    let of_type = input.of_type.as_ref().and_then(|of_type| of_type.tensor.as_ref());
    let TensorType { element, shape } = of_type.context("is no tensor; rows of numbers are taken")?;
    let columns = match shape {
        None => None,
        Some(shape) => {
            ensure!(
                shape.dim.len() == 2,
                "has {} sides; it has to be rows by features, [None, features]",
                shape.dim.len()
            );
            // Exporters write -1 and 0 for what is open, too.
            shape.dim[1].value.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0)
        }
    };
    Ok(Input { name: input.name.clone(), element: *element, columns })
}

/// The names of the features: those of several inputs of one column, those under `features` in the file, or those given.
fn features(model: &Model, inputs: &[Input], given: &[String]) -> anyhow::Result<Vec<String>> {
    let metadata = model.metadata_props.iter().find(|entry| entry.key == "features");
    let single = inputs.iter().all(|input| input.columns == Some(1));
    let named = if single && inputs.len() > 1 {
        Some(inputs.iter().map(|input| input.name.clone()).collect())
    } else {
        metadata.map(|entry| listed(&entry.value)).transpose()?
    };
    let columns = inputs
        .iter()
        .map(|input| input.columns)
        .try_fold(0_usize, |sum, count| count.and_then(|count| sum.checked_add(count)));
    ensure!(
        columns.is_some() || inputs.len() == 1,
        "it has several inputs, and of one it is not said how many columns it has"
    );
    let features = match named {
        Some(named) => {
            ensure!(
                given.is_empty(),
                "it names its features itself ({}): leave --features out",
                named.join(", ")
            );
            named
        }
        None if !given.is_empty() => given.to_vec(),
        None if single => vec![inputs[0].name.clone()],
        None => bail!(
            "it does not name its {} features: give their names in order, --features recency,frequency,..., or write them \
             into the file before it is saved: onnx.helper.set_model_props(model, {{\"features\": \"recency,frequency,...\"}})",
            columns.map_or("own".to_owned(), |count| count.to_string())
        ),
    };
    ensure!(
        columns.is_none_or(|count| count == features.len()),
        "it has {} features, and {} names are given: {}",
        columns.unwrap_or(0),
        features.len(),
        features.join(", ")
    );
    ensure!(features.iter().all(|name| !name.is_empty()), "a feature has an empty name");
    let mut seen = BTreeSet::new();
    let twice = features.iter().find(|name| !seen.insert(name.as_str()));
    ensure!(twice.is_none(), "two features are named {:?}", twice.map_or("", String::as_str));
    Ok(features)
}

/// Names in a list of JSON, or with commas between them.
fn listed(text: &str) -> anyhow::Result<Vec<String>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).context("what it keeps under \"features\" is no list of names");
    }
    Ok(text.split(',').map(|name| name.trim().to_owned()).collect())
}

/// The score: of the outputs the one that is neither a label nor said of the first class.
fn score(graph: &Graph, names: &Names) -> anyhow::Result<Column> {
    let mut found: Option<(&str, Column)> = None;
    for output in &graph.output {
        let Value::Numbers(numbers) = names.at(&output.name)? else { continue };
        let score = numbers.score().with_context(|| format!("the output {:?}", output.name))?;
        match &found {
            Some((name, other)) => {
                ensure!(other == score, "it gives two scores, {name:?} and {:?}; one is taken", output.name);
            }
            None => found = Some((&output.name, score.clone())),
        }
    }
    let (_, score) = found.context(
        "it gives labels and no score: export it with its probabilities (skl2onnx does, PyTorch and Keras need a Sigmoid or a \
         Softmax at the end)",
    )?;
    Ok(score)
}
