"""The unit ball under a map, and the theorem of Eckart and Young."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.maps import identity, linear_map, rotation, scaling
from whyfit.linalg.stretch import Stretch, compression

whole = st.integers(-5, 5).map(float)
matrices = arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=whole)


@given(matrices)
def test_kernel_and_range(A):
    found = Stretch.of(A)
    n, p = A.shape
    r = np.linalg.matrix_rank(A)
    assert found.range.dimension == r
    assert found.kernel.dimension == p - r
    np.testing.assert_allclose(A @ found.kernel.basis, 0, atol=1e-12)
    np.testing.assert_allclose(found.range.project(A), A, atol=1e-12)
    if n == p:
        scale = max(1.0, np.abs(A).max()) ** n
        assert found.volume == pytest.approx(abs(np.linalg.det(A)), abs=1e-12 * scale * 100)


def test_a_rotation_stretches_nothing_and_a_scaling_its_axes():
    np.testing.assert_allclose(Stretch.of(rotation(0.4, n=4, plane=(0, 3))).factors, 1.0)
    found = Stretch.of(rotation(0.4) @ scaling(np.array([3.0, -0.5])) @ rotation(1.0))
    np.testing.assert_allclose(found.factors, [3.0, 0.5])
    assert found.volume == pytest.approx(1.5)
    assert Stretch.of(np.ones((1, 3))).volume == 0.0


@given(matrices, st.integers(0, 5), st.randoms(use_true_random=False))
def test_compression_loses_what_the_theorem_says_and_nothing_of_that_rank_loses_less(A, k, random):
    k = min(k, *A.shape)
    found = compression(sparse.csr_array(A), k)
    rest = A - found.map.dense()
    sigma = np.linalg.svd(A, compute_uv=False)
    scale = 1 + sigma[0]
    assert np.linalg.norm(rest) == pytest.approx(found.frobenius, abs=1e-12 * scale)
    assert np.linalg.norm(rest, 2) == pytest.approx(found.spectral, abs=1e-12 * scale)
    assert np.linalg.norm(rest @ found.worst) == pytest.approx(found.spectral, abs=1e-12 * scale)
    if A.any():
        assert found.kept == pytest.approx((sigma[:k] ** 2).sum() / (sigma**2).sum(), abs=1e-12)
    rng = np.random.default_rng(random.getrandbits(32))
    other = rng.normal(size=(A.shape[0], k)) @ rng.normal(size=(k, A.shape[1]))
    assert np.linalg.norm(A - other) >= found.frobenius - 1e-12 * scale
    np.testing.assert_allclose(found.map.T.dense(), found.map.dense().T, atol=1e-13 * scale)


def test_everything_kept_loses_nothing():
    A = np.diag([3.0, 4.0])
    whole = compression(A, 2)
    assert (whole.kept, whole.frobenius, whole.spectral) == (1.0, 0.0, 0.0)
    assert not whole.worst.any()
    one = compression(A, 1)
    assert one.kept == pytest.approx(16 / 25)
    np.testing.assert_allclose(np.abs(one.worst), [1, 0])
    assert one.numbers == 4
    assert compression(np.zeros((2, 3)), 1).kept == 1.0


def test_messages():
    with pytest.raises(SpecError, match=r"rank 3 of a map of shape \(2, 2\); expected 0 to 2"):
        compression(np.eye(2), 3)
    with pytest.raises(ShapeError, match="use `randomised_svd`"):
        Stretch.of(identity(10_000))
    assert Stretch.of(linear_map(np.eye(2))).rank.value == 2
