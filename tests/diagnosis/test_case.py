"""What a Case measures, beside the same made by hand on the same folds."""

import dataclasses

import numpy as np
from scipy import stats

from simulated import case_of
from whyfit.data.folds import fold_of
from whyfit.engines.local import LocalEngine
from whyfit.fold import Engine

OUT = (3, 50, 77)


def test_log_density_of_a_log_target_is_that_of_the_target_itself():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3))
    y = np.exp(2 + X[:, 0] + 0.5 * rng.standard_normal(200))
    case = case_of(X, y, target_transform="log", exclude_rows=OUT)
    fold, kept = fold_of(np.arange(200), case.k, 0), ~np.isin(np.arange(200), OUT)
    A, v = np.column_stack([np.ones(200), X]), np.log(y)
    for j in range(case.k):
        train, test = (fold != j) & kept, fold == j
        b, rss, _, _ = np.linalg.lstsq(A[train], v[train], rcond=None)
        law = (A[test] @ b, np.sqrt(rss[0] / (train.sum() - 4)))
        constant = (v[train].mean(), v[train].std(ddof=1))
        for got, want in ((case.scores, law), (case.baseline, constant)):
            by_hand = (stats.norm.logpdf(v[test], *want) - v[test]).mean()
            np.testing.assert_allclose(got["log_score"][j], by_hand, rtol=1e-10)


def test_threads_change_nothing_and_the_seed_only_the_folds():
    rng = np.random.default_rng(1)
    X = rng.normal([0, 10, 0, 1e3], 1.0, (70_000, 4))
    y = X[:, 0] + rng.standard_normal(70_000)
    for label in (y, (y > 0).astype(float), np.digitize(y, [-1, 1]).astype(float)):
        cases = [_with(case_of(X, label), LocalEngine(t)) for t in (1, 2, 4)]
        for other in cases[1:]:
            np.testing.assert_array_equal(other.fit.coef, cases[0].fit.coef)
            for name, score in cases[0].scores.items():
                np.testing.assert_array_equal(other.scores[name], score)
        seeded = case_of(X, label, seed=5)
        np.testing.assert_allclose(seeded.fit.coef, cases[0].fit.coef, rtol=1e-8)
        assert any((seeded.scores[name] != score).any() for name, score in cases[0].scores.items())


def _with(case, engine: Engine):
    return dataclasses.replace(case, engine=engine)


def test_held_out_scores_see_the_difference_of_near_copies():
    rng = np.random.default_rng(2)
    x, z = rng.standard_normal((2, 300))
    y = x + 2 * z + rng.standard_normal(300)
    near = np.column_stack([x, x + 1e-8 * z, x])  # the third is an exact copy and is dropped
    plain = np.column_stack([x, (near[:, 1] - x) / 1e-8])
    a, b = (case_of(X, y, exclude_rows=OUT) for X in (near, plain))
    np.testing.assert_allclose(a.scores["r2"], b.scores["r2"], rtol=1e-5)
    np.testing.assert_allclose(a.held_out, b.held_out, rtol=1e-4, atol=1e-4)
