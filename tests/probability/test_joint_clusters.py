"""Joint tests under CR2: the t test for one hypothesis, n × n matrices for several, and sizes by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import f as f_law

from sandwiches import ONE, fitted, of_clusters, table, within
from whyfit.engines.local import one_blas_thread
from whyfit.errors import ShapeError, SpecError
from whyfit.probability import joint_clusters
from whyfit.probability.few_clusters import cr2_meat
from whyfit.probability.hypotheses import linear_test
from whyfit.probability.joint_clusters import cluster_test
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.sandwich import cluster_meat


def textbook(D, y, g, R, r):
    """Statistic and η with every n × n matrix and every variance of an entry written out."""
    V, M, parts = of_clusters(D, y, g)
    C = np.linalg.solve(np.real(sqrtm(R @ V @ R.T)), R)  # another root of the same matrix
    p = [[part @ C[s] for part in parts] for s in range(len(R))]
    total = 0.0
    for s in range(len(R)):
        for t in range(len(R)):
            for a in range(len(parts)):
                for b in range(len(parts)):
                    total += (p[s][a] @ p[s][b]) * (p[t][a] @ p[t][b])
                    total += (p[s][a] @ p[t][b]) * (p[t][a] @ p[s][b])
    q = len(R)
    eta = q * (q + 1) / total
    d = R @ V @ D.T @ y - r
    Q = d @ np.linalg.solve(R @ V @ M @ V @ R.T, d)
    return (eta - q + 1) / (eta * q) * Q, eta - q + 1


@pytest.mark.parametrize("intercept", [True, False])
def test_textbook_form_is_met_without_its_matrices(intercept):
    X, y, g = table(90)
    fit, rows = fitted(X, y, intercept)
    D = np.column_stack([np.ones(90), X]) if intercept else X
    R, r = np.array([[0.0, 1, 0, 0], [0, 0, 1, -0.01]]), np.array([90.0, 0.1])
    found = cluster_test(fit, rows, [f"no {v}" for v in g], R, r)
    f, df = textbook(D, y, g, R if intercept else R[:, 1:], r)
    assert found.statistic == pytest.approx(f, rel=1e-8)
    assert found.df2 == pytest.approx(df, rel=1e-8)
    assert (found.kind, found.df1) == ("F", 2)
    assert found.p_value == pytest.approx(f_law.sf(f, 2, df), rel=1e-6)


def test_one_hypothesis_is_the_t_test():
    X, y, g = table(120)
    fit, rows = fitted(X, y)
    one = cr2_meat(fit, rows, g).inference(fit)
    for j in range(4):
        found = cluster_test(fit, rows, g, np.eye(4)[[j]])
        assert found.p_value == pytest.approx(one.p_value[j], rel=1e-8)
        assert found.df2 == pytest.approx(one.dfs[j], rel=1e-9)
        assert found.statistic == pytest.approx(one.statistic[j] ** 2, rel=1e-9)


def test_hypotheses_may_be_said_otherwise():
    X, y, g = table(120)
    fit, rows = fitted(X, y)
    R = np.eye(4)[1:3]
    other = np.array([[2.0, 1.0], [-1.0, 5.0]]) @ R
    a, b = cluster_test(fit, rows, g, R), cluster_test(fit, rows, g, other)
    np.testing.assert_allclose([a.statistic, a.df2], [b.statistic, b.df2], rtol=1e-8)


def test_size_is_nominal_where_that_of_wald_is_not():
    """Three slopes, none of which has an effect; twelve clusters of 2 to 13 rows."""
    rng, g = np.random.default_rng(7), np.repeat(np.arange(12), 2 + np.arange(12))
    R, tables, hits = np.eye(4)[1:], 250, [0, 0]
    with one_blas_thread():
        for _ in range(tables):
            X = rng.normal(size=(12, 3))[g] + rng.normal(size=(len(g), 3))
            fit, rows = fitted(X, rng.normal(size=12)[g] + rng.normal(size=len(g)))
            cr1 = cluster_meat(fit, rows, g, engine=ONE)
            wald = linear_test(fit, R, None, cr1.covariance(fit), cr1.df)
            hits[0] += wald.p_value < 0.05
            hits[1] += cluster_test(fit, rows, g, R, engine=ONE).p_value < 0.05
    assert within(hits[0], tables, 0.12, 1.0)
    assert within(hits[1], tables, 0.0, 0.06)


def test_degenerate_input(monkeypatch):
    X, y, g = table(60)
    few = g // 21  # two clusters and three hypotheses
    fit, rows = fitted(X, y)
    assert np.isnan(cluster_test(fit, rows, few, np.eye(4)[1:]).p_value)
    X[:, 2] = 2 * X[:, 1]
    twice, rows2 = fitted(X, y)
    gone = 1 + int(np.flatnonzero(twice.dropped)[0])
    assert np.isnan(cluster_test(twice, rows2, g, np.eye(4)[[gone]]).p_value)
    kept = 3 if gone == 2 else 2
    assert 0 <= cluster_test(twice, rows2, g, np.eye(4)[[1, kept]]).p_value <= 1
    alone, rows3 = fitted(np.column_stack([X[:, 0], g == g[0]]).astype(float), y)
    assert np.isnan(cluster_test(alone, rows3, g, np.eye(3)[[2]]).p_value)
    assert np.isfinite(cluster_test(alone, rows3, g, np.eye(3)[[1]]).p_value)
    with pytest.raises(ShapeError, match="there are 1 clusters"):
        cluster_test(fit, rows, np.zeros(60), np.eye(4)[[1]])
    with pytest.raises(ShapeError, match="rows of R are zero or dependent"):
        cluster_test(fit, rows, g, np.eye(4)[[1, 1]])
    ridge = fit_moments(gather(rows, 1).total, rows.names, 1.0, rows)
    with pytest.raises(SpecError, match="the fit is penalised"):
        cluster_test(ridge, rows, g, np.eye(4)[[1]])
    monkeypatch.setattr(joint_clusters, "_HELD", 10)
    with pytest.raises(SpecError, match="clusters are more than this test is needed for"):
        cluster_test(fit, rows, g, np.eye(4)[[1]])
