"""Logistic regression beside statsmodels; exact cross-validation beside scikit-learn."""

import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from whyfit.data.arrays import ArrayRows
from whyfit.data.folds import fold_of
from whyfit.errors import SpecError
from whyfit.fold import Rows
from whyfit.probability import logistic, logistic_validation, multinomial


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 5)) * [1, 10, 1e3, 1e-3, 1] + [0, 5, 1e4, 0, 3]
    eta = (X - X.mean(0)) @ [1, 0.02, 1e-3, 100, 0]
    y = (rng.random(2000) < 1 / (1 + np.exp(-eta))).astype(float)
    return X, y, logistic.fit_arrays(X, y)


def newton_in_long_double(X, y):
    """Naive twin: textbook Newton in extended precision on standardised columns."""
    Z = np.column_stack([np.ones(len(X)), (X - X.mean(0)) / X.std(0)]).astype(np.longdouble)
    b, H = np.zeros(Z.shape[1], dtype=np.longdouble), np.eye(Z.shape[1])
    for _ in range(30):
        pi = 1 / (1 + np.exp(-(Z @ b)))
        H = (Z * (pi * (1 - pi))[:, None]).T @ Z
        b = b + np.linalg.solve(H.astype(float), (Z.T @ (y - pi)).astype(float))
    V = np.linalg.inv(H.astype(float))
    return (b[1:].astype(float) / X.std(0)), np.sqrt(np.diag(V))[1:] / X.std(0)


def test_table_agrees_with_the_naive_twin_to_nine_digits(made):
    X, y, ours = made
    coef, se = newton_in_long_double(X, y)
    np.testing.assert_allclose(ours.fit.coef, coef, rtol=1e-9)
    np.testing.assert_allclose(ours.inference.std_error[1:], se, rtol=1e-9)


def test_agrees_with_statsmodels(made):
    X, y, ours = made
    theirs = sm.GLM(y, sm.add_constant(X), family=sm.families.Binomial()).fit(tol=1e-13)
    np.testing.assert_allclose(ours.inference.estimate, theirs.params, rtol=1e-8)
    np.testing.assert_allclose(ours.inference.std_error, theirs.bse, rtol=1e-7)
    assert ours.fit.log_likelihood == pytest.approx(theirs.llf, rel=1e-10)
    assert ours.fit.null_log_likelihood == pytest.approx(theirs.llnull, rel=1e-8)


def test_warm_start_and_many_rows_reach_the_same_maximum():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30_000, 3))
    y = (rng.random(30_000) < 1 / (1 + np.exp(-X @ [1.0, -1.0, 0.3] + 2))).astype(float)
    ours = logistic.fit_arrays(X, y)
    coef, se = newton_in_long_double(X, y)
    np.testing.assert_allclose(ours.fit.coef, coef, rtol=1e-9)
    np.testing.assert_allclose(ours.inference.std_error[1:], se, rtol=1e-9)
    assert ours.fit.converged
    assert ours.fit.optimum.passes <= 6


@pytest.mark.parametrize("ridge", [0.0, 5.0])
def test_cross_validation_is_scikit_learns(made, ridge):
    X, y, _ = made
    fit = logistic.fit_arrays(X, y, ridge=ridge).fit
    scores, _ = logistic_validation.cross_validate(fit, ArrayRows(X, y, 10), 10)
    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=1 / ridge if ridge else np.inf, solver="newton-cholesky", tol=1e-10),
    )
    folds = PredefinedSplit(fold_of(np.arange(len(y)), 10, 0))
    loss = -cross_val_score(model, X, y, cv=folds, scoring="neg_log_loss")
    np.testing.assert_allclose(scores["log_loss"], loss, rtol=1e-6 if not ridge else 1e-3)
    accuracy = cross_val_score(model, X, y, cv=folds)
    np.testing.assert_allclose(scores["accuracy"], accuracy, atol=1e-12 if not ridge else 0.006)


def test_separated_classes_stop_without_a_maximum():
    x = np.linspace(-1, 1, 60)
    fit = logistic.fit_arrays(x[:, None], (x > 0).astype(float)).fit
    assert not fit.converged
    ratio = np.divide(fit.optimum.losses[-6:-1], fit.optimum.losses[-7:-2])
    assert np.allclose(
        ratio, np.exp(-1), atol=0.05
    )  # theory: each Newton step divides the loss by e
    assert (fit.digits == 0).all()


def test_interval_of_a_probability_covers():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(300, 1))
    new, truth, hits = np.array([[0.5]]), 1 / (1 + np.exp(-0.5)), 0
    for _ in range(600):
        y = (rng.random(300) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
        _, low, high = logistic.fit_arrays(X, y).fit.predict_interval(new, 0.95)
        hits += int(low[0] <= truth <= high[0])
    assert (
        abs(hits - 570) <= 3.3 * np.sqrt(600 * 0.05 * 0.95) + 6
    )  # Wald is asymptotic: one per cent of slack


def test_multinomial_agrees_with_statsmodels_and_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 3)) * [1, 10, 1] + [0, 5, 3]
    eta = X @ rng.normal(size=(3, 4)) * [1, 0.5, 1, 0.2]
    P = np.exp(eta - eta.max(1, keepdims=True))
    P /= P.sum(1, keepdims=True)
    y = np.array([rng.choice(4, p=q) for q in P]).astype(float)
    rows = ArrayRows(X, y, 10)
    fit = multinomial.fit_rows(rows, 1200, X.mean(0), X.std(0), classes=("a", "b", "c", "d"))
    theirs = sm.MNLogit(y, sm.add_constant(X)).fit(disp=0, method="newton", maxiter=100)
    table = fit.inference()
    np.testing.assert_allclose(table.estimate.reshape(3, 4).T, theirs.params, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(table.std_error.reshape(3, 4).T, theirs.bse, rtol=1e-8)
    assert table.names[:2] == ("b: intercept", "b: x1")
    scores, _ = multinomial.cross_validate(fit, rows, 10)
    folds = PredefinedSplit(fold_of(np.arange(1200), 10, 0))
    model = LogisticRegression(C=np.inf, solver="newton-cg", tol=1e-9, max_iter=1000)
    loss = -cross_val_score(model, X, y, cv=folds, scoring="neg_log_loss")
    np.testing.assert_allclose(scores["log_loss"], loss, rtol=1e-6)


@pytest.mark.parametrize("seed", [14, 21, 35, 56])
def test_held_out_loss_of_few_rows_is_exact(seed):
    """Thirty rows in three folds: the optimum of two folds lies far from that of three."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 3))
    y = (rng.random(30) < 1 / (1 + np.exp(-2 * X @ [1, -0.5, 0]))).astype(float)
    rows, fold = ArrayRows(X, y, 3), fold_of(np.arange(30), 3, 0)
    fit = logistic.fit_rows(rows, 30, X.mean(0), X.std(0))
    if not fit.converged:
        return
    ours = logistic_validation.cross_validate(fit, rows, 3)[0]["log_loss"]
    for j in range(3):
        own = logistic.fit_arrays(X[fold != j], y[fold != j]).fit
        if not own.converged:
            continue
        eta = own.intercept + X[fold == j] @ own.coef
        loss = (np.logaddexp(0, eta) - y[fold == j] * eta).mean()
        assert ours[j] == pytest.approx(loss, abs=1e-5)


def test_more_work_than_minutes_is_refused():
    rows = ArrayRows(np.zeros((3, 2000)), np.arange(3.0), 2)
    with pytest.raises(
        SpecError, match=r"10 classes by 2,000 columns and 50,000 rows .* about 47 col"
    ):
        multinomial.fit_rows(
            rows, 50_000, np.zeros(2000), np.ones(2000), classes=tuple("abcdefghij")
        )


def test_more_coefficients_than_a_hessian_can_have_are_refused():
    from scipy.sparse import csr_array

    empty = Rows(np.zeros((9, 0)), np.arange(9.0), np.arange(9), np.arange(9) % 3)
    thin = dataclasses.replace(empty, sparse=csr_array((9, 2000)))
    source = Given((thin,), tuple(f"w{j}" for j in range(2000)))
    with pytest.raises(SpecError, match=r"4 classes by 2,000 columns .* about 1,332 columns can"):
        multinomial.fit_rows(source, 9, np.zeros(2000), np.ones(2000), classes=tuple("abcd"))


@dataclasses.dataclass(frozen=True)
class Given:
    """A RowSource of given blocks."""

    given: tuple[Rows, ...]
    names: tuple[str, ...]

    def blocks(self):
        return iter(self.given)


def test_a_singular_training_hessian_still_makes_a_step():
    """It solves what can be solved, and twins share the step that one of them would take."""
    A = np.array([[2.0, 2.0, 0.3], [2.0, 2.0, 0.3], [0.3, 0.3, 1.0]])
    g, still = np.array([1.0, 1.0, -0.5]), np.zeros(3, bool)
    step = logistic_validation.Factor.of(A, still).solve(g)
    np.testing.assert_allclose(A @ step, g, rtol=1e-9)
    np.testing.assert_allclose(step, np.linalg.pinv(A, hermitian=True) @ g, rtol=1e-3)
