"""Moments: laws of the monoid, the naive twin, layouts, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.errors import NotFiniteError, ShapeError
from whyfit.fold import Rows, fold
from whyfit.linalg.moments import FoldMoments, Moments, moments_of

values = st.floats(-1e6, 1e6, allow_nan=False, width=64)


def block(columns: int = 3) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(float, st.tuples(st.integers(0, 12), st.just(columns)), elements=values)


def close(a: Moments, b: Moments) -> None:
    assert a.n == b.n
    size = max(1.0, float(np.abs(b.scatter).max(initial=0.0)))
    np.testing.assert_allclose(a.mean, b.mean, rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(a.scatter, b.scatter, rtol=1e-9, atol=1e-9 * size)


@given(block(), block(), block())
@settings(deadline=None)
def test_any_grouping_of_blocks_equals_one_pass(A, B, C):
    a, b, c = map(Moments.of, (A, B, C))
    one_pass = Moments.of(np.vstack([A, B, C]))
    for m in ((a + b) + c, a + (b + c), (c + a) + b):
        close(m, one_pass)


def test_empty_is_the_zero():
    m = Moments.of(np.arange(12.0).reshape(4, 3))
    for both in (m + Moments.empty(3), Moments.empty(3) + m):
        close(both, m)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (1000, 5), (9001, 40)])
@pytest.mark.parametrize("k", [1, 2, 10])
def test_tiled_path_equals_its_naive_twin(shape, order, k):
    rng = np.random.default_rng(1)
    X = np.asarray(rng.normal(size=shape) * 3 + 50, order=order)
    y = rng.normal(size=len(X)) - 20
    label = rng.integers(k, size=len(X)).astype(np.int16)
    got = moments_of(k)(Rows(X, y, np.arange(len(X)), label))
    for j in range(k):
        close(got.fold(j), Moments.of(np.column_stack([X, y])[label == j]))
    close(got.total, Moments.of(np.column_stack([X, y])))


@pytest.mark.parametrize("offset", [1e3, 1e9, 1e12])
def test_large_offsets_cancel_nothing(offset):
    """Values a float64 holds exactly, far from zero: blocks and folds must agree with the centred table."""
    rng = np.random.default_rng(2)
    Z = rng.integers(-8, 9, size=(5000, 2)) / 1024
    rows = ArrayRows(Z[:, :1] + offset, Z[:, 1] - offset, 3)
    parts = [Rows(b.X[i : i + 700], b.y[i : i + 700], b.index[i : i + 700], b.fold[i : i + 700])
             for b in rows.blocks() for i in range(0, 5000, 700)]  # fmt: skip
    got = fold(parts, moments_of(3), FoldMoments.empty(2, 3), LocalEngine())
    np.testing.assert_allclose(got.total.scatter, Moments.of(Z).scatter, rtol=1e-11, atol=1e-11)


def test_without_a_fold_is_the_rest():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(500, 4)), rng.normal(size=500)
    rows = ArrayRows(X, y, 5)
    m = fold(rows.blocks(), moments_of(5), FoldMoments.empty(5, 5), LocalEngine())
    label = next(iter(rows.blocks())).fold
    Z = np.column_stack([X, y])
    for j in range(5):
        close(m.without(j), Moments.of(Z[label != j]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_unusable_values_name_their_column(bad):
    X = np.ones((10, 2)) * np.arange(10.0)[:, None]
    X[3, 1] = bad
    rows = Rows(X, np.arange(10.0), np.arange(10), np.zeros(10, dtype=np.int16))
    with pytest.raises(NotFiniteError, match=r"'rooms'.*NaN, infinity or values beyond"):
        moments_of(1, ("age", "rooms"))(rows)


def test_different_widths_do_not_merge():
    with pytest.raises(ShapeError, match="3 and 2 columns"):
        _ = Moments.empty(3) + Moments.empty(2)


@pytest.mark.parametrize("order", ["C", "F", "strided"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (64, 4), (1000, 5), (9001, 40)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_array_without_folds_equals_the_naive_twin(shape, order, dtype, monkeypatch):
    from whyfit.linalg import moments

    monkeypatch.setattr(moments, "SHARE_BYTES", 8 * shape[1] * 3001)  # several blocks
    rng = np.random.default_rng(2)
    X = (rng.normal(size=shape) * 3 + 50).astype(dtype)
    X = X.repeat(2, axis=1)[:, ::2] if order == "strided" else np.asarray(X, order=order)
    for engine in (LocalEngine(1), LocalEngine(2)):
        close(moments.moments_of_array(X, engine=engine), Moments.of(X.astype(float)))


def test_one_array_names_the_column_that_is_not_finite():
    from whyfit.linalg.moments import moments_of_array

    X = np.ones((9, 3))
    X[4, 1] = np.nan
    with pytest.raises(NotFiniteError, match="column 'b' holds NaN"):
        moments_of_array(X, ("a", "b", "c"))
    assert moments_of_array(np.empty((0, 3))).n == 0
