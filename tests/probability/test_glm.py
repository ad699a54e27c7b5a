"""Counts, amounts and outliers: statsmodels' numbers, coverage by simulation, and degenerate input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import binom

from whyfit.calculus.huber import huber_sums, normal_share
from whyfit.calculus.newton import NewtonSums
from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.errors import SpecError, TargetError
from whyfit.fold import fold
from whyfit.probability.glm import Family, fit_arrays

DIGITS = 1e-9


def data(family: Family, n: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1.0, 20.0, 0.1, 1.0] + [0.0, 100.0, 1.0, -3.0]
    eta = 1.0 + (X - X.mean(axis=0)) @ [0.3, -0.01, 2.0, 0.1]
    match family:
        case "poisson":
            return X, rng.poisson(np.exp(eta)).astype(float)
        case "gamma":
            return X, rng.gamma(2.0, np.exp(eta) / 2)
        case "huber":
            return X, eta + rng.standard_t(2, n)


FAMILIES = {
    "poisson": lambda: sm.families.Poisson(),
    "gamma": lambda: sm.families.Gamma(sm.families.links.Log()),
}


@pytest.mark.parametrize("family", ["poisson", "gamma"])
def test_numbers_are_those_of_statsmodels(family: Family) -> None:
    X, y = data(family)
    A = sm.add_constant(X)
    peer = sm.GLM(y, A, family=FAMILIES[family]()).fit(tol=1e-13, maxiter=100)
    ours = fit_arrays(family, X, y)
    fit, table = ours.fit, ours.inference
    assert fit.converged
    np.testing.assert_allclose(table.estimate, peer.params, rtol=DIGITS)
    np.testing.assert_allclose(table.std_error, peer.bse, rtol=DIGITS)
    np.testing.assert_allclose(table.p_value, peer.pvalues, rtol=1e-6)
    np.testing.assert_allclose(fit.deviance, peer.deviance, rtol=DIGITS)
    np.testing.assert_allclose(fit.null_deviance, peer.null_deviance, rtol=DIGITS)
    np.testing.assert_allclose(fit.dispersion, peer.pearson_chi2 / peer.df_resid, rtol=DIGITS)
    robust = sm.GLM(y, A, family=FAMILIES[family]()).fit(tol=1e-13, maxiter=100, cov_type="HC0")
    if family == "poisson":  # of gamma statsmodels' bread is the observed information
        np.testing.assert_allclose(fit.inference(robust=True).std_error, robust.bse, rtol=DIGITS)
    mean, low, high = fit.predict_interval(X[:30], 0.9)
    frame = peer.get_prediction(A[:30]).summary_frame(0.1)
    np.testing.assert_allclose(mean, frame["mean"], rtol=DIGITS)
    np.testing.assert_allclose(low, frame["mean_ci_lower"], rtol=1e-8)
    np.testing.assert_allclose(high, frame["mean_ci_upper"], rtol=1e-8)


def test_huber_is_proposal_2_of_statsmodels() -> None:
    X, y = data("huber")
    scale: Any = sm.robust.scale.HuberScale(d=1.345, tol=1e-14, maxiter=1000)
    peer = sm.RLM(y, sm.add_constant(X), M=sm.robust.norms.HuberT(1.345)).fit(
        scale_est=scale,
        maxiter=1000,
        tol=1e-14,  # pyright: ignore[reportArgumentType]
    )
    ours = fit_arrays("huber", X, y)
    np.testing.assert_allclose(ours.inference.estimate, peer.params, rtol=DIGITS)
    np.testing.assert_allclose(ours.inference.std_error, peer.bse, rtol=DIGITS)
    np.testing.assert_allclose(np.sqrt(ours.fit.dispersion), peer.scale, rtol=DIGITS)


def test_huber_sums_are_derivatives() -> None:
    X, y = data("huber", 200)
    rows, centre = ArrayRows(X, y, 2), X.mean(axis=0)
    at, b = huber_sums(1.345, centre, normal_share(1.345)), np.array([0.9, 0.3, 0.0, 1.5, 0.2, 1.1])

    def sums(b: np.ndarray) -> NewtonSums:
        return fold(rows.blocks(), at(b, True), NewtonSums.empty(6, True), LocalEngine(1))

    here, h = sums(b), 1e-5
    assert here.hessian is not None
    for j in range(6):
        e = np.eye(6)[j] * h
        up, down = sums(b + e), sums(b - e)
        assert (up.loss - down.loss) / (2 * h) == pytest.approx(
            here.gradient[j], rel=1e-5, abs=1e-5
        )
        np.testing.assert_allclose(
            (up.gradient - down.gradient) / (2 * h), here.hessian[:, j], rtol=0.05, atol=2.0
        )
    assert sums(np.append(b[:-1], -1.0)).loss == np.inf
    assert np.linalg.eigvalsh(here.hessian).min() > -1e-9


def test_scale_of_normal_errors_is_their_standard_deviation() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 2))
    fit = fit_arrays("huber", X, X @ [1.0, 2.0] + 3 * rng.normal(size=20_000)).fit
    assert np.sqrt(fit.dispersion) == pytest.approx(3.0, rel=0.02)
    expected = 2 * 0.08931  # P(|z| > 1.345) = 0.1786
    assert fit.outliers / 20_000 == pytest.approx(expected, abs=0.01)


def test_huber_keeps_95_percent_of_the_efficiency_under_normal_errors() -> None:
    """Variance of a slope against least squares over 250 samples: 1/0.95, within Monte-Carlo error."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(150, 1))
    robust, plain = [], []
    for _ in range(250):
        y = X[:, 0] + rng.normal(size=150)
        robust.append(fit_arrays("huber", X, y).fit.coef[0])
        plain.append(np.polyfit(X[:, 0], y, 1)[0])
    ratio = np.var(plain) / np.var(robust)
    assert 0.88 < ratio < 1.0


@pytest.mark.parametrize("family", ["poisson", "gamma", "huber"])
@pytest.mark.parametrize("robust", [False, True])
def test_intervals_cover(family: Family, robust: bool) -> None:
    """95 % intervals over 200 samples of 300 rows hold the truth as often as a binomial allows (0.1 % bounds)."""
    truth = np.array([0.3, -0.01, 2.0, 0.1])
    low, high = binom.ppf([0.0005, 0.9995], 200, 0.95 if not robust else 0.94)
    hits = np.zeros(4)
    for seed in range(200):
        X, y = data(family, 300, seed + 10)
        table = fit_arrays(family, X, y).fit.inference(robust=robust)
        hits += (table.low[1:] <= truth) & (truth <= table.high[1:])
    assert (hits >= low).all(), hits
    assert (hits <= high + 3).all(), hits


def test_overdispersed_counts_need_the_robust_table() -> None:
    """Negative-binomial counts: the Poisson interval is too narrow by √dispersion, HC0 is not."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 1))
    mu = np.exp(1 + 0.3 * X[:, 0])
    classic = robust = 0
    for _ in range(200):
        y = rng.poisson(mu * rng.gamma(1.0, 1.0, 400)).astype(float)
        fit = fit_arrays("poisson", X, y).fit
        for table, which in ((fit.inference(), 0), (fit.inference(robust=True), 1)):
            hit = table.low[1] <= 0.3 <= table.high[1]
            classic, robust = classic + (hit and not which), robust + (hit and which)
    assert classic < 170
    assert robust >= binom.ppf(0.001, 200, 0.93)
    assert fit.dispersion > 2  # pyright: ignore[reportPossiblyUnboundVariable]


def test_a_penalty_shrinks_towards_the_constant_model() -> None:
    X, y = data("poisson")
    free, tight = (fit_arrays("poisson", X, y, ridge=r).fit for r in (0.0, 1e9))
    assert np.abs(tight.coef / free.coef).max() < 1e-3
    assert np.exp(tight.eta(X)).mean() == pytest.approx(y.mean(), rel=1e-6)
    assert tight.deviance == pytest.approx(tight.null_deviance, rel=1e-3)


def test_a_constant_column_is_dropped_and_few_passes_suffice() -> None:
    X, y = data("poisson", 50_000)
    fit = fit_arrays("poisson", np.column_stack([X, np.ones(len(X))]), y).fit
    assert fit.dropped.tolist() == [False] * 4 + [True]
    assert fit.converged
    assert fit.optimum.passes <= 5


def test_messages() -> None:
    X = np.arange(6.0).reshape(3, 2)
    with pytest.raises(TargetError, match="-1 in row 2; a poisson regression expects counts"):
        fit_arrays("poisson", X, np.array([1.0, -1.0, 2.0]))
    with pytest.raises(TargetError, match="0 in row 3; a gamma regression expects amounts > 0"):
        fit_arrays("gamma", X, np.array([1.0, 1.0, 0.0]))
    with pytest.raises(TargetError, match="mean is 0"):
        fit_arrays("poisson", X, np.zeros(3))
    with pytest.raises(TargetError, match="constant"):
        fit_arrays("huber", X, np.ones(3))
    with pytest.raises(SpecError, match="epsilon is 0"):
        fit_arrays("huber", X, np.arange(3.0), epsilon=0.5)
    with pytest.raises(SpecError, match="ridge is -1"):
        fit_arrays("poisson", X, np.arange(3.0), ridge=-1.0)
