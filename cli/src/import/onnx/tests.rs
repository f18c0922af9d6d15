//! What is refused, and how it is said; models that are taken are in `tests/models`.

use prost::Message as _;

use super::super::{Activation, Form};
use super::parse;
use super::proto::{
    Attribute, Dimension, Graph, Model, Node, Shape, Tensor, TensorType, Type, ValueInfo, element,
};
use crate::learn::tree::Node as Of;

fn refusal(model: &Model) -> String {
    format!("{:#}", parse(&model.encode_to_vec(), &names(2)).unwrap_err())
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("f{number}")).collect()
}

/// A graph from two features at `x` to what is at `y`.
fn model(node: Vec<Node>, initializer: Vec<Tensor>) -> Model {
    let graph = Graph {
        node,
        initializer,
        input: vec![value("x", element::FLOAT, &[0, 2])],
        output: vec![value("y", 1, &[0, 1])],
    };
    Model { graph: Some(graph), metadata_props: Vec::new() }
}

fn value(name: &str, element: i32, sides: &[i64]) -> ValueInfo {
    let dim = sides.iter().map(|side| Dimension { value: (*side > 0).then_some(*side) }).collect();
    let tensor = Some(TensorType { element, shape: Some(Shape { dim }) });
    ValueInfo { name: name.to_owned(), of_type: Some(Type { tensor }) }
}

fn node(operator: &str, input: &[&str], output: &[&str], attribute: Vec<Attribute>) -> Node {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Node {
        input: owned(input),
        output: owned(output),
        name: format!("the {operator}"),
        op_type: operator.to_owned(),
        attribute,
        domain: String::new(),
    }
}

fn learned(operator: &str, output: &[&str], attribute: Vec<Attribute>) -> Node {
    Node { domain: "ai.onnx.ml".to_owned(), ..node(operator, &["x"], output, attribute) }
}

fn ints(name: &str, ints: &[i64]) -> Attribute {
    Attribute { name: name.to_owned(), ints: ints.to_vec(), ..Attribute::default() }
}

fn floats(name: &str, floats: &[f32]) -> Attribute {
    Attribute { name: name.to_owned(), floats: floats.to_vec(), ..Attribute::default() }
}

fn text(name: &str, text: &str) -> Attribute {
    Attribute { name: name.to_owned(), s: text.as_bytes().to_vec(), ..Attribute::default() }
}

fn int(name: &str, i: i64) -> Attribute {
    Attribute { name: name.to_owned(), i, ..Attribute::default() }
}

fn tensor(name: &str, dims: &[i64], numbers: &[f32]) -> Tensor {
    Tensor {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: element::FLOAT,
        float_data: numbers.to_vec(),
        ..Tensor::default()
    }
}

/// A classifier with these weights for each of some classes.
fn classifier(labels: &[i64], weights: &[f32], after: &str) -> Model {
    let attributes = vec![
        ints("classlabels_ints", labels),
        floats("coefficients", weights),
        text("post_transform", after),
    ];
    model(vec![learned("LinearClassifier", &["label", "y"], attributes)], Vec::new())
}

/// A tree of one question.
fn tree(mode: &str, yes: i64, no: i64, more: Vec<Attribute>) -> Model {
    let modes = [mode, "LEAF", "LEAF"].iter().map(|mode| mode.as_bytes().to_vec()).collect();
    let mut attributes = vec![
        ints("nodes_treeids", &[0, 0, 0]),
        ints("nodes_nodeids", &[0, 1, 2]),
        ints("nodes_featureids", &[1, 0, 0]),
        floats("nodes_values", &[0.5, 0.0, 0.0]),
        ints("nodes_truenodeids", &[yes, 0, 0]),
        ints("nodes_falsenodeids", &[no, 0, 0]),
        Attribute { name: "nodes_modes".to_owned(), strings: modes, ..Attribute::default() },
        ints("target_treeids", &[0, 0]),
        ints("target_nodeids", &[1, 2]),
        ints("target_ids", &[0, 0]),
        floats("target_weights", &[-1.0, 1.0]),
    ];
    attributes.extend(more);
    model(vec![learned("TreeEnsembleRegressor", &["y"], attributes)], Vec::new())
}

/// A dense layer of so many outputs, and what follows it.
fn dense(outputs: i64, then: &[&str]) -> Model {
    let count = usize::try_from(2 * outputs).unwrap();
    let mut nodes = vec![node("MatMul", &["x", "w"], &["0"], Vec::new())];
    for (place, operator) in then.iter().enumerate() {
        let output = if place + 1 == then.len() { "y".to_owned() } else { (place + 1).to_string() };
        let mut inputs = vec![place.to_string()];
        if *operator == "MatMul" {
            inputs.push("v".to_owned());
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        nodes.push(node(operator, &inputs, &[&output], Vec::new()));
    }
    model(
        nodes,
        vec![
            tensor("w", &[2, outputs], &vec![0.5; count]),
            tensor("v", &[outputs, 1], &vec![1.0; count / 2]),
        ],
    )
}

#[test]
fn other_than_two_classes_are_refused() {
    let three = refusal(&classifier(&[0, 1, 2], &[1.0; 6], "SOFTMAX"));
    assert!(three.contains("operator LinearClassifier, node \"the LinearClassifier\""), "{three}");
    assert!(three.contains("it tells 3 classes apart; a score tells two"), "{three}");
    let several = refusal(&classifier(&[0, 1], &[1.0, 2.0, 1.5, 0.5], "LOGISTIC"));
    assert!(several.contains("several labels at once"), "{several}");
    assert!(refusal(&dense(3, &["Softmax"])).contains("it tells 3 classes apart"));
    assert!(refusal(&dense(2, &["Identity"])).contains("end it with a Softmax"));
    assert!(refusal(&dense(2, &["Sigmoid"])).contains("several labels at once"));
    assert!(refusal(&tree("BRANCH_LT", 1, 2, vec![int("n_targets", 2)])).contains("it has 2 targets"));
}

/// A tree of one question whose two leaves weigh these classes, and its base values.
fn judge(ids: &[i64], weights: &[f32], after: &str, base: &[f32]) -> Model {
    let mut model = tree("BRANCH_LT", 1, 2, Vec::new());
    let node = &mut model.graph.as_mut().unwrap().node[0];
    node.op_type = "TreeEnsembleClassifier".to_owned();
    node.output = vec!["label".to_owned(), "y".to_owned()];
    let leaves: Vec<i64> = (0..ids.len()).map(|at| if at < ids.len() / 2 { 1 } else { 2 }).collect();
    node.attribute.extend([
        ints("classlabels_int64s", &[0, 1]),
        ints("class_treeids", &vec![0; ids.len()]),
        ints("class_nodeids", &leaves),
        ints("class_ids", ids),
        floats("class_weights", weights),
        text("post_transform", after),
        floats("base_values", base),
    ]);
    model
}

#[test]
fn a_tree_says_of_the_second_class_what_runtimes_say() {
    let said = |model: &Model| {
        let read = parse(&model.encode_to_vec(), &names(2)).unwrap();
        let Form::Trees(trees) = read.form else { panic!("trees") };
        let leaf = |at: usize| if let Of::Leaf { value, .. } = trees.trees[0][at] { value } else { f64::NAN };
        (trees.base, leaf(1), leaf(2))
    };
    let both = [0, 1, 0, 1];
    assert_eq!(said(&judge(&[0, 0], &[-0.5, 1.5], "LOGISTIC", &[0.25])), (0.25, -0.5, 1.5));
    assert_eq!(said(&judge(&[1, 1], &[-0.5, 1.5], "NONE", &[])), (0.0, -0.5, 1.5));
    assert_eq!(said(&judge(&both, &[0.75, 0.25, 0.5, 0.5], "NONE", &[])), (0.0, 0.25, 0.5));
    assert_eq!(said(&judge(&both, &[0.75, -0.75, -0.5, 0.5], "LOGISTIC", &[])), (0.0, -0.75, 0.5));
    assert_eq!(said(&judge(&both, &[0.75, 0.25, -0.5, 0.5], "SOFTMAX", &[])), (0.0, -0.5, 1.0));
    // What runtimes make of these depends on the runtime.
    for (ids, weights, after, base) in [
        (&both[..], &[0.75, 0.25, -0.5, 0.5][..], "LOGISTIC", &[][..]),
        (&both, &[0.75, 0.25, 0.5, 0.5], "NONE", &[0.5, 0.5]),
        (&[1, 1], &[0.5, 1.5], "LOGISTIC", &[0.25]),
        (&[0, 0], &[0.5, 1.5], "LOGISTIC", &[0.25, 0.5]),
        (&[0, 0], &[0.5, 1.5], "SOFTMAX", &[]),
        (&[0, 2], &[0.5, 1.5], "NONE", &[]),
    ] {
        assert!(refusal(&judge(ids, weights, after, base)).contains("operator TreeEnsembleClassifier"));
    }
}

#[test]
fn hidden_layers_become_a_network_and_what_they_do_not_make_is_refused_by_name() {
    for (then, activation) in
        [("Relu", Activation::Relu), ("Tanh", Activation::Tanh), ("Sigmoid", Activation::Logistic)]
    {
        let read = parse(&dense(1, &[then, "MatMul"]).encode_to_vec(), &names(2)).unwrap();
        let Form::Network(network) = read.form else { panic!("a network") };
        assert_eq!(
            network.layers.iter().map(|layer| layer.activation).collect::<Vec<_>>(),
            [activation, Activation::Identity]
        );
        assert_eq!(network.scaling, [(0.0, 1.0); 2]);
    }
    let refused = refusal(&dense(1, &["LeakyRelu", "MatMul"]));
    assert!(refused.contains("those of Relu, Tanh and Sigmoid are taken"), "{refused}");
    let refused = refusal(&dense(3, &["Relu"]));
    assert!(refused.contains("it ends in 3 numbers"), "{refused}");
    // What is left beside a layer may not be added to it again.
    let mut skip = dense(1, &["Relu", "Add"]);
    skip.graph.as_mut().unwrap().node[2].input.truncate(1);
    skip.graph.as_mut().unwrap().node[2].input.push("x".to_owned());
    assert!(refusal(&skip).contains("two of the features or scores"), "{}", refusal(&skip));
}

#[test]
fn an_operator_that_is_not_known_is_refused_by_name_and_place() {
    let mut unnamed = dense(1, &["Cos"]);
    unnamed.graph.as_mut().unwrap().node[1].name.clear();
    let refused = refusal(&unnamed);
    assert!(refused.starts_with("operator Cos, node \"y\": this operator is not taken"), "{refused}");
    let mut foreign = dense(1, &["Sigmoid"]);
    foreign.graph.as_mut().unwrap().node[1].domain = "com.example".to_owned();
    let refused = refusal(&foreign);
    assert!(refused.starts_with("operator com.example.Sigmoid, node \"the Sigmoid\""), "{refused}");
    for mode in ["BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER", "?"] {
        assert!(refusal(&tree(mode, 1, 2, Vec::new())).contains(&format!("a node asks {mode};")), "{mode}");
    }
    assert!(refusal(&tree("BRANCH_LT", 1, 2, vec![text("aggregate_function", "MIN")])).contains("is MIN"));
    assert!(refusal(&tree("BRANCH_LT", 1, 2, vec![text("post_transform", "PROBIT")])).contains("is PROBIT"));
}

#[test]
fn trees_that_are_none_are_refused() {
    for (yes, no, said) in [
        (1, 1, "two branches lead to one node"),
        (1, 0, "a node is below itself, or in no tree"),
        (1, 7, "tree 0: node 0 leads to 7, which is not there"),
    ] {
        let refused = refusal(&tree("BRANCH_LT", yes, no, Vec::new()));
        assert!(refused.contains(said), "{refused}");
    }
    let mut other = tree("BRANCH_LT", 1, 2, Vec::new());
    other.graph.as_mut().unwrap().node[0].attribute[2].ints[0] = 2;
    assert!(refusal(&other).contains("a node asks of column 2 of 2"));
}

#[test]
fn what_an_input_may_not_be_is_said() {
    for (input, said) in [
        (value("x", 8, &[0, 2]), "the input \"x\": is of string; numbers are taken"),
        (value("x", element::FLOAT, &[0, 3, 2]), "the input \"x\": has 3 sides"),
        (value("x", element::FLOAT, &[0, i64::MAX]), "features, and 2 names are given: f0, f1"),
        (ValueInfo { name: "x".to_owned(), of_type: None }, "the input \"x\": is no tensor"),
    ] {
        let mut with = dense(1, &["Sigmoid"]);
        with.graph.as_mut().unwrap().input = vec![input];
        let refused = refusal(&with);
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn constants_that_are_not_there_are_refused() {
    let with = |change: &dyn Fn(&mut Tensor)| {
        let mut model = dense(1, &["Sigmoid"]);
        change(&mut model.graph.as_mut().unwrap().initializer[0]);
        refusal(&model)
    };
    assert!(
        with(&|tensor| tensor.data_location = 1)
            .contains("the initializer \"w\": its numbers are in another file")
    );
    assert!(with(&|tensor| tensor.dims = vec![i64::MAX, 4]).contains("it holds 2 numbers, and its shape is"));
    assert!(with(&|tensor| tensor.dims = vec![-1]).contains("a side of it is below 0"));
    assert!(
        with(&|tensor| tensor.data_type = 10).contains("it holds float16; float, double and whole numbers")
    );
    assert!(with(&|tensor| tensor.raw_data = vec![0; 7]).contains("its 7 bytes are no multiple of 4"));
    assert!(with(&|tensor| tensor.name.clear()).contains("there is no \"w\" before it is read"));
    assert!(with(&|tensor| tensor.float_data[0] = f32::INFINITY).contains("a weight is no number"));
}

#[test]
fn labels_alone_and_features_alone_are_no_score() {
    let mut labels = classifier(&[0, 1], &[1.0, 2.0], "LOGISTIC");
    labels.graph.as_mut().unwrap().output[0].name = "label".to_owned();
    assert!(refusal(&labels).contains("it gives labels and no score"));
    let features = model(vec![node("ReduceMax", &["x"], &["y"], Vec::new())], Vec::new());
    assert!(refusal(&features).contains("operator ReduceMax"));
    let first = model(
        vec![node("Gather", &["x", "one"], &["y"], vec![int("axis", 1)])],
        vec![tensor("one", &[1], &[1.0])],
    );
    assert!(refusal(&first).contains("there is no model in it"));
}

#[test]
fn constants_and_turned_weights_are_read_as_exporters_write_them() {
    let nodes = vec![
        Node {
            attribute: vec![floats("value_floats", &[0.25])],
            ..node("Constant", &[], &["b"], Vec::new())
        },
        node("Transpose", &["w"], &["turned"], Vec::new()),
        node("Gemm", &["x", "turned", "b"], &["z"], vec![]),
        node("Sigmoid", &["z"], &["p"], Vec::new()),
        Node { input: vec!["p".into()], ..node("Squeeze", &[], &["y"], Vec::new()) },
    ];
    let read =
        parse(&model(nodes, vec![tensor("w", &[1, 2], &[1.5, -2.0])]).encode_to_vec(), &names(2)).unwrap();
    let Form::Line(line) = read.form else { panic!("a line") };
    assert_eq!((line.intercept, line.weights), (0.25, vec![1.5, -2.0]));
}

#[test]
fn absent_values_go_with_the_false_unless_it_is_said_or_filled_in() {
    let absent_left = |model: &Model| {
        let Form::Trees(trees) = parse(&model.encode_to_vec(), &names(2)).unwrap().form else {
            panic!("trees")
        };
        let Of::Split { absent_left, column, .. } = trees.trees[0][0] else { panic!("a question") };
        assert_eq!(column, 1);
        absent_left
    };
    assert!(!absent_left(&tree("BRANCH_LEQ", 1, 2, Vec::new())));
    assert!(absent_left(&tree("BRANCH_GT", 1, 2, Vec::new())), "the false is on the left");
    let tracks = || vec![ints("nodes_missing_value_tracks_true", &[1, 0, 0])];
    assert!(absent_left(&tree("BRANCH_LEQ", 1, 2, tracks())));
    assert!(!absent_left(&tree("BRANCH_GT", 1, 2, tracks())));
    let mut filled = tree("BRANCH_LEQ", 1, 2, Vec::new());
    let absent = Attribute { name: "replaced_value_float".to_owned(), f: f32::NAN, ..Attribute::default() };
    let graph = filled.graph.as_mut().unwrap();
    graph.node.insert(
        0,
        learned("Imputer", &["filled"], vec![absent, floats("imputed_value_floats", &[9.0, 0.2])]),
    );
    graph.node[1].input = vec!["filled".to_owned()];
    assert!(absent_left(&filled), "0.2 is at most 0.5");
}
