"""ElasticNet and Lasso: scikit-learn's rules, its coefficients, and the choice of the penalty."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet as Peer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from whyfit.errors import SpecError
from whyfit.models import ElasticNet, Lasso


def data(n=200, p=15, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-2, 3, p) + 5
    y = 100 + X[:, :3] @ (1 / X[:, :3].std(axis=0)) + rng.normal(size=n)
    return X, y


@pytest.mark.parametrize("model", [ElasticNet(), Lasso(alpha=0.01)])
def test_scikit_learn_s_own_checks_pass(model):
    check_estimator(model, on_skip=None)


def test_units_do_not_matter_and_numbers_are_scikit_learn_s_on_standardised_data():
    X, y = data()
    ours = ElasticNet(alpha=0.05, l1_ratio=0.5).fit(X, y)
    Z, t = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    peer = Peer(alpha=0.05, l1_ratio=0.5, tol=1e-14, max_iter=1_000_000).fit(Z, t)
    np.testing.assert_allclose(ours.coef_ * X.std(axis=0) / y.std(), peer.coef_, atol=1e-9)
    np.testing.assert_allclose(ours.predict(X), y.mean() + y.std() * peer.predict(Z), rtol=1e-9)


def test_cross_validation_finds_the_three_columns_that_matter():
    X, y = data()
    best, simple = Lasso().fit(X, y), Lasso(alpha="simplest").fit(X, y)
    assert set(np.flatnonzero(simple.coef_)) == {0, 1, 2}
    assert set(np.flatnonzero(best.coef_)) >= {0, 1, 2}
    assert simple.alpha_ >= best.alpha_
    assert best.path_ is not None
    assert best.path_.mse.shape == (100, 10)


def test_held_out_errors_are_those_of_refitting():
    """One fold of the path, by scikit-learn on the rows themselves."""
    from whyfit.data.folds import fold_of

    X, y = data(120, 6)
    model = ElasticNet(l1_ratio=0.5).fit(X, y)
    assert model.path_ is not None
    fold = fold_of(np.arange(120), 10, 0)
    i, train = 40, fold != 3
    scale = StandardScaler().fit(X[train])
    t = y[train].std()
    peer = Peer(alpha=model.path_.penalties[i], l1_ratio=0.5, tol=1e-14, max_iter=1_000_000)
    peer.fit(scale.transform(X[train]), (y[train] - y[train].mean()) / t)
    guess = y[train].mean() + t * peer.predict(scale.transform(X[~train]))
    assert model.path_.mse[i, 3] == pytest.approx(np.mean((guess - y[~train]) ** 2), rel=1e-8)


def test_table_is_of_the_desparsified_estimate():
    X, y = data()
    model = Lasso(alpha=0.3).fit(X, y)
    plain = LinearRegression().fit(X, y)
    assert model.inference_ is not None
    np.testing.assert_allclose(model.inference_.estimate[1:], plain.coef_, rtol=1e-9)
    assert Lasso(alpha=0.3).fit(X[:10], y[:10]).inference_ is None


def test_better_than_least_squares_with_many_idle_columns():
    X, y = data(60, 40, 3)
    ours = cross_val_score(Lasso(), X, y, cv=5).mean()
    assert (
        ours
        > cross_val_score(make_pipeline(StandardScaler(), LinearRegression()), X, y, cv=5).mean()
    )


def test_messages():
    X, y = data()
    with pytest.raises(SpecError, match="alpha is 'best'"):
        ElasticNet().set_params(alpha="best").fit(X, y)
    with pytest.raises(SpecError, match="penalty is -1"):
        Lasso(alpha=-1.0).fit(X, y)
    with pytest.raises(SpecError, match="use Ridge"):
        ElasticNet(l1_ratio=0.0).fit(X, y)
