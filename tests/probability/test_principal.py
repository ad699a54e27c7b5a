"""Regression on principal components from moments: naive twins by singular values of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from simulated import case_of
from whyfit.errors import SpecError
from whyfit.probability.linear import gather
from whyfit.probability.principal import (
    bic_path,
    held_out_path,
    projection_of,
    shares_held_out,
)


def table(n=150, p=9, seed=0, offset=50.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) @ rng.normal(size=(3, p)) + 0.2 * rng.normal(size=(n, p))
    X = X * 10.0 ** rng.integers(-2, 3, p) + offset
    return X, X @ (rng.normal(size=p) / X.std(axis=0)) + rng.normal(size=n)


def peer(k):
    return make_pipeline(StandardScaler(), PCA(k), LinearRegression())


def test_the_projection_is_standardising_then_components():
    X, y = table()
    case = case_of(X, y)
    P = projection_of(case.moments, case.names, 4)
    T = PCA(4).fit_transform(StandardScaler().fit_transform(X))
    np.testing.assert_allclose(np.abs(P.of_rows(X)), np.abs(T), atol=1e-9)
    assert P.names == ("component 1", "component 2", "component 3", "component 4")
    assert P.of_rows(X).T.flags.c_contiguous


def test_held_out_scores_and_shares_are_those_of_refitting():
    X, y = table()
    case = case_of(X, y)
    path, shares = held_out_path(case.moments, 5), shares_held_out(case.moments)
    fold = np.concatenate([b.fold for b in case.rows.blocks()])
    sd = X.std(axis=0)
    for j in range(case.k):
        train, test = fold != j, fold == j
        for k in (1, 3, 5):
            model = peer(k).fit(X[train], y[train])
            assert path[j, k - 1] == pytest.approx(model.score(X[test], y[test]), abs=1e-9)
        V = PCA().fit(X[train] / sd).components_
        Z = (X[test] - X[train].mean(axis=0)) / sd
        naive = np.cumsum(((Z @ V.T) ** 2).sum(axis=0)) / (Z**2).sum()
        np.testing.assert_allclose(shares[j], naive, atol=1e-9)


def test_bic_is_that_of_the_fits():
    X, y = table()
    n = len(y)
    rss = [((y - peer(k).fit(X, y).predict(X)) ** 2).sum() for k in (1, 2, 3, 4)]
    naive = n * np.log(np.array(rss) / ((y - y.mean()) ** 2).sum()) + np.arange(1, 5) * np.log(n)
    np.testing.assert_allclose(bic_path(case_of(X, y).moments.total, 4), naive, rtol=1e-9)


def test_rows_scored_but_not_fitted():
    X, y = table()
    case = case_of(X, y, exclude_rows=(3, 50))
    path = held_out_path(case.moments, 2, case.excluded)
    fold = np.concatenate([b.fold for b in case.all_rows.blocks()])
    fitted = ~np.isin(np.arange(len(y)), (3, 50))
    j = int(fold[3])
    train, test = (fold != j) & fitted, fold == j
    naive = peer(2).fit(X[train], y[train]).score(X[test], y[test])
    assert path[j, 1] == pytest.approx(naive, abs=1e-9)


def test_directions_that_do_not_vary_are_none():
    X, y = table(p=3)
    case = case_of(np.c_[X, X[:, :1], np.ones(len(X))], y)
    assert np.isnan(held_out_path(case.moments, 5)[:, 3:]).all()
    assert np.isinf(bic_path(case.moments.total, 5)[3:]).all()
    with pytest.raises(
        SpecError, match="components is 4 and the 4 columns vary along 3 directions"
    ):
        projection_of(case.moments, case.names, 4)
    few = gather(case_of(X[:4], y[:4]).rows, 2)
    assert np.isnan(held_out_path(few, 1)).all()  # two rows to train on: no fit
