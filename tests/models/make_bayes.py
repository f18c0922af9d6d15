"""Makes bayes.vectors.json: rows of small whole numbers, some absent, and the log-odds that scikit-learn's CategoricalNB gives them.

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.*
    venv/bin/python tests/models/make_bayes.py
"""
import json
import pathlib

import numpy as np
from sklearn.naive_bayes import CategoricalNB

draw = np.random.default_rng(2026)
columns = np.column_stack([draw.integers(0, 5, 300), draw.binomial(8, 0.3, 300), draw.integers(0, 2, 300)])
labels = (draw.uniform(size=300) < 1 / (1 + np.exp(2 - 0.5 * columns[:, 0] - 0.3 * columns[:, 1]))).astype(int)
absent = draw.uniform(size=columns.shape) < [0.1, 0.0, 0.05]
# What is absent is category 0, and each value the one after it, as many as there are.
ranks = np.column_stack([np.unique(column, return_inverse=True)[1] for column in np.where(absent, -1, columns).T])
ranks += 1 - absent.any(axis=0).astype(int)
model = CategoricalNB(alpha=1.0, min_categories=ranks.max(axis=0) + 1).fit(ranks, labels)
log = model.predict_log_proba(ranks)
values = [[None if gone else int(value) for value, gone in zip(column, of)] for column, of in zip(columns.T, absent.T)]
out = {"columns": values, "labels": labels.tolist(), "log_odds": (log[:, 1] - log[:, 0]).tolist()}
pathlib.Path(__file__).with_name("bayes.vectors.json").write_text(json.dumps(out) + "\n")
print(f"{labels.sum()} of 300 are a yes; log-odds {out['log_odds'][:3]}")
