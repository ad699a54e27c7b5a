import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import QuantileRegressor

from whyfit.data.arrays import ArrayRows
from whyfit.errors import ShapeError, SpecError, TargetError
from whyfit.probability.conformal import (
    CVPlus,
    JackknifePlus,
    class_sets,
    quantile_regression,
    quantile_split,
    split,
    upper_quantile,
)
from whyfit.probability.linear import fit_arrays, fit_moments, gather


def simulated(n, rng, law="normal"):
    X = rng.normal(size=(n, 3)) + 5
    e = rng.normal(size=n) if law == "normal" else rng.standard_t(3, size=n)
    return X, X @ [1.0, -2.0, 0.5] + e


def order_ends(low, high, level):
    """Straight from the paper: the ⌊α(n + 1)⌋-th smallest and the ⌈(1 − α)(n + 1)⌉-th."""
    n = len(low)
    return np.sort(low)[int(np.floor((1 - level) * (n + 1) + 1e-9)) - 1], np.sort(high)[
        int(np.ceil(level * (n + 1) - 1e-9)) - 1
    ]


def test_jackknife_plus_equals_refits():
    rng = np.random.default_rng(0)
    X, y = simulated(25, rng)
    new = simulated(4, rng)[0]
    got = JackknifePlus.of(fit_arrays(X, y).fit, X, y).interval(new, 0.8)
    low, high = np.empty((25, 4)), np.empty((25, 4))
    for i in range(25):
        keep = np.arange(25) != i
        A = np.column_stack([np.ones(25), X])
        b = np.linalg.lstsq(A[keep], y[keep], rcond=None)[0]
        mine, r = np.column_stack([np.ones(4), new]) @ b, abs(y[i] - A[i] @ b)
        low[i], high[i] = mine - r, mine + r
    for j in range(4):
        expected = order_ends(low[:, j], high[:, j], 0.8)
        assert (got.low[j], got.high[j]) == pytest.approx(expected)


def test_jackknife_plus_under_a_penalty_equals_refits_at_fixed_scales():
    rng = np.random.default_rng(1)
    X, y = simulated(20, rng)
    fit = fit_arrays(X, y, ridge=5.0).fit
    got = JackknifePlus.of(fit, X, y).residuals
    K = np.diag(5.0 * X.var(axis=0))
    for i in (0, 11):
        keep = np.arange(20) != i
        m, c = X[keep].mean(axis=0), y[keep].mean()
        w = np.linalg.solve((X[keep] - m).T @ (X[keep] - m) + K, (X[keep] - m).T @ (y[keep] - c))
        assert got[i] == pytest.approx(abs(y[i] - c - (X[i] - m) @ w))


def test_cv_plus_equals_refits():
    rng = np.random.default_rng(2)
    X, y = simulated(40, rng)
    rows = ArrayRows(X, y, 5, 0, None)
    block = next(iter(rows.blocks()))
    new = simulated(3, rng)[0]
    got = CVPlus.of(gather(rows, 5), block.X, block.y, block.fold).interval(new, 0.9)
    A, N = np.column_stack([np.ones(40), block.X]), np.column_stack([np.ones(3), new])
    low, high = np.empty((40, 3)), np.empty((40, 3))
    for j in range(5):
        held = block.fold == j
        b = np.linalg.lstsq(A[~held], block.y[~held], rcond=None)[0]
        r = np.abs(block.y - A @ b)[held]
        low[held], high[held] = N @ b - r[:, None], N @ b + r[:, None]
    for i in range(3):
        assert (got.low[i], got.high[i]) == pytest.approx(order_ends(low[:, i], high[:, i], 0.9))


@pytest.mark.parametrize("law", ["normal", "t3"])
def test_coverage(law):
    rng, runs, m = np.random.default_rng(3), 60, 20
    inside = dict.fromkeys(("jackknife+", "CV+", "split"), 0.0)
    for _ in range(runs):
        X, y = simulated(40 + m, rng, law)
        new, t, X, y = X[40:], y[40:], X[:40], y[:40]
        fit = fit_arrays(X, y).fit
        rows = ArrayRows(X, y, 8, 0, None)
        block = next(iter(rows.blocks()))
        half = fit_arrays(X[:20], y[:20]).fit
        for name, i in (
            ("jackknife+", JackknifePlus.of(fit, X, y).interval(new, 0.9)),
            ("CV+", CVPlus.of(gather(rows, 8), block.X, block.y, block.fold).interval(new, 0.9)),
            ("split", split(y[20:], half.predict(X[20:]), half.predict(new), 0.9)),
        ):
            inside[name] += np.mean((i.low <= t) & (t <= i.high)) / runs
    for share in inside.values():  # sd of one sample's coverage is about 0.09
        assert abs(share - 0.905) < 4 * 0.09 / np.sqrt(runs)


def test_quantile_regression_equals_scikit_learn():
    rng = np.random.default_rng(4)
    X, y = simulated(80, rng)
    X[:, 2] = 7.0  # constant
    for tau in (0.1, 0.5):
        b = quantile_regression(X, y, tau)
        other = QuantileRegressor(quantile=tau, alpha=0).fit(X[:, :2], y)
        loss = [
            np.sum(np.maximum(tau * r, (tau - 1) * r))
            for r in (y - b[0] - X @ b[1:], y - other.predict(X[:, :2]))
        ]
        assert loss[0] == pytest.approx(loss[1], rel=1e-8)
        assert b[3] == 0


def test_quantile_intervals_cover_and_follow_the_spread():
    rng = np.random.default_rng(5)
    X = rng.uniform(0, 4, size=(6000, 1))
    y = X[:, 0] + (0.2 + X[:, 0]) * rng.normal(size=6000)
    b = np.column_stack([quantile_regression(X[:1000], y[:1000], t) for t in (0.05, 0.95)])
    ends = np.column_stack([np.ones(6000), X]) @ b
    got = quantile_split(y[1000:3000], ends[1000:3000], ends[3000:], 0.9)
    held = (got.low <= y[3000:]) & (y[3000:] <= got.high)
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], 2000, 0.9) / 2000
    assert low - 0.01 < held.mean() < high + 0.01
    wide = got.high - got.low
    x = X[3000:, 0]
    assert wide[x > 3].mean() > 3 * wide[x < 1].mean()


def test_every_class_is_covered():
    rng = np.random.default_rng(6)
    n = 8000
    code = (rng.random(n) < 0.1).astype(int)
    score = 1 / (1 + np.exp(2 - rng.normal(size=n) - 2.0 * code))
    P = np.column_stack([1 - score, score])
    S = class_sets(code[:4000], P[:4000], P[4000:], 0.9)
    for c in (0, 1):
        mine = S[code[4000:] == c, c]
        m, cal = len(mine), (code[:4000] == c).sum()
        spread = np.sqrt(0.09 / m + 0.09 / cal)
        assert abs(mine.mean() - 0.9) < 4 * spread


def test_degenerate():
    assert upper_quantile(np.arange(8.0), 0.9) == np.inf
    assert upper_quantile(np.arange(9.0), 0.9) == 8.0
    X, y = np.arange(5.0)[:, None], np.arange(5.0) ** 2
    i = JackknifePlus.of(fit_arrays(X, y).fit, X, y).interval(X, 0.9)
    assert np.isinf(i.low).all()
    assert np.isinf(i.high).all()
    X = np.r_[np.zeros(30), 1.0][:, None]  # one row is its own group
    own = JackknifePlus.of(fit_arrays(X, X[:, 0]).fit, X, X[:, 0])
    assert np.isinf(own.residuals[-1])
    assert np.isfinite(own.interval(X, 0.9).high[:30]).all()
    assert class_sets(np.array([0]), np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]]), 0.9).all()
    crossed = quantile_split(
        np.zeros(99), np.tile([-9.0, 9.0], (99, 1)), np.array([[-1.0, 1.0]]), 0.9
    )
    assert crossed.low[0] == crossed.high[0] == 0.0


def test_refusals():
    X, y = simulated(20, np.random.default_rng(7))
    fit = fit_arrays(X, y).fit
    with pytest.raises(ShapeError, match="own rows"):
        JackknifePlus.of(fit, X[:5], y[:5])
    with pytest.raises(SpecError, match="level"):
        JackknifePlus.of(fit, X, y).interval(X, 90)
    with pytest.raises(TargetError, match="class codes"):
        class_sets(np.array([2]), np.ones((1, 2)) / 2, np.ones((1, 2)) / 2)
    with pytest.raises(ShapeError, match=r"\(rows, 2\)"):
        quantile_split(y, np.zeros(20), np.zeros((3, 2)))


def test_fit_moments_is_enough():
    X, y = simulated(30, np.random.default_rng(8))
    rows = ArrayRows(X, y, 2, 0, ("a", "b", "c"))
    fit = fit_moments(gather(rows, 2).total, rows.names)
    assert np.isfinite(JackknifePlus.of(fit, X, y).interval(X, 0.9).low).all()
