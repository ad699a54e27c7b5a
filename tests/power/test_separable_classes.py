"""CA205: silent where classes overlap, however little; certain where they do not."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings, usually

PLANTED = 25


def test_silent_where_classes_overlap():
    for seed in range(120):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([100, 400, 2000])), int(rng.choice([1, 3, 6]))
        X = rng.normal(size=(n, p))
        w = rng.normal(size=p)
        y = (rng.random(n) < 1 / (1 + np.exp(-2 * X @ w / np.sqrt(w @ w)))).astype(float)
        assert not findings(case_of(X, y), "CA205")


def test_nearly_separable_data_have_a_maximum():
    """One row on the wrong side is enough."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(300, 3))
        eta = X @ [2.0, -1.0, 0.5]
        y = (eta > 0).astype(float)
        y[np.argsort(eta)[-20]] = 0.0
        assert not findings(case_of(X, y), "CA205")


def test_finds_a_separating_combination():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(200, 4))
        y = (X[:, 0] - X[:, 2] > 0).astype(float)
        (found,) = findings(case_of(X, y), "CA205") or (None,)
        hits += bool(found and found.severity == "error" and set(found.subject) == {"x1", "x3"})
    assert usually(hits, PLANTED)


def test_finds_a_level_with_one_class():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(300, 3))
        X[:, 1] = rng.random(300) < 0.1
        y = (rng.random(300) < 0.5).astype(float)
        y[X[:, 1] == 1] = 1.0
        (found,) = findings(case_of(X, y), "CA205") or (None,)
        hits += bool(found and found.severity == "warning" and found.subject == ("x2",))
    assert usually(hits, PLANTED)
