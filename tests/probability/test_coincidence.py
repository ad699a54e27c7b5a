"""Pairs of equal rows by chance: what simulation gives, with and without columns that hang together."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.data.repeats import mix, part_of
from whyfit.probability.coincidence import coincidences, pairs


def hashes(X):
    return np.array([mix(x.astype(np.uint64), j) for j, x in enumerate(np.asarray(X).T)])


def equal_pairs(X):
    return pairs(hashes(X).sum(axis=0, dtype=np.uint64))


def independent(rng, n):
    return np.column_stack([rng.integers(0, c, n) for c in (3, 5, 8, 12, 20)])


def ordinal(rng, n):
    z = rng.normal(size=(n, 1))
    return np.round(2.5 * (z + 0.7 * rng.normal(size=(n, 5)))) + 40


def classes(rng, n):
    own, middle = rng.integers(0, 5, n), rng.integers(0, 6, (5, 6))
    return np.where(rng.random((n, 6)) < 0.7, middle[own], rng.integers(0, 6, (n, 6)))


def related(rng, n):
    a = rng.integers(0, 10, (n, 2))
    return np.column_stack([a, a.sum(axis=1), rng.integers(0, 8, (n, 3))])


@pytest.mark.parametrize("make", [independent, ordinal, classes, related])
def test_expected_pairs_are_those_that_occur(make):
    """Mean over 20 tables of observed less expected, against its own spread."""
    seen, expected = [], []
    for seed in range(20):
        X = make(np.random.default_rng(seed), 1500)
        seen.append(equal_pairs(X))
        expected.append(coincidences(hashes(X)).expected)
    assert np.mean(seen) > 20
    assert np.mean(expected) == pytest.approx(np.mean(seen), rel=0.15)


def test_planted_copies_are_not_taken_for_chance():
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(2000, 6)), 2) * 100 + 10_000
    X[1800:] = X[:200]
    found = coincidences(hashes(X))
    assert equal_pairs(X) >= 200
    assert found.upper < 5


def test_a_part_of_the_rows_speaks_for_all():
    X = related(np.random.default_rng(1), 12_000)
    H = hashes(X)
    key = H.sum(axis=0, dtype=np.uint64)
    taken = part_of(key, 0.25)
    whole = coincidences(H).expected
    assert coincidences(H[:, taken], 0.25).expected == pytest.approx(whole, rel=0.3)


def test_a_table_whose_columns_follow_from_each_other_says_nothing():
    x = np.random.default_rng(2).integers(0, 30, 500)
    found = coincidences(hashes(np.column_stack([x, 2 * x, x + 1])))
    assert found.upper == np.inf


def test_many_columns_are_added_up():
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.integers(0, 2, 3000) for _ in range(8)] + [np.zeros(3000)] * 60)
    assert coincidences(hashes(X)).expected == pytest.approx(equal_pairs(X), rel=0.2)


def test_degenerate_input():
    assert coincidences(np.zeros((0, 5), np.uint64)).expected == 0
    assert coincidences(np.zeros((3, 1), np.uint64)).expected == 0
    assert pairs(np.zeros(0, np.uint64)) == 0
    assert pairs(np.zeros(4, np.uint64)) == 6
