"""Randomised SVD: bounds that hold, agreement with the dense SVD."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.linalg.operators import centred
from whyfit.linalg.randomised import randomised_svd


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.floats(0.5, 1.0),
    st.integers(0, 3),
    st.integers(0, 10**6),
)
def test_both_bounds_hold(n, p, decay, powers, seed):
    rng = np.random.default_rng(seed)
    r = min(n, p)
    s = decay ** np.arange(r)
    Q = [np.linalg.qr(rng.normal(size=(m, r)))[0] for m in (n, p)]
    A = (Q[0] * s) @ Q[1].T
    k = int(rng.integers(1, r + 1))
    found = randomised_svd(A, k, oversampling=2, powers=powers, rng=seed)
    slack = 1e-13 * s[0]
    assert (found.values <= s[:k] + slack).all()
    assert (found.high >= s[:k] - slack).all()
    rest = A - (found.U * found.values) @ found.Vt
    assert np.linalg.norm(rest, 2) <= found.missed + (found.high[-1]) + slack
    np.testing.assert_allclose(found.U.T @ found.U, np.eye(k), atol=1e-10)
    np.testing.assert_allclose(found.Vt @ found.Vt.T, np.eye(k), atol=1e-10)


def test_leading_triplets_are_those_of_the_dense_svd():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(500, 8)) @ rng.normal(size=(8, 300)) + 0.01 * rng.normal(size=(500, 300))
    found = randomised_svd(A, 8)
    _, s, Vt = np.linalg.svd(A, full_matrices=False)
    np.testing.assert_allclose(found.values, s[:8], rtol=1e-9)
    np.testing.assert_allclose(np.abs((found.Vt * Vt[:8]).sum(axis=1)), 1.0, rtol=1e-9)
    assert 0.99 * s[8] < found.missed < 1.3 * s[8]


def test_more_powers_miss_less():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(400, 300))  # flat: the worst case
    missed = [
        1 - randomised_svd(A, 5, powers=q).values[0] / np.linalg.norm(A, 2) for q in (0, 2, 6)
    ]
    assert missed[0] > missed[1] > missed[2] >= -1e-12


def test_sparse_and_centred_operators_stay_operators():
    rng = np.random.default_rng(2)
    A = sparse.random_array((300, 2000), density=0.01, rng=rng, format="csr")
    mean = np.asarray(A.mean(axis=0)).ravel()
    found = randomised_svd(centred(A, mean), 3, powers=8)
    s = np.linalg.svd(A.toarray() - mean, compute_uv=False)
    np.testing.assert_allclose(found.values, s[:3], rtol=0.02)
    assert (found.high >= s[:3]).all()


def test_zero_and_refusals():
    assert randomised_svd(np.zeros((5, 4)), 2).values.tolist() == [0, 0]
    with pytest.raises(ShapeError, match="9 singular values of a 5 × 4 matrix; expected 1 to 4"):
        randomised_svd(np.zeros((5, 4)), 9)
    with pytest.raises(NotFiniteError, match="NaN or infinite"):
        randomised_svd(np.full((5, 4), np.nan), 2)
