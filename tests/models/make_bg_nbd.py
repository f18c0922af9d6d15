"""Makes `bg_nbd.vectors.json`: what BG/NBD and Gamma-Gamma models say of some customers, to 50 digits and then rounded.

    python3 -m venv venv && venv/bin/pip install mpmath==1.*
    venv/bin/python tests/models/make_bg_nbd.py

The conditional expectation is equation 10 of Fader, Hardie, Lee (2005) as it is printed there, whose division by `a - 1` and whose
series at `a + b + x = 1` no float survives; where one of them is 0 it is taken a hair beside.
"""
import json
import pathlib
import random

from mpmath import hyp2f1, mp, mpf

HERE = pathlib.Path(__file__).parent
RANGES = {"r": (1e-3, 20), "alpha": (0.1, 1e6), "a": (1e-3, 50), "b": (1e-3, 1e4)}


def beside(number, bad):
    return number + mpf(10) ** -40 if number == bad else number


def alive(m, x, last, age):
    if x == 0:
        return mpf(1)
    return 1 / (1 + m["a"] / (m["b"] + x - 1) * ((m["alpha"] + age) / (m["alpha"] + last)) ** (m["r"] + x))


def expected(m, x, last, age, within):
    a = beside(m["a"], 1)
    c = beside(a + m["b"] + x - 1, 0)
    z = within / (m["alpha"] + age + within)
    inner = (1 - z) ** (m["r"] + x) * hyp2f1(m["r"] + x, m["b"] + x, c, z)
    return c / (a - 1) * (1 - inner) * alive(m, x, last, age)


def main():
    mp.dps = 120
    draw = random.Random(1)
    log = lambda low, high: float(f"{low * (high / low) ** draw.random():.6g}")
    cases = []
    for number in range(400):
        # Half of them as trainings find them, half from all that a model may say.
        usual = {"r": (0.05, 5), "alpha": (1, 500), "a": (0.05, 5), "b": (0.05, 50)}
        m = {name: log(*(usual if number % 2 else RANGES)[name]) for name in RANGES}
        if number % 20 == 0:
            m["a"] = 1.0
        if number % 20 == 10:
            m["a"], m["b"] = 0.25, 0.75
        x = draw.choice([0, 0, 1, 2, 5, 20, 300])
        age = draw.choice([0, 3, 40, 400, 3000])
        last = draw.randint(0, age) if x else 0
        within = draw.choice([1, 28, 90, 366])
        of = {name: mpf(value) for name, value in m.items()}
        values = (mpf(x), mpf(last), mpf(age))
        cases.append({"model": list(m.values()), "customer": [x, last, age], "within": within,
                      "alive": float(alive(of, *values)), "expected": float(expected(of, *values, mpf(within)))})
    (HERE / "bg_nbd.vectors.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


main()
