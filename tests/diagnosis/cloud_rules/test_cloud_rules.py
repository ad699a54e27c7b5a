"""Each rule on clouds: planted faults are found with the numbers theory gives; nothing is said otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from clouds import found


def normal(n: int = 600, p: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, p))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_normal_cloud_is_healthy(metric):
    assert found(normal(), metric=metric) == ()


def test_a_common_mean_is_named_with_the_cosine_that_theory_predicts():
    """x = μ + z with z of p unit variances: E cos ≈ ‖μ‖² / (‖μ‖² + p)."""
    p, shift = 40, 1.2
    (f,) = found(normal() + shift, "LA115")
    expected = shift**2 / (shift**2 + 1)
    e = f.evidence[0]
    assert e.predicted == pytest.approx(expected, rel=0.02)
    assert e.value == pytest.approx(expected, rel=0.02)
    assert e.low < e.value < e.high
    assert f.severity == "warning"
    assert f.remedy.edit == {"transform": "centre"}
    assert f.remedy.trial.helped
    assert abs(f.remedy.trial.after) < 0.01
    assert p == 40


def test_a_common_mean_is_no_matter_for_distances():
    assert found(normal() + 1.2, "LA115", metric="euclidean") == ()


def test_a_small_mean_is_let_be():
    assert found(normal() + 0.2, "LA115") == ()


def test_a_handful_of_points_has_no_preferred_direction():
    assert found(normal(19) + 3, "LA115") == ()
    assert found(normal(40) + 3, "LA115") != ()


def test_one_coordinate_in_another_unit_is_named():
    X = normal()
    X[:, 7] *= 30
    (f,) = found(X, "LA115")
    share = 900 / 939
    assert f.subject == ("x8",)
    assert f.evidence[0].value == pytest.approx(share, rel=0.02)
    assert "the coordinate x8 holds 9" in f.message


def test_a_standardised_table_may_have_one_strong_factor():
    z = np.random.default_rng(1).standard_normal((300, 1))
    X = z + 0.3 * normal(300, 15)
    X = (X - X.mean(0)) / X.std(0)
    assert found(X, "LA115", metric="euclidean", standardised=True) == ()


def test_hubs_of_a_common_mean_are_predicted_by_the_twin_and_go_with_the_mean():
    (f,) = found(normal(1000, 60) + 1.5, "LA116")
    assert f.severity in ("warning", "note")
    assert len(f.subject) == 5
    predicted = float(f.prediction.split("skewness ")[1].split()[0])
    observed = float(f.prediction.rsplit(" ", 1)[1])
    assert predicted == pytest.approx(observed, rel=0.4)
    assert f.remedy.edit == {"transform": "centre"}
    assert f.remedy.trial.helped


def test_hubs_that_the_mean_did_not_make_refute_it():
    """Ten camps around ten leaders: a leader is nearer to all of its camp than they are to each other."""
    leaders = normal(10, 60, seed=1)
    X = np.repeat(leaders, 100, axis=0) + normal(1000, 60)
    X[::100] = leaders
    (f,) = found(X, "LA116")
    predicted = float(f.prediction.split("skewness ")[1].split()[0])
    observed = float(f.prediction.rsplit(" ", 1)[1])
    assert observed > 2 * predicted
    assert {(int(name[1:]) - 1) % 100 for name in f.subject} == {0}


def test_few_points_have_no_hubs():
    assert found(normal(60, 40) + 2, "LA116") == ()


def test_many_copies_of_two_points_have_no_hubs():
    X = np.repeat(normal(2, 5), 300, axis=0)
    assert found(X, "LA116") == ()
    assert found(X, "LA116", metric="euclidean") == ()


def test_collapsed_coordinates_are_named_and_weigh_what_is_predicted():
    X = normal()
    X[:, 3] = 2.5
    X[:, 11] *= 1e-4
    (f,) = found(X, "LA103")
    assert f.subject == ("x4", "x12")
    assert "2 coordinates of 40 hardly vary (1 never): x4 and x12" in f.message
    assert f.evidence[1].value == pytest.approx(1e-8 / 38, rel=0.2)


def test_a_tenth_of_the_spread_is_no_collapse():
    X = normal()
    X[:, 3] *= 0.1
    assert found(X, "LA103") == ()


def test_all_constant_coordinates():
    (f,) = found(np.ones((20, 3)), "LA103")
    assert "3 coordinates of 3 never vary" in f.message


def test_copies_are_grouped():
    X = normal()
    X[5] = X[99] = X[200]
    X[7] = X[8]
    (f,) = found(X, "LA104")
    assert f.subject == ("p6", "p100", "p201")
    assert "3 points (0.5 %) are copies of another" in f.message
    assert f.evidence[0].value == 4  # pairs: 3 of the three, 1 of the two
    assert f.evidence[0].predicted == 0
    assert f.severity == "note"


def test_minus_zero_is_zero_and_almost_equal_is_not_equal():
    X = normal(50, 8)
    X[1] = X[2] = X[0]
    X[0, 0], X[1, 0], X[2, 0] = 0.0, -0.0, 1e-12
    (f,) = found(X, "LA104")
    assert f.subject == ("p1", "p2")


def test_few_values_make_copies_by_chance():
    X = np.random.default_rng(3).integers(0, 3, (500, 4)).astype(float)
    assert found(X, "LA104", metric="euclidean") == ()


def test_equal_documents():
    X = sparse.csr_array(np.array([[1.0, 0, 2], [0, 1, 0], [1, 0, 2], [0, 0, 0.5], [3, 1, 0]]))
    (f,) = found(X, "LA104")
    assert f.subject == ("p1", "p3")


def test_a_flat_cloud_is_told_its_dimensions():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((500, 4)) @ rng.standard_normal((4, 60))
    (f,) = found(X + 1e-3 * normal(500, 60), "LA109")
    assert f.message.startswith("4 directions of 60 hold 99.9")
    names = {e.name: e.value for e in f.evidence}
    assert 1 < names["participation ratio"] <= names["entropy rank"] <= 4.001
    assert names["nearest neighbours that stay"] > 95


def test_few_points_in_many_dimensions_are_not_flat():
    assert found(normal(50, 300), "LA109") == ()
