"""Writes a fitted scikit-learn model of two classes as JSON that `keepset import` reads: import it and call `dump`."""
import json

import numpy as np
import sklearn


def dump(model, features, path):
    scaling = [[0.0, 1.0]] * len(features)
    if type(model).__name__ == "Pipeline":  # a StandardScaler and an MLPClassifier
        scaler, model = (step for _, step in model.steps)
        scaling = [list(pair) for pair in zip(scaler.mean_.tolist(), scaler.scale_.tolist())]
        assert hasattr(model, "coefs_"), "of pipelines a scaler with a network is taken; of others, export ONNX"
    kind = type(model).__name__
    out = {"sklearn": sklearn.__version__, "kind": kind, "features": list(features), "base": 0.0}
    if hasattr(model, "coefs_"):  # MLPClassifier; its score is what goes into the last logistic function
        units = [np.vstack([bias, weights]).T.tolist() for weights, bias in zip(model.coefs_, model.intercepts_)]
        between = [model.activation] * (len(units) - 1) + ["identity"]
        out["network"] = {"scaling": scaling, "layers": [{"activation": a, "units": u} for a, u in zip(between, units)]}
    elif hasattr(model, "coef_"):
        out |= {"base": float(model.intercept_[0]), "weights": model.coef_[0].tolist()}
    elif hasattr(model, "_predictors"):  # HistGradientBoostingClassifier
        out["base"] = float(np.ravel(model._baseline_prediction)[0])
        out["trees"] = [histogram(stage[0].nodes) for stage in model._predictors]
    elif kind == "GradientBoostingClassifier":
        out["base"] = float(model._raw_predict_init(np.zeros((1, len(features))))[0, 0])
        out["trees"] = [plain(stage[0].tree_, lambda v: v[:, 0, 0] * model.learning_rate) for stage in model.estimators_]
    else:  # RandomForestClassifier, ExtraTreesClassifier
        share = lambda v: v[:, 0, 1] / v[:, 0].sum(axis=1) / len(model.estimators_)
        out["trees"] = [plain(tree.tree_, share) for tree in model.estimators_]
    out["single"] = "trees" in out and not hasattr(model, "_predictors")
    json.dump(out, open(path, "w"))


def plain(tree, worth):
    absent = tree.missing_go_to_left if hasattr(tree, "missing_go_to_left") else np.zeros(tree.node_count)
    return {"left": tree.children_left.tolist(), "right": tree.children_right.tolist(), "feature": tree.feature.tolist(), "threshold": tree.threshold.tolist(),
            "absent_left": [int(a) for a in absent], "value": worth(tree.value).tolist(), "cover": tree.weighted_n_node_samples.tolist()}


def histogram(nodes):
    assert not nodes["is_categorical"].any(), "categories by number are not taken"
    children = lambda name: [-1 if leaf else int(child) for leaf, child in zip(nodes["is_leaf"], nodes[name])]
    return {"left": children("left"), "right": children("right"), "feature": nodes["feature_idx"].astype(int).tolist(), "threshold": nodes["num_threshold"].tolist(),
            "absent_left": nodes["missing_go_to_left"].astype(int).tolist(), "value": nodes["value"].tolist(), "cover": nodes["count"].astype(float).tolist()}
