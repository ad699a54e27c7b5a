"""VIFs against regressions of each column, and the coverage of their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import usually
from whyfit.probability.inflation import Inflation


def test_vif_is_one_over_one_minus_r2():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4))
    X[:, 3] += X[:, 0] + X[:, 1]
    g = Inflation.of(np.corrcoef(X.T), 80)
    for j in range(4):
        A = np.column_stack([np.ones(80), np.delete(X, j, axis=1)])
        e = X[:, j] - A @ np.linalg.lstsq(A, X[:, j], rcond=None)[0]
        r2 = 1 - e @ e / ((X[:, j] - X[:, j].mean()) ** 2).sum()
        assert g.vif[j] == pytest.approx(1 / (1 - r2), rel=1e-9)


def test_intervals_cover_the_population():
    """Columns with population VIF 1/(1 − 0.9) = 10 and two that are unrelated."""
    rng = np.random.default_rng(1)
    low_ok = two_sided = 0
    runs = 400
    for _ in range(runs):
        a = rng.normal(size=60)
        b = np.sqrt(0.9) * a + np.sqrt(0.1) * rng.normal(size=60)
        g = Inflation.of(np.corrcoef(np.column_stack([a, b, rng.normal(size=(60, 2))]).T), 60)
        low, high = g.interval(0.95)
        two_sided += low[0] <= 10 <= high[0]
        low_ok += g.p_values(10.0)[0] > 0.05
    assert usually(two_sided, runs, 0.95)
    assert usually(low_ok, runs, 0.95)


def test_penalty_narrows():
    C = np.array([[1, 0.99], [0.99, 1]])
    free, shrunk = Inflation.of(C, 100), Inflation.of(C, 100, ridge=10.0)
    assert shrunk.vif[0] < free.vif[0] / 5


def test_without_degrees_of_freedom_nothing_is_known():
    g = Inflation.of(np.eye(4), 5)
    low, high = g.interval(0.95)
    assert (low == 1).all()
    assert np.isinf(high).all()
    assert (g.p_values(10.0) >= 0.5).all()


@pytest.mark.parametrize("vif", [2.0, 1e6, 1e12, 1e18])
def test_intervals_hold_the_digits_of_any_vif(vif):
    """The same relative width at every VIF that is large: z moves by ½ ln VIF."""
    g = Inflation(np.eye(2), np.diag([vif, 1.0]), 200)
    low, high = (float(v[0]) for v in g.interval(0.95))
    adjusted = vif * 198 / 199
    assert low < adjusted < high
    if vif > 1e3:
        half = 2 * 1.959964 / np.sqrt(196)
        assert np.log(high / adjusted) == pytest.approx(half, rel=1e-3)
        assert np.log(adjusted / low) == pytest.approx(half, rel=1e-3)
