"""Other solvers' algorithms on the triangle of the rows: the same answers, and predictions that hold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.fold import fold
from whyfit.linalg import peers
from whyfit.linalg.moments import Moments
from whyfit.linalg.peers import Accurate, FoldTriangles, Seen
from whyfit.probability.linear import fit_arrays


def folded(X, y, k: int = 3, shift: float = 0.0):
    """Triangles of the folds, and the shift they are taken from: the mean, or somewhere near."""
    mean = np.append(X.mean(axis=0), y.mean()) + shift
    rows = ArrayRows(X, y, k)
    zero = FoldTriangles.empty(X.shape[1], k)
    parts = fold(rows.blocks(), peers.triangles_of(mean, k), zero, LocalEngine(2))
    return parts, mean, np.concatenate([b.fold for b in rows.blocks()])


def seen_in(X, y, standardised: bool = False) -> Seen:
    parts, mean, _ = folded(X, y)
    return Seen.of(parts.without(), mean, standardised=standardised)


def truth_of(X, y) -> Accurate:
    fit = fit_arrays(X, y).fit
    se = np.sqrt(fit.sigma2 * np.diag(fit.V)[1:])
    return Accurate(fit.coef, se, fit.solution.scale, fit.V, fit.intercept, fit.rss, fit.tss)


def units(rng, n: int = 400, spread: float = 1e8):
    """Three columns, the last in a unit so small that it fills the table with large numbers."""
    X = rng.normal(size=(n, 3)) + 2
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=n)
    return X * [1.0, 1.0, spread], y


def polynomial(rng, degree: int, n: int = 200):
    x = rng.uniform(1, 4, n)
    X = np.column_stack([x**d for d in range(1, degree + 1)])
    return X, np.sin(x) + 0.01 * rng.normal(size=n)


@pytest.mark.parametrize("spread", [1.0, 1e3, 1e8])
def test_the_cut_off_is_scikit_learns(spread):
    X, y = units(np.random.default_rng(0), spread=spread)
    theirs = LinearRegression().fit(X, y)
    got = peers.by_cut_off(seen_in(X, y))
    assert got.left_out == X.shape[1] - theirs.rank_
    assert (got.left_out > 0) == (spread == 1e8)
    np.testing.assert_allclose(got.w, theirs.coef_, rtol=1e-9, atol=1e-12 / spread)
    assert got.r2 == pytest.approx(theirs.score(X, y), abs=1e-12)


def test_standardised_columns_are_those_of_a_scaler():
    X, y = units(np.random.default_rng(1))
    Z = StandardScaler().fit(X)
    theirs = LinearRegression().fit(Z.transform(X), y)
    got = peers.by_cut_off(seen_in(X, y, standardised=True))
    assert got.left_out == 0
    np.testing.assert_allclose(got.w, theirs.coef_ / Z.scale_, rtol=1e-9)
    inverse = peers.by_inverse(seen_in(X, y, standardised=True))
    np.testing.assert_allclose(inverse.w, theirs.coef_ / Z.scale_, rtol=1e-9)


@pytest.mark.parametrize("degree", [2, 5, 9])
def test_numpy_and_the_inverse_on_polynomials(degree):
    X, y = polynomial(np.random.default_rng(2), degree)
    A, truth = np.column_stack([np.ones(len(y)), X]), truth_of(X, y)
    got = peers.by_svd(seen_in(X, y))
    theirs = np.linalg.lstsq(A, y)[0][1:]
    size = truth.size
    lost = np.abs(theirs - truth.w) / size
    np.testing.assert_allclose(got.w / size, theirs / size, atol=1e-9 + 30 * lost.max())
    inverse = peers.by_inverse(seen_in(X, y))
    naive = (np.linalg.inv(A.T @ A) @ (A.T @ y))[1:]
    theirs_digits = -np.log10(np.max(np.abs(naive - truth.w) / size) + 1e-16)
    assert inverse.digits(truth).min() == pytest.approx(max(theirs_digits, 0), abs=2.5)


@pytest.mark.parametrize("seed", range(12))
def test_predictions_hold(seed):
    rng = np.random.default_rng(seed)
    n, p = 60, int(rng.integers(2, 7))
    X = rng.normal(size=(n, p)) @ np.diag(10.0 ** rng.uniform(-3, 3, p))
    X[:, 0] = X[:, 1] * (1 + 10.0 ** rng.uniform(-6, -1) * rng.normal(size=n))
    X += 10.0 ** rng.uniform(-2, 4, p) * rng.normal(size=p)
    y = X @ (rng.normal(size=p) / X.std(axis=0)) + 10.0 ** rng.uniform(-4, 0) * rng.normal(size=n)
    truth = truth_of(X, y)
    for standardised in (False, True):
        seen = seen_in(X, y, standardised)
        svd, inverse = peers.by_svd(seen), peers.by_inverse(seen)
        if not svd.left_out:
            assert (svd.digits(truth) >= peers.svd_digits(seen, truth)).all()
        assert (inverse.digits(truth) >= peers.inverse_digits(seen, truth) - 0.5).all()
        cut = peers.by_cut_off(seen)
        left_out, share = peers.cut_off_loss(seen, truth)
        assert cut.left_out == left_out
        assert 1 - truth.rss / truth.tss - cut.r2 == pytest.approx(share, rel=1e-4, abs=1e-11)


def test_the_inverse_loses_the_square_of_kappa():
    """Each factor of ten in κ costs the inverse two digits and an orthogonal method one."""
    rng = np.random.default_rng(3)
    z, e = rng.normal(size=(2, 500))
    lost = []
    for apart in (1e-1, 1e-3, 1e-5):
        X = np.column_stack([z, z + apart * e])
        y = X.sum(axis=1)  # no residuals: κ, not κ², for the orthogonal one
        seen, truth = (
            seen_in(X, y),
            Accurate(np.ones(2), np.zeros(2), np.ones(2), np.eye(3), 0.0, 0.0, 1.0),
        )
        lost.append([16 - s(seen).digits(truth).min() for s in (peers.by_inverse, peers.by_svd)])
    slope = np.diff(lost, axis=0).mean(axis=0) / 2
    assert slope[0] == pytest.approx(2, abs=0.6)
    assert slope[1] == pytest.approx(1, abs=0.5)


def test_condition_and_smallest_share_from_an_accurate_inverse():
    X, y = polynomial(np.random.default_rng(4), 6)
    truth, seen = truth_of(X, y), seen_in(X, y)
    A = np.column_stack([np.ones(len(y)), X])
    assert peers.scaled_condition(seen, truth) == pytest.approx(
        np.linalg.cond(A / np.linalg.norm(A, axis=0)), rel=1e-5
    )
    s = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    assert peers.smallest_share(seen, truth) == pytest.approx(s[-1] / s[0], rel=1e-5)
    scaled = seen_in(X, y, standardised=True)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    assert peers.scaled_condition(scaled, truth) == pytest.approx(np.linalg.cond(Z), rel=1e-5)
    near = Seen.from_moments(Moments.of(np.column_stack([X, y])))
    assert peers.smallest_share(near, truth) == pytest.approx(s[-1] / s[0], rel=1e-5)
    np.testing.assert_allclose(
        peers.inverse_digits(near, truth), peers.inverse_digits(seen, truth), atol=1e-3
    )


def test_training_sets_are_seen_as_they_are():
    X, y = units(np.random.default_rng(5), spread=10.0)
    parts, mean, label = folded(X, y, shift=0.3)
    train = label != 1
    for standardised in (False, True):
        got = Seen.of(parts.without(1), mean, standardised=standardised)
        want = seen_in(X[train], y[train], standardised)
        assert got.n == train.sum()
        np.testing.assert_allclose(got.mean, want.mean, rtol=1e-12)
        np.testing.assert_allclose(got.unit, want.unit, rtol=1e-12)
        own, fit = peers.accurate(got), truth_of(X[train], y[train])
        for name in ("w", "se", "length", "V", "intercept", "rss", "tss"):
            np.testing.assert_allclose(getattr(own, name), getattr(fit, name), rtol=1e-8)


def test_a_singular_inverse_is_no_answer():
    X = np.column_stack([np.arange(6.0), np.arange(6.0)])
    y = np.array([0.0, 1, 0, 2, 1, 3])
    got = peers.by_inverse(seen_in(X, y))
    truth = Accurate(np.ones(2), np.ones(2), np.ones(2), np.eye(3), 0.0, 1.0, 2.0)
    assert (got.digits(truth) < 1).all()
