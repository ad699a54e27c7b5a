"""LA113: silent on honest features, however strong; finds targets in disguise."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, findings, rarely, table_case, usually


def honest(seed: int):
    rng = np.random.default_rng(seed)
    n, p = int(rng.choice([40, 200, 1000])), int(rng.choice([2, 5, 10]))
    rho = rng.choice([0.0, 0.6])
    X = rng.normal(size=(n, p)) @ np.linalg.cholesky((1 - rho) * np.eye(p) + rho).T
    signal = X @ rng.normal(size=p)
    return X, signal / signal.std(), rng


def test_silent_on_honest_regressions():
    alarms, runs = 0, 120
    for seed in range(runs):
        X, signal, rng = honest(seed)
        y = signal + rng.choice([0.02, 0.3, 1.0]) * rng.normal(size=len(signal))
        found = findings(case_of(X, y), "LA113")
        alone = max(np.corrcoef(x, y)[0, 1] ** 2 for x in X.T)
        if alone < 0.99:  # above, the catalogue calls it a leak
            assert not [f for f in found if f.severity == "error"]
            alarms += bool(found)
    assert rarely(alarms, runs)


def test_silent_on_one_strong_feature_with_little_noise():
    """R² 0.98 from one column and nothing from the others: strong, but not a copy."""
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(400, 4))
        alarms += bool(findings(case_of(X, X[:, 0] + 0.14 * rng.normal(size=400)), "LA113"))
    assert rarely(alarms, 40)


def test_silent_on_honest_classes():
    alarms, runs = 0, 60
    for seed in range(runs):
        X, signal, rng = honest(seed)
        y = (rng.random(len(signal)) < 1 / (1 + np.exp(-4 * signal))).astype(float)
        if 5 < y.sum() < len(y) - 5:
            alarms += bool(findings(case_of(X, y), "LA113"))
    assert rarely(alarms, runs)


def test_a_calibration_curve_is_no_leak():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.uniform(0, 1000, 36)
        assert not findings(
            case_of(x[:, None], 1.002 * x - 0.3 + 0.9 * rng.normal(size=36)), "LA113"
        )


DISGUISES = {
    "plain": lambda y, rng: 2.54 * y + 3 + 0.02 * rng.normal(size=len(y)),
    "log": lambda y, _: np.log(y),
    "square": lambda y, _: y**2,
    "reciprocal": lambda y, _: 1 / y,
    "rank": lambda y, _: np.argsort(np.argsort(y)) / len(y) + np.tanh(y - y.mean()),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_finds_disguised_numbers(disguise):
    hits, runs = 0, 20
    for seed in range(runs):
        X, signal, rng = honest(3 * seed + 1)
        y = np.exp(0.5 * signal + 0.5 * rng.normal(size=len(signal))) + 1
        columns = {f"x{j}": x for j, x in enumerate(X.T)}
        columns["leak"] = DISGUISES[disguise](y, rng)
        found = findings(table_case(columns | {"y": y}, "y"), "LA113")
        hits += [f.subject for f in found] == [("leak",)] and found[0].severity == "error"
    assert usually(hits, runs)


@pytest.mark.parametrize("join", ["sum", "difference", "product", "ratio"])
def test_finds_pairs_that_make_the_target(join):
    hits, runs = 0, 20
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        a, b = np.exp(rng.normal(size=(2, 300))) + 0.5
        y = {"sum": a + b, "difference": a - b, "product": a * b, "ratio": a / b}[join]
        columns = {"a": a, "b": b, "c": rng.normal(size=300), "d": rng.normal(size=300), "y": y}
        found = findings(table_case(columns, "y"), "LA113")
        hits += [set(f.subject) for f in found] == [{"a", "b"}]
    assert usually(hits, runs)


def test_finds_disguised_classes():
    hits, runs = 0, 20
    for seed in range(runs):
        X, signal, rng = honest(3 * seed + 2)
        n = len(signal)
        y = (rng.random(n) < 1 / (1 + np.exp(-signal))).astype(int)
        if n < 200:
            hits += 1
            continue
        word = np.where(y == 1, "alive", "dead").astype(object)
        word[(y == 1) & (rng.random(n) < 0.3)] = "well"
        columns = {f"x{j}": x for j, x in enumerate(X.T)} | {"word": word, "y": y}
        found = findings(table_case(columns, "y"), "LA113")
        hits += [f.subject for f in found] == [("word",)]
    assert usually(hits, runs)
