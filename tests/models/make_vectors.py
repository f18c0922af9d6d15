"""Makes the frozen models of other libraries in this folder, with what they say of some rows.

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.* lightgbm==4.* xgboost==3.* shap onnx==1.* skl2onnx==1.* onnxmltools==1.* onnxruntime==1.* catboost==1.*
    venv/bin/python tests/models/make_vectors.py              writes the files that `cargo test -p keepset-cli --test import` reads
    venv/bin/python tests/models/make_vectors.py BIN          compares 10,000 rows through `BIN import` and `BIN evaluate`
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import lightgbm
import numpy as np
import shap
import xgboost
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import onnx_models
from sklearn_json import dump

HERE = pathlib.Path(__file__).parent
NAMES = [f"f{i}" for i in range(8)]


def rows(count, seed, absent):
    draw = np.random.default_rng(seed)
    x = np.column_stack([draw.normal(size=count), draw.exponential(size=count) * 30, draw.integers(0, 12, count).astype(float), draw.normal(size=count) * 1e-3,
                         draw.integers(0, 2, count).astype(float), draw.uniform(-1, 1, count), draw.lognormal(size=count), np.round(draw.normal(size=count), 2)])
    margin = x[:, 0] + 0.03 * x[:, 1] - 0.2 * x[:, 2] + 400 * x[:, 3] * x[:, 4] + (x[:, 5] > 0.3) - 0.5
    y = (draw.uniform(size=count) < 1 / (1 + np.exp(-margin))).astype(int)
    if absent:
        x[draw.uniform(size=x.shape) < 0.08] = np.nan
    return x, y


def models(x, y, full, y_full, folder):
    """Of each: its file, its margins and, where 64 bits are kept, its Shapley values."""
    def written(name, text):
        (folder / name).write_text(text)
        return folder / name

    light = lightgbm.LGBMClassifier(n_estimators=20, num_leaves=15, max_depth=6, verbose=-1, random_state=1, n_jobs=1).fit(x, y, feature_name=NAMES)
    yield "lightgbm.txt", written("lightgbm.txt", light.booster_.model_to_string()), lambda t: light.predict(t, raw_score=True), \
        lambda t: light.predict(t, pred_contrib=True)[:, :-1], lambda t: shap.TreeExplainer(light).shap_values(t), True
    xgb = xgboost.XGBClassifier(n_estimators=20, max_depth=4, random_state=1, n_jobs=1).fit(x, y)
    xgb.save_model(folder / "xgboost.json")
    # Its margins are sums of 32 bits; the sum of its leaves is what they stand for.
    leaves = {(int(t), int(n)): float(np.float32(v)) for t, n, v in xgb.get_booster().trees_to_dataframe().query("Feature == 'Leaf'")[["Tree", "Node", "Gain"]].values}
    base = json.loads((folder / "xgboost.json").read_text())["learner"]["learner_model_param"]["base_score"].strip("[]")
    base = np.log(float(base) / (1 - float(base)))
    of_xgb = lambda t: np.array([base + sum(leaves[(k, int(n))] for k, n in enumerate(row)) for row in xgb.apply(t)])
    yield "xgboost.json", folder / "xgboost.json", of_xgb, None, None, True
    for name, model, margins, absent in [
        ("sklearn_logistic.json", LogisticRegression(max_iter=2000), lambda m: m.decision_function, False),
        ("sklearn_boosting.json", GradientBoostingClassifier(n_estimators=20, max_depth=4, random_state=1), lambda m: m.decision_function, False),
        ("sklearn_histogram.json", HistGradientBoostingClassifier(max_iter=15, max_leaf_nodes=15, random_state=1), lambda m: m.decision_function, True),
        ("sklearn_forest.json", RandomForestClassifier(n_estimators=15, max_depth=6, random_state=1), lambda m: lambda t: m.predict_proba(t)[:, 1], False),
        ("sklearn_extra.json", ExtraTreesClassifier(n_estimators=15, max_depth=6, random_state=1), lambda m: lambda t: m.predict_proba(t)[:, 1], False),
        ("sklearn_network.json", make_pipeline(StandardScaler(), MLPClassifier((9, 4), activation="tanh", max_iter=300, random_state=1)), lambda m: lambda t: layers(m, t), False),
    ]:
        model.fit(*((x, y) if absent else (full, y_full)))
        dump(model, NAMES, folder / name)
        values = (lambda m: lambda t: shap.TreeExplainer(m).shap_values(t))(model) if name == "sklearn_boosting.json" else None
        if name == "sklearn_network.json":  # of every subset of features, where one that is not known has its mean
            centre = shap.maskers.Independent(model[0].mean_[None], max_samples=1)
            values = lambda t: shap.explainers.Exact(lambda rows: layers(model, rows), centre)(t).values
        yield name, folder / name, margins(model), values, values, absent


def layers(pipeline, x):
    """What goes into the logistic function of an MLPClassifier."""
    network, given = pipeline[-1], pipeline[0].transform(x)
    for weights, bias in zip(network.coefs_[:-1], network.intercepts_[:-1]):
        given = np.tanh(given @ weights + bias)
    margins = (given @ network.coefs_[-1] + network.intercepts_[-1])[:, 0]
    assert np.abs(1 / (1 + np.exp(-margins)) - network.predict_proba(pipeline[0].transform(x))[:, 1]).max() < 1e-12
    return margins


def main():
    training, full = rows(3000, 1, True), rows(3000, 2, False)
    folder = pathlib.Path(tempfile.mkdtemp()) if len(sys.argv) > 1 else HERE
    count = 10_000 if len(sys.argv) > 1 else 60
    with_absent, without = rows(count, 3, True)[0], rows(count, 4, False)[0]
    for name, path, margins, shapley, again, absent in models(*training, *full, folder):
        x = with_absent if absent else without
        expected = margins(x)
        if len(sys.argv) > 1:
            print(f"{name}: {compared(sys.argv[1], path, x, expected):.1e} over {count} rows", flush=True)
            continue
        out = frozen(x, expected)
        if shapley:
            out["shapley"] = np.asarray(again(x)).reshape(len(x), -1).tolist()
            assert np.abs(np.asarray(out["shapley"]) - shapley(x)).max() < 1e-9, name
        (HERE / f"{path.stem}.vectors.json").write_text(json.dumps(out) + "\n")
    for path, absent, nameless in onnx_models.models(*training, *full, NAMES, folder):
        x = onnx_models.near_cuts(path, with_absent if absent else without)
        expected = onnx_models.said(path, x)
        if len(sys.argv) > 1:
            print(f"{path.name}: {compared(sys.argv[1], path, x, expected, NAMES if nameless else []):.1e} over {count} rows", flush=True)
        else:
            (HERE / f"{path.stem}.vectors.json").write_text(json.dumps(frozen(x, expected)) + "\n")


def frozen(x, expected):
    return {"rows": [[None if np.isnan(v) else v for v in row] for row in x.tolist()], "scores": expected.tolist()}


def compared(program, path, x, expected, names=()):
    table, model, scores = (path.with_suffix(end) for end in (".csv", ".keepset.json", ".scores.csv"))
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*NAMES, "y"])
        writer.writerows([["" if np.isnan(v) else repr(float(v)) for v in row] + [i % 2] for i, row in enumerate(x)])
    given = ["--features", ",".join(names)] if names else []
    subprocess.run([program, "import", "--from", path, "--label", "y", "--out", model, *given], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([program, "evaluate", "--model", model, "--table", table, "--scores", scores], check=True, stdout=subprocess.DEVNULL)
    found = np.array([float(line.split(",")[0]) for line in scores.read_text().splitlines()[1:]])
    return np.abs(found - expected).max()


main()
