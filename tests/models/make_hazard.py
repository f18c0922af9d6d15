"""Makes hazard.vectors.json: waits of some people, and what statsmodels and scikit-learn find in a row for each day that somebody waited.

    python3 -m venv venv && venv/bin/pip install statsmodels==0.14.* scikit-learn==1.*
    venv/bin/python tests/models/make_hazard.py
"""
import json
import pathlib

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression

NAMES, ENDS, PEOPLE = ["orders", "recency", "noise"], [7, 14, 28, 45], 400

draw = np.random.default_rng(2026)
values = np.column_stack([draw.poisson(2.0, PEOPLE).astype(float), np.round(draw.exponential(30, PEOPLE), 2), np.round(draw.normal(size=PEOPLE), 3)])
line = 0.35 * values[:, 0] - 0.02 * values[:, 1]
days, came = [], []
for person in range(PEOPLE):
    watched = int(draw.integers(10, ENDS[-1] + 1))
    base = [-3.5 if day <= 7 else -3.9 if day <= 28 else -4.3 for day in range(1, watched + 1)]
    hits = [day for day in range(1, watched + 1) if draw.uniform() < 1 / (1 + np.exp(-base[day - 1] - line[person]))]
    days.append(hits[0] if hits else watched)
    came.append(int(bool(hits)))

x, y = [], []
for person in range(PEOPLE):
    for day in range(1, days[person] + 1):
        stretch = next(place for place, end in enumerate(ENDS) if day <= end)
        x.append([float(place == stretch) for place in range(len(ENDS))] + values[person].tolist())
        y.append(came[person] and day == days[person])
x, y = np.array(x), np.array(y, dtype=float)
fitted = sm.GLM(y, x, family=sm.families.Binomial()).fit(tol=1e-14, maxiter=200)
# The same by another library and another search, without a penalty.
other = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(x, y)
assert np.allclose(fitted.params, other.coef_[0], rtol=1e-6, atol=1e-6), (fitted.params, other.coef_)
out = dict(zip(NAMES, values.T.tolist()))
out |= {"days": days, "came": came, "ends": ENDS, "statsmodels": fitted.params.tolist(), "errors": fitted.bse[len(ENDS):].tolist()}
pathlib.Path(__file__).with_name("hazard.vectors.json").write_text(json.dumps(out) + "\n")
print(f"{len(y)} days of {PEOPLE} people, {sum(came)} of whom came: {fitted.params}")
