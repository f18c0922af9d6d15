"""The ONNX models of `make_vectors.py`, and what their files say of rows, computed from the files: branches by comparing 32 bits, sums exactly."""
import math
from fractions import Fraction

import catboost
import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType as SklFloat
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")
HOLDS = {"BRANCH_LEQ": np.less_equal, "BRANCH_LT": np.less, "BRANCH_GTE": np.greater_equal, "BRANCH_GT": np.greater}
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"]


def models(x, y, full, y_full, names, folder):
    """Of each: its file, what it says of rows, whether these may have absent values, and whether its names have to be given."""
    wide, single = [("x", SklFloat([None, len(names)]))], [("x", FloatTensorType([None, len(names)]))]
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(full, y_full)
    yield written(folder, "onnx_logistic", convert_sklearn(line, initial_types=[(name, SklFloat([None, 1])) for name in names])), False, False
    forest = RandomForestClassifier(n_estimators=12, max_depth=5, random_state=1).fit(full, y_full)
    yield written(folder, "onnx_forest", convert_sklearn(forest, initial_types=wide)), False, True
    boosting = make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=15, max_depth=4, random_state=1)).fit(full, y_full)
    yield written(folder, "onnx_boosting", named(convert_sklearn(boosting, initial_types=wide), ",".join(names))), False, False
    light = lightgbm.LGBMClassifier(n_estimators=15, num_leaves=15, max_depth=6, verbose=-1, random_state=1, n_jobs=1).fit(x, y)
    yield written(folder, "onnx_lightgbm", named(onnxmltools.convert_lightgbm(light, initial_types=single), str(names).replace("'", '"'))), True, False
    boosted = xgboost.XGBClassifier(n_estimators=15, max_depth=4, random_state=1, n_jobs=1).fit(x, y)
    boosted = onnxmltools.convert_xgboost(boosted, initial_types=single)
    yield written(folder, "onnx_xgboost", named(boosted, ", ".join(names))), True, False
    cat = catboost.CatBoostClassifier(iterations=10, depth=4, random_seed=1, thread_count=1, verbose=0, allow_writing_files=False).fit(x, y)
    cat.save_model(folder / "onnx_catboost.onnx", format="onnx")
    yield written(folder, "onnx_catboost", named(onnx.load(folder / "onnx_catboost.onnx"), ",".join(names))), True, False
    yield written(folder, "onnx_ensemble", named(newer(boosted), ",".join(names))), True, False
    weights, intercept = np.float32(line[-1].coef_ / line[0].scale_), np.float32([0.25])
    layer = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("Gemm", ["flat", "w", "b"], ["z"], name="/0/Gemm", transB=1, alpha=1.0),
             helper.make_node("Sigmoid", ["z"], ["y"], name="/1/Sigmoid")]
    yield written(folder, "onnx_dense", named(graph(layer, len(names), {"w": weights, "b": intercept}), ",".join(names))), False, False
    network = make_pipeline(StandardScaler(), MLPClassifier((10, 5), max_iter=300, random_state=1)).fit(full, y_full)
    yield written(folder, "onnx_network", convert_sklearn(network, initial_types=[(name, SklFloat([None, 1])) for name in names])), False, False
    draw = np.random.default_rng(7)
    sides = {"1": (8, len(names)), "2": (4, 8), "3": (1, 4)}
    tensors = {f"w{n}": np.float32(draw.normal(size=side) / 2) for n, side in sides.items()} | {f"b{n}": np.float32(draw.normal(size=side[0])) for n, side in sides.items()}
    tensors["w1"] /= np.float32(line[0].scale_)
    dense = lambda n, x, y: helper.make_node("Gemm", [x, f"w{n}", f"b{n}"], [y], name=f"/{n}/Gemm", transB=1)
    between = lambda kind, x, y: helper.make_node(kind, [x], [y])
    layers = [dense(1, "x", "h1"), between("Tanh", "h1", "a1"), dense(2, "a1", "h2"), between("Sigmoid", "h2", "a2"), dense(3, "a2", "h3"), between("Sigmoid", "h3", "y")]
    yield written(folder, "onnx_layers", named(graph(layers, len(names), tensors), ",".join(names))), False, False
    two = np.float32(np.random.default_rng(5).normal(size=(len(names), 2)) * 0.3)
    layer = [helper.make_node("Sub", ["x", "mean"], ["centred"]), helper.make_node("Div", ["centred", "deviation"], ["scaled"]),
             helper.make_node("MatMul", ["scaled", "w"], ["product"]), helper.make_node("Add", ["product", "b"], ["logits"]), helper.make_node("Softmax", ["logits"], ["y"])]
    of_two = {"mean": np.float32(line[0].mean_), "deviation": np.float32(line[0].scale_), "w": two, "b": np.float32([0.1, -0.2])}
    yield written(folder, "onnx_softmax", named(graph(layer, len(names), of_two), ",".join(names))), False, False


def written(folder, name, model):
    model.graph.name = name  # converters draw one by chance, and the order of what they import
    imports = sorted(model.opset_import, key=lambda one: one.domain)
    del model.opset_import[:]
    model.opset_import.extend(imports)
    onnx.checker.check_model(model)
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def named(model, names):
    helper.set_model_props(model, {"features": names})
    return model


def graph(nodes, columns, constants):
    row = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", columns])
    said = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", None])
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)]
    return helper.make_model(helper.make_graph(nodes, "g", [row], [said], tensors), opset_imports=versions, ir_version=10)


def newer(model):
    """The same trees under the operator of `ai.onnx.ml` 5, asking in all four ways, with a Sigmoid and a base behind it."""
    old = attributes(next(node for node in model.graph.node if node.op_type in TREES))
    weight = dict(zip(zip(old["class_treeids"], old["class_nodeids"]), old["class_weights"]))
    keys = list(zip(old["nodes_treeids"], old["nodes_nodeids"]))
    splits = [at for at, mode in enumerate(old["nodes_modes"]) if mode != b"LEAF"]
    leaves = [at for at, mode in enumerate(old["nodes_modes"]) if mode == b"LEAF"]
    place = {keys[at]: number for number, at in enumerate(splits)} | {keys[at]: number for number, at in enumerate(leaves)}
    out = {key: [] for key in ["featureids", "modes", "splits", "truenodeids", "falsenodeids", "trueleafs", "falseleafs", "missing_value_tracks_true"]}
    for number, at in enumerate(splits):
        tree = keys[at][0]
        ways = [(tree, old["nodes_truenodeids"][at]), (tree, old["nodes_falsenodeids"][at])]
        absent, mode, threshold = old["nodes_missing_value_tracks_true"][at], 1, np.float32(old["nodes_values"][at])
        if number % 2:  # at least, with the branches the other way around
            ways, absent, mode = ways[::-1], 1 - absent, 2
        if number % 3 == 0:  # the float below turns "below" into "at most", and "at least" into "above"
            threshold, mode = np.nextafter(threshold, np.float32(-np.inf)), {1: 0, 2: 3}[mode]
        for key, value in [("featureids", old["nodes_featureids"][at]), ("modes", mode), ("splits", threshold), ("truenodeids", place[ways[0]]), ("falsenodeids", place[ways[1]]),
                           ("trueleafs", int(keys.index(ways[0]) in leaves)), ("falseleafs", int(keys.index(ways[1]) in leaves)), ("missing_value_tracks_true", absent)]:
            out[key].append(value)
    roots = [place[keys[at]] for at in splits if keys[at][1] == 0]
    tensors = {"nodes_modes": np.array(out.pop("modes"), np.uint8), "nodes_splits": np.array(out.pop("splits"), np.float32), "leaf_weights": np.array([weight[keys[at]] for at in leaves], np.float32)}
    tensors = {name: numpy_helper.from_array(value, name) for name, value in tensors.items()}
    trees = helper.make_node("TreeEnsemble", ["x"], ["sum"], domain="ai.onnx.ml", n_targets=1, tree_roots=roots, leaf_targetids=[0] * len(leaves), aggregate_function=1,
                             post_transform=0, **tensors, **{f"nodes_{key}": value for key, value in out.items()})
    nodes = [trees, helper.make_node("Add", ["sum", "base"], ["z"]), helper.make_node("Sigmoid", ["z"], ["y"])]
    return graph(nodes, max(old["nodes_featureids"]) + 1, {"base": np.float32(old["base_values"])})


def attributes(node):
    def value(attribute):
        found = helper.get_attribute_value(attribute)
        return numpy_helper.to_array(found) if isinstance(found, TensorProto) else found
    return {attribute.name: value(attribute) for attribute in node.attribute}


def said(path, x):
    """What a file says of rows; checked to be what the runtime says, as far as its 32 bits go."""
    model = onnx.load(path)
    told = attributed(model)
    if path.stem in ("onnx_network", "onnx_layers"):
        scores = of_layers(model, x)
    elif any(node.op_type in TREES for node in model.graph.node):
        scores = np.array([of_trees(told, row) for row in prepared(told, np.float32(x))])
    else:
        scores = np.array([of_line(told, row) for row in x])
    runtime = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = runtime.get_inputs()
    fed = {inputs[0].name: np.float32(x)} if len(inputs) == 1 else {given.name: np.float32(x[:, [place]]) for place, given in enumerate(inputs)}
    found = runtime.run(None, fed)[-1]
    found = np.array([row[1] for row in found]) if isinstance(found, list) else found[:, -1]
    expected = scores if path.stem == "onnx_forest" else 1 / (1 + np.exp(-scores))
    assert np.abs(found - expected).max() < 1e-5, path
    return scores


def near_cuts(path, x):
    """The rows, each with a value at a threshold of the file's trees or so close that rounding to 32 bits decides."""
    told = attributed(onnx.load(path))
    trees = next((told[operator] for operator in TREES if operator in told), None)
    if trees is None:
        return x
    x, draw = x.copy(), np.random.default_rng(6)
    thresholds = trees["nodes_splits" if "nodes_splits" in trees else "nodes_values"]
    splits = [at for at, mode in enumerate(trees["nodes_modes"]) if mode != b"LEAF"]
    for row, at in enumerate(draw.choice(splits, len(x))):
        feature, value = trees["nodes_featureids"][at], float(np.float32(thresholds[at]))
        if "Scaler" in told:
            value = value / told["Scaler"]["scale"][feature] + told["Scaler"]["offset"][feature]
        x[row, feature] = value * (1 + draw.choice([0, 1e-12, 1e-8, -1e-8, 3e-8, -3e-8, 6e-8, -6e-8]))
    return x


def attributed(model):
    """All that the nodes and constants of a model say, by operator and name."""
    told = {node.op_type: attributes(node) for node in model.graph.node}
    return told | {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def prepared(told, x):
    if "Scaler" not in told:
        return x
    return (x - np.float32(told["Scaler"]["offset"])) * np.float32(told["Scaler"]["scale"])


def of_line(told, row):
    exact = lambda numbers: [Fraction(float(number)) for number in np.ravel(numbers)]
    row = exact(row)
    if "Scaler" in told:
        row = [(value - offset) * scale for value, offset, scale in zip(row, exact(told["Scaler"]["offset"]), exact(told["Scaler"]["scale"]))]
    if "mean" in told:
        row = [(value - mean) / deviation for value, mean, deviation in zip(row, exact(told["mean"]), exact(told["deviation"]))]
    if "LinearClassifier" in told:
        weights, intercept = exact(told["LinearClassifier"]["coefficients"])[len(row):], exact(told["LinearClassifier"]["intercepts"])[1]
    elif "Softmax" in told:
        weights, (first, second) = exact(np.float64(told["w"][:, 1]) - np.float64(told["w"][:, 0])), exact(told["b"])
        intercept = second - first
    else:
        weights, intercept = exact(told["w"]), exact(told["b"])[0]
    return float(sum((weight * value for weight, value in zip(weights, row)), intercept))


def of_layers(model, x):
    """What goes into the last Sigmoid, in 64 bits."""
    known = {tensor.name: np.float64(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    inputs = model.graph.input
    known |= {inputs[0].name: x} if len(inputs) == 1 else {given.name: x[:, [place]] for place, given in enumerate(inputs)}
    scores = None
    for node in model.graph.node:
        told, given = attributes(node), [known[name] for name in node.input if name in known]
        if len(given) < len(node.input) or node.op_type not in COMPUTED:
            continue
        if node.op_type == "Sigmoid":
            scores = given[0][:, 0]
        known[node.output[0]] = COMPUTED[node.op_type](told, *given)
    return scores


COMPUTED = {
    "Concat": lambda told, *parts: np.concatenate(parts, axis=1),
    "FeatureVectorizer": lambda told, *parts: np.concatenate(parts, axis=1),
    "Cast": lambda told, x: x,
    "Scaler": lambda told, x: (x - told["offset"]) * told["scale"],
    "MatMul": lambda told, x, w: x @ w,
    "Add": lambda told, x, b: x + b,
    "Gemm": lambda told, x, w, b: x @ w.T + b,
    "Relu": lambda told, x: np.maximum(x, 0),
    "Tanh": lambda told, x: np.tanh(x),
    "Sigmoid": lambda told, x: 1 / (1 + np.exp(-x)),
}


def of_trees(told, row):
    if "TreeEnsemble" in told:
        return of_newer(told["TreeEnsemble"], row, float(np.ravel(told["base"])[0]))
    told = told["TreeEnsembleClassifier"]
    if "index" not in told:
        told["index"] = {key: at for at, key in enumerate(zip(told["nodes_treeids"], told["nodes_nodeids"]))}
        leaves = zip(told["class_ids"], zip(told["class_treeids"], told["class_nodeids"]), told["class_weights"])
        told["leaves"] = {key: weight for of, key, weight in leaves if of == max(told["class_ids"])}
    parts = [float(value) for value in told.get("base_values", [])]
    for tree in sorted(set(told["nodes_treeids"])):
        number = 0
        while told["nodes_modes"][told["index"][tree, number]] != b"LEAF":
            at = told["index"][tree, number]
            value = row[told["nodes_featureids"][at]]
            holds = HOLDS[told["nodes_modes"][at].decode()](value, np.float32(told["nodes_values"][at]))
            if np.isnan(value):
                holds = told["nodes_missing_value_tracks_true"][at]
            number = told["nodes_truenodeids" if holds else "nodes_falsenodeids"][at]
        parts.append(float(told["leaves"][tree, number]))
    return math.fsum(parts)


def of_newer(told, row, base):
    parts = [base]
    for at in told["tree_roots"]:
        is_leaf = 0
        while not is_leaf:
            value = row[told["nodes_featureids"][at]]
            holds = HOLDS[MODES[told["nodes_modes"][at]]](value, told["nodes_splits"][at])
            if np.isnan(value):
                holds = told["nodes_missing_value_tracks_true"][at]
            side = "true" if holds else "false"
            is_leaf, at = told[f"nodes_{side}leafs"][at], told[f"nodes_{side}nodeids"][at]
        parts.append(float(told["leaf_weights"][at]))
    return math.fsum(parts)
