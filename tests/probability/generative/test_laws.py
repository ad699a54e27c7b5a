"""Generative models: new rows are like the old, likelihood never falls, BIC counts right, and who wins where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from whyfit.errors import ShapeError, SpecError, TargetError
from whyfit.linalg.moments import Moments
from whyfit.probability.generative import versus
from whyfit.probability.generative.classes import class_moments, gaussian_classes
from whyfit.probability.generative.mixture import fit_mixture
from whyfit.probability.generative.ppca import probabilistic_pca

Z99 = 4.0  # standard errors allowed: a chance of 6e-5 each


def two_classes(n, rng, apart=1.5, log_normal=False):
    y = rng.integers(2, size=n)
    Z = rng.normal(size=(n, 3)) @ np.array([[1.0, 0.6, 0], [0, 0.8, 0.3], [0, 0, 1]])
    X = Z + apart * y[:, None] * np.array([1.0, 0, -0.5])
    return (np.exp(X) if log_normal else X), y


@given(st.integers(0, 10_000), st.sampled_from(["linear", "quadratic", "naive"]))
def test_moments_of_classes_give_the_density_of_scipy(seed, kind):
    rng = np.random.default_rng(seed)
    X, y = two_classes(60, rng)
    X = X * 10.0 ** rng.integers(-3, 4, size=3)
    m = class_moments(X, y, 2)
    model = gaussian_classes([m.fold(0), m.fold(1)], kind)
    parts = [X[y == k] for k in (0, 1)]
    pooled = sum(len(P) * np.cov(P.T, bias=True) for P in parts) / 60
    for k, P in enumerate(parts):
        S = {"linear": pooled, "quadratic": np.cov(P.T, bias=True)}.get(kind)
        S = np.diag(P.var(axis=0)) if S is None else S
        D = X - P.mean(axis=0)  # scipy's own drops columns of small units
        square = np.einsum("ij,ij->i", D, np.linalg.solve(S, D.T).T)
        expected = -0.5 * (square + np.linalg.slogdet(2 * np.pi * S)[1]) + np.log(len(P) / 60)
        np.testing.assert_allclose(model.log_joint(X)[:, k], expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "quadratic", "naive"])
def test_new_rows_have_the_moments_of_the_model(kind):
    rng = np.random.default_rng(1)
    X, y = two_classes(500, rng)
    m = class_moments(X, y, 2)
    model = gaussian_classes([m.fold(0), m.fold(1)], kind, prior=[1, 3])
    new, codes = model.sample(40_000, 2)
    assert abs(codes.mean() - 0.75) < Z99 * np.sqrt(0.75 * 0.25 / 40_000)
    for k in (0, 1):
        part = new[codes == k]
        S = model.covariances[min(k, len(model.covariances) - 1)]
        S = np.diag(S) if S.ndim == 1 else S
        sd = np.sqrt(np.diag(S))
        assert (np.abs(part.mean(axis=0) - model.means[k]) < Z99 * sd / np.sqrt(len(part))).all()
        error = np.sqrt((S**2 + np.outer(sd, sd) ** 2) / len(part))
        assert (np.abs(np.cov(part.T) - S) < Z99 * error).all()


def test_probabilities_are_calibrated_on_the_model_s_own_rows():
    """E[P(1 | x)] = P(1), and in the half of rows with the largest P as well."""
    rng = np.random.default_rng(3)
    X, y = two_classes(300, rng)
    m = class_moments(X, y, 2)
    model = gaussian_classes([m.fold(0), m.fold(1)], "quadratic")
    new, codes = model.sample(20_000, 5)
    P = np.exp(model.log_posterior(new))[:, 1]
    for part in (np.full(len(P), True), np.median(P) < P, np.median(P) > P):
        error = np.sqrt((P[part] * (1 - P[part])).sum())
        assert abs(codes[part].sum() - P[part].sum()) < Z99 * error


@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from(["full", "tied", "diag"]))
def test_the_penalised_likelihood_never_falls(seed, k, shape):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 3)) ** 3 + rng.integers(3, size=(60, 1)) * 4
    X[:, 2] *= 1e4
    found = fit_mixture(X, k, shape, starts=1, rng=seed)
    path = np.array(found.path)
    assert (np.diff(path) >= -1e-9 * np.abs(path).max()).all()


def test_units_do_not_move_a_mixture():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(0, 1, (100, 2)), rng.normal(6, 1, (50, 2))])
    a, b = fit_mixture(X, 2), fit_mixture(X * [1e3, 1e-3] + [1, -5], 2)
    np.testing.assert_allclose(a.laws.means * [1e3, 1e-3] + [1, -5], b.laws.means, rtol=1e-6)
    np.testing.assert_allclose(a.log_likelihood, b.log_likelihood, rtol=1e-9)
    np.testing.assert_allclose(np.sort(np.exp(a.laws.log_prior)), [1 / 3, 2 / 3], atol=1e-3)


def test_bic_counts_well_separated_components():
    """Schwarz's criterion is consistent: three clusters six deviations apart, 8 tables of 150 rows."""
    centres = np.array([[0.0, 0], [6, 0], [0, 6]])
    right = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = centres[rng.integers(3, size=150)] + rng.normal(size=(150, 2))
        bic = [fit_mixture(X, k, "tied", starts=2, rng=seed).bic for k in range(1, 5)]
        right += int(np.argmin(bic)) + 1 == 3
    assert right >= 7


def test_one_component_is_the_normal_law():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    found = fit_mixture(X, 1)
    expected = multivariate_normal(X.mean(axis=0), np.cov(X.T, bias=True)).logpdf(X).sum()
    np.testing.assert_allclose(found.log_likelihood, expected, atol=1e-6)
    assert found.parameters == 3 + 6


def test_degenerate_rows_of_a_mixture():
    with pytest.raises(SpecError, match="components is 5 of 3 rows"):
        fit_mixture(np.zeros((3, 2)), 5)
    same = fit_mixture(np.ones((10, 2)), 3)  # ten copies: finite, and no error
    assert np.isfinite(same.path).all()
    assert np.isfinite(fit_mixture(np.eye(3), 3).path).all()  # a row each


def test_hidden_coordinates_recover_a_planted_plane():
    rng = np.random.default_rng(0)
    W = np.array([[3.0, 0, 0, 1], [0, 2.0, 1, 0]])
    X = rng.normal(size=(5000, 2)) @ W + 0.5 * rng.normal(size=(5000, 4))
    model = probabilistic_pca(Moments.of(X), 2)
    # σ̂² is a mean of n(p − k) squares: relative standard error √(2/(n(p − k)))
    assert abs(model.noise / 0.25 - 1) < Z99 * np.sqrt(2 / (5000 * 2))
    np.testing.assert_allclose(model.covariance, W.T @ W + 0.25 * np.eye(4), atol=0.8)
    new = model.sample(50_000, 1)
    np.testing.assert_allclose(np.cov(new.T), model.covariance, atol=0.3)
    np.testing.assert_allclose(
        model.log_density(X[:50]), multivariate_normal(model.mean, model.covariance).logpdf(X[:50])
    )


def test_no_density_without_noise_is_said():
    x = np.arange(10.0)
    with pytest.raises(SpecError, match="do not vary beyond 1 components"):
        probabilistic_pca(Moments.of(np.column_stack([x, 2 * x])), 1)


def test_held_out_loss_of_lda_is_that_of_refits():
    from whyfit.data.folds import fold_of

    X, y = two_classes(200, np.random.default_rng(0))
    found = versus.compare(X, y, 5)
    label = fold_of(np.arange(200), 5, 0)
    for j in range(5):
        m = class_moments(X[label != j], y[label != j], 2)
        model = gaussian_classes([m.fold(0), m.fold(1)], "linear")
        log = model.log_posterior(X[label == j])
        loss = -log[np.arange(len(log)), y[label == j]].mean()
        np.testing.assert_allclose(found.generative[j], loss, rtol=1e-9)


def test_lda_wins_where_rows_are_normal_and_few_and_loses_where_they_are_not():
    rng = np.random.default_rng(0)
    normal = [versus.compare(*two_classes(80, rng, 1.2)).difference.value for _ in range(40)]
    # normal rows: LDA is the more efficient one (Efron 1975), so its loss is lower on average
    assert np.mean(normal) < -2 * np.std(normal) / np.sqrt(40)
    X, y = two_classes(4000, rng, 1.5, log_normal=True)
    found = versus.compare(X, y)
    assert found.better == "discriminative"
    assert found.difference.low > 0


def test_the_interval_of_the_difference_rarely_errs_between_equals():
    """Many normal rows: both converge to one rule, and a winner is seldom called."""
    rng = np.random.default_rng(7)
    called = sum(
        versus.compare(*two_classes(1500, rng)).better == "discriminative" for _ in range(30)
    )
    assert called <= 4  # of 30 at 2.5 %: P(> 4) < 1e-3


def test_three_classes_and_refusals():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    X = rng.normal(size=(300, 2)) + 2 * np.array([[0, 0], [1, 0], [0, 1]])[y]
    found = versus.compare(X, y, 5)
    assert np.isfinite(found.difference.value)
    assert abs(found.difference.value) < 0.05
    assert "held-out log loss: LDA" in str(found)
    with pytest.raises(TargetError, match="codes 0, 1"):
        versus.compare(X, y + 1)
    with pytest.raises(ShapeError, match="expected"):
        versus.compare(X, y[:-1])
