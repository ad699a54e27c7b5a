"""Certified digits against exact rational arithmetic: never more than are true, seldom far fewer."""

import numpy as np
import pytest
from scipy.linalg import hilbert

from rational import exact, root_digits, true_digits
from simulated import case_of
from whyfit.data.arrays import ArrayRows
from whyfit.probability.linear import fit_arrays, fit_moments, gather
from whyfit.probability.logistic import LogisticFit, fit_rows
from whyfit.probability.multinomial import MultinomialFit

SEEDS = range(12)
SLACK = 0.3  # a claim may exceed the truth by this much
CAUTION = 3.0  # and be this much below it, in nine of ten numbers


def plain(_rng, Z):
    return Z


def far_off(rng, Z):
    return Z + 10.0 ** rng.integers(3, 12, Z.shape[1])


def unlike_scales(rng, Z):
    return Z * 10.0 ** rng.integers(-8, 9, Z.shape[1])


def near_copy(rng, Z):
    X = Z + 10.0 ** rng.integers(0, 4)
    X[:, -1] = X[:, 0] + 10.0 ** -rng.integers(3, 10) * Z[:, -1]
    return X


def mild_copy(rng, Z):
    X = Z.copy()
    X[:, -1] = X[:, 0] + 10.0 ** -rng.integers(2, 6) * Z[:, -1]
    return X


def laeuchli(rng, Z):
    e = 10.0 ** -rng.integers(2, 8)
    return np.vstack([np.ones(Z.shape[1]), e * np.eye(Z.shape[1]), e * Z])


def hilberts(_rng, Z):
    return hilbert(len(Z))[:, : Z.shape[1] + 2]


def powers(rng, Z):
    return (rng.uniform(1, 2, len(Z)) * rng.choice([1, 10]))[:, None] ** np.arange(
        1, Z.shape[1] + 2
    )


FAMILIES = (plain, far_off, unlike_scales, near_copy, laeuchli, hilberts, powers)


def problem(family, seed, noise=(0, 1, 4, 7)):
    rng = np.random.default_rng(seed)
    n, p = int(rng.choice([8, 20, 60])), int(rng.integers(2, 5))
    X = family(rng, rng.standard_normal((n, p)))
    law = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.standard_normal(X.shape[1])
    noise = 10.0 ** -rng.choice(noise) * rng.standard_normal(len(X))
    return X, law + noise + rng.choice([0.0, 1e6])


@pytest.mark.parametrize("family", FAMILIES)
def test_least_squares_never_claims_too_much(family):
    caution = []
    for seed in SEEDS:
        X, y = problem(family, seed)
        fit = fit_arrays(X, y, folds=2).fit
        if fit.dropped.any():
            continue
        for got, want, claim in zip(
            [fit.intercept, *fit.coef], exact(X, y).w, fit.digits, strict=True
        ):
            truth = true_digits(got, want)
            assert claim <= max(truth, 0.0) + SLACK, (seed, claim, truth)
            caution.append(min(truth, 15.95) - claim)
    assert np.quantile(caution, 0.9) < CAUTION + 0.5 * (family in (laeuchli, hilberts, powers))


@pytest.mark.parametrize("ridge", [1e-12, 1e-6, 1.0, 1e4])
@pytest.mark.parametrize("family", [plain, far_off, near_copy])
def test_ridge_never_claims_too_much(family, ridge):
    for seed in SEEDS:
        X, y = problem(family, seed)
        fit = fit_arrays(X, y, folds=2, ridge=ridge).fit
        for got, want, claim in zip(
            [fit.intercept, *fit.coef], exact(X, y, ridge=ridge).w, fit.digits, strict=True
        ):
            assert claim <= max(true_digits(got, want), 0.0) + SLACK, seed


@pytest.mark.parametrize("family", [plain, far_off, unlike_scales])
def test_standard_errors_hold_fifteen_digits(family):
    for seed in SEEDS:
        X, y = problem(family, seed, noise=(0, 1, 4))  # R² up to 1 − 1e-8
        made = fit_arrays(X, y, folds=2)
        truth = exact(X, y)
        sigma2 = truth.rss / (len(y) - 1 - X.shape[1])
        table = made.inference
        assert table.std_error_digits is not None
        for se, v, claim in zip(table.std_error, truth.V, table.std_error_digits, strict=True):
            assert root_digits(se, v * sigma2) >= claim > 15


def test_standard_error_of_the_intercept_survives_near_copies():
    rng = np.random.default_rng(0)
    x = 5 + rng.standard_normal(50)
    X = np.column_stack([x, x + 1e-8 * rng.standard_normal(50)])
    y = x + rng.standard_normal(50)
    made = fit_arrays(X, y, folds=2)
    truth = exact(X, y)
    assert root_digits(made.inference.std_error[0], truth.V[0] * truth.rss / 47) > 15


def test_a_penalty_below_rounding_is_no_error():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, 2))
    X = np.column_stack([X, X.sum(axis=1), X[:, 0]])
    fit = fit_arrays(X, X[:, 0] + rng.standard_normal(200), ridge=1e-14).fit
    assert np.isfinite(fit.coef).all()
    assert (fit.digits == 0).all()


def _relations(rng, n):
    z = rng.standard_normal((n, 4)) * 10.0 ** rng.integers(-6, 7, 4)
    z += z.std(axis=0) * rng.choice([0, 1, 1e3, 1e5]) * rng.standard_normal(4)
    whole = rng.integers(0, 50, (n, 3)).astype(float)
    missing = (np.arange(n) % 3 == 0).astype(float)
    yield np.column_stack([z, z[:, 0] + z[:, 1]]), 4
    yield np.column_stack([z, 2.54 * z[:, 2]]), 4
    yield np.column_stack([z, 1.8 * z[:, 3] + 32]), 4
    yield np.column_stack([whole, whole[:, 0] - 3 * whole[:, 1] + 7]), 3
    yield np.column_stack([z[:, 0], np.eye(3)[np.arange(n) % 3]]), 3
    yield np.column_stack([z[:, 0], missing, 1 - missing]), 2
    yield np.column_stack([z[:, :2], np.full(n, 0.1)]), 2
    yield np.column_stack([z[:, 0], z[:, 0] + 3e-9 * z[:, 0].std() * z[:, 1] / z[:, 1].std()]), None


@pytest.mark.parametrize("n", [8, 40, 5000])
@pytest.mark.parametrize("noise", [1.0, 1e-6])  # the target decides which route is taken
def test_the_dependent_column_is_dropped_and_no_other(n, noise):
    for seed in range(10 if n < 5000 else 2):
        rng = np.random.default_rng([n, seed])
        for i, (X, dependent) in enumerate(_relations(rng, n)):
            y = X[:, 0] / X[:, 0].std() + noise * rng.standard_normal(n)
            dropped = np.flatnonzero(fit_arrays(X, y, folds=2).fit.dropped).tolist()
            assert dropped == ([] if dependent is None else [dependent]), (seed, i)


def _long_newton(X, y, centre, scale, b):
    """Newton in extended precision from a good start; intercept at x = 0 first."""
    Z = np.column_stack([np.ones(len(y)), X]).astype(np.longdouble)
    Z[:, 1:] = (Z[:, 1:] - centre) / scale
    b = b.astype(np.longdouble)
    for _ in range(20):
        pi = 1 / (1 + np.exp(-(Z @ b)))
        H = ((Z * (pi * (1 - pi))[:, None]).T @ Z).astype(float)
        b = b - np.linalg.solve(H, (Z.T @ (pi - y)).astype(float))
    w = b[1:] / scale
    return np.concatenate([[b[0] - centre @ w], w])


@pytest.mark.parametrize("family", [plain, far_off, unlike_scales, mild_copy])
def test_logistic_never_claims_too_much(family):
    caution = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        n = int(rng.choice([60, 400]))
        Z = rng.standard_normal((n, 3))
        X = family(rng, Z)
        if family is far_off:
            X = Z + 10.0 ** rng.integers(2, 7, 3)
        y = (rng.random(n) < 1 / (1 + np.exp(-Z[:, 0] + 0.5))).astype(float)
        centre, scale = X.mean(axis=0), X.std(axis=0)
        rows = ArrayRows(X, y, 2)
        least = fit_moments(gather(rows, 2).total, rows.names, rows=rows).solution
        fit = fit_rows(rows, n, centre, scale, solution=least)
        assert fit.converged
        start = np.concatenate([[fit.optimum.b[0]], fit.optimum.b[1:] * scale])
        want = _long_newton(X, y, centre.astype(np.longdouble), scale.astype(np.longdouble), start)
        got = np.concatenate([[fit.intercept], fit.coef])
        truth = -np.log10(np.maximum(np.abs(got - want) / np.abs(want), 1e-17).astype(float))
        assert (fit.digits <= np.maximum(truth, 0.0) + SLACK).all(), seed
        caution.extend(np.minimum(truth, 15.95) - fit.digits)
    assert np.quantile(caution, 0.9) < CAUTION + 0.5 * (family is mild_copy)


@pytest.mark.parametrize("apart", [1e-3, 1e-6, 1e-9])
def test_likelihoods_tell_near_copies_apart(apart):
    """As many digits as the copy's own rounding leaves, beside the same model in honest coordinates."""
    rng = np.random.default_rng(5)
    Z = rng.standard_normal((800, 3))
    near = np.column_stack([Z[:, 0], Z[:, 0] + apart * Z[:, 1], Z[:, 2]])
    far = np.column_stack([Z[:, 0], (near[:, 1] - Z[:, 0]) / apart, Z[:, 2]])
    y = (rng.random(800) < 1 / (1 + np.exp(-Z[:, 0] - 0.5 * Z[:, 1]))).astype(float)
    for task, label in (("binary", y), ("multiclass", np.where(rng.random(800) < 0.3, 2, y))):
        a, b = (case_of(X, label, task=task).fit for X in (near, far))
        assert isinstance(a, LogisticFit | MultinomialFit)
        assert isinstance(b, LogisticFit | MultinomialFit)
        assert a.converged
        assert a.log_likelihood == pytest.approx(b.log_likelihood, abs=1e-4)
        if task == "binary":
            table, plain_table = a.inference(), b.inference()
            for mine, other in (
                (table.estimate, plain_table.estimate),
                (table.std_error, plain_table.std_error),
            ):
                assert mine[2] * apart == pytest.approx(other[2], rel=1e-4)
