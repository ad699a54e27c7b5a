"""Landscapes and second-order walks."""

from __future__ import annotations

import numpy as np
import pytest

from calculus.problems import linear, logistic, minimum
from whyfit.calculus.descent import Quadratic
from whyfit.calculus.landscape import along_curvature, along_path
from whyfit.calculus.objective import PLANE_ROWS, Plane
from whyfit.calculus.optimizers import GradientDescent, Momentum
from whyfit.calculus.second_order import Method, second_order_walk
from whyfit.calculus.walk import Plan, walk
from whyfit.errors import NotFiniteError, ShapeError


def test_the_same_landscape_from_moments_and_from_rows() -> None:
    quadratic, rows = linear(0)
    path = walk(quadratic, Plan(GradientDescent(), 0.5 / quadratic.largest_curvature, 100))
    best = minimum(rows, 3)
    for one, two in (
        (along_path(quadratic, best, path), along_path(rows, best, path)),
        (
            along_curvature(quadratic, best, rows.hessian(best), path),
            along_curvature(rows, best, rows.hessian(best), path),
        ),
    ):
        assert one.loss == pytest.approx(two.loss, rel=1e-10)
        assert one.path == pytest.approx(two.path)


def test_contours_are_ellipses_with_axes_in_the_ratio_of_root_kappa() -> None:
    """Along each axis the loss is L* + ½λs²."""
    quadratic, rows = linear(1)
    best = minimum(rows, 3)
    seen = along_curvature(
        quadratic, best, rows.hessian(best), walk(quadratic, Plan(GradientDescent(), 1e-3, 5))
    )
    lam = quadratic.spectrum[0]
    assert seen.curvatures == pytest.approx([lam[0], lam[-1]], rel=1e-9)
    middle = len(seen.plane.first) // 2
    assert seen.loss[:, middle] == pytest.approx(
        quadratic.minimum + 0.5 * lam[0] * seen.plane.first**2, rel=1e-9
    )
    assert seen.loss.argmin() == np.ravel_multi_index((middle, middle), seen.loss.shape)


def test_path_plane_holds_more_of_the_path_than_any_other() -> None:
    rows = logistic(1)
    best = minimum(rows)
    path = walk(rows, Plan(Momentum(0.9), 0.3, 200), np.full(5, 2.0))
    own = along_path(rows, best, path)
    other = along_curvature(rows, best, rows.hessian(best), path)
    assert own.held.sum() >= other.held.sum() - 1e-12
    assert 0 < own.held.sum() <= 1 + 1e-12
    assert own.path[0] == pytest.approx((path.points[0] - best) @ own.plane.directions.T)


def test_a_path_that_does_not_move_still_has_a_picture() -> None:
    quadratic, rows = linear(2)
    best = minimum(rows, 3)
    still = walk(quadratic, Plan(GradientDescent(), 1e-300, 2), best)
    assert np.isfinite(along_path(quadratic, best, still).loss).all()
    with pytest.raises(ShapeError, match="two parameters"):
        along_path(Quadratic(np.eye(1), np.ones(1), 1.0), np.ones(1), still)


@pytest.mark.parametrize("method", ["Newton", "BFGS", "L-BFGS"])
def test_second_order_methods_find_the_minimum(method: Method) -> None:
    rows = logistic(4)
    best = rows.loss(minimum(rows))
    seen = second_order_walk(rows, method, 100)
    assert seen.losses[-1] == pytest.approx(best, rel=1e-10)
    assert (np.diff(seen.losses) <= 1e-15).all()
    arrived = second_order_walk(rows, method, 100, until=best * 1.001)
    assert arrived.outcome == "reached"
    assert arrived.steps < 30


def test_newton_needs_one_step_on_a_quadratic() -> None:
    quadratic, _ = linear(3)
    seen = second_order_walk(quadratic, "Newton", 1)
    assert seen.losses[1] == pytest.approx(quadratic.minimum, rel=1e-10)
    with pytest.raises(NotFiniteError, match="start"):
        second_order_walk(quadratic, "BFGS", 5, start=np.full(5, np.nan))


def test_many_rows_are_drawn_from_some_of_them() -> None:
    """Every third of 100,000 rows: the picture is off by two per cent at most, and reads no more than its share."""
    rows = logistic(5, n=100_000)
    plane = Plane(np.zeros(5), np.eye(5)[:2], np.linspace(-2, 2, 5), np.linspace(-2, 2, 5))
    exact = [[rows.loss(point) for point in line] for line in plane.points()]
    assert rows.on_plane(plane) == pytest.approx(np.array(exact), rel=0.02)
    assert rows.n > PLANE_ROWS
