"""R̂ and effective sample sizes: ArviZ's numbers, autoregressions of known size, and draws of posteriordb."""

import json
import zipfile

import numpy as np
import pytest

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.probability.bayes.chains import ess_bulk, ess_mean, ess_tail, mcse_mean, r_hat


def autoregression(rho, m, n, seed=7):
    rng = np.random.default_rng(seed)
    e = rng.standard_normal((m, n))
    x = np.empty((m, n))
    x[:, 0] = e[:, 0]
    for t in range(1, n):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * e[:, t]
    return x


def test_numbers_of_arviz():
    # arviz-stats 0.8.0, on x and on the Cauchy draws y: array_stats.rhat(x, method="rank"),
    # ess(x, method="bulk"), ess(x, method="tail", prob=(0.05, 0.95)), ess(x, method="mean")
    rng = np.random.default_rng(7)
    x, e = np.empty((4, 500)), rng.standard_normal((4, 500))
    x[:, 0] = e[:, 0]
    for t in range(1, 500):
        x[:, t] = 0.6 * x[:, t - 1] + 0.8 * e[:, t]
    x[3] += 0.3
    y = rng.standard_cauchy((3, 400))
    numbers = {
        "x": (1.023436331240985, 370.2823076828418, 951.5889287941169, 366.73762039583784),
        "y": (0.9992681464066134, 1273.1332196298738, 1142.120280672352, 1217.9493238059617),
    }
    for draws, expected in ((x, numbers["x"]), (y, numbers["y"])):
        found = [r_hat(draws), ess_bulk(draws), ess_tail(draws), ess_mean(draws)]
        np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.5, 0.9])
def test_an_autoregression_is_worth_s_times_one_minus_rho_over_one_plus_rho(rho):
    draws = autoregression(rho, 8, 5000)
    expected = 40_000 * (1 - rho) / (1 + rho)
    assert abs(ess_mean(draws) / expected - 1) < 0.15
    assert abs(ess_bulk(draws) / expected - 1) < 0.15
    assert r_hat(draws) < 1.02
    np.testing.assert_allclose(mcse_mean(draws), 1 / np.sqrt(expected), rtol=0.15)


def test_chains_apart_in_place_or_in_spread_are_noticed():
    draws = autoregression(0.0, 4, 1000)
    assert r_hat(draws) < 1.01
    moved = draws + np.array([[0], [0], [0], [1.0]])
    assert r_hat(moved) > 1.1
    assert r_hat(draws * np.array([[1], [1], [1], [3.0]])) > 1.05  # equal means, unequal spread
    trend = draws + np.linspace(0, 2, 1000)  # each chain alike, but not at rest
    assert r_hat(trend) > 1.1


def test_ranks_make_units_and_tails_no_matter():
    draws = autoregression(0.4, 4, 500)
    for f in (np.exp, lambda x: x**3, lambda x: 1e6 * x - 5):
        np.testing.assert_allclose(ess_bulk(f(draws)), ess_bulk(draws), rtol=1e-9)


def test_posteriordb_s_draws_are_at_rest(shared_data):
    path = shared_data / "posteriordb" / "posteriors" / "mesquite-mesquite" / "draws.json.zip"
    if not path.exists():
        pytest.skip(f"no draws at {path}")
    with zipfile.ZipFile(path) as archive:
        chains = json.loads(archive.read(archive.namelist()[0]))
    for name in ("beta[1]", "sigma"):
        draws = np.array([chain[name] for chain in chains])
        assert r_hat(draws) < 1.01
        assert 8_000 < ess_bulk(draws) < 12_000  # thinned until independent, 10,000 of them


def test_degenerate_draws():
    assert np.isnan(r_hat(np.ones((4, 100))))
    assert np.isnan(ess_bulk(np.ones((4, 100))))
    assert np.isnan(r_hat(np.arange(2.0)))
    with pytest.raises(NotFiniteError, match="NaN or infinity"):
        r_hat(np.array([[1.0, np.nan]]))
    with pytest.raises(ShapeError, match="expected \\(chains, draws\\)"):
        r_hat(np.zeros((2, 2, 2)))
