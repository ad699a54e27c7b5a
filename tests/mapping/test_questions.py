"""Questions: labels are found as they are written, expressions are parsed greedily, answers are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from clouds import cloud_of
from whyfit.errors import SpecError
from whyfit.mapping.questions import Names, near, parse, place_of, project

WORDS = ("king", "queen", "man", "woman", "king-man", "New York", "c++", "a - b", "Paris", "17")
NAMES = Names(WORDS, True)


def vectors() -> np.ndarray:
    royal, male, female, rest = np.eye(4)
    return np.array([
        royal + male, royal + female + 0.1 * rest, male, female, rest, royal - rest, -royal,
        -male, rest + royal, 3 * rest - male,
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("king", [(1, 0)]),
        ("king+woman", [(1, 0), (1, 3)]),
        ("queen-man+woman", [(1, 1), (-1, 2), (1, 3)]),
        ("king-man+woman", [(1, 4), (1, 3)]),  # the longest label that fits
        ('"king"-man+woman', [(1, 0), (-1, 2), (1, 3)]),
        ("'king' − man + woman", [(1, 0), (-1, 2), (1, 3)]),
        ("-king+ queen", [(-1, 0), (1, 1)]),
        ("c++ + king", [(1, 6), (1, 0)]),
        ("c+++king", [(1, 6), (1, 0)]),
        ("a - b-Paris", [(1, 7), (-1, 8)]),
        ("new york + paris", [(1, 5), (1, 8)]),
        ("row 2 - man", [(1, 1), (-1, 2)]),
        ("17 + 3", [(1, 9), (1, 2)]),  # a label before a row number
    ],
)
def test_expressions(text, terms):
    assert list(parse(text, NAMES)) == terms


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("king-mam+woman", "no point is called 'mam'; did you mean 'man'?"),
        ("king+", "ends where a label is expected"),
        ("", "ends where a label is expected"),
        ('"king" man', "expected + or − before 'man'"),
        ("xyzzy", "no point is called 'xyzzy'; labels are such as 'king'; a number from 1 to 10"),
        ("99", "no point is called '99'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, said):
    with pytest.raises(SpecError) as error:
        parse(text, NAMES)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_rows_without_names():
    names = Names(tuple(f"row {i + 1}" for i in range(5)), False)
    assert names.point("3") == names.point("row 3") == 2
    with pytest.raises(SpecError, match="the points are rows 1 to 5"):
        names.point("6")


@given(st.lists(st.tuples(st.sampled_from("+-"), st.integers(0, 7)), min_size=1, max_size=6))
def test_quoted_labels_always_parse(terms):
    text = "".join(f'{sign}"{WORDS[i]}"' for sign, i in terms)
    assert list(parse(text, NAMES)) == [(1.0 if s == "+" else -1.0, i) for s, i in terms]


def test_king_minus_man_plus_woman():
    case = cloud_of(vectors(), labels=WORDS)
    answer = project(case, NAMES, '"king"-man+woman', 3)
    assert WORDS[answer.found[0].point] == "queen"
    assert {WORDS[f.point] for f in answer.found}.isdisjoint({"king", "man", "woman"})
    np.testing.assert_allclose(place_of(answer.vector), vectors()[0] - vectors()[2] + vectors()[3])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_near_is_a_full_sort(metric):
    X = np.random.default_rng(0).standard_normal((40, 5))
    case = cloud_of(X, metric)
    answer = near(case, Names(case.labels, True), "p7", 12)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    by = U @ U[6] if metric == "cosine" else -np.linalg.norm(X - X[6], axis=1)
    by[6] = -np.inf
    order = np.argsort(-by)[:12]
    assert [f.point for f in answer.found] == order.tolist()
    np.testing.assert_allclose([f.similarity for f in answer.found], by[order], atol=1e-12)


def test_sparse_answers_are_those_of_dense_vectors():
    X = np.abs(np.random.default_rng(1).standard_normal((30, 8)))
    X *= np.random.default_rng(2).random(X.shape) < 0.5
    X[X.sum(axis=1) == 0, 0] = 1
    dense, thin = cloud_of(X), cloud_of(sparse.csr_array(X))
    names = Names(dense.labels, True)
    for ask in ("p3", "p4"):
        a, b = near(dense, names, ask, 5), near(thin, names, ask, 5)
        np.testing.assert_allclose(
            [f.similarity for f in a.found], [f.similarity for f in b.found], atol=1e-12
        )
    a, b = project(dense, names, "p1-p2+p3", 5), project(thin, names, "p1-p2+p3", 5)
    np.testing.assert_allclose(place_of(a.vector), place_of(b.vector))
    np.testing.assert_allclose(
        [f.similarity for f in a.found], [f.similarity for f in b.found], atol=1e-9
    )


def test_more_neighbours_than_points_are_all_points():
    case = cloud_of(vectors(), labels=WORDS)
    assert len(near(case, NAMES, "king", 100).found) == len(WORDS) - 1
