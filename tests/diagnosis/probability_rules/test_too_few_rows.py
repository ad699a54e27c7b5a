import numpy as np
import pytest

from simulated import findings_in, linear_data, source_case
from whyfit.diagnosis.probability_rules.too_few_rows import (
    MANY,
    RELEVANT,
    _rows_for_small,
    check,
)
from whyfit.probability.power import power_f


def test_many_rows_are_not_looked_at():
    case = source_case(linear_data(np.random.default_rng(0), MANY * 7, 5, 0.3))
    assert list(check(case)) == []


def test_three_rows_to_a_coefficient():
    (found,) = findings_in("PR311", linear_data(np.random.default_rng(1), 200, 64, 0.5))
    assert "twice the 200 rows would lower the held-out squared error by" in found.message
    assert found.subject == ()
    fall = found.evidence[0]
    assert fall.limit == RELEVANT
    assert fall.low is not None
    assert fall.low < fall.value
    # theory: (1 + 64/(n − 66)) at 200 and 400 rows
    now, then = 1 + 64 / 134, 1 + 64 / 334
    assert fall.value == pytest.approx(1 - then / now, abs=0.08)
    names = [e.name for e in found.evidence]
    assert "rows for intervals half as wide" in names
    enough = next(e.value for e in found.evidence if "of the floor" in e.name)
    assert enough == pytest.approx(66 + 64 / 0.05, rel=0.5)
    assert found.prediction.startswith("predicted squared error")
    assert "observed" in found.prediction


def test_rows_for_a_small_effect():
    n = _rows_for_small(10)
    assert power_f(0.02 * n, 1, n - 11) >= 0.8 > power_f(0.02 * (n - 1), 1, n - 12)


@pytest.mark.parametrize("n", [3, 12, 40])
def test_degenerate_tables(n):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n, 30))
    X[:, 3] = 1.0
    findings_in("PR311", (X, rng.normal(size=n)))
    findings_in("PR311", (X, np.arange(n) % 2))
    findings_in("PR311", (X, X[:, 0]))
