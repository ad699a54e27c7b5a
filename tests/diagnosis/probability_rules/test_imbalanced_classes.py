import numpy as np
import pytest

from simulated import findings_in, source_case
from whyfit.diagnosis.probability_rules.imbalanced_classes import class_shares


def _rare(rng, n, share, signal=1.5):
    x = rng.standard_normal((n, 2))
    y = np.zeros(n)
    y[rng.permutation(n)[: round(share * n)]] = 1
    x[:, 0] += signal * y
    return x, y


def test_regression_has_no_classes():
    rng = np.random.default_rng(0)
    assert findings_in("PR309", (rng.standard_normal((50, 2)), rng.standard_normal(50))) == ()


def test_balanced_classes_are_silent():
    assert findings_in("PR309", _rare(np.random.default_rng(0), 400, 0.4)) == ()


@pytest.mark.parametrize(("share", "severity"), [(0.15, "note"), (0.05, "warning")])
def test_rare_positives(share, severity):
    (found,) = findings_in("PR309", _rare(np.random.default_rng(1), 1000, share))
    assert (found.severity, found.subject) == (severity, ("y",))
    assert f"always saying “0” is right in {100 * (1 - share):.1f} %" in found.message
    rate = found.evidence[0]
    assert rate.value == pytest.approx(share)
    assert rate.low < share < rate.high
    constant = found.evidence[1]
    assert constant.predicted == pytest.approx(1 - share)
    assert constant.value == pytest.approx(constant.predicted, abs=0.005)
    effective = found.evidence[-1]
    assert effective.value == pytest.approx(4 * 1000 * share * (1 - share))
    assert found.remedy is not None
    assert found.remedy.edit == {"threshold": share}
    assert found.remedy.trial is not None
    assert found.remedy.trial.helped


def test_accuracy_that_hides_the_signal_is_called_so():
    (found,) = findings_in("PR309", _rare(np.random.default_rng(2), 3000, 0.04, signal=1.0))
    assert "accuracy hides its signal (skill 0." in found.message


def test_a_rare_negative_class_has_its_own_recall():
    X, y = _rare(np.random.default_rng(3), 1000, 0.05)
    (found,) = findings_in("PR309", (X, 1 - y))
    (mirror,) = findings_in("PR309", (X, y))
    recall = next(e for e in found.evidence if e.name == "recall of 0")
    other = next(e for e in mirror.evidence if e.name == "recall of 1")
    assert recall.value == pytest.approx(other.value, abs=1e-6)


def test_shares_are_relative_to_equal_classes():
    rng = np.random.default_rng(4)
    y = rng.permutation(np.repeat(np.arange(5), [80, 80, 80, 80, 12]))
    (found,) = findings_in("PR309", (rng.standard_normal((332, 2)), y), task="multiclass")
    assert found.message.startswith("“4” is 3.6 % of 332 rows")
    assert found.severity == "warning"
    even = rng.permutation(np.repeat(np.arange(10), 30))
    case = source_case((rng.standard_normal((300, 2)), even), task="multiclass")
    assert class_shares(case).relative == 1.0
    assert findings_in("PR309", (rng.standard_normal((300, 2)), even), task="multiclass") == ()


def test_a_threshold_in_place_is_measured_against_one_half():
    (found,) = findings_in("PR309", _rare(np.random.default_rng(1), 1000, 0.05), threshold=0.05)
    assert found.remedy is not None
    assert found.remedy.name.endswith("(in place)")
    assert found.remedy.trial is not None
    assert found.remedy.trial.helped


def test_default(shared_data):
    path = shared_data / "isl_default" / "isl_default.csv"
    (found,) = findings_in("PR309", path, target="default")
    assert found.severity == "warning"
    assert found.message.startswith(
        "“Yes” is 3.3 % of 10,000 rows: always saying “No” is right in 96.7 %"
    )
