"""EWC with Satterthwaite degrees of freedom: the n × n textbook form, long tables in stretches, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from sandwiches import ONE, Cut, coverage, fitted, slope_of, table, within
from whyfit.errors import SpecError
from whyfit.probability import block_sums, cosines
from whyfit.probability.cosines import ewc_meat, frequencies_of
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.sandwich import newey_west_meat


def textbook(D, y, nu):
    """Standard errors and degrees of freedom with every n × n matrix written out."""
    n = len(y)
    V = np.linalg.inv(D.T @ D)
    H = D @ V @ D.T
    e = y - H @ y
    C = np.sqrt(2 / nu) * np.cos(np.pi * np.outer(np.arange(n) + 0.5, np.arange(1, nu + 1)) / n)
    se, dfs = [], []
    for j in range(len(V)):
        P = (np.eye(n) - H) @ ((D @ V[:, j])[:, None] * C)
        G = P.T @ P
        se.append(np.sqrt(((P.T @ e) ** 2).sum() * V[j, j] / np.trace(G)))
        dfs.append(np.trace(G) ** 2 / (G * G).sum())
    return np.array(se), np.array(dfs)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("sizes", [(120,), (7, 33)])
def test_textbook_form_is_met_without_its_matrices(intercept, sizes):
    X, y, _ = table(120)
    fit, rows = fitted(X, y, intercept)
    se, dfs = textbook(np.column_stack([np.ones(120), X]) if intercept else X, y, 9)
    meat = ewc_meat(fit, Cut(rows, sizes))
    found = meat.inference(fit)
    k = 1 if intercept else 0  # β₀ takes its scale from level and slopes
    np.testing.assert_allclose(found.std_error[k:], se[k:], rtol=1e-8)
    np.testing.assert_allclose(found.dfs, dfs, rtol=1e-8)
    assert (meat.kind, found.covariance, found.df) == ("EWC(9)", "EWC(9)", found.dfs.min())


def test_the_level_is_scaled_by_its_own_factor():
    """The intercept of centred columns is the level, and has the textbook's numbers."""
    X, y, _ = table(90)
    X = X - X.mean(axis=0)
    fit, rows = fitted(X, y)
    se, dfs = textbook(np.column_stack([np.ones(90), X]), y, frequencies_of(90))
    found = ewc_meat(fit, rows).inference(fit)
    np.testing.assert_allclose(found.std_error, se, rtol=1e-8)
    np.testing.assert_allclose(found.dfs, dfs, rtol=1e-8)


def test_all_frequencies_are_independent_rows():
    """Σ_k c_k(t)c_k(s) over all n − 1 frequencies is nδ_ts − 1: with scores that sum to 0, HC0 but for a factor."""
    X, y, _ = table(50)
    fit, rows = fitted(X, y)
    meat = ewc_meat(fit, rows, 49)
    D = np.column_stack([np.ones(50), X])
    V = np.linalg.inv(D.T @ D)
    e = y - D @ V @ D.T @ y
    a = (D @ V) * e[:, None]
    hc0 = np.sqrt((a**2).sum(axis=0) * 50 / 49)
    C = np.sqrt(2 / 49) * np.cos(np.pi * np.outer(np.arange(50) + 0.5, np.arange(1, 50)) / 50)
    traces = []
    for j in range(4):
        P = (D @ V[:, j])[:, None] * C
        P = P - D @ V @ (D.T @ P)
        traces.append(V[j, j] / (P * P).sum())
    np.testing.assert_allclose(
        meat.inference(fit).std_error[1:], (hc0 * np.sqrt(traces))[1:], rtol=1e-8
    )


def test_stretches_of_rows_lose_next_to_nothing(monkeypatch):
    X, y, _ = table(4000)
    fit, rows = fitted(X, y)
    whole = ewc_meat(fit, rows, 10)
    monkeypatch.setattr(cosines, "_STRETCHES", 1000)
    parts = ewc_meat(fit, Cut(rows, (333, 10)), 10)
    np.testing.assert_allclose(
        parts.inference(fit).std_error, whole.inference(fit).std_error, rtol=4e-3
    )
    np.testing.assert_allclose(parts.dfs, whole.dfs, rtol=4e-3)
    monkeypatch.setattr(cosines, "_HELD", 1000)  # too many columns for the correction
    plain = ewc_meat(fit, Cut(rows, (333, 10)), 10)
    assert (plain.df, plain.dfs) == (10.0, None)
    ratio = plain.inference(fit).std_error / whole.inference(fit).std_error
    assert (ratio < 1).all()  # uncorrected, of columns that are random walks
    assert (ratio > 0.75).all()


def test_default_frequencies():
    assert [frequencies_of(n) for n in (3, 30, 50, 200, 1000, 1_000_000)] == [2, 3, 5, 13, 40, 64]


def test_dropped_columns_penalised_fits_and_columns_that_no_frequency_sees():
    X, y, _ = table(60)
    X[:, 2] = 2 * X[:, 1]
    fit, rows = fitted(X, y)
    found = ewc_meat(fit, rows).inference(fit)
    assert np.array_equal(np.isnan(found.std_error), np.append(False, fit.dropped))
    X, y, _ = table(60)
    rows = fitted(X, y)[1]
    ridge = fit_moments(gather(rows, 1).total, rows.names, 1.0, rows)
    assert (ewc_meat(ridge, rows).df, ewc_meat(ridge, rows).dfs) == (6.0, None)
    # a constant's only frequency lies in the column: residuals tell nothing of the level
    slow = np.cos(np.pi * (np.arange(40) + 0.5) / 40)[:, None]
    fit, rows = fitted(slow, np.random.default_rng(1).normal(size=40))
    found = ewc_meat(fit, rows, 1).inference(fit)
    assert np.isnan(found.std_error[0])
    assert np.isfinite(found.std_error[1])


def ar(rng, n, rho):
    return lfilter([1], [1, -rho], rng.normal(size=n + 100))[100:] * np.sqrt(1 - rho * rho)


@pytest.mark.parametrize(("kind", "n"), [("AR", 50), ("trend", 100), ("long", 100)])
def test_coverage_is_near_nominal_where_newey_west_is_not(kind, n):
    def simulate(rng):
        x, e = ar(rng, n, 0.5), ar(rng, n, 0.5)
        x = {"AR": x, "trend": np.arange(n) / n, "long": np.exp(x)}[kind]
        return x[:, None], x + e, np.zeros(n)

    nw = slope_of(lambda f, r, _: newey_west_meat(f, r, engine=ONE))
    ewc = slope_of(lambda f, r, _: ewc_meat(f, r, engine=ONE))
    plain, better = coverage(simulate, 200, 5, nw, ewc)
    assert within(plain, 200, 0.78, 0.88)
    assert within(better, 200, 0.94, 0.97)


def test_the_fewest_rows():
    X = np.arange(3.0)[:, None]
    fit, rows = fitted(X, np.array([1.0, 0.0, 2.5]))
    assert ewc_meat(fit, rows).kind == "EWC(2)"
    through, rows2 = fitted(X[1:], np.array([1.0, 2.5]), False)
    assert ewc_meat(through, rows2).kind == "EWC(1)"


def test_wide_designs_go_by_the_product():
    """Rᵀ S = R⁻¹: as exact as the pseudo-inverse where columns are no near copies."""
    X, y, _ = table(80)
    fit, _ = fitted(X, y)
    slow = block_sums.Basis.of(fit).back
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_sums, "_WIDE", 2)
        np.testing.assert_allclose(block_sums.Basis.of(fit).back, slow, rtol=1e-9, atol=1e-12)


def test_messages():
    X, y, _ = table(50)
    fit, rows = fitted(X, y)
    with pytest.raises(
        SpecError, match="frequencies is 50; expected a number from 1 to n − 1 = 49"
    ):
        ewc_meat(fit, rows, 50)
    with pytest.raises(SpecError, match="frequencies is 0"):
        ewc_meat(fit, rows, 0)
