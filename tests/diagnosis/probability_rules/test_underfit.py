import numpy as np
import pytest

from simulated import file_case, findings, findings_in, linear_data, source_case
from whyfit.diagnosis.probability_rules.underfit import check, floor_of


def _product(seed, n=1000):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 3))
    return X, 1.5 * np.sign(X.prod(axis=1)) + X[:, 0] + rng.normal(size=n)


def test_three_features_together():
    """g has variance 2.25 beside σ² = 1: 69 % of the error is not noise, and no more than that is said."""
    (found,) = findings_in("PR303", _product(0))
    assert found.severity == "warning"
    assert "of the held-out squared error is not noise" in found.message
    share = found.evidence[0]
    assert 0.3 < share.value < 0.69 + 0.1
    floor = next(e for e in found.evidence if e.name == "noise floor, at most")
    assert floor.value > 0.9
    assert "observed" in found.prediction


def test_bends_are_left_to_the_rule_that_names_them():
    rng = np.random.default_rng(1)
    X = rng.uniform(-2, 2, (600, 3))
    data = (X, 2 * X[:, 0] ** 2 + X[:, 1] + 0.5 * rng.normal(size=600))
    case = source_case(data)
    assert [f.code for f in findings(case, "PR303", "CA206")] == ["CA206"]
    (suspicion,) = check(case)
    assert suspicion.p_value is not None
    assert suspicion.p_value < 0.01  # seen, and explained


def test_a_linear_truth_is_silent():
    assert findings_in("PR303", linear_data(np.random.default_rng(2), 500, 5, 0.5)) == ()


def test_copied_rows_are_no_knowledge():
    X, y = linear_data(np.random.default_rng(3), 300, 3, 0.3)
    case = source_case((np.repeat(X, 2, axis=0), np.repeat(y, 2)))
    floor = floor_of(case)
    assert floor is not None
    assert floor.share.low < 0.05
    assert findings(case, "PR303") == ()


@pytest.mark.parametrize("n", [3, 60, 150])
def test_degenerate_tables(n):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(n, 4))
    X[:, 2] = 5.0
    findings_in("PR303", (X, rng.normal(size=n)))
    findings_in("PR303", (X, (X[:, 0] > np.median(X[:, 0])).astype(float)))  # separated
    findings_in("PR303", (X, X[:, 0] + X[:, 1]))  # exact
    findings_in("PR303", (np.round(X), np.round(rng.normal(size=n))))  # ties


def test_phonemes(shared_data):
    """Known: nearest neighbours reach AUC 0.95 where the linear model has 0.8."""
    (found,) = findings(file_case(shared_data / "phoneme" / "phoneme.csv", "class"), "PR303")
    assert found.evidence[0].value > 0.4
