"""LinearRegression by an optimizer: the path is the one the rows would give, and the table is honest about its end."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

from whyfit.calculus.optimizers import Adam, GradientDescent, Momentum
from whyfit.errors import SpecError
from whyfit.models import LinearRegression


def data(n=400, seed=0, offset=1.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3)) + offset
    return X, 2 + X @ [1.0, -2.0, 0.5] + rng.standard_normal(n)


def quietly(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(optimizer="lbfgs"),
        LinearRegression(optimizer="momentum", fit_intercept=False, n_steps=50),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learn_s_own_checks_pass(estimator):
    check_estimator(estimator, on_skip=None)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("rule", [GradientDescent(), Momentum(0.8), Adam()])
def test_the_path_is_that_over_the_rows(rule, intercept):
    X, y = data()
    model = LinearRegression(intercept, optimizer=rule, learning_rate=0.05, n_steps=40)
    trace = quietly(model, X, y).trace_
    Z = np.column_stack([np.ones(len(y)), X]) if intercept else X
    w = np.zeros(Z.shape[1])
    state = rule.init(w)
    for t in range(41):
        r = Z @ w - y
        assert_allclose(trace.points[t], w, rtol=1e-9, atol=1e-10)
        assert trace.losses[t] == pytest.approx((r**2).mean(), rel=1e-9)
        w, state = rule.update(state, w, 2 * Z.T @ r / len(y), 0.05)
    assert trace.steps.tolist() == list(range(41))
    assert_allclose(np.append(model.intercept_, model.coef_)[-len(w) :], trace.points[-1])


@pytest.mark.parametrize("optimizer", ["gd", "nesterov", "newton", "lbfgs"])
def test_one_that_arrives_has_the_table_of_least_squares(optimizer):
    X, y = data()
    model = LinearRegression(optimizer=optimizer, n_steps=3000).fit(X, y)
    closed = LinearRegression().fit(X, y)
    assert model.trace_.arrived
    assert model.why_ == ""
    assert_allclose(model.coef_, closed.coef_, rtol=1e-5)
    assert_allclose(model.std_error_, closed.std_error_, rtol=1e-12)
    assert_allclose(model.predict(X, 0.9).low, closed.predict(X, 0.9).low, rtol=1e-3, atol=1e-4)
    assert model.r2_ == pytest.approx(closed.r2_, rel=1e-9)
    for score in ("r2", "mse"):
        assert_allclose(model.held_out_[score], closed.held_out_[score], rtol=1e-4)
    true = -np.log10(np.abs(model.coef_ - closed.coef_) / np.abs(closed.coef_) + 1e-17)
    assert (model.digits_ <= true + 0.3).all()


def test_one_that_stops_early_is_its_own_fit_without_a_law():
    X, y = data()
    model = LinearRegression(optimizer="gd", n_steps=5)
    with pytest.warns(ConvergenceWarning, match="gd did not arrive: after 5 steps"):
        model.fit(X, y)
    trace = model.trace_
    assert not trace.arrived
    assert_allclose(model.coef_, trace.points[-1, 1:])
    r = y - model.predict(X)
    assert (r**2).mean() == pytest.approx(trace.losses[-1], rel=1e-9)
    assert model.r2_ == pytest.approx(1 - (r**2).sum() / ((y - y.mean()) ** 2).sum(), rel=1e-9)
    assert np.isnan(model.std_error_).all()
    assert np.isnan(model.inference_.p_value).all()
    assert np.isnan(model.predict(X, 0.9).low).all()
    assert "standard errors from least squares" in model.why_
    (told,) = trace.told
    assert told.what == "share of the excess loss left"
    assert told.observed == pytest.approx(told.predicted, rel=1e-8)
    assert len(model.held_out_["r2"]) == 10
    assert (model.held_out_["mse"] > LinearRegression().fit(X, y).held_out_["mse"]).mean() > 0.5


def test_distance_bounds_every_coefficient_in_standard_errors():
    X, y = data()
    closed = LinearRegression().fit(X, y)
    for steps in (3, 30, 100):
        model = quietly(LinearRegression(optimizer="gd", n_steps=steps), X, y)
        away = np.abs(model.coef_ - closed.coef_) / closed.std_error_
        assert away.max() <= model.trace_.distance * (1 + 1e-6)


def test_a_step_above_the_limit_diverges_at_the_predicted_factor():
    X, y = data()
    Z = np.column_stack([np.ones(len(y)), X])
    top = np.linalg.eigvalsh(2 * Z.T @ Z / len(y))[-1]
    for share, lost in ((0.98, False), (1.02, True)):
        model = LinearRegression(optimizer="gd", learning_rate=share * 2 / top, n_steps=3000)
        trace = quietly(model, X, y).trace_
        assert (trace.losses[-1] > trace.losses[0]) == lost
        if lost:
            told = {t.what: t for t in trace.told}["factor per step"]
            assert told.predicted == pytest.approx(1.02 * 2 - 1, rel=1e-6)
            assert told.agrees
            assert "above the limit of stability" in model.why_
            assert np.isfinite(model.coef_).all()


def test_columns_that_repeat_each_other_leave_many_fits():
    X, y = data()
    X = np.column_stack([X, X[:, 0], np.ones(len(y))])
    model = LinearRegression(optimizer="gd", n_steps=5000).fit(X, y)
    assert model.trace_.arrived
    assert model.dropped_.tolist() == [False] * 4 + [True]
    assert model.coef_[0] == pytest.approx(model.coef_[3])  # of all, the one nearest to the start
    assert np.isnan(model.std_error_).all()
    assert model.why_.startswith("Columns repeat each other: many planes fit equally well")


def test_constant_targets_and_columns_alone():
    X, _ = data(30)
    model = LinearRegression(optimizer="newton").fit(X, np.full(30, 4.0))
    assert_allclose(model.coef_, 0, atol=1e-9)
    assert model.intercept_ == pytest.approx(4.0)
    still = quietly(LinearRegression(optimizer="gd"), np.ones((30, 2)), np.arange(30.0))
    assert still.predict(np.ones((1, 2)))[0] == pytest.approx(14.5, rel=1e-6)


def test_a_fit_in_closed_form_has_no_trace():
    X, y = data()
    model = LinearRegression(optimizer="newton").fit(X, y)
    model.optimizer = None
    assert not hasattr(model.fit(X, y), "trace_")
    assert clone(LinearRegression(optimizer=Momentum(0.5))).optimizer == Momentum(0.5)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"optimizer": "adagrad"}, "optimizer is 'adagrad'; expected one of gd, momentum"),
        ({"optimizer": "sgd"}, "takes all rows at once"),
        ({"optimizer": "gd", "learning_rate": 0.0}, "learning rate is 0.0"),
        ({"optimizer": "newton", "learning_rate": 0.1}, "chooses its own steps"),
        ({"learning_rate": 0.1}, "without an optimizer"),
        ({"optimizer": "gd", "n_steps": 0}, "n_steps is 0"),
    ],
)
def test_choices_that_mean_nothing_are_refused(choice, said):
    X, y = data(20)
    with pytest.raises(SpecError, match=said) as caught:
        LinearRegression(**choice).fit(X, y)
    assert "\n" not in str(caught.value)
