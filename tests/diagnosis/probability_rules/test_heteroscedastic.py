"""PR304: ratio and coverage are the planted ones; remedies; degenerate and real tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from simulated import case_of, file_case, findings, table_case


def two_spreads(n: int = 4000, ratio: float = 3.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = np.repeat([0.0, 1.0], n // 2)
    return x, rng.normal(size=n) * np.where(x == 1, ratio, 1.0)


def test_ratio_and_coverage_are_as_planted():
    """σ 1 and 3 in equal parts: the common σ is √5, an interval of ±1.96√5 covers 2Φ(1.96√5/3) − 1 at the wide end."""
    x, y = two_spreads()
    (found,) = findings(case_of(x[:, None], y), "PR304")
    ratio, coverage, *_ = found.evidence
    assert ratio.value == pytest.approx(3, rel=0.06)
    theory = 2 * special.ndtr(1.96 * np.sqrt(5) / 3) - 1
    assert coverage.predicted == pytest.approx(theory, abs=0.02)
    assert coverage.value == pytest.approx(theory, abs=0.025)
    assert found.subject == ("x1",)
    assert "x1" in found.message
    assert len(found.message) <= 160


def test_robust_errors_are_the_remedy_where_no_logarithm_exists():
    rng = np.random.default_rng(1)
    x = rng.normal(size=800)
    y = x + (0.2 + x**2) * rng.normal(size=800)
    X = np.column_stack([x, x**2])
    (found,) = findings(case_of(X, y), "PR304")
    assert found.remedy.edit == {"covariance": "HC3"}
    assert found.remedy.trial.helped
    assert found.remedy.trial.after < 0.5 * found.remedy.trial.before


def test_a_level_is_named():
    rng = np.random.default_rng(2)
    kind = rng.choice(["a", "b", "c"], size=900)
    y = rng.normal(size=900) * np.where(kind == "b", 4.0, 1.0)
    (found,) = findings(table_case({"kind": kind, "x": rng.normal(size=900), "y": y}, "y"), "PR304")
    assert found.subject == ("kind",)
    assert "kind=b" in found.message


def test_note_where_intervals_still_cover():
    """σ 1 in 30 % and 1.7 in 70 % of the rows: 92 % of the wide end are covered."""
    rng = np.random.default_rng(3)
    x = np.repeat([0.0, 1.0], [3000, 7000])
    y = rng.normal(size=10_000) * np.where(x == 1, 1.7, 1.0)
    (found,) = findings(case_of(x[:, None], y), "PR304")
    assert found.severity == "note"


@pytest.mark.parametrize("n", [4, 30, 61])
def test_small_tables(n):
    rng = np.random.default_rng(n)
    assert not findings(case_of(rng.normal(size=(n, 1)), rng.normal(size=n)), "PR304")


def test_more_columns_than_rows_and_exact_fits():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(80, 100))
    assert not findings(case_of(X, rng.normal(size=80)), "PR304")
    assert not findings(case_of(X[:, :2], X[:, 0]), "PR304")


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("windsor_housing/windsor_housing.csv", "price"),
        ("cps1985_wages/cps1985_wages.csv", "wage"),
        ("diamonds/diamonds.csv", "price"),
    ],
)
def test_real_tables(shared_data, name, target):
    (found,) = findings(file_case(shared_data / name, target), "PR304")
    assert found.subject == (target,)
    assert found.remedy.edit == {"target_transform": "log"}
    assert found.remedy.trial.helped
