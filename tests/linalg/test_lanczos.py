"""Lanczos: intervals that hold, multiplicities, missed eigenvalues, the spectral density."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator, eigsh

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.linalg.lanczos import TOLERANCE, extreme_eigenvalues
from whyfit.linalg.operators import gram, symmetric
from whyfit.linalg.spectrum import spectral_density


def symmetric_matrix(values, seed=0):
    values = np.asarray(values, dtype=float)
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values),) * 2))[0]
    A = (Q * values) @ Q.T
    return (A + A.T) / 2


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(0, 10**6), st.sampled_from(["normal", "lattice", "decay"]))
def test_every_interval_holds_an_eigenvalue(p, seed, kind):
    rng = np.random.default_rng(seed)
    values = {
        "normal": rng.normal(size=p),
        "lattice": rng.integers(-2, 3, p).astype(float),
        "decay": 10.0 ** -np.linspace(0, 12, p),
    }[kind]
    A = symmetric_matrix(values, seed)
    exact = np.linalg.eigvalsh(A)[::-1]
    big, small = min(3, p), min(2, p - min(3, p))
    steps = int(rng.integers(max(big + small, 1), p + 1))
    found = extreme_eigenvalues(A, big, small, steps=steps, rng=seed)
    slack = 1e-15 * np.abs(exact).max()
    near = np.abs(found.values[:, None] - exact).min(axis=1)
    assert (near <= found.residuals + slack).all()
    assert (np.diff(found.values) <= slack).all()
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(big + small), atol=1e-10)
    low, high = found.beyond(1e-6)
    assert low - slack <= exact[-1]
    assert high + slack >= exact[0]


def test_extremes_agree_with_the_dense_solver_and_arpack():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 300)) * 0.97 ** np.arange(300)
    C = X.T @ X
    found = extreme_eigenvalues(gram(X), 5, 3)
    exact = np.linalg.eigvalsh(C)[::-1]
    assert found.converged
    assert found.steps < 300
    np.testing.assert_allclose(found.values[:5], exact[:5], rtol=1e-13)
    np.testing.assert_allclose(found.values[5:], exact[-3:], atol=TOLERANCE * exact[0])
    peer = eigsh(LinearOperator(C.shape, matvec=lambda v: C @ v), 5, return_eigenvectors=False)
    np.testing.assert_allclose(found.values[:5], np.sort(peer)[::-1], rtol=1e-9)


def test_multiple_eigenvalues_are_found_with_their_multiplicity():
    A = symmetric_matrix([5.0, 5.0, 5.0, 2.0, *np.zeros(56)])
    found = extreme_eigenvalues(A, 5)
    np.testing.assert_allclose(found.values, [5, 5, 5, 2, 0], atol=1e-12)
    np.testing.assert_allclose(A @ found.vectors, found.vectors * found.values, atol=1e-12)


@pytest.mark.parametrize("times", [2, 4])
def test_copies_amid_a_full_spectrum_are_found(times):
    """No breakdown helps here: one start sees one vector of each eigenspace."""
    values = np.r_[np.full(times, 7.0), np.linspace(0, 6, 394), np.full(times, -3.0)]
    A = symmetric_matrix(values)
    found = extreme_eigenvalues(A, times + 1, times)
    expected = [7.0] * times + [6.0] + [-3.0] * times
    np.testing.assert_allclose(found.values, expected, atol=1e-7)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(len(expected)), atol=1e-9)
    assert found.converged
    alone = extreme_eigenvalues(A, times + 1, times, copies=False)
    assert (np.abs(alone.values - 7.0) < 1e-6).sum() < times or times == 2  # rounding finds one


def test_the_identity_and_zero():
    found = extreme_eigenvalues(np.eye(12), 3)
    np.testing.assert_allclose(found.values, 1.0, rtol=1e-14)
    zero = extreme_eigenvalues(np.zeros((6, 6)), 2, 1)
    assert zero.values.tolist() == [0, 0, 0]
    assert zero.converged
    assert extreme_eigenvalues(np.array([[3.0]]), 1).values == pytest.approx([3.0])


def test_too_few_steps_are_confessed():
    A = symmetric_matrix(np.linspace(0, 1, 200))
    found = extreme_eigenvalues(A, 4, steps=8)
    assert not found.converged
    assert found.residuals[0] > 1e-3
    assert found.steps == 8
    low, high = found.beyond()
    assert low <= 0
    assert high >= 1
    assert extreme_eigenvalues(A, 1, steps=3).beyond() == (-np.inf, np.inf)
    low, high = extreme_eigenvalues(A, 1, steps=80, tolerance=0.0).beyond()
    assert low <= 0
    assert 1 <= high < 1.05


def test_the_start_probability_is_kept():
    """P[missed by more than ε of the spread] is at most what Kuczyński and Woźniakowski prove."""
    p, m, risk = 100, 12, 0.3
    values = np.append(np.linspace(0, 0.9, p - 1), 1.0)
    A = np.diag(values)
    missed = sum(
        extreme_eigenvalues(A, 1, steps=m, tolerance=0.0, rng=s).beyond(risk)[1] < 1.0
        for s in range(200)
    )
    assert missed <= risk * 200


def test_results_depend_on_the_seed_alone():
    A = symmetric_matrix(np.linspace(0, 1, 50))
    a, b = extreme_eigenvalues(A, 2, rng=1), extreme_eigenvalues(A, 2, rng=1)
    assert (a.vectors == b.vectors).all()


def test_density_reproduces_traces_and_counts():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.uniform(0, 1, 390), np.full(10, 20.0)])
    A = np.diag(values)
    density = spectral_density(A, probes=20, steps=40)
    for f in (lambda x: x, lambda x: x**2, lambda x: np.log(x + 1)):
        value, error = density.trace(f)
        assert abs(value - f(values).sum()) < 4 * error + 1e-9
    count, error = density.count(10, 30)
    assert abs(count - 10) < 4 * error
    np.testing.assert_allclose(density.weights.sum(axis=1), 1.0, rtol=1e-12)
    grid = np.linspace(-3, 25, 4000)
    phi = density.density(grid)
    assert np.trapezoid(phi, grid) == pytest.approx(1.0, abs=0.01)


def test_quadrature_is_exact_for_polynomials_of_one_probe():
    """Gauss: m nodes integrate v'A^k v exactly for k < 2m."""
    A = symmetric_matrix(np.linspace(-1, 2, 30))
    one = spectral_density(A, probes=1, steps=4, rng=5)
    v = np.random.default_rng(5).standard_normal(30)
    v /= np.linalg.norm(v)
    for k in range(8):
        seen = float((one.weights[0] * one.nodes[0] ** k).sum())
        assert seen == pytest.approx(v @ np.linalg.matrix_power(A, k) @ v, abs=1e-12)


def test_refusals():
    with pytest.raises(ShapeError, match=r"shape \(2, 3\); eigenvalues need a square one"):
        extreme_eigenvalues(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="6 eigenvalues of a 4 × 4 operator; expected 1 to 4"):
        extreme_eigenvalues(np.eye(4))
    with pytest.raises(NotFiniteError, match="product with the operator is NaN"):
        extreme_eigenvalues(symmetric(5, lambda V: V * np.nan), 1)
    with pytest.raises(ShapeError, match="0 probes"):
        spectral_density(np.eye(3), probes=0)


def test_the_error_of_a_trace_is_that_of_theory_and_covers():
    """var = 2(tr A² − (tr A)²/p)/N; three standard errors hold the trace in nearly all draws."""
    A = np.diag(np.append(np.linspace(0, 1, 199), 5.0))
    draws = [spectral_density(A, probes=8, steps=20, rng=s).trace(lambda x: x) for s in range(60)]
    values, errors = np.array(draws).T
    theory = np.sqrt(2 * (np.trace(A @ A) - np.trace(A) ** 2 / 200) / 8)
    assert values.std() == pytest.approx(theory, rel=0.3)
    assert (errors > 0.7 * theory).all()
    assert (np.abs(values - np.trace(A)) < 3 * errors).mean() > 0.95
