"""HC2 and HC3 with Satterthwaite degrees of freedom: statsmodels, the textbook form, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from sandwiches import ONE, Cut, coverage, fitted, slope_of, table, within
from whyfit.errors import SpecError
from whyfit.probability import leveraged
from whyfit.probability.few_clusters import cr2_meat
from whyfit.probability.inference import wald
from whyfit.probability.leveraged import hc_meat, own_df
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.residuals import examine


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(("kind", "power"), [("HC2", 0.5), ("HC3", 1.0)])
def test_errors_are_those_of_statsmodels_and_df_those_of_the_textbook(intercept, kind, power):
    X, y, _ = table(80)
    fit, rows = fitted(X, y, intercept)
    D = np.column_stack([np.ones(80), X]) if intercept else X
    meat = hc_meat(fit, Cut(rows, (7, 30)), kind)
    found = meat.inference(fit)
    theirs = getattr(sm.OLS(y, D).fit(), f"{kind}_se")
    np.testing.assert_allclose(found.std_error, theirs, rtol=1e-9)
    V = np.linalg.inv(D.T @ D)
    H = D @ V @ D.T
    for j, df in enumerate(found.dfs):
        P = (np.eye(80) - H) * ((D @ V[:, j]) / (1 - np.diag(H)) ** power)
        G = P.T @ P
        assert df == pytest.approx(np.trace(G) ** 2 / (G * G).sum(), rel=1e-9)
    assert (meat.kind, meat.df) == (kind, found.dfs.min())


def test_hc2_is_cr2_with_a_cluster_a_row_and_the_meat_of_the_second_pass():
    X, y, _ = table(60)
    fit, rows = fitted(X, y)
    ours, alone = hc_meat(fit, rows), cr2_meat(fit, rows, np.arange(60))
    np.testing.assert_allclose(ours.dfs, alone.dfs, rtol=1e-9)
    np.testing.assert_allclose(ours.covariance(fit), alone.covariance(fit), rtol=1e-7)
    again = examine(fit, rows, kinds=("HC2",)).meat("HC2", 3)
    table_again = fit.inference(0.95, again, "HC2", ours.dfs)
    np.testing.assert_allclose(table_again.low, ours.inference(fit).low, rtol=1e-9)


def test_large_tables_have_their_rows_less_coefficients():
    """Normal columns: α_i = b_i²τ² are χ²₁, so that ν ≈ n/E[α²]·E[α]² = n/3."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 3))
    fit, rows = fitted(X, rng.normal(size=20_000))
    np.testing.assert_allclose(hc_meat(fit, rows).dfs[1:], 20_000 / 3, rtol=0.05)
    np.testing.assert_allclose(hc_meat(fit, rows).dfs[0], 20_000, rtol=0.01)


def test_wide_designs_and_penalised_fits_have_n_less_k(monkeypatch):
    X, y, _ = table(60)
    fit, rows = fitted(X, y)
    se = hc_meat(fit, rows).inference(fit).std_error
    monkeypatch.setattr(leveraged, "_HELD", 10)
    plain = hc_meat(fit, rows)
    assert (plain.df, plain.dfs) == (56.0, None)
    np.testing.assert_allclose(plain.inference(fit).std_error, se, rtol=1e-12)
    monkeypatch.undo()
    ridge = fit_moments(gather(rows, 1).total, rows.names, 1.0, rows)
    assert hc_meat(ridge, rows).dfs is None


@pytest.mark.parametrize("kind", ["HC2", "HC3"])
def test_a_row_with_a_dummy_of_its_own_leaves_the_others_their_numbers(kind):
    rng = np.random.default_rng(2)
    x = rng.normal(size=30)
    y = x + rng.normal(size=30)
    fit, rows = fitted(np.column_stack([x, np.arange(30) == 4]).astype(float), y)
    found = hc_meat(fit, rows, kind).inference(fit)
    rest = np.arange(30) != 4
    less, rows_less = fitted(x[rest, None], y[rest])
    np.testing.assert_allclose(
        found.std_error[:2], hc_meat(less, rows_less, kind).inference(less).std_error, rtol=1e-9
    )
    np.testing.assert_allclose(found.dfs[:2], hc_meat(less, rows_less, kind).dfs, rtol=1e-9)
    assert np.isnan(found.std_error[2])
    assert np.isnan(found.dfs[2])


@pytest.mark.parametrize("spread", ["equal", "grows"])
def test_coverage_with_a_lognormal_column(spread):
    """60 rows: HC3 with n − 2 degrees of freedom is too narrow, with its own it is not."""

    def simulate(rng):
        x = np.exp(rng.normal(size=60))
        return x[:, None], x + rng.normal(size=60) * (x if spread == "grows" else 1), np.zeros(60)

    plain = slope_of(lambda f, r, _: f.inference(0.95, hc_meat(f, r, "HC3", ONE).matrix, "HC3"))
    hc2 = slope_of(lambda f, r, _: hc_meat(f, r, "HC2", ONE))
    hc3 = slope_of(lambda f, r, _: hc_meat(f, r, "HC3", ONE))
    found = coverage(simulate, 200, 4, plain, hc2, hc3)
    assert within(found[0], 200, 0.87, 0.935)
    assert within(found[1], 200, 0.92, 0.975)
    assert within(found[2], 200, 0.95, 0.99)


def test_degrees_of_freedom_of_each_coefficient_decide_its_row():
    names, estimate, se = ("a", "b", "c"), np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 0.0])
    digits = np.full(3, 16.0)
    each = wald(names, estimate, se, np.array([3.0, np.nan, 40.0]), 0.9, digits)
    for j, df in ((0, 3.0), (2, 40.0)):
        one = wald(names, estimate, se, df, 0.9, digits)
        for field in ("statistic", "p_value", "low", "high"):
            np.testing.assert_allclose(getattr(each, field)[j], getattr(one, field)[j], rtol=1e-12)
    assert np.isnan([each.std_error[1], each.p_value[1], each.low[1], each.dfs[1]]).all()
    assert (each.df, each.estimate[1]) == (3.0, 2.0)
    none = wald(names, estimate, se, np.full(3, np.nan), 0.9, digits)
    assert np.isnan(none.df)
    assert np.isnan(none.high).all()


def test_messages():
    X, y, _ = table(50)
    fit, rows = fitted(X, y)
    with pytest.raises(SpecError, match="kind is 'HC1'; expected 'HC2' or 'HC3'"):
        hc_meat(fit, rows, "HC1")


def test_large_tables_and_other_kinds_keep_n_less_k(monkeypatch):
    X, y, _ = table(50)
    fit, rows = fitted(X, y)
    np.testing.assert_array_equal(own_df(fit, rows, "HC3"), hc_meat(fit, rows, "HC3").dfs)
    assert own_df(fit, rows, "HC1") is None
    monkeypatch.setattr(leveraged, "JUDGED_ROWS", 49)
    assert own_df(fit, rows, "HC3") is None
