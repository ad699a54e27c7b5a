"""Draws by Hamiltonian Monte Carlo against closed forms, importance sampling, and reference draws of posteriordb.

All comparisons allow ERRORS Monte-Carlo standard errors, which one of the some 60 made here passes with probability
4e-3 (seeds are fixed). Those of standard deviations are sd/√(2 ESS), times what the kurtosis adds.
"""

import csv
import json
import sys

import numpy as np
import pytest

from whyfit.errors import InputError, ShapeError, SpecError
from whyfit.linalg.moments import Moments
from whyfit.models.hmc import hmc
from whyfit.probability.bayes import linear, mixture
from whyfit.probability.bayes.gaussian import laplace
from whyfit.probability.bayes.importance import importance_sample
from whyfit.probability.bayes.linear_target import linear_target
from whyfit.probability.bayes.prior import (
    HalfT,
    IndependentPrior,
    NormalInverseGamma,
    flat,
    g_prior,
    reference,
)
from whyfit.probability.bayes.target import target

ERRORS = 4.0


def table(n=30, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)) * [1, 10] + [0, 500]
    return X, 2 + X @ [1.0, 0.1] + rng.normal(size=n)


def agrees(chains, mean, sds, but=1.0):
    assert chains.reliable, str(chains)
    assert (np.abs(chains.mean - mean) < ERRORS * chains.mean_error).all()
    error = np.sqrt(1 / (2 * np.minimum(chains.ess_bulk, chains.ess_tail)))
    assert (np.abs(chains.sds / sds - 1) < ERRORS * but * error).all()


@pytest.mark.parametrize("prior", ["flat", "reference", "g", "normal"])
def test_the_conjugate_linear_posterior_is_met(prior):
    X, y = table()
    moments = Moments.of(np.column_stack([X, y]))
    proper = NormalInverseGamma(np.array([1.0, 0.5, 0.0]), np.diag([0.1, 2.0, 5.0]), 3.0, 2.0)
    laws = {"flat": flat(2), "reference": reference(2), "g": g_prior(moments), "normal": proper}
    known = linear.posterior(moments, laws[prior])
    found = hmc(linear_target(moments, laws[prior]), 250, 4, 1, 150)
    mean = np.append(known.mean, known.sigma.mean)
    agrees(found, mean, np.append(known.sds, known.sigma.sd), but=1.3)


def test_a_prior_that_does_not_know_sigma_is_met():
    X, y = table(12)
    moments = Moments.of(np.column_stack([X, y]))
    prior = IndependentPrior(np.zeros(3), np.diag([0.0, 1.0, 100.0]), HalfT(1.0, 3.0))
    known = mixture.posterior(moments, prior)
    found = hmc(linear_target(moments, prior), 300, 4, 0, 150)
    agrees(
        found,
        np.append(known.mean, known.sigma_mean),
        np.append(known.sds, known.sigma_sd),
        but=1.5,
    )


@pytest.mark.parametrize("family", ["logistic", "poisson"])
def test_importance_sampling_and_chains_say_the_same(family):
    rng = np.random.default_rng(5)
    X = rng.normal(3.0, 2.0, (40, 2))
    eta = 0.4 * (X[:, 0] - 3)
    y = rng.poisson(np.exp(eta)) if family == "poisson" else rng.random(40) < 1 / (1 + np.exp(-eta))
    t = target(X, y.astype(float), family)
    drawn = importance_sample(laplace(t), 20_000)
    found = hmc(t, 400, 4, 1)
    assert found.reliable, str(found)
    apart = np.hypot(found.mean_error, drawn.mean_error)
    assert (np.abs(found.mean - drawn.mean) < ERRORS * apart).all()
    # sd(sd) of both, of laws whose kurtosis is at most 4
    spread = np.sqrt(3 / 4 / found.ess_bulk.min() + 3 / 4 / drawn.smoothed.ess)
    assert (np.abs(found.sds / drawn.sds - 1) < ERRORS * spread).all()
    # and the mode is where Laplace puts it, to the skewness of the posterior: less than half a deviation
    assert (np.abs(found.mean - laplace(t).coefficients) < 0.5 * found.sds).all()


@pytest.mark.parametrize("name", ["kilpisjarvi_mod-kilpisjarvi", "kidiq-kidscore_momhsiq"])
def test_reference_draws_of_linear_models_are_met(name, shared_data):
    folder = shared_data / "posteriordb"
    if not folder.exists():
        pytest.skip(f"no posteriordb at {folder}")
    summary = json.loads((folder / "posteriors" / name / "summary.json").read_text())
    d = columns(folder, name.split("-")[0])
    if name.startswith("kidiq"):
        Z, prior = np.column_stack([d["mom_hs"], d["mom_iq"], d["kid_score"]]), None
    else:
        Z = np.column_stack([d["x"], d["y"]])
        path = folder / "data" / "kilpisjarvi_mod.scalars.json"
        of = json.loads(path.read_text())
        sd = np.array([of["psalpha"], of["psbeta"]])
        prior = IndependentPrior(np.array([of["pmualpha"], of["pmubeta"]]), np.diag(sd**-2.0))
    # p(σ) is flat here but for a half-Cauchy(0, 2.5) in kidiq, as in the Stan program
    if prior is None:
        prior = IndependentPrior(np.zeros(3), np.zeros((3, 3)), HalfT(2.5))
    found = hmc(linear_target(Moments.of(Z), prior), 300, 4, 0, 150)
    assert found.reliable, str(found)
    known = [summary["reference"][key] for key in summary["param_order"]]
    mean, sd = (np.array([r[key] for r in known]) for key in ("mean", "sd"))
    error = np.hypot(found.mean_error, sd / np.sqrt(summary["n_draws"]))
    assert (np.abs(found.mean - mean) < ERRORS * error).all()
    relative = np.sqrt(0.75 / found.ess_bulk.min() + 0.75 / summary["n_draws"])
    assert (np.abs(found.sds / sd - 1) < ERRORS * relative).all()


def columns(folder, name):
    rows = list(csv.DictReader((folder / "data" / f"{name}.csv").read_text().splitlines()))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def test_logistic_data_of_posteriordb_have_the_posterior_that_importance_sampling_finds(
    shared_data,
):
    """GLM_Binomial_model: posteriordb has no reference draws for its logistic and Poisson models, only their data."""
    folder = shared_data / "posteriordb"
    if not folder.exists():
        pytest.skip(f"no posteriordb at {folder}")
    d = columns(folder, "GLM_Binomial_data")
    year = np.repeat(d["year"], d["N"].astype(int))
    y = np.concatenate([np.arange(n) < c for c, n in zip(d["C"], d["N"], strict=True)])
    t = target(np.column_stack([year, year**2]), y.astype(float), "logistic", np.inf)
    found, drawn = hmc(t, 150, 4, 0, 150), importance_sample(laplace(t), 20_000)
    assert (
        np.abs(found.mean - drawn.mean) < ERRORS * np.hypot(found.mean_error, drawn.mean_error)
    ).all()


def test_the_density_is_that_of_its_slopes():
    X, y = table(15)
    moments = Moments.of(np.column_stack([X, y]))
    normal = NormalInverseGamma(np.array([1.0, 0.5, 0.0]), np.diag([0.1, 2.0, 0.0]), 3.0, 2.0)
    free = IndependentPrior(np.ones(3), np.diag([0.0, 1.0, 2.0]), HalfT(1.0))
    for prior in (normal, free, reference(2)):
        t = linear_target(moments, prior)
        theta = np.array([40.0, 1.0, 0.5, 0.7])
        step = 1e-5 * np.eye(4)
        numeric = (t.log_density(theta + step) - t.log_density(theta - step)) / 2e-5
        np.testing.assert_allclose(t.gradient(theta), numeric, rtol=1e-6, atol=1e-6)


def test_the_density_is_prior_times_likelihood():
    """Row by row, in units: differences of log p do not depend on constants."""
    from scipy.stats import invgamma, multivariate_normal, norm

    X, y = table(9)
    m0, P0 = np.array([1.0, 0.5, 0.0]), np.diag([0.1, 2.0, 5.0])
    t = linear_target(Moments.of(np.column_stack([X, y])), NormalInverseGamma(m0, P0, 3.0, 2.0))
    theta = np.random.default_rng(0).normal(size=(5, 4)) + np.array([50, 0, 0, 0.5])
    direct = []
    for b0, w1, w2, sigma in t.to_units(theta):
        log = norm.logpdf(y, b0 + X @ [w1, w2], sigma).sum()
        beta = multivariate_normal(m0, sigma**2 * np.linalg.inv(P0))
        log += beta.logpdf([b0, w1, w2]) + invgamma(3.0, scale=2.0).logpdf(sigma**2)
        direct.append(log + 2 * np.log(sigma))  # dσ² = 2σ² du
    ours = t.log_density(theta)
    np.testing.assert_allclose(ours - ours[0], np.array(direct) - direct[0], rtol=1e-9, atol=1e-7)


def test_seeds_decide():
    X, y = table(20)
    t = linear_target(Moments.of(np.column_stack([X, y])), reference(2))
    a, b, c = (hmc(t, 20, 2, seed, 60) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.draws, b.draws)
    assert not np.array_equal(a.draws, c.draws)
    assert a.draws.shape == (2, 20, 4)
    assert not a.reliable
    assert "cannot be relied on" in str(a)
    assert a.quantile(np.array([0.1, 0.9])).shape == (2, 4)


def test_messages(monkeypatch):
    X, y = table(20)
    t = target(X, (y > np.median(y)).astype(float), "logistic")
    with pytest.raises(SpecError, match="draws is 3; expected at least 8"):
        hmc(t, 3)
    with pytest.raises(SpecError, match="chains is 0; expected at least 1"):
        hmc(t, 10, 0)
    with pytest.raises(SpecError, match="warm_up is 5; expected at least 50"):
        hmc(t, 10, 1, 0, 5)
    moments = Moments.of(np.column_stack([X, y]))
    with pytest.raises(ShapeError, match="the prior is of 2 coefficients; expected 3"):
        linear_target(moments, flat(1))
    twice = Moments.of(np.column_stack([X[:, 0], 2 * X[:, 0], y]))
    with pytest.raises(SpecError, match="leave a combination of columns undetermined"):
        hmc(linear_target(twice, flat(2)), 10, 1)
    few = Moments.of(np.column_stack([X, y])[:3])
    with pytest.raises(SpecError, match="3 rows leave no degrees of freedom"):
        hmc(linear_target(few, flat(2)), 10, 1)
    separated = target(np.arange(6.0)[:, None], np.arange(6) > 2.5, "logistic", np.inf)
    with pytest.raises(SpecError):
        hmc(separated, 10, 1)
    monkeypatch.setitem(sys.modules, "mici", None)
    with pytest.raises(InputError, match=r"Mici, which is not installed; try pip install 'whyfit"):
        hmc(t, 10)
