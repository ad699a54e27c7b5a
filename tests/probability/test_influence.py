"""Deletion formulas against refits, and the theory of few rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyfit.probability.influence import (
    Fitted,
    deletion_path,
    far_rows,
    group_distance,
    outlier_p,
    rows_expected,
)


def fitted(X, y) -> Fitted:
    Z = np.column_stack([np.ones(len(y)), X])
    V = np.linalg.inv(Z.T @ Z)
    beta = V @ (Z.T @ y)
    e = y - Z @ beta
    return Fitted.of(beta, V, float(e @ e), float(len(y) - Z.shape[1]), Z, y)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 4))
def test_deletions_equal_refits(seed: int, p: int, k: int):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, p))
    y = X.sum(axis=1) + rng.normal(size=30)
    fit = fitted(X, y)
    path = deletion_path(fit, 1, k, down=bool(seed % 2))
    keep = np.setdiff1d(np.arange(30), path.rows)
    again, last = fitted(X[keep], y[keep]), path.fits[-1]
    np.testing.assert_allclose(last.beta, again.beta, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(last.V, again.V, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(last.rss, again.rss, rtol=1e-8)
    np.testing.assert_allclose(path.t[-1], again.t(1), rtol=1e-7, atol=1e-8)
    d = fit.beta - again.beta
    Z = fit.X
    cook = d @ (Z.T @ Z) @ d / ((p + 1) * fit.rss / fit.df)
    np.testing.assert_allclose(group_distance(fit, last), cook, rtol=1e-6)


def test_the_first_row_is_the_best_single_one():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(25, 2)), rng.normal(size=25)
    ts = [fitted(np.delete(X, i, 0), np.delete(y, i)).t(1) for i in range(25)]
    assert deletion_path(fitted(X, y), 1, 1, down=True).t[0] == pytest.approx(min(ts))
    assert deletion_path(fitted(X, y), 1, 1, down=False).t[0] == pytest.approx(max(ts))


def test_a_row_alone_on_its_column_is_never_left_out():
    X = np.zeros((20, 1))
    X[7] = 1.0
    path = deletion_path(fitted(X, np.arange(20.0)), 1, 5, down=True)
    assert 7 not in path.rows


def test_rows_expected_is_what_product_normal_influences_give():
    """Removing the largest influences of a table of normals moves t as the Bessel functions say."""
    rng = np.random.default_rng(0)
    n = 200_000
    influence = np.sort(rng.normal(size=n) * rng.normal(size=n))[::-1].cumsum() / np.sqrt(n)
    for shift in (5.0, 30.0, 100.0):
        seen = int(np.searchsorted(influence, shift))
        assert rows_expected(shift, n) == pytest.approx(seen, rel=0.05)


def test_rows_expected_has_an_end():
    assert rows_expected(100.0, 100) == np.inf  # more than √n/π cannot be moved
    assert rows_expected(0.0, 100) == 0.0


def test_outliers_of_normal_errors_are_rarer_than_their_p_value():
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(200):
        X, y = rng.normal(size=(40, 1)), rng.normal(size=40)
        fit = fitted(X, y)
        i = int(np.argmax(np.abs(fit.e)))
        alarms += outlier_p(fit, fit.without(i), 40) < 0.05
    assert 1 <= alarms <= 20  # 5 % of 200, Bonferroni is nearly exact for one row


def test_far_rows_sees_a_block_that_hides_itself():
    rng = np.random.default_rng(3)
    x = np.arange(60.0)
    y = 0.2 * x + rng.normal(size=60)
    y[45:57] += 30
    Z = np.column_stack([np.ones(60), x - x.mean()])
    far = far_rows(Z, y, rng)
    assert set(range(45, 57)) <= set(far)
    assert len(far) <= 18


def test_far_rows_of_normal_errors_are_few():
    rng = np.random.default_rng(4)
    Z = np.ones((1000, 3))
    Z[:, 1:] = rng.normal(size=(1000, 2))
    assert len(far_rows(Z, rng.normal(size=1000), rng)) <= 12  # 0.27 % of them are expected
    assert not len(far_rows(Z[:10], rng.normal(size=10), rng))  # too few for a robust fit
