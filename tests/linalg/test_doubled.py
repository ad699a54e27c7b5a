"""Exact sums of products: equal to rational arithmetic, to the last bit, however the rows are cut."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError
from whyfit.fold import Rows, fold
from whyfit.linalg.doubled import MORE_SLICES, ExactGram, Grid, exact_gram_of
from whyfit.linalg.moments import Moments

value = st.floats(-1e9, 1e9, allow_subnormal=False) | st.integers(-(2**53), 2**53).map(float)
table = st.lists(st.tuples(value, value, value), min_size=1, max_size=12).map(np.array)


def rows_of(Z, low=None):
    n = len(Z)
    lower = None if low is None else lambda: low
    return Rows(Z[:, :-1], Z[:, -1], np.arange(n), np.zeros(n, dtype=int), None, lower)


def grid_of(Z, slices=MORE_SLICES):
    return Grid.of(Moments.of(Z), slices)


def sums(gram, grid):
    """Σz and Σzzᵀ of the shifted columns as fractions."""
    unit = [Fraction(2) ** int(g) for g in grid.unit]
    q = len(unit)
    return (
        [int(t) * u for t, u in zip(gram.total, unit, strict=True)],
        [[int(gram.product[i, j]) * unit[i] * unit[j] for j in range(q)] for i in range(q)],
    )


def naive(Z, grid, low=None):
    columns = [
        [Fraction(v) - Fraction(s) for v in z]
        for z, s in zip(Z.T.tolist(), grid.shift.tolist(), strict=True)
    ]
    if low is not None:
        for column, extra in zip(columns, low.T.tolist(), strict=False):
            column[:] = [a + Fraction(b) for a, b in zip(column, extra, strict=True)]
    return (
        [sum(c) for c in columns],
        [[sum(a * b for a, b in zip(u, v, strict=True)) for v in columns] for u in columns],
    )  # fmt: skip


@given(table)
def test_equal_to_rational_arithmetic(Z):
    grid = grid_of(Z)
    gram = exact_gram_of(grid)(rows_of(Z))
    assert gram.fits
    if not gram.rest.any():
        assert sums(gram, grid) == naive(Z, grid)
    else:  # values more than 2³⁰⁸ apart
        assert (gram.rest <= 0.5).all()


@given(table, st.data())
def test_any_cut_of_the_rows_gives_the_same_integers(Z, data):
    grid = grid_of(Z)
    of, cut = exact_gram_of(grid), data.draw(st.integers(0, len(Z)))
    a, b, whole = of(rows_of(Z[:cut])), of(rows_of(Z[cut:])), of(rows_of(Z))
    for joined in (a + b, b + a, ExactGram.empty(3) + a + b):
        assert joined.n == whole.n
        assert (joined.total == whole.total).all()
        assert (joined.product == whole.product).all()


@pytest.mark.parametrize("offset", [0.0, 1e12])
@pytest.mark.parametrize("order", ["C", "F"])
def test_tiles_blocks_and_threads_change_nothing(order, offset):
    rng = np.random.default_rng(0)
    X = np.asarray(rng.standard_normal((70_000, 3)) + offset, order=order)
    y = rng.standard_normal(70_000)
    Z = np.column_stack([X, y])
    grid = grid_of(Z, 6)
    rows = ArrayRows(X, y, 2)
    one, two = (
        fold(rows.blocks(), exact_gram_of(grid), ExactGram.empty(4), LocalEngine(t)) for t in (1, 2)
    )
    assert (one.product == two.product).all()
    whole = np.array(
        [[int(v) for v in row] for row in np.rint(np.ldexp(Z[:5000] - grid.shift, 30))],
        dtype=object,
    )
    coarse = Rows(*_split(np.ldexp(whole.astype(float), -30)))
    gram = exact_gram_of(Grid(np.zeros(4), grid.top, 7))(coarse)
    unit = np.array([2 ** int(-30 - g) for g in Grid(np.zeros(4), grid.top, 7).unit], dtype=object)
    assert (gram.product == whole.T @ whole * np.outer(unit, unit)).all()


def _split(Z):
    return Z[:, :-1], Z[:, -1], np.arange(len(Z)), np.zeros(len(Z), dtype=int)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_low_order_parts_are_taken_in(offset):
    rng = np.random.default_rng(1)
    x = [Fraction(float(v)) + Fraction(offset) for v in rng.uniform(0.5, 2, 30)]
    P = [[v**d for d in (1, 3, 7)] for v in x]
    X = np.array([[float(v) for v in r] for r in P])
    low = np.array([[float(v - Fraction(float(v))) for v in r] for r in P])
    Z = np.column_stack([X, rng.standard_normal(30)])
    grid = grid_of(Z, 8)
    gram = exact_gram_of(grid)(rows_of(Z, low))
    assert gram.derived.tolist() == [bool(offset), True, True, False]
    want, got = naive(Z, grid, low), sums(gram, grid)
    if not gram.rest.any():
        assert got == want
    for i in range(4):
        for j in range(4):
            size = abs(want[1][i][i] * want[1][j][j]) ** Fraction(1, 2)
            assert abs(float(got[1][i][j] - want[1][i][j])) <= 2.0**-120 * float(size)


def test_sparse_columns_count_as_dense_ones():
    rng = np.random.default_rng(2)
    X = np.where(rng.random((300, 4)) < 0.2, rng.standard_normal((300, 4)), 0.0)
    y = rng.standard_normal(300)
    grid = grid_of(np.column_stack([X, y]))
    index, label = np.arange(300), np.zeros(300, dtype=int)
    dense = exact_gram_of(grid)(Rows(X, y, index, label))
    mixed = exact_gram_of(grid)(Rows(X[:, :1], y, index, label, csr_array(X[:, 1:])))
    assert (dense.product == mixed.product).all()


def test_what_the_grid_cannot_hold_is_measured():
    Z = np.array([[1.0, 1.0], [2.0**-100, 2.0]])
    gram = exact_gram_of(Grid.of(Moments.of(Z), 3))(rows_of(Z))
    assert gram.rest[0] > 0
    assert gram.rest[1] == 0
    assert not exact_gram_of(Grid(np.zeros(2), np.array([-3, 3])))(rows_of(Z)).fits


def test_degenerate_blocks():
    grid = grid_of(np.ones((3, 2)))
    none = exact_gram_of(grid)(rows_of(np.zeros((0, 2))))
    assert none.n == 0
    with pytest.raises(ShapeError, match="2 and 3 columns"):
        _ = none + ExactGram.empty(3)
