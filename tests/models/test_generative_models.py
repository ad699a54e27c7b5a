"""Classifiers and densities from moments: scikit-learn's rules and scikit-learn's numbers."""

import numpy as np
import pytest
import sklearn.decomposition
import sklearn.discriminant_analysis
import sklearn.mixture
import sklearn.naive_bayes
from sklearn.utils.estimator_checks import check_estimator

from whyfit.errors import SpecError, TargetError
from whyfit.models import (
    GaussianMixture,
    GaussianNB,
    LinearDiscriminantAnalysis,
    ProbabilisticPCA,
    QuadraticDiscriminantAnalysis,
)


def data(n=300, p=4, classes=3, seed=0, offset=10.0):
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=n)
    M = rng.normal(size=(classes, p)) * 1.5
    A = rng.normal(size=(classes, p, p)) / np.sqrt(p) + np.eye(p)
    X = M[y] + np.einsum("nij,nj->ni", A[y], rng.normal(size=(n, p)))
    return X * np.array([1.0, 10.0, 0.1, 3.0])[:p] + offset, np.array(["ash", "birch", "cedar"])[y]


@pytest.mark.parametrize(
    "estimator",
    [
        LinearDiscriminantAnalysis(),
        LinearDiscriminantAnalysis("ledoit_wolf"),
        QuadraticDiscriminantAnalysis("oas"),
        QuadraticDiscriminantAnalysis(),
        GaussianNB(),
        ProbabilisticPCA(),
        GaussianMixture(),
    ],
    ids=str,
)
def test_scikit_learn_s_own_checks_pass(estimator):
    check_estimator(estimator, on_skip=None)


@pytest.mark.parametrize("classes", [2, 3])
def test_lda_is_scikit_learn_s(classes):
    X, y = data(classes=classes)
    peer = sklearn.discriminant_analysis.LinearDiscriminantAnalysis(store_covariance=True).fit(X, y)
    ours = LinearDiscriminantAnalysis().fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), rtol=1e-6, atol=1e-12)
    shift = ours.decision_function(X) - peer.decision_function(X)
    # scores of three classes are determined up to a term that all share
    np.testing.assert_allclose(shift - (shift[:, :1] if classes > 2 else 0), 0, atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_ledoit_wolf_lda_is_scikit_learn_s(classes):
    X, y = data(60, classes=classes, offset=0.0)
    peer = sklearn.discriminant_analysis.LinearDiscriminantAnalysis("lsqr", shrinkage="auto")
    peer.fit(X, y)
    ours = LinearDiscriminantAnalysis("ledoit_wolf").fit(X, y)
    np.testing.assert_allclose(ours.covariance_, peer.covariance_, rtol=1e-9)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), rtol=1e-8, atol=1e-12)
    assert ((ours.shrinkage_ > 0) & (ours.shrinkage_ < 1)).all()


def test_oas_is_scikit_learn_s_on_standardised_columns():
    from sklearn.covariance import oas

    X, y = data(60)
    ours = QuadraticDiscriminantAnalysis("oas").fit(X, y)
    for k, name in enumerate(ours.classes_):
        Z = X[y == name]
        sd = Z.std(axis=0)
        S, s = oas((Z - Z.mean(axis=0)) / sd)
        np.testing.assert_allclose(ours.shrinkage_[k], s, rtol=1e-9)
        np.testing.assert_allclose(ours.covariance_[k], S * sd * sd[:, None], rtol=1e-7)


def test_qda_and_naive_bayes_are_scikit_learn_s():
    X, y = data()
    peer = sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis().fit(X, y)
    ours = QuadraticDiscriminantAnalysis().fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), rtol=1e-5, atol=1e-9)
    peer = sklearn.naive_bayes.GaussianNB(var_smoothing=1e-12).fit(X, y)
    ours = GaussianNB().fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(ours.var_, peer.var_, rtol=1e-6)


def test_far_off_columns_lose_nothing():
    X, y = data(offset=0.0, classes=2)
    near = LinearDiscriminantAnalysis().fit(X, y).decision_function(X)
    far = X + 2.0**20
    moved = LinearDiscriminantAnalysis().fit(far, y).decision_function(far)
    np.testing.assert_allclose(moved, near, atol=1e-6)


def test_priors_move_the_log_odds_by_their_own():
    X, y = data(classes=2)
    even = LinearDiscriminantAnalysis(priors=[1, 1]).fit(X, y)
    odd = LinearDiscriminantAnalysis(priors=[1, 9]).fit(X, y)
    apart = odd.decision_function(X) - even.decision_function(X)
    np.testing.assert_allclose(apart, np.log(9), rtol=1e-9)


def test_probabilistic_pca_is_scikit_learn_s():
    X, _ = data()
    peer = sklearn.decomposition.PCA(2).fit(X)
    ours = ProbabilisticPCA(2).fit(X)
    np.testing.assert_allclose(ours.score_samples(X), peer.score_samples(X), rtol=1e-8)
    np.testing.assert_allclose(ours.model_.covariance, peer.get_covariance(), rtol=1e-7)


@pytest.mark.parametrize("shape", ["full", "tied", "diag"])
def test_mixture_ends_where_scikit_learn_s_does_from_one_start(shape):
    rng = np.random.default_rng(4)
    M = np.array([[0.0, 0, 0], [4, 1, 0], [0, 5, 2]])
    X = M[rng.integers(3, size=600)] + rng.normal(size=(600, 3))
    ours = GaussianMixture(3, shape).fit(X)
    peer = sklearn.mixture.GaussianMixture(
        3, covariance_type=shape, means_init=ours.means_, tol=1e-9, max_iter=2000, reg_covar=1e-9
    ).fit(X)
    np.testing.assert_allclose(ours.score(X), peer.score(X), atol=2e-5)
    np.testing.assert_allclose(ours.bic(), peer.bic(X), atol=0.05)
    np.testing.assert_allclose(ours.bic(X), ours.bic(), rtol=1e-9)


def test_one_class_and_wrong_shrinkage_are_refused():
    X, y = data(30)
    with pytest.raises(TargetError, match=r"one class, 'ash'.* at least two classes\.$"):
        LinearDiscriminantAnalysis().fit(X, ["ash"] * 30)
    with pytest.raises(SpecError, match=r"shrinkage is 2; expected None, a number in \[0, 1\]"):
        LinearDiscriminantAnalysis(shrinkage=2).fit(X, y)
    with pytest.raises(SpecError, match="expected 3 positive weights"):
        GaussianNB(priors=[1, 0, 1]).fit(X, y)


def test_a_constant_column_changes_no_probability():
    X, y = data(80)
    for estimator in (LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis, GaussianNB):
        plain = estimator().fit(X, y).predict_proba(X)
        more = np.column_stack([X, np.full(len(X), 7.0)])
        model = estimator().fit(more, y)
        np.testing.assert_allclose(model.predict_proba(more), plain, rtol=1e-6, atol=1e-10)


def test_a_class_of_one_row_has_a_density():
    X, y = data(60, classes=2)
    X, y = np.vstack([X, X[:1] + 50.0]), np.append(y, "cedar")
    for model in (LinearDiscriminantAnalysis(), QuadraticDiscriminantAnalysis(), GaussianNB()):
        P = model.fit(X, y).predict_proba(X)
        assert np.isfinite(P).all()
        assert model.predict(X)[-1] == "cedar"
