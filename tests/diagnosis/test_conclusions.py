"""Conclusions: adjusted p-values as statsmodels has them, replicates as robust errors foretell, effects by power."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import special
from statsmodels.stats.multitest import multipletests

from simulated import case_of, table_case
from whyfit.account.conclusions import conclusions_panel
from whyfit.diagnosis.conclusions import POWER, conclusions_of, replicates_of
from whyfit.probability.power import power_t


def table(n, p, seed, effect=0.3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X @ np.where(np.arange(p) < 2, effect, 0.0) + rng.normal(size=n)


def test_p_values_are_those_of_statsmodels():
    X, y = table(200, 8, 0)
    made = conclusions_of(case_of(X, y))
    fit = sm.OLS(y, sm.add_constant(X)).fit()
    np.testing.assert_allclose(made.p_value, fit.pvalues[1:], rtol=1e-8)
    for method, mine in (("holm", made.holm), ("fdr_bh", made.bh)):
        np.testing.assert_allclose(
            mine, multipletests(fit.pvalues[1:], method=method)[1], rtol=1e-8
        )


def test_a_detectable_effect_has_the_power():
    X, y = table(60, 3, 1)
    made = conclusions_of(case_of(X, y))
    for i, effect in enumerate(made.detectable):
        error = made.table.std_error[made.place[i]]
        assert power_t(float(effect), float(error), made.table.df) == pytest.approx(POWER, abs=0.01)


@pytest.mark.parametrize("n", [300, 8000])
def test_replicates_spread_as_robust_errors_say(n):
    """Refits of few rows, steps of many, a part of them: σ grows with |x1|, so that classic errors are too small."""
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 2))
    y = X[:, 1] + (0.3 + np.abs(X[:, 0])) * rng.normal(size=n)
    case = case_of(X, y)
    robust = sm.OLS(y, sm.add_constant(X)).fit(cov_type="HC3")
    made = conclusions_of(case)
    np.testing.assert_allclose(made.spread, robust.bse[1:], rtol=0.15)
    turned = 1 - made.same_sign[0]
    t = abs(made.table.estimate[1]) / made.spread[0]
    assert turned == pytest.approx(special.ndtr(-t), abs=0.06)


@pytest.mark.parametrize("kind", ["binary", "poisson", "gamma"])
def test_replicates_of_likelihoods_spread_as_their_robust_errors_say(kind):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(1500, 2))
    eta = 0.5 * X[:, 0]
    A = sm.add_constant(X)
    if kind == "binary":
        y = (rng.random(1500) < special.expit(eta)).astype(int)
        case, model = case_of(X, y), sm.Logit(y, A)
    elif kind == "poisson":
        y = rng.poisson(np.exp(eta))
        case, model = case_of(X, y, loss="poisson"), sm.GLM(y, A, sm.families.Poisson())
    else:
        y = rng.gamma(2.0, np.exp(eta) / 2)
        link = sm.families.links.Log()
        case, model = case_of(X, y, loss="gamma"), sm.GLM(y, A, sm.families.Gamma(link))
    made = conclusions_of(case)
    fit = model.fit(cov_type="HC0", **({"disp": 0} if kind == "binary" else {}))
    np.testing.assert_allclose(made.spread, fit.bse[1:], rtol=0.12)


def test_none_are_drawn_where_they_would_say_something_else():
    X, y = table(100, 2, 6)
    assert replicates_of(case_of(X, y, ridge=1.0)) is None
    assert replicates_of(case_of(X, y, loss="huber")) is None
    assert np.isnan(conclusions_of(case_of(X, y, covariance="HAC")).same_sign).all()


def test_several_classes_have_slopes_of_their_own():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(500, 2))
    y = np.array(["a", "b", "c"])[(X[:, 0] + rng.normal(size=500) > [[-1], [1]]).sum(axis=0)]
    made = conclusions_of(case_of(X, y, task="multiclass"))
    assert made.names == ("b: x1", "b: x2", "c: x1", "c: x2")
    assert "same sign" not in conclusions_panel(case_of(X, y, task="multiclass")).grids[0].head


def test_verdicts():
    X, y = table(400, 30, 8)
    made = conclusions_of(case_of(X, y))
    verdicts = [made.verdict(i) for i in range(30)]
    assert verdicts[:2] == ["certain", "certain"]
    for i, verdict in enumerate(verdicts):
        if verdict == "undetermined":
            assert made.p_value[i] >= 0.05
        elif verdict == "tentative":
            assert made.p_value[i] < 0.05
            assert made.holm[i] >= 0.05 or made.same_sign[i] < 0.99


def test_a_column_named_intercept_is_a_slope_and_dropped_columns_are_none():
    rng = np.random.default_rng(9)
    x = rng.normal(size=80)
    case = table_case(
        {"intercept": x, "twice": 2 * x, "c": rng.normal(size=80), "y": x + rng.normal(size=80)},
        "y",
    )
    made = conclusions_of(case)
    assert made.names == ("intercept", "c")
    assert np.isfinite(made.same_sign).all()


@pytest.mark.parametrize("n", [3, 5])
def test_without_degrees_of_freedom_there_is_nothing_to_conclude(n):
    rng = np.random.default_rng(n)
    assert conclusions_panel(case_of(rng.normal(size=(n, 5)), rng.normal(size=n))) is None


def test_the_panel_counts_and_sorts():
    X, y = table(300, 25, 10, 0.5)
    panel = conclusions_panel(case_of(X, y))
    assert panel.lead.startswith("Of 25 slopes 2 are certain")
    (grid,) = panel.grids
    assert len(grid.rows) == 20
    assert "of smallest p of 25" in grid.caption
    assert {row[0] for row in grid.rows[:2]} == {"x1", "x2"}
    (chart,) = panel.charts
    assert min(min(s.y) for s in chart.series) >= 1e-8
