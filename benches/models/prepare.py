"""Trains what scoring is measured with, in a Python of its own in target/models: 100 trees of LightGBM, and a line of 100 weights.

`cargo xtask bench models` calls this. Each is written for Keepset, as ONNX, and as the JavaScript that m2cgen makes of it, with a story
of values that change one at a time and the score that the library itself gives after each change.
"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
FOLDER = HERE.parent.parent / "target" / "models"
ROWS, CHANGES, SEED = 20_000, 4_000, 2026


def story(numpy, chance, width):
    """Changes of one value after the other, round and round, and what all values are after each."""
    values = chance.integers(0, 1024, CHANGES) / 1024
    row = numpy.array([values[CHANGES - width + k] for k in range(width)])
    rows = []
    for n, value in enumerate(values):
        row[n % width] = value
        rows.append(row.copy())
    return values, numpy.array(rows)


def write(name, model, values, scores, onnx):
    import m2cgen

    FOLDER.joinpath(f"{name}.js").write_text(m2cgen.export_to_javascript(model) + "\nexport { score };\n")
    FOLDER.joinpath(f"{name}.onnx").write_bytes(onnx.SerializeToString())
    FOLDER.joinpath(f"{name}.json").write_text(json.dumps({"values": values.tolist(), "scores": scores.tolist()}))


def train():
    import lightgbm
    import numpy
    import onnxmltools
    import skl2onnx
    from sklearn.linear_model import LogisticRegression

    sys.setrecursionlimit(10_000)
    chance = numpy.random.default_rng(SEED)

    def labelled(width):
        x = chance.integers(0, 1024, (ROWS, width)) / 1024
        pull = numpy.sin(5 * x[:, 0]) + 2 * x[:, 1] * x[:, 2] - x[:, 3] + numpy.abs(x[:, 4] - 0.5) + x[:, 5:].sum(axis=1) / width
        return x, (pull + chance.normal(0, 0.5, ROWS) > numpy.median(pull)).astype(int)

    x, y = labelled(8)
    trees = lightgbm.LGBMClassifier(n_estimators=100, max_depth=6, num_leaves=64, deterministic=True, seed=SEED, n_jobs=1, verbose=-1)
    trees.fit(x, y, feature_name=[f"x{k}" for k in range(8)])
    values, rows = story(numpy, chance, 8)
    floats = onnxmltools.convert.common.data_types.FloatTensorType([1, 8])
    graph = onnxmltools.convert_lightgbm(trees, initial_types=[("x", floats)], zipmap=False, target_opset=15)
    write("trees", trees, values, trees.predict(rows, raw_score=True), graph)
    trees.booster_.save_model(str(FOLDER / "trees.txt"))
    FOLDER.joinpath("trees.rows.json").write_text(json.dumps({"rows": x[:2_000].tolist(), "labels": y[:2_000].tolist()}))

    x, y = labelled(100)
    line = LogisticRegression(max_iter=1_000).fit(x, y)
    values, rows = story(numpy, chance, 100)
    graph = skl2onnx.to_onnx(line, x[:1].astype(numpy.float32), options={"zipmap": False}, target_opset=15)
    write("line", line, values, line.decision_function(rows), graph)
    FOLDER.joinpath("line.weights.json").write_text(json.dumps({"intercept": float(line.intercept_[0]), "weights": line.coef_[0].tolist()}))


if __name__ == "__main__":
    if sys.argv[1:] == ["train"]:
        train()
    else:
        sys.path.insert(0, str(HERE.parent))
        from pypi import installed

        sys.exit(subprocess.run([installed(FOLDER, HERE / "requirements.txt"), __file__, "train"]).returncode)
