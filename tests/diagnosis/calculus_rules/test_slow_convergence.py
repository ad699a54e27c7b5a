"""CA203 on fits: many columns with one factor in common; silent on units, near copies and ordinary tables."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, findings
from whyfit.calculus.descent import Quadratic
from whyfit.diagnosis.calculus_rules.slow_convergence import BUDGET
from whyfit.diagnosis.registry import all_rules, every_rule


def one_factor(n=2500, p=160, rho=0.8, seed=0, flat=True):
    """Any two columns are correlated by rho; the target lives in the flat directions, or in the sharp one."""
    rng = np.random.default_rng(seed)
    X = np.sqrt(rho) * rng.standard_normal((n, 1)) + np.sqrt(1 - rho) * rng.standard_normal((n, p))
    w = rng.standard_normal(p) if flat else np.ones(p)
    w = w - w.mean() if flat else w
    return X, X @ w / np.sqrt(p) + 0.3 * rng.standard_normal(n)


@pytest.mark.parametrize("seed", range(2))
def test_one_common_factor_makes_a_valley_of_the_predicted_shape(seed):
    X, y = one_factor(seed=seed)
    case = case_of(X, y)
    (found,) = findings(case, "CA203")
    assert found.severity == "note"
    kappa, steps, left = found.evidence
    C = np.corrcoef(X.T)
    lam = np.linalg.eigvalsh(C)
    assert kappa.value == pytest.approx(lam[-1] / lam[0], rel=1e-6)
    # 1 + pρ/(1 − ρ), but that a sample spreads the flat eigenvalues by (1 ± √(p/n))²
    expected = (1 + 160 * 0.8 / 0.2) / (1 - np.sqrt(160 / 2500)) ** 2
    assert kappa.value == pytest.approx(expected, rel=0.1)
    assert steps.value >= BUDGET
    assert steps.value <= kappa.value / 2 * np.log(100) * 1.001
    assert left.value == pytest.approx(left.predicted, rel=1e-3, abs=1e-6)
    assert found.remedy.trial.helped
    assert found.remedy.trial.after < 10 * np.sqrt(kappa.value)


def test_the_steps_named_are_the_steps_taken():
    X, y = one_factor(seed=5)
    (found,) = findings(case_of(X, y), "CA203")
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    A, g = Z.T @ Z / len(y), Z.T @ (y - y.mean()) / len(y)
    loss = Quadratic(A, g, float(y.var()))
    losses = loss.run(5000, until=0.01)
    assert len(losses) - 1 == pytest.approx(found.evidence[1].value, abs=2)


def test_a_target_in_the_sharp_direction_is_found_at_once():
    X, y = one_factor(flat=False)
    assert not findings(case_of(X, y), "CA203")


def test_units_and_near_copies_belong_to_other_rules():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((500, 5)) * 10.0 ** np.arange(5)
    y = X @ (1 / 10.0 ** np.arange(5)) + rng.standard_normal(500)
    assert not findings(case_of(X, y), "CA203")
    X = rng.standard_normal((500, 3))
    X = np.column_stack([X, X[:, 0] + 0.02 * rng.standard_normal(500)])
    y = X[:, 0] - X[:, 3] + X[:, 1] + rng.standard_normal(500)
    case = case_of(X, y)
    assert not findings(case, "CA203")
    assert findings(case, "LA107")


@pytest.mark.parametrize("seed", range(10))
def test_ordinary_tables_are_left_alone(seed):
    rng = np.random.default_rng(seed)
    n, p = int(rng.choice([20, 100, 1000])), int(rng.integers(1, 30))
    X = rng.standard_normal((n, p)) @ rng.standard_normal((p, p))
    assert not findings(case_of(X, rng.standard_normal(n)), "CA203")


def test_one_page_for_both_uses():
    pages = [r for r in every_rule() if r.code in ("CA203", "CA204")]
    assert [r.code for r in pages] == ["CA203", "CA204"]
    assert all(r in all_rules() for r in pages)
    assert all("whyfit descend" in r.page for r in pages)
