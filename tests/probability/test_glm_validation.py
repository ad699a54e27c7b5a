"""Held-out scores of regressions with a loss of their own: those of refits, and of the densities SciPy knows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from whyfit.data.arrays import ArrayRows
from whyfit.probability import laws
from whyfit.probability.glm import columns_of_arrays, fit_arrays, fit_rows
from whyfit.probability.glm_validation import cross_validate

FAMILIES = ("poisson", "gamma", "huber")


def _data(family: str, n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 3.0
    eta = 0.4 * X[:, 0] - 0.3 * X[:, -1] + 0.5
    if family == "poisson":
        return X, rng.poisson(np.exp(eta)).astype(float)
    if family == "gamma":
        return X, rng.gamma(2.0, np.exp(eta) / 2.0)
    return X, eta + rng.standard_t(2, size=n)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("ridge", [0.0, 5.0])
@pytest.mark.parametrize("n", [40, 600])
def test_each_training_set_is_refitted(family, ridge, n):
    X, y = _data(family, n, 3)
    rows = ArrayRows(X, y, 5)
    columns = columns_of_arrays(X, y)
    fit = fit_rows(family, rows, columns, ridge)
    scores, B = cross_validate(fit, columns, rows, 5)
    fold = np.concatenate([b.fold for b in rows.blocks()])
    scale = columns.scale
    for j in range(5):
        train, test = fold != j, fold == j
        # the penalty sees the scales of all rows: columns in their units
        again = fit_arrays(family, X[train] / scale, y[train]) if not ridge else None
        if again is not None:
            w = again.fit.coef / scale
            np.testing.assert_allclose(B[j, 1:], w, rtol=2e-4, atol=1e-5)
            np.testing.assert_allclose(B[j, 0], again.fit.intercept, rtol=2e-4, atol=1e-4)
        eta = B[j, 0] + X[test] @ B[j, 1:]
        mu = eta if family == "huber" else np.exp(eta)
        assert scores["mse"][j] == pytest.approx(np.mean((y[test] - mu) ** 2))
        assert scores["mae"][j] == pytest.approx(np.mean(np.abs(y[test] - mu)))
        assert scores["r2"][j] == pytest.approx(
            1 - ((y[test] - mu) ** 2).sum() / ((y[test] - y[test].mean()) ** 2).sum()
        )
    assert np.isfinite(scores["log_score"]).all()


def test_deviance_explained_is_that_of_sklearn():
    from sklearn.metrics import mean_poisson_deviance

    X, y = _data("poisson", 300, 2)
    rows, columns = ArrayRows(X, y, 4), columns_of_arrays(X, y)
    fit = fit_rows("poisson", rows, columns)
    scores, B = cross_validate(fit, columns, rows, 4)
    fold = np.concatenate([b.fold for b in rows.blocks()])
    for j in range(4):
        test = fold == j
        mu = np.exp(B[j, 0] + X[test] @ B[j, 1:])
        null = np.full(test.sum(), y[~test].mean())
        expected = 1 - mean_poisson_deviance(y[test], mu) / mean_poisson_deviance(y[test], null)
        assert scores["deviance_explained"][j] == pytest.approx(expected)


def test_excluded_rows_are_scored_and_not_learned_from():
    X, y = _data("poisson", 200, 2)
    y[7] = 10_000.0
    rows, columns = ArrayRows(X, y, 4), columns_of_arrays(X, y)
    kept = np.arange(200) != 7
    clean = ArrayRows(X[kept], y[kept], 4)
    fit = fit_rows("poisson", clean, columns_of_arrays(X[kept], y[kept]))
    scores, B = cross_validate(fit, columns, rows, 4, excluded=frozenset({7}))
    assert np.abs(B[:, 1:]).max() < 1
    assert scores["mae"].max() > 100


def test_columns_that_are_constant_in_a_training_set():
    """A 0/1 column with its ones in one fold says nothing to that fold's training rows."""
    X, y = _data("poisson", 200, 2)
    rows = ArrayRows(X, y, 4)
    fold = np.concatenate([b.fold for b in rows.blocks()])
    one = np.zeros(200)
    one[np.flatnonzero(fold == 1)[:3]] = 1.0
    X = np.column_stack([X, one])
    rows, columns = ArrayRows(X, y, 4), columns_of_arrays(X, y)
    fit = fit_rows("poisson", rows, columns)
    scores, B = cross_validate(fit, columns, rows, 4)
    assert B[1, -1] == 0
    assert all(np.isfinite(v).all() for v in scores.values())


def test_one_positive_count():
    X, y = _data("poisson", 60, 1)
    y[:] = 0.0
    y[3] = 4.0
    rows, columns = ArrayRows(X, y, 5), columns_of_arrays(X, y)
    fit = fit_rows("poisson", rows, columns)
    scores, _ = cross_validate(fit, columns, rows, 5)
    assert np.isfinite(scores["mse"]).all()


# -- the laws ----------------------------------------------------------------------------------------


def test_densities_are_those_of_scipy():
    y, mu, phi = np.arange(0.0, 30), np.linspace(0.5, 9, 30), 2.5
    negative = stats.nbinom(mu / (phi - 1), 1 / phi)
    assert negative.mean() == pytest.approx(mu)
    assert negative.var() == pytest.approx(phi * mu)
    np.testing.assert_allclose(laws.count_log_density(y, mu, phi), negative.logpmf(y))
    np.testing.assert_allclose(laws.count_log_density(y, mu, 0.7), stats.poisson(mu).logpmf(y))
    a = y + 0.5
    np.testing.assert_allclose(
        laws.gamma_log_density(a, mu, phi), stats.gamma(1 / phi, scale=phi * mu).logpdf(a)
    )
    e = np.linspace(-4, 4, 30)
    density = np.exp(laws.huber_log_density(np.linspace(-60, 60, 400_001), 1.7))
    assert density.sum() * 120 / 400_000 == pytest.approx(1, abs=1e-6)
    assert laws.huber_log_density(e, 1.7) == pytest.approx(laws.huber_log_density(-e, 1.7))


@pytest.mark.parametrize("share", [0.025, 0.5, 0.975])
def test_quantiles_are_those_of_scipy(share):
    mu = np.array([0.01, 0.5, 3.0, 250.0, np.nan])
    phi = np.array([1.0, 1.0, 4.0, 30.0, 2.0])
    expected = [
        stats.poisson(0.01).ppf(share),
        stats.poisson(0.5).ppf(share),
        stats.nbinom(1.0, 0.25).ppf(share),
        stats.nbinom(250 / 29, 1 / 30).ppf(share),
        np.nan,
    ]
    np.testing.assert_array_equal(laws.count_quantile(share, mu, phi), expected)
    q = laws.gamma_quantile(share, mu[:4], phi[:4])
    np.testing.assert_allclose(q, stats.gamma(1 / phi[:4], scale=phi[:4] * mu[:4]).ppf(share))


@pytest.mark.parametrize("level", [0.3, 0.8, 0.95, 0.999])
def test_hubers_quantile_holds_its_level(level):
    q = laws.huber_quantile(level)
    z = np.linspace(-q, q, 200_001)
    assert np.trapezoid(np.exp(laws.huber_log_density(z, 1.0)), z) == pytest.approx(level, abs=1e-6)
