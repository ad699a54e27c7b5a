"""The whole road of tables with sparse columns: as the dense road, in a fraction of the memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import polars as pl
import pytest

import whyfit
from whyfit.data import coding
from whyfit.data.coding import LevelCoding
from whyfit.data.folds import fold_count, most_folds
from whyfit.data.table import read_table
from whyfit.diagnosis.case import Case
from whyfit.models.file import load_model
from whyfit.spec import Spec

N = 900


def table(seed: int, levels: int = 9) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    town, x, z = rng.integers(0, levels, N), rng.normal(size=N), rng.normal(size=N) * 1e4
    effect = rng.normal(size=levels)
    eta = effect[town] + x
    return pl.DataFrame(
        {
            "town": [f"t{i}" for i in town],
            "x": x,
            "z": z,
            "sort": [f"s{i}" for i in rng.integers(0, 5, N)],
            "number": eta + rng.normal(size=N) * np.exp(0.6 * x),
            "answer": np.where(rng.random(N) < 1 / (1 + np.exp(-eta)), "yes", "no"),
            "kind": [f"k{i}" for i in np.digitize(eta + rng.normal(size=N), [-0.8, 0.8])],
        }
    )


TARGETS = ("number", "answer", "kind")


def road(frame: pl.DataFrame, target: str, limit: int, monkeypatch, **choices):
    monkeypatch.setattr(coding, "SPARSE_LEVELS", limit)
    others = tuple(t for t in TARGETS if t != target)
    return whyfit.fit(frame, spec=Spec(target=target, drop=others, folds=5, **choices))


@pytest.mark.parametrize("target", TARGETS)
def test_fit_scores_and_findings_are_those_of_the_dense_road(target, monkeypatch):
    frame = table(1)
    sparse = road(frame, target, 2, monkeypatch)
    dense = road(frame, target, 10**6, monkeypatch)
    assert sparse.case.design.n_dense == 2
    assert dense.case.design.n_dense == dense.case.p
    a, b = ({c.name: c for c in r.document.model.coefficients} for r in (sparse, dense))
    assert a.keys() == b.keys()
    for name, c in a.items():
        assert c.estimate == pytest.approx(b[name].estimate, rel=1e-7, abs=1e-9)
        assert c.std_error == pytest.approx(b[name].std_error, rel=1e-7)
    for name, values in sparse.case.scores.items():
        np.testing.assert_allclose(values, dense.case.scores[name], rtol=1e-6, atol=1e-9)
    found = [[(f.code, f.severity, set(f.subject)) for f in r.findings] for r in (sparse, dense)]
    assert found[0] == found[1]
    assert any(code == "LA108" for code, *_ in found[0])  # z is planted


@pytest.mark.parametrize("target", TARGETS)
def test_a_saved_model_predicts_as_before(target, monkeypatch, tmp_path):
    frame = table(2)
    result = road(frame, target, 2, monkeypatch)
    path = tmp_path / "m.whyfit"
    result.save(path)
    monkeypatch.setattr(coding, "SPARSE_LEVELS", 50)
    again, new = load_model(path), frame.head(40).drop(TARGETS)
    monkeypatch.setattr("whyfit.data.layout.BLOCK_BYTES", 8 * 15 * 12)  # twelve rows at a time
    expected = result.model.predict(new)
    np.testing.assert_array_equal(again.predict(new), expected)
    assert len(expected) == 40


def test_many_levels_take_the_memory_of_their_moments_not_of_their_cells():
    n, levels = 80_000, 400
    rng = np.random.default_rng(3)
    shop = rng.integers(0, levels, n)
    frame = pl.DataFrame(
        {
            "shop": pl.Series([f"s{i}" for i in range(levels)]).gather(shop),
            "x": rng.normal(size=n),
            "y": np.sin(shop) + rng.normal(size=n),
        }
    )
    spec = Spec(target="y", max_levels=levels)
    case = Case.of(read_table(frame, spec), spec)
    tracemalloc.start()
    try:
        r2 = case.scores["r2"].mean()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert case.p == levels
    assert peak < 8 * n * levels / 3  # 256 MB if the cells were dense
    assert r2 == pytest.approx(1 / 3, abs=0.02)  # var sin = ½ beside a noise of 1
    dummy = np.zeros(levels)
    for name, w in zip(case.names, case.linear.coef, strict=True):
        if name != "x":
            dummy[int(name.removeprefix("shop=s"))] = w
    (reference,) = (c.levels.reference for c in case.design.codings if isinstance(c, LevelCoding))
    gap = dummy - (np.sin(np.arange(levels)) - np.sin(int(reference[1:])))
    assert np.abs(gap).max() < 5 * np.sqrt(2 / (n / levels))  # five standard errors


def test_folds_of_a_wide_design_are_as_many_as_their_moments_allow():
    assert most_folds(1_000) >= 10
    assert most_folds(4_500) == 2
    assert fold_count(10**6, min(10, most_folds(3_000))) == most_folds(3_000) < 10
    for p in (2_500, 3_500, 4_000):
        assert 8 * most_folds(p) * (p + 1) ** 2 <= 320 << 20


def test_the_report_says_why_there_are_fewer_folds(monkeypatch):
    monkeypatch.setattr("whyfit.data.folds.FOLD_BYTES", 8 * 4 * 15**2)
    result = whyfit.fit(table(4), spec=Spec(target="number", drop=("answer", "kind")))
    assert result.case.k < 10
    p = result.case.p
    assert f"{result.case.k} folds instead of 10: the moments of {p} columns" in " ".join(
        result.document.notes
    )
