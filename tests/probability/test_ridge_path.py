"""The ridge path against scikit-learn and the hat matrix; penalties chosen by every criterion."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV

from simulated import linear_data
from whyfit.data.arrays import ArrayRows
from whyfit.probability.linear import gather
from whyfit.probability.ridge_path import CV, EVIDENCE, GCV, LOO, ONE_SE, RidgePath, chosen_ridges


def _folds(X, y, k=10):
    return gather(ArrayRows(X, y, k, 0), k)


def _standard(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 2.0, 500.0])
def test_one_fit_and_its_hat_matrix(ridge):
    X, y = linear_data(np.random.default_rng(1), 60, 7, 0.5)
    X = X * [1, 100, 1e-3, 1, 1, 5, 1] + 30
    path, Z = RidgePath.of(_folds(X, y).total), _standard(X)
    fit = Ridge(alpha=ridge).fit(Z, y)
    e = y - fit.predict(Z)
    H = Z @ np.linalg.solve(Z.T @ Z + ridge * np.eye(7), Z.T)
    assert path.trained(ridge) == pytest.approx(np.mean(e**2), rel=1e-9)
    assert path.free(ridge) == pytest.approx(np.trace(H), rel=1e-9)
    h = np.diag(H) + 1 / 60
    np.testing.assert_allclose(path.left_out(X, y, (ridge,))[:, 0], e / (1 - h), rtol=1e-8)
    assert path.gcv(ridge) == pytest.approx(np.mean(e**2) / (1 - h.sum() / 60) ** 2, rel=1e-9)


def test_left_out_is_leaving_out():
    """The residual of a row by the fit to all others, with their own means and scales' penalty as given."""
    X, y = linear_data(np.random.default_rng(2), 25, 3, 0.5)
    Z = _standard(X)
    path = RidgePath.of(_folds(X, y, 2).total)
    left = path.left_out(X, y, (0.0,))[:, 0]
    for i in range(25):
        rest = np.arange(25) != i
        b = np.linalg.lstsq(np.column_stack([np.ones(24), Z[rest]]), y[rest], rcond=None)[0]
        assert left[i] == pytest.approx(y[i] - b[0] - Z[i] @ b[1:], rel=1e-8)


def test_leave_one_out_agrees_with_scikit_learn():
    X, y = linear_data(np.random.default_rng(3), 80, 20, 0.2)
    choices = chosen_ridges(_folds(X, y), (X, y))
    grid = np.geomspace(1e-1, 1e4, 200)
    peer = RidgeCV(alphas=grid).fit(_standard(X), y)
    assert np.log10(choices[LOO].ridge) == pytest.approx(np.log10(peer.alpha_), abs=0.05)


def test_the_optimism_of_theory():
    """Mean held-out − training error at the same X over 200 draws of the noise: 2σ²(df + 1)/n along the path."""
    rng = np.random.default_rng(4)
    X, _ = linear_data(rng, 50, 10, 0.5)
    signal = X @ rng.normal(size=10) * 0.3
    ridges = (0.0, 10.0, 100.0)
    gaps = []
    for _ in range(200):
        y, again = signal + rng.normal(size=50), signal + rng.normal(size=50)
        path = RidgePath.of(_folds(X, y, 2).total)
        e, _ = path.residuals(X, y, ridges)
        fitted = y[:, None] - e
        gaps.append(((again[:, None] - fitted) ** 2).mean(axis=0) - (e**2).mean(axis=0))
    error = np.std(gaps, axis=0) / np.sqrt(200)
    theory = np.array([path.optimism(r, 1.0) for r in ridges])
    assert (np.abs(np.mean(gaps, axis=0) - theory) < 3.5 * error).all()


def test_choices_agree_where_there_is_something_to_choose():
    X, y = linear_data(np.random.default_rng(5), 200, 40, 0.2)
    choices = chosen_ridges(_folds(X, y), (X, y))
    assert [c.by for c in choices.by] == [EVIDENCE, GCV, LOO, CV, ONE_SE]
    least = choices[CV].error.mean()
    for by in (EVIDENCE, GCV, LOO):
        assert choices[by].error.mean() < 1.02 * least
    assert choices[ONE_SE].ridge >= choices[CV].ridge
    assert choices[ONE_SE].free < choices[CV].free
    plain = chosen_ridges(_folds(X, y))
    assert LOO not in [c.by for c in plain.by]


def test_degenerate_tables():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(40, 3))
    X[:, 1] = 7.0
    path = RidgePath.of(_folds(X, rng.normal(size=40), 4).total)
    assert path.free(0.0) == pytest.approx(2.0)
    wide = rng.normal(size=(20, 30))
    path = RidgePath.of(_folds(wide, rng.normal(size=20), 2).total)
    assert path.free(0.0) == pytest.approx(19.0)
    assert np.isfinite(path.gcv(5.0))
    assert path.gcv(0.0) == np.inf
