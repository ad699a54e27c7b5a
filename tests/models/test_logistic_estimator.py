"""LogisticRegression: scikit-learn's rules, statsmodels' numbers, and words where there is no maximum."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn.linear_model
import statsmodels.api as sm
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import check_estimator

from whyfit.data.folds import fold_count, fold_of
from whyfit.errors import SpecError, TargetError
from whyfit.models import Interval, LogisticRegression

DIGITS = 1e-9


def data(n=500, p=3, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(2.0, 1.0, (n, p)) * [1.0, 10.0, 0.1]
    W = rng.normal(size=(classes, p)) / [1.0, 10.0, 0.1]
    eta = (X - X.mean(axis=0)) @ W.T + rng.gumbel(size=(n, classes))
    return X, np.array(["ash", "birch", "cedar", "date"])[eta.argmax(axis=1)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("ridge", [0.0, 1.0])
def test_scikit_learn_s_own_checks_pass(ridge):
    check_estimator(LogisticRegression(ridge=ridge), on_skip=None)


def test_two_classes_are_those_of_statsmodels():
    X, y = data()
    A = sm.add_constant(X)
    peer = sm.GLM(y == "birch", A, family=sm.families.Binomial()).fit(tol=1e-14)
    model = LogisticRegression().fit(X, y)
    table = model.inference_
    np.testing.assert_allclose(table.estimate, peer.params, rtol=DIGITS)
    np.testing.assert_allclose(table.std_error, peer.bse, rtol=DIGITS)
    np.testing.assert_allclose(table.p_value, peer.pvalues, rtol=1e-7)
    np.testing.assert_allclose(model.log_likelihood_, peer.llf, rtol=DIGITS)
    np.testing.assert_allclose(model.r2_, 1 - peer.llf / peer.llnull, rtol=1e-7)
    frame = peer.get_prediction(A[:20]).summary_frame(0.1)
    interval = model.predict_proba(X[:20], interval=0.9)
    np.testing.assert_array_equal(interval.prediction, model.predict_proba(X[:20]))
    np.testing.assert_allclose(interval.prediction[:, 1], frame["mean"], rtol=DIGITS)
    np.testing.assert_allclose(interval.low[:, 1], frame["mean_ci_lower"], rtol=1e-8)
    np.testing.assert_allclose(interval.high[:, 1], frame["mean_ci_upper"], rtol=1e-8)
    np.testing.assert_allclose(interval.low[:, 0], 1 - interval.high[:, 1], rtol=1e-9)


def test_more_classes_are_those_of_statsmodels():
    X, y = data(800, classes=4)
    codes = np.unique(y, return_inverse=True)[1]
    peer = sm.MNLogit(codes, sm.add_constant(X)).fit(method="newton", tol=1e-12, disp=0)
    model = LogisticRegression().fit(X, y)
    W = np.column_stack([model.intercept_, model.coef_])
    np.testing.assert_array_equal(W[0], 0.0)
    np.testing.assert_allclose(W[1:].T, peer.params, rtol=1e-8)
    np.testing.assert_allclose(model.std_error_[1:].T, peer.bse[1:], rtol=1e-7)
    np.testing.assert_allclose(model.covariance_, peer.cov_params(), rtol=1e-6, atol=1e-10)
    assert np.isnan(model.std_error_[0]).all()
    names = [row["name"] for row in model.summary()["coefficients"]]
    assert names[:2] == ["birch: intercept", "birch: x1"]


def test_intervals_of_many_classes_by_the_delta_method_done_numerically():
    X, y = data(800, classes=3)
    model = LogisticRegression().fit(X, y)
    P, low, high = model.predict_proba(X[:6], interval=0.95)
    W = np.column_stack([model.intercept_, model.coef_])[1:]

    def logits(flat, x):
        eta = np.concatenate([[0.0], flat.reshape(W.shape) @ np.concatenate([[1.0], x])])
        p = np.exp(eta) / np.exp(eta).sum()
        return np.log(p / (1 - p))

    for i, x in enumerate(X[:6]):
        flat = W.ravel()
        steps = 1e-6 * np.maximum(np.abs(flat), 1e-3)
        J = np.stack(
            [
                (logits(flat + h * e, x) - logits(flat - h * e, x)) / (2 * h)
                for h, e in zip(steps, np.eye(flat.size), strict=True)
            ],
            axis=1,
        )
        half = 1.959963984540054 * np.sqrt(np.diag(J @ model.covariance_ @ J.T))
        centre = logits(flat, x)
        np.testing.assert_allclose(low[i], 1 / (1 + np.exp(-(centre - half))), rtol=1e-6)
        np.testing.assert_allclose(high[i], 1 / (1 + np.exp(-(centre + half))), rtol=1e-6)
        np.testing.assert_allclose(P[i], 1 / (1 + np.exp(-centre)), rtol=1e-9)


def test_many_and_two_classes_give_the_same_interval():
    """The delta method over softmax is the logit interval when there are two classes."""
    from whyfit.probability.predictive import LogisticLaw, MultinomialLaw

    rng = np.random.default_rng(0)
    A = rng.normal(size=(4, 4))
    S, w, mu = A @ A.T, rng.normal(size=4), rng.normal(size=3)
    X = rng.normal(size=(7, 3))
    two = LogisticLaw(mu, w[0], w[1:], S).interval(X, 0.9)
    one = MultinomialLaw(mu, w[:1], w[None, 1:], S).interval(X, 0.9)
    for a, b in zip(two, one, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize("classes", [2, 3])
def test_held_out_log_loss_is_that_of_refitting(classes):
    X, y = data(400, classes=classes)
    held_out = LogisticRegression().fit(X, y).held_out_["log_loss"]
    k = fold_count(400, 10)
    label = fold_of(np.arange(400), k, 0)
    for j in range(k):
        train, test = label != j, label == j
        inner = LogisticRegression().fit(X[train], y[train])
        wanted = log_loss(y[test], inner.predict_proba(X[test]), labels=inner.classes_)
        np.testing.assert_allclose(held_out[j], wanted, rtol=1e-4)


def test_ridge_is_scikit_learn_s_on_standardised_columns():
    X, y = data(300)
    scale = X.std(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scikit-learn deprecates from version to version
        peer = sklearn.linear_model.LogisticRegression(C=0.2, tol=1e-12, max_iter=10_000)
        peer.fit(X / scale, y)
    model = LogisticRegression(ridge=5.0).fit(X, y)
    np.testing.assert_allclose(model.coef_, peer.coef_ / scale, rtol=1e-5)
    np.testing.assert_allclose(model.intercept_, peer.intercept_, rtol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_columns_far_from_zero_lose_nothing(classes):
    X, y = data(300, classes=classes)
    X = np.round(X, 3)
    far = X + 2.0**27  # exact: a table of identifiers or seconds
    near = LogisticRegression().fit(far - 2.0**27, y).predict_proba(far - 2.0**27, interval=0.9)
    moved = LogisticRegression().fit(far, y).predict_proba(far, interval=0.9)
    for a, b in zip(moved, near, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_predictions_hang_together(classes):
    X, y = data(300, classes=classes)
    model = LogisticRegression().fit(X, y)
    P, decision = model.predict_proba(X), model.decision_function(X)
    np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[P.argmax(axis=1)])
    odds = np.log(P[:, 1] / P[:, 0])
    np.testing.assert_allclose(decision if classes == 2 else decision[:, 1], odds, atol=1e-9)
    interval = model.predict_proba(X, interval=0.99)
    assert isinstance(interval, Interval)
    assert (interval.low < P).all()
    assert (interval.high > P).all()
    assert (interval.low > 0).all()
    assert (interval.high < 1).all()


def test_the_threshold_is_the_probability_from_which_a_row_is_positive():
    X, y = data()
    model = LogisticRegression(threshold=0.2).fit(X, y)
    np.testing.assert_array_equal(model.predict(X) == "birch", model.predict_proba(X)[:, 1] >= 0.2)
    plain = LogisticRegression().fit(X, y)
    assert model.held_out_["recall"].mean() > plain.held_out_["recall"].mean()


@pytest.mark.parametrize("classes", [2, 3])
def test_separated_classes_are_explained_and_still_predicted(classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2)) + 20 * np.arange(classes).repeat(90 // classes)[:, None]
    y = np.arange(classes).repeat(90 // classes)
    with pytest.warns(ConvergenceWarning, match="a plane separates the classes: the likelihood"):
        model = LogisticRegression().fit(X, y)
    assert not model.converged_
    assert "set ridge=1" in model.why_
    assert "\n" not in model.why_
    assert model.score(X, y) == 1.0
    assert np.isfinite(model.predict_proba(X, interval=0.95).low).all()
    calm = LogisticRegression(ridge=1.0).fit(X, y)
    assert calm.converged_
    assert calm.why_ == ""


def test_partly_separated_classes_are_explained():
    """One level of a category has a single class: its coefficient runs away, the others do not."""
    rng = np.random.default_rng(0)
    group = np.arange(200) % 4 == 0
    y = np.where(group, 1, rng.integers(0, 2, 200))
    with pytest.warns(ConvergenceWarning, match="separates some of the rows"):
        LogisticRegression().fit(np.column_stack([group, rng.normal(size=200)]), y)


def test_dropped_columns_and_more_columns_than_rows():
    X, y = data(200)
    wide = np.column_stack([X, X.sum(axis=1), np.ones(200)])
    model = LogisticRegression().fit(wide, y)
    assert model.dropped_.tolist() == [False, False, False, True, True]
    assert "2 of 5 columns" in model.why_
    np.testing.assert_allclose(
        model.predict_proba(wide), LogisticRegression().fit(X, y).predict_proba(X), rtol=1e-9
    )
    assert np.isnan(model.covariance_[4:]).all()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10, 25))
    with pytest.warns(ConvergenceWarning, match="a plane separates"):
        model = LogisticRegression().fit(X, y[:10])
    assert (model.predict(X) == y[:10]).all()


def test_a_pickle_keeps_the_model_and_leaves_the_rows_behind():
    X, y = data(5000)
    model = LogisticRegression().fit(X, y)
    data_ = pickle.dumps(model)
    assert len(data_) < X.nbytes / 4
    back = pickle.loads(data_)
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    with pytest.raises(AttributeError, match="need the training rows"):
        _ = back.held_out_
    assert model.held_out_["log_loss"].size == 10


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LogisticRegression(ridge=-1), "ridge is -1; expected a finite penalty"),
        (LogisticRegression(threshold=1.0), "threshold is 1.0; expected a probability in (0, 1)"),
        (LogisticRegression(confidence=1.0), "confidence is 1.0; expected a level"),
        (LogisticRegression(threshold=0.3), "threshold is 0.3 with 3 classes"),
    ],
    ids=lambda v: repr(v)[:40],
)
def test_parameters_out_of_range(estimator, message):
    with pytest.raises(SpecError) as caught:
        estimator.fit(*data(60, classes=3))
    assert message in str(caught.value)


def test_one_class_is_no_classification():
    with pytest.raises(TargetError, match="y holds one class, 'ash'; expected at least two"):
        LogisticRegression().fit(np.eye(3), ["ash"] * 3)
