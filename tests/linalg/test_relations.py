"""Relations among columns: the right columns, the numbers a person would write, the rows that break them."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.linalg import relations
from whyfit.linalg.conditioning import correlation
from whyfit.linalg.moments import Moments
from whyfit.linalg.relations import participants, relation, whole

RNG = np.random.default_rng(3)
N = 200
EDUCATION = RNG.integers(6, 19, N).astype(float)
EXPERIENCE = RNG.integers(0, 40, N).astype(float)
NOISE = RNG.normal(size=(N, 3))


def table(*columns):
    return np.column_stack([*columns, NOISE])


def names(k: int) -> list[str]:
    return [*"abc"[:k], "u", "v", "w"]


def C_of(X):
    return correlation(Moments.of(X).scatter)


def test_only_the_columns_that_take_part_are_named():
    X = table(EDUCATION + EXPERIENCE + 6, EDUCATION, EXPERIENCE)
    few, left = participants(C_of(X), 0, range(1, 6))
    assert set(few) == {1, 2}
    assert left < 1e-12


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x, y: x + y + 6, "a = b + c + 6"),
        (lambda x, y: x - y, "a = b − c"),
        (lambda x, y: 3 - x - 2 * y, "a = 3 − b − 2 c"),
        (lambda x, y: x / 3 + y, "a = 1/3 b + c"),
        (lambda x, y: 0.25 * x + 0.5 * y, "a = 0.25 b + 0.5 c"),
    ],
)
def test_coefficients_are_written_as_a_person_would(make, expected):
    X = table(make(EDUCATION, EXPERIENCE), EDUCATION, EXPERIENCE)
    r = relation(X, 0, (1, 2))
    assert r.exact
    assert r.residual <= r.bound
    assert r.text(names(3)) == expected


def test_units_are_kept_to_their_digits():
    r = relation(table(0.45359237 * EXPERIENCE, EXPERIENCE), 0, (1,))
    assert r.exact
    assert r.text(names(2)) == "a = 0.453592 b"


def test_rounded_amounts_hold_to_the_cent():
    minutes = np.round(RNG.uniform(0, 350, N), 1)
    r = relation(table(np.round(0.17 * minutes + 1e-9, 2), minutes), 0, (1,))
    assert r.exact
    assert r.text(names(2)) == "a = 0.17 b"
    assert r.unexplained > 1e-12  # to the cent, not to rounding
    assert r.unit == 0.01
    assert r.residual <= 0.005 + 1e-9


def test_rows_that_break_the_relation_are_counted():
    age = EDUCATION + EXPERIENCE + 6
    age[[17, 101]] += 5
    r = relation(table(age, EDUCATION, EXPERIENCE), 0, (1, 2))
    assert r.mostly
    assert not r.exact
    assert (r.holds, r.rows, r.exceptions) == (N - 2, N, (17, 101))
    assert r.coefficients == (1.0, 1.0)
    assert r.intercept == 6.0


def test_a_near_relation_is_written_with_two_digits():
    x = EXPERIENCE * 10
    r = relation(table(0.1712 * x + RNG.normal(size=N), x), 0, (1,))
    assert r.text(names(2)) == "a ≈ 0.17 b"
    assert not r.mostly
    assert 0 < r.unexplained < 0.01


def test_a_coarse_scale_does_not_make_a_relation():
    """On a 0/1 column half a unit is everything; it must not count as rounding."""
    x = RNG.normal(size=N)
    r = relation(table((x > 0).astype(float), x), 0, (1,))
    assert r.holds == 0


def test_many_small_columns_stay_out_of_a_near_relation():
    parts = RNG.normal(size=(N, 6))
    a = (
        parts[:, 0]
        + 0.8 * parts[:, 1]
        + 0.01 * parts[:, 2:].sum(axis=1)
        + 0.05 * RNG.normal(size=N)
    )
    few, left = participants(C_of(np.column_stack([a, parts])), 0, range(1, 7))
    assert set(few) == {1, 2}
    assert left < 0.01


def test_degenerate_input():
    X = table(EDUCATION)
    assert relation(X, 0, ()).others == ()
    assert relation(X[:0], 0, (1,)).rows == 0
    assert participants(C_of(X), 0, ()) == ((), 1.0)
    assert relation(X[:1], 0, (1,)).rows == 1


@pytest.mark.parametrize("n", [12, 30, 200])
def test_relations_of_several_columns_and_fractions(n):
    rng = np.random.default_rng(n)
    B = rng.integers(0, 20, (n, 4)).astype(float)
    a = 2 * B[:, 0] + 3 * B[:, 1] - B[:, 2] / 2 + B[:, 3] - 7
    X = np.column_stack([a, B, rng.normal(size=(n, 2))])
    few, left = participants(C_of(X), 0, range(1, 7))
    assert set(few) == {1, 2, 3, 4}
    assert left < 1e-12
    r = relation(X, 0, few)
    assert r.exact
    assert r.text(list("abcdeuv")) == "a = 2 b + 3 c + e − 0.5 d − 7"


@pytest.mark.parametrize("n", [2, 3])
def test_as_many_rows_as_coefficients_show_no_relation(n):
    X = np.random.default_rng(0).normal(size=(n, 3))
    r = relation(X, 0, (1, 2))
    assert not r.exact
    assert not r.mostly
    assert r.residual == 0


def shares(n: int, decimals: int, seed: int = 0) -> np.ndarray:
    return np.round(100 * np.random.default_rng(seed).dirichlet([3, 2, 2, 1], n), decimals)


def test_parts_of_a_whole_are_written_as_their_sum():
    X = np.column_stack([NOISE[:, 0], shares(N, 1)])
    r = whole(X, (1, 2, 3, 4))
    assert set(r.columns) == {1, 2, 3, 4}
    assert r.parts
    assert r.text(list("zabcd")) == "a + b + c + d ≈ 100"
    added = X[:, 1:].sum(axis=1)
    assert r.unexplained == pytest.approx(added.var() / X[:, r.column].var())


def test_a_column_that_is_no_part_is_left_out():
    X = np.column_stack([shares(N, 1), 5 * NOISE[:, 0]])
    assert set(whole(X, range(5)).columns) == {0, 1, 2, 3}


def test_unrelated_columns_are_no_parts():
    assert whole(NOISE, range(3)) is None
    assert whole(np.column_stack([EXPERIENCE, -EXPERIENCE]), (0, 1)) is None  # two are a pair
    assert whole(shares(5, 1), range(4)) is None  # five rows of four parts
    assert whole(np.ones((20, 3)), range(3)) is None


def test_parts_that_add_up_exactly_hold_in_every_row():
    r = whole(np.column_stack([30 - EDUCATION - EXPERIENCE, EDUCATION, EXPERIENCE]), range(3))
    assert r.exact
    assert not r.parts
    assert r.text(list("abc")) == "a = 30 − b − c"


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("factored", [False, True])
def test_screening_many_candidates_leaves_the_answer_as_it_was(noise, factored, monkeypatch):
    rng = np.random.default_rng(8)
    X = (rng.random((4_000, 120)) < 0.05).astype(float)
    y = X[:, [3, 40, 77]].sum(axis=1) + noise * rng.normal(size=4_000)
    C = np.corrcoef(np.column_stack([X, y]), rowvar=False)
    known = np.linalg.cholesky(C[:-1, :-1]) if factored else None
    quick = participants(C, 120, range(120), 120, known)
    monkeypatch.setattr(relations, "_SCREENED", 10**6)
    slow = participants(C, 120, range(120), 120)
    assert set(quick[0]) == set(slow[0])
    assert quick[1] == pytest.approx(slow[1], abs=2e-3 * noise + 1e-12)
    if not noise:
        assert set(quick[0]) == {3, 40, 77}
