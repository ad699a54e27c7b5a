"""Degrees of freedom of each coefficient, from `Spec.covariance` to the table, the remark and the saved file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import t as t_law

import whyfit
from whyfit.data.arrays import ArrayRows
from whyfit.models import LinearRegression
from whyfit.models.file import load_model
from whyfit.probability.leveraged import hc_meat
from whyfit.probability.linear import fit_arrays
from whyfit.spec import Spec

REMARK = "allow for how uncertain these standard errors are"


def frame(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = np.exp(rng.normal(size=n)), rng.normal(size=n)
    return pd.DataFrame({"a": a, "b": b, "y": a + b + a * rng.normal(size=n)})


@pytest.mark.parametrize("kind", ["HC2", "HC3"])
def test_small_tables_have_statsmodels_errors_and_their_own_quantiles(kind, tmp_path):
    table = frame(60)
    result = whyfit.fit(table, "y", spec=Spec(covariance=kind))
    rows = result.document.model.coefficients
    X, y = table[["a", "b"]].to_numpy(), table["y"].to_numpy()
    peer = sm.OLS(y, sm.add_constant(X)).fit().get_robustcov_results(kind)
    np.testing.assert_allclose([c.std_error for c in rows], peer.bse, rtol=1e-8)
    dfs = hc_meat(fit_arrays(X, y).fit, ArrayRows(X, y, 1), kind).dfs
    half = [(c.high - c.low) / 2 for c in rows]
    np.testing.assert_allclose(half, t_law.ppf(0.975, dfs) * peer.bse, rtol=1e-6)
    assert half[1] > 1.1 * t_law.ppf(0.975, 57) * peer.bse[1]  # a has a long tail
    assert any(
        REMARK in note and "each coefficient its own" in note for note in result.document.notes
    )
    result.save(tmp_path / "m.whyfit")
    back = load_model(tmp_path / "m.whyfit").inference
    np.testing.assert_array_equal(
        [back.low, back.high], [[c.low for c in rows], [c.high for c in rows]]
    )
    same = LinearRegression(covariance=kind).fit(X, y).inference_
    np.testing.assert_allclose(same.low, back.low, rtol=1e-9)
    np.testing.assert_allclose(same.dfs, dfs, rtol=1e-9)


def test_where_it_matters_little_nothing_is_said():
    table = frame(3000)
    table["a"] = np.random.default_rng(1).normal(size=3000)
    for kind in ("classic", "HC0", "HC1", "HC3"):
        result = whyfit.fit(table, "y", spec=Spec(covariance=kind))
        assert not any(REMARK in note for note in result.document.notes)


def test_a_level_of_one_row_has_no_robust_error():
    table = frame(60)
    table["g"] = np.where(np.arange(60) == 7, "z", np.where(np.arange(60) % 2, "u", "v"))
    result = whyfit.fit(table, "y", spec=Spec(covariance="HC3"))
    (alone,) = [
        c
        for c in result.document.model.coefficients
        if c.name not in ("intercept", "a", "b", "g=u", "g=v")
    ]
    assert alone.std_error is None or np.isnan(alone.std_error)
    assert (
        f"no HC3 standard error of {alone.name}: rows or groups that alone tell of it leave no residual."
        in (result.document.notes)
    )
    rest = [c.std_error for c in result.document.model.coefficients if c.name != alone.name]
    assert np.isfinite(rest).all()
