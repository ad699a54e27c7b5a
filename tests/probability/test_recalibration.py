"""Maps learned from out-of-fold predictions: of two classes those of `calibration_maps`, of more their softmax."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from whyfit.errors import SpecError
from whyfit.probability.calibration_maps import Logistic, platt, temperature
from whyfit.probability.recalibrated_law import map_from_array, map_to_array
from whyfit.probability.recalibration import OF_MANY, OF_TWO, Recalibrated, check_map, formula
from whyfit.probability.softmax_maps import Softmax, softmax_platt, softmax_temperature


def simulated(n, C, seed, stretch=2.0):
    """Codes from softmax(Z), and what was said: softmax(stretch · Z)."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, C))
    P = special.softmax(Z, axis=1)
    y = (rng.random((n, 1)) > np.cumsum(P, axis=1)).sum(axis=1).clip(max=C - 1)
    return y, special.softmax(stretch * Z, axis=1)


@pytest.mark.parametrize(
    ("of_many", "of_two"), [(softmax_temperature, temperature), (softmax_platt, platt)]
)
def test_of_two_classes_it_is_the_map_of_two(of_many, of_two):
    y, P = simulated(300, 2, 0)
    ours, theirs = of_many(y, P), of_two(y.astype(float), P[:, 1])
    assert ours.b == pytest.approx(theirs.a, rel=1e-6)
    assert ours.shift[1] == pytest.approx(theirs.c, abs=1e-6)
    np.testing.assert_allclose(ours(P)[:, 1], theirs(P[:, 1]), atol=1e-8)


def test_softmax_platt_is_the_maximum_of_the_likelihood():
    y, P = simulated(400, 4, 1)
    got = softmax_platt(y, P)
    count = np.bincount(y)
    T = np.array(
        [[((count[c] + 1) if a == c else 1) / (count[c] + 4) for a in range(4)] for c in y]
    )

    def loss(w):
        E = w[0] * np.log(P) + np.r_[0.0, w[1:]]
        return np.sum(special.logsumexp(E, axis=1) - (T * E).sum(axis=1))

    best = optimize.minimize(loss, np.r_[1.0, 0, 0, 0], method="Nelder-Mead",
                             options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 8000})  # fmt: skip
    assert loss(np.r_[got.b, got.shift[1:]]) <= best.fun + 1e-6
    np.testing.assert_allclose(np.r_[got.b, got.shift[1:]], best.x, atol=2e-3)


@pytest.mark.parametrize("name", OF_MANY)
def test_what_was_stretched_is_set_right(name):
    y, P = simulated(20_000, 3, 2, stretch=3.0)
    got = OF_MANY[name](y, P)
    assert got.b == pytest.approx(1 / 3, abs=0.02)
    np.testing.assert_allclose(got.shift, 0, atol=0.06)
    np.testing.assert_allclose(got(P).sum(axis=1), 1)


@pytest.mark.parametrize("name", OF_TWO)
def test_no_map_turns_the_order_round(name):
    """Where held-out probabilities are worse than chance the map is flat, not falling."""
    y, P = simulated(500, 2, 3)
    q = OF_TWO[name](1.0 - y, P[:, 1])(np.linspace(0.001, 0.999, 99))
    assert (np.diff(q) >= -1e-12).all()
    if name in OF_MANY:
        many = OF_MANY[name](1 - y, P)(P)
        assert np.ptp(many[:, 1]) < 1e-9


@pytest.mark.parametrize("C", [2, 3])
@pytest.mark.parametrize("name", OF_MANY)
def test_a_fold_is_judged_by_a_map_that_did_not_see_it(name, C):
    y, P = simulated(200, C, 4)
    p = P[:, 1] if C == 2 else P
    fold = np.arange(200) % 5
    made = Recalibrated.of(name, y.astype(float) if C == 2 else y, p, fold, 5)
    turned = np.where(fold == 2, (y + 1) % C, y)
    again = Recalibrated.of(name, turned.astype(float) if C == 2 else turned, p, fold, 5)
    mine = fold == 2
    np.testing.assert_array_equal(made.held_out(p, fold)[mine], again.held_out(p, fold)[mine])
    assert not np.allclose(made.held_out(p, fold)[~mine], again.held_out(p, fold)[~mine])
    np.testing.assert_array_equal(made.held_out(p, fold)[mine], made.each[2](p[mine]))


def test_cross_fitting_promises_nothing_that_is_not_there():
    """Of calibrated probabilities a map can only lose, and in-sample isotonic regression seems to gain."""
    rng = np.random.default_rng(5)
    honest, flattering = [], []
    for _ in range(60):
        p = rng.beta(2, 2, 200)
        y = (rng.random(200) < p).astype(float)
        fold = rng.permutation(200) % 10
        made = Recalibrated.of("isotonic", y, p, fold, 10)
        honest.append(np.mean((made.held_out(p, fold) - y) ** 2 - (p - y) ** 2))
        flattering.append(np.mean((made.map(p) - y) ** 2 - (p - y) ** 2))
    assert np.mean(honest) > 0 > np.mean(flattering)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1e-300, 0.3, 0.5, 1.0]), st.booleans()), min_size=1),
    st.sampled_from(sorted(OF_TWO)),
    st.integers(1, 4),
)
def test_ties_certainty_and_folds_of_one_class_have_maps(rows, name, k):
    p = np.array([r[0] for r in rows])
    y = np.array([float(r[1]) for r in rows])
    fold = np.arange(len(y)) % k
    made = Recalibrated.of(name, y, p, fold, k)
    for q in (made.map(p), made.held_out(p, fold)):
        assert np.isfinite(q).all()
        assert ((q >= 0) & (q <= 1)).all()


def test_rows_of_one_class_are_left_as_they_are():
    made = Recalibrated.of("platt", np.ones(4), np.array([0.2, 0.4, 0.6, 0.8]), np.arange(4) % 2, 2)
    np.testing.assert_allclose(made.map(np.array([0.3])), 0.3)
    three = np.full((4, 3), 1 / 3)
    made = Recalibrated.of("platt", np.zeros(4, dtype=int), three, np.arange(4) % 2, 2)
    np.testing.assert_allclose(made.map(three), three)


@pytest.mark.parametrize("name", OF_TWO)
def test_a_map_survives_a_file(name):
    y, P = simulated(300, 2, 6)
    made = OF_TWO[name](y.astype(float), P[:, 1])
    back = map_from_array(name, map_to_array(made), 2)
    grid = np.linspace(0, 1, 101)
    np.testing.assert_array_equal(back(grid), made(grid))


def test_a_softmax_survives_a_file():
    made = softmax_platt(*simulated(300, 3, 7))
    back = map_from_array("platt", map_to_array(made), 3)
    assert isinstance(back, Softmax)
    assert back.name == made.name
    np.testing.assert_array_equal(back.shift, made.shift)


@pytest.mark.parametrize(
    ("name", "numbers", "classes"),
    [
        ("isotonic", np.array([[0.1, 0.2], [0.5, 0.4]]), 2),  # falls
        ("isotonic", np.array([[0.1, 0.2], [0.5, 1.5]]), 2),
        ("isotonic", np.array([[0.1, 0.2], [0.5, 0.6]]), 3),
        ("isotonic", np.empty((2, 0)), 2),
        ("platt", np.array([[-1.0, -1.0, 0.0]]), 2),
        ("platt", np.array([[1.0, np.nan, 0.0]]), 2),
        ("platt", np.array([[1.0, 1.0, 0.0]]), 3),
        ("beta", np.array([[1.0, 0.0, 0.0, 0.0]]), 3),
        ("platt", np.array([1.0, 1.0, 0.0]), 2),
    ],
)
def test_numbers_that_are_no_map_are_refused(name, numbers, classes):
    with pytest.raises(ValueError, match=r"map|knots"):
        map_from_array(name, numbers, classes)


def test_what_has_no_such_map_is_told_in_one_line():
    check_map("none", "regression", 0, "y")
    check_map("isotonic", "binary", 2, "y")
    check_map("platt", "multiclass", 3, "y")
    with pytest.raises(SpecError, match="'price' is a number"):
        check_map("platt", "regression", 0, "price")
    with pytest.raises(SpecError, match="'kind' has 3; recalibrate by platt or temperature"):
        check_map("isotonic", "multiclass", 3, "kind")


def test_formulas_hold_the_numbers():
    assert (
        formula(Logistic("temperature", 0.5, 0.5, 0.0))
        == r"\mathrm{logit}\, q = 0.5 \,\mathrm{logit}\, p"
    )
    assert r"0.25 + 0.5" in formula(Logistic("Platt", 0.5, 0.5, 0.25))
    assert r"0.3 \log(1 - p)" in formula(Logistic("beta", 0.5, 0.3, 0.25))
    assert r"softmax}(0.5 \log p + c)" in formula(Softmax("Platt", 0.5, np.array([0.0, 0.1, 0.2])))
    assert formula(OF_TWO["isotonic"](np.array([0.0, 1.0]), np.array([0.2, 0.8]))) == ""
