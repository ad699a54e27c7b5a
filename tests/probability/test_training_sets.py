"""Stacked solves of many training sets against one at a time, and against numpy on the rows themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyfit.data.arrays import ArrayRows
from whyfit.probability.linear import gather
from whyfit.probability.training_sets import raw_sums, squared_errors
from whyfit.probability.validation import held_out_error


def _table(seed: int, n: int = 90, p: int = 4, k: int = 6):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * [1, 10, 0.1, 1000] + [0, 1e3, -5, 1e6]
    y = X @ [1, 0.1, 3, 0.001] + rng.normal(size=n)
    rows = ArrayRows(X, y, k, seed)
    return X, y, np.asarray(next(iter(rows.blocks())).fold), gather(rows, k)


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 30.0]))
def test_one_at_a_time(seed, ridge):
    _, _, _, folds = _table(seed % 50)
    rng = np.random.default_rng(seed)
    train = rng.random((5, folds.k)) < 0.6
    train[:, 0] = True
    squares, own = squared_errors(folds, train, folds, ridge)
    for t, mask in enumerate(train):
        made = folds.merged(np.flatnonzero(mask))
        for j in range(folds.k):
            held, trained = held_out_error(made, folds.fold(j), folds.total, ridge)
            assert squares[t, j] == pytest.approx(held * folds.n[j], rel=1e-7)
        assert own[t] == pytest.approx(trained * made.n, rel=1e-7)


def test_the_rows_themselves():
    X, y, label, folds = _table(3)
    train = np.array([[True, True, False, True, False, False]])
    squares, own = squared_errors(folds, train, folds)
    inside = np.isin(label, [0, 1, 3])
    A = np.column_stack([np.ones(len(y)), X])
    b = np.linalg.lstsq(A[inside], y[inside], rcond=None)[0]
    e = (y - A @ b) ** 2
    np.testing.assert_allclose(squares[0], np.bincount(label, e, 6), rtol=1e-6)
    assert own[0] == pytest.approx(e[inside].sum(), rel=1e-6)


def test_copies_and_columns_constant_in_training():
    """A copied column takes the least-norm solution; a column that does not vary in training has no coefficient."""
    X, y, label, _ = _table(5)
    X = np.column_stack([X, X[:, 0], (label == 5).astype(float)])
    folds = gather(ArrayRows(X, y, 6, 5), 6)
    squares, _ = squared_errors(folds, np.array([[True] * 5 + [False]]), folds)
    plain, _ = squared_errors(
        gather(ArrayRows(X[:, :4], y, 6, 5), 6),
        np.array([[True] * 5 + [False]]),
        gather(ArrayRows(X[:, :4], y, 6, 5), 6),
    )
    np.testing.assert_allclose(squares, plain, rtol=1e-6)


def test_too_few_rows_are_not_a_number():
    folds = gather(ArrayRows(np.arange(3.0)[:, None], np.arange(3.0), 3, 0), 3)
    assert np.isnan(squared_errors(folds, np.array([[True, False, False]]), folds)[0]).all()


def test_raw_sums_add_up():
    X, y, _, folds = _table(7)
    R = raw_sums(folds, folds.shift).sum(axis=0)
    U = np.column_stack([np.ones(len(y)), X, y])
    U[:, 1:] -= folds.shift
    np.testing.assert_allclose(R, U.T @ U, rtol=1e-9, atol=1e-6 * np.abs(R).max())
