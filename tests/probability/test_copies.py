"""Disguised copies: forms, pairs, AUC and determined classes against naive twins."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.probability import copies

RNG = np.random.default_rng(5)
Y = RNG.uniform(1, 5, 300)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (Y, "y = x"),
        (np.log(Y), "x = log(y)"),
        (np.exp(Y), "y = log(x)"),
        (Y**2, "y = √x"),
        (1 / Y, "y = 1/x"),
        (np.sqrt(Y), "y = x²"),
        (Y**-2.5, "log(y) = log(x)"),
    ],
)
def test_the_form_undoes_the_disguise(x, said):
    form = copies.best_forms(x[:, None], Y)[0]
    assert form.r2 == pytest.approx(1.0)
    assert form.said("x", "y") == said


def test_the_plainest_form_wins_a_tie():
    form = copies.best_forms((3 * Y - 1)[:, None], Y)[0]
    assert (form.x, form.y) == ("{}", "{}")


def test_forms_stay_where_they_are_defined():
    x = RNG.normal(size=300)
    x[0] = 0.0
    form = copies.best_forms(x[:, None], x**2)[0]
    assert form.said("x", "y") == "y = x²"


def test_ranks_share_ties():
    np.testing.assert_allclose(copies.ranks(np.array([3.0, 1.0, 3.0, 2.0])), [3.5, 1.0, 3.5, 2.0])


def test_spearman_sees_any_rising_form():
    assert copies.spearman_squared(np.tanh(Y)[:, None], Y)[0] == pytest.approx(1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_best_pair_equals_a_search_over_rows(sign):
    X = RNG.normal(size=(100, 5))
    y = 2 * (X[:, 1] + sign * X[:, 4]) + 0.1 * RNG.normal(size=100)
    Z = np.column_stack([X, y])
    Z = Z - Z.mean(axis=0)
    pair = copies.best_pair(Z.T @ Z, slope_one=False)
    assert (pair.i, pair.j, pair.sign, pair.tests) == (1, 4, sign, 20)
    slow = np.corrcoef(X[:, 1] + sign * X[:, 4], y)[0, 1] ** 2
    assert pair.r2 == pytest.approx(slow)
    assert pair.slope == pytest.approx(2, rel=0.02)
    other = copies.best_pair(Z.T @ Z, slope_one=True)
    assert other.r2 < pair.r2


def test_auc_counts_pairs():
    x = RNG.integers(0, 6, 80).astype(float)
    positive = RNG.random(80) < 0.4
    differences = x[positive][:, None] - x[~positive]
    slow = (differences > 0).mean() + 0.5 * (differences == 0).mean()
    assert copies.auc(x, positive) == pytest.approx(max(slow, 1 - slow))
    assert copies.auc(x, np.zeros(80, dtype=bool)) == 0.5


def test_determined_by_is_a_loop_over_folds():
    value, label = RNG.integers(0, 4, 120), RNG.integers(0, 3, 120)
    fold = np.arange(120) % 5
    errors = 0
    for f in range(5):
        train, test = fold != f, fold == f
        prior = np.bincount(label[train], minlength=3)
        for v in range(4):
            counts = np.bincount(label[train & (value == v)], minlength=3) + 1e-9 * prior
            errors += int((label[test & (value == v)] != counts.argmax()).sum())
    d = copies.determined_by(value, label, fold)
    assert d.errors == errors
    assert d.n == 120
    assert d.p_value(0.95) > 0.99


def test_a_perfect_copy_is_sure_only_with_rows_enough():
    def p(n: int) -> float:
        label = np.arange(n) % 2
        return copies.determined_by(label, label, np.arange(n) // 2 % 5).p_value(0.95)

    assert p(20) > 0.5 > 1e-3 > p(1000)


def test_p_values_are_those_of_the_limit():
    assert copies.r2_p_value(0.99, 500, 0.99) == pytest.approx(0.5, abs=0.05)
    assert copies.r2_p_value(1.0, 50, 0.99) < 1e-6
    assert copies.r2_p_value(1.0, 3, 0.99) == 1.0
    assert copies.auc_p_value(0.98, 100, 100, 0.98) == pytest.approx(0.5)
    assert copies.auc_p_value(1.0, 0, 10, 0.98) == 1.0
