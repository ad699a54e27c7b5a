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
    assert "visits is a count" in found.message
    assert found.remedy.edit == {"loss": "poisson"}
    assert (
        found.remedy.trial.difference > 0.3
    )  # of log density; but R² falls: e^η leaves the largest rows far behind
    assert not findings(file_case(shared_data / "power_plant/power_plant.csv", "PE"), "CA207")


# -- counts ------------------------------------------------------------------------------------------


def _counts(n: int, phi: float = 1.0, seed: int = 0, slope: float = 0.6):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    mu = np.exp(1 + slope * X[:, 0])
    y = rng.poisson(mu) if phi == 1 else rng.negative_binomial(mu / (phi - 1), 1 / phi)
    return X, y.astype(float)


def test_counts_are_tried_under_poisson_loss():
    (found,) = findings(case_of(*_counts(3000)), "CA207")
    assert "y is a count: Poisson's law" in found.message
    assert found.remedy.edit == {"loss": "poisson"}
    assert found.remedy.trial.helped
    gain = found.evidence[0]
    assert gain.value == pytest.approx(gain.predicted, abs=0.04)
    certainty = next(e for e in found.evidence if "variance of the slopes" in e.name)
    assert certainty.value == pytest.approx(certainty.predicted, rel=0.35)
    assert certainty.value > 1.1


def test_few_small_counts_are_still_counts():
    """Claims of 0 to 6 have too few values for a logarithm, not for a Poisson law."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(4000, 2))
    y = rng.poisson(np.exp(-0.7 + 0.7 * X[:, 0])).astype(float)
    assert len(np.unique(y)) < 15
    (found,) = findings(case_of(X, y), "CA207")
    assert found.remedy.edit == {"loss": "poisson"}


def test_dispersed_counts_get_robust_errors():
    """var y = 4 μ: standard errors of Poisson are too small by 2."""
    X, y = _counts(4000, phi=4.0)
    case = case_of(X, y, loss="poisson")
    (found,) = findings(case, "CA207")
    assert found.evidence[0].value == pytest.approx(4.0, rel=0.1)
    ratio = found.evidence[2]
    assert ratio.predicted == pytest.approx(2.0, rel=0.05)
    assert ratio.value == pytest.approx(ratio.predicted, rel=0.15)
    assert found.remedy.edit == {"covariance": "HC0"}
    assert found.remedy.trial.helped
    assert not findings(case.rerun({"covariance": "HC0"}), "CA207")


def test_poisson_counts_are_not_dispersed():
    assert not findings(case_of(*_counts(4000), loss="poisson"), "CA207")


# -- amounts and tails -------------------------------------------------------------------------------


def test_amounts_of_constant_relative_error_prefer_gamma():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(3000, 2))
    y = rng.gamma(4.0, np.exp(1 + 0.5 * X[:, 0]) / 4.0)
    (found,) = findings(case_of(X, y), "CA207")
    assert found.remedy.edit == {"loss": "gamma"}
    assert found.remedy.trial.helped


@pytest.mark.parametrize(("df", "n"), [(2, 3000), (3, 20_000)])
def test_heavy_tails_are_tried_under_hubers_loss(df, n):
    rng = np.random.default_rng(df)
    X = rng.normal(size=(n, 3))
    y = X @ [1.0, -1.0, 0.5] + rng.standard_t(df, size=n)
    (found,) = findings(case_of(X, y), "CA207")
    assert "heavy tails" in found.message
    assert found.remedy.edit == {"loss": "huber"}
    assert found.remedy.trial.helped
    gain = found.evidence[0]
    assert gain.value == pytest.approx(gain.predicted, abs=0.03)
    index = next(e for e in found.evidence if "tail index" in e.name)
    assert index.value == pytest.approx(df, abs=0.8)
    certainty = next(e for e in found.evidence if "variance of the slopes" in e.name)
    assert certainty.value == pytest.approx(certainty.predicted, rel=0.5)


def test_one_wild_row_is_no_tail():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(500, 2))
    y = X[:, 0] + rng.normal(size=500)
    y[7] = 300.0
    assert not findings(case_of(X, y), "CA207")


def test_a_long_tail_on_one_side_is_not_cut_by_huber():
    """Additive exponential errors: Huber's centre is not the mean, and the guard says so."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(3000, 1))
    y = X[:, 0] + 2 * rng.exponential(size=3000) ** 1.5 - 2
    for found in findings(case_of(X, y), "CA207"):
        assert found.remedy is None or not (
            found.remedy.edit == {"loss": "huber"} and found.remedy.trial.helped
        )


@pytest.mark.parametrize("loss", ["poisson", "gamma", "huber"])
@pytest.mark.parametrize("n", [4, 12, 40])
def test_tiny_tables_under_any_loss(loss, n):
    rng = np.random.default_rng(n)
    X, y = rng.normal(size=(n, 1)), rng.poisson(3, size=n) + 1.0
    findings(case_of(X, y, loss=loss))


def test_a_log_link_that_leaves_the_counts_behind():
    """A mean that is a straight line, and rows far out: e^η predicts thousands where tens are seen."""
    rng = np.random.default_rng(9)
    x = np.concatenate([rng.exponential(size=2000), rng.uniform(6, 12, 40)])
    y = rng.poisson(2 + 3 * x).astype(float)
    case = case_of(x[:, None], y, loss="poisson", covariance="HC0")
    (found,) = findings(case, "CA207")
    assert "log link" in found.message
    assert found.remedy.edit == {"loss": "squared"}
    assert found.remedy.trial.helped
    assert found.remedy.trial.after > found.remedy.trial.before + 0.05


def test_a_penalty_means_the_same_under_hubers_loss():
    """Normal errors, in units of 1 and of 1000: the coefficients of ridge, nearly."""
    rng = np.random.default_rng(10)
    X = rng.normal(size=(2000, 2))
    y = X[:, 0] + rng.normal(size=2000)
    for unit in (1.0, 1000.0):
        squared = case_of(X, unit * y, ridge=500.0).fit.coef[0] / unit
        huber = case_of(X, unit * y, ridge=500.0, loss="huber").fit.coef[0] / unit
        assert squared < 0.85
        # beyond ε σ rows weigh less and so the penalty more
        assert huber == pytest.approx(squared, abs=0.06)
