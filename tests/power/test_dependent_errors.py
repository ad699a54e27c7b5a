"""PR306: silent where rows are independent, speaks where groups or neighbours err alike, and names them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from simulated import findings, linear_data, rarely, table_case, usually

HEALTHY, PLANTED = 60, 25


def autoregression(rng: np.random.Generator, n: int, r: float) -> np.ndarray:
    e = rng.normal(size=n)
    for t in range(1, n):
        e[t] = r * e[t - 1] + np.sqrt(1 - r * r) * e[t]
    return e


def labels(rng: np.random.Generator, n: int, kind: str) -> dict[str, object]:
    """Columns that could name groups or an order, and mean nothing."""
    number = rng.integers(0, max(n // 8, 6), n)
    if kind == "words":
        return {"patient": np.array([f"p{i}" for i in number])}
    if kind == "numbers":
        return {"subject": number + 100}
    return {"day": np.datetime64("2021-01-01") + rng.integers(0, 400, n).astype("timedelta64[D]")}


@pytest.mark.parametrize("binary", [False, True])
def test_silent_on_independent_rows(binary):
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng([seed, binary])
        n = int(rng.choice([80, 250, 800]))
        X, y = linear_data(rng, n, int(rng.choice([1, 4])), 0.4, binary=binary)
        columns = {f"x{j}": x for j, x in enumerate(X.T)} | {"y": y}
        columns |= labels(rng, n, ["words", "numbers", "dates"][seed % 3])
        found = findings(table_case(columns, "y"), "PR306")
        assert not [f for f in found if f.severity == "error"]
        alarms += bool(found)
    assert rarely(alarms, HEALTHY)


@pytest.mark.parametrize("by", ["x0", "y"])
def test_a_sorted_file_is_no_order(by):
    """Curved in x and sorted by it, or sorted by the target: neighbours are alike, but not because they are next."""
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=300)
        table = {"x0": x, "x1": rng.normal(size=300), "y": x + x**2 + rng.normal(size=300)}
        order = np.argsort(table[by])
        found = findings(table_case({k: v[order] for k, v in table.items()}, "y"), "PR306")
        alarms += bool(found)
    assert rarely(alarms, 20)


def planted(rng: np.random.Generator, binary: bool):
    g = rng.permutation(np.repeat(np.arange(50), 8))
    x, a = rng.normal(size=50)[g] + 0.3 * rng.normal(size=400), rng.normal(size=50)[g]
    eta = x + a
    y = (
        (rng.random(400) < special.expit(1.5 * eta)).astype(float)
        if binary
        else eta + rng.normal(size=400)
    )
    return g, {"x": x, "z": rng.normal(size=400), "y": y}


@pytest.mark.parametrize("binary", [False, True])
def test_finds_the_groups(binary):
    hits = 0
    for seed in range(PLANTED if not binary else 12):
        rng = np.random.default_rng(seed)
        g, columns = planted(rng, binary)
        (f,) = findings(table_case(columns | {"patient_id": g + 7}, "y"), "PR306") or (None,)
        hits += bool(
            f
            and f.subject == ("patient_id",)
            and f.severity == "warning"
            and f.remedy
            and f.remedy.edit == {"groups": "patient_id", "covariance": "cluster"}
            and f.remedy.trial
            and f.remedy.trial.helped
        )
    assert usually(hits, PLANTED if not binary else 12)


def test_finds_groups_that_are_no_feature():
    """Five rows of each patient: none has a level of its own in the design."""
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        g = rng.permutation(np.repeat(np.arange(80), 5))
        x = rng.normal(size=80)[g]
        y = x + rng.normal(size=80)[g] + rng.normal(size=400)
        who = np.array([f"p{i}" for i in g])
        found = findings(table_case({"x": x, "who": who, "y": y}, "y"), "PR306")
        hits += len(found) == 1 and found[0].subject == ("who",)
    assert usually(hits, PLANTED)


@pytest.mark.parametrize("dated", [False, True])
def test_finds_the_order(dated):
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        x = autoregression(rng, 400, 0.7)
        columns: dict[str, object] = {"x": x, "y": x + autoregression(rng, 400, 0.6)}
        subject = "y"
        if dated:
            subject = "day"
            columns["day"] = np.datetime64("2021-01-01") + np.arange(400).astype("timedelta64[D]")
            mix = rng.permutation(400)
            columns = {k: np.asarray(v)[mix] for k, v in columns.items()}
        (f,) = findings(table_case(columns, "y", roles={}), "PR306") or (None,)
        hits += bool(f and f.subject == (subject,) and f.remedy and f.remedy.edit["blocked"])
    assert usually(hits, PLANTED)
