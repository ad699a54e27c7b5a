"""Conditioning: Belsley's quantities against their definitions."""

import numpy as np
import pytest
import statsmodels.api as sm

from whyfit.linalg.conditioning import Conditioning, correlation
from whyfit.linalg.triangle import Triangle


@pytest.fixture
def near_copy():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    X[:, 3] = X[:, 0] + X[:, 1] + 0.01 * X[:, 3]
    return X


def test_indices_are_ratios_of_singular_values(near_copy):
    Z = (near_copy - near_copy.mean(0)) / near_copy.std(0)
    s = np.linalg.svd(Z, compute_uv=False)
    c = Conditioning.of(np.corrcoef(near_copy, rowvar=False), 400)
    np.testing.assert_allclose(c.indices, s[0] / s, rtol=1e-8)
    assert c.number == pytest.approx(np.linalg.cond(Z), rel=1e-8)


def test_vif_is_one_over_one_minus_r2(near_copy):
    c = Conditioning.of(np.corrcoef(near_copy, rowvar=False), 400)
    for j in range(4):
        others = sm.add_constant(np.delete(near_copy, j, axis=1))
        r2 = sm.OLS(near_copy[:, j], others).fit().rsquared
        assert c.vif[j] == pytest.approx(1 / (1 - r2), rel=1e-8)


def test_proportions_sum_to_one_and_point_at_the_group(near_copy):
    c = Conditioning.of(np.corrcoef(near_copy, rowvar=False), 400)
    np.testing.assert_allclose(c.proportions.sum(axis=1), 1.0)
    assert (c.proportions[:, -1] > 0.5).tolist() == [True, True, False, True]


def test_orthogonal_columns_are_perfect():
    c = Conditioning.of(np.eye(3), 10)
    assert c.number == 1.0
    np.testing.assert_allclose(c.vif, 1.0)


def test_correlation_of_a_constant_column_is_zero():
    S = np.array([[4.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(correlation(S), np.eye(2))


def test_triangles_merge_to_the_triangle_of_all_rows():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(50, 4))
    parts = Triangle.empty(4) + Triangle.of(A[:3]) + Triangle.of(A[3:20]) + Triangle.of(A[20:])
    np.testing.assert_allclose(parts.R.T @ parts.R, A.T @ A, rtol=1e-12)
