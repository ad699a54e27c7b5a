"""Learning curves from moments: against fits to the rows, against theory, and the promises of their law."""

import numpy as np
import pytest

from simulated import linear_data, rarely, usually
from whyfit.data.arrays import ArrayRows
from whyfit.probability.learning_curve import (
    expected_error,
    halvings,
    learning_curve,
    part_moments,
)
from whyfit.probability.linear import gather


def curve_of(X, y, k=10, ridge=0.0, seed=0):
    rows = ArrayRows(X, y, k, seed)
    times = halvings(len(y) // k, len(y), X.shape[1], k)
    parts = part_moments(rows, k, times, seed) if times else None
    return learning_curve(gather(rows, k), ridge, parts, seed)


def _normal(seed, n, p):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X @ np.ones(p) + rng.normal(size=n)


def test_parts_split_every_fold_and_lose_no_row():
    X, y = _normal(0, 640, 3)
    rows = ArrayRows(X, y, 4, 0)
    folds, parts = gather(rows, 4), part_moments(rows, 4, 3)
    assert parts.k == 32
    np.testing.assert_array_equal(parts.n.reshape(4, 8).sum(axis=1), folds.n)
    joined = parts.merged(np.arange(8))
    np.testing.assert_allclose(joined.scatter, folds.fold(0).scatter, rtol=1e-9)
    assert parts.n.min() > 5


def test_largest_and_one_fold_sizes_are_those_of_fits_to_the_rows():
    X, y = _normal(1, 200, 4)
    label = next(iter(ArrayRows(X, y, 10, 0).blocks())).fold
    curve = curve_of(X, y)
    assert curve is not None
    A = np.column_stack([np.ones(200), X])

    def error(train, test):
        b = np.linalg.lstsq(A[train], y[train], rcond=None)[0]
        return np.mean((y[test] - A[test] @ b) ** 2)

    largest = np.mean([error(label != j, label == j) for j in range(10)])
    one = np.mean([error(label == j, label != j) for j in range(10)])
    assert curve.sizes[-1] == pytest.approx(180)
    assert curve.error[-1] == pytest.approx(largest, rel=1e-9)
    at = int(np.abs(curve.sizes - 20).argmin())
    assert curve.error[at] == pytest.approx(one, rel=1e-9)


@pytest.mark.parametrize("n", [15, 30, 120])
def test_the_expected_error_of_normal_columns(n):
    """3,000 fits: E(y − ŷ)² = σ²(1 + 1/n)(1 + p/(n − p − 2))."""
    rng, p = np.random.default_rng(n), 5
    X = rng.normal(size=(3000, n, p))
    e = rng.normal(size=(3000, n))
    A = np.concatenate([np.ones((3000, n, 1)), X], axis=2)
    At = A.transpose(0, 2, 1)
    b = np.linalg.solve(At @ A, (At @ e[:, :, None]))[:, :, 0]
    risk = 1 + (b**2).sum(axis=1)
    theory = expected_error(1.0, p, np.array([n]))[0]
    assert abs(risk.mean() - theory) < 3.5 * risk.std() / np.sqrt(3000)
    assert expected_error(1.0, 5, np.array([7]))[0] == np.inf


def test_the_law_keeps_its_promises():
    """Held-back point, expected error at twice the rows, and gain, each in its 95 % interval, over 40 tables."""
    runs, n, p = 40, 160, 12
    kept = error = gain = 0
    now, then = expected_error(1.0, p, np.array([n, 2 * n]))
    values = []
    for seed in range(runs):
        curve = curve_of(*_normal(seed, n, p))
        assert curve is not None
        assert curve.law is not None
        assert curve.held_back is not None
        kept += curve.held_back.kept
        p_, g = curve.law.predict(2 * n), curve.law.gain(n)
        error += p_.low <= then <= p_.high
        gain += g.low <= 1 - then / now <= g.high
        values.append(g.value)
    for hits in (kept, error, gain):
        assert usually(hits, runs, 0.93)
    assert np.mean(values) == pytest.approx(
        1 - then / now, abs=3.5 * np.std(values) / np.sqrt(runs)
    )


def test_the_chance_of_a_relevant_gain_is_no_false_alarm():
    """n = 12 p: doubling truly saves 4.3 %; P(gain ≤ 5 %) falls below 5 % in at most 5 % of tables."""
    alarms = 0
    for seed in range(30):
        curve = curve_of(*_normal(1000 + seed, 120, 10))
        assert curve is not None
        assert curve.law is not None
        alarms += curve.law.p_gain(120, 0.05) < 0.05
    assert rarely(alarms, 30)


def test_the_points_scatter_as_the_first_order_says():
    """Spread of e_s − e_last over 60 tables against √(C_ss + C_ll − 2 C_sl), which no table was used for."""
    n, p, gaps = 300, 8, []
    for seed in range(60):
        curve = curve_of(*_normal(2000 + seed, n, p))
        assert curve is not None
        assert curve.law is not None
        gaps.append(curve.error[1:-1] - curve.error[-1])
    points = curve.law.points
    C = (2 / (p + 1)) * points.relation * np.outer(*2 * [expected_error(1.0, p, curve.sizes) - 1])
    theory = np.sqrt(np.diag(C) + C[-1, -1] - 2 * C[:, -1])[1:-1]
    np.testing.assert_allclose(np.std(gaps, axis=0), theory, rtol=0.35)


def test_a_penalty_and_its_curve():
    X, y = linear_data(np.random.default_rng(4), 200, 30, 0.3)
    plain, shrunk = curve_of(X, y), curve_of(X, y, ridge=100.0)
    assert plain is not None
    assert shrunk is not None
    assert np.isnan(shrunk.expected).all()
    at = np.interp(plain.sizes[0], shrunk.sizes, shrunk.error)
    assert at < plain.error[0]


def test_degenerate_tables():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 3))
    assert curve_of(X, X @ np.ones(3)) is None  # fitted exactly
    assert curve_of(rng.normal(size=(30, 40)), rng.normal(size=30), 3) is None  # p ≥ n
    assert curve_of(rng.normal(size=(3, 1)), rng.normal(size=3), 2) is None
    X[:, 1] = 4.0
    constant = curve_of(X, rng.normal(size=60), 6)
    assert constant is None or np.isfinite(constant.error).all()


def test_halvings():
    assert halvings(5, 50, 10, 10) == 0
    assert halvings(100, 1000, 3, 10) == 2
    assert halvings(10_000, 100_000, 2000, 10) == 0  # no room
