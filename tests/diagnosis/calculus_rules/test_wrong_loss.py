"""CA207: the gain is the theoretical one; classes, counts, leaks and grades."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, file_case, findings
from whyfit.diagnosis.calculus_rules.wrong_loss import NORMAL_SHARE, _share


def test_the_gain_of_a_lognormal_target():
    """log y ~ N(μ, s²): the gain per row is ½ log(var y / s²) − μ, with var y = (e^{s²} − 1) e^{2μ + s²}."""
    rng = np.random.default_rng(0)
    mu, s = 2.0, 0.5
    y = np.exp(mu + s * rng.normal(size=20_000))
    (found,) = findings(case_of(rng.normal(size=(20_000, 1)), y), "CA207")
    theory = 0.5 * np.log((np.exp(s**2) - 1) * np.exp(2 * mu + s**2) / s**2) - mu
    assert found.evidence[0].value == pytest.approx(theory, abs=0.03)
    assert found.evidence[0].predicted == pytest.approx(theory, abs=0.03)
    assert found.remedy.edit == {"target_transform": "log"}
    assert found.remedy.trial.difference == pytest.approx(theory, abs=0.03)


def test_the_share_of_normal_errors():
    assert _share(np.random.default_rng(1).normal(size=400_000)) == pytest.approx(
        NORMAL_SHARE, rel=0.02
    )


def test_two_values():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(2000, 2))
    y = (3 * X[:, 0] + rng.logistic(size=2000) > 0) * 4.0 + 1
    (found,) = findings(case_of(X, y, task="regression"), "CA207")
    assert found.message.startswith("y has only the values 1 and 5")
    assert found.remedy.edit == {"task": "binary"}
    assert found.remedy.trial.helped


def test_grades_have_no_logarithm():
    rng = np.random.default_rng(3)
    x = rng.normal(size=400)
    y = np.clip(np.round(np.exp(0.5 * x + 0.3 * rng.normal(size=400)) * 2), 1, 9)
    assert not findings(case_of(x[:, None], y), "CA207")


def test_a_column_that_is_the_logarithm_is_a_leak_not_a_loss():
    rng = np.random.default_rng(4)
    y = np.exp(rng.normal(size=300))
    assert not findings(case_of(np.column_stack([np.log(y), rng.normal(size=300)]), y), "CA207")


@pytest.mark.parametrize("n", [3, 20, 60])
def test_small_tables(n):
    rng = np.random.default_rng(n)
    findings(case_of(rng.normal(size=(n, 1)), np.exp(rng.normal(size=n))), "CA207")


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("windsor_housing/windsor_housing.csv", "price"),
        ("hitters/hitters.csv", "Salary"),
        ("cps1985_wages/cps1985_wages.csv", "wage"),
        ("diamonds/diamonds.csv", "price"),
        ("auto_mpg/auto_mpg.csv", "mpg"),
    ],
)
def test_real_prices_and_wages(shared_data, name, target):
    (found,) = findings(file_case(shared_data / name, target), "CA207")
    assert found.subject == (target,)
    assert found.remedy.trial.helped


def test_real_counts_and_measurements(shared_data):
    (found,) = findings(
        file_case(shared_data / "nmes1988_visits/nmes1988_visits.csv", "visits"), "CA207"
    )
    assert "Poisson" in found.message
    assert found.remedy is None
    assert not findings(file_case(shared_data / "power_plant/power_plant.csv", "PE"), "CA207")
