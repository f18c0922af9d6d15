#!/usr/bin/env python3
"""What other libraries learn of Online Shoppers, on the rows that `keepset figures` measures on; prints it.

    beside.py TABLE    online_shoppers/train70.csv; needs lightgbm, pandas and scikit-learn

Five parts, each foretold by what was learned of the other four; trees of several sizes, a random forest, a line over logarithms, and means of
their log-odds. All are shown, and the best of them was chosen on the rows it is measured on, in its favour.
"""

import sys

import lightgbm
import numpy
import pandas
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NAMES = ["OperatingSystems", "Browser", "Region", "TrafficType", "Month", "VisitorType"]


def trees(leaves, count, least=20):
    return lambda: lightgbm.LGBMClassifier(
        num_leaves=leaves, n_estimators=count, min_child_samples=least, learning_rate=0.03,
        subsample=0.7, subsample_freq=1, colsample_bytree=0.4, verbose=-1, n_jobs=1,
    )  # fmt: skip


def table(path):
    """The columns, one of 0 and 1 for each name, and the same with sums and ratios of them."""
    rows = pandas.read_csv(path)
    plain = pandas.get_dummies(rows.drop(columns=["Revenue", "row"]), columns=NAMES).astype(float)
    pages = plain.Administrative + plain.Informational + plain.ProductRelated
    time = plain.Administrative_Duration + plain.Informational_Duration + plain.ProductRelated_Duration
    more = plain.assign(pages=pages, time=time, pace=time / (pages + 1), value=plain.PageValues * pages,
                        leaves=plain.ExitRates - plain.BounceRates)  # fmt: skip
    return plain, more, rows.Revenue.astype(int).to_numpy()


def main():
    plain, more, bought = table(sys.argv[1])
    ways = {
        "LightGBM, 4 leaves": (plain, trees(4, 500)),
        "LightGBM, 8 leaves": (plain, trees(8, 300)),
        "LightGBM, 24 leaves": (plain, trees(24, 200, 40)),
        "LightGBM, 8 leaves, sums and ratios": (more, trees(8, 300)),
        "random forest": (plain, lambda: RandomForestClassifier(120, min_samples_leaf=5, max_features=0.3, random_state=0)),
        "line over logarithms": (numpy.log1p(more.clip(lower=0)),
                                 lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))),
    }  # fmt: skip
    means = {
        "mean of LightGBM and forest": ["LightGBM, 8 leaves", "random forest"],
        "mean of LightGBM and line": ["LightGBM, 8 leaves", "line over logarithms"],
        "mean of three LightGBM and forest": [*list(ways)[1:4], "random forest"],
    }
    found = {name: [] for name in [*ways, *means]}
    for known, asked in StratifiedKFold(5, shuffle=True, random_state=1).split(plain, bought):
        odds = {}
        for name, (columns, way) in ways.items():
            chance = way().fit(columns.iloc[known], bought[known]).predict_proba(columns.iloc[asked])[:, 1]
            odds[name] = numpy.log((chance + 1e-4) / (1 - chance + 1e-4))
        odds |= {name: sum(odds[one] for one in of) for name, of in means.items()}
        for name, scores in odds.items():
            found[name].append(roc_auc_score(bought[asked], scores))
    for name, areas in found.items():
        print(f"{name:38} {numpy.mean(areas):.3f} ± {numpy.std(areas):.3f}")


if __name__ == "__main__":
    main()
