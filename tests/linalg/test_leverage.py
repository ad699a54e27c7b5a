"""Partial leverage: what rows hold of a coefficient."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.linalg.leverage import carriers, partial_leverage

RNG = np.random.default_rng(0)


def with_one(X):
    return np.column_stack([np.ones(len(X)), X])


def test_is_the_share_of_each_row_in_what_the_other_columns_leave():
    X = with_one(RNG.normal(size=(30, 3)))
    share = partial_leverage(X, np.linalg.inv(X.T @ X))
    for j in range(4):
        others = np.delete(X, j, axis=1)
        r = X[:, j] - others @ np.linalg.lstsq(others, X[:, j], rcond=None)[0]
        np.testing.assert_allclose(share[:, j], r**2 / (r @ r), atol=1e-12)


def test_shares_sum_to_one_and_are_below_the_leverage():
    X = with_one(RNG.standard_t(2, size=(50, 4)))
    V = np.linalg.inv(X.T @ X)
    share = partial_leverage(X, V)
    np.testing.assert_allclose(share.sum(axis=0), 1)
    h = np.einsum("ij,jk,ik->i", X, V, X)
    assert (share <= h[:, None] + 1e-12).all()


def test_a_variance_grows_by_one_over_what_is_left_at_least():
    X = with_one(RNG.standard_t(2, size=(40, 2)))
    V = np.linalg.inv(X.T @ X)
    share = partial_leverage(X, V)
    for i in range(40):
        rest = np.delete(X, i, axis=0)
        W = np.linalg.inv(rest.T @ rest)
        assert (np.diag(W) >= np.diag(V) / (1 - share[i]) * (1 - 1e-9)).all()


def test_a_column_without_a_coefficient_has_no_carriers():
    X = with_one(RNG.normal(size=(10, 1)))
    assert not partial_leverage(X, np.zeros((2, 2))).any()


@pytest.mark.parametrize(
    ("share", "most", "rows", "held"),
    [
        ([0.7, 0.1, 0.1, 0.1], 3, [0], 0.7),
        ([0.05, 0.3, 0.3, 0.3, 0.05], 4, [1, 2, 3], 0.9),  # a cluster is not cut in two
        ([0.25, 0.25, 0.25, 0.25], 1, [], 0.0),
        ([0.25, 0.25, 0.25, 0.25], 4, [0, 1], 0.5),
        ([1.0, 0.0, 0.0], 2, [0], 1.0),
        ([1.0], 5, [], 0.0),
        ([], 5, [], 0.0),
    ],
)
def test_carriers(share, most, rows, held):
    found, total = carriers(np.array(share), 0.5, most)
    assert found.tolist() == rows
    assert total == pytest.approx(held)
