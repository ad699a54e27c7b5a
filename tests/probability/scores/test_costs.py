import numpy as np
import pytest
from scipy import special, stats

from whyfit.errors import SpecError
from whyfit.probability.scores import decision_curve, threshold_by_cost


def simulated(n, seed=0, slope=1.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    return (rng.random(n) < special.expit(z)).astype(float), special.expit(slope * z)


def test_net_benefit_equals_its_naive_twin():
    y, p = simulated(80)
    p = np.round(p, 1)
    t = np.array([0.1, 0.3, 0.75])
    curve = decision_curve(y, p, t)
    for i, at in enumerate(t):
        odds, call = at / (1 - at), p >= at
        row = call * (y - odds * (1 - y))
        always = y - odds * (1 - y)
        assert curve.model[i] == pytest.approx(row.mean())
        half = stats.t.ppf(0.975, 79) * row.std(ddof=1) / np.sqrt(80)
        assert curve.high[i] - curve.model[i] == pytest.approx(half, abs=1e-8)
        assert curve.always[i] == pytest.approx(always.mean())
        d = row - (always if always.mean() > 0 else 0)
        assert curve.gain[i] == pytest.approx(d.mean())
        half = stats.t.ppf(0.975, 79) * d.std(ddof=1) / np.sqrt(80)
        assert curve.gain_high[i] - curve.gain[i] == pytest.approx(half, abs=1e-8)


def test_calibrated_probabilities_need_no_other_threshold():
    saved = [threshold_by_cost(*simulated(400, s), 1, 4).saving for s in range(60)]
    assert sum(m.low > 0 for m in saved) <= stats.binom.ppf(0.999, 60, 0.025)
    assert threshold_by_cost(*simulated(50), 1, 4).theory == pytest.approx(0.2)


def test_misleading_probabilities_cost_what_the_threshold_saves():
    got = threshold_by_cost(*simulated(4000, slope=4.0), 1, 6)
    assert got.saving.low > 0
    assert got.best < got.theory  # 4 logit 0.14 is what to ask for
    assert got.best_cost.value < got.theory_cost.value
    assert got.best_cost.value < got.trivial_cost < got.theory_cost.value  # worse than not looking


def test_best_is_the_cheapest_of_all_thresholds():
    y, p = simulated(60, 3)
    got = threshold_by_cost(y, p, 2, 3)
    cost = [(2 * (p >= t) * (1 - y) + 3 * (p < t) * y).sum() for t in (*p, np.inf, got.best)]
    assert cost[-1] == pytest.approx(min(cost))


def test_degenerate():
    assert threshold_by_cost([0, 0, 0], [0.2, 0.3, 0.4]).best == pytest.approx(0.5)
    assert threshold_by_cost([0, 0], [0.9, 0.9]).best == np.inf
    assert threshold_by_cost([1], [0.9]).theory_cost.value == 0
    assert np.isnan(decision_curve([1], [0.9], [0.5]).low).all()
    with pytest.raises(SpecError, match="strictly between"):
        decision_curve([1, 0], [0.9, 0.1], [0.0])
    with pytest.raises(SpecError, match="not both 0"):
        threshold_by_cost([1], [0.9], 0, 0)
