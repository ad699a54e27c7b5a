import numpy as np
import pytest

from simulated import findings_in, linear_data, source_case
from whyfit.diagnosis.probability_rules.no_signal import FEWEST


def test_clear_signal_is_silent():
    rng = np.random.default_rng(0)
    assert findings_in("PR301", linear_data(rng, 300, 4, 0.5)) == ()
    assert findings_in("PR301", linear_data(rng, 300, 4, 0.5, binary=True)) == ()


@pytest.mark.parametrize("binary", [False, True])
def test_noise_scores_as_its_shuffled_targets_do(binary):
    rng = np.random.default_rng(1)
    (found,) = findings_in("PR301", linear_data(rng, 300, 5, 0.0, binary=binary))
    assert (found.severity, found.subject) == ("warning", ("y",))
    assert found.message.startswith("no better than predicting the ")
    assert "300 rows could still hide" in found.message
    assert found.remedy is None
    assert found.explains == ("PR302", "PR310")
    shuffled = next(e for e in found.evidence if "shuffled" in e.name)
    assert shuffled.low <= shuffled.value <= shuffled.high


def test_classes_without_signal():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 240)
    (found,) = findings_in("PR301", (rng.standard_normal((240, 3)), y), task="multiclass")
    assert "base rate" in found.message


def test_too_few_rows_say_nothing():
    rng = np.random.default_rng(3)
    n = FEWEST - 1
    assert findings_in("PR301", (rng.standard_normal((n, 2)), rng.standard_normal(n))) == ()


def test_signal_drowned_by_too_many_coefficients_is_not_called_absent():
    rng = np.random.default_rng(4)
    n, p = 60, 56
    z = rng.standard_normal((n, 2))
    X = z @ rng.standard_normal((2, p)) + 0.3 * rng.standard_normal((n, p))
    y = z[:, 0] + 0.3 * rng.standard_normal(n)
    assert np.nanmean(source_case((X, y)).scores["r2"]) < 0.5
    assert findings_in("PR301", (X, y)) == ()


def test_more_columns_than_rows():
    rng = np.random.default_rng(5)
    (found,) = findings_in("PR301", (rng.standard_normal((40, 60)), rng.standard_normal(40)))
    assert "could still hide" not in found.message  # no F without degrees of freedom


def test_forest_fires(shared_data):
    path = shared_data / "forest_fires" / "forest_fires.csv"
    (found,) = findings_in("PR301", path, target="area")
    assert found.subject == ("area",)
