"""The wild cluster bootstrap: every table drawn and fitted, wildboottest, and coverage."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sandwiches import ONE, Cut, coverage, fitted, table, within
from whyfit.errors import ShapeError, SpecError
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.sandwich import cluster_meat
from whyfit.probability.wild import wild_cluster


def cr1(D, y, g):
    V = np.linalg.inv(D.T @ D)
    beta = V @ D.T @ y
    e, n, k, G = y - D @ beta, *D.shape, len(np.unique(g))
    sums = np.array([D[g == v].T @ e[g == v] for v in np.unique(g)])
    C = G / (G - 1) * (n - 1) / (n - k) * V @ sums.T @ sums @ V
    return beta, np.sqrt(np.diag(C))


def naive(D, y, g, j, null):
    """All 2^G tables under β_j = null, each fitted; the share whose |t| is no smaller than the one observed."""
    beta, se = cr1(D, y, g)
    t = abs(beta[j] - null) / se[j]
    rest = np.delete(D, j, axis=1)
    held = D[:, j] * null
    fit0 = held + rest @ np.linalg.lstsq(rest, y - held, rcond=None)[0]
    e0, far, count = y - fit0, 0, 0
    for signs in product([-1.0, 1.0], repeat=len(np.unique(g))):
        b, s = cr1(D, fit0 + np.array(signs)[g] * e0, g)
        far += abs(b[j] - null) / s[j] >= t * (1 - 1e-9)
        count += 1
    return far / count


def example():
    i = np.arange(60)
    g = i % 8
    x, z = np.sin(i) + g % 3, np.cos(1.7 * i) * (1 + g / 4)
    y = 1 + 0.5 * x + np.sin(3 * g) + np.cos(i * i) * (1 + 0.2 * g) + 0.3 * z
    return np.column_stack([x, z]), y, g


@pytest.mark.parametrize("intercept", [True, False])
def test_every_table_drawn_and_fitted(intercept):
    X, y, g = example()
    g = g % 6
    fit, rows = fitted(X, y, intercept)
    D = np.column_stack([np.ones(60), X]) if intercept else X
    ours = wild_cluster(fit, Cut(rows, (7, 30)), g, weights="rademacher")
    np.testing.assert_allclose(ours.std_error, cr1(D, y, g)[1], rtol=1e-9)
    for j in range(D.shape[1]):
        assert ours.p_value[j] == naive(D, y, g, j, 0.0)
    # a bound is where p crosses 5 %
    for j, (a, b) in enumerate(zip(ours.low, ours.high, strict=True)):
        step = 1e-6 * ours.std_error[j]
        if np.isfinite(a):
            assert naive(D, y, g, j, a - step) <= 0.05 < naive(D, y, g, j, a + step)
        if np.isfinite(b):
            assert naive(D, y, g, j, b + step) <= 0.05 < naive(D, y, g, j, b - step)


def test_agrees_with_wildboottest():
    """All 256 sign vectors; there the two that leave the table as it is do not count, here they do.

    Python, wildboottest 0.3.2, d the frame of `example`:
        m = smf.ols("y ~ x + z", d)
        for param in ("Intercept", "x", "z"):
            wildboottest(m, param=param, cluster=d.g, B=9999, weights_type="rademacher", seed=1)
            wildboottest(m, param=param, cluster=d.g, B=99999, weights_type="webb", seed=1)
    """
    X, y, g = example()
    fit, rows = fitted(X, y)
    signs = wild_cluster(fit, rows, g, weights="rademacher")
    np.testing.assert_allclose(signs.statistic, [8.005595, 2.418801, 1.147038], rtol=1e-6)
    np.testing.assert_allclose(signs.p_value[1:] - 2 / 256, [0.03125, 0.3515625], atol=1e-12)
    assert signs.p_value[0] == 2 / 256
    webb = wild_cluster(fit, rows, g, 49_999)
    assert webb.covariance == "wild cluster bootstrap (webb)"
    theirs = np.array([0.00235, 0.03847, 0.362444])
    error = np.sqrt(theirs * (1 - theirs) * (1 / 49_999 + 1 / 99_999))
    assert (np.abs(webb.p_value - theirs) < 4 * error).all()


def test_many_clusters_agree_with_cr1():
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(300), 3)
    X = rng.normal(size=(900, 2))
    fit, rows = fitted(X, X @ [0.2, 0.0] + rng.normal(size=300)[g] + rng.normal(size=900))
    plain = cluster_meat(fit, rows, g).inference(fit)
    ours = wild_cluster(fit, rows, g, 1999)
    np.testing.assert_allclose(ours.std_error, plain.std_error, rtol=1e-9)
    np.testing.assert_allclose(ours.low, plain.low, atol=0.15 * plain.std_error.max())
    np.testing.assert_allclose(ours.high, plain.high, atol=0.15 * plain.std_error.max())


def test_units_and_seeds():
    X, y, g = example()
    fit, rows = fitted(X, y)
    other, far_rows = fitted(X * [1e-4, 1e3] + [5, 7], 10 * y)
    a, b = wild_cluster(fit, rows, g, 999), wild_cluster(other, far_rows, g, 999)
    np.testing.assert_allclose(a.p_value[1:], b.p_value[1:], rtol=1e-12)
    np.testing.assert_allclose(a.low[1:] * [1e5, 1e-2], b.low[1:], rtol=1e-6)
    c = wild_cluster(fit, rows, g, 999, seed=1)
    assert not np.array_equal(a.p_value, c.p_value)


def test_degenerate_input():
    X, y, g = example()
    fit, rows = fitted(X, y)
    five = wild_cluster(fit, rows, g % 5, weights="rademacher")  # no p-value below 2/32
    assert np.isinf(five.low).all()
    assert np.isinf(five.high).all()
    assert (five.p_value >= 2 / 32).all()
    twice, rows2 = fitted(np.column_stack([X, X[:, 0]]), y)
    found = wild_cluster(twice, rows2, g, 99)
    assert np.array_equal(np.isnan(found.p_value), np.append(False, twice.dropped))
    exact, rows3 = fitted(np.arange(8.0)[:, None], 2 * np.arange(8.0))
    assert np.isnan(wild_cluster(exact, rows3, np.arange(8) // 2, 99).p_value).all() or (
        exact.rss < 1e-20
    )


@pytest.mark.parametrize("clusters", [6, 14])
def test_p_values_are_uniform_where_cr1_is_too_small(clusters):
    """160 tables under H₀, unequal clusters: share with p ≤ 0.05 and p ≤ 0.2, and that of CR1."""

    def simulate(rng):
        size = 2 + np.arange(clusters)
        g = np.repeat(np.arange(clusters), size)
        x = rng.normal(size=clusters)[g] + rng.normal(size=len(g))
        return x[:, None], x + rng.normal(size=clusters)[g] + rng.normal(size=len(g)), g

    def wild(level):
        def interval(fit, rows, g):
            found = wild_cluster(fit, rows, g, 199, "webb", level=level, engine=ONE)
            return found.low[1], found.high[1]

        return interval

    def plain(fit, rows, g):
        found = cluster_meat(fit, rows, g, engine=ONE).inference(fit)
        return found.low[1], found.high[1]

    cr, at95, at80 = coverage(simulate, 160, 3, plain, wild(0.95), wild(0.80))
    assert within(at95, 160, 0.925, 0.965)
    assert within(at80, 160, 0.77, 0.83)
    assert within(cr, 160, 0.85, 0.93)


def test_messages():
    X, y, g = table(50)
    fit, rows = fitted(X, y)
    with pytest.raises(SpecError, match="draws is 9; expected at least 99"):
        wild_cluster(fit, rows, g, 9)
    with pytest.raises(SpecError, match="weights are 'normal'; expected"):
        wild_cluster(fit, rows, g, weights="normal")
    with pytest.raises(ShapeError, match="there are 1 clusters"):
        wild_cluster(fit, rows, np.zeros(50))
    ridge = fit_moments(gather(rows, 1).total, rows.names, 1.0, rows)
    with pytest.raises(SpecError, match="the fit is penalised"):
        wild_cluster(ridge, rows, g)
