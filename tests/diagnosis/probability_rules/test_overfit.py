import numpy as np
import pytest

from simulated import findings_in, linear_data, source_case
from whyfit.diagnosis.probability_rules.overfit import check, predicted_gap, training_loss


def test_few_coefficients_are_not_looked_at():
    case = source_case(linear_data(np.random.default_rng(0), 1000, 5, 0.3))
    assert list(check(case)) == []


def test_a_right_sized_model_is_silent():
    assert findings_in("PR302", linear_data(np.random.default_rng(1), 200, 10, 0.5)) == ()


def test_half_as_many_coefficients_as_rows():
    (found,) = findings_in("PR302", linear_data(np.random.default_rng(2), 120, 60, 0.2))
    assert (found.severity, found.subject) == ("warning", ())
    assert "60 coefficients for 120 rows" in found.message
    assert found.remedy is not None
    assert found.remedy.trial is not None
    assert found.remedy.trial.helped
    assert found.remedy.edit["ridge"] > 1
    gap = next(e for e in found.evidence if e.name == "gap of R²")
    assert gap.predicted == pytest.approx(gap.value, rel=0.4)


def test_the_predicted_gap_is_right_on_average():
    """Theory: mean observed gap over 40 data sets against the mean of its prediction."""
    seen, foretold = [], []
    for seed in range(40):
        case = source_case(linear_data(np.random.default_rng(seed), 200, 20, 0.4))
        seen.append(float(np.nanmean(case.scores["mse"])) - training_loss(case))
        foretold.append(predicted_gap(case, 20))
    error = np.std(seen) / np.sqrt(40)
    assert np.mean(foretold) == pytest.approx(np.mean(seen), abs=4 * error + 0.02 * np.mean(seen))


def test_two_sigma_squared_k_over_n_to_first_order():
    case = source_case(linear_data(np.random.default_rng(3), 5000, 10, 0.4))
    sigma2 = case.linear.sigma2
    assert predicted_gap(case, 10) == pytest.approx(2 * sigma2 * 11 / 5000, rel=0.1)


def test_more_columns_than_rows_and_constant_columns():
    rng = np.random.default_rng(4)
    X, y = linear_data(rng, 50, 60, 0.5)
    X[:, 7] = 1.0
    for found in findings_in("PR302", (X, y)):
        assert "∞" in found.prediction or found.severity == "warning"


def test_a_penalty_in_place_is_not_proposed_again():
    data = linear_data(np.random.default_rng(2), 120, 60, 0.2)
    (found,) = findings_in("PR302", data)
    assert found.remedy is not None
    assert findings_in("PR302", data, ridge=found.remedy.edit["ridge"]) == ()


def test_no_signal_speaks_instead():
    from whyfit.diagnosis.diagnose import diagnose
    from whyfit.diagnosis.registry import chosen

    case = source_case(linear_data(np.random.default_rng(6), 100, 40, 0.0))
    codes = {f.code for f in diagnose(case, chosen(select=("PR301", "PR302")))}
    assert codes == {"PR301"}
