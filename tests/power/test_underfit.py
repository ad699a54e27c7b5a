"""PR303: silent for linear truth under any noise and where bends suffice; heard for structure they cannot reach."""

import numpy as np
import pytest

from simulated import findings_in, linear_data, rarely, usually

RUNS, FEWER = 30, 20


def _healthy(kind: str, rng: np.random.Generator):
    if kind == "normal":
        return linear_data(rng, 300, 6, 0.5)
    if kind == "binary":
        return linear_data(rng, 400, 5, 0.4, binary=True)
    X = rng.normal(size=(300, 3))
    if kind == "heavy":
        return X, X[:, 0] + rng.standard_t(2, 300)
    if kind == "uneven":
        return X, X[:, 0] + np.exp(0.7 * X[:, 1]) * rng.normal(size=300)
    if kind == "levels":
        X = rng.integers(0, 2, (400, 4)).astype(float)
        return X, X.sum(axis=1) + rng.normal(size=400)
    return X, 2 * X[:, 0] ** 2 + X[:, 1] + 0.5 * rng.normal(size=300)  # CA206's


@pytest.mark.parametrize("kind", ["normal", "binary", "heavy", "uneven", "levels", "bent"])
def test_nothing_to_gain(kind):
    alarms = sum(
        bool(findings_in("PR303", _healthy(kind, np.random.default_rng(s)))) for s in range(RUNS)
    )
    assert rarely(alarms, RUNS, 0.05)


@pytest.mark.parametrize("binary", [False, True])
def test_three_features_together(binary):
    """The sign of a product of three features: no bend and no product of two sees it."""
    hits = 0
    for seed in range(FEWER):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1, 1, (1000, 3))
        g = np.sign(X[:, 0] * X[:, 1] * X[:, 2])
        y = (
            (rng.random(1000) < np.where(g > 0, 0.9, 0.1)).astype(float)
            if binary
            else 1.5 * g + X[:, 0] + rng.normal(size=1000)
        )
        found = findings_in("PR303", (X, y))
        hits += bool(found)
    assert usually(hits, FEWER, 0.9)
