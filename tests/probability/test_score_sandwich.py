"""Robust covariances of likelihood fits: those of statsmodels, the naive twin, and coverage where rows depend."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from whyfit.data.arrays import ArrayRows
from whyfit.errors import ShapeError, SpecError
from whyfit.probability import glm, logistic, multinomial
from whyfit.probability.score_sandwich import clustered, hc0, newey_west, scores_of

sm = pytest.importorskip("statsmodels.api")

N, G = 400, 40
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3)) + np.array([5.0, 0.0, -2.0])
LABEL = RNG.permutation(np.repeat(np.arange(G), N // G))
EFFECT = RNG.normal(size=G)[LABEL]
ETA = 0.4 * (X[:, 0] - 5) - 0.3 * X[:, 1] + 0.5 * EFFECT
BINARY = (RNG.random(N) < special.expit(ETA)).astype(float)
COUNT = RNG.poisson(np.exp(ETA)).astype(float)
AMOUNT = np.exp(ETA) * RNG.gamma(3.0, 1 / 3, N)
CLASS = RNG.integers(0, 3, N) * (BINARY > 0) * 1.0


def fitted(kind: str):
    if kind == "logistic":
        return logistic.fit_arrays(X, BINARY).fit, ArrayRows(X, BINARY, 2)
    if kind == "multinomial":
        return multinomial.fit_arrays(X, CLASS).fit, ArrayRows(X, CLASS, 2)
    y = COUNT if kind == "poisson" else AMOUNT
    return glm.fit_arrays(kind, X, y).fit, ArrayRows(X, y, 2)  # pyright: ignore[reportArgumentType]


def outside(kind: str, **how):
    design = sm.add_constant(X)
    if kind == "logistic":
        return sm.Logit(BINARY, design).fit(disp=0, tol=1e-12, **how)
    if kind == "multinomial":
        return sm.MNLogit(CLASS, design).fit(disp=0, tol=1e-12, **how)
    if kind == "poisson":
        return sm.GLM(COUNT, design, sm.families.Poisson()).fit(tol=1e-12, **how)
    link = sm.families.links.Log()
    return sm.GLM(AMOUNT, design, sm.families.Gamma(link)).fit(tol=1e-12, **how)


@pytest.mark.parametrize("kind", ["logistic", "multinomial", "poisson"])
def test_clusters_are_those_of_statsmodels(kind):
    fit, rows = fitted(kind)
    ours = clustered(fit, rows, LABEL)
    theirs = outside(kind, cov_type="cluster", cov_kwds={"groups": LABEL})
    np.testing.assert_allclose(ours.matrix, theirs.cov_params(), rtol=2e-6, atol=1e-12)
    assert (ours.kind, ours.df, ours.clusters) == ("CR1", G - 1, G)


def test_clusters_of_a_gamma_regression():
    """statsmodels takes the observed Hessian for the bread here, whyfit the expected one; the naive twin."""
    fit, rows = fitted("gamma")
    A = np.linalg.inv(sm.add_constant(X).T @ sm.add_constant(X))
    mu = np.exp(fit.intercept + X @ fit.coef)
    S = ((mu - AMOUNT) / mu)[:, None] * sm.add_constant(X)
    u = np.array([S[g == LABEL].sum(axis=0) for g in range(G)])
    V = A @ u.T @ u @ A * G / (G - 1) * (N - 1) / (N - 4)
    np.testing.assert_allclose(clustered(fit, rows, LABEL).matrix, V, rtol=1e-8)


@pytest.mark.parametrize("kind", ["logistic", "poisson"])
@pytest.mark.parametrize("lag", [0, 3])
def test_newey_west_is_that_of_statsmodels(kind, lag):
    fit, rows = fitted(kind)
    theirs = outside(kind, cov_type="HAC", cov_kwds={"maxlags": lag, "use_correction": False})
    np.testing.assert_allclose(
        newey_west(fit, rows, lag).matrix, theirs.cov_params(), rtol=2e-6, atol=1e-12
    )


@pytest.mark.parametrize("kind", ["poisson", "gamma", "huber"])
def test_hc0_is_that_of_the_fit(kind):
    fit, rows = fitted(kind)
    np.testing.assert_allclose(hc0(fit, rows).matrix, fit.robust_covariance, rtol=1e-8)


@pytest.mark.parametrize("kind", ["logistic", "multinomial", "poisson", "gamma", "huber"])
def test_scores_sum_to_nothing_and_lone_rows_are_clusters(kind):
    fit, rows = fitted(kind)
    S = np.concatenate([scores_of(fit)(b) for b in rows.blocks()])
    np.testing.assert_allclose(S.sum(axis=0), 0, atol=1e-5 * np.abs(S).sum())
    k = S.shape[1]
    alone = clustered(fit, rows, np.arange(N)).matrix
    np.testing.assert_allclose(alone, hc0(fit, rows).matrix * N / (N - k), rtol=1e-9)


def test_dropped_columns_have_no_error():
    Z = np.column_stack([X, np.ones(N)])
    fit = logistic.fit_rows(
        ArrayRows(Z, BINARY, 2), N, Z.mean(axis=0), np.ones(4), 0.0, np.array([0, 0, 0, 1], bool)
    )
    V = clustered(fit, ArrayRows(Z, BINARY, 2), LABEL).matrix
    assert np.isnan(V[4]).all()
    np.testing.assert_allclose(V[:4, :4], clustered(*fitted("logistic"), LABEL).matrix, rtol=1e-6)
    table = clustered(fit, ArrayRows(Z, BINARY, 2), LABEL).inference(fit)
    assert np.isnan(table.std_error[4])
    assert table.covariance == "CR1"
    assert table.df == G - 1


def test_a_table_of_classes_has_every_class():
    fit, rows = fitted("multinomial")
    table, plain = clustered(fit, rows, LABEL).inference(fit), fit.inference()
    assert table.names == plain.names
    assert np.isfinite(table.std_error).all()


def test_blocks_do_not_matter(monkeypatch):
    fit, rows = fitted("logistic")
    whole = clustered(fit, rows, LABEL).matrix, newey_west(fit, rows).matrix
    monkeypatch.setattr("whyfit.data.arrays.BLOCK", 37)
    fit, rows = fitted("logistic")
    np.testing.assert_allclose(clustered(fit, rows, LABEL).matrix, whole[0], rtol=1e-9)
    np.testing.assert_allclose(newey_west(fit, rows).matrix, whole[1], rtol=1e-9)


def test_messages():
    fit, rows = fitted("logistic")
    with pytest.raises(ShapeError, match="1 clusters"):
        clustered(fit, rows, np.zeros(N))
    with pytest.raises(ShapeError, match="one per source row"):
        clustered(fit, rows, LABEL[:10])
    with pytest.raises(SpecError, match="expected one from 0"):
        newey_west(fit, rows, N)


def test_coverage_of_a_slope_that_is_constant_in_clusters():
    """95 % intervals: classic ones are far too narrow, CR1's nearly wide enough at 40 clusters (statsmodels alike)."""
    classic = robust = 0
    runs = 300
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        label = np.repeat(np.arange(40), 10)
        x = rng.normal(size=40)[label]
        y = (rng.random(400) < special.expit(1.5 * rng.normal(size=40)[label])).astype(float)
        fit, rows = logistic.fit_arrays(x[:, None], y).fit, ArrayRows(x[:, None], y, 2)
        for table, hit in (
            (fit.inference(), "classic"),
            (clustered(fit, rows, label).inference(fit), "robust"),
        ):
            covers = bool(table.low[1] <= 0 <= table.high[1])
            classic += covers and hit == "classic"
            robust += covers and hit == "robust"
    assert classic / runs < 0.8
    assert special.bdtr(robust, runs, 0.92) > 0.005
    assert special.bdtrc(robust - 1, runs, 0.98) > 0.005
