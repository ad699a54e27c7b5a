"""Sparse blocks against their dense twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from whyfit.errors import NotFiniteError
from whyfit.fold import Rows
from whyfit.linalg import sparse
from whyfit.linalg.moments import moments_of, streamed


def rows(dense, late, rng, k=3):
    m = len(dense)
    label = rng.integers(0, k, m).astype(np.int16)
    return Rows(dense, rng.normal(size=m), np.arange(m), label, csr_array(late))


def twin(block: Rows) -> Rows:
    return Rows(block.X, block.y, block.index, block.fold)


def sparse_table(rng, m, s, share):
    return np.where(rng.random((m, s)) < share, rng.random((m, s)), 0.0)


def same(a, b):
    np.testing.assert_array_equal(a.n, b.n)
    np.testing.assert_allclose(a.mean, b.mean, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(a.scatter, b.scatter, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("d", [0, 1, 4])
def test_moments_equal_those_of_the_dense_twin(share, d):
    rng = np.random.default_rng(1)
    block = rows(rng.normal(size=(500, d)) + 3, sparse_table(rng, 500, 17, share), rng)
    same(moments_of(3)(block), moments_of(3)(twin(block)))


def test_sparse_moments_merge_and_stream_alike():
    rng = np.random.default_rng(2)
    parts = [rows(rng.normal(size=(m, 2)), sparse_table(rng, m, 9, 0.1), rng) for m in (40, 1, 90)]
    of = moments_of(3)
    merged = of(parts[0]) + of(parts[1]) + of(parts[2])
    same(streamed(iter(parts), 3), merged)
    same(merged, of(twin(parts[0])) + of(twin(parts[1])) + of(twin(parts[2])))


def test_columns_without_anything_and_of_one_fold_only():
    rng = np.random.default_rng(3)
    late = sparse_table(rng, 300, 4, 0.2)
    block = rows(rng.normal(size=(300, 2)), late, rng)
    late[:, 0] = 0.0
    late[:, 1] = block.fold == 1
    block = Rows(block.dense, block.y, block.index, block.fold, csr_array(late))
    m = moments_of(3)(block)
    same(m, moments_of(3)(twin(block)))
    assert not m.scatter[:, 2].any()
    assert not m.scatter[:, 3].any()  # constant within every fold, and exactly so
    assert m.total.scatter[3, 3] > 1


def test_a_constant_of_which_squares_round_has_no_scatter():
    rng = np.random.default_rng(4)
    late = np.full((20_000, 2), 0.1)
    late[:, 1] = 1 / 3
    m = moments_of(2)(rows(rng.normal(size=(20_000, 1)), late, rng, 2))
    assert not m.scatter[:, 1:3].any()


def test_nan_in_a_sparse_column_is_named():
    rng = np.random.default_rng(5)
    late = sparse_table(rng, 50, 3, 0.2)
    late[7, 1] = np.nan
    with pytest.raises(NotFiniteError, match="column 'b' holds NaN"):
        moments_of(3, ("x", "a", "b", "c"))(rows(rng.normal(size=(50, 1)), late, rng))


@settings(max_examples=60)
@given(arrays(np.float64, (13, 6), elements=st.sampled_from([0.0, 0.0, 0.0, 1.0, -2.5])), st.data())
def test_both_ways_of_the_gram_matrix_agree(dense, data):
    S, start = csr_array(dense), np.eye(6)
    for price in (1e-9, 1e9):  # sparse product, dense tiles: always
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sparse, "DENSE_PER_PAIR", price)
            patch.setattr(sparse, "_FEW", data.draw(st.sampled_from([0.0, 2.0])))
            out = start.copy()
            sparse.add_gram(S, out)
        np.testing.assert_allclose(out, start + dense.T @ dense, rtol=1e-14)


def test_scaled_rows():
    rng = np.random.default_rng(6)
    late, w = sparse_table(rng, 30, 5, 0.3), rng.normal(size=30)
    np.testing.assert_allclose(sparse.scaled(csr_array(late), w).toarray(), late * w[:, None])


def test_work_of_a_row_is_what_is_not_zero():
    rng = np.random.default_rng(7)
    one_hot = np.eye(300)[rng.integers(0, 300, 500)]
    block = rows(rng.normal(size=(500, 2)), one_hot, rng)
    assert sparse.cross_work(twin(block)) == 302**2
    assert sparse.cross_work(block) == 4 + 4 + sparse.DENSE_PER_PAIR / 2
    full = rows(rng.normal(size=(500, 2)), np.ones((500, 300)), rng)
    assert sparse.cross_work(full) == 4 + 1200 + 300**2  # by dense tiles
