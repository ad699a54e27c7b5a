"""Exact least squares: closed forms, rank, scales, and what a coarse grid is charged with."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.linalg import invhilbert

from rational import exact, root_digits, true_digits
from whyfit.data.arrays import ArrayRows
from whyfit.data.views import among
from whyfit.fold import Rows
from whyfit.linalg import solve
from whyfit.linalg.doubled import Grid, exact_gram_of
from whyfit.linalg.moments import Moments
from whyfit.linalg.refine import Noise, solve_exactly
from whyfit.probability.linear import fit_moments, gather


class Derived:
    """Powers 1..degree of x in float64, with what rounding took from them."""

    def __init__(self, x, y, degree):
        exactly = [[Fraction(float(v)) ** d for d in range(1, degree + 1)] for v in x]
        self.X = np.array([[float(v) for v in row] for row in exactly])
        self.low = np.array([[float(v - Fraction(float(v))) for v in row] for row in exactly])
        self.y, self.names = y, tuple(f"x^{d}" for d in range(1, degree + 1))

    def blocks(self):
        n = len(self.y)
        index = np.arange(n)
        yield Rows(self.X, self.y, index, index % 2, None, lambda: self.low)


def fitted(rows, intercept=True):
    return fit_moments(gather(rows, 2).total, rows.names, rows=rows, intercept=intercept)


def directly(X, y, slices=7, centred=True):
    """The solver alone, on one block."""
    p = X.shape[1]
    index = np.arange(len(y))
    moments = Moments.of(np.column_stack([X, y]))
    if not centred:
        S = moments.scatter + moments.n * np.outer(moments.mean, moments.mean)
        moments = Moments(moments.n, np.zeros(p + 1), S)
    grid = Grid.of(moments, slices, centred)
    gram = exact_gram_of(grid)(Rows(X, y, index, index % 2))
    noise = Noise(np.full(p, 4e-16), 7e-12, 1e-3)
    return solve_exactly(gram, grid, np.ones(p, dtype=bool), noise, centred)


def test_inverse_of_a_hilbert_matrix_through_its_square_root():
    """X upper triangular with XᵀX = H: through the origin V = H⁻¹, whose entries are known whole numbers."""
    H = np.array([[Fraction(1, i + j + 1) for j in range(6)] for i in range(6)])
    scale = np.lcm.reduce(range(1, 12))
    whole = np.array([[float(v * scale) for v in row] for row in H])  # H · 27720, exact
    r = directly(whole, whole @ np.arange(6.0), centred=False)  # X = cH: V = H⁻²/c²
    inverse = invhilbert(6, exact=True).astype(object)
    want = np.diag(inverse @ inverse).astype(float) / float(scale) ** 2
    np.testing.assert_allclose(np.diag(r.uncentred.V)[1:], want, rtol=1e-15)
    np.testing.assert_array_equal(r.w, np.arange(6.0))
    assert r.rss == 0.0


@pytest.mark.parametrize("degree", [4, 10, 20])
def test_powers_with_their_low_order_parts_are_solved_as_what_they_stand_for(degree):
    rng = np.random.default_rng(degree)
    x = rng.uniform(-9, -3, 50)
    rows = Derived(x, np.sin(x) + 0.1 * rng.standard_normal(50), degree)
    fit = fitted(rows)
    assert not fit.dropped.any()
    truth = exact(rows.X, rows.y, rows.low)
    for got, want, claim in zip([fit.intercept, *fit.coef], truth.w, fit.digits, strict=True):
        assert true_digits(got, want) >= claim > 15
    plain = exact(rows.X, rows.y) if degree == 10 else None
    if plain is not None:  # and what float64 alone stands for is another polynomial
        assert true_digits(fit.coef[-1], plain.w[-1]) < 10


def test_rank_of_powers_stops_where_their_digits_do():
    x = np.random.default_rng(0).uniform(-9, -3, 60)
    rows = Derived(x, np.cos(x), 20)
    assert fitted(ArrayRows(rows.X, rows.y, 2)).dropped.sum() > 0  # rounded powers
    assert fitted(rows).rank == 20


def test_a_copy_written_with_fewer_decimals_is_a_copy_still():
    """Digits of the arithmetic do not make stored decimals exact."""
    rng = np.random.default_rng(1)
    inch = np.round(rng.uniform(1, 90, 200), 2)
    X = np.column_stack([inch, rng.standard_normal(200), 2.54 * inch, 32 + 1.8 * inch])
    fit = fitted(ArrayRows(X, inch + rng.standard_normal(200), 2))
    assert fit.dropped.tolist() == [False, False, True, True]


def test_a_coarse_grid_is_charged_for_what_it_leaves_out():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((40, 3))
    X[:, 2] = X[:, 0] + 1e-3 * X[:, 2]
    y = X[:, 0] + rng.standard_normal(40)
    truth = exact(X, y)
    for slices in (2, 3):
        r = directly(X, y, slices)
        assert r.inexact > 0
        for got, want, error in zip(r.w, truth.w[1:], r.w_error, strict=True):
            assert abs(Fraction(float(got)) / want - 1) <= Fraction(float(error))
        off = abs(Fraction(r.rss) / truth.rss - 1)
        assert off <= Fraction(float(r.rss_error))
    assert directly(X, y, 7).inexact < 1e-80


def test_rows_left_out_are_left_out():
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((60, 3)) + 50, rng.standard_normal(60)
    out = frozenset({0, 17, 59})
    keep = ~np.isin(np.arange(60), list(out))
    fit = fitted(among(ArrayRows(X, y, 2), out, inside=False))
    truth = exact(X[keep], y[keep])
    assert fit.n == 57
    for got, want in zip([fit.intercept, *fit.coef], truth.w, strict=True):
        assert true_digits(got, want) > 15.9


@pytest.mark.parametrize("power", [-120, 0, 120])
def test_units_change_no_digit(power):
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((30, 3)), rng.standard_normal(30)
    a, b = fitted(ArrayRows(X, y, 2)), fitted(ArrayRows(X * 2.0**power, y, 2))
    np.testing.assert_array_equal(a.coef, b.coef * 2.0**power)
    assert a.rss == b.rss


def test_law_of_the_intercept_survives_an_offset():
    rng = np.random.default_rng(5)
    X = rng.standard_normal((50, 2)) + 1e9
    y = rng.standard_normal(50)
    fit, truth = fitted(ArrayRows(X, y, 2)), exact(X, y)
    assert root_digits(np.sqrt(fit.V[0, 0]), truth.V[0]) > 15
    assert true_digits(fit.intercept, truth.w[0]) > 15.9
    covariance = -np.linalg.solve(np.cov(X.T) * 49, X.mean(axis=0))
    np.testing.assert_allclose(fit.V[0, 1:], covariance, rtol=1e-6)


def test_degenerate_input():
    X = np.random.default_rng(6).standard_normal((3, 5))
    fit = fitted(ArrayRows(X, X[:, 0], 2))
    assert fit.rank == 2
    one = fitted(ArrayRows(X[:1], X[:1, 0], 2))
    assert one.rank == 0
    assert one.intercept == X[0, 0]


def test_too_many_columns_are_left_to_the_triangle(monkeypatch):
    rng = np.random.default_rng(7)
    X = rng.standard_normal((90, 6))
    X[:, 1] = X[:, 0] + 1e-6 * X[:, 1]
    rows = ArrayRows(X, X[:, 0] + rng.standard_normal(90), 2)
    assert fitted(rows).solution.route == "refined"
    monkeypatch.setattr(solve, "EXACT_COLUMNS", 5)
    assert fitted(rows).solution.route == "qr"
