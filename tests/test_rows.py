"""Some rows or columns of a block, with all that belongs to them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from whyfit.fold import Rows


def block(order: str = "C", sparse: bool = True, low: bool = True) -> Rows:
    rng = np.random.default_rng(0)
    dense, rest = rng.normal(size=(7, 4)), (rng.random((7, 3)) < 0.4) * 1.0
    small = 1e-17 * dense
    return Rows(
        np.asarray(dense, order="F" if order == "F" else "C"),
        rng.normal(size=7),
        np.arange(10, 17),
        np.arange(7) % 3,
        csr_array(rest) if sparse else None,
        (lambda: small) if low else None,
    )


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("which", [slice(2, 5), np.arange(7) % 2 == 0, np.array([0, 3, 6])])
def test_taking_rows(order, which):
    rows = block(order)
    some = rows.take(which)
    np.testing.assert_array_equal(some.X, rows.X[which])
    for name in ("y", "index", "fold", "low"):
        np.testing.assert_array_equal(getattr(some, name), getattr(rows, name)[which])
    assert block(sparse=False, low=False).take(which).low is None


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("columns", [[0, 2, 5], [1, 3], [4, 6], list(range(7))])
def test_selecting_columns(order, columns):
    rows, columns = block(order), np.array(columns)
    some = rows.select(columns)
    np.testing.assert_array_equal(some.X, rows.X[:, columns])
    of_dense = columns[columns < 4]
    np.testing.assert_array_equal(some.low, np.asarray(rows.low)[:, of_dense])
    assert some.dense.shape == (7, of_dense.size)
    assert order == "C" or some.dense.flags.f_contiguous
    plain = block(order, sparse=False, low=False).select(of_dense)
    np.testing.assert_array_equal(plain.X, rows.dense[:, of_dense])
    assert plain.low is None


def test_low_parts_are_worked_out_only_when_asked_for():
    asked = []

    def lower():
        asked.append(1)
        return np.zeros((2, 1))

    rows = Rows(np.ones((2, 1)), np.ones(2), np.arange(2), np.zeros(2, int), None, lower)
    _ = rows.X, rows.take(slice(0, 1)).X, rows.select(np.array([0])).X
    assert not asked
    assert np.shape(rows.take(slice(0, 1)).low) == (1, 1)
    assert len(asked) == 1
