//! Follows a graph from its inputs to its outputs, node by node, and keeps what every name is of the features.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};

use super::super::Activation;
use super::column::{Column, Step};
use super::constant::Constant;
use super::node::After;
use super::proto::{Graph, Node, element};
use super::trees::{self, Said};
use super::value::{Kind, Numbers, Value, Width};

/// More nodes has no model of trees or of a line.
const MOST_NODES: usize = 1000;

/// What stands at the names of a graph.
pub(super) struct Names(BTreeMap<String, Value>);

impl Names {
    /// Follows the graph from its inputs.
    pub(super) fn follow(graph: &Graph, inputs: BTreeMap<String, Value>) -> anyhow::Result<Self> {
        ensure!(
            graph.node.len() <= MOST_NODES,
            "it has {} nodes; {MOST_NODES} are the most",
            graph.node.len()
        );
        let mut names = Self(inputs);
        for tensor in &graph.initializer {
            let constant =
                Constant::read(tensor).with_context(|| format!("the initializer {:?}", tensor.name))?;
            names.0.insert(tensor.name.clone(), Value::Constant(Rc::new(constant)));
        }
        for node in &graph.node {
            let values = names.of(node).with_context(|| node.place())?;
            for (name, value) in node.output.iter().zip(values) {
                names.0.insert(name.clone(), value);
            }
        }
        Ok(names)
    }

    /// What stands at a name.
    pub(super) fn at(&self, name: &str) -> anyhow::Result<&Value> {
        self.0.get(name).with_context(|| format!("there is no {name:?} before it is read"))
    }

    /// What a node makes of its inputs.
    fn of(&self, node: &Node) -> anyhow::Result<Vec<Value>> {
        let inputs: Vec<&Value> = node
            .input
            .iter()
            .filter(|name| !name.is_empty())
            .map(|name| self.at(name))
            .collect::<anyhow::Result<_>>()?;
        let mut computed = inputs.iter().filter(|value| !matches!(value, Value::Constant(_))).peekable();
        if computed.peek().is_some() && computed.all(|value| matches!(value, Value::Aside)) {
            return Ok(vec![Value::Aside; node.output.len()]);
        }
        let values = match node.domain.as_str() {
            "" | "ai.onnx" => standard(node, &inputs)?,
            "ai.onnx.ml" => learned(node, &inputs)?,
            _ => return Err(refused(node)),
        };
        Ok(values)
    }
}

/// The operators of `ai.onnx.ml`.
fn learned(node: &Node, inputs: &[&Value]) -> anyhow::Result<Vec<Value>> {
    let numbers = || input(inputs, 0)?.numbers();
    let judged = |said: Said| vec![Value::Aside, Value::Numbers(Numbers::judged(said.column, said.after))];
    let told = |said: Said| vec![Value::Numbers(Numbers::told(said.column, said.after))];
    // Trees compare whole numbers as numbers of 32 bits.
    let asked = || -> anyhow::Result<Numbers> {
        let numbers = numbers()?.clone();
        Ok(if numbers.width == Width::Whole { numbers.single() } else { numbers })
    };
    Ok(match node.op_type.as_str() {
        "TreeEnsembleClassifier" => judged(trees::classifier(node, asked()?.raw()?)?),
        "TreeEnsembleRegressor" => told(trees::regressor(node, asked()?.raw()?)?),
        "TreeEnsemble" => told(trees::ensemble(node, asked()?.raw()?)?),
        "LinearClassifier" => judged(line_of_classes(node, numbers()?.raw()?)?),
        "LinearRegressor" => told(line(node, numbers()?.raw()?)?),
        "Scaler" => vec![Value::Numbers(scaled(node, numbers()?)?)],
        "Imputer" => vec![Value::Numbers(filled(node, numbers()?)?)],
        "FeatureVectorizer" => vec![Value::Numbers(beside(inputs)?.single())],
        "ArrayFeatureExtractor" => vec![numbers()?.select(&input(inputs, 1)?.constant()?.whole()?)?],
        "Normalizer" => {
            let norm = node.text("norm", "MAX");
            ensure!(
                norm == "L1" && numbers()?.is_pair(),
                "it makes the norm {norm} of what is not two probabilities whose sum is 1"
            );
            vec![Value::Numbers(numbers()?.clone())]
        }
        "ZipMap" => vec![Value::Numbers(numbers()?.clone())],
        _ => return Err(refused(node)),
    })
}

/// The operators of `ai.onnx`.
fn standard(node: &Node, inputs: &[&Value]) -> anyhow::Result<Vec<Value>> {
    let first = || input(inputs, 0);
    let numbers = || first()?.numbers();
    let value = match node.op_type.as_str() {
        "Constant" => Value::Constant(Rc::new(constant(node)?)),
        "Identity" | "Dropout" => first()?.clone(),
        "Cast" => match first()? {
            constant @ Value::Constant(_) => constant.clone(),
            value => Value::Numbers(value.numbers()?.clone().cast(node.int("to", 0))?),
        },
        "Transpose" => Value::Constant(Rc::new(first()?.constant()?.transposed()?)),
        "Concat" => {
            node.across_columns("axis", 0)?;
            Value::Numbers(beside(inputs)?)
        }
        "Gather" => {
            node.across_columns("axis", 0)?;
            numbers()?.select(&input(inputs, 1)?.constant()?.whole()?)?
        }
        "Slice" => sliced(inputs)?,
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => Value::Numbers(shaped(node, inputs)?),
        "Add" | "Sub" | "Mul" | "Div" => Value::Numbers(computed(&node.op_type, inputs)?),
        "MatMul" => {
            let weights = input(inputs, 1)?.constant()?;
            Value::Numbers(dense(numbers()?, weights, false, 1.0, &|_| Ok(0.0))?)
        }
        "Gemm" => Value::Numbers(gemm(node, inputs)?),
        "Relu" => Value::Numbers(numbers()?.layer(Activation::Relu)?),
        "Tanh" => Value::Numbers(numbers()?.layer(Activation::Tanh)?),
        // At the end probabilities; a layer that reads them makes them units.
        "Sigmoid" => {
            let columns = numbers()?.units()?;
            Value::Numbers(Numbers { columns, kind: Kind::Odds, width: numbers()?.width })
        }
        "Softmax" => {
            node.across_columns("axis", -1)?;
            let columns = numbers()?.raw()?;
            ensure!(columns.len() == 2, "it tells {} classes apart; a score tells two", columns.len());
            let column = Column::sum(columns, &[-1.0, 1.0], 0.0)?;
            Value::Numbers(Numbers::judged(column, After::Softmax))
        }
        "ArgMax" => Value::Aside,
        // Of probabilities of two classes: they are not below 0, and their sum is 1.
        "Abs" if numbers()?.kind == Kind::Odds => first()?.clone(),
        "ReduceSum" if numbers()?.is_pair() => Value::Constant(Rc::new(Constant::one(1.0))),
        _ => return Err(refused(node)),
    };
    Ok(vec![value])
}

fn refused(node: &Node) -> anyhow::Error {
    let between = [
        "LeakyRelu",
        "PRelu",
        "Elu",
        "Selu",
        "Celu",
        "Gelu",
        "Softplus",
        "Softsign",
        "Swish",
        "HardSigmoid",
        "HardSwish",
        "Mish",
        "ThresholdedRelu",
        "Erf",
    ];
    if between.contains(&node.op_type.as_str()) {
        anyhow::anyhow!("of hidden layers those of Relu, Tanh and Sigmoid are taken")
    } else {
        anyhow::anyhow!("this operator is not taken; docs/models.md lists those that are")
    }
}

fn input<'a>(inputs: &[&'a Value], place: usize) -> anyhow::Result<&'a Value> {
    inputs.get(place).copied().with_context(|| format!("it has {} inputs", inputs.len()))
}

fn constant(node: &Node) -> anyhow::Result<Constant> {
    #[expect(clippy::cast_precision_loss, reason = "sides and places, far below 2^53")]
    let whole = |value: &i64| *value as f64;
    let attribute = node.attribute.first().context("it has no value")?;
    match attribute.name.as_str() {
        "value" => Constant::read(attribute.t.as_ref().context("it has no value")?),
        "value_float" => Ok(Constant::one(attribute.f.into())),
        "value_floats" => Ok(Constant::list(attribute.floats.iter().copied().map(f64::from).collect())),
        "value_int" => Ok(Constant::one(whole(&attribute.i))),
        "value_ints" => Ok(Constant::list(attribute.ints.iter().map(whole).collect())),
        other => bail!("its {other} is not read"),
    }
}

fn beside(inputs: &[&Value]) -> anyhow::Result<Numbers> {
    let parts: Vec<&Numbers> = inputs.iter().map(|value| value.numbers()).collect::<anyhow::Result<_>>()?;
    Numbers::beside(&parts)
}

/// `(value - offset) * scale`, computed as wide as the values are and rounded to 32 bits.
fn scaled(node: &Node, numbers: &Numbers) -> anyhow::Result<Numbers> {
    let count = numbers.raw()?.len();
    let list = |name: &str, none: f64| -> anyhow::Result<Vec<f64>> {
        let list = node.floats(name)?;
        match list.len() {
            0 => Ok(vec![none; count]),
            1 => Ok(vec![list[0]; count]),
            length if length == count => Ok(list),
            length => bail!("its {name} has {length} numbers for {count} columns"),
        }
    };
    let (offset, scale) = (list("offset", 0.0)?, list("scale", 1.0)?);
    let numbers = match numbers.width {
        Width::Whole => numbers.clone().single(),
        Width::Single | Width::Double => numbers.clone(),
    };
    let moved = numbers.step(|place| Step::Add(-offset[place]))?;
    Ok(moved.step(|place| Step::Multiply(scale[place]))?.single())
}

fn filled(node: &Node, numbers: &Numbers) -> anyhow::Result<Numbers> {
    let with = node.floats("imputed_value_floats")?;
    ensure!(
        node.float("replaced_value_float", 0.0).is_nan() && !with.is_empty(),
        "it fills in for another value than the absent one"
    );
    let mut numbers = numbers.clone();
    let count = numbers.raw()?.len();
    ensure!([1, count].contains(&with.len()), "it has {} values for {count} columns", with.len());
    for (place, column) in numbers.columns.iter_mut().enumerate() {
        column.fill(with[if with.len() == 1 { 0 } else { place }])?;
    }
    Ok(numbers)
}

/// Some columns, from one to before another.
fn sliced(inputs: &[&Value]) -> anyhow::Result<Value> {
    let numbers = input(inputs, 0)?.numbers()?;
    let list = |place: usize| input(inputs, place)?.constant()?.whole();
    let step = if inputs.len() > 4 { list(4)? } else { vec![1] };
    let (&[from], &[to], &[1 | -1], &[1]) = (&*list(1)?, &*list(2)?, &*list(3)?, &*step) else {
        bail!("it does not select columns that stand beside each other");
    };
    let count = i64::try_from(numbers.count()).unwrap_or(i64::MAX);
    let place = |place: i64| if place < 0 { place.saturating_add(count) } else { place }.clamp(0, count);
    numbers.select(&(place(from)..place(to)).collect::<Vec<_>>())
}

/// Other shapes of the same columns.
fn shaped(node: &Node, inputs: &[&Value]) -> anyhow::Result<Numbers> {
    let numbers = input(inputs, 0)?.numbers()?;
    let count = i64::try_from(numbers.count()).unwrap_or(i64::MAX);
    let kept = match node.op_type.as_str() {
        "Flatten" => node.int("axis", 1) == 1,
        "Reshape" => match *input(inputs, 1)?.constant()?.whole()? {
            [rows, columns] => {
                ([-1, 0, 1].contains(&rows) && columns == count) || ([0, 1].contains(&rows) && columns == -1)
            }
            [-1] => count == 1,
            _ => false,
        },
        _ => count == 1,
    };
    ensure!(kept, "it gives {count} columns another shape than one row for each person");
    Ok(numbers.clone())
}

/// A sum, difference, product or quotient of columns and a constant.
fn computed(operator: &str, inputs: &[&Value]) -> anyhow::Result<Numbers> {
    let (one, other) = (input(inputs, 0)?, input(inputs, 1)?);
    let (numbers, constant, swapped) = match (one, other) {
        (Value::Numbers(numbers), Value::Constant(constant)) => (numbers, constant, false),
        (Value::Constant(constant), Value::Numbers(numbers)) => (numbers, constant, true),
        (Value::Constant(_), Value::Constant(_)) => bail!("it computes a constant; fold constants first"),
        _ => bail!("it computes with two of the features or scores; with a constant is taken"),
    };
    let by = constant.by_column(numbers.count())?;
    if numbers.kind != Kind::Raw {
        let all = |value: f64| by.iter().all(|by| *by == value);
        return match (operator, swapped) {
            ("Mul", _) | ("Div", false) if all(1.0) => Ok(numbers.clone()),
            ("Add", _) | ("Sub", false) if all(0.0) => Ok(numbers.clone()),
            ("Sub", true) if all(1.0) && numbers.kind == Kind::Odds => {
                let columns = numbers.columns.iter().map(Column::opposite).collect();
                Ok(Numbers { columns, ..numbers.clone() })
            }
            _ => bail!("it changes probabilities or what a classifier says"),
        };
    }
    let numbers = numbers.clone();
    match (operator, swapped) {
        ("Add", _) => numbers.step(|place| Step::Add(by[place])),
        ("Sub", false) => numbers.step(|place| Step::Add(-by[place])),
        ("Sub", true) => numbers.step(|_| Step::Multiply(-1.0))?.step(|place| Step::Add(by[place])),
        ("Mul", _) => numbers.step(|place| Step::Multiply(by[place])),
        ("Div", false) => numbers.step(|place| Step::Divide(by[place])),
        _ => bail!("it divides by a feature or a score"),
    }
}

/// A dense layer: for each of its outputs a sum.
fn dense(
    numbers: &Numbers,
    weights: &Constant,
    transposed: bool,
    times: f64,
    intercept: &dyn Fn(usize) -> anyhow::Result<f64>,
) -> anyhow::Result<Numbers> {
    let columns = &numbers.units()?;
    let of = |(place, weights): (usize, Vec<f64>)| {
        let weights: Vec<f64> = weights.iter().map(|weight| weight * times).collect();
        Column::sum(columns, &weights, intercept(place)?)
    };
    let outputs = weights.by_output(columns.len(), transposed)?;
    let columns = outputs.into_iter().enumerate().map(of).collect::<anyhow::Result<_>>()?;
    Ok(Numbers { columns, kind: Kind::Raw, width: numbers.width })
}

fn gemm(node: &Node, inputs: &[&Value]) -> anyhow::Result<Numbers> {
    ensure!(node.int("transA", 0) == 0, "it turns rows into columns (transA)");
    let transposed = node.int("transB", 0) != 0;
    let (alpha, beta) = (f64::from(node.float("alpha", 1.0)), f64::from(node.float("beta", 1.0)));
    let weights = input(inputs, 1)?.constant()?;
    let numbers = input(inputs, 0)?.numbers()?;
    let outputs = weights.by_output(numbers.columns.len(), transposed)?.len();
    let added = match inputs.get(2) {
        Some(value) => value.constant()?.by_column(outputs)?,
        None => vec![0.0; outputs],
    };
    dense(numbers, weights, transposed, alpha, &|place| Ok(beta * added[place]))
}

fn line(node: &Node, columns: &[Column]) -> anyhow::Result<Said> {
    let targets = node.int("targets", 1);
    ensure!(targets == 1, "it has {targets} targets; a score is one number");
    let after = node.after()?;
    ensure!(after != After::Softmax, "it makes a softmax of one score");
    let (weights, intercepts) = (node.floats("coefficients")?, node.floats("intercepts")?);
    fits(weights.len(), columns.len(), 1)?;
    ensure!(intercepts.len() <= 1, "it has {} intercepts for one target", intercepts.len());
    let intercept = intercepts.first().copied().unwrap_or(0.0);
    Ok(Said { column: Column::sum(columns, &weights, intercept)?, after })
}

fn line_of_classes(node: &Node, columns: &[Column]) -> anyhow::Result<Said> {
    node.two_classes(["classlabels_ints", "classlabels_strings"])?;
    let after = node.after()?;
    let (weights, intercepts) = (node.floats("coefficients")?, node.floats("intercepts")?);
    let rows = if weights.len() == columns.len() { 1 } else { 2 };
    fits(weights.len(), columns.len(), rows)?;
    ensure!(
        [0, rows].contains(&intercepts.len()),
        "it has {} intercepts for {rows} scores",
        intercepts.len()
    );
    let row = |place: usize| {
        let weights = &weights[place * columns.len()..(place + 1) * columns.len()];
        Column::sum(columns, weights, intercepts.get(place).copied().unwrap_or(0.0))
    };
    let column = match (rows, after) {
        (1, After::Softmax) => bail!("it makes a softmax of one score"),
        (1, _) => row(0)?,
        (_, After::Softmax) => Column::sum(&[row(0)?, row(1)?], &[-1.0, 1.0], 0.0)?,
        _ => {
            ensure!(
                row(0)?.opposite() == row(1)?,
                "its two scores are not each other's contrary: several labels at once are not taken"
            );
            row(1)?
        }
    };
    Ok(Said { column, after })
}

fn fits(weights: usize, columns: usize, rows: usize) -> anyhow::Result<()> {
    ensure!(weights == rows * columns, "it has {weights} weights for {columns} columns");
    Ok(())
}

/// What a graph is given: numbers of a type, in the features' columns from one place on.
pub(super) fn given(of_type: i32, from: usize, count: usize) -> anyhow::Result<Value> {
    let width = match of_type {
        element::FLOAT => Width::Single,
        element::DOUBLE => Width::Double,
        element::INT32 | element::INT64 => Width::Whole,
        other => bail!(
            "is of {}; numbers are taken: make a column of 0 and 1 of each text before it is exported",
            element::name(other)
        ),
    };
    let mut numbers =
        Numbers { columns: (from..from + count).map(Column::feature).collect(), kind: Kind::Raw, width };
    if width == Width::Single {
        numbers.columns.iter_mut().for_each(|column| column.step(Step::Round));
    }
    Ok(Value::Numbers(numbers))
}
