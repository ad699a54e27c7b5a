"""PR315: silent where labels mean nothing, speaks where the model knows held-out rows by their companions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from simulated import findings, linear_data, rarely, table_case, usually

HEALTHY, PLANTED = 60, 25


@pytest.mark.parametrize("binary", [False, True])
def test_silent_on_labels_that_mean_nothing(binary):
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng([seed, binary])
        n = int(rng.choice([80, 250, 800]))
        X, y = linear_data(rng, n, int(rng.choice([2, 8])), 0.4, binary=binary)
        g = rng.integers(0, max(n // 12, 6), n)
        columns: dict[str, object] = {f"x{j}": x for j, x in enumerate(X.T)}
        columns |= {
            "patient": np.array([f"p{i}" for i in g]),
            "site": rng.integers(0, 12, n),
            "y": y,
        }
        alarms += bool(findings(table_case(columns, "y"), "PR315"))
    assert rarely(alarms, HEALTHY)


def test_silent_on_a_category_that_matters():
    """Four kinds with an effect each are a feature like any other, and so are thirty towns."""
    alarms = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        kind, town = rng.integers(0, 4, 600), rng.integers(0, 30, 600)
        y = 2 * rng.normal(size=4)[kind] + rng.normal(size=30)[town] + rng.normal(size=600)
        columns = {
            "x": rng.normal(size=600),
            "kind": np.array(["oak", "fir", "elm", "ash"])[kind],
            "town": np.array([f"town {i}" for i in range(30)])[town],
            "y": y,
        }
        alarms += bool(findings(table_case(columns, "y"), "PR315"))
    assert rarely(alarms, 30)


def groups(rng: np.random.Generator, binary: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Ten columns that are constant in 40 groups of 10 rows (classes: 30), and a common part of the errors."""
    g = rng.permutation(np.repeat(np.arange(40), 30 if binary else 10))
    X = rng.normal(size=(40, 10))[g]
    a = rng.normal(size=40)[g]
    eta = X[:, 0] + 1.5 * a
    y = eta + rng.normal(size=g.size)
    if binary:
        y = (rng.random(g.size) < special.expit(1.2 * eta)).astype(float)
    return g, {f"x{j}": x for j, x in enumerate(X.T)} | {"y": y}


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("kind", ["numbers", "levels"])
def test_finds_groups_on_both_sides(binary, kind):
    hits = 0
    for seed in range(PLANTED):
        g, columns = groups(np.random.default_rng(seed), binary)
        who = g + 100 if kind == "numbers" else np.array([f"p{i}" for i in g])
        (f,) = findings(table_case(columns | {"patient": who}, "y"), "PR315") or (None,)
        hits += bool(
            f
            and f.subject == ("patient",)
            and f.remedy
            and f.remedy.edit == {"groups": "patient"}
            and f.remedy.trial
            and f.remedy.trial.helped
            and f.evidence[0].low > 0
        )
    assert usually(hits, PLANTED)


def test_finds_neighbours_on_both_sides():
    """Columns that drift tell the time, and errors of one time are alike."""
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        n = 250
        X = np.cumsum(rng.normal(size=(n, 12)), axis=0)
        e = rng.normal(size=n)
        for t in range(1, n):
            e[t] = 0.97 * e[t - 1] + 0.25 * e[t]
        columns = {f"x{j}": x for j, x in enumerate(X.T)} | {"y": e + 0.1 * rng.normal(size=n)}
        (f,) = findings(table_case(columns, "y"), "PR315") or (None,)
        hits += bool(f and f.remedy and f.remedy.edit == {"blocked": True})
    assert usually(hits, PLANTED)
